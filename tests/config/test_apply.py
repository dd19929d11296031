# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Running a plan: what fails, what is skipped for it, what is taken back."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import threading
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest
from trees import INITIATORS, IQN, KERNELS, SECRETS, empty, rich

from rtslib import (
    LUN,
    TPG,
    ALUATargetPortGroup,
    FabricModule,
    MappedLUN,
    NodeACL,
    RDMCPStorageObject,
    RTSRoot,
    StorageObject,
    Target,
    use,
)
from rtslib.config.apply import OnFailure, Report, Status, apply, roll_back
from rtslib.config.capture import capture
from rtslib.config.plan import plan
from rtslib.config.state import State
from rtslib.config.steps import Plan, Step
from rtslib.configfs import TARGET_ROOT, HostConfigFS
from rtslib.errors import HostError, InvalidValueError
from rtslib.testing import FakeKernel, Faulty

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

ACL = f"iscsi/{IQN}/tpgt_1/acls/{INITIATORS[0]}"

each_kernel = pytest.mark.parametrize("kernel", KERNELS)


def run(tree: Any, *steps: Step, **more: Any) -> Report:
    """Run steps of one's own."""
    made = Plan("/t")
    made.add(*steps)
    return apply(tree, made, **more)


def status(tree: Any, *steps: Step, **more: Any) -> list[Status]:
    return [outcome.status for outcome in run(tree, *steps, **more)]


# One of many


@each_kernel
def test_one_failure_among_a_hundred_stops_nobody_else(kernel: str) -> None:
    tree = empty(kernel)
    with use(tree):
        tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
        acl = NodeACL(tpg, INITIATORS[0])
        for number in range(100):
            disk = RDMCPStorageObject(f"disk{number}", "64K")
            LUN(tpg, number, disk)
            acl.mapped_lun(number, number)
    want = capture(tree)
    other = empty(kernel)
    faulty = Faulty(other, errno.ENOMEM, when=lambda _, path: path.endswith("/disk42/enable"))
    report = apply(faulty, plan(State(), want, tree.root))
    assert not report.good
    assert report.missing() == {
        "/backstores/ramdisk/disk42": report.failed[0].cause,
        **dict.fromkeys(
            (
                "/backstores/ramdisk/disk42/alua/default_tg_pt_gp",
                f"/iscsi/{IQN}/tpg1/luns/lun42",
                f"/iscsi/{IQN}/tpg1/acls/{INITIATORS[0]}/mapped_luns/lun42",
            ),
            "skipped because /backstores/ramdisk/disk42 failed",
        ),
    }
    assert len(report.errors()) == 4
    assert report.errors()[0].startswith("/backstores/ramdisk/disk42: cannot write '1' to")
    with use(other):
        assert len(list(RTSRoot().storage_objects)) == 99
        assert len(list(RTSRoot().luns)) == 99
        assert len(list(RTSRoot().mapped_luns)) == 99
    # Nothing half-made is left of it.
    assert all("disk42" not in record.path for record in capture(other))
    assert apply(other, plan(capture(other), want, tree.root)).good
    assert capture(other) == want


def test_what_cannot_be_removed_keeps_what_it_uses(tmp_path: Path) -> None:
    tree = rich(str(tmp_path))
    lun = f"iscsi/{IQN}/tpgt_1/lun/lun_7"
    faulty = Faulty(tree, errno.EBUSY, when=lambda name, path: name == "rmdir" and path == lun)
    report = apply(faulty, plan(capture(tree), State(), tree.root))
    assert report.missing() == {}
    assert [it.step.path for it in report.failed] == [lun]
    gone = f"skipped because /iscsi/{IQN}/tpg1/luns/lun7 could not be removed"
    assert {it.cause for it in report.of(Status.SKIPPED)} == {gone}
    left = {record.name for record in capture(tree)}
    assert "/backstores/fileio/file one" in left
    assert f"/iscsi/{IQN}/tpg1" in left
    assert "/backstores/ramdisk/memory" not in left


def test_stop_and_go_on() -> None:
    tree = empty()
    steps = (Step("mkdir", "core/none/x", part="+/a", vital=True), Step("mkdir", "core/rd_mcp_1"))
    assert status(tree, *steps, on_failure=OnFailure.STOP) == [Status.FAILED]
    assert status(tree, *steps) == [Status.FAILED, Status.DONE]
    report = run(tree, *steps)
    assert report.counts()["failed"] == 1
    assert report.counts()["needless"] == 1


