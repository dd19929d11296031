# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Record what a real kernel does under ``/sys/kernel/config/target``.

Each recording has a boot of its own: each wants an empty target tree, and the last one may damage
its kernel.  ``python tests/kernel/record.py 6.12`` makes them all in about a minute.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from packages import KERNELS, VmError
from vm import Machine, python_command, run

HERE = Path(__file__).resolve().parent

RECORDINGS = {
    "tree": "record_tree.py /dev/null /out/tree.json",
    "behaviour": "record_behaviour.py /dev/null /out/behaviour.json",
    "newer": "record_newer.py /out/newer.json",
    "danger": "record_behaviour.py /dev/null /out/danger.json danger",
}
"""Recording (and its file's name), and the program beside this one that makes it."""


def record(kernel: str, name: str, place: Path) -> int:
    """Make one recording and return its length; an unfinished one replaces nothing."""
    program, *arguments = RECORDINGS[name].split()
    with tempfile.TemporaryDirectory() as out, Path(out, "log").open("w+b") as log:
        # Two processors always: cpus_allowed_list tells and takes their numbers.
        machine = Machine(
            kernel, cpus=2, out=Path(out), probe_setup=True, allow_oops=name == "danger"
        )
        command = [python_command(), str(HERE / program), *arguments]
        status = run(machine, command, stdout=log)
        log.seek(0)
        printed = log.read().decode(errors="replace")
        if status or "SECTION FAILED" in printed or "session part failed" in printed:
            message = f"{program} on {kernel} did not finish (status {status}); its last words:\n"
            raise VmError(message + printed[-3000:])
        text = Path(out, f"{name}.json").read_text()
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.json").write_text(text + "\n")
    return len(json.loads(text))


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="record.py", description="Record the behaviour of a real kernel."
    )
    parser.add_argument("kernel", choices=sorted(KERNELS), help="kernel series")
    parser.add_argument("--only", choices=sorted(RECORDINGS), help="make this recording only")
    parser.add_argument(
        "--to", type=Path, metavar="DIR", help="where to put the files (default: recorded/KERNEL)"
    )
    options = parser.parse_args()
    place = options.to or HERE / "recorded" / options.kernel
    try:
        for name in [options.only] if options.only else RECORDINGS:
            print(f"{place / name}.json: {record(options.kernel, name, place)} entries", flush=True)
    except VmError as error:
        print(f"record: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
