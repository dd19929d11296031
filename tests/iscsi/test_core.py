# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The full feature phase, without a socket: what both sides say, and what must not be said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.talk import BLOCK, Talk, fake, pattern, read_cdb
from rtslib.iscsi.core import Connection
from rtslib.iscsi.errors import (
    ConnectionLostError,
    LocalProtocolError,
    RemoteProtocolError,
    TaskError,
)
from rtslib.iscsi.events import LoggedIn, Message, MessageKind, Redirect
from rtslib.iscsi.faketask import Served
from rtslib.iscsi.headers import (
    FINAL,
    NO_TAG,
    AsyncMessage,
    DataIn,
    DataOut,
    LogoutResponse,
    NopIn,
    NopOut,
    ReadyToTransfer,
    Reject,
    SCSICommand,
    SCSIResponse,
    TaskRequest,
    TaskResponse,
    TextRequest,
    TextResponse,
)
from rtslib.iscsi.keys import parse_pairs
from rtslib.iscsi.pdu import encode, pack
from rtslib.iscsi.requests import Command, Function, Logout, Ping, TaskManagement, Text
from rtslib.iscsi.states import RECEIVES, TRANSITIONS, State, Trigger
from rtslib.iscsi.stream import feed


class Silent(Served):
    """A target that notes commands and does not answer them by itself."""

    def on_command(self, pdu: SCSICommand, data: Any) -> None:
        """Do nothing yet."""

    def on_data(self, pdu: DataOut, data: Any) -> None:
        """Do nothing yet."""

    on_task = on_logout = on_text = on_command  # type: ignore[assignment]


def silent(**keys: Any) -> Talk:
    """Return a session in which a test says what the target says."""
    target = fake(keys=keys)
    target.serve = Silent
    return Talk(target).log_in()


def logged_in(**options: Any) -> Talk:
    return Talk(fake(**options)).log_in()


def state_of(talk: Talk) -> State:
    return talk.connection.state


def last(talk: Talk) -> Any:
    return talk.served.came[-1]


# Reading.


@pytest.mark.parametrize("blocks", [1, 16, 17, 600])
def test_reading(blocks: int) -> None:
    talk = logged_in()
    command = talk.read(5, blocks)
    assert talk.pump() == [command]
    assert command.good
    assert bytes(command.read_into or b"") == pattern(4096)[5 * BLOCK : (5 + blocks) * BLOCK]
    assert talk.connection.tasks == {}


def test_less_than_was_asked_for() -> None:
    talk = logged_in()
    command = Command(0, read_cdb(0, 1), read_into=memoryview(bytearray(700)))
    talk.connection.execute(command)
    talk.pump()
    assert (command.received, command.residual, command.overflow) == (512, 188, False)


def test_more_than_was_asked_for() -> None:
    talk = logged_in()
    command = Command(0, read_cdb(0, 2), read_into=memoryview(bytearray(512)))
    talk.connection.execute(command)
    talk.pump()
    assert (command.received, command.residual, command.overflow) == (512, 512, True)


def test_sense_data_come_with_the_status() -> None:
    talk = logged_in()
    command = talk.read(10**6, 1)
    talk.pump()
    assert command.status == 2
    assert not command.good
    assert command.sense[2] == 5


def data_in(command: Command, **fields: Any) -> DataIn:
    return DataIn(**{"itt": command.itt, "flags": 0, **fields})


@pytest.mark.parametrize(
    ("fields", "size", "words"),
    [
        ({"data_sn": 1}, 512, "data number 1 at 0, where number 0"),
        ({"offset": 512}, 512, "at 512, where number 0 at 0"),
        ({}, 1025, "1025 bytes of data at 0, where the command reads 1024"),
        ({"data_sn": 1}, 0, "data number 1, where number 0"),
        ({"itt": 7}, 512, "which is no Command"),
        ({"flags": 1}, 512, "not the last"),
    ],
)
def test_data_that_cannot_be(fields: dict[str, int], size: int, words: str) -> None:
    talk = silent()
    command = talk.read(0, 2)
    talk.pump()
    talk.served.send(data_in(command, **fields), bytes(size), counts=False)
    with pytest.raises(RemoteProtocolError, match=words):
        talk.pump()
    assert state_of(talk) is State.CLOSED


def test_data_for_a_command_that_reads_nothing() -> None:
    talk = silent()
    command = talk.write(0, bytes(512))
    talk.pump()
    talk.served.send(data_in(command), bytes(512), counts=False)
    with pytest.raises(RemoteProtocolError, match="reads nothing"):
        talk.pump()


