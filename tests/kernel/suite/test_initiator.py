# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""This library's own initiator, and the targets that it configured on this kernel."""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from rtslib.iscsi import sync
from rtslib.iscsi.client import Session
from rtslib.iscsi.errors import (
    AuthenticationError,
    ConnectionLostError,
    IscsiError,
    LoginError,
    ScsiError,
    TaskError,
)
from rtslib.iscsi.headers import LoginResponse
from rtslib.iscsi.outgoing import Sender
from rtslib.iscsi.pdu import encode, unpack
from rtslib.iscsi.requests import Function
from rtslib.iscsi.settings import Credentials, Settings
from suite import machine
from suite.machine import MIB, succeed
from suite.test_clients import ALICE, BOB, IQN, MUTUAL, PORTAL, SECRET, Disk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from pathlib import Path

    from suite.openiscsi import OpenISCSI

BLOCK = 512
OURS, THEIRS = Credentials("alice", SECRET), Credentials("target", MUTUAL)
WRONG = "not-the-secret"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    made.delete()


def settings(**changes: Any) -> Settings:
    usual: dict[str, Any] = {
        "target": IQN,
        "initiator": ALICE,
        "login_timeout": 60.0,
        "reconnect_pause": (0.1, 1.0),
        "reconnects": 20,
    }
    return Settings(**{**usual, **changes})


def connect(**changes: Any) -> sync.Session:
    return sync.Session.connect(settings(**changes))


def run(work: Coroutine[Any, Any, Any]) -> None:
    asyncio.run(asyncio.wait_for(work, 240))


async def until(condition: Any) -> None:
    while not condition():  # noqa: ASYNC110 - the kernel has no event for it
        await asyncio.sleep(0.02)


async def apart(function: Any, *arguments: Any) -> Any:
    """Call what waits for the kernel, while the session goes on."""
    return await asyncio.get_running_loop().run_in_executor(None, function, *arguments)


