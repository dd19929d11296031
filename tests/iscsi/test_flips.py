# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Every byte of recorded dialogues, changed: an error, and never a hang or a wrong result."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import pytest

from iscsi.talk import BLOCK, Talk, fake, pattern
from rtslib.iscsi.core import Connection
from rtslib.iscsi.errors import IscsiError
from rtslib.iscsi.events import LoggedIn
from rtslib.iscsi.settings import Credentials
from rtslib.iscsi.states import State
from rtslib.iscsi.stream import feed

if TYPE_CHECKING:
    from rtslib.iscsi.settings import Settings

CREDENTIALS = Credentials("alice", "alice-secret-1"), Credentials("target", "target-secret-2")
#: Changes of a byte: a low bit, a high bit, all of them.
MASKS = (0x01, 0x80, 0xFF)


class Recording(NamedTuple):
    """What a target said until the login was done, and after that."""

    settings: Settings
    login: bytes
    after: bytes
    state: tuple[int, int]


@cache
def recording(digests: bool, mutual: bool = False) -> Recording:
    """Record a login, a read and a write."""
    ours, theirs = CREDENTIALS if mutual else (None, None)
    target = fake(credentials=ours, target_credentials=theirs)
    digest = ("CRC32C",) if digests else ("None",)
    settings = replace(target.settings, header_digest=digest, data_digest=digest)
    talk = Talk(target, settings)
    talk.connection.window.cmd_sn = 50
    talk.connection._itt = 1000
    talk.log_in()
    login = bytes(talk.heard)
    talk.read(7, 3)
    talk.write(0, bytes(9 * BLOCK))
    talk.pump()
    return Recording(settings, login, bytes(talk.heard[len(login) :]), (50, 1000))


def replayed(record: Recording, login: bytes, after: bytes) -> tuple[Connection, list[object]]:
    """Hear a recording as the initiator did; return its connection and what happened."""
    connection = Connection(record.settings)
    connection.window.cmd_sn, connection._itt = record.state
    connection.window.exp_cmd_sn = connection.window.max_cmd_sn = record.state[0]
    connection.begin()
    feed(connection, login)
    events: list[object] = list(connection.take_events())
    if connection.state is State.FULL:
        talk = Talk.__new__(Talk)
        talk.connection = connection
        commands = talk.read(7, 3), talk.write(0, bytes(9 * BLOCK))
        feed(connection, after)
        events += connection.take_events()
        assert set(events[1:]) <= set(commands)
    return connection, events


def is_right(events: list[object]) -> bool:
    """Tell whether what was read is what is there."""
    (read,) = (one for one in events[1:] if getattr(one, "read_into", None) is not None)
    return bytes(read.read_into) == pattern(10)[7 * BLOCK :]  # type: ignore[attr-defined]


@pytest.mark.parametrize("digests", [False, True])
def test_the_recording_itself_is_right(digests: bool) -> None:
    record = recording(digests)
    connection, events = replayed(record, record.login, record.after)
    assert len(events) == 3
    assert is_right(events)
    assert connection.tasks == {}


@pytest.mark.parametrize("mask", MASKS)
def test_with_digests_every_change_after_the_login_is_an_error(mask: int) -> None:
    record = recording(digests=True)
    for at in range(len(record.after)):
        changed = bytearray(record.after)
        changed[at] ^= mask
        try:
            connection, events = replayed(record, record.login, bytes(changed))
        except IscsiError:
            continue
        # A length that says more is to come: nothing of it counts, and the end is an error.
        assert not connection.receiver.idle, at
        assert "within a PDU" in str(connection.end_of_stream())
        assert len(events) < 3


@pytest.mark.parametrize("mask", MASKS)
def test_without_digests_no_change_of_a_header_gives_wrong_data(mask: int) -> None:
    record = recording(digests=False)
    # Read: one Data-In with status; write: an R2T and a response.
    data_begins, data_ends = 48, 48 + 3 * BLOCK
    for at in (*range(data_begins), *range(data_ends, len(record.after))):
        changed = bytearray(record.after)
        changed[at] ^= mask
        try:
            connection, events = replayed(record, record.login, bytes(changed))
        except IscsiError:
            continue
        if len(events) == 3:
            assert is_right(events) or any(not one.good for one in events[1:]), at  # type: ignore[attr-defined]
        else:
            # Something is missing, and whoever waits for it hears that the target hung up.
            assert connection.tasks
            connection.end_of_stream()


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("mutual", [False, True])
def test_a_login_with_a_change_is_refused_or_as_good(mask: int, mutual: bool) -> None:
    record = recording(digests=False, mutual=mutual)
    for at in range(len(record.login)):
        changed = bytearray(record.login)
        changed[at] ^= mask
        connection = Connection(record.settings)
        connection.window.cmd_sn, connection._itt = record.state
        connection.window.exp_cmd_sn = connection.window.max_cmd_sn = record.state[0]
        connection.begin()
        try:
            feed(connection, changed)
        except IscsiError:
            assert connection.state is State.CLOSED
            continue
        events = connection.take_events()
        if connection.state is State.FULL:
            assert not mutual, "the challenge was another: nothing that was recorded proves it"
            (event,) = events
            assert isinstance(event, LoggedIn)
            agreed = event.agreed
            assert 512 <= agreed.max_send < 1 << 24
            assert agreed.first_burst <= 262144
            assert agreed.max_burst <= 262144
        else:
            assert not any(isinstance(event, LoggedIn) for event in events)
            connection.end_of_stream()
            assert connection.state is State.CLOSED
