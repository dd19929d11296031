# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a saved configuration may hold: files of rtslib-fb, old spellings, mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trees import IQN, KERNELS, empty, rich

import rtslib.config
from rtslib import BlockStorageObject, FabricModule, StorageObject, Target, use
from rtslib.config import operations
from rtslib.config.capture import capture
from rtslib.config.document import Document, parse
from rtslib.config.dump import dump
from rtslib.config.fields import check
from rtslib.config.schema import SAVECONFIG, TABLES, schema
from rtslib.errors import ConfigError

SHIPPED = Path(rtslib.config.__file__).with_name("saveconfig.schema.json")
OLD = Path(__file__).with_name("data") / "targetcli.json"


def test_the_shipped_schema_is_the_one_in_force() -> None:
    assert json.loads(SHIPPED.read_text("utf-8")) == schema()


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_is_dumped_is_right(tmp_path: Path, kernel: str) -> None:
    data = dump(capture(rich(str(tmp_path), kernel)))
    found = check(Document(data), SAVECONFIG)
    assert found.problems == []
    assert found.warnings == []
    assert [
        name for name in data if name not in schema()["$defs"]["saveconfig"]["properties"]
    ] == []


# Files of rtslib-fb


@pytest.fixture
def old(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "old.img").write_bytes(bytes(1 << 20))
    text = OLD.read_text("utf-8").replace("@DIRECTORY@", str(tmp_path))
    data: dict[str, Any] = json.loads(text)
    return data


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_file_of_rtslib_fb_is_restored(old: dict[str, Any], kernel: str) -> None:
    tree = empty(kernel)
    with use(tree):
        result = operations.restore(tree, Document(old))
        assert result.report.good, result.report.errors()
        assert [str(it) for it in result.warnings] == [
            "storage_objects[2].colour: this key is not known and does nothing"
        ]
        assert StorageObject("old").wwn == "5a1b0c3e-0001-4e6f-9f3e-000000000001"
        assert StorageObject("disk").alua_tpgs["half"].alua_access_state == 1
        tpg = Target(FabricModule("iscsi"), "iqn.2003-01.org.example:old").tpgs[1]
        assert tpg.enable
        # The kernel would never find it in upper case.
        [acl] = tpg.node_acls
        assert acl.node_wwn == "iqn.1994-05.com.example:upper"
        assert acl.chap_password == "a-secret-of-old"
        assert FabricModule("loopback").targets["naa.5001405000000001"].tpgs[1].nexus
    # Again it is nothing to be done.
    assert operations.restore(tree, Document(old)).plan.steps == []


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_nobody_knows_is_not_saved_again(old: dict[str, Any], kernel: str) -> None:
    tree = empty(kernel)
    operations.restore(tree, Document(old))
    disk = next(it for it in dump(capture(tree))["storage_objects"] if it["name"] == "disk")
    assert "colour" not in disk
    assert "exists" not in disk


# Mistakes


