# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""LUNs on the wire: three forms, LIO's own reading of them, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.errors import InvalidValueError
from rtslib.iscsi.scsi.layout import MalformedDataError
from rtslib.iscsi.scsi.lun import Form, Lun

FORMS = [
    (0, "0000", Form.PERIPHERAL),
    (255, "00ff", Form.PERIPHERAL),
    (256, "4100", Form.FLAT),
    (16383, "7fff", Form.FLAT),
    (16384, "d2004000", Form.EXTENDED),
    (0xFFFFFF, "d2ffffff", Form.EXTENDED),
]


@pytest.mark.parametrize(("number", "wire", "form"), FORMS)
def test_a_form(number: int, wire: str, form: Form) -> None:
    spelled = bytes.fromhex(wire).ljust(8, b"\0")
    assert Lun(number).wire == spelled
    read = Lun.parse(spelled)
    assert (read, read.wire, read.form) == (number, spelled, form)


@given(number=st.integers(0, 0xFFFFFF))
def test_a_number_comes_back(number: int) -> None:
    assert Lun.parse(Lun(number).wire) == number


def test_what_lio_sends_is_sent_back() -> None:
    sent = Lun.parse(bytes.fromhex("0100000000000000"))
    assert (sent, sent.linux, sent.form) == (256, 256, Form.PERIPHERAL)
    assert sent.wire == bytes.fromhex("0100000000000000")
    assert Lun.from_linux(256).wire == sent.wire


@given(number=st.integers(0, 0x7FFF))
def test_linux_numbers_come_back(number: int) -> None:
    assert Lun.from_linux(number).linux == number


def test_a_well_known_lun() -> None:
    it = Lun.parse(bytes.fromhex("c101000000000000"))
    assert (it, it.form) == (1, Form.WELL_KNOWN)


@pytest.mark.parametrize("wire", ["0001000200000000", "8001000000000000", "d200000100000001", "00"])
def test_what_is_no_lun(wire: str) -> None:
    with pytest.raises(MalformedDataError, match="LUN"):
        Lun.parse(bytes.fromhex(wire))


@pytest.mark.parametrize("number", [-1, 1 << 24])
def test_numbers_that_no_lun_has(number: int) -> None:
    with pytest.raises(InvalidValueError, match="is no LUN"):
        Lun(number)
