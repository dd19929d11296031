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
from statistics import median
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests/kernel"), str(REPOSITORY / "bench")]

from environments import environments  # noqa: E402 - not a package: found by the line above
from packages import KERNELS, cache_directory  # noqa: E402
from shape import WORKS, Shape  # noqa: E402
from vm import Machine, run  # noqa: E402

PYTHON = "/usr/bin/python3"
CONTENDERS = ("ours", "fb", "floor", "floor-all", "c")
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


def snapshot(library: Path) -> Path:
    """Return a copy of a library: it must not change while it is measured."""
    KEPT.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="library-", dir=KEPT))
    for name in ("rtslib", "specs"):
        shutil.copytree(library / name, place / name)
    return place


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
        "limits": {"fb": 500},
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
    (out / "plan.json").write_text(json.dumps(plan))
    machine = Machine(
        options.kernel, icount=not options.wall, out=out, timeout=4 * 3600.0, memory=4096
    )
    return run(machine, [PYTHON, "bench/in_guest.py", "/out/plan.json", "/out/results"])


def table(results: list[dict[str, Any]]) -> str:
    """Return medians, and each contender against the floor."""
    cells: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = {}
    for it in results:
        if it["how"] == "measure" and "cpu" in it:
            row = cells.setdefault((it["shape"], it["work"]), {})
            row.setdefault(it["contender"], []).append(it)
    names = [name for name in CONTENDERS if any(name in row for row in cells.values())]
    lines = [f"{'':8} {'':18}" + "".join(f"{name:>11} {'wall':>8}" for name in names)]
    lines[0] += "   ours/floor"
    for (shape, work), row in cells.items():
        line = f"{shape:8} {work:18}"
        for name in names:
            found = row.get(name)
            cpu = f"{median(it['cpu'] for it in found):11.4f}" if found else f"{'-':>11}"
            wall = f"({median(it['wall'] for it in found):.2f})" if found else ""
            line += f"{cpu} {wall:>8}"
        if "ours" in row and "floor" in row:
            pairs = [a["cpu"] / b["cpu"] for a, b in zip(row["ours"], row["floor"])]
            line += f"   {median(pairs):6.2f} ({min(pairs):.2f}-{max(pairs):.2f})"
        lines.append(line)
    return "\n".join(lines)


def calls(results: list[dict[str, Any]]) -> str:
    """Return system calls per storage object, LUN and mapped LUN."""
    lines = []
    for it in results:
        if "calls" in it:
            total = sum(it["calls"].values())
            objects = Shape.parse(it["shape"]).objects
            most = sorted(it["calls"].items(), key=lambda pair: -pair[1])[:7]
            told = ", ".join(f"{name} {number}" for name, number in most)
            line = f"{it['shape']:8} {it['work']:18} {it['contender']:>9} {total:8}"
            lines.append(f"{line} {total / objects:8.1f} an object: {told}")
    return "\n".join(sorted(lines))


def main() -> int:
    """Measure and tell."""
    options = parser().parse_args()
    os.chdir(REPOSITORY)
    library = snapshot(options.library)
    try:
        with tempfile.TemporaryDirectory(dir=KEPT) as place:
            out = Path(place)
            status = measure(options, out, library)
            text = (out / "results").read_text() if (out / "results").exists() else ""
    finally:
        shutil.rmtree(library)
    results = [json.loads(line) for line in text.splitlines()]
    kept = KEPT / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    kept.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\n{table(results)}\n\n{calls(results)}\n\n{kept}")
    return status


if __name__ == "__main__":
    sys.exit(main())
