# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The measuring, in the guest: all contenders in turn, round after round, on one kernel.

usage: in_guest.py PLAN RESULTS     both JSON: what to do, and, line by line, what was found

A contender is a process of its own. One that takes too long for a work is ended; it is not asked
for that work again, nor for a bigger one.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from shape import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
Cell = tuple[str, str, str]

LOOK = 5.0
"""How often to see whether a work takes too long, in the guest's seconds."""


@dataclass
class Bench:
    """What is measured, and what has come of it."""

    plan: dict[str, Any]
    results: IO[str]
    spent: dict[Cell, list[float]] = field(default_factory=dict)
    over: set[tuple[str, str, bool]] = field(default_factory=set)

    def run(self) -> None:
        """Measure all shapes."""
        for text in self.plan["shapes"]:
            self.worker("prepare", text, []).wait()
            for how in self.plan["hows"]:
                rounds = self.plan["repeats"] if how == "measure" else 1
                for number in range(rounds):
                    for contender in self.plan["contenders"]:
                        self.turn(contender, Shape.parse(text), how, number)

    def turn(self, contender: str, shape: Shape, how: str, number: int) -> None:
        """Let a contender do its works once, in as many processes as it takes."""
        left = [it for it in self.plan["works"] if self.wanted(contender, shape, it, how)]
        while left:
            option = [] if how == "measure" else [f"--{how}"]
            process = self.worker(contender, str(shape), [*option, *left])
            done = 0
            for line in self.lines(process):
                found = json.loads(line)
                done = left.index(found["work"]) + 1
                # Of a work that the contender does not have, it tells the name alone.
                if len(found) > 1:
                    self.note(contender, shape, how, number, found)
            if process.wait() == 0:
                return
            if done == len(left):
                break
            cut = left[done]
            self.over.add((contender, cut, bool(shape.acls)))
            killed = process.returncode == -signal.SIGKILL
            limit = self.plan["limit"] if killed else -1.0
            ended = {"ended": process.returncode, "limit": limit}
            self.note(contender, shape, how, number, {"work": cut, **ended})
            left = left[done + 1 :]

    def wanted(self, contender: str, shape: Shape, work: str, how: str) -> bool:
        """Tell whether a cell is to be measured, once more."""
        if (contender, work, bool(shape.acls)) in self.over:
            return False
        if work == "map" and not shape.acls:
            return False
        if work == "import" and str(shape) != self.plan["shapes"][0]:
            return False
        if self.too_long(contender, shape, work):
            return False
        spent = self.spent.get((contender, str(shape), work), [])
        return how != "measure" or sum(spent) < self.plan["budget"]

    def too_long(self, contender: str, shape: Shape, work: str) -> bool:
        """Tell whether a work must take too long, going by a smaller one: it is noted as ended."""
        for (who, text, what), times in self.spent.items():
            luns, acls = Shape.parse(text)[:2]
            same = (who, what, acls) == (contender, work, shape.acls)
            if same and min(times) * shape.luns / luns > self.plan["limit"]:
                self.over.add((contender, work, bool(shape.acls)))
                ended = {"ended": None, "limit": self.plan["limit"]}
                self.note(contender, shape, "measure", 0, {"work": work, **ended})
                return True
        return False

    def worker(self, contender: str, shape: str, words: list[str]) -> subprocess.Popen[str]:
        """Start a contender's process."""
        python, path = self.plan["python"][contender]
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
        # What is installed has its byte code; so shall the others have after their first start.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [python, str(HERE / "worker.py"), contender, shape, *words]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)  # noqa: S603

    def lines(self, process: subprocess.Popen[str]) -> Iterator[str]:
        """Yield what a process tells, until its end or until it takes too long for a work."""
        if process.stdout is None:
            raise TypeError("the process was started without a pipe")
        began = 0.0
        while True:
            # Not the clock: while the host is waited for, it runs ahead in no time at all.
            while not select.select([process.stdout], [], [], LOOK)[0]:
                if cpu_of(process.pid) - began > self.plan["limit"]:
                    process.kill()
                    return
            line = process.stdout.readline()
            if not line:
                return
            yield line
            began = cpu_of(process.pid)

    def note(
        self, contender: str, shape: Shape, how: str, number: int, found: dict[str, Any]
    ) -> None:
        """Keep and print what was found."""
        record = {"contender": contender, "shape": str(shape), "how": how, "round": number, **found}
        self.results.write(json.dumps(record) + "\n")
        self.results.flush()
        cell = (contender, str(shape), found["work"])
        if "cpu" in found:
            self.spent.setdefault(cell, []).append(found["cpu"])
        told = " ".join(
            f"{key} {found[key]:.4g}" for key in ("cpu", "wall", "ended") if key in found
        )
        print(f"{how} {number} {shape!s:>8} {contender:>9} {found['work']:<18} {told}", flush=True)


def cpu_of(pid: int) -> float:
    """Return the processor time that a process has had, in seconds."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def main(plan: str, results: str) -> None:
    """Measure."""
    began = time.monotonic()
    with open(results, "w", encoding="utf-8") as file:
        Bench(json.loads(Path(plan).read_text()), file).run()
    print(f"{time.monotonic() - began:.0f} guest seconds")


if __name__ == "__main__":
    main(*sys.argv[1:])
