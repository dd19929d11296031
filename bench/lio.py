# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What this library costs on a real kernel in QEMU, beside a bare loop of the same system calls."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests/kernel"), str(REPOSITORY / "bench")]

from environments import environments  # noqa: E402 - not a package: found by the line above
from packages import KERNELS, cache_directory, output_of  # noqa: E402
from shape import WORKS  # noqa: E402
from table import CONTENDERS, Table, calls, plain  # noqa: E402
from vm import Machine, run  # noqa: E402

PYTHON = "/usr/bin/python3"
KEPT = REPOSITORY / "build/bench"


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    result = argparse.ArgumentParser("lio.py", description=__doc__)
    add = result.add_argument
    add("--library", type=Path, default=REPOSITORY, metavar="DIR", help="the checkout to measure")
    add("--kernel", default="6.1", choices=KERNELS)
    add("--sizes", default="100,500", help="LUNS or LUNSxACLS, separated by commas")
    add("--works", default=",".join(WORKS), help="which of: %(default)s")
    add("--contenders", default="ours,floor,floor-all", help=f"which of: {','.join(CONTENDERS)}")
    add("--repeats", type=int, default=5, help="how often (default %(default)s)")
    add("--hows", default="measure", help="measure, count, profile; more by commas")
    add("--wall", action="store_true", help="a guest with two processors, on its own clock")
    add("--limit", type=float, default=100.0, metavar="S", help="guest seconds for one work")
    return result


def snapshot(library: Path, place: Path) -> None:
    """Copy a library, and what measures it: they must not change meanwhile."""
    for name in ("rtslib", "specs"):
        shutil.copytree(library / name, place / name)
    shutil.copytree(REPOSITORY / "bench", place / "bench")


def player() -> Path:
    """Return the program that is the floor in C, compiled unless it was since it changed."""
    source, program = REPOSITORY / "bench/player.c", KEPT / "player"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        output_of(["gcc", "-O2", "-Wall", "-Wextra", "-static", "-o", str(program), str(source)])
    return program


def measure(options: argparse.Namespace, out: Path, library: Path) -> int:
    """Run the guest."""
    programs = environments(cache_directory())
    plan = {
        "shapes": options.sizes.split(","),
        "works": [work for work in WORKS if work in options.works.split(",")],
        "contenders": options.contenders.split(","),
        "hows": options.hows.split(","),
        "repeats": options.repeats,
        "limit": options.limit,
        "budget": options.limit,
        "most": {"fb": 2000, "floor-all": 2000, "c": 2000},
        "python": {
            "fb": (str(programs / "rtslib-fb/bin/python"), ""),
            "floor": (PYTHON, ""),
            "floor-all": (PYTHON, ""),
            "c": (PYTHON, ""),
            **dict.fromkeys(
                ("ours", "prepare"), (str(programs / "rtslib/bin/python"), str(library))
            ),
        },
    }
    os.environ["RTSLIB_ENVIRONMENTS"] = str(programs)
    os.environ["BENCH_PLAYER"] = str(player())
    (out / "plan.json").write_text(json.dumps(plan))
    machine = Machine(
        options.kernel, icount=not options.wall, out=out, timeout=4 * 3600.0, memory=4096
    )
    return run(machine, [PYTHON, f"{library}/bench/in_guest.py", "/out/plan.json", "/out/results"])


def main() -> int:
    """Measure and tell."""
    options = parser().parse_args()
    os.chdir(REPOSITORY)
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as place:
        snapshot(options.library, Path(place))
        out = Path(place, "out")
        out.mkdir()
        status = measure(options, out, Path(place))
        text = (out / "results").read_text() if (out / "results").exists() else ""
    results = [json.loads(line) for line in text.splitlines()]
    kept = KEPT / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    kept.write_text(json.dumps(results, indent=1) + "\n")
    found = Table(results)
    print(f"\n{plain(found)}\n{calls(found)}\n{kept}")
    return status


if __name__ == "__main__":
    sys.exit(main())
