# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Saving and restoring, whole and in part, over what runs."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from trees import INITIATORS, IQN, KERNELS, NAA, SECRETS, empty, rich, snapshot

from rtslib import FabricModule, FileIOStorageObject, RTSRoot, StorageObject, Target, lock, use
from rtslib.config import operations
from rtslib.config.apply import Status
from rtslib.config.capture import capture
from rtslib.config.document import Document
from rtslib.config.dump import dump
from rtslib.config.part import Part
from rtslib.config.savefile import SaveFile
from rtslib.config.state import State
from rtslib.configfs import HostConfigFS
from rtslib.errors import AlreadyExistsError, ConfigError
from rtslib.testing import FakeKernel, Journal
from rtslib.testing.wrappers import CHANGES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TPG = f"iscsi/{IQN}/tpgt_1"


@pytest.fixture(params=KERNELS)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeKernel]:
    """A kernel with a bit of everything, but for what only this machine's /sys could find."""
    made = rich(str(tmp_path), request.param)
    with use(made):
        StorageObject("raw").delete()
        yield made


@pytest.fixture
def file(tmp_path: Path) -> SaveFile:
    return SaveFile(tmp_path / "saveconfig.json")


def saved(tree: FakeKernel) -> dict[str, Any]:
    return dump(capture(tree))


def restored(tree: FakeKernel, data: dict[str, Any], **more: Any) -> operations.Result:
    return operations.restore(tree, Document(data), **more)


def sessions() -> list[str]:
    found = [it["parent_nodeacl"] for it in RTSRoot().sessions]
    return [acl.node_wwn if acl else "" for acl in found]


# An unchanged configuration


def test_restoring_what_runs_changes_nothing(tree: FakeKernel) -> None:
    data, before = saved(tree), snapshot(tree)
    who = sessions()
    assert INITIATORS[0] in who
    journal = Journal(tree)
    result = operations.restore(journal, Document(data), exact=False)
    assert len(result.plan) == 0
    assert journal.changes == []
    # What is not open is not kept: restored exactly, it is the one thing that goes.
    result = operations.restore(journal, Document(data))
    assert {step.owner for step in result.plan} == {"/backstores/ramdisk/shut"}
    assert sessions() == who
    after = snapshot(tree)
    assert {path for path in before if path not in after} <= {
        path for path in before if path.startswith("core/rd_mcp_")
    }


def test_a_lun_more_ends_no_session(tree: FakeKernel) -> None:
    data = saved(tree)
    tpg = next(it for it in data["targets"] if it["wwn"] == IQN)["tpgs"][0]
    tpg["luns"].append({"index": 9, "storage_object": "/backstores/ramdisk/idle"})
    who = sessions()
    result = restored(tree, data, exact=False)
    assert [step.verb for step in result.plan if not step.maybe] == ["mkdir", "link"]
    assert result.report.good
    assert sessions() == who


def test_one_attribute_is_one_write(tree: FakeKernel) -> None:
    data = saved(tree)
    target = next(it for it in data["targets"] if it["wwn"] == IQN)
    target["tpgs"][0]["attributes"]["login_timeout"] = 20
    journal = Journal(tree)
    result = operations.restore(journal, Document(data), exact=False)
    assert [str(step) for step in result.plan] == [
        f"write '20' to {TPG}/attrib/login_timeout  # is '15'"
    ]
    assert [op.path for op in journal.changes] == [f"{TPG}/attrib/login_timeout"]


def test_one_password_is_one_write_that_nobody_sees(tree: FakeKernel) -> None:
    data = saved(tree)
    acl = next(it for it in data["targets"] if it["wwn"] == IQN)["tpgs"][0]["node_acls"][0]
    acl["chap_password"] = "a new one of 16 ch"
    result = restored(tree, data, exact=False)
    assert len(result.plan) == 1
    shown = f"{result.plan.text()} {result.plan.data()} {result.plan.shell()} {result.plan.steps}"
    assert "a new one" not in shown + repr(result.report.outcomes)
    assert result.report.good
    assert capture(tree).said()[f"/iscsi/{IQN}/tpg1/acls/{acl['node_wwn']}"][2][
        "auth/password"
    ] == ("a new one of 16 ch")


# Whole and in part


