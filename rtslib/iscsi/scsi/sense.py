# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Sense data: why a command did not do what it was to do (SPC-4, 4.5), in both formats."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from rtslib.iscsi.scsi.layout import (
    MalformedDataError,
    Record,
    as_bytes,
    bit,
    bits,
    need,
    uint,
)
from rtslib.iscsi.scsi.reasons import reason
from rtslib.iscsi.scsi.status import status_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.iscsi.scsi.layout import Buffer

__all__ = ["FieldPointer", "Sense", "SenseKey", "explain"]


class SenseKey(enum.IntEnum):
    """What kind of trouble it is."""

    NO_SENSE = 0x0
    RECOVERED_ERROR = 0x1
    NOT_READY = 0x2
    MEDIUM_ERROR = 0x3
    HARDWARE_ERROR = 0x4
    ILLEGAL_REQUEST = 0x5
    UNIT_ATTENTION = 0x6
    DATA_PROTECT = 0x7
    BLANK_CHECK = 0x8
    VENDOR_SPECIFIC = 0x9
    COPY_ABORTED = 0xA
    ABORTED_COMMAND = 0xB
    RESERVED = 0xC
    VOLUME_OVERFLOW = 0xD
    MISCOMPARE = 0xE
    COMPLETED = 0xF


@dataclass(frozen=True)
class _Fixed(Record, what="fixed sense data", size=18, required=8):
    valid: Annotated[bool, bit(0, 7)] = False
    code: Annotated[int, bits(0, 6)] = 0x70
    filemark: Annotated[bool, bit(2, 7)] = False
    end_of_medium: Annotated[bool, bit(2, 6)] = False
    wrong_length: Annotated[bool, bit(2, 5)] = False
    key: Annotated[int, bits(2, 3)] = 0
    information: Annotated[int, uint(3, 4)] = 0
    additional: Annotated[int, uint(7)] = 10
    command: Annotated[int, uint(8, 4)] = 0
    asc: Annotated[int, uint(12)] = 0
    ascq: Annotated[int, uint(13)] = 0
    specific: Annotated[int, uint(15, 3)] = 0


@dataclass(frozen=True)
class _Descriptor(Record, what="descriptor sense data", size=8):
    code: Annotated[int, bits(0, 6)] = 0x72
    key: Annotated[int, bits(1, 3)] = 0
    asc: Annotated[int, uint(2)] = 0
    ascq: Annotated[int, uint(3)] = 0
    additional: Annotated[int, uint(7)] = 0


@dataclass(frozen=True)
class _Information(Record, what="sense descriptor", size=12):
    """Descriptors 00h and 01h: a number of eight bytes."""

    kind: Annotated[int, uint(0)] = 0
    length: Annotated[int, uint(1)] = 10
    valid: Annotated[bool, bit(2, 7)] = True
    value: Annotated[int, uint(4, 8)] = 0


@dataclass(frozen=True)
class _Specific(Record, what="sense descriptor", size=8):
    """Descriptor 02h: three bytes whose meaning the sense key decides."""

    kind: Annotated[int, uint(0)] = 2
    length: Annotated[int, uint(1)] = 6
    value: Annotated[int, uint(4, 3)] = 0


@dataclass(frozen=True)
class _Stream(Record, what="sense descriptor", size=4):
    """Descriptors 04h and 05h: the flags of tapes and of blocks."""

    kind: Annotated[int, uint(0)] = 4
    length: Annotated[int, uint(1)] = 2
    filemark: Annotated[bool, bit(3, 7)] = False
    end_of_medium: Annotated[bool, bit(3, 6)] = False
    wrong_length: Annotated[bool, bit(3, 5)] = False


_INFORMATION, _COMMAND, _SPECIFIC, _STREAM, _BLOCK = 0, 1, 2, 4, 5
_FIXED, _DESCRIPTOR = (0x70, 0x71), (0x72, 0x73)
_HEADER = 8
#: Of the three bytes that the key decides: whether they mean anything.
_SPECIFIC_VALID = 0x800000


@dataclass(frozen=True)
class FieldPointer:
    """Which field of a command, or of the data sent with it, was refused."""

    in_command: bool
    byte: int
    bit: int | None = None

    def __str__(self) -> str:
        place = f"byte {self.byte}" if self.bit is None else f"byte {self.byte} bit {self.bit}"
        return f"{place} of the {'command' if self.in_command else 'data sent'}"


