# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.iscsi.errors import LocalProtocolError, RemoteProtocolError
from rtslib.iscsi.keys import (
    KEYS,
    Function,
    Negotiation,
    format_text,
    parse_pairs,
    parse_text,
)

if TYPE_CHECKING:
    from rtslib.iscsi.keys import Value

names = st.from_regex(r"[A-Za-z][A-Za-z0-9.+@_-]{0,62}", fullmatch=True)
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=50)


@given(st.dictionaries(names, values))
def test_a_text_is_read_as_it_was_written(pairs: dict[str, str]) -> None:
    assert parse_text(format_text(pairs)) == pairs


def test_a_text_may_have_zeros_too_many() -> None:
    assert parse_pairs(b"\0A=1\0\0A=2=3\0") == [("A", "1"), ("A", "2=3")]
    assert parse_pairs(b"") == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"A=1\0A=2\0", "A more than once"),
        (b"no value\0", "where a key should be"),
        (b"=1\0", "where a key should be"),
        (b"1A=1\0", "where a key should be"),
        (b"A" * 64 + b"=1\0", "where a key should be"),
        (b"A=\xff\0", "not UTF-8"),
    ],
)
def test_texts_that_cannot_be(data: bytes, words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        parse_text(data)


def test_a_value_of_ours_has_no_zero_byte() -> None:
    with pytest.raises(LocalProtocolError):
        format_text({"A": "1\x002"})


#: RFC 7143 section 13: what comes of our offer and theirs, where both say the same of it.
RESULTS: list[tuple[str, Value, Value, Value | None]] = [
    ("InitialR2T", False, False, False),
    ("InitialR2T", False, True, True),
    ("InitialR2T", True, False, True),
    ("ImmediateData", True, True, True),
    ("ImmediateData", True, False, False),
    ("ImmediateData", False, True, False),
    ("MaxBurstLength", 262144, 65536, 65536),
    ("FirstBurstLength", 65536, 262144, 65536),
    ("MaxConnections", 1, 8, 1),
    ("MaxOutstandingR2T", 4, 1, 1),
    ("ErrorRecoveryLevel", 0, 2, 0),
    ("DefaultTime2Wait", 2, 5, 5),
    ("DefaultTime2Wait", 5, 2, 5),
    ("DefaultTime2Retain", 20, 0, 0),
    ("DataPDUInOrder", True, False, True),
    ("DataSequenceInOrder", True, False, True),
    ("HeaderDigest", ("None", "CRC32C"), ("CRC32C", "None"), ("CRC32C",)),
    ("DataDigest", ("None",), ("CRC32C", "None"), ("None",)),
    ("DataDigest", ("None",), ("CRC32C",), None),
    ("IFMarker", False, True, False),
    ("iSCSIProtocolLevel", 1, 2, 1),
]


@pytest.mark.parametrize(("name", "ours", "theirs", "result"), RESULTS)
def test_results(name: str, ours: Value, theirs: Value, result: Value | None) -> None:
    assert KEYS[name].combine(ours, theirs) == result


@pytest.mark.parametrize(("name", "ours", "theirs", "result"), RESULTS)
def test_we_answer_an_offer_with_its_result(
    name: str, ours: Value, theirs: Value, result: Value | None
) -> None:
    negotiation = Negotiation({})
    if KEYS[name].default != ours:
        return  # what we would say differs from the row's: another row has it
    said = negotiation.receive({name: KEYS[name].spell(theirs)})
    assert said == {name: "Reject" if result is None else KEYS[name].spell(result)}
    assert negotiation.results[name] == (KEYS[name].default if result is None else result)


@pytest.mark.parametrize(
    ("name", "ours", "result"), [(*row[:2], row[3]) for row in RESULTS if row[3] is not None]
)
def test_the_target_answers_with_what_its_function_gives(
    name: str, ours: Value, result: Value
) -> None:
    negotiation = Negotiation({name: ours})
    assert negotiation.receive({name: KEYS[name].spell(result)}) == {}
    assert negotiation.results[name] == result


@pytest.mark.parametrize(
    ("name", "ours", "answer"),
    [
        ("InitialR2T", True, "No"),
        ("ImmediateData", False, "Yes"),
        ("MaxBurstLength", 65536, "262144"),
        ("DefaultTime2Wait", 5, "2"),
        ("HeaderDigest", ("None",), "CRC32C"),
        ("HeaderDigest", ("None", "CRC32C"), "CRC32C,None"),
        ("MaxBurstLength", 65536, "511"),
        ("MaxBurstLength", 65536, "16777216"),
        ("MaxBurstLength", 65536, "many"),
        ("MaxBurstLength", 65536, "-1"),
        ("MaxBurstLength", 65536, "0512"),
        ("InitialR2T", True, "yes"),
        ("HeaderDigest", ("None",), ""),
        ("MaxRecvDataSegmentLength", 8192, "0"),
    ],
)
def test_answers_that_cannot_be(name: str, ours: Value, answer: str) -> None:
    with pytest.raises(RemoteProtocolError, match=name):
        Negotiation({name: ours}).receive({name: answer})


def test_numbers_may_be_hexadecimal() -> None:
    negotiation = Negotiation({"MaxBurstLength": 262144})
    negotiation.receive({"MaxBurstLength": "0x10000", "MaxRecvDataSegmentLength": "0X2000"})
    assert negotiation.results["MaxBurstLength"] == 65536
    assert negotiation.results["MaxRecvDataSegmentLength"] == 8192


@pytest.mark.parametrize("word", ["NotUnderstood", "Irrelevant", "Reject"])
def test_a_key_without_a_result_has_its_default(word: str) -> None:
    negotiation = Negotiation({"FirstBurstLength": 1024})
    assert negotiation.receive({"FirstBurstLength": word}) == {}
    assert negotiation.results["FirstBurstLength"] == 65536


def test_unknown_keys_are_not_understood() -> None:
    negotiation = Negotiation({})
    said = negotiation.receive(
        {"X-com.example": "1", "OFMarkInt": "2048", "IFMarkInt": "1", "X-2": "NotUnderstood"}
    )
    assert said == {"X-com.example": "NotUnderstood", "OFMarkInt": "Reject", "IFMarkInt": "Reject"}


def test_what_is_declared_needs_no_answer() -> None:
    negotiation = Negotiation({"MaxRecvDataSegmentLength": 262144})
    assert negotiation.results["MaxRecvDataSegmentLength"] == 8192
    said = negotiation.receive(
        {"TargetAlias": "a", "TargetPortalGroupTag": "7", "MaxRecvDataSegmentLength": "1024"}
    )
    assert said == {}
    assert negotiation.results["TargetPortalGroupTag"] == 7
    assert negotiation.results["MaxRecvDataSegmentLength"] == 1024


def test_a_key_comes_once() -> None:
    negotiation = Negotiation({"InitialR2T": True})
    negotiation.receive({"InitialR2T": "Yes"})
    with pytest.raises(RemoteProtocolError, match="InitialR2T again"):
        negotiation.receive({"InitialR2T": "Yes"})


def test_offers() -> None:
    negotiation = Negotiation({"InitialR2T": False, "HeaderDigest": ("None", "CRC32C")})
    assert negotiation.offer() == {"InitialR2T": "No", "HeaderDigest": "None,CRC32C"}
    assert negotiation.offer("InitialR2T") == {"InitialR2T": "No"}


def test_every_function_is_some_key_s() -> None:
    assert {key.function for key in KEYS.values()} == set(Function)
