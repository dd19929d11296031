# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A target in this process, for tests of what uses an initiator: no port, no root, no kernel.

>>> import asyncio
>>> from rtslib.iscsi.client import Session
>>> async def first_block() -> bytes:
...     target = FakeTarget({0: FakeDisk(bytearray(b"x" * 4096))})
...     async with Session.connect(target.settings, connector=target.connect) as session:
...         return bytes(await session.read(0, 0, 1))
>>> asyncio.run(first_block())[:3]
b'xxx'
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rtslib.iscsi.fakedisk import FakeDisk
from rtslib.iscsi.faketask import Served
from rtslib.iscsi.settings import Credentials, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FakeDisk", "FakeTarget"]

NAME = "iqn.2026-11.org.rtslib:fake"


class FakeTarget:
    """A target with disks by LUN. `connect` is a connector for sessions.

    With `credentials` initiators must prove themselves by CHAP, and with `target_credentials` it
    proves itself to those that ask. `keys` are its side of the negotiation, by their RFC names.
    `served` has all connections ever made, the newest last.
    """

    #: What serves a connection: a subclass of it may behave badly.
    serve: type[Served] = Served

    def __init__(
        self,
        disks: Mapping[int, FakeDisk],
        *,
        name: str = NAME,
        credentials: Credentials | None = None,
        target_credentials: Credentials | None = None,
        keys: Mapping[str, Any] | None = None,
        window: int = 32,
    ) -> None:
        self.disks = dict(disks)
        self.name = name
        self.credentials = credentials
        self.target_credentials = target_credentials
        self.keys = dict(keys or {})
        #: How many commands may be in flight.
        self.window = window
        self.served: list[Served] = []
        #: Its ends of these connections.
        self.sockets: list[socket.socket] = []
        #: Where connections were asked for.
        self.asked: list[tuple[str, int]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def settings(self) -> Settings:
        """What an initiator needs, to log in here."""
        return Settings(
            target=self.name,
            credentials=self.credentials,
            target_credentials=self.target_credentials,
            reconnect_pause=(0.01, 0.1),
        )

    async def connect(self, host: str, port: int) -> socket.socket:
        """Return the initiator's end of a connection whose other end is served."""
        self.asked.append((host, port))
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        served = self.serve(self)
        self.served.append(served)
        self.sockets.append(theirs)
        task = asyncio.get_running_loop().create_task(self._serve(served, theirs))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return ours

    def hang_up(self) -> None:
        """End all connections."""
        for task in self._tasks:
            task.cancel()

    @staticmethod
    async def _serve(served: Served, sock: socket.socket) -> None:
        """Serve a connection until one side hangs up."""
        loop = asyncio.get_running_loop()
        with sock, suppress(OSError):  # the initiator may be gone at any time
            while not served.ended:
                buffer = served.receiver.buffers()[0]
                count = await loop.sock_recv_into(sock, buffer)
                if not count:
                    break
                served.receiver.received(count)
                out, served.out = served.out, bytearray()
                await loop.sock_sendall(sock, out)
