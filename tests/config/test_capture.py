# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The running configuration in one pass, and what happens to it meanwhile."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable, TypeVar

import pytest
from trees import INITIATORS, IQN, KERNELS, empty, iscsi_tpg, odd, rich

from rtslib import (
    LUN,
    TPG,
    ALUALUGroup,
    ALUATargetPortGroup,
    FabricModule,
    NodeACL,
    RDMCPStorageObject,
    RTSRoot,
    StorageObject,
    Target,
    use,
)
from rtslib.config import operations
from rtslib.config.capture import capture, capture_node, outline
from rtslib.config.state import Link
from rtslib.errors import AccessError, RTSLibError, RTSLibNotInCFSError
from rtslib.testing import FakeKernel, Faulty, Journal, ReadOnly
from rtslib.testing.wrappers import Wrapper

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.configfs import Entry, Kind

T = TypeVar("T")


@pytest.mark.parametrize("kernel", KERNELS)
def test_each_file_is_read_once_and_nothing_changes(tmp_path: Path, kernel: str) -> None:
    tree = Journal(ReadOnly(rich(str(tmp_path), kernel)))
    state = capture(tree)
    assert len(state) >= 60
    reads = [op.path for op in tree.operations if op.name == "read"]
    # Only on a pass-through object it is asked twice whether it has ALUA.
    twice = {path for path in reads if reads.count(path) > 1}
    assert all(path.endswith("attrib/alua_support") for path in twice)


def test_nothing_is_an_empty_state() -> None:
    state = capture(Faulty(empty(), errno.ENOENT, when=lambda *_: True))
    assert len(state) == 0
    assert state.hbas == {}


def test_what_others_leave_behind() -> None:
    tree = odd()
    state = capture(tree)
    assert state.hbas["core/rd_mcp_3"] == 2
    assert state.hbas["core/user_9"] == 0
    names = [record.name for record in state]
    assert len(names) == len(set(names))
    assert "/iscsi/no name at all" in names
    lun = state["/iscsi/iqn.2003-01.org.example:t/tpg1/luns/lun5"]
    assert lun.link is None
    assert lun.files == {}
    assert "/iscsi/iqn.2003-01.org.example:t/tpg1/portals/[::]:3260" in names


def test_twins_are_told_apart() -> None:
    tree = empty()
    with use(tree):
        RDMCPStorageObject("a", 4096)
        tree.mkdir("core/rd_mcp_7")
        tree.mkdir("core/rd_mcp_7/a")
    names = {record.name for record in capture(tree)}
    assert {"/backstores/ramdisk/a", "/backstores/ramdisk/a@rd_mcp_7"} <= names


class Vanishing(Wrapper):
    """A tree in which a directory is removed by somebody when its first file is read."""

    def __init__(self, inner: FakeKernel, path: str, *links: str) -> None:
        super().__init__(inner)
        self.gone = (*links, path)

    def around(self, call: Callable[[], T], name: str, *arguments: str) -> T:
        if name in ("read", "listdir") and arguments[-1].startswith(f"{self.gone[-1]}"):
            for path in self.gone:
                remove = self.inner.rmdir if path == self.gone[-1] else self.inner.unlink
                remove(path)
            self.gone = ("nothing at all",)
        return call()


def test_what_vanishes_is_left_out() -> None:
    tree = empty()
    with use(tree):
        tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
        for wwn in INITIATORS[:2]:
            NodeACL(tpg, wwn)
        for name in ("a", "b"):
            RDMCPStorageObject(name, 4096)
    acl = f"iscsi/{IQN}/tpgt_1/acls/{INITIATORS[1]}"
    names = {it.name for it in capture(Vanishing(tree, acl))}
    assert f"/iscsi/{IQN}/tpg1/acls/{INITIATORS[0]}" in names
    assert f"/iscsi/{IQN}/tpg1/acls/{INITIATORS[1]}" not in names
    names = {it.name for it in capture(Vanishing(tree, "core/rd_mcp_1/b"))}
    assert "/backstores/ramdisk/a" in names
    assert "/backstores/ramdisk/b" not in names


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("listdir", "core"),
        ("listdir", f"iscsi/{IQN}/tpgt_1/attrib"),
        ("mode", f"iscsi/{IQN}/tpgt_1/attrib/login_timeout"),
        ("read", f"iscsi/{IQN}/tpgt_1/auth/password"),
        ("read", "core/rd_mcp_1/memory/info"),
    ],
)
def test_what_may_not_be_read_is_an_error(tmp_path: Path, name: str, path: str) -> None:
    tree = rich(str(tmp_path))
    faulty = Faulty(tree, errno.EACCES, when=lambda it, at: (it, at) == (name, path))
    with pytest.raises(AccessError):
        capture(faulty)


