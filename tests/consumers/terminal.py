# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A person at a terminal: a program in a pseudo-terminal, its prompts, what the TAB key does.

Knows of targetcli only what its prompt ends with and that it asks where the cursor is. Waits for
what the program prints, never for an amount of time.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import select
import struct
import subprocess
import termios
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE = 300.0
"""Seconds until something is printed, in an emulated machine on a busy host."""

PROMPT = re.compile(r"\n\S*/\S*> $")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\x07|\r")
WHERE_IS_THE_CURSOR = b"\x1b[6n"
IT_IS_HERE = b"\x1b[1;1R"
# The last that targetcli prints after a list of completions.
PUT_THE_CURSOR = re.compile(rb"\x1b\[[0-9]+;[0-9]+H")
# A narrower terminal makes readline scroll a long line sideways.
ROWS, COLUMNS = 50, 4000
CLEAR_LINE = b"\x15"
AFTER = "%%%"


class Ended(Exception):
    """The program ended, or fell silent, where more was due; the text is what it printed last."""


class Terminal:
    """A program with a prompt; what it prints comes back without its echo and its colours.

    `where` is what its last prompt was about.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], cwd: str) -> None:
        self._fd, theirs = os.openpty()
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**environment, "TERM": "dumb"},
            cwd=cwd,
            start_new_session=True,
        )
        os.close(theirs)
        self.where = ""
        try:
            self.greeting = self._until(at_prompt)
        except BaseException:
            self.kill()
            raise

    def run(self, line: str) -> str:
        """Type a line; return what was printed until the next prompt."""
        self._type(line + "\r")
        printed = self._until(at_prompt)
        self.where = printed.rpartition("\n")[2].removesuffix("> ")
        return without_ends(printed)

    def complete(self, line: str) -> str:
        """Type the beginning of a line and TAB; return what stands in the line then."""
        self._type(f"{line}\t{AFTER}")
        shown = self._until(lambda raw: AFTER in clean(raw))
        self._clear_line()
        return shown.rpartition(AFTER)[0].rpartition("> ")[2]

    def choices(self, line: str) -> list[str]:
        """Type the beginning of a line and TAB twice; return what is offered, of several things."""
        self._type(f"{line}\t\t")
        shown = self._until(lambda raw: bool(PUT_THE_CURSOR.search(raw)))
        self._clear_line()
        return without_ends(shown).split()

    def finish(self, line: str = "exit") -> str:
        """Type the last line; return what was printed until the program ended, with success."""
        self._type(line + "\r")
        try:
            printed = self._until(at_prompt)
        except Ended as end:
            if self._process.wait(PATIENCE) == 0:
                return str(end).partition("\n")[2]
            raise
        finally:
            self.kill()
        raise AssertionError(f"it did not end: {printed}")

    def kill(self) -> None:
        """End the program, if it has not ended, and close its terminal."""
        if self._fd >= 0:
            self._process.kill()
            self._process.wait()
            os.close(self._fd)
            self._fd = -1

    def _type(self, text: str) -> None:
        os.write(self._fd, text.encode())

    def _clear_line(self) -> None:
        os.write(self._fd, CLEAR_LINE + b"\r")
        self._until(at_prompt)

    def _until(self, done: Callable[[bytes], bool]) -> str:
        """Return what is printed until the condition holds for it."""
        raw = b""
        answered = 0
        while not done(raw):
            raw += self._read(raw)
            while raw.count(WHERE_IS_THE_CURSOR) > answered:
                os.write(self._fd, IT_IS_HERE)
                answered += 1
        return clean(raw)

    def _read(self, before: bytes) -> bytes:
        if not select.select([self._fd], [], [], PATIENCE)[0]:
            raise Ended(f"{clean(before)}\n(nothing more came within {PATIENCE:g} s)")
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError as error:
            if error.errno != errno.EIO:  # the program has closed its end
                raise
            data = b""
        if not data:
            raise Ended(clean(before))
        return data


def clean(raw: bytes) -> str:
    """Return what was printed as text without colours and movements."""
    return ESCAPES.sub("", raw.decode(errors="replace"))


def at_prompt(raw: bytes) -> bool:
    """Tell whether what was printed ends with a prompt."""
    return bool(PROMPT.search(clean(raw)))


def without_ends(printed: str) -> str:
    """Return all but the first line, an echo, and the last, a prompt."""
    return printed.partition("\n")[2].rpartition("\n")[0]
