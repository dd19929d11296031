# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
from __future__ import annotations

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Any

import pytest

from rtslib import (
    LUN,
    TPG,
    AlreadyExistsError,
    BusyError,
    FabricModule,
    FileIOStorageObject,
    InvalidValueError,
    KernelError,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    NodeACLGroup,
    NotFoundError,
    RDMCPStorageObject,
    RejectedError,
    RTSRoot,
    Target,
)
from suite import tree
from suite.backstores import fill
from suite.machine import MIB, disks_of_host, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IQN = "iqn.2026-11.org.example:model"
ALICE = "iqn.1994-05.com.redhat:alice"
BOB = "iqn.1994-05.com.redhat:bob"


@pytest.fixture
def target() -> Iterator[Target]:
    made = Target(FabricModule("iscsi"), IQN, "create")
    yield made
    made.delete()


@pytest.fixture
def tpg(target: Target) -> TPG:
    return TPG(target, 1)


@pytest.fixture
def disks() -> Iterator[list[RDMCPStorageObject]]:
    made = [RDMCPStorageObject(f"ram{number}", 4096) for number in range(3)]
    yield made
    for disk in made:
        disk.delete()


@pytest.mark.parametrize(
    ("name", "wwn"),
    [
        ("iscsi", IQN),
        ("iscsi", "naa.5001405000000001"),
        ("iscsi", "eui.0123456789abcdef"),
        ("loopback", "naa.5001405000000001"),
        ("vhost", "naa.5001405000000001"),
        ("tcm_fc", "naa.2000001122334455"),
        ("sbp", "eui.0011223344556677"),
    ],
)
def test_a_target_of_each_fabric(name: str, wwn: str) -> None:
    fabric = FabricModule(name)
    before = list(tree.paths())
    target = Target(fabric, wwn, "create")
    assert target.wwn == wwn
    assert list(fabric.targets) == [target]
    assert Target(fabric, wwn) == Target(fabric, wwn, "lookup") == fabric.targets[wwn] == target
    with pytest.raises(AlreadyExistsError):
        Target(fabric, wwn, "create")
    tpg = TPG(target, 1)
    assert (list(target.tpgs), tpg.tag) == ([tpg], 1)
    assert (tpg.nexus is not None) == fabric.has_feature("nexus")
    target.delete()
    assert list(tree.paths()) == before
    with pytest.raises(NotFoundError):
        Target(fabric, wwn, "lookup")


def test_a_fabric_s_directory_comes_with_its_first_target() -> None:
    fabric = FabricModule("iscsi")
    fabric.delete()
    assert not os.path.exists(fabric.path)
    target = Target(fabric)
    assert target.wwn.startswith("iqn.2003-01.org.linux-iscsi.")
    assert os.path.isdir(fabric.path)
    assert fabric.version
    target.delete()
    assert os.path.isdir(fabric.path)


def test_names_are_found_in_any_case(target: Target, tpg: TPG) -> None:
    assert Target(FabricModule("iscsi"), IQN.upper(), "lookup") == target
    acl = NodeACL(tpg, ALICE.upper())
    assert acl.node_wwn == ALICE
    assert tpg.node_acls[ALICE.upper()] == acl


def test_tpgs_get_free_tags(target: Target) -> None:
    assert [TPG(target, tag).tag for tag in (1, None, 7, None, 0, 65535)] == [1, 2, 7, 3, 0, 65535]
    assert [tpg.tag for tpg in target.tpgs] == [0, 1, 2, 3, 7, 65535]
    for wrong in (65536, -1, "x"):
        with pytest.raises(InvalidValueError):
            TPG(target, wrong)


@pytest.mark.parametrize("what", ["attributes", "parameters"])
def test_every_setting_of_a_tpg_takes_the_value_it_shows(tpg: TPG, what: str) -> None:
    group = getattr(tpg, what)
    for name in group.names(writable=True, readable=True):
        value = group[name]
        group[name] = value
        assert group[name] == value
    assert set(group) - set(group.table) == set()


def test_tpg_settings_change(tpg: TPG) -> None:
    for name, value in {"authentication": False, "login_timeout": 20, "t10_pi": True}.items():
        assert tpg.attributes[name] != value
        tpg.set_attribute(name, value)
        assert tpg.attributes[name] == value
    for name, text in {"AuthMethod": "CHAP", "MaxConnections": 4, "InitialR2T": False}.items():
        assert tpg.parameters[name] != text
        tpg.set_parameter(name, text)
        assert tpg.parameters[name] == text
    with pytest.raises(KernelError):
        tpg.set_attribute("login_timeout", 1000)
    for state in (True, False):
        tpg.enable = state
        assert tpg.enable is state


