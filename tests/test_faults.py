# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Every creating, changing and deleting call, with every operation at the door refused in turn.

Each call is run once to count its operations; then again for each of them and each errno.
"""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Callable, NamedTuple

import pytest
from trees import INITIATORS, IQN, NAA, SECRETS, Snapshot, empty
from trees import snapshot as whole_snapshot

from rtslib import (
    LUN,
    TPG,
    ALUALUGroup,
    ALUATargetPortGroup,
    BlockStorageObject,
    FabricModule,
    FileIOStorageObject,
    MappedLUN,
    MappedLUNGroup,
    NetworkPortal,
    NodeACL,
    NodeACLGroup,
    NotFoundError,
    PSCSIStorageObject,
    RDMCPStorageObject,
    RTSRoot,
    StorageObject,
    Target,
    UserBackedStorageObject,
)
from rtslib.errors import KernelError, NotSupportedError, RTSLibError
from rtslib.testing import FakeKernel, Faulty

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtslib.configfs import ConfigFS

LOOKS = frozenset({"read", "readlink", "listdir", "kind", "mode"})
ERRNOS = (
    errno.ENOENT,
    errno.EEXIST,  # which only a change can be told
    errno.EBUSY,
    errno.EINVAL,
    errno.ENOSPC,
    errno.EPERM,
    errno.EIO,
)
STANDARD: dict[int, type[Exception]] = {
    errno.ENOENT: FileNotFoundError,
    errno.EEXIST: FileExistsError,
    errno.EPERM: PermissionError,
    errno.EINVAL: ValueError,
}


class Place(NamedTuple):
    """Where a call is made: the tree, through which refusals come, and a directory for files."""

    fs: ConfigFS
    directory: str

    @property
    def disk(self) -> StorageObject:
        """A storage object that is exported."""
        return StorageObject.handle(self.fs, "core/rd_mcp_0/disk")

    @property
    def free(self) -> StorageObject:
        """A storage object that is not."""
        return StorageObject.handle(self.fs, "core/rd_mcp_1/free")

    @property
    def fabric(self) -> FabricModule:
        """The iSCSI fabric."""
        return FabricModule("iscsi", fs=self.fs)

    @property
    def target(self) -> Target:
        """An iSCSI target."""
        return Target.handle(self.fs, f"iscsi/{IQN}")

    @property
    def tpg(self) -> TPG:
        """Its only TPG."""
        return TPG.handle(self.fs, f"iscsi/{IQN}/tpgt_1")

    @property
    def acl(self) -> NodeACL:
        """An ACL with mapped LUN 0, in the group "group"."""
        return NodeACL.handle(self.fs, f"iscsi/{IQN}/tpgt_1/acls/{INITIATORS[0]}")

    @property
    def loner(self) -> NodeACL:
        """An ACL with nothing."""
        return NodeACL.handle(self.fs, f"iscsi/{IQN}/tpgt_1/acls/{INITIATORS[2]}")

    @property
    def group(self) -> NodeACLGroup:
        """A group of two ACLs."""
        return NodeACLGroup(self.tpg, "group")

    @property
    def ports(self) -> ALUATargetPortGroup:
        """A target port group of `free`."""
        return ALUATargetPortGroup.handle(self.fs, "core/rd_mcp_1/free/alua/ports")


def base(directory: str) -> tuple[FakeKernel, Place]:
    """Make the tree on which calls are tried."""
    tree = empty()
    at = Place(tree, directory)
    disk = RDMCPStorageObject("disk", "1M", "serial-0", fs=tree)
    free = RDMCPStorageObject("free", "1M", "serial-1", fs=tree)
    UserBackedStorageObject("user", "h/x", "1M", "serial-2", fs=tree)
    ALUATargetPortGroup(free, "ports", 5)
    ALUALUGroup(RTSRoot(tree), "units", 5)
    tpg = TPG(Target(at.fabric, IQN), 1)
    LUN(tpg, 0, disk, alias="link")
    NetworkPortal(tpg, "::1").iser = True
    for wwn in INITIATORS[:2]:
        acl = NodeACL(tpg, wwn)
        acl.tag = "group"
        acl.set_chap(*SECRETS)
        MappedLUN(acl, 0, 0, write_protect=True, alias="link")
    NodeACL(tpg, INITIATORS[2])
    tpg.enable = True
    return tree, at


Call = Callable[[Place], object]


def snapshot(tree: FakeKernel) -> Snapshot:
    """Return the tree without counters, which are there as long as their node is."""
    return whole_snapshot(tree, skip=frozenset({"statistics", "fabric_statistics"}))


def _pscsi(at: Place) -> PSCSIStorageObject:
    """Make what PSCSIStorageObject makes, without the machine's /sys: H:C:T:L is in FakeHost."""
    made = object.__new__(PSCSIStorageObject)
    made._build(
        "p",
        {"hctl": (2, 0, 0, 0)},
        None,
        udev_path="/dev/sdb",
        wwn=None,
        index=None,
        enable=True,
        fs=at.fs,
    )
    return made


