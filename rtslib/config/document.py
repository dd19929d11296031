# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""JSON text as data with places: which line a value stands in, and what is wrong with the text.

Knows encodings and JSON; knows neither files nor LIO. Python's parser does the work as long as
nothing is wrong and nobody asks for a line; ``scan`` has the last word where it refuses.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from rtslib.config.problem import Path, Problem
from rtslib.config.scan import MAX_DEPTH, MAX_DIGITS, Fault, scan
from rtslib.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["Document", "parse"]

#: How files begin that are not UTF-8, the longest first.
_BEGINNINGS = (
    (codecs.BOM_UTF32_LE, "UTF-32 text", "save it as UTF-8"),
    (codecs.BOM_UTF32_BE, "UTF-32 text", "save it as UTF-8"),
    (codecs.BOM_UTF16_LE, "UTF-16 text", "save it as UTF-8"),
    (codecs.BOM_UTF16_BE, "UTF-16 text", "save it as UTF-8"),
    (b"\x1f\x8b", "a gzip file", "decompress it first"),
)
_BOM = "\ufeff"
#: A key as configurations have them.
_PLAIN = re.compile("[A-Za-z_]{1,40}")
#: An escape or character that may be half of a pair: only ``scan`` looks whether it is.
_HALF = re.compile("\\\\u[dD][89a-fA-F]|[\ud800-\udfff]")


class Document:
    """Plain data, and the text that it came from if there is one; `name` is the file's."""

    def __init__(self, data: Any, text: str | None = None, name: str = "configuration") -> None:
        self.data = data
        self.name = name
        self._text = text
        self._places: tuple[dict[Path, int], _Lines] | None = None

    def with_data(self, data: Any) -> Document:
        """Return a document of the same text with other data in the same places."""
        found = Document(data, self._text, self.name)
        found._places = self._places
        return found

    def line(self, path: Path) -> int | None:
        """Return the line in which a value begins."""
        place = self.place(path)
        return None if place is None else place[0]

    def place(self, path: Path) -> tuple[int, int] | None:
        """Return line and column, from 1, where a value begins; None where there is no text.

        For a value that is not there: where the one begins that should hold it.
        """
        if self._text is None:
            return None
        if self._places is None:
            self._places = scan(self._text).offsets, _Lines(self._text)
        offsets, lines = self._places
        while path not in offsets:
            path = path[:-1]
        return lines.place(offsets[path])


def parse(text: str | bytes, name: str = "configuration") -> Document:
    """Return the data of a JSON text, or raise ConfigError with all that is wrong with the text.

    Stricter than Python's: no key twice in an object, no NaN, no half characters, bounds for
    depth and digits. `name` stands in errors. Bytes must be UTF-8; a mark before them is dropped.
    """
    decoded = text if isinstance(text, str) else _decoded(text, name)
    decoded = decoded.removeprefix(_BOM)
    try:
        return Document(_quick(decoded), decoded, name)
    except (ValueError, RecursionError):
        pass
    found = scan(decoded)
    if found.faults:
        lines = _Lines(decoded)
        raise ConfigError(problems=[_problem(fault, lines) for fault in found.faults], file=name)
    return Document(found.data, decoded, name)


def _decoded(data: bytes, name: str) -> str:
    """Return the text of bytes."""
    for beginning, what, hint in _BEGINNINGS:
        if data.startswith(beginning):
            raise ConfigError(problems=[Problem((), 1, f"this is {what}", hint, 1)], file=name)
    zeros = data[:4].count(0)
    if 0 < zeros < len(data[:4]):
        # JSON begins with ASCII: zeros among it are the upper bytes of wider characters.
        wide = Problem((), 1, "this is UTF-16 or UTF-32 text", "save it as UTF-8", 1)
        raise ConfigError(problems=[wide], file=name)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        offset, message = error.start, "a byte that is no UTF-8"
    else:
        if "\0" not in text:
            return text
        offset, message = data.index(0), "a zero byte: this is no text, or it was torn"
    # Up to here it is text, so that its end can be counted.
    before = data[:offset].decode().removeprefix(_BOM)
    line, column = _Lines(before).place(len(before))
    raise ConfigError(problems=[Problem((), line, message, None, column)], file=name)


def _quick(text: str) -> Any:
    """Return the data; ValueError or RecursionError where ``scan`` must have a look."""
    if ("\\u" in text or not text.isascii()) and _HALF.search(text):
        raise ValueError("perhaps half a character")
    data = json.loads(
        text,
        object_pairs_hook=_object,
        parse_int=_Integers().__getitem__,
        parse_float=_float,
        parse_constant=_float,
    )
    level = [data]
    for _ in range(MAX_DEPTH):
        level = [
            value
            for holder in map(_values, level)
            # Most hold nothing that holds more.
            if not _HOLDERS.isdisjoint(map(type, holder))
            for value in holder
            if value.__class__ in _HOLDERS
        ]
        if not level:
            return data
    raise ValueError("perhaps too deep")


_HOLDERS = frozenset({dict, list})


def _values(holder: Any) -> Collection[Any]:
    """Return what an object or a list holds; a single value holds nothing."""
    if holder.__class__ is dict:
        return holder.values()
    return holder if holder.__class__ is list else ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key stands twice")
    return made


class _Integers(dict[str, int]):
    """The integers of one text by their digits: most stand in it many times."""

    def __missing__(self, digits: str) -> int:
        if len(digits) > MAX_DIGITS:
            raise ValueError("too long")
        self[digits] = number = int(digits)
        return number


def _float(digits: str) -> float:
    value = float(digits)
    if len(digits) > MAX_DIGITS or not math.isfinite(value):
        raise ValueError("too long, or not finite")
    return value


def _problem(fault: Fault, lines: _Lines) -> Problem:
    """Return a fault with its line and column."""
    line, column = lines.place(fault.offset)
    message = fault.message
    if fault.other is not None:
        message += f": lines {lines.place(fault.other)[0]} and {line}"
    return Problem(_told(fault.path), line, message, fault.hint, column)


def _told(path: Path) -> Path:
    """Return a path up to the first odd key: in a damaged text a secret may be part of one."""
    odd = (at for at, it in enumerate(path) if isinstance(it, str) and not _PLAIN.fullmatch(it))
    return path[: next(odd, len(path))]


class _Lines:
    """Where the lines of a text begin."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, from 1."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
