# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a plan has steps for, in which order, and that each of them works."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from trees import INITIATORS, IQN, KERNELS, NAA, empty, rich

from rtslib import (
    LUN,
    TPG,
    ALUALUGroup,
    ALUATargetPortGroup,
    BlockStorageObject,
    FabricModule,
    FileIOStorageObject,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    RDMCPStorageObject,
    RTSRoot,
    StorageObject,
    Target,
    UserBackedStorageObject,
    use,
)
from rtslib.config.apply import apply
from rtslib.config.capture import capture
from rtslib.config.document import Document
from rtslib.config.dump import dump
from rtslib.config.operations import checked
from rtslib.config.plan import plan
from rtslib.config.state import Link, Record, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtslib.config.steps import Plan
    from rtslib.testing import FakeKernel

MEMORY = "/backstores/ramdisk/memory"
TPG_NAME = f"/iscsi/{IQN}/tpg1"


@pytest.fixture(params=KERNELS)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FakeKernel]:
    """A kernel with a bit of everything."""
    made = rich(str(tmp_path), request.param)
    with use(made):
        yield made


def changed(
    tree: FakeKernel,
    name: str,
    made: dict[str, Any] | None = None,
    only: tuple[str, ...] = (),
    **more: Any,
) -> State:
    """Return what runs with something else of one record, of which `only` some files are wanted."""
    have = capture(tree)

    def one(record: Record) -> Record:
        if record.name != name:
            return record
        files = {file: it for file, it in record.files.items() if not only or file in only}
        files.update(more.get("files", {}))
        return record._replace(
            made={**record.made, **(made or {})},
            files=files,
            **{key: it for key, it in more.items() if key != "files"},
        )

    want = State(map(one, have))
    want.hbas = have.hbas
    return want


def done(tree: FakeKernel, want: State, **more: Any) -> Plan:
    """Plan and apply a change, and see that it has come about."""
    steps = plan(capture(tree), want, tree.root, **more)
    report = apply(tree, steps)
    assert report.good, report.errors()
    return steps


def verbs(steps: Plan) -> list[str]:
    return [f"{step.verb} {step.path.rpartition('/')[2]}" for step in steps if not step.maybe]


# What cannot change while it is exported


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("attrib/block_size", "4096"),
        ("attrib/emulate_tas", "0"),
        ("wwn/vpd_unit_serial", "another-serial"),
        ("wwn/product_id", "another"),
        ("wwn/vendor_id", "another"),
    ],
)
def test_what_is_frozen_is_unlinked_and_linked_again(
    tree: FakeKernel, file: str, text: str
) -> None:
    before = capture(tree)
    want = changed(tree, MEMORY, files={file: text})
    steps = done(tree, want)
    base = file.rpartition("/")[2]
    why = f"{base} of {MEMORY} cannot change while it is exported"
    unlinked = [step for step in steps if step.verb == "unlink"]
    luns = [step for step in unlinked if "/acls/" not in step.path]
    assert len(luns) == 7
    assert {step.reason for step in luns} == {why}
    mapped = [step for step in unlinked if "/acls/" in step.path]
    assert all(step.reason.endswith(why) for step in mapped)
    assert len([step for step in steps if step.verb == "link"]) == len(unlinked)
    # Names of links, write protection and groups are as before.
    assert capture(tree).said() == want.said()
    links = {it.name: it.link for it in before}
    assert {it.name: it.link for it in capture(tree)} == links
    lun = LUN(TPG(Target(FabricModule("iscsi"), IQN), 1), 0)
    assert lun.alua_tg_pt_gp_name == "standby"
    assert NodeACL(lun.parent_tpg, INITIATORS[0]).mapped_luns[0].write_protect is True
    # What does not use it kept its links.
    assert not [step for step in steps if "lun_7" in step.path]
    assert not [step for step in steps if step.path == f"iscsi/{IQN}/tpgt_1/enable"]


def test_another_wwn_of_what_nobody_exports_is_one_write(tree: FakeKernel) -> None:
    want = changed(tree, "/backstores/ramdisk/idle", files={"wwn/vpd_unit_serial": "a-serial"})
    assert verbs(done(tree, want)) == ["write vpd_unit_serial"]


# What only making anew can change


