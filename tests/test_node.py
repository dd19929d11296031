# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What follows from declarations: reading, writing, making, walking, deleting."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable

import pytest
from trees import INITIATORS, IQN, NAA, iscsi_tpg, node_classes, odd, snapshot

from rtslib import (
    LUN,
    TPG,
    ALUATargetPortGroup,
    FabricModule,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    NotFoundError,
    RDMCPStorageObject,
    RTSRoot,
    StorageObject,
    Target,
)
from rtslib.configfs import Kind
from rtslib.errors import (
    MASK,
    AccessError,
    AlreadyExistsError,
    InvalidValueError,
    KernelError,
    NotSupportedError,
    RTSLibBrokenLink,
    RTSLibError,
)
from rtslib.node import Attr, Children, Everywhere, Group, Link, Node, gone_is_none
from rtslib.testing import FakeKernel, Faulty, Journal
from rtslib.testing.wrappers import Wrapper
from rtslib.values import INT, TEXT

if TYPE_CHECKING:
    from rtslib.configfs import ConfigFS


@pytest.fixture
def tpg(fake: FakeKernel) -> TPG:
    return iscsi_tpg(fake)


@pytest.fixture
def disk(fake: FakeKernel) -> StorageObject:
    return RDMCPStorageObject("disk", "1M", fs=fake)


class Thing(Node):
    """A node with one attribute of each sort, over files of a TPG."""

    number = Attr("attrib/login_timeout", INT, "A number.")
    maybe = Attr("no_such_file", INT, "Not in every kernel.", absent=7)
    nowhere = Attr("no_such_file", INT, "In no kernel.")
    checked = Attr("attrib/login_timeout", INT, "Read back.", verify=True)
    hidden = Attr("param/TargetAlias", TEXT, "A secret.", secret=True)


@pytest.fixture
def thing(tpg: TPG) -> Thing:
    return Thing.handle(tpg.fs, tpg.below(""))


# Attributes


def test_an_attribute_is_one_read_and_one_write(fake: FakeKernel, thing: Thing) -> None:
    tree = Journal(fake)
    there = Thing.handle(tree, thing.below(""))
    with tree.counting() as made:
        there.number = 20
    assert made == {"write": 1}
    with tree.counting() as made:
        assert there.number == 20
    assert made == {"read": 1}


def test_an_attribute_of_the_class_is_its_declaration() -> None:
    assert isinstance(Thing.number, Attr)
    assert (Thing.number.name, Thing.number.file) == ("number", "attrib/login_timeout")
    assert Thing.number.__doc__ == "A number."
    assert isinstance(TPG.luns, Children)
    assert isinstance(TPG.attributes, Group)
    assert isinstance(LUN.storage_object, Link)
    assert isinstance(RTSRoot.targets, Everywhere)


def test_a_missing_file_reads_as_what_it_is_declared_to_be(thing: Thing) -> None:
    assert thing.maybe == 7
    with pytest.raises(NotFoundError):
        thing.nowhere  # noqa: B018 - reading is the test


def test_a_missing_file_takes_the_value_that_it_has_anyway(thing: Thing) -> None:
    thing.maybe = 7
    with pytest.raises(NotSupportedError, match="has no maybe to set") as caught:
        thing.maybe = 8
    assert caught.value.path == f"{thing.path}/no_such_file"
    with pytest.raises(NotFoundError):
        thing.nowhere = 7


def test_a_missing_node_is_no_missing_file(thing: Thing) -> None:
    TPG.handle(thing.fs, thing.below("")).delete()
    with pytest.raises(NotFoundError):
        thing.maybe  # noqa: B018 - reading is the test
    with pytest.raises(NotFoundError):
        thing.maybe = 7


def test_text_that_no_codec_knows_names_the_file(fake: FakeKernel, thing: Thing) -> None:
    fake.tree.walk(thing.below("attrib")).put("login_timeout", "soon\n")
    with pytest.raises(InvalidValueError) as caught:
        thing.number  # noqa: B018 - reading is the test
    assert caught.value.path == f"{thing.path}/attrib/login_timeout"
    assert (caught.value.operation, caught.value.value) == ("read", "soon\n")
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_bad_value_names_the_file_before_the_kernel_sees_it(thing: Thing) -> None:
    with pytest.raises(InvalidValueError, match="attrib/login_timeout: 'x' is not") as caught:
        thing.number = "x"
    assert (caught.value.operation, caught.value.value) == ("write", "x")


class Forgetful(Wrapper):
    """A kernel that takes writes and keeps none."""

    def write(self, path: str, text: str) -> None:
        """Do nothing."""


