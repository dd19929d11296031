# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Whether two libraries made the same: kernel trees and saved configurations, as text by path.

What is generated anew each time is taken out first: serials, names of links, counters, numbers
that the kernel never gives twice. What is left must be equal, or named in the caller's table.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GENERATED = (
    # Those that a transcript chose begin with one digit, eight times.
    (re.compile(r"\b(?!(\d)\1{7}-)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "SERIAL"),
    # Those that it chose go on with one letter, eight times, and a 1.
    (re.compile(r"\bnaa\.5001405(?!([a-f])\1{7}1\b)[0-9a-f]{9}\b"), "NAA"),
    (re.compile(r"(\blun_\d+)/[0-9a-f]{10}$"), r"\1/LINK"),
    (re.compile(r"^HBA Index: \d+", re.MULTILINE), "HBA Index: N"),
)

HBA = re.compile(r"\b(fileio|iblock|pscsi|rd_mcp|user)_\d+\b")

#: Files below `statistics` that count, tell the time, or number things for as long as it runs.
COUNTERS = {
    *("creation_time", "dev", "indx", "inst", "port_auth_indx", "role"),
    *("in_cmds", "num_cmds", "read_mbytes", "write_mbytes"),
}
#: Files with numbers that are given in the order of creation.
IN_ORDER = re.compile(r"/(?:rtpi|scsi_tgt_port/name)$")
#: Files that list in an order of their own.
UNORDERED = {"members"}

#: What tells an entry of a list in a saved configuration from the others.
IDENTITY = ("wwn", "node_wwn", "tag", "index", "ip_address", "plugin", "name")


def tree(found: Mapping[str, str], directory: str, *, numbered: bool) -> dict[str, str]:
    """Return a tree as it is to be compared.

    Without `numbered`, HBA indexes and all other numbers in the order of creation do not count.
    """
    result = {}
    for path, content in found.items():
        name = path.rpartition("/")[2]
        text = content
        if "/statistics/" in path and name in COUNTERS:
            text = "COUNTER"
        elif not numbered and IN_ORDER.search(path):
            text = "NUMBER"
        plain = [without_generated(it, directory, numbered=numbered) for it in (path, text)]
        if name in UNORDERED:
            plain[1] = "\n".join(sorted(plain[1].splitlines()))
        result[plain[0]] = plain[1]
    return result


def without_generated(text: str, directory: str, *, numbered: bool) -> str:
    """Return a text with words in the place of what is generated."""
    text = text.replace(directory, "DIRECTORY")
    for pattern, word in GENERATED:
        text = pattern.sub(word, text)
    return text if numbered else HBA.sub(r"\1_N", text)


def saved(document: Any, directory: str) -> dict[str, str]:
    """Return a saved configuration as texts by path; the order of lists does not count."""
    result = {}
    for found, text in _flat(document, ""):
        path, value = (without_generated(it, directory, numbered=True) for it in (found, text))
        result[path] = "ALIAS" if path.endswith("/alias") else value
    return result


def _flat(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{path}/{key}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{path}[{_identity(inner, number, path)}]")
    else:
        yield path, f"{type(value).__name__} {value}"


def _identity(entry: Any, number: int, path: str) -> str:
    if not isinstance(entry, dict):
        return str(number)
    # A storage object's wwn is its serial, which may be generated.
    keys = ("plugin", "name") if path.endswith("storage_objects") else IDENTITY
    words = [str(entry[key]) for key in keys if key in entry]
    return ":".join([*words[:2], *([str(entry["port"])] if "port" in entry else [])])


def differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """Return what differs, by path, in words."""
    return {
        path: f"{theirs.get(path, NOTHING)!r} became {ours.get(path, NOTHING)!r}"
        for path in sorted({*theirs, *ours})
        if theirs.get(path) != ours.get(path)
    }


NOTHING = "(nothing)"