@pytest.mark.parametrize(
    ("name", "made", "why"),
    [
        ("/backstores/ramdisk/memory", {"size": 2 << 20}, "its size is 1048576"),
        ("/backstores/ramdisk/memory", {"nullio": True}, "its nullio is False"),
        ("/backstores/fileio/file one", {"aio": True}, "its aio is False"),
        ("/backstores/user/user", {"config": "handler/other"}, "its config is"),
        ("/backstores/user/user", {"control": "max_data_area_mb=5"}, "its control is"),
        ("/backstores/block/disk", {"dev": "/dev/vdc"}, "its dev is '/dev/vdb'"),
    ],
)
def test_another_device_is_another_object(
    tree: FakeKernel, name: str, made: dict[str, Any], why: str
) -> None:
    before = capture(tree)
    want = changed(tree, name, made, only=("enable", "wwn/vpd_unit_serial"))
    steps = done(tree, want)
    removed = [step for step in steps if step.verb == "rmdir" and step.owner == name]
    assert removed[0].reason.startswith(why)
    after = capture(tree)
    assert after[name].made == {**want[name].made, **_told(made)}
    assert {it.name: it.link for it in after} == {it.name: it.link for it in before}


def _told(made: dict[str, Any]) -> dict[str, Any]:
    """Return what the kernel tells again: of control, all there is to it."""
    rings = "max_data_area_mb=5,hw_block_size=512,data_pages_per_blk=1,cmd_ring_size_mb=8"
    return {"control": rings} if "control" in made else made


def test_what_control_says_already_is_no_difference(tree: FakeKernel) -> None:
    for control in ("", "hw_block_size=512", "cmd_ring_size_mb=8,data_pages_per_blk=1"):
        assert not done(tree, changed(tree, "/backstores/user/user", {"control": control})).steps


def test_a_size_that_comes_to_the_same_pages_is_no_difference(tree: FakeKernel) -> None:
    assert not done(tree, changed(tree, MEMORY, {"size": (1 << 20) - 100})).steps


def test_an_address_is_as_good_as_a_device(tree: FakeKernel) -> None:
    raw = capture(tree)["/backstores/pscsi/raw"]
    want = State([raw._replace(made={"dev": "2:0:0:0"})])
    assert not plan(capture(tree), want, tree.root, exact=False).steps
    want = State([raw._replace(made={"dev": "2:0:0:1"})])
    [first, *_] = plan(capture(tree), want, tree.root, exact=False)
    assert first.reason.startswith("its dev is '/dev/sdb'")


def test_what_is_open_cannot_be_closed_nor_the_reverse(tree: FakeKernel) -> None:
    steps = done(
        tree, changed(tree, "/backstores/ramdisk/idle", None, ("x",), files={"enable": "0"})
    )
    assert steps.steps[0].reason == "its device cannot be closed"
    assert not StorageObject("idle").enable
    steps = done(
        tree, changed(tree, "/backstores/ramdisk/shut", None, ("x",), files={"enable": "1"})
    )
    assert steps.steps[0].reason == "its device is not open"
    assert StorageObject("shut").enable
    want = changed(tree, "/backstores/ramdisk/idle", {"size": 1 << 21})
    assert plan(capture(tree), want, tree.root).steps[0].reason.startswith("its size is")


def test_a_lun_of_another_object_is_another_lun(tree: FakeKernel) -> None:
    name = f"{TPG_NAME}/luns/lun0"
    link = capture(tree)[name].link
    assert link is not None
    want = changed(
        tree,
        name,
        link=link._replace(end="/backstores/ramdisk/idle"),
        files={"alua_tg_pt_gp": "default_tg_pt_gp"},
    )
    steps = done(tree, want)
    assert f"is linked to {MEMORY}" in {step.reason for step in steps}
    # What is mapped from it is mapped again, as protected as before.
    mapped = NodeACL(TPG(Target(FabricModule("iscsi"), IQN), 1), INITIATORS[1]).mapped_luns[0]
    assert mapped.write_protect is True
    assert mapped.tpg_lun.storage_object.name == "idle"


def test_a_group_of_another_id_is_another_group(tree: FakeKernel) -> None:
    group = f"{MEMORY}/alua/standby"
    steps = done(tree, changed(tree, group, {"tg_pt_gp_id": "9"}))
    assert "tg_pt_gp_id is 5 and cannot be changed" in {step.reason for step in steps}
    lun = LUN(TPG(Target(FabricModule("iscsi"), IQN), 1), 0)
    assert lun.alua_tg_pt_gp_name == "standby"
    assert ALUATargetPortGroup(StorageObject("memory"), "standby").tg_pt_gp_id == 9


