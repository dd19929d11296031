# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What the kernel makes new nodes with, learnt from the first of a kind in a run.

A setting that one new node was found to have is taken to be the same in the next one of its kind,
so that a restore of many objects need not read them all. Only kinds are learnt of which nothing
but the kernel's code decides how they begin: neither a device (its queue limits become attributes
of the object), nor a handler in user space, nor a session that is already there, or may be.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from rtslib.alua import ALUATargetPortGroup
from rtslib.lun import LUN, MappedLUN
from rtslib.storage import StorageObject
from rtslib.tcm import BlockStorageObject, FileIOStorageObject, RDMCPStorageObject

if TYPE_CHECKING:
    from rtslib.config.state import Record

__all__ = ["Fresh"]

#: The fabric of which it is known that nobody logs in to a TPG before it is switched on.
_ISCSI = "iscsi/"
#: How far below the root a TPG stands.
_TPG_DEPTH = 2

#: Of these the ALUA groups and LUNs all begin alike: the target core emulates them whole.
_EMULATED = frozenset({"fileio", "block", "ramdisk"})
#: Of these no object is read-only to the kernel (DF_READ_ONLY: target_core_iblock.c alone sets it).
_ALWAYS_WRITABLE = frozenset({"fileio", "ramdisk"})


class Fresh:
    """The settings that new nodes have been found with, by kind of node and file."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], dict[str, str]] = {}
        #: TPGs that nobody has ever logged in to.
        self._closed: set[str] = set()
        #: Names of new block devices and LUNs that take writes.
        self._writable: set[str] = set()

    def made(self, path: str) -> None:
        """Note that a directory was made: if it is a TPG, nobody can log in to it so far."""
        if path.count("/") == _TPG_DEPTH and path.startswith(_ISCSI):
            self._closed.add(path)

    def written(self, path: str) -> None:
        """Note that a file was written: it may let initiators in."""
        self._closed.discard(path.rpartition("/")[0])

    def of(self, record: Record, path: str) -> dict[str, str] | None:
        """Return what is known of nodes such as this one at a path, None if they differ.

        It is to be added to.
        """
        if record.cls is MappedLUN:
            kind = self._mapped(record, path)
        else:
            kind = _kind(record)
            if self._takes_writes(record):
                self._writable.add(record.name)
        return None if kind is None else self._known.setdefault(kind, {})

    def _mapped(self, record: Record, path: str) -> tuple[Any, ...] | None:
        """Return what a mapped LUN begins like.

        Where an initiator had logged in before its ACL was made, as it had seen the LUN then, else
        as prod_mode_write_protect has it (target_core_fabric_configfs.c,
        target_fabric_mappedlun_link); protected where the device takes no writes
        (target_core_device.c, core_dev_add_initiator_node_lun_acl). One that is to be protected is
        always looked at.
        """
        if not self._closed or record.files.get(_WRITE_PROTECT) != "0":
            return None
        if record.link is None or record.link.end not in self._writable:
            return None
        tpg = path.partition("/acls/")[0]
        return (MappedLUN, tpg) if tpg in self._closed else None

    def _takes_writes(self, record: Record) -> bool:
        """Tell of a storage object or LUN whether the kernel lets initiators write to it.

        It is settled before what leads to it; of what has nothing to settle nothing is known here.
        """
        if issubclass(record.cls, BlockStorageObject):
            return record.made.get("readonly") is False
        if record.link is None or not issubclass(record.cls, LUN):
            return False
        end = record.link.end
        return end in self._writable or _plugin(end) in _ALWAYS_WRITABLE


_WRITE_PROTECT = MappedLUN.write_protect.file
_ENABLE = StorageObject.enable.file


def _kind(record: Record) -> tuple[Any, ...] | None:
    """Return what decides how a new node begins, None where more does than can be told."""
    cls, made = record.cls, record.made
    # Opening the device sets what is told of it, block_size for one.
    opened = record.files.get(_ENABLE)
    if issubclass(cls, RDMCPStorageObject):
        return cls, opened, made.get("nullio")
    if issubclass(cls, FileIOStorageObject):
        # target_core_file.c, fd_configure_device: write_back becomes emulate_write_cache.
        told = cls, opened, made.get("write_back"), made.get("aio")
        return told if _is_file(made["dev"]) else None
    if issubclass(cls, ALUATargetPortGroup):
        return (cls, record.base == "default_tg_pt_gp") if _emulated(record.parent) else None
    if issubclass(cls, LUN):
        return (cls,) if record.link and _emulated(record.link.end) else None
    return None


def _emulated(name: str) -> bool:
    """Tell whether a storage object is one that the target core emulates whole."""
    return _plugin(name) in _EMULATED


def _plugin(name: str) -> str:
    """Return the plugin in the name of a storage object's record, /backstores/PLUGIN/NAME."""
    return name.split("/", 3)[2]


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
