# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Do random steps on a real kernel and on a FakeKernel, and report where they disagree.

``python tests/kernel/differential.py 6.12 --seeds 20`` lets the fake choose the steps and say what
must come of them, and boots a guest (see ``vm.py``) that does them. Every sequence follows from its
seed: ``--seed N --seeds 1`` does one again. A step that the fake says is an oops is left out.
Debian's updates of a series are told apart by the release in their ``version`` files alone.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parent)]

from rtslib.configfs import HostConfigFS  # noqa: E402 - found by the path above
from rtslib.testing import FakeKernel, KernelOops, strategies  # noqa: E402
from rtslib.testing.strategies import Step  # noqa: E402

if TYPE_CHECKING:
    from rtslib.configfs import ConfigFS

PLAN = "/out/plan.json"
ROUNDS = 6
LEFT = ("", "core", "core/alua/lu_gps")
#: The release in a version file: the fake has that of the kernel that was recorded.
RELEASE = re.compile(r"(?<=on )\d+\.\d+\.\d+[-+.~\w]*-amd64")


def plan(kernel: str, first: int, seeds: int, length: int) -> list[dict[str, Any]]:
    """Return sequences of steps, each with what comes of it: one fake does them all."""
    from testing import replay  # needs recordings, which a guest does not

    fake = FakeKernel(kernel, host=replay.machine(kernel))
    sequences = []
    for seed in range(first, first + seeds):
        choose = strategies.random_choice(random.Random(seed))
        steps = []
        for _ in range(length):
            step = strategies.next_step(fake, choose)
            try:
                steps.append([*step, strategies.perform(fake, step)])
            except KernelOops:
                continue
        sequences.append({"seed": seed, "steps": steps, "left": clear(fake)})
    return sequences


def clear(fs: ConfigFS) -> list[str]:
    """Empty a tree as far as it goes, and return what is left."""
    for _ in range(ROUNDS):
        strategies.clear(fs)
    return [strategies.perform(fs, Step("listdir", (path,))) for path in LEFT]


def compare(fs: ConfigFS, sequences: list[dict[str, Any]]) -> list[str]:
    """Do the sequences on a tree and return what came out differently."""
    wrong = []
    for sequence in sequences:
        seed = sequence["seed"]
        for number, (name, arguments, wanted) in enumerate(sequence["steps"]):
            found = strategies.perform(fs, Step(name, tuple(arguments)))
            if RELEASE.sub("RELEASE", found) != RELEASE.sub("RELEASE", wanted):
                what = f"seed {seed} step {number}: {name} {arguments}"
                wrong.append(f"{what}\n  kernel {found}\n  fake   {wanted}")
        left = clear(fs)
        if left != sequence["left"]:
            wrong.append(f"seed {seed}: left\n  kernel {left}\n  fake   {sequence['left']}")
    return wrong


def in_guest() -> int:
    """Do the plan on the running kernel."""
    wrong = compare(HostConfigFS(), json.loads(Path(PLAN).read_text()))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="differential.py", description=__doc__)
    parser.add_argument("kernel", help="kernel series")
    parser.add_argument("--seeds", type=int, default=20, help="how many sequences")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed")
    parser.add_argument("--steps", type=int, default=400, help="steps in a sequence")
    options = parser.parse_args()
    if options.kernel == "in-guest":
        return in_guest()
    from vm import Machine, python_command, run

    with tempfile.TemporaryDirectory() as out:
        sequences = plan(options.kernel, options.seed, options.seeds, options.steps)
        Path(out, "plan.json").write_text(json.dumps(sequences))
        machine = Machine(options.kernel, cpus=2, out=Path(out), probe_setup=True)
        status = run(machine, [python_command(), str(HERE / "differential.py"), "in-guest"])
    steps = sum(len(sequence["steps"]) for sequence in sequences)
    print(f"{options.kernel}: {steps} steps in {options.seeds} sequences, status {status}")
    return status


if __name__ == "__main__":
    sys.exit(main())
