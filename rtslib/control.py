# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a storage object's control file takes: ``key=value`` pairs, separated by commas.

The kernel ends a value at a comma or a line break, cuts one that is too long for its buffer, and
ignores a key that it does not know, all without an error: what it would not keep is refused here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtslib.errors import InvalidValueError
from rtslib.values import NAME, Codec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtslib.node import Node

__all__ = ["encode", "name_of", "pairs"]

#: control itself is cut at one page.
_PAGE_BYTES = 4095


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def name_of(limit: int) -> Codec[str]:
    """Return the codec of a name that the kernel would cut behind this many bytes."""

    def encode(value: object) -> str:
        text = NAME.encode(value)
        if _size(text) > limit:
            raise InvalidValueError(
                f"the kernel would cut {text!r} to {limit} bytes without an error",
                hint="use a link of a shorter name",
            )
        return text

    return Codec(f"name of at most {limit} bytes", NAME.decode, encode)


def encode(node: Node, keys: Mapping[str, Codec[Any]], settings: Mapping[str, object]) -> str:
    """Return the text that sets these keys in a node's control file, '' for none."""
    text = ",".join(f"{key}={_value(node, keys, key, it)}" for key, it in settings.items())
    if _size(text) > _PAGE_BYTES:
        raise InvalidValueError(f"{node.path}/control takes {_PAGE_BYTES} bytes", value=text)
    return text


def _value(node: Node, keys: Mapping[str, Codec[Any]], key: str, value: object) -> str:
    codec = keys.get(key)
    if codec is None:
        known = ", ".join(keys)
        raise InvalidValueError(f"{node!r} has no control key {key!r}, only {known}")
    try:
        text = codec.encode(value)
    except InvalidValueError as error:
        raise _refused(node, key, value, error.message, error.hint) from error
    if "," in text:
        why = f"the kernel would end {text!r} at the comma"
        raise _refused(node, key, value, why, "use a link of another name")
    if "\0" in text:
        raise _refused(node, key, value, f"the kernel would end {text!r} at the NUL", None)
    return text


def _refused(node: Node, key: str, value: object, why: str, hint: str | None) -> InvalidValueError:
    return InvalidValueError(
        f"{node.path}/control: {key}: {why}",
        operation="write",
        path=f"{node.path}/control",
        value=str(value),
        hint=hint,
    )


def pairs(control: str | Mapping[str, object] | None) -> dict[str, object]:
    """Return control settings given as a mapping or as the classic 'key=value,key=value'."""
    if not isinstance(control, str):
        return dict(control or {})
    found: dict[str, object] = {}
    for pair in filter(None, control.split(",")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise InvalidValueError(f"{pair!r} in control {control!r} is no key=value")
        found[key.strip()] = value.strip()
    return found
