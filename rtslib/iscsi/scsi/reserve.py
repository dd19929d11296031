# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Persistent reservations (SPC-4, 5.12): PERSISTENT RESERVE IN and OUT, and what they carry."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from rtslib.iscsi.scsi.cdb import Command
from rtslib.iscsi.scsi.layout import (
    MalformedDataError,
    Record,
    as_bytes,
    bit,
    bits,
    need,
    raw,
    uint,
)

if TYPE_CHECKING:
    from rtslib.iscsi.scsi.layout import Buffer

__all__ = [
    "FullStatus",
    "RegisteredKeys",
    "Registrant",
    "Reservation",
    "ReservationType",
    "ReserveCapabilities",
    "ReserveParameters",
    "read_full_status",
    "read_keys",
    "read_reservation",
    "report_capabilities",
    "reserve_out",
]

_LENGTH = {"length": uint(7, 2)}
_READ_KEYS = Command("PERSISTENT RESERVE IN, READ KEYS", 0x5E, _LENGTH, service=0)
_READ_RESERVATION = Command("PERSISTENT RESERVE IN, READ RESERVATION", 0x5E, _LENGTH, service=1)
_CAPABILITIES = Command("PERSISTENT RESERVE IN, REPORT CAPABILITIES", 0x5E, _LENGTH, service=2)
_FULL_STATUS = Command("PERSISTENT RESERVE IN, READ FULL STATUS", 0x5E, _LENGTH, service=3)

#: What PERSISTENT RESERVE OUT does, by its service action.
_ACTIONS = {
    "register": 0,
    "reserve": 1,
    "release": 2,
    "clear": 3,
    "preempt": 4,
    "preempt and abort": 5,
    "register and ignore": 6,
    "register and move": 7,
}
_OUT = {
    action: Command(
        f"PERSISTENT RESERVE OUT, {action.upper()}",
        0x5F,
        {"scope": bits(2, 7, 4), "type": bits(2, 3), "length": uint(5, 4)},
        service=number,
    )
    for action, number in _ACTIONS.items()
}


class ReservationType(enum.IntEnum):
    """Who may do what: the holder, all registrants, or everybody."""

    WRITE_EXCLUSIVE = 1
    EXCLUSIVE_ACCESS = 3
    WRITE_EXCLUSIVE_REGISTRANTS = 5
    EXCLUSIVE_ACCESS_REGISTRANTS = 6
    WRITE_EXCLUSIVE_ALL = 7
    EXCLUSIVE_ACCESS_ALL = 8


def read_keys(length: int = 8192) -> bytes:
    """PERSISTENT RESERVE IN, READ KEYS: who has registered."""
    return _READ_KEYS.build(length=length)


def read_reservation(length: int = 24) -> bytes:
    """PERSISTENT RESERVE IN, READ RESERVATION: who holds it, and of which type it is."""
    return _READ_RESERVATION.build(length=length)


def report_capabilities(length: int = 8) -> bytes:
    """PERSISTENT RESERVE IN, REPORT CAPABILITIES."""
    return _CAPABILITIES.build(length=length)


def read_full_status(length: int = 8192) -> bytes:
    """PERSISTENT RESERVE IN, READ FULL STATUS: who has registered, and from where."""
    return _FULL_STATUS.build(length=length)


def reserve_out(action: str, type_: int = 0, *, length: int = 24) -> bytes:
    """PERSISTENT RESERVE OUT: `action` in words, such as 'register'; sends ReserveParameters."""
    return _OUT[action].build(type=type_, length=length)


@dataclass(frozen=True)
class ReserveParameters(Record, what="PERSISTENT RESERVE OUT data", size=24):
    """What is sent with PERSISTENT RESERVE OUT: the own key, and the one that is meant."""

    key: Annotated[int, uint(0, 8)] = 0
    service_key: Annotated[int, uint(8, 8)] = 0
    #: Whether other ports than this are meant too, all of them, and whether it outlives power.
    specified_ports: Annotated[bool, bit(20, 3)] = False
    all_ports: Annotated[bool, bit(20, 2)] = False
    persist: Annotated[bool, bit(20, 0)] = False


@dataclass(frozen=True)
class _Header(Record, what="PERSISTENT RESERVE IN data", size=8):
    generation: Annotated[int, uint(0, 4)] = 0
    #: Bytes behind this number.
    length: Annotated[int, uint(4, 4)] = 0


_HEADER, _KEY = 8, 8