def faults(change: Any) -> list[str]:
    """Return what is said of a configuration with a mistake in it."""
    tpg: dict[str, Any] = {
        "tag": 1,
        "luns": [{"index": 0, "storage_object": "/backstores/ramdisk/a"}],
        "node_acls": [{"node_wwn": "iqn.a", "mapped_luns": [{"index": 0, "tpg_lun": 0}]}],
        "portals": [{"ip_address": "::1"}],
    }
    disk: dict[str, Any] = {"plugin": "ramdisk", "name": "a", "size": "1M"}
    data = {
        "storage_objects": [disk],
        "targets": [{"wwn": IQN, "fabric": "iscsi", "tpgs": [tpg]}],
        "rtslib": {},
    }
    assert check(Document(data), SAVECONFIG).problems == []
    change(data, disk, tpg)
    return [str(it) for it in check(Document(data), SAVECONFIG).problems]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda _, disk, __: disk.update(size="much"),
            "storage_objects[0].size: 'much' is no size",
        ),
        (lambda _, disk, __: disk.update(size=1 << 70), "storage_objects[0].size: "),
        (lambda _, disk, __: disk.update(size="99999999999P"), "storage_objects[0].size: "),
        (lambda _, disk, __: disk.update(size=0), "storage_objects[0]: a ramdisk of 0 bytes"),
        (lambda _, disk, __: disk.update(name="a/b"), 'storage_objects[0].name: "a/b" cannot be'),
        (lambda _, disk, __: disk.update(name=".."), 'storage_objects[0].name: ".." cannot be'),
        (lambda _, disk, __: disk.update(plugin="tape"), "storage_objects[0].plugin: one of"),
        (lambda _, disk, __: disk.update(wwn=" x"), "storage_objects[0].wwn: "),
        (
            lambda _, disk, __: disk.update(attributes={"emulate_tpu": "perhaps"}),
            "storage_objects[0].attributes.emulate_tpu: 'perhaps' is not a yes or a no",
        ),
        (
            lambda _, disk, __: disk.update(attributes=[1]),
            "storage_objects[0].attributes: an object was expected",
        ),
        (
            lambda _, disk, __: disk.update(plugin="fileio", dev="/a,b"),
            "storage_objects[0]: /sys/kernel/config/target/core/fileio_0/a/control: fd_dev_name:",
        ),
        (
            lambda _, __, tpg: tpg["luns"][0].update(storage_object="ramdisk/a"),
            'targets[0].tpgs[0].luns[0].storage_object: "ramdisk/a" refers to no storage object',
        ),
        (
            lambda _, __, tpg: tpg["node_acls"][0]["mapped_luns"][0].update(tpg_lun=5),
            "targets[0].tpgs[0].node_acls[0].mapped_luns[0].tpg_lun: the TPG has no LUN 5",
        ),
        (
            lambda _, __, tpg: tpg["portals"][0].update(ip_address="nowhere"),
            "targets[0].tpgs[0].portals[0].ip_address: ",
        ),
        (
            lambda data, *_: data["targets"][0].update(fabric="unheard of"),
            "targets[0].fabric: ",
        ),
        (
            lambda data, *_: data["rtslib"].update(storage_objects={"a": {}}),
            'rtslib.storage_objects.a: "a" refers to no storage object',
        ),
        (
            lambda data, *_: data["rtslib"].update(storage_objects=[]),
            "rtslib.storage_objects: an object was expected",
        ),
        (
            lambda data, *_: data["rtslib"].update(
                storage_objects={"/backstores/ramdisk/a": "nothing"}
            ),
            'rtslib.storage_objects["/backstores/ramdisk/a"]: an object was expected',
        ),
        (
            lambda data, *_: data["rtslib"].update(
                storage_objects={"/backstores/ramdisk/a": {"lba_map": "0 1\0"}}
            ),
            'rtslib.storage_objects["/backstores/ramdisk/a"].lba_map: a line break or NUL',
        ),
        (
            lambda data, *_: data["rtslib"].update(
                storage_objects={"/backstores/ramdisk/a": {"lba_map": True}}
            ),
            'rtslib.storage_objects["/backstores/ramdisk/a"].lba_map: text was expected',
        ),
    ],
)
def test_mistakes_are_found_where_they_are(change: Any, said: str) -> None:
    found = faults(change)
    assert len(found) == 1
    assert found[0].startswith(said), found[0]


def test_a_map_of_lbas_has_lines() -> None:
    def change(data: Any, *_: Any) -> None:
        more = {"lba_map": "64 1\n0 63 0:O\n", "alias": ""}
        data["rtslib"]["storage_objects"] = {"/backstores/ramdisk/a": more}

    assert faults(change) == []


def test_a_pscsi_address_is_looked_up_later() -> None:
    data = {"storage_objects": [{"plugin": "pscsi", "name": "a", "dev": "/dev/of/tomorrow"}]}
    assert check(Document(data), SAVECONFIG).problems == []


def test_a_mistake_has_a_line() -> None:
    text = '{\n "storage_objects": [\n  {"plugin": "ramdisk",\n   "name": "a"}\n ]\n}\n'
    with pytest.raises(ConfigError) as caught:
        operations.read(parse(text, "saved"))
    assert 'saved:3: storage_objects[0]: "size" is missing' in str(caught.value)


def test_classes_with_a_setup_have_a_table() -> None:
    assert set(TABLES) >= {FabricModule, Target}
    assert BlockStorageObject not in TABLES
