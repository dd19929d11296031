# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The fake target itself: what it refuses, and what its disks do not know."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from iscsi.talk import Talk, fake, pattern, write_cdb
from rtslib.iscsi import scsi
from rtslib.iscsi.errors import AuthenticationError, LoginError
from rtslib.iscsi.fake import FakeDisk
from rtslib.iscsi.fakelogin import FakeLogin
from rtslib.iscsi.headers import LoginRequest
from rtslib.iscsi.keys import parse_text
from rtslib.iscsi.requests import Command
from rtslib.iscsi.settings import Credentials
from rtslib.iscsi.stream import feed


def test_who_offers_no_proof_is_refused() -> None:
    target = fake(credentials=Credentials("alice", "secret"))
    talk = Talk(target, replace(target.settings, credentials=None))
    talk.connection.begin()
    with pytest.raises(AuthenticationError):
        talk.pump()


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"InitiatorName=iqn.x\0AuthMethod=None\0", 0x0207),
        (b"InitiatorName=iqn.x\0SessionType=Discovery\0AuthMethod=None\0", 0x0201),
    ],
)
def test_what_a_login_must_have(text: bytes, status: int) -> None:
    login = FakeLogin(fake(credentials=Credentials("alice", "secret")))
    response, _ = login.step(LoginRequest(), text)
    assert response.status == status


def test_a_login_in_parts_and_keys_that_it_does_not_know() -> None:
    login = FakeLogin(fake())
    response, text = login.step(LoginRequest(flags=0x44), b"InitiatorName=iqn.x\0SessionType=Disc")
    assert (response.flags, text) == (0x04, b"")
    _, text = login.step(LoginRequest(flags=0x04), b"overy\0X-com=1\0DataDigest=SHA\0")
    assert parse_text(text)["X-com"] == "NotUnderstood"
    assert parse_text(text)["DataDigest"] == "Reject"
    _, text = login.step(LoginRequest(flags=0x04), b"")
    assert text == b""


def test_who_offers_chap_where_none_is_needed() -> None:
    target = fake()
    Talk(target, replace(target.settings, credentials=Credentials("alice", "secret"))).log_in()


def test_a_target_that_has_no_proof_of_its_own() -> None:
    target = fake(credentials=Credentials("alice", "secret"))
    settings = replace(target.settings, target_credentials=Credentials("target", "other"))
    talk = Talk(target, settings)
    talk.connection.begin()
    with pytest.raises(AuthenticationError, match="does not prove"):
        talk.pump()


def test_a_normal_session_names_a_target() -> None:
    target = fake()
    talk = Talk(target, replace(target.settings, target=None))
    offers = talk.connection.settings.offers()
    assert "MaxConnections" not in offers
    talk.log_in()  # discovery: no name is needed


@pytest.mark.parametrize(
    ("cdb", "key"),
    [
        (scsi.read10(15, 2), 5),
        (scsi.inquiry(0x83), 5),
        (scsi.read16(0, 9), 5),
        (b"\xc0" + bytes(9), 5),
        (scsi.get_lba_status(0), 5),
    ],
)
def test_what_a_disk_does_not_do(cdb: bytes, key: int) -> None:
    reply = FakeDisk(pattern(16), max_transfer=8).execute(cdb)
    assert (reply.status, reply.sense[2]) == (2, key)


@pytest.mark.parametrize("cdb", [scsi.test_unit_ready(), scsi.synchronize_cache16()])
def test_what_a_disk_does_without_data(cdb: bytes) -> None:
    assert FakeDisk(pattern(16)).execute(cdb).status == 0


def test_a_write_that_is_aborted() -> None:
    talk = Talk(fake()).log_in()
    command = Command(0, write_cdb(0, 100), bytes(51200))
    talk.connection.execute(command)
    out = b"".join(talk.connection.take_output())
    feed(talk.served.receiver, out)
    assert command.itt in talk.served.writes
    task = talk.connection.abandon(command)
    assert task is not None
    talk.pump()
    assert task.response == 0


PROGRAM = """
import sys
import rtslib, rtslib.iscsi, rtslib.iscsi.url
print([name for name in ("asyncio", "socket", "rtslib.iscsi.client") if name in sys.modules])
"""


def test_the_package_costs_nothing_until_it_is_used() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_an_unknown_target() -> None:
    target = fake()
    talk = Talk(target, replace(target.settings, target="iqn.other"))
    talk.connection.begin()
    with pytest.raises(LoginError):
        talk.pump()
