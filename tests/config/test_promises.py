# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What must hold when something goes wrong half way: nothing more open, nothing lost."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Callable

import pytest
from trees import INITIATORS, IQN, empty

from rtslib import LUN, TPG, FabricModule, NodeACL, RDMCPStorageObject, StorageObject, Target, use
from rtslib.config import operations
from rtslib.config.apply import OnFailure, apply
from rtslib.config.capture import capture
from rtslib.config.document import Document
from rtslib.config.dump import dump
from rtslib.config.part import Part
from rtslib.config.plan import plan
from rtslib.config.savefile import SaveFile
from rtslib.config.want import wanted
from rtslib.testing import Faulty, Journal
from rtslib.testing.wrappers import CHANGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtslib.testing import FakeKernel


@pytest.fixture
def tree() -> Iterator[FakeKernel]:
    """A kernel with two disks, of which one is exported and mapped for one initiator."""
    with use(empty("6.12")) as made:
        tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
        LUN(tpg, 0, RDMCPStorageObject("disk", "1MiB"))
        RDMCPStorageObject("other", "1MiB")
        NodeACL(tpg, INITIATORS[0]).mapped_lun(0, 0)
        tpg.attributes.update(
            {"authentication": 0, "generate_node_acls": 0, "demo_mode_write_protect": 0}
        )
        tpg.enable = True
        yield made  # type: ignore[misc]


@pytest.fixture
def file(tmp_path: Path) -> SaveFile:
    return SaveFile(tmp_path / "saveconfig.json")