def test_another_nexus_is_another_tpg(tree: FakeKernel) -> None:
    name = f"/loopback/{NAA}/tpg1"
    steps = done(tree, changed(tree, name, {"nexus": "naa.5001405000000077"}))
    assert steps.steps[0].verb == "unlink"
    assert TPG(Target(FabricModule("loopback"), NAA), 1).nexus == "naa.5001405000000077"
    # None that is asked for is none that is taken away.
    assert not done(tree, changed(tree, name, {"nexus": None})).steps


# Groups of logical units


def test_members_join_a_group_of_logical_units_again(tree: FakeKernel) -> None:
    StorageObject("memory").alua_lu_gp = "together"
    before = capture(tree)
    steps = done(tree, changed(tree, "/alua/lu_gps/together", {"lu_gp_id": "9"}))
    assert verbs(steps) == ["rmdir together", "mkdir together", "write lu_gp_id"]
    assert ALUALUGroup(RTSRoot(), "together").lu_gp_id == 9
    assert capture(tree)[MEMORY] == before[MEMORY]


def test_a_state_changes_alone(tree: FakeKernel) -> None:
    for name in ("memory", "idle"):
        StorageObject(name).alua_lu_gp = "together"
    ALUATargetPortGroup(StorageObject("idle"), "standby", 5)
    group = f"{MEMORY}/alua/standby"
    steps = done(tree, changed(tree, group, files={"alua_access_state": "1"}))
    assert next(str(step) for step in steps).endswith(
        "write 'default_lu_gp' to core/rd_mcp_1/memory/alua_lu_gp  # its states change alone"
    )
    assert StorageObject("memory").alua_lu_gp == "together"
    assert ALUATargetPortGroup(StorageObject("idle"), "standby").alua_access_state == 0
    # A group that is new, in the state that it begins in, moves nobody.
    have = capture(tree)
    new = have[group]._replace(
        name=f"{MEMORY}/alua/new", base="new", path="", made={"tg_pt_gp_id": "0"}, files={}
    )
    steps = plan(have, State([*have, new]), tree.root, exact=False)
    assert verbs(steps) == ["mkdir new", "write tg_pt_gp_id"]


def test_a_state_is_set_under_an_access_type_that_allows_it(tree: FakeKernel) -> None:
    group = f"{MEMORY}/alua/standby"
    ALUATargetPortGroup(StorageObject("memory"), "standby").alua_access_type = 2
    steps = done(tree, changed(tree, group, files={"alua_access_state": "0"}))
    assert [(step.text, step.reason) for step in steps if "access_type" in step.path] == [
        ("1", "so that the state can be set"),
        ("2", ""),
    ]
    assert capture(tree)[group].files["alua_access_type"] == "2"


# TPGs


def test_a_relative_port_identifier_changes_while_the_tpg_is_off(tmp_path: Path) -> None:
    tree = rich(str(tmp_path), "6.12")
    with use(tree):
        target = Target(FabricModule("iscsi"), IQN)
        for tag in (2, 3):
            TPG(target, tag).enable = True
    # All three change places: none may have what another has still.
    have = capture(tree)
    files = {tag: have[f"/iscsi/{IQN}/tpg{tag}"].files["rtpi"] for tag in (1, 2, 3)}
    turned = dict(zip(files, [*list(files.values())[1:], files[1]]))
    want = State(
        record._replace(files={**record.files, "rtpi": turned[int(record.name[-1])]})
        if record.parent == f"/iscsi/{IQN}"
        else record
        for record in have
    )
    steps = done(tree, want)
    assert [f"{step.verb} {step.path[-13:]}" for step in steps][:3] == [
        "write tpgt_1/enable"
    ] * 1 + [
        "write tpgt_2/enable",
        "write tpgt_3/enable",
    ]
    assert steps.steps[0].reason == "ends its sessions: rtpi can change only while it is off"
    assert capture(tree) == want


def test_a_tpg_is_switched_off(tree: FakeKernel) -> None:
    steps = done(tree, changed(tree, TPG_NAME, files={"enable": "0"}))
    assert [str(step) for step in steps] == [
        f"write '0' to iscsi/{IQN}/tpgt_1/enable  # ends its sessions: it is to be off"
    ]
    steps = done(tree, changed(tree, TPG_NAME, files={"enable": "1"}))
    assert [str(step) for step in steps] == [f"write '1' to iscsi/{IQN}/tpgt_1/enable  # is '0'"]


