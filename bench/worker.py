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
from pathlib import Path
from typing import Any, Callable

sys.path.insert(0, str(Path(__file__).resolve().parent))

import calls  # noqa: E402 - found by the line above, which a process of its own needs
import floor  # noqa: E402
from shape import WORKS, Shape  # noqa: E402
from state import State  # noqa: E402

SCRATCH = "/tmp/bench-scratch.json"  # noqa: S108 - in a guest that nobody else uses


def saved_file(shape: Shape) -> str:
    """Return where the configuration of a shape is saved, once for all contenders."""
    return f"/tmp/bench-saved-{shape}.json"  # noqa: S108


def works_of(contender: str, shape: Shape) -> dict[str, Callable[[], Any]]:
    """Return what does each work for a contender: only its own modules are imported."""
    arguments = (shape, saved_file(shape), SCRATCH)
    if contender == "ours":
        import ours

        return ours.works(*arguments)
    import bare

    return (bare.works_all if contender == "floor-all" else bare.works)(*arguments)


def peak() -> int:
    """Return the most memory this process has had since it was last asked, in KiB."""
    text = Path("/proc/self/status").read_text()
    most = int(text.partition("VmHWM:")[2].split()[0])
    Path("/proc/self/clear_refs").write_text("5")
    return most


def measure(do: Callable[[], Any]) -> dict[str, float]:
    """Do a work once."""
    gc.collect()
    peak()
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    do()
    cpu, wall = time.process_time_ns() - cpu, time.perf_counter_ns() - wall
    return {"cpu": cpu / 1e9, "wall": wall / 1e9, "peak": peak()}


def profile(do: Callable[[], Any], title: str) -> dict[str, float]:
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
    do = works_of(contender, shape)
    for work in words:
        if work in do:
            state.bring(WORKS[work].before)
            if how == "--profile":
                found = profile(do[work], f"{contender} {shape} {work}")
            else:
                found = (count if how == "--count" else measure)(do[work])
            after(work, state)
            print(json.dumps({"work": work, **found}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