CREATE: dict[str, Call] = {
    "fileio": lambda at: FileIOStorageObject(
        "f", f"{at.directory}/f.img", "1M", "serial", write_back=True, aio=True, fs=at.fs
    ),
    "fileio with an index": lambda at: FileIOStorageObject(
        "f", f"{at.directory}/f.img", "1M", "serial", index=9, fs=at.fs
    ),
    "block": lambda at: BlockStorageObject("b", "/dev/vdb", "serial", fs=at.fs),
    "block with everything": lambda at: BlockStorageObject(
        "b", "/dev/vdb", "serial", readonly=True, index=8, control={"force": 1}, fs=at.fs
    ),
    "pscsi": _pscsi,
    "ramdisk": lambda at: RDMCPStorageObject("r", "1M", "serial", fs=at.fs),
    "ramdisk with everything": lambda at: RDMCPStorageObject(
        "r", "1M", "serial", nullio=True, index=1, control={"rd_dummy": 0}, fs=at.fs
    ),
    "ramdisk that is not enabled": lambda at: RDMCPStorageObject(
        "r", "1M", "serial", enable=False, fs=at.fs
    ),
    "user": lambda at: UserBackedStorageObject(
        "u", "h/y", "1M", "serial", 64, "max_data_area_mb=8", fs=at.fs
    ),
    "alua group": lambda at: ALUATargetPortGroup(at.free, "new", 6),
    "alua group of any id": lambda at: at.free.alua_tpgs.create("new"),
    "alua group ensured": lambda at: at.free.alua_tpgs.ensure("new", 6),
    "lu group": lambda at: ALUALUGroup(RTSRoot(at.fs), "new", 6),
    "target": lambda at: Target(at.fabric, f"{IQN}.2", "create"),
    "target in a new fabric": lambda at: Target(FabricModule("vhost", fs=at.fs), NAA),
    "target of a random name": lambda at: Target(at.fabric),
    "tpg": lambda at: TPG(at.target, 2, "create"),
    "tpg of any number": lambda at: TPG(at.target),
    "tpg created": lambda at: at.target.tpgs.create(7),
    "tpg ensured": lambda at: at.target.tpgs.ensure(7),
    "lun": lambda at: LUN(at.tpg, 3, at.free, alias="link"),
    "lun of any number": lambda at: LUN(at.tpg, None, at.free, alias="link"),
    "lun created": lambda at: at.tpg.luns.create(3, at.free, alias="link"),
    "lun ensured": lambda at: at.tpg.luns.ensure(3, at.free, alias="link"),
    "portal": lambda at: NetworkPortal(at.tpg, "127.0.0.1", 3260, "create"),
    "portal of any mode": lambda at: NetworkPortal(at.tpg, "127.0.0.1"),
    "portal ensured": lambda at: at.tpg.network_portals.ensure("127.0.0.1", 3261),
    "acl": lambda at: NodeACL(at.tpg, INITIATORS[3], "create"),
    "acl ensured": lambda at: at.tpg.node_acls.ensure(INITIATORS[3]),
    "mapped lun": lambda at: MappedLUN(at.loner, 0, 0, write_protect=True, alias="link"),
    "mapped lun of a lun": lambda at: MappedLUN(at.loner, 0, LUN(at.tpg, 0), alias="link"),
    "mapped lun ensured": lambda at: at.loner.mapped_luns.ensure(0, 0, False, alias="link"),
    "mapped lun group": lambda at: at.group.mapped_lun_group(5, 0, write_protect=True),
    "mapped lun group by class": lambda at: MappedLUNGroup(at.group, 5, 0, None, "link"),
    "acl into a group": lambda at: at.group.add_acl(INITIATORS[3]),
    "acl into a new group": lambda at: NodeACLGroup(at.tpg, "new").add_acl(INITIATORS[3]),
}


