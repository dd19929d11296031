# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Sense data in both formats, in words, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.iscsi.scsi.layout import MalformedDataError
from rtslib.iscsi.scsi.sense import FieldPointer, Sense, SenseKey, explain

#: What LIO sends for an LBA behind the end, in kernel 6.1.
LIO = bytes.fromhex("70 00 05 00000000 0a 00000000 21 00 00 000000")


def test_what_lio_sends() -> None:
    it = Sense.parse(LIO)
    assert it == Sense(SenseKey.ILLEGAL_REQUEST, 0x21)
    assert str(it) == "illegal request: the blocks are outside of the disk (21h/00h)"


def test_where_a_field_is_wrong() -> None:
    it = Sense.parse(bytes.fromhex("70 00 05 00000000 0a 00000000 24 00 00 cb0002"))
    assert it.field_pointer == FieldPointer(in_command=True, byte=2, bit=3)
    assert str(it).endswith("(24h/00h), at byte 2 bit 3 of the command")
    it = Sense(SenseKey.ILLEGAL_REQUEST, 0x26, specific=0x000010)
    assert str(it.field_pointer) == "byte 16 of the data sent"
    assert Sense(SenseKey.NOT_READY, specific=1).field_pointer is None


def test_how_far_a_unit_is() -> None:
    it = Sense(SenseKey.NOT_READY, 4, 4, specific=0x8000)
    assert it.progress == 0.5
    assert str(it).endswith("50% done")
    assert Sense(SenseKey.MEDIUM_ERROR, specific=0x8000).progress is None


def test_what_was_not_the_same() -> None:
    it = Sense.parse(bytes.fromhex("f0 00 0e 00000200 0a 00000000 1d 00 00 000000"))
    assert (it.key, it.information) == (SenseKey.MISCOMPARE, 512)
    assert str(it) == "miscompare: the data compared is not the same (1dh/00h), information 512"


def test_descriptors() -> None:
    data = bytes.fromhex(
        "73 03 11 00 00000028"
        "00 0a 80 00 0000000100000000"
        "01 0a 00 00 0000000000000007"
        "02 06 0000 800001 00"
        "05 02 00 20"
        "80 00"
    )
    data = data[:7] + bytes((len(data) - 8,)) + data[8:]
    it = Sense.parse(data)
    assert (it.information, it.command_information, it.specific) == (1 << 32, 7, 1)
    assert (it.wrong_length, it.deferred) == (True, True)
    assert str(it).endswith("about an earlier command")


def test_no_sense_is_short() -> None:
    assert str(Sense(SenseKey.NO_SENSE)) == "no sense"
    # Eight bytes are the least.
    assert Sense.parse(bytes.fromhex("7000020000000000")).key is SenseKey.NOT_READY


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "1 bytes were needed"),
        ("70 00", "fixed sense data"),
        ("7f" + "00" * 17, "0x7f is no format"),
        ("72 00 00", "descriptor sense data"),
        ("72 00 00 00 00000001 00", "sense descriptor"),
        ("72 00 00 00 00000004 000a0000", "sense descriptor"),
        ("72 00 00 00 00000002 0000", "sense descriptor"),
    ],
)
def test_what_is_no_sense_data(data: str, words: str) -> None:
    with pytest.raises(MalformedDataError, match=words):
        Sense.parse(bytes.fromhex(data))


def senses(bits: int) -> st.SearchStrategy[Sense]:
    number = records.numbers(bits)
    return st.builds(
        Sense,
        st.sampled_from(SenseKey),
        records.numbers(8),
        records.numbers(8),
        st.booleans(),
        st.none() | number,
        st.none() | number.filter(bool),
        st.none() | records.numbers(23),
        st.booleans(),
        st.booleans(),
        st.booleans(),
    )


@given(it=senses(32))
def test_fixed_sense_comes_back(it: Sense) -> None:
    assert Sense.parse(it.pack_fixed()) == it
    assert str(it)


@given(it=senses(64))
def test_descriptors_come_back(it: Sense) -> None:
    assert Sense.parse(it.pack_descriptors()) == it


@given(data=records.answers, code=st.sampled_from([0x70, 0x71, 0x72, 0x73]))
def test_any_bytes_are_read_or_refused(data: bytes, code: int) -> None:
    records.refused_or_read(Sense.parse, data)
    records.refused_or_read(Sense.parse, bytes((code,)) + data)


def test_an_end_in_words() -> None:
    assert explain(0x08) == "BUSY"
    assert explain(0x02, LIO).startswith("CHECK CONDITION: illegal request: ")
    assert explain(0x02, b"\x01\x02") == (
        "CHECK CONDITION, with sense data that cannot be read: 01 02"
    )
