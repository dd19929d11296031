# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Page 83h of vital product data: the names of a unit, of its port and of its target."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from rtslib.iscsi.scsi.layout import Record, bit, bits, uint
from rtslib.iscsi.scsi.vpd import page, page_body

if TYPE_CHECKING:
    from rtslib.iscsi.scsi.layout import Buffer

__all__ = ["Association", "Designator", "DesignatorKind", "DeviceIdentification"]


class Association(enum.IntEnum):
    """What a designator names."""

    UNIT = 0
    PORT = 1
    TARGET = 2


class DesignatorKind(enum.IntEnum):
    """How a designator names it (SPC-4, 7.8.6)."""

    VENDOR = 0x0
    T10 = 0x1
    EUI64 = 0x2
    NAA = 0x3
    RELATIVE_PORT = 0x4
    PORT_GROUP = 0x5
    UNIT_GROUP = 0x6
    MD5 = 0x7
    SCSI_NAME = 0x8
    PROTOCOL_PORT = 0x9
    UUID = 0xA


@dataclass(frozen=True)
class _DesignatorHeader(Record, what="designator", size=4):
    protocol: Annotated[int, bits(0, 7, 4)] = 0
    code_set: Annotated[int, bits(0, 3, 0)] = 1
    has_protocol: Annotated[bool, bit(1, 7)] = False
    association: Annotated[int, bits(1, 5, 4)] = 0
    kind: Annotated[int, bits(1, 3, 0)] = 0
    length: Annotated[int, uint(3)] = 0


_BINARY = 1


@dataclass(frozen=True)
class Designator:
    """One name of a unit, of its port or of its target. `kind` and `association` are the numbers.

    `code_set` 1 is binary, 2 ASCII, 3 UTF-8; `protocol` None where it is of none.
    """

    kind: int
    value: bytes
    association: int = Association.UNIT
    code_set: int = _BINARY
    protocol: int | None = None

    @property
    def text(self) -> str:
        """The name as people write it: text as it is, ``naa.`` and digits, a number, or digits."""
        if self.code_set != _BINARY:
            return self.value.decode("utf-8", "backslashreplace").rstrip(" \0")
        numbered = (
            DesignatorKind.RELATIVE_PORT,
            DesignatorKind.PORT_GROUP,
            DesignatorKind.UNIT_GROUP,
        )
        if self.kind in numbered:
            return str(int.from_bytes(self.value[2:4], "big"))
        return _PREFIXES.get(self.kind, "") + self.value.hex()

    @property
    def kind_name(self) -> str:
        """How it names it, in words."""
        return _KINDS.get(self.kind, f"designator of type {self.kind:#x}")

    @property
    def association_name(self) -> str:
        """What it names, in words."""
        return _ASSOCIATIONS.get(self.association, f"association {self.association}")


_PREFIXES: dict[int, str] = {DesignatorKind.NAA: "naa.", DesignatorKind.EUI64: "eui."}
_KINDS: dict[int, str] = {
    DesignatorKind.VENDOR: "vendor's own",
    DesignatorKind.T10: "T10 vendor",
    DesignatorKind.EUI64: "EUI-64",
    DesignatorKind.NAA: "NAA",
    DesignatorKind.RELATIVE_PORT: "relative port",
    DesignatorKind.PORT_GROUP: "target port group",
    DesignatorKind.UNIT_GROUP: "logical unit group",
    DesignatorKind.MD5: "MD5 of the unit",
    DesignatorKind.SCSI_NAME: "SCSI name",
    DesignatorKind.PROTOCOL_PORT: "port of the protocol",
    DesignatorKind.UUID: "UUID",
}
_ASSOCIATIONS: dict[int, str] = {
    Association.UNIT: "unit",
    Association.PORT: "port",
    Association.TARGET: "target",
}


@dataclass(frozen=True)
class DeviceIdentification:
    """Page 83h: all names of a unit and of the port it was reached through."""

    designators: tuple[Designator, ...]

    @classmethod
    def parse(cls, data: Buffer) -> DeviceIdentification:
        """Read the page."""
        found = []
        for head, value in _DesignatorHeader.each(page_body(data, 0x83), lambda it: it.length):
            protocol = head.protocol if head.has_protocol else None
            found.append(Designator(head.kind, value, head.association, head.code_set, protocol))
        return cls(tuple(found))

    def pack(self) -> bytes:
        """Return the page."""
        return page(0x83, b"".join(map(self._designator, self.designators)))

    @staticmethod
    def _designator(it: Designator) -> bytes:
        head = _DesignatorHeader(
            protocol=it.protocol or 0,
            code_set=it.code_set,
            has_protocol=it.protocol is not None,
            association=it.association,
            kind=it.kind,
            length=len(it.value),
        )
        return head.pack() + it.value

    def of(
        self, kind: DesignatorKind, association: Association = Association.UNIT
    ) -> Designator | None:
        """Return the first name of a kind, None if there is none."""
        fits = (it for it in self.designators if (it.kind, it.association) == (kind, association))
        return next(fits, None)

    @property
    def naa(self) -> str | None:
        """The NAA name of the unit, as ``naa.`` and its digits."""
        found = self.of(DesignatorKind.NAA)
        return found.text if found else None