def test_what_is_there_and_cannot_be_found_is_an_error() -> None:
    tree = empty()
    with use(tree):
        RDMCPStorageObject("a", 4096)
    lacking = Faulty(tree, errno.ENOENT, when=lambda _, path: path.endswith("a/info"))
    with pytest.raises(RTSLibNotInCFSError):
        capture(lacking)


def test_files_that_come_and_go(tmp_path: Path) -> None:
    tree = rich(str(tmp_path))

    def lacks(*paths: str) -> Faulty:
        return Faulty(tree, errno.ENOENT, when=lambda _, path: path in paths)

    attrib = f"iscsi/{IQN}/tpgt_1/attrib"
    name = f"/iscsi/{IQN}/tpg1"
    assert "attrib/login_timeout" not in capture(lacks(f"{attrib}/login_timeout"))[name].files
    assert not [it for it in capture(lacks(attrib))[name].files if it.startswith("attrib/")]


def test_alua_of_what_is_passed_through_is_left_alone(tmp_path: Path) -> None:
    tree = Journal(rich(str(tmp_path)))
    raw = capture(tree)["/backstores/pscsi/raw"]
    assert raw.made["dev"] == "/dev/sdb"
    assert not [op for op in tree.operations if op.path.startswith("core/pscsi_77/raw/alua/")]


def test_settings_are_not_learnt_from_what_has_gone() -> None:
    """The first of its kind vanishes when it was listed: the others have settings all the same."""

    class Vanishing(Wrapper):
        def listdir(self, path: str) -> list[Entry]:
            found = self.inner.listdir(path)
            if path.endswith("/acls"):
                first = min(entry.name for entry in found)
                if len(found) == len(INITIATORS):
                    self.inner.rmdir(f"{path}/{first}")
            return found

    tree = empty()
    with use(tree):
        tpg = iscsi_tpg(tree)
        for name in INITIATORS:
            NodeACL(tpg, name).chap_userid = "somebody"
    whole = [it.files for it in capture(tree) if it.cls is NodeACL]
    left = [it.files for it in capture(Vanishing(tree)) if it.cls is NodeACL]
    assert left == whole[1:]
    assert len(left) == len(INITIATORS) - 1


def test_a_link_that_leads_to_what_none_should() -> None:
    class Astray(Wrapper):
        """Shows all links as leading to a group."""

        def readlink(self, path: str) -> str:
            assert self.inner.readlink(path)
            return "core/alua/lu_gps/default_lu_gp/x"

    tree = empty()
    with use(tree):
        LUN(iscsi_tpg(tree), 0, RDMCPStorageObject("a", 4096))
    (lun,) = (it for it in capture(Astray(tree)) if it.cls is LUN)
    assert lun.link is not None
    assert lun.link.end == "core/alua/lu_gps/default_lu_gp/x"


def test_a_plugin_that_nobody_knows() -> None:
    class Strange(Wrapper):
        """Shows a ramdisk as an object of a plugin of the future."""

        def around(self, call: Callable[[], T], name: str, *arguments: str) -> T:
            return call()

        def _there(self, path: str) -> str:
            return path.replace("core/new_", "core/rd_mcp_")

        def read(self, path: str) -> str:
            return self.inner.read(self._there(path))

        def kind(self, path: str) -> Kind:
            return self.inner.kind(self._there(path))

        def mode(self, path: str) -> int:
            return self.inner.mode(self._there(path))

        def listdir(self, path: str) -> list[Entry]:
            entries = self.inner.listdir(self._there(path))
            return [it._replace(name=it.name.replace("rd_mcp_", "new_")) for it in entries]

    tree = empty()
    with use(tree):
        RDMCPStorageObject("a", 4096)
    state = capture(Strange(tree))
    assert state["/backstores/new/a"].made == {}
    assert state["/backstores/new/a"].cls is StorageObject


