# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What tests of the initiator share: a core and a fake target in one memory, and running things."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from rtslib.iscsi.client import Session
from rtslib.iscsi.core import Connection
from rtslib.iscsi.fake import FakeDisk, FakeTarget
from rtslib.iscsi.faketask import Served
from rtslib.iscsi.requests import Command
from rtslib.iscsi.stream import feed

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from rtslib.iscsi.events import Event
    from rtslib.iscsi.settings import Settings

T = TypeVar("T")

READ_10, WRITE_10 = 0x28, 0x2A
BLOCK = 512
#: A test that takes longer hangs.
PATIENCE = 30.0


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a test's coroutine; one that hangs fails."""
    return asyncio.run(asyncio.wait_for(work, PATIENCE))


async def until(condition: Callable[[], object]) -> None:
    """Wait for a condition; the test's own time limit ends it."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
        await asyncio.sleep(0.001)


def connect(target: FakeTarget, **changes: Any) -> Session:
    return Session.connect(target.settings, connector=target.connect, **changes)


def pattern(blocks: int) -> bytearray:
    """Return blocks of which no two are alike."""
    return bytearray(b"".join(number.to_bytes(8, "big") * (BLOCK // 8) for number in range(blocks)))


def fake(blocks: int = 4096, **options: Any) -> FakeTarget:
    """Return a target with one disk, LUN 0."""
    return FakeTarget({0: FakeDisk(pattern(blocks))}, **options)


def read_cdb(lba: int, blocks: int) -> bytes:
    return bytes([READ_10, 0, *lba.to_bytes(4, "big"), 0, *blocks.to_bytes(2, "big"), 0])


def write_cdb(lba: int, blocks: int) -> bytes:
    return bytes([WRITE_10, 0, *lba.to_bytes(4, "big"), 0, *blocks.to_bytes(2, "big"), 0])


class Talk:
    """An initiator's core that talks with a fake target's, without a socket.

    `said` and `heard` are all bytes of the two sides, as the initiator sees it.
    """

    def __init__(self, target: FakeTarget, settings: Settings | None = None) -> None:
        self.connection = Connection(settings or target.settings)
        self.served = target.serve(target)
        self.said, self.heard = bytearray(), bytearray()
        self.events: list[Event] = []

    def pump(self) -> list[Event]:
        """Let both say what they have to; return what happened since the last call."""
        while True:
            out = b"".join(self.connection.take_output())
            self.said += out
            feed(self.served.receiver, out)
            answer, self.served.out = bytes(self.served.out), bytearray()
            if not out and not answer:
                break
            self.heard += answer
            feed(self.connection, answer)
        events = self.connection.take_events()
        self.events += events
        return events

    def log_in(self) -> Talk:
        self.connection.begin()
        self.pump()
        assert self.served.full
        return self

    def read(self, lba: int, blocks: int) -> Command:
        command = Command(0, read_cdb(lba, blocks), read_into=memoryview(bytearray(blocks * BLOCK)))
        self.connection.execute(command)
        return command

    def write(self, lba: int, data: bytes) -> Command:
        command = Command(0, write_cdb(lba, len(data) // BLOCK), data)
        self.connection.execute(command)
        return command


class Mute(Served):
    """A target that lets initiators in, and then says nothing of its own."""

    def deliver(self, header: memoryview, additional: bytes, data: Any) -> None:
        if not self.full:
            super().deliver(header, additional, data)
