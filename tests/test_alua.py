# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""ALUA groups: ids, the one order of settings, members, and objects without ALUA."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest
from trees import iscsi_tpg

from rtslib import (
    LUN,
    AlreadyExistsError,
    ALUALUGroup,
    ALUATargetPortGroup,
    InvalidValueError,
    NotSupportedError,
    PSCSIStorageObject,
    RDMCPStorageObject,
    RejectedError,
    RTSLibALUANotSupportedError,
    RTSLibNotInCFSError,
    RTSRoot,
    StorageObject,
)
from rtslib.alua import AccessState, AccessStatus, AccessType
from rtslib.testing import Faulty, Journal

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel


@pytest.fixture
def disk(fake: FakeKernel) -> RDMCPStorageObject:
    """A ramdisk."""
    return RDMCPStorageObject("disk", "1M", fs=fake)


@pytest.fixture
def group(disk: RDMCPStorageObject) -> ALUATargetPortGroup:
    """A group of it."""
    return ALUATargetPortGroup(disk, "group", 5)


# Making, finding, removing


def test_a_group_is_made_with_an_id_and_found_without(disk: RDMCPStorageObject) -> None:
    made = ALUATargetPortGroup(storage_object=disk, name="g", tag=9)
    assert made.path == f"{disk.path}/alua/g"
    assert (made.name, made.tg_pt_gp_id, made.is_default) == ("g", 9, False)
    assert ALUATargetPortGroup(disk, "g") == disk.alua_tpgs["g"] == made
    assert made.parent == made.storage_object == disk
    with pytest.raises(RTSLibNotInCFSError):
        ALUATargetPortGroup(disk, "none")
    with pytest.raises(AlreadyExistsError):
        ALUATargetPortGroup(disk, "g", 10)


def test_id_zero_or_none_in_create_lets_the_kernel_pick(disk: RDMCPStorageObject) -> None:
    one = ALUATargetPortGroup(disk, "one", 0)
    two = disk.alua_tpgs.create("two")
    three = disk.alua_tpgs.create(name="three")
    ids = [one.tg_pt_gp_id, two.tg_pt_gp_id, three.tg_pt_gp_id]
    assert None not in ids
    assert len(set(ids)) == 3


@pytest.mark.parametrize(("tag", "number"), [(65536, errno.EINVAL), (5, errno.EINVAL)])
def test_an_id_that_is_refused_leaves_no_group(
    disk: RDMCPStorageObject, group: ALUATargetPortGroup, tag: int, number: int
) -> None:
    with pytest.raises(RejectedError) as caught:
        ALUATargetPortGroup(disk, "other", tag)
    assert caught.value.errno == number
    assert "other" not in disk.alua_tpgs
    assert group.tg_pt_gp_id == 5


def test_an_id_is_written_once_and_none_until_then(group: ALUATargetPortGroup) -> None:
    with pytest.raises(RejectedError):
        group.tg_pt_gp_id = 6
    assert group.tg_pt_gp_id == 5
    group.fs.mkdir(f"{group.below('')}2")
    assert ALUATargetPortGroup.handle(group.fs, f"{group.below('')}2").tg_pt_gp_id is None


@pytest.mark.parametrize("name", ["", "a/b"])
def test_names_of_groups(disk: RDMCPStorageObject, name: str) -> None:
    with pytest.raises(InvalidValueError, match="cannot be the name of an ALUA group"):
        ALUATargetPortGroup(disk, name, 1)
    with pytest.raises(InvalidValueError, match="cannot be the name of an ALUA group"):
        ALUALUGroup(RTSRoot(), name, 1)


def test_ensure_wants_the_same_id(disk: RDMCPStorageObject, group: ALUATargetPortGroup) -> None:
    assert disk.alua_tpgs.ensure("group", 5) == group
    assert disk.alua_tpgs.ensure("group") == group
    with pytest.raises(AlreadyExistsError):
        disk.alua_tpgs.ensure("group", 6)
    assert disk.alua_tpgs.ensure("new", 6).tg_pt_gp_id == 6


def test_the_default_group_stays(disk: RDMCPStorageObject) -> None:
    default = disk.alua_tpgs["default_tg_pt_gp"]
    assert (default.is_default, default.tg_pt_gp_id) == (True, 0)
    with pytest.raises(NotSupportedError, match="cannot be removed"):
        default.delete()
    disk.delete()
    assert not disk.exists


