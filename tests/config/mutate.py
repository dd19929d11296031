# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Files as accidents, editors and other programs leave them: a JSON text, damaged by a number.

Knows nothing of rtslib. One number always makes the same damage (under one version of Python), so
that a failing number is all that a report needs.
"""

from __future__ import annotations

import gzip
import json
import random
from typing import Any, Callable

__all__ = ["FAMILIES", "mutated"]

#: Values of every type, and of every size that somebody might forget.
VALUES: list[Any] = [
    None, True, False, 0, 1, -1, 2, 255, 256, 65535, 65536, 2**31, 2**32, 2**63, 2**64, 10**39,
    10**99, 10**100, 0.5, -0.0, 1.0, 1e308, float("inf"), float("-inf"), float("nan"), "", " ",
    "0", "1", "yes", "no", "-1", "010", "0x10", "1_0", "null", "NULL", "true", "../../etc", "/",
    ".", "..", "a/b", "\0", "\n", "a\nb", "\t", "\x7f", "\x1b[31m", "\ud800", "\udfff\ud800",
    "\u202e", "é", "😀", "x" * 300, "9" * 400, "iqn.2003-01.org.linux-iscsi:x", "naa.5001405", [],
    {}, [[]], [{}], [None], {"": {}}, {"name": "x"}, {"a": {"b": {"c": 1}}},
]  # fmt: skip
#: Pieces of text that change what a parser sees.
PIECES = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"\\ud800", b"\\x", b"\0", b"\n",
    b"\r", b"\t", b"\x01", b"\x7f", b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\xc2\xa0", b"\xe2\x80\x9c", b"\xef\xbb\xbf", b"//", b"/* */", b"#", b"'", b"NaN",
    b"-Infinity", b"1e999", b"01", b"+1", b".5", b"True", b"None", b"nul", b"-", b"9" * 5000,
    b"[" * 150, b'{"a":' * 150,
)  # fmt: skip
#: Bytes from which on a tree is not made larger.
LARGE = 200_000


def mutated(text: str, seed: int) -> bytes:
    """Return a text as a file with one to three kinds of damage."""
    chance = random.Random(seed)
    data = text.encode()
    for _ in range(chance.choice((1, 1, 2, 3))):
        family = chance.choice(list(FAMILIES.values()))
        data = family(data, chance)
    return data


def _bytes(data: bytes, chance: random.Random) -> bytes:
    """Cut, fill, repeat, swap or insert a piece anywhere."""
    at = chance.randrange(len(data) + 1)
    end = min(len(data), at + chance.choice((1, 1, 2, 8, 64, 4096)))
    how = chance.randrange(7)
    if how == 0:
        return data[:at]
    if how == 1:
        return data[:at] + data[end:]
    if how == 2:
        return data[:end] + data[at:]
    if how == 3:
        return data[:at] + bytes(end - at) + data[end:]
    if how == 4:
        return data[:at] + bytes(chance.randrange(256) for _ in range(end - at)) + data[end:]
    piece = chance.choice(PIECES)
    return data[:at] + piece + data[at if how == 5 else end :]


def _holders(data: Any) -> list[Any]:
    """Return all objects and lists that hold something, the outermost first."""
    found = [data] if isinstance(data, (dict, list)) and data else []
    for holder in found:
        members = holder.values() if isinstance(holder, dict) else holder
        found.extend(it for it in members if isinstance(it, (dict, list)) and it)
    return found


def _tree(change: Callable[[Any, Any, random.Random], None]) -> Callable[..., bytes]:
    """Return the family of a change to one member of one holder; what is no JSON stays as it is."""

    def family(data: bytes, chance: random.Random) -> bytes:
        if len(data) > LARGE:
            return data
        try:
            tree = json.loads(data)
            holders = _holders(tree)
            if holders:
                holder = chance.choice(holders)
                keys = list(holder) if isinstance(holder, dict) else range(len(holder))
                change(holder, chance.choice(keys), chance)
            text = json.dumps(tree, indent=chance.choice((2, 2, None, 0)), ensure_ascii=False)
        except (ValueError, RecursionError):
            return data
        # Half characters become escapes: UTF-8 has none.
        return text.encode("utf-8", "backslashreplace")

    return family


def _structure(holder: Any, key: Any, chance: random.Random) -> None:
    """Remove, wrap, unwrap, repeat, rename, exchange or add a member."""
    how = chance.randrange(6)
    if how == 0:
        del holder[key]
    elif how == 1:
        holder[key] = chance.choice(([holder[key]], {"x": holder[key]}))
    elif how == 2 and isinstance(holder[key], (dict, list)) and holder[key]:
        inner = holder[key]
        holder[key] = chance.choice(list(inner.values()) if isinstance(inner, dict) else inner)
    elif how == 3 and isinstance(holder, list):
        holder.append(holder[key])
    elif how == 4:
        other = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        holder[key], holder[other] = holder[other], holder[key]
    elif isinstance(holder, dict):
        new = chance.choice((key + "s", key.upper(), "", "../x", "\n", "x" * 300, key[:-1]))
        holder[new] = holder.pop(key) if chance.random() < 0.7 else holder[key]


def _types(holder: Any, key: Any, chance: random.Random) -> None:
    """Put a value of any type in the place of another, or the same in another spelling."""
    if chance.random() < 0.3:
        holder[key] = chance.choice((str, lambda it: [it], lambda it: {"value": it}))(holder[key])
    else:
        holder[key] = chance.choice(VALUES)


def _sizes(holder: Any, key: Any, chance: random.Random) -> None:
    """Put something far too long, large, deep or numerous."""
    size = chance.choice((99, 100, 101, 256, 2000, 20000))
    how = chance.randrange(5)
    if how == 0:
        holder[key] = "x" * size
    elif how == 1:
        holder[key] = 10 ** min(size, 2000)
    elif how == 2:
        for _ in range(min(size, 101)):
            holder[key] = [holder[key]]
    elif how == 3:
        holder[key] = [holder[key]] * min(size, 64)
    else:
        holder[key] = dict.fromkeys((f"k{number}" for number in range(min(size, 500))), 1)


def _encodings(data: bytes, chance: random.Random) -> bytes:
    """Write the text in another encoding, or as something that is no text."""
    text = data.decode("utf-8", "replace")
    return chance.choice(
        (
            lambda: text.encode("utf-16"),
            lambda: text.encode("utf-16-le"),
            lambda: text.encode("utf-16-be"),
            lambda: text.encode("utf-32"),
            lambda: text.encode("utf-32-be"),
            lambda: text.replace("a", "\xe9").encode("latin-1", "replace"),
            lambda: text.encode("utf-8-sig"),
            lambda: text.replace("\n", "\r\n").encode(),
            lambda: text.replace("a", "\\ud83d").encode(),
            lambda: text.replace("e", "\\u0065").encode(),
            lambda: text.replace('"', "\u201d", 2).encode(),
            lambda: bytes(len(data)),
            lambda: gzip.compress(data, mtime=0),
            lambda: b"",
        )
    )()


#: How a file can be damaged, by name.
FAMILIES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "bytes": _bytes,
    "structure": _tree(_structure),
    "types": _tree(_types),
    "sizes": _tree(_sizes),
    "encodings": _encodings,
}
