# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Headers to bytes and back: layouts, additional headers, padding, digests, LUNs.

Knows bytes only: not what is allowed when.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING

from rtslib.iscsi.digest import Buffer, digest_of
from rtslib.iscsi.errors import LocalProtocolError, RemoteProtocolError
from rtslib.iscsi.headers import (
    OPCODE,
    AsyncMessage,
    DataIn,
    DataOut,
    Header,
    LoginRequest,
    LoginResponse,
    LogoutRequest,
    LogoutResponse,
    NopIn,
    NopOut,
    Opcode,
    ReadyToTransfer,
    Reject,
    SCSICommand,
    SCSIResponse,
    TaskRequest,
    TaskResponse,
    TextRequest,
    TextResponse,
)
from rtslib.iscsi.scsi.lun import Lun

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "add_data",
    "additional_headers",
    "encode",
    "long_cdb_header",
    "pack",
    "padded",
    "read_length_header",
    "unpack",
    "wire_lun",
]

#: Bytes of a basic header.
HEADER = 48
#: The most bytes of data that a header can tell of.
MAX_DATA = (1 << 24) - 1
#: The most words of additional headers.
MAX_ADDITIONAL = 255
DIGEST = 4

SCSI_COMMAND = Struct(">BB2xIQIIII16s")
DATA_OUT = Struct(">BB2xIQII4xI4xII4x")
DATA_IN = Struct(">BBxBIQIIIIIIII")
READY_TO_TRANSFER = Struct(">BB2xIQIIIIIIII")
SCSI_RESPONSE = Struct(">BBBBI8xIIIIIIII")

#: Each kind of header: how its fields lie in the 48 bytes.
LAYOUTS: dict[int, tuple[type[Header], Struct]] = {
    Opcode.NOP_OUT: (NopOut, Struct(">BB2xIQIIII16x")),
    Opcode.SCSI_COMMAND: (SCSICommand, SCSI_COMMAND),
    Opcode.TASK_REQUEST: (TaskRequest, Struct(">BB2xIQIIIIII8x")),
    Opcode.LOGIN_REQUEST: (LoginRequest, Struct(">BBBBIQIH2xII16x")),
    Opcode.TEXT_REQUEST: (TextRequest, Struct(">BB2xIQIIII16x")),
    Opcode.DATA_OUT: (DataOut, DATA_OUT),
    Opcode.LOGOUT_REQUEST: (LogoutRequest, Struct(">BB2xI8xIH2xII16x")),
    Opcode.NOP_IN: (NopIn, Struct(">BB2xIQIIIII12x")),
    Opcode.SCSI_RESPONSE: (SCSIResponse, SCSI_RESPONSE),
    Opcode.TASK_RESPONSE: (TaskResponse, Struct(">BBBxI8xI4xIII12x")),
    Opcode.LOGIN_RESPONSE: (LoginResponse, Struct(">BBBBIQI4xIIIH10x")),
    Opcode.TEXT_RESPONSE: (TextResponse, Struct(">BB2xIQIIIII12x")),
    Opcode.DATA_IN: (DataIn, DATA_IN),
    Opcode.LOGOUT_RESPONSE: (LogoutResponse, Struct(">BBBxI8xI4xIII4xHH4x")),
    Opcode.READY_TO_TRANSFER: (ReadyToTransfer, READY_TO_TRANSFER),
    Opcode.ASYNC_MESSAGE: (AsyncMessage, Struct(">BB2xIQI4xIIIBBHHH4x")),
    Opcode.REJECT: (Reject, Struct(">BBBxI8xI4xIIII8x")),
}

#: Kinds of additional headers (RFC 7143 section 11.2.2).
LONG_CDB = 1
READ_LENGTH = 2
_ADDITIONAL = Struct(">HB")


def pack(header: Header) -> bytes:
    """Return the 48 bytes of a header."""
    try:
        return LAYOUTS[header.opcode & OPCODE][1].pack(*header)
    except struct.error as error:
        raise LocalProtocolError(f"a field of {header!r} does not fit: {error}") from error


def unpack(data: Buffer, offset: int = 0) -> Header:
    """Return the header in the 48 bytes at an offset."""
    known = LAYOUTS.get(data[offset] & OPCODE)
    if known is None:
        raise RemoteProtocolError(f"there is no opcode {data[offset] & OPCODE:#04x}")
    kind, layout = known
    return kind._make(layout.unpack_from(data, offset))


def padded(length: int) -> int:
    """Return a length rounded up to whole words of four bytes."""
    return length + 3 & ~3


def encode(
    header: Header,
    data: Buffer = b"",
    additional: bytes = b"",
    *,
    header_digest: bool = False,
    data_digest: bool = False,
) -> list[Buffer]:
    """Return the parts of a whole PDU in the order in which they are sent; data is not copied."""
    if len(data) > MAX_DATA or len(additional) > 4 * MAX_ADDITIONAL or len(additional) % 4:
        raise LocalProtocolError(
            f"no PDU holds {len(data)} bytes of data and {len(additional)} of additional headers"
        )
    head = pack(header._replace(lengths=len(additional) // 4 << 24 | len(data))) + additional
    parts: list[Buffer] = [head + digest_of(head) if header_digest else head]
    if data:
        add_data(parts, data, digest=data_digest)
    return parts


def add_data(parts: list[Buffer], data: Buffer, *, digest: bool) -> None:
    """Add what follows a header: data, what pads them, their digest if there is to be one."""
    parts.append(data)
    tail = bytes(-len(data) % 4)
    if digest:
        tail += digest_of(data, tail)
    if tail:
        parts.append(tail)


def additional_headers(data: Buffer) -> Iterator[tuple[int, bytes]]:
    """Yield the kind and the content of each additional header, without what pads it."""
    view = memoryview(data)
    while view:
        length, kind = _ADDITIONAL.unpack_from(view)
        end = _ADDITIONAL.size + length
        if not length or padded(end) > len(view):
            raise RemoteProtocolError(f"an additional header of {length} bytes, where it cannot be")
        yield kind, bytes(view[_ADDITIONAL.size : end])
        view = view[padded(end) :]


def _additional(kind: int, content: bytes) -> bytes:
    whole = _ADDITIONAL.pack(len(content), kind) + content
    return whole + bytes(-len(whole) % 4)


def long_cdb_header(cdb: bytes) -> bytes:
    """Return the additional header with what of a CDB is longer than 16 bytes, if anything is."""
    return _additional(LONG_CDB, b"\0" + cdb[16:]) if len(cdb) > 16 else b""  # noqa: PLR2004 - as it says


def read_length_header(length: int) -> bytes:
    """Return the additional header of a command that writes and reads: how much it reads."""
    return _additional(READ_LENGTH, b"\0" + length.to_bytes(4, "big"))


@lru_cache(maxsize=1024)
def _number(lun: int) -> int:
    return int.from_bytes(Lun(lun).wire, "big")


def wire_lun(lun: int) -> int:
    """Return the 64 bits of a LUN as one number: those in which it came, if it came from a target.

    >>> f"{wire_lun(5):016x}", f"{wire_lun(300):016x}"
    ('0005000000000000', '412c000000000000')
    """
    return int.from_bytes(lun.wire, "big") if isinstance(lun, Lun) else _number(lun)
