# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a change comes to: what stays, what goes, what is made anew, and why."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
from trees import IQN, rich

from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config.capture import capture
from rtslib.config.merge import Change, is_frozen, joined, remade_because, resized
from rtslib.config.state import Record, State
from rtslib.lun import LUN
from rtslib.tcm import FileIOStorageObject, RDMCPStorageObject, UserBackedStorageObject

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

    from rtslib.storage import StorageObject


@pytest.fixture
def have(tmp_path: Path) -> State:
    return capture(rich(str(tmp_path)))


def test_nothing_changes(have: State) -> None:
    change = Change(have, have, lambda _: True)
    assert change.gone == {}
    assert change.goal == have
    assert all(list(change.differing(record)) == [] for record in change.goal)


def test_what_nobody_wants_goes_with_all_that_uses_it(have: State) -> None:
    name = "/backstores/ramdisk/memory"
    want = have.select(lambda it: name not in (it.name, it.parent))
    change = Change(have, want, lambda _: True)
    assert change.gone[name] == "not in the configuration"
    lun = f"/iscsi/{IQN}/tpg1/luns/lun0"
    assert change.gone[lun] == f"uses {name}: not in the configuration"
    assert change.gone[f"{name}/alua/standby"].startswith(f"stands in {name}")
    assert name not in change.goal


def test_the_kernels_own_stay(have: State) -> None:
    change = Change(have, State(), lambda _: True)
    assert {it.name for it in change.goal if it.parent == ""} == {
        "/alua/lu_gps/default_lu_gp",
        *(it.name for it in have if it.parent == "" and it.rank == 2),
    }
    # Of discovery, nothing is left.
    assert set(change.goal["/iscsi"].files.values()) == {"NULL", "0", "0-1"}
    assert Change(have, State(), lambda _: False).goal == have


def test_without_exact_only_what_is_named_changes(have: State) -> None:
    lun = have[f"/iscsi/{IQN}/tpg1/luns/lun7"]
    named = [have["/iscsi"], have[f"/iscsi/{IQN}"], have[f"/iscsi/{IQN}/tpg1"], lun]
    change = Change(have, State(named), lambda _: False)
    assert change.goal == have
    assert change.gone == {}


def disk(cls: type[StorageObject] = RDMCPStorageObject, enable: str = "1", **made: Any) -> Record:
    return Record("/d", cls, "", "d", "core/x_0/d", made, {"enable": enable}, None)


@pytest.mark.parametrize(
    ("there", "wanted", "why"),
    [
        (disk(size=4096, page_size=4096), disk(size=1), None),
        (disk(size=4096, page_size=4096), disk(size=4097), "its size is 4096"),
        (disk(size=4096, enable="0"), disk(size=1, enable="0"), "its size is 4096"),
        (disk(size=4096, enable="0"), disk(size=4096, enable="0"), None),
        (disk(size=4096, enable="0"), disk(size=4096), "its device is not open"),
        (disk(size=4096), disk(size=4096, enable="0"), "its device cannot be closed"),
        (disk(FileIOStorageObject, size=1), disk(FileIOStorageObject, size=2), None),
        (disk(FileIOStorageObject, dev="/a"), disk(FileIOStorageObject, dev="/b"), "its dev is"),
        (disk(size=1), disk(size=1, of_the_future=True), None),
    ],
)
def test_when_a_storage_object_must_be_made_anew(
    there: Record, wanted: Record, why: str | None
) -> None:
    found = remade_because(there, wanted)
    assert found == why if why is None else str(found).startswith(why)


def test_what_can_be_resized(tmp_path: Path) -> None:
    path = str(tmp_path / "x")
    file = disk(FileIOStorageObject, size=1, dev=path)
    assert resized(file, disk(FileIOStorageObject, size=2, dev=path)) == 2
    assert resized(file, file) is None
    assert resized(None, file) is None
    user = disk(UserBackedStorageObject, size=1)
    assert resized(user, disk(UserBackedStorageObject, size=5)) == 5
    assert resized(disk(size=1), disk(size=2)) is None


def test_a_block_device_has_the_size_that_it_has(fs: FakeFilesystem) -> None:
    fs.create_file("/dev/vdb", st_mode=stat.S_IFBLK | 0o660)
    there = disk(FileIOStorageObject, size=1, dev="/dev/vdb")
    assert resized(there, disk(FileIOStorageObject, size=2, dev="/dev/vdb")) is None


def test_frozen_files() -> None:
    assert is_frozen("wwn/product_id")
    assert is_frozen("attrib/block_size")
    assert not is_frozen("attrib/emulate_caw")
    assert not is_frozen("attrib/of_the_future")
    assert not is_frozen("alias")


def test_members_of_groups() -> None:
    lun = Record("/l", LUN, "", "lun_0", "", {}, {"alua_tg_pt_gp": "g"}, None)
    group = Record("/d/alua/g", ALUATargetPortGroup, "/d", "g", "", {}, {}, None)
    assert list(joined(lun, group)) == ["alua_tg_pt_gp"]
    assert list(joined(lun, group._replace(base="h"))) == []
    assert list(joined(lun, group._replace(cls=ALUALUGroup))) == []