def test_a_response_that_the_target_could_not_complete() -> None:
    talk = silent()
    command = talk.read(0, 1)
    talk.pump()
    talk.served.send(SCSIResponse(itt=command.itt, response=1))
    assert talk.pump() == [command]
    assert isinstance(command.error, TaskError)
    assert command.error.response == 1


def test_sense_data_longer_than_what_came() -> None:
    talk = silent()
    command = talk.read(0, 1)
    talk.pump()
    talk.served.send(SCSIResponse(itt=command.itt, status=2), b"\0\x10" + bytes(4))
    with pytest.raises(RemoteProtocolError, match="16 bytes of sense data"):
        talk.pump()


# Writing: RFC 7143 section 4.2.5.2, all combinations.


@pytest.mark.parametrize("initial_r2t", [True, False])
@pytest.mark.parametrize("immediate", [True, False])
@pytest.mark.parametrize("size", [512, 4096, 8192, 9216, 65536, 66048, 400 * 512])
def test_writing(initial_r2t: bool, immediate: bool, size: int) -> None:
    talk = logged_in(
        keys={
            "InitialR2T": initial_r2t,
            "ImmediateData": immediate,
            "FirstBurstLength": 65536,
            "MaxBurstLength": 131072,
        }
    )
    data = bytes(number * 7 % 251 for number in range(size))
    command = talk.write(3, data)
    assert talk.pump() == [command]
    assert command.good
    memory = talk.served.target.disks[0].memory
    assert memory[3 * 512 : 3 * 512 + size] == data
    came = [pdu for pdu in talk.served.came if isinstance(pdu, (SCSICommand, DataOut))]
    first = came[0]
    assert isinstance(first, SCSICommand)
    inside = first.lengths & 0xFFFFFF
    assert inside == (min(size, 8192) if immediate else 0)
    unsolicited = [pdu for pdu in came if isinstance(pdu, DataOut) and pdu.ttt == NO_TAG]
    asked = 0 if initial_r2t else min(size, 65536) - inside
    assert sum(pdu.lengths for pdu in unsolicited) == asked
    assert bool(first.flags & FINAL) is not bool(unsolicited)
    assert all(pdu.lengths <= 8192 for pdu in came)
    # Each burst counts from zero and ends with F.
    for pdu, following in zip(came[1:], [*came[2:], None]):
        assert isinstance(pdu, DataOut)
        ends = following is None or (isinstance(following, DataOut) and following.data_sn == 0)
        assert bool(pdu.flags & FINAL) is ends


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"r2t_sn": 1}, "number 1, where 0 comes next"),
        ({"offset": 131072, "desired": 1}, "asks for 1 bytes at 131072 of 131072"),
        ({"desired": 0}, "asks for 0 bytes"),
        ({"desired": 131073}, "asks for 131073 bytes"),
        ({"itt": 1}, "no Command"),
    ],
)
def test_requests_for_data_that_cannot_be(fields: dict[str, int], words: str) -> None:
    talk = silent()
    command = talk.write(0, bytes(131072))
    talk.pump()
    asked = {"itt": command.itt, "ttt": 5, "desired": 512, **fields}
    talk.served.send(ReadyToTransfer(**asked), counts=False)
    with pytest.raises(RemoteProtocolError, match=words):
        talk.pump()


def test_a_burst_is_no_longer_than_agreed_upon() -> None:
    talk = silent(MaxBurstLength=512, FirstBurstLength=512)
    command = talk.write(0, bytes(2048))
    talk.pump()
    talk.served.send(ReadyToTransfer(itt=command.itt, desired=1024), counts=False)
    with pytest.raises(RemoteProtocolError, match="asks for 1024 bytes"):
        talk.pump()


