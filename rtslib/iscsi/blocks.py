# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What is asked of logical units: which there are, what they are, and their blocks.

Reads and writes of any size are split by what the logical unit takes at once, and the parts go
side by side.
"""

from __future__ import annotations

import asyncio
from collections import deque
from struct import Struct
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from rtslib.iscsi import scsi
from rtslib.iscsi.errors import LocalProtocolError, ScsiError, TaskError
from rtslib.iscsi.execute import Executor, Result
from rtslib.iscsi.recovery import ATTENTIONS, is_attention, sense_key

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from rtslib.iscsi.digest import Buffer
    from rtslib.iscsi.events import Message
    from rtslib.iscsi.link import Connector
    from rtslib.iscsi.settings import Settings

__all__ = ["Blocks", "Geometry"]

#: The most that one command transfers, where the logical unit does not take less.
CHUNK = 1 << 20
#: How many parts of one call are in flight.
DEPTH = 8
_AT_10, _AT_16 = Struct(">BBIBHB"), Struct(">BBQIBB")
_READ_10, _READ_16, _WRITE_10, _WRITE_16 = 0x28, 0x88, 0x2A, 0x8A
_FUA = 0x08
_BLOCK_LIMITS = 0xB0
_ILLEGAL_REQUEST = 5
BUSY, TASK_SET_FULL = 0x08, 0x28
#: How long a logical unit that is busy is left alone, in seconds; each time twice as long.
FIRST_PAUSE = 0.02


class Geometry(NamedTuple):
    """What reading and writing must know of a logical unit, in blocks but for the block's size."""

    block_size: int
    blocks: int
    #: The most that one command may transfer.
    at_once: int


