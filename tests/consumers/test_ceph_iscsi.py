# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What ceph-iscsi does with this library: its gateways, disks, clients, ALUA groups, metrics."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import rtslib_fb.root as lio_root
from rtslib_fb import UserBackedStorageObject, tcm
from rtslib_fb.alua import ALUATargetPortGroup
from rtslib_fb.fabric import ISCSIFabricModule
from rtslib_fb.root import RTSRoot
from rtslib_fb.target import LUN, TPG, NetworkPortal, NodeACL, Target
from rtslib_fb.utils import RTSLibError, RTSLibNotInCFS, fread, normalize_wwn

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel

IQN = "iqn.2003-01.com.redhat.iscsi-gw:iscsi-igw"
CLIENT = "iqn.1994-05.com.redhat:rh7-client"
CONFIG = "rbd/rbd/disk_1;osd_op_timeout=30"
SERIAL = "8a2b9fbe-a5f8-4be0-b6a3-4b8c2b7ccd4e"


@pytest.fixture
def disk(fake: FakeKernel) -> UserBackedStorageObject:
    assert not list(RTSRoot(fs=fake).storage_objects)
    return UserBackedStorageObject(
        name="rbd.disk_1",
        config=CONFIG,
        size=1 << 30,
        wwn=SERIAL,
        control="max_data_area_mb=128,hw_max_sectors=1024",
    )


@pytest.fixture
def tpgs(fake: FakeKernel) -> list[TPG]:
    """Two gateways: one TPG for each, of which only this machine's is enabled."""
    target = Target(ISCSIFabricModule(fs=fake), wwn=IQN)
    made = []
    for ip in ("192.168.122.101", "192.168.122.102"):
        tpg = TPG(target)
        tpg.set_attribute("authentication", "0")
        NetworkPortal(tpg, ip)
        made.append(tpg)
    made[0].enable = True
    made[1].enable = False
    made[1].set_attribute("tpg_enabled_sendtargets", "0")
    return made


def test_names_of_targets_are_normalised() -> None:
    assert normalize_wwn(["iqn"], IQN.upper()) == (IQN, "iqn")
    with pytest.raises(RTSLibError):
        normalize_wwn(["iqn"], "disk")


def test_a_gateway(tpgs: list[TPG]) -> None:
    target = Target(ISCSIFabricModule(), IQN, "lookup")
    with pytest.raises(RTSLibNotInCFS):
        Target(ISCSIFabricModule(), f"{IQN}2", "lookup")
    assert os.path.basename(target.path) == IQN
    assert [tpg.tag for tpg in target.tpgs] == [1, 2]
    assert [tpg._get_enable() for tpg in target.tpgs] == [True, False]
    assert [list(tpg.network_portals)[0].ip_address for tpg in target.tpgs] == [  # noqa: RUF015 - theirs
        "192.168.122.101",
        "192.168.122.102",
    ]
    tpgs[0].set_parameter("ImmediateData", "Yes")
    tpgs[0].set_parameter("FirstBurstLength", str(262144))
    tpgs[0].set_attribute("generate_node_acls", 0)
    tpgs[0].set_attribute("demo_mode_write_protect", 1)
    assert tpgs[0].get_parameter("ImmediateData") == "Yes"


def test_a_disk(disk: UserBackedStorageObject) -> None:
    disk.set_attribute("cmd_time_out", 0)
    disk.set_attribute("qfull_time_out", 5)
    found = UserBackedStorageObject(name="rbd.disk_1")
    assert (found.size, found.config, found._get_wwn()) == (1 << 30, CONFIG, SERIAL)
    found.set_attribute("dev_size", 2 << 30)
    assert found.size == 2 << 30
    assert found.status != "activated"
    assert list(found.attached_luns) == []
    with pytest.raises(RTSLibError):
        UserBackedStorageObject(name="rbd.disk_2")


def test_a_disk_is_mapped_once(disk: UserBackedStorageObject, tpgs: list[TPG]) -> None:
    for tpg in tpgs:
        LUN(tpg, lun=3, storage_object=disk)
        with pytest.raises(RTSLibError) as caught:
            LUN(tpg, lun=3, storage_object=disk)
        assert "already exists in configFS" in str(caught.value)
    assert disk.status == "activated"
    assert [lun.parent_tpg for lun in disk.attached_luns] == tpgs
    assert [lun.storage_object.name for lun in tpgs[0].luns] == ["rbd.disk_1"]