def test_authentication_brings_its_method_with_it(tree: FakeKernel) -> None:
    want = changed(tree, TPG_NAME, files={"attrib/authentication": "0"})
    steps = done(tree, want)
    assert [(step.path.rpartition("/")[2], step.maybe) for step in steps] == [
        ("authentication", False),
        ("AuthMethod", True),
    ]
    assert capture(tree) == want


def test_transports_are_off_before_a_portal_goes(tree: FakeKernel) -> None:
    steps = done(tree, capture(tree).select(lambda it: not issubclass(it.cls, NetworkPortal)))
    assert verbs(steps) == ["write iser", "rmdir [::1]:3261", "rmdir 0.0.0.0:3260"]


def test_a_new_tpg_where_there_must_be_a_nexus_gets_one(tree: FakeKernel) -> None:
    data = {
        "targets": [
            {"wwn": "naa.5001405000000011", "fabric": "loopback", "tpgs": [{"tag": 1}]},
            {"wwn": "iqn.2003-01.org.example:loop", "fabric": "loopback", "tpgs": [{"tag": 1}]},
        ]
    }
    done(tree, checked(Document(data)), exact=False)
    made = [it.tpgs[1].nexus for it in FabricModule("loopback").targets]
    assert sorted((name or "")[:4] for name in made) == ["iqn.", "naa.", "naa."]


# Storage objects


def test_files_and_volumes_grow_while_they_are_used(tree: FakeKernel) -> None:
    want = changed(tree, "/backstores/fileio/file one", {"size": 32 << 20})
    steps = done(tree, want)
    path = want["/backstores/fileio/file one"].made["dev"]
    assert verbs(steps) == ["grow a file.img", "write control"]
    assert os.path.getsize(path) == 32 << 20
    assert StorageObject("file one").size == 32 << 20
    done(tree, changed(tree, "/backstores/user/user", {"size": 8 << 20}))
    assert StorageObject("user").size == 8 << 20


def test_an_empty_hba_is_used_where_others_stay() -> None:
    tree = empty()
    tree.mkdir("core/rd_mcp_3")
    tree.mkdir("core/fileio_4")
    data = {
        "storage_objects": [
            {"plugin": "ramdisk", "name": name, "size": 4096} for name in ("a", "b")
        ]
    }
    want = checked(Document(data))
    done(tree, want, exact=False)
    with use(tree):
        assert [StorageObject(name).index for name in ("a", "b")] == [3, 0]
    # Of a whole configuration, an empty one is no part.
    done(tree, want)
    assert "fileio_4" not in {entry.name for entry in tree.listdir("core")}


def test_an_hba_stays_as_long_as_anything_stands_in_it() -> None:
    tree = empty()
    with use(tree):
        RDMCPStorageObject("a", 4096, index=3)
        RDMCPStorageObject("b", 4096, index=3)
    have = capture(tree)
    assert have.hbas == {"core/rd_mcp_3": 2}
    assert verbs(done(tree, have.select(lambda it: "/b" not in it.name[11:]))) == ["rmdir b"]
    assert verbs(done(tree, State())) == ["rmdir a", "rmdir rd_mcp_3"]


def test_two_disks_without_a_serial_get_one_each() -> None:
    tree = empty()
    names = ("a", "b")
    data = {"storage_objects": [{"plugin": "ramdisk", "name": it, "size": 4096} for it in names]}
    done(tree, checked(Document(data)))
    with use(tree):
        assert len({StorageObject(name).wwn for name in names} - {""}) == 2
        # It is kept: what the file does not name, stays.
        before = capture(tree)
        assert not plan(before, checked(Document(data)), tree.root).steps
    # Where the file says that there is none, there is none.
    for disk in data["storage_objects"]:
        disk["wwn"] = ""
    other = empty()
    done(other, checked(Document(data)))
    with use(other):
        assert {StorageObject(name).wwn for name in names} == {""}
        assert dump(capture(other))["storage_objects"][0]["wwn"] == ""


def test_a_size_is_that_of_the_file_if_none_is_given(tmp_path: Path) -> None:
    file = tmp_path / "disk"
    file.write_bytes(bytes(4096))
    tree = empty()
    data = {"storage_objects": [{"plugin": "fileio", "name": "a", "dev": str(file)}]}
    done(tree, checked(Document(data)))
    with use(tree):
        assert StorageObject("a").size == 4096
    assert not plan(capture(tree), checked(Document(data)), tree.root).steps


