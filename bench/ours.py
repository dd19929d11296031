# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The works done with this library: by the classic calls, and by those that only it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

import rtslib
from rtslib import config, configfs
from rtslib.config.savefile import SaveFile

if TYPE_CHECKING:
    from shape import Shape


def tpg_of(shape: Shape) -> Any:
    """Return the TPG, which is there."""
    return rtslib.TPG(rtslib.Target(rtslib.FabricModule("iscsi"), shape.target), 1)


def create_storage(shape: Shape) -> None:
    """Make the storage objects."""
    for number in range(shape.luns):
        rtslib.RDMCPStorageObject(f"{shape.name}{number}", 4096, shape.serial(number))


def create_luns(shape: Shape) -> None:
    """Make the LUNs."""
    tpg = tpg_of(shape)
    for number in range(shape.luns):
        disk = rtslib.RDMCPStorageObject(f"{shape.name}{number}", index=number)
        rtslib.LUN(tpg, number, disk)


def map_luns(shape: Shape) -> None:
    """Map all LUNs in each ACL."""
    tpg = tpg_of(shape)
    for client in shape.clients:
        acl = rtslib.NodeACL(tpg, client)
        for number in range(shape.luns):
            rtslib.MappedLUN(acl, number, number)


def capture(shape: Shape) -> None:
    """Read all that a configuration is."""
    config.capture(configfs.current())


def dump(shape: Shape) -> None:
    """Read all that is saved."""
    rtslib.RTSRoot().dump()


def listing(shape: Shape) -> int:
    """Go through everything: names, numbers and where each link leads."""
    root, seen = rtslib.RTSRoot(), 0
    for disk in root.storage_objects:
        seen += bool(disk.name)
    for lun in root.luns:
        seen += lun.lun >= 0 and bool(lun.storage_object.name)
    for mapped in root.mapped_luns:
        seen += mapped.mapped_lun >= 0 and mapped.tpg_lun.lun >= 0
    return seen


def plan(shape: Shape, saved: str) -> None:
    """Compare with a file that says what is there."""
    fs = configfs.current()
    want = config.checked(SaveFile(saved).load())
    steps = config.planned(config.capture(fs), want, fs.root)
    if len(steps):
        raise SystemExit(f"the plan of what is so has {len(steps)} steps: {list(steps)[:3]}")


def restore(shape: Shape, saved: str) -> None:
    """Restore from a file; what it does not name is removed."""
    failed = rtslib.RTSRoot().restore_from_file(saved, clear_existing=True)
    if failed:
        raise SystemExit(f"{len(failed)} things were not restored: {failed[:3]}")


def change(shape: Shape) -> None:
    """Change a setting of one storage object as a plan."""
    fs = configfs.current()
    have = config.capture(fs)
    data = config.dump(have)
    for entry in data["storage_objects"]:
        if entry["name"] == f"{shape.name}{shape.luns // 2}":
            entry["attributes"]["emulate_3pc"] = 0
    steps = config.planned(have, config.checked(config.Document(data)), fs.root)
    report = config.apply(fs, steps)
    if len(steps) != 1 or not report.good:
        raise SystemExit(f"{len(steps)} steps: {report.errors()}")


def delete_lun(shape: Shape) -> None:
    """Delete one LUN of many, with what shows it."""
    tpg_of(shape).luns[shape.luns // 2].delete()


def clear(shape: Shape) -> None:
    """Remove everything."""
    rtslib.RTSRoot().clear_existing(confirm=True)


def works(shape: Shape, saved: str, scratch: str) -> dict[str, Callable[[], Any]]:
    """Return what does each work.

    What is imported or parsed when it is first used is there then, as with rtslib-fb, whose import
    does all of it: starting up is measured on its own.
    """
    rtslib.FabricModule("iscsi").has_feature("tpgts")
    return {
        "create-storage": lambda: create_storage(shape),
        "create-luns": lambda: create_luns(shape),
        "map": lambda: map_luns(shape),
        "capture": lambda: capture(shape),
        "dump": lambda: dump(shape),
        "save": lambda: rtslib.RTSRoot().save_to_file(scratch),
        "list": lambda: listing(shape),
        "plan": lambda: plan(shape, saved),
        "restore-unchanged": lambda: restore(shape, saved),
        "change": lambda: change(shape),
        "delete-lun": lambda: delete_lun(shape),
        "clear": lambda: clear(shape),
        "restore-empty": lambda: restore(shape, saved),
        "restore-clear": lambda: restore(shape, saved),
    }


def prepare(saved: str) -> None:
    """Save what is there, for all to restore."""
    rtslib.RTSRoot().save_to_file(saved)