class TestLogin:
    def test_discovery(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        (found,) = sync.discover(settings())
        assert found.name == IQN
        assert {str(portal) for portal in found.portals} == {"127.0.0.1:3260,1", "[::1]:3260,1"}

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
    def test_both_kinds_of_address(self, disk: Disk, host: str) -> None:
        disk.allow(ALICE, 0, 1)
        with connect(host=host) as session:
            assert session.luns() == [0, 1]
            (login,) = disk.tpg.sessions
            assert login.initiator == ALICE
            assert login.connections[0].address == host
        # The kernel takes the session apart after its goodbye.
        machine.until(lambda: not disk.tpg.sessions, "an end of the session")

    def test_who_has_no_acl_is_refused(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        with pytest.raises(LoginError, match="ACL") as caught:
            connect(initiator=BOB).open()
        assert (caught.value.status_class, caught.value.status_detail) == (2, 2)

    def test_a_target_that_is_not_there(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        with pytest.raises(LoginError, match="not in service") as caught:
            connect(target=IQN + "x").open()
        assert (caught.value.status_class, caught.value.status_detail) == (3, 1)

    @pytest.mark.parametrize(
        ("kind", "ours", "theirs", "enters"),
        [
            ("none", None, None, True),
            ("none", OURS, None, True),
            ("one-way", None, None, False),
            ("one-way", OURS, None, True),
            ("one-way", Credentials("alice", WRONG), None, False),
            ("one-way", OURS, THEIRS, False),
            ("mutual", OURS, THEIRS, True),
            ("mutual", OURS, Credentials("target", WRONG), False),
        ],
    )
    def test_chap(
        self,
        disk: Disk,
        kind: str,
        ours: Credentials | None,
        theirs: Credentials | None,
        enters: bool,
    ) -> None:
        if kind == "none":
            disk.allow(ALICE, 0)
        else:
            disk.ask_for_chap(ALICE, *(("target", MUTUAL) if kind == "mutual" else ()))
        session = connect(credentials=ours, target_credentials=theirs)
        if enters:
            with session:
                assert session.luns() == [0]
        else:
            with pytest.raises(AuthenticationError):
                session.open()

    @pytest.mark.parametrize("algorithm", [5, 6, 7, 8])
    def test_algorithms(self, disk: Disk, algorithm: int) -> None:
        disk.ask_for_chap(ALICE, "target", MUTUAL)
        with connect(
            credentials=OURS, target_credentials=THEIRS, chap_algorithms=(algorithm,)
        ) as session:
            assert session.luns() == [0]

    def test_chap_of_discovery(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        fabric = disk.target.fabric_module
        fabric.set_discovery_auth("finder", "finder-secret")
        try:
            with pytest.raises(AuthenticationError):
                sync.discover(settings())
            finder = Credentials("finder", "finder-secret")
            assert [it.name for it in sync.discover(settings(credentials=finder))] == [IQN]
        finally:
            fabric.clear_discovery_auth_settings()

    @pytest.mark.parametrize("header", ["None", "CRC32C"])
    @pytest.mark.parametrize("data", ["None", "CRC32C"])
    def test_digests(self, disk: Disk, header: str, data: str) -> None:
        disk.allow(ALICE, 0)
        written = os.urandom(300 * BLOCK)
        with connect(header_digest=(header,), data_digest=(data,)) as session:
            assert session.agreed.header_digest is (header == "CRC32C")
            assert session.agreed.data_digest is (data == "CRC32C")
            session.write(0, 1, written)
            assert bytes(session.read(0, 1, 300)) == written
        assert disk.image.read_bytes()[BLOCK:][: len(written)] == written

    def test_redirection(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)

        async def work() -> None:
            async with redirector() as port, Session.connect(settings(port=port)) as session:
                assert session.link is not None
                assert session.link.settings.port == 3260
                assert await session.luns() == [0]

        run(work())


@asynccontextmanager
async def redirector() -> AsyncIterator[int]:
    """Send every initiator on to the kernel's target; yield the port where that is done."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request: Any = unpack(await reader.readexactly(48))
        await reader.readexactly((request.lengths & 0xFFFFFF) + 3 & ~3)
        response = LoginResponse(session=request.session, itt=request.itt, status=0x0101)
        writer.write(b"".join(encode(response, f"TargetAddress={PORTAL},1\0".encode())))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


class TestBlocks:
    def test_sizes(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        with connect() as session:
            assert session.read_capacity(0).size == 8 * MIB
            for count in (1, 16, 17, 129, 2047, 8192):
                data = os.urandom(count * BLOCK)
                session.write(0, 0, data)
                assert bytes(session.read(0, 0, count)) == data
            session.flush(0)
        assert disk.image.read_bytes()[: len(data)] == data

    @pytest.mark.parametrize("immediate", ["Yes", "No"])
    @pytest.mark.parametrize("initial_r2t", ["Yes", "No"])
    def test_all_ways_to_write(self, disk: Disk, initial_r2t: str, immediate: str) -> None:
        disk.tpg.set_parameter("InitialR2T", initial_r2t)
        disk.tpg.set_parameter("ImmediateData", immediate)
        disk.allow(ALICE, 0)
        with connect() as session:
            assert session.agreed.initial_r2t is (initial_r2t == "Yes")
            assert session.agreed.immediate_data is (immediate == "Yes")
            for count in (1, 17, 600):
                data = os.urandom(count * BLOCK)
                session.write(0, 3, data)
                assert bytes(session.read(0, 3, count)) == data

    def test_many_commands_in_flight(self, disk: Disk) -> None:
        acl = disk.allow(ALICE, 0)
        acl.tcq_depth = 64

        async def work() -> None:
            async with Session.connect(settings()) as session:
                await session.geometry(0)
                data = [os.urandom(8 * BLOCK) for _ in range(64)]
                writes = [
                    asyncio.ensure_future(session.write(0, 8 * at, one))
                    for at, one in enumerate(data)
                ]
                await asyncio.sleep(0)
                assert len(session.connection.tasks) == 64
                await asyncio.gather(*writes)
                read = await asyncio.gather(*(session.read(0, 8 * at, 8) for at in range(64)))
                assert list(map(bytes, read)) == data

        run(work())

    def test_write_protection(self, disk: Disk) -> None:
        (mapped,) = disk.allow(ALICE, 0).mapped_luns
        mapped.write_protect = True
        with connect() as session, pytest.raises(ScsiError, match="data protect"):
            session.write(0, 0, bytes(BLOCK))

    def test_values_are_those_that_others_read(self, disk: Disk, open_iscsi: OpenISCSI) -> None:
        disk.allow(ALICE, 0)
        with connect() as session:
            inquiry, capacity = session.inquiry(0), session.read_capacity(0)
            serial = session.serial(0)
        assert serial == disk.file.wwn
        url = f"iscsi://{PORTAL}/{IQN}/0"
        said = succeed("iscsi-inq", "-i", ALICE, url)
        for label, value in (
            ("Vendor", inquiry.vendor),
            ("Product", inquiry.product),
            ("Revision", inquiry.revision),
        ):
            assert re.search(rf"^{label}:{re.escape(value)} *$", said, re.MULTILINE)
        said = succeed("iscsi-readcapacity16", "-i", ALICE, url)
        assert f"Total size:{capacity.size}" in said
        with open_iscsi.session(ALICE, IQN, PORTAL) as login:
            device = login.disk()
            said = succeed("sg_inq", device)
            assert f"Vendor identification: {inquiry.vendor}" in said
            assert f"Product identification: {inquiry.product}" in said
            assert serial in succeed("sg_inq", "--page=0x80", device)
            said = succeed("sg_readcap", "--16", device)
            assert f"Last LBA={capacity.last_lba} " in said
            assert f"Logical block length={capacity.block_size} bytes" in said


class TestTasks:
    def test_functions(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        with connect() as session:
            session.read(0, 0, 1)
            session.lun_reset(0)
            with pytest.raises(TaskError, match="refuses"):
                session.target_reset()
            for unknown in (Function.ABORT_TASK_SET, Function.CLEAR_TASK_SET):
                with pytest.raises(TaskError, match="knows no such function"):
                    session.manage(unknown, 0)
            assert len(session.read(0, 0, 8)) == 8 * BLOCK

    def test_who_is_cancelled_leaves_nothing_behind(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)

        async def work() -> None:
            async with Session.connect(settings()) as session:
                await session.geometry(0)
                reads = [asyncio.ensure_future(session.read(0, 0, 2048)) for _ in range(16)]
                await asyncio.sleep(0.005)
                for one in reads[::2]:
                    one.cancel()
                done = await asyncio.gather(*reads, return_exceptions=True)
                assert all(isinstance(one, bytearray) for one in done[1::2])
                await until(lambda: not session.connection.tasks)
                await session.ping()
                assert len(disk.tpg.sessions) == 1

        run(work())


class TestPings:
    """LIO asks a silent initiator after `nopin_timeout`, and waits `nopin_response_timeout`."""

    @staticmethod
    def ask_soon(disk: Disk) -> None:
        acl = disk.allow(ALICE, 0)
        acl.set_attribute("nopin_timeout", 3)
        acl.set_attribute("nopin_response_timeout", 3)

    def test_answered(self, disk: Disk) -> None:
        self.ask_soon(disk)

        async def work() -> None:
            async with Session.connect(settings(ping_interval=None)) as session:
                link = session.link
                await asyncio.sleep(10)
                assert session.link is link
                await session.read(0, 0, 1)

        run(work())

    def test_not_answered(self, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ask_soon(disk)

        async def work() -> None:
            async with Session.connect(settings(ping_interval=None)) as session:
                link = session.link
                monkeypatch.setattr(Sender, "answer_ping", lambda *_: None)
                await until(lambda: session.link is not link)
                monkeypatch.undo()
                await session.read(0, 0, 1)

        run(work())


class TestRecovery:
    def test_the_group_goes_away_in_the_midst_of_writes(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        data = os.urandom(8 * MIB)

        def blink() -> None:
            disk.tpg.enable = False
            disk.tpg.enable = True

        async def work() -> None:
            part = 64 * 1024
            async with Session.connect(settings(command_timeout=120.0)) as session:
                for _ in range(3):
                    writes = [
                        asyncio.ensure_future(
                            session.write(0, at // BLOCK, memoryview(data)[at : at + part])
                        )
                        for at in range(0, len(data), part)
                    ]
                    link = session.link
                    await asyncio.sleep(0.05)
                    await apart(blink)
                    await asyncio.gather(*writes)
                    await session.flush(0)
                    assert session.link is not link

        run(work())
        assert disk.image.read_bytes() == data

    def test_a_target_that_is_deleted_under_commands(self, tmp_path: Path) -> None:
        disk = Disk(tmp_path)
        disk.allow(ALICE, 0)

        async def work() -> None:
            session = Session.connect(settings(reconnects=2))
            async with session:
                await session.geometry(0)
                reads = [asyncio.ensure_future(session.read(0, 0, 2048)) for _ in range(32)]
                await asyncio.sleep(0.01)
                await apart(disk.delete)
                done = await asyncio.gather(*reads, return_exceptions=True)
                failed = [one for one in done if isinstance(one, BaseException)]
                assert all(isinstance(one, IscsiError) for one in failed)
                with pytest.raises((ConnectionLostError, LoginError)):
                    await session.read(0, 0, 1)

        run(work())
