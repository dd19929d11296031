# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Lost connections: what is done again, what is not, and when a target is given up."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from iscsi.talk import BLOCK, connect, fake, pattern, read_cdb, run, until, write_cdb
from rtslib.iscsi.client import Session
from rtslib.iscsi.errors import (
    AuthenticationError,
    ConnectionLostError,
    IscsiError,
    LoginError,
    NoAnswerError,
    RemoteProtocolError,
)
from rtslib.iscsi.events import Message, MessageKind
from rtslib.iscsi.fakedisk import POWER_ON
from rtslib.iscsi.faketask import Served
from rtslib.iscsi.headers import (
    AsyncMessage,
    LoginRequest,
    LogoutRequest,
    NopIn,
    NopOut,
    Reject,
    SCSICommand,
)
from rtslib.iscsi.pdu import pack
from rtslib.iscsi.settings import Credentials

if TYPE_CHECKING:
    import socket

    from rtslib.iscsi.fake import FakeTarget


def came(target: FakeTarget, kind: type, connection: int | None = None) -> list[Any]:
    chosen = target.served if connection is None else [target.served[connection]]
    return [pdu for served in chosen for pdu in served.came if isinstance(pdu, kind)]


class OnlyLater(Served):
    """The first connection takes commands and does nothing; the next ones are as they should be."""

    def on_command(self, pdu: SCSICommand, data: Any) -> None:
        if self is not self.target.served[0]:
            super().on_command(pdu, data)


class NoGoodbye(OnlyLater):
    """It takes commands and a logout, and answers neither."""

    def on_logout(self, pdu: LogoutRequest, data: Any) -> None:
        pass


def only_later(**options: Any) -> FakeTarget:
    target = fake(**options)
    target.serve = OnlyLater
    return target


def test_what_was_under_way_is_done_again_in_its_order() -> None:
    async def work() -> None:
        target = only_later()
        target.disks[0].attentions = [POWER_ON, (0x3F, 0x0E)]
        async with connect(target) as session:
            isid = session.settings.isid
            data = [os.urandom(BLOCK) for _ in range(20)]
            writes = [
                asyncio.ensure_future(session.execute(0, write_cdb(5, 1), data_out=one))
                for one in data
            ]
            reading = asyncio.ensure_future(session.execute(0, read_cdb(7, 2), length=1024))
            await until(lambda: len(came(target, SCSICommand)) == 21)
            target.hang_up()
            await asyncio.gather(*writes)
            # The disk says twice that we are new to it: nobody hears of that but the session.
            assert (await reading).data == pattern(9)[7 * BLOCK :]
            assert target.disks[0].memory[5 * BLOCK : 6 * BLOCK] == data[-1]
            first, second = (came(target, LoginRequest, number)[0] for number in (0, 1))
            assert first.session >> 16 == second.session >> 16 == isid
            again = [pdu.cdb[0] for pdu in came(target, SCSICommand, 1)]
            assert again == [0, 0, 0, *[0x2A] * 20, 0x28]

    run(work())


def test_what_cannot_be_repeated_ends() -> None:
    async def work() -> None:
        target = only_later()
        async with connect(target) as session:
            compare = bytes([0x89, *bytes(15)])
            swap = asyncio.ensure_future(session.execute(0, compare, data_out=bytes(1024)))
            ours = asyncio.ensure_future(
                session.execute(0, write_cdb(0, 1), data_out=bytes(BLOCK), repeatable=False)
            )
            ping = asyncio.ensure_future(session.lun_reset(0))
            await until(lambda: len(came(target, SCSICommand)) == 2)
            await ping
            target.hang_up()
            for one in (swap, ours):
                with pytest.raises(IscsiError):
                    await one
            await session.read(0, 0, 1)
            assert all(pdu.cdb[0] != 0x89 for pdu in came(target, SCSICommand, -1))

    run(work())


class Gate:
    """A way to a target that is open once, and then only when it is opened."""

    def __init__(self, target: FakeTarget) -> None:
        self.target = target
        self.opened = asyncio.Event()

    async def connect(self, host: str, port: int) -> socket.socket:
        if self.target.served:
            await self.opened.wait()
        return await self.target.connect(host, port)