def test_a_value_that_the_kernel_did_not_keep_is_noticed(fake: FakeKernel, thing: Thing) -> None:
    there = Thing.handle(Forgetful(fake), thing.below(""))
    there.number = 20
    with pytest.raises(RTSLibError, match="did not keep") as caught:
        there.checked = 20
    assert caught.value.value == "20"
    with pytest.raises(RTSLibError, match="did not keep") as caught:
        there.hidden = "s3cret"
    assert caught.value.value == MASK
    assert "s3cret" not in str(caught.value)


def test_verified_values_are_compared_as_values(thing: Thing) -> None:
    thing.checked = "0x14"
    assert thing.checked == 20


# Handles


@pytest.mark.usefixtures("fake")
def test_handles_are_equal_by_tree_and_path(tpg: TPG) -> None:
    assert TPG(tpg.parent_target, 1) == tpg
    assert hash(TPG(tpg.parent_target, 1)) == hash(tpg)
    assert tpg != TPG.handle(FakeKernel(), tpg.below(""))
    assert tpg != tpg.parent_target
    assert tpg != tpg.path
    assert len({tpg, TPG(tpg.parent_target, 1), tpg.parent_target}) == 2


def test_paths(fake: FakeKernel, tpg: TPG) -> None:
    assert tpg.path == f"{fake.root}/iscsi/{IQN}/tpgt_1"
    assert tpg.base == "tpgt_1"
    assert tpg.below("attrib") == f"iscsi/{IQN}/tpgt_1/attrib"
    assert RTSRoot().path == fake.root
    assert RTSRoot().below("") == ""
    assert RTSRoot().below("core") == "core"
    assert repr(tpg) == f"<TPG iscsi/{IQN}/tpgt_1>"
    assert repr(RTSRoot()) == "<RTSRoot />"


def test_parents_up_to_the_root(tpg: TPG, disk: StorageObject) -> None:
    lun = LUN(tpg, 0, disk)
    assert lun.parent == tpg
    assert isinstance(lun.parent, TPG)
    assert tpg.parent == tpg.parent_target
    assert tpg.parent_target.parent == FabricModule("iscsi")
    assert tpg.root() == RTSRoot()
    group = ALUATargetPortGroup(disk, "default_tg_pt_gp")
    assert group.parent == disk
    assert disk.parent == disk.backstore
    assert disk.backstore.parent == RTSRoot()
    assert RTSRoot().root() == RTSRoot()


@pytest.mark.usefixtures("fake")
def test_the_root_has_no_parent() -> None:
    with pytest.raises(NotSupportedError):
        RTSRoot().parent  # noqa: B018 - reading is the test
    with pytest.raises(NotSupportedError):
        RTSRoot.children_above()


def test_exists_is_asked_anew(fake: FakeKernel, tpg: TPG) -> None:
    before = tpg.exists
    tpg.delete()
    assert (before, tpg.exists) == (True, False)
    assert not Node.handle(fake, "version").exists
    broken = Faulty(fake, errno.EIO, when=lambda name, _path: name == "kind")
    with pytest.raises(KernelError) as caught:
        TPG.handle(broken, tpg.below("")).exists  # noqa: B018 - reading is the test
    assert caught.value.operation == "stat"


# Modes


@pytest.mark.parametrize(
    "make",
    [
        lambda _tpg, mode: Target(FabricModule("iscsi"), f"{IQN}.2", mode),
        lambda tpg, mode: TPG(tpg.parent_target, 9, mode),
        lambda tpg, mode: NodeACL(tpg, INITIATORS[0], mode),
        lambda tpg, mode: NetworkPortal(tpg, "10.0.0.1", 3260, mode),
    ],
)
def test_the_three_modes(tpg: TPG, make: Callable[[TPG, str], Node]) -> None:
    with pytest.raises(NotFoundError):
        make(tpg, "lookup")
    made = make(tpg, "create")
    assert make(tpg, "lookup") == make(tpg, "any") == made
    with pytest.raises(AlreadyExistsError):
        make(tpg, "create")
    made.delete()
    assert make(tpg, "any") == made
    for mode in ("", "ANY", "delete"):
        with pytest.raises(InvalidValueError, match="mode"):
            make(tpg, mode)


def test_a_file_is_no_node(fake: FakeKernel) -> None:
    with pytest.raises(NotFoundError, match="not a directory"):
        Node(fake, "version")


def test_what_populates_runs_once_and_is_taken_back_if_it_fails(fake: FakeKernel) -> None:
    ran: list[object] = []
    Node(fake, "core/rd_mcp_0", "any", ran.append)
    Node(fake, "core/rd_mcp_0", "any", ran.append)
    assert len(ran) == 1

    def fail(_made: object) -> None:
        raise InvalidValueError("no")

    with pytest.raises(InvalidValueError):
        Node(fake, "core/rd_mcp_1", "create", fail)
    assert not Node.handle(fake, "core/rd_mcp_1").exists


