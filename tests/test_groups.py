# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""ACL groups: members by tag, settings and mapped LUNs of all at once."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from trees import iscsi_tpg

from rtslib import (
    LUN,
    TPG,
    AlreadyExistsError,
    FabricModule,
    InvalidValueError,
    KernelError,
    MappedLUN,
    MappedLUNGroup,
    NodeACL,
    NodeACLGroup,
    NotSupportedError,
    RDMCPStorageObject,
    RTSLibNotInCFSError,
    RTSRoot,
    Target,
)
from rtslib.groups import Shared
from rtslib.testing import Faulty

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel

ONE, TWO, THREE = (f"iqn.1994-05.com.example:{name}" for name in ("one", "two", "three"))


@pytest.fixture
def tpg(fake: FakeKernel) -> TPG:
    """An iSCSI TPG with two LUNs."""
    tpg = iscsi_tpg(fake)
    disk = RDMCPStorageObject("disk", "1M")
    for number in range(2):
        LUN(tpg, number, disk)
    return tpg


@pytest.fixture
def group(tpg: TPG) -> NodeACLGroup:
    """A group of two."""
    group = NodeACLGroup(tpg, "hosts")
    group.add_acl(ONE)
    group.add_acl(TWO)
    return group


# Members


def test_a_group_is_the_acls_of_one_tag(tpg: TPG, group: NodeACLGroup) -> None:
    NodeACL(tpg, THREE)
    assert group.exists
    assert (group.name, group.parent_tpg) == ("hosts", tpg)
    assert list(group.wwns) == [ONE, TWO]
    assert [acl.tag for acl in tpg.node_acls] == ["hosts", None, "hosts"]
    assert group.has_feature("acls")
    assert repr(group) == f"<NodeACLGroup hosts of {tpg!r}>"
    assert [found.name for found in tpg.node_acl_groups] == ["hosts"]
    assert [found.name for found in RTSRoot().node_acl_groups] == ["hosts"]


def test_a_group_without_members_does_not_exist(tpg: TPG) -> None:
    group = NodeACLGroup(tpg, "nobody")
    assert not group.exists
    assert list(group.wwns) == []
    for read in (lambda: group.tcq_depth, lambda: group.get_attribute("authentication")):
        with pytest.raises(RTSLibNotInCFSError, match="has no members"):
            read()
    group.set_parameter("MaxBurstLength", 1024)  # nobody, nothing
    group.delete()


def test_add_acl_takes_each_initiator_once(tpg: TPG, group: NodeACLGroup) -> None:
    group.add_acl(ONE.upper())
    assert list(group.wwns) == [ONE, TWO]
    mine = NodeACL(tpg, THREE)
    mine.tag = "others"
    with pytest.raises(InvalidValueError, match="a group of its own") as caught:
        group.add_acl(THREE)
    assert caught.value.path == mine.path
    mine.tag = ""
    MappedLUN(mine, 0, 0)
    with pytest.raises(InvalidValueError, match="has mapped LUNs"):
        group.add_acl(THREE)
    mine.mapped_luns[0].delete()
    group.add_acl(THREE)
    assert THREE in list(group.wwns)


def test_a_new_member_gets_what_the_others_have(tpg: TPG, group: NodeACLGroup) -> None:
    first = tpg.node_acls[ONE]
    first.tcq_depth = 32
    first.attributes["dataout_timeout"] = 20
    assert first.attributes["authentication"] is None
    first.set_chap("in", "secret", "out", "other")
    MappedLUN(first, 4, 0, write_protect=True)
    MappedLUN(first, 5, 1, write_protect=False)
    group.add_acl(THREE)
    third = tpg.node_acls[THREE]
    assert third.tcq_depth == 32
    assert third.attributes.read_all() == first.attributes.read_all()
    assert (third.chap_userid, third.chap_password) == ("in", "secret")
    assert (third.chap_mutual_userid, third.chap_mutual_password) == ("out", "other")
    assert [(m.mapped_lun, m.tpg_lun.lun, m.write_protect) for m in third.mapped_luns] == [
        (4, 0, True),
        (5, 1, False),
    ]


@pytest.mark.usefixtures("fake")
def test_a_fabric_with_acls_and_nothing_else() -> None:
    tpg = TPG(Target(FabricModule("tcm_fc"), "naa.5001405000000001"), 1)
    group = NodeACLGroup(tpg, "hosts")
    group.add_acl("naa.5001405000000002")
    group.add_acl("50:01:40:50:00:00:00:03")
    assert list(group.wwns) == ["naa.5001405000000002", "naa.5001405000000003"]
    group.remove_acl("0x5001405000000002")
    assert list(group.wwns) == ["naa.5001405000000003"]