def changed(tree: FakeKernel, change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return what runs, with a change to its TPG."""
    data = dump(capture(tree))
    change(data["targets"][0]["tpgs"][0])
    return data


@pytest.mark.parametrize(
    ("before", "after", "first"),
    [
        (
            {"generate_node_acls": 0},
            {"generate_node_acls": 1, "demo_mode_write_protect": 1},
            "demo_mode_write_protect",
        ),
        (
            {"authentication": 1, "generate_node_acls": 1},
            {"authentication": 0},
            "generate_node_acls",
        ),
    ],
)
def test_what_lets_fewer_in_comes_first(
    tree: FakeKernel, before: dict[str, int], after: dict[str, int], first: str
) -> None:
    attributes = TPG(Target(FabricModule("iscsi"), IQN), 1).attributes
    attributes.update(before)
    wish = {"generate_node_acls": 0, **after}
    data = changed(tree, lambda tpg: tpg["attributes"].update(wish))
    steps = plan(capture(tree), wanted(data), tree.root)
    writes = [step for step in steps if step.vital]
    assert len(writes) == 2
    assert writes[0].path.endswith(first)


def test_nothing_is_made_under_what_could_not_be_protected(tree: FakeKernel) -> None:
    def more(tpg: dict[str, Any]) -> None:
        tpg["attributes"]["authentication"] = 1
        # The ACL itself has nothing to be done.
        tpg["node_acls"][0]["mapped_luns"].append({"index": 5, "tpg_lun": 0})

    data = changed(tree, more)
    failing = Faulty(tree, errno.EIO, when=lambda _name, path: path.endswith("/authentication"))
    failing.when = lambda name, path: name == "write" and path.endswith("/authentication")
    report = apply(failing, plan(capture(tree), wanted(data), tree.root))
    assert [line.partition(": ")[2][:7] for line in report.errors()] == ["cannot ", "skipped"]
    acl = NodeACL(TPG(Target(FabricModule("iscsi"), IQN), 1), INITIATORS[0])
    assert [mapped.mapped_lun for mapped in acl.mapped_luns] == [0]


def test_a_file_that_appears_meanwhile_is_nobodys_to_remove(tmp_path: Path) -> None:
    path = tmp_path / "late.img"
    one = {"plugin": "fileio", "name": "late", "dev": str(path), "size": 4096}
    tree = empty("6.12")
    steps = plan(capture(tree), wanted({"storage_objects": [one]}), tree.root, create_files=True)
    path.write_bytes(b"data" * 1024)
    failing = Faulty(tree, when=lambda name, at: name == "write" and at.endswith("/enable"))
    assert not apply(failing, steps).good
    assert path.read_bytes() == b"data" * 1024


class Killed(BaseException):
    """What no handler catches."""


def killed(done: int, _all: int) -> None:
    if done == 3:
        raise Killed


def test_a_restore_that_is_cut_off_is_remembered(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file)
    before = file.load().data
    operations.clear(tree)
    with pytest.raises(Killed):
        operations.restore(tree, file.load(), save_file=file, progress=killed)
    assert "the restore ended before it" in file.missing().values()
    # A save now, as targetcli makes one when it is left, forgets nothing.
    operations.save(tree, file)
    kept = {it["name"] for it in file.load().data["storage_objects"]}
    assert kept == {it["name"] for it in before["storage_objects"]}
    assert operations.restore(tree, file.load(), save_file=file).report.good
    assert file.missing() == {}


def test_a_restore_that_stops_is_remembered(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file)
    operations.clear(tree)
    failing = Faulty(tree, at=2, when=lambda name, path: name == "write" and "control" in path)
    operations.restore(failing, file.load(), save_file=file, on_failure=OnFailure.STOP)
    assert {f"/iscsi/{IQN}", "/backstores/ramdisk/other"} <= set(file.missing())
    operations.save(tree, file)
    assert [it["wwn"] for it in file.load().data["targets"]] == [IQN]


def test_a_damaged_list_does_not_hide_what_was_done(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file)
    operations.clear(tree)
    with open(f"{file.path}.missing", "w", encoding="utf-8") as stream:
        stream.write("{")
    result = operations.restore(tree, file.load(), save_file=file)
    assert result.report.good
    assert len(result.warnings) == 1
    os.unlink(f"{file.path}.missing")
    os.mkdir(f"{file.path}.missing")
    assert operations.restore(tree, file.load(), save_file=file).warnings


def restores(file: SaveFile) -> list[str]:
    """Restore a file on a new kernel; return the names of the storage objects."""
    result = operations.restore(empty("6.12"), file.load())
    assert result.report.errors() == []
    return sorted(it.base for it in operations.checked(file.load()) if "backstores" in it.name)


def test_a_part_is_saved_with_what_it_exports(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file)
    LUN(TPG(Target(FabricModule("iscsi"), IQN), 1), 1, RDMCPStorageObject("new", "1MiB"))
    operations.save(tree, file, part=Part(targets=(IQN,)))
    assert "new" in restores(file)


def test_luns_of_an_object_that_was_removed_do_not_stay(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file)
    StorageObject("disk").delete()
    operations.save(tree, file, part=Part(storage_objects=("disk",)))
    assert "disk" not in restores(file)
    assert file.load().data["targets"][0]["tpgs"][0]["luns"] == []


def test_luns_of_what_is_not_open_do_not_stay(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file)
    operations.clear(tree)
    failing = Faulty(tree, when=lambda name, path: name == "symlink" and "/lun/lun_0" in path)
    operations.restore(failing, file.load(), save_file=file)
    StorageObject("disk").delete()
    RDMCPStorageObject("disk", "1MiB", enable=False)
    operations.save(tree, file)
    assert "disk" not in restores(file)


def test_the_first_target_of_a_fabric_is_saved_alone(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file, part=Part(storage_objects=("disk", "other")))
    assert operations.save(tree, file, part=Part(targets=(IQN,)))
    assert [it["wwn"] for it in file.load().data["targets"]] == [IQN]


def test_only_what_a_part_covers_is_forgotten(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file)
    StorageObject("other").delete()
    file.set_missing({"/backstores/ramdisk/other": "late"})
    operations.save(tree, file, part=Part(targets=(IQN,)), forget_missing=True)
    assert set(file.missing()) == {"/backstores/ramdisk/other"}
    operations.save(tree, file, forget_missing=True)
    assert file.missing() == {}


def test_damaged_files_keep_their_secrets_apart(tree: FakeKernel, file: SaveFile) -> None:
    NodeACL(TPG(Target(FabricModule("iscsi"), IQN), 1), INITIATORS[0]).set_chap("u", "s3cret-pass")
    operations.save(tree, file, secrets_apart=True)
    with open(file.path, "w", encoding="utf-8") as stream:
        stream.write("{")
    operations.save(tree, file)
    with open(file.path, encoding="utf-8") as stream:
        assert "s3cret-pass" not in stream.read()


def test_an_object_that_is_no_configuration_clears_nothing(tree: FakeKernel) -> None:
    journal = Journal(tree)
    for other in ({}, {"log-driver": "json-file"}):
        with pytest.raises(ValueError, match="no saved configuration"):
            operations.restore(journal, Document(other))
    assert not CHANGES & {it.name for it in journal.operations}
