# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a command is: the rows that the tables of commands are made of."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["TARGETS", "Argument", "Command", "file", "flag", "option"]


class Argument(NamedTuple):
    """An argument: its names, what it is for, and what else argparse is told.

    `completes` is what a shell offers: file, directory, target or storage-object.
    """

    names: tuple[str, ...]
    help: str
    more: dict[str, Any]
    completes: str = ""


class Command(NamedTuple):
    """A command; `run` is the function that carries it out, as MODULE:FUNCTION of this package."""

    name: str
    summary: str
    description: str
    run: str
    arguments: tuple[Argument, ...]
    examples: tuple[str, ...]


def flag(name: str, text: str) -> Argument:
    """Return an option that is given or not."""
    return Argument((name,), text, {"action": "store_true"})


def option(name: str, metavar: str, text: str, completes: str = "", **more: Any) -> Argument:
    """Return an option with a value."""
    return Argument((name,), text, {"metavar": metavar, **more}, completes)


def file(text: str, **more: Any) -> Argument:
    """Return a file that is named without an option."""
    return Argument(("file",), text, {"metavar": "FILE", **more}, "file")


#: Which targets a command is about.
TARGETS = option("--target", "WWN", "only this target (may be repeated)", "target", action="append")
