# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Calls that overlap: each once, told in order, errors in their place, nobody left behind."""

from __future__ import annotations

import threading
from functools import partial
from typing import Callable

import pytest

from rtslib.config.overlap import overlapped

each_crew = pytest.mark.parametrize("threads", [1, 2, 4, 9])


@each_crew
@pytest.mark.parametrize("number", [0, 1, 2, 3, 50])
def test_each_is_called_once_and_told_in_order(number: int, threads: int) -> None:
    called: list[int] = []

    def call(it: int) -> int:
        called.append(it)
        return it * it

    told = list(overlapped([partial(call, it) for it in range(number)], threads))
    assert told == [it * it for it in range(number)]
    assert sorted(called) == list(range(number))


def test_they_do_overlap_and_the_first_is_alone() -> None:
    together = threading.Barrier(4, timeout=30)
    first_ended = threading.Event()

    def first() -> str:
        first_ended.set()
        return "first"

    def call() -> str:
        assert first_ended.is_set()
        together.wait()
        return "together"

    # Four that wait for one another: three threads would wait for ever.
    assert list(overlapped([first, *[call] * 8], 4)) == ["first", *["together"] * 8]


@each_crew
@pytest.mark.parametrize("bad", [0, 1, 7, 19])
def test_an_error_is_raised_in_its_place_when_all_have_ended(bad: int, threads: int) -> None:
    ended: list[int] = []

    def call(it: int) -> int:
        if it == bad:
            raise KeyError(it)
        ended.append(it)
        return it

    told: list[int] = []
    with pytest.raises(KeyError) as caught:
        told.extend(overlapped([partial(call, it) for it in range(20)], threads))
    assert caught.value.args == (bad,)
    assert told == list(range(bad))
    assert set(told) <= set(ended)
    assert threading.active_count() == 1


@each_crew
def test_who_stops_listening_leaves_nobody_behind(threads: int) -> None:
    calls: list[Callable[[], int]] = [lambda: 1] * 20
    told = overlapped(calls, threads)
    assert next(told) == 1
    assert next(told) == 1
    told.close()  # type: ignore[attr-defined] # it is a generator
    assert threading.active_count() == 1