@pytest.mark.parametrize("digest", [("CRC32C",), ("None",)])
def test_digests(digest: tuple[str, ...]) -> None:
    target = fake()
    settings = replace(target.settings, header_digest=digest, data_digest=digest)
    talk = Talk(target, settings).log_in()
    assert talk.connection.sender.agreed.data_digest is (digest == ("CRC32C",))
    read = talk.read(1, 33)
    talk.pump()
    assert read.good
    write = talk.write(0, bytes(70000 // 512 * 512))
    talk.pump()
    assert write.good


def test_long_commands_and_both_directions() -> None:
    talk = silent()
    cdb = bytes([0x7F, *range(31)])
    command = Command(0, cdb, bytes(512), memoryview(bytearray(64)))
    talk.connection.execute(command)
    talk.pump()
    pdu = last(talk)
    assert pdu.cdb == cdb[:16]
    assert pdu.expected_length == 512
    assert pdu.lengths >> 24 == (20 + 8) // 4
    talk.served.send(SCSIResponse(itt=command.itt))
    assert talk.pump() == [command]


# Numbers.


def test_no_more_commands_than_the_window_holds() -> None:
    talk = logged_in(window=4)
    commands = [talk.read(number, 1) for number in range(20)]
    first = b"".join(talk.connection.take_output())
    assert len(first) == 4 * 48
    assert len(talk.connection.waiting) == 16
    feed(talk.served.receiver, first)
    assert not talk.connection.take_output()
    feed(talk.connection, talk.served.out)
    talk.served.out.clear()
    assert [*talk.connection.take_events(), *talk.pump()] == commands
    assert all(
        bytes(one.read_into or b"")[:8] == n.to_bytes(8, "big") for n, one in enumerate(commands)
    )


def test_a_request_for_data_shows_a_number_and_does_not_use_it_up() -> None:
    talk = logged_in()
    before = talk.connection.window.exp_stat_sn
    talk.write(0, bytes(131072))
    talk.pump()
    assert talk.connection.window.exp_stat_sn == before + 1


@given(st.integers(1, 1 << 31))
def test_an_answer_out_of_turn(skipped: int) -> None:
    talk = silent()
    command = talk.read(0, 1)
    talk.pump()
    talk.served.stat_sn += skipped
    talk.served.stat_sn &= 0xFFFFFFFF
    talk.served.send(SCSIResponse(itt=command.itt))
    with pytest.raises(RemoteProtocolError, match="comes next"):
        talk.pump()


# Pings, text, functions, goodbyes.


def test_our_ping() -> None:
    talk = logged_in()
    ping = Ping(b"hello")
    talk.connection.ping(ping)
    assert talk.pump() == [ping]
    with pytest.raises(LocalProtocolError, match="cannot have"):
        talk.connection.ping(Ping(bytes(10000)))


def test_a_ping_that_comes_back_changed() -> None:
    talk = silent()
    ping = Ping(b"hello")
    talk.connection.ping(ping)
    out = b"".join(talk.connection.take_output())
    assert out[:1] == b"\x40"
    talk.served.send(NopIn(itt=ping.itt), b"jello")
    with pytest.raises(RemoteProtocolError, match="not what was sent"):
        talk.pump()


def test_the_target_s_ping_is_answered() -> None:
    talk = silent()
    before = talk.connection.window.exp_stat_sn
    talk.served.send(NopIn(ttt=99, lun=3 << 48), b"x" * 20, counts=False)
    talk.pump()
    answer = last(talk)
    assert isinstance(answer, NopOut)
    assert (answer.itt, answer.ttt, answer.lun) == (NO_TAG, 99, 3 << 48)
    assert answer.opcode & 0x40
    assert answer.lengths == 20
    assert talk.connection.window.exp_stat_sn == before
    # One without a tag wants no answer: it only shows the window.
    talk.served.send(NopIn(), counts=False)
    count = len(talk.served.came)
    talk.pump()
    assert len(talk.served.came) == count


def test_text() -> None:
    talk = logged_in()
    text = Text(b"SendTargets=All\0")
    talk.connection.text(text)
    assert talk.pump() == [text]
    assert dict(parse_pairs(text.answer))["TargetName"] == talk.served.target.name


def test_text_over_several_pdus() -> None:
    talk = silent()
    text = Text(b"SendTargets=All\0")
    talk.connection.text(text)
    talk.pump()
    for part in (b"TargetName=iq", b"n.2026"):
        talk.served.send(TextResponse(itt=text.itt, flags=0x40, ttt=8), part)
        assert talk.pump() == []
        asked = last(talk)
        assert isinstance(asked, TextRequest)
        assert (asked.itt, asked.ttt, asked.lengths) == (text.itt, 8, 0)
    talk.served.send(TextResponse(itt=text.itt), b"-11.x:y\0")
    assert talk.pump() == [text]
    assert text.answer == b"TargetName=iqn.2026-11.x:y\0"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"flags": 0}, "without a tag"),
        ({"flags": FINAL, "ttt": 5}, "goes on at once"),
        ({"flags": FINAL | 0x40}, "goes on at once"),
    ],
)
def test_text_that_cannot_be(fields: dict[str, int], words: str) -> None:
    talk = silent()
    text = Text(b"")
    talk.connection.text(text)
    talk.pump()
    talk.served.send(TextResponse(**{"itt": text.itt, **fields}))
    with pytest.raises(RemoteProtocolError, match=words):
        talk.pump()


