# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a target sends in the full feature phase, and what that does: one function each.

Who looks for the rules finds them here: numbers that must follow each other, data that must fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, TypeVar, cast

from rtslib.iscsi.errors import RemoteProtocolError, TaskError
from rtslib.iscsi.events import Message, MessageKind
from rtslib.iscsi.headers import (
    CONTINUE,
    FINAL,
    NO_TAG,
    OPCODE,
    STATUS,
    AsyncMessage,
    LoginResponse,
    LogoutResponse,
    NopIn,
    Opcode,
    ReadyToTransfer,
    Reject,
    SCSIResponse,
    TaskResponse,
    TextResponse,
)
from rtslib.iscsi.pdu import DATA_IN, HEADER, SCSI_RESPONSE, unpack
from rtslib.iscsi.requests import (
    ENDS_ALL,
    Command,
    Function,
    Logout,
    Ping,
    Request,
    TaskManagement,
    Text,
)
from rtslib.iscsi.states import Trigger

if TYPE_CHECKING:
    from rtslib.iscsi.core import Connection
    from rtslib.iscsi.digest import Buffer

__all__ = ["HANDLERS", "place_data"]

#: More than any list of targets has.
MAX_TEXT = 16 * 1024 * 1024
SENSE_LENGTH = 2

_Request = TypeVar("_Request", bound=Request)

#: Why a PDU was rejected (RFC 7143 section 11.17.1).
REASONS = {
    0x02: "a data digest did not fit",
    0x03: "it takes no SNACK",
    0x04: "a protocol error",
    0x05: "it does not know such a command",
    0x06: "too many immediate commands",
    0x07: "the task is still in progress",
    0x08: "it takes no such acknowledgement",
    0x09: "a field is not valid",
    0x0A: "it has no resources for it",
    0x0B: "the negotiation is void",
    0x0C: "it waits for us to log out",
}
DATA_DIGEST, WAITS_FOR_LOGOUT = 0x02, 0x0C

#: The functions after which no command of the logical unit is under way.
_ENDS_UNIT = frozenset(
    {Function.ABORT_TASK_SET, Function.CLEAR_TASK_SET, Function.LOGICAL_UNIT_RESET}
)


def _task(connection: Connection, itt: int, kind: type[_Request]) -> _Request:
    """Return the task that a PDU belongs to."""
    found = connection.tasks.get(itt)
    if type(found) is not kind:
        raise RemoteProtocolError(
            f"the target speaks of task {itt:#010x}, which is no {kind.__name__} of ours"
        )
    return found


def _numbered(
    connection: Connection,
    header: SCSIResponse | NopIn | TaskResponse | TextResponse | AsyncMessage | Reject,
) -> None:
    """Take note of the numbers of a PDU that has a StatSN of its own."""
    connection.window.answered(header.stat_sn)
    connection.window.update(header.exp_cmd_sn, header.max_cmd_sn)


def place_data(connection: Connection, header: memoryview, length: int) -> memoryview | None:
    """Return where what a command reads belongs."""
    _, _, _, _, _, itt, _, _, _, _, data_sn, offset, _ = DATA_IN.unpack_from(header)
    command = _task(connection, itt, Command)
    if data_sn != command.data_sn or offset != command.received:
        raise RemoteProtocolError(
            f"data number {data_sn} at {offset}, where number {command.data_sn} at "
            f"{command.received} comes next"
        )
    into = command.read_into
    if into is None:
        if command.aborting:
            return None
        raise RemoteProtocolError("data for a command that reads nothing")
    if offset + length > len(into):
        raise RemoteProtocolError(
            f"{length} bytes of data at {offset}, where the command reads {len(into)}"
        )
    return into[offset : offset + length]


