# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What was found: a cell for each clock, shape, work and contender, kept as JSON; and ratios."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from shape import WORKS, Shape

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CONTENDERS = {
    "ours": "rtslib",
    "fb": "rtslib-fb",
    "floor": "Python floor",
    "floor-all": "all written",
    "c": "C floor",
}
"""Whose works are measured, and what the tables call them."""

CLOCKS = {"icount": "cpu", "wall": "wall", "native": "cpu"}
"""Which figure is the one to trust of each kind of guest, and of this machine itself."""


@dataclass
class Cell:
    """One work by one contender: CPU and wall seconds of each round, and what else was counted."""

    clock: str
    shape: str
    work: str
    contender: str
    kernel: str = ""
    of: str = ""
    on: str = ""
    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    peak: int = 0
    calls: dict[str, int] = field(default_factory=dict)
    #: The CPU seconds at which it was ended, where it was; -1 where it failed.
    limit: float = 0.0

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what it is a cell of."""
        return self.clock, self.shape, self.work, self.contender

    def add(self, record: dict[str, Any]) -> None:
        """Add what a round has found."""
        if "ended" in record:
            self.limit = record["limit"]
        elif "calls" in record:
            self.calls = record["calls"]
        elif "cpu" in record:
            self.cpu.append(float(f"{record['cpu']:.5g}"))
            self.wall.append(float(f"{record['wall']:.5g}"))
            self.peak = max(self.peak, record.get("peak", 0))

    def seconds(self) -> list[float]:
        """Return the CPU or wall seconds, whichever its clock is good for."""
        found: list[float] = getattr(self, CLOCKS[self.clock])
        return found


class Ratio(NamedTuple):
    """How much more one costs than another: in the middle, at least and at most."""

    middle: float
    least: float
    most: float
    #: Whether it is more than this, for the one was ended before it was done.
    at_least: bool = False


class Table:
    """All cells."""

    def __init__(self, cells: Iterable[Cell] = ()) -> None:
        self.cells = {cell.key: cell for cell in cells}

    @classmethod
    def load(cls, path: Path) -> Table:
        """Return what was kept; nothing where nothing was."""
        return cls(Cell(**it) for it in json.loads(path.read_text())) if path.exists() else cls()

    def save(self, path: Path) -> None:
        """Keep it, a line for each cell."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        lines = (json.dumps(asdict(cell)) for cell in self.cells.values())
        part.write_text("[\n" + ",\n".join(lines) + "\n]\n")
        part.replace(path)

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        """Take what was found now in the place of what was found before."""
        fresh: dict[tuple[str, str, str, str], Cell] = {}
        names = ("clock", "shape", "work", "contender", "kernel", "of", "on")
        for record in records:
            cell = Cell(**{name: record[name] for name in names if name in record})
            fresh.setdefault(cell.key, cell).add(record)
        for key, cell in fresh.items():
            before = self.cells.get(key)
            if before is not None and not (cell.cpu or cell.limit):
                before.calls = cell.calls
            else:
                self.cells[key] = cell
                cell.calls = cell.calls or (before.calls if before else {})

    def shapes(self, clock: str) -> list[str]:
        """Return the shapes, smallest first, those without ACLs before those with."""
        return sorted(
            {cell.shape for cell in self.cells.values() if cell.clock == clock},
            key=lambda text: (Shape.parse(text).acls, Shape.parse(text).luns),
        )

    def get(self, clock: str, shape: str, work: str, contender: str) -> Optional[Cell]:
        """Return a cell."""
        return self.cells.get((clock, shape, work, contender))


def quotient(first: Optional[Cell], second: Optional[Cell]) -> Optional[Ratio]:
    """Return how much more one cell is than another; the rounds of each are paired."""
    if first is None or second is None or not (below := second.seconds()):
        return None
    above = first.seconds()
    if not above:
        least = first.limit / median(below)
        return Ratio(least, least, least, at_least=True) if first.limit > 0 else None
    # One that took long was repeated less.
    most = range(max(len(above), len(below)))
    found = [above[min(n, len(above) - 1)] / below[min(n, len(below) - 1)] for n in most]
    return Ratio(median(found), min(found), max(found))


def number(value: float) -> str:
    """Spell a figure in three digits, without an exponent."""
    if value <= 0:
        return f"{value:.0f}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(value)))}f}"


def spelled(ratio: Optional[Ratio]) -> str:
    """Spell a ratio, with its spread where there is one to see."""
    if ratio is None:
        return ""
    low, high = number(ratio.least), number(ratio.most)
    spread = f" ({low}-{high})" if low != high else ""
    return ("> " if ratio.at_least else "") + number(ratio.middle) + spread


def seconds(cell: Optional[Cell]) -> str:
    """Spell what a cell took."""
    if cell is None:
        return ""
    found = cell.seconds()
    if found:
        return number(median(found))
    return f"> {cell.limit:.0f}" if cell.limit > 0 else "failed" if cell.limit else ""


def rows(table: Table, clock: str, shape: str) -> list[list[str]]:
    """Return the rows of a shape: its head, then each work by each contender, and the ratios."""
    there = {key for key in table.cells if key[:2] == (clock, shape)}
    names = [name for name in CONTENDERS if any(key[3] == name for key in there)]
    columns = (CONTENDERS[name] for name in names)
    head = [shape, *columns, "fb / rtslib", "rtslib / floor", "rounds"]
    found = [head]
    for work in WORKS:
        cells = [table.get(clock, shape, work, name) for name in names]
        if any(cells):
            fb, ours, floor = (table.get(clock, shape, work, it) for it in ("fb", "ours", "floor"))
            spelled_ratios = [spelled(quotient(fb, ours)), spelled(quotient(ours, floor))]
            found.append([WORKS[work].title, *map(seconds, cells), *spelled_ratios, rounds(cells)])
    return found


def rounds(cells: Iterable[Optional[Cell]]) -> str:
    """Tell how often each was measured; once, if all were as often."""
    times = [str(len(cell.cpu)) for cell in cells if cell and cell.cpu]
    return times[0] if len(set(times)) == 1 else " ".join(times)


def plain(found: list[list[str]]) -> str:
    """Return rows as text for a terminal."""
    widths = [max(len(row[n]) for row in found) for n in range(len(found[0]))]
    lines = []
    for row in found:
        rest = (word.rjust(width) for word, width in zip(row[1:], widths[1:]))
        lines.append("  ".join([row[0].ljust(widths[0]), *rest]).rstrip())
    return "\n".join(lines) + "\n"


def calls(table: Table) -> str:
    """Return how many system calls each work makes for an object, and which, for a terminal."""
    parts = []
    for cell in table.cells.values():
        if cell.calls:
            total = sum(cell.calls.values())
            each = total / Shape.parse(cell.shape).objects
            most = sorted(cell.calls.items(), key=lambda pair: -pair[1])[:7]
            told = ", ".join(f"{name} {count}" for name, count in most)
            head = f"{cell.shape:8} {cell.work:18} {cell.contender:>9}"
            parts.append(f"{head} {total:8} {each:7.1f} each: {told}")
    return "\n".join(sorted(parts))