def test_luns_and_their_numbers(tpg: TPG, disks: list[RDMCPStorageObject]) -> None:
    first = LUN(tpg, None, disks[0])
    second = tpg.luns.create(5, disks[1], alias="five")
    third = LUN(tpg, None, disks[2])
    assert [lun.lun for lun in tpg.luns] == [0, 1, 5]
    assert (second.alias, second.storage_object, tpg.luns[5]) == ("five", disks[1], second)
    assert first.alua_tg_pt_gp_name == "default_tg_pt_gp"
    assert list(disks[2].attached_luns) == [third]
    assert tpg.luns.ensure(0, disks[0]) == first
    with pytest.raises(AlreadyExistsError):
        LUN(tpg, 0, disks[1])
    with pytest.raises(AlreadyExistsError):
        tpg.luns.ensure(0, disks[1])
    with pytest.raises(NotFoundError):
        tpg.luns[9]
    first.delete()
    assert disks[0].exists
    assert [lun.lun for lun in tpg.luns] == [1, 5]


def test_a_lun_of_what_is_not_open_is_refused_and_leaves_nothing(tpg: TPG) -> None:
    closed = RDMCPStorageObject("closed", 4096, enable=False)
    with pytest.raises(KernelError):
        LUN(tpg, 0, closed)
    assert list(tpg.luns) == []
    closed.delete()


def test_acls_and_mapped_luns(tpg: TPG, disks: list[RDMCPStorageObject]) -> None:
    luns = [LUN(tpg, number, disk) for number, disk in enumerate(disks)]
    acl = NodeACL(tpg, ALICE, "create")
    mapped = MappedLUN(acl, 3, luns[0], write_protect=True)
    other = acl.mapped_luns.create(4, 1)
    assert (mapped.write_protect, other.write_protect) == (True, False)
    assert (mapped.tpg_lun, other.tpg_lun) == (luns[0], luns[1])
    assert [m.mapped_lun for m in acl.mapped_luns] == [3, 4]
    assert list(luns[0].mapped_luns) == [mapped]
    mapped.write_protect = "no"
    assert mapped.write_protect is False
    with pytest.raises(AlreadyExistsError):
        MappedLUN(acl, 3, luns[2])
    luns[0].delete()
    assert [m.mapped_lun for m in acl.mapped_luns] == [4]
    acl.tcq_depth = 17
    acl.tag = "shift"
    assert (acl.tcq_depth, acl.tag) == (17, "shift")
    acl.tag = ""
    assert acl.tag is None
    assert acl.session is None
    for name in acl.list_attributes(writable=True):
        acl.set_attribute(name, acl.get_attribute(name))
    assert set(acl.attributes) - set(acl.attributes.table) == set()


def test_a_mapping_that_cannot_be_leaves_nothing(tpg: TPG) -> None:
    acl = NodeACL(tpg, ALICE)
    with pytest.raises(KernelError):
        MappedLUN(acl, 0, 0)
    assert list(acl.mapped_luns) == []


def test_credentials_are_kept_and_cleared(tpg: TPG) -> None:
    for node in (tpg, NodeACL(tpg, ALICE)):
        node.set_chap("alice", "s3cret-s3cret", "target", "other-s3cret")
        assert (node.chap_userid, node.chap_password) == ("alice", "s3cret-s3cret")
        assert (node.chap_mutual_userid, node.chap_mutual_password) == ("target", "other-s3cret")
        assert node.authenticate_target is True
        node.set_chap("", "")
        assert (node.chap_userid, node.chap_mutual_password) == ("", "")
        assert node.authenticate_target is False
    longest = "x" * 255
    tpg.set_chap("u", longest)
    assert tpg.chap_password == longest


def test_groups_of_acls(tpg: TPG, disks: list[RDMCPStorageObject]) -> None:
    luns = [LUN(tpg, number, disk) for number, disk in enumerate(disks)]
    group = NodeACLGroup(tpg, "shift")
    assert not group.exists
    alice = NodeACL(tpg, ALICE)
    alice.tag = "shift"
    MappedLUN(alice, 0, luns[0], write_protect=True)
    group.chap_userid, group.chap_password = "u", "p4ssw0rd-p4ss"
    group.tcq_depth = 9
    group.set_attribute("nopin_timeout", 20)
    group.add_acl(BOB)
    bob = NodeACL(tpg, BOB, "lookup")
    assert (bob.chap_password, bob.tcq_depth, bob.tag) == ("p4ssw0rd-p4ss", 9, "shift")
    assert bob.get_attribute("nopin_timeout") == "20"
    assert bob.mapped_luns[0].write_protect is True
    mapped = group.mapped_lun_group(1, luns[1], write_protect=False)
    assert [mapped.tpg_lun, *(acl.mapped_luns[1].tpg_lun for acl in (alice, bob))] == [luns[1]] * 3
    assert [group.name for group in tpg.node_acl_groups] == ["shift"]
    assert sorted(group.wwns) == sorted([ALICE, BOB])
    group.remove_acl(BOB)
    assert list(tpg.node_acls) == [alice]
    group.delete()
    assert not group.exists


