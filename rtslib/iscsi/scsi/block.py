# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Commands on blocks (SBC-3): read, write, verify, write the same, unmap, compare and write.

`lba` is the number of the first block and `blocks` how many; both count logical blocks, whose
size in bytes READ CAPACITY tells. `dpo` asks not to keep it in the cache, `fua` not to answer from
it, `protect` what to do with protection information, `group` a number for statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from rtslib.iscsi.scsi.cdb import Command
from rtslib.iscsi.scsi.layout import (
    MalformedDataError,
    Record,
    bit,
    bits,
    need,
    uint,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtslib.iscsi.scsi.layout import Buffer, Field

__all__ = [
    "Extent",
    "compare_and_write",
    "orwrite",
    "pre_fetch10",
    "pre_fetch16",
    "read10",
    "read12",
    "read16",
    "synchronize_cache10",
    "synchronize_cache16",
    "unmap",
    "unmap_data",
    "unmap_extents",
    "verify10",
    "verify12",
    "verify16",
    "write10",
    "write12",
    "write16",
    "write_and_verify10",
    "write_and_verify16",
    "write_atomic16",
    "write_same10",
    "write_same16",
]

# Where the block and the count stand, by the size of the command.
_AT_10 = {"lba": uint(2, 4), "blocks": uint(7, 2), "group": bits(6, 4)}
_AT_12 = {"lba": uint(2, 4), "blocks": uint(6, 4), "group": bits(10, 4)}
_AT_16 = {"lba": uint(2, 8), "blocks": uint(10, 4), "group": bits(14, 4)}

# What stands in byte 1 of which commands.
_PROTECT: dict[str, Field] = {"protect": bits(1, 7, 5)}
_CACHING = {**_PROTECT, "dpo": bit(1, 4), "fua": bit(1, 3)}
_CHECKING = {**_PROTECT, "dpo": bit(1, 4), "byte_check": bits(1, 2, 1)}
_IMMEDIATE = {"immediate": bit(1, 1)}
_SAME = {**_PROTECT, "anchor": bit(1, 4), "unmap": bit(1, 3)}

_READ_10 = Command("READ(10)", 0x28, {**_AT_10, **_CACHING})
_READ_12 = Command("READ(12)", 0xA8, {**_AT_12, **_CACHING})
_READ_16 = Command("READ(16)", 0x88, {**_AT_16, **_CACHING})
_WRITE_10 = Command("WRITE(10)", 0x2A, {**_AT_10, **_CACHING})
_WRITE_12 = Command("WRITE(12)", 0xAA, {**_AT_12, **_CACHING})
_WRITE_16 = Command("WRITE(16)", 0x8A, {**_AT_16, **_CACHING})
_VERIFY_10 = Command("VERIFY(10)", 0x2F, {**_AT_10, **_CHECKING})
_VERIFY_12 = Command("VERIFY(12)", 0xAF, {**_AT_12, **_CHECKING})
_VERIFY_16 = Command("VERIFY(16)", 0x8F, {**_AT_16, **_CHECKING})
_WRITE_AND_VERIFY_10 = Command("WRITE AND VERIFY(10)", 0x2E, {**_AT_10, **_CHECKING})
_WRITE_AND_VERIFY_16 = Command("WRITE AND VERIFY(16)", 0x8E, {**_AT_16, **_CHECKING})
_SYNCHRONIZE_10 = Command("SYNCHRONIZE CACHE(10)", 0x35, {**_AT_10, **_IMMEDIATE})
_SYNCHRONIZE_16 = Command("SYNCHRONIZE CACHE(16)", 0x91, {**_AT_16, **_IMMEDIATE})
_PRE_FETCH_10 = Command("PRE-FETCH(10)", 0x34, {**_AT_10, **_IMMEDIATE})
_PRE_FETCH_16 = Command("PRE-FETCH(16)", 0x90, {**_AT_16, **_IMMEDIATE})
_WRITE_SAME_10 = Command("WRITE SAME(10)", 0x41, {**_AT_10, **_SAME})
_WRITE_SAME_16 = Command("WRITE SAME(16)", 0x93, {**_AT_16, **_SAME, "no_data": bit(1, 0)})
_UNMAP = Command("UNMAP", 0x42, {"anchor": bit(1, 0), "group": bits(6, 4), "length": uint(7, 2)})
_COMPARE_AND_WRITE = Command("COMPARE AND WRITE", 0x89, {**_AT_16, **_CACHING, "blocks": uint(13)})
_ORWRITE = Command("ORWRITE(16)", 0x8B, {**_AT_16, **_CACHING})
_WRITE_ATOMIC = Command(
    "WRITE ATOMIC(16)", 0x9C, {**_AT_16, **_CACHING, "boundary": uint(10, 2), "blocks": uint(12, 2)}
)


def read10(
    lba: int, blocks: int, *, dpo: bool = False, fua: bool = False, protect: int = 0, group: int = 0
) -> bytes:
    """READ(10): up to 65535 blocks of the first 2 TiB (of 512 bytes a block)."""
    return _READ_10.build(lba=lba, blocks=blocks, dpo=dpo, fua=fua, protect=protect, group=group)


def read12(
    lba: int, blocks: int, *, dpo: bool = False, fua: bool = False, protect: int = 0, group: int = 0
) -> bytes:
    """READ(12): more blocks than READ(10), of the same range."""
    return _READ_12.build(lba=lba, blocks=blocks, dpo=dpo, fua=fua, protect=protect, group=group)


def read16(
    lba: int, blocks: int, *, dpo: bool = False, fua: bool = False, protect: int = 0, group: int = 0
) -> bytes:
    """READ(16): of a disk of any size."""
    return _READ_16.build(lba=lba, blocks=blocks, dpo=dpo, fua=fua, protect=protect, group=group)


def write10(
    lba: int, blocks: int, *, dpo: bool = False, fua: bool = False, protect: int = 0, group: int = 0
) -> bytes:
    """WRITE(10): the range of READ(10)."""
    return _WRITE_10.build(lba=lba, blocks=blocks, dpo=dpo, fua=fua, protect=protect, group=group)


def write12(
    lba: int, blocks: int, *, dpo: bool = False, fua: bool = False, protect: int = 0, group: int = 0
) -> bytes:
    """WRITE(12): the range of READ(12)."""
    return _WRITE_12.build(lba=lba, blocks=blocks, dpo=dpo, fua=fua, protect=protect, group=group)


def write16(
    lba: int, blocks: int, *, dpo: bool = False, fua: bool = False, protect: int = 0, group: int = 0
) -> bytes:
    """WRITE(16): to a disk of any size."""
    return _WRITE_16.build(lba=lba, blocks=blocks, dpo=dpo, fua=fua, protect=protect, group=group)


def verify10(lba: int, blocks: int, *, byte_check: int = 0, dpo: bool = False) -> bytes:
    """VERIFY(10): `byte_check` 0 reads only, 1 compares with data sent, 3 all with one block."""
    return _VERIFY_10.build(lba=lba, blocks=blocks, byte_check=byte_check, dpo=dpo)


def verify12(lba: int, blocks: int, *, byte_check: int = 0, dpo: bool = False) -> bytes:
    """VERIFY(12), see VERIFY(10)."""
    return _VERIFY_12.build(lba=lba, blocks=blocks, byte_check=byte_check, dpo=dpo)


def verify16(lba: int, blocks: int, *, byte_check: int = 0, dpo: bool = False) -> bytes:
    """VERIFY(16), see VERIFY(10)."""
    return _VERIFY_16.build(lba=lba, blocks=blocks, byte_check=byte_check, dpo=dpo)


def write_and_verify10(lba: int, blocks: int, *, byte_check: int = 0, dpo: bool = False) -> bytes:
    """WRITE AND VERIFY(10): written, then read again; with `byte_check` 1 compared too."""
    return _WRITE_AND_VERIFY_10.build(lba=lba, blocks=blocks, byte_check=byte_check, dpo=dpo)


def write_and_verify16(lba: int, blocks: int, *, byte_check: int = 0, dpo: bool = False) -> bytes:
    """WRITE AND VERIFY(16), see (10)."""
    return _WRITE_AND_VERIFY_16.build(lba=lba, blocks=blocks, byte_check=byte_check, dpo=dpo)


def synchronize_cache10(lba: int = 0, blocks: int = 0, *, immediate: bool = False) -> bytes:
    """SYNCHRONIZE CACHE(10): no blocks are all up to the end; `immediate` does not wait."""
    return _SYNCHRONIZE_10.build(lba=lba, blocks=blocks, immediate=immediate)


def synchronize_cache16(lba: int = 0, blocks: int = 0, *, immediate: bool = False) -> bytes:
    """SYNCHRONIZE CACHE(16), see (10)."""
    return _SYNCHRONIZE_16.build(lba=lba, blocks=blocks, immediate=immediate)


def pre_fetch10(lba: int, blocks: int, *, immediate: bool = False) -> bytes:
    """PRE-FETCH(10): into the cache; the status is CONDITION MET where all of it has room."""
    return _PRE_FETCH_10.build(lba=lba, blocks=blocks, immediate=immediate)


def pre_fetch16(lba: int, blocks: int, *, immediate: bool = False) -> bytes:
    """PRE-FETCH(16), see (10)."""
    return _PRE_FETCH_16.build(lba=lba, blocks=blocks, immediate=immediate)


def write_same10(lba: int, blocks: int, *, unmap: bool = False, anchor: bool = False) -> bytes:
    """WRITE SAME(10): one block sent, written to all; `unmap` may free them instead."""
    return _WRITE_SAME_10.build(lba=lba, blocks=blocks, unmap=unmap, anchor=anchor)


def write_same16(
    lba: int, blocks: int, *, unmap: bool = False, anchor: bool = False, no_data: bool = False
) -> bytes:
    """WRITE SAME(16); with `no_data` zeros are written and none is sent."""
    return _WRITE_SAME_16.build(lba=lba, blocks=blocks, unmap=unmap, anchor=anchor, no_data=no_data)


def compare_and_write(lba: int, blocks: int, *, dpo: bool = False, fua: bool = False) -> bytes:
    """COMPARE AND WRITE: up to 255 blocks, sent twice: what must be there, then what to write.

    The sense key is MISCOMPARE, with the offset of the first other byte, where it is not there.
    """
    return _COMPARE_AND_WRITE.build(lba=lba, blocks=blocks, dpo=dpo, fua=fua)


def orwrite(lba: int, blocks: int, *, dpo: bool = False, fua: bool = False) -> bytes:
    """ORWRITE(16): the bits sent are set, the others stay."""
    return _ORWRITE.build(lba=lba, blocks=blocks, dpo=dpo, fua=fua)


def write_atomic16(
    lba: int, blocks: int, *, boundary: int = 0, dpo: bool = False, fua: bool = False
) -> bytes:
    """WRITE ATOMIC(16): all of it or nothing; `boundary` blocks apart it may be cut."""
    return _WRITE_ATOMIC.build(lba=lba, blocks=blocks, boundary=boundary, dpo=dpo, fua=fua)


@dataclass(frozen=True)
class Extent(Record, what="UNMAP block descriptor", size=16):
    """Blocks in a row."""

    lba: Annotated[int, uint(0, 8)] = 0
    blocks: Annotated[int, uint(8, 4)] = 0


@dataclass(frozen=True)
class _UnmapHeader(Record, what="UNMAP data", size=8):
    #: Bytes behind this number.
    length: Annotated[int, uint(0, 2)] = 0
    #: Bytes of block descriptors.
    extents: Annotated[int, uint(2, 2)] = 0


_HEADER, _EXTENT = 8, 16


def unmap(length: int, *, anchor: bool = False, group: int = 0) -> bytes:
    """UNMAP: `length` bytes of ``unmap_data`` are sent; `anchor` keeps the space reserved."""
    return _UNMAP.build(length=length, anchor=anchor, group=group)


def unmap_data(extents: Iterable[Extent]) -> bytes:
    """Return what UNMAP sends: up to 4095 extents."""
    body = b"".join(it.pack() for it in extents)
    return _UnmapHeader(len(body) + _HEADER - 2, len(body)).pack() + body


def unmap_extents(data: Buffer) -> tuple[Extent, ...]:
    """Read what UNMAP sends."""
    size = _UnmapHeader.parse(data).extents
    need(data, _HEADER + size, "UNMAP data")
    if size % _EXTENT:
        raise MalformedDataError(f"UNMAP data: {size} bytes are no whole block descriptors")
    starts = range(_HEADER, _HEADER + size, _EXTENT)
    return tuple(Extent.parse(data[at : at + _EXTENT]) for at in starts)
