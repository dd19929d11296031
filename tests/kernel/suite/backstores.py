# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""One storage object of each kind, over what the guest has for it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable

from rtslib import (
    BlockStorageObject,
    FileIOStorageObject,
    PSCSIStorageObject,
    RDMCPStorageObject,
    UserBackedStorageObject,
)
from suite.machine import MIB, ZRAM, scsi_debug_disk

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib import StorageObject

Maker = Callable[["Path", str], "StorageObject"]
"""Makes an object of this name; the directory is for what backs it."""


def file(directory: Path, name: str) -> StorageObject:
    """A file that does not exist yet, of 8 MiB."""
    return FileIOStorageObject(name, str(directory / f"{name}.img"), "8MiB")


def file_over_block(_directory: Path, name: str) -> StorageObject:
    """A block device through the page cache."""
    return FileIOStorageObject(name, ZRAM)


def block(_directory: Path, name: str) -> StorageObject:
    """A block device."""
    return BlockStorageObject(name, ZRAM)


def scsi(_directory: Path, name: str) -> StorageObject:
    """A SCSI device passed through."""
    return PSCSIStorageObject(name, scsi_debug_disk())


def user(_directory: Path, name: str) -> StorageObject:
    """A handler that never comes: the kernel does not wait for it."""
    return UserBackedStorageObject(name, "rtslib/nobody", "8MiB")


def memory(_directory: Path, name: str) -> StorageObject:
    """A ramdisk."""
    return RDMCPStorageObject(name, "1MiB")


MAKERS: dict[str, tuple[Maker, str, int]] = {
    "fileio": (file, "fileio", 8 * MIB),
    "fileio-block": (file_over_block, "fileio", 64 * MIB),
    "block": (block, "block", 64 * MIB),
    "pscsi": (scsi, "pscsi", 16 * MIB),
    "user": (user, "user", 8 * MIB),
    "ramdisk": (memory, "ramdisk", MIB),
}
"""Maker, plugin and size of each kind."""


def fill(path: str, data: bytes, offset: int = 0) -> None:
    """Write to a file or device, through to what backs it."""
    fd = os.open(path, os.O_WRONLY)
    try:
        assert os.pwrite(fd, data, offset) == len(data)
        os.fsync(fd)
    finally:
        os.close(fd)