# Links


def test_a_link_leads_to_its_node(tpg: TPG, disk: StorageObject) -> None:
    lun = LUN(tpg, 0, disk, alias="named")
    assert lun.storage_object == disk
    assert isinstance(lun.storage_object, RDMCPStorageObject)
    assert lun.alias == "named"
    mapped = NodeACL(tpg, INITIATORS[0]).mapped_lun(4, 0)
    assert mapped.tpg_lun == lun


@pytest.mark.usefixtures("fake")
def test_a_node_without_link_is_broken() -> None:
    tree = odd()
    for node in (*RTSRoot(tree).luns, *RTSRoot(tree).mapped_luns):
        assert node.alias is None
        with pytest.raises(RTSLibBrokenLink) as caught:
            getattr(node, "storage_object" if isinstance(node, LUN) else "tpg_lun")
        assert caught.value.path == node.path


class Elsewhere(Wrapper):
    """A tree in which every link leads to the same place."""

    def __init__(self, inner: ConfigFS, end: str) -> None:
        super().__init__(inner)
        self.end = end

    def readlink(self, path: str) -> str:
        """Lead there."""
        return self.end


@pytest.mark.parametrize(
    "end", ["../../tmp", "core", "core/alua/x", "iscsi/x", "core/rd_mcp_0/a/b"]
)
def test_a_link_to_what_it_must_not_lead_to_is_broken(
    fake: FakeKernel, tpg: TPG, disk: StorageObject, end: str
) -> None:
    LUN(tpg, 0, disk)
    lun = LUN.handle(Elsewhere(fake, end), tpg.below("lun/lun_0"))
    with pytest.raises(RTSLibBrokenLink, match="no StorageObject"):
        lun.storage_object  # noqa: B018 - reading is the test


def test_referrers_are_those_that_link_here(tpg: TPG, disk: StorageObject) -> None:
    other = RDMCPStorageObject("other", "1M")
    luns = [LUN(tpg, 0, disk), LUN(tpg, 5, disk)]
    LUN(tpg, 7, other)
    assert list(disk.referrers()) == luns == list(disk.attached_luns)
    assert list(disk.referrers(tpg)) == luns
    acl = NodeACL(tpg, INITIATORS[0])
    mapped = MappedLUN(acl, 0, luns[1])
    assert list(luns[1].mapped_luns) == [mapped]
    assert list(luns[0].mapped_luns) == []
    assert list(tpg.referrers()) == []


# Places


@pytest.mark.parametrize(
    ("cls", "path", "fits"),
    [
        (RTSRoot, "", True),
        (RTSRoot, "core", False),
        (StorageObject, "core/rd_mcp_0/x", True),
        (StorageObject, "core/alua/x", False),
        (StorageObject, "core/rd_mcp_0", False),
        (StorageObject, "iscsi/x/y", False),
        (FabricModule, "iscsi", True),
        (FabricModule, "core", False),
        (Target, "iscsi/discovery_auth", False),
        (TPG, "iscsi/x/tpgt_1", True),
        (TPG, "iscsi/x/param", False),
        (LUN, "iscsi/x/tpgt_1/lun/lun_0", True),
        (LUN, "iscsi/x/tpgt_1/lun_0", False),
        (LUN, "iscsi/x/tpgt_1/acls/lun_0", False),
        (MappedLUN, "iscsi/x/tpgt_1/acls/i/lun_0", True),
        (MappedLUN, "iscsi/x/tpgt_1/acls/i/info", False),
        (ALUATargetPortGroup, "core/rd_mcp_0/x/alua/g", True),
        (ALUATargetPortGroup, "core/rd_mcp_0/x/g", False),
    ],
)
def test_where_the_declarations_let_a_node_stand(cls: type[Node], path: str, fits: bool) -> None:
    assert cls.fits(path) is fits


@pytest.mark.usefixtures("rich_fake")
def test_everywhere_is_every_one_below() -> None:
    root = RTSRoot()
    everything = list(root.walk())
    for cls, found in (
        (LUN, root.luns),
        (MappedLUN, root.mapped_luns),
        (TPG, root.tpgs),
        (Target, root.targets),
        (StorageObject, root.storage_objects),
    ):
        assert list(found) == [node for node in everything if isinstance(node, cls)]
    assert len(everything) == len(set(everything))
    one_tpg = next(root.tpgs)
    assert list(LUN.everywhere(one_tpg)) == list(one_tpg.luns)
    assert list(TPG.everywhere(one_tpg)) == [one_tpg]


