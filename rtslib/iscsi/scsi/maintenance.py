# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Maintenance commands: REPORT TARGET PORT GROUPS (ALUA) and REPORT SUPPORTED OPERATION CODES."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from rtslib.iscsi.scsi.cdb import COMMANDS, Command
from rtslib.iscsi.scsi.layout import MalformedDataError, Record, bit, bits, counted, need, uint

if TYPE_CHECKING:
    from rtslib.iscsi.scsi.layout import Buffer

__all__ = [
    "AccessState",
    "CommandSupport",
    "PortGroup",
    "PortGroups",
    "SupportedCommands",
    "SupportedOpcode",
    "report_supported_opcode",
    "report_supported_opcodes",
    "report_target_port_groups",
]

_PORT_GROUPS = Command(
    "REPORT TARGET PORT GROUPS", 0xA3, {"format": bits(1, 7, 5), "length": uint(6, 4)}, service=0x0A
)
_OPCODES = Command(
    "REPORT SUPPORTED OPERATION CODES",
    0xA3,
    {
        "timeouts": bit(2, 7),
        "options": bits(2, 2),
        "opcode": uint(3),
        "action": uint(4, 2),
        "length": uint(6, 4),
    },
    service=0x0C,
)


def report_target_port_groups(length: int = 4096, *, extended: bool = False) -> bytes:
    """REPORT TARGET PORT GROUPS; `extended` asks for the time that a change may take, too."""
    return _PORT_GROUPS.build(length=length, format=int(extended))


def report_supported_opcodes(length: int = 8192, *, timeouts: bool = False) -> bytes:
    """REPORT SUPPORTED OPERATION CODES: all."""
    return _OPCODES.build(length=length, timeouts=timeouts)


def report_supported_opcode(
    opcode: int, action: int | None = None, length: int = 512, *, timeouts: bool = False
) -> bytes:
    """REPORT SUPPORTED OPERATION CODES: one, by its service action where it has one."""
    options = 1 if action is None else 2
    return _OPCODES.build(
        opcode=opcode, action=action or 0, options=options, length=length, timeouts=timeouts
    )


class AccessState(enum.IntEnum):
    """ALUA: how a unit can be used through a port."""

    ACTIVE_OPTIMIZED = 0x0
    ACTIVE_NON_OPTIMIZED = 0x1
    STANDBY = 0x2
    UNAVAILABLE = 0x3
    LBA_DEPENDENT = 0x4
    OFFLINE = 0xE
    TRANSITIONING = 0xF


@dataclass(frozen=True)
class _Group(Record, what="target port group descriptor", size=8):
    preferred: Annotated[bool, bit(0, 7)] = False
    state: Annotated[int, bits(0, 3)] = 0
    supported: Annotated[int, uint(1)] = 0
    group: Annotated[int, uint(2, 2)] = 0
    status: Annotated[int, uint(5)] = 0
    ports: Annotated[int, uint(7)] = 0


_PORT = 4


@dataclass(frozen=True)
class PortGroup:
    """A target port group: its state (AccessState; more are reserved) and its relative ports.

    `supported` has a bit for each state that it can have, `status` says who set this one.
    """

    group: int
    state: int
    ports: tuple[int, ...]
    preferred: bool = False
    supported: int = 0
    status: int = 0

    def pack(self) -> bytes:
        """Return it as it travels."""
        head = _Group(
            self.preferred, self.state, self.supported, self.group, self.status, len(self.ports)
        )
        return head.pack() + b"".join(it.to_bytes(_PORT, "big") for it in self.ports)


@dataclass(frozen=True)
class PortGroups:
    """What REPORT TARGET PORT GROUPS answers; `transition` in seconds, where it was asked for."""

    groups: tuple[PortGroup, ...]
    transition: int | None = None

    @classmethod
    def parse(cls, data: Buffer) -> PortGroups:
        """Read the answer in either format."""
        body = counted(data, "target port groups")
        transition = None
        if body and body[0] >> 4 & 0x7 == 1:
            # The extended header can be told by a bit that no state of a group has set.
            need(body, 4, "target port groups")
            transition, body = body[1], body[4:]
        found = []
        for it, behind in _Group.each(body, lambda it: _PORT * it.ports):
            numbers = (behind[at + 2 : at + 4] for at in range(0, len(behind), _PORT))
            ports = tuple(int.from_bytes(number, "big") for number in numbers)
            found.append(
                PortGroup(it.group, it.state, ports, it.preferred, it.supported, it.status)
            )
        return cls(tuple(found), transition)

    def pack(self) -> bytes:
        """Return the answer."""
        extended = b"" if self.transition is None else bytes((0x10, self.transition, 0, 0))
        body = extended + b"".join(it.pack() for it in self.groups)
        return len(body).to_bytes(4, "big") + body


@dataclass(frozen=True)
class _Opcode(Record, what="command descriptor", size=8):
    opcode: Annotated[int, uint(0)] = 0
    action: Annotated[int, uint(2, 2)] = 0
    has_timeouts: Annotated[bool, bit(5, 1)] = False
    has_action: Annotated[bool, bit(5, 0)] = False
    size: Annotated[int, uint(6, 2)] = 0


_TIMEOUTS = 12


@dataclass(frozen=True)
class SupportedOpcode:
    """A command that a unit knows: operation code, service action if it has one, size in bytes."""

    opcode: int
    action: int | None = None
    size: int = 0

    @property
    def name(self) -> str:
        """What it is called, '' for one that this library does not know."""
        known = COMMANDS.get((self.opcode, self.action))
        return known.name if known else ""


@dataclass(frozen=True)
class SupportedCommands:
    """All commands that a unit knows."""

    commands: tuple[SupportedOpcode, ...]

    @classmethod
    def parse(cls, data: Buffer) -> SupportedCommands:
        """Read what REPORT SUPPORTED OPERATION CODES answers to the question for all."""
        body = counted(data, "supported commands")
        found = [
            SupportedOpcode(it.opcode, it.action if it.has_action else None, it.size)
            for it, _timeouts in _Opcode.each(body, lambda it: _TIMEOUTS * it.has_timeouts)
        ]
        return cls(tuple(found))

    def pack(self) -> bytes:
        """Return the answer, without timeouts."""
        body = b"".join(
            _Opcode(it.opcode, it.action or 0, False, it.action is not None, it.size).pack()
            for it in self.commands
        )
        return len(body).to_bytes(4, "big") + body


@dataclass(frozen=True)
class CommandSupport:
    """Whether a unit knows one command, and which bits of it: `usage` is a mask of the command.

    `support` 0: not known yet; 1: no; 3: as the standard says; 5: in its own way.
    """

    support: int
    usage: bytes = b""

    @property
    def is_supported(self) -> bool:
        """Whether the unit knows it."""
        return self.support in (3, 5)

    @classmethod
    def parse(cls, data: Buffer) -> CommandSupport:
        """Read what REPORT SUPPORTED OPERATION CODES answers to the question for one."""
        usage = counted(data, "support of a command", 2)
        support = data[1] & 0x07
        if support in (2, 4, 6, 7):
            raise MalformedDataError(f"support of a command: {support} means nothing")
        return cls(support, usage)

    def pack(self) -> bytes:
        """Return the answer."""
        return bytes((0, self.support)) + len(self.usage).to_bytes(2, "big") + self.usage
