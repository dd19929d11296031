# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The walk that holds data against what it may be, and notes what is wrong and where.

Knows how to go on after a mistake, so that all of them are found at once; knows neither JSON text
nor LIO. What an object may hold is in ``table``, what a single value may be in ``kinds``.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Protocol

from rtslib.config.problem import Path, Problem, kind, shown
from rtslib.errors import RTSLibError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rtslib.config.document import Document

__all__ = [
    "ABSENT",
    "INVALID",
    "PLAIN",
    "REQUIRED",
    "Checked",
    "Definitions",
    "Kind",
    "Reader",
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
PLAIN = frozenset({str, int, bool})


class _Walk:
    """What one walk through some data has found so far."""

    __slots__ = ("known", "problems", "warnings")

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        #: By field or setting, type and value: what the value was read as, where it was right.
        #: Most objects of a configuration are alike, and each value is looked at once.
        #: By "column" and field: the same of all values in columns.
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
        if not types <= PLAIN:
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
