# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The initiator and Debian's tgtd, on loopback."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from iscsi.talk import until

from rtslib.iscsi import scsi, sync
from rtslib.iscsi.client import Session
from rtslib.iscsi.discovery import discover
from rtslib.iscsi.errors import (
    AuthenticationError,
    ConnectionLostError,
    IscsiError,
    LoginError,
    ScsiError,
    TaskError,
)
from rtslib.iscsi.outgoing import Sender
from rtslib.iscsi.requests import Function
from rtslib.iscsi.settings import Credentials
from targets.tgtd import LUN, MIB, Tgtd, tgtd

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

BLOCK = 512
OURS, THEIRS = Credentials("alice", "alice-secret-1"), Credentials("target", "target-secret-2")
WRONG = "not-the-secret"


def run(work: Coroutine[Any, Any, Any]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


def output(*words: str) -> str:
    """Return what a program prints; libiscsi's do not always end by themselves."""
    return subprocess.run(
        ["timeout", "-k", "1", "30", *words], capture_output=True, text=True, check=True
    ).stdout


def test_discovery(disk: Tgtd) -> None:
    (found,) = asyncio.run(discover(replace(disk.settings, target=None)))
    assert found.name == disk.name
    assert {str(portal) for portal in found.portals} >= {f"127.0.0.1:{disk.port},1"}
    assert disk.name in output("iscsi-ls", f"iscsi://127.0.0.1:{disk.port}")


def test_a_daemon_without_targets(daemon: Tgtd) -> None:
    # It closes the connection, and what it has not read by then makes that a reset.
    with pytest.raises(ConnectionLostError, match=r"hung up|reset by peer"):
        sync.discover(daemon.settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_what_is_written_is_in_the_file(disk: Tgtd, host: str) -> None:
    data = os.urandom(3 * MIB)
    with sync.Session.connect(disk.settings, host=host) as session:
        session.write(LUN, 11, data)
        assert bytes(session.read(LUN, 11, len(data) // BLOCK)) == data
        session.flush(LUN)
    assert disk.image.read_bytes()[11 * BLOCK :][: len(data)] == data


@pytest.mark.parametrize("immediate", ["Yes", "No"])
@pytest.mark.parametrize("initial_r2t", ["Yes", "No"])
def test_all_ways_to_write(disk: Tgtd, initial_r2t: str, immediate: str) -> None:
    disk.set("InitialR2T", initial_r2t)
    disk.set("ImmediateData", immediate)
    with sync.Session.connect(disk.settings) as session:
        assert session.agreed.initial_r2t is (initial_r2t == "Yes")
        assert session.agreed.immediate_data is (immediate == "Yes")
        for size in (1, 16, 17, 128, 129, 600, 2048):
            data = os.urandom(size * BLOCK)
            session.write(LUN, 5, data)
            assert bytes(session.read(LUN, 5, size)) == data


@pytest.mark.parametrize("header", ["None", "CRC32C"])
@pytest.mark.parametrize("data", ["None", "CRC32C"])
def test_digests(disk: Tgtd, header: str, data: str) -> None:
    for name in ("HeaderDigest", "DataDigest"):
        disk.set(name, "CRC32C,None")
    blocks = os.urandom(300 * BLOCK)
    with sync.Session.connect(
        disk.settings, header_digest=(header,), data_digest=(data,)
    ) as session:
        assert session.agreed.header_digest is (header == "CRC32C")
        assert session.agreed.data_digest is (data == "CRC32C")
        session.write(LUN, 0, blocks)
        assert bytes(session.read(LUN, 0, 300)) == blocks


MATRIX = [
    # What the target asks for, what we have, and whether that lets us in.
    ("none", None, None, True),
    ("none", OURS, None, True),
    ("one-way", None, None, False),
    ("one-way", OURS, None, True),
    ("one-way", Credentials("alice", WRONG), None, False),
    ("one-way", OURS, THEIRS, False),
    ("mutual", OURS, THEIRS, True),
    ("mutual", OURS, Credentials("target", WRONG), False),
]


@pytest.mark.parametrize(("kind", "ours", "theirs", "enters"), MATRIX)
def test_chap(
    disk: Tgtd, kind: str, ours: Credentials | None, theirs: Credentials | None, enters: bool
) -> None:
    if kind != "none":
        disk.account(OURS.user, OURS.secret)
    if kind == "mutual":
        disk.account(THEIRS.user, THEIRS.secret, "--outgoing")
    session = sync.Session.connect(disk.settings, credentials=ours, target_credentials=theirs)
    if enters:
        with session:
            assert LUN in session.luns()
    else:
        with pytest.raises(AuthenticationError):
            session.open()


def test_who_may_not_see_it(disk: Tgtd) -> None:
    disk.admin("target", "unbind", "--tid", "1", "--initiator-address", "ALL")
    disk.admin("target", "bind", "--tid", "1", "--initiator-name", "iqn.2026-11.org.example:bob")
    with pytest.raises(LoginError) as caught:
        sync.Session.connect(disk.settings).open()
    assert (caught.value.status_class, caught.value.status_detail) == (2, 3)
    assert sync.discover(disk.settings) == []
    with sync.Session.connect(disk.settings, initiator="iqn.2026-11.org.example:bob"):
        pass


@pytest.mark.parametrize("reason", ["Temporary", "Permanent"])
def test_redirection(disk: Tgtd, reason: str) -> None:
    # tgtd does not send on who comes from the address that it sends to.
    disk.set("RedirectAddress", "::1")
    disk.set("RedirectPort", str(disk.port))
    disk.set("RedirectReason", reason)
    with sync.Session.connect(disk.settings) as session:
        assert session.session.link is not None
        assert session.session.link.settings.host == "::1"
        assert LUN in session.luns()


def test_values_are_those_that_libiscsi_reads(disk: Tgtd) -> None:
    with sync.Session.connect(disk.settings) as session:
        inquiry, capacity = session.inquiry(LUN), session.read_capacity(LUN)
        serial = session.serial(LUN)
    said = output("iscsi-inq", disk.url)
    for label, value in (
        ("Vendor", inquiry.vendor),
        ("Product", inquiry.product),
        ("Revision", inquiry.revision),
    ):
        found = re.search(rf"^{label}:(.*)$", said, re.MULTILINE)
        assert found is not None
        assert found[1].strip() == value
    said = output("iscsi-readcapacity16", disk.url)
    assert f"LBA:{capacity.last_lba}" in said.replace("RETURNED LOGICAL BLOCK ADDRESS", "LBA")
    assert f"Total size:{capacity.size}" in said
    assert capacity.size == 64 * MIB
    said = output("iscsi-inq", "-e", "1", "-c", str(0x80), disk.url)
    assert serial in said


def test_a_unit_that_is_not_there(disk: Tgtd) -> None:
    with sync.Session.connect(disk.settings) as session, pytest.raises(ScsiError):
        session.read_capacity(7)


def test_task_management(disk: Tgtd) -> None:
    with sync.Session.connect(disk.settings) as session:
        session.read(LUN, 0, 1)
        session.lun_reset(LUN)
        session.abort_task_set(LUN)
        for unknown in (Function.TARGET_WARM_RESET, Function.CLEAR_TASK_SET):
            with pytest.raises(TaskError, match="knows no such function"):
                session.manage(unknown, LUN)
        assert len(session.read(LUN, 0, 8)) == 8 * BLOCK


def test_who_is_cancelled_leaves_nothing_behind(disk: Tgtd) -> None:
    async def work() -> None:
        async with Session.connect(disk.settings) as session:
            await session.geometry(LUN)
            reads = [asyncio.ensure_future(session.read(LUN, 0, 2048)) for _ in range(16)]
            await asyncio.sleep(0.005)
            for one in reads[::2]:
                one.cancel()
            done = await asyncio.gather(*reads, return_exceptions=True)
            assert all(isinstance(one, bytearray) for one in done[1::2])
            await until(lambda: not session.connection.tasks)
            await session.ping()
            assert len(disk.connections()) == 1

    run(work())


def test_many_commands_in_flight(disk: Tgtd) -> None:
    async def work() -> None:
        async with Session.connect(disk.settings) as session:
            await session.geometry(LUN)
            data = [os.urandom(8 * BLOCK) for _ in range(64)]
            most = 0
            writes = [
                asyncio.ensure_future(session.write(LUN, 8 * at, one))
                for at, one in enumerate(data)
            ]
            await asyncio.sleep(0)
            most = len(session.connection.tasks)
            await asyncio.gather(*writes)
            assert most == 64
            read = await asyncio.gather(*(session.read(LUN, 8 * at, 8) for at in range(64)))
            assert list(map(bytes, read)) == data

    run(work())


def test_pings_of_the_target_are_answered(tmp_path: Path) -> None:
    async def work(disk: Tgtd) -> None:
        async with Session.connect(disk.settings, ping_interval=None) as session:
            link = session.link
            await asyncio.sleep(5)
            assert session.link is link
            await session.read(LUN, 0, 1)

    with tgtd(tmp_path, ",nop_interval=1,nop_count=2") as disk:
        disk.create()
        run(work(disk))


def test_pings_that_are_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(disk: Tgtd) -> None:
        async with Session.connect(disk.settings, ping_interval=None) as session:
            link = session.link
            monkeypatch.setattr(Sender, "answer_ping", lambda *_: None)
            await until(lambda: session.link is not link)
            monkeypatch.undo()
            await session.read(LUN, 0, 1)

    with tgtd(tmp_path, ",nop_interval=1,nop_count=2") as disk:
        disk.create()
        run(work(disk))


def test_connections_are_cut_in_the_midst_of_writes(disk: Tgtd) -> None:
    data = os.urandom(16 * MIB)

    async def cut_often(done: asyncio.Event) -> int:
        cuts = 0
        while not done.is_set():
            await asyncio.sleep(0.1)
            cuts += await asyncio.get_running_loop().run_in_executor(None, disk.cut)
        return cuts

    async def work() -> None:
        done = asyncio.Event()
        async with Session.connect(disk.settings) as session:
            cutting = asyncio.ensure_future(cut_often(done))
            part = 256 * 1024
            for _ in range(4):
                await asyncio.gather(
                    *(
                        session.write(LUN, at // BLOCK, memoryview(data)[at : at + part])
                        for at in range(0, len(data), part)
                    )
                )
            done.set()
            assert await cutting > 0
            await session.flush(LUN)

    run(work())
    assert disk.image.read_bytes()[: len(data)] == data


def test_a_target_that_is_deleted_under_commands(disk: Tgtd) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        async with Session.connect(disk.settings, reconnects=2) as session:
            await session.geometry(LUN)
            reads = [asyncio.ensure_future(session.read(LUN, 0, 2048)) for _ in range(64)]
            await loop.run_in_executor(None, disk.delete)
            done = await asyncio.gather(*reads, return_exceptions=True)
            failed = [one for one in done if isinstance(one, BaseException)]
            assert all(isinstance(one, IscsiError) for one in failed)
            with pytest.raises(IscsiError):
                await session.read(LUN, 0, 1)

    run(work())


def test_a_target_that_comes_back(disk: Tgtd) -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        async with Session.connect(disk.settings) as session:
            data = os.urandom(BLOCK)
            await session.write(LUN, 3, data)
            await loop.run_in_executor(None, disk.delete)
            reading = asyncio.ensure_future(session.read(LUN, 3, 1))
            await loop.run_in_executor(None, disk.create)
            assert bytes(await reading) == data

    run(work())


def test_nothing_that_we_send_is_malformed(disk: Tgtd, tmp_path: Path) -> None:
    """An independent judge of our PDUs: tshark."""
    captured = tmp_path / "traffic.pcapng"
    disk.account(OURS.user, OURS.secret)
    disk.account(THEIRS.user, THEIRS.secret, "--outgoing")
    for name in ("HeaderDigest", "DataDigest"):
        disk.set(name, "CRC32C,None")
    words = ["dumpcap", "-q", "-i", "lo", "-f", f"tcp port {disk.port}", "-w", str(captured)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as dumpcap:
        assert dumpcap.stderr is not None
        for line in dumpcap.stderr:
            if line.startswith("File:"):
                break
        for digest in ("CRC32C", "None"):
            settings = replace(
                disk.settings,
                credentials=OURS,
                target_credentials=THEIRS,
                header_digest=(digest,),
                data_digest=(digest,),
            )
            with sync.Session.connect(settings) as session:
                session.write(LUN, 0, os.urandom(300 * BLOCK))
                session.read(LUN, 0, 300)
                session.read(LUN, 0, 1)
                session.inquiry(LUN)
                session.luns()
                session.lun_reset(LUN)
                session.execute(LUN, scsi.test_unit_ready(), check=False)
                session.ping(b"12345")
        dumpcap.terminate()
    told = output(
        *("tshark", "-r", str(captured), "-d", f"tcp.port=={disk.port},iscsi", "-Y", "iscsi"),
        *("-T", "fields", "-e", "iscsi.opcode", "-e", "_ws.malformed", "-e", "_ws.expert.message"),
    )
    opcodes = {
        int(word, 16) for line in told.splitlines() for word in line.split("\t")[0].split(",")
    }
    assert opcodes >= {0x00, 0x01, 0x02, 0x03, 0x05, 0x06, 0x20, 0x21, 0x22, 0x23, 0x25, 0x26, 0x31}
    assert not [
        line for line in told.splitlines() if "alformed" in line or "digest" in line.lower()
    ]
