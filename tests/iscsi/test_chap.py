# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.iscsi.chap import Dialogue, answer_to, decode_binary, encode_binary
from rtslib.iscsi.errors import AuthenticationError, RemoteProtocolError
from rtslib.iscsi.settings import Credentials

OURS, THEIRS = Credentials("alice", "alice-secret-1"), Credentials("target", "target-secret-2")


@given(st.binary(min_size=1, max_size=1024))
def test_binary_values(data: bytes) -> None:
    assert decode_binary(encode_binary(data)) == data
    assert decode_binary("0X" + data.hex().upper()) == data
    coded = base64.b64encode(data).decode()
    assert decode_binary("0b" + coded) == data
    assert decode_binary("0B" + coded.rstrip("=")) == data


def test_an_odd_number_of_digits() -> None:
    assert decode_binary("0xabc") == b"\x0a\xbc"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "0b",
        "12",
        "0xgg",
        "0x12 34",
        "0b====",
        "0b!!!!",
        "0ba",
        "0b\u00e9",
        "0x" + "00" * 1025,
    ],
)
def test_binary_values_that_cannot_be(text: str) -> None:
    with pytest.raises(RemoteProtocolError, match="CHAP_C"):
        decode_binary(text, "CHAP_C")


@pytest.mark.parametrize(
    ("algorithm", "name", "size"),
    [(5, "md5", 16), (6, "sha1", 20), (7, "sha256", 32), (8, "sha3_256", 32)],
)
def test_known_answers(algorithm: int, name: str, size: int) -> None:
    # RFC 1994 section 4.1: identifier, secret and challenge, one after the other.
    answer = answer_to(algorithm, 0x17, "s3cret", b"challenge")
    assert answer == hashlib.new(name, b"\x17s3cretchallenge").digest()
    assert len(answer) == size


def challenge(**changes: str) -> dict[str, str]:
    return {"CHAP_A": "7", "CHAP_I": "200", "CHAP_C": "0x" + "5a" * 16, **changes}


def test_one_way() -> None:
    dialogue = Dialogue(OURS, None, (7, 5))
    assert dialogue.offer() == {"CHAP_A": "7,5"}
    said = dialogue.answer(challenge())
    proof = answer_to(7, 200, OURS.secret, b"\x5a" * 16)
    assert said == {"CHAP_N": "alice", "CHAP_R": encode_binary(proof)}
    dialogue.verify({})


@pytest.mark.parametrize("algorithm", [5, 6, 7, 8])
def test_mutual(algorithm: int) -> None:
    dialogue = Dialogue(OURS, THEIRS, (algorithm,))
    said = dialogue.answer(challenge(CHAP_A=str(algorithm)))
    ours = decode_binary(said["CHAP_C"])
    assert len(ours) == 2 * len(answer_to(algorithm, 0, "", b""))
    proof = answer_to(algorithm, int(said["CHAP_I"]), THEIRS.secret, ours)
    dialogue.verify({"CHAP_N": "target", "CHAP_R": encode_binary(proof)})
    for wrong in (
        {"CHAP_N": "other", "CHAP_R": encode_binary(proof)},
        {"CHAP_N": "target", "CHAP_R": encode_binary(proof[::-1])},
        {"CHAP_N": "target", "CHAP_R": encode_binary(proof[:-1])},
    ):
        with pytest.raises(AuthenticationError, match="somebody else"):
            dialogue.verify(wrong)


@pytest.mark.parametrize("text", [{}, {"CHAP_N": "target"}, {"CHAP_R": "0x00"}])
def test_a_target_that_proves_nothing(text: dict[str, str]) -> None:
    dialogue = Dialogue(OURS, THEIRS, (7,))
    dialogue.answer(challenge())
    with pytest.raises(AuthenticationError, match="does not prove"):
        dialogue.verify(text)


def test_our_own_challenge_is_not_answered() -> None:
    first = Dialogue(OURS, THEIRS, (7,))
    said = first.answer(challenge())
    # In another session at the same time, a target without the secret asks us for the answer.
    with pytest.raises(AuthenticationError, match="our own challenge"):
        Dialogue(OURS, THEIRS, (7,)).answer(challenge(CHAP_C=said["CHAP_C"]))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (challenge(CHAP_A="5"), "algorithm 5: not offered"),
        (challenge(CHAP_A="x"), "CHAP_A cannot be 'x'"),
        (challenge(CHAP_I="256"), "CHAP_I cannot be '256'"),
        ({"CHAP_I": "1", "CHAP_C": "0x00"}, "has no CHAP_A"),
        ({"CHAP_A": "7", "CHAP_C": "0x00"}, "has no CHAP_I"),
        ({"CHAP_A": "7", "CHAP_I": "1"}, "has no CHAP_C"),
        (challenge(CHAP_C="5a"), "CHAP_C is empty"),
    ],
)
def test_challenges_that_cannot_be(text: dict[str, str], words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        Dialogue(OURS, None, (7,)).answer(text)


def test_nothing_shows_a_secret() -> None:
    assert repr(OURS) == "Credentials(user='alice', secret='********')"
    dialogue = Dialogue(OURS, THEIRS, (7,))
    dialogue.answer(challenge())
    with pytest.raises(AuthenticationError) as caught:
        dialogue.verify({})
    assert "secret-2" not in str(caught.value)
