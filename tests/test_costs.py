# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What each call costs at the door, counted; handles cost nothing at all."""

from __future__ import annotations

import errno
import sys
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Callable, TypeVar

import pytest
from trees import INITIATORS, IQN, iscsi_tpg, node_classes

from rtslib import (
    LUN,
    TPG,
    ALUATargetPortGroup,
    FabricModule,
    FileIOStorageObject,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    RDMCPStorageObject,
    RTSRoot,
    Target,
    UserBackedStorageObject,
)
from rtslib.errors import AlreadyExistsError, NotSupportedError
from rtslib.node import Children, Group
from rtslib.testing import FakeKernel, Journal
from rtslib.testing.wrappers import Wrapper
from rtslib.view import View

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.node import Node

T = TypeVar("T")


class Untouchable(Wrapper):
    """A tree on which any call at all is a failure of the test."""

    def __init__(self) -> None:
        super().__init__(FakeKernel(root="/t"))

    def around(self, call: Callable[[], T], name: str, *arguments: str) -> T:
        """Perform nothing."""
        raise AssertionError(f"the tree was touched: {name} {arguments}")

    def lock(self) -> AbstractContextManager[None]:
        """Hold nothing."""
        raise AssertionError("the tree was locked")


PATHS = {
    "RTSRoot": "",
    "Backstore": "core/rd_mcp_0",
    "ALUALUGroup": "core/alua/lu_gps/default_lu_gp",
    "ALUATargetPortGroup": "core/rd_mcp_0/disk/alua/default_tg_pt_gp",
    "StorageObject": "core/odd_0/x",
    "BlockStorageObject": "core/iblock_0/x",
    "FileIOStorageObject": "core/fileio_0/x",
    "PSCSIStorageObject": "core/pscsi_0/x",
    "RDMCPStorageObject": "core/rd_mcp_0/x",
    "UserBackedStorageObject": "core/user_0/x",
    "FabricModule": "iscsi",
    "Target": f"iscsi/{IQN}",
    "TPG": f"iscsi/{IQN}/tpgt_1",
    "LUN": f"iscsi/{IQN}/tpgt_1/lun/lun_0",
    "NetworkPortal": f"iscsi/{IQN}/tpgt_1/np/[::1]:3260",
    "NodeACL": f"iscsi/{IQN}/tpgt_1/acls/{INITIATORS[0]}",
    "MappedLUN": f"iscsi/{IQN}/tpgt_1/acls/{INITIATORS[0]}/lun_0",
}
each_class = pytest.mark.parametrize("cls", node_classes(), ids=lambda cls: cls.__name__)


@each_class
def test_a_handle_costs_no_call(cls: type[Node]) -> None:
    path = PATHS[cls.__name__]
    node = cls.handle(Untouchable(), path)
    assert type(node) is cls
    assert repr(node) == f"<{cls.__name__} {path or '/'}>"
    assert hash(node) == hash(cls.handle(node.fs, path))
    assert node == cls.handle(node.fs, path)
    assert node != cls.handle(Untouchable(), path)
    assert node.path == f"/t/{path}".rstrip("/")
    assert node.root() == RTSRoot(node.fs)
    with suppress(NotSupportedError):
        assert path.startswith(node.parent.below(""))
    assert [view.parent for view in node.child_views()] == [node] * len(list(node.child_views()))
    assert cls.fits(path)


@each_class
def test_groups_and_views_cost_no_call_until_they_are_used(cls: type[Node]) -> None:
    node = cls.handle(Untouchable(), PATHS[cls.__name__])
    assert node.attributes.directory == "attrib"
    assert node.parameters.directory == "param"
    for name, declared in cls.declarations().items():
        if isinstance(declared, (Children, Group)):
            assert repr(node) in repr(getattr(node, name))


