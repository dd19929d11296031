# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The manual page of fabric spec files, from the plain text that stands beside them.

specs/README is written to be read as it is. Its form: headings over ``===`` and ``---``, words
with their meaning in a column beside or below them, and what is indented under a meaning.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from rst import bold, definition, escaped, heading, indented

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["manual"]

_TERM = re.compile(r"(?P<word>\S+(?: \S+)*?)(?:  +(?P<meaning>.*))?\n(?P<more>(?: .*\n?)*)")
_ITEM = re.compile(r"\d\. ")


def manual(readme: Path) -> str:
    """Return its sections; what stands before the first is a description."""
    parts = re.split(r"^(.*)\n[-=]{3,}\n", readme.read_text("utf-8"), flags=re.MULTILINE)[1:]
    titles, bodies = ["Description", *parts[2::2]], parts[1::2]
    return "\n".join(f"{heading(title)}\n{_body(body)}" for title, body in zip(titles, bodies))


def _body(text: str) -> str:
    blocks = re.split(r"\n{2,}", text.strip("\n"))
    return "\n\n".join(map(_block, blocks)) + "\n"


def _block(block: str) -> str:
    """Return a paragraph, a list, or a list of words and their meanings."""
    margin = len(block) - len(block.lstrip(" "))
    text = textwrap.dedent(block) + "\n"
    if _ITEM.match(text):
        return text
    if margin or _defines(text):
        found = [_meaning(it) for it in _TERM.finditer(text)]
        return indented("\n".join(found)) if margin else "\n".join(found)
    return escaped(text)


def _defines(text: str) -> bool:
    """Tell whether a block that is not indented says what a word means."""
    first, _, rest = text.partition("\n")
    return bool(re.match(r"\w+  +\S", first)) or (first.islower() and rest.startswith("  "))


def _meaning(match: re.Match[str]) -> str:
    more = textwrap.dedent(match["more"] or "")
    # A second column holds an example of the first.
    meaning = re.sub(r" {2,}", ": ", match["meaning"] or "")
    return definition(bold(match["word"]), escaped(f"{meaning}\n{more}".strip()))
