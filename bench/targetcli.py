# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What targetcli costs over this library and over rtslib-fb, on a real kernel in QEMU, as ratios.

usage: python bench/targetcli.py [KERNEL [LUNS]]

The guest's clock counts instructions, so that one run is like the next: a second is 10^9 of them,
kernel and user space together. From each command the cost of a command that does nothing but start
targetcli (`--version`) is not taken off: a person waits for it too.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests/kernel"), str(REPOSITORY / "tests")]

import floor  # noqa: E402 - the others are found by the line above
from environments import environments  # noqa: E402
from packages import cache_directory  # noqa: E402
from shape import Shape  # noqa: E402
from starts import spent  # noqa: E402
from suite import targetcli  # noqa: E402
from vm import Machine, python_command, run  # noqa: E402

TPG = f"/iscsi/{Shape(1).target}/tpg1"
CLIENT = "iqn.1994-05.com.redhat:client"

COMMANDS = (
    ("--version",),
    ("ls",),
    ("/iscsi", "ls"),
    ("/backstores/ramdisk/disk0", "info"),
    (f"{TPG}/luns/lun0", "info"),
    (TPG, "set", "attribute", "login_timeout=20"),
    ("/backstores/ramdisk", "create", "one", "1MiB"),
    (f"{TPG}/luns", "create", "/backstores/ramdisk/one"),
    (f"{TPG}/acls", "create", CLIENT),
    (f"{TPG}/luns", "delete", "lun0"),
    ("/backstores/ramdisk", "delete", "one"),
    ("sessions",),
    ("saveconfig", "{home}/saved.json"),
    ("clearconfig", "true"),
    ("restoreconfig", "{home}/saved.json"),
    ("clearconfig", "true"),
)


def cpu(library: str, home: Path, words: tuple[str, ...]) -> float:
    """Return the processor time of one command."""
    command = targetcli.command(library, *(word.format(home=home) for word in words))
    found: float = spent(command, targetcli.variables(library, home), check=False)["cpu"]
    return found


def in_guest(luns: int) -> None:
    """Measure all commands over both, and print them."""
    times: dict[str, list[float]] = {}
    directory = Path(tempfile.mkdtemp())
    with targetcli.system_bus(directory):
        for library in targetcli.LIBRARIES:
            # Once for the byte code of all modules.
            cpu(library, directory / library, ("ls",))
            floor.restore(Shape(luns))
            times[library] = [cpu(library, directory / library, words) for words in COMMANDS]
    print(f"\ntargetcli over {luns} LUNs: processor seconds (10^9 instructions)")
    print(f"{'rtslib':>8} {'rtslib-fb':>10} {'ratio':>6}")
    for words, ours, theirs in zip(COMMANDS, times["rtslib"], times["rtslib-fb"]):
        print(f"{ours:8.3f} {theirs:10.3f} {theirs / ours:6.1f}  {' '.join(words)}", flush=True)


def main(kernel: str = "6.12", luns: str = "500") -> int:
    """Boot a guest that measures."""
    if kernel == "--in-guest":
        in_guest(int(luns))
        return 0
    os.environ["RTSLIB_ENVIRONMENTS"] = str(environments(cache_directory()))
    machine = Machine(kernel, icount=True, timeout=3600.0)
    return run(machine, [python_command(), str(Path(__file__).resolve()), "--in-guest", luns])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
