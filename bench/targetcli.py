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
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests/kernel"), str(REPOSITORY / "tests")]

from environments import environments  # noqa: E402 - not a package: found by the line above
from packages import cache_directory  # noqa: E402
from suite import targetcli  # noqa: E402
from vm import Machine, python_command, run  # noqa: E402

ROOT = "/sys/kernel/config/target"
TARGET = "iqn.2026-11.org.example:bench"
TPG = f"/iscsi/{TARGET}/tpg1"
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


def build(luns: int) -> None:
    """Make a target by system calls alone."""
    tpg = f"{ROOT}/iscsi/{TARGET}/tpgt_1"
    os.makedirs(tpg, exist_ok=True)
    for number in range(luns):
        so = f"{ROOT}/core/rd_mcp_{number}/disk{number}"
        os.makedirs(so)
        write(f"{so}/control", "rd_pages=1")
        write(f"{so}/enable", "1")
        write(f"{so}/wwn/vpd_unit_serial", f"serial{number}")
        os.mkdir(f"{tpg}/lun/lun_{number}")
        os.symlink(so, f"{tpg}/lun/lun_{number}/link")


def write(path: str, text: str) -> None:
    """Write to a file that is there."""
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, text.encode())
    os.close(fd)


def cpu(library: str, home: Path, words: tuple[str, ...]) -> float:
    """Return the processor time of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = targetcli.command(library, *(word.format(home=home) for word in words))
    environment = targetcli.variables(library, home)
    done = subprocess.run(  # noqa: S603 - the words are our own
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(f"  over {library}: status {done.returncode}: {done.stderr.strip()[-300:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_guest(luns: int) -> None:
    """Measure all commands over both, and print them."""
    times: dict[str, list[float]] = {}
    directory = Path(tempfile.mkdtemp())
    with targetcli.system_bus(directory):
        for library in targetcli.LIBRARIES:
            # Once for the byte code of all modules.
            cpu(library, directory / library, ("ls",))
            build(luns)
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