@dataclass(frozen=True)
class RegisteredKeys:
    """The keys of all registrations; `generation` counts the changes."""

    generation: int
    keys: tuple[int, ...]

    @classmethod
    def parse(cls, data: Buffer) -> RegisteredKeys:
        """Read what READ KEYS answers: as many as have come whole."""
        head = _Header.parse(data)
        if head.length % _KEY:
            raise MalformedDataError(f"READ KEYS data: {head.length} bytes are no whole keys")
        body = as_bytes(data[_HEADER : _HEADER + head.length])
        starts = range(0, len(body) - _KEY + 1, _KEY)
        return cls(
            head.generation, tuple(int.from_bytes(body[it : it + _KEY], "big") for it in starts)
        )

    def pack(self) -> bytes:
        """Return what READ KEYS answers."""
        body = b"".join(it.to_bytes(_KEY, "big") for it in self.keys)
        return _Header(self.generation, len(body)).pack() + body


@dataclass(frozen=True)
class _Held(Record, what="reservation", size=16):
    key: Annotated[int, uint(0, 8)] = 0
    scope: Annotated[int, bits(13, 7, 4)] = 0
    type: Annotated[int, bits(13, 3)] = 0


@dataclass(frozen=True)
class Reservation:
    """The reservation that is held; `key` and `type` are None where there is none.

    `type` is a number of ReservationType.
    """

    generation: int
    key: int | None = None
    type: int | None = None

    @classmethod
    def parse(cls, data: Buffer) -> Reservation:
        """Read what READ RESERVATION answers."""
        head = _Header.parse(data)
        if not head.length:
            return cls(head.generation)
        held = _Held.parse(data[_HEADER:])
        return cls(head.generation, held.key, held.type)

    def pack(self) -> bytes:
        """Return what READ RESERVATION answers."""
        if self.key is None:
            return _Header(self.generation, 0).pack()
        return _Header(self.generation, 16).pack() + _Held(self.key, type=self.type or 0).pack()


@dataclass(frozen=True)
class ReserveCapabilities(Record, what="REPORT CAPABILITIES data", size=8):
    """What the target can do with reservations."""

    length: Annotated[int, uint(0, 2)] = 8
    #: Whether RESERVE(6) of the holder is let through, and other ports can be named.
    compatible: Annotated[bool, bit(2, 4)] = False
    specified_ports: Annotated[bool, bit(2, 3)] = False
    all_ports: Annotated[bool, bit(2, 2)] = False
    #: Whether registrations can outlive a loss of power, and whether they do now.
    persist: Annotated[bool, bit(2, 0)] = False
    types_valid: Annotated[bool, bit(3, 7)] = False
    persisting: Annotated[bool, bit(3, 0)] = False
    #: A bit for each type that is supported.
    types: Annotated[bytes, raw(4, 2)] = bytes(2)


@dataclass(frozen=True)
class _Status(Record, what="full status descriptor", size=24):
    key: Annotated[int, uint(0, 8)] = 0
    all_ports: Annotated[bool, bit(12, 1)] = False
    holder: Annotated[bool, bit(12, 0)] = False
    scope: Annotated[int, bits(13, 7, 4)] = 0
    type: Annotated[int, bits(13, 3)] = 0
    port: Annotated[int, uint(18, 2)] = 0
    length: Annotated[int, uint(20, 4)] = 0


@dataclass(frozen=True)
class Registrant:
    """Who has registered: its key, its name as it came (a TransportID), its target port."""

    key: int
    transport_id: bytes
    port: int = 0
    holder: bool = False
    all_ports: bool = False
    type: int = 0

    @property
    def initiator(self) -> str:
        """The name of an iSCSI initiator, with its session's id if told; '' for another's."""
        if len(self.transport_id) < 4 or self.transport_id[0] & 0x0F != 5:  # noqa: PLR2004 iSCSI
            return ""
        return self.transport_id[4:].decode("utf-8", "backslashreplace").rstrip("\0")


@dataclass(frozen=True)
class FullStatus:
    """All that have registered."""

    generation: int
    registrants: tuple[Registrant, ...]

    @classmethod
    def parse(cls, data: Buffer) -> FullStatus:
        """Read what READ FULL STATUS answers."""
        head = _Header.parse(data)
        need(data, _HEADER + head.length, "READ FULL STATUS data")
        body = as_bytes(data[_HEADER : _HEADER + head.length])
        found = [
            Registrant(it.key, name, it.port, it.holder, it.all_ports, it.type)
            for it, name in _Status.each(body, lambda it: it.length)
        ]
        return cls(head.generation, tuple(found))

    def pack(self) -> bytes:
        """Return what READ FULL STATUS answers."""
        body = b"".join(
            _Status(
                key=it.key,
                all_ports=it.all_ports,
                holder=it.holder,
                type=it.type,
                port=it.port,
                length=len(it.transport_id),
            ).pack()
            + it.transport_id
            for it in self.registrants
        )
        return _Header(self.generation, len(body)).pack() + body
