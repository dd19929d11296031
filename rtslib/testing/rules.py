# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The words that rule tables are written in, and the stores that most attributes share."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

from rtslib.testing import parsers
from rtslib.testing.directory import Directory, Show, Store
from rtslib.testing.parsers import fail

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["Rule", "Rules", "boolean", "integer", "keep", "unchecked"]

Guard = Callable[[Directory], None]
Then = Callable[[Directory, Any], None]

PAGE_DIGITS = 4096

#: Ranges of C types, for parsers.number().
U8 = (0, (1 << 8) - 1)
U16 = (0, (1 << 16) - 1)
U32 = (0, (1 << 32) - 1)
U64 = (0, (1 << 64) - 1)
#: For stores that make ERANGE, too, EINVAL.
UNBOUNDED = (0, 10**PAGE_DIGITS)
S8 = (-(1 << 7), (1 << 7) - 1)
S64 = (-(1 << 63), (1 << 63) - 1)
S32 = (-(1 << 31), (1 << 31) - 1)


class Rule(NamedTuple):
    """How one attribute is shown and stored; None leaves it at the stored text."""

    show: Optional[Show] = None
    store: Optional[Store] = None
    secret: bool = False


@dataclass
class Rules:
    """The rules of one kind of directory: its files by name, and its operations (see Shape)."""

    files: dict[str, Rule] = field(default_factory=dict)
    ops: dict[str, Any] = field(default_factory=dict)


def keep(node: Directory, name: str, text: str) -> None:
    """Store a line: the rule of attributes of which nothing is known."""
    node.put(name, parsers.c_string(text).rstrip("\n") + "\n")


def unchecked(node: Directory, name: str, text: str) -> None:
    """Take anything and do nothing: deprecated attributes."""


def boolean(guard: Guard | None = None, then: Then | None = None) -> Rule:
    """A kstrtobool() attribute; `guard` may refuse after parsing, `then` sees the value first."""

    def store(node: Directory, name: str, text: str) -> None:
        value = parsers.flag(text)
        if guard is not None:
            guard(node)
        if then is not None:
            then(node, value)
        node.put(name, f"{value:d}\n")

    return Rule(store=store)


def integer(
    allowed: Container[int] | None = None,
    *,
    kind: tuple[int, int] = U32,
    guard: Guard | None = None,
    then: Then | None = None,
    code: int = errno.EINVAL,
) -> Rule:
    """A kstrto*() attribute of the C type `kind`; a value not `allowed` is refused with `code`.

    `guard` may refuse after parsing and before the range is looked at; `then` sees the value last,
    may refuse it, and acts.
    """

    def store(node: Directory, name: str, text: str) -> None:
        value = parsers.number(text, *kind)
        if guard is not None:
            guard(node)
        if allowed is not None and value not in allowed:
            fail(code)
        if then is not None:
            then(node, value)
        node.put(name, f"{value}\n")

    return Rule(store=store)
