# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Login dialogues as tables: what the target says, round by round, and what we say to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from iscsi.talk import Talk, fake
from rtslib.iscsi.chap import answer_to, encode_binary
from rtslib.iscsi.errors import (
    AuthenticationError,
    LoginError,
    RemoteProtocolError,
)
from rtslib.iscsi.headers import LoginRequest, LoginResponse
from rtslib.iscsi.keys import format_text, parse_text
from rtslib.iscsi.login import MAX_ROUNDS, Login, parse_address
from rtslib.iscsi.pdu import unpack
from rtslib.iscsi.settings import Credentials, Settings
from rtslib.iscsi.window import Window

if TYPE_CHECKING:
    from rtslib.iscsi.digest import Buffer

T, C = 0x80, 0x40
SECURITY, OPERATIONAL, FULL = 0, 1, 3
OURS, THEIRS = Credentials("alice", "alice-secret-1"), Credentials("target", "target-secret-2")
PLAIN = Settings(target="iqn.2026-11.org.example:t", isid=0x80_00_00_01_00_02)
CHAP = replace(PLAIN, credentials=OURS)
MUTUAL = replace(CHAP, target_credentials=THEIRS)
CHALLENGE = {"CHAP_A": "7", "CHAP_I": "3", "CHAP_C": "0x" + "5a" * 16}


class Said(NamedTuple):
    """What we say in a round."""

    transit: bool
    more: bool
    stage: int
    following: int
    text: dict[str, str]


class Initiator:
    """A login, whose rounds are called by hand."""

    def __init__(self, settings: Settings = PLAIN) -> None:
        self.window = Window(100)
        self.login = Login(settings, self.window, 77)
        self.stat_sn = 5000
        self.first = self.said(self.login.begin())

    @staticmethod
    def said(parts: list[Buffer]) -> Said:
        wire = b"".join(parts)
        header = unpack(wire)
        assert isinstance(header, LoginRequest)
        length = header.lengths & 0xFFFFFF
        return Said(
            bool(header.flags & T),
            bool(header.flags & C),
            header.flags >> 2 & 3,
            header.flags & 3,
            parse_text(wire[48 : 48 + length]),
        )

    def hear(self, flags: int, text: Any = (), **changes: int) -> Said | None:
        """Have the target say something; return what we say to that."""
        header = LoginResponse(
            flags=flags,
            session=PLAIN.isid << 16 | (1 if flags & 0x83 == T | FULL else 0),
            itt=77,
            stat_sn=self.stat_sn,
            exp_cmd_sn=100,
            max_cmd_sn=131,
        )._replace(**changes)
        self.stat_sn += 1
        data = text if isinstance(text, bytes) else format_text(text)
        parts = self.login.receive(header, data)
        return self.said(parts) if parts else None


def flags(stage: int, following: int | None = None) -> int:
    return stage << 2 | (0 if following is None else T | following)


def test_without_credentials_one_round_will_do() -> None:
    initiator = Initiator()
    said = initiator.first
    assert (said.transit, said.more, said.stage, said.following) == (True, False, 1, 3)
    assert said.text["InitiatorName"] == PLAIN.initiator
    assert said.text["TargetName"] == PLAIN.target
    assert said.text["SessionType"] == "Normal"
    assert said.text["HeaderDigest"] == "None,CRC32C"
    assert initiator.hear(flags(OPERATIONAL, FULL), {"HeaderDigest": "CRC32C"}) is None
    assert initiator.login.done
    assert initiator.login.tsih == 1
    assert initiator.login.negotiation.results["HeaderDigest"] == ("CRC32C",)
    assert initiator.window.exp_stat_sn == 5001
    assert initiator.window.room == 32


def test_discovery_names_no_target() -> None:
    text = Initiator(replace(PLAIN, target=None)).first.text
    assert text["SessionType"] == "Discovery"
    assert "TargetName" not in text
    assert "MaxBurstLength" not in text


