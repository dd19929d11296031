# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Records by name, in the order of creation."""

from __future__ import annotations

import pytest
from trees import KERNELS, rich

from rtslib.alua import ALUALUGroup
from rtslib.config.capture import capture
from rtslib.config.state import Link, Record, State
from rtslib.fabric import FabricModule
from rtslib.lun import LUN
from rtslib.target import TPG, Target
from rtslib.tcm import RDMCPStorageObject

DISK = Record("/backstores/ramdisk/a", RDMCPStorageObject, "", "a", "core/rd_mcp_0/a", {}, {}, None)
ISCSI = Record("/iscsi", FabricModule, "", "iscsi", "iscsi", {}, {}, None)
TARGET = Record("/iscsi/t", Target, "/iscsi", "t", "iscsi/t", {}, {"param/x": "1"}, None)
GROUP = Record("/iscsi/t/tpg1", TPG, TARGET.name, "tpgt_1", "", {}, {}, None)
LUN0 = Record(f"{GROUP.name}/luns/lun0", LUN, GROUP.name, "lun_0", "", {}, {}, Link(DISK.name, "x"))
LUS = Record("/alua/lu_gps/g", ALUALUGroup, "", "g", "", {}, {}, None)
ALL = (ISCSI, TARGET, GROUP, LUN0, DISK, LUS)


def test_looking_up() -> None:
    state = State(ALL)
    assert len(state) == 6
    assert list(state) == list(ALL)
    assert TARGET.name in state
    assert "/other" not in state
    assert state[TARGET.name] is TARGET
    assert state.get("/other") is None
    assert list(state.children("")) == [ISCSI, DISK, LUS]
    assert list(state.children(GROUP.name, LUN)) == [LUN0]
    assert list(state.children(GROUP.name, TPG)) == []
    assert list(state.users(DISK.name)) == [LUN0]
    assert list(state.below(TARGET.name)) == [TARGET, GROUP, LUN0]


def test_what_links_lead_to_comes_first() -> None:
    assert [it.rank for it in (LUS, DISK, ISCSI)] == [0, 1, 2]
    state = State(ALL)
    state.hbas, state.warnings = {"core/rd_mcp_0": 1}, ["something"]
    ordered = state.ordered()
    assert list(ordered) == [LUS, DISK, ISCSI, TARGET, GROUP, LUN0]
    assert (ordered.hbas, ordered.warnings) == (state.hbas, state.warnings)
    chosen = state.select(lambda record: record.name.startswith("/iscsi"))
    assert list(chosen) == [ISCSI, TARGET, GROUP, LUN0]
    assert (chosen.hbas, chosen.warnings) == (state.hbas, state.warnings)


def test_equal_is_what_says_the_same() -> None:
    state = State(ALL)
    elsewhere = [it._replace(path="elsewhere", base="X") for it in ALL]
    elsewhere[3] = elsewhere[3]._replace(link=Link(DISK.name, "another alias"))
    assert State(elsewhere) == state
    assert State(ALL[:5]) != state
    assert State([*ALL[:5], LUS._replace(files={"a": "b"})]) != state
    assert state != list(ALL)
    with pytest.raises(TypeError):
        hash(state)


@pytest.mark.parametrize("kernel", KERNELS)
def test_parents_come_first_in_a_capture(tmp_path: object, kernel: str) -> None:
    seen: set[str] = {""}
    for record in capture(rich(str(tmp_path), kernel)):
        assert record.parent in seen
        if record.link:
            assert record.link.end in seen
        seen.add(record.name)
