# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What the kernel makes new nodes with, learnt from the first of a kind in a run.

A setting that one new node was found to have is taken to be the same in the next one of its kind,
so that a restore of many objects need not read them all. Only kinds are learnt of which nothing
but the kernel's code decides how they begin: neither a device (its queue limits become attributes
of the object), nor a handler in user space, nor a session that is already there.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any

from rtslib.alua import ALUATargetPortGroup
from rtslib.lun import LUN
from rtslib.tcm import FileIOStorageObject, RDMCPStorageObject

if TYPE_CHECKING:
    from rtslib.config.state import Record

__all__ = ["Fresh"]

#: Of these the ALUA groups and LUNs all begin alike: the target core emulates them whole.
_EMULATED = frozenset({"fileio", "block", "ramdisk"})


class Fresh:
    """The settings that new nodes have been found with, by kind of node and file."""

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], dict[str, str]] = {}

    def of(self, record: Record) -> dict[str, str] | None:
        """Return what is known of nodes such as this one, to be added to; None if they differ."""
        kind = _kind(record)
        return None if kind is None else self._known.setdefault(kind, {})


def _kind(record: Record) -> tuple[Any, ...] | None:
    """Return what decides how a new node begins, None where more does than can be told."""
    cls, made = record.cls, record.made
    if issubclass(cls, RDMCPStorageObject):
        return cls, made.get("nullio")
    if issubclass(cls, FileIOStorageObject):
        # target_core_file.c, fd_configure_device: write_back becomes emulate_write_cache.
        return (cls, made.get("write_back"), made.get("aio")) if _is_file(made["dev"]) else None
    if issubclass(cls, ALUATargetPortGroup):
        return (cls, record.base == "default_tg_pt_gp") if _emulated(record.parent) else None
    if issubclass(cls, LUN):
        return (cls,) if record.link and _emulated(record.link.end) else None
    return None


def _emulated(name: str) -> bool:
    """Tell whether a record's name, /backstores/PLUGIN/NAME, is that of such a storage object."""
    return name.split("/", 3)[2] in _EMULATED


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
