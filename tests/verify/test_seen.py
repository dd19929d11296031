# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a login shows: disks, tapes, what is not there, what is broken."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from trees import iscsi_tpg

from rtslib import LUN, NetworkPortal, RDMCPStorageObject
from rtslib.iscsi import scsi
from rtslib.iscsi.client import Session
from rtslib.iscsi.errors import ScsiError
from rtslib.iscsi.fake import FakeDisk, FakeTarget
from rtslib.iscsi.scsi.layout import MalformedDataError
from rtslib.iscsi.settings import Settings
from rtslib.verify.seen import Seen, SeenDisk, look
from verify.lio import FakeSession, Unit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rtslib.iscsi.scsi.lun import Lun
    from rtslib.testing import FakeKernel


@pytest.fixture
def unit(fake: FakeKernel) -> Unit:
    tpg = iscsi_tpg(fake)
    NetworkPortal(tpg, "127.0.0.1")
    return Unit(LUN(tpg, 0, RDMCPStorageObject("memory", "1M", "serial")), write_protected=True)


def seen(kind: type[FakeSession], units: dict[int, Unit], *, quietly: bool = False) -> Seen:
    @asynccontextmanager
    async def connect(_settings: Settings) -> AsyncIterator[FakeSession]:
        yield kind(32, units, [])

    return asyncio.run(look(connect, Settings(target="iqn.x"), quietly=quietly))


def test_a_disk(unit: Unit) -> None:
    assert seen(FakeSession, {256: unit}) == Seen(
        32, {256: SeenDisk(256, unit.serial, 1 << 20, 512, write_protected=True)}
    )
    assert seen(FakeSession, {0: unit}, quietly=True).disks[0] == SeenDisk(0, unit.serial)


def test_nothing_is_there() -> None:
    # A target without LUNs lists LUN 0 all the same.
    assert seen(FakeSession, {}) == Seen(32)


def test_a_tape_has_no_blocks(unit: Unit) -> None:
    unit.inquiry = scsi.Inquiry(type=1)
    assert seen(FakeSession, {0: unit}).disks[0] == SeenDisk(0, unit.serial)


class Broken(FakeSession):
    async def ask(self, lun: Lun, cdb: bytes, length: int) -> bytes:
        return b""


class Refusing(FakeSession):
    async def serial(self, lun: Lun) -> str:
        raise ScsiError(2, scsi.Sense(scsi.SenseKey.HARDWARE_ERROR, 0x44).pack_fixed())


class Garbled(FakeSession):
    async def inquiry(self, lun: Lun) -> scsi.Inquiry:
        raise MalformedDataError("INQUIRY data: what is this?")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Broken, "mode parameter header(6): 4 bytes were needed, and 0 came"),
        (Refusing, "CHECK CONDITION: hardware error: the target failed inside (44h/00h)"),
        (Garbled, "INQUIRY data: what is this?"),
    ],
)
def test_a_disk_that_cannot_be_asked(kind: type[FakeSession], words: str, unit: Unit) -> None:
    assert seen(kind, {3: unit}).disks[3] == SeenDisk(3, error=words)


def test_over_a_connection() -> None:
    target = FakeTarget({0: FakeDisk(bytearray(8192), write_protected=True)}, window=24)

    def connect(settings: Settings) -> Session:
        return Session.connect(settings, connector=target.connect)

    found = asyncio.run(look(connect, target.settings))
    assert found == Seen(24, {0: SeenDisk(0, "0001", 8192, 512, write_protected=True)})
    found = asyncio.run(look(connect, target.settings, quietly=True))
    assert found.disks == {0: SeenDisk(0, "0001")}