class Blocks(Executor):
    """The part of a session that knows SCSI."""

    def __init__(
        self,
        settings: Settings,
        *,
        connector: Connector | None = None,
        on_message: Callable[[Message], None] | None = None,
    ) -> None:
        super().__init__(settings, connector=connector, on_message=on_message)
        self._geometries: dict[int, Geometry] = {}

    async def ask(self, lun: int, cdb: bytes, length: int = 0) -> memoryview:
        """Return the answer to a command that changes nothing.

        What a logical unit has to tell first (UNIT ATTENTION: it is new, was reset, has grown) is
        listened to, and the command given again.
        """
        for _ in range(ATTENTIONS):
            result = await self.execute(lun, cdb, length=length, check=False)
            if not is_attention(result.sense):
                break
        if result.status:
            raise ScsiError(result.status, result.sense, cdb)
        return result.data

    async def test_unit_ready(self, lun: int) -> None:
        """Do nothing, if the logical unit is ready; a ScsiError tells why it is not."""
        await self.ask(lun, scsi.test_unit_ready())

    async def luns(self) -> list[scsi.Lun]:
        """Return the LUNs that this initiator has, sorted: each keeps the form in which it came."""
        length = 4096
        while True:
            data = await self.ask(0, scsi.report_luns(length), length)
            needed = int.from_bytes(data[:4], "big") + 8
            if needed <= length:
                return sorted(scsi.LunList.parse(data).luns)
            length = needed

    async def inquiry(self, lun: int) -> scsi.Inquiry:
        """Return what a logical unit says it is."""
        return scsi.Inquiry.parse(await self.ask(lun, scsi.inquiry(), 255))

    async def page(self, lun: int, page: int) -> scsi.Page:
        """Return a page of vital product data."""
        return scsi.parse_page(page, await self.ask(lun, scsi.inquiry(page, 1024), 1024))

    async def serial(self, lun: int) -> str:
        """Return the serial number of a logical unit."""
        page = await self.page(lun, 0x80)
        return page.serial if isinstance(page, scsi.UnitSerial) else ""

    async def read_capacity(self, lun: int) -> scsi.Capacity16:
        """Return how many blocks there are, and of which size; old devices know one command."""
        try:
            data = await self.ask(lun, scsi.read_capacity16(), 32)
        except ScsiError as error:
            if sense_key(error.sense) != _ILLEGAL_REQUEST:
                raise
        else:
            return scsi.Capacity16.parse(data)
        small = scsi.Capacity10.parse(await self.ask(lun, scsi.read_capacity10(), 8))
        return scsi.Capacity16(last_lba=small.last_lba, block_size=small.block_size)

    async def geometry(self, lun: int) -> Geometry:
        """Return what reading and writing must know; asked once, and again after `forget`."""
        known = self._geometries.get(lun)
        if known is None:
            capacity = await self.read_capacity(lun)
            at_once = max(1, CHUNK // capacity.block_size)
            try:
                limits = await self.page(lun, _BLOCK_LIMITS)
            except ScsiError:
                limits = None  # the page is optional
            if isinstance(limits, scsi.BlockLimits) and limits.max_transfer:
                at_once = min(at_once, limits.max_transfer)
            known = Geometry(capacity.block_size, capacity.blocks, at_once)
            self._geometries[lun] = known
        return known

    def forget(self, lun: int) -> None:
        """Ask anew how large a logical unit is when that is needed next."""
        self._geometries.pop(lun, None)

    async def read(
        self, lun: int, lba: int, blocks: int, into: bytearray | memoryview | None = None
    ) -> bytearray | memoryview:
        """Read blocks, into memory of the caller's if that is given; return that memory."""
        geometry = self._geometries.get(lun) or await self.geometry(lun)
        size = blocks * geometry.block_size
        target = bytearray(size) if into is None else into
        view = memoryview(target).cast("B")
        if len(view) != size:
            raise LocalProtocolError(f"{blocks} blocks are {size} bytes, not {len(view)}")
        if blocks <= geometry.at_once:
            await self._read_part(lun, lba, blocks, view)
        else:
            await _side_by_side(
                self._read_part(lun, at, count, view[begin:end])
                for at, count, begin, end in _parts(geometry, lba, blocks)
            )
        return target

    async def _read_part(self, lun: int, lba: int, blocks: int, view: memoryview) -> None:
        cdb = _transfer(_READ_10, _READ_16, lba, blocks)
        result = await self._transferred(lun, cdb, read_into=view)
        if len(result.data) != len(view):
            raise TaskError(
                f"the target sent {len(result.data)} of {len(view)} bytes of blocks {lba} and on"
            )

    async def write(self, lun: int, lba: int, data: Buffer, *, fua: bool = False) -> None:
        """Write whole blocks; with `fua` they are on the medium, not in a cache, at the end."""
        geometry = self._geometries.get(lun) or await self.geometry(lun)
        view = memoryview(data).cast("B")
        blocks, rest = divmod(len(view), geometry.block_size)
        if rest:
            raise LocalProtocolError(
                f"{len(view)} bytes are no whole blocks of {geometry.block_size}"
            )
        if blocks <= geometry.at_once:
            await self._write_part(lun, lba, blocks, view, fua)
        else:
            await _side_by_side(
                self._write_part(lun, at, count, view[begin:end], fua)
                for at, count, begin, end in _parts(geometry, lba, blocks)
            )

    async def _write_part(
        self, lun: int, lba: int, blocks: int, view: memoryview, fua: bool
    ) -> None:
        cdb = _transfer(_WRITE_10, _WRITE_16, lba, blocks, _FUA if fua else 0)
        result = await self._transferred(lun, cdb, data_out=view)
        if result.residual:
            raise TaskError(
                f"the target left {abs(result.residual)} of {len(view)} bytes unwritten"
            )

    async def _transferred(self, lun: int, cdb: bytes, **what: Any) -> Result:
        """Execute a transfer, again where the logical unit had something to tell, or is busy."""
        pause = FIRST_PAUSE
        for _ in range(ATTENTIONS):
            result = await self.execute(lun, cdb, check=False, **what)
            if not result.status:
                return result
            if result.status in (BUSY, TASK_SET_FULL):
                await asyncio.sleep(pause)
                pause *= 2
            elif not is_attention(result.sense):
                break
        raise ScsiError(result.status, result.sense, cdb)

    async def flush(self, lun: int) -> None:
        """Have all that was written put on the medium."""
        await self.ask(lun, scsi.synchronize_cache10())


def _transfer(short: int, long: int, lba: int, blocks: int, flags: int = 0) -> bytes:
    """Return a command in its short form where that will do: all devices know that one."""
    if lba + blocks <= 0xFFFFFFFF and blocks <= 0xFFFF:  # noqa: PLR2004 - what fits its fields
        return _AT_10.pack(short, flags, lba, 0, blocks, 0)
    return _AT_16.pack(long, flags, lba, blocks, 0, 0)


def _parts(geometry: Geometry, lba: int, blocks: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield the first block, the count, and where its bytes begin and end, of each part."""
    size = geometry.block_size
    for done in range(0, blocks, geometry.at_once):
        count = min(geometry.at_once, blocks - done)
        yield lba + done, count, done * size, (done + count) * size


async def _side_by_side(parts: Iterator[Coroutine[Any, Any, None]]) -> None:
    """Run some at a time; the first failure is the whole's, and ends the others."""
    running: list[asyncio.Future[None]] = []
    waiting = deque(parts)
    try:
        while waiting or running:
            while waiting and len(running) < DEPTH:
                running.append(asyncio.ensure_future(waiting.popleft()))
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            failures = [error for one in running if one in done and (error := one.exception())]
            running = [one for one in running if one not in done]
            if failures:
                raise failures[0]
    finally:
        for one in running:
            one.cancel()
        for never in waiting:
            never.close()
        if running:
            await asyncio.gather(*running, return_exceptions=True)