def test_save_clear_restore(tree: FakeKernel, file: SaveFile) -> None:
    assert operations.save(tree, file)
    assert not operations.save(tree, file)
    before = saved(tree)
    told: list[tuple[int, int]] = []
    result = operations.clear(tree, progress=lambda done, of: told.append((done, of)))
    assert result.report.good
    assert told[-1] == (len(result.plan), len(result.plan))
    assert list(RTSRoot().targets) == []
    assert list(RTSRoot().storage_objects) == []
    assert operations.restore(tree, file.load()).report.good
    assert saved(tree) == before


def test_a_target_alone_is_saved_and_restored(tree: FakeKernel, file: SaveFile) -> None:
    part = Part(targets=(IQN.upper(),), with_backstores=True)
    operations.save(tree, file, part=part)
    data = file.load().data
    assert [it["wwn"] for it in data["targets"]] == [IQN]
    assert {it["name"] for it in data["storage_objects"]} == {"memory", "file one"}
    operations.clear(tree, part=Part(targets=(IQN,)))
    assert IQN not in {it.wwn for it in RTSRoot().targets}
    assert len(list(RTSRoot().targets)) == 6
    assert restored(tree, data, part=Part(targets=(IQN,))).report.good
    assert Target(FabricModule("iscsi"), IQN, "lookup").exists
    assert len(list(RTSRoot().targets)) == 7


def test_a_part_leaves_all_else_alone(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file)
    data = file.load().data
    data["targets"] = [it for it in data["targets"] if it["wwn"] == IQN]
    data["targets"][0]["tpgs"] = data["targets"][0]["tpgs"][:1]
    result = restored(tree, data, part=Part(targets=(IQN,)))
    assert result.report.good
    # The second TPG was of the part; the other targets were not.
    assert [tpg.tag for tpg in Target(FabricModule("iscsi"), IQN).tpgs] == [1]
    assert len(list(RTSRoot().targets)) == 7


def test_a_storage_object_with_its_users(tree: FakeKernel) -> None:
    part = Part(storage_objects=("ramdisk/memory",), with_users=True)
    data = saved(tree)
    operations.clear(tree, part=part)
    assert [it.name for it in RTSRoot().storage_objects if it.name == "memory"] == []
    assert list(RTSRoot().targets) == []
    whole = {"/backstores/ramdisk/memory", "memory", "ramdisk/memory"}
    for name in whole:
        assert Part(storage_objects=(name,))._names("/backstores/ramdisk/memory")
    # What the part uses and is not there comes with it; it is an error only if it is nowhere.
    StorageObject("file one").delete()
    others = [it for it in data["storage_objects"] if it["name"] != "file one"]
    with pytest.raises(ConfigError, match="exports /backstores/fileio/file one, which is not"):
        restored(tree, {**data, "storage_objects": others}, part=part)
    assert restored(tree, data, part=part).report.good
    assert len(list(RTSRoot().targets)) == 7
    assert StorageObject("file one").is_configured()


def test_a_storage_object_alone_loses_its_luns(tree: FakeKernel) -> None:
    part = Part(storage_objects=("/backstores/fileio/file one",))
    result = operations.clear(tree, part=part)
    assert result.report.good
    assert not [step for step in result.plan if step.part.startswith("+")]
    assert [lun.lun for lun in RTSRoot().luns if lun.storage_object.name == "file one"] == []
    assert IQN in {it.wwn for it in RTSRoot().targets}


def test_saving_a_part_keeps_the_rest_of_the_file(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file)
    before = file.load().data
    Target(FabricModule("loopback"), NAA, "lookup").delete()
    tpg = Target(FabricModule("iscsi"), IQN).tpgs[1]
    tpg.attributes["login_timeout"] = 7
    operations.save(tree, file, part=Part(targets=(IQN,)))
    data = file.load().data
    assert [it["wwn"] for it in data["targets"]].count(NAA) == 2
    found = next(it for it in data["targets"] if it["wwn"] == IQN)
    assert found["tpgs"][0]["attributes"]["login_timeout"] == 7
    assert {it["name"] for it in data["storage_objects"]} == {
        it["name"] for it in before["storage_objects"]
    }