DELETE: dict[str, Call] = {
    "exported storage object": lambda at: at.disk.delete(),
    "storage object with a group": lambda at: at.free.delete(),
    "alua group": lambda at: at.ports.delete(),
    "lu group": lambda at: ALUALUGroup.handle(at.fs, "core/alua/lu_gps/units").delete(),
    "fabric": lambda at: at.fabric.delete(),
    "target": lambda at: at.target.delete(),
    "tpg": lambda at: at.tpg.delete(),
    "lun": lambda at: LUN.handle(at.fs, at.tpg.below("lun/lun_0")).delete(),
    "portal": lambda at: NetworkPortal.handle(at.fs, at.tpg.below("np/[::1]:3260")).delete(),
    "acl": lambda at: at.acl.delete(),
    "mapped lun": lambda at: MappedLUN.handle(at.fs, at.acl.below("lun_0")).delete(),
    "acl group": lambda at: at.group.delete(),
    "mapped lun group": lambda at: MappedLUNGroup(at.group, 0).delete(),
    "acl out of a group": lambda at: at.group.remove_acl(INITIATORS[0]),
}
CHANGE: dict[str, Call] = {
    "chap of an acl": lambda at: at.loner.set_chap(*SECRETS),
    "chap of a tpg": lambda at: at.tpg.set_chap(*SECRETS),
    "chap of discovery": lambda at: at.fabric.set_discovery_auth(*SECRETS),
    "no chap in discovery": lambda at: at.fabric.clear_discovery_auth_settings(),
    "resize": lambda at: StorageObject.handle(at.fs, "core/user_2/user").resize("2M"),
    "alua": lambda at: at.ports.update(
        alua_access_state=2, alua_access_type=3, preferred=True, nonop_delay_msecs=5
    ),
    "wwn": lambda at: setattr(at.free, "wwn", "serial-9"),
    "group": lambda at: setattr(at.group, "name", "other"),
    "group's depth": lambda at: setattr(at.group, "tcq_depth", 9),
    "disable": lambda at: setattr(at.tpg, "enable", False),
}


def counted(call: Call, directory: str) -> tuple[list[str], Snapshot, Snapshot]:
    """Run a call unharmed: which operations it makes, and the tree before and after."""
    tree, _ = base(directory)
    before = snapshot(tree)
    seen: list[str] = []

    def note(name: str, _path: str) -> bool:
        if not advising():
            seen.append(name)
        return False

    call(Place(Faulty(tree, when=note), directory))
    clean(directory)
    return seen, before, snapshot(tree)


def advising() -> bool:
    """Tell whether it is an error's hint that looks at the tree: that can fail without a word."""
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_globals.get("__name__") == "rtslib.hints":
            return True
    return False


class Try(NamedTuple):
    """One run with one refusal: at which operation, what was raised, the tree."""

    operation: str
    path: str
    number: int
    error: RTSLibError | None
    tree: FakeKernel

    def __repr__(self) -> str:
        return f"{errno.errorcode[self.number]} at {self.operation} {self.path}: {self.error!r}"


def try_once(call: Call, directory: str, at: int, number: int) -> Try:
    """Run a call with its operation number `at`, from 0, refused."""
    tree, _ = base(directory)
    seen: list[tuple[str, str]] = []

    def note(name: str, path: str) -> bool:
        if advising():
            return False
        seen.append((name, path))
        return len(seen) == at + 1

    error = None
    try:
        call(Place(Faulty(tree, number, when=note), directory))
    except RTSLibError as caught:
        error = caught
    return Try(*seen[at], number, error, tree)


def tries(call: Call, directory: str, operations: list[str]) -> Iterator[Try]:
    """Run a call for every operation and every errno."""
    for at, operation in enumerate(operations):
        for number in ERRNOS:
            if number != errno.EEXIST or operation not in LOOKS:
                one = try_once(call, directory, at, number)
                check_error(one)
                yield one
                clean(directory)


