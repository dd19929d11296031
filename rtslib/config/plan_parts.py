# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a plan must know of single classes: devices, the order of writes, what must not fail.

Facts with their sources, and small functions over records; nothing here touches the kernel.
"""

from __future__ import annotations

import os
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from rtslib import blockdev, control, host
from rtslib.alua import ALUATargetPortGroup
from rtslib.attributes import STORAGE_ATTRIB
from rtslib.config.form import form_of
from rtslib.config.once import once
from rtslib.config.steps import Step
from rtslib.configfs import HostConfigFS
from rtslib.fabric import spec_of_group
from rtslib.recipe import RECIPES
from rtslib.storage import StorageObject
from rtslib.target import TPG
from rtslib.tcm import FileIOStorageObject, PSCSIStorageObject
from rtslib.values import FLAG
from rtslib.wwn import WWN_TYPES, generate_wwn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.config.state import Record
    from rtslib.node import Node

__all__ = [
    "LAST",
    "LU_GROUP",
    "VITAL",
    "Write",
    "changed_by",
    "control_text",
    "deciding",
    "device",
    "in_order",
    "is_made",
    "must_rest",
    "new_alias",
    "new_nexus",
    "ordered",
    "resize",
    "secrets",
    "state_suits",
    "unset",
]

#: Settings without which more would be let in than was asked for: what fails here is not exported.
VITAL = frozenset(
    {
        "write_protect",
        "attrib/authentication",
        "attrib/generate_node_acls",
        "attrib/demo_mode_write_protect",
        "attrib/prod_mode_write_protect",
        "discovery_auth/enforce_discovery_auth",
    }
)

#: Where a vital setting lets fewer in: written before any that lets more in, so that no moment,
#: and no failure in between, is more open than both what was and what is to be.
_TIGHT = {
    "attrib/authentication": "1",
    "attrib/generate_node_acls": "0",
    "attrib/demo_mode_write_protect": "1",
    "attrib/prod_mode_write_protect": "1",
}

#: What the kernel changes with a setting, by the setting's file. Of a TPG: iscsi_target_tpg.c,
#: iscsit_ta_authentication() and iscsit_ta_generate_node_acls(); of a LUN, and of a group:
#: target_core_alua.c.
_CHANGES = {
    "attrib/authentication": ("param/AuthMethod",),
    "alua_tg_pt_offline": ("alua_tg_pt_status",),
    "alua_access_state": ("alua_access_status",),
    "attrib/generate_node_acls": ("attrib/cache_dynamic_acls",),
    **{f"attrib/{name}": it.changes for name, it in STORAGE_ATTRIB.items() if it.changes},
}
_ENABLE, _RTPI = TPG.enable.file, TPG.rtpi.file
#: What of a TPG changes only while it is off.
_WHILE_OFF = (_RTPI, TPG.directory_id.file)
_SERIAL = StorageObject.serial.file
#: Joined when all states are set: a transition moves the whole group of logical units.
LU_GROUP = StorageObject.alua_lu_gp.file
#: The place behind all that a record has, its children too.
LAST = ""
#: Where it is not 0, thin provisioning is switched on without a look at the device.
_CAN_UNMAP = "attrib/max_unmap_block_desc_count"
_DECIDING = (_CAN_UNMAP, *_TIGHT)

_STATE, _STATUS, _TYPE = "alua_access_state", "alua_access_status", "alua_access_type"
_IMPLICIT, _EXPLICIT = 1, 2
_LBA_DEPENDENT = "4"


class Write(NamedTuple):
    """A write to a file of a record; `place` is the file in whose place it stands."""

    place: str
    file: str
    text: str
    reason: str
    maybe: bool


@once
def secrets(cls: type[Node]) -> frozenset[str]:
    """Return the files of a class that hold secrets."""
    return frozenset(saved.file for saved in form_of(cls).saved if saved.attr.secret)


def new_alias() -> str:
    """Return a name for a link, of which the kernel makes nothing."""
    return os.urandom(5).hex()


def new_nexus(path: str) -> str | None:
    """Return a nexus for a new TPG at a path, None where its fabric has none."""
    group, target = path.split("/")[:2]
    spec = spec_of_group(group)
    if not spec.has_feature("nexus"):
        return None
    prefix = spec.from_fabric(target).partition(".")[0].lower()
    return spec.to_fabric(generate_wwn(prefix if prefix in WWN_TYPES else "naa"))


def device(record: Record, path: str, reason: str, *, create: bool) -> Iterator[Step]:
    """Yield the steps that open a storage object's device; see ``recipe``."""
    step = partial(Step, part=f"+{record.name}", reason=reason, vital=True)
    cls: Any = record.cls
    made = dict(record.made)
    dev = made.get("dev")
    if dev and os.path.isabs(dev):
        yield step(*_present(cls, dev, made, create=create))
    if issubclass(cls, PSCSIStorageObject) and "hctl" not in made:
        # Its address changes from boot to boot: it is looked up when it is used.
        yield step("address", path, str(dev))
    else:
        yield step("write", f"{path}/control", control_text(cls, path, made))
    if dev and os.path.isabs(dev):  # a SCSI address is none
        yield step("write", f"{path}/udev_path", dev)
    if record.files.get("enable", "1") == "1":
        yield step("write", f"{path}/enable", "1")
    serial = record.files.get(_SERIAL)
    if serial is None and _SERIAL in {saved.file for saved in form_of(cls).saved}:
        # Two disks without one are the same disk to initiators.
        serial = generate_wwn("unit_serial")
    if serial and serial != "\n":
        yield step("write", f"{path}/{_SERIAL}", serial)
        yield step("reservations", path, serial)


