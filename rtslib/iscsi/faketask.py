# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""One connection of the fake target: the target's side of RFC 7143, as little of it as is needed.

Each kind of PDU has a method, so that a test makes a target that misbehaves by overriding one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from rtslib.iscsi import scsi
from rtslib.iscsi.fakedisk import ILLEGAL_REQUEST, Reply, check
from rtslib.iscsi.fakelogin import FakeLogin
from rtslib.iscsi.headers import (
    FINAL,
    IMMEDIATE,
    NO_TAG,
    OPCODE,
    OVERFLOW,
    STATUS,
    UNDERFLOW,
    DataIn,
    DataOut,
    Header,
    LoginRequest,
    LogoutRequest,
    LogoutResponse,
    NopIn,
    NopOut,
    Opcode,
    ReadyToTransfer,
    SCSICommand,
    SCSIResponse,
    TaskRequest,
    TaskResponse,
    TextRequest,
    TextResponse,
)
from rtslib.iscsi.keys import format_text, parse_text
from rtslib.iscsi.outgoing import Agreed
from rtslib.iscsi.pdu import encode, unpack
from rtslib.iscsi.scsi.lun import Lun
from rtslib.iscsi.stream import Receiver
from rtslib.iscsi.window import after

if TYPE_CHECKING:
    from rtslib.iscsi.digest import Buffer
    from rtslib.iscsi.fake import FakeTarget

__all__ = ["Served", "Write"]

MAX_DATA = 1 << 20
_REPORT_LUNS = 0xA0
_NOT_SUPPORTED = 0x25, 0x00


class Write:
    """A command that waits for its data."""

    def __init__(self, command: SCSICommand) -> None:
        self.command = command
        self.data = bytearray(command.expected_length)
        self.have = 0
        self.r2t_sn = 0


