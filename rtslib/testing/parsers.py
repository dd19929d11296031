# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The kernel's text parsers, with its errnos: lib/kstrtox.c, lib/parser.c, bitmap.c.

Knows text only. Each function raises OSError as its namesake returns an errno.
"""

from __future__ import annotations

import errno
import os
import re
from functools import cache
from typing import NoReturn

__all__ = [
    "byte_length",
    "c_string",
    "cpu_list",
    "cut",
    "fail",
    "flag",
    "match_option",
    "number",
    "refusal",
]

_BASES = {
    0: re.compile(r"([+-]?)(0x[0-9a-f]+|0[0-7]*|[1-9][0-9]*)\n?\Z", re.IGNORECASE | re.ASCII),
    10: re.compile(r"([+-]?)([0-9]+)\n?\Z", re.ASCII),
    16: re.compile(r"([+-]?)((?:0x)?[0-9a-f]+)\n?\Z", re.IGNORECASE | re.ASCII),
}
_OPTION_NUMBER = re.compile(r"-?(?:0x[0-9a-f]+|[0-9]+)\Z", re.IGNORECASE | re.ASCII)
_U32 = (1 << 32) - 1


def refusal(code: int, what: str = "") -> OSError:
    """Return the OSError of an errno, with its text, about `what`."""
    return OSError(code, _text(code), what or None)


_text = cache(os.strerror)


def fail(code: int, what: str = "") -> NoReturn:
    """Raise the OSError of an errno, about `what`."""
    raise refusal(code, what)


def c_string(text: str) -> str:
    """Return what a C string function sees of `text`."""
    return text.partition("\0")[0]


def byte_length(text: str) -> int:
    """Return strlen() of `text` as the kernel holds it."""
    return len(text) if text.isascii() else len(os.fsencode(text))


def cut(text: str, size: int) -> str:
    """Return at most `size` bytes of `text`, as strscpy() does."""
    return text[:size] if text.isascii() else os.fsdecode(os.fsencode(text)[:size])


def flag(text: str) -> bool:
    """Parse as kstrtobool(): the first character counts, or two after an 'o'."""
    first, second = text[:1].lower(), text[1:2].lower()
    if first in ("y", "1", "t") or (first == "o" and second == "n"):
        return True
    if first in ("n", "0", "f") or (first == "o" and second == "f"):
        return False
    fail(errno.EINVAL)


def number(text: str, low: int = 0, high: int = _U32, base: int = 0) -> int:
    """Parse as kstrtou32() and its kin: `low` and `high` are the C type's, beyond is ERANGE."""
    match = _BASES[base].match(c_string(text))
    if match is None or (match[1] == "-" and low >= 0):
        fail(errno.EINVAL)
    value = _c_int(match[2], base)
    if match[1] == "-":
        value = -value
    if not low <= value <= high:
        fail(errno.ERANGE)
    return value


def _c_int(digits: str, base: int) -> int:
    if base == 0 and len(digits) > 1 and digits[0] == "0" and digits[1] not in "xX":
        return int(digits, 8)
    return int(digits, base)


def match_option(token: str, options: dict[str, type]) -> tuple[str, str] | None:
    """Return key and value of a ``key=value`` token that match_token() accepts, else None.

    `options` says for each key whether the pattern is %s (str) or %d (int); what does not match
    is an unknown option to the kernel, and those are ignored without an error.
    """
    key, equals, value = token.partition("=")
    kind = options.get(key)
    if not equals or not value or kind is None:
        return None
    if kind is int and not _OPTION_NUMBER.match(value):
        return None
    return key, value


def option_number(value: str) -> int:
    """Parse as match_int() does what ``%d`` has let through."""
    sign = -1 if value.startswith("-") else 1
    try:
        return sign * _c_int(value.lstrip("-"), 0)
    except ValueError:  # 08: simple_strtol() stops at the 8
        fail(errno.EINVAL)


def cpu_list(text: str, cpus: int) -> str:
    """Parse as cpulist_parse() and return the list as the kernel prints it."""
    found: set[int] = set()
    for part in re.split(r"[\s,]+", c_string(text).strip(" ,\t\n")):
        match = re.fullmatch("([0-9]+)(?:-([0-9]+))?", part)
        if match is None:
            fail(errno.EINVAL)
        low, high = int(match[1]), int(match[2] or match[1])
        if max(low, high) > _U32:
            fail(errno.EOVERFLOW)
        if low > high:
            fail(errno.EINVAL)
        if high >= cpus:
            fail(errno.ERANGE)
        found.update(range(low, high + 1))
    return print_cpus(sorted(found))


def print_cpus(cpus: list[int]) -> str:
    """Print as %*pbl does: ranges, comma separated."""
    parts: list[str] = []
    start = 0
    for index in range(1, len(cpus) + 1):
        if index == len(cpus) or cpus[index] != cpus[index - 1] + 1:
            low, high = cpus[start], cpus[index - 1]
            parts.append(f"{low}" if low == high else f"{low}-{high}")
            start = index
    return ",".join(parts)
