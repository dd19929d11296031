# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A change as a list of steps that can be read before it is run: as text, data or a shell script.

Each step is one call to the kernel, or one to this machine that has to come before. Secrets are
masked wherever a step is shown.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union

from rtslib.errors import MASK
from rtslib.values import Codec  # noqa: TC001 - a NamedTuple's fields are evaluated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rtslib.config.bundle import Bundle
    from rtslib.node import Node

__all__ = ["Entry", "Plan", "Step"]


class Step(NamedTuple):
    """One call, what it is for, and why.

    `verb` is mkdir, rmdir, write, link or unlink on a path of the tree, or, of this machine:
    ``check`` that a device or file is there, ``create`` a backing file of `text` bytes, ``grow``
    one, look the SCSI ``address`` of a device up and write it to a storage object's control, give
    ``reservations`` back to one. `part` is ``+NAME`` where the step makes or changes the record of
    that name, ``-NAME`` where it removes it. A step that is `maybe` needed reads first, by its
    `codec`, and writes only what differs. Where a `vital` one fails, its part has failed.
    """

    verb: str
    path: str
    text: str = ""
    part: str = ""
    reason: str = ""
    secret: bool = False
    maybe: bool = False
    vital: bool = False
    codec: Optional[Codec[Any]] = None

    @property
    def size(self) -> int:
        """How many steps it stands for: see ``Bundle``."""
        return 1

    @property
    def owner(self) -> str:
        """The name of the record that the step is for."""
        return self.part[1:]

    @property
    def shown(self) -> str:
        """The text, unless it is a secret."""
        return MASK if self.secret and self.text != "NULL" else self.text.rstrip("\n")

    def __str__(self) -> str:
        if self.verb == "write":
            what = f"write {self.shown!r} to {self.path}"
        elif self.verb == "link":
            what = f"link {self.path} to {self.text}"
        elif self.text:
            what = f"{self.verb} {self.path} ({self.shown})"
        else:
            what = f"{self.verb} {self.path}"
        return f"{what}  # {self.reason}" if self.reason else what

    def __repr__(self) -> str:
        # What a tuple would show has secrets in it.
        return str(self)

    def data(self) -> dict[str, Any]:
        """Return the step as plain data."""
        found = {"verb": self.verb, "path": self.path, "for": self.owner, "reason": self.reason}
        if self.text:
            found["text"] = self.shown
        return {**found, "only_if_different": True} if self.maybe else found

    def shell(self, root: str) -> str:
        """Return the step as a line of a POSIX shell script."""
        at = shlex.quote(f"{root}/{self.path}")
        if self.verb == "write":
            if self.secret and self.text != "NULL":
                return f"# the secret is left out: printf %s SECRET > {at}"
            return f"printf %s {shlex.quote(self.text)} > {at}"
        lines = {
            "mkdir": f"mkdir {at}",
            "rmdir": f"rmdir {at}",
            "unlink": f"rm {at}",
            "link": f"ln -s {shlex.quote(f'{root}/{self.text}')} {at}",
            "check": f"test -e {shlex.quote(self.path)}",
            "address": f"# write the SCSI address of {shlex.quote(self.text)} to {at}/control",
            "create": f"truncate -s {self.text} {shlex.quote(self.path)}",
            "grow": f"truncate -s '>{self.text}' {shlex.quote(self.path)}",
            "reservations": f"# give back the reservations kept for {shlex.quote(self.path)}",
        }
        return lines[self.verb]


#: What a plan is kept as.
Entry = Union[Step, "Bundle"]


def _nothing(_part: str) -> tuple[str, ...]:
    return ()


class Plan:
    """Steps in order, and which parts of the change need which others."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.entries: list[Entry] = []
        self._units: list[tuple[int, int, type[Node]]] = []
        #: Tells of a part the parts without which it cannot be.
        self.needs: Callable[[str], tuple[str, ...]] = _nothing
        #: What is worth saying and changes nothing.
        self.notes: list[str] = []

    @property
    def steps(self) -> list[Step]:
        """All steps, in order."""
        found: list[Step] = []
        for entry in self.entries:
            if isinstance(entry, Step):
                found.append(entry)
            else:
                found += entry.steps()
        return found

    @steps.setter
    def steps(self, steps: Iterable[Step]) -> None:
        self.entries = list(steps)
        self._units = []

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return sum(entry.size for entry in self.entries)

    def add(self, *steps: Entry) -> None:
        """Put steps behind those that are there."""
        self.entries.extend(steps)

    def unit(self, begin: int, cls: type[Node]) -> None:
        """Note that the entries from one on wait in the kernel, and need nothing of other units.

        That is so of units of one class that follow one another; see ``stretches``.
        """
        if begin < len(self.entries):
            self._units.append((begin, len(self.entries), cls))

    def stretches(self, *, overlap: bool, apart: bool) -> Iterator[tuple[bool, list[list[Entry]]]]:
        """Yield all entries in order: whether they may overlap, and what is done in one piece.

        What may not overlap is one piece, or, `apart`, a piece for each entry.
        """

        def alone(begin: int, end: int) -> list[list[Entry]]:
            entries = self.entries[begin:end]
            return [[entry] for entry in entries] if apart else [entries]

        done, last = 0, None
        together: list[list[Entry]] = []
        for begin, end, cls in self._units if overlap else ():
            if together and (begin != done or cls is not last):
                yield True, together
                together = []
            if begin != done:
                yield False, alone(done, begin)
            together.append(self.entries[begin:end])
            done, last = end, cls
        if together:
            yield True, together
        if done < len(self.entries):
            yield False, alone(done, len(self.entries))

    def parts(self) -> list[str]:
        """Return the parts that have steps, in order, without a look at each step."""
        return list(dict.fromkeys(entry.part for entry in self.entries))

    def text(self) -> str:
        """Return the plan for a person, a block for each part."""
        lines: list[str] = []
        part = None
        for step in self.steps:
            if step.part != part:
                part = step.part
                lines.append(f"{'remove' if part.startswith('-') else 'set up'} {step.owner}")
            lines.append(f"    {step}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def data(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {"steps": [step.data() for step in self.steps], "notes": list(self.notes)}

    def shell(self) -> str:
        """Return the plan as a script for a POSIX shell, which ends at the first refusal.

        It writes all that the plan may have to write, also what may be so already.
        """
        lines = ["#!/bin/sh", "set -eu"]
        reason = None
        for step in self.steps:
            if step.reason != reason:
                reason = step.reason
                # On one line whatever stands in it: a name may have a line break.
                lines += [" ".join(f"# {step.owner}: {reason}".split())] if reason else []
            lines.append(step.shell(self.root))
        return "\n".join(lines) + "\n"
