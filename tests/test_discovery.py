# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Discovery authentication: set together, refused before the first write, cleared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtslib import (
    FabricModule,
    InvalidValueError,
    NotSupportedError,
    RTSLibNotInCFSError,
    RTSRoot,
)
from rtslib.testing import Journal

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel


@pytest.fixture
def iscsi(fake: FakeKernel) -> FabricModule:
    """The iSCSI fabric, which nothing has used yet."""
    return FabricModule("iscsi", fs=fake)


def test_discovery_settings_make_the_fabric_ready(iscsi: FabricModule) -> None:
    assert not iscsi.exists
    iscsi.discovery_userid = "reader"
    assert FabricModule("iscsi").exists
    assert iscsi.discovery_userid == "reader"
    for name in ("discovery_password", "discovery_mutual_userid", "discovery_mutual_password"):
        assert getattr(iscsi, name) == ""
        setattr(iscsi, name, f"secret {name}")
        assert getattr(iscsi, name) == f"secret {name}"
    assert iscsi.discovery_enable_auth is False
    assert iscsi.discovery_authenticate_target is True
    iscsi.discovery_enable_auth = "yes"
    assert iscsi.discovery_enable_auth is True


def test_all_discovery_credentials_at_once(iscsi: FabricModule) -> None:
    journal = Journal(iscsi.fs)
    FabricModule("iscsi", fs=journal).set_discovery_auth("in", "secret", "out", "other")
    assert journal.changes[-1].path == "iscsi/discovery_auth/enforce_discovery_auth"
    assert (iscsi.discovery_enable_auth, iscsi.discovery_authenticate_target) == (True, True)
    assert (iscsi.discovery_userid, iscsi.discovery_password) == ("in", "secret")
    assert (iscsi.discovery_mutual_userid, iscsi.discovery_mutual_password) == ("out", "other")
    iscsi.set_discovery_auth("in", "new", enable=False)
    assert iscsi.discovery_enable_auth == 0
    assert iscsi.discovery_mutual_userid == ""
    iscsi.set_discovery_auth("in", "new")
    iscsi.clear_discovery_auth_settings()
    assert (iscsi.discovery_userid, iscsi.discovery_password) == ("", "")
    assert iscsi.discovery_enable_auth is iscsi.discovery_authenticate_target is False


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("in", ""), "the secret is missing"),
        (("", "secret"), "the name is missing"),
        (("", ""), "without a name and a secret"),
        (("in", "secret", "out", ""), "mutual discovery CHAP needs"),
        (("", "", "out", "other"), "mutual discovery CHAP without discovery CHAP"),
        (("in", "same", "out", "same"), "both sides have the same discovery CHAP secret"),
        (("in", "secret", "out", "NULLx"), "begins with NULL"),
        (("in", "x" * 256), "the kernel keeps 255"),
    ],
)
def test_discovery_credentials_that_cannot_work(
    iscsi: FabricModule, arguments: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message):
        iscsi.set_discovery_auth(*arguments)
    assert not iscsi.exists
    iscsi.set_discovery_auth("in", "before")
    journal = Journal(iscsi.fs)
    with pytest.raises(InvalidValueError, match=message):
        FabricModule("iscsi", fs=journal).set_discovery_auth(*arguments)
    assert not journal.operations


def test_the_switch_of_discovery_is_read_before_anything_is_written(iscsi: FabricModule) -> None:
    with pytest.raises(InvalidValueError, match="not a yes or a no"):
        iscsi.set_discovery_auth("in", "secret", enable="perhaps")  # type: ignore[arg-type]
    assert not iscsi.exists
    iscsi.set_discovery_auth("", "", enable="no")  # type: ignore[arg-type]
    assert iscsi.discovery_enable_auth is False


def test_there_is_nothing_to_clear_where_nobody_uses_the_fabric(iscsi: FabricModule) -> None:
    journal = Journal(iscsi.fs)
    FabricModule("iscsi", fs=journal).clear_discovery_auth_settings()
    assert journal.count() == {"kind": 1}
    assert not iscsi.exists
    loopback = RTSRoot().fabrics.ensure("loopback")
    loopback.clear_discovery_auth_settings()
    assert loopback.discovery_userid == ""


def test_a_fabric_without_discovery(fake: FakeKernel) -> None:
    fabric = FabricModule("loopback")
    with pytest.raises(RTSLibNotInCFSError):
        fabric.discovery_userid = "x"
    assert not fabric.exists
    fake.mkdir("loopback")
    assert fabric.discovery_enable_auth is fabric.discovery_authenticate_target is False
    assert fabric.discovery_userid == fabric.discovery_mutual_password == ""
    fabric.discovery_password = ""
    with pytest.raises(NotSupportedError, match="has no discovery_password to set"):
        fabric.discovery_password = "x"
