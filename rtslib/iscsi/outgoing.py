# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What an initiator sends in the full feature phase: PDUs for requests, and data for commands.

Data are never copied here: slices of the caller's memory stand between the headers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from rtslib.iscsi.digest import Buffer, digest_of
from rtslib.iscsi.errors import RemoteProtocolError
from rtslib.iscsi.headers import (
    FINAL,
    IMMEDIATE,
    NO_TAG,
    READ,
    WRITE,
    LogoutRequest,
    NopIn,
    NopOut,
    Opcode,
    ReadyToTransfer,
    TaskRequest,
    TextRequest,
)
from rtslib.iscsi.pdu import (
    DATA_OUT,
    SCSI_COMMAND,
    add_data,
    encode,
    long_cdb_header,
    read_length_header,
    wire_lun,
)
from rtslib.iscsi.requests import CDB_SIZE, ENDS_ALL, Command, Logout, Ping, TaskManagement, Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtslib.iscsi.keys import Value
    from rtslib.iscsi.window import Window

__all__ = ["Agreed", "Sender"]


#: The task attribute of all commands.
SIMPLE = 1


class Agreed(NamedTuple):
    """What both sides agreed upon: lengths in bytes."""

    header_digest: bool = False
    data_digest: bool = False
    #: The most data that the target takes in one PDU.
    max_send: int = 8192
    initial_r2t: bool = True
    immediate_data: bool = True
    max_burst: int = 262144
    first_burst: int = 65536
    max_outstanding_r2t: int = 1
    protocol_level: int = 1

    @classmethod
    def of(cls, results: Mapping[str, Value]) -> Agreed:
        """Return what a negotiation came to."""
        return cls(
            header_digest=results["HeaderDigest"] == ("CRC32C",),
            data_digest=results["DataDigest"] == ("CRC32C",),
            max_send=cast("int", results["MaxRecvDataSegmentLength"]),
            initial_r2t=bool(results["InitialR2T"]),
            immediate_data=bool(results["ImmediateData"]),
            max_burst=cast("int", results["MaxBurstLength"]),
            first_burst=cast("int", results["FirstBurstLength"]),
            max_outstanding_r2t=cast("int", results["MaxOutstandingR2T"]),
            protocol_level=cast("int", results["iSCSIProtocolLevel"]),
        )


class Sender:
    """The sending half of a connection."""

    __slots__ = ("_out", "agreed", "window")

    def __init__(self, window: Window) -> None:
        self._out: list[Buffer] = []
        self.window = window
        self.agreed = Agreed()

    def take(self) -> list[Buffer]:
        """Return what is to be sent, in order; it is the caller's now."""
        out, self._out = self._out, []
        return out

    def add(self, parts: list[Buffer]) -> None:
        """Send what is encoded already."""
        self._out += parts

    def put(
        self, header: NopOut | TextRequest | TaskRequest | LogoutRequest, data: Buffer = b""
    ) -> None:
        """Send a PDU with the session's numbers and the digests agreed upon."""
        window = self.window
        self._out += encode(
            header._replace(
                cmd_sn=window.cmd_sn if header.opcode & IMMEDIATE else window.take(),
                exp_stat_sn=window.exp_stat_sn,
            ),
            data,
            header_digest=self.agreed.header_digest,
            data_digest=self.agreed.data_digest,
        )

    def command(self, command: Command) -> None:
        """Send a command, with as much of its data as may go without being asked for."""
        agreed, window = self.agreed, self.window
        flags = SIMPLE
        data, cdb = command.data_out, command.cdb
        additional = long_cdb_header(cdb)
        expected = command.expected
        if command.read_into is not None:
            flags |= READ
        immediate = unsolicited = 0
        if data is not None:
            flags |= WRITE
            if command.read_into is not None:
                additional += read_length_header(expected)
                expected = len(data)
            immediate, unsolicited = self._unasked(len(data))
        if unsolicited == immediate:
            flags |= FINAL
        command.cmd_sn = window.take()
        command.sent = True
        head = SCSI_COMMAND.pack(
            Opcode.SCSI_COMMAND,
            flags,
            len(additional) // 4 << 24 | immediate,
            command.wire_lun,
            command.itt,
            expected,
            command.cmd_sn,
            window.exp_stat_sn,
            cdb[:CDB_SIZE],
        )
        head += additional
        self._out.append(head + digest_of(head) if agreed.header_digest else head)
        if data is not None:
            if immediate:
                add_data(self._out, data[:immediate], digest=agreed.data_digest)
            if unsolicited > immediate:
                self._burst(command, NO_TAG, immediate, unsolicited)

    def _unasked(self, length: int) -> tuple[int, int]:
        """Return how much goes with the command, and how much at all before it is asked for."""
        agreed = self.agreed
        unasked = min(length, agreed.first_burst)
        immediate = min(unasked, agreed.max_send) if agreed.immediate_data else 0
        return immediate, immediate if agreed.initial_r2t else unasked

    def _burst(self, command: Command, ttt: int, start: int, end: int) -> None:
        """Send a part of a command's data as one sequence of PDUs."""
        data, agreed = command.data_out, self.agreed
        if data is None:  # pragma: no cover - who calls has looked
            return
        exp_stat_sn, most = self.window.exp_stat_sn, agreed.max_send
        number = 0
        while start < end:
            part = min(most, end - start)
            head = DATA_OUT.pack(
                Opcode.DATA_OUT,
                FINAL if start + part == end else 0,
                part,
                command.wire_lun,
                command.itt,
                ttt,
                exp_stat_sn,
                number,
                start,
            )
            self._out.append(head + digest_of(head) if agreed.header_digest else head)
            add_data(self._out, data[start : start + part], digest=agreed.data_digest)
            start += part
            number += 1

    def solicited(self, command: Command, asked: ReadyToTransfer) -> None:
        """Send what the target asks for, if it may ask for that."""
        length = 0 if command.data_out is None else len(command.data_out)
        end = asked.offset + asked.desired
        if asked.r2t_sn != command.r2t_sn:
            raise RemoteProtocolError(
                f"the target's request for data is number {asked.r2t_sn}, "
                f"where {command.r2t_sn} comes next"
            )
        if not 0 < asked.desired <= self.agreed.max_burst or end > length:
            raise RemoteProtocolError(
                f"the target asks for {asked.desired} bytes at {asked.offset} of {length}"
            )
        command.r2t_sn += 1
        self._burst(command, asked.ttt, asked.offset, end)

    def answer_ping(self, ping: NopIn, data: Buffer) -> None:
        """Send a target's ping back."""
        self.put(NopOut(lun=ping.lun, ttt=ping.ttt), data[: self.agreed.max_send])

    def ping(self, ping: Ping) -> None:
        """Send a ping of our own."""
        self.put(NopOut(itt=ping.itt), ping.data)

    def text(self, text: Text) -> None:
        """Send text, or ask for more of the answer."""
        more = text.ttt != NO_TAG
        self.put(TextRequest(itt=text.itt, ttt=text.ttt), b"" if more else text.data)

    def manage(self, task: TaskManagement) -> None:
        """Send a task management function."""
        command = task.task
        self.put(
            TaskRequest(
                flags=FINAL | task.function,
                lun=0 if task.function in ENDS_ALL else wire_lun(task.lun),
                itt=task.itt,
                ref_itt=NO_TAG if command is None else command.itt,
                ref_cmd_sn=0 if command is None else command.cmd_sn,
            )
        )

    def logout(self, logout: Logout) -> None:
        """End the session."""
        self.put(LogoutRequest(itt=logout.itt))
