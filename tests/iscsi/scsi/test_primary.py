# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Commands that every device has, and lists of LUNs, whole or cut off."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.layout import MalformedDataError
from rtslib.iscsi.scsi.lun import Lun
from rtslib.iscsi.scsi.primary import LunList

CDBS = [
    (scsi.test_unit_ready(), "00 00 0000 00 00"),
    (scsi.request_sense(18, descriptor=True), "03 01 0000 12 00"),
    (scsi.reserve6(), "16 00 0000 00 00"),
    (scsi.release6(), "17 00 0000 00 00"),
    (scsi.start_stop_unit(start=True, load=True, immediate=True), "1b 01 0000 03 00"),
    (scsi.prevent_allow_medium_removal(1), "1e 00 0000 01 00"),
    (scsi.report_luns(16, select=2), "a0 00 02 000000 00000010 00 00"),
]


@pytest.mark.parametrize(("cdb", "expected"), CDBS, ids=[it[1] for it in CDBS])
def test_a_command(cdb: bytes, expected: str) -> None:
    assert cdb == bytes.fromhex(expected)


def test_a_list_of_luns() -> None:
    data = bytes.fromhex("00000010 00000000 0000000000000000 0100000000000000")
    it = LunList.parse(data)
    assert it.luns == (0, 256)
    assert (it.needed, it.pack()) == (24, data)
    assert LunList.parse(data[:20]) == LunList((Lun(0),), 24)
    with pytest.raises(MalformedDataError, match="9 bytes are no whole LUNs"):
        LunList.parse(bytes.fromhex("00000009 00000000"))


@given(numbers=st.lists(st.integers(0, 0xFFFFFF), max_size=9))
def test_a_list_comes_back(numbers: list[int]) -> None:
    luns = tuple(map(Lun, numbers))
    made = LunList(luns, 8 + 8 * len(luns))
    assert LunList.parse(made.pack()) == made


@given(data=records.answers)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    records.refused_or_read(LunList.parse, data)
