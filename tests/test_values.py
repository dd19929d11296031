# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Codecs: what kernels show is read, what people give is written, the rest is refused."""

from __future__ import annotations

import enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib import values
from rtslib.alua import STATE, AccessState
from rtslib.errors import InvalidValueError
from rtslib.values import (
    CREDENTIAL,
    FLAG,
    HEX24,
    INT,
    LINE,
    NAME,
    SERIAL,
    SIZE_MIB,
    TAG,
    TEXT,
    TRISTATE,
    UINT,
    YES_NO,
    Codec,
    as_text,
    enumerated,
    kernel_int,
    labelled,
    parse_size,
)


class Colour(enum.IntEnum):
    """Something with a number and a word."""

    RED = 0
    GREEN = 7


COLOUR = enumerated(Colour, {"red": Colour.RED, "Grass Green": Colour.GREEN})

#: Text of one line, as a show function would print it; configfs knows no NUL.
LINES = st.text(
    st.characters(blacklist_characters="\n\0", blacklist_categories=["Cs"]), max_size=60
)
NAMES = LINES.filter(bool)

DECODED: list[tuple[Codec[Any], str, object]] = [
    (FLAG, "1\n", True),
    (FLAG, "0\n", False),
    (FLAG, "0", False),
    (FLAG, "2\n", True),
    (FLAG, "", False),
    (FLAG, "1\n\0", True),
    (INT, "-1\n", -1),
    (INT, "0x10\n", 16),
    (INT, "010\n", 8),
    (INT, "\n", 0),
    (INT, "", 0),
    (INT, " 12 \n", 12),
    (UINT, "4294967295\n", 4294967295),
    (TRISTATE, "-1\n", None),
    (TRISTATE, "0\n", False),
    (TRISTATE, "1\n", True),
    (YES_NO, "Yes\n", True),
    (YES_NO, "No\n", False),
    *[(YES_NO, f"{text}\n", text) for text in ("Reject", "None", "Yes,No", "yes", "")],
    (TEXT, "", ""),
    (TEXT, "\n", ""),
    (TEXT, "/dev/vdb\n", "/dev/vdb"),
    (TEXT, "/dev/vdb", "/dev/vdb"),
    (TEXT, " blanks \n", " blanks "),
    (TEXT, "two\nlines\n", "two\nlines"),
    (TEXT, "text\n\0", "text"),
    (NAME, "name\n", "name"),
    (LINE, "/etc/target\n", "/etc/target"),
    (TAG, "group", "group"),
    (TAG, "NULL\n", None),
    (TAG, "", None),
    (CREDENTIAL, "NULL\n", ""),
    (CREDENTIAL, "NULLx\n", ""),
    (CREDENTIAL, "name\n", "name"),
    (CREDENTIAL, " # \n", " # "),
    (SERIAL, "T10 VPD Unit Serial Number: 6f0e\n", "6f0e"),
    (SERIAL, "T10 VPD Unit Serial Number: a: b\n", "a: b"),
    (SERIAL, "T10 VPD Unit Serial Number: \n", ""),
    (SERIAL, "", ""),
    (HEX24, "0x001405\n", 0x1405),
    (SIZE_MIB, "8\n", 8 << 20),
    (COLOUR, "Grass Green\n", Colour.GREEN),
    (COLOUR, "grass GREEN\n", Colour.GREEN),
    (COLOUR, "7\n", Colour.GREEN),
    (labelled("LU Group Alias"), "LU Group Alias: g\nLU Group ID: 3\n", "g"),
    (labelled("LU Group ID"), "LU Group Alias: g\nLU Group ID: 3\n", "3"),
    (labelled("LU Group Alias"), "LU Group Alias: a: b\n", "a: b"),
    (labelled("LU Group"), "LU Group Alias: g\n", ""),
    (labelled("LU Group Alias"), "", ""),
]

