# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What an initiator asks a target for, and how it ended: one object for each task under way.

The same object comes back as the event that tells of its end. `waiter` belongs to whoever asked.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from rtslib.iscsi.headers import OVERFLOW, UNDERFLOW
from rtslib.iscsi.pdu import wire_lun

if TYPE_CHECKING:
    from rtslib.iscsi.digest import Buffer
    from rtslib.iscsi.errors import IscsiError

__all__ = ["Command", "Function", "Logout", "Ping", "Request", "TaskManagement", "Text"]

CDB_SIZE = 16
GOOD, CONDITION_MET = 0x00, 0x04


class Function(IntEnum):
    """Task management functions; those from 9 on are RFC 7144's."""

    ABORT_TASK = 1
    ABORT_TASK_SET = 2
    CLEAR_ACA = 3
    CLEAR_TASK_SET = 4
    LOGICAL_UNIT_RESET = 5
    TARGET_WARM_RESET = 6
    TARGET_COLD_RESET = 7
    TASK_REASSIGN = 8
    QUERY_TASK = 9
    QUERY_TASK_SET = 10
    I_T_NEXUS_RESET = 11
    QUERY_ASYNCHRONOUS_EVENT = 12


#: The functions after which no command of any logical unit is under way.
ENDS_ALL = frozenset(
    {Function.TARGET_WARM_RESET, Function.TARGET_COLD_RESET, Function.I_T_NEXUS_RESET}
)


class Request:
    """Something that has a tag, and an end."""

    __slots__ = ("deadline", "error", "itt", "waiter")

    #: What it is, in words.
    what = "request"

    def __init__(self) -> None:
        self.itt = 0
        #: When it must have ended, by the clock of whoever asked.
        self.deadline: float | None = None
        #: Why it ended without the target's answer.
        self.error: IscsiError | None = None
        self.waiter: Any = None


class Command(Request):
    """A SCSI command: what it is, how far it has come, how it ended."""

    __slots__ = (
        "aborting",
        "cdb",
        "cmd_sn",
        "data_out",
        "data_sn",
        "lun",
        "overflow",
        "r2t_sn",
        "read_into",
        "received",
        "repeatable",
        "residual",
        "sense",
        "sent",
        "status",
        "tries",
        "wire_lun",
    )

    def __init__(
        self,
        lun: int,
        cdb: bytes,
        data_out: Buffer | None = None,
        read_into: memoryview | None = None,
        *,
        repeatable: bool = True,
    ) -> None:
        super().__init__()
        self.lun = lun
        self.wire_lun = wire_lun(lun)
        self.cdb = cdb
        self.data_out = None if data_out is None else memoryview(data_out).cast("B")
        #: Where what is read goes; None again when nobody wants it any more.
        self.read_into = read_into
        #: Whether it does no harm to do it again when nobody knows whether it was done.
        self.repeatable = repeatable
        #: How often it was sent, and the connection lost before its end.
        self.tries = 0
        self.restart()

    def restart(self) -> None:
        """Be as if it was never sent."""
        self.sent = False
        self.aborting = False
        self.cmd_sn = 0
        #: How much has been read, and the number of the next PDU with more.
        self.received = 0
        self.data_sn = 0
        self.r2t_sn = 0
        self.status = -1
        self.sense = b""
        #: How much less than expected was transferred; with `overflow` how much more was there.
        self.residual = 0
        self.overflow = False
        self.error = None

    @property
    def what(self) -> str:  # type: ignore[override]
        """What it is, in words."""
        return f"SCSI command {self.cdb[0]:#04x}"

    @property
    def expected(self) -> int:
        """How much it reads, or writes if it does not read."""
        if self.read_into is not None:
            return len(self.read_into)
        return 0 if self.data_out is None else len(self.data_out)

    @property
    def good(self) -> bool:
        """Whether it ended well."""
        return self.error is None and self.status in (GOOD, CONDITION_MET)

    def ended(self, status: int, flags: int, residual: int, sense: bytes = b"") -> None:
        """Note how it ended."""
        self.status = status
        self.sense = sense
        self.overflow = bool(flags & OVERFLOW)
        self.residual = residual if flags & (OVERFLOW | UNDERFLOW) else 0


class TaskManagement(Request):
    """A function upon a task, or all tasks of a logical unit or target."""

    __slots__ = ("function", "lun", "response", "task")
    what = "task management function"

    def __init__(self, function: Function, lun: int = 0, task: Command | None = None) -> None:
        super().__init__()
        self.function = function
        self.lun = lun
        self.task = task
        self.response = -1


class Text(Request):
    """Text for the target, and its answer, of however many PDUs."""

    __slots__ = ("answer", "data", "ttt")
    what = "text"

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data
        self.answer = bytearray()
        self.ttt = 0xFFFFFFFF


class Ping(Request):
    """A NOP that the target is to send back."""

    __slots__ = ("data",)
    what = "ping"

    def __init__(self, data: bytes = b"") -> None:
        super().__init__()
        self.data = data


class Logout(Request):
    """The end of the session."""

    __slots__ = ("response",)
    what = "logout"

    def __init__(self) -> None:
        super().__init__()
        self.response = -1