@pytest.mark.usefixtures("fake")
def test_a_fabric_whose_acls_have_no_tag_has_no_groups() -> None:
    tpg = TPG(Target(FabricModule("vhost"), "naa.5001405000000001"), 1)
    NodeACL(tpg, "naa.5001405000000003")
    assert list(tpg.node_acl_groups) == []
    with pytest.raises(NotSupportedError, match="has no tag to set"):
        NodeACLGroup(tpg, "vms").add_acl("naa.5001405000000002")
    assert [acl.node_wwn for acl in tpg.node_acls] == ["naa.5001405000000003"]


@pytest.mark.usefixtures("group")
@pytest.mark.parametrize("where", ["tag", "write_protect", "cmdsn_depth", "auth/userid", "lun_4"])
def test_an_addition_that_fails_leaves_no_acl(tpg: TPG, where: str) -> None:
    tpg.node_acls[ONE].set_chap("in", "secret")
    MappedLUN(tpg.node_acls[ONE], 4, 0, write_protect=True)
    fault = Faulty(
        tpg.fs,
        errno.EIO,
        when=lambda name, path: (
            name in ("write", "mkdir") and THREE in path and path.endswith(where)
        ),
    )
    with pytest.raises(KernelError) as caught:
        NodeACLGroup(TPG.handle(fault, tpg.below("")), "hosts").add_acl(THREE)
    assert caught.value.errno == errno.EIO
    assert THREE not in tpg.node_acls
    assert not caught.value.residue


def test_remove_acl_deletes_members_only(tpg: TPG, group: NodeACLGroup) -> None:
    NodeACL(tpg, THREE)
    group.remove_acl(THREE)
    group.remove_acl("iqn.1994-05.com.example:nobody")
    assert len(tpg.node_acls) == 3
    group.remove_acl(ONE.upper())
    assert list(group.wwns) == [TWO]
    assert ONE not in tpg.node_acls


def test_a_group_is_renamed_by_its_members(tpg: TPG, group: NodeACLGroup) -> None:
    group.name = "machines"
    assert group.name == "machines"
    assert {acl.tag for acl in tpg.node_acls} == {"machines"}
    assert not NodeACLGroup(tpg, "hosts").exists


@pytest.mark.parametrize("name", ["", "NULL", "NULLA", "a\nb", "a\0b", None])
def test_what_cannot_be_a_tag_is_no_groups_name(tpg: TPG, group: NodeACLGroup, name: str) -> None:
    NodeACL(tpg, THREE)
    with pytest.raises(InvalidValueError):
        NodeACLGroup(tpg, name)
    with pytest.raises(InvalidValueError):
        group.name = name
    assert group.name == "hosts"
    assert [acl.tag for acl in tpg.node_acls] == ["hosts", None, "hosts"]


def test_a_tag_that_others_made_is_a_group(tpg: TPG) -> None:
    NodeACL(tpg, ONE).write("tag", "two\nlines")
    (group,) = tpg.node_acl_groups
    assert list(group.wwns) == [ONE]
    group.name = "line"
    assert [found.name for found in tpg.node_acl_groups] == ["line"]


def test_groups_are_equal_where_tpg_and_name_are(tpg: TPG, group: NodeACLGroup) -> None:
    other = TPG(tpg.parent_target, 2)
    assert group == NodeACLGroup(tpg, "hosts")
    assert group not in (NodeACLGroup(tpg, "others"), NodeACLGroup(other, "hosts"), "hosts")
    assert len({group, NodeACLGroup(tpg, "hosts"), NodeACLGroup(other, "hosts")}) == 2
    group.name = "machines"
    assert group == NodeACLGroup(tpg, "machines")
    assert hash(group) == hash(NodeACLGroup(tpg, "machines"))


def test_mapped_lun_groups_are_equal_where_group_and_number_are(
    tpg: TPG, group: NodeACLGroup
) -> None:
    mapped = MappedLUNGroup(group, 3, 1)
    assert mapped == MappedLUNGroup(NodeACLGroup(tpg, "hosts"), "3")  # type: ignore[arg-type]
    assert mapped not in (MappedLUNGroup(group, 4), MappedLUNGroup(NodeACLGroup(tpg, "x"), 3), 3)
    assert {mapped} == set(group.mapped_lun_groups)
    for number in (1.9, True, None, "x"):
        with pytest.raises(InvalidValueError, match="no LUN number"):
            MappedLUNGroup(group, number)  # type: ignore[arg-type]


def test_deleting_a_group_deletes_its_acls(tpg: TPG, group: NodeACLGroup) -> None:
    NodeACL(tpg, THREE)
    group.delete()
    assert [acl.node_wwn for acl in tpg.node_acls] == [THREE]
    assert not group.exists