def test_rolling_back_needs_a_state() -> None:
    with pytest.raises(InvalidValueError, match="the state before"):
        run(empty(), on_failure=OnFailure.ROLL_BACK)


def test_a_failure_is_rolled_back(tmp_path: Path) -> None:
    tree = rich(str(tmp_path))
    before = capture(tree)
    done: list[int] = []
    steps = plan(before, State(), tree.root)
    report = apply(
        Faulty(tree, at=20),
        steps,
        on_failure=OnFailure.ROLL_BACK,
        before=before,
        progress=lambda number, _of: done.append(number),
    )
    # An entry of the plan after the other, up to the one that fails.
    assert done == list(accumulate(entry.size for entry in steps.entries))[: len(done)]
    assert done[-2] < 20 <= done[-1] < len(steps)
    assert report.back is not None
    assert report.back.good
    assert capture(tree) == before
    assert roll_back(tree, before).outcomes == []


# Never wider open than asked for


def guarded(kernel: str) -> FakeKernel:
    """Return a kernel with a target that only one initiator may read from, with CHAP."""
    tree = empty(kernel)
    with use(tree):
        fabric = FabricModule("iscsi")
        disk = RDMCPStorageObject("disk", "64K")
        tpg = TPG(Target(fabric, IQN), 1)
        tpg.attributes["authentication"] = True
        tpg.attributes["generate_node_acls"] = True
        tpg.attributes["prod_mode_write_protect"] = True
        tpg.attributes["demo_mode_write_protect"] = False
        tpg.set_chap(*SECRETS)
        LUN(tpg, 0, disk)
        acl = NodeACL(tpg, INITIATORS[0])
        acl.set_chap(*SECRETS)
        acl.attributes["authentication"] = True
        acl.mapped_lun(0, 0, write_protect=False)
        fabric.set_discovery_auth(*SECRETS)
        tpg.enable = True
    return tree


#: What cannot be written, and a record below or at it that must not be let in then.
PROTECTED = {
    f"{ACL}/lun_0/write_protect": f"{ACL}/lun_0",
    f"{ACL}/auth/userid": ACL,
    f"{ACL}/auth/password": ACL,
    f"{ACL}/auth/password_mutual": ACL,
    f"{ACL}/attrib/authentication": ACL,
    f"iscsi/{IQN}/tpgt_1/auth/password": f"iscsi/{IQN}/tpgt_1",
    f"iscsi/{IQN}/tpgt_1/attrib/authentication": f"iscsi/{IQN}/tpgt_1",
    f"iscsi/{IQN}/tpgt_1/attrib/generate_node_acls": f"iscsi/{IQN}/tpgt_1",
    f"iscsi/{IQN}/tpgt_1/attrib/demo_mode_write_protect": f"iscsi/{IQN}/tpgt_1",
    f"iscsi/{IQN}/tpgt_1/attrib/prod_mode_write_protect": f"iscsi/{IQN}/tpgt_1",
    "iscsi/discovery_auth/password": "iscsi/discovery_auth",
    "iscsi/discovery_auth/enforce_discovery_auth": "iscsi/discovery_auth",
}


@each_kernel
@pytest.mark.parametrize("file", PROTECTED)
@pytest.mark.parametrize("code", [errno.EIO, errno.EINVAL, errno.ENOENT])
def test_what_cannot_be_protected_is_not_exported(kernel: str, file: str, code: int) -> None:
    want = capture(guarded(kernel))
    tree = empty(kernel)
    faulty = Faulty(tree, code, when=lambda name, path: name == "write" and path == file)
    report = apply(faulty, plan(capture(tree), want, tree.root))
    if faulty.seen == 0:
        assert capture(tree) == want  # it read already as it was to be
        return
    assert [it.step.path for it in report.failed] == [file]
    open_tpgs = {
        record.path
        for record in capture(tree)
        if issubclass(record.cls, TPG) and record.files["enable"] == "1"
    }
    paths = {record.path for record in capture(tree)}
    if PROTECTED[file].endswith(("discovery_auth", "tpgt_1")):
        assert not open_tpgs
    else:
        assert PROTECTED[file] not in paths
    shown = "\n".join(report.errors()) + repr(report.outcomes)
    assert not [secret for secret in SECRETS if secret in shown]


# Single steps