def test_a_deleted_groups_luns_fall_back(group: ALUATargetPortGroup, fake: FakeKernel) -> None:
    lun = LUN(iscsi_tpg(fake), 0, StorageObject("disk"))
    lun.alua_tg_pt_gp_name = "group"
    assert lun.alua_tg_pt_gp_name == "group"
    assert group.members.endswith("/tpgt_1/lun_0")
    group.delete()
    assert lun.alua_tg_pt_gp_name == "default_tg_pt_gp"
    with pytest.raises(RTSLibNotInCFSError):
        group.delete()


def test_pass_through_has_no_alua(fake: FakeKernel) -> None:
    for path in ("pscsi_0", "pscsi_0/tape"):
        fake.mkdir(f"core/{path}")
    tape = PSCSIStorageObject("tape")
    assert not tape.alua_supported
    with pytest.raises(RTSLibALUANotSupportedError, match="passes its commands through") as caught:
        ALUATargetPortGroup(tape, "g", 1)
    assert caught.value.path == tape.path
    assert isinstance(caught.value, NotImplementedError)
    default = tape.alua_tpgs["default_tg_pt_gp"]
    with pytest.raises(RTSLibALUANotSupportedError, match="the kernel would crash") as caught:
        default.alua_access_state = AccessState.STANDBY
    assert caught.value.path == f"{default.path}/alua_access_state"


# Settings

PLAIN = {
    "alua_support_transitioning": False,
    "alua_support_offline": False,
    "alua_support_lba_dependent": True,
    "alua_support_unavailable": False,
    "alua_support_standby": False,
    "alua_support_active_optimized": False,
    "alua_support_active_nonoptimized": False,
    "alua_write_metadata": True,
    "implicit_trans_secs": 30,
    "nonop_delay_msecs": 200,
    "trans_delay_msecs": 300,
    "preferred": True,
}


@pytest.mark.parametrize(("name", "value"), PLAIN.items())
def test_settings_are_typed(group: ALUATargetPortGroup, name: str, value: Any) -> None:
    assert getattr(group, name) != value
    setattr(group, name, value)
    assert getattr(group, name) == value
    assert type(getattr(group, name)) is type(value)
    setattr(group, name, str(int(value)))
    assert getattr(group, name) == value


def test_state_status_and_type_are_enumerations(group: ALUATargetPortGroup) -> None:
    assert (group.alua_access_state, group.alua_access_type) == (0, 3)
    assert group.alua_access_status == 0
    group.alua_access_state = 2
    assert group.alua_access_state is AccessState.STANDBY
    assert isinstance(group.alua_access_status, AccessStatus)
    assert group.alua_access_status == 2
    group.alua_access_state = "Active Nonoptimized"
    assert group.alua_access_state == 1
    group.alua_access_type = "explicit"
    assert group.alua_access_type is AccessType.EXPLICIT
    group.alua_access_status = AccessStatus.NONE
    assert group.alua_access_status == 0
    group.alua_access_type = "0"
    assert group.alua_access_type is AccessType.NONE


@pytest.mark.parametrize(
    ("name", "value"),
    [("alua_access_state", 5), ("alua_access_type", "most"), ("alua_access_status", 3)],
)
def test_values_of_no_enumeration(group: ALUATargetPortGroup, name: str, value: Any) -> None:
    with pytest.raises(InvalidValueError) as caught:
        setattr(group, name, value)
    assert caught.value.path == f"{group.path}/{name}"


@pytest.mark.parametrize(
    ("name", "value"),
    [("implicit_trans_secs", 256), ("nonop_delay_msecs", 10001), ("trans_delay_msecs", 30001)],
)
def test_values_out_of_range(group: ALUATargetPortGroup, name: str, value: int) -> None:
    with pytest.raises(RejectedError):
        setattr(group, name, value)


def written(group: ALUATargetPortGroup, **settings: object) -> list[tuple[str, str]]:
    """Return what update writes: names of files and texts."""
    journal = Journal(group.fs)
    ALUATargetPortGroup.handle(journal, group.below("")).update(**settings)
    return [(op.path.rpartition("/")[2], op.arguments[1]) for op in journal.changes]


