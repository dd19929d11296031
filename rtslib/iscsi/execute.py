# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""SCSI commands over a session that recovers: one call for each, from its bytes to its result."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rtslib.iscsi.errors import LocalProtocolError, ScsiError
from rtslib.iscsi.recovery import Recovery
from rtslib.iscsi.requests import Command

if TYPE_CHECKING:
    from rtslib.iscsi.digest import Buffer

__all__ = ["Executor", "Result"]

#: Instead of a time limit: the one of the settings.
USUAL = -1.0

#: Commands whose second execution does not do what the first did: what they compare, register or
#: copy has changed by then. After a lost connection nobody knows whether they were executed.
UNREPEATABLE = frozenset({0x5F, 0x83, 0x89})


class Result(NamedTuple):
    """How a command ended: `data` is the part of the memory that was filled."""

    status: int
    data: memoryview
    #: How much less was transferred than asked for; negative: how much more there was.
    residual: int
    sense: bytes


_NOTHING = memoryview(b"")


class Executor(Recovery):
    """A session that executes commands."""

    async def execute(
        self,
        lun: int,
        cdb: bytes,
        *,
        data_out: Buffer | None = None,
        read_into: Buffer | None = None,
        length: int = 0,
        timeout: float | None = USUAL,
        check: bool = True,
        repeatable: bool | None = None,
    ) -> Result:
        """Execute a SCSI command: send `data_out`, or read into `read_into` or `length` bytes.

        A status that is not good is a ScsiError, unless `check` is off. `repeatable` tells whether
        it may be done again after a lost connection, without knowing whether it was done.
        """
        view = None
        if read_into is not None:
            view = memoryview(read_into).cast("B")
            if view.readonly:
                raise LocalProtocolError("what is read cannot be put into memory that is read-only")
        elif length:
            view = memoryview(bytearray(length))
        if repeatable is None:
            repeatable = cdb[0] not in UNREPEATABLE
        command = Command(lun, cdb, data_out, view, repeatable=repeatable)
        await self.run(command, self.settings.command_timeout if timeout == USUAL else timeout)
        if check and not command.good:
            raise ScsiError(command.status, command.sense, cdb)
        return Result(
            command.status,
            _NOTHING if view is None else view[: command.received],
            -command.residual if command.overflow else command.residual,
            command.sense,
        )