def test_the_root_and_fabrics_cost_no_call() -> None:
    tree = Untouchable()
    assert repr(RTSRoot(tree)) == "<RTSRoot />"
    assert FabricModule("iscsi", fs=tree).name == "iscsi"
    assert len(list(RTSRoot(tree).fabric_modules)) > 5


def names_of(tree: Journal) -> list[str]:
    """Return the operations so far as text."""
    return [f"{op.name} {op.path}" for op in tree.operations]


@pytest.fixture
def tree(fake: FakeKernel) -> Journal:
    return Journal(fake)


@pytest.fixture
def tpg(tree: Journal) -> TPG:
    tpg = iscsi_tpg(tree)
    tree.clear()
    return tpg


MAKERS: dict[str, tuple[Callable[[TPG, str], Node], str]] = {
    "Target": (lambda tpg, mode: Target(tpg.fabric_module, f"{IQN}.2", mode), f"iscsi/{IQN}.2"),
    "TPG": (lambda tpg, mode: TPG(tpg.parent_target, 2, mode), f"iscsi/{IQN}/tpgt_2"),
    "NodeACL": (
        lambda tpg, mode: NodeACL(tpg, INITIATORS[0], mode),
        f"iscsi/{IQN}/tpgt_1/acls/{INITIATORS[0]}",
    ),
    "NetworkPortal": (
        lambda tpg, mode: NetworkPortal(tpg, "::1", 3260, mode),
        f"iscsi/{IQN}/tpgt_1/np/[::1]:3260",
    ),
}


@pytest.mark.parametrize("name", MAKERS)
def test_create_is_one_mkdir(tree: Journal, tpg: TPG, name: str) -> None:
    make, path = MAKERS[name]
    make(tpg, "create")
    assert names_of(tree) == [f"mkdir {path}"]


@pytest.mark.parametrize("name", MAKERS)
def test_any_is_one_mkdir_whether_it_exists_or_not(tree: Journal, tpg: TPG, name: str) -> None:
    make, path = MAKERS[name]
    make(tpg, "any")
    make(tpg, "any")
    assert names_of(tree) == [f"mkdir {path}"] * 2
    assert [op.errno for op in tree.operations] == [None, errno.EEXIST]


@pytest.mark.parametrize("name", MAKERS)
def test_lookup_is_stats_only(tree: Journal, tpg: TPG, name: str) -> None:
    make, path = MAKERS[name]
    make(tpg, "create")
    tree.clear()
    make(tpg, "lookup")
    # A name in any spelling is looked for first as the kernel would spell it: one stat more.
    expected = 2 if name in ("Target", "NodeACL") else 1
    assert names_of(tree) == [f"kind {path}"] * expected


@pytest.mark.parametrize("name", MAKERS)
def test_a_create_that_fails_is_one_mkdir(tree: Journal, tpg: TPG, name: str) -> None:
    make, path = MAKERS[name]
    make(tpg, "create")
    tree.clear()
    with pytest.raises(AlreadyExistsError):
        make(tpg, "create")
    assert names_of(tree)[0] == f"mkdir {path}"
    assert {op.name for op in tree.operations} <= {"mkdir", "kind", "listdir"}


def test_an_attribute_is_one_read(tree: Journal, tpg: TPG) -> None:
    assert tpg.enable is False
    assert names_of(tree) == [f"read {tpg.below('enable')}"]
    tree.clear()
    tpg.enable = True
    assert names_of(tree) == [f"write {tpg.below('enable')}"]


def test_a_secret_is_a_write_and_a_read(tree: Journal, tpg: TPG) -> None:
    tpg.chap_password = "s3cret"
    assert tree.count() == {"write": 1, "read": 1}