def control_text(cls: type[StorageObject], path: str, made: dict[str, Any]) -> str:
    """Return what is written to control to make an object; InvalidValueError if it cannot be."""
    made = {"page_size": host.page_size(), **made}
    node = cls.handle(_NOWHERE, path)
    return control.encode(node, cls.control_keys, RECIPES[cls.plugin].settings(made))


def _present(
    cls: type[StorageObject], dev: str, made: dict[str, Any], *, create: bool
) -> tuple[str, ...]:
    """Return what makes sure of a device: the kernel would make a file that is not there."""
    if issubclass(cls, FileIOStorageObject):
        if made.get("size") is None and os.path.exists(dev):
            made["size"] = blockdev.size_in_bytes(dev)
        if create and made.get("size") and not dev.startswith("/dev/") and not os.path.exists(dev):
            return "create", dev, str(made["size"])
    return "check", dev


#: The tree of a node that is only named in errors.
_NOWHERE = HostConfigFS()


def resize(record: Record, path: str, size: int) -> Iterator[Step]:
    """Yield the steps that give an open object of fileio or user another size."""
    why = "another size; initiators must rescan"
    if issubclass(record.cls, FileIOStorageObject):
        yield Step("grow", str(record.made["dev"]), str(size), reason=why)
        yield Step("write", f"{path}/control", f"fd_dev_size={size}", reason=why)
    else:
        yield Step("write", f"{path}/attrib/dev_size", str(size), reason=why)


def ordered(there: Optional[Record], record: Record, forced: set[str]) -> Iterator[Write]:
    """Yield the writes that make a record's files as they are to be.

    Of a new node all may have to be written; of one that is there only what differs, and what the
    kernel changes with that. `forced` are files that something else in the plan changes.
    """
    if issubclass(record.cls, ALUATargetPortGroup):
        yield from _alua(there, record)
    elif issubclass(record.cls, TPG):
        yield from _tpg(there, record)
    else:
        for write in _plain(there, record, forced):
            yield write._replace(place=LAST) if write.file == LU_GROUP else write


def _plain(there: Optional[Record], record: Record, forced: set[str]) -> Iterator[Write]:
    """Yield writes in an order that every class can do with, which has none of its own."""
    touched = set(forced)
    begins = unset(record.cls)
    for file in in_order(tuple(record.files), deciding(record)):
        text = record.files[file]
        if not text:
            continue
        if there is None:
            if begins.get(file) != text and not is_made(record.cls, file):
                yield Write(file, file, text, "", maybe=True)
        elif file in there.files and there.files[file] != text:
            yield Write(file, file, text, f"is {_shown(record, there, file)}", maybe=False)
            touched.update(changed_by(file))
        elif file in touched:
            yield Write(file, file, text, "changes with another setting", maybe=True)


