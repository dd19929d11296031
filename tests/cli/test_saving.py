# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""save, restore, clear, apply, wait: what they do, say and end with."""

from __future__ import annotations

import errno
import json
import threading
from typing import TYPE_CHECKING

import pytest
from trees import IQN, SECRETS, snapshot

from rtslib import LUN, RDMCPStorageObject, RTSRoot, Target
from rtslib.configfs import use
from rtslib.testing import BlockDevice, Faulty

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run
    from rtslib.testing import FakeKernel

LATE = """{"storage_objects": [{"name": "late", "plugin": "fileio", "dev": "DEV", "size": 4096}]}
"""


def targets() -> list[str]:
    return [target.wwn for target in RTSRoot().targets]


def objects() -> set[str]:
    return {so.name for so in RTSRoot().storage_objects}


def test_what_is_saved_comes_back(tree: FakeKernel, run: Run, saved: Path) -> None:
    before = snapshot(tree)
    assert run("save") == (f"saved in {saved}\n", "")
    assert run("save") == (f"{saved}: nothing to save\n", "")
    assert saved.stat().st_mode & 0o777 == 0o600
    out, err = run("clear")
    assert (out.startswith("cleared: "), err) == (True, "")
    assert (targets(), objects()) == ([], set())
    out, err = run("restore")
    assert (out.startswith(f"restored {saved}: "), err) == (True, "")
    assert snapshot(tree).keys() == before.keys()
    assert run("diff") == ("", "")
    assert run("restore") == (f"restored {saved}: all was so already\n", "")


@pytest.mark.usefixtures("tree")
def test_save_for_programs(run: Run, saved: Path) -> None:
    out, _ = run("save --json")
    assert json.loads(out) == {"file": str(saved), "changed": True, "missing": {}}


@pytest.mark.usefixtures("tree")
def test_secrets_can_be_kept_apart(run: Run, saved: Path) -> None:
    run("save --secrets-apart")
    assert SECRETS[1] not in saved.read_text()
    run("clear -q")
    run("restore -q")
    assert next(RTSRoot().node_acls).chap_password == SECRETS[1]
    RDMCPStorageObject("more", "1M")
    run("save")
    assert SECRETS[1] not in saved.read_text()
    run("save --secrets-inside")
    assert SECRETS[1] in saved.read_text()


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("line", ["save", "save --keep 1", "save --keep 0"])
def test_versions_are_kept(line: str, run: Run, saved: Path) -> None:
    for number in range(3):
        RDMCPStorageObject(f"more{number}", "1M")
        run(line)
    expected = {"save": 2, "save --keep 1": 1, "save --keep 0": 0}[line]
    backups = saved.parent / "backup"
    assert len(list(backups.iterdir()) if backups.exists() else ()) == expected


@pytest.mark.usefixtures("tree")
def test_parts_are_saved_alone(run: Run, saved: Path) -> None:
    run("save")
    RDMCPStorageObject("more", "1M")
    RDMCPStorageObject("other", "1M")
    run("save --storage-object more")
    assert "other" not in saved.read_text()
    LUN(next(RTSRoot().tpgs), 5, RDMCPStorageObject("third", "1M"))
    run("save --so-path /backstores/ramdisk/third")
    data = json.loads(saved.read_text())
    assert {it["name"] for it in data["storage_objects"]} == {"disk", "memory", "more", "third"}
    assert 5 in {lun["index"] for lun in data["targets"][0]["tpgs"][0]["luns"]}


@pytest.mark.usefixtures("tree")
def test_a_part_is_saved_into_a_new_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "part.json"
    run(f"save {file} --target {IQN.upper()} --with-backstores")
    data = json.loads(file.read_text())
    assert [it["wwn"] for it in data["targets"]] == [IQN]
    assert len(data["storage_objects"]) == 2


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("line", ["restore", "wait"])
def test_that_there_is_no_file_is_no_failure(line: str, run: Run, saved: Path) -> None:
    out, err = run(line)
    assert (out, err) == (f"No saved configuration at {saved}: nothing to do\n", "")
    assert json.loads(run(f"{line} --json")[0])["missing_file"] is True
    assert targets() == [IQN]


@pytest.mark.usefixtures("tree")
def test_a_generation_that_is_not_there_is_one(run: Run) -> None:
    assert "no generation 3" in run("restore --generation 3", expect=1)[1]


@pytest.mark.usefixtures("tree")
def test_a_generation_is_restored(run: Run) -> None:
    run("save")
    Target(next(RTSRoot().fabrics), f"{IQN}2")
    run("save")
    assert len(targets()) == 2
    run("restore --generation 1")
    assert targets() == [IQN]


