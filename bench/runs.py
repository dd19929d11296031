# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The guests that measure, and what each of them is asked for."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from environments import environments
from packages import VmError, cache_directory, note, output_of
from shape import BUDGET, LIMIT, WORKS
from table import CONTENDERS
from vm import EXIT_VM_FAILED, Machine, run

REPOSITORY = Path(__file__).resolve().parents[1]
KEPT = REPOSITORY / "build/bench"
PYTHON = "/usr/bin/python3"
"""Debian's interpreter: that of the environments, and so that of the floor."""

MODULES = (
    *("target_core_mod", "target_core_file", "target_core_iblock", "target_core_pscsi"),
    *("target_core_user", "iscsi_target_mod"),
)
"""Less than all, so that the guest is soon ready."""


class Run(NamedTuple):
    """One guest."""

    shapes: tuple[str, ...]
    contenders: tuple[str, ...] = tuple(CONTENDERS)
    works: tuple[str, ...] = tuple(WORKS)
    repeats: int = 5
    hows: tuple[str, ...] = ("measure",)
    wall: bool = False
    budget: float = BUDGET

    def only(self, contenders: tuple[str, ...], repeats: int) -> Run:
        """Return the same for some contenders only, and repeated so often at most."""
        those = tuple(name for name in self.contenders if name in contenders)
        return self._replace(contenders=those, repeats=min(self.repeats, repeats))

    def measure(self, kernel: str, library: Path) -> tuple[list[dict[str, Any]], int]:
        """Boot the guest, and return its records and its exit status."""
        KEPT.mkdir(parents=True, exist_ok=True)
        clock = "wall" if self.wall else "icount"
        about = {"clock": clock, "kernel": kernel, "of": version(library)}
        about["on"] = time.strftime("%Y-%m-%d")
        with tempfile.TemporaryDirectory(dir=KEPT) as place:
            snapshot(library, Path(place))
            out = Path(place, "out")
            out.mkdir()
            (out / "plan.json").write_text(json.dumps(self.plan(place)))
            os.environ["BENCH_PLAYER"] = str(player())
            machine = Machine(
                kernel,
                icount=not self.wall,
                out=out,
                timeout=6 * 3600.0,
                memory=4096,
                modules=MODULES,
            )
            words = [PYTHON, f"{place}/bench/in_guest.py", "/out/plan.json", "/out/results"]
            try:
                status = run(machine, words)
            except VmError as error:
                # What was measured until then is as good as ever.
                note(str(error))
                status = EXIT_VM_FAILED
            results = out / "results"
            lines = results.read_text().splitlines() if results.exists() else []
        return [{**json.loads(line), **about} for line in lines], status

    def plan(self, library: str) -> dict[str, Any]:
        """Return what the guest is told."""
        programs = environments(cache_directory())
        os.environ["RTSLIB_ENVIRONMENTS"] = str(programs)
        ours = (str(programs / "rtslib/bin/python"), library)
        fb = (str(programs / "rtslib-fb/bin/python"), "")
        bare = dict.fromkeys(("floor", "floor-all", "c"), (PYTHON, ""))
        return {
            "shapes": self.shapes,
            "works": self.works,
            "contenders": self.contenders,
            "hows": self.hows,
            "repeats": self.repeats,
            "limit": LIMIT,
            "budget": self.budget,
            "python": {"ours": ours, "prepare": ours, "fb": fb, **bare},
        }


ALL = tuple(CONTENDERS)
LARGEST = (
    *("create-storage", "create-luns", "dump", "list", "plan", "delete-lun", "clear"),
    "restore-empty",
)
OTHERS = ("ours", "floor", "floor-all", "c")
FULL = [
    Run(("100", "100x10"), ALL, repeats=5, hows=("measure", "count")),
    Run(("500", "2000"), ALL, repeats=5),
    Run(("500x10",), OTHERS, repeats=5),
    # All else of this size takes rtslib-fb longer than it is given.
    Run(("500x10",), ("ours", "fb"), ("delete-lun",), repeats=5),
    Run(("10000",), ("ours", "floor"), LARGEST, repeats=1),
    Run(("500",), ("ours", "floor", "floor-all"), repeats=5, wall=True),
]
QUICK = [
    Run(("50", "20x5"), ALL, repeats=1, hows=("measure", "count"), budget=1.0),
    Run(("50",), ("ours", "floor", "floor-all"), repeats=1, wall=True),
]


def snapshot(library: Path, place: Path) -> None:
    """Copy a library, and what measures it: they must not change meanwhile."""
    for name in ("rtslib", "specs"):
        shutil.copytree(library / name, place / name)
    shutil.copytree(REPOSITORY / "bench", place / "bench")


def version(library: Path) -> str:
    """Return the commit that is measured."""
    git = ["git", "-C", str(library), "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(git, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    return done.stdout.strip() or "unknown"


def player() -> Path:
    """Return the program that is the floor in C, compiled unless it was since it changed."""
    source, program = REPOSITORY / "bench/player.c", KEPT / "player"
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        if shutil.which("gcc") is None and os.geteuid() == 0:
            output_of(["apt-get", "install", "-y", "--no-install-recommends", "gcc", "libc6-dev"])
        output_of(["gcc", "-O2", "-Wall", "-Wextra", "-static", "-o", str(program), str(source)])
    return program
