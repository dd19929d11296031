# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""URLs: the grammar as a table, errors that point, secrets that stay out of sight."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.iscsi.environment import Environment, Secret
from rtslib.iscsi.url import IscsiURL, URLError

IQN = "iqn.2003-01.org.example:disk"

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("iscsi://host", {"host": "host"}),
    ("iscsi://host/", {"host": "host"}),
    ("iscsi://10.0.0.1:3261", {"host": "10.0.0.1", "port": 3261}),
    ("iscsi://10.0.0.1:3261,1", {"host": "10.0.0.1", "port": 3261}),
    ("iscsi://host,1/", {"host": "host"}),
    ("iscsi://[::1]", {"host": "::1"}),
    ("iscsi://[fe80::1%eth0]:3261", {"host": "fe80::1%eth0", "port": 3261}),
    ("iser://host", {"host": "host", "transport": "iser"}),
    (f"iscsi://host/{IQN}", {"host": "host", "target": IQN}),
    (f"iscsi://host/{IQN}/", {"host": "host", "target": IQN}),
    (f"iscsi://host/{IQN}/0", {"host": "host", "target": IQN, "lun": 0}),
    (f"iscsi://host/{IQN}/007", {"host": "host", "target": IQN, "lun": 7}),
    ("iscsi://h/iqn.x%3Ad%2F1/5", {"host": "h", "target": "iqn.x:d/1", "lun": 5}),
    ("iscsi://h/iqn.x:%C3%A4/5", {"host": "h", "target": "iqn.x:ä", "lun": 5}),
    ("iscsi://alice@host", {"host": "host", "user": "alice"}),
    ("iscsi://alice%pass@host", {"host": "host", "user": "alice", "secret": "pass"}),
    ("iscsi://alice:pass@host", {"host": "host", "user": "alice", "secret": "pass"}),
    ("iscsi://al:ice%pa:ss%@h:1", {"host": "h", "port": 1, "user": "al:ice", "secret": "pa:ss%"}),
    ("iscsi://al/ice%p/w@h/iqn.x/1", {"host": "h", "user": "al/ice", "secret": "p/w",
                                      "target": "iqn.x", "lun": 1}),
    ("iscsi://h/iqn.x/1?header_digest=crc32c&data_digest=NONE&auth=sha-256",
     {"host": "h", "target": "iqn.x", "lun": 1, "header_digest": "crc32c", "data_digest": "none",
      "auth": "sha-256"}),
    ("iscsi://h?target_user=t&target_password=s%41&force_usn=0123",
     {"host": "h", "target_user": "t", "target_secret": "s%41", "serial": "0123"}),
    ("iscsi://h/iqn.x/1?iser&LIBISCSI_RDMA_ACK_TIMEOUT=14",
     {"host": "h", "target": "iqn.x", "lun": 1, "transport": "iser", "ack_timeout": 14}),
    ("iscsi://h?new=1&&other", {"host": "h", "ignored": ("new=1", "other")}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fields"), GOOD, ids=[it[0] for it in GOOD])
def test_what_a_url_says(text: str, fields: dict[str, Any]) -> None:
    assert IscsiURL.parse(text, {}) == IscsiURL(**fields)


NAME = "x" * 223
BAD = [
    ("", 0, "begins with"),
    ("host", 0, "begins with"),
    ("iscsi:/host", 0, "begins with"),
    ("http://host", 0, "begins with"),
    ("iscsi://", 8, "no host"),
    ("iscsi:///iqn.x/0", 8, "no host"),
    ("iscsi://@host", 8, "no user"),
    ("iscsi://%secret@host", 8, "no user"),
    ("iscsi://ho st", 10, "no host's name"),
    ("iscsi://::1", 8, "in brackets; write [ADDRESS]"),
    ("iscsi://fe80::1:3260", 8, "in brackets"),
    ("iscsi://[::1/iqn.x/0", 12, "the ] behind"),
    ("iscsi://[::1,1", 12, "the ] behind"),
    ("iscsi://[host]", 9, "no IPv6 address"),
    ("iscsi://[::1]3260", 13, "a port is"),
    ("iscsi://[::1]:", 14, "a port is"),
    ("iscsi://host:", 13, "a port is"),
    ("iscsi://host:0", 13, "a port is"),
    ("iscsi://host:65536", 13, "a port is"),
    ("iscsi://host:iscsi", 13, "a port is"),
    ("iscsi://host//0", 13, "name is empty"),
    ("iscsi://host/iqn.x%4/0", 18, "two hexadecimal"),
    ("iscsi://host/iqn.x%zz/0", 18, "two hexadecimal"),
    ("iscsi://host/iqn.x/zero", 19, "a LUN is"),
    ("iscsi://host/iqn.x/12x", 21, "a LUN is"),
    ("iscsi://host/iqn.x/1/2", 20, "a LUN is"),
    ("iscsi://host/iqn.x/-1", 19, "a LUN is"),
    ("iscsi://host/iqn.x/16777216", 19, "a LUN is"),
    (f"iscsi://host/{NAME}x/0", 13, "longer than 223"),
    (f"iscsi://host/{3 * NAME}x/0", 13 + 3 * 223, "longer than 669"),
    ("iscsi://" + "u" * 256 + "@h", 8 + 255, "user is longer than 255"),
    ("iscsi://" + "h" * 256, 8 + 255, "host is longer than 255"),
    ("iscsi://host/iqn.\n/0", 17, "cannot be printed"),
    ("iscsi://h?header_digest=md5", 24, "one of crc32c, none"),
    ("iscsi://h?header_digest", 23, "one of crc32c, none"),
    ("iscsi://h?a&auth=md4", 17, "one of md5, sha1"),
    ("iscsi://h?LIBISCSI_RDMA_ACK_TIMEOUT=x", 36, "is a number"),
    ("iscsi://h?force_usn=" + "1" * 256, 20 + 255, "longer than 255"),
]


@pytest.mark.parametrize(("text", "position", "words"), BAD, ids=[it[0][:30] for it in BAD])
def test_an_error_points_at_the_character(text: str, position: int, words: str) -> None:
    with pytest.raises(URLError) as caught:
        IscsiURL.parse(text, {})
    error = caught.value
    assert words in str(error)
    assert error.position == position
    assert error.pointer == (error.text, " " * error.position + "^")


SECRET = "pa55"
HIDDEN = [
    f"iscs://alice%{SECRET}@host",
    f"alice:{SECRET}@host",
    f"iscsi:/alice:{SECRET}@host",
    f"iscsi://alice%{SECRET}@ho st",
    f"iscsi://alice%{SECRET}@more@host",
    f"iscsi://alice%{SECRET}?more@host",
    f"iscsi://alice%{SECRET}/more@host:port",
    f"iscsi://alice%{SECRET}@host/iqn.x/zero?target_password={SECRET}&target_user=t",
    f"iscsi://host:0?target_password={SECRET}",
    f"iscsi://host?target_password={SECRET}{'x' * 255}&auth=md5",
    f"iscsi://alice%{SECRET}{'x' * 255}@host",
    f"iscsi://alice%{SECRET}\n@host",
]


@pytest.mark.parametrize("text", HIDDEN)
def test_an_error_shows_no_secret(text: str) -> None:
    with pytest.raises(URLError) as caught:
        IscsiURL.parse(text, {})
    error = caught.value
    assert SECRET not in "".join(traceback.format_exception_only(caught.type, error))
    assert SECRET not in repr(vars(error))
    assert 0 <= error.position <= len(error.text)


def test_a_place_behind_a_secret() -> None:
    with pytest.raises(URLError) as caught:
        IscsiURL.parse("iscsi://alice%pa55@host:x/iqn.y", {})
    assert caught.value.pointer == (
        "iscsi://alice%********@host:x/iqn.y",
        "                            ^",
    )
    assert str(caught.value).startswith("character 29 of 'iscsi://alice%********@host:x")


def test_a_secret_with_an_at_sign_has_another_way() -> None:
    with pytest.raises(URLError, match="cannot be written in a URL; put it into LIBISCSI_CHAP"):
        IscsiURL.parse("iscsi://alice%p@ss@host", {})


VARIABLES = {
    "LIBISCSI_CHAP_USERNAME": "alice",
    "LIBISCSI_CHAP_PASSWORD": "p@ss",
    "LIBISCSI_CHAP_TARGET_USERNAME": "target",
    "LIBISCSI_CHAP_TARGET_PASSWORD": "other",
    "LIBISCSI_RDMA_ACK_TIMEOUT": "9",
}


def test_the_environment() -> None:
    it = IscsiURL.parse("iscsi://host", VARIABLES)
    assert (it.user, it.secret, it.target_user, it.target_secret, it.ack_timeout) == (
        "alice",
        "p@ss",
        "target",
        "other",
        9,
    )
    assert it.wants_chap
    assert it.wants_mutual
    assert IscsiURL.parse("iscsi://host", Environment.read(VARIABLES)) == it


def test_the_url_comes_first() -> None:
    it = IscsiURL.parse("iscsi://bob%own@host?target_user=other", VARIABLES)
    assert (it.user, it.secret, it.target_user) == ("bob", "own", "other")


@pytest.mark.parametrize(
    ("text", "chap", "mutual"),
    [
        ("iscsi://host", False, False),
        ("iscsi://alice@host", False, False),
        ("iscsi://alice%s@host", True, False),
        ("iscsi://alice%s@host?target_user=t", True, False),
        ("iscsi://alice%s@host?target_user=t&target_password=u", True, True),
        ("iscsi://host?target_user=t&target_password=u", False, False),
    ],
)
def test_who_proves_what(text: str, chap: bool, mutual: bool) -> None:
    it = IscsiURL.parse(text, {})
    assert (it.wants_chap, it.wants_mutual) == (chap, mutual)


def test_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBISCSI_CHAP_USERNAME", "carol")
    assert IscsiURL.parse("iscsi://host").user == "carol"


def test_secrets_do_not_show() -> None:
    it = IscsiURL.parse(f"iscsi://alice%{SECRET}@h/iqn.x/0?target_password={SECRET}", {})
    assert SECRET not in repr(it)
    assert str(it) == "iscsi://alice@h:3260/iqn.x/0"
    assert it.spelled(secrets=True).count(SECRET) == 2


def test_the_portal() -> None:
    assert IscsiURL("::1", 1).portal == "[::1]:1"
    assert IscsiURL("host").portal == "host:3260"


TEXT = st.text("abc:=%.-ä", min_size=1, max_size=9)
PLAIN = st.text("abc=/.-ä", min_size=1, max_size=9)


@st.composite
def urls(draw: st.DrawFn) -> IscsiURL:
    target = draw(st.none() | st.text("abc:/?&@%ä ", min_size=1, max_size=9))
    user = draw(st.just("") | PLAIN)
    return IscsiURL(
        host=draw(st.sampled_from(["host", "10.0.0.1", "::1", "fe80::1%eth0"])),
        port=draw(st.integers(1, 65535)),
        target=target,
        lun=None if target is None else draw(st.none() | st.integers(0, 0xFFFFFF)),
        user=user,
        secret=Secret(draw(st.just("") | TEXT) if user else ""),
        target_user=draw(st.just("") | PLAIN),
        target_secret=Secret(draw(st.just("") | TEXT)),
        header_digest=draw(st.sampled_from([None, "crc32c", "none"])),
        auth=draw(st.sampled_from([None, "sha1", "sha3-256"])),
        serial=draw(st.none() | PLAIN),
        transport=draw(st.sampled_from(["tcp", "iser"])),
        ack_timeout=draw(st.none() | st.integers(1, 99)),
        ignored=draw(st.sampled_from([(), ("x", "y=1")])),
    )


@given(it=urls())
def test_a_url_comes_back(it: IscsiURL) -> None:
    assert IscsiURL.parse(it.spelled(secrets=True), {}) == it


@given(text=st.text("iscer:/[]@%?&,.0a\n\udc80", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    for whole in (text, f"iscsi://{text}"):
        try:
            IscsiURL.parse(whole, {})
        except URLError as error:
            assert 0 <= error.position <= len(error.text)  # noqa: PT017 - one of two outcomes
