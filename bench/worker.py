# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""One contender's works, one after another in one process; a line of JSON tells of each.

usage: worker.py CONTENDER SHAPE [--count | --profile] WORK...

What a work begins with is made by the floor where the work before has not left it, and is not
measured; what it leaves is looked at.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any, Callable

import calls
import floor
import starts
from shape import WORKS, Shape
from state import State

SCRATCH = "/tmp/bench-scratch.json"  # noqa: S108 - in a guest that nobody else uses

CONTENDERS = {
    "ours": ("ours", "works"),
    "fb": ("classic", "works"),
    "floor": ("bare", "works"),
    "floor-all": ("bare", "works_all"),
    "c": ("bare", "works_c"),
}
"""The module and function that has a contender's works."""


def saved_file(shape: Shape) -> str:
    """Return where the configuration of a shape is saved, once for all contenders."""
    return f"/tmp/bench-saved-{shape}.json"  # noqa: S108


def works_of(contender: str, shape: Shape) -> dict[str, Callable[[], Callable[[], Any]]]:
    """Return what gets ready for each work of a contender, whose own modules alone are imported."""
    module, function = CONTENDERS[contender]
    found: dict[str, Callable[[], Callable[[], Any]]] = getattr(import_module(module), function)(
        shape, saved_file(shape), SCRATCH
    )
    if contender in ("ours", "fb"):
        found.update(starts.works(contender))
    elif contender == "floor":
        found.update(starts.works_bare())
    return found


def peak() -> int:
    """Return the most memory this process has had since it was last asked, in KiB."""
    text = Path("/proc/self/status").read_text()
    most = int(text.partition("VmHWM:")[2].split()[0])
    Path("/proc/self/clear_refs").write_text("5")
    return most


def measure(do: Callable[[], Any]) -> dict[str, Any]:
    """Do a work once; a program that measures itself tells what it has found."""
    gc.collect()
    peak()
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    found = do()
    if isinstance(found, dict) and "cpu" in found:
        return found
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return {"cpu": cpu / 1e9, "wall": wall / 1e9, "peak": peak()}


def profile(do: Callable[[], Any], title: str) -> dict[str, Any]:
    """Do a work once and print where its time goes."""
    import cProfile
    import pstats

    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(do)
    print(f"=== {title}", file=sys.stderr)
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(28)
    return {}


def count(do: Callable[[], Any]) -> dict[str, Any]:
    """Do a work once and count its system calls."""
    return {"calls": calls.counted(do)}


def after(work: str, state: State) -> None:
    """Look at what a work has left, and put right what no state has a name for."""
    shape = state.shape
    if work == "delete-lun":
        floor.remake_lun(shape, shape.luns // 2)
    elif work == "change":
        floor.change(shape, shape.luns // 2, b"1")
    state.check(WORKS[work].after)


def main(contender: str, shape_text: str, *words: str) -> None:
    """Do the works."""
    shape = Shape.parse(shape_text)
    state = State(shape)
    if contender == "prepare":
        import ours

        state.bring("mapped")
        ours.prepare(saved_file(shape))
        return
    how = next((word for word in words if word.startswith("--")), "")
    ready = works_of(contender, shape)
    for work in words:
        if work in WORKS and work not in ready:
            print(json.dumps({"work": work}), flush=True)
        elif work in ready:
            state.bring(WORKS[work].before)
            do = ready[work]()
            if how == "--profile":
                found = profile(do, f"{contender} {shape} {work}")
            else:
                found = (count if how == "--count" else measure)(do)
            after(work, state)
            print(json.dumps({"work": work, **found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
