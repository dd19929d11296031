# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.iscsi.errors import RemoteProtocolError
from rtslib.iscsi.window import Window, after, precedes

numbers = st.integers(0, 0xFFFFFFFF)


@given(numbers, st.integers(1, (1 << 31) - 1))
def test_numbers_go_round(start: int, steps: int) -> None:
    later = after(start, steps)
    assert precedes(start, later)
    assert not precedes(later, start)
    assert after(later, -steps) == start


@given(numbers)
def test_no_number_precedes_itself(number: int) -> None:
    assert not precedes(number, number)


def test_numbers_half_a_round_apart_have_no_order() -> None:
    assert not precedes(0, 1 << 31)
    assert not precedes(1 << 31, 0)


@given(numbers, st.integers(0, 1000))
def test_the_window_s_room(start: int, room: int) -> None:
    window = Window(start)
    assert window.room == 1
    window.update(start, after(start, room - 1))
    # A window is never taken back: what was offered counts.
    assert window.room == max(room, 1)
    for number in range(window.room):
        assert window.take() == after(start, number)
    assert window.room == 0


def test_an_answer_that_was_overtaken_changes_nothing() -> None:
    window = Window(10)
    window.update(10, 20)
    window.take()
    window.update(11, 25)
    window.update(10, 19)
    assert (window.exp_cmd_sn, window.max_cmd_sn) == (11, 25)


def test_a_window_that_ends_before_it_begins_is_passed_over() -> None:
    window = Window(10)
    window.update(15, 13)
    assert (window.exp_cmd_sn, window.max_cmd_sn) == (10, 10)


def test_a_closed_window_is_none() -> None:
    window = Window(10)
    window.take()
    window.update(11, 10)
    assert window.room == 0


def test_a_command_that_was_never_sent_cannot_have_come() -> None:
    window = Window(0xFFFFFFFF)
    window.take()
    window.update(0, 5)
    with pytest.raises(RemoteProtocolError, match="expects command 1 where 0 is our next"):
        window.update(1, 6)


@given(numbers)
def test_answers_follow_each_other(start: int) -> None:
    window = Window(0)
    window.begin(start)
    window.answered(after(start))
    window.answered(after(start, 2))
    assert window.exp_stat_sn == after(start, 3)
    for wrong in (after(start, 2), after(start, 4)):
        with pytest.raises(RemoteProtocolError, match="comes next"):
            window.answered(wrong)
