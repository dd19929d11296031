# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The secrets in a configuration: masked for printing, moved out for a file of their own.

Knows plain data (of a JSON file) and the keys whose values are secret; knows no files.

In the place of a secret that was moved out stands ``NULL:secret:7``. The kernel counts any secret
that begins with NULL as unset, so that no real one can be mistaken for it; and where another
program restores such a file, initiators are refused and not let in by a password that all know.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Callable

from rtslib.errors import MASK, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SECRET_KEYS", "join_secrets", "redact", "split_secrets"]

SECRET_KEYS = frozenset(
    ("chap_password", "chap_mutual_password", "discovery_password", "discovery_mutual_password")
)

_REFERENCE = re.compile(r"NULL:secret:(\d+)", re.ASCII)


def redact(data: Any, keys: frozenset[str] = SECRET_KEYS) -> Any:
    """Return a copy of data to be shown: a mask in the place of each secret that is set."""
    return _mapped(data, keys, lambda value: MASK if _is_set(value) else value)


def split_secrets(data: Any, keys: frozenset[str] = SECRET_KEYS) -> tuple[Any, dict[str, Any]]:
    """Return a copy of data without its secrets, and these by their references' numbers.

    Equal data give equal results. InvalidValueError for data whose secrets were moved out before
    and not put back: they would be lost.
    """
    moved: dict[str, Any] = {}

    def move(value: Any) -> Any:
        if not _is_set(value):
            return value
        if _number(value) is not None:
            raise InvalidValueError("the secrets of this configuration are in another file still")
        moved[str(len(moved) + 1)] = value
        return f"NULL:secret:{len(moved)}"

    return _mapped(data, keys, move), moved


def join_secrets(
    public: Any, secrets: Mapping[str, Any], keys: frozenset[str] = SECRET_KEYS
) -> Any:
    """Return a copy of data with its secrets put back; what is no reference stays as it is.

    InvalidValueError where one is missing.
    """

    def put_back(value: Any) -> Any:
        number = _number(value)
        if number is None:
            return value
        if number not in secrets:
            raise InvalidValueError(
                f"secret {number} of this configuration is not in the file of its secrets",
                hint="the two files are not of one save",
            )
        return secrets[number]

    return _mapped(public, keys, put_back)


def _is_set(value: Any) -> bool:
    """Tell whether there is a secret; whatever else a file has there may be one, misspelled."""
    return value is not None and value != ""


def _number(value: Any) -> str | None:
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return found and found[1]


def _mapped(data: Any, keys: frozenset[str], change: Callable[[Any], Any]) -> Any:
    if isinstance(data, dict):
        return {
            key: change(value) if key in keys else _mapped(value, keys, change)
            for key, value in data.items()
        }
    if isinstance(data, list):
        return [_mapped(value, keys, change) for value in data]
    return data
