# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""How large a disk is, and which of its blocks hold data: READ CAPACITY, GET LBA STATUS."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from rtslib.iscsi.scsi.cdb import Command
from rtslib.iscsi.scsi.layout import MalformedDataError, Record, bit, bits, uint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtslib.iscsi.scsi.layout import Buffer

__all__ = [
    "Capacity10",
    "Capacity16",
    "LbaStatus",
    "Provisioning",
    "get_lba_status",
    "lba_status_data",
    "lba_statuses",
    "read_capacity10",
    "read_capacity16",
]

_READ_CAPACITY_10 = Command("READ CAPACITY(10)", 0x25, {})
_READ_CAPACITY_16 = Command("READ CAPACITY(16)", 0x9E, {"length": uint(10, 4)}, service=0x10)
_GET_LBA_STATUS = Command(
    "GET LBA STATUS", 0x9E, {"lba": uint(2, 8), "length": uint(10, 4)}, service=0x12
)

#: The last block of a disk that is too large for READ CAPACITY(10) to tell.
_TOO_LARGE = 0xFFFFFFFF


def read_capacity10() -> bytes:
    """READ CAPACITY(10): up to 2 TiB of 512 bytes a block."""
    return _READ_CAPACITY_10.build()


def read_capacity16(length: int = 32) -> bytes:
    """READ CAPACITY(16): of any size, with what kind of provisioning and protection it has."""
    return _READ_CAPACITY_16.build(length=length)


def get_lba_status(lba: int, length: int = 4096) -> bytes:
    """GET LBA STATUS: which blocks from `lba` on hold data; up to `length` bytes of answer."""
    return _GET_LBA_STATUS.build(lba=lba, length=length)


@dataclass(frozen=True)
class Capacity10(Record, what="READ CAPACITY(10) data", size=8):
    """The number of the last block, and the size of a block in bytes."""

    last_lba: Annotated[int, uint(0, 4)] = 0
    block_size: Annotated[int, uint(4, 4)] = 0

    @property
    def is_too_small(self) -> bool:
        """Whether the disk is too large for this command: ask READ CAPACITY(16)."""
        return self.last_lba == _TOO_LARGE

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return self.last_lba + 1

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.blocks * self.block_size


@dataclass(frozen=True)
class Capacity16(Record, what="READ CAPACITY(16) data", size=32, required=12):
    """The same for a disk of any size, with what is known of its blocks."""

    last_lba: Annotated[int, uint(0, 8)] = 0
    block_size: Annotated[int, uint(8, 4)] = 0
    #: Whether there is protection information, and of which type less one.
    protected: Annotated[bool, bit(12, 0)] = False
    protection_type: Annotated[int, bits(12, 3, 1)] = 0
    #: Exponents of two: protection intervals in a block, blocks in a physical one.
    protection_interval_exponent: Annotated[int, bits(13, 7, 4)] = 0
    physical_exponent: Annotated[int, bits(13, 3, 0)] = 0
    #: Whether blocks may be unmapped, and whether they read as zeros then.
    thin: Annotated[bool, bit(14, 7)] = False
    unmapped_reads_zeros: Annotated[bool, bit(14, 6)] = False
    #: The first block that begins with a physical one.
    lowest_aligned_lba: Annotated[int, bits(14, 13, 0, size=2)] = 0

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return self.last_lba + 1

    @property
    def size(self) -> int:
        """Size in bytes."""
        return self.blocks * self.block_size

    @property
    def physical_block_size(self) -> int:
        """Size in bytes of what the disk itself writes at once."""
        return self.block_size << self.physical_exponent


class Provisioning(enum.IntEnum):
    """Whether blocks hold data."""

    MAPPED = 0
    DEALLOCATED = 1
    ANCHORED = 2


@dataclass(frozen=True)
class LbaStatus(Record, what="LBA status descriptor", size=16):
    """Blocks in a row that are alike."""

    lba: Annotated[int, uint(0, 8)] = 0
    blocks: Annotated[int, uint(8, 4)] = 0
    #: See Provisioning; more are reserved.
    provisioning: Annotated[int, bits(12, 3, 0)] = 0


_HEADER, _STATUS = 8, 16


@dataclass(frozen=True)
class _LbaStatusHeader(Record, what="LBA status data", size=8):
    #: Bytes behind this number.
    length: Annotated[int, uint(0, 4)] = 0


def lba_statuses(data: Buffer) -> tuple[LbaStatus, ...]:
    """Read what GET LBA STATUS answers: as many of its descriptors as have come whole."""
    header = _LbaStatusHeader.parse(data)
    size = header.length + 4 - _HEADER
    if size < 0 or size % _STATUS:
        raise MalformedDataError(f"LBA status data: {header.length} is no length of it")
    end = min(_HEADER + size, len(data) - (len(data) - _HEADER) % _STATUS)
    starts = range(_HEADER, end, _STATUS)
    return tuple(LbaStatus.parse(data[at : at + _STATUS]) for at in starts)


def lba_status_data(statuses: Iterable[LbaStatus]) -> bytes:
    """Return what GET LBA STATUS answers."""
    body = b"".join(it.pack() for it in statuses)
    return _LbaStatusHeader(len(body) + _HEADER - 4).pack() + body
