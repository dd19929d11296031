# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtslib import (
    LUN,
    TPG,
    AlreadyExistsError,
    ALUALUGroup,
    ALUATargetPortGroup,
    FabricModule,
    KernelError,
    PSCSIStorageObject,
    RDMCPStorageObject,
    RTSLibALUANotSupportedError,
    RTSRoot,
    Target,
)
from rtslib.alua import AccessState, AccessStatus, AccessType
from suite.machine import scsi_debug_disk

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERY_SETTING = {
    "alua_support_transitioning": False,
    "alua_support_offline": True,
    "alua_support_unavailable": False,
    "alua_support_standby": True,
    "alua_support_active_nonoptimized": True,
    "alua_access_state": AccessState.STANDBY,
    "alua_access_type": AccessType.EXPLICIT,
    "alua_write_metadata": True,
    "implicit_trans_secs": 7,
    "nonop_delay_msecs": 9,
    "trans_delay_msecs": 3,
    "preferred": True,
}


@pytest.fixture
def disk() -> Iterator[RDMCPStorageObject]:
    made = RDMCPStorageObject("disk", 4096)
    yield made
    made.delete()


@pytest.fixture
def lun(disk: RDMCPStorageObject) -> Iterator[LUN]:
    target = Target(FabricModule("iscsi"), "iqn.2026-11.org.example:alua")
    yield LUN(TPG(target, 1), 0, disk)
    target.delete()


def test_a_group_is_made_with_its_id(disk: RDMCPStorageObject) -> None:
    group = ALUATargetPortGroup(disk, "left", 16)
    picked = disk.alua_tpgs.create("right")
    assert group.tg_pt_gp_id == 16
    assert picked.tg_pt_gp_id not in (None, 0, 16)
    assert [g.name for g in disk.alua_tpgs] == ["default_tg_pt_gp", "left", "right"]
    assert ALUATargetPortGroup(disk, "left") == disk.alua_tpgs["left"] == group
    with pytest.raises(AlreadyExistsError):
        ALUATargetPortGroup(disk, "left", 17)
    assert list(RTSRoot().alua_tpgs) == list(disk.alua_tpgs)
    picked.delete()
    assert not picked.exists


def test_an_id_that_is_taken_leaves_nothing(disk: RDMCPStorageObject) -> None:
    ALUATargetPortGroup(disk, "left", 16)
    with pytest.raises(KernelError):
        ALUATargetPortGroup(disk, "right", 16)
    assert [g.name for g in disk.alua_tpgs] == ["default_tg_pt_gp", "left"]


def test_every_setting_at_once(disk: RDMCPStorageObject) -> None:
    group = ALUATargetPortGroup(disk, "left", 16)
    group.update(**EVERY_SETTING)
    assert {name: getattr(group, name) for name in EVERY_SETTING} == EVERY_SETTING
    assert group.alua_access_status is AccessStatus.ALTERED_BY_IMPLICIT_ALUA
    # Explicit only: the kernel would refuse a state now, and update finds the way round it.
    group.update(alua_access_state=AccessState.ACTIVE_NONOPTIMIZED)
    assert group.alua_access_state is AccessState.ACTIVE_NONOPTIMIZED
    assert group.alua_access_type is AccessType.EXPLICIT


def test_a_lun_joins_a_group_and_falls_back(lun: LUN) -> None:
    group = ALUATargetPortGroup(lun.storage_object, "left", 16)
    lun.alua_tg_pt_gp_name = "left"
    assert lun.alua_tg_pt_gp_name == "left"
    assert group.members.splitlines() == ["iSCSI/iqn.2026-11.org.example:alua/tpgt_1/lun_0"]
    assert (lun.alua_tg_pt_offline, int(lun.alua_tg_pt_status)) == (False, 0)
    lun.alua_tg_pt_offline = True
    assert (lun.alua_tg_pt_offline, int(lun.alua_tg_pt_status)) == (True, 2)
    lun.alua_tg_pt_offline = False
    lun.alua_tg_pt_write_md = True
    assert lun.alua_tg_pt_write_md is True
    group.delete()
    assert lun.alua_tg_pt_gp_name == "default_tg_pt_gp"


def test_groups_of_logical_units(disk: RDMCPStorageObject) -> None:
    root = RTSRoot()
    group = ALUALUGroup(root, "units", 5)
    assert (group.lu_gp_id, disk.alua_lu_gp) == (5, "default_lu_gp")
    disk.alua_lu_gp = "units"
    assert disk.alua_lu_gp == "units"
    assert group.members.splitlines() == [f"{disk.backstore.name}/disk"]
    assert [g.name for g in root.alua_lu_gps] == ["default_lu_gp", "units"]
    group.delete()
    assert disk.alua_lu_gp == "default_lu_gp"


def test_what_is_passed_through_has_no_groups() -> None:
    disk = PSCSIStorageObject("disk", scsi_debug_disk())
    assert disk.alua_supported is False
    with pytest.raises(RTSLibALUANotSupportedError):
        ALUATargetPortGroup(disk, "left", 16)
    disk.delete()
