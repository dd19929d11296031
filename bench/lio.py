# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What this library costs on a real kernel in QEMU, beside rtslib-fb and bare system calls.

Without options everything is measured, which takes hours; --quick takes minutes, and leaving out
rtslib-fb takes most of the hours off. --sizes makes it one guest. What is chosen is added to what
was found before.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/kernel"))

from native import import_times  # noqa: E402 - what they import is found by the line above
from packages import KERNELS  # noqa: E402
from runs import FULL, KEPT, QUICK, Run  # noqa: E402
from shape import WORKS  # noqa: E402
from table import CONTENDERS, Table, calls, plain, rows  # noqa: E402

RESULTS = KEPT / "results.json"


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    result = argparse.ArgumentParser("lio.py", description=__doc__)
    add = result.add_argument
    add("--library", type=Path, default=REPOSITORY, metavar="DIR", help="the checkout to measure")
    add("--kernel", default="6.1", choices=KERNELS)
    add("--quick", action="store_true", help="little of everything")
    add("--results", type=Path, default=RESULTS, metavar="FILE", help="default: %(default)s")
    add("--native", action="store_true", help="only what it takes to import, on this machine")
    add("--show", action="store_true", help="print what was found before, and measure nothing")
    add("--contenders", metavar="C,C", help=f"which of: {','.join(CONTENDERS)}")
    add("--repeats", type=int, default=5, help="how often at most (default %(default)s)")
    chosen = result.add_argument_group("one guest")
    add = chosen.add_argument
    add("--sizes", metavar="N,NxA", help="LUNS or LUNSxACLS, separated by commas")
    add("--works", default=",".join(WORKS), metavar="W,W", help="which of: %(default)s")
    add("--hows", default="measure", metavar="H,H", help="measure, count, profile")
    add("--wall", action="store_true", help="a guest with two processors, on its own clock")
    return result


def runs_of(options: argparse.Namespace) -> list[Run]:
    """Return the guests to boot."""
    contenders = tuple(options.contenders.split(",")) if options.contenders else tuple(CONTENDERS)
    if not options.sizes:
        runs = [it.only(contenders, options.repeats) for it in (QUICK if options.quick else FULL)]
        return [run for run in runs if run.contenders]
    works = tuple(work for work in WORKS if work in options.works.split(","))
    shapes = tuple(options.sizes.split(","))
    hows = tuple(options.hows.split(","))
    return [Run(shapes, contenders, works, options.repeats, hows, options.wall)]


def show(table: Table) -> None:
    """Print it all."""
    titles = {
        "icount": "CPU seconds of 10^9 instructions",
        "wall": "wall seconds, two processors",
        "native": "CPU seconds on this machine",
    }
    for clock, title in titles.items():
        for shape in table.shapes(clock):
            print(f"\n{title}\n{plain(rows(table, clock, shape))}")
    print(calls(table))


def main() -> int:
    """Measure and tell."""
    options = parser().parse_args()
    os.chdir(REPOSITORY)
    measures = not (options.show or options.native)
    # What is measured as a whole is of one piece.
    whole = measures and not (options.sizes or options.contenders)
    table = Table() if whole else Table.load(options.results)
    status = 0
    for run in runs_of(options) if measures else []:
        records, ended = run.measure(options.kernel, options.library.resolve())
        status = status or ended
        table.add(records)
        table.save(options.results)
    if options.native or (measures and not options.sizes):
        table.add(import_times(options.library.resolve()))
        table.save(options.results)
    show(table)
    return status


if __name__ == "__main__":
    sys.exit(main())
