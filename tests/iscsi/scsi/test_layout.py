# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Structures as tables: what is put in comes out, each field has a place, ends are seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.errors import InvalidValueError
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.cdb import COMMANDS
from rtslib.iscsi.scsi.layout import (
    Layout,
    MalformedDataError,
    Record,
    bit,
    bits,
    need,
    raw,
    text,
    uint,
)

if TYPE_CHECKING:
    from rtslib.iscsi.scsi.layout import Buffer

assert scsi  # the whole package: it declares the structures that are tried here
RECORDS = records.every_record()
each = pytest.mark.parametrize("cls", RECORDS, ids=lambda it: it.__name__)

EXAMPLE = Layout(
    "example",
    8,
    {"high": bits(0, 7, 5), "flag": bit(0, 1), "wide": bits(1, 13, 0, size=2), "word": text(4, 4)},
)


def test_a_field_stands_where_it_says() -> None:
    packed = EXAMPLE.pack({"high": 5, "flag": True, "wide": 0x3FFF, "word": "ab"})
    assert packed == bytes.fromhex("a2 3fff 00") + b"ab  "
    assert EXAMPLE.unpack(packed + b"more") == {
        "high": 5,
        "flag": True,
        "wide": 0x3FFF,
        "word": "ab",
    }


@pytest.mark.parametrize(
    ("name", "value"), [("high", 8), ("high", -1), ("flag", 2), ("word", "12345")]
)
def test_what_has_no_room_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidValueError, match=f"example: {name} cannot be {value!r}"):
        EXAMPLE.pack({name: value})


def test_bytes_are_filled_up() -> None:
    layout = Layout("raw", 4, {"all": raw(0, 4)})
    assert layout.pack({"all": b"ab"}) == b"ab\0\0"
    assert layout.unpack(memoryview(b"abcd"))["all"] == b"abcd"


def test_text_that_is_no_ascii_is_read() -> None:
    assert Layout("text", 2, {"it": text(0, 2)}).unpack(b"\xff\0") == {"it": "\xff"}


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_data_that_ends_early(kind: Any) -> None:
    data: Buffer = kind(bytes(7))
    with pytest.raises(MalformedDataError, match="example: 8 bytes were needed, and 7 came"):
        EXAMPLE.unpack(data)
    need(data, 7, "example")


def test_what_was_not_sent_is_zero() -> None:
    layout = Layout("old", 8, {"a": uint(0, 4), "b": uint(4, 4)}, required=4)
    assert layout.unpack(b"\0\0\0\1") == {"a": 1, "b": 0}


def bits_of(layout: Layout, name: str) -> set[int]:
    field = layout.field(name)
    lowest = 8 * (layout.size - field.byte - field.size) + field.low
    return set(range(lowest, lowest + field.width))


@pytest.mark.parametrize(
    "layout",
    [*(it.layout() for it in RECORDS), *(it.layout for it in COMMANDS.values())],
    ids=lambda it: it.name,
)
def test_fields_do_not_overlap(layout: Layout) -> None:
    taken: set[int] = set()
    for name in layout.fields:
        place = bits_of(layout, name)
        assert not taken & place, name
        taken |= place
    assert max(taken, default=0) < 8 * layout.size


@each
@settings(max_examples=20)
@given(data=st.data())
def test_every_structure_comes_back(cls: type[Record], data: st.DataObject) -> None:
    it = data.draw(records.of(cls))
    packed = it.pack()
    assert cls.parse(packed) == it
    assert cls.parse(memoryview(packed + b"behind")) == it


@each
@settings(max_examples=20)
@given(data=records.answers)
def test_any_bytes_are_read_or_refused(cls: type[Record], data: bytes) -> None:
    records.refused_or_read(cls.parse, data)
