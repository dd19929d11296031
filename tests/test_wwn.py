# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Names: what is refused and why, one form for all spellings, inverses, what is generated."""

from __future__ import annotations

import os
import re
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib import wwn
from rtslib.errors import InvalidValueError, RTSLibError

HEX = "0123456789abcdef"


def hex_digits(count: int) -> st.SearchStrategy[str]:
    return st.text(HEX, min_size=count, max_size=count)


NAA = st.tuples(st.sampled_from("1235cdef"), hex_digits(15)).map(lambda two: f"naa.{''.join(two)}")
NAA_LONG = hex_digits(31).map(lambda digits: f"naa.6{digits}")
EUI = hex_digits(16).map(lambda digits: f"eui.{digits}")
IB = hex_digits(32).map(lambda digits: f"ib.{digits}")

ACCEPTED = [
    ("iqn", "iqn.2003-01.org.linux-iscsi.host.x8664:sn.0123456789ab", None),
    ("iqn", "iqn.2018-05.local:foo", None),
    ("iqn", "iqn.2018-05.com.example", None),
    ("iqn", "iqn.2018-05.com.example:a:b:c", None),
    ("iqn", "iqn.1991-05.com.microsoft:My_PC.Example.COM", None),
    ("iqn", "iqn.2003-01.org.linux-iscsi.my_host.x8664:sn.1", None),
    ("iqn", "iqn.2003-01.org.example:dérivé-存储", None),
    ("iqn", "IQN.2003-01.Org.Example", None),
    ("iqn", " iqn.2003-01.org.example \n", "iqn.2003-01.org.example"),
    ("iqn", "iqn.2003-01.org.example:" + "x" * 199, None),
    ("naa", "naa.5001405000000001", None),
    ("naa", "naa.500140500000ABCD", None),
    ("naa", "NAA.5001405000000001", "naa.5001405000000001"),
    ("naa", "5001405000000001", "naa.5001405000000001"),
    ("naa", "0x5001405000000001", "naa.5001405000000001"),
    ("naa", "50:01:40:50:00:00:00:01", "naa.5001405000000001"),
    ("naa", "naa.50-01-40-50-00-00-00-01", "naa.5001405000000001"),
    ("naa", "naa.10000000c9123456", None),
    ("naa", "naa.21000024ff314c48", None),
    ("naa", "naa.3001405000000001", None),
    ("naa", "naa.c05076ffe4803d2a", None),
    ("naa", "naa.6001405a1b2c3d45e6f4a7b8c9d0e1f2", None),
    ("eui", "eui.0014050000000001", None),
    ("eui", "0x0014050000000001", "eui.0014050000000001"),
    ("ib", "fe80:0000:0000:0000:0002:c903:000e:8acd", "ib.fe800000000000000002c903000e8acd"),
    ("ib", "0xfe800000000000000002c903000e8acd", "ib.fe800000000000000002c903000e8acd"),
    ("unit_serial", "A1b2c3d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d", None),
    ("free", "30000002", None),
    ("free", "Any name, really", None),
]


@pytest.mark.parametrize(("wwn_type", "text", "normal"), ACCEPTED)
def test_accepted(wwn_type: str, text: str, normal: str | None) -> None:
    normal = text if normal is None else normal
    assert wwn.validate(wwn_type, text) == normal
    assert wwn.validate(wwn_type, normal) == normal
    assert wwn.normalise([wwn_type], text) == (normal, wwn_type)
    assert wwn.normalize_wwn([wwn_type], text) == (normal.lower(), wwn_type)


REFUSED = [
    ("iqn", "", "iqn.YYYY-MM.reversed-domain"),
    ("iqn", "bad", "iqn.YYYY-MM.reversed-domain"),
    ("iqn", "iqn.2003.org.example", "iqn.YYYY-MM.reversed-domain"),
    ("iqn", "iqn.2003-13.org.example", "13 is not a month"),
    ("iqn", "iqn.2003-00.org.example", "00 is not a month"),
    ("iqn", "iqn.2003-01.", "domain name, reversed"),
    ("iqn", "iqn.2003-01.org..example", "domain name, reversed"),
    ("iqn", "iqn.2003-01.:disk", "domain name, reversed"),
    ("iqn", "iqn.2003-01.org.example:my disk", "cannot have ' '"),
    ("iqn", "iqn.2003-01.org.example:a/b,c", "cannot have ',' '/'"),
    ("iqn", "iqn.2003-01.org.example:a\nb", "RFC 3722"),
    ("iqn", "iqn.2003-01.org.example:a\u00a0b", "RFC 3722"),
    ("iqn", "iqn.2003-01.org.example:a\udcffb", "RFC 3722"),
    ("iqn", "iqn.2003-01.org.example:" + "x" * 200, "223 bytes"),
    ("iqn", "iqn.2003-01.org.example:" + "é" * 100, "223 bytes"),
    ("naa", "naa.", "16 or 32 hexadecimal digits"),
    ("naa", "naa.500140500000000", "16 or 32 hexadecimal digits"),
    ("naa", "naa.500140500000000g", "16 or 32 hexadecimal digits"),
    ("naa", "naa.4001405000000001", "NAA 1, 2, 3, 5, c, d, e, f, not 4"),
    ("naa", "naa.6001405000000001", "64 bits"),
    ("naa", "naa.50014050000000015001405000000001", "128 bits begins with NAA 6, not 5"),
    ("naa", "eui.0014050000000001", "'naa.' and 16"),
    ("eui", "eui.00140500000000010014050000000001", "'eui.' and 16 hexadecimal"),
    ("ib", "ib.fe80", "'ib.' and 32 hexadecimal"),
    ("unit_serial", "12345", "UUID"),
    ("free", "", "name of a directory"),
    ("free", "..", "name of a directory"),
    ("free", "a/b", "name of a directory"),
    ("free", "a\0b", "name of a directory"),
    ("free", "x" * 256, "255 bytes"),
]


