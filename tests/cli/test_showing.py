# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""show, sessions and stats: text and data of the same, read only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from trees import INITIATORS, IQN, SECRETS, odd

from rtslib import FabricModule, RDMCPStorageObject, Target, use
from rtslib.testing import ReadOnly

if TYPE_CHECKING:
    from cli.conftest import Run
    from rtslib.testing import FakeKernel


@pytest.fixture(autouse=True)
def _only_read(tree: FakeKernel) -> None:
    tree.login(f"iscsi/{IQN}/tpgt_1", INITIATORS[0], alias="an alias", address="10.0.0.7")


def test_the_tree(tree: FakeKernel, run: Run) -> None:
    with use(ReadOnly(tree)):
        out, err = run("show")
        assert (out.splitlines()[0][:4], err) == ("o- /", "")
        assert "lun1" in out
        assert "\x1b" not in out
        data = json.loads(run("show --json")[0])
    assert [it["name"] for it in data["below"]] == ["backstores", "iscsi"]


@pytest.mark.parametrize("path", ["iscsi", f"/iscsi/{IQN.upper()}/tpg1/luns/"])
def test_a_part_of_the_tree(path: str, run: Run) -> None:
    out, _ = run(f"show {path}")
    assert out.startswith(f"o- {path.strip('/').rpartition('/')[2].lower()} ")
    assert "lun1" in out
    assert "backstores" not in out


def test_a_path_that_is_not_there(run: Run) -> None:
    _, err = run("show /iscsi/nobody", expect=1)
    assert err == f"targetctl: there is no /iscsi/nobody; below iscsi is {IQN}\n"
    _, err = run("show /backstores/ramdisk/memory/x", expect=1)
    assert err.endswith("below memory is nothing\n")


def test_the_configuration_without_secrets(run: Run) -> None:
    out, _ = run("show --config")
    assert json.loads(out)["targets"][0]["wwn"] == IQN
    assert not any(secret in out for secret in (SECRETS[1], SECRETS[3]))
    assert SECRETS[1] in run("show --config --show-secrets")[0]


def test_sessions(tree: FakeKernel, run: Run) -> None:
    with use(ReadOnly(tree)):
        head, row = run("sessions")[0].splitlines()
    assert head.split() == ["TARGET", "INITIATOR", "ALIAS", "TYPE", "STATE", "FROM"]
    assert row.split() == [IQN, INITIATORS[0], "an", "alias", "Normal", "LOGGED_IN", "10.0.0.7"]
    data = json.loads(run("sessions --json")[0])
    assert data[0]["target"] == IQN
    assert data[0]["parent_nodeacl"] == INITIATORS[0]


def test_a_session_without_an_acl(tree: FakeKernel, run: Run) -> None:
    tree.write(f"iscsi/{IQN}/tpgt_1/attrib/generate_node_acls", "1")
    tree.login(f"iscsi/{IQN}/tpgt_1", INITIATORS[1])
    assert "(no ACL)" in run("sessions")[0]


def test_statistics(tree: FakeKernel, run: Run) -> None:
    with use(ReadOnly(tree)):
        lines = run("stats")[0].splitlines()
        data = json.loads(run("stats --json")[0])
    assert lines[1].split() == [f"{IQN}/tpg1/lun0", "fileio/disk", "0", "0", "0"]
    assert lines[3] == ""
    assert lines[5].split() == [f"{INITIATORS[0]}/lun0", f"{IQN}/tpg1/lun0", "0", "0", "0"]
    assert data["luns"][1]["storage_object"] == "ramdisk/memory"
    assert data["luns"][0]["statistics"]["scsi_tgt_port"]["read_mbytes"] == 0
    assert isinstance(data["luns"][0]["statistics"]["scsi_port"]["role"], str)
    assert "scsi_auth_intr" in data["mapped_luns"][0]["statistics"]


def test_nothing_has_no_table(run: Run) -> None:
    run("clear -q")
    assert run("stats") == run("sessions") == ("", "")
    RDMCPStorageObject("idle", "1M")
    Target(FabricModule("iscsi"), IQN)
    assert run("stats") == run("sessions") == ("", "")


def test_what_other_programs_leave_is_shown(run: Run) -> None:
    with use(odd()):
        assert "is linked to nothing" in run("show")[0]
        assert run("stats") == run("sessions") == ("", "")