SPELLINGS = [
    ("127.0.0.1", "127.0.0.1:3260", socket.AF_INET),
    ("::1", "[::1]:3260", socket.AF_INET6),
    ("[::1]", "[::1]:3260", socket.AF_INET6),
    ("0:0:0:0:0:0:0:1", "[::1]:3260", socket.AF_INET6),
    (ipaddress.ip_address("::1"), "[::1]:3260", socket.AF_INET6),
    ("0.0.0.0", "0.0.0.0:3260", socket.AF_INET),
    ("::", "[::]:3260", socket.AF_INET6),
    ("[::0]", "[::]:3260", socket.AF_INET6),
]


@pytest.mark.parametrize(("spelling", "name", "family"), SPELLINGS)
def test_portals_listen_in_every_spelling(tpg: TPG, spelling: Any, name: str, family: int) -> None:
    portal = NetworkPortal(tpg, spelling)
    assert os.path.basename(portal.path) == name
    assert NetworkPortal(tpg, spelling) == portal == tpg.network_portals[str(spelling)]
    with pytest.raises(AlreadyExistsError):
        NetworkPortal(tpg, spelling, mode="create")
    tpg.enable = True
    address = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    with socket.socket(family) as client:
        client.connect((address, 3260))
    assert (portal.iser, portal.offload) == (False, False)
    portal.delete()
    with socket.socket(family) as client, pytest.raises(ConnectionRefusedError):
        client.connect((address, 3260))


def test_a_portal_that_others_spelled_otherwise_is_the_same(tpg: TPG) -> None:
    os.mkdir(f"{tpg.path}/np/[0::0]:3260")
    portal = NetworkPortal(tpg, "::")
    assert os.path.basename(portal.path) == "[0::0]:3260"
    assert (portal.ip_address, portal.port) == ("[::]", 3260)
    with pytest.raises(AlreadyExistsError):
        NetworkPortal(tpg, "::", mode="create")
    portal.delete()


def test_a_port_that_is_taken(tpg: TPG) -> None:
    NetworkPortal(tpg, "0.0.0.0", 3261)
    with pytest.raises(RejectedError):
        NetworkPortal(tpg, "127.0.0.1", 3261)
    assert [portal.ip_address for portal in tpg.network_portals] == ["0.0.0.0"]


def test_discovery_credentials() -> None:
    fabric = FabricModule("iscsi")
    fabric.set_discovery_auth("du", "discover-me-1", "dm", "discover-me-2")
    assert (fabric.discovery_userid, fabric.discovery_password) == ("du", "discover-me-1")
    assert fabric.discovery_mutual_userid == "dm"
    assert fabric.discovery_enable_auth is True
    assert fabric.discovery_authenticate_target is True
    fabric.clear_discovery_auth_settings()
    assert (fabric.discovery_userid, fabric.discovery_enable_auth) == ("", False)


def test_loopback_makes_a_disk_here(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    disk = FileIOStorageObject("disk", str(image), "4MiB")
    target = Target(FabricModule("loopback"))
    tpg = TPG(target, 1)
    assert tpg.nexus is not None
    assert tpg.nexus.partition(".")[0] == target.wwn.partition(".")[0]
    lun = LUN(tpg, 0, disk)
    host = int(tpg.scsi_address.partition(":")[0])
    device = until(lambda: disks_of_host(host).get(0, ""), "a disk of the loopback target")
    data = os.urandom(MIB)
    fill(device, data)
    assert image.read_bytes()[:MIB] == data
    assert tpg.transport_status == "online"
    lun.delete()
    until(lambda: not disks_of_host(host), "the disk's end")
    target.delete()
    disk.delete()


def test_vhost_is_waiting_for_a_guest_of_its_own(disks: list[RDMCPStorageObject]) -> None:
    target = Target(FabricModule("vhost"))
    tpg = TPG(target, 1)
    nexus = tpg.nexus
    assert nexus is not None
    LUN(tpg, 0, disks[0])
    with pytest.raises(BusyError):
        tpg.nexus = ""
    assert tpg.nexus == nexus
    tpg.luns[0].delete()
    names = []
    for name in ("", None):
        tpg.nexus = name
        names.append(tpg.nexus)
    assert names[0] is None
    assert str(names[1]).startswith("naa.5001405")
    target.delete()


def test_the_root_sees_it_all(tpg: TPG, disks: list[RDMCPStorageObject]) -> None:
    root = RTSRoot()
    lun = LUN(tpg, 0, disks[0])
    portal = NetworkPortal(tpg, "127.0.0.1")
    mapped = MappedLUN(NodeACL(tpg, ALICE), 0, lun)
    assert [*root.luns, *root.network_portals, *root.mapped_luns] == [lun, portal, mapped]
    assert sorted(so.name for so in root.storage_objects) == ["ram0", "ram1", "ram2"]
    assert "Target Engine Core ConfigFS Infrastructure" in root.version
    assert root.dbroot == "/etc/target"
    assert {fabric.name for fabric in root.fabric_modules} >= {"iscsi", "loopback", "vhost"}
