# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The classic calls: save_to_file, restore_from_file, clear_existing, dump, setup."""

from __future__ import annotations

import errno
import json
from typing import TYPE_CHECKING, Any

import pytest
from trees import INITIATORS, IQN, KERNELS, NAA, rich

import rtslib.root
from rtslib import (
    LUN,
    TPG,
    ALUATargetPortGroup,
    FabricModule,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    RTSRoot,
    StorageObject,
    Target,
    use,
)
from rtslib.config import classic
from rtslib.config.capture import capture
from rtslib.errors import (
    AlreadyExistsError,
    ConfigError,
    HostError,
    RTSLibError,
    RTSLibNotInCFSError,
)
from rtslib.testing import FakeKernel, Faulty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=KERNELS)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeKernel]:
    """A kernel with a bit of everything, but for what only this machine's /sys could find."""
    made = rich(str(tmp_path), request.param)
    with use(made):
        StorageObject("raw").delete()
        StorageObject("shut").delete()
        yield made


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    path = str(tmp_path / "saveconfig.json")
    monkeypatch.setattr(rtslib.root, "default_save_file", path)
    return path


@pytest.mark.usefixtures("tree")
def test_save_and_restore(file: str) -> None:
    root = RTSRoot()
    before = root.dump()
    root.save_to_file()
    with open(file, encoding="utf-8") as saved:
        assert json.load(saved) == before
    with pytest.raises(AlreadyExistsError):
        root.restore_from_file(clear_existing=False)
    assert root.restore_from_file(clear_existing=True) == []
    assert root.dump() == before
    root.clear_existing(confirm=True)
    assert list(root.targets) == []
    assert root.restore_from_file(file, False) == []
    assert root.dump() == before


@pytest.mark.usefixtures("tree")
def test_in_part(file: str) -> None:
    root = RTSRoot()
    data = root.dump()
    root.clear_existing(target=IQN, confirm=True)
    assert IQN not in {it.wwn for it in root.targets}
    assert root.restore(data, target=IQN) == []
    assert IQN in {it.wwn for it in root.targets}
    root.clear_existing(storage_object="file one", confirm=True)
    assert root.restore(data, storage_object="file one") == []
    assert StorageObject("file one").exists
    # As rtslib-fb: the objects that it belongs to, and no other.
    root.save_to_file(file, "/backstores/fileio/file one")
    with open(file, encoding="utf-8") as stream:
        assert [it["name"] for it in json.load(stream)["storage_objects"]] == ["file one"]


@pytest.mark.usefixtures("tree")
def test_deleting_an_object_from_the_file_too(file: str) -> None:
    RTSRoot().save_to_file()
    StorageObject("idle").delete(save=True)
    with open(file, encoding="utf-8") as stream:
        names = [it["name"] for it in json.load(stream)["storage_objects"]]
    assert "idle" not in names
    assert "memory" in names


def test_errors_are_returned_or_raised(tree: FakeKernel, tmp_path: Path) -> None:
    root = RTSRoot()
    data = root.dump()
    root.clear_existing(confirm=True)
    (tmp_path / "a file.img").unlink()
    told = root.restore(data)
    assert told[0].startswith("/backstores/fileio/file one: ")
    assert all("skipped because /backstores/fileio/file one" in it for it in told[1:])
    root.clear_existing(confirm=True)
    with pytest.raises(HostError, match="is not there"):
        root.restore(data, abort_on_error=True)
    with pytest.raises(ConfigError):
        root.restore({"targets": 5})
    faulty = Faulty(tree, errno.EIO, when=lambda name, _path: name == "rmdir")
    with pytest.raises(RTSLibError):
        classic.clear(faulty)


def test_dumps_of_nodes(tree: FakeKernel) -> None:
    target = Target(FabricModule("iscsi"), IQN)
    whole = next(it for it in RTSRoot().dump()["targets"] if it["wwn"] == IQN)
    assert target.dump() == whole
    assert target.tpgs[1].dump() == whole["tpgs"][0]
    assert target.tpgs[1].luns[0].dump() == whole["tpgs"][0]["luns"][0]
    assert StorageObject("memory").dump()["name"] == "memory"
    with pytest.raises(RTSLibNotInCFSError):
        classic.dump(NodeACL.handle(tree, f"iscsi/{IQN}/tpgt_9/acls/nobody"))


# One node by its entry


@pytest.mark.usefixtures("tree")
def test_setup_of_each_class() -> None:
    fabric = FabricModule("iscsi")
    target = Target(fabric, IQN)
    data = target.dump()
    told: list[object] = []
    target.delete()
    Target.setup(fabric, data, told.append)
    assert told == []
    tpg = target.tpgs[1]
    entry = data["tpgs"][0]
    for mapped in list(tpg.luns[7].mapped_luns):
        mapped.delete()
    tpg.luns[7].delete()
    tpg.network_portals[next(iter(tpg.network_portals)).base].delete()
    tpg.node_acls[INITIATORS[1]].delete()
    LUN.setup(tpg, entry["luns"][1], told.append)
    for portal in entry["portals"]:
        NetworkPortal.setup(tpg, portal, told.append)
    NodeACL.setup(tpg, entry["node_acls"][1], told.append)
    acl = tpg.node_acls[INITIATORS[2]]
    MappedLUN.setup(tpg, acl, entry["node_acls"][2]["mapped_luns"][0], told.append)
    tpg.parent_target.tpgs[2].delete()
    TPG.setup(target, data["tpgs"][1], told.append)
    memory = StorageObject("memory")
    group = memory.alua_tpgs["standby"]
    settings = group.dump()
    group.delete()
    ALUATargetPortGroup.setup(memory, settings, told.append)
    tpg.luns[0].alua_tg_pt_gp_name = "standby"
    fabric.clear_discovery_auth_settings()
    fabric.setup({"name": "iscsi", "discovery_userid": "a"}, told.append)
    assert told == []
    assert fabric.discovery_userid == "a"
    assert _sorted(target.dump()) == _sorted(data)


def _sorted(target: dict[str, Any]) -> Any:
    for tpg in target["tpgs"]:
        for key in ("luns", "portals", "node_acls"):
            tpg[key] = sorted(tpg[key], key=str)
    return target


@pytest.mark.usefixtures("tree")
def test_setup_tells_of_what_is_wrong() -> None:
    told: list[str] = []
    tpg = Target(FabricModule("iscsi"), IQN).tpgs[1]
    LUN.setup(tpg, {"index": "many", "storage_object": "x"}, lambda it: told.append(str(it)))
    assert told[0].startswith("index: an integer was expected")
    assert len(told) == 2
    told.clear()
    missing = {"index": 50, "storage_object": "/backstores/ramdisk/nobody"}
    LUN.setup(tpg, missing, lambda it: told.append(str(it)))
    assert len(told) == 1
    assert "nobody" in told[0]
    assert 50 not in {lun.lun for lun in tpg.luns}


def test_setup_is_no_exact_change(tree: FakeKernel) -> None:
    before = capture(tree)
    told: list[object] = []
    loop = Target(FabricModule("loopback"), NAA, "lookup")
    Target.setup(FabricModule("loopback"), {"wwn": NAA, "fabric": "loopback"}, told.append)
    assert told == []
    assert loop.exists
    assert capture(tree) == before
