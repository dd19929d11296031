# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Codecs: how the kernel shows a value, and how it takes one. Often these are not the same text.

Knows text and Python values; knows neither paths nor nodes. Reading never fails on what a kernel
may show; writing is lenient in the spelling (True, 1, "1", "yes") and strict in the value.
"""

from __future__ import annotations

import enum
import re
from typing import Any, Callable, Generic, TypeVar

from rtslib.errors import InvalidValueError

__all__ = [
    "CREDENTIAL",
    "FLAG",
    "HEX24",
    "INT",
    "LINE",
    "NAME",
    "NULL",
    "SERIAL",
    "SIZE_MIB",
    "TAG",
    "TEXT",
    "TRISTATE",
    "UINT",
    "YES_NO",
    "Codec",
    "as_text",
    "enumerated",
    "kernel_int",
    "labelled",
    "parse_size",
]

T = TypeVar("T")
E = TypeVar("E", bound=enum.IntEnum)

#: What the kernel takes and shows for "no value" in credentials, tags and the nexus.
NULL = "NULL"

_WORDS = {
    **dict.fromkeys(("1", "y", "yes", "t", "true", "on"), True),
    **dict.fromkeys(("0", "n", "no", "f", "false", "off"), False),
}


class Codec(Generic[T]):
    """A named pair of inverses between kernel text and a Python value."""

    def __init__(self, name: str, decode: Callable[[str], T], encode: Callable[[Any], str]) -> None:
        self.name = name
        self.decode = decode
        self.encode = encode

    def __repr__(self) -> str:
        return self.name


_INTEGER = re.compile(r"[+-]?(0[xX][0-9a-fA-F]+|(0)[0-7]+|[0-9]+)")


def kernel_int(text: str) -> int:
    """Return an integer as kstrtoul(..., 0) reads it: ``0x10`` is hex and ``010`` octal.

    Raises ValueError where the kernel's parser would.
    """
    if text.isdecimal() and text.isascii() and text[0] != "0":
        return int(text)  # as nearly all are
    matched = _INTEGER.fullmatch(text)
    if matched is None:
        raise ValueError(f"{text!r} is no integer to the kernel")
    # int() alone would take what the kernel does not: 1_000, 0b1, 0o7, other scripts' digits.
    return int(text, 8 if matched.group(2) else 0)


def as_text(value: object) -> str:
    """Return the text for a value whose type only the kernel knows: True and False are 1 and 0.

    InvalidValueError, without the value, for bytes: nobody means the text "b'...'".
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        raise InvalidValueError("bytes are no text", hint="decode them first")
    if isinstance(value, (bool, enum.IntEnum)):
        return str(int(value))
    return str(value)


def _line(text: str) -> str:
    """Drop the newline that show functions add, and the NUL that some of them count."""
    return text.rstrip("\0").removesuffix("\n") if text else text


def _decode_flag(text: str) -> bool:
    return _line(text) not in ("0", "")


def _encode_flag(value: object) -> str:
    if isinstance(value, int):
        if value in (0, 1):
            return str(int(value))
    elif isinstance(value, str) and value.strip().lower() in _WORDS:
        return str(int(_WORDS[value.strip().lower()]))
    raise InvalidValueError(f"{value!r} is not a yes or a no", hint="use True or False")


def _integer(value: object) -> int:
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        text = value.strip()
        try:
            number = kernel_int(text)
        except ValueError:
            pass
        else:
            if number == 0 or not text.lstrip("+-").startswith("0") or text[1:2] in ("x", "X"):
                return number
            raise InvalidValueError(
                f"{value!r} would be read as octal by the kernel",
                hint=f"write {text.lstrip('0')!r} or {number}",
            )
    raise InvalidValueError(f"{value!r} is not an integer")


def _encode_int(value: object) -> str:
    return str(_integer(value))


def _encode_uint(value: object) -> str:
    number = _integer(value)
    if number < 0:
        raise InvalidValueError(f"{value!r} is negative")
    return str(number)


def _decode_int(text: str) -> int:
    return kernel_int(_line(text).strip() or "0")


def _encode_text(value: object) -> str:
    text = as_text(value)
    if not text:
        # A write of no bytes is EFAULT in fs/configfs/file.c; a bare newline clears.
        return "\n"
    return text


def _encode_name(value: object) -> str:
    text = as_text(value)
    if not text or "\n" in text:
        raise InvalidValueError(f"{value!r} is empty or has a line break")
    return text


def _encode_line(value: object) -> str:
    return _encode_name(value) + "\n"


def _decode_nullable(text: str) -> str:
    line = _line(text)
    return "" if line.startswith(NULL) else line


def _decode_tag(text: str) -> str | None:
    return _decode_nullable(text) or None


def _encode_tag(value: object) -> str:
    text = "" if value is None else as_text(value)
    if text.startswith(NULL) or "\n" in text:
        raise InvalidValueError(f"{value!r} cannot be a tag: the kernel reads NULL as none")
    return text or NULL


