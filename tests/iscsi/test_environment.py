# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""libiscsi's variables, and a file of credentials."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

import pytest

from rtslib.errors import InvalidValueError
from rtslib.iscsi.environment import Environment, Secret

if TYPE_CHECKING:
    from pathlib import Path

VARIABLES = {
    "LIBISCSI_CHAP_USERNAME": "alice",
    "LIBISCSI_CHAP_PASSWORD": "alice-secret-1",
    "LIBISCSI_CHAP_TARGET_USERNAME": "target",
    "LIBISCSI_CHAP_TARGET_PASSWORD": "target-secret-2",
    "LIBISCSI_DEBUG": "3",
    "LIBISCSI_TCP_USER_TIMEOUT": "5000",
    "LIBISCSI_TCP_KEEPCNT": "4",
    "LIBISCSI_TCP_KEEPINTVL": "10",
    "LIBISCSI_TCP_KEEPIDLE": "20",
    "LIBISCSI_TCP_SYNCNT": "2",
    "LIBISCSI_BIND_INTERFACES": "eth0, eth1,",
    "LIBISCSI_ALLOW_TARGETNAME_REDIRECT": "1",
    "LIBISCSI_DROP_CONN_ON_ASYNC_EVENT1": "0",
    "LIBISCSI_RDMA_ACK_TIMEOUT": "14",
    "LIBISCSI_CACHE_ALLOCATIONS": "of no use here",
}


def test_every_variable() -> None:
    assert Environment.read(VARIABLES) == Environment(
        user="alice",
        secret=Secret("alice-secret-1"),
        target_user="target",
        target_secret=Secret("target-secret-2"),
        debug=3,
        user_timeout=5000,
        keepalive_count=4,
        keepalive_interval=10,
        keepalive_idle=20,
        syn_count=2,
        interfaces=("eth0", "eth1"),
        redirect_to_other_target=True,
        drop_on_async_event=False,
        ack_timeout=14,
    )


def test_nothing_is_told() -> None:
    assert Environment.read({}) == Environment()
    assert Environment.read({"LIBISCSI_TCP_KEEPCNT": ""}).keepalive_count == 3


def test_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBISCSI_CHAP_USERNAME", "bob")
    assert Environment.read().user == "bob"


@pytest.mark.parametrize("text", ["many", "-1", "1.5", "²"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InvalidValueError, match=r"LIBISCSI_TCP_KEEPCNT=.* is no number"):
        Environment.read({"LIBISCSI_TCP_KEEPCNT": text})


def test_secrets_do_not_show() -> None:
    it = Environment.read(VARIABLES)
    assert "secret-" not in repr(it)
    assert repr(it.secret) == "'********'"
    assert repr(Secret()) == "''"
    assert it.secret == "alice-secret-1"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "credentials"
    path.write_text("# of alice\nuser = alice\n\nsecret=a = b#c \ntarget_secret = t\n")
    path.chmod(0o600)
    return path


def test_a_file(file: Path) -> None:
    it = Environment(target_user="kept").with_file(str(file))
    assert (it.user, it.secret, it.target_user, it.target_secret) == (
        "alice",
        "a = b#c",
        "kept",
        "t",
    )
    assert repr(it).count("'********'") == 2


def test_a_file_that_others_can_read(file: Path) -> None:
    file.chmod(0o640)
    with pytest.raises(InvalidValueError, match=r"have access \(0640\); chmod 600") as caught:
        Environment().with_file(str(file))
    assert caught.value.path == str(file)


@pytest.mark.parametrize("line", ["password = very-secret", "very-secret", "secret very-secret"])
def test_a_line_that_says_something_else(file: Path, line: str) -> None:
    file.write_text(f"user = alice\n{line}\n")
    with pytest.raises(InvalidValueError, match=r"credentials:2: this is none of user, ") as caught:
        Environment().with_file(str(file))
    assert "very-secret" not in "".join(traceback.format_exception_only(caught.type, caught.value))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Environment().with_file(str(tmp_path / "none"))
