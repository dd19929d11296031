# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A JSON scanner that remembers where each value stands, and finds every fault it can go on after.

Knows RFC 8259; knows neither files nor what the values mean. It is for finding places: where
nobody asks for one, ``document`` lets Python's parser, ten times as fast, do the work. What the
two take must be the same. Nothing that stands in the text gets into a message, since it may be
part of a secret; keys are no secrets.
"""

from __future__ import annotations

import json
import math
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union

if TYPE_CHECKING:
    from rtslib.config.problem import Path

__all__ = ["MAX_DEPTH", "MAX_DIGITS", "Fault", "Scan", "scan"]

#: Levels of objects and lists in one another; no configuration has ten.
MAX_DEPTH = 100
#: Digits of a number; below what Python refuses to convert.
MAX_DIGITS = 100

_BLANK = re.compile(r"[ \t\n\r]*")
#: The inside of a string, as far as it is right.
_INSIDE = re.compile(r'[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
#: What stands where a value should, up to the next thing that can end it.
_WORD = re.compile(r"[^\s,:\[\]{}\"]+")
_HALF = re.compile("[\ud800-\udfff]")

_CONSTANTS = {"true": True, "false": False, "null": None}
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})
#: What people write that is no JSON, by its first character.
_HINTS = {
    "'": 'text stands in double quotes: "..."',
    "\u201c": 'text stands in straight double quotes: "..."',
    "\u201d": 'text stands in straight double quotes: "..."',
    "/": "JSON has no comments",
    "#": "JSON has no comments",
    "T": "write true, in lower case",
    "F": "write false, in lower case",
    "N": "write null",
    "+": "a number has no plus sign before it",
    ".": "a number begins with a digit",
    "0": "a number is decimal, without zeros before it",
    "\u00a0": "this is a no-break space: type a plain one",
}


class Fault(NamedTuple):
    """Something wrong in the text, at an offset; `other` is the offset of what it clashes with."""

    offset: int
    path: Path
    message: str
    hint: Optional[str] = None
    other: Optional[int] = None


class Scan(NamedTuple):
    """What was found: the data, the offset of each value, and all faults in their order."""

    data: Any
    offsets: dict[Path, int]
    faults: list[Fault]


class _Stop(Exception):
    """A fault was noted after which nothing that follows can be understood."""


class _Open(NamedTuple):
    """An object or list whose end was not met yet, and where each key of an object stood."""

    value: Union[dict[str, Any], list[Any]]
    path: Path
    keys: dict[str, int]


def scan(text: str) -> Scan:
    """Return what is in a JSON text, faults among it; the data is of use only if there are none."""
    scanner = _Scanner(text)
    data = None
    with suppress(_Stop):
        data = scanner.whole()
    return Scan(data, scanner.offsets, scanner.faults)


class _Scanner:
    """A position in a text and what was found up to it. Nesting costs no recursion."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.open: list[_Open] = []
        self.offsets: dict[Path, int] = {}
        self.faults: list[Fault] = []

    def whole(self) -> Any:
        """Read one value and nothing behind it."""
        if self._next() == "":
            self._stop((), "empty: there is no JSON in it")
        data = self._value(())
        while self.open:
            self._member(self.open[-1])
        if self._next():
            self._stop((), "something stands behind the end of the JSON")
        return data

    def _next(self) -> str:
        """Go to the next character that is no blank, and return it; '' at the end."""
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def _fault(self, offset: int, path: Path, message: str, hint: str | None = None) -> None:
        self.faults.append(Fault(offset, path, message, hint))

    def _stop(self, path: Path, message: str, hint: str | None = None) -> None:
        """Note a fault here that ends the scan."""
        here = self.text[self.at : self.at + 1]
        if here == "" and self.text.strip(" \t\n\r"):
            message = f"the text ends too early: {message}"
        self._fault(self.at, path, message, hint or _HINTS.get(here))
        raise _Stop

    def _member(self, holder: _Open) -> None:
        """Read the next member of an object or list, or its end."""
        closing = "}" if isinstance(holder.value, dict) else "]"
        found = self._next()
        if holder.value or holder.keys:
            if found == ",":
                comma = self.at
                self.at += 1
                found = self._next()
                if found == closing:
                    self._fault(comma, holder.path, f"a comma before the closing {closing}")
            elif found != closing:
                self._stop(holder.path, f"a comma or {closing} was expected")
        if found == closing:
            self.at += 1
            self.open.pop()
        elif isinstance(holder.value, dict):
            self._pair(holder, holder.value)
        else:
            path = (*holder.path, len(holder.value))
            holder.value.append(self._value(path))

    def _pair(self, holder: _Open, value: dict[str, Any]) -> None:
        """Read a key and its value."""
        start = self.at
        if self._next() != '"':
            self._stop(holder.path, "a key in double quotes was expected")
        key = self._string(holder.path)
        path = (*holder.path, key)
        if key in holder.keys:
            message = "this key stands twice in its object"
            self.faults.append(Fault(start, path, message, other=holder.keys[key]))
        holder.keys.setdefault(key, start)
        if self._next() != ":":
            self._stop(path, "a colon was expected after this key")
        self.at += 1
        value[key] = self._value(path)

    def _value(self, path: Path) -> Any:
        """Read a scalar, or the beginning of an object or list, which is then the open one."""
        found = self._next()
        self.offsets[path] = self.at
        if found == '"':
            return self._string(path)
        if found and found in "{[":
            if len(self.open) == MAX_DEPTH:
                self._stop((), f"more than {MAX_DEPTH} levels of objects and lists")
            value: Union[dict[str, Any], list[Any]] = {} if found == "{" else []
            self.open.append(_Open(value, path, {}))
            self.at += 1
            return value
        return self._word(path)

    def _word(self, path: Path) -> Any:
        """Read a number, true, false or null."""
        found = _WORD.match(self.text, self.at)
        word = found.group() if found else ""
        number = _NUMBER.fullmatch(word)
        if word in _CONSTANTS or number:
            self.at += len(word)
            return self._number(number, path) if number else _CONSTANTS[word]
        if word not in _NOT_FINITE:
            self._stop(path, "a value was expected")
        self._fault(self.at, path, "a number that is not finite", "JSON has no NaN and no Infinity")
        self.at += len(word)
        return None

    def _number(self, number: re.Match[str], path: Path) -> Any:
        start = self.at - number.end()
        if number.end() > MAX_DIGITS:
            self._fault(start, path, f"a number of more than {MAX_DIGITS} characters")
            return None
        if number.group(1) is None and number.group(2) is None:
            return int(number.group())
        value = float(number.group())
        if math.isinf(value):
            self._fault(start, path, "too large a number")
        return value

    def _string(self, path: Path) -> str:
        """Read a string that begins here."""
        start = self.at
        inside = _INSIDE.match(self.text, start + 1)
        end = inside.end() if inside else start
        stopped = self.text[end : end + 1]
        if stopped != '"':
            self._stop_in_string(start, end, path)
        self.at = end + 1
        text = self.text[start + 1 : end]
        if "\\" in text:
            text = json.loads(self.text[start : self.at])
        half = _HALF.search(text)
        if half:
            self._fault(start, path, f"half of a character (U+{ord(half.group()):04X}) in the text")
        return text

    def _stop_in_string(self, start: int, end: int, path: Path) -> None:
        """Note why a string goes no further than `end`."""
        stopped = self.text[end : end + 1]
        self.at = end
        if stopped == "":
            self.at = start
            self._stop(path, 'the closing " of a text is missing')
        if stopped == "\\":
            self._stop(path, "a backslash that begins no escape", 'write it twice: "\\\\"')
        if stopped == "\n":
            self._stop(
                path,
                "a text ends at the line's end without its closing \"",
                "write a line break as \\n",
            )
        self._stop(
            path, f"a control character (U+{ord(stopped):04X}) in a text", "write it as an escape"
        )