def test_commands_wait_while_the_connection_is_made_again() -> None:
    async def work() -> None:
        target = fake()
        gate = Gate(target)
        async with Session.connect(target.settings, connector=gate.connect) as session:
            await session.geometry(0)
            target.hang_up()
            await until(lambda: session.link is None)
            reading = asyncio.ensure_future(session.read(0, 3, 1))
            await until(lambda: session._queue)
            gate.opened.set()
            assert bytes(await reading) == pattern(4)[3 * BLOCK :]
            assert len(target.served) == 2

    run(work())


def test_one_that_waits_may_be_cancelled_or_time_out() -> None:
    async def work() -> None:
        target = fake()
        gate = Gate(target)
        async with Session.connect(target.settings, connector=gate.connect) as session:
            target.hang_up()
            await until(lambda: session.link is None)
            with pytest.raises(NoAnswerError):
                await session.execute(0, read_cdb(0, 1), length=BLOCK, timeout=0.01)
            waiting = asyncio.ensure_future(session.execute(0, read_cdb(0, 1), length=BLOCK))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert session._queue == []
            gate.opened.set()
            await session.read(0, 0, 1)

    run(work())


def test_a_command_that_ends_every_connection_is_given_up() -> None:
    class Allergic(Served):
        def on_command(self, pdu: SCSICommand, data: Any) -> None:
            if pdu.cdb[0] == 0x28:
                self.ended = True
            else:
                super().on_command(pdu, data)

    async def work() -> None:
        target = fake()
        target.serve = Allergic
        async with connect(target, reconnects=2) as session:
            with pytest.raises(ConnectionLostError, match="hung up"):
                await session.execute(0, read_cdb(0, 1), length=BLOCK)
            await session.test_unit_ready(0)
        assert len(came(target, SCSICommand)) >= 3

    run(work())


def test_a_target_that_is_gone_is_given_up() -> None:
    async def work() -> None:
        target = fake()
        refused = 0

        async def once(host: str, port: int) -> socket.socket:
            nonlocal refused
            if target.served:
                refused += 1
                raise ConnectionRefusedError(111, "Connection refused")
            return await target.connect(host, port)

        async with Session.connect(target.settings, connector=once, reconnects=3) as session:
            target.hang_up()
            await until(lambda: session.link is None)
            with pytest.raises(ConnectionLostError, match=r"lost for good: .*refused"):
                await session.read(0, 0, 1)
            assert refused == 3
            with pytest.raises(ConnectionLostError, match="refused"):
                await session.read(0, 0, 1)

    run(work())


def test_a_target_that_no_longer_knows_us_is_not_asked_again() -> None:
    async def work() -> None:
        target = fake()
        async with connect(target) as session:
            target.credentials = Credentials("somebody", "else")
            target.hang_up()
            await until(lambda: session.link is None)
            with pytest.raises(ConnectionError, match="authentication failed"):
                await session.read(0, 0, 1)
            assert len(target.served) == 2
            with pytest.raises(AuthenticationError):
                await session.ping()

    run(work())


def test_a_target_that_is_out_of_service_for_a_while_is_asked_again() -> None:
    class Restarting(Served):
        def on_login(self, pdu: LoginRequest, data: Any) -> None:
            if 2 <= len(self.target.served) <= 3:
                response, _ = self.login.step(pdu, data)
                self.send(response._replace(status=0x0301, flags=0))
            else:
                super().on_login(pdu, data)

    async def work() -> None:
        target = fake()
        target.serve = Restarting
        async with connect(target) as session:
            target.hang_up()
            await until(lambda: len(target.served) == 4)
            await session.read(0, 0, 1)
        del target.served[2:]
        with pytest.raises(LoginError, match="not in service"):
            await connect(target)

    run(work())


