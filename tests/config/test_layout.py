# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The text of saved configurations: to the byte what Python's own encoder makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.config.layout import text_of

single = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    single,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)
flat = st.lists(st.dictionaries(st.text(), single, max_size=3), max_size=4)


def expected(data: Any) -> str:
    return json.dumps(data, sort_keys=True, indent=2) + "\n"


@given(st.dictionaries(st.text(), values | flat, max_size=4))
def test_it_is_the_same(data: dict[str, Any]) -> None:
    assert text_of(data) == expected(data)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"a": [], "b": {}},
        {"luns": [{"index": 1, "alias": "}\0{"}, {"index": 0, "alias": '"},{"'}]},
        {"luns": [{"index": 1, "held": {}}, {"index": 2}]},
        {"luns": [{"index": 1}, {}]},
        {"luns": [{"held": [{"x": 1}, {"y": "é\x00"}]}, 3, "x"]},
        {"b": {"z": 1, "a": {"q": [1, [2, [3]]]}}, "a": None},
    ],
)
def test_it_is_the_same_where_braces_could_be_mistaken(data: dict[str, Any]) -> None:
    assert text_of(data) == expected(data)
