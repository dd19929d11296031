# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Command descriptor blocks: each command is a row of a table, by which it is built and read.

The modules of this package declare the rows, each with a function that builds it. SPC-4, SBC-3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtslib.errors import InvalidValueError
from rtslib.iscsi.scsi.layout import Layout, as_bytes

if TYPE_CHECKING:
    from rtslib.iscsi.scsi.layout import Buffer, Field

__all__ = ["COMMANDS", "Command", "command_of", "describe"]

#: Every command that is known, by operation code and service action (None: it has none).
COMMANDS: dict[tuple[int, int | None], Command] = {}

#: Where the service action stands, of those operation codes that have one.
_SERVICE_ACTION = 0x1F
#: Bytes of a command, by the top three bits of its operation code; 0: no one size.
_SIZES = (6, 10, 10, 0, 16, 12, 0, 0)


class Command:
    """A command: its name, its size in bytes and where its fields stand.

    The operation code and the service action are no fields: they are what it is.
    """

    def __init__(
        self, name: str, opcode: int, table: dict[str, Field], *, service: int | None = None
    ) -> None:
        self.name = name
        self.opcode = opcode
        self.service = service
        self.size = _SIZES[opcode >> 5]
        constant = opcode << 8 * (self.size - 1)
        if service is not None:
            constant |= service << 8 * (self.size - 2)
        self.layout = Layout(name, self.size, table, constant=constant)
        COMMANDS[opcode, service] = self

    def __repr__(self) -> str:
        return self.name

    def build(self, **values: Any) -> bytes:
        """Return the command with these fields; InvalidValueError for a value that has no room."""
        return self.layout.pack(values)

    def parse(self, cdb: Buffer) -> dict[str, Any]:
        """Return the fields of such a command."""
        found = command_of(cdb)
        if found is not self:
            raise InvalidValueError(f"{describe(cdb)} is no {self.name}")
        return self.layout.unpack(cdb)


def command_of(cdb: Buffer) -> Command | None:
    """Return what a command is, None for one that is not known."""
    if not cdb:
        return None
    opcode = cdb[0]
    known = COMMANDS.get((opcode, None))
    if known is None and len(cdb) > 1:
        known = COMMANDS.get((opcode, cdb[1] & _SERVICE_ACTION))
    return known


def describe(cdb: Buffer) -> str:
    """Return a command in words: its name and those fields that are not zero; never fails."""
    command = command_of(cdb)
    if command is None or len(cdb) < command.size:
        return f"command {as_bytes(cdb).hex(' ') or '(none)'}"
    values = command.layout.unpack(cdb)
    shown = " ".join(f"{key}={_shown(value)}" for key, value in values.items() if value)
    return f"{command.name} {shown}".rstrip()


def _shown(value: object) -> str:
    return str(int(value)) if isinstance(value, int) else str(value)
