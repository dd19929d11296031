# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Problems: how places and values are spelled."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.config.problem import Path, Problem, kind, shown, spell

PATHS: list[tuple[Path, str]] = [
    ((), ""),
    (("targets",), "targets"),
    (
        ("targets", 0, "tpgs", 1, "luns", 3, "index"),
        "targets[0].tpgs[1].luns[3].index",
    ),
    ((0, "a"), "[0].a"),
    (("a", "b c", "d"), 'a["b c"].d'),
    (("", "a.b"), '[""]["a.b"]'),
    (("0", 'say "x"'), '["0"]["say \\"x\\""]'),
    (("é", "a\nb", "\u202e"), '["é"]["a\\nb"]["\\u202e"]'),
    (("emulate_3pc", "x-y"), "emulate_3pc.x-y"),
    (("k" * 61,), '["' + "k" * 60 + '..."]'),
    (("k" * 60,), "k" * 60),
]


@pytest.mark.parametrize(("path", "text"), PATHS)
def test_a_path_is_spelled(path: Path, text: str) -> None:
    assert spell(path) == text


STEPS = st.lists(st.text(max_size=20) | st.integers(0, 99)).map(tuple)


@given(STEPS, STEPS)
def test_no_two_paths_are_spelled_alike(one: Path, other: Path) -> None:
    assert (spell(one) == spell(other)) == (one == other)


VALUES: list[tuple[Any, str, str]] = [
    (None, "null", "null"),
    (True, "true", "true or false"),
    (False, "false", "true or false"),
    (12, "12", "a number"),
    (-1.5, "-1.5", "a number"),
    (10**60 - 1, "9" * 60, "a number"),
    (-(10**60), "a very long number", "a number"),
    ("", '""', "text"),
    ('a "b"\n\x1b\ud800é', '"a \\"b\\"\\n\\u001b\\ud800é"', "text"),
    ("x" * 60, '"' + "x" * 60 + '"', "text"),
    ("x" * 61, '"' + "x" * 60 + '..."', "text"),
    ({"a": "b"}, "an object", "an object"),
    (["b"], "a list", "a list"),
    (b"b", "bytes", "bytes"),
    ((1,), "a Python tuple", "a Python tuple"),
]


@pytest.mark.parametrize(("value", "text", "sort"), VALUES)
def test_a_value_is_shown(value: Any, text: str, sort: str) -> None:
    assert shown(value) == text
    assert kind(value) == sort


def test_a_number_that_python_will_not_spell_is_shown() -> None:
    assert shown(10**20000) == "a very long number"


@given(st.text())
def test_what_is_shown_can_be_printed(value: str) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) <= 2 + 3 + 12 * 60


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem((), None, "is bad"), "f: is bad"),
        (Problem((), 3, "is bad"), "f:3: is bad"),
        (Problem((), 3, "is bad", "mend it", 7), "f:3:7: is bad; mend it"),
        (Problem(("a", 0), 3, "is bad", "mend it"), "f:3: a[0]: is bad; mend it"),
    ],
)
def test_a_problem_tells_its_place(problem: Problem, text: str) -> None:
    assert problem.at("f") == text
