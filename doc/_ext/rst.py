# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Pieces of reStructuredText, with which the generators of this directory write."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["bold", "code", "definition", "emphasis", "escaped", "heading", "indented", "table"]

_LINES = "=-~^"


def escaped(text: str) -> str:
    """Return text in which nothing is markup."""
    return re.sub(r"([\\*`|_])", r"\\\1", text)


def code(text: str) -> str:
    """Return text as code; it must not be empty."""
    return f"``{text}``"


def bold(text: str) -> str:
    """Return text in bold."""
    return f"**{escaped(text)}**"


def emphasis(text: str) -> str:
    """Return emphasized text."""
    return f"*{escaped(text)}*"


def heading(text: str, level: int = 0) -> str:
    """Return a heading; level 0 is that of a section."""
    return f"{text}\n{_LINES[level] * len(text)}\n"


def indented(text: str) -> str:
    """Return text as the body of something."""
    return textwrap.indent(text, "   ")


def definition(term: str, *paragraphs: str) -> str:
    """Return a term and what it means."""
    return f"{term}\n{indented(chr(10).join(f'{it}{chr(10)}' for it in paragraphs))}"


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int] | None = None
) -> str:
    """Return a table of cells that are reStructuredText themselves."""
    options = ["   :header-rows: 1", "   :class: facts"]
    options.append(f"   :widths: {' '.join(map(str, widths)) if widths else 'auto'}")
    lines = [".. list-table::", *options, ""]
    for row in (header, *rows):
        for start, cell in zip(["   * - ", *["     - "] * (len(row) - 1)], row):
            first, *rest = (cell or "").split("\n")
            lines += [f"{start}{first}".rstrip(), *(f"       {line}".rstrip() for line in rest)]
    return "\n".join([*lines, ""])