def _data_in(connection: Connection, header: memoryview, data: Buffer) -> None:
    """A part of what a command reads, perhaps with its status."""
    (
        _,
        flags,
        status,
        _,
        _,
        itt,
        _,
        stat_sn,
        exp_cmd_sn,
        max_cmd_sn,
        data_sn,
        _,
        residual,
    ) = DATA_IN.unpack_from(header)
    command = _task(connection, itt, Command)
    if data_sn != command.data_sn:
        raise RemoteProtocolError(
            f"data number {data_sn}, where number {command.data_sn} comes next"
        )
    connection.window.update(exp_cmd_sn, max_cmd_sn)
    command.data_sn = data_sn + 1
    command.received += len(data)
    if flags & STATUS:
        if not flags & FINAL:
            raise RemoteProtocolError("a status with data that are not the last")
        connection.window.answered(stat_sn)
        command.ended(status, flags, residual)
        connection.finish(command)


def _scsi_response(connection: Connection, header: memoryview, data: Buffer) -> None:
    """A command's end."""
    response = SCSIResponse(*SCSI_RESPONSE.unpack_from(header))
    command = _task(connection, response.itt, Command)
    _numbered(connection, response)
    if response.response:
        command.error = TaskError(
            f"the target could not complete SCSI command {command.cdb[0]:#04x}: "
            f"response {response.response:#04x}",
            response=response.response,
        )
    command.ended(response.status, response.flags, response.residual, _sense(data))
    connection.finish(command)


def _sense(data: Buffer) -> bytes:
    """Return the sense data: their length stands before them."""
    if not data:
        return b""
    length = int.from_bytes(data[:SENSE_LENGTH], "big")
    if len(data) < SENSE_LENGTH + length:
        raise RemoteProtocolError(f"{length} bytes of sense data in {len(data)} bytes of data")
    return bytes(data[SENSE_LENGTH : SENSE_LENGTH + length])


def _ready_to_transfer(connection: Connection, header: memoryview, _data: Buffer) -> None:
    """The target asks for data. It shows the next StatSN, and does not use it up."""
    asked = cast("ReadyToTransfer", unpack(header))
    command = _task(connection, asked.itt, Command)
    connection.window.update(asked.exp_cmd_sn, asked.max_cmd_sn)
    connection.sender.solicited(command, asked)


def _nop_in(connection: Connection, header: memoryview, data: Buffer) -> None:
    """A ping of the target, which shows the next StatSN only, or its answer to ours."""
    nop = cast("NopIn", unpack(header))
    if nop.itt == NO_TAG:
        connection.window.update(nop.exp_cmd_sn, nop.max_cmd_sn)
    else:
        ping = _task(connection, nop.itt, Ping)
        _numbered(connection, nop)
        if bytes(data) != ping.data:
            raise RemoteProtocolError("the target's answer to a ping is not what was sent")
        connection.finish(ping)
    if nop.ttt != NO_TAG:
        connection.sender.answer_ping(nop, data)


def _task_response(connection: Connection, header: memoryview, _data: Buffer) -> None:
    """The end of a task management function: and with it, of the tasks that it ended."""
    response = cast("TaskResponse", unpack(header))
    task = _task(connection, response.itt, TaskManagement)
    _numbered(connection, response)
    task.response = response.response
    connection.finish(task)
    if task.function is Function.ABORT_TASK:
        # Complete, or there was no such task: had it ended well, its response had come before.
        ended = [task.task] if task.task is not None and response.response in (0, 1) else []
    elif response.response:
        ended = []
    else:
        ended = [one for one in connection.tasks.values() if isinstance(one, Command)]
        if task.function in _ENDS_UNIT:
            ended = [one for one in ended if one.lun == task.lun]
        elif task.function not in ENDS_ALL:
            ended = []
    for command in ended:
        if connection.tasks.get(command.itt) is command:
            command.error = TaskError(
                f"SCSI command {command.cdb[0]:#04x} was ended by {task.function.name}"
            )
            connection.finish(command)


