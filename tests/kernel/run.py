# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Run the tests of ``suite/`` on real kernels: ``python tests/kernel/run.py [6.1] [6.12] [-k X]``.

Each kernel has a guest of its own (see ``vm.py``), and several have them at the same time: a guest
keeps one processor busy.  Anything but a full pass is a failure, a skipped test too: in the guest
everything that the tests need is there.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree as ET

from environments import environments
from packages import KERNELS, VmError, cache_directory, require_qemu
from vm import Machine, python_command, run

REPOSITORY = Path(__file__).resolve().parents[2]
SUITE = "tests/kernel/suite"
DIFFERENTIAL = "tests/kernel/differential.py"
TIMEOUT = 3600.0
MESSAGE = 600
"""How many letters of a failure its closing line has."""
CLOSING = ("kernel ", "failed: ")
"""What the closing lines begin with."""

PYTEST = ("-m", "pytest", "-p", "no:cacheprovider", "--junitxml=/out/results.xml", SUITE)


def run_suite(kernel: str, extra: list[str]) -> tuple[bool, str]:
    """Run the suite on a kernel while its output streams out; return success and a closing line."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as out:
        machine = Machine(kernel, out=Path(out), probe_setup=True, timeout=TIMEOUT)
        try:
            programs = environments(cache_directory())
            # The guest's own environment says that this is a guest: nothing else may ever set it.
            given = ["RTSLIB_KERNEL_TESTS=1", f"RTSLIB_ENVIRONMENTS={programs}"]
            status = run(machine, ["env", *given, python_command(), *PYTEST, *extra])
        except VmError as error:
            return False, f"kernel {kernel}: the guest failed: {error}"
        results = Path(out, "results.xml")
        counts = counts_of(results) if results.exists() else {}
        failed = failures_of(results) if results.exists() else []
    taken = time.monotonic() - began
    told = ", ".join(f"{number} {name}" for name, number in counts.items()) or "no results"
    good = status == 0 and counts.get("passed", 0) > 0 and not counts["skipped"]
    closing = f"kernel {kernel}: {told}, status {status}, {taken:.0f} s"
    return good, "\n".join([*failed, closing])


def run_differential(kernel: str) -> tuple[bool, str]:
    """Compare the kernel with the fake, in a guest of its own: both must begin with nothing."""
    began = time.monotonic()
    status = subprocess.run([sys.executable, DIFFERENTIAL, kernel], check=False).returncode
    taken = time.monotonic() - began
    return status == 0, f"kernel {kernel}: differential, status {status}, {taken:.0f} s"


def counts_of(results: Path) -> dict[str, int]:
    """Return how many tests passed, failed, broke and were skipped, from pytest's JUnit file."""
    suite = ET.parse(results).getroot()
    if suite.tag == "testsuites":
        suite = suite[0]
    counts = {name: int(suite.get(name, "0")) for name in ("failures", "errors", "skipped")}
    return {"passed": int(suite.get("tests", "0")) - sum(counts.values()), **counts}


def failures_of(results: Path) -> list[str]:
    """Return a line for each test that failed, to be seen where all else scrolls away."""
    return [
        f"{CLOSING[1]}{case.get('name')}: {' '.join(wrong.get('message', '').split())[:MESSAGE]}"
        for case in ET.parse(results).iter("testcase")
        for wrong in (*case.iter("failure"), *case.iter("error"))
    ]


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser("run.py", description="Run the tests on real kernels.")
    parser.add_argument("kernels", nargs="*", metavar="KERNEL", help=f"{', '.join(KERNELS)}: all")
    options, extra = parser.parse_known_args()
    unknown = set(options.kernels) - set(KERNELS)
    if unknown:
        parser.error(f"no such kernel: {', '.join(sorted(unknown))}")
    # The guest starts where this process stands, and finds the library there.
    os.chdir(REPOSITORY)
    kernels = options.kernels or list(KERNELS)
    if len(kernels) > 1:
        return run_all(kernels, extra)
    ended = [run_suite(kernels[0], extra), run_differential(kernels[0])]
    print("\n".join(line for _good, line in ended))
    return 0 if all(good for good, _line in ended) else 1


def run_all(kernels: list[str], extra: list[str]) -> int:
    """Run the tests on several kernels at once; show what each printed, and how all ended."""
    # What all need is made before, once.
    require_qemu()
    environments(cache_directory())
    ended = []
    with ExitStack() as stack:
        running = []
        for kernel in kernels:
            output = stack.enter_context(tempfile.TemporaryFile())
            words = [sys.executable, __file__, kernel, *extra]
            running.append((subprocess.Popen(words, stdout=output, stderr=output), output))
            stack.callback(running[-1][0].kill)
        for process, output in running:
            process.wait()
            output.seek(0)
            printed = output.read().decode(errors="replace")
            print(printed, end="")
            ended += [line for line in printed.splitlines() if line.startswith(CLOSING)]
    # Of a log only the end may be kept.
    print("\n".join(["", *ended]), flush=True)
    return max(process.returncode != 0 for process, _output in running)


if __name__ == "__main__":
    sys.exit(main())
