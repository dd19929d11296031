# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Commands on blocks, as sg_raw would send them."""

from __future__ import annotations

from typing import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.errors import InvalidValueError
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.layout import MalformedDataError

CDBS = [
    (scsi.read10(0x01020304, 0x0506, dpo=True, group=9), "28 10 01020304 09 0506 00"),
    (scsi.read12(1, 0x01020304, fua=True), "a8 08 00000001 01020304 00 00"),
    (scsi.read16(1 << 40, 8, protect=3), "88 60 0000010000000000 00000008 00 00"),
    (scsi.write10(1, 2, fua=True), "2a 08 00000001 00 0002 00"),
    (scsi.write12(1, 2), "aa 00 00000001 00000002 00 00"),
    (scsi.write16(1, 2), "8a 00 0000000000000001 00000002 00 00"),
    (scsi.verify10(1, 2, byte_check=1), "2f 02 00000001 00 0002 00"),
    (scsi.verify12(1, 2, byte_check=3), "af 06 00000001 00000002 00 00"),
    (scsi.verify16(1, 2, dpo=True), "8f 10 0000000000000001 00000002 00 00"),
    (scsi.write_and_verify10(1, 2), "2e 00 00000001 00 0002 00"),
    (scsi.write_and_verify16(1, 2), "8e 00 0000000000000001 00000002 00 00"),
    (scsi.synchronize_cache10(), "35 00 00000000 00 0000 00"),
    (scsi.synchronize_cache16(1, 2, immediate=True), "91 02 0000000000000001 00000002 00 00"),
    (scsi.pre_fetch10(1, 2), "34 00 00000001 00 0002 00"),
    (scsi.pre_fetch16(1, 2), "90 00 0000000000000001 00000002 00 00"),
    (scsi.write_same10(1, 2, unmap=True), "41 08 00000001 00 0002 00"),
    (
        scsi.write_same16(1, 2, anchor=True, unmap=True, no_data=True),
        "93 19 0000000000000001 00000002 00 00",
    ),
    (scsi.unmap(24, anchor=True), "42 01 00000000 00 0018 00"),
    (scsi.compare_and_write(1, 2), "89 00 0000000000000001 000000 02 00 00"),
    (scsi.orwrite(1, 2), "8b 00 0000000000000001 00000002 00 00"),
    (scsi.write_atomic16(1, 2, boundary=3), "9c 00 0000000000000001 0003 0002 00 00"),
]


@pytest.mark.parametrize(("cdb", "expected"), CDBS, ids=[it[1] for it in CDBS])
def test_a_command(cdb: bytes, expected: str) -> None:
    assert cdb == bytes.fromhex(expected)


@pytest.mark.parametrize(
    ("build", "lba", "blocks"),
    [
        (scsi.read10, 1 << 32, 1),
        (scsi.read10, 0, 1 << 16),
        (scsi.write12, 0, 1 << 32),
        (scsi.read16, -1, 1),
        (scsi.compare_and_write, 0, 256),
    ],
)
def test_what_has_no_room(build: Callable[[int, int], bytes], lba: int, blocks: int) -> None:
    with pytest.raises(InvalidValueError, match="cannot be"):
        build(lba, blocks)


def test_unmap_data() -> None:
    data = scsi.unmap_data([scsi.Extent(1, 2), scsi.Extent(1 << 40, 8)])
    assert data[:8] == bytes.fromhex("0026 0020 00000000")
    assert data[8:24] == bytes.fromhex("0000000000000001 00000002 00000000")
    with pytest.raises(InvalidValueError, match="length cannot be"):
        scsi.unmap_data([scsi.Extent()] * 4096)


@given(extents=st.lists(records.of(scsi.Extent), max_size=9).map(tuple))
def test_unmap_data_comes_back(extents: tuple[scsi.Extent, ...]) -> None:
    assert scsi.unmap_extents(scsi.unmap_data(extents)) == extents


@given(data=records.answers)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    records.refused_or_read(scsi.unmap_extents, data)


def test_half_an_extent() -> None:
    with pytest.raises(MalformedDataError, match="8 bytes are no whole"):
        scsi.unmap_extents(bytes.fromhex("000e 0008 00000000") + bytes(8))
