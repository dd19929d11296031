# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Errors and what to do: from the tree of classes, and from the table of advice."""

from __future__ import annotations

import errno
import inspect
import os
import re

from rst import code, definition, escaped, table

from rtslib import errors
from rtslib.errors import RTSLibError, kernel_error
from rtslib.hint_facts import VALUES
from rtslib.hint_rules import RULES, Rule

__all__ = ["advice", "classes", "kinds", "listed", "ranges", "summary"]


def classes() -> list[type[RTSLibError]]:
    """Return the public classes of errors in the order of the source."""
    found = [it for it in vars(errors).values() if inspect.isclass(it)]
    ours = [it for it in dict.fromkeys(found) if issubclass(it, RTSLibError)]
    return [it for it in ours if not it.__name__.startswith("_")]


def kinds() -> str:
    """Return a table of the classes: what else each is, which errnos it stands for, its meaning."""
    rows = [
        (
            f":class:`~rtslib.errors.{it.__name__}`",
            ", ".join(code(base.__name__) for base in _standard(it)),
            " ".join(code(name) for name in _errnos(it)),
            summary(it),
        )
        for it in classes()
    ]
    return table(("Error", "Is also", "Stands for", "Meaning"), rows, (26, 20, 18, 36))


def listed() -> str:
    """Return the classes with their meaning."""
    return "\n".join(definition(f"**{it.__name__}**", summary(it)) for it in classes())


def advice() -> str:
    """Return the table of advice: what was tried, how it was refused, what can be done."""
    rows = [
        (rule.operations, _spaced(rule.errnos), _place(rule.path), _says(rule)) for rule in RULES
    ]
    return table(
        ("Tried", "Refused by", "At", "What it may be"),
        [(_any(tried), _any(refused), place, says) for tried, refused, place, says in rows],
        (10, 14, 32, 44),
    )


def ranges() -> str:
    """Return which values the kernel takes where it says no more than EINVAL."""
    rows = [
        (code(name), f"{escaped(text.removeprefix('it takes '))}") for name, text in VALUES.items()
    ]
    return table(("Setting", "The kernel takes"), rows, (40, 60))


def summary(it: object) -> str:
    """Return the first sentence or paragraph of a docstring, in one line."""
    text = inspect.getdoc(it) or ""
    return " ".join(text.partition("\n\n")[0].split()).removesuffix("::").strip()


def _standard(it: type[RTSLibError]) -> list[type]:
    """Return the nearest classes of the standard library that an error is one of."""
    found: list[type] = []
    for base in it.__mro__:
        outside = base.__module__ == "builtins" and base not in (object, Exception, BaseException)
        if outside and not any(issubclass(one, base) for one in found):
            found.append(base)
    return found


def _errnos(it: type[RTSLibError]) -> list[str]:
    """Return the names of the errnos that become this class."""
    numbers = sorted(errno.errorcode)
    made = {number: type(kernel_error(OSError(number, ""), "write", "x")) for number in numbers}
    if it is errors.KernelError:
        return ["others"]
    return [errno.errorcode[number] for number in numbers if made[number] is it]


def _any(words: str) -> str:
    return "anything" if words == "*" else words


def _spaced(names: str) -> str:
    """Return the names of errnos with their texts: people know one or the other."""
    if names == "*":
        return names
    return "\n\n".join(f"{name}: {os.strerror(getattr(errno, name))}" for name in names.split())


def _place(path: str) -> str:
    return "anywhere" if path == "..." else code(path)


def _says(rule: Rule) -> str:
    if isinstance(rule.advice, str):
        return escaped(rule.advice)
    return re.sub(r"^``fs``.*", "", summary(rule.advice)) or code(rule.advice.__name__)