def test_reconnection_may_be_off() -> None:
    async def work() -> None:
        target = only_later()
        async with connect(target, reconnects=0) as session:
            reading = asyncio.ensure_future(session.execute(0, read_cdb(0, 1), length=BLOCK))
            await until(lambda: came(target, SCSICommand))
            target.hang_up()
            with pytest.raises(ConnectionLostError):
                await reading
            assert len(target.served) == 1

    run(work())


def test_a_target_that_says_what_it_must_not_is_left() -> None:
    async def work() -> None:
        target = only_later()
        async with connect(target) as session:
            reading = asyncio.ensure_future(session.execute(0, read_cdb(7, 1), length=BLOCK))
            await until(lambda: came(target, SCSICommand))
            target.served[0].send(NopIn(itt=12345))
            await session.loop.sock_sendall(_socket_of(target), target.served[0].out)
            assert (await reading).data == pattern(8)[7 * BLOCK :]
            assert len(target.served) == 2
        target = only_later()
        async with connect(target, reconnects=0) as session:
            reading = asyncio.ensure_future(session.execute(0, read_cdb(7, 1), length=BLOCK))
            await until(lambda: came(target, SCSICommand))
            target.served[0].send(NopIn(itt=12345))
            await session.loop.sock_sendall(_socket_of(target), target.served[0].out)
            with pytest.raises(ConnectionLostError, match="no Ping of ours"):
                await reading
            with pytest.raises(RemoteProtocolError):
                await session.ping()

    run(work())


def _socket_of(target: FakeTarget) -> socket.socket:
    return target.sockets[0]


# Pings.


def test_a_silent_target_is_asked_whether_it_is_there() -> None:
    async def work() -> None:
        target = fake()
        async with connect(target, ping_interval=0.01):
            await until(lambda: len(came(target, NopOut)) >= 3)
        assert len(target.served) == 1

    run(work())


class Deaf(Served):
    """The first connection answers no ping."""

    def on_nop(self, pdu: NopOut, data: Any) -> None:
        if self is not self.target.served[0]:
            super().on_nop(pdu, data)


def test_one_that_does_not_answer_is_left() -> None:
    async def work() -> None:
        target = fake()
        target.serve = Deaf
        async with connect(target, ping_interval=0.01, ping_timeout=0.02) as session:
            await until(lambda: len(target.served) == 2)
            await session.read(0, 0, 1)

    run(work())


def test_a_session_may_be_without_pings() -> None:
    async def work() -> None:
        target = fake()
        async with connect(target, ping_interval=None) as session:
            await session.read(0, 0, 1)
            assert session._pulse is None

    run(work())


# What the target tells.


async def tell(target: FakeTarget, message: AsyncMessage) -> None:
    served = target.served[-1]
    served.send(message)
    out, served.out = served.out, bytearray()
    await asyncio.get_running_loop().sock_sendall(target.sockets[-1], out)


def test_a_target_that_asks_us_to_leave() -> None:
    async def work() -> None:
        target = fake()
        told: list[Message] = []
        async with connect(target, on_message=told.append) as session:
            await tell(target, AsyncMessage(event=MessageKind.ASKS_FOR_LOGOUT, parameter3=10))
            await until(lambda: told)
            await session.read(0, 0, 1)
            assert len(came(target, LogoutRequest, 0)) == 1
            assert len(target.served) == 2
            assert told[0].kind == MessageKind.ASKS_FOR_LOGOUT

    run(work())


def test_a_rejection_is_as_good_as_a_message() -> None:
    class Rejecting(Served):
        def on_command(self, pdu: SCSICommand, data: Any) -> None:
            if self is self.target.served[0]:
                self.send(Reject(reason=0x0C), pack(pdu))
            else:
                super().on_command(pdu, data)

    async def work() -> None:
        target = fake()
        target.serve = Rejecting
        async with connect(target) as session:
            result = await session.execute(0, read_cdb(3, 1), length=BLOCK)
            assert result.data == pattern(4)[3 * BLOCK :]
            assert len(came(target, LogoutRequest, 0)) == 1

    run(work())


