# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What each work of the bench costs at the door, counted: so many calls for each LUN more.

The lines are those that `make bench` measures on a real kernel; here they run on the fake one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import classic
import ours
import pytest
from shape import WORKS, Shape

import rtslib
from rtslib.testing import FakeKernel, Journal

if TYPE_CHECKING:
    from collections import Counter
    from pathlib import Path

    Costs = dict[str, Counter[str]]

CHANGES = {"mkdir", "rmdir", "symlink", "unlink", "write"}

#: The calls for one LUN more with its storage object, where there is no ACL.
LUN: dict[str, dict[str, float]] = {
    "create-storage": {"mkdir": 2, "read": 2, "write": 3},
    "create-luns": {"mkdir": 1, "symlink": 1},
    "map": {},
    "capture": {"listdir": 3, "read": 61, "readlink": 1},
    "dump": {"listdir": 3, "read": 61, "readlink": 1},
    "save": {"listdir": 3, "read": 61, "readlink": 1},
    "list": {"listdir": 2, "readlink": 1},
    "plan": {"listdir": 3, "read": 61, "readlink": 1},
    "restore-unchanged": {"listdir": 3, "read": 61, "readlink": 1},
    "change": {"listdir": 3, "read": 61, "readlink": 1},
    "delete-lun": {},
    "clear": {"listdir": 2, "readlink": 1, "rmdir": 3, "unlink": 1},
    "restore-empty": {"mkdir": 3, "symlink": 1, "write": 3},
    "restore-clear": {
        "listdir": 3,
        "mkdir": 3,
        "read": 61,
        "readlink": 1,
        "rmdir": 3,
        "symlink": 1,
        "unlink": 1,
        "write": 3,
    },
}

#: The calls for one mapped LUN more.
MAPPED: dict[str, dict[str, float]] = {
    "create-storage": {},
    "create-luns": {},
    "map": {"mkdir": 1, "symlink": 1},
    "capture": {"listdir": 1, "read": 1, "readlink": 1},
    "dump": {"listdir": 1, "read": 1, "readlink": 1},
    "save": {"listdir": 1, "read": 1, "readlink": 1},
    "list": {"listdir": 1, "readlink": 1},
    "plan": {"listdir": 1, "read": 1, "readlink": 1},
    "restore-unchanged": {"listdir": 1, "read": 1, "readlink": 1},
    "change": {"listdir": 1, "read": 1, "readlink": 1},
    "delete-lun": {},
    "clear": {"listdir": 1, "readlink": 1, "rmdir": 1, "unlink": 1},
    "restore-empty": {"mkdir": 1, "symlink": 1},
    "restore-clear": {
        "listdir": 1,
        "mkdir": 1,
        "read": 1,
        "readlink": 1,
        "rmdir": 1,
        "symlink": 1,
        "unlink": 1,
    },
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
        classic.restore(saved)()
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


FEW, MANY = 8, 16


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[Shape, Costs]:
    directory = tmp_path_factory.mktemp("works")
    shapes = [Shape(luns, acls) for luns in (FEW, MANY) for acls in (0, 2)]
    return {shape: measured(shape, directory) for shape in shapes}


def for_a_lun(costs: dict[Shape, Costs], work: str, acls: int) -> dict[str, float]:
    """Return how many calls more a work makes for one LUN more."""
    few, many = (costs[Shape(luns, acls)][work] for luns in (FEW, MANY))
    more = {name: (many[name] - few[name]) / (MANY - FEW) for name in many}
    return {name: number for name, number in sorted(more.items()) if number}


@pytest.mark.parametrize("work", LUN)
def test_a_lun_more_costs_so_many_calls(costs: dict[Shape, Costs], work: str) -> None:
    assert for_a_lun(costs, work, 0) == LUN[work]


@pytest.mark.parametrize("work", MAPPED)
def test_a_mapped_lun_more_costs_so_many_calls(costs: dict[Shape, Costs], work: str) -> None:
    bare, mapped = (for_a_lun(costs, work, acls) for acls in (0, 2))
    more = {name: (number - bare.get(name, 0)) / 2 for name, number in mapped.items()}
    assert {name: number for name, number in more.items() if number} == MAPPED[work]


def test_every_work_is_counted(costs: dict[Shape, Costs]) -> None:
    assert set(LUN) == set(costs[Shape(FEW, 0)])
    assert set(LUN) == set(WORKS) - {"import", "targetcli-ls"}


def test_what_is_so_is_not_written(costs: dict[Shape, Costs]) -> None:
    for found in costs.values():
        for work in ("capture", "dump", "save", "list", "plan", "restore-unchanged"):
            assert not CHANGES & set(found[work])
        assert sum(found["change"][name] for name in CHANGES) == 1
