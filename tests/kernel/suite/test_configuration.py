# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Configuration as data on the real kernel: kept whole, restored without harm, as rtslib-fb's."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rtslib import (
    LUN,
    TPG,
    ALUALUGroup,
    ALUATargetPortGroup,
    BlockStorageObject,
    FabricModule,
    HostConfigFS,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    RTSRoot,
    StorageObject,
    Target,
)
from rtslib.config import operations
from rtslib.config.apply import OnFailure, Status
from rtslib.config.capture import capture
from rtslib.config.document import Document
from rtslib.config.dump import dump
from rtslib.config.savefile import SaveFile
from rtslib.testing import Faulty, Journal
from suite import machine, tree
from suite.backstores import MAKERS, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.openiscsi import OpenISCSI

IQN = "iqn.2003-01.org.example:kept"
INITIATOR = "iqn.1994-05.com.example:kept"
NAA = "naa.50014055a8dd2c11"
CHAP = ("user one", "a secret of 16b", "target", "another secret")

#: Writable files that may read otherwise after a restore, and why.
NOT_KEPT = {
    "dbroot": "the machine's own, set before anything is made",
    "control": "reads nothing",
    "res_aptpl_metadata": "takes what it never shows",
    "members": "addresses of LUNs in the kernel's own words",
    "info": "tells of HBA numbers and of sessions",
    "hba_info": "tells the number of the HBA",
    "udev_path": "compared as what the object is made of",
}


def everything(directory: Path, loop: str) -> None:
    """Make one of each: every plugin, every fabric without hardware, every setting changed."""
    objects = {name: make(directory, f"{name}-{loop[5:]}") for name, (make, _, _) in MAKERS.items()
               if name != "block"}  # fmt: skip
    objects["block"] = BlockStorageObject("disk", loop, readonly=False)
    memory, file = objects["ramdisk"], objects["fileio"]
    for number, one in enumerate(objects.values()):
        if one.plugin == "pscsi":
            continue
        one.vendor_id, one.product_rev = "KEPT", f"{number}"
        one.product_id = f"disk number {number}"
        one.company_id = 0x00A098
        one.alias = f"alias {number}"
    file.attributes.update({"emulate_tpu": 1, "emulate_tas": 0, "queue_depth": 64})
    file.attributes["max_unmap_lba_count"] = 4096
    memory.attributes["block_size"] = 4096
    ALUALUGroup(RTSRoot(), "together", 7)
    memory.alua_lu_gp = "together"
    ALUATargetPortGroup(memory, "default_tg_pt_gp").update(nonop_delay_msecs=50)
    group = ALUATargetPortGroup(memory, "standby", 5)
    group.update(alua_access_state="standby", alua_access_type=2, preferred=True)
    iscsi(objects)
    for fabric, wwn in (
        ("loopback", NAA),
        ("vhost", NAA),
        ("tcm_fc", "naa.2000001122334455"),
        ("sbp", "eui.0011223344556677"),
    ):
        tpg = TPG(Target(FabricModule(fabric), wwn), 1)
        lun = LUN(tpg, 3, memory)
        if tpg.has_feature("acls"):
            NodeACL(tpg, "naa.2000001122334466").mapped_lun(0, lun, write_protect=True)


def iscsi(objects: dict[str, StorageObject]) -> None:
    """Make a target with two TPGs, of which one has all that there is."""
    fabric = FabricModule("iscsi")
    target = Target(fabric, IQN)
    fabric.set_discovery_auth(*CHAP)
    TPG(target, 2)
    tpg = TPG(target, 1)
    for number, one in enumerate(objects.values()):
        LUN(tpg, number * 3, one, alias=f"link{number}")
    tpg.luns[3 * list(objects).index("ramdisk")].alua_tg_pt_gp_name = "standby"
    NetworkPortal(tpg, "127.0.0.1", 3260)
    NetworkPortal(tpg, "::1", 3261)
    tpg.attributes.update({"default_cmdsn_depth": 32, "login_timeout": 20})
    tpg.parameters.update({"MaxBurstLength": 131072, "TargetAlias": "kept"})
    tpg.set_chap(*CHAP)
    acl = NodeACL(tpg, INITIATOR)
    acl.set_chap(*CHAP)
    acl.tag, acl.tcq_depth = "group", 48
    acl.attributes["nopin_timeout"] = 25
    acl.mapped_lun(0, 0, write_protect=True)
    acl.mapped_lun(9, 3)
    tpg.enable = True


