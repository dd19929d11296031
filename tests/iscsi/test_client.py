# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Sessions on asyncio, with a fake target at the other end of a socket pair."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import replace
from typing import Any

import pytest

from iscsi.talk import BLOCK, Mute, connect, fake, pattern, read_cdb, run, until, write_cdb
from rtslib.iscsi.client import Session, settings_of
from rtslib.iscsi.discovery import Found, FoundPortal, discover, found_targets
from rtslib.iscsi.errors import (
    AuthenticationError,
    ConnectionLostError,
    IscsiError,
    LocalProtocolError,
    LoginError,
    NoAnswerError,
    RemoteProtocolError,
    ScsiError,
    TaskError,
)
from rtslib.iscsi.fake import FakeDisk, FakeTarget
from rtslib.iscsi.faketask import Served
from rtslib.iscsi.headers import SCSICommand, SCSIResponse, TaskRequest, TaskResponse
from rtslib.iscsi.requests import Function
from rtslib.iscsi.settings import Credentials, Settings


def test_blocks_are_read_and_written() -> None:
    async def work() -> None:
        target = fake()
        async with connect(target) as session:
            assert await session.luns() == [0]
            assert bytes(await session.read(0, 7, 2)) == pattern(9)[7 * BLOCK :]
            into = bytearray(3 * BLOCK)
            assert await session.read(0, 1, 3, into) is into
            assert into == pattern(4)[BLOCK:]
            data = os.urandom(5000 * BLOCK // 10)
            await session.write(0, 100, data[: len(data) // BLOCK * BLOCK])
            memory = target.disks[0].memory
            assert memory[100 * BLOCK : 100 * BLOCK + 4096] == data[:4096]
            await session.flush(0)
            await session.test_unit_ready(0)

    run(work())


def test_awaiting_opens_too() -> None:
    async def work() -> None:
        target = fake()
        session = await connect(target)
        assert session.agreed.max_send == 8192
        assert session.lun == 0
        with pytest.raises(LocalProtocolError, match="opened once"):
            await session.open()
        await session.logout()
        await session.logout()  # nothing more happens
        assert target.served[0].ended
        with pytest.raises(LocalProtocolError, match="no connection"):
            _ = session.agreed
        with pytest.raises(ConnectionLostError, match="was closed"):
            await session.ping()

    run(work())


def test_a_session_that_is_not_open() -> None:
    async def work() -> None:
        session = connect(fake())
        session.loop = asyncio.get_running_loop()
        with pytest.raises(LocalProtocolError, match="not open"):
            await session.ping()

    run(work())


def test_many_commands_in_flight() -> None:
    async def work() -> None:
        target = fake(window=64)
        async with connect(target) as session:
            reads = [session.read(0, number, 1) for number in range(500)]
            done = await asyncio.gather(*reads)
        for number, data in enumerate(done):
            assert bytes(data[:8]) == number.to_bytes(8, "big")

    run(work())


def test_what_a_command_reads() -> None:
    async def work() -> None:
        async with connect(fake()) as session:
            result = await session.execute(0, read_cdb(2, 1), length=700)
            assert result.status == 0
            assert result.data == pattern(3)[2 * BLOCK :]
            assert result.residual == 188
            result = await session.execute(0, read_cdb(2, 2), length=BLOCK)
            assert result.residual == -BLOCK
            with pytest.raises(LocalProtocolError, match="read-only"):
                await session.execute(0, read_cdb(2, 1), read_into=bytes(BLOCK))
            with pytest.raises(ScsiError, match=r"READ\(10\) lba=99999 blocks=1") as caught:
                await session.execute(0, read_cdb(99999, 1), length=BLOCK)
            assert caught.value.status == 2
            result = await session.execute(0, read_cdb(99999, 1), length=BLOCK, check=False)
            assert result.status == 2
            assert result.sense == caught.value.sense

    run(work())


def test_pings_and_functions() -> None:
    async def work() -> None:
        async with connect(fake()) as session:
            assert await session.ping(b"x") < 30
            await session.abort_task_set(0)
            await session.clear_task_set(0)
            await session.lun_reset(0)
            await session.target_reset()
            await session.target_reset(cold=True)
            with pytest.raises(TaskError, match="there is no such task") as caught:
                await session.manage(Function.ABORT_TASK)
            assert caught.value.response == 1

    run(work())


class Held(Served):
    """A target that answers to commands when it is told to."""

    def on_command(self, pdu: SCSICommand, data: Any) -> None:
        """Wait."""

    def release(self) -> None:
        """End the newest command."""
        pdu = [pdu for pdu in self.came if isinstance(pdu, SCSICommand)][-1]
        self.send(SCSIResponse(itt=pdu.itt))


def held(**options: Any) -> FakeTarget:
    target = fake(**options)
    target.serve = Held
    return target


def came(target: FakeTarget, kind: type) -> list[Any]:
    return [pdu for served in target.served for pdu in served.came if isinstance(pdu, kind)]


def test_who_is_cancelled_has_the_command_aborted() -> None:
    async def work() -> None:
        target = held()
        async with connect(target) as session:
            memory = bytearray(BLOCK)
            reading = asyncio.ensure_future(session.execute(0, read_cdb(0, 1), read_into=memory))
            await until(lambda: came(target, SCSICommand))
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            await until(lambda: came(target, TaskRequest))
            (command,), (task,) = came(target, SCSICommand), came(target, TaskRequest)
            assert task.flags & 0x7F == Function.ABORT_TASK
            assert task.ref_itt == command.itt
            await until(lambda: not session.connection.tasks)
            assert session.connection.state.name == "FULL"

    run(work())


def test_a_command_has_a_time_limit() -> None:
    async def work() -> None:
        target = held()
        async with connect(target, command_timeout=0.05) as session:
            with pytest.raises(NoAnswerError, match="SCSI command 0x28") as caught:
                await session.execute(0, read_cdb(0, 1), length=BLOCK)
            assert isinstance(caught.value, TimeoutError)
            with pytest.raises(NoAnswerError):
                await session.execute(0, read_cdb(0, 1), length=BLOCK, timeout=0.01)
            await until(lambda: len(came(target, TaskRequest)) == 2)
            waiting = asyncio.ensure_future(
                session.execute(0, write_cdb(0, 1), data_out=bytes(BLOCK), timeout=None)
            )
            await until(lambda: len(came(target, SCSICommand)) == 3)
            (served,) = target.served
            assert isinstance(served, Held)
            served.release()
            await session.ping()
            await waiting

    run(work())


class Stubborn(Held):
    """A target that does not answer to functions either."""

    def on_task(self, pdu: TaskRequest, data: Any) -> None:
        """Do nothing."""


def test_who_does_not_even_abort_is_not_there() -> None:
    async def work() -> None:
        target = fake()
        target.serve = Stubborn
        async with connect(target, ping_timeout=0.05, reconnects=0) as session:
            with pytest.raises(NoAnswerError):
                await session.execute(0, read_cdb(0, 1), length=BLOCK, timeout=0.01)
            # Whichever of the two functions is late first: the connection is lost with it.
            with pytest.raises(IscsiError, match="task management function"):
                await session.lun_reset(0)
            await until(lambda: session.link is None)
            with pytest.raises(NoAnswerError, match="does not answer"):
                await session.ping()

    run(work())


def test_a_failed_command_says_so_where_it_is_awaited() -> None:
    async def work() -> None:
        target = held()
        async with connect(target) as session:
            reading = asyncio.ensure_future(session.execute(0, read_cdb(0, 1), length=BLOCK))
            await until(lambda: came(target, SCSICommand))
            (pdu,) = came(target, SCSICommand)
            target.served[0].send(SCSIResponse(itt=pdu.itt, response=1))
            await session.ping()
            with pytest.raises(TaskError, match="could not complete"):
                await reading

    run(work())


# Logging in.


OURS, THEIRS = Credentials("alice", "alice-secret-1"), Credentials("target", "target-secret-2")
WRONG = Credentials("alice", "not-the-secret")


@pytest.mark.parametrize(
    ("ours", "theirs", "fails"),
    [
        (None, None, AuthenticationError),
        (WRONG, None, AuthenticationError),
        (Credentials("bob", OURS.secret), None, AuthenticationError),
        (OURS, None, None),
        (OURS, THEIRS, None),
        (OURS, Credentials("target", "not-the-target"), AuthenticationError),
        (OURS, Credentials("other", THEIRS.secret), AuthenticationError),
        (WRONG, THEIRS, AuthenticationError),
    ],
)
def test_chap(ours: Credentials | None, theirs: Credentials | None, fails: Any) -> None:
    async def work() -> None:
        target = fake(credentials=OURS, target_credentials=THEIRS)
        session = connect(target, credentials=ours, target_credentials=theirs)
        if fails is None:
            async with session:
                assert await session.luns() == [0]
            return
        with pytest.raises(fails):
            await session.open()
        await until(lambda: not target._tasks)  # the socket was closed

    run(work())


def test_refusals() -> None:
    async def work() -> None:
        target = fake()
        settings = replace(target.settings, target="iqn.2026-11.x:no")
        with pytest.raises(LoginError, match="no such target") as caught:
            await Session.connect(settings, connector=target.connect)
        assert (caught.value.status_class, caught.value.status_detail) == (2, 3)

    run(work())


class Elsewhere(Served):
    """A target that sends everybody on, as often as `hops` says, for good or for now."""

    hops, status = 1, 0x0101

    def on_login(self, pdu: Any, data: Any) -> None:
        if len(self.target.asked) > self.hops:
            super().on_login(pdu, data)
            return
        response, _ = self.login.step(pdu, data)
        self.send(
            response._replace(status=self.status, flags=0), b"TargetAddress=[fe80::2]:3261,1\0"
        )
        self.ended = True


@pytest.mark.parametrize("status", [0x0101, 0x0102])
def test_redirections_are_followed(status: int) -> None:
    async def work() -> None:
        target = fake()
        target.serve = type("Sent", (Elsewhere,), {"hops": 2, "status": status})
        async with connect(target) as session:
            assert target.asked == [("127.0.0.1", 3260), ("fe80::2", 3261), ("fe80::2", 3261)]
            assert await session.luns() == [0]

    run(work())


def test_redirections_have_a_limit() -> None:
    async def work() -> None:
        target = fake()
        target.serve = type("Sent", (Elsewhere,), {"hops": 99})
        with pytest.raises(LoginError, match="more than 5 times, to \\[fe80::2\\]:3261"):
            await connect(target)
        assert len(target.asked) == 6

    run(work())


class NoLogin(Served):
    """A target that does not even answer to a login."""

    def on_login(self, pdu: Any, data: Any) -> None:
        """Do nothing."""


def test_a_login_has_a_time_limit() -> None:
    async def work() -> None:
        target = fake()
        target.serve = NoLogin
        with pytest.raises(NoAnswerError, match=r"no login within 0\.05 s"):
            await connect(target, login_timeout=0.05)
        await until(lambda: not target._tasks)

    run(work())


def test_a_target_that_hangs_up_during_the_login() -> None:
    class Gone(Served):
        def on_login(self, pdu: Any, data: Any) -> None:
            self.ended = True

    async def work() -> None:
        target = fake()
        target.serve = Gone
        with pytest.raises(ConnectionLostError, match="hung up"):
            await connect(target)

    run(work())


def test_a_target_that_hangs_up_right_after_the_login() -> None:
    class Brief(Served):
        def on_login(self, pdu: Any, data: Any) -> None:
            super().on_login(pdu, data)
            self.ended = self.full

    async def work() -> None:
        target = fake()
        target.serve = Brief
        with pytest.raises(ConnectionLostError, match="hung up"):
            async with connect(target, reconnects=0) as session:
                await session.ping()

    run(work())


def test_nobody_is_there() -> None:
    async def refuse(_host: str, _port: int) -> Any:
        raise ConnectionRefusedError(111, "Connection refused")

    async def work() -> None:
        with pytest.raises(ConnectionLostError, match="Connection refused"):
            await Session.connect(Settings(target="iqn.x"), connector=refuse)

    run(work())


def test_nobody_listens() -> None:
    async def work() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            with pytest.raises(ConnectionLostError, match="Connection refused"):
                await Session.connect(Settings(port=taken.getsockname()[1], target="iqn.x"))

    run(work())


def test_a_serial_number_is_looked_at() -> None:
    async def work() -> None:
        async with connect(fake(), serial="0001", lun=0) as session:
            assert await session.serial(0) == "0001"
        with pytest.raises(LocalProtocolError, match="serial number '0001', not '0002'"):
            await connect(fake(), serial="0002")

    run(work())


# URLs.


def test_a_url_becomes_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LIBISCSI_CHAP_USERNAME", raising=False)
    url = (
        "iscsi://alice%alice-secret-1@[::1]:3261/iqn.2026-11.x:y/4"
        "?header_digest=crc32c&data_digest=none&auth=sha-256"
        "&target_user=target&target_password=target-secret-2"
    )
    settings = settings_of(url, command_timeout=1.0)
    assert (settings.host, settings.port, settings.target) == ("::1", 3261, "iqn.2026-11.x:y")
    assert settings.lun == 4
    assert settings.credentials == OURS
    assert settings.target_credentials == THEIRS
    assert settings.header_digest == ("CRC32C",)
    assert settings.data_digest == ("None",)
    assert settings.chap_algorithms == (7,)
    assert settings.command_timeout == 1.0
    assert "secret" not in repr(settings).replace("secret='********'", "")


def test_a_url_with_nothing_but_a_portal() -> None:
    settings = settings_of("iscsi://storage.example", credentials=None)
    assert settings == replace(Settings(host="storage.example"), isid=settings.isid)
    assert settings.discovery
    with pytest.raises(LocalProtocolError, match="no iser here"):
        settings_of("iser://storage.example/iqn.x/0")


# Discovery.


def test_discovery() -> None:
    async def work() -> None:
        target = fake()
        found = await discover(target.settings, connector=target.connect)
        assert found == [Found(target.name, (FoundPortal("127.0.0.1", 3260, 1),))]

    run(work())


def test_an_answer_with_many_targets() -> None:
    pairs = [
        ("TargetName", "iqn.a"),
        ("TargetAddress", "10.0.0.1:3260,1"),
        ("TargetAddress", "[fe80::1]:3261,2"),
        ("TargetName", "iqn.b"),
        ("TargetName", "iqn.a"),
        ("TargetAddress", "10.0.0.2"),
    ]
    found = found_targets(pairs, Settings(host="here"))
    assert [it.name for it in found] == ["iqn.a", "iqn.b"]
    assert list(map(str, found[0].portals)) == [
        "10.0.0.1:3260,1",
        "[fe80::1]:3261,2",
        "10.0.0.2:3260,1",
    ]
    assert found[1].portals == (FoundPortal("here", 3260, 1),)


@pytest.mark.parametrize(
    "pairs",
    [
        [("TargetAddress", "10.0.0.1")],
        [("X-com", "1")],
        [("TargetName", "iqn.a"), ("TargetAddress", "10.0.0.1,x")],
    ],
)
def test_answers_that_are_none(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(RemoteProtocolError):
        found_targets(pairs, Settings())


def test_a_mute_target_and_text() -> None:
    async def work() -> None:
        target = fake()
        target.serve = Mute
        session = connect(target, command_timeout=0.02, reconnects=0)
        await session.open()
        with pytest.raises(NoAnswerError, match="to a text"):
            await session.text({"SendTargets": "All"})
        await session.logout()

    run(work())


def test_logging_out_of_a_mute_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtslib.iscsi.client.LOGOUT_TIMEOUT", 0.02)

    async def work() -> None:
        target = fake()
        target.serve = Mute
        async with connect(target):
            pass
        await until(lambda: not target._tasks)

    run(work())


def test_a_late_answer_to_a_function_is_no_error() -> None:
    class Late(Held):
        def on_task(self, pdu: TaskRequest, data: Any) -> None:
            self.release()
            self.send(TaskResponse(itt=pdu.itt, response=1))

    async def work() -> None:
        target = FakeTarget({0: FakeDisk(pattern(16))})
        target.serve = Late
        async with connect(target) as session:
            with pytest.raises(NoAnswerError):
                await session.execute(0, read_cdb(0, 1), length=BLOCK, timeout=0.01)
            await until(lambda: not session.connection.tasks)
            await session.ping()

    run(work())
