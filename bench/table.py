# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What was found, condensed: a cell for each shape, work and contender, and ratios of cells."""

from __future__ import annotations

from statistics import median
from typing import Any, NamedTuple, Optional

from shape import WORKS, Shape

CONTENDERS = {
    "ours": "rtslib",
    "fb": "rtslib-fb",
    "floor": "Python floor",
    "floor-all": "all written",
    "c": "C floor",
}
"""Whose works are measured, and what the tables call them."""

Records = list[dict[str, Any]]


class Cell(NamedTuple):
    """One work by one contender: CPU and wall seconds of each round, and what else was counted."""

    cpu: list[float]
    wall: list[float]
    peak: int
    calls: dict[str, int]
    #: The limit that it was ended at, in seconds, where it was.
    limit: float


class Ratio(NamedTuple):
    """How much more one costs than another: in the middle, at least and at most."""

    middle: float
    least: float
    most: float
    #: Whether it is more than this, for the one was ended before it was done.
    at_least: bool = False


class Table:
    """All cells of one guest."""

    def __init__(self, records: Records) -> None:
        self.cells: dict[tuple[str, str, str], Cell] = {}
        for it in records:
            key = (it["shape"], it["work"], it["contender"])
            cell = self.cells.setdefault(key, Cell([], [], 0, {}, 0.0))
            if "ended" in it:
                cell = cell._replace(limit=it["limit"])
            elif it["how"] == "measure":
                cell.cpu.append(it["cpu"])
                cell.wall.append(it["wall"])
                cell = cell._replace(peak=max(cell.peak, it.get("peak", 0)))
            elif it["how"] == "count":
                cell = cell._replace(calls=it["calls"])
            self.cells[key] = cell

    @property
    def shapes(self) -> list[str]:
        """The shapes, smallest first, those without ACLs before those with."""
        return sorted(
            {shape for shape, _, _ in self.cells},
            key=lambda text: (Shape.parse(text).acls, Shape.parse(text).luns),
        )

    def works(self, shape: str) -> list[str]:
        """Return the works that were done to a shape, in order."""
        return [work for work in WORKS if any(key[:2] == (shape, work) for key in self.cells)]

    def get(self, shape: str, work: str, contender: str) -> Optional[Cell]:
        """Return a cell."""
        return self.cells.get((shape, work, contender))

    def ratio(
        self, shape: str, work: str, over: str, under: str, clock: str = "cpu"
    ) -> Optional[Ratio]:
        """Return how much more `over` costs than `under`, round by round."""
        first, second = self.get(shape, work, over), self.get(shape, work, under)
        return quotient(first, second, clock)


def quotient(first: Optional[Cell], second: Optional[Cell], clock: str = "cpu") -> Optional[Ratio]:
    """Return how much more one cell is than another; the rounds of each are paired."""
    if first is None or second is None or not (below := getattr(second, clock)):
        return None
    above = getattr(first, clock)
    if not above:
        least = first.limit / median(below)
        return Ratio(least, least, least, at_least=True) if first.limit else None
    # One that took long was repeated less.
    rounds = range(max(len(above), len(below)))
    found = [above[min(n, len(above) - 1)] / below[min(n, len(below) - 1)] for n in rounds]
    return Ratio(median(found), min(found), max(found))


def number(value: float) -> str:
    """Spell a ratio in two or three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"  # noqa: PLR2004


def text(ratio: Optional[Ratio]) -> str:
    """Spell a ratio, with its spread where there is one to see."""
    if ratio is None:
        return ""
    if ratio.at_least:
        return f"> {number(ratio.middle)}"
    low, high = number(ratio.least), number(ratio.most)
    return number(ratio.middle) + (f" ({low}-{high})" if low != high else "")


def seconds(cell: Optional[Cell], clock: str = "cpu") -> str:
    """Spell what a cell took."""
    if cell is None:
        return ""
    found = getattr(cell, clock)
    if not found:
        return f"> {cell.limit:.0f}" if cell.limit else ""
    value = median(found)
    return f"{value:.1f}" if value >= 10 else f"{value:.3f}" if value >= 0.01 else f"{value:.5f}"  # noqa: PLR2004


def rows(table: Table, shape: str, clock: str = "cpu") -> list[list[str]]:
    """Return the rows of a shape: its head, then each work by each contender, and the ratios."""
    names = [name for name in CONTENDERS if any(key[2] == name for key in table.cells)]
    head = ["work", *(CONTENDERS[name] for name in names), "fb / rtslib", "rtslib / floor"]
    found = [head]
    for work in table.works(shape):
        cells = [seconds(table.get(shape, work, name), clock) for name in names]
        ratios = [
            text(table.ratio(shape, work, "fb", "ours", clock)),
            text(table.ratio(shape, work, "ours", "floor", clock)),
        ]
        found.append([WORKS[work].title, *cells, *ratios])
    return found


def plain(table: Table, clock: str = "cpu") -> str:
    """Return all shapes as text for a terminal."""
    parts = []
    for shape in table.shapes:
        found = rows(table, shape, clock)
        found[0][0] = f"{shape} {clock} s"
        widths = [max(len(row[n]) for row in found) for n in range(len(found[0]))]
        for row in found:
            first = row[0].ljust(widths[0])
            rest = (word.rjust(width) for word, width in zip(row[1:], widths[1:]))
            parts.append("  ".join([first, *rest]).rstrip())
        parts.append("")
    return "\n".join(parts)


def calls(table: Table) -> str:
    """Return how many system calls each work makes for an object, and which."""
    parts = []
    for (shape, work, contender), cell in table.cells.items():
        if cell.calls:
            total = sum(cell.calls.values())
            each = total / Shape.parse(shape).objects
            most = sorted(cell.calls.items(), key=lambda pair: -pair[1])[:7]
            told = ", ".join(f"{name} {count}" for name, count in most)
            parts.append(f"{shape:8} {work:18} {contender:>9} {total:8} {each:7.1f} each: {told}")
    return "\n".join(sorted(parts))