# One node


def test_one_node_has_the_names_that_it_has_in_the_whole(tmp_path: Path) -> None:
    tree = rich(str(tmp_path))
    whole = capture(tree)
    with use(tree):
        tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
        acl = NodeACL(tpg, INITIATORS[2])
        for node in (
            StorageObject("memory"),
            ALUALUGroup(RTSRoot(), "together"),
            FabricModule("iscsi"),
            tpg.parent_target,
            tpg,
            tpg.luns[7],
            acl,
            acl.mapped_luns[3],
            tpg.network_portals[next(iter(tpg.network_portals)).base],
            StorageObject("memory").alua_tpgs["standby"],
        ):
            for record in capture_node(node):
                assert record == whole[record.name]


def test_a_link_may_lead_out_of_it() -> None:
    tree = empty()
    with use(tree):
        tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
        LUN(tpg, 0, RDMCPStorageObject("a", 4096), alias="x")
    lun = capture_node(LUN(tpg, 0))[f"/iscsi/{IQN}/tpg1/luns/lun0"]
    assert lun.link == Link("/backstores/ramdisk/a", "x")

    class Astray(Wrapper):
        """Shows links that lead to what is no storage object."""

        def readlink(self, path: str) -> str:
            return "iscsi/somewhere else"

        def around(self, call: Callable[[], T], name: str, *arguments: str) -> T:
            return call()

    lun = capture(Astray(tree))[f"/iscsi/{IQN}/tpg1/luns/lun0"]
    assert lun.link == Link("iscsi/somewhere else", "x")


def test_a_node_that_is_not_there() -> None:
    tree = empty()
    with use(tree):
        node = Target.handle(tree, f"iscsi/{IQN}")
    assert list(capture_node(node)) == []
    assert issubclass(RTSLibNotInCFSError, RTSLibError)


@pytest.mark.parametrize("kernel", KERNELS)
def test_an_outline_has_all_but_settings_and_groups(kernel: str, tmp_path: Path) -> None:
    tree = rich(str(tmp_path), kernel)
    whole, journal = capture(tree), Journal(tree)
    found = outline(journal)
    names = [it.name for it in whole if not issubclass(it.cls, ALUATargetPortGroup)]
    assert [it.name for it in found] == names
    assert {it.name: it.link for it in found} == {name: whole[name].link for name in names}
    read = {op.path.rpartition("/")[2] for op in journal.operations if op.name == "read"}
    fabrics = {"cpus_allowed_list", "enforce_discovery_auth", "userid", "password"}
    assert read <= {"enable", "iser", "cxgbit", *fabrics, "userid_mutual", "password_mutual"}


@pytest.mark.parametrize("kernel", KERNELS)
def test_what_is_cleared_by_an_outline_leaves_nothing(kernel: str, tmp_path: Path) -> None:
    tree = rich(str(tmp_path), kernel)
    result = operations.clear(tree)
    assert result.report.good, result.report.errors()
    left = [it for it in capture(tree) if not issubclass(it.cls, FabricModule)]
    assert [it.name for it in left] == ["/alua/lu_gps/default_lu_gp"]


@pytest.mark.parametrize("file", ["udev_path", "attrib/emulate_tas"])
def test_a_file_that_must_not_be_read_is_named(tmp_path: Path, file: str) -> None:
    inner = rich(str(tmp_path))
    tree = Faulty(inner, errno.EACCES, when=lambda _, path: path.endswith(file))
    with pytest.raises(AccessError) as caught:
        capture(tree)
    assert (caught.value.path or "").endswith(file)
