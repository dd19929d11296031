# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What initiators must see, by a running tree and by a saved one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trees import INITIATORS, IQN, SECRETS, iscsi_tpg, odd

from rtslib import (
    LUN,
    BlockStorageObject,
    FileIOStorageObject,
    NetworkPortal,
    NodeACL,
    PSCSIStorageObject,
    use,
)
from rtslib.config.capture import capture
from rtslib.config.document import Document
from rtslib.config.dump import dump
from rtslib.config.operations import checked
from rtslib.iscsi.settings import Credentials
from rtslib.portal import PortalAddress
from rtslib.verify.expected import Disk, Entry, Group, groups

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib import TPG
    from rtslib.config.state import State
    from rtslib.testing import FakeKernel


@pytest.fixture
def tpg(fake: FakeKernel, tmp_path: Path) -> TPG:
    tpg = iscsi_tpg(fake)
    file = FileIOStorageObject("disk", str(tmp_path / "disk.img"), "4M", "file-serial")
    LUN(tpg, 0, file)
    LUN(tpg, 1, BlockStorageObject("device", "/dev/vdb", "device-serial", readonly=True))
    NetworkPortal(tpg, "0.0.0.0")
    acl = NodeACL(tpg, INITIATORS[0])
    acl.set_chap(*SECRETS)
    acl.tcq_depth = 8
    acl.mapped_lun(4, 0, write_protect=True)
    acl.mapped_lun(2, 1, write_protect=False)
    tpg.enable = True
    return tpg


def no_size(_name: str) -> None:
    return None


def only(state: State) -> Group:
    (group,) = groups(state, lambda name: 77 if name.endswith("device") else None)
    return group


def saved(fs: FakeKernel) -> State:
    return checked(Document(dump(capture(fs)), "saved"))


@pytest.mark.parametrize("read", [capture, saved])
def test_an_initiator(tpg: TPG, fake: FakeKernel, read: object) -> None:
    assert tpg.exists
    group = only(read(fake))  # type: ignore[operator]
    assert (group.name, group.portals) == (f"{IQN}/tpg1", (PortalAddress("0.0.0.0"),))
    assert not group.is_open
    (entry,) = group.entries
    by_lun = {it.lun: it for it in entry.disks}
    assert by_lun == {
        4: Disk(4, "fileio/disk", "file-serial", 4 << 20, 512, write_protected=True),
        2: Disk(2, "block/device", "device-serial", 77, 512, write_protected=True),
    }
    assert (entry.initiator, entry.depth, entry.asked) == (INITIATORS[0], 8, True)
    assert entry.credentials == Credentials(*SECRETS[:2])
    assert entry.target_credentials == Credentials(*SECRETS[2:])
    assert not entry.has_needless_secret
    assert SECRETS[1] not in repr(group)


@pytest.mark.parametrize(("whole", "own", "asked"), [(0, -1, 0), (1, -1, 1), (0, 1, 1), (1, 0, 0)])
def test_who_is_asked(tpg: TPG, fake: FakeKernel, whole: int, own: int, asked: int) -> None:
    tpg.attributes["authentication"] = bool(whole)
    acl = f"{tpg.node_acls[INITIATORS[0]].below('attrib')}/authentication"
    state = capture(fake)
    record = next(it for it in state if it.path and acl.startswith(f"{it.path}/attrib"))
    record.files["attrib/authentication"] = str(own)
    (entry,) = only(state).entries
    assert entry.asked is bool(asked)
    assert entry.has_needless_secret is not bool(asked)


def test_demo_mode(tpg: TPG, fake: FakeKernel) -> None:
    tpg.attributes["generate_node_acls"] = True
    tpg.attributes["default_cmdsn_depth"] = 32
    group = only(capture(fake))
    demo = group.entries[-1]
    assert group.is_open
    assert (demo.initiator, demo.acl, demo.depth, demo.credentials) == ("", "", 32, None)
    assert [(it.lun, it.write_protected) for it in demo.disks] == [(0, True), (1, True)]


def test_what_is_not_said() -> None:
    acl = {"node_wwn": INITIATORS[0], "mapped_luns": [{"index": 0, "tpg_lun": 0}]}
    data = {
        "storage_objects": [{"name": "b", "plugin": "block", "dev": "/dev/vdb"}],
        "targets": [
            {
                "wwn": IQN,
                "fabric": "iscsi",
                "tpgs": [
                    {
                        "tag": 1,
                        "luns": [{"index": 0, "storage_object": "/backstores/block/b"}],
                        "node_acls": [acl],
                    }
                ],
            }
        ],
    }
    (group,) = groups(checked(Document(data, "given")), no_size)
    assert group.entries == (
        Entry(
            INITIATORS[0],
            f"/iscsi/{IQN}/tpg1/acls/{INITIATORS[0]}",
            asked=True,
            depth=64,
            disks=(Disk(0, "block/b", write_protected=group.entries[0].disks[0].write_protected),),
        ),
    )
    assert group.portals == ()


def test_a_device_answers_for_itself(tpg: TPG) -> None:
    state = saved(tpg.fs)  # type: ignore[arg-type]
    name = "/backstores/block/device"
    state._records[name] = state[name]._replace(cls=PSCSIStorageObject, made={"dev": "/dev/sg0"})
    disk = next(it for it in only(state).entries[0].disks if it.lun == 2)
    assert disk == Disk(2, "block/device", size=77, write_protected=False)


def test_what_is_disabled_is_left_out(tpg: TPG, fake: FakeKernel) -> None:
    tpg.enable = False
    assert list(groups(capture(fake), no_size)) == []


def test_a_lun_that_leads_nowhere(tpg: TPG) -> None:
    state = capture(tpg.fs)
    name = f"/iscsi/{IQN}/tpg1/luns/lun0"
    state._records[name] = state[name]._replace(link=None)
    assert [it.lun for it in only(state).entries[0].disks] == [2]


def test_odd_trees_are_read() -> None:
    tree = odd()
    with use(tree):
        for group in groups(capture(tree), no_size):
            assert all(disk.name for entry in group.entries for disk in entry.disks)