def test_directories() -> None:
    tree = empty()
    assert status(tree, Step("mkdir", "core/rd_mcp_0"), Step("mkdir", "core/rd_mcp_0")) == [
        Status.DONE,
        Status.NEEDLESS,
    ]
    tree.mkdir("core/rd_mcp_0/a")
    assert status(tree, Step("mkdir", "core/rd_mcp_0/a")) == [Status.FAILED]
    assert status(tree, Step("rmdir", "core/rd_mcp_0")) == [Status.NEEDLESS]
    tree.write("core/rd_mcp_0/a/control", "rd_pages=1")
    tree.write("core/rd_mcp_0/a/enable", "1")
    with use(tree):
        LUN(TPG(Target(FabricModule("iscsi"), IQN), 1), 0, StorageObject("a"))
    assert status(tree, Step("rmdir", "core/rd_mcp_0/a")) == [Status.FAILED]
    assert status(tree, Step("rmdir", "core/none_0")) == [Status.NEEDLESS]
    assert status(tree, Step("mkdir", "core/foo_x/y")) == [Status.FAILED]
    assert status(tree, Step("mkdir", "loopback")) == [Status.DONE]


def test_links() -> None:
    tree = empty()
    with use(tree):
        LUN(TPG(Target(FabricModule("iscsi"), IQN), 1), 0, RDMCPStorageObject("a", 4096), "it")
    path = f"iscsi/{IQN}/tpgt_1/lun/lun_0/it"
    assert status(tree, Step("unlink", path), Step("unlink", path)) == [
        Status.DONE,
        Status.NEEDLESS,
    ]
    assert status(tree, Step("link", path, "core/rd_mcp_0/a")) == [Status.DONE]
    assert status(tree, Step("link", path, "core/rd_mcp_0/a")) == [Status.FAILED]


def test_a_setting_that_this_kernel_lacks() -> None:
    tree = empty()
    with use(tree):
        RDMCPStorageObject("a", 4096)
    at = "core/rd_mcp_0/a"
    assert status(tree, Step("write", f"{at}/attrib/of_the_future", "1")) == [Status.ABSENT]
    assert status(tree, Step("write", f"{at}/of_the_future", "1", maybe=True)) == [Status.ABSENT]
    assert status(tree, Step("write", f"{at}/attrib/of_the_future", "1", vital=True)) == [
        Status.FAILED
    ]
    assert status(tree, Step("write", "core/rd_mcp_0/b/attrib/block_size", "512")) == [
        Status.FAILED
    ]


def test_a_part_that_fails_is_taken_back(tmp_path: Path) -> None:
    tree = empty()
    tree.mkdir("core/rd_mcp_0")
    made = tmp_path / "made"
    steps = (
        Step("create", str(made), "4096", part="+/a"),
        Step("mkdir", "core/rd_mcp_0/a", part="+/a"),
        Step("write", "core/rd_mcp_0/a/enable", "1", part="+/a", vital=True),
        Step("write", "core/rd_mcp_0/a/alias", "x", part="+/a"),
    )
    report = run(tree, *steps)
    assert [it.status for it in report] == [
        Status.DONE,
        Status.DONE,
        Status.FAILED,
        Status.SKIPPED,
    ]
    assert not made.exists()
    assert {entry.name for entry in tree.listdir("core/rd_mcp_0")} == {"hba_info", "hba_mode"}
    # What cannot be taken back is named.
    stuck = Faulty(tree, when=lambda name, _path: name == "rmdir")
    report = run(stuck, *steps[1:])
    assert report.failed[0].error is not None
    assert report.failed[0].error.residue == (f"{tree.root}/core/rd_mcp_0/a",)
    report = run(
        Faulty(tree, when=lambda name, _path: name == "write"),
        *steps[:1],
        Step("write", "core/rd_mcp_0/a/alias", "x", part="+/a", vital=True),
    )
    assert report.failed[0].error is not None
    assert report.failed[0].error.residue == ()


def test_a_device_is_waited_for(tmp_path: Path) -> None:
    late = tmp_path / "late"
    step = Step("check", str(late), part="+/a", vital=True)
    tree = empty()
    assert status(tree, step) == [Status.PENDING]
    timer = threading.Timer(0.05, late.touch)
    timer.start()
    assert status(tree, step, wait=20) == [Status.DONE]
    timer.join()
    # Which devices another tree has, only that tree knows; which this machine has, anybody.
    assert status(tree, Step("check", "/dev/none")) == [Status.NEEDLESS]
    assert status(HostConfigFS(), Step("check", "/dev/none", part="+/a")) == [Status.PENDING]


