# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""saveconfig.json as tables: what each object in it may hold, in rtslib-fb's spelling and ours.

The single attributes come from ``form``; here stand the names, the devices and what holds what.
Reading is lenient: what old versions spelled otherwise or left out is understood, what nobody
knows is kept and warned of. Names are not judged but for what could be no directory: what another
program could make, the file may name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtslib.acl import NodeACL
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config.fields import REQUIRED, Kind, Reader, json_schema
from rtslib.config.form import FORMS, form_of
from rtslib.config.kinds import BOOLEAN, TEXT, ListOf, Variants, integer, text
from rtslib.config.lio_kinds import (
    BACKSTORE,
    COMPONENT,
    FABRIC,
    SIZE,
    Named,
    Settings,
    attribute,
    backstore,
    fabric,
)
from rtslib.config.plan_parts import control_text
from rtslib.config.table import Field, Table
from rtslib.errors import InvalidValueError
from rtslib.fabric import FabricModule
from rtslib.lun import LUN, MappedLUN
from rtslib.network_portal import NetworkPortal
from rtslib.portal import DEFAULT_PORT, PortalAddress
from rtslib.storage import StorageObject
from rtslib.target import TPG, Target
from rtslib.tcm import PSCSIStorageObject, so_mapping

if TYPE_CHECKING:
    from rtslib.node import Node

__all__ = ["SAVECONFIG", "TABLES", "schema"]

#: To the kernel a LUN's number is an unsigned 64-bit one.
_MAX_LUN = (1 << 64) - 1


def _saved(cls: type[Node], *, ours: bool | None = None) -> list[Field]:
    """Return the fields of a class's single attributes."""
    return [
        Field(it.key, attribute(it), it.attr.__doc__ or "", secret=it.attr.secret)
        for it in FORMS[cls].saved
        if ours in (None, it.ours)
    ]


def _groups(cls: type[Node]) -> list[Field]:
    """Return the fields of a class's groups of settings."""
    return [
        Field(key, Settings(cls, key), f"Settings of the directory {getattr(cls, key).directory}.")
        for key in form_of(cls).groups
    ]


_ALIAS = Field("alias", COMPONENT, "Name of the link, of which the kernel makes nothing.")

_ALUA = Table(
    "alua_tpg",
    [Field("name", COMPONENT, "Name of the group.", REQUIRED), *_saved(ALUATargetPortGroup)],
    doc="An ALUA target port group of a storage object.",
    alike=True,
)


def _can_be_made(made: dict[str, Any], reader: Reader) -> None:
    """Refuse what the kernel's control file could not take, or would cut."""
    cls: Any = so_mapping[made["plugin"]]
    if cls is PSCSIStorageObject:
        return  # its address is looked up when it is used
    try:
        control_text(cls, f"core/{cls.directory}_0/{made['name']}", made)
    except InvalidValueError as error:
        reader.problem(error.message, error.hint)


def _storage_object(plugin: str, fields: list[Field], cls: type[Node] = StorageObject) -> Table:
    """Return the table of a plugin's objects: what all have, and what they are made of."""
    return Table(
        f"{plugin}_object",
        [
            Field("name", COMPONENT, "Name of the object, one of its plugin.", REQUIRED),
            Field("plugin", TEXT, "Which kind of object it is.", REQUIRED),
            *fields,
            *_groups(cls),
            *_saved(cls, ours=False),
            Field("alua_tpgs", ListOf(_ALUA, ("name",)), "Its ALUA groups."),
            # Written by versions of long ago, and without meaning since.
            Field("exists", BOOLEAN, "Obsolete."),
            Field("buffered_mode", BOOLEAN, "Obsolete: see write_back."),
        ],
        [_can_be_made],
        doc=f"A storage object of the plugin {plugin}.",
    )


_PATH = text(empty=False)
_DEV = Field("dev", _PATH, "Path of the file or device.", REQUIRED)
_WRITE_BACK = Field("write_back", BOOLEAN, "Writes may rest in a cache.")