@pytest.mark.parametrize(("kind", "state"), [("implicit", 0), ("explicit", 2)])
def test_alua_groups(disk: UserBackedStorageObject, tpgs: list[TPG], kind: str, state: int) -> None:
    group = ALUATargetPortGroup(disk, "ao", tpgs[0].tag)
    group.alua_support_active_optimized = 1
    group.alua_access_state = 0
    if kind == "implicit":
        group.alua_support_active_nonoptimized = 1
        group.alua_access_type = 1
        group.implicit_trans_secs = 45
    else:
        group.preferred = 1
        group.alua_support_standby = 1
        group.alua_access_type = 3
        group.alua_access_state = 2
    group.alua_support_offline = 0
    group.alua_support_unavailable = 0
    group.alua_support_transitioning = 1
    group.nonop_delay_msecs = 0
    with pytest.raises(RTSLibError):
        ALUATargetPortGroup(disk, "ao", tpgs[0].tag)
    found = ALUATargetPortGroup(disk, "ao")
    assert (found.name, found.tg_pt_gp_id, found.alua_access_state) == ("ao", tpgs[0].tag, state)
    lun = LUN(tpgs[0], lun=0, storage_object=disk)
    lun.alua_tg_pt_gp_name = found.name
    assert lun.alua_tg_pt_gp_name == "ao"


def test_a_client(disk: UserBackedStorageObject, tpgs: list[TPG], fake: FakeKernel) -> None:
    lun = LUN(tpgs[0], lun=0, storage_object=disk)
    acl = NodeACL(tpgs[0], CLIENT)
    acl.set_attribute("dataout_timeout", "20")
    acl.tcq_depth = 128
    acl.mapped_lun(0, tpg_lun=lun)
    acl.chap_userid, acl.chap_password = "user", "s3cret"
    acl.chap_mutual_userid, acl.chap_mutual_password = "", ""
    assert (acl.chap_mutual_userid, acl.chap_mutual_password) == ("", "")
    tpgs[0].chap_userid = None
    assert (tpgs[0].chap_userid, tpgs[0].chap_password) == ("", "")
    with pytest.raises(RTSLibError) as caught:
        acl.set_attribute("dataout_timeout", "100000")
    assert "Invalid argument" in str(caught.value)
    with pytest.raises(RTSLibError) as caught:
        acl.tcq_depth = 1 << 20
    assert "Invalid argument" in str(caught.value)
    assert [client.node_wwn for client in lio_root.RTSRoot().node_acls] == [CLIENT]
    assert acl.session is None
    fake.login(tpgs[0].below(""), CLIENT, alias="client")
    session = next(client.session for client in tpgs[0].node_acls)
    assert session is not None
    assert session.get("alias") == "client"
    assert session.get("state", "").upper() == "LOGGED_IN"
    assert all(connection.get("address") for connection in session.get("connections", ()))
    assert len(list(RTSRoot().sessions)) == 1
    acl.delete()
    assert list(tpgs[0]._list_node_acls()) == []


def test_metrics(disk: UserBackedStorageObject, tpgs: list[TPG], fake: FakeKernel) -> None:
    NodeACL(tpgs[0], CLIENT).mapped_lun(0, tpg_lun=LUN(tpgs[0], 0, disk))
    fake.login(tpgs[0].below(""), CLIENT)
    root = RTSRoot()
    for _scrape in range(2):
        tcm.bs_cache = {}
        target = next(root.targets, None)
        assert target is not None
        assert target.wwn == IQN
        assert len(list(root.tpgs)) == 2
        assert [lun.tpg_lun.storage_object.name for lun in root.mapped_luns] == ["rbd.disk_1"]
        assert [so.size for so in root.storage_objects] == [1 << 30]
        for acl in root.node_acls:
            for lun in acl.mapped_luns:
                assert int(fread(os.path.join(lun.path, "statistics/scsi_auth_intr/num_cmds"))) >= 0
        logged_in = [
            one["parent_nodeacl"].node_wwn for one in root.sessions if one["state"] == "LOGGED_IN"
        ]
        assert logged_in == [CLIENT]


@pytest.mark.usefixtures("fake")
def test_discovery() -> None:
    fabric = ISCSIFabricModule()
    fabric.clear_discovery_auth_settings()
    fabric.discovery_userid, fabric.discovery_password = "user", "s3cret"
    fabric.discovery_mutual_userid, fabric.discovery_mutual_password = "", ""
    fabric.discovery_enable_auth = True
    assert ISCSIFabricModule().discovery_enable_auth is True
    fabric.clear_discovery_auth_settings()
    assert (fabric.discovery_enable_auth, fabric.discovery_userid) == (False, "")


def test_a_gateway_is_removed(disk: UserBackedStorageObject, tpgs: list[TPG]) -> None:
    NodeACL(tpgs[0], CLIENT).mapped_lun(0, tpg_lun=LUN(tpgs[0], 0, disk))
    for target in RTSRoot().targets:
        if target.wwn == IQN:
            target.delete()
    assert disk.status == "deactivated"
    disk.delete()
    assert list(RTSRoot().storage_objects) == []