def test_thin_provisioning_and_what_comes_with_it(tree: FakeKernel) -> None:
    disk = StorageObject("file one")
    for name, value in (
        ("emulate_tpu", 1),
        ("unmap_granularity", 8),
        ("max_unmap_lba_count", 77),
    ):
        disk.attributes[name] = value
    want = capture(tree)
    other = empty(tree.kernel)
    done(other, want.select(lambda it: it.name != "/backstores/pscsi/raw"))
    assert capture(other)["/backstores/fileio/file one"] == want[
        "/backstores/fileio/file one"
    ]._replace(path=capture(other)["/backstores/fileio/file one"].path)


# What stays


def test_without_exact_nothing_goes(tree: FakeKernel) -> None:
    assert not plan(capture(tree), State(), tree.root, exact=False).steps


def test_an_exact_change_takes_discovery_credentials_away(tree: FakeKernel) -> None:
    have = capture(tree)
    done(tree, have.select(lambda it: it.name != "/iscsi" and not it.name.startswith("/iscsi/")))
    fabric = FabricModule("iscsi")
    assert fabric.discovery_password == ""
    assert fabric.discovery_enable_auth is False


def test_a_lun_whose_link_was_removed_is_linked_again(tree: FakeKernel) -> None:
    want = capture(tree)
    lun = LUN(TPG(Target(FabricModule("iscsi"), IQN), 1), 0)
    for mapped in list(lun.mapped_luns):
        mapped.delete()
    tree.unlink(lun.below(lun.alias or ""))
    done(tree, want)
    assert capture(tree) == want


def test_a_group_without_an_id_is_made_without_one() -> None:
    tree = empty()
    with use(tree):
        RDMCPStorageObject("a", 4096)
    tree.mkdir("core/rd_mcp_0/a/alua/half")
    want = capture(tree)
    assert want["/backstores/ramdisk/a/alua/half"].made == {"tg_pt_gp_id": ""}
    other = empty()
    assert apply(other, plan(capture(other), want, tree.root)).good
    assert capture(other) == want


def test_case_twins_are_two_records() -> None:
    tree = empty()
    with use(tree):
        fabric = FabricModule("iscsi")
        Target(fabric, "iqn.2003-01.org.example:a")
        tree.mkdir("iscsi/IQN.2003-01.org.example:A")
        have = capture(tree)
    assert len([it for it in have if issubclass(it.cls, Target)]) == 2
    assert not plan(have, have, tree.root).steps
    done(tree, State())
    assert [it for it in capture(tree) if issubclass(it.cls, Target)] == []


def test_a_change_of_write_protection_is_one_write(tree: FakeKernel) -> None:
    name = f"{TPG_NAME}/acls/{INITIATORS[0]}/mapped_luns/lun0"
    assert capture(tree)[name].files == {"write_protect": "1"}
    assert verbs(done(tree, changed(tree, name, files={"write_protect": "0"}))) == [
        "write write_protect"
    ]


def test_the_classes_in_a_plan_are_those_of_the_model(tree: FakeKernel) -> None:
    kinds = {record.cls for record in capture(tree)}
    assert {
        BlockStorageObject,
        FileIOStorageObject,
        MappedLUN,
        RDMCPStorageObject,
        UserBackedStorageObject,
    } <= kinds


def test_what_a_part_needs(tree: FakeKernel) -> None:
    have = capture(tree)
    target = f"/iscsi/{IQN}"
    gone = plan(have, State(), tree.root).needs
    lun = have[f"{target}/tpg1/luns/lun0"]
    assert lun.link is not None
    assert f"-{lun.name}" in gone(f"-{lun.link.end}")
    assert gone(f"-{target}") == (f"-{target}/tpg1", f"-{target}/tpg2")
    assert gone("-core/rd_mcp_77") == gone("+/nowhere") == ()
    made = plan(State(), have, tree.root).needs
    assert made(f"+{lun.name}") == (f"+{target}/tpg1", f"+{lun.link.end}")
    assert made(f"+{lun.link.end}") == ()
    # What is there and stays needs only what it stands in; what comes back must have gone before.
    kept = plan(have, capture(tree), tree.root).needs
    assert kept(f"+{lun.name}") == (f"+{target}/tpg1",)
    other = State(
        it._replace(link=Link("/backstores/ramdisk/other", None)) if it is lun else it
        for it in have
    )
    again = plan(have, other, tree.root).needs
    assert f"-{lun.name}" in again(f"+{lun.name}")
