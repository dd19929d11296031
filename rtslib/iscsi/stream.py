# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Bytes to PDUs: where the next bytes are to go, and what is whole of those that came.

Headers and small things come into one buffer. The data of a PDU that has a place of its own (what
a command reads) are received right there: `buffers` names both, so that one system call fills the
rest of the data and then begins with the next header.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Protocol

from rtslib.iscsi.digest import Buffer, digest_of
from rtslib.iscsi.errors import DigestError, RemoteProtocolError
from rtslib.iscsi.pdu import DIGEST, HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Receiver", "Receiving", "Sink", "feed"]

#: The buffer: many small PDUs at once.
RING = 128 * 1024
#: What is offered behind data that come to their own place: a header or two. More would only be
#: copied, being the beginning of the next PDU's data.
BEHIND = 2048
#: PDUs with more data than this are received to their place; a smaller one is copied there.
LARGE = 16 * 1024
_LENGTHS = _TAG = Struct(">I")


class Sink(Protocol):
    """Who takes the PDUs."""

    def place(self, header: memoryview, length: int) -> memoryview | None:
        """Return where the data of this PDU belong; None for a buffer of their own."""
        ...

    def deliver(self, header: memoryview, additional: bytes, data: Buffer) -> None:
        """Take a whole PDU. The header's memory is used again after this."""
        ...


class Receiving(Protocol):
    """What takes bytes: a Receiver, or a connection."""

    def buffers(self) -> Sequence[memoryview]:
        """Return where the next bytes go, in this order."""
        ...

    def received(self, count: int) -> None:
        """Take note of bytes in these places."""
        ...


def feed(receiving: Receiving, data: Buffer) -> None:
    """Have bytes taken that are somewhere else already."""
    rest = memoryview(data)
    while rest:
        count = 0
        for buffer in receiving.buffers():
            part = min(len(buffer), len(rest) - count)
            buffer[:part] = rest[count : count + part]
            count += part
        receiving.received(count)
        rest = rest[count:]


class Receiver:
    """The receiving half of a connection."""

    __slots__ = (
        "_additional",
        "_body",
        "_direct",
        "_end",
        "_header",
        "_large",
        "_ring",
        "_sink",
        "_start",
        "_trailer",
        "_view",
        "data_digest",
        "header_digest",
        "max_data",
    )

    def __init__(self, sink: Sink, max_data: int) -> None:
        self._sink = sink
        self._ring = bytearray(RING)
        self._view = memoryview(self._ring)
        self._start = self._end = 0
        #: The header whose data are on their way, kept apart from the buffer.
        self._header: memoryview | None = None
        self._additional = b""
        self._body: memoryview | None = None
        #: What of the body is still missing.
        self._direct: memoryview | None = None
        self._trailer = 0
        self._large = False
        self.header_digest = False
        self.data_digest = False
        self.max_data = max_data

    def buffers(self) -> Sequence[memoryview]:
        """Return where the next bytes go, in this order."""
        if self._direct is not None:
            self._start = self._end = 0
            return self._direct, self._view[:BEHIND]
        if self._start == self._end:
            self._start = self._end = 0
        elif RING - self._end < BEHIND:
            # What is left at the end is less than a header with all that can belong to it.
            rest = bytes(self._view[self._start : self._end])
            self._view[: len(rest)] = rest
            self._start, self._end = 0, len(rest)
        if self._large:
            return (self._view[self._end : self._end + BEHIND],)
        return (self._view[self._end :],)

    def received(self, count: int) -> None:
        """Take note of bytes in these places, and deliver what is whole."""
        direct = self._direct
        if direct is not None:
            if count < len(direct):
                self._direct = direct[count:]
                return
            count -= len(direct)
            self._direct = None
        self._end += count
        while self._header_complete() if self._header is None else self._body_complete():
            pass

    def divert(self, itt: int) -> None:
        """Receive what is on its way for this task into memory of its own."""
        header, body = self._header, self._body
        if header is None or body is None or _TAG.unpack_from(header, 16) != (itt,):
            return
        aside = memoryview(bytearray(len(body)))
        if self._direct is not None:
            self._direct = aside[len(body) - len(self._direct) :]
        self._body = aside

    @property
    def idle(self) -> bool:
        """Whether nothing is there of a PDU that is not whole."""
        return self._header is None and self._start == self._end

    def _header_complete(self) -> bool:
        """Take a header and what there is of its data; tell whether there may be more."""
        start = self._start
        there = self._end - start
        if there < HEADER:
            return False
        (lengths,) = _LENGTHS.unpack_from(self._ring, start + 4)
        whole = HEADER + (lengths >> 24) * 4
        size = whole + DIGEST if self.header_digest else whole
        if there < size:
            return False
        header = self._view[start : start + HEADER]
        if self.header_digest:
            at = start + whole
            if digest_of(self._view[start:at]) != self._ring[at : at + DIGEST]:
                raise DigestError("a header's digest does not fit the header")
        length = lengths & 0xFFFFFF
        if length > self.max_data:
            raise RemoteProtocolError(
                f"a PDU has {length} bytes of data, where {self.max_data} were agreed upon"
            )
        self._additional = (
            b"" if whole == HEADER else bytes(self._view[start + HEADER : start + whole])
        )
        self._start = start + size
        if not length:
            self._sink.deliver(header, self._additional, b"")
            return self._start < self._end
        return self._begin_body(header, length)

    def _begin_body(self, header: memoryview, length: int) -> bool:
        body = self._sink.place(header, length)
        start = self._start
        there = min(self._end - start, length)
        self._large = length > LARGE
        if body is None:
            body = memoryview(bytearray(length))
        body[:there] = self._view[start : start + there]
        self._start = start + there
        self._trailer = -length % 4 + (DIGEST if self.data_digest else 0)
        if there == length and not self._trailer:
            # The usual case: nothing of it has to be kept.
            self._sink.deliver(header, self._additional, body)
            return self._start < self._end
        self._body = body
        self._header = memoryview(bytes(header))
        self._direct = body[there:] if there < length else None
        return there == length

    def _body_complete(self) -> bool:
        """Deliver the PDU whose data have come, when what ends it is there."""
        if self._direct is not None or self._end - self._start < self._trailer:
            return False
        header, body = self._header, self._body
        if header is None or body is None:  # pragma: no cover - both are there, or neither is
            return False
        if self._trailer:
            tail = bytes(self._view[self._start : self._start + self._trailer])
            self._start += self._trailer
            pad = -len(body) % 4
            if self.data_digest and digest_of(body, tail[:pad]) != tail[pad:]:
                raise DigestError("a data digest does not fit the data")
        self._header = self._body = None
        self._sink.deliver(header, self._additional, body)
        return self._start < self._end
