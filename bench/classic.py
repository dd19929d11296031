# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The works done by the classic calls: the same lines over this library and over rtslib-fb.

Each function gets ready, and returns what is to be measured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import rtslib

if TYPE_CHECKING:
    from shape import Shape

Do = Callable[[], Any]


def tpg_of(shape: Shape) -> Any:
    """Return the TPG, which is there."""
    return rtslib.TPG(rtslib.Target(rtslib.FabricModule("iscsi"), shape.target), 1)


def create_storage(shape: Shape) -> Do:
    """Make the storage objects."""

    def do() -> None:
        for number in range(shape.luns):
            rtslib.RDMCPStorageObject(f"{shape.name}{number}", 4096, shape.serial(number))

    return do


def create_luns(shape: Shape) -> Do:
    """Make the LUNs, of storage objects at hand."""
    tpg = tpg_of(shape)
    disks = {disk.name: disk for disk in rtslib.RTSRoot().storage_objects}

    def do() -> None:
        for number in range(shape.luns):
            rtslib.LUN(tpg, number, disks[f"{shape.name}{number}"])

    return do


def map_luns(shape: Shape) -> Do:
    """Map all LUNs in each ACL."""
    tpg = tpg_of(shape)

    def do() -> None:
        for client in shape.clients:
            acl = rtslib.NodeACL(tpg, client)
            for number in range(shape.luns):
                rtslib.MappedLUN(acl, number, number)

    return do


def listing(shape: Shape) -> Do:
    """Go through everything: names, numbers and where each link leads."""

    def do() -> None:
        root, seen = rtslib.RTSRoot(), 0
        for disk in root.storage_objects:
            seen += bool(disk.name)
        for lun in root.luns:
            seen += lun.lun >= 0 and bool(lun.storage_object.name)
        for mapped in root.mapped_luns:
            seen += mapped.mapped_lun >= 0 and mapped.tpg_lun.lun >= 0
        if seen != shape.objects:
            raise SystemExit(f"{seen} objects were listed, not {shape.objects}")

    return do


def restore(saved: str) -> Do:
    """Restore from a file; what it does not name is removed."""

    def do() -> None:
        failed = rtslib.RTSRoot().restore_from_file(saved, clear_existing=True)
        if failed:
            raise SystemExit(f"{len(failed)} things were not restored: {failed[:3]}")

    return do


def delete_lun(shape: Shape) -> Do:
    """Delete one LUN of many, with what shows it."""
    tpg = tpg_of(shape)
    return lambda: rtslib.LUN(tpg, shape.luns // 2).delete()


def works(shape: Shape, saved: str, scratch: str) -> dict[str, Callable[[], Do]]:
    """Return what gets ready for each work."""
    return {
        "create-storage": lambda: create_storage(shape),
        "create-luns": lambda: create_luns(shape),
        "map": lambda: map_luns(shape),
        "dump": lambda: lambda: rtslib.RTSRoot().dump(),
        "save": lambda: lambda: rtslib.RTSRoot().save_to_file(scratch),
        "list": lambda: listing(shape),
        "delete-lun": lambda: delete_lun(shape),
        "clear": lambda: lambda: rtslib.RTSRoot().clear_existing(confirm=True),
        "restore-empty": lambda: restore(saved),
        "restore-clear": lambda: restore(saved),
    }