ENCODED: list[tuple[Codec[Any], object, str]] = [
    *[(FLAG, yes, "1") for yes in (True, 1, "1", "yes", "Y", "TRUE", "t", "on", " on\n")],
    *[(FLAG, no, "0") for no in (False, 0, "0", "no", "N", "False", "f", "off")],
    (INT, -5, "-5"),
    (INT, True, "1"),
    (INT, "-5", "-5"),
    (INT, "0x10", "16"),
    (INT, "0", "0"),
    (INT, "00", "0"),
    (INT, " 12\n", "12"),
    (INT, Colour.GREEN, "7"),
    (UINT, "0x10", "16"),
    (UINT, False, "0"),
    (TRISTATE, None, "-1"),
    (TRISTATE, -1, "-1"),
    (TRISTATE, "-1", "-1"),
    (TRISTATE, "yes", "1"),
    (TRISTATE, False, "0"),
    *[(YES_NO, yes, "Yes") for yes in (True, 1, "1", "Yes", " YES\n", "y", "on")],
    *[(YES_NO, no, "No") for no in (False, 0, "No", "no", "off")],
    *[(YES_NO, text, text) for text in ("Reject", "None", "Yes,No", "2")],
    (TEXT, "", "\n"),
    (TEXT, " a ", " a "),
    (TEXT, True, "1"),
    (TEXT, Colour.GREEN, "7"),
    (TEXT, 12, "12"),
    (NAME, "x", "x"),
    (LINE, "/etc/target", "/etc/target\n"),
    (TAG, "", "NULL"),
    (TAG, None, "NULL"),
    (TAG, "group", "group"),
    (CREDENTIAL, "", "NULL"),
    (CREDENTIAL, None, "NULL"),
    (CREDENTIAL, "é" * 127, "é" * 127),
    (CREDENTIAL, "x" * 255, "x" * 255),
    (CREDENTIAL, "\udcff" * 255, "\udcff" * 255),
    (CREDENTIAL, "null", "null"),
    (HEX24, 0x1405, "0x001405"),
    (HEX24, "001405", "0x001405"),
    (HEX24, "0x1405", "0x001405"),
    (HEX24, 0xFFFFFF, "0xffffff"),
    (SIZE_MIB, 8, "8"),
    (SERIAL, "a b", "a b"),
    (COLOUR, Colour.GREEN, "7"),
    (COLOUR, 7, "7"),
    (COLOUR, "7", "7"),
    (COLOUR, " RED ", "0"),
    (labelled("x"), "name", "name"),
]

NO_FLAGS: tuple[object, ...] = (2, -1, "2", "maybe", "", None, 1.0, [])
REFUSED: list[tuple[Codec[Any], object]] = [
    *[(FLAG, bad) for bad in NO_FLAGS],
    *[(INT, bad) for bad in ("", "x", "1.5", None, 1.5, "010", "-010", "08", "1 2")],
    *[(UINT, bad) for bad in (-1, "-1", "x")],
    *[(TRISTATE, bad) for bad in (2, "inherit", -2)],
    *[(codec, bad) for codec in (NAME, LINE, SERIAL, labelled("x")) for bad in ("", "a\nb", "a\n")],
    *[(YES_NO, bad) for bad in (2, None, "", 1.0, "Reject\nYes")],
    *[(codec, b"abc") for codec in (TEXT, NAME, LINE, TAG, CREDENTIAL, SERIAL, YES_NO, INT, FLAG)],
    *[(TEXT, bad) for bad in (bytearray(b"a"), memoryview(b"a"))],
    *[(TAG, bad) for bad in ("NULL", "NULLify", "a\nb")],
    *[(CREDENTIAL, bad) for bad in ("x" * 256, "é" * 128, "NULL", "NULLx", "a\nb", "a\0b")],
    *[(HEX24, bad) for bad in ("xyz", "1000000", 1 << 24, -1, None, "")],
    *[(COLOUR, bad) for bad in (1, "blue", None, "", "1")],
]


def identify(value: object) -> str:
    """Name a test by a codec or a short value."""
    # An address would name it otherwise in each process.
    return repr(value).partition(" at 0x")[0][:20]


