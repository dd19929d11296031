# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Secrets are masked, moved out and put back, and no real one is taken for a reference."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.config.credentials import SECRET_KEYS, join_secrets, redact, split_secrets
from rtslib.errors import MASK, InvalidValueError

KEYS = sorted(SECRET_KEYS)


def configuration() -> dict[str, Any]:
    return {
        "fabric_modules": [{"discovery_userid": "u", "discovery_password": "one two"}],
        "targets": [
            {
                "wwn": "iqn.2003-01.org.example:a",
                "tpgs": [
                    {
                        "chap_userid": "user",
                        "chap_password": "first",
                        "node_acls": [{"chap_mutual_password": "first", "chap_password": ""}],
                    }
                ],
            }
        ],
        "storage_objects": [{"size": 4096, "readonly": False, "wwn": None, "chap_password": None}],
    }


#: Data as a JSON file may have them, with secret keys that hold anything, anywhere.
data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYS, "wwn", "luns"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_what_is_shown_has_no_secret() -> None:
    shown = redact(configuration())
    assert shown["fabric_modules"] == [{"discovery_userid": "u", "discovery_password": MASK}]
    tpg = shown["targets"][0]["tpgs"][0]
    assert (tpg["chap_userid"], tpg["chap_password"]) == ("user", MASK)
    assert tpg["node_acls"] == [{"chap_mutual_password": MASK, "chap_password": ""}]
    assert shown["storage_objects"] == configuration()["storage_objects"]


@pytest.mark.parametrize("value", [0, False, 12345678, ["secret"], {"a": "secret"}])
def test_a_secret_of_a_wrong_type_is_one_nevertheless(value: object) -> None:
    assert redact({"chap_password": value}) == {"chap_password": MASK}


def test_secrets_are_moved_out_in_their_order() -> None:
    public, moved = split_secrets(configuration())
    assert moved == {"1": "one two", "2": "first", "3": "first"}
    assert public["fabric_modules"][0]["discovery_password"] == "NULL:secret:1"
    assert public["targets"][0]["tpgs"][0]["node_acls"] == [
        {"chap_mutual_password": "NULL:secret:3", "chap_password": ""}
    ]
    assert "first" not in json.dumps(public)
    assert public["storage_objects"] == configuration()["storage_objects"]


def test_the_kernel_takes_a_reference_for_no_secret_at_all() -> None:
    public, _ = split_secrets({"chap_password": "x"})
    assert public["chap_password"].startswith("NULL")


@given(data)
def test_joining_undoes_splitting(given_data: Any) -> None:
    before = copy.deepcopy(given_data)
    public, moved = split_secrets(given_data)
    assert join_secrets(public, moved) == given_data == before
    assert (public, moved) == split_secrets(given_data)
    assert join_secrets(public, json.loads(json.dumps(moved))) == given_data


def test_what_a_person_wrote_in_the_place_of_a_reference_is_taken() -> None:
    public, moved = split_secrets(configuration())
    public["targets"][0]["tpgs"][0]["chap_password"] = "changed by hand"
    del public["fabric_modules"]
    joined = join_secrets(public, moved)
    assert joined["targets"][0]["tpgs"][0]["chap_password"] == "changed by hand"
    assert joined["targets"][0]["tpgs"][0]["node_acls"][0]["chap_mutual_password"] == "first"


@pytest.mark.parametrize("value", ["NULL", "@NULL:secret:1", "NULL:secret:", "NULL:secret:1 "])
def test_what_only_resembles_a_reference_is_none(value: str) -> None:
    assert join_secrets({"chap_password": value}, {"1": "x"}) == {"chap_password": value}
    assert split_secrets({"chap_password": value}) == (
        {"chap_password": "NULL:secret:1"},
        {"1": value},
    )


def test_a_reference_is_one_in_the_place_of_a_secret_only() -> None:
    assert join_secrets({"name": "NULL:secret:1"}, {}) == {"name": "NULL:secret:1"}


def test_a_missing_secret_is_an_error_that_tells_none() -> None:
    with pytest.raises(InvalidValueError, match=r"secret 2 .* not of one save") as caught:
        join_secrets({"chap_password": "NULL:secret:2"}, {"1": "hidden"})
    assert "hidden" not in str(caught.value)


def test_references_are_not_moved_as_if_they_were_secrets() -> None:
    public, _ = split_secrets(configuration())
    with pytest.raises(InvalidValueError, match="another file"):
        split_secrets(public)
