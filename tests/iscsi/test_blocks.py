# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from iscsi.talk import BLOCK, connect, fake, pattern, run
from rtslib.iscsi import scsi
from rtslib.iscsi.blocks import DEPTH, _side_by_side
from rtslib.iscsi.errors import LocalProtocolError, ScsiError, TaskError
from rtslib.iscsi.fake import FakeDisk, FakeTarget
from rtslib.iscsi.fakedisk import POWER_ON, Reply
from rtslib.iscsi.faketask import Served
from rtslib.iscsi.headers import SCSICommand
from rtslib.iscsi.recovery import is_attention


def opcodes(target: FakeTarget) -> list[int]:
    return [pdu.cdb[0] for pdu in target.served[-1].came if isinstance(pdu, SCSICommand)]


@pytest.mark.parametrize("max_transfer", [0, 1, 7, 64])
def test_any_size_is_split_by_what_goes_at_once(max_transfer: int) -> None:
    async def work() -> None:
        target = FakeTarget({0: FakeDisk(pattern(8192), max_transfer=max_transfer)})
        blocks = 50 * (max_transfer or 100)
        async with connect(target) as session:
            geometry = await session.geometry(0)
            assert geometry == (BLOCK, 8192, max_transfer or 2048)
            data = await session.read(0, 3, blocks)
            assert data == pattern(8192)[3 * BLOCK : (3 + blocks) * BLOCK]
            await session.write(0, 4, data)
            assert target.disks[0].memory[4 * BLOCK : (4 + blocks) * BLOCK] == data
        count = -(-blocks // geometry.at_once)
        assert opcodes(target).count(0x28) == count
        assert opcodes(target).count(0x2A) == count

    run(work())


def test_large_disks_need_large_commands() -> None:
    class Huge(FakeDisk):
        blocks = 1 << 40

        def _move(self, cdb: bytes, start: int, size: int, data_out: Any) -> Reply:
            return Reply(data=bytes(size)) if cdb[0] == 0x88 else Reply()

    async def work() -> None:
        target = FakeTarget({0: Huge(bytearray())})
        async with connect(target) as session:
            assert (await session.read_capacity(0)).size == BLOCK << 40
            await session.read(0, (1 << 40) - 1, 1)
            await session.write(0, 1 << 32, bytes(BLOCK))
        assert opcodes(target)[-2:] == [0x88, 0x8A]

    run(work())


def test_what_a_logical_unit_has_to_tell_is_listened_to() -> None:
    async def work() -> None:
        target = fake()
        disk = target.disks[0]
        disk.attentions = [POWER_ON] * 3
        async with connect(target) as session:
            assert (await session.read_capacity(0)).blocks == 4096
            disk.attentions = [POWER_ON]
            await session.read(0, 0, 1)
            disk.attentions = [POWER_ON]
            await session.write(0, 0, bytes(BLOCK))
            disk.attentions = [POWER_ON] * 99
            with pytest.raises(ScsiError, match="unit attention"):
                await session.read(0, 0, 1)
            with pytest.raises(ScsiError, match="unit attention"):
                await session.test_unit_ready(0)

    run(work())


@pytest.mark.parametrize(
    ("sense", "answer"),
    [
        ("", False),
        ("70", False),
        ("700006", True),
        ("f00026", True),
        ("700005", False),
        ("72", False),
        ("7206", True),
        ("7205", False),
    ],
)
def test_unit_attentions(sense: str, answer: bool) -> None:
    assert is_attention(bytes.fromhex(sense)) is answer


@pytest.mark.parametrize("status", [0x08, 0x28])
def test_a_busy_unit_is_left_alone_for_a_while(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtslib.iscsi.blocks.FIRST_PAUSE", 0.001)

    class Busy(FakeDisk):
        left = 3

        def execute(self, cdb: bytes, data_out: Any = b"") -> Reply:
            if cdb[0] == 0x28 and self.left:
                self.left -= 1
                return Reply(status)
            return super().execute(cdb, data_out)

    async def work() -> None:
        disk = Busy(pattern(9))
        async with connect(FakeTarget({0: disk})) as session:
            assert bytes(await session.read(0, 1, 1)) == pattern(2)[BLOCK:]
            disk.left = 99
            with pytest.raises(ScsiError) as caught:
                await session.read(0, 1, 1)
            assert caught.value.status == status

    run(work())


def test_a_part_that_fails_ends_those_that_run_and_those_that_wait() -> None:
    ended = []

    async def fail() -> None:
        raise TaskError("failed")

    async def endless() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            ended.append(1)

    with pytest.raises(TaskError, match="failed"):
        run(_side_by_side(iter([endless(), fail(), *(endless() for _ in range(2 * DEPTH))])))
    assert len(ended) < DEPTH


def test_what_it_is() -> None:
    async def work() -> None:
        async with connect(fake()) as session:
            assert (await session.inquiry(0)).product == "FAKE DISK"
            assert await session.serial(0) == "0001"
            page = await session.page(0, 0)
            assert isinstance(page, scsi.SupportedPages)
            assert page.pages == (0, 0x80, 0xB0)
            with pytest.raises(ScsiError):
                await session.page(0, 0x83)
            with pytest.raises(ScsiError, match="illegal request"):
                await session.inquiry(5)

    run(work())


def test_many_luns() -> None:
    async def work() -> None:
        disk = FakeDisk(pattern(8))
        target = FakeTarget(dict.fromkeys(range(700), disk))
        async with connect(target) as session:
            assert await session.luns() == list(range(700))
            assert bytes(await session.read(699, 1, 1)) == pattern(2)[BLOCK:]

    run(work())


def test_old_devices_know_one_command_for_their_size() -> None:
    class Old(FakeDisk):
        def execute(self, cdb: bytes, data_out: Any = b"") -> Reply:
            return super().execute(b"\xff" if cdb[0] == 0x9E else cdb, data_out)

    async def work() -> None:
        target = FakeTarget({0: Old(pattern(9))})
        async with connect(target) as session:
            assert await session.read_capacity(0) == scsi.Capacity16(8, BLOCK)

    run(work())


def test_a_device_without_limits() -> None:
    class Plain(FakeDisk):
        def _inquiry(self, cdb: bytes) -> Reply:
            return super()._inquiry(cdb if cdb[2] != 0xB0 else cdb[:2] + b"\xee" + cdb[3:])

    async def work() -> None:
        target = FakeTarget({0: Plain(pattern(9), block_size=4096)})
        async with connect(target) as session:
            assert await session.geometry(0) == (4096, 1, 256)

    run(work())


def test_a_disk_that_is_not_ready_has_no_size() -> None:
    class Lost(FakeDisk):
        def execute(self, cdb: bytes, data_out: Any = b"") -> Reply:
            return Reply(2, b"", bytes.fromhex("7000020000000000"))

    async def work() -> None:
        async with connect(FakeTarget({0: Lost(bytearray())})) as session:
            with pytest.raises(ScsiError, match="not ready"):
                await session.read_capacity(0)

    run(work())


def test_a_disk_that_has_grown() -> None:
    async def work() -> None:
        target = fake(8)
        async with connect(target) as session:
            assert (await session.geometry(0)).blocks == 8
            target.disks[0].memory.extend(bytes(BLOCK))
            assert (await session.geometry(0)).blocks == 8
            session.forget(0)
            assert (await session.geometry(0)).blocks == 9

    run(work())


def test_write_protection() -> None:
    async def work() -> None:
        target = fake()
        target.disks[0].write_protected = True
        async with connect(target) as session:
            with pytest.raises(ScsiError, match="data protect"):
                await session.write(0, 0, bytes(BLOCK), fua=True)

    run(work())


def test_whole_blocks_only() -> None:
    async def work() -> None:
        async with connect(fake()) as session:
            with pytest.raises(LocalProtocolError, match="no whole blocks of 512"):
                await session.write(0, 0, bytes(100))
            with pytest.raises(LocalProtocolError, match="2 blocks are 1024 bytes, not 100"):
                await session.read(0, 0, 2, bytearray(100))

    run(work())


class Short(Served):
    """A target that moves less than it says."""

    def execute(self, pdu: SCSICommand, data: Any = b"") -> Reply:
        reply = super().execute(pdu, data)
        return reply._replace(data=reply.data[:100]) if pdu.cdb[0] == 0x28 else reply

    def finish(self, pdu: SCSICommand, reply: Reply) -> None:
        if pdu.cdb[0] == 0x2A:
            pdu = pdu._replace(flags=pdu.flags & ~0x20, expected_length=512)
        super().finish(pdu, reply)


def test_what_did_not_come_was_not_read() -> None:
    async def work() -> None:
        target = fake()
        target.serve = Short
        async with connect(target) as session:
            with pytest.raises(TaskError, match="sent 100 of 1024 bytes of blocks 5"):
                await session.read(0, 5, 2)
            with pytest.raises(TaskError, match="left 512 of 512 bytes"):
                await session.write(0, 5, bytes(512))

    run(work())


def test_the_first_failure_ends_the_other_parts() -> None:
    async def work() -> None:
        target = FakeTarget({0: FakeDisk(pattern(100), max_transfer=1)})
        async with connect(target) as session:
            with pytest.raises(ScsiError, match="lba=100 "):
                await session.read(0, 90, 100)
            await asyncio.sleep(0)
            assert opcodes(target).count(0x28) < 30
            await session.ping()

    run(work())
