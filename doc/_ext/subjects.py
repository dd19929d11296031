# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What ``observed`` looks at: every kind of node, and how to have one in each of its states.

All of it is made on the tree in force, which is a fake one: nothing of this machine is touched.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Callable, NamedTuple

from rtslib import (
    LUN,
    TPG,
    ALUALUGroup,
    ALUATargetPortGroup,
    FabricModule,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    RTSRoot,
    StorageObject,
    Target,
    configfs,
)
from rtslib.testing import BlockDevice, FakeHost

if TYPE_CHECKING:
    from rtslib.node import Node

__all__ = ["BEFORE", "EXPORTED", "OPEN", "PLUGINS", "SUBJECTS", "WITHOUT_ID", "Subject", "machine"]


class Subject(NamedTuple):
    """A kind of node: its class, of which plugin or fabric, and how to have one in each state.

    Storage objects are made with `protection` on if asked to.
    """

    cls: type[Node]
    variant: str
    states: dict[str, Callable[..., Node]]


# States, as they are told to people.
BEFORE, OPEN, EXPORTED = "before enabling", "while open", "while exported"
WITHOUT_ID = "before it has an id"
DISABLED, ENABLED = "while disabled", "while enabled"
LOGGED_OUT, LOGGED_IN = "while logged out", "while logged in"
EVER = "any time"

INITIATOR = "iqn.1994-05.com.redhat:client"

#: Plugin -> HBA, device, and what is written to control.
PLUGINS = {
    "fileio": ("fileio_0", "", "fd_dev_name=/var/target/disk.img,fd_dev_size=4194304"),
    "block": ("iblock_0", "", "udev_path=/dev/vdb"),
    "ramdisk": ("rd_mcp_0", "", "rd_pages=1024"),
    "pscsi": (
        "pscsi_0",
        "/dev/sdb",
        "scsi_host_id=2,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0",
    ),
    "user": ("user_0", "", "dev_config=glfs/volume@host/file,dev_size=4194304"),
}


def machine() -> FakeHost:
    """Return the machine that the kernel runs on: it has all that a setting may need."""
    discards = BlockDevice(max_unmap_lba_count=8192, unmap_granularity=8)
    return FakeHost(
        devices={"/dev/vdb": discards, "/dev/sdb": BlockDevice()},
        transports={"iser", "cxgbit"},
        tcmu_handler=True,
    )


def _storage_object(
    plugin: str = "ramdisk", *, enable: bool = True, protection: bool = False
) -> StorageObject:
    fs = configfs.current()
    hba, device, control = PLUGINS[plugin]
    path = f"core/{hba}/disk"
    fs.mkdir(f"core/{hba}")
    fs.mkdir(path)
    if device:
        fs.write(f"{path}/udev_path", device)
    fs.write(f"{path}/control", control)
    if enable:
        fs.write(f"{path}/enable", "1")
    if protection:
        with suppress(OSError):  # not every plugin can
            fs.write(f"{path}/attrib/pi_prot_type", "1")
    ALUALUGroup(RTSRoot(), "group", 1)
    return StorageObject.handle(fs, path)


def _tpg(fabric: str = "iscsi", *, enable: bool = False) -> TPG:
    names = {"iscsi": "iqn.2003-01.org.example:disk", "sbp": "eui.0011223344556677"}
    name = names.get(fabric, "naa.5001405000000001")
    tpg = TPG(Target(FabricModule(fabric), name), 1)
    if enable:
        tpg.enable = True
    return tpg


def _lun(disk: StorageObject) -> LUN:
    return LUN(_tpg(), 0, disk)


def _exported(plugin: str, *, protection: bool = False) -> StorageObject:
    return _lun(_storage_object(plugin, protection=protection)).storage_object


def _group_without_id() -> ALUATargetPortGroup:
    disk = _storage_object()
    disk.fs.mkdir(disk.below("alua/group"))
    return ALUATargetPortGroup(disk, "group")


def _lu_group_without_id() -> ALUALUGroup:
    root = RTSRoot()
    root.fs.mkdir("core/alua/lu_gps/group")
    return ALUALUGroup(root, "group")


def _sbp() -> TPG:
    tpg = _tpg("sbp")
    LUN(tpg, 0, _storage_object())
    return tpg


def _group(disk: StorageObject) -> ALUATargetPortGroup:
    group = ALUATargetPortGroup(disk, "group", 1)
    for lun in disk.attached_luns:
        lun.alua_tg_pt_gp_name = "group"
    return group


def _lun_with_group() -> LUN:
    disk = _storage_object()
    ALUATargetPortGroup(disk, "group", 1)
    return _lun(disk)


def _acl(*, session: bool = False) -> NodeACL:
    tpg = _tpg(enable=session)
    acl = NodeACL(tpg, INITIATOR)
    if session:
        tpg.fs.login(tpg.below(""), INITIATOR)  # type: ignore[attr-defined]
    return acl


def _mapped() -> MappedLUN:
    lun = _lun(_storage_object())
    return MappedLUN(NodeACL(lun.parent_tpg, INITIATOR), 0, lun)


def _root_in_use() -> RTSRoot:
    _lun(_storage_object())
    return RTSRoot()


SUBJECTS = (
    *(
        Subject(
            StorageObject,
            plugin,
            {
                BEFORE: partial(_storage_object, plugin, enable=False),
                OPEN: partial(_storage_object, plugin),
                EXPORTED: partial(_exported, plugin),
            },
        )
        for plugin in PLUGINS
    ),
    Subject(
        ALUATargetPortGroup,
        "",
        {
            WITHOUT_ID: _group_without_id,
            OPEN: lambda: _group(_storage_object()),
            EXPORTED: lambda: _group(_exported("ramdisk")),
        },
    ),
    Subject(
        ALUALUGroup,
        "",
        {WITHOUT_ID: _lu_group_without_id, EVER: lambda: ALUALUGroup(RTSRoot(), "group", 1)},
    ),
    Subject(RTSRoot, "", {"before anything is made": RTSRoot, "later": _root_in_use}),
    Subject(FabricModule, "iscsi", {EVER: lambda: _tpg().fabric_module}),
    Subject(TPG, "iscsi", {DISABLED: _tpg, ENABLED: partial(_tpg, enable=True)}),
    *(Subject(TPG, fabric, {EVER: partial(_tpg, fabric)}) for fabric in ("loopback", "vhost")),
    Subject(TPG, "sbp", {EVER: _sbp}),
    Subject(LUN, "", {EVER: _lun_with_group}),
    Subject(NodeACL, "iscsi", {LOGGED_OUT: _acl, LOGGED_IN: partial(_acl, session=True)}),
    Subject(MappedLUN, "", {EVER: _mapped}),
    Subject(NetworkPortal, "iscsi", {EVER: lambda: NetworkPortal(_tpg(), "192.0.2.1")}),
)
