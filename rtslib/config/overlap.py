# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Doing at the same time what waits in the kernel, and telling of it in order.

Linking a LUN waits some 12 ms in the kernel, unlinking one 24, whoever asks: five hundred of them
one by one are a matter of seconds, though hardly any work. In threads these waits overlap. What
only computes is slower in threads than without, and is not for here.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Callable, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["THREADS", "overlapped"]

T = TypeVar("T")

#: How many calls wait at once. More would wait less (16 link a hundred LUNs in 0.08 s instead of
#: 0.3), and take turns at Python's lock at a price: three times the processor time.
THREADS = 4


def overlapped(calls: Sequence[Callable[[], T]], threads: int) -> Iterator[T]:
    """Yield what calls return, in their order, while up to `threads` of them run at once.

    The first is done alone: what is learnt of it serves all others. What a call raises is raised
    in its place when all that were begun have ended; calls behind it may not have been begun.
    """
    if calls:
        yield calls[0]()
    crew = _Crew(calls, 1)
    # One of them is the thread that asks.
    with crew.working(min(threads, len(calls) - 1) - 1):
        while crew.work_one():
            yield from crew.told()
    yield from crew.told()


class _Crew(Generic[T]):
    """Calls that several threads take turns to make, from one on, and what came of each."""

    def __init__(self, calls: Sequence[Callable[[], T]], first: int) -> None:
        self._calls = calls
        # Taking a number is one step of the interpreter, which no other thread can come between.
        self._numbers = count(first)
        self._told = first
        self._results: dict[int, T] = {}
        self._errors: dict[int, BaseException] = {}
        self._ended = False

    @contextmanager
    def working(self, number: int) -> Iterator[None]:
        """Have this many threads at work in the block; when it is left all have ended."""
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(number)]
        try:
            for thread in threads:
                thread.start()
            yield
        except BaseException:
            self._ended = True
            raise
        finally:
            # Whatever has happened: nobody who still changes the tree is left behind.
            for thread in threads:
                thread.join()

    def _work(self) -> None:
        while not self._ended and self.work_one():
            pass

    def work_one(self) -> bool:
        """Make the next call that nobody has taken; tell whether there was one."""
        number = next(self._numbers)
        if number >= len(self._calls):
            return False
        try:
            self._results[number] = self._calls[number]()
        except BaseException as error:  # noqa: BLE001 - raised again where it is told
            self._errors[number] = error
        return True

    def told(self) -> Iterator[T]:
        """Yield the results so far, in order; raise the error in whose place one would be."""
        while self._told in self._results:
            yield self._results.pop(self._told)
            self._told += 1
        if self._told in self._errors:
            raise self._errors[self._told]