@dataclass(frozen=True)
class Sense:
    """What a target says of a command that had a check condition.

    `information` and `command_information` are None where they are not told; `specific` is the
    three bytes whose meaning depends on the key. `deferred`: it is about an earlier command.
    """

    key: SenseKey
    asc: int = 0
    ascq: int = 0
    deferred: bool = False
    information: int | None = None
    command_information: int | None = None
    specific: int | None = None
    filemark: bool = False
    end_of_medium: bool = False
    wrong_length: bool = False

    #: What most targets send where they know nothing better.
    SIZE: ClassVar[int] = 18

    @classmethod
    def parse(cls, data: Buffer) -> Sense:
        """Read sense data in any format; MalformedDataError for what is none."""
        need(data, 1, "sense data")
        code = data[0] & 0x7F
        if code in _FIXED:
            return cls._fixed(_Fixed.parse(data))
        if code in _DESCRIPTOR:
            return cls._descriptors(data)
        raise MalformedDataError(f"sense data: {code:#04x} is no format of it")

    @classmethod
    def _fixed(cls, it: _Fixed) -> Sense:
        return cls(
            SenseKey(it.key),
            it.asc,
            it.ascq,
            deferred=it.code == _FIXED[1],
            information=it.information if it.valid else None,
            command_information=it.command or None,
            specific=it.specific & ~_SPECIFIC_VALID if it.specific & _SPECIFIC_VALID else None,
            filemark=it.filemark,
            end_of_medium=it.end_of_medium,
            wrong_length=it.wrong_length,
        )

    @classmethod
    def _descriptors(cls, data: Buffer) -> Sense:
        head = _Descriptor.parse(data)
        body = as_bytes(data[_HEADER : _HEADER + head.additional])
        found = dict(_split(body))
        information = found.get(_INFORMATION)
        number = _Information.parse(information) if information else None
        command = found.get(_COMMAND)
        specific = _Specific.parse(found[_SPECIFIC]).value if _SPECIFIC in found else 0
        stream = found.get(_STREAM) or found.get(_BLOCK)
        flags = _Stream.parse(stream) if stream else _Stream()
        return cls(
            SenseKey(head.key),
            head.asc,
            head.ascq,
            deferred=head.code == _DESCRIPTOR[1],
            information=number.value if number and number.valid else None,
            command_information=_Information.parse(command).value if command else None,
            specific=specific & ~_SPECIFIC_VALID if specific & _SPECIFIC_VALID else None,
            filemark=flags.filemark,
            end_of_medium=flags.end_of_medium,
            wrong_length=flags.wrong_length,
        )

    def pack_fixed(self) -> bytes:
        """Return it in the fixed format, which has four bytes for a number."""
        return _Fixed(
            self.information is not None,
            _FIXED[self.deferred],
            self.filemark,
            self.end_of_medium,
            self.wrong_length,
            self.key,
            self.information or 0,
            self.SIZE - _HEADER,
            self.command_information or 0,
            self.asc,
            self.ascq,
            0 if self.specific is None else self.specific | _SPECIFIC_VALID,
        ).pack()

    def pack_descriptors(self) -> bytes:
        """Return it in the format of descriptors."""
        body = b"".join(it.pack() for it in self._as_descriptors())
        head = _Descriptor(_DESCRIPTOR[self.deferred], self.key, self.asc, self.ascq, len(body))
        return head.pack() + body

    def _as_descriptors(self) -> Iterator[Record]:
        if self.information is not None:
            yield _Information(_INFORMATION, value=self.information)
        if self.command_information is not None:
            yield _Information(_COMMAND, valid=False, value=self.command_information)
        if self.specific is not None:
            yield _Specific(value=self.specific | _SPECIFIC_VALID)
        if self.filemark or self.end_of_medium or self.wrong_length:
            yield _Stream(
                filemark=self.filemark,
                end_of_medium=self.end_of_medium,
                wrong_length=self.wrong_length,
            )

    @property
    def reason(self) -> str:
        """The additional sense code in words, '' where it says nothing."""
        return reason(self.asc, self.ascq)

    @property
    def field_pointer(self) -> FieldPointer | None:
        """Which field of an illegal request was refused, None if that is not told."""
        if self.key is not SenseKey.ILLEGAL_REQUEST or self.specific is None:
            return None
        first = self.specific >> 16
        number = first & 0x07 if first & 0x08 else None
        return FieldPointer(bool(first & 0x40), self.specific & 0xFFFF, number)

    @property
    def progress(self) -> float | None:
        """How far a unit that is not ready is, from 0 to 1; None if that is not told."""
        if self.key not in (SenseKey.NOT_READY, SenseKey.NO_SENSE) or self.specific is None:
            return None
        return (self.specific & 0xFFFF) / 0x10000

    def __str__(self) -> str:
        text = self.key.name.replace("_", " ").lower()
        if self.asc or self.ascq:
            text += f": {self.reason} ({self.asc:02x}h/{self.ascq:02x}h)"
        if self.field_pointer:
            text += f", at {self.field_pointer}"
        if self.information is not None:
            text += f", information {self.information}"
        if self.progress is not None:
            text += f", {self.progress:.0%} done"
        return f"{text}, about an earlier command" if self.deferred else text


def _split(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield descriptors by their types."""
    while data:
        need(data, 2, "sense descriptor")
        end = 2 + data[1]
        need(data, end, "sense descriptor")
        yield data[0], data[:end]
        data = data[end:]


def explain(status: int, sense: Buffer = b"") -> str:
    """Return in words how a command ended; never fails, whatever the target sent."""
    name = status_name(status)
    if not sense:
        return name
    try:
        return f"{name}: {Sense.parse(sense)}"
    except MalformedDataError:
        return f"{name}, with sense data that cannot be read: {as_bytes(sense).hex(' ')}"
