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
    from collections.abc import Iterable, Iterator

    from rtslib.iscsi.settings import Settings

CREDENTIALS = Credentials("alice", "alice-secret-1"), Credentials("target", "target-secret-2")
#: Changes of a byte: a low bit, a high bit, all of them.
MASKS = (0x01, 0x80, 0xFF)
#: The numbers that the recordings begin with.
CMD_SN, ITT = 50, 1000


class Recording(NamedTuple):
    """What a target said until the login was done, and after that."""

    settings: Settings
    login: bytes
    after: bytes


@cache
def recording(digests: bool, mutual: bool = False) -> Recording:
    """Record a login, a read and a write."""
    ours, theirs = CREDENTIALS if mutual else (None, None)
    target = fake(credentials=ours, target_credentials=theirs)
    digest = ("CRC32C",) if digests else ("None",)
    settings = replace(target.settings, header_digest=digest, data_digest=digest)
    talk = Talk(target, settings)
    talk.connection.window.cmd_sn, talk.connection._itt = CMD_SN, ITT
    talk.log_in()
    login = bytes(talk.heard)
    talk.read(7, 3)
    talk.write(0, bytes(9 * BLOCK))
    talk.pump()
    return Recording(settings, login, bytes(talk.heard[len(login) :]))


def begun(settings: Settings) -> Connection:
    """Return a connection that has begun a login with the numbers of the recordings."""
    connection = Connection(settings)
    connection.window.cmd_sn, connection._itt = CMD_SN, ITT
    connection.window.exp_cmd_sn = connection.window.max_cmd_sn = CMD_SN
    connection.begin()
    return connection


def replayed(record: Recording, after: bytes) -> tuple[Connection, list[object]]:
    """Hear a recording as the initiator did; return its connection and what happened."""
    connection = begun(record.settings)
    feed(connection, record.login)
    events: list[object] = list(connection.take_events())
    if connection.state is State.FULL:
        talk = Talk.__new__(Talk)
        talk.connection = connection
        commands = talk.read(7, 3), talk.write(0, bytes(9 * BLOCK))
        feed(connection, after)
        events += connection.take_events()
        assert set(events[1:]) <= set(commands)
    return connection, events


def not_refused(
    record: Recording, mask: int, places: Iterable[int]
) -> Iterator[tuple[int, Connection, list[object]]]:
    """Yield what came of each change after the login that was no error."""
    for at in places:
        changed = bytearray(record.after)
        changed[at] ^= mask
        try:
            connection, events = replayed(record, bytes(changed))
        except IscsiError:
            continue
        yield at, connection, events


def is_right(events: list[object]) -> bool:
    """Tell whether what was read is what is there."""
    (read,) = (one for one in events[1:] if getattr(one, "read_into", None) is not None)
    return bytes(read.read_into) == pattern(10)[7 * BLOCK :]  # type: ignore[attr-defined]


@pytest.mark.parametrize("digests", [False, True])
def test_the_recording_itself_is_right(digests: bool) -> None:
    record = recording(digests)
    connection, events = replayed(record, record.after)
    assert len(events) == 3
    assert is_right(events)
    assert connection.tasks == {}


@pytest.mark.parametrize("mask", MASKS)
def test_with_digests_every_change_after_the_login_is_an_error(mask: int) -> None:
    record = recording(digests=True)
    for at, connection, events in not_refused(record, mask, range(len(record.after))):
        # A length that says more is to come: nothing of it counts, and the end is an error.
        assert not connection.receiver.idle, at
        assert "within a PDU" in str(connection.end_of_stream())
        assert len(events) < 3


@pytest.mark.parametrize("mask", MASKS)
def test_without_digests_no_change_of_a_header_gives_wrong_data(mask: int) -> None:
    record = recording(digests=False)
    # Read: one Data-In with status; write: an R2T and a response.
    data_begins, data_ends = 48, 48 + 3 * BLOCK
    places = (*range(data_begins), *range(data_ends, len(record.after)))
    for at, connection, events in not_refused(record, mask, places):
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
        connection = begun(record.settings)
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