def test_a_target_with_offers_of_its_own_is_answered() -> None:
    # What LIO does in a discovery session whose first text has no digests.
    initiator = Initiator()
    said = initiator.hear(
        flags(OPERATIONAL),
        {"MaxRecvDataSegmentLength": "8192", "X-com.example": "1", "TaskReporting": "FastAbort"},
    )
    assert said == Said(
        True, False, 1, 3, {"X-com.example": "NotUnderstood", "TaskReporting": "Reject"}
    )
    assert initiator.hear(flags(OPERATIONAL, FULL)) is None
    assert initiator.login.done


def chap(initiator: Initiator) -> Said:
    assert initiator.first.text["AuthMethod"] in ("CHAP,None", "CHAP")
    assert initiator.first[:4] == (True, False, 0, 1)
    assert "HeaderDigest" not in initiator.first.text
    said = initiator.hear(flags(SECURITY), {"AuthMethod": "CHAP", "TargetPortalGroupTag": "1"})
    assert said == Said(False, False, 0, 0, {"CHAP_A": "8,6,5,7"})
    said = initiator.hear(flags(SECURITY), CHALLENGE)
    assert said is not None
    proof = answer_to(7, 3, OURS.secret, b"\x5a" * 16)
    assert said.text["CHAP_N"] == "alice"
    assert said.text["CHAP_R"] == encode_binary(proof)
    assert said[:4] == (True, False, 0, 1)
    return said


def test_chap() -> None:
    initiator = Initiator(CHAP)
    assert set(chap(initiator).text) == {"CHAP_N", "CHAP_R"}
    said = initiator.hear(flags(SECURITY, OPERATIONAL))
    assert said is not None
    assert said[:4] == (True, False, 1, 3)
    assert "HeaderDigest" in said.text
    assert initiator.hear(flags(OPERATIONAL, FULL)) is None
    assert initiator.login.done


def proof_of_target(said: Said, secret: str = THEIRS.secret) -> dict[str, str]:
    challenge = bytes.fromhex(said.text["CHAP_C"][2:])
    proof = answer_to(7, int(said.text["CHAP_I"]), secret, challenge)
    return {"CHAP_N": "target", "CHAP_R": encode_binary(proof)}


@pytest.mark.parametrize("at_once", [True, False])
def test_mutual_chap(at_once: bool) -> None:
    initiator = Initiator(MUTUAL)
    assert initiator.first.text["AuthMethod"] == "CHAP"
    proof = proof_of_target(chap(initiator))
    said = initiator.hear(flags(SECURITY, OPERATIONAL if at_once else None), proof)
    if not at_once:
        assert said == Said(True, False, 0, 1, {})
        said = initiator.hear(flags(SECURITY, OPERATIONAL))
    assert said is not None
    assert said.stage == OPERATIONAL


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("proof", [{}, {"CHAP_N": "target", "CHAP_R": "0x" + "00" * 32}])
def test_a_target_that_is_somebody_else(at_once: bool, proof: dict[str, str]) -> None:
    initiator = Initiator(MUTUAL)
    chap(initiator)
    with pytest.raises(AuthenticationError):
        initiator.hear(flags(SECURITY, OPERATIONAL if at_once else None), proof)


@pytest.mark.parametrize(
    ("at_once", "method"),
    # LIO ends the stage at once, but calls it CHAP.
    [(True, "None"), (False, "None"), (True, "CHAP")],
)
def test_a_target_that_wants_no_proof(at_once: bool, method: str) -> None:
    initiator = Initiator(CHAP)
    said = initiator.hear(flags(SECURITY, OPERATIONAL if at_once else None), {"AuthMethod": method})
    assert said is not None
    if not at_once:
        assert said == Said(True, False, 0, 1, {})
        said = initiator.hear(flags(SECURITY, OPERATIONAL))
    assert said is not None
    assert said.stage == OPERATIONAL
    assert "HeaderDigest" in said.text


@pytest.mark.parametrize("following", [None, OPERATIONAL])
def test_who_wants_a_proof_does_not_do_without(following: int | None) -> None:
    with pytest.raises(AuthenticationError, match="does not prove"):
        Initiator(MUTUAL).hear(flags(SECURITY, following), {"AuthMethod": "None"})