@pytest.mark.parametrize(("wwn_type", "text", "rule"), REFUSED)
def test_refused_by_the_name_of_the_rule(wwn_type: str, text: str, rule: str) -> None:
    with pytest.raises(InvalidValueError, match=re.escape(rule)) as caught:
        wwn.validate(wwn_type, text)
    assert isinstance(caught.value, RTSLibError)
    assert isinstance(caught.value, ValueError)


def test_the_first_type_that_fits_is_taken() -> None:
    types = ("iqn", "naa", "eui")
    assert wwn.normalise(types, "iqn.2003-01.org.x:y") == ("iqn.2003-01.org.x:y", "iqn")
    assert wwn.normalise(types, "0x5001405000000001") == ("naa.5001405000000001", "naa")
    assert wwn.normalise(types, "0x0014050000000001") == ("eui.0014050000000001", "eui")


def test_the_rule_told_is_that_of_the_type_that_the_name_claims() -> None:
    with pytest.raises(InvalidValueError, match="16 hexadecimal"):
        wwn.normalise(("iqn", "eui"), "eui.12")
    with pytest.raises(InvalidValueError, match="YYYY-MM"):
        wwn.normalise(("iqn", "eui"), "something")
    with pytest.raises(InvalidValueError, match="no type of name is allowed"):
        wwn.normalise((), "something")


def test_unknown_types_are_named() -> None:
    with pytest.raises(InvalidValueError, match="'sas' is not a type of name: iqn, naa"):
        wwn.normalise(["sas"], "x")
    with pytest.raises(ValueError, match="'sas'"):
        wwn.generate_wwn("sas")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("21:00:00:24:FF:31:4C:48", "naa.21000024ff314c48"),
        ("naa.50:01:40:50:00:00:00:01", "NAA.5001405000000001"),
        ("0xFE800000000000000002C903000E8ACD", "fe80:0000:0000:0000:0002:c903:000e:8acd"),
        ("ib.fe800000000000000002c903000e8acd", "0xfe800000000000000002c903000e8acd"),
        ("iqn.2003-01.org.Example:A", "iqn.2003-01.org.example:a "),
        ("free-Name", "FREE-name"),
    ],
)
def test_same(one: str, other: str) -> None:
    assert wwn.same(one, other)
    assert wwn.same(other, one)


def test_not_same() -> None:
    assert not wwn.same("naa.0014050000000001", "eui.0014050000000001")
    assert not wwn.same("iqn.2003-01.org.example:a-b", "iqn.2003-01.org.example:ab")


@given(st.text())
def test_comparing_takes_any_text(text: str) -> None:
    assert wwn.same(text, text)
    assert wwn.canonical(wwn.canonical(text)) == wwn.canonical(text)


@given(st.sampled_from(wwn.WWN_TYPES), st.text())
def test_validation_is_idempotent_or_refuses(wwn_type: str, text: str) -> None:
    try:
        normal = wwn.validate(wwn_type, text)
    except InvalidValueError:
        return
    assert wwn.validate(wwn_type, normal) == normal
    assert wwn.same(normal, wwn.normalize_wwn([wwn_type], text)[0])


SPELLED = [("naa", NAA), ("naa", NAA_LONG), ("eui", EUI), ("ib", IB)]


@pytest.mark.parametrize("spelling", wwn.SPELLINGS)
@pytest.mark.parametrize(("wwn_type", "names"), SPELLED)
def test_spell_and_unspell_are_inverses(
    spelling: str, wwn_type: str, names: st.SearchStrategy[str]
) -> None:
    @given(names)
    def check(name: str) -> None:
        spelled = wwn.spell(name, spelling, wwn_type)
        assert wwn.unspell(spelled, spelling, wwn_type) == name
        assert wwn.spell(wwn.unspell(spelled, spelling, wwn_type), spelling, wwn_type) == spelled
        assert wwn.validate(wwn_type, spelled) == name

    check()