def test_text_without_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rtslib.iscsi.incoming.MAX_TEXT", 1000)
    talk = silent()
    text = Text(b"")
    talk.connection.text(text)
    talk.pump()
    talk.served.send(TextResponse(itt=text.itt, flags=0, ttt=5), bytes(1001))
    with pytest.raises(RemoteProtocolError, match="longer than"):
        talk.pump()


@pytest.mark.parametrize(
    ("function", "lun", "ended"),
    [
        (Function.ABORT_TASK_SET, 0, (True, False)),
        (Function.CLEAR_TASK_SET, 1, (False, True)),
        (Function.LOGICAL_UNIT_RESET, 0, (True, False)),
        (Function.TARGET_WARM_RESET, 0, (True, True)),
        (Function.TARGET_COLD_RESET, 0, (True, True)),
        (Function.CLEAR_ACA, 0, (False, False)),
    ],
)
def test_functions_end_commands(function: Function, lun: int, ended: tuple[bool, ...]) -> None:
    talk = silent()
    commands = [
        Command(number, read_cdb(0, 1), read_into=memoryview(bytearray(512))) for number in (0, 1)
    ]
    for command in commands:
        talk.connection.execute(command)
    task = TaskManagement(function, lun)
    talk.connection.manage(task)
    talk.pump()
    asked = last(talk)
    assert isinstance(asked, TaskRequest)
    assert asked.flags == FINAL | function
    assert asked.ref_itt == NO_TAG
    assert asked.opcode & 0x40
    talk.served.send(TaskResponse(itt=task.itt))
    events = talk.pump()
    assert events[0] is task
    assert tuple(command in events for command in commands) == ended
    for command in commands:
        assert (command.error is not None) == (command in events)


def test_a_function_that_is_refused_ends_nothing() -> None:
    talk = silent()
    command = talk.read(0, 1)
    task = TaskManagement(Function.LOGICAL_UNIT_RESET)
    talk.connection.manage(task)
    talk.pump()
    talk.served.send(TaskResponse(itt=task.itt, response=5))
    assert talk.pump() == [task]
    assert task.response == 5
    assert command.error is None


def test_functions_of_a_later_standard_must_be_agreed_upon() -> None:
    talk = logged_in()
    with pytest.raises(LocalProtocolError, match="QUERY_TASK needs protocol level 2"):
        talk.connection.manage(TaskManagement(Function.QUERY_TASK))
    target = fake(keys={"iSCSIProtocolLevel": 2})
    target.serve = Silent
    talk = Talk(target, replace(target.settings, protocol_level=2)).log_in()
    talk.connection.manage(TaskManagement(Function.QUERY_TASK))


@pytest.mark.parametrize("response", [0, 1, 255])
def test_a_command_that_nobody_wants_any_more(response: int) -> None:
    talk = silent()
    command = talk.read(0, 2)
    memory = command.read_into
    talk.pump()
    task = talk.connection.abandon(command)
    assert task is not None
    talk.pump()
    asked = last(talk)
    assert (asked.ref_itt, asked.ref_cmd_sn) == (command.itt, command.cmd_sn)
    assert talk.connection.abandon(command) is None
    # Data that were on their way do not reach the caller's memory.
    talk.served.send(data_in(command), b"x" * 512, counts=False)
    talk.served.send(TaskResponse(itt=task.itt, response=response))
    events = talk.pump()
    assert memory is not None
    assert not any(memory)
    assert events == ([task, command] if response < 2 else [task])
    assert (command.itt in talk.connection.tasks) == (response == 255)


def test_a_command_that_was_never_sent_is_only_forgotten() -> None:
    talk = logged_in(window=1)
    talk.read(0, 1)
    waiting = talk.read(1, 1)
    assert talk.connection.abandon(waiting) is None
    talk.pump()
    assert sum(isinstance(pdu, SCSICommand) for pdu in talk.served.came) == 1
    assert not talk.connection.waiting


