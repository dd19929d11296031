# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Tables that say what an object may hold.

Reading is lenient where nothing can be misunderstood: an optional field may be missing or null,
may have an old name, and a key that no table knows is kept, with a warning.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Callable

from rtslib.config.fields import ABSENT, INVALID, PLAIN, REQUIRED, Reader, meant
from rtslib.config.problem import kind, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtslib.config.fields import Definitions, Kind

__all__ = ["Field", "Rule", "Table"]

#: From how many objects of a list on it is worth a look at all of them at once.
_MANY = 8


@dataclass(frozen=True)
class Field:
    """A key of an object: what its value may be, and what it is where it is not given.

    `aliases` are its old names. A `secret` never stands in a message. A `default` is not checked.
    """

    name: str
    kind: Kind
    doc: str = ""
    default: Any = ABSENT
    aliases: Sequence[str] = ()
    secret: bool = False

    @cached_property
    def optional(self) -> bool:
        """Whether there is nothing to be done where it is not given by its name."""
        return self.default is ABSENT and not self.aliases

    @cached_property
    def convert(self) -> Callable[[Any], Any] | None:
        """What makes a single value of it, where nothing more is to be looked at."""
        return None if self.aliases else getattr(self.kind, "convert", None)

    def read(self, reader: Reader) -> Any:
        """Return this field of the object that a reader is at; INVALID or ABSENT if there is none.

        A problem is noted where it is INVALID.
        """
        name = self._name_in(reader) if self.aliases else self.name
        if reader.value.get(name) is not None:
            return self.kind.read(reader.at(name, secret=self.secret))
        if self.default is REQUIRED:
            return reader.problem(f"{shown(self.name)} is missing")
        return ABSENT if self.default is ABSENT else deepcopy(self.default)

    def _name_in(self, reader: Reader) -> str:
        """Return the name by which an object has this field."""
        names = [it for it in (self.name, *self.aliases) if reader.value.get(it) is not None]
        for other in names[1:]:
            if reader.value[other] != reader.value[names[0]]:
                message = f"differs from {shown(names[0])}, which is another name of the same"
                reader.problem(message, f"keep {shown(self.name)}", (other,))
        return names[0] if names else self.name

    def schema(self, definitions: Definitions) -> dict[str, Any]:
        """Return the JSON Schema of its value."""
        made = dict(self.kind.schema(definitions))
        if self.doc:
            made["description"] = self.doc
        if self.default is not REQUIRED and self.default is not ABSENT:
            made["default"] = self.default
        if self.secret:
            made["writeOnly"] = True
        return made


#: What must be true of an object whose fields are all right: it is called with the normal form,
#: and notes problems at the reader of the original.
Rule = Callable[["dict[str, Any]", Reader], None]


@dataclass(frozen=True)
class Table:
    """What an object may hold: its fields in the order of the normal form, and rules over them.

    Keys without a field are kept behind them, with a warning. `name` is for its JSON Schema. Of
    objects that are mostly `alike` one normal form stands for all that are.
    """

    name: str
    fields: Sequence[Field]
    rules: Sequence[Rule] = ()
    doc: str = ""
    alike: bool = False
    _known: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [name for it in self.fields for name in (it.name, *it.aliases)]
        if len(set(names)) != len(names):
            raise ValueError(f"a name stands twice in the table {self.name}")
        object.__setattr__(self, "_known", frozenset(names))

    def read(self, reader: Reader) -> Any:
        """Return the object in its normal form, or what is right of it."""
        return reader.once(self, self._read) if self.alike else self._read(reader)

    def _read(self, reader: Reader) -> Any:
        if reader.members() is None:
            return INVALID
        before = reader.problems
        made = self._right_of(reader)
        if reader.problems == before:
            for rule in self.rules:
                rule(made, reader)
        return made

    def _right_of(self, reader: Reader) -> dict[str, Any]:
        """Return what is right of an object, by field."""
        given, known = reader.value, reader.known
        made: dict[str, Any] = {}
        for it in self.fields:
            name = it.name
            value = given.get(name)
            if value is None and it.optional:
                continue
            key = (id(it), value.__class__, value) if value.__class__ in PLAIN else None
            if key is not None and key in known:
                made[name] = known[key]
                continue
            if key is not None and it.convert is not None:
                try:
                    made[name] = known[key] = it.convert(value)
                except ValueError:
                    pass  # what is wrong is told below
                else:
                    continue
            found = it.read(reader)
            if found is not INVALID and found is not ABSENT:
                made[name] = found
        if not self._known.issuperset(given):
            self._take_over(reader, made)
        return made

    def columns(self, reader: Reader) -> dict[str, list[Any]] | None:
        """Return a list of objects field by field, if all have the same fields and all is right.

        The quick way for many objects of single values: each value that occurs is looked at once.
        None where the objects are to be read one by one, above all if there is something to say.
        """
        given = reader.value
        if self.rules or len(given) < _MANY or set(map(type, given)) != {dict}:
            return None
        keys = tuple(given[0])
        if not self._known.issuperset(keys) or set(map(tuple, given)) != {keys}:
            return None
        made: dict[str, list[Any]] = {}
        for it in self.fields:
            if it.name not in keys:
                if not it.optional:
                    return None
                continue
            values = [one[it.name] for one in given]
            types = list(map(type, values))
            if it.convert is None or not PLAIN.issuperset(types):
                return None
            meant = reader.known.setdefault(("column", id(it)), {})
            try:
                for pair in set(zip(types, values)).difference(meant):
                    meant[pair] = it.convert(pair[1])
            except ValueError:
                return None
            made[it.name] = [meant[pair] for pair in zip(types, values)]
        return made

    def _take_over(self, reader: Reader, made: dict[str, Any]) -> None:
        """Keep what has no field, with a warning."""
        for key in reader.value:
            if key not in self._known:
                self._unknown(reader, key)
                made[key] = reader.value[key]

    def _unknown(self, reader: Reader, key: Any) -> None:
        """Warn of a key without a field."""
        if not isinstance(key, str):
            reader.problem(f"a key must be text, not {kind(key)}")
            return
        hint = meant(key, tuple(it.name for it in self.fields))
        reader.warn("this key is not known and does nothing", hint, (key,))

    def schema(self, definitions: Definitions) -> dict[str, Any]:
        """Return a reference to its definition."""
        if self.name not in definitions:
            made: dict[str, Any] = {"type": "object"}
            definitions[self.name] = made  # before its fields: a table may hold itself
            if self.doc:
                made["description"] = self.doc
            made["properties"] = {it.name: it.schema(definitions) for it in self.fields}
            made["required"] = [it.name for it in self.fields if it.default is REQUIRED]
        return {"$ref": f"#/$defs/{self.name}"}