def test_a_listing_is_one_listdir_and_no_stat(tree: Journal, tpg: TPG) -> None:
    disk = RDMCPStorageObject("disk", "1M", fs=tree)
    for number in range(20):
        LUN(tpg, number, disk)
    tree.clear()
    assert [lun.lun for lun in tpg.luns] == list(range(20))
    assert tree.count() == {"listdir": 1}
    tree.clear()
    assert len(tpg.luns) == 20
    assert tree.count() == {"listdir": 1}
    tree.clear()
    assert LUN.handle(tree, tpg.below("lun/lun_7")) in tpg.luns
    assert tree.count() == {"listdir": 1}


def in_a_loop(view: View[LUN]) -> int:
    """Count by a plain loop."""
    count = 0
    for _ in view:
        count += 1
    return count


def in_order(view: View[LUN]) -> list[LUN]:
    """Sort by number."""
    return sorted(view, key=lambda lun: lun.lun)


USES: list[Callable[[View[LUN]], object]] = [
    list, tuple, set, in_order, len, bool, in_a_loop, next, iter, View.keys
]  # fmt: skip


@pytest.mark.parametrize("use", USES, ids=lambda use: use.__name__)
@pytest.mark.parametrize("number", [1, 3])
def test_each_use_of_a_listing_is_one_listdir(
    tree: Journal, tpg: TPG, use: Callable[[View[LUN]], object], number: int
) -> None:
    disk = RDMCPStorageObject("disk", "1M", fs=tree)
    for lun in range(number):
        LUN(tpg, lun, disk)
    view = tpg.luns
    tree.clear()
    use(view)
    # The list() of Python 3.9 asks for the length before it begins, too: that must be looked up.
    early = use is list and sys.version_info < (3, 10)
    assert tree.count() == {"listdir": 2 if early else 1}


def test_a_lun_is_a_directory_and_a_link(tree: Journal, tpg: TPG) -> None:
    disk = RDMCPStorageObject("disk", "1M", fs=tree)
    tree.clear()
    lun = LUN(tpg, 0, disk, alias="link")
    assert names_of(tree) == [f"mkdir {lun.below('')}", f"symlink {lun.below('link')}"]
    assert tree.operations[1].arguments == (disk.below(""), lun.below("link"))
    tree.clear()
    assert lun.storage_object == disk
    assert tree.count() == {"listdir": 1, "readlink": 1}


def test_a_lun_of_any_number_is_a_listing_more(tree: Journal, tpg: TPG) -> None:
    disk = RDMCPStorageObject("disk", "1M", fs=tree)
    tree.clear()
    assert LUN(tpg, None, disk).lun == 0
    assert tree.count() == {"listdir": 1, "mkdir": 1, "symlink": 1}


def test_a_mapped_lun_is_a_directory_and_a_link(tree: Journal, tpg: TPG) -> None:
    LUN(tpg, 0, RDMCPStorageObject("disk", "1M", fs=tree))
    acl = NodeACL(tpg, INITIATORS[0])
    tree.clear()
    mapped = MappedLUN(acl, 5, 0, alias="link")
    rel = mapped.below("")
    assert names_of(tree) == [f"mkdir {rel}", f"symlink {rel}/link"]
    tree.clear()
    MappedLUN(acl, 6, 0, True, alias="link")
    rel = acl.below("lun_6")
    assert names_of(tree) == [
        f"mkdir {rel}",
        f"symlink {rel}/link",
        f"write {rel}/write_protect",
        f"read {rel}/write_protect",
    ]


def test_a_ramdisk_exactly(tree: Journal) -> None:
    RDMCPStorageObject("disk", "1M", fs=tree)
    rel = "core/rd_mcp_0/disk"
    assert names_of(tree) == [
        "listdir core",  # is there a twin, and which indexes are taken?
        "mkdir core/rd_mcp_0",
        "read core/rd_mcp_0/hba_info",
        f"mkdir {rel}",
        f"write {rel}/control",
        f"write {rel}/enable",
        f"write {rel}/wwn/vpd_unit_serial",
    ]


