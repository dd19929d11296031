# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Persistent reservations: commands, keys, the holder, who has registered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.layout import MalformedDataError
from rtslib.iscsi.scsi.reserve import (
    FullStatus,
    RegisteredKeys,
    Registrant,
    Reservation,
    ReservationType,
    ReserveParameters,
)

CDBS = [
    (scsi.read_keys(256), "5e 00 0000000000 0100 00"),
    (scsi.read_reservation(24), "5e 01 0000000000 0018 00"),
    (scsi.report_capabilities(), "5e 02 0000000000 0008 00"),
    (scsi.read_full_status(256), "5e 03 0000000000 0100 00"),
    (scsi.reserve_out("register"), "5f 00 00 0000 00000018 00"),
    (scsi.reserve_out("reserve", ReservationType.EXCLUSIVE_ACCESS), "5f 01 03 0000 00000018 00"),
    (scsi.reserve_out("preempt and abort", 5), "5f 05 05 0000 00000018 00"),
]


@pytest.mark.parametrize(("cdb", "expected"), CDBS, ids=[it[1] for it in CDBS])
def test_a_command(cdb: bytes, expected: str) -> None:
    assert cdb == bytes.fromhex(expected)


def test_what_is_sent() -> None:
    assert ReserveParameters(1, 2, persist=True).pack() == bytes.fromhex(
        "0000000000000001 0000000000000002 00000000 01 000000"
    )


def test_keys() -> None:
    data = bytes.fromhex("00000003 00000010 0000000000000abc 0000000000000def")
    assert RegisteredKeys.parse(data) == RegisteredKeys(3, (0xABC, 0xDEF))
    assert RegisteredKeys.parse(data[:-1]).keys == (0xABC,)
    with pytest.raises(MalformedDataError, match="no whole keys"):
        RegisteredKeys.parse(bytes.fromhex("00000000 00000007"))


def test_a_reservation() -> None:
    held = bytes.fromhex("00000002 00000010 0000000000000abc 00000000 00 05 0000")
    assert Reservation.parse(held) == Reservation(2, 0xABC, 5)
    assert Reservation.parse(bytes.fromhex("00000002 00000000")) == Reservation(2)


def test_capabilities() -> None:
    it = scsi.ReserveCapabilities.parse(bytes.fromhex("0008 15 81 ea01 0000"))
    assert (it.compatible, it.all_ports, it.persist) == (True, True, True)
    assert (it.types_valid, it.persisting, it.types) == (True, True, b"\xea\1")


def test_who_has_registered() -> None:
    name = b"\x05\0\0\x10iqn.x:alice\0\0\0\0\0"
    it = FullStatus(1, (Registrant(7, name, 1, holder=True, type=1), Registrant(8, b"\0")))
    assert FullStatus.parse(it.pack()) == it
    assert [one.initiator for one in it.registrants] == ["iqn.x:alice", ""]


KEY = records.numbers(64)


@given(keys=st.lists(KEY, max_size=9).map(tuple), generation=records.numbers(32))
def test_keys_come_back(keys: tuple[int, ...], generation: int) -> None:
    it = RegisteredKeys(generation, keys)
    assert RegisteredKeys.parse(it.pack()) == it


@given(key=st.none() | KEY, kind=records.numbers(4))
def test_a_reservation_comes_back(key: int | None, kind: int) -> None:
    it = Reservation(1, key, None if key is None else kind)
    assert Reservation.parse(it.pack()) == it


REGISTRANTS = st.builds(
    Registrant,
    KEY,
    st.binary(max_size=30),
    records.numbers(16),
    st.booleans(),
    st.booleans(),
    records.numbers(4),
)


@given(found=st.lists(REGISTRANTS, max_size=4).map(tuple))
def test_registrants_come_back(found: tuple[Registrant, ...]) -> None:
    it = FullStatus(1, found)
    assert FullStatus.parse(it.pack()) == it
    assert all(isinstance(one.initiator, str) for one in found)


@pytest.mark.parametrize("parse", [RegisteredKeys.parse, Reservation.parse, FullStatus.parse])
@given(data=records.answers)
def test_any_bytes_are_read_or_refused(parse: object, data: bytes) -> None:
    records.refused_or_read(parse, data)
    records.refused_or_read(parse, bytes(4) + len(data).to_bytes(4, "big") + data)