STORAGE_OBJECTS = {
    "fileio": _storage_object(
        "fileio",
        [
            _DEV,
            Field("size", SIZE, "Size in bytes; a device has its own."),
            _WRITE_BACK,
            Field("aio", BOOLEAN, "Asynchronous I/O on the file."),
        ],
    ),
    "block": _storage_object(
        "block",
        [
            _DEV,
            _WRITE_BACK,
            Field("readonly", BOOLEAN, "The device takes no writes."),
            Field("exclusive", BOOLEAN, "Nobody else may open the device exclusively."),
        ],
    ),
    "pscsi": _storage_object("pscsi", [_DEV], PSCSIStorageObject),
    "ramdisk": _storage_object(
        "ramdisk",
        [
            Field("size", SIZE, "Size in bytes, rounded up to whole pages.", REQUIRED),
            Field("nullio", BOOLEAN, "Keeps no data."),
        ],
    ),
    "user": _storage_object(
        "user",
        [
            Field("config", _PATH, "Handler, and what it is to open.", REQUIRED),
            Field("size", SIZE, "Size in bytes.", REQUIRED),
            Field("hw_max_sectors", integer(0), "Largest transfer, sectors."),
            Field("control", TEXT, "Sizes of rings and data area: key=value,key=value."),
        ],
    ),
}

_LUN = Table(
    "lun",
    [
        Field("index", integer(0, _MAX_LUN), "Number of the LUN.", REQUIRED),
        Field("storage_object", BACKSTORE, "What is exported.", REQUIRED),
        _ALIAS,
        *_saved(LUN, ours=False),
        *_saved(LUN, ours=True),
    ],
    doc="A storage object exported through a TPG.",
)


def _is_address(made: dict[str, Any], reader: Reader) -> None:
    try:
        PortalAddress(made["ip_address"], made["port"])
    except ValueError as error:
        reader.problem(str(error), path=("ip_address",))


_PORTAL = Table(
    "portal",
    [
        Field("ip_address", _PATH, "IPv4 address, or IPv6 with or without brackets.", REQUIRED),
        Field("port", integer(1, 0xFFFF), "TCP port.", DEFAULT_PORT),
        *_saved(NetworkPortal),
    ],
    [_is_address],
    doc="An address that a TPG listens at.",
)

_MAPPED_LUN = Table(
    "mapped_lun",
    [
        Field("index", integer(0, _MAX_LUN), "Number that the initiator sees.", REQUIRED),
        Field("tpg_lun", integer(0, _MAX_LUN), "Number of the LUN that is shown.", REQUIRED),
        _ALIAS,
        *_saved(MappedLUN),
    ],
    doc="A LUN as one initiator sees it.",
)

_ACL = Table(
    "node_acl",
    [
        Field("node_wwn", COMPONENT, "Name of the initiator.", REQUIRED),
        *_groups(NodeACL),
        *_saved(NodeACL),
        Field("mapped_luns", ListOf(_MAPPED_LUN, ("index",)), "What the initiator sees.", []),
    ],
    doc="What one initiator may do.",
)


def _maps_luns_that_are_there(made: dict[str, Any], reader: Reader) -> None:
    """Refuse what is mapped from a LUN that the TPG does not have."""
    numbers = {lun["index"] for lun in made["luns"]}
    for place, acl in enumerate(made["node_acls"]):
        for index, mapped in enumerate(acl["mapped_luns"]):
            if mapped["tpg_lun"] not in numbers:
                reader.problem(
                    f"the TPG has no LUN {mapped['tpg_lun']}",
                    path=("node_acls", place, "mapped_luns", index, "tpg_lun"),
                )


