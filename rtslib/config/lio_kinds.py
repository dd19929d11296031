# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What values of a saved configuration may be, where LIO has a say: names, sizes, settings.

Each is a ``fields.Kind``; what holds which of them is in ``schema``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from rtslib import spec
from rtslib.config.fields import INVALID, Definitions, Reader
from rtslib.config.form import Saved, setting_codec
from rtslib.config.kinds import BOOLEAN, TEXT, MappingOf, Scalar, integer
from rtslib.config.problem import shown
from rtslib.errors import InvalidValueError
from rtslib.values import parse_size

if TYPE_CHECKING:
    from rtslib.config.table import Table
    from rtslib.node import Node

__all__ = [
    "BACKSTORE",
    "COMPONENT",
    "FABRIC",
    "SIZE",
    "Named",
    "Settings",
    "attribute",
    "backstore",
    "fabric",
]

_NAME = re.compile("[A-Za-z0-9_][A-Za-z0-9_.:-]*")
_MAX_BYTES = (1 << 63) - 1


def _component(value: object) -> str:
    """Return text that can be the name of one directory."""
    if value.__class__ is str and _NAME.fullmatch(value):  # as nearly all are
        return value
    name = str(TEXT.convert(value))
    if name in ("", ".", "..") or "/" in name:
        raise ValueError(f"{shown(name)} cannot be the name of a directory")
    return name


COMPONENT = Scalar(_component, {"type": "string", "minLength": 1, "pattern": "^[^/]+$"})


def _size(value: object) -> int:
    """Return a size in bytes, also given as text with a unit."""
    size = parse_size(value) if isinstance(value, str) else integer(0, _MAX_BYTES).convert(value)
    if not 0 <= size <= _MAX_BYTES:
        raise ValueError(f"{shown(size)} bytes are more than there can be")
    return int(size)


SIZE = Scalar(_size, {"type": ["integer", "string"], "minimum": 0})


def fabric(value: object) -> str:
    """Return the name of a fabric, as its spec has it."""
    return spec.find(_component(value)).name


FABRIC = Scalar(fabric, {"type": "string"})


_REFERENCE = re.compile("/backstores/[^/]+/[^/]+")


def backstore(value: object) -> str:
    """Return the reference to a storage object, ``/backstores/PLUGIN/NAME``."""
    name = str(TEXT.convert(value))
    if not _REFERENCE.fullmatch(name):
        raise InvalidValueError(
            f"{shown(name)} refers to no storage object", hint="write /backstores/PLUGIN/NAME"
        )
    return name


BACKSTORE = Scalar(backstore, {"type": "string", "pattern": f"^{_REFERENCE.pattern}$"})


def _lines(value: object) -> str:
    """Return text that may have more than one line: a map of LBAs has one for each range."""
    if not isinstance(value, str):
        return str(TEXT.convert(value))
    for line in value.split("\n"):
        TEXT.convert(line)
    return value


_KINDS: dict[type, Scalar] = {bool: BOOLEAN, int: integer(), str: TEXT}


def attribute(saved: Saved) -> Scalar:
    """Return the kind of an attribute: what its codec takes, in the form of the file."""
    kind = Scalar(_lines, TEXT.description) if saved.key == "lba_map" else _KINDS[saved.kind]

    def convert(value: object) -> Any:
        converted = kind.convert(value)
        if converted != "" or not saved.optional:
            saved.codec.encode(converted)
        return converted

    return Scalar(convert, kind.description)


@dataclass(frozen=True)
class Settings:
    """A group of settings of a class: any that can be files, of their types where these are known.

    A value that is none of the type would be refused only when half of the rest is set up.
    """

    cls: type[Node]
    key: str

    def read(self, reader: Reader) -> Any:
        """Return the settings, or what is right of them."""
        return reader.once(self, self._all)

    def _all(self, reader: Reader) -> Any:
        if not isinstance(reader.value, dict):
            return MappingOf().read(reader)
        found = {name: self._read(reader, name) for name in reader.value}
        return {name: value for name, value in found.items() if value is not INVALID}

    def _read(self, reader: Reader, name: str) -> Any:
        """Return one setting, or INVALID."""
        one = reader.part(name)
        found = MappingOf().read(one)
        if name not in found:
            return INVALID
        kind = Scalar(setting_codec(getattr(self.cls, self.key), name).encode)
        return INVALID if kind.read(one.at(name)) is INVALID else found[name]

    def schema(self, definitions: Definitions) -> dict[str, Any]:
        """Return its JSON Schema, without the types: each may be spelled in many ways."""
        return MappingOf().schema(definitions)


@dataclass(frozen=True)
class Named:
    """An object whose keys are names of a kind, each with an object of one table."""

    name: Callable[[object], str]
    table: Table

    def read(self, reader: Reader) -> Any:
        """Return the object, or what is right of it."""
        made = {}
        for key in reader.members() or ():
            try:
                name = self.name(key)
            except ValueError as error:
                reader.problem(str(error), path=(key,))
                continue
            value = self.table.read(reader.at(key))
            if value is not INVALID:
                made[name] = value
        return made

    def schema(self, definitions: Definitions) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {"type": "object", "additionalProperties": self.table.schema(definitions)}
