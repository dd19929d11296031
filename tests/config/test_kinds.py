# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Kinds of values: what each takes, and what it says about the rest."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.config.document import Document
from rtslib.config.fields import Kind, check
from rtslib.config.kinds import (
    BOOLEAN,
    INTEGER,
    SCALAR,
    TEXT,
    ListOf,
    MappingOf,
    Variants,
    choice,
    integer,
    text,
)
from rtslib.errors import InvalidValueError
from rtslib.values import FLAG

SMALL = integer(-1, 10)
WWN = text("iqn\\.[a-z]+", what="an iqn name", longest=8, empty=False)
LETTERS = text("[a-z]*")
WORD = choice("tcp", "iser")
SETTINGS = MappingOf()

TAKEN: list[tuple[Any, Any, Any]] = [
    *((BOOLEAN, it, True) for it in (True, 1, "1", "yes", "YES", "on", "true", " y ")),
    *((BOOLEAN, it, False) for it in (False, 0, "0", "no", "off", "False", "n")),
    *((SMALL, it, 7) for it in (7, "7", " 7\n", 7.0)),
    *((SMALL, it, -1) for it in (-1, "-1", -1.0)),
    (SMALL, -0.0, 0),
    (SMALL, 10, 10),
    (INTEGER, 10**99, 10**99),
    (INTEGER, str(10**39), 10**39),
    (INTEGER, float(2**53 - 1), 2**53 - 1),
    (TEXT, "", ""),
    (TEXT, "a\t é", "a\t é"),
    (TEXT, 12, "12"),
    (TEXT, 0, "0"),
    (WWN, "iqn.abcd", "iqn.abcd"),
    (LETTERS, "", ""),
    (WORD, "iser", "iser"),
    (SCALAR, "a", "a"),
    (SCALAR, "", ""),
    (SCALAR, 5, 5),
    (SETTINGS, {"a_b-c.d": True, "0": "x"}, {"a_b-c.d": True, "0": "x"}),
    (MappingOf(SMALL), {"a": "1"}, {"a": 1}),
    (ListOf(SMALL), ["1", 2], [1, 2]),
    (ListOf(SMALL), (1,), [1]),
    (ListOf(SMALL), [], []),
]


@pytest.mark.parametrize(("kind", "value", "wanted"), TAKEN)
def test_a_value_is_taken(kind: Kind, value: Any, wanted: Any) -> None:
    data, problems, warnings = check(Document(value), kind)
    assert (data, problems, warnings) == (wanted, [], [])
    assert type(data) is type(wanted)


def test_true_stays_true() -> None:
    assert check(Document(True), SCALAR).data is True


NO_INTEGER = "an integer was expected, not "
NO_FLAG = "true or false was expected, not "
NO_TEXT = "text was expected, not "
NO_NAME = " cannot be the name of a setting"
NO_LINE = "a line break or NUL in the text, which the kernel cannot keep"