def test_update_writes_in_the_kernels_order(group: ALUATargetPortGroup) -> None:
    assert written(
        group,
        preferred=1,
        alua_access_type=2,
        alua_access_status=0,
        alua_access_state=14,
        alua_support_standby=0,
        alua_support_offline=True,
        nonop_delay_msecs="10",
    ) == [
        ("alua_support_offline", "1"),
        ("alua_support_standby", "0"),
        ("alua_access_state", "14"),
        ("alua_access_status", "0"),
        ("alua_access_type", "2"),
        ("nonop_delay_msecs", "10"),
        ("preferred", "1"),
    ]
    assert group.alua_access_state is AccessState.OFFLINE


def test_update_sets_a_state_under_an_explicit_type(group: ALUATargetPortGroup) -> None:
    group.alua_access_type = AccessType.EXPLICIT
    with pytest.raises(RejectedError):
        group.alua_access_state = AccessState.STANDBY
    assert written(group, alua_access_state=2) == [
        ("alua_access_type", "1"),
        ("alua_access_state", "2"),
        ("alua_access_type", "2"),
    ]
    assert group.alua_access_type is AccessType.EXPLICIT
    assert group.alua_access_state is AccessState.STANDBY


def test_update_sets_lba_dependent_without_the_explicit_bit(group: ALUATargetPortGroup) -> None:
    group.alua_support_lba_dependent = True
    assert written(group, alua_access_state=4) == [
        ("alua_access_type", "1"),
        ("alua_access_state", "4"),
        ("alua_access_type", "3"),
    ]
    group.alua_access_type = AccessType.IMPLICIT
    assert written(group, alua_access_state=4) == [("alua_access_state", "4")]


def test_a_state_that_is_refused_leaves_the_type_as_it_was(group: ALUATargetPortGroup) -> None:
    group.update(alua_support_unavailable=False, alua_access_type=AccessType.EXPLICIT)
    with pytest.raises(RejectedError) as caught:
        group.update(alua_access_state=AccessState.UNAVAILABLE)
    assert caught.value.path == f"{group.path}/alua_access_state"
    assert group.alua_access_type is AccessType.EXPLICIT
    assert group.alua_access_state is AccessState.ACTIVE_OPTIMIZED


def test_update_of_nothing_and_of_what_is_not_there(group: ALUATargetPortGroup) -> None:
    assert written(group) == []
    with pytest.raises(InvalidValueError, match="has no colour, shape"):
        group.update(shape=1, colour=2, preferred=1)
    assert group.preferred is False


def test_a_fault_in_a_creation_removes_the_group(disk: RDMCPStorageObject) -> None:
    fault = Faulty(disk.fs, errno.EIO, when=lambda _name, path: path.endswith("tg_pt_gp_id"))
    with pytest.raises(OSError, match="EIO") as caught:
        ALUATargetPortGroup(RDMCPStorageObject("disk", fs=fault), "g", 1)
    assert caught.value.errno == errno.EIO
    assert "g" not in disk.alua_tpgs


# LU groups


def test_lu_groups(disk: RDMCPStorageObject) -> None:
    root = RTSRoot()
    made = ALUALUGroup(root, "together", 7)
    assert made.path == f"{root.path}/core/alua/lu_gps/together"
    assert (made.name, made.lu_gp_id, made.members) == ("together", 7, "")
    assert ALUALUGroup(root, "together") == root.alua_lu_gps["together"] == made
    assert root.alua_lu_gps.create("picked").lu_gp_id not in (None, 0, 7)
    disk.alua_lu_gp = "together"
    assert disk.alua_lu_gp == "together"
    assert made.members == "rd_mcp_0/disk"
    assert root.alua_lu_gps.ensure("together", 7) == made
    with pytest.raises(AlreadyExistsError):
        root.alua_lu_gps.ensure("together", 8)
    made.delete()
    assert disk.alua_lu_gp == "default_lu_gp"


@pytest.mark.usefixtures("disk")
def test_the_default_lu_group_stays() -> None:
    default = RTSRoot().alua_lu_gps["default_lu_gp"]
    assert default.is_default
    with pytest.raises(NotSupportedError, match="cannot be removed"):
        default.delete()
    default._remove()
    assert default.exists