_TPG = Table(
    "tpg",
    [
        Field("tag", integer(0, 0xFFFF), "Target portal group tag.", 1),
        *_groups(TPG),
        *(
            Field(it.name, it.kind, it.doc, True, secret=it.secret) if it.name == "enable" else it
            for it in _saved(TPG)
        ),
        Field(
            "nexus_wwn", COMPONENT, "The initiator that this machine itself is.", aliases=["nexus"]
        ),
        Field("luns", ListOf(_LUN, ("index",)), "What is exported.", []),
        Field("portals", ListOf(_PORTAL, ("ip_address", "port")), "Where it listens.", []),
        Field("node_acls", ListOf(_ACL, ("node_wwn",)), "Who may log in.", []),
    ],
    [_maps_luns_that_are_there],
    doc="A target portal group.",
)

_TARGET = Table(
    "target",
    [
        Field("wwn", COMPONENT, "Name of the target.", REQUIRED),
        Field("fabric", FABRIC, "The fabric that it is reached through.", REQUIRED),
        *_groups(Target),
        Field("tpgs", ListOf(_TPG, ("tag",)), "Its target portal groups.", []),
    ],
    doc="A name by which initiators find its TPGs.",
)

_FABRIC_MODULE = Table(
    "fabric_module",
    [Field("name", FABRIC, "Name of the fabric.", REQUIRED), *_saved(FabricModule)],
    doc="Settings of a fabric: who may discover targets.",
)


_OURS = Table(
    "rtslib",
    [
        Field("version", integer(1), "Version of what stands here.", 1),
        Field(
            "alua_lu_gps",
            ListOf(
                Table(
                    "alua_lu_gp",
                    [
                        Field("name", COMPONENT, "Name of the group.", REQUIRED),
                        *_saved(ALUALUGroup),
                    ],
                ),
                ("name",),
            ),
            "Groups of logical units that change their ALUA state together.",
            [],
        ),
        Field(
            "storage_objects",
            Named(backstore, Table("more_of_object", _saved(StorageObject, ours=True), alike=True)),
            "More of storage objects, by /backstores/PLUGIN/NAME.",
            {},
        ),
        Field(
            "fabric_modules",
            Named(fabric, Table("more_of_fabric", _saved(FabricModule, ours=True))),
            "More of fabrics, by their names.",
            {},
        ),
    ],
    doc="What rtslib-fb does not keep, and passes over.",
)

_ANY_STORAGE_OBJECT: Kind = Variants("plugin", STORAGE_OBJECTS)


def _is_a_configuration(_made: dict[str, Any], reader: Reader) -> None:
    """Refuse some other object, an empty one too: restoring it would remove everything."""
    if not {"storage_objects", "targets", "fabric_modules"} & reader.value.keys():
        reader.problem(
            "no saved configuration: storage_objects, targets and fabric_modules are missing",
            "to remove everything, clear it",
        )


SAVECONFIG = Table(
    "saveconfig",
    [
        Field(
            "storage_objects",
            ListOf(_ANY_STORAGE_OBJECT, ("plugin", "name")),
            "What can be exported.",
            [],
        ),
        Field("targets", ListOf(_TARGET, ("fabric", "wwn")), "What is exported, to whom.", []),
        Field("fabric_modules", ListOf(_FABRIC_MODULE, ("name",)), "Settings of fabrics.", []),
        Field("rtslib", _OURS, "What only this library keeps."),
        Field("secrets", TEXT, "The file that the secrets are in, where they are kept apart."),
    ],
    [_is_a_configuration],
    doc="A saved configuration of the Linux SCSI target.",
)


#: The tables of what has a ``setup`` of its own.
TABLES: dict[type[Node], Table] = {
    ALUATargetPortGroup: _ALUA,
    FabricModule: _FABRIC_MODULE,
    Target: _TARGET,
    TPG: _TPG,
    LUN: _LUN,
    NetworkPortal: _PORTAL,
    NodeACL: _ACL,
    MappedLUN: _MAPPED_LUN,
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of saveconfig.json."""
    return json_schema(SAVECONFIG, "saveconfig.json")