# Settings


def test_settings_are_everyones(tpg: TPG, group: NodeACLGroup) -> None:
    group.tcq_depth = 16
    assert group.tcq_depth == 16
    group.set_attribute("dataout_timeout", 30)
    assert group.get_attribute("dataout_timeout") == "30"
    assert {(acl.tcq_depth, acl.attributes["dataout_timeout"]) for acl in tpg.node_acls} == {
        (16, 30)
    }
    assert "dataout_timeout" in group.list_attributes(writable=True)
    assert group.get_parameter("MaxBurstLength") == "No Active iSCSI Session"
    assert "MaxBurstLength" in group.list_parameters(readable=True)
    assert group.list_parameters(writable=True) == []
    with pytest.raises(PermissionError):
        group.set_parameter("MaxBurstLength", 1024)


def test_credentials_are_everyones(tpg: TPG, group: NodeACLGroup) -> None:
    assert group.chap_userid == group.chap_password == ""
    assert not group.authenticate_target
    group.chap_userid = "in"
    group.chap_password = "secret"
    group.chap_mutual_userid = "out"
    group.chap_mutual_password = "other"
    assert group.authenticate_target is True
    for acl in tpg.node_acls:
        assert (acl.chap_userid, acl.chap_password) == ("in", "secret")
        assert (acl.chap_mutual_userid, acl.chap_mutual_password) == ("out", "other")
    assert isinstance(NodeACLGroup.chap_userid, Shared)
    assert NodeACLGroup.chap_userid.__doc__ == NodeACL.chap_userid.__doc__


@pytest.mark.parametrize("what", ["userids", "passwords", "mutual_userids", "mutual_passwords"])
def test_credentials_of_one_or_of_all(group: NodeACLGroup, what: str) -> None:
    read, write = getattr(group, f"get_{what}"), getattr(group, f"set_{what}")
    assert dict(read()) == {ONE: "", TWO: ""}
    write("shared")
    assert dict(read()) == {ONE: "shared", TWO: "shared"}
    write("own", wwn=TWO.upper())
    assert dict(read()) == {ONE: "shared", TWO: "own"}
    write("", THREE)
    assert dict(read()) == {ONE: "shared", TWO: "own"}


def test_sessions_of_a_group(tpg: TPG, group: NodeACLGroup, fake: FakeKernel) -> None:
    NodeACL(tpg, THREE)
    tpg.enable = True
    for initiator in (TWO, THREE):
        fake.login(tpg.below(""), initiator)
    assert [session.initiator for session in group.sessions] == [TWO]


# Mapped LUNs


def test_a_lun_is_mapped_for_all(tpg: TPG, group: NodeACLGroup) -> None:
    NodeACL(tpg, THREE)
    mapped = MappedLUNGroup(group, 3, 1, True)
    assert (mapped.mapped_lun, mapped.tpg_lun, mapped.write_protect) == (3, LUN(tpg, 1), True)
    assert mapped.parent_nodeaclgroup is group
    assert repr(mapped) == f"<MappedLUNGroup 3 of {group!r}>"
    assert MappedLUNGroup(group, 3).exists
    mapped.write_protect = False
    assert [
        (m.node_wwn, m.mapped_lun, m.write_protect)
        for acl in tpg.node_acls
        for m in acl.mapped_luns
    ] == [(ONE, 3, False), (TWO, 3, False)]
    other = group.mapped_lun_group(1, tpg_lun=LUN(tpg, 0))
    assert [found.mapped_lun for found in group.mapped_lun_groups] == [1, 3]
    assert [found.mapped_lun for found in RTSRoot().mapped_lun_groups] == [1, 3]
    assert group.mapped_lun_group(1).tpg_lun == other.tpg_lun
    mapped.delete()
    assert not mapped.exists
    assert [found.mapped_lun for found in group.mapped_lun_groups] == [1]


def test_a_mapping_that_only_some_have(tpg: TPG, group: NodeACLGroup) -> None:
    MappedLUN(tpg.node_acls[TWO], 7, 0)
    mapped = group.mapped_lun_group(7)
    assert [member.node_wwn for member in mapped.members()] == [TWO]
    with pytest.raises(AlreadyExistsError):
        MappedLUNGroup(group, 7, 0)
    assert [member.node_wwn for member in mapped.members()] == [TWO]
    with pytest.raises(RTSLibNotInCFSError, match="has no members"):
        group.mapped_lun_group(8).write_protect  # noqa: B018 - the read is the test


def test_an_alias_for_all(group: NodeACLGroup) -> None:
    mapped = MappedLUNGroup(group, mapped_lun=0, tpg_lun=0, write_protect=None, alias="here")
    assert {member.alias for member in mapped.members()} == {"here"}
