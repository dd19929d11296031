# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""doc/performance.md, made of what was measured: nobody copies a figure by hand.

usage: report.py RESULTS DIRECTORY     reads JSON, writes performance.md and performance.json there
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from goals import goal_rows, growth_rows
from shape import BUDGET, LIMIT, WORKS, Shape
from table import CONTENDERS, Table, number, rows

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).with_name("performance.md.in")


def table_of(found: Iterable[list[str]]) -> str:
    """Return rows as a Markdown table, its first row being the head."""
    head, *body = found
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *body]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def headed(table: Table, clock: str) -> str:
    """Return a table for each shape."""
    parts = []
    for shape in table.shapes(clock):
        found = rows(table, clock, shape)
        found[0][0] = title(shape)
        parts.append(table_of(found))
    return "\n\n".join(parts)


def title(shape: str) -> str:
    """Spell a shape in words."""
    luns, acls = Shape.parse(shape)[:2]
    return f"{luns:,} LUNs" + (f" in {acls} ACLs" if acls else "")


def calls_rows(table: Table) -> Iterable[list[str]]:
    """Yield system calls for each object."""
    counted = [cell for cell in table.cells.values() if cell.calls]
    shapes = [it for it in table.shapes("icount") if any(cell.shape == it for cell in counted)]
    names = [name for name in CONTENDERS if any(cell.contender == name for cell in counted)]
    yield ["", "LUNs", *(CONTENDERS[name] for name in names)]
    for work in WORKS:
        for shape in shapes:
            cells = [table.get("icount", shape, work, name) for name in names]
            if any(cell and cell.calls for cell in cells):
                objects = Shape.parse(shape).objects
                found = [sum(it.calls.values()) / objects if it and it.calls else 0 for it in cells]
                yield [WORKS[work].title, shape, *(number(it) if it else "" for it in found)]


def memory_rows(table: Table) -> Iterable[list[str]]:
    """Yield the peaks of the shapes that have many objects."""
    shapes = [it for it in table.shapes("icount") if Shape.parse(it).luns >= 500]  # noqa: PLR2004
    names = [name for name in CONTENDERS if name != "floor-all"]
    yield ["", "LUNs", *(CONTENDERS[name] for name in names)]
    for work in ("create-storage", "dump", "save", "plan", "restore-empty", "clear"):
        for shape in shapes:
            cells = [table.get("icount", shape, work, name) for name in names]
            if any(cell and cell.peak for cell in cells):
                found = [f"{it.peak / 1024:.0f}" if it and it.peak else "" for it in cells]
                yield [WORKS[work].title, shape, *found]


def native_rows(table: Table) -> Iterable[list[str]]:
    """Yield what it takes to start."""
    cells = {name: table.get("native", "1", "import", name) for name in ("floor", "ours", "fb")}
    there = {name: median(cell.cpu) * 1000 for name, cell in cells.items() if cell and cell.cpu}
    yield ["", *("pass" if name == "floor" else CONTENDERS[name] for name in there)]
    yield ["milliseconds", *(f"{value:.0f}" for value in there.values())]
    more = (value - there["floor"] if name != "floor" else 0 for name, value in there.items())
    yield ["more than Python", *(f"{value:.0f}" if value else "" for value in more)]


def about(table: Table) -> str:
    """Tell what was measured when."""
    mine = {(cell.of, cell.on) for cell in table.cells.values() if cell.contender == "ours"}
    kernels = sorted({cell.kernel for cell in table.cells.values() if cell.kernel})
    of = ", ".join(f"{commit} on {day}" for commit, day in sorted(mine))
    return f"Measured on Linux {', '.join(kernels)} (Debian's) in QEMU, this library at {of}."


def document(table: Table) -> str:
    """Return the page."""
    growth = [table_of(growth_rows(table, *pair)) for pair in (("500", "2000"), ("2000", "10000"))]
    return PAGE.read_text().format(
        about=about(table),
        budget=BUDGET,
        limit=LIMIT,
        goals=table_of(goal_rows(table)),
        growth="\n\n".join(growth),
        cpu=headed(table, "icount"),
        wall=headed(table, "wall"),
        calls=table_of(calls_rows(table)),
        memory=table_of(memory_rows(table)),
        native=table_of(native_rows(table)),
    )


def main(results: str, directory: str) -> None:
    """Write the page, and what it is made of."""
    table = Table.load(Path(results))
    table.save(Path(directory, "performance.json"))
    Path(directory, "performance.md").write_text(document(table))


if __name__ == "__main__":
    main(*sys.argv[1:])