@pytest.mark.usefixtures("rich_fake")
def test_walk_yields_parents_first() -> None:
    seen: set[Node] = set()
    for node in RTSRoot().walk():
        assert node == RTSRoot() or node.parent in seen
        seen.add(node)


# Deleting


@pytest.mark.usefixtures("tpg")
def test_delete_removes_all_that_is_inside(fake: FakeKernel, disk: StorageObject) -> None:
    before = snapshot(fake)
    target = Target(FabricModule("iscsi"), f"{IQN}.2")
    other = TPG(target, 1)
    LUN(other, 0, disk)
    NetworkPortal(other, "0.0.0.0").iser = True
    NodeACL(other, INITIATORS[0]).mapped_lun(0, 0)
    other.enable = True
    target.delete()
    assert snapshot(fake) == before


def test_delete_of_what_is_not_there(tpg: TPG, disk: StorageObject) -> None:
    nodes: list[Node] = [
        tpg,
        disk,
        LUN(tpg, 0, disk),
        NodeACL(tpg, INITIATORS[0]),
        NetworkPortal(tpg, "::1"),
    ]
    disk.delete()
    tpg.delete()
    for node in nodes:
        with pytest.raises(NotFoundError):
            node.delete()


def test_a_storage_object_takes_its_luns_along(tpg: TPG, disk: StorageObject) -> None:
    LUN(tpg, 0, disk)
    NodeACL(tpg, INITIATORS[0]).mapped_lun(0, 0)
    loop = TPG(Target(FabricModule("loopback"), NAA), 1)
    LUN(loop, 3, disk)
    disk.delete()
    assert list(RTSRoot().luns) == []
    assert list(RTSRoot().mapped_luns) == []


class Vanish(Wrapper):
    """Whatever is to be removed has just been removed by somebody else."""

    def rmdir(self, path: str) -> None:
        """Remove it, and say that it is not there."""
        self.inner.rmdir(path)
        raise FileNotFoundError(errno.ENOENT, "gone", path)

    def unlink(self, path: str) -> None:
        """Remove it, and say that it is not there."""
        self.inner.unlink(path)
        raise FileNotFoundError(errno.ENOENT, "gone", path)


def test_what_vanishes_while_it_is_deleted_is_no_error(
    fake: FakeKernel, tpg: TPG, disk: StorageObject
) -> None:
    LUN(tpg, 0, disk)
    Target.handle(Vanish(fake), f"iscsi/{IQN}").delete()
    assert not tpg.parent_target.exists
    # Whether a storage object is there at all, its first removal tells.
    with pytest.raises(NotFoundError):
        StorageObject.handle(Vanish(fake), disk.below("")).delete()
    assert not disk.exists


def test_a_refused_removal_is_an_error(fake: FakeKernel, tpg: TPG) -> None:
    tree = Faulty(fake, errno.EPERM, when=lambda name, _path: name == "rmdir")
    with pytest.raises(AccessError):
        TPG.handle(tree, tpg.below("")).delete()


# The rest


def test_declarations_are_in_the_order_of_creation_and_inherited() -> None:
    names = list(TPG.declarations())
    assert names.index("luns") < names.index("network_portals") < names.index("node_acls")
    assert "chap_userid" in names
    assert "enable" in names
    assert list(RDMCPStorageObject.declarations()) == list(StorageObject.declarations())


@pytest.mark.usefixtures("fake")
def test_a_node_without_groups_lists_none() -> None:
    assert RTSRoot().list_attributes() == []
    assert RTSRoot().list_parameters() == []


@pytest.mark.usefixtures("fake")
def test_gone_is_none_is_for_what_has_gone_only() -> None:
    def gone() -> str:
        raise NotFoundError("gone")

    def refused() -> str:
        raise AccessError("no")

    assert gone_is_none(gone) is None
    assert gone_is_none(lambda: "here") == "here"
    with pytest.raises(AccessError):
        gone_is_none(refused)


def test_nothing_is_cached(fake: FakeKernel, tpg: TPG) -> None:
    view = tpg.luns
    state = (tpg.fs, tpg.below(""))
    assert [lun.lun for lun in view] == []
    assert tpg.enable is False
    tpg.enable = True
    assert tpg.enable is True
    assert (tpg.fs, tpg.below("")) == state
    assert not hasattr(tpg, "__dict__")
    assert fake.kind(tpg.below("")) is Kind.DIRECTORY


def test_a_misspelt_attribute_is_no_silent_nothing(tpg: TPG) -> None:
    for node in (tpg, tpg.parent_target, RTSRoot()):
        with pytest.raises(AttributeError):
            node.enabled = True  # type: ignore[union-attr]


def test_no_node_class_has_a_dict() -> None:
    assert [cls for cls in node_classes() if "__slots__" not in vars(cls)] == []
