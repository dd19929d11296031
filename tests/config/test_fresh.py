# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a restore learns of new nodes, and what it must not take for known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from trees import IQN, KERNELS, empty, iscsi_tpg

from rtslib import (
    LUN,
    ALUATargetPortGroup,
    BlockStorageObject,
    FileIOStorageObject,
    MappedLUN,
    NodeACL,
    RDMCPStorageObject,
    StorageObject,
    UserBackedStorageObject,
    use,
)
from rtslib.config.apply import Status, apply
from rtslib.config.capture import capture
from rtslib.config.fresh import Fresh
from rtslib.config.plan import plan
from rtslib.config.state import Link, Record, State
from rtslib.testing import Journal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rtslib.testing import FakeKernel
    from rtslib.testing.wrappers import Operation

MANY = 4
LUN_NAME = "/iscsi/target/tpg1/lun0"

each_kernel = pytest.mark.parametrize("kernel", KERNELS)


def reads(tree: FakeKernel, fill: Callable[[int], None]) -> list[int]:
    """Return how often a restore of MANY objects reads in each."""
    with use(tree):
        for number in range(MANY):
            fill(number)
    want = capture(tree)
    journal = Journal(empty(tree.kernel))
    assert apply(journal, plan(State(), want, tree.root)).good
    assert capture(journal.inner) == want
    found = Counter(op.path.split("/")[1] for op in journal.operations if is_read(op))
    return [found[hba.rpartition("/")[2]] for hba in sorted(want.hbas)]


def is_read(operation: Operation) -> bool:
    return operation.name == "read" and operation.path.startswith("core/")


@each_kernel
def test_of_memory_and_files_the_first_is_read(kernel: str, tmp_path: Path) -> None:
    def ramdisk(number: int) -> None:
        RDMCPStorageObject(f"disk{number}", "64K").attributes["emulate_tas"] = 0

    def file(number: int) -> None:
        FileIOStorageObject(f"disk{number}", f"{tmp_path}/{number}", "64K")

    for fill in (ramdisk, file):
        first, *others = reads(empty(kernel), fill)
        assert first > 40
        # What is wanted otherwise than it was made, and what changes with it, is read each time.
        assert max(others) <= 6


@each_kernel
def test_of_devices_and_handlers_each_is_read(kernel: str) -> None:
    def user(number: int) -> None:
        UserBackedStorageObject(f"disk{number}", "handler/x", "64K")

    def block(number: int) -> None:
        BlockStorageObject(f"disk{number}", "/dev/vdb")

    assert min(reads(empty(kernel), user)) > 20
    with use(empty(kernel)) as tree:
        block(0)
    want = capture(tree)
    journal = Journal(empty(kernel))
    assert apply(journal, plan(State(), want, tree.root)).good
    assert sum(op.name == "read" for op in journal.operations) > 20


@each_kernel
def test_what_another_setting_changes_is_looked_at(kernel: str) -> None:
    """pi_prot_type rewrites pi_prot_verify, which the object before was found to have."""
    tree = empty(kernel)
    with use(tree):
        RDMCPStorageObject("first", "64K")
        second = RDMCPStorageObject("second", "64K")
        second.attributes["pi_prot_type"] = 1
        second.attributes["pi_prot_verify"] = 0
    want = capture(tree)
    other = empty(kernel)
    report = apply(other, plan(State(), want, tree.root))
    assert report.good
    assert capture(other) == want
    assert any(it.step.path.endswith("second/attrib/pi_prot_type") for it in report.of(Status.DONE))


@each_kernel
def test_what_is_not_open_begins_otherwise(kernel: str) -> None:
    tree = empty(kernel)
    with use(tree):
        for number in range(2):
            RDMCPStorageObject(f"disk{number}", "64K", enable=not number)
            RDMCPStorageObject(f"disk{number}", index=number).attributes["block_size"] = 512
    want = capture(tree)
    other = empty(kernel)
    assert apply(other, plan(State(), want, tree.root)).good
    assert capture(other) == want


@each_kernel
def test_what_a_groups_state_changes_is_looked_at(kernel: str) -> None:
    """Setting a state sets alua_access_status: new groups do not begin so."""
    tree = empty(kernel)
    with use(tree):
        disk = RDMCPStorageObject("disk", "64K")
        first, second = (ALUATargetPortGroup(disk, name, tag) for name, tag in (("a", 1), ("b", 2)))
        first.alua_access_state = 2
        assert first.alua_access_status != second.alua_access_status
        second.alua_access_status = first.alua_access_status
    want = capture(tree)
    other = empty(kernel)
    assert apply(other, plan(State(), want, tree.root)).good
    assert capture(other) == want


def of(
    fresh: Fresh, cls: Any, parent: str = "", link: str = "", **made: Any
) -> dict[str, str] | None:
    """Return what is known of a node."""
    record = Record("/x", cls, parent, "x", "", made, {}, Link(link, None) if link else None)
    return fresh.of(record, "core/x_0/x")


def test_kinds(tmp_path: Path) -> None:
    fresh = Fresh()
    file = tmp_path / "file"
    file.touch()
    known = of(fresh, FileIOStorageObject, dev=str(file), write_back=False)
    assert known is not None
    assert of(fresh, FileIOStorageObject, dev=str(file), write_back=False) is known
    assert of(fresh, FileIOStorageObject, dev=str(file), write_back=True) is not known
    for dev in ("/dev/null", str(tmp_path / "missing")):
        assert of(fresh, FileIOStorageObject, dev=dev) is None
    for cls in (BlockStorageObject, UserBackedStorageObject, StorageObject, NodeACL):
        assert of(fresh, cls, dev=str(file)) is None
    assert of(fresh, ALUATargetPortGroup, parent="/backstores/block/x") is not None
    assert of(fresh, ALUATargetPortGroup, parent="/backstores/pscsi/x") is None
    assert of(fresh, LUN, link="/backstores/block/x") is not None
    assert of(fresh, LUN, link="/backstores/user/x") is None
    assert of(fresh, LUN) is None


