# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Collections of nodes: order, looking up, making, and what vanishes meanwhile."""

from __future__ import annotations

import errno
import itertools
from typing import TYPE_CHECKING

import pytest
from trees import INITIATORS, IQN, iscsi_tpg

from rtslib import (
    LUN,
    TPG,
    ALUATargetPortGroup,
    FabricModule,
    NodeACL,
    NotFoundError,
    RDMCPStorageObject,
    RTSRoot,
    StorageObject,
    Target,
)
from rtslib.errors import (
    AlreadyExistsError,
    InvalidValueError,
    KernelError,
    NotSupportedError,
)
from rtslib.testing import Faulty, Journal
from rtslib.view import View

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel


@pytest.fixture
def disk(fake: FakeKernel) -> StorageObject:
    return RDMCPStorageObject("disk", "1M", fs=fake)


@pytest.fixture
def tpg(fake: FakeKernel) -> TPG:
    return iscsi_tpg(fake)


def test_numbered_nodes_come_in_the_order_of_numbers(tpg: TPG, disk: StorageObject) -> None:
    for number in (10, 9, 100, 0):
        LUN(tpg, number, disk)
    assert [lun.lun for lun in tpg.luns] == [0, 9, 10, 100]
    assert tpg.luns.keys() == [0, 9, 10, 100]


def test_named_nodes_come_in_the_order_of_names(tpg: TPG) -> None:
    for wwn in reversed(INITIATORS):
        NodeACL(tpg, wwn)
    assert [acl.node_wwn for acl in tpg.node_acls] == sorted(INITIATORS)


@pytest.mark.usefixtures("fake")
def test_odd_names_come_last_and_have_no_key() -> None:
    target = Target(FabricModule("iscsi"), IQN)
    TPG(target, 2)
    # No kernel makes such a name; a directory that looks like one may hold anything.
    view = target.tpgs
    assert view._rank("tpgt_x") > view._rank("tpgt_99")
    assert view._rank("tpgt_2") < view._rank("tpgt_10")
    assert view.keys() == [2]


def test_next_takes_the_first_then_the_next(tpg: TPG) -> None:
    target = tpg.parent_target
    TPG(target, 2)
    assert next(target.tpgs).tag == 1
    view = target.tpgs
    assert [next(view).tag, next(view).tag] == [1, 2]
    with pytest.raises(StopIteration):
        next(view)
    assert [it.tag for it in view] == [1, 2]


def test_truth_and_length(tpg: TPG, disk: StorageObject) -> None:
    assert not tpg.luns
    assert len(tpg.luns) == 0
    LUN(tpg, 3, disk)
    assert tpg.luns
    assert len(tpg.luns) == 1


def test_a_view_is_looked_up_anew_at_each_use(tpg: TPG, disk: StorageObject) -> None:
    view = tpg.luns
    assert list(view) == []
    LUN(tpg, 3, disk)
    assert [lun.lun for lun in view] == [3]


def test_a_length_is_never_older_than_the_iteration(tpg: TPG, disk: StorageObject) -> None:
    view = tpg.luns
    LUN(tpg, 0, disk)
    LUN(tpg, 1, disk)
    for lun in view:
        lun.delete()
        assert len(view) == 1 - lun.lun
    assert len(view) == 0
    assert list(view) == []
    LUN(tpg, 2, disk)
    assert len(view) == 1
    assert [lun.lun for lun in view] == [2]
    LUN(tpg, 3, disk)
    assert len(view) == 2
    # What list() asked for is used up.
    assert len(list(view)) == 2
    LUN(tpg, 4, disk)
    assert len(view) == 3
    begun = next(view)
    begun.delete()
    assert len(view) == 2


def test_indexing_is_one_stat(fake: FakeKernel, disk: StorageObject) -> None:
    tree = Journal(fake)
    tpg = iscsi_tpg(tree)
    LUN(tpg, 3, disk)
    with tree.counting() as made:
        assert tpg.luns[3].lun == 3
    assert made == {"kind": 1}


def test_what_is_not_there(tpg: TPG) -> None:
    with pytest.raises(NotFoundError) as caught:
        tpg.luns[5]
    assert isinstance(caught.value, LookupError)
    assert caught.value.path == f"{tpg.path}/lun/lun_5"
    assert tpg.luns.get(5) is None
    default = LUN.handle(tpg.fs, "elsewhere")
    assert tpg.luns.get(5, default) is default
    assert 5 not in tpg.luns


def test_what_can_be_no_key_is_not_there(tpg: TPG) -> None:
    for view, key in (
        (tpg.network_portals, "zzz"),
        (tpg.network_portals, "[::1"),
        (tpg.luns, "x"),
        (tpg.node_acls, "no name"),
        (tpg.parent_target.tpgs, None),
        (RTSRoot().fabrics, "nix"),
        (RTSRoot().fabrics, "core"),
        (FabricModule("iscsi").targets, "iqn."),
    ):
        assert key not in view
        assert view.get(key) is None
    with pytest.raises(InvalidValueError):
        tpg.network_portals["zzz"]