class Served:
    """The target's end of one connection."""

    def __init__(self, target: FakeTarget) -> None:
        self.target = target
        self.receiver = Receiver(self, MAX_DATA)
        self.login = FakeLogin(target)
        self.agreed = Agreed()
        self.stat_sn = 1000
        self.exp_cmd_sn = 0
        self.writes: dict[int, Write] = {}
        #: All headers that came, as a test may want to see them.
        self.came: list[Header] = []
        #: What is to be sent, and whether to hang up after that.
        self.out = bytearray()
        self.ended = False
        self.full = False

    # What comes.

    def place(self, header: memoryview, length: int) -> memoryview | None:
        """No data have a place of their own here."""

    def deliver(self, header: memoryview, additional: bytes, data: Buffer) -> None:
        """Take a PDU."""
        pdu = unpack(header)
        self.came.append(pdu)
        numbered = getattr(pdu, "cmd_sn", None)
        if numbered is not None and (not pdu.opcode & IMMEDIATE or not self.full):
            self.exp_cmd_sn = numbered if pdu.opcode & IMMEDIATE else after(numbered)
        handler = {
            Opcode.LOGIN_REQUEST: self.on_login,
            Opcode.SCSI_COMMAND: self.on_command,
            Opcode.DATA_OUT: self.on_data,
            Opcode.NOP_OUT: self.on_nop,
            Opcode.TEXT_REQUEST: self.on_text,
            Opcode.TASK_REQUEST: self.on_task,
            Opcode.LOGOUT_REQUEST: self.on_logout,
        }[Opcode(pdu.opcode & OPCODE)]
        cast("Any", handler)(pdu, data)

    def on_login(self, pdu: LoginRequest, data: Buffer) -> None:
        """Take a step of a login."""
        response, text = self.login.step(pdu, data)
        self.send(response, text)
        if self.login.done:
            self.full = True
            self.agreed = self.login.agreed
            self.receiver.header_digest = self.agreed.header_digest
            self.receiver.data_digest = self.agreed.data_digest

    def on_command(self, pdu: SCSICommand, data: Buffer) -> None:
        """Begin a command."""
        if not pdu.flags & 0x20:
            self.finish(pdu, self.execute(pdu))
            return
        write = self.writes[pdu.itt] = Write(pdu)
        self.put(write, 0, data)
        if pdu.flags & FINAL:
            self.ask_or_finish(write)

    def on_data(self, pdu: DataOut, data: Buffer) -> None:
        """Take data of a command."""
        write = self.writes.get(pdu.itt)
        if write is None:
            return  # aborted meanwhile
        self.put(write, pdu.offset, data)
        if pdu.flags & FINAL:
            self.ask_or_finish(write)

    def on_nop(self, pdu: NopOut, data: Buffer) -> None:
        """Answer a ping; an answer to ours needs none."""
        if pdu.itt != NO_TAG:
            self.send(NopIn(itt=pdu.itt), data)

    def on_text(self, pdu: TextRequest, data: Buffer) -> None:
        """List the target."""
        found = {}
        if "SendTargets" in parse_text(data):
            found = {"TargetName": self.target.name, "TargetAddress": "127.0.0.1:3260,1"}
        self.send(TextResponse(itt=pdu.itt), format_text(found))

    def on_task(self, pdu: TaskRequest, data: Buffer) -> None:
        """End commands."""
        response = 0
        if pdu.flags & 0x7F == 1:
            response = 0 if self.writes.pop(pdu.ref_itt, None) else 1
        else:
            self.writes.clear()
        self.send(TaskResponse(itt=pdu.itt, response=response))

    def on_logout(self, pdu: LogoutRequest, data: Buffer) -> None:
        """Say goodbye."""
        self.send(LogoutResponse(itt=pdu.itt))
        self.ended = True

    # What is done.

    def execute(self, pdu: SCSICommand, data: Buffer = b"") -> Reply:
        """Execute a command."""
        lun = Lun.parse(pdu.lun.to_bytes(8, "big"))
        if pdu.cdb[0] == _REPORT_LUNS:
            found = tuple(Lun(number) for number in sorted(self.target.disks))
            return Reply(data=scsi.LunList(found, 0).pack())
        disk = self.target.disks.get(lun)
        if disk is None:
            return check(ILLEGAL_REQUEST, *_NOT_SUPPORTED)
        return disk.execute(pdu.cdb, data)

    def put(self, write: Write, offset: int, data: Buffer) -> None:
        """Keep data of a command."""
        write.data[offset : offset + len(data)] = data
        write.have += len(data)

    def ask_or_finish(self, write: Write) -> None:
        """Ask for more data, or execute the command with what there is."""
        pdu = write.command
        missing = pdu.expected_length - write.have
        if missing <= 0:
            del self.writes[pdu.itt]
            self.finish(pdu, self.execute(pdu, write.data))
            return
        asked = ReadyToTransfer(
            lun=pdu.lun,
            itt=pdu.itt,
            ttt=pdu.itt ^ 1,
            r2t_sn=write.r2t_sn,
            offset=write.have,
            desired=min(missing, self.agreed.max_burst),
        )
        write.r2t_sn += 1
        self.send(asked, counts=False)

    def finish(self, pdu: SCSICommand, reply: Reply) -> None:
        """Send what a command reads, and its status."""
        reads = 0 if pdu.flags & 0x20 else pdu.expected_length
        sent = min(reads, len(reply.data))
        flags, residual = 0, 0
        if len(reply.data) > reads:
            flags, residual = OVERFLOW, len(reply.data) - reads
        elif sent < reads:
            flags, residual = UNDERFLOW, reads - sent
        if not sent or reply.status:
            sense = len(reply.sense).to_bytes(2, "big") + reply.sense if reply.sense else b""
            self.send(
                SCSIResponse(
                    itt=pdu.itt, flags=FINAL | flags, status=reply.status, residual=residual
                ),
                sense,
            )
            return
        view, most = memoryview(reply.data), self.agreed.max_send
        for number, at in enumerate(range(0, sent, most)):
            part = view[at : min(at + most, sent)]
            last = at + most >= sent
            self.send(
                DataIn(
                    itt=pdu.itt,
                    flags=FINAL | STATUS | flags if last else 0,
                    data_sn=number,
                    offset=at,
                    residual=residual if last else 0,
                ),
                part,
                counts=last,
            )

    def send(self, header: Header, data: Buffer = b"", *, counts: bool = True) -> None:
        """Send a PDU with the numbers of the session; one that `counts` has a StatSN of its own."""
        numbers: dict[str, int] = {
            "stat_sn": self.stat_sn,
            "exp_cmd_sn": self.exp_cmd_sn,
            "max_cmd_sn": after(self.exp_cmd_sn, self.target.window - 1),
        }
        self.stat_sn = after(self.stat_sn, counts)
        parts = encode(
            cast("Any", header)._replace(**numbers),
            data,
            header_digest=self.agreed.header_digest,
            data_digest=self.agreed.data_digest,
        )
        for part in parts:
            self.out += part
