# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a value of a configuration may be: flags, integers, text, one of some words, lists of these.

Each is a ``fields.Kind``. Knows what can become a file's name and content in configfs, and nothing
else of LIO. Lenient in the spelling, strict in the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

from rtslib.config.fields import INVALID, Definitions, Kind, Reader, meant
from rtslib.config.problem import kind, shown, spell
from rtslib.config.table import Table
from rtslib.errors import InvalidValueError
from rtslib.values import FLAG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "BOOLEAN",
    "INTEGER",
    "SCALAR",
    "TEXT",
    "ListOf",
    "MappingOf",
    "Scalar",
    "Variants",
    "choice",
    "integer",
    "text",
]


@dataclass(frozen=True)
class Scalar:
    """A single value: a function that returns it or raises ValueError with a sentence."""

    convert: Callable[[Any], Any]
    description: Mapping[str, Any] = field(default_factory=dict)

    def read(self, reader: Reader) -> Any:
        """Return what the function makes of the value."""
        return reader.convert(self.convert)

    def schema(self, definitions: Definitions) -> dict[str, Any]:
        """Return the JSON Schema that was given."""
        return dict(self.description)


def _boolean(value: object) -> bool:
    if isinstance(value, (int, str)):
        try:
            return FLAG.encode(value) == "1"
        except InvalidValueError:
            pass
    raise ValueError(f"true or false was expected, not {shown(value)}")


#: True and false, also as 1 and 0, yes and no, on and off.
BOOLEAN = Scalar(_boolean, {"enum": [True, False, 1, 0]})

_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,39})")


def integer(minimum: int | None = None, maximum: int | None = None) -> Scalar:
    """Return the kind of an integer within bounds; also taken as decimal text, or as 1.0."""

    def convert(value: object) -> int:
        number = _integer(value)
        if number is None:
            raise ValueError(f"an integer was expected, not {shown(value)}")
        if minimum is not None and number < minimum:
            raise ValueError(f"{shown(number)} is less than {minimum}")
        if maximum is not None and number > maximum:
            raise ValueError(f"{shown(number)} is more than {maximum}")
        return number

    bounds = {"minimum": minimum, "maximum": maximum}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return Scalar(convert, {"type": "integer", **given})


def _integer(value: object) -> int | None:
    """Return the integer that is meant; None for what is none, or may not be the one meant.

    Text with zeros before it is octal to the kernel.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _DECIMAL.fullmatch(value.strip()):
        return int(value)
    # Programs that know no integers write 1.0; past 2**53 they cannot tell neighbours apart.
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return None


INTEGER = integer()


def text(
    pattern: str | None = None, *, what: str = "", longest: int | None = None, empty: bool = True
) -> Scalar:
    """Return the kind of a line of text; a number is taken for its digits.

    `what` says in words what the (whole) pattern stands for, `longest` counts bytes.
    """
    wanted = re.compile(pattern) if pattern is not None else None

    def convert(value: object) -> str:
        line = _line(value)
        if not (line or empty):
            raise ValueError("must not be empty")
        if longest is not None and len(line.encode("utf-8", "surrogatepass")) > longest:
            raise ValueError(f"longer than {longest} bytes")
        if wanted is not None and not wanted.fullmatch(line):
            raise ValueError(f"{what or 'something else'} was expected, not {shown(line)}")
        return line

    described: dict[str, Any] = {"type": "string"}
    if not empty:
        described["minLength"] = 1
    if longest is not None:
        described["maxLength"] = longest
    if pattern is not None:
        described["pattern"] = f"^(?:{pattern})$"
    return Scalar(convert, described)


def _line(value: object) -> str:
    """Return text that a file in configfs can hold."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = shown(value)
    if not isinstance(value, str):
        raise InvalidValueError(f"text was expected, not {kind(value)}")
    if "\n" in value or "\0" in value:
        raise ValueError("a line break or NUL in the text, which the kernel cannot keep")
    return value


TEXT = text()


