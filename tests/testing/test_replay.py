# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What real kernels did, row by row, is what the fake does."""

from __future__ import annotations

import collections
import functools

import pytest

from testing import replay

CASES = [(kernel, name) for kernel in replay.KERNELS for name in replay.RECORDINGS]


@functools.cache
def rows(kernel: str, name: str) -> list[replay.Row]:
    return replay.REPLAYS[name](kernel)


def test_there_are_recordings() -> None:
    assert {"6.1", "6.12"} <= set(replay.KERNELS)


@pytest.mark.parametrize(("kernel", "name"), CASES)
def test_every_row_that_is_not_listed_matches(kernel: str, name: str) -> None:
    listed = replay.not_imitated()["rows"][kernel]
    wrong = [row for row in rows(kernel, name) if not row.matches and row.key not in listed]
    assert not wrong, "\n".join(f"{r.key}\n  {r.recorded}\n  {r.found}" for r in wrong)


@pytest.mark.parametrize(("kernel", "name"), CASES)
def test_every_recorded_row_is_replayed(kernel: str, name: str) -> None:
    recorded = replay.recorded(kernel, name)
    if name == "tree":
        keys = {row.key for row in rows(kernel, name)}
        assert not [key for key in keys if key.endswith("not reached")]
        wanted = sum(len({row["path"] for row in stage}) for stage in recorded.values())
        assert len(rows(kernel, name)) >= wanted
    else:
        assert len(rows(kernel, name)) == len(recorded)


@pytest.mark.parametrize("kernel", replay.KERNELS)
def test_a_listed_row_is_there_and_does_not_match(kernel: str) -> None:
    found = {row.key: row for name in replay.RECORDINGS for row in rows(kernel, name)}
    listed = replay.not_imitated()["rows"][kernel]
    assert not [key for key in listed if key not in found or found[key].matches]
    assert all(listed.values()), "each has a reason"


@pytest.mark.parametrize("kernel", replay.KERNELS)
def test_rows_outside_the_protocol_are_counted(kernel: str) -> None:
    counts = collections.Counter(
        row.outside for name in replay.RECORDINGS for row in rows(kernel, name) if row.outside
    )
    listed = replay.not_imitated()["outside the protocol"]
    assert dict(counts) == {kind: facts["rows"] for kind, facts in listed.items()}
