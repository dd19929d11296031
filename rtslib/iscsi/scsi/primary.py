# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Commands that every device has (SPC-4): is it ready, what went wrong, which LUNs are there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from rtslib.iscsi.scsi.cdb import Command
from rtslib.iscsi.scsi.layout import MalformedDataError, Record, bit, bits, uint
from rtslib.iscsi.scsi.lun import Lun

if TYPE_CHECKING:
    from rtslib.iscsi.scsi.layout import Buffer

__all__ = [
    "LunList",
    "prevent_allow_medium_removal",
    "release6",
    "report_luns",
    "request_sense",
    "reserve6",
    "start_stop_unit",
    "test_unit_ready",
]

_TEST_UNIT_READY = Command("TEST UNIT READY", 0x00, {})
_REQUEST_SENSE = Command("REQUEST SENSE", 0x03, {"descriptor": bit(1, 0), "length": uint(4)})
_RESERVE_6 = Command("RESERVE(6)", 0x16, {})
_RELEASE_6 = Command("RELEASE(6)", 0x17, {})
_START_STOP = Command(
    "START STOP UNIT",
    0x1B,
    {
        "immediate": bit(1, 0),
        "power": bits(4, 7, 4),
        "no_flush": bit(4, 2),
        "load": bit(4, 1),
        "start": bit(4, 0),
    },
)
_PREVENT = Command("PREVENT ALLOW MEDIUM REMOVAL", 0x1E, {"prevent": bits(4, 1, 0)})
_REPORT_LUNS = Command("REPORT LUNS", 0xA0, {"select": uint(2), "length": uint(6, 4)})


def test_unit_ready() -> bytes:
    """TEST UNIT READY: a check condition where commands on its medium would fail."""
    return _TEST_UNIT_READY.build()


def request_sense(length: int = 252, *, descriptor: bool = False) -> bytes:
    """REQUEST SENSE: up to `length` bytes, in the format of descriptors if so asked."""
    return _REQUEST_SENSE.build(length=length, descriptor=descriptor)


def reserve6() -> bytes:
    """RESERVE(6): the whole unit, for this session."""
    return _RESERVE_6.build()


def release6() -> bytes:
    """RELEASE(6): end of RESERVE(6)."""
    return _RELEASE_6.build()


def start_stop_unit(
    *,
    start: bool = False,
    load: bool = False,
    no_flush: bool = False,
    power: int = 0,
    immediate: bool = False,
) -> bytes:
    """START STOP UNIT: `load` also loads the medium, or ejects it."""
    return _START_STOP.build(
        start=start, load=load, no_flush=no_flush, power=power, immediate=immediate
    )


def prevent_allow_medium_removal(prevent: int) -> bytes:
    """PREVENT ALLOW MEDIUM REMOVAL: 0 allows it, 1 prevents it."""
    return _PREVENT.build(prevent=prevent)


def report_luns(length: int = 16384, *, select: int = 0) -> bytes:
    """REPORT LUNS: up to `length` bytes; `select` 1 asks for well-known ones, 2 for all."""
    return _REPORT_LUNS.build(length=length, select=select)


_HEADER, _ENTRY = 8, 8


@dataclass(frozen=True)
class _LunListHeader(Record, what="REPORT LUNS data", size=8):
    length: Annotated[int, uint(0, 4)] = 0


@dataclass(frozen=True)
class LunList:
    """The LUNs that a target shows this initiator.

    `needed` is how many bytes the whole answer has: ask again for so many where fewer came.
    """

    luns: tuple[Lun, ...]
    needed: int

    @classmethod
    def parse(cls, data: Buffer) -> LunList:
        """Read what REPORT LUNS answers: as many of the LUNs as have come whole."""
        size = _LunListHeader.parse(data).length
        if size % _ENTRY:
            raise MalformedDataError(f"REPORT LUNS data: {size} bytes are no whole LUNs")
        came = (len(data) - _HEADER) // _ENTRY * _ENTRY
        starts = range(_HEADER, _HEADER + min(size, came), _ENTRY)
        return cls(tuple(Lun.parse(data[at : at + _ENTRY]) for at in starts), _HEADER + size)

    def pack(self) -> bytes:
        """Return what REPORT LUNS answers."""
        body = b"".join(it.wire for it in self.luns)
        return _LunListHeader(len(body)).pack() + body
