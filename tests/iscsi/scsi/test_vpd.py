# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Pages of vital product data but 83h."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.errors import InvalidValueError
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.layout import MalformedDataError
from rtslib.iscsi.scsi.vpd import ThirdPartyCopy, page_body


def test_which_pages_there_are() -> None:
    it = scsi.SupportedPages.parse(bytes.fromhex("00 00 0003 00 80 83"))
    assert it.pages == (0x00, 0x80, 0x83)
    assert it.pack() == bytes.fromhex("00 00 0003 00 80 83")


def test_a_serial() -> None:
    assert scsi.UnitSerial.parse(b"\0\x80\0\5abcd\0").serial == "abcd"
    assert scsi.UnitSerial.parse(b"\0\x80\0\6  abcd").serial == "abcd"
    assert scsi.UnitSerial("abcd").pack() == b"\0\x80\0\4abcd"
    with pytest.raises(InvalidValueError, match="more than a page has"):
        scsi.UnitSerial("x" * 65536).pack()


def test_another_page_than_was_asked_for() -> None:
    with pytest.raises(MalformedDataError, match="page 80h was asked for, and page 83h came"):
        page_body(b"\0\x83\0\0", 0x80)
    with pytest.raises(MalformedDataError, match="page 80h: 9 bytes were needed, and 4 came"):
        page_body(b"\0\x80\0\5", 0x80)


def test_block_limits() -> None:
    data = bytes.fromhex(
        "00 b0 003c 00 01 0001 00002000 00004000 00000000 00004000 00000020 00000001 80000002"
        " 0000000000001000"
    ) + bytes(20)  # fmt: skip
    it = scsi.BlockLimits.parse(data)
    assert (it.max_compare_and_write, it.optimal_granularity, it.max_transfer) == (1, 1, 8192)
    assert (it.max_unmap, it.max_unmap_extents, it.unmap_granularity) == (16384, 32, 1)
    assert (it.unmap_alignment_valid, it.unmap_alignment, it.max_write_same) == (True, 2, 4096)
    assert it.pack() == data
    # SBC-2's page is shorter.
    assert scsi.BlockLimits.parse(b"\0\xb0\0\x0c" + data[4:16]).max_unmap == 0


def test_characteristics() -> None:
    it = scsi.BlockCharacteristics.parse(bytes.fromhex("00 b1 003c 0001 00 02") + bytes(56))
    assert (it.is_solid_state, it.form_factor) == (True, 2)
    assert not scsi.BlockCharacteristics(rotation=7200).is_solid_state


def test_provisioning() -> None:
    it = scsi.ThinProvisioning.parse(bytes.fromhex("00 b2 0004 00 e4 02 00"))
    assert (it.unmap, it.write_same16, it.write_same10) == (True, True, True)
    assert (it.reads_zeros, it.provisioning, it.anchors) == (1, 2, False)


def test_third_party_copy() -> None:
    data = bytes.fromhex("00 8f 000c 0000 0002 abcd 8001 0002 0102")
    it = ThirdPartyCopy.parse(data)
    assert it.descriptors == ((0, b"\xab\xcd"), (0x8001, b"\1\2"))
    assert it.pack() == data


PAIRS = st.tuples(records.numbers(16), st.binary(max_size=9))


@given(found=st.lists(PAIRS, max_size=5).map(tuple))
def test_copy_descriptors_come_back(found: tuple[tuple[int, bytes], ...]) -> None:
    assert ThirdPartyCopy.parse(ThirdPartyCopy(found).pack()).descriptors == found


@given(pages=st.lists(records.numbers(8), max_size=9).map(tuple))
def test_lists_of_pages_come_back(pages: tuple[int, ...]) -> None:
    assert scsi.SupportedPages.parse(scsi.SupportedPages(pages).pack()).pages == pages