def _text_response(connection: Connection, header: memoryview, data: Buffer) -> None:
    """An answer, or a part of one."""
    response = cast("TextResponse", unpack(header))
    text = _task(connection, response.itt, Text)
    _numbered(connection, response)
    text.answer += data
    if len(text.answer) > MAX_TEXT:
        raise RemoteProtocolError(f"the target's text is longer than {MAX_TEXT} bytes")
    if response.flags & FINAL:
        if response.flags & CONTINUE or response.ttt != NO_TAG:
            raise RemoteProtocolError("a text that ends and goes on at once")
        connection.finish(text)
        return
    if response.ttt == NO_TAG:
        raise RemoteProtocolError("a text that goes on without a tag to ask for more")
    text.ttt = response.ttt
    connection.waiting.appendleft(text)


def _logout_response(connection: Connection, header: memoryview, _data: Buffer) -> None:
    """The session is over."""
    response = cast("LogoutResponse", unpack(header))
    logout = _task(connection, response.itt, Logout)
    connection.window.answered(response.stat_sn)
    logout.response = response.response
    connection.change(Trigger.LOGGED_OUT)
    connection.finish(logout)


def _async_message(connection: Connection, header: memoryview, data: Buffer) -> None:
    """The target tells of something, or wants something of us."""
    message = cast("AsyncMessage", unpack(header))
    _numbered(connection, message)
    sense = b""
    if message.event == MessageKind.SCSI_EVENT:
        sense = _sense(data)
    elif message.event == MessageKind.ASKS_FOR_TEXT:
        # An empty text is negotiation enough: nothing of ours is to change.
        connection.text(Text(b""))
    if message.event == MessageKind.ASKS_FOR_LOGOUT:
        connection.change(Trigger.ASKED)
    connection.emit(Message(message, sense))


def _reject(connection: Connection, header: memoryview, data: Buffer) -> None:
    """The target did not take something: what it was stands in the data."""
    rejected = cast("Reject", unpack(header))
    _numbered(connection, rejected)
    reason = REASONS.get(rejected.reason, "a reason that is not known")
    if len(data) < HEADER:
        raise RemoteProtocolError("the target rejects something and does not say what")
    head = unpack(data)
    opcode = head.opcode & OPCODE
    words = f"the target rejects a PDU of ours with opcode {opcode:#04x}: {reason}"
    if rejected.reason == WAITS_FOR_LOGOUT:
        # As good as a message that asks for it. The request stays: it is for the next connection.
        connection.change(Trigger.ASKED)
        connection.emit(Message(AsyncMessage(event=MessageKind.ASKS_FOR_LOGOUT), b""))
        return
    if opcode == Opcode.DATA_OUT and rejected.reason == DATA_DIGEST:
        return  # the command itself is still going to end, and says so (section 7.8)
    request = connection.tasks.get(getattr(head, "itt", NO_TAG))
    if request is None or opcode == Opcode.DATA_OUT:
        raise RemoteProtocolError(words)
    request.error = TaskError(words, response=rejected.reason)
    connection.finish(request)


def _login_response(connection: Connection, header: memoryview, data: Buffer) -> None:
    """A step of the login."""
    connection.login_step(cast("LoginResponse", unpack(header)), data)


HANDLERS: dict[int, Callable[[Connection, memoryview, Buffer], None]] = {
    Opcode.DATA_IN: _data_in,
    Opcode.SCSI_RESPONSE: _scsi_response,
    Opcode.READY_TO_TRANSFER: _ready_to_transfer,
    Opcode.NOP_IN: _nop_in,
    Opcode.TASK_RESPONSE: _task_response,
    Opcode.TEXT_RESPONSE: _text_response,
    Opcode.LOGOUT_RESPONSE: _logout_response,
    Opcode.ASYNC_MESSAGE: _async_message,
    Opcode.REJECT: _reject,
    Opcode.LOGIN_RESPONSE: _login_response,
}