def test_being_asked_twice_and_leaving_by_ourselves() -> None:
    async def work() -> None:
        target = fake()
        # As long as the goodbye has no answer, no new connection is made.
        target.serve = NoGoodbye
        session = await connect(target)
        asked = AsyncMessage(event=MessageKind.ASKS_FOR_LOGOUT, parameter3=60)
        target.served[0].send(asked)
        await tell(target, asked)
        await until(lambda: not session._ready)
        await session.logout()
        await until(lambda: not session._tasks)

    run(work())


def test_closing_while_logging_in() -> None:
    async def work() -> None:
        target = fake()
        session = connect(target)
        opening = asyncio.ensure_future(session.open())
        await until(lambda: target.served)
        session.close()
        await opening
        assert session.link is None
        with pytest.raises(ConnectionLostError, match="was closed"):
            await session.ping()

    run(work())


def test_what_is_under_way_may_end_before_we_leave() -> None:
    class Slow(Served):
        def on_command(self, pdu: SCSICommand, data: Any) -> None:
            if self is self.target.served[0]:
                later = asyncio.get_running_loop()
                later.call_later(0.05, later.create_task, self._later(pdu, data))
            else:
                super().on_command(pdu, data)

        async def _later(self, pdu: SCSICommand, data: Any) -> None:
            super().on_command(pdu, data)
            out, self.out = self.out, bytearray()
            await asyncio.get_running_loop().sock_sendall(self.target.sockets[0], out)

    async def work() -> None:
        target = fake()
        target.serve = Slow
        async with connect(target) as session:
            reading = asyncio.ensure_future(session.execute(0, read_cdb(3, 1), length=BLOCK))
            await until(lambda: came(target, SCSICommand))
            await tell(target, AsyncMessage(event=MessageKind.ASKS_FOR_LOGOUT, parameter3=20))
            assert (await reading).data == pattern(4)[3 * BLOCK :]
            await session.read(0, 0, 1)
            assert len(came(target, SCSICommand, 0)) == 1

    run(work())


def test_what_does_not_end_is_done_again_elsewhere() -> None:
    async def work() -> None:
        target = only_later()
        async with connect(target) as session:
            reading = asyncio.ensure_future(session.execute(0, read_cdb(3, 1), length=BLOCK))
            await until(lambda: came(target, SCSICommand))
            await tell(target, AsyncMessage(event=MessageKind.ASKS_FOR_LOGOUT, parameter3=0))
            assert (await reading).data == pattern(4)[3 * BLOCK :]
            assert len(target.served) == 2

    run(work())


@pytest.mark.parametrize("kind", [MessageKind.DROPS_CONNECTION, MessageKind.DROPS_SESSION])
def test_a_target_that_says_that_it_hangs_up(kind: MessageKind) -> None:
    async def work() -> None:
        target = only_later()
        async with connect(target) as session:
            reading = asyncio.ensure_future(session.execute(0, read_cdb(3, 1), length=BLOCK))
            await until(lambda: came(target, SCSICommand))
            await tell(target, AsyncMessage(event=kind))
            assert (await reading).data == pattern(4)[3 * BLOCK :]

    run(work())


def test_a_connection_that_is_lost_before_we_leave() -> None:
    async def work() -> None:
        target = only_later()
        async with connect(target) as session:
            reading = asyncio.ensure_future(session.execute(0, read_cdb(3, 1), length=BLOCK))
            await until(lambda: came(target, SCSICommand))
            await tell(target, AsyncMessage(event=MessageKind.ASKS_FOR_LOGOUT, parameter3=1))
            await until(lambda: not session._ready)
            await tell(target, AsyncMessage(event=MessageKind.DROPS_SESSION))
            assert (await reading).data == pattern(4)[3 * BLOCK :]
            await until(lambda: not session._tasks)
            assert came(target, LogoutRequest) == []

    run(work())


def test_a_message_that_comes_with_the_login() -> None:
    class Early(Served):
        def on_login(self, pdu: LoginRequest, data: Any) -> None:
            super().on_login(pdu, data)
            for kind in (MessageKind.ASKS_FOR_LOGOUT, MessageKind.DROPS_SESSION):
                self.send(AsyncMessage(event=kind))

    async def work() -> None:
        target = fake()
        target.serve = Early
        told: list[Message] = []
        async with connect(target, on_message=told.append) as session:
            await session.read(0, 0, 1)
            assert len(told) == 2

    run(work())


