# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Trees that tests share, and how to look at one whole."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Optional

from rtslib import (
    LUN,
    TPG,
    ALUALUGroup,
    ALUATargetPortGroup,
    BlockStorageObject,
    FabricModule,
    FileIOStorageObject,
    NetworkPortal,
    NodeACL,
    NodeACLGroup,
    RDMCPStorageObject,
    RTSRoot,
    StorageObject,
    Target,
    UserBackedStorageObject,
    use,
)
from rtslib.alua import _Group as AluaGroup
from rtslib.configfs import Kind
from rtslib.fabric import fabric_modules
from rtslib.lun import _Numbered
from rtslib.node import Node
from rtslib.testing import FakeHost, FakeKernel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.configfs import ConfigFS

__all__ = [
    "INITIATORS",
    "IQN",
    "KERNELS",
    "NAA",
    "SECRETS",
    "Snapshot",
    "empty",
    "iscsi_tpg",
    "node_classes",
    "odd",
    "paths",
    "rich",
    "snapshot",
]

KERNELS = ("6.1", "6.12")
IQN = "iqn.2003-01.org.example:target"
INITIATORS = tuple(f"iqn.1994-05.com.example:initiator-{number}" for number in range(4))
NAA = "naa.5001405000000001"
SECRETS = ("in-user-s3cret", "in-pass-s3cret", "out-user-s3cret", "out-pass-s3cret")
#: A name for a target of each fabric that names its targets after hardware.
HARDWARE = {
    "qla2xxx": "naa.5001405000000002",
    "srpt": "ib.fe800000000000000002c903000e8acd",
    "sbp": "eui.0011223344556677",
    "tcm_fc": "naa.5001405000000003",
}

Snapshot = dict[str, Optional[str]]  # by path: a text, a link's end, None


def empty(kernel: str = "6.1") -> FakeKernel:
    """Return a kernel on which nothing was made, with a tcmu handler and target ports below it."""
    ports = {"qla2xxx": {"50:01:40:50:00:00:00:02"}, "srpt": {"0xfe800000000000000002c903000e8acd"}}
    return FakeKernel(kernel, host=FakeHost(tcmu_handler=True, ports=ports))


def iscsi_tpg(fs: ConfigFS, tag: int = 1) -> TPG:
    """Make an iSCSI target with one TPG."""
    return TPG(Target(FabricModule("iscsi", fs=fs), IQN), tag)


def rich(directory: str, kernel: str = "6.1") -> FakeKernel:
    """Return a kernel with a bit of everything that FakeKernel has; files in `directory`."""
    tree = empty(kernel)
    with use(tree):
        FileIOStorageObject("file one", f"{directory}/a file.img", "16M")
        disk = RDMCPStorageObject("memory", "1M")
        BlockStorageObject("disk", "/dev/vdb")
        UserBackedStorageObject("user", "handler/what: ever", "4M")
        RDMCPStorageObject("idle", "1M", nullio=True)
        RDMCPStorageObject("shut", "1M", enable=False)
        _raw(tree)
        ALUALUGroup(RTSRoot(), "together", 7)
        ALUATargetPortGroup(disk, "standby", 5).update(alua_access_state=2)
        _iscsi(tree)
        _others(disk)
    return tree


def _raw(tree: FakeKernel) -> None:
    """Make a pscsi object as another program would: only the kernel needs to know the device."""
    tree.mkdir("core/pscsi_77")
    tree.mkdir("core/pscsi_77/raw")
    tree.write(
        "core/pscsi_77/raw/control",
        "scsi_host_id=2,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0",
    )
    tree.write("core/pscsi_77/raw/udev_path", "/dev/sdb")
    tree.write("core/pscsi_77/raw/enable", "1")


