# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Tables that say what an object may hold, and the walk that holds data against them.

Knows how to go on after a mistake, so that all of them are found at once; knows neither JSON text
nor LIO. What a single value may be is in ``kinds``.

Reading is lenient where nothing can be misunderstood: an optional field may be missing or null,
may have an old name, and a key that no table knows is kept, with a warning.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Protocol

from rtslib.config.problem import Path, Problem, kind, shown
from rtslib.errors import RTSLibError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rtslib.config.document import Document

__all__ = [
    "ABSENT",
    "INVALID",
    "REQUIRED",
    "Checked",
    "Definitions",
    "Field",
    "Kind",
    "Reader",
    "Rule",
    "Table",
    "check",
    "json_schema",
    "meant",
]


class _Word:
    """A value that is no value of any configuration."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


#: What reading a wrong value returns; its problem is noted.
INVALID = _Word("INVALID")
#: The default of a field that must be given.
REQUIRED = _Word("REQUIRED")
#: The default of a field that is left out where it is not given.
ABSENT = _Word("ABSENT")

#: Definitions of a JSON Schema by their names, filled while one is made.
Definitions = dict[str, Any]


class Kind(Protocol):
    """What a value may be: reads one, and says so as JSON Schema."""

    def read(self, reader: Reader) -> Any:
        """Return the value as the rest of the program wants it, or INVALID with a problem noted."""
        ...

    def schema(self, definitions: Definitions) -> dict[str, Any]:
        """Return its JSON Schema; what has a name goes into `definitions`."""
        ...


class Checked(NamedTuple):
    """The data in its normal form, of use only if there are no problems."""

    data: Any
    problems: list[Problem]
    warnings: list[Problem]


#: The types of values that are equal only where they are the same, and that nobody can change.
_PLAIN = frozenset({str, int, bool})


#: From how many objects of a list on it is worth a look at all of them at once.
_MANY = 8


class _Walk:
    """What one walk through some data has found so far."""

    __slots__ = ("known", "problems", "warnings")

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        #: By field or setting, type and value: what the value was read as, where it was right.
        #: Most objects of a configuration are alike, and each value is looked at once.
        self.known: dict[tuple[Any, ...], Any] = {}


class Reader:
    """A value, the path to it, and where to note what is wrong with it."""

    __slots__ = ("_above", "_found", "_step", "secret", "value")

    def __init__(
        self,
        value: Any,
        found: _Walk,
        above: Reader | None = None,
        step: str | int = "",
        secret: bool = False,
    ) -> None:
        self.value = value
        #: Whether the value must not stand in a message.
        self.secret = secret
        self._found = found
        self._above = above
        self._step = step

    @property
    def path(self) -> Path:
        """The path to the value. Hardly ever asked for: it is put together then."""
        return () if self._above is None else (*self._above.path, self._step)

    @property
    def known(self) -> dict[tuple[Any, ...], Any]:
        """What values were read as in this walk: see ``_Walk``."""
        return self._found.known

    @property
    def problems(self) -> int:
        """How many problems the whole walk has found so far."""
        return len(self._found.problems)

    def at(self, step: str | int, *, secret: bool = False) -> Reader:
        """Return the reader of a member of this object or list."""
        return Reader(self.value[step], self._found, self, step, secret or self.secret)

    def once(self, kind: object, read: Callable[[Reader], Any]) -> Any:
        """Return what a function makes of an object, once for all objects of single values alike.

        What it returns is shared by them. What there is to say of one is said of each.
        """
        value = self.value
        types = set(map(type, value.values())) if isinstance(value, dict) else {dict}
        if not types <= _PLAIN:
            return read(self)
        # True is 1: where there are such, types tell values apart.
        told = tuple(map(type, value.values())) if bool in types else ()
        key = (id(kind), told, *value, *value.values())
        found = self._found
        if key in found.known:
            return found.known[key]
        before = len(found.problems), len(found.warnings)
        made = read(self)
        if before == (len(found.problems), len(found.warnings)):
            found.known[key] = made
        return made

    def part(self, step: str) -> Reader:
        """Return the reader of this object as if it had one member only."""
        one = {step: self.value[step]}
        return Reader(one, self._found, self._above, self._step, self.secret)

    def problem(self, message: str, hint: str | None = None, path: Path = ()) -> _Word:
        """Note what is wrong here, or at a path from here; return INVALID."""
        if self.secret and _repeats(f"{message} {hint}", self.value):
            message, hint = "this secret cannot be used", None
        self._found.problems.append(Problem((*self.path, *path), None, message, hint))
        return INVALID

    def warn(self, message: str, hint: str | None = None, path: Path = ()) -> None:
        """Note what is odd here, or at a path from here."""
        self._found.warnings.append(Problem((*self.path, *path), None, message, hint))

    def convert(self, convert: Callable[[Any], Any]) -> Any:
        """Return what a function makes of the value; what its ValueError says is a problem."""
        try:
            return convert(self.value)
        except ValueError as error:
            if isinstance(error, RTSLibError):
                return self.problem(error.message, error.hint)
            return self.problem(str(error))

    def members(self) -> Mapping[Any, Any] | None:
        """Return the value if it is an object; else note the problem and return None."""
        if isinstance(self.value, dict):
            return self.value
        self.problem(f"an object was expected, not {kind(self.value)}")
        return None

    def items(self) -> Iterator[Reader]:
        """Yield a reader of each item of a list; of something else none, with a problem noted."""
        if isinstance(self.value, (list, tuple)):
            for index in range(len(self.value)):
                yield self.at(index)
        else:
            self.problem(f"a list was expected, not {kind(self.value)}")


def _repeats(message: str, value: object) -> bool:
    """Tell whether four characters in a row of a value may stand in a message, in whatever case."""
    if not isinstance(value, str):
        return True  # so many ways to spell it
    message = message.casefold()
    for text in (value.casefold(), repr(value)[1:-1].casefold(), shown(value)[1:-1].casefold()):
        pieces = (text[at : at + 4] for at in range(max(len(text) - 3, 1)))
        if text and any(piece in message for piece in pieces):
            return True
    return False


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
            key = (id(it), value.__class__, value) if value.__class__ in _PLAIN else None
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
            if it.convert is None or not _PLAIN.issuperset(types):
                return None
            try:
                meant = {pair: it.convert(pair[1]) for pair in set(zip(types, values))}
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


@lru_cache(maxsize=1024)
def meant(word: str, known: tuple[str, ...]) -> str | None:
    """Return the hint that somebody mistyped one of the known words, or None."""
    close = get_close_matches(word, known, 1, 0.75)
    return f"did you mean {shown(close[0])}?" if close else None


def check(document: Document, kind: Kind) -> Checked:
    """Hold a document against a table: return its normal form, all problems, all warnings.

    The document's data is not changed; what the normal form keeps as it is may be shared with it.
    """
    found = _Walk()
    data = kind.read(Reader(document.data, found))

    def placed(problems: list[Problem]) -> list[Problem]:
        return [it._replace(line=document.line(it.path)) for it in problems]

    return Checked(data, placed(found.problems), placed(found.warnings))


def json_schema(kind: Kind, title: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what people should write.

    `check` takes all that it describes, and more: old names, null, numbers as text.
    """
    definitions: Definitions = {}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **kind.schema(definitions),
        "$defs": definitions,
    }