def test_files_grow_and_never_shrink(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    file.write_bytes(bytes(100))
    tree = empty()
    assert status(tree, Step("grow", str(file), "4096")) == [Status.DONE]
    assert status(tree, Step("grow", str(file), "512")) == [Status.NEEDLESS]
    assert file.stat().st_size == 4096


def test_reservations_are_given_back(tmp_path: Path) -> None:
    tree = empty()
    tree.write("dbroot", str(tmp_path))
    with use(tree):
        disk = RDMCPStorageObject("a", 4096)
    step = Step("reservations", disk.below(""), "a-serial")
    assert status(tree, step) == [Status.NEEDLESS]
    (tmp_path / "pr").mkdir()
    (tmp_path / "pr/aptpl_a-serial").write_text(
        "PR_REG_START: 0\ninitiator_fabric=iSCSI\ninitiator_node=a\nsa_res_key=1\n"
        "res_holder=0\nres_all_tg_pt=0\nmapped_lun=0\ntarget_fabric=iSCSI\ntarget_node=b\n"
        "tpgt=1\nport_rtpi=1\ntarget_lun=0\nPR_REG_END: 0\n"
    )
    assert status(tree, step) == [Status.DONE]


def test_a_scsi_address_is_looked_up_when_it_is_used(fs: FakeFilesystem) -> None:
    fs.create_dir("/sys/devices/2:0:0:0/block/sdb")
    fs.create_symlink("/sys/dev/block/8:16", "/sys/devices/2:0:0:0/block/sdb")
    fs.create_symlink("/sys/bus/scsi/devices/2:0:0:0", "/sys/devices/2:0:0:0")
    device = fs.create_file("/dev/sdb", st_mode=stat.S_IFBLK | 0o660)
    # pyfakefs has no device numbers of its own.
    device.stat_result.st_rdev = os.makedev(8, 16)  # type: ignore[attr-defined]
    tree = empty()
    tree.mkdir("core/pscsi_0")
    tree.mkdir("core/pscsi_0/raw")
    assert status(tree, Step("address", "core/pscsi_0/raw", "/dev/sdb")) == [Status.DONE]
    assert "Host ID: 2" in tree.read("core/pscsi_0/raw/info")
    # Of an address the path is told too: the kernel opens a disk by that.
    assert status(tree, Step("address", "core/pscsi_0/raw", "2:0:0:0")) == [Status.DONE]
    assert tree.read("core/pscsi_0/raw/udev_path") == "/dev/sdb\n"
    [failed] = run(tree, Step("address", "core/pscsi_0/raw", "/dev/none"))
    assert isinstance(failed.error, HostError)


def test_the_running_kernel_is_made_ready_for_a_first_hba(
    fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs.create_file("/proc/modules")
    fs.create_file("/proc/self/mounts", contents="configfs /sys/kernel/config configfs rw 0 0\n")
    fs.create_file("/sbin/modprobe", st_mode=0o100755)
    fs.create_dir("/sys/kernel/config")

    def modprobe(argv: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        assert argv[-1] == "target_core_mod"
        fs.create_dir(f"{TARGET_ROOT}/core")
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(subprocess, "run", modprobe)
    assert status(HostConfigFS(), Step("mkdir", "core/rd_mcp_0")) == [Status.DONE]
    assert fs.isdir(f"{TARGET_ROOT}/core/rd_mcp_0")


# At once, what waits


def many(kernel: str, count: int) -> FakeKernel:
    """Return a kernel with LUNs of objects of their own, and of one that all share."""
    tree = empty(kernel)
    with use(tree):
        tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
        shared = RDMCPStorageObject("shared", "64K")
        for number in range(count):
            LUN(tpg, number, RDMCPStorageObject(f"disk{number}", "64K"))
            LUN(tpg, 1000 + number, shared)
    return tree


@each_kernel
def test_threads_come_to_the_same_and_tell_it_in_the_same_order(kernel: str) -> None:
    want = capture(many(kernel, 12))
    told = []
    for threads in (1, 4):
        tree = empty(kernel)
        seen: list[tuple[int, int]] = []
        steps = plan(State(), want, tree.root)
        report = apply(
            tree, steps, threads=threads, progress=lambda *it, seen=seen: seen.append(it)
        )
        assert report.good, report.errors()
        assert capture(tree) == want
        assert seen[-1] == (len(steps), len(steps))
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
        told.append([(str(it.step), it.status) for it in report])
        gone = apply(tree, plan(capture(tree), State(), tree.root), threads=threads)
        assert gone.good, gone.errors()
        assert [it for it in capture(tree) if issubclass(it.cls, (LUN, StorageObject))] == []
    assert told[0] == told[1]


@each_kernel
def test_one_of_many_at_once_fails_alone(kernel: str) -> None:
    want = capture(many(kernel, 12))
    tree = Faulty(empty(kernel), errno.ENOMEM, when=lambda _, path: "lun_7/" in path)
    report = apply(tree, plan(State(), want, tree.root), threads=4)
    assert report.missing().keys() == {f"/iscsi/{IQN}/tpg1/luns/lun7"}
    assert len([it for it in capture(tree.inner) if issubclass(it.cls, LUN)]) == 23
    # The rest of it was not begun, and what was begun is gone.
    gone = Faulty(tree.inner, errno.EBUSY, when=lambda _, path: path.endswith("lun_3"))
    report = apply(gone, plan(capture(tree.inner), State(), tree.root), threads=4)
    left = [it.base for it in capture(tree.inner) if issubclass(it.cls, (LUN, StorageObject))]
    assert left == ["disk3", "lun_3"]
    assert any("skipped because" in line for line in report.errors())


def test_a_storage_object_goes_with_its_only_lun() -> None:
    """Both wait in the kernel, but not for one another."""
    tree = many("6.1", 3)
    paths = [step.path for step in plan(capture(tree), State(), tree.root)]
    index = paths.index(f"iscsi/{IQN}/tpgt_1/lun/lun_1")
    assert paths[index + 1 :][:2] == ["core/rd_mcp_2/disk1", "core/rd_mcp_2"]
    shared = [f"iscsi/{IQN}/tpgt_1/lun/lun_{1000 + number}" for number in range(3)]
    assert paths.index("core/rd_mcp_0/shared") > max(map(paths.index, shared))


def test_groups_that_nobody_planned_to_remove_go_with_their_object() -> None:
    tree = empty()
    with use(tree):
        disk = RDMCPStorageObject("disk", "64K")
        ALUATargetPortGroup(disk, "mine", 3)
    rel = disk.below("")
    assert status(tree, Step("rmdir", rel)) == [Status.DONE]
    with use(tree):
        rel = RDMCPStorageObject("disk", "64K").below("")
    busy = Faulty(tree, errno.EBUSY, when=lambda _, path: path == rel)
    assert status(busy, Step("rmdir", rel)) == [Status.FAILED]
    tpg = f"iscsi/{IQN}"
    for path in ("iscsi", tpg, f"{tpg}/tpgt_1"):
        tree.mkdir(path)
    assert status(tree, Step("rmdir", tpg)) == [Status.FAILED]


def test_who_wants_to_stop_has_nothing_done_at_once() -> None:
    want = capture(many("6.1", 6))
    tree = Faulty(empty(), errno.ENOMEM, when=lambda _, path: path.endswith("lun_2"))
    report = apply(tree, plan(State(), want, tree.root), threads=4, on_failure=OnFailure.STOP)
    assert [it.base for it in capture(tree.inner) if issubclass(it.cls, LUN)] == ["lun_0", "lun_1"]
    assert not report.good


def test_what_somebody_else_has_removed_meanwhile_is_needless(tmp_path: Path) -> None:
    tree = rich(str(tmp_path))
    have = capture(tree)
    steps = plan(have, State(), tree.root)
    going = [it for it in have if issubclass(it.cls, MappedLUN)][:2]
    links = [f"{it.path}/{it.link.alias}" for it in going if it.link is not None]
    for link in links:
        tree.unlink(link)
    tree.rmdir(going[0].path)
    report = apply(tree, steps)
    assert report.good
    ended = {
        str(it.step): it.status for it in report if it.step.owner in {going[0].name, going[1].name}
    }
    first, second = going[0].path, going[1].path
    assert {line.partition("  #")[0]: status for line, status in ended.items()} == {
        f"unlink {links[0]}": Status.NEEDLESS,
        f"rmdir {first}": Status.NEEDLESS,
        f"unlink {links[1]}": Status.NEEDLESS,
        f"rmdir {second}": Status.DONE,
    }
