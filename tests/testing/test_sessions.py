# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Initiators that log in, and what the tree says of them."""

from __future__ import annotations

import pytest

from testing.filled import IQN, TPG, Filled

ACL = f"{TPG}/acls/iqn.i"
INSTANCE = f"{IQN}/fabric_statistics/iscsi_instance"


@pytest.fixture
def fs(fake: Filled) -> Filled:
    fake.tpg()
    fake.acl(TPG, luns=(0,))
    fake.write(f"{TPG}/enable", "1")
    return fake


def test_a_session_is_shown(fs: Filled) -> None:
    sid = fs.login(
        TPG, "iqn.i", address="10.0.0.9", alias="me", parameters={"MaxBurstLength": 4096}
    )
    info = fs.read(f"{ACL}/info")
    assert f"LIO Session ID: {sid}   ISID: 0x80 e1 a7 fc 00 00  TSIH: {sid}" in info
    assert "InitiatorAlias: me\n" in info
    assert "   Address 10.0.0.9 TCP  StatSN: 0x" in info
    assert fs.read(f"{ACL}/param/MaxBurstLength") == "4096\n"
    assert fs.read(f"{INSTANCE}/sessions") == "1\n"
    fs.logout(TPG, sid)
    assert fs.read(f"{ACL}/info").startswith("No active iSCSI Session")
    assert fs.read(f"{INSTANCE}/sessions") == "0\n"
    assert fs.read(f"{IQN}/fabric_statistics/iscsi_logout_stats/normal_logouts") == "1\n"
    with pytest.raises(KeyError):
        fs.logout(TPG, sid)


def test_of_several_sessions_the_last_is_shown(fs: Filled) -> None:
    first = fs.login(TPG, "iqn.i")
    second = fs.login(TPG, "iqn.i", isid="800000000002")
    assert f"LIO Session ID: {second} " in fs.read(f"{ACL}/info")
    stats = f"{ACL}/fabric_statistics/iscsi_sess_stats"
    assert fs.read(f"{stats}/indx") == "1\n"
    fs.logout(TPG, second)
    assert f"LIO Session ID: {first} " in fs.read(f"{ACL}/info")
    assert fs.read(f"{stats}/indx") == "0\n"


def test_who_may_not_log_in(fs: Filled) -> None:
    with pytest.raises(PermissionError):
        fs.login(TPG, "iqn.stranger")
    fs.write(f"{TPG}/enable", "0")
    with pytest.raises(PermissionError):
        fs.login(TPG, "iqn.i")


def test_what_ends_a_session(fs: Filled) -> None:
    def gone() -> bool:
        return fs.read(f"{ACL}/info").startswith("No active")

    for path, value, ends in (
        (f"{ACL}/cmdsn_depth", "64", False),
        (f"{ACL}/cmdsn_depth", "32", True),
        (f"{TPG}/enable", "0", True),
    ):
        fs.write(f"{TPG}/enable", "1")
        fs.login(TPG, "iqn.i")
        fs.write(path, value)
        assert gone() is ends
    fs.write(f"{TPG}/enable", "1")
    fs.login(TPG, "iqn.i")
    fs.unlink(f"{ACL}/lun_0/link")
    fs.rmdir(f"{ACL}/lun_0")
    fs.rmdir(ACL)
    assert fs.read(f"{INSTANCE}/sessions") == "0\n"


def test_strangers_in_demo_mode(fs: Filled) -> None:
    fs.write(f"{TPG}/attrib/generate_node_acls", "1")
    fs.mkdir(f"{TPG}/lun/lun_9")
    fs.login(TPG, "iqn.dyn")
    fs.login(TPG, "iqn.dyn")
    fs.login(TPG, "iqn.i")
    assert fs.read(f"{TPG}/dynamic_sessions") == "iqn.dyn\n\0"
    assert [entry.name for entry in fs.listdir(f"{TPG}/acls")] == ["iqn.i"]
    fs.mkdir(f"{TPG}/acls/iqn.dyn")
    assert fs.read(f"{TPG}/dynamic_sessions") == ""
    fs.mkdir(f"{TPG}/acls/iqn.dyn/lun_0")
    assert fs.read(f"{TPG}/acls/iqn.dyn/lun_0/write_protect") == "1\n", "as demo mode had it"
    fs.symlink(f"{TPG}/lun/lun_0", f"{TPG}/acls/iqn.dyn/lun_0/x")
    assert fs.read(f"{TPG}/acls/iqn.dyn/lun_0/write_protect") == "1\n"


def test_dynamic_acls_stay_when_they_are_cached(fs: Filled) -> None:
    fs.write(f"{TPG}/attrib/generate_node_acls", "1")
    sid = fs.login(TPG, "iqn.dyn")
    fs.logout(TPG, sid)
    assert fs.read(f"{TPG}/dynamic_sessions") == ""
    fs.write(f"{TPG}/attrib/generate_node_acls", "0")
    fs.write(f"{TPG}/attrib/cache_dynamic_acls", "0")
    fs.write(f"{TPG}/attrib/generate_node_acls", "1")
    for number in range(400):
        fs.login(TPG, f"iqn.dyn{number}")
    text = fs.read(f"{TPG}/dynamic_sessions")
    assert 4000 < len(text) <= 4096
    assert text.endswith("\n\0")
