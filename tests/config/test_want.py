# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a saved configuration asks for, and what it says nothing of."""

from __future__ import annotations

from typing import Any

from trees import IQN

from rtslib import spec
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config.document import Document
from rtslib.config.operations import checked
from rtslib.config.want import wanted_below
from rtslib.fabric import FabricModule
from rtslib.lun import LUN
from rtslib.storage import StorageObject
from rtslib.target import TPG, Target


def said(**data: Any) -> Any:
    return checked(Document(data))


def test_nothing_is_nothing() -> None:
    assert len(said(targets=[])) == 0


def test_what_is_not_said_is_left_open() -> None:
    state = said(
        storage_objects=[{"plugin": "ramdisk", "name": "a", "size": 4096}],
        targets=[{"wwn": IQN, "fabric": "iscsi", "tpgs": [{"tag": 1}]}],
    )
    disk = state["/backstores/ramdisk/a"]
    assert disk.made == {"size": 4096, "nullio": False}
    assert disk.files == {"enable": "1"}
    # But for what is left out where there is none of it.
    assert state[f"/iscsi/{IQN}/tpg1"].files == {
        "enable": "1",
        "auth/userid": "NULL",
        "auth/password": "NULL",
        "auth/userid_mutual": "NULL",
        "auth/password_mutual": "NULL",
    }
    # A fabric that is only stood in is told nothing.
    assert state["/iscsi"].files == {}


def test_fabrics() -> None:
    state = said(fabric_modules=[{"name": "iscsi", "discovery_userid": "a"}])
    assert state["/iscsi"].files["discovery_auth/userid"] == "a"
    assert state["/iscsi"].files["discovery_auth/password"] == "NULL"
    state = said(
        targets=[{"wwn": IQN, "fabric": "iscsi"}],
        rtslib={"fabric_modules": {"iscsi": {"cpus_allowed_list": "0"}, "loopback": {}}},
    )
    assert state["/iscsi"].files == {"cpus_allowed_list": "0"}
    assert state["/loopback"].files == {}


def test_groups_that_name_their_ids_come_first() -> None:
    groups = [
        {"name": "default_tg_pt_gp", "tg_pt_gp_id": 0},
        {"name": "any"},
        {"name": "one", "tg_pt_gp_id": 1},
    ]
    state = said(
        storage_objects=[{"plugin": "ramdisk", "name": "a", "size": 4096, "alua_tpgs": groups}],
        rtslib={"alua_lu_gps": [{"name": "x"}, {"name": "y", "lu_gp_id": 1}]},
    )
    found = [it for it in state if issubclass(it.cls, ALUATargetPortGroup)]
    assert [(it.base, it.made) for it in found] == [
        ("one", {"tg_pt_gp_id": "1"}),
        ("default_tg_pt_gp", {}),
        ("any", {"tg_pt_gp_id": "0"}),
    ]
    assert [it.base for it in state if issubclass(it.cls, ALUALUGroup)] == ["y", "x"]


def test_names_are_spelled_as_the_model_would() -> None:
    state = said(
        targets=[
            {"wwn": "naa.5001405000000002", "fabric": "qla2xxx"},
            {
                "wwn": "no name at all",
                "fabric": "iscsi",
                "tpgs": [{"node_acls": [{"node_wwn": "X"}]}],
            },
            {
                "wwn": IQN.upper(),
                "fabric": "iscsi",
                "tpgs": [{"node_acls": [{"node_wwn": "IQN.1994-05.com.Example:A"}]}],
            },
        ]
    )
    bases = {it.name: it.base for it in state if it.parent not in ("", "/")}
    assert bases["/qla2xxx/naa.5001405000000002"] == "50:01:40:50:00:00:00:02"
    assert bases["/iscsi/no name at all"] == "no name at all"
    assert bases["/iscsi/no name at all/tpg1/acls/x"] == "X"
    assert bases[f"/iscsi/{IQN}/tpg1/acls/iqn.1994-05.com.example:a"] == "iqn.1994-05.com.example:a"


def test_a_nexus_only_where_there_is_one() -> None:
    tpgs = [{"tag": 1, "nexus_wwn": "naa.5001405000000009"}]
    state = said(
        targets=[
            {"wwn": "naa.5001405000000001", "fabric": "loopback", "tpgs": tpgs},
            {"wwn": IQN, "fabric": "iscsi", "tpgs": tpgs},
        ]
    )
    assert state["/loopback/naa.5001405000000001/tpg1"].made == {"nexus": "naa.5001405000000009"}
    assert state[f"/iscsi/{IQN}/tpg1"].made == {}


def test_one_entry_below_a_parent() -> None:
    iscsi = spec.find("iscsi")
    [group] = wanted_below(ALUATargetPortGroup, "/backstores/ramdisk/a", {"name": "g"}, None)
    assert group.name == "/backstores/ramdisk/a/alua/g"
    assert [it.name for it in wanted_below(FabricModule, "", {"name": "iscsi"}, iscsi)] == [
        "/iscsi"
    ]
    entry = {"wwn": IQN, "fabric": "iscsi", "tpgs": []}
    assert [it.name for it in wanted_below(Target, "/iscsi", entry, iscsi)] == [
        "/iscsi",
        f"/iscsi/{IQN}",
    ]
    lun = {"index": 3, "storage_object": "/backstores/ramdisk/a"}
    [record] = wanted_below(LUN, f"/iscsi/{IQN}/tpg1", lun, iscsi)
    assert record.name == f"/iscsi/{IQN}/tpg1/luns/lun3"
    # Without a fabric there is nothing to stand in.
    assert len(wanted_below(TPG, "/iscsi/x", {"tag": 1}, None)) == 0


def test_what_an_object_is_made_of_is_no_setting() -> None:
    state = said(
        storage_objects=[
            {
                "plugin": "user",
                "name": "a",
                "config": "h/x",
                "size": 4096,
                "attributes": {"dev_size": 1, "dev_config": "old", "cmd_time_out": 5},
            }
        ]
    )
    assert state["/backstores/user/a"].files == {"enable": "1", "attrib/cmd_time_out": "5"}
    assert issubclass(state["/backstores/user/a"].cls, StorageObject)