def writable() -> dict[str, str]:
    """Return the texts of all writable files, with each HBA called by its plugin alone."""
    found = {}
    for path, content in tree.contents().items():
        at = f"{tree.ROOT}/{path}"
        if os.path.islink(at) or os.path.isdir(at) or not os.stat(at).st_mode & 0o200:
            continue
        parts = path.split("/")
        if parts[-1] in NOT_KEPT or "statistics" in parts or "fabric_statistics" in parts:
            continue
        if parts[0] == "core" and parts[1] != "alua":
            parts[1] = parts[1].rpartition("_")[0]
        found["/".join(parts)] = content
    return found


@pytest.fixture
def all_of_it(tmp_path: Path, loop: str) -> Iterator[None]:
    everything(tmp_path, loop)
    yield
    RTSRoot().clear_existing(confirm=True)


@pytest.mark.usefixtures("all_of_it")
def test_everything_comes_back_as_it_was(tmp_path: Path) -> None:
    fs = HostConfigFS()
    before, files = capture(fs), writable()
    data = dump(before)
    file = SaveFile(tmp_path / "saveconfig.json")
    operations.save(fs, file)
    RTSRoot().clear_existing(confirm=True)
    assert not list(RTSRoot().storage_objects)
    result = operations.restore(fs, file.load(), save_file=file)
    assert result.report.errors() == []
    assert result.warnings == []
    assert capture(fs) == before
    assert writable() == files
    assert dump(capture(fs)) == data
    assert file.missing() == {}


@pytest.mark.usefixtures("all_of_it")
def test_restoring_what_is_already_so_does_nothing() -> None:
    journal = Journal(HostConfigFS())
    result = operations.restore(journal, Document(dump(capture(journal))))
    assert len(result.plan) == 0
    assert journal.changes == []


