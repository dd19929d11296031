# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""LUNs as they travel: eight bytes, in which a number can stand in several forms (SAM-5, 4.7)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from rtslib.errors import InvalidValueError
from rtslib.iscsi.scsi.layout import Buffer, MalformedDataError, as_bytes, need

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Form", "Lun"]

SIZE = 8

_MAX_PERIPHERAL, _MAX_FLAT, _MAX_EXTENDED = 0xFF, 0x3FFF, 0xFFFFFF
#: The first byte of the only extended form that carries a number of a LUN: three bytes of it.
_EXTENDED = 0xD2
_WELL_KNOWN = 0xC1


class Form(enum.Enum):
    """In which form a LUN travels."""

    PERIPHERAL = "peripheral"
    FLAT = "flat"
    EXTENDED = "extended"
    WELL_KNOWN = "well known"


class Lun(int):
    """A LUN's number that keeps the eight bytes in which a target sent it.

    A target need not know the same number in another form: LIO sends 256 as bus 1 of the
    peripheral form, and takes it in no other. So what is asked for again goes as it came.
    """

    wire: bytes

    def __new__(cls, number: int, wire: bytes | None = None) -> Self:
        """Make a LUN, by default in the shortest form that has room for the number."""
        made = super().__new__(cls, number)
        made.wire = _spelled(number) if wire is None else wire
        return made

    @classmethod
    def parse(cls, data: Buffer) -> Self:
        """Read eight bytes; MalformedDataError for a form that nobody uses over a network."""
        need(data, SIZE, "LUN")
        wire = as_bytes(data[:SIZE])
        method = wire[0] >> 6
        if wire[0] == _EXTENDED and not any(wire[4:]):
            return cls(int.from_bytes(wire[1:4], "big"), wire)
        if wire[0] == _WELL_KNOWN and not any(wire[2:]):
            return cls(wire[1], wire)
        if method <= 1 and not any(wire[2:]):
            return cls(int.from_bytes(wire[:2], "big") & _MAX_FLAT, wire)
        raise MalformedDataError(f"{wire.hex(' ')} is a LUN of several levels, or of no known form")

    @property
    def form(self) -> Form:
        """The form that it travels in."""
        if self.wire[0] == _WELL_KNOWN:
            return Form.WELL_KNOWN
        return (Form.PERIPHERAL, Form.FLAT, Form.EXTENDED, Form.EXTENDED)[self.wire[0] >> 6]

    @property
    def linux(self) -> int:
        """The number by which Linux knows it, as target and as initiator: the form is part of it.

        include/scsi/scsi_common.h, scsilun_to_int(): pairs of bytes, the least significant first.
        """
        pairs = (self.wire[at : at + 2] for at in range(0, SIZE, 2))
        return sum(int.from_bytes(it, "big") << 16 * at for at, it in enumerate(pairs))

    @classmethod
    def from_linux(cls, number: int) -> Self:
        """Return the LUN that Linux knows by a number."""
        pairs = ((number >> 16 * at & 0xFFFF).to_bytes(2, "big") for at in range(SIZE // 2))
        return cls.parse(b"".join(pairs))


def _spelled(number: int) -> bytes:
    if 0 <= number <= _MAX_PERIPHERAL:
        short = bytes((0, number))
    elif 0 <= number <= _MAX_FLAT:
        short = (0x4000 | number).to_bytes(2, "big")
    elif 0 <= number <= _MAX_EXTENDED:
        short = bytes((_EXTENDED,)) + number.to_bytes(3, "big")
    else:
        raise InvalidValueError(f"{number} is no LUN: 0 to {_MAX_EXTENDED}")
    return short.ljust(SIZE, b"\0")