def test_a_connection_that_is_lost_again_while_it_is_made() -> None:
    class Twice(OnlyLater):
        def on_command(self, pdu: SCSICommand, data: Any) -> None:
            if len(self.target.served) == 2:
                self.ended = True
            else:
                super().on_command(pdu, data)

    async def work() -> None:
        target = fake(window=1)
        target.serve = Twice
        target.disks[0].attentions = [POWER_ON] * 20
        async with connect(target) as session:
            # One of them is sent; the others wait for their turn and have nothing to repeat.
            reads = [
                asyncio.ensure_future(
                    session.execute(
                        0, read_cdb(at, 1), length=BLOCK, check=False, repeatable=not at
                    )
                )
                for at in range(3)
            ]
            await until(lambda: came(target, SCSICommand))
            target.hang_up()
            done = await asyncio.gather(*reads)
            assert [one.status for one in done] == [2, 2, 2]
            assert len(target.served) == 3

    run(work())


def test_one_that_waits_for_its_turn_may_be_cancelled() -> None:
    async def work() -> None:
        target = only_later(window=1)
        async with connect(target, reconnects=0) as session:
            first, second = (
                asyncio.ensure_future(session.execute(0, read_cdb(at, 1), length=BLOCK))
                for at in range(2)
            )
            await until(lambda: came(target, SCSICommand))
            assert session.connection.waiting
            second.cancel()
            with pytest.raises(asyncio.CancelledError):
                await second
            assert not session.connection.waiting
            target.hang_up()
            with pytest.raises(ConnectionLostError):
                await first

    run(work())


def test_a_goodbye_in_the_midst_of_commands() -> None:
    async def work() -> None:
        target = only_later()
        session = connect(target)
        await session.open()
        reading = asyncio.ensure_future(session.execute(0, read_cdb(3, 1), length=BLOCK))
        await until(lambda: came(target, SCSICommand))
        await session.logout()
        with pytest.raises(ConnectionLostError, match="was closed"):
            await reading

    run(work())


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_command_given_up_while_we_log_out(cancelled: bool) -> None:
    async def work() -> None:
        target = fake()
        target.serve = NoGoodbye
        session = connect(target)
        await session.open()
        reading = asyncio.ensure_future(
            session.execute(0, read_cdb(3, 1), length=BLOCK, timeout=1000 if cancelled else 0.05)
        )
        await until(lambda: came(target, SCSICommand))
        leaving = asyncio.ensure_future(session.logout())
        await until(lambda: came(target, LogoutRequest))
        if cancelled:
            reading.cancel()
        with pytest.raises(asyncio.CancelledError if cancelled else NoAnswerError):
            await reading
        assert not leaving.done()
        target.hang_up()
        await leaving

    run(work())


def test_closing_while_the_connection_is_made_again() -> None:
    async def work() -> None:
        target = fake()
        started = asyncio.Event()

        async def never(host: str, port: int) -> socket.socket:
            if not target.served:
                return await target.connect(host, port)
            started.set()
            await asyncio.sleep(1000)
            raise AssertionError

        session = Session.connect(target.settings, connector=never)
        await session.open()
        target.hang_up()
        await started.wait()
        reading = asyncio.ensure_future(session.execute(0, read_cdb(3, 1), length=BLOCK))
        await asyncio.sleep(0)
        await session.logout()
        with pytest.raises(ConnectionLostError):
            await reading
        await until(lambda: not session._tasks)

    run(work())


def test_pauses_grow() -> None:
    session = connect(fake(), reconnect_pause=(1.0, 30.0))
    pauses = []
    for attempts in range(8):
        session._attempts = attempts
        pauses.append(session._pause())
    assert pauses[0] == 0
    for number, pause in enumerate(pauses[1:]):
        assert 0.75 * min(30, 2**number) <= pause <= 1.25 * min(30, 2**number)