@pytest.mark.usefixtures("all_of_it")
def test_a_failure_on_the_way_is_taken_back() -> None:
    """What fails at any of some steps of a change of everything: the state before comes back."""
    fs = HostConfigFS()
    before = capture(fs)
    wanted = dump(before)
    for one in wanted["storage_objects"]:
        if "wwn" in one:
            one["wwn"] += "-other"
    wanted["targets"][0]["tpgs"].pop()
    steps = operations.planned(before, operations.checked(Document(wanted)), fs.root)
    sure = sum(not step.maybe for step in steps)
    for at in range(0, sure, sure // 5):
        failing = Faulty(fs, at=at + 1)
        result = operations.restore(failing, Document(wanted), on_failure=OnFailure.ROLL_BACK)
        assert len(result.report.failed) == 1
        assert result.report.back is not None
        assert result.report.back.errors() == []
        assert capture(fs) == before


@pytest.fixture
def one_disk(tmp_path: Path) -> Iterator[TPG]:
    """A target with one disk, exported to one initiator."""
    disk = MAKERS["fileio"][0](tmp_path, "busy")
    tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
    LUN(tpg, 0, disk)
    NetworkPortal(tpg, "127.0.0.1")
    MappedLUN(NodeACL(tpg, INITIATOR), 0, 0)
    tpg.attributes["authentication"] = False
    tpg.enable = True
    yield tpg
    RTSRoot().clear_existing(confirm=True)


class Busy(threading.Thread):
    """Somebody who writes to a disk all the while; an error is kept."""

    def __init__(self, device: str) -> None:
        super().__init__(daemon=True)
        self.device = device
        self.rounds = 0
        self.error: OSError | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.is_set():
            try:
                fill(self.device, os.urandom(4096), 4096 * (self.rounds % 64))
            except OSError as error:
                self.error = error
                return
            self.rounds += 1

    def end(self) -> None:
        self._ended.set()
        self.join(60)


def sessions() -> str:
    """Return the kernel's own count of sessions, of those ever begun too."""
    instance = f"{tree.ROOT}/iscsi/{IQN}/fabric_statistics/iscsi_instance"
    login = f"{tree.ROOT}/iscsi/{IQN}/fabric_statistics/iscsi_login_stats"
    return machine.text(f"{instance}/sessions") + " of " + machine.text(f"{login}/accepts")


def test_a_session_at_work_does_not_notice(one_disk: TPG, open_iscsi: OpenISCSI) -> None:
    fs = HostConfigFS()
    with open_iscsi.session(INITIATOR, IQN, "127.0.0.1:3260") as session:
        busy = Busy(session.disk())
        busy.start()
        machine.until(lambda: busy.rounds > 3, "some rounds of I/O")
        known = sessions()
        result = operations.restore(fs, Document(dump(capture(fs))))
        assert len(result.plan) == 0
        more = dump(capture(fs))
        more["storage_objects"].append(
            {"plugin": "ramdisk", "name": "second", "size": machine.MIB, "wwn": "second"}
        )
        more["targets"][0]["tpgs"][0]["luns"].append(
            {"index": 1, "storage_object": "/backstores/ramdisk/second"}
        )
        more["targets"][0]["tpgs"][0]["node_acls"][0]["mapped_luns"].append(
            {"index": 1, "tpg_lun": 1, "write_protect": False}
        )
        result = operations.restore(fs, Document(more))
        assert result.report.errors() == []
        assert not [step for step in result.plan if step.part.startswith("-")]
        assert sorted(session.disks()) == [0, 1]
        before = busy.rounds
        machine.until(lambda: busy.rounds > before + 3, "I/O going on")
        busy.end()
        assert busy.error is None
        assert sessions() == known
    assert one_disk.exists


def test_a_device_that_comes_late(tmp_path: Path) -> None:
    """Nothing is exported in its place; it stays in the file; it is completed when it comes."""
    fs = HostConfigFS()
    image = tmp_path / "late.img"
    link = tmp_path / "late"
    image.touch()
    os.truncate(image, 8 * machine.MIB)
    file = SaveFile(tmp_path / "saveconfig.json")
    device = machine.succeed("losetup", "--find", "--show", str(image)).strip()
    link.symlink_to(device)
    try:
        tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
        LUN(tpg, 0, BlockStorageObject("late", str(link)))
        LUN(tpg, 1, MAKERS["ramdisk"][0](tmp_path, "here"))
        NodeACL(tpg, INITIATOR).mapped_lun(0, 0)
        tpg.enable = True
        before = capture(fs)
        operations.save(fs, file)
        RTSRoot().clear_existing(confirm=True)
        link.unlink()
        result = operations.restore(fs, file.load(), save_file=file)
        assert [it.step.path for it in result.report.of(Status.PENDING)] == [str(link)]
        assert [lun.lun for lun in RTSRoot().luns] == [1]
        assert "/backstores/block/late" in file.missing()
        saved = json.loads(Path(file.path).read_text())
        operations.save(fs, file)
        again = json.loads(Path(file.path).read_text())
        assert without_links(again) == without_links(saved)
        link.symlink_to(device)
        result = operations.restore(fs, file.load(), only_missing=True, save_file=file)
        assert result.report.errors() == []
        assert capture(fs) == before
        assert file.missing() == {}
    finally:
        RTSRoot().clear_existing(confirm=True)
        machine.succeed("losetup", "--detach", device)


def old_library(program: str, *arguments: str) -> str:
    """Run a program over rtslib-fb 2.2.4."""
    python = f"{os.environ['RTSLIB_ENVIRONMENTS']}/rtslib-fb/bin/python"
    return machine.succeed(python, "-I", "-c", program, *arguments)


SAVE = "import sys, rtslib; rtslib.RTSRoot().save_to_file(sys.argv[1])"
RESTORE = """
import json, sys, rtslib
errors = rtslib.RTSRoot().restore_from_file(sys.argv[1])
print(json.dumps(errors))
"""


def without_links(data: object) -> object:
    """Return what a saved configuration says, without the names of links and the order of lists."""
    if isinstance(data, dict):
        return {key: without_links(it) for key, it in data.items() if key != "alias"}
    if isinstance(data, list):
        return sorted((without_links(it) for it in data), key=repr)
    return data


def restored_by_it(path: str, again: Path) -> tuple[list[str], object]:
    """Let rtslib-fb restore a file; return its errors, and what it then saves."""
    errors = json.loads(old_library(RESTORE, path))
    old_library(SAVE, str(again))
    return errors, without_links(json.loads(again.read_text()))


@pytest.mark.usefixtures("all_of_it")
def test_files_of_rtslib_fb_and_ours_are_good_for_both(tmp_path: Path) -> None:
    fs = HostConfigFS()
    theirs, ours = str(tmp_path / "theirs.json"), tmp_path / "ours.json"
    before = capture(fs)
    old_library(SAVE, theirs)
    result = operations.restore(fs, SaveFile(theirs).load())
    assert result.report.errors() == []
    assert [str(step) for step in result.plan] == []
    # The other way: what our file gives to it is what its own does. Some attributes of a handler
    # that is not there it cannot set from either.
    operations.save(fs, SaveFile(ours))
    usual, expected = restored_by_it(theirs, tmp_path / "from theirs.json")
    errors, found = restored_by_it(str(ours), tmp_path / "from ours.json")
    assert set(errors) <= set(usual)
    assert all("user" in error for error in usual)
    assert found == expected
    # And back: its restore has turned the order of the storage objects around, no more.
    assert operations.restore(fs, Document(dump(before))).report.errors() == []
    now, then = capture(fs).said(), before.said()
    for state in (now, then):
        # Over a device rtslib-fb tells the kernel no size, and the kernel needs none.
        state[next(name for name in state if "fileio-block" in name)][1].pop("size", None)
    assert {name: (now.get(name), then[name]) for name in then if now.get(name) != then[name]} == {}
