# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What is wrong with a configuration, and where: how places and values are spelled for people.

Knows paths into plain data; knows neither JSON text nor LIO. A path is a tuple of the keys and
indexes that lead to a value: ``("targets", 0, "tpgs", 1)``.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple, Optional, Union

__all__ = ["LONGEST", "Path", "Problem", "kind", "shown", "spell"]

Path = tuple[Union[str, int], ...]

#: The longest piece of somebody's value or key that stands in a message.
LONGEST = 60

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
#: In this order: a bool is an int to Python.
_KINDS = {
    dict: "an object",
    list: "a list",
    str: "text",
    bytes: "bytes",
    bool: "true or false",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class Problem(NamedTuple):
    """One thing that is wrong; `column` is told where the text itself is, not what it says.

    Lines and columns count from 1 and are None where there is no text.
    """

    path: Path
    line: Optional[int]
    message: str
    hint: Optional[str] = None
    column: Optional[int] = None

    def __str__(self) -> str:
        parts = [f"{spell(self.path)}: " if self.path else "", self.message]
        return "".join(parts) + (f"; {self.hint}" if self.hint else "")

    def at(self, file: str) -> str:
        """Return the problem as compilers do: ``FILE:LINE: targets[0].wwn: message; hint``."""
        place = [file, *(str(number) for number in (self.line, self.column) if number is not None)]
        return f"{':'.join(place)}: {self}"


def spell(path: Path) -> str:
    """Return a path as people write it: ``targets[0].luns[3].index``, odd keys as ``["a b"]``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step) and len(step) <= LONGEST:
            text += f".{step}" if text else step
        else:
            text += f"[{shown(step)}]"
    return text


def shown(value: object) -> str:
    """Return a value as a message shows it: on one line, printable, never long.

    Not for secrets: nothing here knows which values are.
    """
    if isinstance(value, str):
        cut = value if len(value) <= LONGEST else f"{value[:LONGEST]}..."
        text = json.dumps(cut, ensure_ascii=False)
        return "".join(it if it.isprintable() else json.dumps(it)[1:-1] for it in text)
    if isinstance(value, int) and abs(value) >= 10**LONGEST:
        return "a very long number"
    return json.dumps(value) if isinstance(value, (int, float)) else kind(value)


def kind(value: object) -> str:
    """Return what sort of value it is, as people who write JSON call it."""
    for cls, name in _KINDS.items():
        if isinstance(value, cls):
            return name
    return f"a Python {type(value).__name__}"
