# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""From records to the saved configuration: the data of saveconfig.json, as rtslib-fb spells it.

What rtslib-fb does not keep stands in keys that it passes over. A storage object has no such
keys, since each is an argument of its constructor there: what is ours of it stands in the list
'rtslib' at the top, by the name that LUNs refer to it by.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable, ClassVar

from rtslib.acl import NodeACL
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config import names
from rtslib.config.form import NEXUS, form_of
from rtslib.config.once import once
from rtslib.config.state import shows_nothing
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
    from rtslib.spec import Spec

__all__ = ["OURS", "dump", "dump_record", "says"]

#: The key at the top under which stands what rtslib-fb has no place for.
OURS = "rtslib"
#: The version of what stands there.
VERSION = 1

Entry = dict[str, Any]


def dump(state: State) -> Entry:
    """Return a whole configuration as the data of saveconfig.json."""
    return _Dump(state).whole()


def dump_record(state: State, record: Record) -> Entry:
    """Return one node with all below it, as the saved configuration has it."""
    return _Dump(state).entry(record)


def says(data: Any, state: State) -> bool:
    """Tell whether data, not checked so far, are what ``dump`` returns of a state that is whole.

    Then to restore them changes nothing: no record is left out of the dump, and nothing of one that
    a plan would look at. Where a check wants 1, True is as good here.
    """
    objects = data.get("storage_objects") if isinstance(data, dict) else None
    if not isinstance(objects, list) or len(objects) != sum(
        issubclass(it.cls, StorageObject) for it in state
    ):
        return False
    return all(_is_told(state, it) for it in state) and bool(data == dump(state))


def _is_told(state: State, record: Record) -> bool:
    """Tell whether a dump tells all of a record: that it is whole, and not a twin of another."""
    if not state.stands(record.name) or "@" in record.name:
        return False
    if record.link is None or not issubclass(record.cls, MappedLUN):
        return True
    # Of its LUN only the number is told: the kernel takes one of another fabric's target that has
    # the same name (target_core_fabric_configfs.c, target_fabric_mappedlun_link).
    return record.link.end.startswith(f"{record.name.partition('/acls/')[0]}/")


