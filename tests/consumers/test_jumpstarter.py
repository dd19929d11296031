# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What jumpstarter's iSCSI driver does with this library: images for machines under test."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rtslib_fb import LUN, TPG, FileIOStorageObject, NetworkPortal, RTSRoot, Target

if TYPE_CHECKING:
    from pathlib import Path

IQN = "iqn.2024-06.dev.jumpstarter:target1"


def configured() -> TPG:
    """Find or make the target, its TPG and its portal."""
    root = RTSRoot()
    target = next((one for one in list(root.targets) if one.wwn == IQN), None)
    if target is not None and target.tpgs:
        tpg = list(target.tpgs)[0]  # noqa: RUF015 - theirs
    else:
        fabrics = {module.name: module for module in list(root.fabric_modules)}
        iscsi = fabrics.get("iscsi")
        assert iscsi
        target = Target(iscsi, IQN)
        tpg = TPG(target, 1)
    tpg.enable = True
    if not any(
        (portal.ip_address, portal.port) == ("192.0.2.1", 3260)
        for portal in list(tpg.network_portals)
    ):
        NetworkPortal(tpg, "192.0.2.1", 3260)
    tpg.set_attribute("authentication", "0")
    tpg.set_attribute("generate_node_acls", "1")
    tpg.set_attribute("demo_mode_write_protect", "0")
    return tpg


@pytest.mark.usefixtures("fake")
def test_the_target_is_made_once() -> None:
    assert configured() == configured()
    assert len(list(RTSRoot().network_portals)) == 1


@pytest.mark.usefixtures("fake")
def test_images_come_and_go(tmp_path: Path) -> None:
    tpg = configured()
    path = str(tmp_path / "image.img")
    with open(path, "wb") as file:
        file.truncate(8 << 20)
    disk = FileIOStorageObject("image", path, size=8 << 20)
    lun = LUN(tpg, 0, disk)
    assert lun.lun == 0
    orphan = FileIOStorageObject("orphan", str(tmp_path / "orphan.img"), size=1 << 20)
    for one in list(tpg.luns):
        storage_object = getattr(one, "storage_object", None)
        one.delete()
        assert storage_object is not None
        storage_object.delete()
    for so in list(RTSRoot().storage_objects):
        assert isinstance(so, FileIOStorageObject)
        assert os.path.abspath(getattr(so, "udev_path", "")).startswith(str(tmp_path) + os.sep)
        assert so == orphan
        so.delete()
    tpg.parent_target.delete()
    assert not list(RTSRoot().targets)
    assert os.path.getsize(path) == 8 << 20