REFUSED: list[tuple[Kind, Any, str]] = [
    (BOOLEAN, 2, NO_FLAG + "2"),
    (BOOLEAN, "maybe", NO_FLAG + '"maybe"'),
    (BOOLEAN, "", NO_FLAG + '""'),
    (BOOLEAN, 1.0, NO_FLAG + "1.0"),
    (BOOLEAN, None, NO_FLAG + "null"),
    (BOOLEAN, [], NO_FLAG + "a list"),
    (SMALL, True, NO_INTEGER + "true"),
    (SMALL, 1.5, NO_INTEGER + "1.5"),
    (SMALL, float("inf"), NO_INTEGER + "Infinity"),
    (SMALL, "07", NO_INTEGER + '"07"'),
    (SMALL, "0x7", NO_INTEGER + '"0x7"'),
    (SMALL, "1_0", NO_INTEGER + '"1_0"'),
    (SMALL, "\u0661", NO_INTEGER + '"\u0661"'),
    (SMALL, "", NO_INTEGER + '""'),
    (SMALL, {}, NO_INTEGER + "an object"),
    (SMALL, -2, "-2 is less than -1"),
    (SMALL, 11, "11 is more than 10"),
    (SMALL, 10**5000, "a very long number is more than 10"),
    (INTEGER, float(2**53), NO_INTEGER + "9007199254740992.0"),
    (INTEGER, "9" * 41, NO_INTEGER + '"' + "9" * 41 + '"'),
    (TEXT, True, NO_TEXT + "true or false"),
    (TEXT, 1.0, NO_TEXT + "a number"),
    (TEXT, None, NO_TEXT + "null"),
    (TEXT, b"x", NO_TEXT + "bytes"),
    (TEXT, "a\n", NO_LINE),
    (TEXT, "\0", NO_LINE),
    (WWN, "", "must not be empty"),
    (WWN, "iqn.abcde", "longer than 8 bytes"),
    (WWN, "iqn.\ud800", 'an iqn name was expected, not "iqn.\\ud800"'),
    (WWN, "naa.x", 'an iqn name was expected, not "naa.x"'),
    (WWN, "iqn.x.y", 'an iqn name was expected, not "iqn.x.y"'),
    (LETTERS, "1", 'something else was expected, not "1"'),
    (WORD, "isre", 'one of tcp, iser was expected, not "isre"; did you mean "iser"?'),
    (WORD, "sctp", 'one of tcp, iser was expected, not "sctp"'),
    (WORD, "TCP", 'one of tcp, iser was expected, not "TCP"'),
    (WORD, 1, "one of tcp, iser was expected, not 1"),
    (SCALAR, 1.5, NO_TEXT + "a number"),
    (SCALAR, None, NO_TEXT + "null"),
    (SCALAR, [], NO_TEXT + "a list"),
    (SCALAR, "a\nb", NO_LINE),
    *((SETTINGS, {it: 1}, NO_NAME)
      for it in ("", ".", "..", "a/b", "é", ".x", "-x", "a\n", "a\0")),
    (SETTINGS, [1], "an object was expected, not a list"),
    (SETTINGS, {"a": {}}, "a: text was expected, not an object"),
    (ListOf(SMALL), {}, "a list was expected, not an object"),
    (ListOf(SMALL), "12", "a list was expected, not text"),
    (ListOf(SMALL), [1, 11], "[1]: 11 is more than 10"),
    (Variants("kind", {}), [], "an object was expected, not a list"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value", "message"), REFUSED, ids=range(len(REFUSED)))
def test_a_value_is_refused(kind: Kind, value: Any, message: str) -> None:
    (problem,) = check(Document(value), kind).problems
    assert str(problem).endswith(message)


@given(st.text() | st.integers(-3, 3) | st.booleans())
def test_a_flag_is_what_the_model_takes_for_one(value: Any) -> None:
    try:
        wanted = FLAG.encode(value)
    except InvalidValueError:
        assert check(Document(value), BOOLEAN).problems
    else:
        assert check(Document(value), BOOLEAN).data == (wanted == "1")


@given(st.integers(-(10**30), 10**30))
def test_an_integer_is_read_from_its_text(number: int) -> None:
    assert check(Document(str(number)), INTEGER).data == number


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (INTEGER, {"type": "integer"}),
        (SMALL, {"type": "integer", "minimum": -1, "maximum": 10}),
        (TEXT, {"type": "string"}),
        (
            WWN,
            {
                "type": "string",
                "minLength": 1,
                "maxLength": 8,
                "pattern": "^(?:iqn\\.[a-z]+)$",
            },
        ),
        (WORD, {"enum": ["tcp", "iser"]}),
        (ListOf(TEXT), {"type": "array", "items": {"type": "string"}}),
    ],
)
def test_a_kind_describes_itself(kind: Kind, schema: dict[str, Any]) -> None:
    assert kind.schema({}) == schema
