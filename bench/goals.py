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
    #: The works of theirs, where they are not the same: a change is a restore to rtslib-fb.
    theirs: tuple[str, ...] = ()
    clock: str = "icount"


INTO_EMPTY = "restore 100 LUNs in 10 ACLs into an empty kernel"
CREATE = ("create-storage", "create-luns")
RESTORE = ("restore-empty",)
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
    Goal(INTO_EMPTY, "100x10", RESTORE, "fb", 60),
    Goal(INTO_EMPTY, "100x10", RESTORE, "floor-all", 1.0),
    Goal("restore 500 LUNs into an empty kernel", "500", RESTORE, "fb", 100),
    Goal("restore 500 LUNs into an empty kernel", "500", RESTORE, "floor-all", 1.0),
    Goal("the same, wall", "500", RESTORE, "floor-all", 0.3, clock="wall"),
    Goal("restore 500 unchanged LUNs", "500", ("restore-unchanged",), "ours", 1.2, ("capture",)),
    Goal("change one of 2,000, by a plan", "2000", ("change",), "fb", 100, ("restore-clear",)),
    Goal("delete one LUN among 500 with 10 ACLs", "500x10", ("delete-lun",), "fb", 50),
    Goal("clear 500 LUNs", "500", ("clear",), "fb", 10),
    Goal("clear 500 LUNs", "500", ("clear",), "floor", 1.5),
    Goal("clear 500 LUNs, wall", "500", ("clear",), "floor", 0.5, clock="wall"),
)

MORE_MS = 10.0
"""How much more than a capture a change may cost: in 10^6 instructions, as all is counted."""

IMPORT_MS = 60.0


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
        verdict = None if ratio is None else met(goal, ratio)
        wanted = f"{sign} {goal.ratio:g}"
        yield row(goal.title, AGAINST[goal.against], wanted, spelled(ratio), verdict)
    yield from other_rows(table)


def row(title: str, what: str, wanted: str, measured: str, verdict: bool | None) -> list[str]:
    """Return a row, with what is to be said of it."""
    said = {None: "not measured", True: "reached", False: "**not reached**"}[verdict]
    return [title, what, wanted, measured, said]


def other_rows(table: Table) -> Iterator[list[str]]:
    """Yield the goals that are no ratios of two contenders."""
    change, capture = (middle(table, "2000", it) for it in ("change", "capture"))
    if change is not None and capture is not None:
        more = (change - capture) * 1000
        title = "change one of 2,000, by a plan"
        yield row(title, "ms more than a capture", f"<= {MORE_MS:g}", number(more), more <= MORE_MS)
    for small, large, most in (("500", "2000", 4.4), ("2000", "10000", 5.5)):
        found = {work: growth(table, "ours", work, small, large) for work in WORKS}
        grown = {work: ratio for work, ratio in found.items() if ratio is not None}
        if grown:
            worst = max(grown, key=grown.__getitem__)
            title = f"growth, {small} to {large} LUNs, worst: {WORKS[worst].title}"
            told = number(grown[worst])
            yield row(title, "rtslib over itself", f"<= {most}", told, grown[worst] <= most)
    cells = [table.get("native", "1", "import", name) for name in ("ours", "fb", "floor")]
    walls = [median(cell.cpu) * 1000 for cell in cells if cell and cell.cpu]
    if len(walls) == len(cells):
        mine, theirs, bare = walls
        title = f"`import rtslib` here ({theirs - bare:.0f} for rtslib-fb)"
        more = mine - bare
        verdict = more <= min(IMPORT_MS, theirs - bare)
        yield row(title, "ms more than Python alone", f"<= {IMPORT_MS:g}", f"{more:.0f}", verdict)


def middle(table: Table, shape: str, work: str, contender: str = "ours") -> float | None:
    """Return what a work costs in the middle of its rounds."""
    cell = table.get("icount", shape, work, contender)
    return median(cell.cpu) if cell and cell.cpu else None


def growth(table: Table, contender: str, work: str, small: str, large: str) -> float | None:
    """Return how much more a work costs at a larger size."""
    first, second = (middle(table, shape, work, contender) for shape in (large, small))
    return first / second if first and second else None


def growth_rows(table: Table, small: str, large: str) -> Iterator[list[str]]:
    """Yield how much more each work costs at a larger size: ours, and each other's."""
    names = {"ours": "rtslib", "fb": "rtslib-fb", "floor": "Python floor"}
    yield [f"{large} LUNs over {small}", *names.values()]
    for work, what in WORKS.items():
        found = [growth(table, name, work, small, large) for name in names]
        if found[0] is not None:
            yield [what.title, *(number(it) if it is not None else "" for it in found)]