def _encode_credential(value: object) -> str:
    """Refuse, without repeating it, what the kernel would store as something else.

    drivers/target/iscsi/iscsi_target_configfs.c: 255 bytes at most; a value that begins with
    NULL counts as unset; a newline becomes part of the secret.
    """
    text = "" if value is None else as_text(value)
    if not text:
        return NULL
    try:
        size = len(text.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        raise InvalidValueError("a CHAP name or secret with half a character in it") from None
    if size > 255:  # noqa: PLR2004 - the number of the rule above
        raise InvalidValueError(f"a CHAP name or secret of {size} bytes: the kernel keeps 255")
    if text.startswith(NULL):
        raise InvalidValueError("a CHAP name or secret that begins with NULL counts as none")
    if "\n" in text or "\0" in text:
        raise InvalidValueError("a CHAP name or secret with a line break or NUL in it")
    return text


def _decode_serial(text: str) -> str:
    return _line(text).partition(": ")[2]


def _encode_hex24(value: object) -> str:
    """Always hexadecimal: the kernel would read a company id such as 001405 as octal."""
    if isinstance(value, str):
        try:
            number = int(value, 16)
        except ValueError as error:
            raise InvalidValueError(f"{value!r} is not a hexadecimal IEEE company id") from error
    else:
        number = _integer(value)
    if not 0 <= number <= 0xFFFFFF:  # noqa: PLR2004 - 24 bits, as the name says
        raise InvalidValueError(f"company id {value!r} does not fit into 24 bits")
    return f"{number:#08x}"


def _encode_tristate(value: object) -> str:
    return "-1" if value is None or str(value) == "-1" else _encode_flag(value)


def _decode_tristate(text: str) -> bool | None:
    number = _decode_int(text)
    return None if number < 0 else bool(number)


def _decode_yes_no(text: str) -> bool | str:
    line = _line(text)
    return {"Yes": True, "No": False}.get(line, line)


def _encode_yes_no(value: object) -> str:
    """Negotiation has more than two answers: text that is no yes and no no stays as it is."""
    if isinstance(value, str) and value.strip().lower() not in _WORDS:
        return _encode_name(value)
    return "Yes" if _encode_flag(value) == "1" else "No"


def labelled(label: str) -> Codec[str]:
    """Return the codec of a file that shows ``label: name`` among other lines and takes a name.

    Reads '' where the file shows nothing, as on pass-through storage objects.
    """

    def decode(text: str) -> str:
        for line in text.splitlines():
            key, found, name = line.partition(": ")
            if found and key == label:
                return name
        return ""

    return Codec(f"labelled({label!r})", decode, _encode_name)


#: How SPC-4 and sg_rtpg call what the kernel has a shorter word for, both as _folded.
_SYNONYMS = {
    "logicalblockdependent": "lbadependent",
    "transitioningbetweenstates": "transitioning",
}


def _folded(word: str) -> str:
    """Return a word without its case, blanks, hyphens, slashes and underscores."""
    plain = re.sub(r"[\s_/-]", "", word).lower()
    return _SYNONYMS.get(plain, plain)


def enumerated(kinds: type[E], words: dict[str, E]) -> Codec[E]:
    """Return the codec of a file that shows a word (or a number) and takes a number.

    Words are taken in any case, with blanks, hyphens, slashes or underscores anywhere in them:
    'active/non-optimized' is 'Active NonOptimized'.
    """
    by_word = {_folded(word): kind for word, kind in words.items()}

    def find(value: object) -> E:
        if isinstance(value, str) and _folded(value) in by_word:
            return by_word[_folded(value)]
        try:
            return kinds(_integer(value))
        except ValueError as error:
            known = ", ".join(f"{kind.value} ({word})" for word, kind in words.items())
            raise InvalidValueError(f"{value!r} is none of {known}") from error

    return Codec(
        kinds.__name__, lambda text: find(_line(text)), lambda value: str(int(find(value)))
    )


FLAG = Codec("flag", _decode_flag, _encode_flag)
INT = Codec("integer", _decode_int, _encode_int)
UINT = Codec("unsigned integer", _decode_int, _encode_uint)
YES_NO = Codec("Yes or No", _decode_yes_no, _encode_yes_no)
TRISTATE = Codec("yes, no or inherited (None)", _decode_tristate, _encode_tristate)
#: Text as it is; '' clears.
TEXT = Codec("text", _line, _encode_text)
#: Text that must not be empty.
NAME = Codec("name", _line, _encode_name)
#: Like NAME, stored with its newline: dbroot keeps the tail of a longer old path without it.
LINE = Codec("line", _line, _encode_line)
#: None where there is none.
TAG = Codec("tag", _decode_tag, _encode_tag)
CREDENTIAL = Codec("CHAP name or secret", _decode_nullable, _encode_credential)
SERIAL = Codec("unit serial", _decode_serial, _encode_name)
HEX24 = Codec("IEEE company id", _decode_int, _encode_hex24)
#: A counter in MiB, given in bytes.
SIZE_MIB = Codec("bytes, counted in MiB", lambda text: _decode_int(text) << 20, _encode_int)

_UNITS = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}
_SIZE = re.compile(r"([0-9]+)\s*(?:([kmgtp])i?b?|b)?", re.IGNORECASE)


def parse_size(value: int | str) -> int:
    """Return bytes for an int, or for text such as '512', '64M', '64MiB' (powers of 1024).

    InvalidValueError for anything else, a negative size or a bool among it; 'MB', which people
    mean both ways, is read as MiB, as storage tools do.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return int(value)
    matched = _SIZE.fullmatch(str(value).strip())
    if matched is None:
        raise InvalidValueError(
            f"{value!r} is no size", hint="write bytes, or a number with K, M, G, T or P"
        )
    return int(matched.group(1)) << _UNITS[(matched.group(2) or "").lower()]