def test_text_that_goes_on() -> None:
    initiator = Initiator()
    whole = format_text({"TargetAlias": "a" * 200, "HeaderDigest": "None"})
    for at in range(0, 200, 50):
        said = initiator.hear(flags(OPERATIONAL) | C, whole[at : at + 50])
        assert said == Said(False, False, 1, 0, {}) or said == Said(True, False, 1, 3, {})
    assert initiator.hear(flags(OPERATIONAL, FULL), whole[200:]) is None
    assert initiator.login.negotiation.results["TargetAlias"] == "a" * 200


def test_our_own_text_goes_on_where_it_must() -> None:
    initiator = Initiator()
    login = initiator.login
    long = {f"X-{number}": "v" * 1000 for number in range(10)}
    parts = login._say(long, transit=True)
    text = b""
    for last in (False, True):
        wire = b"".join(parts)
        header = unpack(wire)
        assert bool(header.flags & C) is not last
        assert bool(header.flags & T) is last
        text += wire[48 : 48 + (header.lengths & 0xFFFFFF)]
        if not last:
            parts = login.receive(
                LoginResponse(
                    flags=flags(OPERATIONAL),
                    session=PLAIN.isid << 16,
                    itt=77,
                    stat_sn=1,
                    exp_cmd_sn=100,
                    max_cmd_sn=131,
                ),
                b"",
            )
    assert parse_text(text) == long


def test_a_half_of_our_text_has_no_answer() -> None:
    initiator = Initiator()
    initiator.login._say({f"X-{number}": "v" * 1000 for number in range(10)}, transit=True)
    with pytest.raises(RemoteProtocolError, match="a half of our text"):
        initiator.hear(flags(OPERATIONAL), {"HeaderDigest": "None"})


REFUSALS = [
    (0x0200, LoginError, "did not like"),
    (0x0201, AuthenticationError, "authentication failed"),
    (0x0202, LoginError, "may not log in"),
    (0x0203, LoginError, "no such target"),
    (0x0204, LoginError, "removed"),
    (0x0205, LoginError, "another version"),
    (0x0206, LoginError, "as many connections"),
    (0x0207, LoginError, "lacks a parameter"),
    (0x0208, LoginError, "cannot be part"),
    (0x0209, LoginError, "no sessions of this type"),
    (0x020A, LoginError, "does not exist"),
    (0x020B, LoginError, "does not belong"),
    (0x0300, LoginError, "an error of its own"),
    (0x0301, LoginError, "not in service"),
    (0x0302, LoginError, "no resources"),
    (0x0999, LoginError, "without a reason"),
]


