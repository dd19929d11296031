# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What OpenStack cinder's rtstool does with this library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rtslib_fb

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.testing import FakeKernel

VOLUME = "iqn.2010-10.org.openstack:volume-12345678-9abc-def0-1234-56789abcdef0"
HOST = "iqn.1994-05.com.redhat:Host"


def create() -> rtslib_fb.TPG:
    """Export a volume to a host, as rtstool's create does."""
    so = rtslib_fb.BlockStorageObject(name=VOLUME, dev="/dev/vdb")
    target = rtslib_fb.Target(rtslib_fb.FabricModule("iscsi"), VOLUME, "create")
    tpg = rtslib_fb.TPG(target, mode="create")
    tpg.set_attribute("authentication", "1")
    lun = rtslib_fb.LUN(tpg, storage_object=so)
    acl = rtslib_fb.NodeACL(tpg, HOST, mode="create")
    acl.chap_userid = "user"
    acl.chap_password = "s3cret"
    rtslib_fb.MappedLUN(acl, lun.lun, lun.lun)
    tpg.enable = 1
    for ip in ("0.0.0.0", "[::1]"):
        portal = rtslib_fb.NetworkPortal(tpg, ip, 3260, mode="any")
        portal.iser = True
        assert portal.iser is True
    return tpg


def test_verify() -> None:
    names = "BlockStorageObject FabricModule LUN MappedLUN NetworkPortal NodeACL root Target TPG"
    for name in names.split():
        assert hasattr(rtslib_fb, name)
    assert rtslib_fb.root.default_save_file == "/etc/target/saveconfig.json"


@pytest.mark.usefixtures("fake")
def test_a_volume_is_created_and_found() -> None:
    tpg = create()
    root = rtslib_fb.root.RTSRoot()
    assert [so.name for so in root.storage_objects] == [VOLUME]
    assert [target.wwn for target in root.targets] == [VOLUME]
    assert next(next(iter(root.targets)).tpgs) == tpg
    assert (tpg.enable, tpg.get_attribute("authentication")) == (True, "1")
    assert [portal.ip_address for portal in tpg.network_portals] == ["0.0.0.0", "[::1]"]
    with pytest.raises(rtslib_fb.utils.RTSLibError):
        rtslib_fb.Target(rtslib_fb.FabricModule("iscsi"), VOLUME, "create")


@pytest.mark.usefixtures("fake")
def test_initiators_come_and_go() -> None:
    tpg = create()
    assert [acl.node_wwn.lower() for acl in tpg.node_acls] == [HOST.lower()]
    other = rtslib_fb.NodeACL(tpg, "iqn.1994-05.com.redhat:other", mode="create")
    rtslib_fb.MappedLUN(other, 0, tpg_lun=0)
    for acl in tpg.node_acls:
        if acl.node_wwn.lower() == HOST.lower():
            acl.delete()
            break
    assert list(tpg.node_acls) == [other]


@pytest.mark.usefixtures("fake")
def test_a_portal_that_cannot_be_is_an_error_of_ours() -> None:
    create()
    other = rtslib_fb.TPG(rtslib_fb.Target(rtslib_fb.FabricModule("iscsi")), mode="create")
    with pytest.raises(rtslib_fb.utils.RTSLibError):
        rtslib_fb.NetworkPortal(other, "10.1.2.3.4", 3260, mode="any")


@pytest.mark.usefixtures("fake")
def test_the_configuration_is_saved_and_restored(tmp_path: Path) -> None:
    portals = [portal.ip_address for portal in create().network_portals]
    root = rtslib_fb.root.RTSRoot()
    root.save_to_file(str(tmp_path / "saveconfig.json"))
    for target in root.targets:
        target.delete()
    root.restore_from_file(str(tmp_path / "saveconfig.json"))
    tpg = next(next(root.targets).tpgs)
    assert [portal.ip_address for portal in tpg.network_portals] == portals
    assert [acl.chap_password for acl in tpg.node_acls] == ["s3cret"]
    with pytest.raises(OSError, match=r"none\.json"):
        root.restore_from_file(str(tmp_path / "none.json"))


def test_a_volume_is_deleted(fake: FakeKernel) -> None:
    create()
    root = rtslib_fb.root.RTSRoot()
    for target in root.targets:
        if target.wwn == VOLUME:
            target.delete()
            break
    for so in root.storage_objects:
        if so.name == VOLUME:
            so.delete()
            break
    assert not any(root.targets)
    assert [entry.name for entry in fake.listdir("core")] == ["alua"]