@given(
    st.sampled_from(tuple(wwn.SPELLINGS)),
    st.sampled_from(wwn.WWN_TYPES),
    st.text(HEX + "x:.naeuib") | st.text(),
)
def test_unspell_takes_any_text_and_leads_back(spelling: str, wwn_type: str, text: str) -> None:
    back = wwn.unspell(text, spelling, wwn_type)
    assert back == text or wwn.spell(back, spelling, wwn_type) == text


def test_how_fabrics_spell() -> None:
    naa = "naa.21000024FF314C48"
    assert wwn.spell(naa, "plain", "naa") == naa
    assert wwn.spell(naa, "colons", "naa") == "21:00:00:24:ff:31:4c:48"
    assert wwn.spell(naa, "bare", "naa") == "21000024ff314c48"
    assert wwn.spell(naa, "0x", "naa") == "0x21000024ff314c48"


def test_unknown_names_are_not_spelled() -> None:
    for name in ("bad", "naa.12", "naa.2100002zff314c48", "eui.21000024ff314c48", "iqn.x"):
        assert wwn.spell(name, "colons", "naa") == name
    # A directory that the kernel could not have made is shown as it is.
    assert wwn.unspell("21:00:00:24:FF:31:4C:48", "colons", "naa") == "21:00:00:24:FF:31:4C:48"


@pytest.mark.parametrize("wwn_type", ["iqn", "naa", "eui", "unit_serial", "free"])
def test_generated_names_are_valid_and_differ(wwn_type: str) -> None:
    names = {wwn.generate_wwn(wwn_type.upper()) for _ in range(20)}
    assert len(names) == 20
    assert all(wwn.normalize_wwn([wwn_type], name) == (name, wwn_type) for name in names)


def test_generated_names_have_their_authority() -> None:
    assert re.fullmatch("naa[.]5001405[0-9a-f]{9}", wwn.generate_wwn("naa"))
    assert re.fullmatch("eui[.]001405[0-9a-f]{10}", wwn.generate_wwn("eui"))


@pytest.mark.parametrize(
    ("host", "machine", "authority"),
    [
        ("Storage-1.example.com", "x86_64", "org.linux-iscsi.storage-1.x8664"),
        ("my_host", "aarch64", "org.linux-iscsi.myhost.aarch64"),
        ("ёж", "s390x", "org.linux-iscsi.s390x"),
        ("", "", "org.linux-iscsi"),
    ],
)
def test_generated_iqn_is_valid_whatever_the_host_is_called(
    host: str, machine: str, authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(nodename=host, machine=machine))
    name = wwn.generate_wwn("iqn")
    assert re.fullmatch(f"iqn[.]2003-01[.]{re.escape(authority)}:sn[.][0-9a-f]{{12}}", name)
    assert wwn.validate("iqn", name) == name


def test_hardware_names_are_not_made_up() -> None:
    with pytest.raises(InvalidValueError, match="hardware's"):
        wwn.generate_wwn("ib")


@pytest.mark.parametrize(
    ("serial", "company_id", "naa"),
    [
        # Read from a host with a LUN of this serial.
        ("a1b2c3d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d", 0x001405, "a1b2c3d45e6f4a7b8c9d0e1f2"),
        ("A1B2C3D4-5E6F-4A7B-8C9D-0E1F2A3B4C5D", 0x001405, "a1b2c3d45e6f4a7b8c9d0e1f2"),
        ("", 0x001405, "0" * 25),
        ("xyz", 0x001405, "0" * 25),
        ("disk 7", 0x001405, "d7" + "0" * 23),
        ("1", 0xFFFFFF, "1" + "0" * 24),
    ],
)
def test_naa_of_serial(serial: str, company_id: int, naa: str) -> None:
    name = wwn.naa_of_serial(serial, company_id)
    assert name == f"naa.6{company_id:06x}{naa}"
    assert wwn.validate("naa", name) == name


@pytest.mark.parametrize("company_id", [-1, 0x1000000])
def test_company_ids_have_24_bits(company_id: int) -> None:
    with pytest.raises(InvalidValueError, match="24 bits"):
        wwn.naa_of_serial("1", company_id)


@given(st.text())
def test_naa_of_any_serial_is_a_name(serial: str) -> None:
    assert wwn.validate("naa", wwn.naa_of_serial(serial))


@given(st.text(":", max_size=0) | hex_digits(8))
def test_colonize_is_undone_by_taking_colons_out(digits: str) -> None:
    assert wwn.colonize(digits).replace(":", "") == digits


def test_colonize() -> None:
    assert wwn.colonize("21000") == "21:00:0"
