# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a doctor finds, and what it looks at: the machine, what runs on it, and what is saved."""

from __future__ import annotations

import enum
from functools import cached_property
from typing import TYPE_CHECKING, Callable, NamedTuple

from rtslib import host
from rtslib.config import operations
from rtslib.config.capture import capture
from rtslib.config.state import State
from rtslib.errors import ConfigError, MissingFileError
from rtslib.root import RTSRoot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.task import Task

__all__ = ["Check", "Finding", "Patient", "Severity"]


class Severity(enum.Enum):
    """How bad it is."""

    GOOD = "good"
    NOTE = "note"
    UNKNOWN = "unknown"
    WARNING = "warning"
    ERROR = "error"

    @property
    def is_bad(self) -> bool:
        """Whether something should be done."""
        return self in (Severity.WARNING, Severity.ERROR)


class Finding(NamedTuple):
    """One thing that was found, and what to do about it."""

    severity: Severity
    what: str
    todo: str = ""


class Patient:
    """A machine that is looked at; nothing here changes it."""

    def __init__(self, task: Task) -> None:
        self.fs = task.fs
        self.root = RTSRoot(task.fs)
        self.has_target = task.has_target
        self.is_host = host.is_host(task.fs)
        self.save_file = task.save_file

    @cached_property
    def running(self) -> State:
        """The running configuration; an error where it cannot be read as a whole."""
        return capture(self.fs)

    @cached_property
    def saved(self) -> State:
        """The saved configuration, an empty one where there is none or it is wrong."""
        try:
            return operations.checked(self.save_file.load())
        except (ConfigError, MissingFileError):
            return State()

    @property
    def waiting(self) -> State:
        """What is saved and not running."""
        running = self.running
        return self.saved.select(lambda record: record.name not in running)


#: Yields what is wrong, and nothing where all is well.
Check = Callable[[Patient], "Iterator[Finding]"]