def test_kinds_of_mapped_luns() -> None:
    fresh, tpg = Fresh(), f"iscsi/{IQN}/tpgt_1"

    def known(write_protect: str, at: str = tpg) -> dict[str, str] | None:
        files = {"write_protect": write_protect}
        record = Record("/x", MappedLUN, "/x", "lun_0", "", {}, files, Link(LUN_NAME, None))
        return fresh.of(record, f"{at}/acls/iqn.1994-05.com.example:one/lun_0")

    def export(disk: str) -> None:
        fresh.of(Record(LUN_NAME, LUN, "", "lun_0", "", {}, {}, Link(disk, None)), f"{tpg}/lun_0")

    export("/backstores/ramdisk/disk")
    # It was there before: somebody may have logged in to it.
    assert known("0") is None
    for path in ("iscsi", f"iscsi/{IQN}", tpg, f"{tpg}/lun/lun_0", f"srpt/{IQN}/tpgt_1"):
        fresh.made(path)
    assert known("0") is not None
    assert known("0") is known("0")
    # What is to be protected is always looked at.
    assert known("1") is None
    assert known("0", f"srpt/{IQN}/tpgt_1") is None
    fresh.written(f"{tpg}/attrib/authentication")
    assert known("0") is not None
    fresh.written(f"{tpg}/enable")
    assert known("0") is None


@pytest.mark.parametrize(
    ("disk", "learnt"),
    [
        ("/backstores/block/writable", True),
        ("/backstores/block/read-only", False),
        ("/backstores/block/older", False),
        ("/backstores/fileio/older", True),
        ("/backstores/pscsi/older", False),
    ],
)
def test_mapped_luns_of_what_may_take_no_writes_are_not_known(disk: str, learnt: bool) -> None:
    """Whether a device that was there before takes writes, nobody has said."""
    fresh, tpg = Fresh(), f"iscsi/{IQN}/tpgt_1"
    fresh.made(tpg)
    for name in ("writable", "read-only"):
        made = {"dev": "/dev/vdb", "readonly": name == "read-only"}
        named = f"/backstores/block/{name}"
        record = Record(named, BlockStorageObject, "", name, "", made, {}, None)
        fresh.of(record, f"core/iblock_0/{name}")
    fresh.of(Record(LUN_NAME, LUN, "", "lun_0", "", {}, {}, Link(disk, None)), f"{tpg}/lun/lun_0")
    link, files = Link(LUN_NAME, None), {"write_protect": "0"}
    mapped = Record("/x", MappedLUN, "/x", "lun_0", "", {}, files, link)
    assert (fresh.of(mapped, f"{tpg}/acls/x/lun_0") is not None) == learnt


@each_kernel
def test_a_mapped_lun_of_a_read_only_device_is_as_wanted(kernel: str) -> None:
    """The kernel begins it write-protected, and it is saved as what it was set to."""
    tree = empty(kernel)
    with use(tree):
        tpg = iscsi_tpg(tree)
        LUN(tpg, 0, RDMCPStorageObject("disk", "64K"))
        LUN(tpg, 1, BlockStorageObject("cd", "/dev/sr0", readonly=True))
        acl = NodeACL(tpg, "iqn.1994-05.com.example:one")
        for number in (0, 1):
            acl.mapped_lun(number, number, write_protect=False)
    want = capture(tree)
    other = empty(kernel)
    assert apply(other, plan(State(), want, tree.root)).good
    assert capture(other) == want


@each_kernel
@pytest.mark.parametrize("protected", [False, True])
def test_of_luns_and_mapped_luns_the_first_is_read(kernel: str, protected: bool) -> None:
    tree = empty(kernel)
    with use(tree):
        tpg = iscsi_tpg(tree)
        acl = NodeACL(tpg, "iqn.1994-05.com.example:one")
        for number in range(MANY):
            LUN(tpg, number, RDMCPStorageObject(f"disk{number}", "64K"))
            acl.mapped_lun(number, number, write_protect=protected)
        tpg.enable = True
    want = capture(tree)
    journal = Journal(empty(kernel))
    assert apply(journal, plan(State(), want, tree.root)).good
    assert capture(journal.inner) == want
    read = [op.path for op in journal.operations if op.name == "read"]
    luns = [path for path in read if path.startswith(f"iscsi/{IQN}/tpgt_1/lun/")]
    assert {path.rpartition("/")[0] for path in luns} == {f"iscsi/{IQN}/tpgt_1/lun/lun_0"}
    looked_at = sum(path.endswith("/write_protect") for path in read)
    assert looked_at == (MANY if protected else 1)


@each_kernel
def test_mapped_luns_of_a_running_tpg_are_read_each_time(kernel: str) -> None:
    tree = empty(kernel)
    with use(tree):
        tpg = iscsi_tpg(tree)
        for number in range(MANY):
            LUN(tpg, number, RDMCPStorageObject(f"disk{number}", "64K"))
        have = capture(tree)
        acl = NodeACL(tpg, "iqn.1994-05.com.example:one")
        for number in range(MANY):
            acl.mapped_lun(number, number)
        want = capture(tree)
        acl.delete()
    journal = Journal(tree)
    assert apply(journal, plan(have, want, tree.root)).good
    read = [op.path for op in journal.operations if op.name == "read"]
    assert sum(path.endswith("/write_protect") for path in read) == MANY