@pytest.mark.usefixtures("tree")
def test_an_invalid_file_changes_nothing(run: Run, saved: Path) -> None:
    saved.parent.mkdir()
    saved.write_text('{\n"targets": [{"wwn": "x", "fabric": "none"}],\n "storage_objects": 3}')
    out, err = run("restore", expect=3)
    assert out == ""
    assert f"{saved}:2: targets[0].fabric" in err
    assert f"{saved}:3: storage_objects" in err
    assert targets() == [IQN]


@pytest.mark.usefixtures("tree")
def test_existing_things_may_be_kept(run: Run) -> None:
    run("save")
    Target(next(RTSRoot().fabrics), f"{IQN}2")
    next(RTSRoot().tpgs).attributes["login_timeout"] = 30
    run("restore --only-missing")
    assert next(RTSRoot().tpgs).attributes["login_timeout"] == 30
    run("restore --keep-existing")
    assert next(RTSRoot().tpgs).attributes["login_timeout"] == 15
    assert len(targets()) == 2
    run("restore")
    assert len(targets()) == 1


@pytest.mark.usefixtures("tree")
def test_a_target_is_restored_alone(run: Run) -> None:
    run("save")
    run("clear -q")
    run(f"restore --target {IQN} --with-backstores")
    assert (targets(), objects()) == ([IQN], {"disk", "memory"})
    run(f"clear --target {IQN}")
    assert (targets(), objects()) == ([], {"disk", "memory"})
    run("clear --storage-object ramdisk/memory --yes")
    assert objects() == {"disk"}


@pytest.mark.usefixtures("tree")
def test_what_is_missing_is_told_and_stays_saved(run: Run, saved: Path, tmp_path: Path) -> None:
    run("save")
    run("clear -q")
    (tmp_path / "disk.img").rename(tmp_path / "away")
    out, err = run("restore", expect=4)
    assert "missing" in out
    first, second = err.splitlines()
    assert first.startswith(f"/backstores/fileio/disk: {tmp_path}/disk.img is not there")
    assert second.startswith("skipped because /backstores/fileio/disk failed: ")
    out, err = run("save")
    assert "stays saved, though it is missing: /backstores/fileio/disk" in err
    assert '"disk"' in saved.read_text()

    assert "completed" in run("wait --time 0.3", expect=4)[0]
    (tmp_path / "away").rename(tmp_path / "disk.img")
    out, err = run("wait --time 5")
    assert err == ""
    assert run("diff") == ("", "")
    assert run("save")[1] == ""


@pytest.mark.usefixtures("tree")
def test_what_is_missing_can_be_given_up(run: Run, saved: Path, tmp_path: Path) -> None:
    run("save")
    run("clear -q")
    (tmp_path / "disk.img").unlink()
    run("restore", expect=4)
    run("save --forget-missing")
    assert '"disk"' not in saved.read_text()


def test_failures_for_programs(tree: FakeKernel, run: Run, tmp_path: Path) -> None:
    run("save")
    run("clear -q")
    (tmp_path / "disk.img").unlink()
    data = json.loads(run("restore --json", expect=4)[0])
    assert data["exit"] == 4
    failure = data["failures"][0]
    assert failure["for"] == "/backstores/fileio/disk"
    assert failure["status"] == "pending"
    assert failure["hint"]
    assert "/backstores/fileio/disk" in data["missing"]
    assert data["steps"]["pending"] == 1
    assert tree


@pytest.mark.usefixtures("tree")
def test_backing_files_are_made_if_asked_for(run: Run, tmp_path: Path) -> None:
    run("save")
    run("clear -q")
    (tmp_path / "disk.img").unlink()
    run("restore --create-files")
    assert (tmp_path / "disk.img").stat().st_size == 4 << 20


def _second_lun(operation: str, path: str) -> bool:
    return operation == "mkdir" and path.endswith("/lun_1")


@pytest.mark.parametrize(
    ("how", "code", "left"), [("go-on", 4, True), ("stop", 4, True), ("roll-back", 1, False)]
)
def test_what_happens_on_a_failure(
    how: str, code: int, left: bool, tree: FakeKernel, run: Run
) -> None:
    run("save")
    run("clear -q")
    with use(Faulty(tree, errno.EINVAL, when=_second_lun)):
        out, err = run(f"restore --on-failure {how}", expect=code)
    assert "lun1: cannot mkdir" in err
    assert bool(targets()) == left
    assert ("taken back" in out) != left


def test_a_way_back_that_is_barred(tree: FakeKernel, run: Run) -> None:
    run("save")
    run("clear -q")
    barred = Faulty(tree, errno.EBUSY, when=lambda name, _path: name == "rmdir")
    with use(Faulty(barred, errno.EINVAL, when=_second_lun)):
        out, err = run("restore --on-failure roll-back", expect=4)
    assert "not all of it could be taken back" in out
    assert "rolling back: " in err


