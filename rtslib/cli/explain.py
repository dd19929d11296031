# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""From an exception to what a person is told, and the exit code that a program sees."""

from __future__ import annotations

import enum
import errno
from typing import TYPE_CHECKING, NamedTuple

from rtslib.errors import (
    ConfigError,
    KernelError,
    LockedError,
    RTSLibError,
    SpecError,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["Exit", "Explained", "NoTargetError", "UsageError", "explain"]


class Exit(enum.IntEnum):
    """How a command ended; the text of each is that of the help."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """Make a code that says what it means."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    DONE = 0, "done"
    FAILED = 1, "something failed, and it was said what; doctor, verify: something is wrong"
    USAGE = 2, "the command line is not understood"
    INVALID = 3, "a file is invalid: all its faults are listed, nothing was changed"
    PARTLY = 4, "partly done, or waiting for devices: it is listed; --exit-code: there is something"
    LOCKED = 5, "somebody else is changing the configuration and did not finish in time"
    NO_TARGET = 6, "there is no LIO here: no module, no configfs, or the wrong directory"
    INTERRUPTED = 130, "interrupted from the keyboard"
    PIPE = 141, "whoever read the output has stopped reading"


class UsageError(RTSLibError):
    """Arguments that each are fine, and together make no sense."""


class NoTargetError(RTSLibError):
    """There is no target tree, and none can be had."""


class Explained(NamedTuple):
    """An exit code and the lines to print; `expected` is False for what is a bug of ours."""

    exit: Exit
    lines: list[str]
    expected: bool = True


_EXITS: dict[type[Exception], Exit] = {
    UsageError: Exit.USAGE,
    NoTargetError: Exit.NO_TARGET,
    ConfigError: Exit.INVALID,
    SpecError: Exit.INVALID,
    LockedError: Exit.LOCKED,
    RTSLibError: Exit.FAILED,
    OSError: Exit.FAILED,
}


def explain(error: Exception) -> Explained:
    """Return what to say of an exception."""
    if isinstance(error, ConfigError) and error.problems:
        # The message shows the first of many; who corrects a file wants all.
        name = error.file or "configuration"
        return Explained(Exit.INVALID, [problem.at(name) for problem in error.problems])
    if isinstance(error, KernelError) and error.errno == errno.ETIMEDOUT:
        # The lock of the tree itself, which is held for a few system calls only.
        return Explained(Exit.LOCKED, [str(error)])
    for kind, code in _EXITS.items():
        if isinstance(error, kind):
            return Explained(code, [_message(error)])
    return Explained(
        Exit.FAILED,
        [
            f"this is a bug in targetctl: {type(error).__name__}: {error}",
            "please report it with the output of the same command under RTSLIB_DEBUG=1",
        ],
        expected=False,
    )


def _message(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, RTSLibError):
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror or error}"
    return str(error)