def test_what_is_made_in_another_way(fake: FakeKernel, disk: StorageObject) -> None:
    root = RTSRoot()
    tree = Journal(fake)
    for view, hint in (
        (RTSRoot(tree).backstores, "made with its first storage object"),
        (type(disk.backstore).handle(tree, disk.backstore.below("")).storage_objects, "its class"),
    ):
        for verb in (view.create, view.ensure):
            with pytest.raises(NotSupportedError) as caught:
                verb("x")
            assert hint in str(caught.value)
            assert caught.value.path == view.parent.path
    assert not tree.operations
    assert [hba.base for hba in root.backstores] == ["rd_mcp_0"]


def test_membership_by_node_and_by_key(tpg: TPG, disk: StorageObject) -> None:
    lun = LUN(tpg, 3, disk)
    assert lun in tpg.luns
    assert 3 in tpg.luns
    lun.delete()
    assert lun not in tpg.luns
    assert 3 not in tpg.luns


def test_a_key_is_no_path(tpg: TPG, disk: StorageObject) -> None:
    LUN(tpg, 0, disk)
    for key in ("../../attrib", "0/statistics", "", "."):
        with pytest.raises(NotFoundError):
            tpg.luns[key]
    for key in ("alua", "alua/lu_gps", ".", "..", ""):
        with pytest.raises(NotFoundError):
            RTSRoot().backstores[key]


def test_an_acl_is_found_in_any_case(tpg: TPG) -> None:
    NodeACL(tpg, INITIATORS[0])
    assert tpg.node_acls[INITIATORS[0].upper()].node_wwn == INITIATORS[0]


def test_create_must_create(tpg: TPG, disk: StorageObject) -> None:
    assert tpg.luns.create(4, disk) == LUN(tpg, 4)
    with pytest.raises(AlreadyExistsError):
        tpg.luns.create(4, disk)
    tpg.node_acls.create(INITIATORS[0])
    with pytest.raises(AlreadyExistsError):
        tpg.node_acls.create(INITIATORS[0])


def test_ensure_returns_what_is_there(tpg: TPG, disk: StorageObject) -> None:
    first = tpg.luns.ensure(4, disk)
    assert tpg.luns.ensure(4, disk) == first
    acl = tpg.node_acls.ensure(INITIATORS[0])
    assert tpg.node_acls.ensure(INITIATORS[0]) == acl
    mapped = acl.mapped_luns.ensure(0, first)
    assert acl.mapped_luns.ensure(0, 4) == mapped
    assert tpg.parent_target.tpgs.ensure(1) == tpg


def test_ensure_refuses_what_was_made_of_something_else(tpg: TPG, disk: StorageObject) -> None:
    other = RDMCPStorageObject("other", "1M")
    tpg.luns.ensure(4, disk)
    with pytest.raises(AlreadyExistsError):
        tpg.luns.ensure(4, other)
    acl = NodeACL(tpg, INITIATORS[0])
    acl.mapped_luns.ensure(0, 4, write_protect=True)
    with pytest.raises(AlreadyExistsError):
        acl.mapped_luns.ensure(0, 4, write_protect=False)
    disk.alua_tpgs.ensure("group", 5)
    assert disk.alua_tpgs.ensure("group", 5) == ALUATargetPortGroup(disk, "group")
    with pytest.raises(AlreadyExistsError):
        disk.alua_tpgs.ensure("group", 6)


def test_a_fabric_without_such_children_has_none(fake: FakeKernel) -> None:
    for path in ("loopback", "loopback/naa.5001405000000001"):
        fake.mkdir(path)
    tpg = TPG(Target(FabricModule("loopback"), "naa.5001405000000001"), 1)
    assert list(tpg.network_portals) == []


def test_children_of_what_has_gone(tpg: TPG) -> None:
    view = tpg.luns
    tpg.delete()
    with pytest.raises(NotFoundError):
        list(view)
    with pytest.raises(NotFoundError):
        len(view)
    assert list(view.surviving()) == []


def test_a_refusal_is_no_absence(fake: FakeKernel) -> None:
    tpg = iscsi_tpg(fake)
    tree = Faulty(fake, errno.EIO, when=lambda name, _path: name in ("listdir", "kind"))
    broken = TPG.handle(tree, tpg.below(""))
    for call in (list, len, bool):
        with pytest.raises(KernelError):
            call(broken.luns)
    with pytest.raises(KernelError):
        broken.luns.get(0)
    with pytest.raises(KernelError):
        list(broken.luns.surviving())


def test_files_and_links_are_no_children(fake: FakeKernel) -> None:
    iscsi_tpg(fake)
    assert [fabric.base for fabric in RTSRoot().fabrics] == ["iscsi"]
    assert [target.wwn for target in FabricModule("iscsi").targets] == [IQN]


def test_a_view_shows_what_it_is_of(tpg: TPG) -> None:
    assert repr(tpg.luns) == f"<luns of {tpg!r}>"
    assert isinstance(tpg.luns, View)


def test_a_number_taken_while_a_free_one_is_looked_for(
    fake: FakeKernel, disk: StorageObject
) -> None:
    numbers = itertools.count()

    class Racing(Journal):
        """Somebody else makes the LUN that was about to be made, twice."""

        def mkdir(self, path: str) -> None:
            if "/lun_" in path and next(numbers) < 2:
                self.inner.mkdir(path)
            super().mkdir(path)

    tpg = iscsi_tpg(Racing(fake))
    assert LUN(tpg, None, disk).lun == 2