class _Dump:
    """One state, being spelled."""

    def __init__(self, state: State) -> None:
        self.state = state
        #: By class or group and texts, what they are in the saved configuration: most nodes are
        #: alike.
        self._known: dict[tuple[Any, ...], Entry] = {}
        self._by_class: dict[type[Node], list[Record]] = {}
        self._specs: dict[str, Spec] = {}

    def whole(self) -> Entry:
        return {
            "storage_objects": [
                self._storage_object(it) for it in self._of(StorageObject) if _is_open(it)
            ],
            "targets": [self._target(it) for it in self._of(Target)],
            "fabric_modules": [
                entry for it in self._of(FabricModule) if len(entry := self._fabric_module(it)) > 1
            ],
            OURS: self._ours(),
        }

    def entry(self, record: Record) -> Entry:
        """Return the entry of a record, with all below it."""
        return _entry_of(record.cls)(self, record)

    def _spelled(self, record: Record, name: str) -> str:
        """Return a name as people spell it, in the case that it has on disk."""
        fabric = record.name.split("/", 2)[1]
        if fabric not in self._specs:
            self._specs[fabric] = names.spec_of(record.name)
        return self._specs[fabric].from_fabric(name)

    def _of(self, cls: type[Node]) -> list[Record]:
        """Return the records of a class, in order."""
        if not self._by_class:
            for record in self.state:
                self._by_class.setdefault(record.cls, []).append(record)
        kinds = [it for it in self._by_class if issubclass(it, cls)]
        if len(kinds) == 1:
            return self._by_class[kinds[0]]
        return [record for record in self.state if record.cls in kinds]

    def _values(self, record: Record, *, ours: bool = False) -> Entry:
        """Return the single attributes of a record: rtslib-fb's, or those that only we keep.

        They are one and the same of records that say the same: to be copied, not to be kept.
        """
        spelling, files, made = _spelling(record.cls, ours)
        texts = (*map(record.files.get, files), *map(record.made.get, made))
        known = self._known.get((record.cls, ours, texts))
        if known is None:
            known = self._known[record.cls, ours, texts] = {}
            for (key, optional, spell), text in zip(spelling, texts):
                value = None if text is None else spell(text)
                if text is not None and (value or not optional):
                    known[key] = value
        return known

    def _settings(self, record: Record) -> Entry:
        """Return the groups of settings of a record: attributes as numbers, parameters as text."""
        found: Entry = {}
        for key, settings, files in _groups(record.cls, tuple(record.files)):
            texts = tuple(map(record.files.__getitem__, files))
            known = self._known.get((key, settings, texts))
            if known is None:
                values = map(_plain, texts) if key == "attributes" else texts
                known = self._known[key, settings, texts] = dict(zip(settings, values))
            found[key] = dict(known)
        return found

    def _all(self, record: Record, cls: type[Node]) -> list[Entry]:
        """Return the entries of a record's children; not of those that export or show nothing."""
        entry_of = _entry_of(cls)
        children = self.state.children(record.name, cls)
        if not issubclass(cls, (LUN, MappedLUN)):
            return [entry_of(self, child) for child in children]
        return [entry_of(self, it) for it in children if it.link and not shows_nothing(it)]

    def _storage_object(self, record: Record) -> Entry:
        entry = {
            "name": record.base,
            "plugin": record.name.split("/")[2],
            **self._settings(record),
        }
        made = {key: value for key, value in record.made.items() if key not in _NOT_KEPT}
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
            **self._values(record),
            "alua_tpgs": self._all(record, ALUATargetPortGroup),
        }

    def _alua_group(self, record: Record) -> Entry:
        # The default group has the id 0, which it is not told.
        ours = {key: value for key, value in self._values(record, ours=True).items() if value}
        return {"name": record.base, "tg_pt_gp_id": 0, **self._values(record), **ours}

    def _fabric_module(self, record: Record) -> Entry:
        entry = {"name": record.name[1:], **self._values(record)}
        if not any(value for key, value in entry.items() if key.startswith("discovery_")):
            # As rtslib-fb: nothing where there is nothing to ask for.
            entry.pop("discovery_enable_auth", None)
        return entry

    def _target(self, record: Record) -> Entry:
        return {
            "wwn": self._spelled(record, record.base),
            "fabric": record.parent[1:],
            **self._settings(record),
            "tpgs": self._all(record, TPG),
        }

    def _tpg(self, record: Record) -> Entry:
        entry = {
            "tag": _number(record.base),
            "enable": True,
            **self._settings(record),
            **self._values(record),
            **self._values(record, ours=True),
            "luns": self._all(record, LUN),
            "portals": self._all(record, NetworkPortal),
            "node_acls": self._all(record, NodeACL),
        }
        nexus = record.made.get(NEXUS)
        # Under a name of ours: rtslib-fb makes a nexus of its own, and would fail to make another.
        return {**entry, "nexus_wwn": self._spelled(record, nexus)} if nexus else entry

    def _lun(self, record: Record) -> Entry:
        link = _link(record)
        # All or none: setting one of them sets another.
        ours = self._values(record, ours=True)
        return {
            "index": _number(record.base),
            "storage_object": link.end,
            "alias": link.alias,
            # Null, as rtslib-fb has it, where the storage object has no groups.
            "alua_tg_pt_gp_name": None,
            **{key: it for key, it in self._values(record).items() if it},
            **(ours if any(ours.values()) else {}),
        }

    def _portal(self, record: Record) -> Entry:
        address = record.name.rpartition("/portals/")[2]
        ip, _, port = address.rpartition(":")
        return {
            "ip_address": ip,
            "port": int(port),
            "iser": False,
            "offload": False,
            **self._values(record),
        }

    def _acl(self, record: Record) -> Entry:
        return {
            "node_wwn": self._spelled(record, record.base),
            **self._settings(record),
            **self._values(record),
            **self._values(record, ours=True),
            "mapped_luns": self._all(record, MappedLUN),
        }

    def _mapped_lun(self, record: Record) -> Entry:
        link = _link(record)
        return {
            "index": _number(record.base),
            "tpg_lun": int(link.end.rpartition("/lun")[2]),
            "alias": link.alias,
            **self._values(record),
        }

    def _ours(self) -> Entry:
        """Return what of storage objects and LU groups only we keep."""
        return {
            "version": VERSION,
            "alua_lu_gps": [
                {"name": it.base, **self._values(it, ours=True)}
                for it in self._of(ALUALUGroup)
                if it.base != "default_lu_gp"
            ],
            "storage_objects": {
                it.name: dict(self._values(it, ours=True))
                for it in self._of(StorageObject)
                if _is_open(it)
            },
            "fabric_modules": {
                it.name[1:]: dict(values)
                for it in self._of(FabricModule)
                if (values := self._values(it, ours=True))
            },
        }

    ENTRIES: ClassVar[dict[type[Node], Callable[[_Dump, Record], Entry]]] = {
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


#: What a storage object is made with that the machine decides, or the kernel.
_NOT_KEPT = frozenset({"hctl", "page_size"})


@once
def _entry_of(cls: type[Node]) -> Callable[[_Dump, Record], Entry]:
    """Return what makes the entries of a class: of its nearest class that has any."""
    return next(_Dump.ENTRIES[it] for it in cls.__mro__ if it in _Dump.ENTRIES)


Spelling = tuple[tuple[str, bool, Callable[[str], Any]], ...]


@once
def _spelling(cls: type[Node], ours: bool) -> tuple[Spelling, tuple[str, ...], tuple[str, ...]]:
    """Return how the single attributes of a class are spelled, and where their texts stand.

    Those that can change come first, then those that are set once.
    """
    mine = sorted((it for it in form_of(cls).saved if it.ours == ours), key=lambda it: it.once)
    return (
        tuple((it.key, it.optional, it.spell) for it in mine),
        tuple(it.file for it in mine if not it.once),
        tuple(it.file for it in mine if it.once),
    )


@once
def _groups(
    cls: type[Node], files: tuple[str, ...]
) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
    """Return the groups of settings among files: the key, the names and the files of each."""
    found = []
    for key in form_of(cls).groups:
        prefix = f"{getattr(cls, key).directory}/"
        mine = tuple(file for file in files if file.startswith(prefix))
        if mine:
            found.append((key, tuple(file[len(prefix) :] for file in mine), mine))
    return tuple(found)


def _is_open(record: Record) -> bool:
    return record.files.get("enable") == "1"


@lru_cache(maxsize=1024)
def _plain(text: str) -> int | str:
    """Return a number where rtslib-fb would read one."""
    try:
        return int(text)
    except ValueError:
        return text.rstrip("\n")


def _link(record: Record) -> Link:
    if record.link is None:
        raise RTSLibBrokenLink(f"{record.name} is linked to nothing", path=record.path)
    return record.link


@lru_cache(maxsize=1024)
def _number(base: str) -> int:
    """Return the number in the name of a directory."""
    return kernel_int(base.partition("_")[2])
