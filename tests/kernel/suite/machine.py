# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What tests need of the guest: devices, programs, and waiting for a condition."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from typing import TYPE_CHECKING, Callable, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds a condition may take in an emulated machine on a busy host; met, it ends at once."""

ZRAM = "/dev/zram0"
MIB = 1 << 20


def until(condition: Callable[[], T], what: str, seconds: float = PATIENCE) -> T:
    """Return the first true value of a condition; fail, saying what never came, at the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"in {seconds:g} s there was never {what}"
        time.sleep(0.02)
    return value


def program(
    *words: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its status is."""
    return subprocess.run(
        words,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=300,
        env={**os.environ, **(environment or {})},
    )


def succeed(*words: str) -> str:
    """Run a program that must succeed, and return what it printed."""
    done = program(*words)
    assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def text(path: str) -> str:
    """Return a file's text without white space around it."""
    with open(path) as file:
        return file.read().strip()


def scsi_debug_disk() -> str:
    """Return the address H:C:T:L of scsi_debug's first disk."""
    (host,) = (
        name
        for name in os.listdir("/sys/bus/pseudo/drivers/scsi_debug/adapter0")
        if name.startswith("host")
    )
    return f"{host.removeprefix('host')}:0:0:0"


def disks_of_host(host: int) -> dict[int, str]:
    """Return the block devices of a SCSI host by LUN, after looking for new disks."""
    # A scan that was asked for ends before the write does: a disk that is not there then, is not.
    with open(f"/sys/class/scsi_host/host{host}/scan", "w") as file:
        file.write("- - -")
    found = {}
    for address in os.listdir("/sys/bus/scsi/devices"):
        if address.startswith(f"{host}:"):
            lun = int(address.rpartition(":")[2])
            found[lun] = _block_device(f"/sys/bus/scsi/devices/{address}")
    return dict(sorted(found.items()))


def _block_device(disk: str) -> str:
    """Return the device of a SCSI disk; its driver makes it after the scan, in its own time."""
    (name,) = until(lambda: _names(f"{disk}/block"), f"a block device of {disk}")
    # The node is there before the disk behind it is: opening it is ENXIO until then.
    until(lambda: _opens(f"/dev/{name}"), f"/dev/{name} that can be opened")
    return f"/dev/{name}"


def _opens(device: str) -> bool:
    try:
        os.close(os.open(device, os.O_RDONLY))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENXIO):
            return False
        raise
    return True


def _names(directory: str) -> list[str]:
    return os.listdir(directory) if os.path.isdir(directory) else []
