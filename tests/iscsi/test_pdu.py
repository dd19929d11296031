# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.iscsi.digest import digest_of
from rtslib.iscsi.errors import LocalProtocolError, RemoteProtocolError
from rtslib.iscsi.headers import (
    IMMEDIATE,
    NopOut,
    Opcode,
    SCSICommand,
)
from rtslib.iscsi.pdu import (
    HEADER,
    LAYOUTS,
    LONG_CDB,
    READ_LENGTH,
    additional_headers,
    encode,
    long_cdb_header,
    pack,
    padded,
    read_length_header,
    unpack,
    wire_lun,
)
from rtslib.iscsi.scsi.lun import Lun

if TYPE_CHECKING:
    from struct import Struct

WIDTHS = {"B": 8, "H": 16, "I": 32, "Q": 64}


def field_codes(layout: Struct) -> list[str]:
    """Return the code of each field, without what is left out."""
    text = layout.format.lstrip(">")
    codes, number = [], ""
    for letter in text:
        if letter.isdigit():
            number += letter
            continue
        if letter != "x":
            codes += [letter] * (1 if letter == "s" else int(number or 1))
        number = ""
    return codes


@st.composite
def headers(draw: Any) -> Any:
    opcode = draw(st.sampled_from(sorted(LAYOUTS)))
    kind, layout = LAYOUTS[opcode]
    values: list[Any] = [
        draw(
            st.binary(min_size=16, max_size=16)
            if code == "s"
            else st.integers(0, 2 ** WIDTHS[code] - 1)
        )
        for code in field_codes(layout)
    ]
    values[0] = opcode | (draw(st.booleans()) and IMMEDIATE)
    return kind(*values)


@given(headers())
def test_a_header_is_read_as_it_was_written(header: Any) -> None:
    wire = pack(header)
    assert len(wire) == HEADER
    assert unpack(wire) == header
    assert unpack(b"??" + wire, 2) == header


@pytest.mark.parametrize("opcode", list(Opcode))
def test_every_opcode_has_a_layout_of_48_bytes(opcode: Opcode) -> None:
    kind, layout = LAYOUTS[opcode]
    assert layout.size == HEADER
    assert len(field_codes(layout)) == len(kind._fields)
    assert kind().opcode & 0x3F == opcode


@given(headers(), st.binary(max_size=40), st.booleans(), st.booleans())
def test_a_whole_pdu(header: Any, data: bytes, in_header: bool, in_data: bool) -> None:
    wire = b"".join(encode(header, data, header_digest=in_header, data_digest=in_data))
    head = wire[:HEADER]
    read = unpack(head)
    assert read == header._replace(lengths=len(data))
    rest = wire[HEADER:]
    if in_header:
        assert rest[:4] == digest_of(head)
        rest = rest[4:]
    assert rest[: len(data)] == data
    tail = rest[len(data) :]
    pad = padded(len(data)) - len(data)
    assert tail[:pad] == bytes(pad)
    assert tail[pad:] == (digest_of(rest[: len(data) + pad]) if in_data and data else b"")


def test_the_standard_s_example_of_a_command() -> None:
    # RFC 3720 appendix B.4, "An iSCSI - SCSI Read (10) Command PDU".
    wire = pack(
        SCSICommand(
            flags=0xC0,
            itt=0x14000000,
            expected_length=0x400,
            cmd_sn=0x14,
            exp_stat_sn=0x18,
            cdb=bytes.fromhex("28000000000000000200000000000000"),
        )
    )
    assert digest_of(wire).hex() == "563a96d9"


def test_what_does_not_fit_is_our_own_fault() -> None:
    with pytest.raises(LocalProtocolError, match="does not fit"):
        pack(NopOut(itt=1 << 32))
    with pytest.raises(LocalProtocolError, match="16777216 bytes of data"):
        encode(NopOut(), memoryview(bytes(1 << 24)))
    with pytest.raises(LocalProtocolError, match="additional headers"):
        encode(NopOut(), b"", b"x")


def test_an_unknown_opcode_is_the_target_s_fault() -> None:
    with pytest.raises(RemoteProtocolError, match="no opcode 0x1e"):
        unpack(b"\x1e" + bytes(47))


@given(st.binary(min_size=17, max_size=260))
def test_a_long_cdb_goes_into_an_additional_header(cdb: bytes) -> None:
    wire = long_cdb_header(cdb)
    assert len(wire) % 4 == 0
    assert list(additional_headers(wire)) == [(LONG_CDB, b"\0" + cdb[16:])]


def test_additional_headers_follow_each_other() -> None:
    assert long_cdb_header(bytes(16)) == b""
    wire = long_cdb_header(bytes(20)) + read_length_header(70000)
    found = dict(additional_headers(wire))
    assert found == {LONG_CDB: bytes(5), READ_LENGTH: b"\0" + (70000).to_bytes(4, "big")}


@pytest.mark.parametrize("wire", ["00000100", "00090100", "ffff0100"])
def test_additional_headers_that_cannot_be(wire: str) -> None:
    with pytest.raises(RemoteProtocolError, match="additional header"):
        list(additional_headers(bytes.fromhex(wire)))


def test_a_lun_keeps_the_form_in_which_it_came() -> None:
    assert wire_lun(256) == 0x4100 << 48
    assert wire_lun(Lun.parse(bytes.fromhex("0100000000000000"))) == 0x0100 << 48
