# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""From the saved configuration to records: what it says, and where that would stand.

Takes data that ``schema`` has checked. What the data does not name, the records do not have, but
for what is left out where there is none of it: credentials and tags.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from rtslib import spec
from rtslib.acl import NodeACL
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config import names
from rtslib.config.dump import OURS
from rtslib.config.form import NEXUS, form_of, is_kept, setting_codec
from rtslib.config.once import once
from rtslib.config.state import Link, Record, State, new_link, new_record
from rtslib.errors import InvalidValueError
from rtslib.fabric import FabricModule
from rtslib.lun import LUN, MappedLUN
from rtslib.network_portal import NetworkPortal
from rtslib.portal import PortalAddress
from rtslib.target import TPG, Target
from rtslib.tcm import (
    BlockStorageObject,
    FileIOStorageObject,
    PSCSIStorageObject,
    RDMCPStorageObject,
    UserBackedStorageObject,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtslib.config.form import Saved
    from rtslib.node import Node
    from rtslib.spec import Spec
    from rtslib.storage import StorageObject

__all__ = ["wanted", "wanted_below"]

Entry = dict[str, Any]

#: What an object of each plugin is made of, and what it is where that is not given.
_MADE: dict[type[StorageObject], dict[str, Any]] = {
    FileIOStorageObject: {"dev": None, "size": None, "write_back": False, "aio": False},
    BlockStorageObject: {"dev": None, "readonly": False, "exclusive": True},
    PSCSIStorageObject: {"dev": None},
    RDMCPStorageObject: {"size": None, "nullio": False},
    UserBackedStorageObject: {
        "config": None,
        "size": None,
        "hw_max_sectors": None,
        "control": None,
    },
}
_PLUGINS = {cls.plugin: cls for cls in _MADE}


def wanted(data: Entry) -> State:
    """Return the records that checked data of saveconfig.json asks for."""
    reader = _Wanted(data.get(OURS) or {})
    reader.whole(data)
    if data.get(OURS) is None:
        # Made by rtslib-fb, which knows no such groups.
        reader.state.unsaid = (ALUALUGroup,)
    return reader.state


def wanted_below(cls: type[Node], parent: str, entry: Entry, of: Spec | None) -> State:
    """Return the records that one checked entry asks for, of a class, below the record `parent`.

    `of` is the spec of the fabric that it stands in.
    """
    reader = _Wanted({})
    if issubclass(cls, ALUATargetPortGroup):
        reader.alua_group(parent, entry)
    elif issubclass(cls, FabricModule):
        reader.fabric(entry["name"], entry)
    elif issubclass(cls, Target):
        reader.target(entry)
    elif of is not None:
        reader.in_fabric[cls](parent, entry, of)
    return reader.state


class _Wanted:
    """One reading of a saved configuration."""

    def __init__(self, ours: Entry) -> None:
        self.state = State()
        self.ours = ours
        #: Texts by attribute and value, by all values of an entry, and of whole groups of settings
        #: by the data that has them: what is alike in a configuration is one piece of data since
        #: it was checked.
        self._texts: dict[tuple[Any, ...], str] = {}
        self._known: dict[tuple[Any, ...], tuple[Entry, dict[str, str]]] = {}
        self._groups: dict[int, tuple[Entry, dict[str, str]]] = {}
        self.in_fabric: dict[type[Node], Callable[[str, Entry, Spec], None]] = {
            TPG: self._tpg,
            LUN: self._lun,
            NetworkPortal: self._portal,
            NodeACL: self._acl,
            MappedLUN: self._mapped_lun,
        }

    def whole(self, data: Entry) -> None:
        """Read all of it."""
        for entry in _numbered_first(self.ours.get("alua_lu_gps", ()), "lu_gp_id"):
            self._add(ALUALUGroup, "", entry["name"], entry)
        for entry in data.get("storage_objects", ()):
            self._storage_object(entry)
        for entry in data.get("fabric_modules", ()):
            self.fabric(entry["name"], entry)
        for name in self.ours.get("fabric_modules", ()):
            self._fabric_of(name)
        for entry in data.get("targets", ()):
            self.target(entry)

    def _add(
        self,
        cls: type[Node],
        parent: str,
        base: str,
        entry: Entry,
        *,
        of: Spec | None = None,
        name: str | None = None,
        made: Entry | None = None,
        files: dict[str, str] | None = None,
        link: Link | None = None,
    ) -> str:
        """Add the record of an entry and return its name."""
        name = name or names.name_of(cls, parent, base, of)
        said_made, said_files = self._said(cls, entry)
        made = {**made, **said_made} if made else said_made
        files = {**files, **said_files} if files else said_files
        self.state.add(Record(name, cls, parent, base, "", made, files, link))
        return name

    def _said(self, cls: type[Node], entry: Entry) -> tuple[Entry, dict[str, str]]:
        """Return what an entry says of a node's files: what is written once, and the others.

        It is one and the same of entries that say the same.
        """
        keys, groups = _keys(cls)
        values = (cls, *map(entry.get, keys), *map(id, map(entry.get, groups)))
        known = self._known.get(values)
        if known is None:
            known = self._known[values] = self._read(cls, entry)
        return known

    def _read(self, cls: type[Node], entry: Entry) -> tuple[Entry, dict[str, str]]:
        """Read what an entry says."""
        made: Entry = {}
        files: dict[str, str] = {}
        form = form_of(cls)
        for saved in form.saved:
            value = entry.get(saved.key)
            if value is None and saved.optional and not saved.ours:
                value = ""
            if value is not None:
                (made if saved.once else files)[saved.file] = self._encoded(saved, value)
        for key in form.groups:
            if key in entry:
                files.update(self._settings(cls, key, entry[key]))
        return made, files

    def _encoded(self, saved: Saved, value: Any) -> str:
        key = id(saved), value.__class__, value
        text = self._texts.get(key)
        if text is None:
            text = self._texts[key] = saved.codec.encode(value)
        return text

    def _settings(self, cls: type[Node], key: str, values: Entry) -> dict[str, str]:
        """Return the files of a group of settings; those of objects that are alike are one."""
        known = self._groups.get(id(values))
        if known is None:
            group = getattr(cls, key)
            texts = {
                f"{group.directory}/{setting}": setting_codec(group, setting).encode(value)
                for setting, value in values.items()
                if is_kept(group, setting)
            }
            known = self._groups[id(values)] = values, texts
        return known[1]

    def _storage_object(self, entry: Entry) -> None:
        cls = _PLUGINS[entry["plugin"]]
        more = self.ours.get("storage_objects", {})
        name = names.storage_object(cls.plugin, entry["name"])
        made = {
            key: value
            for key, default in _MADE[cls].items()
            if (value := entry.get(key, default)) is not None
        }
        record = {**entry, **more.get(name, {})}
        self._add(cls, "", entry["name"], record, made=made, name=name, files={"enable": "1"})
        for group in _numbered_first(entry.get("alua_tpgs", ()), "tg_pt_gp_id"):
            self.alua_group(name, group)

    def alua_group(self, parent: str, entry: Entry) -> None:
        """Read an ALUA group of a storage object."""
        if entry["name"] == "default_tg_pt_gp":
            entry = {**entry, "tg_pt_gp_id": None}
        elif not entry.get("tg_pt_gp_id"):
            # The kernel picks one.
            entry = {**entry, "tg_pt_gp_id": 0}
        self._add(ALUATargetPortGroup, parent, entry["name"], entry)

    def fabric(self, name: str, entry: Entry) -> None:
        """Read the settings of a fabric."""
        found = spec.find(name)
        more = self.ours.get("fabric_modules", {}).get(found.name, {})
        self._add(FabricModule, "", found.configfs_group, {**entry, **more}, of=found)

    def _fabric_of(self, name: str) -> None:
        """Add a fabric that has no entry: it holds targets, and has what only we keep."""
        if f"/{name}" in self.state:
            return
        files = {
            saved.file: saved.codec.encode(value)
            for saved in form_of(FabricModule).saved
            if (value := self.ours.get("fabric_modules", {}).get(name, {}).get(saved.key))
        }
        group = spec.find(name).configfs_group
        self.state.add(Record(f"/{name}", FabricModule, "", group, "", {}, files, None))

    def target(self, entry: Entry) -> None:
        """Read a target with all that it has."""
        found = spec.find(entry["fabric"])
        parent = f"/{found.name}"
        self._fabric_of(found.name)
        base = found.to_fabric(_normal(found, entry["wwn"]))
        name = self._add(Target, parent, base, entry, of=found)
        for tpg in entry["tpgs"]:
            self._tpg(name, tpg, found)

    def _tpg(self, parent: str, entry: Entry, of: Spec) -> None:
        made = {}
        if entry.get("nexus_wwn") and of.has_feature("nexus"):
            made[NEXUS] = of.to_fabric(entry["nexus_wwn"])
        name = self._add(TPG, parent, f"tpgt_{entry['tag']}", entry, of=of, made=made)
        for lun in entry["luns"]:
            self._lun(name, lun, of)
        for portal in entry["portals"]:
            self._portal(name, portal, of)
        for acl in entry["node_acls"]:
            self._acl(name, acl, of)

    def _lun(self, parent: str, entry: Entry, of: Spec) -> None:
        link = Link(entry["storage_object"], entry.get("alias"))
        self._add(LUN, parent, f"lun_{entry['index']}", entry, of=of, link=link)

    def _portal(self, parent: str, entry: Entry, of: Spec) -> None:
        address = PortalAddress(entry["ip_address"], entry["port"])
        self._add(NetworkPortal, parent, address.name, entry, of=of)

    def _acl(self, parent: str, entry: Entry, of: Spec) -> None:
        # In lower case, as NodeACL makes it: the kernel would find no other.
        base = of.to_fabric(_normal(of, entry["node_wwn"], lower=True))
        name = self._add(NodeACL, parent, base, entry, of=of)
        for mapped in entry["mapped_luns"]:
            self._mapped_lun(name, mapped, of)

    def _mapped_lun(self, parent: str, entry: Entry, _of: Spec) -> None:
        number = entry["index"]
        tpg = parent[: parent.rindex("/acls/")]
        link = new_link((names.lun(tpg, entry["tpg_lun"]), entry.get("alias")))
        made, files = self._said(MappedLUN, entry)
        name = names.mapped_lun(parent, number)
        self.state.add(
            new_record((name, MappedLUN, parent, f"lun_{number}", "", made, files, link))
        )


@once
def _keys(cls: type[Node]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keys of a class's entries: of single attributes, and of groups of settings."""
    form = form_of(cls)
    return tuple(saved.key for saved in form.saved), form.groups


def _numbered_first(groups: Iterable[Entry], key: str) -> list[Entry]:
    """Order groups so that the kernel, asked to pick an id, picks none that another asks for."""
    return sorted(groups, key=lambda entry: not entry.get(key))


def _normal(of: Spec, wwn: str, *, lower: bool = False) -> str:
    """Return a name as the model would make it; one that it would refuse stays as it is."""
    try:
        normal, kind = of.normalise(wwn)
    except InvalidValueError:
        return wwn
    return normal.lower() if lower and kind != "free" else normal
