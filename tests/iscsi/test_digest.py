# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.iscsi import digest
from rtslib.iscsi.digest import crc32c, digest_of, table_crc32c

#: RFC 3720 appendix B.4: the data, and the four bytes that follow them on the wire.
READ_10_PDU = bytes.fromhex(
    "01c00000000000000000000000000000"
    "14000000000004000000001400000018"
    "28000000000000000200000000000000"
)
VECTORS = [
    (bytes(32), "aa36918a"),
    (b"\xff" * 32, "43aba862"),
    (bytes(range(32)), "4e79dd46"),
    (bytes(range(31, -1, -1)), "5cdb3f11"),
    (READ_10_PDU, "563a96d9"),
]


@pytest.mark.parametrize(("data", "wire"), VECTORS)
@pytest.mark.parametrize("function", [crc32c, table_crc32c])
def test_the_vectors_of_the_standard(function: object, data: bytes, wire: str) -> None:
    assert callable(function)
    assert function(data, 0).to_bytes(4, "little").hex() == wire
    assert digest_of(data).hex() == wire


@given(st.binary(max_size=300), st.integers(0, 300))
def test_parts_give_what_the_whole_gives(data: bytes, at: int) -> None:
    assert table_crc32c(data[at:], table_crc32c(data[:at])) == table_crc32c(data)
    assert crc32c(data, 0) == table_crc32c(data)
    assert digest_of(data[:at], memoryview(data)[at:]) == digest_of(data)


def test_an_empty_text_has_a_checksum_of_nothing() -> None:
    assert table_crc32c(b"") == 0


def test_without_the_package_tables_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "crc32c", None)
    assert digest._fastest() is table_crc32c