@pytest.mark.parametrize(("codec", "text", "value"), DECODED, ids=identify)
def test_what_the_kernel_shows_is_read(codec: Codec[Any], text: str, value: object) -> None:
    read = codec.decode(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(("codec", "value", "text"), ENCODED, ids=identify)
def test_what_people_give_is_written(codec: Codec[Any], value: object, text: str) -> None:
    assert codec.encode(value) == text


@pytest.mark.parametrize(("codec", "value"), REFUSED, ids=identify)
def test_what_cannot_work_is_refused(codec: Codec[Any], value: object) -> None:
    with pytest.raises(InvalidValueError):
        codec.encode(value)


def test_every_codec_is_read_written_and_refused_above() -> None:
    codecs = {value for value in vars(values).values() if isinstance(value, Codec)}
    assert codecs <= {codec for codec, _, _ in DECODED}
    assert codecs <= {codec for codec, _, _ in ENCODED}
    # TEXT takes any text; INT and SIZE_MIB share their encoder.
    assert codecs - {TEXT, SIZE_MIB} <= {codec for codec, _ in REFUSED}


def test_an_unknown_word_names_those_that_are_known() -> None:
    with pytest.raises(InvalidValueError, match=r"7 \(Grass Green\)"):
        COLOUR.encode(5)
    with pytest.raises(InvalidValueError, match=r"'blue' is none of 0 \(red\), 7 \(Grass Green\)"):
        COLOUR.encode("blue")
    with pytest.raises(InvalidValueError):
        COLOUR.decode("Blue\n")


@pytest.mark.parametrize(
    ("text", "state"),
    [
        # /sys/class/scsi_device/*/device/access_state: drivers/scsi/scsi_sysfs.c
        ("active/optimized", 0),
        ("active/non-optimized", 1),
        ("lba-dependent", 4),
        ("standby", 2),
        ("unavailable", 3),
        ("offline", 14),
        ("transitioning", 15),
        # sg_rtpg
        ("active/non optimized", 1),
        ("logical block dependent", 4),
        ("transitioning between states", 15),
        # SPC-4, the kernel, and Python
        ("ACTIVE/NON-OPTIMIZED", 1),
        ("LOGICAL BLOCK DEPENDENT", 4),
        ("Active/NonOptimized", 1),
        ("active non-optimized", 1),
        ("ACTIVE_NONOPTIMIZED", 1),
        ("1", 1),
    ],
)
def test_states_of_alua_in_the_spellings_of_others(text: str, state: int) -> None:
    assert AccessState(int(STATE.encode(text))) == state


def test_a_number_that_the_kernel_would_read_as_octal_is_explained() -> None:
    with pytest.raises(InvalidValueError, match="octal") as caught:
        INT.encode("010")
    assert caught.value.hint == "write '10' or 8"


@pytest.mark.parametrize("bad", ["x" * 256, "NULLx", "a\nb", "a\0b", "x\ud800"])
def test_a_refused_secret_is_not_repeated(bad: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        CREDENTIAL.encode(bad)
    assert bad not in str(caught.value)
    assert caught.value.value is None
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("codec", "domain"),
    [
        (FLAG, st.booleans()),
        (INT, st.integers()),
        (UINT, st.integers(min_value=0)),
        (TRISTATE, st.none() | st.booleans()),
        (TEXT, LINES),
        (NAME, NAMES),
        (LINE, NAMES),
        (TAG, LINES.filter(lambda text: bool(text) and not text.startswith("NULL"))),
        (HEX24, st.integers(0, 0xFFFFFF)),
        (COLOUR, st.sampled_from(Colour)),
        (
            CREDENTIAL,
            LINES.filter(lambda text: not text.startswith("NULL") and len(text.encode()) < 256),
        ),
    ],
)
@given(data=st.data())
def test_a_value_that_is_written_is_the_one_that_is_read(
    codec: Codec[Any], domain: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    value = data.draw(domain)
    text = codec.encode(value)
    for shown in (text, text.removesuffix("\n") + "\n"):
        assert codec.decode(shown) == value


@given(NAMES)
def test_a_labelled_name_is_found_behind_its_label(name: str) -> None:
    codec = labelled("TG Port Alias")
    if len(name.splitlines()) == 1:
        shown = f"TG Port Alias: {codec.encode(name)}\nTG Port Primary Access State: Standby\n"
        assert codec.decode(shown) == name.splitlines()[0]


@given(st.text())
def test_text_is_read_whatever_it_is(text: str) -> None:
    for codec in (FLAG, TEXT, NAME, LINE, TAG, CREDENTIAL, SERIAL, labelled("x")):
        codec.decode(text)


@given(st.integers(-(1 << 70), 1 << 70))
def test_all_spellings_of_a_number_are_that_number(number: int) -> None:
    sign = "-" if number < 0 else ""
    octal = f"{sign}0{abs(number):o}" if number else "0"
    for text in (str(number), hex(number), octal):
        assert kernel_int(text) == number


@pytest.mark.parametrize(
    "text", ["", "x", "0x", "09", "1.5", "1_000", "0b1", "0o7", "--1", " 1", "1\n", "१", "+"]
)
def test_what_the_kernels_parser_refuses_is_no_number(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        kernel_int(text)


def test_as_text_of_what_is_none_of_ours() -> None:
    assert as_text(None) == "None"
    assert as_text("x") == "x"


def test_bytes_are_refused_and_not_repeated() -> None:
    with pytest.raises(InvalidValueError) as caught:
        as_text(b"s3cret")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("codec", [FLAG, COLOUR])
def test_a_codec_is_shown_by_its_name(codec: Codec[Any]) -> None:
    assert repr(codec) == codec.name


SIZES: list[tuple[int | str, int]] = [
    (0, 0),
    (512, 512),
    ("512", 512),
    ("1k", 1 << 10),
    ("1KB", 1 << 10),
    ("1KiB", 1 << 10),
    ("64M", 64 << 20),
    ("64 mib", 64 << 20),
    (" 2G\n", 2 << 30),
    ("3T", 3 << 40),
    ("1P", 1 << 50),
    ("10B", 10),
]


@pytest.mark.parametrize(("given_size", "size"), SIZES)
def test_a_size_is_bytes(given_size: int | str, size: int) -> None:
    assert parse_size(given_size) == size


@pytest.mark.parametrize(
    "bad", [True, False, -1, "-1", "", "M", "1.5G", "1X", "1 M B", "1E", None, 1.5, "1ib", "१"]
)
def test_what_is_no_size_is_refused(bad: Any) -> None:
    with pytest.raises(InvalidValueError):
        parse_size(bad)