def test_nothing_done_is_a_failure(tree: FakeKernel, run: Run, saved: Path) -> None:
    saved.parent.mkdir()
    saved.write_text('{"storage_objects": [{"name": "x", "plugin": "ramdisk", "size": 4096}]}')
    with use(Faulty(tree, errno.EIO)):
        run("restore --keep-existing", expect=1)


@pytest.mark.usefixtures("fake")
def test_a_configuration_is_applied(run: Run, tmp_path: Path) -> None:
    new = LATE.replace("DEV", str(tmp_path / "new.img"))
    RDMCPStorageObject("there", "1M")
    assert "standard input: " in run("apply - --create-files", stdin=new)[0]
    assert objects() == {"there", "late"}
    file = tmp_path / "new.json"
    file.write_text(new)
    run(f"apply {file} --exact")
    assert objects() == {"late"}
    assert "no such file" in run("apply /nowhere", expect=1)[1].lower()


@pytest.mark.usefixtures("fake")
def test_restore_waits_for_devices_if_asked_to(run: Run, saved: Path, tmp_path: Path) -> None:
    saved.parent.mkdir()
    saved.write_text(LATE.replace("DEV", str(tmp_path / "late.img")))
    run("restore --wait 0.3", expect=4)
    (tmp_path / "late.img").write_bytes(bytes(4096))
    run("restore --wait 60")
    assert objects() == {"late"}


@pytest.mark.usefixtures("fake")
def test_who_comes_late_waits_for_nobody(run: Run, saved: Path, tmp_path: Path) -> None:
    late = tmp_path / "late.img"
    one = LATE.replace("DEV", str(late))
    never = json.loads(one.replace('"late"', '"never"').replace("late.img", "never.img"))
    data = json.loads(one)
    data["storage_objects"] += never["storage_objects"]
    saved.parent.mkdir()
    saved.write_text(json.dumps(data))
    timer = threading.Timer(0.3, late.write_bytes, [bytes(4096)])
    timer.start()
    out, err = run("wait --time 2", expect=4)
    timer.join()
    assert f"note: {late} has come\n" in err
    # At the end there was but the other one to do.
    assert out == f"completed {saved}: 0 of 1 parts done, 1 missing\n"
    assert objects() == {"late"}


def test_wait_asks_for_devices_of_this_machine_only(
    fake: FakeKernel, run: Run, saved: Path
) -> None:
    saved.parent.mkdir()
    fake.host.devices["/dev/of-no-machine"] = BlockDevice()
    saved.write_text(LATE.replace("DEV", "/dev/of-no-machine"))
    run("wait --time 600")
    assert objects() == {"late"}


@pytest.mark.usefixtures("fake")
def test_the_input_can_be_restored_but_is_no_file(run: Run, tmp_path: Path) -> None:
    missing = LATE.replace("DEV", str(tmp_path / "late.img"))
    run("restore -", stdin=missing, expect=4)
    for line in ("save -", "wait -", "generations -", "doctor -"):
        assert "name a file" in run(line, stdin="{}", expect=2)[1]


@pytest.mark.parametrize("how", ["keep", "disable", "clear"])
@pytest.mark.usefixtures("tree")
def test_a_service_is_stopped_as_its_settings_say(how: str, run: Run) -> None:
    Target(next(RTSRoot().fabrics), f"{IQN}2").tpgs.create(1)
    out, err = run(f"stop {how}")
    assert err == ""
    said = {"keep": "all goes on", "disable": "disabled 1 of 1 TPGs", "clear": "cleared: "}[how]
    assert out.startswith(said)
    if how == "clear":
        assert (targets(), objects()) == ([], set())
    else:
        assert {tpg.enable for tpg in RTSRoot().tpgs} == {how == "keep", False}


def test_one_that_cannot_be_disabled_keeps_no_other_open(tree: FakeKernel, run: Run) -> None:
    other = Target(next(RTSRoot().fabrics), f"{IQN}2").tpgs.create(1)
    other.enable = True

    def refuse(operation: str, path: str) -> bool:
        return operation == "write" and path.endswith("/enable") and f"{IQN}/" in path

    with use(Faulty(tree, errno.EBUSY, when=refuse)):
        out, err = run("stop disable", expect=4)
        assert out == "disabled 1 of 2 TPGs that were enabled\n"
        assert err.startswith(f"{IQN}/tpg1: ")
        assert not other.enable
        assert run("stop disable", expect=1)[0] == "disabled 0 of 1 TPGs that were enabled\n"


def test_there_may_be_nothing_to_stop(run: Run, tmp_path: Path) -> None:
    assert run(f"stop disable --root {tmp_path}/none")[0] == "all goes on as it is\n"
