# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Where a command's results, remarks and failures go: text for people, JSON for programs.

Results go to stdout, everything else to stderr. Colour and the bar of long work appear on a
terminal only.
"""

from __future__ import annotations

import codecs
import io
import json
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Optional, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Bar", "Console", "lenient", "plain", "table"]

#: Tells how much of the work is done.
Tell = Optional[Callable[[int, int], None]]

_CLEAR = "\r\x1b[K"
_NARROW, _WIDE = 60, 120


def _encodable(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write the bytes that a name had, and escape what the terminal's encoding lacks."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.backslashreplace_errors(error)


codecs.register_error("rtslib.lenient", _encodable)


def lenient(stream: TextIO) -> TextIO:
    """Return the stream, which from now on takes any text."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="rtslib.lenient")
    return stream


def plain(text: str) -> str:
    """Return text that is safe on a terminal: others' names may hold line breaks and escapes."""
    if text.isprintable():
        return text
    return "".join(it if it.isprintable() else it.encode("unicode_escape").decode() for it in text)


def table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    """Yield the lines of a table: text to the left, numbers to the right; nothing for no rows."""
    every = [tuple("" if it is None else plain(str(it)) for it in row) for row in (head, *rows)]
    if len(every) == 1:
        return
    widths = [max(map(len, column)) for column in zip(*every)]
    numeric = [all(it.isdecimal() for it in column[1:]) for column in zip(*every)]
    for row in every:
        cells = (
            it.rjust(width) if right else it.ljust(width)
            for it, width, right in zip(row, widths, numeric)
        )
        yield "  ".join(cells).rstrip()


class Bar:
    """A bar on a terminal for work that takes longer than a second."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._next = clock() + 1.0
        self._drawn = False

    def __call__(self, done: int, total: int) -> None:
        """Draw it anew, a few times in a second."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + 0.1
        self._drawn = True
        width = 40
        full = width * done // total
        self._stream.write(f"{_CLEAR}[{'#' * full}{'.' * (width - full)}] {done} of {total}")
        self._stream.flush()

    def clear(self) -> None:
        """Take it away."""
        if self._drawn:
            self._stream.write(_CLEAR)
            self._stream.flush()


class Console:
    """The two streams of a command, and what may be written to them."""

    def __init__(
        self, out: TextIO, err: TextIO, *, as_json: bool = False, quiet: bool = False
    ) -> None:
        self.out = lenient(out)
        self.err = lenient(err)
        self.as_json = as_json
        self.quiet = quiet

    @property
    def colour(self) -> bool:
        """Whether results may be coloured."""
        no = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return self.out.isatty() and not no

    @property
    def width(self) -> int:
        """How wide a drawing is best."""
        # Here: it is one import of many that most commands do without.
        import shutil

        return min(max(shutil.get_terminal_size((100, 24)).columns, _NARROW), _WIDE)

    def result(self, data: Any, lines: Iterable[str]) -> None:
        """Print a result: its data for programs, or its lines for people."""
        if self.as_json:
            # ASCII: no byte of a name is lost, whatever the encoding.
            self.raw(json.dumps(data, indent=2) + "\n")
        else:
            self.raw("".join(f"{line}\n" for line in lines))

    def summary(self, text: str) -> None:
        """Print how it went, where no program reads along."""
        if not self.as_json and not self.quiet:
            self.raw(f"{plain(text)}\n")

    def raw(self, text: str) -> None:
        """Print text as it is."""
        self.out.write(text)

    def remark(self, text: str) -> None:
        """Say something besides."""
        if not self.quiet:
            self.err.write(f"{plain(text)}\n")

    def failure(self, text: str) -> None:
        """Say what failed, and what to do."""
        self.err.write(f"{plain(text)}\n")

    @contextmanager
    def progress(self) -> Iterator[Tell]:
        """Show how much is done of the work in the block, to whoever waits at a terminal."""
        if self.quiet or not self.err.isatty():
            yield None
            return
        bar = Bar(self.err)
        try:
            yield bar
        finally:
            bar.clear()
