# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Any configuration: made by choices, so that Hypothesis or a random generator may drive it.

Made past the configuration pipeline: by the model, and by writes as another program would make
them. What the kernel refuses is left out.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable

from trees import HARDWARE, INITIATORS, IQN, NAA, empty

from rtslib import (
    LUN,
    TPG,
    ALUALUGroup,
    ALUATargetPortGroup,
    FabricModule,
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
from rtslib.configfs import Kind
from rtslib.errors import RTSLibError
from rtslib.testing import FakeKernel, Journal
from rtslib.testing.wrappers import CHANGES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rtslib.configfs import ConfigFS
    from rtslib.node import Node

__all__ = ["Choose", "build", "replayed", "said_by_the_tree", "writable"]

Choose = Callable[["Sequence[Any]"], Any]

#: Values that make sense somewhere, by the name of a file; others get one of ANY.
ANY = ("0", "1", "2", "3", "5", "64", "512", "4096", "Yes", "No")
VALUES: dict[str, tuple[str, ...]] = {
    "emulate_write_cache": ("0", "1"),
    "fabric_prot_type": ("0", "1"),
    "emulate_tpu": ("1",),
    "emulate_tpws": ("1",),
    "unmap_zeroes_data": ("1",),
    "pi_prot_type": ("0", "1", "3"),
    "block_size": ("512", "4096"),
    "hw_max_sectors": ("64", "128"),
    "optimal_sectors": ("16", "1024"),
    "qfull_time_out": ("-1", "7"),
    "nl_reply_supported": ("-1", "0", "1"),
    "AuthMethod": ("CHAP", "None", "CHAP,None"),
    "HeaderDigest": ("CRC32C", "None,CRC32C"),
    "DataDigest": ("CRC32C", "None"),
    "TargetAlias": ("LIO Target", "another alias, of a kind", "é"),
    "MaxBurstLength": ("262144", "65536"),
    "ErrorRecoveryLevel": ("0", "2"),
    "authentication": ("-1", "0", "1"),
    "nopin_timeout": ("0", "15"),
    "product_id": ("my disk", "x" * 16),
    "vendor_id": ("ABCDEFGH", "LIO"),
    "revision": ("4.0", "9"),
    "company_id": ("0x123456", "0x001405"),
    "alias": ("an alias", "another: one"),
    "tag": ("together", "NULL"),
    "cmdsn_depth": ("16", "512"),
    "cpus_allowed_list": ("0", "0-1"),
    "alua_tg_pt_status": ("0", "1", "2"),
    "rtpi": ("7", "0x11", "300"),
    "directory_id": ("0123ab", "implicit"),
}
#: Files that no configuration keeps: see EXCLUDED in test_round_trip.
NOT_CHOSEN = frozenset(
    {"control", "enable", "alua_access_state", "trans_delay_msecs", "implicit_trans_secs", "nexus",
     "res_aptpl_metadata", "transport_status", "alua_support", "pgr_support", "dbroot",
     "tg_pt_gp_id", "lu_gp_id", "lba_map", "alua_support_lba_dependent", "udev_path",
     "pi_prot_format", "hba_mode", "vpd_unit_serial", "alua_lu_gp", "alua_tg_pt_gp", "dev_size",
     "dev_config", "pd_text_id_info"}
)  # fmt: skip
SECRETS = ("a-s3cret", "another s3cret", "NULL", "#s3cret")
PORTALS = (("0.0.0.0", 3260), ("::1", 3261), ("127.0.0.1", 3262), ("fe80::1%eth0", 3263))
SOME = (False, True, True)
RARELY = (True, False, False, False)


def build(choose: Choose, directory: str, kernel: str = "6.1") -> Journal:
    """Return a kernel with some configuration, and the journal of how it came to be."""
    tree = Journal(empty(kernel))
    with use(tree):
        _Builder(tree, choose, directory).build()
    return tree


def replayed(tree: Journal, kernel: str) -> FakeKernel:
    """Return a kernel of its own on which the same was done."""
    fake = empty(kernel)
    for operation in tree.operations:
        if operation.name in CHANGES:
            with suppress(OSError):
                getattr(fake, operation.name)(*operation.arguments)
    return fake


class _Builder:
    def __init__(self, tree: ConfigFS, choose: Choose, directory: str) -> None:
        self.tree = tree
        self.choose = choose
        self.directory = directory
        self.objects: list[StorageObject] = []

    def build(self) -> None:
        for name in ("g1", "g2"):
            if self.choose(RARELY):
                with suppress(RTSLibError):
                    ALUALUGroup(RTSRoot(), name, self.choose((0, 7, 9)))
        for number in range(self.choose((0, 1, 2, 3))):
            with suppress(RTSLibError, OSError):
                self._storage_object(f"disk{number}")
        self._iscsi()
        for name in ("loopback", "vhost"):
            if self.choose(RARELY):
                self._tpg(TPG(Target(FabricModule(name), NAA), 1))
        for name, wwn in HARDWARE.items():
            if self.choose(RARELY):
                self._tpg(TPG(Target(FabricModule(name), wwn), 1))

    # Storage

    def _storage_object(self, name: str) -> None:
        make = self.choose((self._ramdisk, self._fileio, self._block, self._pscsi, self._user))
        disk = make(name)
        if disk is None:
            return
        self._settings(disk)
        if not disk.enable:
            return
        self.objects.append(disk)
        for group in ("g1", "g2"):
            with suppress(RTSLibError):
                if self.choose(RARELY):
                    disk.alua_lu_gp = group
        for group in ("default_tg_pt_gp", "t1", "t2"):
            if self.choose(RARELY) and disk.alua_supported:
                self._alua(disk, group)

    def _ramdisk(self, name: str) -> StorageObject:
        size = self.choose(("64K", "1M", 4097))
        return RDMCPStorageObject(
            name, size, nullio=self.choose(RARELY), enable=not self.choose(RARELY)
        )

    def _raw(self, name: str, hba: str, control: str, dev: str) -> StorageObject:
        """Make an object as another program would: only the fake needs to know the device."""
        number = self.choose((0, 3, 77))
        with suppress(FileExistsError):
            self.tree.mkdir(f"core/{hba}_{number}")
        path = f"core/{hba}_{number}/{name}"
        self.tree.mkdir(path)
        self.tree.write(f"{path}/control", control)
        self.tree.write(f"{path}/udev_path", dev)
        with suppress(OSError):
            self.tree.write(f"{path}/enable", "1")
        disk = StorageObject.handle(self.tree, path)
        if self.choose(SOME):
            with suppress(RTSLibError):
                disk.serial = f"serial-of-{name}"
        return disk

    def _fileio(self, name: str) -> StorageObject:
        dev = self.choose((f"{self.directory}/{name}.img", "/dev/vdc"))
        if not dev.startswith("/dev"):
            with open(dev, "ab"):
                os.truncate(dev, 1 << 20)
        more = self.choose(("", ",fd_buffered_io=1", ",fd_async_io=1"))
        return self._raw(name, "fileio", f"fd_dev_name={dev},fd_dev_size=1048576{more}", dev)

    def _block(self, name: str) -> StorageObject:
        dev = self.choose(("/dev/vdb", "/dev/vdc"))
        more = self.choose(("", ",readonly=1"))
        return self._raw(name, "iblock", f"udev_path={dev}{more}", dev)

    def _pscsi(self, name: str) -> StorageObject:
        place = "scsi_host_id=2,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0"
        return self._raw(name, "pscsi", place, "/dev/sdb")

    def _user(self, name: str) -> StorageObject:
        control = self.choose((None, "max_data_area_mb=64", "hw_block_size=4096"))
        return UserBackedStorageObject(
            name,
            f"handler/{name}: what",
            self.choose((4096, 1 << 20)),
            hw_max_sectors=self.choose((None, 64)),
            control=control,
            enable=not self.choose(RARELY),
        )

    def _alua(self, disk: StorageObject, name: str) -> None:
        default = name == "default_tg_pt_gp"
        group = ALUATargetPortGroup(disk, name, None if default else self.choose((0, 5, 16)))
        self._settings(group)
        with suppress(RTSLibError):
            group.update(alua_access_state=self.choose((0, 1, 2, 3, 14)))
        with suppress(RTSLibError):
            group.alua_access_type = self.choose((0, 1, 2, 3))

    # Fabrics

    def _iscsi(self) -> None:
        fabric = FabricModule("iscsi")
        for name in (IQN, "iqn.2003-01.org.example:SECOND"):
            if not self.choose(SOME):
                continue
            target = Target(fabric, name)
            for tag in (1, 0x10):
                if self.choose(SOME):
                    self._tpg(TPG(target, tag))
        if fabric.exists:
            self._settings(fabric)

    def _tpg(self, tpg: TPG) -> None:
        self._settings(tpg)
        for number in (0, 1, 300):
            if self.objects and self.choose(SOME):
                self._lun(tpg, number)
        if tpg.has_feature("nps"):
            for address, port in PORTALS:
                if self.choose(RARELY):
                    with suppress(RTSLibError):
                        self._settings(NetworkPortal(tpg, address, port))
        if tpg.has_feature("acls"):
            names = INITIATORS if tpg.fabric_module.name == "iscsi" else (NAA,)
            for wwn in names:
                if self.choose(RARELY):
                    with suppress(RTSLibError):
                        self._acl(NodeACL(tpg, wwn))
        if self.choose(SOME):
            with suppress(RTSLibError):
                tpg.enable = True

    def _lun(self, tpg: TPG, number: int) -> None:
        disk = self.choose(self.objects)
        lun = LUN(tpg, number, disk, self.choose((None, "an alias")))
        groups = [group.name for group in disk.alua_tpgs] if disk.alua_supported else []
        if groups and self.choose(SOME):
            with suppress(RTSLibError):
                lun.alua_tg_pt_gp_name = self.choose(groups)
        self._settings(lun)

    def _acl(self, acl: NodeACL) -> None:
        self._settings(acl)
        for lun in acl.parent_tpg.luns:
            if self.choose(SOME):
                mapped = MappedLUN(acl, lun.lun + self.choose((0, 5)), lun)
                mapped.write_protect = self.choose((True, False))

    # Settings

    def _settings(self, node: Node) -> None:
        files = self._files(node)
        for _ in range(self.choose((0, 0, 1, 4)) if files else 0):
            self._write(node, self.choose(files))

    def _files(self, node: Node) -> list[str]:
        """Return the files of a node that can be read and written, without those of its nodes."""
        path = node.below("")
        own = [
            file
            for directory in ("", "attrib/", "param/", "auth/", "wwn/", "discovery_auth/")
            for file in _writable_in(self.tree, path, directory)
        ]
        return [file for file in own if file.rpartition("/")[2] not in NOT_CHOSEN]

    def _write(self, node: Node, file: str) -> None:
        base = file.rpartition("/")[2]
        if file.startswith(("auth/", "discovery_auth/")) and "enforce" not in file:
            text = self.choose(SECRETS)
        else:
            text = self.choose(VALUES.get(base, ANY))
        if base.startswith(("emulate_tp", "unmap_zeroes")) and self._is_closed(node):
            return  # it crashes the kernel
        with suppress(OSError):
            self.tree.write(node.below(file), text)

    def _is_closed(self, node: Node) -> bool:
        return self.tree.read(node.below("enable")) == "0\n"


def _writable_in(tree: ConfigFS, path: str, directory: str) -> list[str]:
    at = f"{path}/{directory}".rstrip("/")
    try:
        entries = tree.listdir(at)
    except FileNotFoundError:
        return []
    return sorted(
        f"{directory}{name}"
        for name, kind in entries
        if kind is Kind.FILE and tree.mode(f"{at}/{name}") & 0o600 == 0o600
    )


def writable(fs: ConfigFS, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every directory and link, and every file that can be written, with what it has."""
    for name, kind in fs.listdir(path):
        below = f"{path}/{name}" if path else name
        if kind is Kind.LINK:
            yield below, fs.readlink(below)
        elif kind is Kind.DIRECTORY:
            yield below, ""
            yield from writable(fs, below)
        elif fs.mode(below) & 0o222:
            with suppress(OSError):
                yield below, fs.read(below)


def said_by_the_tree(fs: ConfigFS) -> dict[str, str]:
    """Return `writable`, with the indexes of HBAs left out."""

    def plain(text: str) -> str:
        parts = text.split("/")
        if parts[0] == "core" and len(parts) > 1 and parts[1] != "alua":
            parts[1] = parts[1].rpartition("_")[0]
        return "/".join(parts)

    return {plain(path): plain(text) for path, text in writable(fs)}
