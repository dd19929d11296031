# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The fake target behind a port of the loopback, served by a thread."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rtslib.iscsi.fake import FakeDisk, FakeTarget
from rtslib.iscsi.faketask import Served
from rtslib.iscsi.headers import TextRequest, TextResponse
from rtslib.iscsi.keys import format_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rtslib.iscsi.digest import Buffer
    from rtslib.iscsi.settings import Credentials

__all__ = ["IQN", "Portal", "portal"]

IQN = "iqn.2026-11.org.example:portal"


class Portal(FakeTarget):
    """A target with a port."""

    def __init__(
        self,
        disks: Mapping[int, FakeDisk],
        credentials: Credentials | None = None,
        address: tuple[str, int] = ("127.0.0.1", 0),
    ) -> None:
        super().__init__(disks, name=IQN, credentials=credentials)
        self.serve = Listed
        self.socket = socket.create_server(address)
        self.socket.setblocking(False)
        self.port: int = self.socket.getsockname()[1]
        self.url = f"iscsi://127.0.0.1:{self.port}"
        self.disk_url = f"{self.url}/{IQN}/0"

    async def serve_until(self, stop: asyncio.Event) -> None:
        """Take connections until there is to be an end of it."""
        accepting = asyncio.ensure_future(self._accept())
        await stop.wait()
        accepting.cancel()
        self.hang_up()
        await asyncio.gather(accepting, *self._tasks, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            end, _ = await loop.sock_accept(self.socket)
            end.setblocking(False)
            served = self.serve(self)
            self.served.append(served)
            task = loop.create_task(self._serve(served, end))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


class Listed(Served):
    """Tells where the target is, and of one that is not there."""

    target: Portal

    def on_text(self, pdu: TextRequest, data: Buffer) -> None:
        port = self.target.port
        found = {"TargetName": IQN, "TargetAddress": f"127.0.0.1:{port},1"}
        gone = {"TargetName": f"{IQN}-gone", "TargetAddress": f"127.0.0.1:{port},1"}
        self.send(TextResponse(itt=pdu.itt), format_text(found) + format_text(gone))


@contextmanager
def portal(
    disks: Mapping[int, FakeDisk] | None = None, credentials: Credentials | None = None
) -> Iterator[Portal]:
    """Serve disks for as long as the block lasts; by default one of 64 KiB."""
    disks = disks or {0: FakeDisk(bytearray(range(256)) * 256)}
    target = Portal(disks, credentials)
    begun: queue.Queue[Callable[[], object]] = queue.Queue()

    async def serve() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        begun.put(lambda: loop.call_soon_threadsafe(stop.set))
        await target.serve_until(stop)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    end = begun.get()
    try:
        yield target
    finally:
        end()
        thread.join()
        target.socket.close()