@pytest.mark.parametrize("number", [1, 40])
def test_one_more_ramdisk_costs_the_same_however_many_there_are(tree: Journal, number: int) -> None:
    for one in range(number):
        RDMCPStorageObject(f"disk{one}", "1M", "serial", fs=tree)
    tree.clear()
    RDMCPStorageObject("more", "1M", "serial", fs=tree)
    rel = f"core/rd_mcp_{number}/more"
    assert names_of(tree) == [
        f"mkdir core/rd_mcp_{number}",
        f"read core/rd_mcp_{number}/hba_info",  # is it the next after the last that we made?
        f"mkdir {rel}",
        f"write {rel}/control",
        f"write {rel}/enable",
        f"write {rel}/wwn/vpd_unit_serial",
        "read dbroot",
    ]


def test_a_user_backed_object_with_all_options_exactly(tree: Journal) -> None:
    UserBackedStorageObject("u", "h/x", "1M", "serial", 64, "max_data_area_mb=8", index=3, fs=tree)
    rel = "core/user_3/u"
    assert names_of(tree) == [
        "listdir core",
        "mkdir core/user_3",
        f"mkdir {rel}",
        f"write {rel}/control",
        f"write {rel}/enable",
        f"write {rel}/wwn/vpd_unit_serial",
        "read dbroot",
    ]
    texts = [op.arguments for op in tree.operations if op.path == f"{rel}/control"]
    assert [text for _, text in texts] == [
        "dev_config=h/x,dev_size=1048576,hw_max_sectors=64,max_data_area_mb=8"
    ]


def test_a_file_exactly(tree: Journal, tmp_path: Path) -> None:
    path = str(tmp_path / "file.img")
    FileIOStorageObject("f", path, "1M", write_back=True, aio=True, fs=tree)
    rel = "core/fileio_0/f"
    assert [op.arguments for op in tree.operations if op.name == "write"][:3] == [
        (
            f"{rel}/control",
            f"fd_dev_name={path},fd_dev_size=1048576,fd_buffered_io=1,fd_async_io=1",
        ),
        (f"{rel}/udev_path", path),
        (f"{rel}/enable", "1"),
    ]
    assert tree.count() == {"listdir": 1, "mkdir": 2, "write": 4, "read": 1}


def test_looking_an_object_up_by_name_does_not_read_it(tree: Journal) -> None:
    RDMCPStorageObject("disk", "1M", fs=tree)
    tree.clear()
    RDMCPStorageObject("disk", fs=tree)
    assert tree.count() == {"listdir": 1, "kind": 1}
    tree.clear()
    RDMCPStorageObject("disk", index=0, fs=tree)
    assert tree.count() == {"kind": 1}


def test_a_port_group_is_made_with_its_id(tree: Journal) -> None:
    disk = RDMCPStorageObject("disk", "1M", fs=tree)
    tree.clear()
    group = ALUATargetPortGroup(disk, "group", 5)
    assert names_of(tree) == [
        f"read {disk.below('attrib/alua_support')}",
        f"mkdir {group.below('')}",
        f"write {group.below('tg_pt_gp_id')}",
    ]


def test_deleting_a_tpg_does_not_read_what_is_in_its_nodes(tree: Journal, tpg: TPG) -> None:
    LUN(tpg, 0, RDMCPStorageObject("disk", "1M", fs=tree))
    NodeACL(tpg, INITIATORS[0]).mapped_lun(0, 0)
    NetworkPortal(tpg, "::1")
    tree.clear()
    tpg.delete()
    changes = [f"{op.name} {op.path.removeprefix(tpg.below(''))}" for op in tree.changes]
    links = [change for change in changes if change.startswith("unlink")]
    assert [change for change in changes if change not in links] == [
        f"rmdir /acls/{INITIATORS[0]}/lun_0",
        f"rmdir /acls/{INITIATORS[0]}",
        "rmdir /np/[::1]:3260",
        "rmdir /lun/lun_0",
        "rmdir ",
    ]
    assert len(links) == 2
