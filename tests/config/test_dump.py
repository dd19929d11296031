# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Records as rtslib-fb spells them, and what is ours where it does not look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from trees import INITIATORS, IQN, KERNELS, NAA, SECRETS, empty, odd, rich

from rtslib import LUN, TPG, FabricModule, RDMCPStorageObject, Target, use
from rtslib.config.capture import capture
from rtslib.config.dump import OURS, dump, dump_record
from rtslib.config.state import Record, State
from rtslib.errors import RTSLibBrokenLink
from rtslib.tcm import UserBackedStorageObject

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(params=KERNELS)
def data(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return dump(capture(rich(str(tmp_path), request.param)))


def test_storage_objects(data: dict[str, Any], tmp_path: Path) -> None:
    found = {it["name"]: it for it in data["storage_objects"]}
    # What is not open cannot be exported, and would be opened by restoring it.
    assert set(found) == {"file one", "memory", "disk", "user", "idle", "raw"}
    keys = {
        name: {key for key in it if key not in ("attributes", "alua_tpgs")}
        for name, it in found.items()
    }
    common = {"name", "plugin", "wwn"}
    assert keys == {
        "file one": {*common, "dev", "size", "write_back", "aio"},
        "memory": {*common, "size"},
        "idle": {*common, "size", "nullio"},
        "disk": {*common, "dev", "write_back", "readonly", "exclusive"},
        "user": {*common, "config", "size", "hw_max_sectors", "control"},
        "raw": {"name", "plugin", "dev"},
    }
    assert found["file one"]["dev"] == f"{tmp_path}/a file.img"
    assert found["raw"]["alua_tpgs"] == []
    assert [it["name"] for it in found["memory"]["alua_tpgs"]] == ["default_tg_pt_gp", "standby"]
    assert found["memory"]["alua_tpgs"][0]["tg_pt_gp_id"] == 0
    assert found["memory"]["alua_tpgs"][1]["tg_pt_gp_id"] == 5


def test_targets(data: dict[str, Any]) -> None:
    target = next(it for it in data["targets"] if it["wwn"] == IQN)
    tpg = target["tpgs"][0]
    assert tpg["enable"] is True
    assert tpg["chap_password"] == SECRETS[1]
    assert tpg["luns"][1]["alias"] == "seven"
    assert tpg["portals"] == [
        {"ip_address": "0.0.0.0", "port": 3260, "iser": False, "offload": False},
        {"ip_address": "[::1]", "port": 3261, "iser": True, "offload": False},
    ]
    acl = tpg["node_acls"][0]
    assert acl["node_wwn"] == INITIATORS[0]
    assert acl["tag"] == "together"
    assert acl["mapped_luns"][0]["write_protect"] is True
    assert "tag" not in tpg["node_acls"][2]
    # rtslib-fb would fail to make a second nexus.
    loop = next(it for it in data["targets"] if it["fabric"] == "loopback")["tpgs"][0]
    assert loop["nexus_wwn"].startswith("naa.")
    assert "nexus" not in loop


def test_what_is_ours(data: dict[str, Any]) -> None:
    ours = data[OURS]
    assert ours["version"] == 1
    assert [it["name"] for it in ours["alua_lu_gps"]] == ["together"]
    assert ours["storage_objects"]["/backstores/fileio/file one"]["product_id"] == "FILEIO"
    assert ours["fabric_modules"] == {"iscsi": {"cpus_allowed_list": "0-1"}}
    assert data["fabric_modules"][0]["discovery_password"] == SECRETS[1]


def test_an_empty_kernel() -> None:
    data = dump(capture(empty()))
    ours = data.pop(OURS)
    assert data == {"storage_objects": [], "targets": [], "fabric_modules": []}
    assert ours["storage_objects"] == {}


def test_what_others_left_behind() -> None:
    data = dump(capture(odd()))
    tpg = next(it for it in data["targets"] if it["wwn"].startswith("IQN"))["tpgs"][0]
    # Numbers without a link export nothing.
    assert tpg["luns"] == []
    assert tpg["node_acls"][0]["mapped_luns"] == []
    assert data["storage_objects"] == []


def test_a_node_without_its_link() -> None:
    state = capture(odd())
    name = "/iscsi/iqn.2003-01.org.example:t/tpg1/luns/lun0"
    with pytest.raises(RTSLibBrokenLink, match="is linked to nothing"):
        dump_record(state, state[name])


def test_all_or_none_of_a_luns_states() -> None:
    tree = empty()
    with use(tree):
        lun = LUN(TPG(Target(FabricModule("loopback"), NAA), 1), 0, RDMCPStorageObject("a", 4096))
        plain = dump_record(capture(tree), capture(tree)[f"/loopback/{NAA}/tpg1/luns/lun0"])
        assert "alua_tg_pt_status" not in plain
        lun.alua_tg_pt_offline = True
        lun.alua_tg_pt_status = 0
    entry = dump_record(capture(tree), capture(tree)[f"/loopback/{NAA}/tpg1/luns/lun0"])
    assert entry["alua_tg_pt_status"] == 0
    assert entry["alua_tg_pt_offline"] is True


def test_what_is_text_among_the_attributes_stays_so() -> None:
    files = {"enable": "1", "attrib/of_the_future": "a word\n", "attrib/number": "-5"}
    made = {"config": "h/x", "size": 1, "hw_max_sectors": 0, "control": ""}
    record = Record("/backstores/user/a", UserBackedStorageObject, "", "a", "", made, files, None)
    entry = dump_record(State([record]), record)
    assert entry["attributes"] == {"of_the_future": "a word", "number": -5}
    # An old kernel tells nothing of the rings.
    assert "control" not in entry
