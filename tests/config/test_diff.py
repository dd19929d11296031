# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Differences between configurations: what is seen, how it is called, that no secret is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from trees import INITIATORS, SECRETS, iscsi_tpg, rich

from rtslib import LUN, FileIOStorageObject, NodeACL, RDMCPStorageObject
from rtslib.config.capture import capture
from rtslib.config.diff import Difference, Value, diff, lines
from rtslib.config.document import Document
from rtslib.config.dump import dump
from rtslib.config.operations import checked
from rtslib.errors import MASK

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.config.state import State
    from rtslib.testing import FakeKernel

TPG = "/iscsi/iqn.2003-01.org.example:target/tpg1"
ACL = f"{TPG}/acls/{INITIATORS[0]}"


@pytest.fixture
def data(fake: FakeKernel, tmp_path: Path) -> dict[str, Any]:
    """The saved configuration of a small tree, which is in force."""
    tpg = iscsi_tpg(fake)
    LUN(tpg, 0, FileIOStorageObject("disk", str(tmp_path / "disk.img"), "4M"))
    LUN(tpg, 1, RDMCPStorageObject("memory", "1M"))
    acl = NodeACL(tpg, INITIATORS[0])
    acl.set_chap(*SECRETS[:2])
    acl.mapped_lun(0, 0)
    return dump(capture(fake))


def state(data: dict[str, Any]) -> State:
    return checked(Document(data))


def tpg_of(data: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data["targets"][0]["tpgs"][0]
    return found


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_what_was_dumped_does_not_differ(kernel: str, tmp_path: Path) -> None:
    have = capture(rich(str(tmp_path), kernel))
    want = state(dump(have))
    shut = Difference("/backstores/ramdisk/shut", "removed")
    assert diff(have, want) == [shut]
    assert diff(want, want, whole=True) == []


def test_records_come_and_go(fake: FakeKernel, data: dict[str, Any]) -> None:
    have = capture(fake)
    del data["targets"][0]["tpgs"][0]["luns"][1]
    RDMCPStorageObject("more", "1M")
    assert diff(have, state(data)) == [Difference(f"{TPG}/luns/lun1", "removed")]
    assert diff(state(data), have, whole=True)[-1].kind == "added"


def test_fabrics_and_default_groups_are_the_kernels(fake: FakeKernel, data: dict[str, Any]) -> None:
    assert data
    names = {it.name for it in diff(capture(fake), state({"targets": []}))}
    assert "/backstores/ramdisk/memory" in names
    assert not {name for name in names if name == "/iscsi" or name.startswith("/alua")}
    assert "/backstores/ramdisk/memory/alua/default_tg_pt_gp" not in names


def test_values_have_the_keys_of_the_file(fake: FakeKernel, data: dict[str, Any]) -> None:
    tpg = tpg_of(data)
    tpg["attributes"]["login_timeout"] = 30
    tpg["parameters"]["AuthMethod"] = "None"
    tpg["enable"] = True
    tpg["node_acls"][0]["mapped_luns"][0]["write_protect"] = True
    found = diff(capture(fake), state(data))
    assert found == [
        Difference(
            TPG,
            "changed",
            (
                Value("enable", False, True),
                Value("attributes.login_timeout", "15", "30"),
                Value("parameters.AuthMethod", "CHAP", "None"),
            ),
        ),
        Difference(f"{ACL}/mapped_luns/lun0", "changed", (Value("write_protect", False, True),)),
    ]
    assert [*lines(found)][:2] == [f"~ {TPG}", "    enable: False -> True"]
    assert "    parameters.AuthMethod: 'CHAP' -> 'None'" in lines(found)
    assert found[0].data()["values"]["enable"] == {"before": False, "after": True}
    assert Difference("x", "added").data() == {"name": "x", "kind": "added"}


@pytest.mark.parametrize("whole", [False, True])
def test_secrets_are_masked(whole: bool, fake: FakeKernel, data: dict[str, Any]) -> None:
    acl = tpg_of(data)["node_acls"][0]
    acl["chap_password"] = "another s3cret"
    acl["chap_userid"] = "somebody"
    found = diff(state(dump(capture(fake))), state(data), whole=whole)
    assert found == [
        Difference(
            ACL,
            "changed",
            (
                Value("chap_userid", SECRETS[0], "somebody"),
                Value("chap_password", MASK, MASK),
            ),
        )
    ]
    del acl["chap_password"]
    assert Value("chap_password", MASK, "") in diff(capture(fake), state(data))[0].values
    shown = diff(capture(fake), state(data), secrets=True)[0]
    assert Value("chap_password", SECRETS[1], "") in shown.values


def test_what_is_not_said_stays(fake: FakeKernel, data: dict[str, Any]) -> None:
    before = state(dump(capture(fake)))
    del tpg_of(data)["attributes"]["login_timeout"]
    tpg_of(data)["attributes"]["of_no_kernel"] = 1
    assert diff(capture(fake), state(data)) == []
    assert diff(before, state(data), whole=True)[0].values == (
        Value("attributes.login_timeout", "15", None),
        Value("attributes.of_no_kernel", None, "1"),
    )
    assert "    attributes.login_timeout: '15' -> (not said)" in lines(
        diff(before, state(data), whole=True)
    )


def test_devices_and_sizes(fake: FakeKernel, data: dict[str, Any]) -> None:
    disk, memory = data["storage_objects"]
    disk["size"] *= 2
    memory["size"] -= 1
    # A ramdisk has whole pages: this size makes the same one.
    assert diff(capture(fake), state(data)) == [
        Difference("/backstores/fileio/disk", "changed", (Value("size", 4 << 20, 8 << 20),))
    ]
    disk["dev"] = "/elsewhere"
    memory["size"] *= 2
    found = {it.name: [value.key for value in it.values] for it in diff(capture(fake), state(data))}
    assert found == {
        "/backstores/fileio/disk": ["dev", "size"],
        "/backstores/ramdisk/memory": ["size"],
    }


@pytest.mark.parametrize("whole", [False, True])
def test_links_lead_elsewhere(whole: bool, fake: FakeKernel, data: dict[str, Any]) -> None:
    before = state(dump(capture(fake)))
    tpg_of(data)["luns"][0]["storage_object"] = "/backstores/ramdisk/memory"
    tpg_of(data)["node_acls"][0]["mapped_luns"][0]["tpg_lun"] = 1
    found = diff(before, state(data), whole=whole)
    assert [it.values for it in found] == [
        (Value("storage_object", "/backstores/fileio/disk", "/backstores/ramdisk/memory"),),
        (Value("tpg_lun", f"{TPG}/luns/lun0", f"{TPG}/luns/lun1"),),
    ]
