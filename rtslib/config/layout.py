# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The text of a saved configuration, as ``json.dumps(data, sort_keys=True, indent=2)`` has it.

Python indents in Python, value by value, which takes longer than to read the values from the
kernel. Here objects that hold single values, which nearly all do, are left to the encoder in C.
"""

from __future__ import annotations

import json
from typing import Any

__all__ = ["text_of"]

#: Between members: no character of JSON's, so that it cannot stand in what is encoded.
_BETWEEN = "\0"
_encoded = json.JSONEncoder(sort_keys=True, separators=(_BETWEEN, ": ")).encode
_HOLDERS = frozenset({dict, list})
_STEP = "  "


def text_of(data: dict[str, Any]) -> str:
    """Return the text of a saved configuration, laid out as rtslib-fb does."""
    return _text(data, "\n") + "\n"


def _text(value: Any, line: str) -> str:
    """Return the text of a value; `line` begins a line as deep as the value is."""
    if not isinstance(value, (dict, list)) or not value:
        return _encoded(value)
    deeper = line + _STEP
    if isinstance(value, list):
        if _is_list_of_flat(value):
            return _list_of_flat(value, line)
        members = [_text(it, deeper) for it in value]
        return f"[{deeper}{f',{deeper}'.join(members)}{line}]"
    if _HOLDERS.isdisjoint(map(type, value.values())):
        members = _encoded(value)[1:-1].split(_BETWEEN)
    else:
        members = [f"{_encoded(key)}: {_text(it, deeper)}" for key, it in sorted(value.items())]
    return f"{{{deeper}{f',{deeper}'.join(members)}{line}}}"


def _is_list_of_flat(value: list[Any]) -> bool:
    """Tell whether a list holds nothing but objects of single values, and no empty one."""
    return set(map(type, value)) == {dict} and all(
        it and _HOLDERS.isdisjoint(map(type, it.values())) for it in value
    )


def _list_of_flat(value: list[dict[str, Any]], line: str) -> str:
    """Return the text of such a list: where a brace ends before another begins, is between two."""
    deeper, deepest = line + _STEP, line + 2 * _STEP
    body = _encoded(value)[2:-2]
    body = body.replace(f"}}{_BETWEEN}{{", f"{deeper}}},{deeper}{{{deepest}")
    return f"[{deeper}{{{deepest}{body.replace(_BETWEEN, f',{deepest}')}{deeper}}}{line}]"
