# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Mode parameters: MODE SENSE and MODE SELECT, their headers and the pages of disks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar

from rtslib.errors import InvalidValueError
from rtslib.iscsi.scsi.cdb import Command
from rtslib.iscsi.scsi.layout import (
    MalformedDataError,
    Record,
    as_bytes,
    bit,
    bits,
    need,
    uint,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.iscsi.scsi.layout import Buffer

__all__ = [
    "ALL_PAGES",
    "CachingPage",
    "ControlPage",
    "ModePage",
    "ModeParameters",
    "mode_select6",
    "mode_select10",
    "mode_sense6",
    "mode_sense10",
]

#: Asks for every page.
ALL_PAGES = 0x3F

_WHICH = {"no_descriptors": bit(1, 3), "control": bits(2, 7, 6), "page": bits(2, 5), "sub": uint(3)}
_HOW = {"page_format": bit(1, 4), "save": bit(1, 0)}
_MODE_SENSE_6 = Command("MODE SENSE(6)", 0x1A, {**_WHICH, "length": uint(4)})
_MODE_SENSE_10 = Command("MODE SENSE(10)", 0x5A, {**_WHICH, "length": uint(7, 2)})
_MODE_SELECT_6 = Command("MODE SELECT(6)", 0x15, {**_HOW, "length": uint(4)})
_MODE_SELECT_10 = Command("MODE SELECT(10)", 0x55, {**_HOW, "length": uint(7, 2)})


def mode_sense6(
    page: int = ALL_PAGES,
    sub: int = 0,
    *,
    control: int = 0,
    length: int = 252,
    no_descriptors: bool = False,
) -> bytes:
    """MODE SENSE(6): `control` 0 current values, 1 what can change, 2 defaults, 3 what is saved."""
    return _MODE_SENSE_6.build(
        page=page, sub=sub, control=control, length=length, no_descriptors=no_descriptors
    )


def mode_sense10(
    page: int = ALL_PAGES,
    sub: int = 0,
    *,
    control: int = 0,
    length: int = 4096,
    no_descriptors: bool = False,
) -> bytes:
    """MODE SENSE(10), see (6)."""
    return _MODE_SENSE_10.build(
        page=page, sub=sub, control=control, length=length, no_descriptors=no_descriptors
    )


def mode_select6(length: int, *, save: bool = False) -> bytes:
    """MODE SELECT(6): `length` bytes of parameters are sent, and kept for good with `save`."""
    return _MODE_SELECT_6.build(length=length, page_format=True, save=save)


def mode_select10(length: int, *, save: bool = False) -> bytes:
    """MODE SELECT(10), see (6)."""
    return _MODE_SELECT_10.build(length=length, page_format=True, save=save)


@dataclass(frozen=True)
class _Header6(Record, what="mode parameter header(6)", size=4):
    #: Bytes behind this number.
    length: Annotated[int, uint(0)] = 0
    medium: Annotated[int, uint(1)] = 0
    specific: Annotated[int, uint(2)] = 0
    descriptors: Annotated[int, uint(3)] = 0
    #: There is no room for it here: such descriptors are short ones.
    long_lba: ClassVar[bool] = False
    LENGTH_BYTES: ClassVar[int] = 1


@dataclass(frozen=True)
class _Header10(Record, what="mode parameter header(10)", size=8):
    length: Annotated[int, uint(0, 2)] = 0
    medium: Annotated[int, uint(2)] = 0
    specific: Annotated[int, uint(3)] = 0
    long_lba: Annotated[bool, bit(4, 0)] = False
    descriptors: Annotated[int, uint(6, 2)] = 0
    LENGTH_BYTES: ClassVar[int] = 2


_WRITE_PROTECTED, _DPO_FUA = 0x80, 0x10


@dataclass(frozen=True)
class ModePage:
    """A page that is not told apart further: its numbers, and what stands behind its header.

    `sub` is None for a page that has no subpages.
    """

    code: int
    body: bytes
    sub: int | None = None
    savable: bool = False

    def pack(self) -> bytes:
        """Return the page."""
        first = self.code | (0x80 if self.savable else 0)
        try:
            if self.sub is None:
                return bytes((first, len(self.body))) + self.body
            return bytes((first | 0x40, self.sub)) + len(self.body).to_bytes(2, "big") + self.body
        except (ValueError, OverflowError) as error:
            raise InvalidValueError(f"mode page {self.code:02x}h has no room for this") from error


@dataclass(frozen=True)
class CachingPage(Record, what="caching mode page", size=20, required=3):
    """Mode page 08h."""

    CODE: ClassVar[int] = 0x08

    write_cache: Annotated[bool, bit(2, 2)] = False
    #: Whether reads must not be answered from the cache.
    read_cache_off: Annotated[bool, bit(2, 0)] = False


@dataclass(frozen=True)
class ControlPage(Record, what="control mode page", size=12, required=6):
    """Mode page 0Ah."""

    CODE: ClassVar[int] = 0x0A

    #: 0: each initiator has a task set of its own, or all have one.
    task_set: Annotated[int, bits(2, 7, 5)] = 0
    #: Whether sense data comes as descriptors.
    descriptor_sense: Annotated[bool, bit(2, 2)] = False
    #: 0: commands are not reordered where it would be seen; 1: they may be.
    reordering: Annotated[int, bits(3, 7, 4)] = 0
    unit_attention_interlock: Annotated[int, bits(4, 5, 4)] = 0
    #: Write protection by software: of the initiator itself.
    software_write_protect: Annotated[bool, bit(4, 3)] = False
    #: Whether a command that is aborted by another initiator ends with TASK ABORTED.
    tells_aborted: Annotated[bool, bit(5, 6)] = False


@dataclass(frozen=True)
class ModeParameters:
    """What MODE SENSE answers. `descriptors` are the block descriptors as they came.

    `write_protected` is the WP bit: writes of this initiator are refused.
    """

    medium: int = 0
    write_protected: bool = False
    dpo_fua: bool = False
    long_lba: bool = False
    descriptors: bytes = b""
    pages: tuple[ModePage, ...] = field(default=())

    @classmethod
    def parse6(cls, data: Buffer) -> ModeParameters:
        """Read what MODE SENSE(6) answers."""
        return cls._parse(_Header6.parse(data), 4, data)

    @classmethod
    def parse10(cls, data: Buffer) -> ModeParameters:
        """Read what MODE SENSE(10) answers."""
        return cls._parse(_Header10.parse(data), 8, data)

    @classmethod
    def _parse(cls, head: _Header6 | _Header10, size: int, data: Buffer) -> ModeParameters:
        end = min(head.length + head.LENGTH_BYTES, len(data))
        behind = size + head.descriptors
        if end < behind:
            raise MalformedDataError(f"mode parameters: {behind} bytes were needed, {end} came")
        return cls(
            head.medium,
            bool(head.specific & _WRITE_PROTECTED),
            bool(head.specific & _DPO_FUA),
            head.long_lba,
            as_bytes(data[size:behind]),
            tuple(_pages(as_bytes(data[behind:end]))),
        )

    def pack6(self) -> bytes:
        """Return it as MODE SENSE(6) answers it."""
        body = self._body()
        return (
            _Header6(len(body) + 3, self.medium, self._specific(), len(self.descriptors)).pack()
            + body
        )

    def pack10(self) -> bytes:
        """Return it as MODE SENSE(10) answers it."""
        body = self._body()
        return (
            _Header10(
                len(body) + 6, self.medium, self._specific(), self.long_lba, len(self.descriptors)
            ).pack()
            + body
        )

    def _body(self) -> bytes:
        return self.descriptors + b"".join(it.pack() for it in self.pages)

    def _specific(self) -> int:
        return _WRITE_PROTECTED * self.write_protected | _DPO_FUA * self.dpo_fua

    @property
    def caching(self) -> CachingPage | None:
        """The caching page, None where it did not come."""
        data = self._page(CachingPage.CODE)
        return CachingPage.parse(data) if data is not None else None

    @property
    def control(self) -> ControlPage | None:
        """The control page, None where it did not come."""
        data = self._page(ControlPage.CODE)
        return ControlPage.parse(data) if data is not None else None

    def _page(self, code: int) -> bytes | None:
        return next((it.pack() for it in self.pages if it.code == code and not it.sub), None)


def _pages(data: bytes) -> Iterator[ModePage]:
    while data:
        head = 4 if data[0] & 0x40 else 2
        need(data, head, "mode page")
        end = head + int.from_bytes(data[head // 2 : head], "big")
        need(data, end, f"mode page {data[0] & ALL_PAGES:02x}h")
        sub = data[1] if head == 4 else None  # noqa: PLR2004 - the header of a subpage
        yield ModePage(data[0] & ALL_PAGES, data[head:end], sub, bool(data[0] & 0x80))
        data = data[end:]
