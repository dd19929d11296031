# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""From records to the saved configuration: the data of saveconfig.json, as rtslib-fb spells it.

What rtslib-fb does not keep stands in keys that it passes over. A storage object has no such
keys, since each is an argument of its constructor there: what is ours of it stands in the list
'rtslib' at the top, by the name that LUNs refer to it by.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable

from rtslib.acl import NodeACL
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config import names
from rtslib.config.form import NEXUS, form_of
from rtslib.config.once import once
from rtslib.errors import RTSLibBrokenLink
from rtslib.fabric import FabricModule
from rtslib.lun import LUN, MappedLUN
from rtslib.network_portal import NetworkPortal
from rtslib.storage import StorageObject
from rtslib.target import TPG, Target
from rtslib.tcm import BlockStorageObject, UserBackedStorageObject
from rtslib.values import kernel_int

if TYPE_CHECKING:
    from rtslib.config.state import Link, Record, State
    from rtslib.node import Node

__all__ = ["OURS", "dump", "dump_record"]

#: The key at the top under which stands what rtslib-fb has no place for.
OURS = "rtslib"
#: The version of what stands there.
VERSION = 1

Entry = dict[str, Any]


def dump(state: State) -> Entry:
    """Return a whole configuration as the data of saveconfig.json."""
    return {
        "storage_objects": [
            _storage_object(state, it) for it in _of(state, StorageObject) if _is_open(it)
        ],
        "targets": [_target(state, it) for it in _of(state, Target)],
        "fabric_modules": [
            entry for it in _of(state, FabricModule) if len(entry := _fabric_module(state, it)) > 1
        ],
        OURS: _ours(state),
    }


def dump_record(state: State, record: Record) -> Entry:
    """Return one node with all below it, as the saved configuration has it."""
    return next(_ENTRIES[it] for it in record.cls.__mro__ if it in _ENTRIES)(state, record)


def _of(state: State, cls: type[Node]) -> list[Record]:
    return [record for record in state if issubclass(record.cls, cls)]


def _is_open(record: Record) -> bool:
    return record.files.get("enable") == "1"


def _values(record: Record, *, ours: bool = False) -> Entry:
    """Return the single attributes of a record: rtslib-fb's, or those that only we keep."""
    found: Entry = {}
    made, files = record.made, record.files
    for key, file, is_made, optional, spell in _spelling(record.cls, ours):
        text = (made if is_made else files).get(file)
        if text is not None:
            value = spell(text)
            if value or not optional:
                found[key] = value
    return found


@once
def _spelling(
    cls: type[Node], ours: bool
) -> tuple[tuple[str, str, bool, bool, Callable[[str], Any]], ...]:
    """Return what is to be known of the single attributes of a class, to spell many quickly."""
    return tuple(
        (it.key, it.file, it.once, it.optional, it.spell)
        for it in form_of(cls).saved
        if it.ours == ours
    )


def _settings(record: Record) -> Entry:
    """Return the groups of settings of a record: attributes as numbers, parameters as text."""
    found: Entry = {}
    for key in form_of(record.cls).groups:
        prefix = f"{getattr(record.cls, key).directory}/"
        begin = len(prefix)
        values: Entry = {
            file[begin:]: text for file, text in record.files.items() if file.startswith(prefix)
        }
        if key == "attributes":
            values = {name: _plain(text) for name, text in values.items()}
        if values:
            found[key] = values
    return found


@lru_cache(maxsize=1024)
def _plain(text: str) -> int | str:
    """Return a number where rtslib-fb would read one."""
    try:
        return int(text)
    except ValueError:
        return text.rstrip("\n")


def _all(state: State, record: Record, cls: type[Node]) -> list[Entry]:
    """Return the entries of a record's children; a number without a link exports nothing."""
    linked = issubclass(cls, (LUN, MappedLUN))
    return [
        dump_record(state, child)
        for child in state.children(record.name, cls)
        if child.link or not linked
    ]


def _storage_object(state: State, record: Record) -> Entry:
    entry = {"name": record.base, "plugin": record.name.split("/")[2], **_settings(record)}
    made = {key: value for key, value in record.made.items() if key not in ("hctl", "page_size")}
    if not made.get("nullio", True):
        # As rtslib-fb: only where it is so.
        del made["nullio"]
    if issubclass(record.cls, BlockStorageObject):
        entry["write_back"] = record.files.get("attrib/emulate_write_cache") == "1"
    if issubclass(record.cls, UserBackedStorageObject) and not made["control"]:
        del made["control"]
    return {
        **entry,
        **made,
        **_values(record),
        "alua_tpgs": _all(state, record, ALUATargetPortGroup),
    }


