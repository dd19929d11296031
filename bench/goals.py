# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What is to be reached, as ratios of what was measured, and whether it is."""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple, Optional

from shape import WORKS
from table import Cell, number, quotient, spelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from table import Ratio, Table


class Goal(NamedTuple):
    """How much less one thing should cost than another, or how much more it may."""

    title: str
    shape: str
    works: tuple[str, ...]
    #: Whom it is held against, how, and the ratio to reach: theirs over ours for "fb".
    against: str
    ratio: float
    #: The works of theirs, where they are not the same.
    theirs: tuple[str, ...] = ()
    clock: str = "icount"


INTO_EMPTY = "restore 100 LUNs in 10 ACLs into an empty kernel"
CREATE = ("create-storage", "create-luns")
GOALS = (
    Goal("create 500 storage objects and LUNs", "500", CREATE, "fb", 5),
    Goal("create 500 storage objects and LUNs", "500", CREATE, "floor", 1.5),
    Goal("map 100 LUNs in 10 ACLs", "100x10", ("map",), "fb", 60),
    Goal("map 100 LUNs in 10 ACLs", "100x10", ("map",), "floor", 1.5),
    Goal("dump 500 LUNs", "500", ("dump",), "fb", 7),
    Goal("dump 500 LUNs", "500", ("dump",), "floor", 1.4),
    Goal("save 500 LUNs", "500", ("save",), "fb", 7),
    Goal("save 500 LUNs", "500", ("save",), "floor", 1.4),
    Goal("dump 100 LUNs in 10 ACLs", "100x10", ("dump",), "fb", 25),
    Goal("dump 100 LUNs in 10 ACLs", "100x10", ("dump",), "floor", 1.4),
    Goal("save 100 LUNs in 10 ACLs", "100x10", ("save",), "fb", 25),
    Goal("save 100 LUNs in 10 ACLs", "100x10", ("save",), "floor", 1.4),
    Goal(INTO_EMPTY, "100x10", ("restore-empty",), "fb", 60),
    Goal(
        INTO_EMPTY,
        "100x10",
        ("restore-empty",),
        "floor-all",
        1.0,
    ),
    Goal("restore 500 LUNs into an empty kernel", "500", ("restore-empty",), "fb", 100),
    Goal("restore 500 LUNs into an empty kernel", "500", ("restore-empty",), "floor-all", 1.0),
    Goal(
        "restore 500 LUNs into an empty kernel, wall",
        "500",
        ("restore-empty",),
        "floor-all",
        0.3,
        clock="wall",
    ),
    Goal(
        "restore an unchanged configuration of 500 LUNs",
        "500",
        ("restore-unchanged",),
        "ours",
        1.2,
        ("capture",),
    ),
    Goal(
        "change one of 2,000 by plan and apply, against a restore",
        "2000",
        ("change",),
        "fb",
        100,
        ("restore-clear",),
    ),
    Goal("delete one LUN among 500 with 10 ACLs", "500x10", ("delete-lun",), "fb", 50),
    Goal("clear 500 LUNs", "500", ("clear",), "fb", 10),
    Goal("clear 500 LUNs", "500", ("clear",), "floor", 1.5),
    Goal("clear 500 LUNs, wall", "500", ("clear",), "floor", 0.5, clock="wall"),
)


def total(
    table: Table, clock: str, shape: str, works: tuple[str, ...], contender: str
) -> Optional[Cell]:
    """Return the sum of some works' cells, None unless all were measured."""
    cells = [table.get(clock, shape, work, contender) for work in works]
    there = [cell for cell in cells if cell is not None]
    if len(there) < len(works):
        return None
    found = Cell(clock, shape, "+".join(works), contender)
    found.limit = max(cell.limit for cell in there)
    if not found.limit:
        found.cpu = [sum(them) for them in zip(*(cell.cpu for cell in there))]
        found.wall = [sum(them) for them in zip(*(cell.wall for cell in there))]
    return found


def reached(table: Table, goal: Goal) -> Optional[Ratio]:
    """Return the ratio that was reached, None where it was not measured."""
    mine = total(table, goal.clock, goal.shape, goal.works, "ours")
    theirs = total(table, goal.clock, goal.shape, goal.theirs or goal.works, goal.against)
    return quotient(theirs, mine) if goal.against == "fb" else quotient(mine, theirs)


def met(goal: Goal, ratio: Ratio) -> bool:
    """Tell whether a goal is reached."""
    return ratio.middle >= goal.ratio if goal.against == "fb" else ratio.middle <= goal.ratio


AGAINST = {
    "fb": "rtslib-fb over rtslib",
    "floor": "rtslib over the floor",
    "floor-all": "rtslib over the floor that writes all",
    "ours": "over a capture",
}


def goal_rows(table: Table) -> Iterator[list[str]]:
    """Yield a row for each goal."""
    yield ["work", "ratio", "wanted", "measured", ""]
    for goal in GOALS:
        ratio = reached(table, goal)
        sign = ">=" if goal.against == "fb" else "<="
        wanted = f"{sign} {goal.ratio:g}"
        verdict = "" if ratio is None else "reached" if met(goal, ratio) else "**not reached**"
        yield [goal.title, AGAINST[goal.against], wanted, spelled(ratio), verdict]


def growth_rows(table: Table, small: str, large: str) -> Iterator[list[str]]:
    """Yield how much more each work costs at a larger size: ours, and each other's."""
    names = {"ours": "rtslib", "fb": "rtslib-fb", "floor": "Python floor"}
    yield [f"{large} LUNs over {small}", *names.values()]
    for work, what in WORKS.items():
        found = []
        for name in names:
            first, second = (table.get("icount", it, work, name) for it in (large, small))
            there = first and second and first.cpu and second.cpu
            found.append(number(median(first.cpu) / median(second.cpu)) if there else "")  # type: ignore[union-attr]
        if found[0]:
            yield [what.title, *found]
