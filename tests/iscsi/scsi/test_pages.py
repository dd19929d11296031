# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Which pages are known, and that each of them reads or refuses whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given

from iscsi.scsi import records
from rtslib.errors import InvalidValueError
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.pages import PAGES, parse_page


def test_a_page_by_its_number() -> None:
    assert parse_page(0x80, b"\0\x80\0\1a") == scsi.UnitSerial("a")
    with pytest.raises(InvalidValueError, match="page c0h is not known here; known are 00, 80"):
        parse_page(0xC0, b"\0\xc0\0\0")


@pytest.mark.parametrize("code", PAGES, ids=lambda it: f"{it:02x}")
@given(data=records.answers)
def test_any_bytes_are_read_or_refused(code: int, data: bytes) -> None:
    head = bytes((0, code)) + (len(data) // 2).to_bytes(2, "big")
    records.refused_or_read(PAGES[code].cls.parse, data)
    records.refused_or_read(PAGES[code].cls.parse, head + data)