def test_what_exists_may_not_be_restored_over(tree: FakeKernel) -> None:
    data, before = saved(tree), snapshot(tree)
    with pytest.raises(AlreadyExistsError, match=r"storage object .* already exists in configFS"):
        restored(tree, data, may_exist=False)
    with pytest.raises(AlreadyExistsError, match=r"target .* already exists"):
        restored(tree, data, may_exist=False, part=Part(targets=(IQN,)))
    assert snapshot(tree) == before
    operations.clear(tree)
    assert restored(tree, data, may_exist=False).report.good


# Damaged and strange files


def test_a_faulty_file_changes_nothing(tree: FakeKernel) -> None:
    data, before = saved(tree), snapshot(tree)
    data["targets"][0]["tpgs"][0]["luns"][0]["storage_object"] = "/backstores/ramdisk/nobody"
    with pytest.raises(ConfigError, match="exports /backstores/ramdisk/nobody"):
        restored(tree, data)
    data["storage_objects"][0]["plugin"] = "floppy"
    with pytest.raises(ConfigError, match="floppy"):
        restored(tree, data)
    assert snapshot(tree) == before


def test_unknown_keys_are_warned_of_and_do_nothing(tree: FakeKernel) -> None:
    data = saved(tree)
    data["future"] = {"a": 1}
    data["targets"][0]["tpgs"][0]["luns"][0]["colour"] = "blue"
    result = restored(tree, data, exact=False)
    assert len(result.plan) == 0
    assert [str(it) for it in result.warnings] == [
        "targets[0].tpgs[0].luns[0].colour: this key is not known and does nothing",
        "future: this key is not known and does nothing",
    ]


# What is not there


@pytest.fixture
def late(tree: FakeKernel, tmp_path: Path, file: SaveFile) -> Path:
    """A backing file that was there when all was saved, and is not when it is restored."""
    operations.save(tree, file)
    operations.clear(tree)
    path = tmp_path / "a file.img"
    path.unlink()
    return path


def test_a_missing_file_is_not_made(tree: FakeKernel, file: SaveFile, late: Path) -> None:
    result = operations.restore(tree, file.load(), save_file=file)
    assert not late.exists()
    assert tree.host.files == {}
    assert [it.status for it in result.report.failed] == [Status.PENDING]
    lost = {
        "/backstores/fileio/file one",
        "/backstores/fileio/file one/alua/default_tg_pt_gp",
        f"/iscsi/{IQN}/tpg1/luns/lun7",
        f"/iscsi/{IQN}/tpg1/acls/{INITIATORS[2]}/mapped_luns/lun3",
    }
    assert set(result.report.missing()) == lost
    assert set(file.missing()) == lost
    # The 99 others are there.
    assert len(list(RTSRoot().targets)) == 7
    assert [lun.lun for lun in Target(FabricModule("iscsi"), IQN).tpgs[1].luns] == [0]


def test_a_file_that_appears_completes_it(tree: FakeKernel, file: SaveFile, late: Path) -> None:
    before = file.load().data
    operations.restore(tree, file.load(), save_file=file)
    tree.login(TPG, INITIATORS[0])
    late.write_bytes(bytes(1024))
    os.truncate(late, 16 << 20)
    # Somebody has changed something meanwhile, which stays.
    Target(FabricModule("iscsi"), IQN).tpgs[1].attributes["login_timeout"] = 9
    journal = Journal(tree)
    result = operations.restore(journal, file.load(), only_missing=True, save_file=file)
    assert result.report.good
    touched = {
        f"core/fileio_{StorageObject('file one').index}",
        f"{TPG}/lun/lun_7",
        f"{TPG}/acls/{INITIATORS[2]}/lun_3",
    }
    assert all(any(op.path.startswith(it) for it in touched) for op in journal.changes)
    assert file.missing() == {}
    assert INITIATORS[0] in sessions()
    data = saved(tree)
    tpg = next(it for it in data["targets"] if it["wwn"] == IQN)["tpgs"][0]
    assert tpg["attributes"].pop("login_timeout") == 9
    wanted = next(it for it in before["targets"] if it["wwn"] == IQN)["tpgs"][0]
    assert wanted["attributes"].pop("login_timeout") == 15
    assert data == before


def test_a_missing_file_is_made_if_asked_for(tree: FakeKernel, file: SaveFile, late: Path) -> None:
    before = file.load().data
    assert operations.restore(tree, file.load(), create_files=True).report.good
    assert late.stat().st_size == 16 << 20
    assert late.stat().st_mode & 0o777 == 0o600
    assert saved(tree) == before