def _alua_group(_state: State, record: Record) -> Entry:
    # The default group has the id 0, which it is not told.
    ours = {key: value for key, value in _values(record, ours=True).items() if value}
    return {"name": record.base, "tg_pt_gp_id": 0, **_values(record), **ours}


def _fabric_module(_state: State, record: Record) -> Entry:
    entry = {"name": record.name[1:], **_values(record)}
    if not any(value for key, value in entry.items() if key.startswith("discovery_")):
        # As rtslib-fb: nothing where there is nothing to ask for.
        entry.pop("discovery_enable_auth", None)
    return entry


def _target(state: State, record: Record) -> Entry:
    return {
        "wwn": _spelled(record, record.base),
        "fabric": record.parent[1:],
        **_settings(record),
        "tpgs": _all(state, record, TPG),
    }


def _spelled(record: Record, name: str) -> str:
    """Return a name as people spell it, in the case that it has on disk."""
    return names.spec_of(record.name).from_fabric(name)


def _link(record: Record) -> Link:
    if record.link is None:
        raise RTSLibBrokenLink(f"{record.name} is linked to nothing", path=record.path)
    return record.link


def _tpg(state: State, record: Record) -> Entry:
    entry = {
        "tag": _number(record),
        "enable": True,
        **_settings(record),
        **_values(record),
        **_values(record, ours=True),
        "luns": _all(state, record, LUN),
        "portals": _all(state, record, NetworkPortal),
        "node_acls": _all(state, record, NodeACL),
    }
    nexus = record.made.get(NEXUS)
    # Under a name of ours: rtslib-fb makes a nexus of its own, and would fail to make another.
    return {**entry, "nexus_wwn": _spelled(record, nexus)} if nexus else entry


def _number(record: Record) -> int:
    return kernel_int(record.base.partition("_")[2])


def _lun(_state: State, record: Record) -> Entry:
    link = _link(record)
    # All or none: setting one of them sets another.
    ours = _values(record, ours=True)
    return {
        "index": _number(record),
        "storage_object": link.end,
        "alias": link.alias,
        # Null, as rtslib-fb has it, where the storage object has no groups.
        "alua_tg_pt_gp_name": None,
        **{key: it for key, it in _values(record).items() if it},
        **(ours if any(ours.values()) else {}),
    }


def _portal(_state: State, record: Record) -> Entry:
    address = record.name.rpartition("/portals/")[2]
    ip, _, port = address.rpartition(":")
    return {"ip_address": ip, "port": int(port), "iser": False, "offload": False, **_values(record)}


def _acl(state: State, record: Record) -> Entry:
    return {
        "node_wwn": _spelled(record, record.base),
        **_settings(record),
        **_values(record),
        **_values(record, ours=True),
        "mapped_luns": _all(state, record, MappedLUN),
    }


def _mapped_lun(_state: State, record: Record) -> Entry:
    link = _link(record)
    return {
        "index": _number(record),
        "tpg_lun": int(link.end.rpartition("/lun")[2]),
        "alias": link.alias,
        **_values(record),
    }


def _ours(state: State) -> Entry:
    """Return what of storage objects and LU groups only we keep."""
    return {
        "version": VERSION,
        "alua_lu_gps": [
            {"name": it.base, **_values(it, ours=True)}
            for it in _of(state, ALUALUGroup)
            if it.base != "default_lu_gp"
        ],
        "storage_objects": {
            it.name: _values(it, ours=True) for it in _of(state, StorageObject) if _is_open(it)
        },
        "fabric_modules": {
            it.name[1:]: values
            for it in _of(state, FabricModule)
            if (values := _values(it, ours=True))
        },
    }


_ENTRIES: dict[type[Node], Callable[[State, Record], Entry]] = {
    StorageObject: _storage_object,
    ALUATargetPortGroup: _alua_group,
    FabricModule: _fabric_module,
    Target: _target,
    TPG: _tpg,
    LUN: _lun,
    NetworkPortal: _portal,
    NodeACL: _acl,
    MappedLUN: _mapped_lun,
}
