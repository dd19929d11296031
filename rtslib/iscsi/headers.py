# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The basic headers of RFC 7143 section 11, each a named tuple.

The fields of each tuple stand in wire order, so that packing and unpacking is one call of a
precompiled structure (see ``pdu``). Every header begins with `opcode` (with the immediate bit 0x40)
and `flags`, and has `lengths`: the words of additional headers in the upper 8 bits, the bytes of
data in the lower 24. Knows what there is, not what is allowed when.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple, Union

__all__ = [
    "AsyncMessage",
    "DataIn",
    "DataOut",
    "Header",
    "LoginRequest",
    "LoginResponse",
    "LogoutRequest",
    "LogoutResponse",
    "NopIn",
    "NopOut",
    "Opcode",
    "ReadyToTransfer",
    "Reject",
    "SCSICommand",
    "SCSIResponse",
    "TaskRequest",
    "TaskResponse",
    "TextRequest",
    "TextResponse",
]

IMMEDIATE = 0x40
OPCODE = 0x3F
#: A tag that means none: of a NOP nobody waits for, of data nobody asked for.
NO_TAG = 0xFFFFFFFF

#: The flags of more than one PDU.
FINAL = 0x80
CONTINUE = 0x40
READ = 0x40
WRITE = 0x20
OVERFLOW = 0x04
UNDERFLOW = 0x02
STATUS = 0x01


class Opcode(IntEnum):
    """What a PDU is: the initiator's are below 0x20."""

    NOP_OUT = 0x00
    SCSI_COMMAND = 0x01
    TASK_REQUEST = 0x02
    LOGIN_REQUEST = 0x03
    TEXT_REQUEST = 0x04
    DATA_OUT = 0x05
    LOGOUT_REQUEST = 0x06
    NOP_IN = 0x20
    SCSI_RESPONSE = 0x21
    TASK_RESPONSE = 0x22
    LOGIN_RESPONSE = 0x23
    TEXT_RESPONSE = 0x24
    DATA_IN = 0x25
    LOGOUT_RESPONSE = 0x26
    READY_TO_TRANSFER = 0x31
    ASYNC_MESSAGE = 0x32
    REJECT = 0x3F


class NopOut(NamedTuple):
    """A ping, or the answer to the target's."""

    opcode: int = Opcode.NOP_OUT | IMMEDIATE
    flags: int = FINAL
    lengths: int = 0
    lun: int = 0
    itt: int = NO_TAG
    ttt: int = NO_TAG
    cmd_sn: int = 0
    exp_stat_sn: int = 0


class SCSICommand(NamedTuple):
    """A SCSI command; a CDB of more than 16 bytes goes on in an additional header."""

    opcode: int = Opcode.SCSI_COMMAND
    flags: int = FINAL
    lengths: int = 0
    lun: int = 0
    itt: int = 0
    expected_length: int = 0
    cmd_sn: int = 0
    exp_stat_sn: int = 0
    cdb: bytes = bytes(16)


class TaskRequest(NamedTuple):
    """A task management function."""

    opcode: int = Opcode.TASK_REQUEST | IMMEDIATE
    flags: int = FINAL
    lengths: int = 0
    lun: int = 0
    itt: int = 0
    ref_itt: int = NO_TAG
    cmd_sn: int = 0
    exp_stat_sn: int = 0
    ref_cmd_sn: int = 0
    exp_data_sn: int = 0


class LoginRequest(NamedTuple):
    """A step of a login; `session` is ISID (48 bits) and TSIH (16 bits)."""

    opcode: int = Opcode.LOGIN_REQUEST | IMMEDIATE
    flags: int = 0
    version_max: int = 0
    version_min: int = 0
    lengths: int = 0
    session: int = 0
    itt: int = 0
    cid: int = 0
    cmd_sn: int = 0
    exp_stat_sn: int = 0


class TextRequest(NamedTuple):
    """Keys and values; SendTargets is one of them."""

    opcode: int = Opcode.TEXT_REQUEST
    flags: int = FINAL
    lengths: int = 0
    lun: int = 0
    itt: int = 0
    ttt: int = NO_TAG
    cmd_sn: int = 0
    exp_stat_sn: int = 0