def choice(*words: str) -> Scalar:
    """Return the kind of one of some words."""

    def convert(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise InvalidValueError(
            f"one of {', '.join(words)} was expected, not {shown(value)}",
            hint=meant(value, words) if isinstance(value, str) else None,
        )

    return Scalar(convert, {"enum": list(words)})


def _scalar(value: object) -> str | int | bool:
    return value if isinstance(value, int) else _line(value)


#: Text, an integer, true or false, as it is: a setting whose type only the kernel knows.
SCALAR = Scalar(_scalar, {"type": ["string", "integer", "boolean"]})

#: What can be a file in a configfs directory, and leads out of none.
_NAME = "[A-Za-z0-9_][A-Za-z0-9_.-]*"


@dataclass(frozen=True)
class MappingOf:
    """An object whose keys are names of files, with values of one kind."""

    kind: Kind = SCALAR

    def read(self, reader: Reader) -> Any:
        """Return the object, or what is right of it."""
        given = reader.members()
        if given is None:
            return INVALID
        made = {}
        for name in given:
            if not isinstance(name, str) or not re.fullmatch(_NAME, name):
                reader.problem(f"{shown(name)} cannot be the name of a setting")
                continue
            value = self.kind.read(reader.at(name))
            if value is not INVALID:
                made[name] = value
        return made

    def schema(self, definitions: Definitions) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{_NAME}$"},
            "additionalProperties": self.kind.schema(definitions),
        }


@dataclass(frozen=True)
class ListOf:
    """A list of one kind; no two objects in it may have the same `unique` fields."""

    kind: Kind
    unique: Sequence[str] = ()

    def read(self, reader: Reader) -> Any:
        """Return the list, or what is right of it."""
        quick = self._quick(reader)
        if quick is not None:
            return quick
        made = []
        seen: dict[tuple[Any, ...], Reader] = {}
        for item in reader.items():
            before = reader.problems
            value = self.kind.read(item)
            if value is INVALID:
                continue
            made.append(value)
            if self.unique and reader.problems == before:
                values = tuple(map(value.get, self.unique))
                first = seen.setdefault(values, item)
                if first is not item:
                    self._repeated(item, first, values)
        return made

    def _quick(self, reader: Reader) -> list[Any] | None:
        """Return the list if it can be read by the column and nothing in it is wrong."""
        if not isinstance(self.kind, Table) or not isinstance(reader.value, (list, tuple)):
            return None
        columns = self.kind.columns(reader)
        if columns is None or not columns.keys() >= set(self.unique):
            return None
        told = set(zip(*(columns[name] for name in self.unique)))
        if self.unique and len(told) < len(reader.value):
            return None
        return [dict(zip(columns, row)) for row in zip(*columns.values())]

    def _repeated(self, item: Reader, first: Reader, values: tuple[Any, ...]) -> None:
        """Note that an object has the names of one before it."""
        same = " and ".join(f"{name} {shown(value)}" for name, value in zip(self.unique, values))
        item.problem(f"the same {same} as {spell(first.path)}")

    def schema(self, definitions: Definitions) -> dict[str, Any]:
        """Return its JSON Schema, which cannot say what is unique."""
        return {"type": "array", "items": self.kind.schema(definitions)}


@dataclass(frozen=True)
class Variants:
    """An object that is of one table or another, as the word in its field `tag` says."""

    tag: str
    tables: Mapping[str, Table]

    def read(self, reader: Reader) -> Any:
        """Return the object in the normal form of its table."""
        given = reader.members()
        if given is None:
            return INVALID
        word = given.get(self.tag)
        if word is None:
            return reader.problem(f"{shown(self.tag)} is missing")
        if isinstance(word, str) and word in self.tables:
            return self.tables[word].read(reader)
        return choice(*self.tables).read(reader.at(self.tag))

    def schema(self, definitions: Definitions) -> dict[str, Any]:
        """Return its JSON Schema."""
        return {
            "oneOf": [
                {
                    "properties": {self.tag: {"const": word}},
                    "required": [self.tag],
                    **table.schema(definitions),
                }
                for word, table in self.tables.items()
            ]
        }
