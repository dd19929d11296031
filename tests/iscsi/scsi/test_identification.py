# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The names of a unit: page 83h, as LIO sends it, and any other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.iscsi.scsi.identification import (
    Association,
    Designator,
    DesignatorKind,
    DeviceIdentification,
)

LIO = DeviceIdentification(
    (
        Designator(DesignatorKind.NAA, bytes.fromhex("600140521bcd50d2ca34c5c9b4ee34bd")),
        Designator(DesignatorKind.T10, b"LIO-ORG file:serial\0", code_set=2),
        Designator(
            DesignatorKind.RELATIVE_PORT, b"\0\0\0\1", Association.PORT, protocol=5
        ),
        Designator(
            DesignatorKind.SCSI_NAME, b"iqn.x:y,t,0x0001\0\0\0\0", Association.PORT, 3, protocol=5
        ),
        Designator(DesignatorKind.EUI64, bytes(8)),
        Designator(DesignatorKind.UUID, b"\1", Association.TARGET),
    )
)  # fmt: skip


def test_names_as_people_write_them() -> None:
    assert [it.text for it in LIO.designators] == [
        "naa.600140521bcd50d2ca34c5c9b4ee34bd",
        "LIO-ORG file:serial",
        "1",
        "iqn.x:y,t,0x0001",
        "eui.0000000000000000",
        "01",
    ]
    assert LIO.naa == "naa.600140521bcd50d2ca34c5c9b4ee34bd"
    assert DeviceIdentification(()).naa is None
    assert LIO.of(DesignatorKind.NAA, Association.PORT) is None


def test_kinds_in_words() -> None:
    kinds = [(it.association_name, it.kind_name) for it in LIO.designators]
    assert kinds[0] == ("unit", "NAA")
    assert kinds[3] == ("port", "SCSI name")
    odd = Designator(0xE, b"", association=3)
    assert (odd.association_name, odd.kind_name) == ("association 3", "designator of type 0xe")


def test_its_bytes() -> None:
    data = LIO.pack()
    assert data[:8] == bytes.fromhex("00 83") + (len(data) - 4).to_bytes(2, "big") + bytes.fromhex(
        "01 03 00 10"
    )
    assert DeviceIdentification.parse(data) == LIO
    assert DeviceIdentification.parse(data).designators[2].protocol == 5


@st.composite
def designators(draw: st.DrawFn) -> Designator:
    return Designator(
        draw(records.numbers(4)),
        draw(st.binary(max_size=40)),
        draw(records.numbers(2)),
        draw(records.numbers(4)),
        draw(st.none() | records.numbers(4)),
    )


@given(found=st.lists(designators(), max_size=6).map(tuple))
def test_any_comes_back(found: tuple[Designator, ...]) -> None:
    it = DeviceIdentification(found)
    assert DeviceIdentification.parse(it.pack()) == it
    assert all(isinstance(one.text, str) for one in found)


@pytest.mark.parametrize("cut", [5, 7, 9])
def test_what_ends_early(cut: int) -> None:
    body = LIO.pack()[4:cut]
    data = b"\0\x83" + len(body).to_bytes(2, "big") + body
    with pytest.raises(ValueError, match=r"designator: .* were needed"):
        DeviceIdentification.parse(data)