def test_an_abort_that_comes_too_late() -> None:
    talk = silent()
    command = talk.read(0, 1)
    talk.pump()
    task = talk.connection.abandon(command)
    assert task is not None
    talk.pump()
    talk.served.send(SCSIResponse(itt=command.itt))
    talk.served.send(TaskResponse(itt=task.itt, response=1))
    assert talk.pump() == [command, task]


def test_logout() -> None:
    talk = logged_in()
    logout = Logout()
    talk.connection.logout(logout)
    assert state_of(talk) is State.LOGOUT
    assert talk.pump() == [logout]
    assert logout.response == 0
    assert state_of(talk) is State.CLOSED
    with pytest.raises(LocalProtocolError, match="takes no requests"):
        talk.read(0, 1)
    with pytest.raises(LocalProtocolError, match="we log out: not while"):
        talk.connection.logout(Logout())


def test_a_command_that_nobody_wants_any_more_while_we_log_out() -> None:
    """Nothing is sent behind a logout: that ends the command too."""
    talk = silent()
    command = talk.read(0, 1)
    memory = command.read_into
    talk.pump()
    logout = Logout()
    talk.connection.logout(logout)
    assert talk.connection.abandon(command) is None
    talk.served.send(data_in(command), b"x" * 512, counts=False)
    talk.pump()
    assert memory is not None
    assert not any(memory)
    assert not any(isinstance(pdu, TaskRequest) for pdu in talk.served.came)
    assert talk.connection.unfinished() == [command, logout]


@pytest.mark.parametrize("what", ["command", "text"])
def test_nothing_that_waits_is_sent_behind_a_logout(what: str) -> None:
    """RFC 7143 section 11.14: no new request may follow."""
    target = fake(window=1)
    target.serve = Silent
    talk = Talk(target).log_in()
    first = talk.read(0, 1)
    waiting = Text(b"SendTargets=All\0") if what == "text" else None
    if waiting is None:
        talk.read(1, 1)
    else:
        talk.connection.text(waiting)
    talk.pump()
    talk.connection.logout(Logout())
    talk.pump()
    talk.served.send(SCSIResponse(itt=first.itt))
    assert talk.pump() == [first]
    assert len(talk.connection.waiting) == 1
    kinds = [type(pdu).__name__ for pdu in talk.served.came]
    assert kinds[-2:] == ["SCSICommand", "LogoutRequest"]


# Messages and rejections.


def test_messages() -> None:
    talk = silent()
    talk.served.send(AsyncMessage(event=0, lun=0), b"\0\x04sens")
    talk.served.send(AsyncMessage(event=255, vendor_code=9))
    first, second = talk.pump()
    assert isinstance(first, Message)
    assert isinstance(second, Message)
    assert (first.kind, first.sense) == (MessageKind.SCSI_EVENT, b"sens")
    assert (second.kind, second.header.vendor_code) == (MessageKind.VENDOR, 9)
    assert state_of(talk) is State.FULL


def test_a_target_that_asks_us_to_log_out() -> None:
    talk = silent()
    for _ in range(2):
        talk.served.send(AsyncMessage(event=MessageKind.ASKS_FOR_LOGOUT, parameter3=5))
    talk.pump()
    assert state_of(talk) is State.ASKED
    talk.read(0, 1)  # still possible
    talk.connection.logout(Logout())
    talk.served.send(AsyncMessage(event=MessageKind.ASKS_FOR_LOGOUT, parameter3=5))
    talk.pump()
    assert state_of(talk) is State.LOGOUT


def test_a_target_that_wants_to_negotiate() -> None:
    talk = silent()
    talk.served.send(AsyncMessage(event=MessageKind.ASKS_FOR_TEXT, parameter3=5))
    talk.pump()
    assert isinstance(last(talk), TextRequest)
    assert last(talk).lengths == 0


def test_a_rejected_command() -> None:
    talk = silent()
    command = talk.read(0, 1)
    talk.pump()
    talk.served.send(Reject(reason=0x0A), pack(last(talk)))
    assert talk.pump() == [command]
    assert isinstance(command.error, TaskError)
    assert "no resources" in str(command.error)
    assert command.error.response == 0x0A


def test_rejected_data_are_the_command_s_affair() -> None:
    talk = silent()
    command = talk.write(0, bytes(131072))
    talk.pump()
    talk.served.send(Reject(reason=0x02), pack(DataOut(itt=command.itt)))
    assert talk.pump() == []
    assert command.itt in talk.connection.tasks