@pytest.mark.parametrize(("status", "kind", "words"), REFUSALS)
def test_refusals_say_what_to_do(status: int, kind: type[LoginError], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        Initiator().hear(0, status=status)
    assert type(caught.value) is kind
    assert (caught.value.status_class, caught.value.status_detail) == divmod(status, 256)
    assert f"status {status:04x}" in str(caught.value)
    assert "iqn.2026-11.org.example:t" in str(caught.value)


@pytest.mark.parametrize(("status", "permanent"), [(0x0101, False), (0x0102, True)])
def test_redirection(status: int, permanent: bool) -> None:
    initiator = Initiator()
    assert initiator.hear(0, {"TargetAddress": "[fe80::1]:3261,5"}, status=status) is None
    assert initiator.login.redirect == ("fe80::1", 3261, permanent)
    assert not initiator.login.done


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.1", ("10.0.0.1", 3260)),
        ("10.0.0.1:1", ("10.0.0.1", 1)),
        ("name.example:65535,1", ("name.example", 65535)),
        ("[::1]", ("::1", 3260)),
        ("[::1],1", ("::1", 3260)),
        ("[2001:db8::1]:3260,4", ("2001:db8::1", 3260)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text, "here") == address


@pytest.mark.parametrize("text", ["", ":3260", "host:", "host:0", "host:65536", "host:x", "[]:1"])
def test_addresses_that_are_none(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="for an address"):
        parse_address(text, "here")


FAULTS: list[tuple[Settings, int, dict[str, str], dict[str, int], str]] = [
    (PLAIN, flags(OPERATIONAL, FULL), {}, {"itt": 78}, "for another task"),
    (PLAIN, flags(OPERATIONAL, FULL), {}, {"version_active": 1}, "version 1"),
    (PLAIN, flags(OPERATIONAL, FULL), {}, {"session": 1}, "another session's ISID"),
    (PLAIN, flags(OPERATIONAL, FULL), {}, {"session": PLAIN.isid << 16}, "no handle"),
    (PLAIN, flags(SECURITY), {}, {}, "stage 0 in stage 1"),
    (PLAIN, flags(OPERATIONAL, FULL) | C, {}, {}, "more of it to come"),
    (PLAIN, flags(OPERATIONAL, OPERATIONAL), {}, {}, "stage 1 after stage 1"),
    (PLAIN, flags(OPERATIONAL, 2), {}, {}, "stage 2 after stage 1"),
    (PLAIN, flags(OPERATIONAL, FULL), {"X-offer": "1"}, {}, "an offer of its own"),
    (CHAP, flags(SECURITY, FULL), {"AuthMethod": "None"}, {}, "left out the stage"),
    (MUTUAL, flags(SECURITY, OPERATIONAL), {"AuthMethod": "CHAP"}, {}, "does not prove"),
    (CHAP, flags(SECURITY), {"AuthMethod": "KRB5"}, {}, "'KRB5'"),
]


@pytest.mark.parametrize(("settings", "said", "text", "changes", "words"), FAULTS)
def test_responses_that_cannot_be(
    settings: Settings, said: int, text: dict[str, str], changes: dict[str, int], words: str
) -> None:
    with pytest.raises((RemoteProtocolError, LoginError), match=words):
        Initiator(settings).hear(said, text, **changes)


def test_no_stage_ends_that_we_have_not_ended() -> None:
    initiator = Initiator(CHAP)
    initiator.hear(flags(SECURITY), {"AuthMethod": "CHAP"})
    with pytest.raises(RemoteProtocolError, match="that we have not ended"):
        initiator.hear(flags(SECURITY, OPERATIONAL), CHALLENGE)


def test_a_target_that_knows_none_of_our_algorithms() -> None:
    initiator = Initiator(CHAP)
    initiator.hear(flags(SECURITY), {"AuthMethod": "CHAP"})
    with pytest.raises(AuthenticationError, match="none of our algorithms"):
        initiator.hear(flags(SECURITY), {"CHAP_A": "Reject"})


def test_a_login_without_an_end_is_left() -> None:
    initiator = Initiator()
    for _ in range(MAX_ROUNDS):
        initiator.hear(flags(OPERATIONAL))
    with pytest.raises(RemoteProtocolError, match="no end"):
        initiator.hear(flags(OPERATIONAL))


def test_a_text_without_an_end_is_left() -> None:
    initiator = Initiator()
    for _ in range(8):
        initiator.hear(flags(OPERATIONAL) | C, b"x" * 8000)
    with pytest.raises(RemoteProtocolError, match="longer than"):
        initiator.hear(flags(OPERATIONAL) | C, b"x" * 8000)


def test_answers_have_numbers_that_follow() -> None:
    initiator = Initiator()
    initiator.hear(flags(OPERATIONAL))
    with pytest.raises(RemoteProtocolError, match="comes next"):
        initiator.hear(flags(OPERATIONAL), stat_sn=5000)


def test_a_refusal_needs_no_number() -> None:
    # tgtd's have 0.
    initiator = Initiator()
    initiator.hear(flags(OPERATIONAL))
    with pytest.raises(LoginError, match="did not like"):
        initiator.hear(0, status=0x0200, stat_sn=0)


@pytest.mark.parametrize("one_way", [None, OURS])
@pytest.mark.parametrize("mutual", [None, THEIRS])
@pytest.mark.parametrize("algorithm", [5, 6, 7, 8])
def test_with_the_fake_target(
    one_way: Credentials | None, mutual: Credentials | None, algorithm: int
) -> None:
    if mutual and not one_way:
        return  # refused by Settings
    target = fake(credentials=one_way, target_credentials=mutual)
    talk = Talk(target, replace(target.settings, chap_algorithms=(algorithm,))).log_in()
    assert talk.connection.tsih == 1
