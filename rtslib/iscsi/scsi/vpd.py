# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Pages of vital product data, as INQUIRY answers them; the names of page 83h stand apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from rtslib.errors import InvalidValueError
from rtslib.iscsi.scsi.layout import MalformedDataError, Record, bit, bits, counted, need, uint

if TYPE_CHECKING:
    from typing_extensions import Self

    from rtslib.iscsi.scsi.layout import Buffer

__all__ = [
    "BlockCharacteristics",
    "BlockLimits",
    "SupportedPages",
    "ThinProvisioning",
    "ThirdPartyCopy",
    "UnitSerial",
    "page",
    "page_body",
]

_HEADER = 4


def page_body(data: Buffer, code: int) -> bytes:
    """Return what stands in a page behind its header; refuse another page than `code`."""
    what = f"page {code:02x}h"
    need(data, _HEADER, what)
    if data[1] != code:
        raise MalformedDataError(f"{what} was asked for, and page {data[1]:02x}h came")
    return counted(data, what, 2)


def page(code: int, body: bytes) -> bytes:
    """Return a page with its header."""
    if len(body) > 0xFFFF:  # noqa: PLR2004 - what two bytes hold
        raise InvalidValueError(f"page {code:02x}h: {len(body)} bytes are more than a page has")
    return bytes((0, code)) + len(body).to_bytes(2, "big") + body


@dataclass(frozen=True)
class SupportedPages:
    """Page 00h: which pages there are."""

    pages: tuple[int, ...]

    @classmethod
    def parse(cls, data: Buffer) -> SupportedPages:
        """Read the page."""
        return cls(tuple(page_body(data, 0x00)))

    def pack(self) -> bytes:
        """Return the page."""
        return page(0x00, bytes(self.pages))


@dataclass(frozen=True)
class UnitSerial:
    """Page 80h: the serial number of the unit."""

    serial: str

    @classmethod
    def parse(cls, data: Buffer) -> UnitSerial:
        """Read the page; LIO ends the number with a NUL, others fill it up with blanks."""
        return cls(page_body(data, 0x80).decode("latin-1").strip(" \0"))

    def pack(self) -> bytes:
        """Return the page."""
        return page(0x80, self.serial.encode("latin-1"))


@dataclass(frozen=True)
class ThirdPartyCopy:
    """Page 8Fh: what EXTENDED COPY may be asked: descriptors, each a type and its content."""

    descriptors: tuple[tuple[int, bytes], ...]

    @classmethod
    def parse(cls, data: Buffer) -> ThirdPartyCopy:
        """Read the page."""
        body = page_body(data, 0x8F)
        found = []
        while body:
            need(body, _HEADER, "third-party copy descriptor")
            end = _HEADER + int.from_bytes(body[2:4], "big")
            need(body, end, "third-party copy descriptor")
            found.append((int.from_bytes(body[:2], "big"), body[_HEADER:end]))
            body = body[end:]
        return cls(tuple(found))

    def pack(self) -> bytes:
        """Return the page."""
        parts = (
            kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content
            for kind, content in self.descriptors
        )
        return page(0x8F, b"".join(parts))


class _Structure(Record, what="page", size=_HEADER):
    """A page that is one structure, its header included."""

    _code: ClassVar[int]

    def __init_subclass__(cls, code: int, size: int, required: int | None = None) -> None:
        super().__init_subclass__(f"page {code:02x}h", size, required)
        cls._code = code

    @classmethod
    def parse(cls, data: Buffer) -> Self:
        """Read the page; what older standards did not have yet is zero."""
        return super().parse(bytes(_HEADER) + page_body(data, cls._code))

    def pack(self) -> bytes:
        """Return the page."""
        return page(self._code, super().pack()[_HEADER:])


@dataclass(frozen=True)
class BlockLimits(_Structure, code=0xB0, size=64, required=8):
    """Page B0h: how much may be asked at once. All counts are of blocks; 0 is: not told."""

    #: Whether WRITE SAME takes no count for "up to the end".
    write_same_nonzero: Annotated[bool, bit(4, 0)] = False
    max_compare_and_write: Annotated[int, uint(5)] = 0
    optimal_granularity: Annotated[int, uint(6, 2)] = 0
    max_transfer: Annotated[int, uint(8, 4)] = 0
    optimal_transfer: Annotated[int, uint(12, 4)] = 0
    max_prefetch: Annotated[int, uint(16, 4)] = 0
    max_unmap: Annotated[int, uint(20, 4)] = 0
    #: How many extents one UNMAP may have.
    max_unmap_extents: Annotated[int, uint(24, 4)] = 0
    unmap_granularity: Annotated[int, uint(28, 4)] = 0
    unmap_alignment_valid: Annotated[bool, bit(32, 7)] = False
    unmap_alignment: Annotated[int, bits(32, 30, 0, size=4)] = 0
    max_write_same: Annotated[int, uint(36, 8)] = 0
    max_atomic: Annotated[int, uint(44, 4)] = 0
    atomic_alignment: Annotated[int, uint(48, 4)] = 0
    atomic_granularity: Annotated[int, uint(52, 4)] = 0
    max_atomic_with_boundary: Annotated[int, uint(56, 4)] = 0
    max_atomic_boundary: Annotated[int, uint(60, 4)] = 0


@dataclass(frozen=True)
class BlockCharacteristics(_Structure, code=0xB1, size=64, required=8):
    """Page B1h: what the medium is like."""

    #: Turns in a minute; 0: not told; 1: nothing turns.
    rotation: Annotated[int, uint(4, 2)] = 0
    product_type: Annotated[int, uint(6)] = 0
    #: 1: 5.25 inches; 2: 3.5; 3: 2.5; 4: 1.8; 5: less.
    form_factor: Annotated[int, bits(7, 3, 0)] = 0
    fua_valid: Annotated[bool, bit(8, 1)] = False

    @property
    def is_solid_state(self) -> bool:
        """Whether nothing turns in it."""
        return self.rotation == 1


@dataclass(frozen=True)
class ThinProvisioning(_Structure, code=0xB2, size=8):
    """Page B2h: by which commands blocks are freed, and what they read as then."""

    threshold_exponent: Annotated[int, uint(4)] = 0
    unmap: Annotated[bool, bit(5, 7)] = False
    write_same16: Annotated[bool, bit(5, 6)] = False
    write_same10: Annotated[bool, bit(5, 5)] = False
    #: 1: zeros.
    reads_zeros: Annotated[int, bits(5, 4, 2)] = 0
    anchors: Annotated[bool, bit(5, 1)] = False
    has_group: Annotated[bool, bit(5, 0)] = False
    #: 0: not told; 1: full; 2: thin.
    provisioning: Annotated[int, bits(6, 2, 0)] = 0
