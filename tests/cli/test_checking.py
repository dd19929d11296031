# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""check: faults with their lines, what a kernel refuses, and that no machine is needed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from trees import rich

from rtslib import use
from rtslib.config.capture import capture
from rtslib.config.dump import dump
from rtslib.testing import ReadOnly

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run
    from rtslib.testing import FakeKernel


@pytest.fixture(autouse=True)
def _nothing_is_touched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Not even looked at: there is no such tree.
    monkeypatch.setenv("RTSLIB_CONFIGFS", str(tmp_path / "nowhere"))


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_all_that_there_is_can_be_restored_elsewhere(kernel: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "rich.json"
    with use(rich(str(tmp_path))) as tree:
        file.write_text(json.dumps(dump(capture(tree))))
    (tmp_path / "a file.img").unlink()
    assert run(f"check {file} --kernel {kernel}") == (f"{file}: valid\n", "")


DEVICES = """{"storage_objects": [
 {"name": "a", "plugin": "block", "dev": "/dev/disk/by-id/nobody"},
 {"name": "b", "plugin": "fileio", "dev": "/dev/nobody"},
 {"name": "c", "plugin": "fileio", "dev": "/srv/nobody.img", "size": "1G"},
 {"name": "d", "plugin": "fileio", "dev": "/srv/nobody2.img"},
 {"name": "e", "plugin": "pscsi", "dev": "/dev/sg9"},
 {"name": "f", "plugin": "pscsi", "dev": "3:0:0:1"}]}
"""


def test_devices_are_taken_for_granted(run: Run) -> None:
    assert run("check -", stdin=DEVICES) == ("standard input: valid\n", "")


FAULTS = """{"storage_objects": [
  {"name": "a", "plugin": "blok"}],
 "targets": [
  {"wwn": "x", "fabric": "iscsi", "tpgs": 3}]}
"""


def test_faults_have_lines(run: Run) -> None:
    out, err = run("check -", stdin=FAULTS, expect=3)
    assert out == "standard input: invalid\n"
    first, second = err.splitlines()
    assert first.startswith("standard input:2: storage_objects[0].plugin: ")
    assert second.startswith("standard input:4: targets[0].tpgs: ")


def test_faults_for_programs(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(FAULTS)
    data = json.loads(run(f"check --json {file}", expect=3)[0])
    assert (data["file"], data["valid"], data["refused"]) == (str(file), False, [])
    assert [it["line"] for it in data["problems"]] == [2, 4]
    assert data["problems"][0]["path"] == ["storage_objects", 0, "plugin"]


def test_what_is_no_json_has_a_place(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "torn.json"
    file.write_text('{"targets": [')
    assert run(f"check {file}", expect=3)[1].startswith(f"{file}:1:")


REFUSED = """{"storage_objects": [
  {"name": "a", "plugin": "ramdisk", "size": 4096}],
 "targets": [
  {"wwn": "iqn.2003-01.org.example:t", "fabric": "iscsi", "tpgs": [{"tag": 1, "portals": [
     {"ip_address": "0.0.0.0"}]}]},
  {"wwn": "iqn.2003-01.org.example:u", "fabric": "iscsi", "tpgs": [{"tag": 1,
     "attributes": {"login_timeout": 100000}}]}]}
"""


def test_what_a_kernel_would_refuse(run: Run) -> None:
    out, err = run("check -", stdin=REFUSED, expect=3)
    assert out == "standard input: invalid\n"
    assert err.startswith("standard input:6: /iscsi/iqn.2003-01.org.example:u/tpg1: cannot write")
    data = json.loads(run("check --json -", stdin=REFUSED, expect=3)[0])
    assert len(data["refused"]) == 1
    assert data["problems"] == []


def test_what_is_exported_must_be_there(run: Run) -> None:
    text = REFUSED.replace(
        '"attributes": {"login_timeout": 100000}',
        '"luns": [{"index": 0, "storage_object": "/backstores/block/x"}]',
    )
    _, err = run("check -", stdin=text, expect=3)
    assert "exports /backstores/block/x, which is not there" in err


def test_what_nobody_knows_is_no_fault(run: Run) -> None:
    out, err = run("check -", stdin='{"targets": [], "nobody_knows": 1}')
    assert out == "standard input: valid\n"
    assert err.startswith("standard input:1: nobody_knows: ")
    assert err.endswith("(warning)\n")


def test_a_file_that_is_not_there(run: Run) -> None:
    assert "No such file" in run("check /nowhere.json", expect=1)[1]


def test_secrets_of_another_save(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "apart.json"
    file.write_text('{"secrets": "0123"}')
    _, err = run(f"check {file}", expect=3)
    assert "its secrets" in err


def test_the_tree_in_force_is_left_alone(fake: FakeKernel, run: Run) -> None:
    with use(ReadOnly(fake)):
        run("check -", stdin=REFUSED.replace("100000", "20"))
