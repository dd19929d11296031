# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The conformance suite on the fake; tests/kernel/suite runs it on real kernels."""

from __future__ import annotations

import errno

import pytest

from rtslib.testing import FakeKernel, Faulty, conformance
from rtslib.testing.conformance import Bench, NonConformance, Scenario
from rtslib.testing.shapes import KERNELS


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("scenario", conformance.SCENARIOS, ids=lambda s: s.__name__)
def test_scenario(kernel: str, scenario: Scenario) -> None:
    fs = FakeKernel(kernel)
    before = fs.listdir(""), fs.listdir("core")
    conformance.run(fs, scenario)
    assert (fs.listdir(""), fs.listdir("core")) == before, "nothing is left over"


def test_scenarios_share_a_tree_with_others() -> None:
    fs = FakeKernel()
    fs.mkdir("iscsi")
    fs.mkdir("loopback")
    for scenario in conformance.SCENARIOS:
        conformance.run(fs, scenario)
    assert fs.kind("iscsi").value == "directory"


def test_every_scenario_says_what_it_shows() -> None:
    assert len(conformance.SCENARIOS) > 40
    assert all(scenario.__doc__ for scenario in conformance.SCENARIOS)


def test_what_differs_is_reported_and_removed() -> None:
    fs = FakeKernel()

    def wrong(bench: Bench) -> None:
        bench.disk()
        bench.reads(f"{bench.disk(path='core/rd_mcp_4711/b')}/enable", "7\n")

    with pytest.raises(NonConformance, match=r"enable: '1\\n' instead of '7\\n'"):
        conformance.run(fs, wrong)
    assert [entry.name for entry in fs.listdir("core")] == ["alua"]


def test_what_is_not_refused_is_reported() -> None:
    bench = Bench(FakeKernel())
    with pytest.raises(NonConformance, match="was not refused"):
        bench.refuses(errno.EINVAL, bench.fs.listdir, "")
    with pytest.raises(NonConformance, match="2 instead of 22"):
        bench.refuses(errno.EINVAL, bench.fs.listdir, "none")
    with pytest.raises(NonConformance, match="missing in"):
        bench.has("", "none")


def test_a_tree_that_is_different_does_not_conform() -> None:
    fs = Faulty(FakeKernel(), errno.EIO, when=lambda _, path: path.endswith("/enable"))
    with pytest.raises(OSError, match="Input/output"):
        conformance.run(fs, conformance.SCENARIOS[-1 - len(conformance.SCENARIOS) // 2])