def test_a_rejection_that_waits_for_logout() -> None:
    talk = silent()
    command = talk.read(0, 1)
    talk.pump()
    talk.served.send(Reject(reason=0x0C), pack(last(talk)))
    (event,) = talk.pump()
    assert isinstance(event, Message)
    assert event.kind == MessageKind.ASKS_FOR_LOGOUT
    assert talk.connection.tasks[command.itt] is command
    assert state_of(talk) is State.ASKED


@pytest.mark.parametrize(
    ("reason", "data", "words"),
    [
        (4, b"short", "does not say what"),
        (4, pack(NopOut()), "opcode 0x00: a protocol error"),
        (9, pack(DataOut()), "opcode 0x05: a field is not valid"),
        (0x77, pack(TaskRequest(itt=1)), "a reason that is not known"),
    ],
)
def test_rejections_after_which_nothing_is_certain(reason: int, data: bytes, words: str) -> None:
    talk = silent()
    talk.served.send(Reject(reason=reason), data)
    with pytest.raises(RemoteProtocolError, match=words):
        talk.pump()


# States.


def test_only_the_table_changes_the_state() -> None:
    for state in State:
        for trigger in Trigger:
            connection = Connection(fake().settings)
            connection.state = state
            if (state, trigger) in TRANSITIONS:
                connection.change(trigger)
                assert connection.state is TRANSITIONS[state, trigger]
            else:
                with pytest.raises(RemoteProtocolError):
                    connection.change(trigger)
                assert connection.state is state


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize(
    "header", [NopIn(), LogoutResponse(), NopOut(), TextResponse(), AsyncMessage()]
)
def test_what_may_come_when(state: State, header: Any) -> None:
    talk = silent()
    talk.connection.state = state
    if header.opcode & 0x3F in RECEIVES[state]:
        return
    with pytest.raises(RemoteProtocolError, match="a PDU with opcode"):
        feed(talk.connection, b"".join(encode(header)))
    assert state_of(talk) is State.CLOSED


def test_nothing_is_asked_before_the_login() -> None:
    connection = Connection(fake().settings)
    with pytest.raises(LocalProtocolError, match="S1, not begun"):
        connection.ping(Ping())
    connection.begin()
    with pytest.raises(LocalProtocolError, match="we begin to log in: not while"):
        connection.begin()


def test_a_redirection_ends_the_connection() -> None:
    talk = Talk(fake())
    talk.connection.begin()
    step = talk.served.login.step

    def elsewhere(request: Any, data: Any) -> Any:
        response, _ = step(request, data)
        return response._replace(status=0x0101, flags=0), b"TargetAddress=10.0.0.1:3261,1\0"

    talk.served.login.step = elsewhere  # type: ignore[method-assign]
    assert talk.pump() == [Redirect("10.0.0.1", 3261, permanent=False)]
    assert state_of(talk) is State.CLOSED


def test_the_login_tells_what_was_agreed_upon() -> None:
    talk = Talk(fake(keys={"MaxBurstLength": 16384, "FirstBurstLength": 4096}))
    talk.connection.begin()
    (event,) = talk.pump()
    assert isinstance(event, LoggedIn)
    assert event.portal_group == 1
    assert event.agreed.max_burst == 16384
    assert event.agreed.first_burst == 4096
    assert event.agreed.header_digest is False


@pytest.mark.parametrize(("data", "words"), [(b"", "hung up"), (b"\x20", "within a PDU")])
def test_a_target_that_hangs_up(data: bytes, words: str) -> None:
    talk = silent()
    feed(talk.connection, data)
    error = talk.connection.end_of_stream()
    assert isinstance(error, ConnectionLostError)
    assert words in str(error)
    assert state_of(talk) is State.CLOSED


def test_what_is_overdue() -> None:
    talk = silent()
    first, second = talk.read(0, 1), talk.read(1, 1)
    assert talk.connection.overdue(15.0) == []
    first.deadline, second.deadline = 10.0, 20.0
    assert talk.connection.next_deadline == 10.0
    assert talk.connection.overdue(15.0) == [first]
    assert talk.connection.unfinished() == [first, second]
    assert talk.connection.next_deadline is None


def test_tags_are_not_given_twice() -> None:
    talk = silent()
    talk.connection._itt = 0xFFFFFFFD
    first = talk.read(0, 1)
    talk.connection._itt = 0xFFFFFFFD
    second = talk.read(0, 1)
    assert (first.itt, second.itt) == (0xFFFFFFFE, 0)
