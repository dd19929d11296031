# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The root: listings over everything, what vanishes during them, the dbroot."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from trees import iscsi_tpg

from rtslib import (
    LUN,
    TPG,
    FabricModule,
    InvalidValueError,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    NodeACLGroup,
    NotSupportedError,
    RDMCPStorageObject,
    RejectedError,
    RTSLibNotInCFSError,
    RTSRoot,
    Target,
    use,
)
from rtslib.testing import FakeKernel, Faulty, Journal, ReadOnly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

ONE, TWO = (f"iqn.1994-05.com.example:{name}" for name in ("one", "two"))


@pytest.fixture
def tree(fake: FakeKernel) -> FakeKernel:
    """Two targets, and something of each kind of node."""
    disk = RDMCPStorageObject("disk", "1M")
    tpg = iscsi_tpg(fake)
    tpg.enable = True
    LUN(tpg, 0, disk)
    NetworkPortal(tpg, "127.0.0.1")
    group = NodeACLGroup(tpg, "hosts")
    group.add_acl(ONE)
    group.mapped_lun_group(0, 0)
    NodeACL(tpg, TWO)
    loop = TPG(Target(FabricModule("loopback"), "naa.5001405000000001"), 1)
    LUN(loop, 3, disk)
    disk.alua_tpgs.create("group", 4)
    fake.login(tpg.below(""), ONE)
    return fake


LISTINGS: dict[str, tuple[Callable[[RTSRoot], Iterable[object]], int]] = {
    "alua_lu_gps": (lambda root: root.alua_lu_gps, 1),
    "alua_tpgs": (lambda root: root.alua_tpgs, 2),
    "backstores": (lambda root: root.backstores, 1),
    "fabrics": (lambda root: root.fabrics, 2),
    "fabric_modules": (lambda root: root.fabric_modules, 11),
    "luns": (lambda root: root.luns, 2),
    "mapped_lun_groups": (lambda root: root.mapped_lun_groups, 1),
    "mapped_luns": (lambda root: root.mapped_luns, 1),
    "network_portals": (lambda root: root.network_portals, 1),
    "node_acl_groups": (lambda root: root.node_acl_groups, 1),
    "node_acls": (lambda root: root.node_acls, 2),
    "sessions": (lambda root: root.sessions, 1),
    "storage_objects": (lambda root: root.storage_objects, 1),
    "targets": (lambda root: root.targets, 2),
    "tpgs": (lambda root: root.tpgs, 2),
}


@pytest.mark.parametrize("name", list(LISTINGS))
def test_listings_on_a_read_only_tree(tree: FakeKernel, name: str) -> None:
    listing, count = LISTINGS[name]
    root = RTSRoot(ReadOnly(tree))
    assert len(list(listing(root))) == count
    assert len(list(getattr(root, name))) == count


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("name", [name for name in LISTINGS if name != "fabric_modules"])
def test_listings_of_an_empty_tree(name: str) -> None:
    kernels_own = 1 if name == "alua_lu_gps" else 0
    assert len(list(getattr(RTSRoot(), name))) == kernels_own


@pytest.mark.parametrize("name", [name for name in LISTINGS if name != "fabric_modules"])
@pytest.mark.parametrize("at", range(1, 12))
def test_what_vanishes_during_a_listing_is_not_in_it(tree: FakeKernel, name: str, at: int) -> None:
    reads = ("listdir", "read", "kind", "readlink")
    fault = Faulty(
        tree,
        errno.ENOENT,
        at,
        when=lambda operation, path: operation in reads and path.count("/") > 0,
    )
    assert len(list(getattr(RTSRoot(fault), name))) <= LISTINGS[name][1]


def test_the_root_costs_nothing(tree: FakeKernel) -> None:
    journal = Journal(tree)
    root = RTSRoot(journal)
    assert (root.path, root.exists) == (tree.root, True)
    assert root == RTSRoot(journal)
    assert repr(root) == "<RTSRoot />"
    assert journal.count() == {"kind": 1}


def test_the_tree_in_force_is_the_roots(fake: FakeKernel) -> None:
    other = FakeKernel()
    assert RTSRoot().fs is fake
    with use(other):
        assert RTSRoot().fs is other
    assert RTSRoot(other) != RTSRoot()


@pytest.mark.usefixtures("fake")
def test_version_and_dbroot(tmp_path: Path) -> None:
    root = RTSRoot()
    assert root.version.startswith("Target Engine Core ConfigFS Infrastructure v5.0")
    assert root.dbroot == "/etc/target"
    root.dbroot = str(tmp_path)
    assert root.dbroot == str(tmp_path)
    root.dbroot = "/tmp"  # shorter: the kernel would keep the old one's tail without a newline
    assert root.dbroot == "/tmp"
    with pytest.raises(RTSLibNotInCFSError) as caught:
        root.dbroot = str(tmp_path / "none")
    assert caught.value.errno == errno.ENOENT
    RDMCPStorageObject("r", 4096)
    with pytest.raises(RejectedError):
        root.dbroot = str(tmp_path)
    assert root.dbroot == "/tmp"


def test_walk_goes_parents_first(tree: FakeKernel) -> None:
    seen = [node.path for node in RTSRoot().walk()]
    assert seen[0] == tree.root
    assert all(path.rpartition("/")[0] for path in seen)
    assert any(path.endswith(f"/acls/{ONE}/lun_0") for path in seen)
    assert len(seen) == len(set(seen))


@pytest.mark.usefixtures("tree")
def test_mapped_luns_are_found_from_every_end() -> None:
    root = RTSRoot()
    (mapped,) = root.mapped_luns
    assert isinstance(mapped, MappedLUN)
    assert mapped.root() == root
    assert mapped.tpg_lun.storage_object == next(root.storage_objects)
    assert {lun.lun for lun in next(root.storage_objects).attached_luns} == {0, 3}


def test_the_root_cannot_be_deleted_by_mistake() -> None:
    fake = Journal(FakeKernel())
    with use(fake):
        RDMCPStorageObject("disk", "1M")
        fake.clear()
        with pytest.raises(NotSupportedError, match="the target tree itself cannot be deleted"):
            RTSRoot().delete()
    assert fake.operations == []


def test_clearing_wants_to_be_confirmed(fake: FakeKernel) -> None:
    journal = Journal(fake)
    root = RTSRoot(journal)
    with pytest.raises(InvalidValueError, match="pass confirm=True"):
        root.clear_existing()
    assert journal.operations == []
