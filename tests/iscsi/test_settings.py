# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

from typing import Any

import pytest

from rtslib.iscsi.errors import LocalProtocolError
from rtslib.iscsi.keys import KEYS
from rtslib.iscsi.settings import Credentials, Settings, random_isid

OURS = Credentials("alice", "one-secret")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"target": ""}, "1 to 223 bytes"),
        ({"target": "x" * 224}, "1 to 223 bytes"),
        ({"initiator": ""}, "1 to 223 bytes"),
        ({"target_credentials": OURS}, "only to whom it knows"),
        ({"credentials": OURS, "target_credentials": OURS}, "the same secret"),
        ({"isid": 1 << 48}, "48 bits"),
    ],
)
def test_settings_that_cannot_be(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(LocalProtocolError, match=words) as caught:
        Settings(**fields)
    assert "one-secret" not in str(caught.value)


def test_an_isid_is_of_the_random_kind() -> None:
    assert random_isid() >> 46 == 2
    assert random_isid() != random_isid()
    assert Settings().isid != Settings().isid


def test_where() -> None:
    assert Settings().where == "127.0.0.1:3260"
    assert Settings(host="::1", target="iqn.x").where == "[::1]:3260 iqn.x"


def test_what_is_offered() -> None:
    assert set(Settings(target="iqn.x").offers()) <= set(KEYS)
    offers = Settings(target="iqn.x", first_burst_length=1 << 20, protocol_level=2).offers()
    assert offers["FirstBurstLength"] == offers["MaxBurstLength"] == 262144
    assert offers["iSCSIProtocolLevel"] == 2
    assert "MaxBurstLength" not in Settings().offers()


def test_what_it_shows() -> None:
    shown = repr(Settings(target="iqn.x", credentials=OURS))
    assert shown == (
        "Settings(target='iqn.x', credentials=Credentials(user='alice', secret='********'))"
    )