class DataOut(NamedTuple):
    """A part of what a command writes."""

    opcode: int = Opcode.DATA_OUT
    flags: int = 0
    lengths: int = 0
    lun: int = 0
    itt: int = 0
    ttt: int = NO_TAG
    exp_stat_sn: int = 0
    data_sn: int = 0
    offset: int = 0


class LogoutRequest(NamedTuple):
    """The end of a connection or session; the reason is in the flags."""

    opcode: int = Opcode.LOGOUT_REQUEST | IMMEDIATE
    flags: int = FINAL
    lengths: int = 0
    itt: int = 0
    cid: int = 0
    cmd_sn: int = 0
    exp_stat_sn: int = 0


class NopIn(NamedTuple):
    """The target's ping, or its answer to ours."""

    opcode: int = Opcode.NOP_IN
    flags: int = FINAL
    lengths: int = 0
    lun: int = 0
    itt: int = NO_TAG
    ttt: int = NO_TAG
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0


class SCSIResponse(NamedTuple):
    """How a command ended; its sense data are the data."""

    opcode: int = Opcode.SCSI_RESPONSE
    flags: int = FINAL
    response: int = 0
    status: int = 0
    lengths: int = 0
    itt: int = 0
    snack: int = 0
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0
    exp_data_sn: int = 0
    read_residual: int = 0
    residual: int = 0


class TaskResponse(NamedTuple):
    """How a task management function ended."""

    opcode: int = Opcode.TASK_RESPONSE
    flags: int = FINAL
    response: int = 0
    lengths: int = 0
    itt: int = 0
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0


class LoginResponse(NamedTuple):
    """The target's step of a login; `status` is class and detail."""

    opcode: int = Opcode.LOGIN_RESPONSE
    flags: int = 0
    version_max: int = 0
    version_active: int = 0
    lengths: int = 0
    session: int = 0
    itt: int = 0
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0
    status: int = 0


class TextResponse(NamedTuple):
    """The target's keys and values."""

    opcode: int = Opcode.TEXT_RESPONSE
    flags: int = FINAL
    lengths: int = 0
    lun: int = 0
    itt: int = 0
    ttt: int = NO_TAG
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0


class DataIn(NamedTuple):
    """A part of what a command reads; with the flag STATUS it ends the command."""

    opcode: int = Opcode.DATA_IN
    flags: int = 0
    status: int = 0
    lengths: int = 0
    lun: int = 0
    itt: int = 0
    ttt: int = NO_TAG
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0
    data_sn: int = 0
    offset: int = 0
    residual: int = 0


class LogoutResponse(NamedTuple):
    """The target's goodbye."""

    opcode: int = Opcode.LOGOUT_RESPONSE
    flags: int = FINAL
    response: int = 0
    lengths: int = 0
    itt: int = 0
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0
    time2wait: int = 0
    time2retain: int = 0


class ReadyToTransfer(NamedTuple):
    """The target asks for a part of what a command writes."""

    opcode: int = Opcode.READY_TO_TRANSFER
    flags: int = FINAL
    lengths: int = 0
    lun: int = 0
    itt: int = 0
    ttt: int = 0
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0
    r2t_sn: int = 0
    offset: int = 0
    desired: int = 0


class AsyncMessage(NamedTuple):
    """Something happened at the target."""

    opcode: int = Opcode.ASYNC_MESSAGE
    flags: int = FINAL
    lengths: int = 0
    lun: int = 0
    itt: int = NO_TAG
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0
    event: int = 0
    vendor_code: int = 0
    parameter1: int = 0
    parameter2: int = 0
    parameter3: int = 0


class Reject(NamedTuple):
    """The target does not take a PDU, whose header it sends back as data."""

    opcode: int = Opcode.REJECT
    flags: int = FINAL
    reason: int = 0
    lengths: int = 0
    itt: int = NO_TAG
    stat_sn: int = 0
    exp_cmd_sn: int = 0
    max_cmd_sn: int = 0
    data_sn: int = 0


Header = Union[
    NopOut,
    SCSICommand,
    TaskRequest,
    LoginRequest,
    TextRequest,
    DataOut,
    LogoutRequest,
    NopIn,
    SCSIResponse,
    TaskResponse,
    LoginResponse,
    TextResponse,
    DataIn,
    LogoutResponse,
    ReadyToTransfer,
    AsyncMessage,
    Reject,
]
