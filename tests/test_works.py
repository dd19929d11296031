# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What each work of the bench costs at the door, counted: so many calls for each LUN more.

The lines are those that `make bench` measures on a real kernel; here they run on the fake one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import classic
import ours
import pytest
from shape import Shape

import rtslib
from rtslib.testing import FakeKernel, Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Costs = dict[str, Counter[str]]

CHANGES = {"mkdir", "rmdir", "symlink", "unlink", "write"}

#: The calls for one LUN more, with its storage object and, where there are ACLs, two mapped LUNs.
FOR_EACH = {
    "create-storage": {},
}


def target(shape: Shape) -> None:
    """Make the target, as the bench does between two works."""
    tpg = rtslib.TPG(rtslib.Target(rtslib.FabricModule("iscsi"), shape.target), 1)
    rtslib.NetworkPortal(tpg, "127.0.0.1", 3260)
    tpg.enable = True


def measured(shape: Shape, directory: Path) -> Costs:
    """Do all works one after another, and count the calls of each."""
    saved = str(directory / f"{shape}.json")
    journal = Journal(FakeKernel("6.1"))
    found: Costs = {}
    with rtslib.use(journal):
        works = ours.works(shape, saved, str(directory / "scratch.json"))

        def count(work: str) -> None:
            do = works[work]()
            journal.clear()
            do()
            found[work] = journal.count()

        count("create-storage")
        target(shape)
        count("create-luns")
        count("map")
        ours.prepare(saved)
        for work in ("capture", "dump", "save", "list", "plan", "restore-unchanged", "change"):
            count(work)
        ours.classic.restore(saved)()
        count("delete-lun")
        count("clear")
        count("restore-empty")
        works["clear"]()()
        for make in ("create-storage", "create-luns", "map"):
            if make == "create-luns":
                target(shape.other)
            classic.works(shape.other, saved, saved)[make]()()
        count("restore-clear")
    return found


@pytest.fixture(scope="module", params=[0, 2], ids=["no ACLs", "2 ACLs"])
def costs(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Costs, Costs]]:
    directory = tmp_path_factory.mktemp("works")
    yield tuple(measured(Shape(luns, request.param), directory) for luns in (8, 16))


def test_show(costs: tuple[Costs, Costs]) -> None:
    few, many = costs
    for work in few:
        names = sorted(set(few[work]) | set(many[work]))
        print(
            work,
            {name: (many[work][name] - few[work][name]) / 8 for name in names},
            dict(few[work]),
        )
    assert 0
