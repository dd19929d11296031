# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A change as a list of steps that can be read before it is run: as text, data or a shell script.

Each step is one call to the kernel, or one to this machine that has to come before. Secrets are
masked wherever a step is shown.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rtslib.errors import MASK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.values import Codec

__all__ = ["Plan", "Step"]


@dataclass(frozen=True)
class Step:
    """One call, what it is for, and why.

    `verb` is mkdir, rmdir, write, link or unlink on a path of the tree, or, of this machine:
    ``check`` that a device or file is there, ``create`` a backing file of `text` bytes, ``grow``
    one, look the SCSI ``address`` of a device up and write it to a storage object's control, give
    ``reservations`` back to one. `part` is ``+NAME`` where the step makes
    or changes the record of that name, ``-NAME`` where it removes it. A step that is `maybe` needed
    reads first, by its `codec`, and writes only what differs. Where a `vital` one fails, its part
    has failed.
    """

    verb: str
    path: str
    text: str = ""
    part: str = ""
    reason: str = ""
    secret: bool = False
    maybe: bool = False
    vital: bool = False
    codec: Codec[Any] | None = field(default=None, compare=False)

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

    # What a dataclass would show has secrets in it.
    __repr__ = __str__

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


class Plan:
    """Steps in order, and which parts of the change need which others."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.steps: list[Step] = []
        #: By part: the parts without which it cannot be.
        self.needs: dict[str, tuple[str, ...]] = {}
        #: What is worth saying and changes nothing.
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, *steps: Step) -> None:
        """Put steps behind those that are there."""
        self.steps.extend(steps)

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