def _iscsi(tree: FakeKernel) -> None:
    fabric = FabricModule("iscsi")
    tpg = TPG(Target(fabric, IQN), 1)
    fabric.set_discovery_auth(*SECRETS)
    lun = LUN(tpg, 0, StorageObject("memory"))
    LUN(tpg, 7, StorageObject("file one"), alias="seven")
    lun.alua_tg_pt_gp_name = "standby"
    NetworkPortal(tpg, "0.0.0.0")
    NetworkPortal(tpg, "::1", 3261).iser = True
    for wwn in INITIATORS[:2]:
        acl = NodeACL(tpg, wwn)
        acl.tag = "together"
        acl.set_chap(*SECRETS)
    NodeACLGroup(tpg, "together").mapped_lun_group(0, 0, write_protect=True)
    NodeACL(tpg, INITIATORS[2]).mapped_lun(3, 7)
    tpg.set_chap(*SECRETS)
    tpg.attributes["generate_node_acls"] = True
    tpg.enable = True
    TPG(tpg.parent_target, 2)
    tree.login(tpg.below(""), INITIATORS[0], alias="an alias")
    tree.login(tpg.below(""), INITIATORS[3])


def _others(disk: StorageObject) -> None:
    for name in ("loopback", "vhost"):
        LUN(TPG(Target(FabricModule(name), NAA), 1), 0, disk)
    for name, wwn in HARDWARE.items():
        tpg = TPG(Target(FabricModule(name), wwn), 1)
        lun = LUN(tpg, 0, disk)
        if tpg.has_feature("acls"):
            NodeACL(tpg, wwn).mapped_lun(0, lun)


def odd(kernel: str = "6.1") -> FakeKernel:
    """Return a kernel with what other programs and failures leave behind."""
    tree = empty(kernel)
    for path in (
        "core/rd_mcp_3",
        "core/rd_mcp_3/a",
        "core/rd_mcp_3/b",
        "core/fileio_0",
        "core/fileio_00",
        "core/iblock_4",
        "core/iblock_0x5",
        "core/iblock_4/never configured",
        "core/user_9",
        "iscsi",
        "iscsi/no name at all",
        "iscsi/IQN.2003-01.ORG.Example:T",
        "iscsi/IQN.2003-01.ORG.Example:T/tpgt_1",
        "iscsi/IQN.2003-01.ORG.Example:T/tpgt_1/lun/lun_0",
        "iscsi/IQN.2003-01.ORG.Example:T/tpgt_1/lun/lun_5",
        "iscsi/IQN.2003-01.ORG.Example:T/tpgt_1/acls/not a name",
        "iscsi/IQN.2003-01.ORG.Example:T/tpgt_1/acls/not a name/lun_0",
        "iscsi/IQN.2003-01.ORG.Example:T/tpgt_1/np/[::0]:3260",
        "loopback",
        f"loopback/{NAA}",
        f"loopback/{NAA}/tpgt_0",
    ):
        tree.mkdir(path)
    return tree


def paths(
    fs: ConfigFS, path: str = "", skip: frozenset[str] = frozenset()
) -> Iterator[tuple[str, Kind]]:
    """Yield every path of a tree with its kind, without what is in directories of these names."""
    for name, kind in fs.listdir(path):
        below = f"{path}/{name}" if path else name
        yield below, kind
        if kind is Kind.DIRECTORY and name not in skip:
            yield from paths(fs, below, skip)


def snapshot(fs: ConfigFS, skip: frozenset[str] = frozenset()) -> Snapshot:
    """Return all directories, links and texts of a tree; None for a text that cannot be read."""
    found: Snapshot = {}
    for path, kind in paths(fs, skip=skip):
        found[path] = None
        if kind is Kind.LINK:
            found[path] = fs.readlink(path)
        elif kind is Kind.FILE:
            with suppress(OSError):
                found[path] = fs.read(path)
    return found


def node_classes() -> list[type[Node]]:
    """Return every class of nodes that stands for a directory."""

    def below(cls: type[Node]) -> Iterator[type[Node]]:
        for sub in cls.__subclasses__():
            yield sub
            yield from below(sub)

    abstract = {"Chap", "Discovery", "MadeOf", _Numbered.__name__, AluaGroup.__name__}
    abstract |= {"_Backstore", "_Named", *(cls.__name__ for cls in fabric_modules.values())}
    return sorted(
        {
            cls
            for cls in below(Node)
            if cls.__name__ not in abstract and cls.__module__.startswith("rtslib.")
        },
        key=lambda cls: cls.__name__,
    )
