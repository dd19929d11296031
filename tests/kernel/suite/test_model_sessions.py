# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Sessions and counters as initiators make them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rtslib import (
    LUN,
    TPG,
    FabricModule,
    FileIOStorageObject,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    RTSRoot,
    Target,
)
from rtslib.statistics import Counter
from suite.libiscsi import session
from suite.machine import MIB, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IQN = "iqn.2026-11.org.example:sessions"
ALICE = "iqn.1994-05.com.redhat:alice"
BOB = "iqn.1994-05.com.redhat:bob"
IPV4 = "127.0.0.1:3260"
IPV6 = "[::1]:3260"


@pytest.fixture
def tpg(tmp_path: Path) -> Iterator[TPG]:
    disk = FileIOStorageObject("disk", str(tmp_path / "disk.img"), "8MiB")
    target = Target(FabricModule("iscsi"), IQN)
    made = TPG(target, 1)
    made.set_attribute("authentication", False)
    LUN(made, 0, disk)
    for address in ("127.0.0.1", "::1"):
        NetworkPortal(made, address)
    made.enable = True
    yield made
    target.delete()
    disk.delete()


@pytest.fixture
def acls(tpg: TPG) -> dict[str, NodeACL]:
    made = {name: NodeACL(tpg, name) for name in (ALICE, BOB)}
    for acl in made.values():
        MappedLUN(acl, 0, 0)
    return made


def test_two_sessions(tpg: TPG, acls: dict[str, NodeACL]) -> None:
    target = tpg.parent_target
    assert (tpg.sessions, target.session_count, acls[ALICE].session) == ([], 0, None)
    with session(ALICE, IQN, IPV4), session(BOB, IQN, IPV6):
        found = {one.initiator: one for one in tpg.sessions}
        assert set(found) == {ALICE, BOB}
        assert target.session_count == len(list(RTSRoot().sessions)) == 2
        for name, address in ((ALICE, "127.0.0.1"), (BOB, "::1")):
            one = found[name]
            assert (one.parent_nodeacl, one.state, one.type) == (acls[name], "LOGGED_IN", "Normal")
            assert one.id is not None
            assert one.tsih is not None
            assert len(one.isid) == 12
            (connection,) = one.connections
            assert (connection.cstate, connection.transport) == ("LOGGED_IN", "TCP")
            assert connection.address == address
            assert acls[name].session is not None
            assert acls[name].parameters["MaxConnections"] == 1
        assert found[ALICE].id != found[BOB].id
    until(lambda: target.session_count == 0, "the sessions' end")
    assert tpg.sessions == []


@pytest.mark.usefixtures("acls")
def test_two_sessions_of_one_initiator_are_counted(tpg: TPG) -> None:
    with session(ALICE, IQN, IPV4) as first, session(ALICE, IQN, IPV6):
        assert first is not None
        sessions = tpg.parent_target.sessions
        assert [one.initiator for one in sessions] == [ALICE, "unknown"]
        # The ACL tells of the later one.
        assert sessions[0].connections[0].address == "::1"
    until(lambda: tpg.parent_target.session_count == 0, "the sessions' end")


def test_demo_mode(tpg: TPG) -> None:
    tpg.set_attribute("generate_node_acls", True)
    with session(ALICE, IQN, IPV4), session(BOB, IQN, IPV4):
        assert sorted(one.initiator for one in tpg.sessions) == sorted([ALICE, BOB])
        assert {one.parent_nodeacl for one in tpg.sessions} == {None}
        assert tpg.parent_target.session_count == 2
        assert list(tpg.node_acls) == []
    until(lambda: tpg.sessions == [], "the sessions' end")


def test_a_session_ends_with_what_it_stands_on(tpg: TPG, acls: dict[str, NodeACL]) -> None:
    with session(ALICE, IQN, IPV4):
        assert acls[ALICE].session is not None
        acls[ALICE].delete()
        until(lambda: tpg.parent_target.session_count == 0, "the session's end")
    with session(BOB, IQN, IPV4):
        tpg.enable = False
        until(lambda: acls[BOB].session is None, "the session's end")
        tpg.enable = True


def test_a_changed_queue_depth_logs_out(acls: dict[str, NodeACL]) -> None:
    with session(ALICE, IQN, IPV4):
        acls[ALICE].tcq_depth = 5
        until(lambda: acls[ALICE].session is None, "the session's end")
    assert acls[ALICE].tcq_depth == 5


def test_counters_count_what_is_written(tpg: TPG, acls: dict[str, NodeACL]) -> None:
    lun = tpg.luns[0]
    mapped = acls[ALICE].mapped_luns[0]
    before = lun.statistics["scsi_tgt_port"]
    with session(ALICE, IQN, IPV4) as initiator:
        data = os.urandom(MIB // 4)
        for number in range(16):
            initiator.write(0, number * len(data) // 512, data)
        after = lun.statistics["scsi_tgt_port"]
        assert int(after["write_mbytes"]) - int(before["write_mbytes"]) == 4
        assert int(after["in_cmds"]) - int(before["in_cmds"]) >= 16
        written = lun.statistics.read_all()["scsi_tgt_port"]["write_mbytes"]
        assert isinstance(written, Counter)
        assert written.bytes == 4 * MIB
        seen = mapped.statistics["scsi_auth_intr"]
        assert seen["intr_name"] == ALICE
        assert seen["write_mbytes"] == 4
        disk = lun.storage_object.statistics
        assert disk["scsi_lu"]["write_mbytes"] == 4
        assert disk["scsi_dev"]["ports"] == 1
        counted = tpg.parent_target.statistics
        assert counted["iscsi_instance"]["sessions"] == 1
        assert counted["iscsi_login_stats"]["accepts"] == 1
        mine = acls[ALICE].statistics["iscsi_sess_stats"]
        assert int(mine["cmd_pdus"]) >= 16
        assert isinstance(mine["txdata_octs"], Counter)
        assert mine["txdata_octs"].unit == "bytes"
