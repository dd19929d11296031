# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Sizes: of small and large disks, of physical blocks, and which blocks hold data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.capacity import LbaStatus, Provisioning
from rtslib.iscsi.scsi.layout import MalformedDataError


def test_commands() -> None:
    assert scsi.read_capacity10() == bytes.fromhex("25") + bytes(9)
    assert scsi.read_capacity16() == bytes.fromhex("9e10 0000000000000000 00000020 0000")
    assert scsi.get_lba_status(7, 24) == bytes.fromhex("9e12 0000000000000007 00000018 0000")


def test_a_small_disk() -> None:
    it = scsi.Capacity10.parse(bytes.fromhex("00003fff 00000200"))
    assert (it.blocks, it.size, it.is_too_small) == (16384, 8 << 20, False)
    assert scsi.Capacity10.parse(b"\xff" * 4 + b"\0\0\2\0").is_too_small


def test_a_thin_disk_of_4k_blocks() -> None:
    it = scsi.Capacity16.parse(bytes.fromhex("00000000 ffffffff 00000200 05 03 c007 ") + bytes(16))
    assert (it.blocks, it.size) == (1 << 32, 2 << 40)
    assert (it.protected, it.protection_type) == (True, 2)
    assert it.physical_block_size == 4096
    assert (it.thin, it.unmapped_reads_zeros, it.lowest_aligned_lba) == (True, True, 7)


def test_what_an_old_disk_tells() -> None:
    it = scsi.Capacity16.parse(bytes(6) + b"\x10\0" + b"\0\0\2\0")
    assert (it.last_lba, it.physical_block_size, it.thin) == (0x1000, 512, False)


@given(statuses=st.lists(records.of(LbaStatus), max_size=9).map(tuple))
def test_lba_statuses_come_back(statuses: tuple[LbaStatus, ...]) -> None:
    data = scsi.lba_status_data(statuses)
    assert scsi.lba_statuses(data) == statuses
    # Of an answer that was cut off, what came whole counts.
    assert scsi.lba_statuses(data[:-1] if statuses else data) == statuses[:-1]


@given(data=records.answers)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    records.refused_or_read(scsi.lba_statuses, data)


def test_an_lba_status() -> None:
    (it,) = scsi.lba_statuses(
        bytes.fromhex("00000014 00000000 0000000000000008 00000010 01 000000")
    )
    assert (it.lba, it.blocks, Provisioning(it.provisioning)) == (8, 16, Provisioning.DEALLOCATED)
    with pytest.raises(MalformedDataError, match="5 is no length"):
        scsi.lba_statuses(bytes.fromhex("00000005 00000000"))