@pytest.mark.usefixtures("late")
def test_a_save_keeps_what_is_missing(tree: FakeKernel, file: SaveFile) -> None:
    before = operations.checked(file.load())
    operations.restore(tree, file.load(), save_file=file)
    operations.save(tree, file)
    assert operations.checked(file.load()) == before
    assert "/backstores/fileio/file one" in file.missing()
    operations.save(tree, file, forget_missing=True)
    names = [it["name"] for it in file.load().data["storage_objects"]]
    assert "file one" not in names
    assert file.missing() == {}


def test_what_came_back_by_itself_is_missing_no_more(
    tree: FakeKernel, file: SaveFile, late: Path
) -> None:
    operations.restore(tree, file.load(), save_file=file)
    FileIOStorageObject("file one", str(late), "1M")
    operations.save(tree, file)
    assert "/backstores/fileio/file one" not in file.missing()
    size = next(it for it in file.load().data["storage_objects"] if it["name"] == "file one")
    assert size["size"] == 1 << 20


@pytest.mark.usefixtures("late")
def test_what_cannot_be_noted_is_a_warning(
    tree: FakeKernel, file: SaveFile, tmp_path: Path
) -> None:
    nowhere = SaveFile(tmp_path / "nowhere" / "saveconfig.json")
    result = operations.restore(tree, file.load(), save_file=nowhere)
    assert [it.status for it in result.report.failed] == [Status.PENDING]
    assert [it.hint for it in result.warnings] == ["the next save will not know what is missing"]


def test_without_a_file_a_part_is_all_that_is_saved(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file, part=Part(storage_objects=("memory",)))
    data = file.load().data
    assert [it["name"] for it in data["storage_objects"]] == ["memory"]
    assert data["targets"] == []


# Secrets


def test_secrets_apart(tree: FakeKernel, file: SaveFile) -> None:
    operations.save(tree, file, secrets_apart=True)
    with open(file.path, encoding="utf-8") as stream:
        text = stream.read()
    assert not [secret for secret in SECRETS if "pass" in secret and secret in text]
    operations.clear(tree)
    assert operations.restore(tree, file.load()).report.good
    acl = Target(FabricModule("iscsi"), IQN).tpgs[1].node_acls[INITIATORS[0]]
    assert acl.chap_password == SECRETS[1]


def test_no_password_in_anything_shown(tree: FakeKernel) -> None:
    data = saved(tree)
    other = empty(tree.kernel)
    with use(other):
        result = restored(other, data)
    shown = "\n".join(
        (
            result.plan.text(),
            json.dumps(result.plan.data()),
            result.plan.shell(),
            repr(result.plan.steps),
            repr(result.report.outcomes),
            "\n".join(result.report.errors()),
        )
    )
    assert not [secret for secret in SECRETS if secret in shown]


# The lock


def test_the_running_kernels_tree_is_guarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTSLIB_LOCK", str(tmp_path / "lock"))
    with operations.guard(HostConfigFS()):
        assert [pid for pid, _ in lock.holders()] == [os.getpid()]
    assert list(lock.holders()) == []
    with operations.guard(FakeKernel()):
        assert list(lock.holders()) == []
    assert operations.running(FakeKernel()) == capture(FakeKernel())


def test_references_are_looked_for_in_what_runs(tree: FakeKernel) -> None:
    data = saved(tree)
    data["storage_objects"] = []
    assert len(restored(tree, data, exact=False).plan) == 0
    with pytest.raises(ConfigError):
        operations.planned(State(), operations.checked(Document(data)), "/")


def test_what_is_so_is_neither_checked_nor_planned(
    tree: FakeKernel, file: SaveFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of what is not open a file says nothing: a restore has to remove it.
    StorageObject("shut").delete()
    operations.save(tree, file)
    before = capture(tree)
    monkeypatch.setattr(operations, "read", None)
    journal = Journal(tree)
    result = operations.restore(journal, file.load())
    assert len(result.plan) == 0
    assert result.report.good
    assert not CHANGES & set(journal.count())
    assert capture(tree) == before
    # One that differs in a single value is looked at as ever.
    data = dump(before)
    data["storage_objects"][0]["attributes"]["emulate_tas"] ^= 1
    with pytest.raises(TypeError, match="not callable"):
        operations.restore(journal, Document(data))
