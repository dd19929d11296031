# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Mode parameters: write protection, caching, pages with subpages, both headers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.errors import InvalidValueError
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.layout import MalformedDataError
from rtslib.iscsi.scsi.mode import CachingPage, ControlPage, ModePage, ModeParameters

CDBS = [
    (scsi.mode_sense6(), "1a 00 3f 00 fc 00"),
    (scsi.mode_sense6(8, control=2, no_descriptors=True), "1a 08 88 00 fc 00"),
    (scsi.mode_sense10(0x0A, 1, length=64), "5a 00 0a 01 000000 0040 00"),
    (scsi.mode_select6(24, save=True), "15 11 0000 18 00"),
    (scsi.mode_select10(24), "55 10 0000000000 0018 00"),
]


@pytest.mark.parametrize(("cdb", "expected"), CDBS, ids=[it[1] for it in CDBS])
def test_a_command(cdb: bytes, expected: str) -> None:
    assert cdb == bytes.fromhex(expected)


#: Header with WP and DPOFUA, the caching page with write cache, the control page.
DATA = (
    bytes.fromhex("23 00 90 00 88 12 04")
    + bytes(17)
    + bytes.fromhex("0a 0a 06 10 08 40")
    + bytes(6)
)


def test_a_protected_disk() -> None:
    it = ModeParameters.parse6(DATA)
    assert (it.write_protected, it.dpo_fua, it.descriptors) == (True, True, b"")
    assert it.caching == CachingPage(write_cache=True)
    assert it.control == ControlPage(
        descriptor_sense=True, reordering=1, software_write_protect=True, tells_aborted=True
    )
    assert it.pages[0].savable
    assert it.pack6() == DATA
    assert ModeParameters.parse10(it.pack10()) == it


def test_no_pages() -> None:
    it = ModeParameters.parse6(bytes.fromhex("03 00 00 00"))
    assert (it.write_protected, it.pages, it.caching, it.control) == (False, (), None, None)


def test_a_subpage() -> None:
    page = ModePage(0x0A, b"\1\2", sub=1)
    it = ModeParameters(pages=(page,), long_lba=True, descriptors=bytes(16))
    assert page.pack() == bytes.fromhex("4a 01 0002 0102")
    assert ModeParameters.parse10(it.pack10()) == it
    assert it.control is None


@pytest.mark.parametrize("data", ["00 00 00 00", "0b 00 00 08 00", "07 00 00 00 08 12 04 00"])
def test_what_ends_early(data: str) -> None:
    with pytest.raises(MalformedDataError, match="were needed"):
        ModeParameters.parse6(bytes.fromhex(data))


@pytest.mark.parametrize("page", [ModePage(8, bytes(256)), ModePage(8, bytes(65536), 1)])
def test_a_page_that_is_too_long(page: ModePage) -> None:
    with pytest.raises(InvalidValueError, match="08h has no room"):
        page.pack()


PAGES = st.builds(
    ModePage,
    records.numbers(6),
    st.binary(max_size=20),
    st.none() | records.numbers(8),
    st.booleans(),
)
ANY = st.builds(
    ModeParameters,
    records.numbers(8),
    st.booleans(),
    st.booleans(),
    st.just(value=False),
    st.binary(max_size=32),
    st.lists(PAGES, max_size=4).map(tuple),
)


@given(it=ANY)
def test_any_comes_back(it: ModeParameters) -> None:
    assert ModeParameters.parse6(it.pack6()) == it
    assert ModeParameters.parse10(it.pack10()) == it


@given(data=records.answers)
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for parse in (ModeParameters.parse6, ModeParameters.parse10):
        records.refused_or_read(parse, data)