@once
def unset(cls: type[Node]) -> dict[str, str]:
    """Return the texts of what reads as nothing in a new node: credentials, tags."""
    return {
        saved.file: saved.codec.encode("")
        for saved in form_of(cls).saved
        if saved.optional and not saved.ours
    }


def _shown(record: Record, there: Record, file: str) -> str:
    return "another" if file in secrets(record.cls) else repr(there.files[file].rstrip("\n"))


def is_made(cls: type[Node], file: str) -> bool:
    """Tell whether a file of a new storage object was written with its device."""
    return issubclass(cls, StorageObject) and file in {"enable", _SERIAL}


def deciding(record: Record) -> tuple[Optional[str], ...]:
    """Return the texts on which the order of a record's files depends."""
    return tuple(map(record.files.get, _DECIDING))


@lru_cache(maxsize=256)
def in_order(files: tuple[str, ...], texts: tuple[Optional[str], ...]) -> list[str]:
    """Return files in order, those that change others before these; see ``deciding``.

    Of their texts only what matters is told, for most objects are alike.
    """
    unmap_count, *tight = texts
    can_unmap = unmap_count not in (None, "0")
    tightened = {file for file, text in zip(_TIGHT, tight) if text == _TIGHT[file]}

    def place(file: str) -> tuple[bool, bool, int, str]:
        first = file == _CAN_UNMAP and can_unmap
        return not first, file not in tightened, -len(changed_by(file)), file

    return sorted(files, key=place)


def changed_by(file: str) -> tuple[str, ...]:
    """Return the files that the kernel changes with one of the same node."""
    return _CHANGES.get(file, ())


def must_rest(there: Record, record: Record) -> str | None:
    """Return why a TPG that is on must be switched off, be it for a while; None if it need not."""
    if there.files.get(_ENABLE) != "1":
        return None
    if not FLAG.decode(record.files[_ENABLE]):
        return "it is to be off"
    files = [write.file for write in _plain(there, record, set()) if _is_for_rest(write)]
    return f"{', '.join(files)} can change only while it is off" if files else None


def _is_for_rest(write: Write) -> bool:
    # An rtpi of 0 is none yet: the kernel finds one, and takes no 0.
    return write.file in _WHILE_OFF and (write.file, write.text) != (_RTPI, "0")


def _tpg(there: Optional[Record], record: Record) -> Iterator[Write]:
    """Yield a TPG's writes: what it must be off for comes right before it is switched on.

    Whether it is off then is the plan's business: two TPGs cannot have the same relative port
    identifier, not even for a moment, so that all that change it are switched off first.
    """
    writes = list(_plain(there, record, set()))
    for write in writes:
        if _is_for_rest(write):
            yield write._replace(place=_ENABLE)
    for write in writes:
        if write.file not in (*_WHILE_OFF, _ENABLE):
            yield write
    if there is None or not must_rest(there, record):
        yield from (write for write in writes if write.file == _ENABLE)
    elif FLAG.decode(record.files[_ENABLE]):
        yield Write(_ENABLE, _ENABLE, "1", "on again", maybe=False)


def state_suits(record: Record) -> bool:
    """Tell whether a new group takes its state under the access type that it begins with."""
    return record.files.get(_STATE) != _LBA_DEPENDENT


def _alua(there: Optional[Record], record: Record) -> Iterator[Write]:
    """Yield a group's writes: its state is taken only under an access type that allows it."""
    wanted = record.files
    # A new group begins as the kernel makes it (core_alua_allocate_tg_pt_gp).
    now = there.files if there is not None else {_TYPE: str(_IMPLICIT | _EXPLICIT)}
    moves = _STATE in wanted and now.get(_STATE) != wanted[_STATE]
    kind = int(now.get(_TYPE, "0"))
    suits = kind & _IMPLICIT and not (wanted.get(_STATE) == _LBA_DEPENDENT and kind & _EXPLICIT)
    for file, text in wanted.items():
        if file == _STATE and moves and not suits:
            why = "so that the state can be set"
            yield Write(_STATE, _TYPE, str(_IMPLICIT), why, maybe=False)
        changed = now.get(file) != text
        again = moves and (file == _STATUS or (file == _TYPE and not suits))
        if there is None or changed or again:
            why = f"is {now[file]}" if file in now and changed else ""
            yield Write(file, file, text, why, maybe=there is None or not changed)
