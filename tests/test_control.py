# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The text for a control file: pairs in every form, and what no kernel would keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rtslib import InvalidValueError
from rtslib.control import encode, name_of, pairs
from rtslib.node import Node
from rtslib.values import INT, NAME, Codec

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel

KEYS: dict[str, Codec[Any]] = {"path": name_of(8), "text": NAME, "number": INT}


@pytest.mark.parametrize(
    ("control", "found"),
    [
        (None, {}),
        ("", {}),
        ({"a": 1}, {"a": 1}),
        ("a=1, b = c=d ,", {"a": "1", "b": "c=d"}),
    ],
)
def test_pairs_as_mapping_and_as_text(control: Any, found: dict[str, object]) -> None:
    assert pairs(control) == found


def test_text_that_is_no_pair() -> None:
    with pytest.raises(InvalidValueError, match="'b' in control 'a=1,b' is no key=value"):
        pairs("a=1,b")


def test_settings_become_one_text(fake: FakeKernel) -> None:
    node = Node.handle(fake, "core/x_0/y")
    assert encode(node, KEYS, {"path": "/a b", "number": "0x10"}) == "path=/a b,number=16"
    assert encode(node, KEYS, {}) == ""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"colour": "red"}, "has no control key 'colour', only path, text, number"),
        ({"path": "12345678\u00e9"}, "path: the kernel would cut '.*' to 8 bytes"),
        ({"path": "\u00e9" * 5}, "path: the kernel would cut"),
        ({"path": ""}, "is empty"),
        ({"text": "a,b"}, "would end 'a,b' at the comma; use a link"),
        ({"text": "a\nb"}, "has a line break"),
        ({"number": "many"}, "number: 'many' is not an integer"),
        ({"text": "\u00e9" * 2046}, "/control takes 4095 bytes"),
    ],
)
def test_what_the_kernel_would_not_keep(
    fake: FakeKernel, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message):
        encode(Node.handle(fake, "core/x_0/y"), KEYS, settings)


def test_a_name_of_the_full_length_is_kept() -> None:
    assert name_of(8).encode("\u00e9" * 4) == "\u00e9" * 4
    assert name_of(8).decode("a name\n") == "a name"
