# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The machine under a FakeKernel: its disks, SCSI devices, memory, ports and files.

Knows nothing of LIO. Regular files are looked up on the real filesystem, read only (so pyfakefs
works); what the kernel would create there is kept in `files`, in memory.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Mapping  # noqa: TC003 - get_type_hints() wants them
from dataclasses import dataclass, field

from rtslib.testing.parsers import byte_length, fail

__all__ = ["BlockDevice", "FakeHost", "ScsiDevice"]

NAME_MAX = 255


@dataclass(frozen=True)
class BlockDevice:
    """A block device, with the limits of its queue as the kernel would find them.

    `hw_max_sectors` counts logical blocks. A device with `max_unmap_lba_count` 0 cannot discard.
    `claimed` is opened exclusively by somebody else.
    """

    size: int = 1 << 30
    block_size: int = 512
    hw_max_sectors: int = 1024
    queue_depth: int = 128
    readonly: bool = False
    claimed: bool = False
    rotational: bool = False
    max_unmap_lba_count: int = 0
    unmap_granularity: int = 1
    max_write_same_len: int = 0xFFFF
    major: int = 8
    minor: int = 0


@dataclass(frozen=True)
class ScsiDevice:
    """A SCSI device for pscsi: type 0 is a disk; `vpd` holds the texts of wwn/vpd_* files."""

    path: str = ""
    type: int = 0
    vendor: str = "LINUX"
    model: str = "FAKE DISK"
    revision: str = "0001"
    serial: str = ""
    block_size: int = 512
    hw_max_sectors: int = 0xFFFFFFFF
    queue_depth: int = 32
    vpd: Mapping[str, str] = field(default_factory=dict)


def _disks() -> dict[str, BlockDevice]:
    return {
        "/dev/vdb": BlockDevice(major=254, minor=16),
        "/dev/vdc": BlockDevice(major=254, minor=32, block_size=4096, hw_max_sectors=248),
        "/dev/sdb": BlockDevice(major=8, minor=16),
        "/dev/sr0": BlockDevice(major=11, minor=0, block_size=2048, readonly=True),
    }


def _scsi() -> dict[str, ScsiDevice]:
    return {"2:0:0:0": ScsiDevice(path="/dev/sdb", serial="0123456789")}


@dataclass
class FakeHost:
    """Facts about the machine. Anything may be changed while the kernel runs.

    `devices` by path; `scsi` by "host:channel:target:lun"; `files` are sizes by path and
    `directories` paths that exist besides the real ones; `ports` are hardware target ports by
    fabric (srpt, qla2xxx, ...); `transports` the network portal transports that work (iser,
    cxgbit); `listeners` are (address, port) that other programs listen on; `tcmu_handler` is
    whether a tcmu-runner answers.
    """

    devices: dict[str, BlockDevice] = field(default_factory=_disks)
    scsi: dict[str, ScsiDevice] = field(default_factory=_scsi)
    files: dict[str, int] = field(default_factory=dict)
    directories: set[str] = field(default_factory=lambda: {"/etc/target", "/var/target"})
    ports: Mapping[str, Collection[str]] = field(default_factory=dict)
    transports: Collection[str] = frozenset({"iser"})
    listeners: set[tuple[str, int]] = field(default_factory=set)
    interfaces: Collection[str] = frozenset({"lo", "eth0"})
    tcmu_handler: bool = False
    memory: int = 8 << 30
    cpus: int = 2

    def kind(self, path: str) -> int:
        """Return the file type bits at `path` (stat.S_IFREG, ...), 0 where nothing is."""
        path = os.path.normpath(path) if path else ""
        if path in self.devices:
            return stat.S_IFBLK
        if path in self.files:
            return stat.S_IFREG
        if path in self.directories:
            return stat.S_IFDIR
        try:
            return stat.S_IFMT(os.stat(path).st_mode)
        except OSError:
            return 0

    def device(self, path: str) -> BlockDevice:
        """Return the block device at `path`: ENOENT, or ENOTBLK as blkdev_get_by_path()."""
        found = self.devices.get(os.path.normpath(path)) if path else None
        if found is None:
            kind = self.kind(path)
            if kind != stat.S_IFBLK:
                fail(errno.ENOTBLK if kind else errno.ENOENT, path)
            there = os.stat(path).st_rdev
            found = BlockDevice(major=os.major(there), minor=os.minor(there))
        return found

    def open_file(self, path: str) -> None:
        """Open as the kernel does with O_RDWR | O_CREAT: a regular file may come into being."""
        path = os.path.join("/", path)  # a kernel thread's current directory
        kind = self.kind(path)
        if kind == stat.S_IFDIR:
            fail(errno.EISDIR, path)
        if not kind:
            self.check_directory(os.path.dirname(path))
            self.files[os.path.normpath(path)] = 0

    def check_directory(self, path: str) -> None:
        """Raise the errno of opening `path` with O_DIRECTORY."""
        path = os.path.join("/", path)
        if any(byte_length(name) > NAME_MAX for name in path.split("/")):
            fail(errno.ENAMETOOLONG, path)
        kind = self.kind(path)
        if kind != stat.S_IFDIR:
            fail(errno.ENOTDIR if kind else errno.ENOENT, path)
