# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Copy a logical unit to a file and back, and measure how fast it is read.

While one part is on its way to or from the file, the next is on the wire.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Optional

from rtslib.iscsi.errors import LocalProtocolError

if TYPE_CHECKING:
    from rtslib.iscsi.client import Session

__all__ = ["Measured", "extent", "measure", "read_to", "write_from"]

#: What is copied at a time, in bytes: several commands of it are in flight.
PART = 8 << 20

#: Tells how many bytes are done of how many.
Tell = Optional[Callable[[int, int], None]]


async def extent(session: Session, lun: int, lba: int, blocks: int | None) -> tuple[int, int]:
    """Return how many blocks there are from `lba` on, and their size; or `blocks`, if that many.

    LocalProtocolError for what is outside of the disk.
    """
    geometry = await session.geometry(lun)
    there = geometry.blocks - lba
    wanted = max(there, 0) if blocks is None else blocks
    if lba < 0 or wanted < 0 or wanted > there:
        raise LocalProtocolError(
            f"LUN {lun} has {geometry.blocks} blocks: {wanted} from block {lba} on are not there"
        )
    return wanted, geometry.block_size


async def read_to(
    session: Session,
    lun: int,
    file: BinaryIO,
    *,
    lba: int = 0,
    blocks: int | None = None,
    tell: Tell = None,
) -> int:
    """Copy blocks to a file, by default all; return how many bytes."""
    count, size = await extent(session, lun, lba, blocks)
    at_once = max(1, PART // size)
    spare = [bytearray(min(at_once, count) * size) for _ in range(2)]
    writing: asyncio.Future[Any] | None = None
    for done in range(0, count, at_once):
        part = min(at_once, count - done)
        view = memoryview(spare[0])[: part * size]
        await session.read(lun, lba + done, part, view)
        if writing is not None:
            await writing
        writing = asyncio.ensure_future(asyncio.to_thread(_write_all, file, view))
        spare.reverse()
        if tell is not None:
            tell((done + part) * size, count * size)
    if writing is not None:
        await writing
    return count * size


def _write_all(file: BinaryIO, data: memoryview) -> None:
    """Write all of it: a pipe may take less at a time."""
    while data:
        data = data[file.write(data) :]


async def write_from(
    session: Session, lun: int, file: BinaryIO, size: int, *, lba: int = 0, tell: Tell = None
) -> int:
    """Copy `size` bytes of a file to blocks, put them on the medium, and return how many bytes.

    LocalProtocolError, before anything is written, for what is no whole blocks or has no room.
    """
    geometry = await session.geometry(lun)
    blocks, rest = divmod(size, geometry.block_size)
    if rest:
        raise LocalProtocolError(
            f"{size} bytes are no whole blocks of {geometry.block_size}",
            hint=f"{geometry.block_size - rest} bytes are missing at the end",
        )
    await extent(session, lun, lba, blocks)
    at_once = max(1, PART // geometry.block_size) * geometry.block_size
    reading = asyncio.ensure_future(asyncio.to_thread(_read_all, file, min(at_once, size)))
    for done in range(0, size, at_once):
        data = await reading
        following = min(at_once, size - done - len(data))
        reading = asyncio.ensure_future(asyncio.to_thread(_read_all, file, following))
        await session.write(lun, lba + done // geometry.block_size, data)
        if tell is not None:
            tell(done + len(data), size)
    await reading
    await session.flush(lun)
    return size


def _read_all(file: BinaryIO, size: int) -> bytes:
    """Read so much: less is a file that was cut off meanwhile."""
    data = b""
    while len(data) < size:
        more = file.read(size - len(data))
        if not more:
            raise LocalProtocolError(f"the file has ended {size - len(data)} bytes too early")
        data = data + more if data else more
    return data


@dataclass(frozen=True)
class Measured:
    """How fast it was: `bytes` in `seconds`, by `reads`, of which the slowest took `worst`."""

    reads: int
    bytes: int
    seconds: float
    worst: float

    @property
    def bytes_per_second(self) -> float:
        """The throughput."""
        return self.bytes / self.seconds

    @property
    def reads_per_second(self) -> float:
        """How many reads in a second."""
        return self.reads / self.seconds


async def measure(
    session: Session,
    lun: int,
    *,
    size: int = 256 << 10,
    depth: int = 32,
    seconds: float = 5.0,
    at_random: bool = False,
) -> Measured:
    """Read `size` bytes at a time for some seconds, `depth` reads at once."""
    blocks, block_size = await extent(session, lun, 0, None)
    each = size // block_size
    if size % block_size or not each:
        raise LocalProtocolError(f"{size} bytes are no whole blocks of {block_size}")
    places = blocks // each
    if not places or depth < 1:
        raise LocalProtocolError(
            f"LUN {lun} has {blocks * block_size} bytes, and no {size} to read"
        )
    return await _Meter(session, lun, each, block_size, places, at_random=at_random).run(
        depth, seconds
    )


class _Meter:
    """Many reads, one after the other in each of several tasks."""

    def __init__(
        self,
        session: Session,
        lun: int,
        blocks: int,
        block_size: int,
        places: int,
        *,
        at_random: bool,
    ) -> None:
        self.session = session
        self.lun = lun
        self.blocks = blocks
        self.size = blocks * block_size
        self.places = places
        self.random = random.Random() if at_random else None  # noqa: S311 - where, not what
        self.reads = 0
        self.worst = 0.0

    def _place(self) -> int:
        at = self.random.randrange(self.places) if self.random else self.reads % self.places
        self.reads += 1
        return at * self.blocks

    async def _one_after_the_other(self, end: float, clock: Callable[[], float]) -> None:
        memory = bytearray(self.size)
        began = clock()
        while began < end:
            await self.session.read(self.lun, self._place(), self.blocks, memory)
            now = clock()
            self.worst = max(self.worst, now - began)
            began = now

    async def run(self, depth: int, seconds: float) -> Measured:
        clock = asyncio.get_running_loop().time
        began = clock()
        await asyncio.gather(
            *(self._one_after_the_other(began + seconds, clock) for _ in range(depth))
        )
        return Measured(self.reads, self.reads * self.size, clock() - began, self.worst)