def clean(directory: str) -> None:
    """Remove the files in a directory."""
    for path in os.listdir(directory):
        os.unlink(f"{directory}/{path}")


#: (operation, errno) -> why a call may succeed although an operation was refused.
TOLERATED = {
    (operation, number): reason
    for number, operations, reason in (
        (errno.ENOENT, "kind read write rmdir unlink listdir readlink mkdir",
         "it has gone meanwhile, or this kernel or fabric has no such file"),
        (errno.EEXIST, "mkdir", "mode 'any', or a number that somebody took"),
        (errno.EBUSY, "rmdir", "an HBA with other objects; a node whose users are removed first"),
    )
    for operation in operations.split()
}  # fmt: skip


#: What a call may meet later, after a refusal that was not true: (refused, met) -> why.
CONSEQUENCES = {
    (errno.EEXIST, errno.ENOENT): "what exists already, as was said, is not there",
    (errno.ENOENT, errno.ENOTEMPTY): "what has gone, as was said, is still there",
    (errno.ENOENT, errno.EBUSY): "a link that has gone, as was said, is still there",
}


def gone(tree: FakeKernel, path: str) -> bool:
    """Tell whether there is nothing at a path any more."""
    try:
        tree.kind(path)
    except FileNotFoundError:
        return True
    return False


def check_error(one: Try) -> None:
    """A refusal is our error, of the standard kind, with errno and path; or it was tolerated."""
    error = one.error
    if error is None:
        # A TPG that cannot be disabled is removed all the same.
        disabling = one.operation == "write" and one.path.endswith("/tpgt_1/enable")
        assert (one.operation, one.number) in TOLERATED or (
            disabling and one.number == errno.EINVAL and gone(one.tree, one.path)
        ), one
        return
    assert error.path is not None, one
    assert error.path.startswith(one.tree.root), one
    if isinstance(error, NotSupportedError):
        # The node is there and the file is not: this kernel or fabric has no such thing.
        assert (one.operation, one.number) in (("read", errno.ENOENT), ("write", errno.ENOENT)), one
        return
    assert isinstance(error, KernelError), one
    assert error.errno is not None, one
    assert isinstance(error, STANDARD.get(error.errno, OSError)), one
    assert error.errno == one.number or (one.number, error.errno) in CONSEQUENCES, one
    for secret in SECRETS:
        assert secret not in str(error), one


@pytest.mark.parametrize("name", CREATE)
def test_a_creation_that_fails_leaves_nothing(name: str, tmp_path: Path) -> None:
    count, before, _ = counted(CREATE[name], str(tmp_path))
    raised = 0
    for one in tries(CREATE[name], str(tmp_path), count):
        if one.error is not None:
            raised += 1
            assert not one.error.residue, one
            assert snapshot(one.tree) == before, one
            assert not os.listdir(tmp_path), one
    assert raised >= len(ERRNOS) - 2


#: Calls that also remove what belongs to another node, by a link: a mapped LUN whose link has
#: gone already, or the HBA of an object that has, is not found again.
HALF_WAY = {"exported storage object", "storage object with a group", "lun"}


@pytest.mark.parametrize("name", DELETE)
def test_a_deletion_that_fails_can_be_done_again(name: str, tmp_path: Path) -> None:
    count, before, after = counted(DELETE[name], str(tmp_path))
    assert before != after
    raised = 0
    for one in tries(DELETE[name], str(tmp_path), count):
        raised += one.error is not None
        with suppress(NotFoundError):
            DELETE[name](Place(one.tree, str(tmp_path)))
        # After an ENOENT that was not true the call has passed over what is still there.
        if one.number != errno.ENOENT:
            left = set(snapshot(one.tree)) - set(after)
            assert all(path == one.path or path.startswith(f"{one.path}/") for path in left), one
            assert not left or name in HALF_WAY, one
    assert raised


@pytest.mark.parametrize("name", CHANGE)
def test_a_change_that_fails_says_so_and_can_be_done_again(name: str, tmp_path: Path) -> None:
    count, before, after = counted(CHANGE[name], str(tmp_path))
    assert before != after
    for one in tries(CHANGE[name], str(tmp_path), count):
        if one.error is not None:
            CHANGE[name](Place(one.tree, str(tmp_path)))
            assert snapshot(one.tree) == after, one
