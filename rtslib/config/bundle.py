# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a plan keeps as one entry, though it is several steps: most nodes are made or go alike.

A restore of ten thousand mapped LUNs has forty thousand steps. They are made of these where one is
shown, has failed, or has come out otherwise than the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from rtslib.config.form import codec_of
from rtslib.config.plan_parts import VITAL
from rtslib.config.steps import Step

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtslib.config.state import Record

__all__ = ["Bundle", "Making", "Removing", "Settling"]


class Bundle(ABC):
    """The steps of one record's part that belong together."""

    __slots__ = ("part", "path", "record")

    verb = ""
    vital = False

    def __init__(self, sign: str, record: Record, path: str) -> None:
        self.record = record
        self.path = path
        self.part = f"{sign}{record.name}"

    @property
    def owner(self) -> str:
        """The name of the record that the steps are for."""
        return self.record.name

    @property
    @abstractmethod
    def size(self) -> int:
        """How many steps it stands for."""

    def __str__(self) -> str:
        return f"{self.verb} {self.path}"

    __repr__ = __str__

    @abstractmethod
    def steps(self) -> list[Step]:
        """Return the steps that it stands for."""


class Making(Bundle):
    """Makes a node that is nothing without its link, and links it."""

    __slots__ = ("end", "link", "reason")

    verb = "make"

    def __init__(self, record: Record, path: str, link: str, end: str, reason: str) -> None:
        super().__init__("+", record, path)
        #: Where the link is to stand, and where to lead.
        self.link = link
        self.end = end
        self.reason = reason

    @property
    def size(self) -> int:
        """How many steps it stands for."""
        return 2

    def steps(self) -> list[Step]:
        """Return the two steps."""
        return [
            Step("mkdir", self.path, "", self.part, self.reason, vital=True),
            Step("link", self.link, self.end, self.part, "exports it", vital=True),
        ]


class Removing(Bundle):
    """Removes a node, and first its link if it has one."""

    __slots__ = ("link", "reason")

    verb = "remove"

    def __init__(self, record: Record, reason: str) -> None:
        super().__init__("-", record, record.path)
        self.link = f"{record.path}/{record.link.alias}" if record.link is not None else None
        self.reason = reason

    @property
    def size(self) -> int:
        """How many steps it stands for."""
        return 1 if self.link is None else 2

    def steps(self) -> list[Step]:
        """Return the one or two steps."""
        found = [Step("rmdir", self.path, "", self.part, self.reason)]
        if self.link is not None:
            found.insert(0, Step("unlink", self.link, "", self.part, self.reason))
        return found


class Settling(Bundle):
    """The settings of a node that is made, each to be written where the kernel made it otherwise.

    It stands for one step that is `maybe` needed for each. A storage object alone has sixty, nearly
    all needless.
    """

    __slots__ = ("order",)

    verb = "settle"

    def __init__(self, record: Record, path: str, order: tuple[str, ...]) -> None:
        super().__init__("+", record, path)
        #: The files, in the order in which they are to be written.
        self.order = order

    @property
    def size(self) -> int:
        """How many steps it stands for."""
        return len(self.order)

    def only(self, files: Iterable[str]) -> Settling:
        """Return the same of some of the files."""
        return Settling(self.record, self.path, tuple(files))

    def step(self, file: str) -> Step:
        """Return the step for one of the files."""
        record = self.record
        return Step(
            "write",
            f"{self.path}/{file}",
            record.files[file],
            self.part,
            maybe=True,
            vital=file in VITAL,
            codec=codec_of(record.cls, file),
        )

    def steps(self) -> list[Step]:
        """Return the steps that it stands for."""
        return [self.step(file) for file in self.order]
