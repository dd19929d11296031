# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A connection's socket on an event loop: the only place with system calls for it.

A readable socket is read until it is empty, into the places that the core names; what is written
within one turn of the loop goes out in one call.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections import deque
from typing import TYPE_CHECKING, Callable

from rtslib.iscsi.errors import ConnectionLostError, IscsiError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtslib.iscsi.core import Connection
    from rtslib.iscsi.events import Event

__all__ = ["Wire", "open_socket"]

#: How often a socket is read before other tasks have their turn.
READS = 8
#: Less than this in pieces is put together: cheaper than to name each piece to the kernel.
SMALL = 32 * 1024
#: The most pieces in one call (IOV_MAX is 1024 on Linux).
PIECES = 512


async def open_socket(host: str, port: int) -> socket.socket:
    """Return a socket that is connected to the first address of a host that takes it."""
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for family, kind, protocol, _, address in await _addresses(loop, host, port):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            await loop.sock_connect(sock, address)
        except OSError as error:
            sock.close()
            failure = error
        except asyncio.CancelledError:
            sock.close()
            raise
        else:
            return sock
    reason = os.strerror(failure.errno or errno.EIO) if failure else "no address"
    raise ConnectionLostError(f"cannot connect to {host} port {port}: {reason}") from failure


async def _addresses(
    loop: asyncio.AbstractEventLoop, host: str, port: int
) -> Sequence[tuple[int, int, int, str, tuple[object, ...]]]:
    """Return the addresses of a host; one that is an address needs no thread to find that out."""
    try:
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except socket.gaierror:
        pass
    try:
        return await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ConnectionLostError(
            f"there is no address for the name {host!r}: {error.strerror}",
            hint="check the spelling and the name server",
        ) from error


class Wire:
    """The socket of one connection, as long as it holds."""

    def __init__(
        self,
        connection: Connection,
        sock: socket.socket,
        on_events: Callable[[list[Event]], None],
        on_lost: Callable[[IscsiError], None],
    ) -> None:
        self.connection = connection
        self._loop = asyncio.get_running_loop()
        self._socket = sock
        self._on_events = on_events
        self._on_lost = on_lost
        self._unsent: deque[memoryview] = deque()
        self._scheduled = False
        self._writing = False
        self.closed = False
        #: By the loop's clock: when something came last.
        self.heard = self._loop.time()
        self._loop.add_reader(sock, self._readable)

    def send_soon(self) -> None:
        """Send what the core has to send, together with all that this turn of the loop brings."""
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._send)

    def close(self) -> None:
        """Hang up."""
        if self.closed:
            return
        self.closed = True
        self._loop.remove_reader(self._socket)
        if self._writing:
            self._loop.remove_writer(self._socket)
        self._socket.close()
        self._unsent.clear()

    def _lost(self, error: IscsiError) -> None:
        self.close()
        self._on_lost(error)

    def _readable(self) -> None:
        connection = self.connection
        lost: IscsiError | None = None
        for _ in range(READS):
            buffers = connection.buffers()
            try:
                count = (
                    self._socket.recv_into(buffers[0])
                    if len(buffers) == 1
                    else self._socket.recvmsg_into(buffers)[0]
                )
                if not count:
                    lost = connection.end_of_stream()
                    break
                connection.received(count)
            except BlockingIOError:
                break
            except IscsiError as error:
                lost = error
                break
            except OSError as error:
                connection.end_of_stream()
                lost = ConnectionLostError(f"{connection.settings.where}: {error.strerror}")
                break
            if count < sum(map(len, buffers)):
                break
        self.heard = self._loop.time()
        if events := connection.take_events():
            self._on_events(events)
        if self.closed:
            return
        if lost is not None:
            self._lost(lost)
        else:
            self._send()

    def _send(self) -> None:
        self._scheduled = False
        if self.closed:
            return
        if parts := self.connection.take_output():
            if len(parts) > 1 and sum(map(len, parts)) <= SMALL:
                parts = [b"".join(parts)]
            self._unsent += map(memoryview, parts)
        if self._unsent and not self._writing:
            self._write()

    def _write(self) -> None:
        """Write until the socket takes no more, then wait until it does."""
        unsent = self._unsent
        try:
            while unsent:
                pieces = [unsent[at] for at in range(min(len(unsent), PIECES))]
                self._wrote(self._socket.sendmsg(pieces))
        except BlockingIOError:
            if not self._writing:
                self._writing = True
                self._loop.add_writer(self._socket, self._write)
            return
        except OSError as error:
            self.connection.end_of_stream()
            self._lost(ConnectionLostError(f"{self.connection.settings.where}: {error.strerror}"))
            return
        if self._writing:
            self._writing = False
            self._loop.remove_writer(self._socket)

    def _wrote(self, count: int) -> None:
        unsent = self._unsent
        while count:
            first = unsent[0]
            if count < len(first):
                unsent[0] = first[count:]
                return
            count -= len(first)
            unsent.popleft()
