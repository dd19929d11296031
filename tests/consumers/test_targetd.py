# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What targetd does with this library: exports for initiators, and groups of them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from rtslib_fb import (
    LUN,
    TPG,
    BlockStorageObject,
    FabricModule,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    NodeACLGroup,
    RTSLibError,
    RTSLibNotInCFS,
    Target,
)

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel

TARGET = "iqn.2003-01.org.linux-iscsi.storage:targetd"
ONE, TWO = "iqn.1994-05.com.example:one", "iqn.1994-05.com.example:two"


def existing_tpg() -> TPG:
    return TPG(Target(FabricModule("iscsi"), TARGET, mode="lookup"), 1, mode="lookup")


def export(volume: str, initiator: str, number: int) -> None:
    """Export a volume to an initiator, making only what is not there."""
    name = f"vg:{volume}"
    try:
        so = BlockStorageObject(name)
    except RTSLibError:
        so = BlockStorageObject(name, dev=f"/dev/{volume}")
        so.wwn = f"serial-of-{volume}"
    with suppress(RTSLibError):
        so.set_attribute("emulate_model_alias", "1")
    tpg = TPG(Target(FabricModule("iscsi"), TARGET), 1)
    tpg.enable = True
    tpg.set_attribute("authentication", "0")
    NetworkPortal(tpg, "0.0.0.0")
    acl = NodeACL(tpg, initiator)
    for lun in tpg.luns:
        if (lun.storage_object.name, lun.storage_object.plugin) == (name, "block"):
            break
    else:
        lun = LUN(tpg, storage_object=so)
    if not any(
        mapped.mapped_lun == number and mapped.parent_nodeacl == acl for mapped in lun.mapped_luns
    ):
        MappedLUN(acl, number, lun)


@pytest.mark.usefixtures("fake")
def test_nothing_is_exported_yet() -> None:
    with pytest.raises(RTSLibNotInCFS):
        existing_tpg()
    Target(FabricModule("iscsi"), TARGET)
    with pytest.raises(RTSLibNotInCFS):
        existing_tpg()


@pytest.mark.usefixtures("fake")
def test_exports() -> None:
    export("vdb", ONE, 0)
    export("vdc", ONE, 1)
    export("vdc", TWO, 0)
    found = [
        (acl.node_wwn, mapped.mapped_lun, mapped.tpg_lun.storage_object.udev_path.split("/")[2:])
        for acl in existing_tpg().node_acls
        for mapped in acl.mapped_luns
    ]
    assert found == [(ONE, 0, ["vdb"]), (ONE, 1, ["vdc"]), (TWO, 0, ["vdc"])]
    assert "vg:vdc" in (lun.storage_object.name for lun in existing_tpg().luns)
    assert BlockStorageObject("vg:vdc").wwn == "serial-of-vdc"


@pytest.mark.usefixtures("fake")
def test_an_export_is_taken_back_and_the_tree_with_it() -> None:
    export("vdb", ONE, 0)
    target = Target(FabricModule("iscsi"), TARGET)
    tpg = TPG(target, 1)
    acl = NodeACL(tpg, ONE)
    for mapped in acl.mapped_luns:
        lun = mapped.tpg_lun
        mapped.delete()
        if not list(lun.mapped_luns):
            so = lun.storage_object
            lun.delete()
            so.delete()
        break
    for empty, below in ((acl, acl.mapped_luns), (tpg, tpg.node_acls), (target, target.tpgs)):
        assert not list(below)
        empty.delete()
    with pytest.raises(RTSLibNotInCFS):
        existing_tpg()


@pytest.mark.usefixtures("fake")
def test_credentials() -> None:
    acl = NodeACL(TPG(Target(FabricModule("iscsi"), TARGET), 1), ONE)
    for credentials in (("in", "s3cret", "out", "other"), ("", "", "", "")):
        acl.chap_userid, acl.chap_password = credentials[:2]
        acl.chap_mutual_userid, acl.chap_mutual_password = credentials[2:]
        assert (acl.chap_userid, acl.chap_password) == credentials[:2]
        assert (acl.chap_mutual_userid, acl.chap_mutual_password) == credentials[2:]


def test_groups(fake: FakeKernel) -> None:
    tpg = TPG(Target(FabricModule("iscsi"), TARGET), 1)
    lun = LUN(tpg, storage_object=BlockStorageObject("vg:vdb", dev="/dev/vdb"))
    NodeACL(tpg, "iqn.1994-05.com.example:alone")
    group = NodeACLGroup(tpg, "hosts")
    group.add_acl(ONE)
    group.mapped_lun_group(0, lun)
    group.add_acl(TWO)
    assert [(one.name, list(one.wwns)) for one in tpg.node_acl_groups] == [("hosts", [ONE, TWO])]
    assert [len(list(acl.mapped_luns)) for acl in tpg.node_acls] == [0, 1, 1]
    # Initiators in no group are those whose tag is None.
    assert [acl.node_wwn for acl in tpg.node_acls if acl.tag is None] == [
        "iqn.1994-05.com.example:alone"
    ]
    for mapped in group.mapped_lun_groups:
        assert (mapped.mapped_lun, mapped.tpg_lun) == (0, lun)
        mapped.delete()
    group.remove_acl(ONE)
    assert list(group.wwns) == [TWO]
    group.delete()
    assert not list(tpg.node_acl_groups)
    assert fake.listdir(tpg.below("acls"))


def test_the_largest_lun() -> None:
    try:
        largest = LUN.MAX_LUN
    except AttributeError:
        largest = LUN.MAX_TARGET_LUN
    assert largest == 65535


@pytest.mark.usefixtures("fake")
def test_acls_are_compared() -> None:
    tpg = TPG(Target(FabricModule("iscsi"), TARGET), 1)
    one = NodeACL(tpg, ONE)
    assert one in list(tpg.node_acls)
    assert one != NodeACL(tpg, TWO)
    assert NodeACL(tpg, ONE.upper()).node_wwn == ONE
