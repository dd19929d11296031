# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import pytest

from iscsi.talk import BLOCK, connect, fake, run, until
from rtslib.iscsi.client import Session
from rtslib.iscsi.errors import ConnectionLostError
from rtslib.iscsi.wire import open_socket


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_a_socket_to_a_name_or_an_address(name: str) -> None:
    async def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            sock = await open_socket(name, server.getsockname()[1])
            with sock, server.accept()[0]:
                assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert not sock.getblocking()

    run(work())


def test_nobody_listens() -> None:
    async def work() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            with pytest.raises(ConnectionLostError, match=f"127.0.0.1 port {port}: .*refused"):
                await open_socket("127.0.0.1", port)

    run(work())


def test_a_name_that_nobody_has() -> None:
    async def work() -> None:
        with pytest.raises(ConnectionLostError, match="no address for the name"):
            await open_socket("no-such-name.invalid", 3260)

    run(work())


def test_giving_up_while_connecting(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        opened = []

        async def never(sock: socket.socket, _address: Any) -> None:
            opened.append(sock)
            await asyncio.sleep(1000)

        monkeypatch.setattr(loop, "sock_connect", never)
        task = asyncio.ensure_future(open_socket("127.0.0.1", 1))
        await until(lambda: opened)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert opened[0].fileno() == -1

    run(work())


def test_more_than_the_socket_takes_at_once() -> None:
    async def work() -> None:
        target = fake(32768, keys={"InitialR2T": False, "FirstBurstLength": 262144})
        data = os.urandom(16 * 1024 * 1024)
        async with connect(target) as session:
            await session.write(0, 0, data)
            assert bytes(await session.read(0, 0, len(data) // BLOCK)) == data

    run(work())


@pytest.mark.parametrize("where", ["reading", "writing"])
def test_a_socket_that_breaks(where: str) -> None:
    class Broken(socket.socket):
        broken = False

        def recv_into(self, *arguments: Any) -> int:
            if self.broken and where == "reading":
                raise ConnectionResetError(104, "Connection reset by peer")
            return super().recv_into(*arguments)

        def sendmsg(self, *arguments: Any) -> int:
            if self.broken and where == "writing":
                raise BrokenPipeError(32, "Broken pipe")
            return super().sendmsg(*arguments)

    async def work() -> None:
        target = fake()
        made = []

        async def connector(host: str, port: int) -> socket.socket:
            plain = await target.connect(host, port)
            made.append(Broken(fileno=plain.detach()))
            return made[-1]

        async with Session.connect(target.settings, connector=connector) as session:
            await session.geometry(0)
            made[0].broken = True
            await session.read(0, 0, 1)
            assert len(made) == 2
            assert made[0].fileno() == -1

    run(work())


def test_nothing_to_read_and_nothing_to_send_any_more() -> None:
    async def work() -> None:
        async with connect(fake()) as session:
            assert session.link is not None
            wire = session.link.wire
            wire._readable()  # as a selector may call it for nothing
            await session.ping()
            session.connection.sender.add([bytes(8 << 20)])
            wire._send()
            assert wire._writing
            wire.send_soon()
            session.close()
            wire.close()
            wire._send()
            assert not wire._unsent

    run(work())
