# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The names of records: what people call a node, whatever the kernel calls its directory.

``/backstores/fileio/disk``, ``/iscsi/IQN/tpg1``, ``.../luns/lun0``, ``.../portals/[::1]:3260``,
``.../acls/IQN/mapped_luns/lun0``. Names of targets and initiators are in lower case: case does
not tell two of them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Optional

from rtslib import hba, spec
from rtslib.acl import NodeACL
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config.once import once
from rtslib.errors import SpecError
from rtslib.fabric import FabricModule, spec_of_group
from rtslib.lun import LUN, MappedLUN
from rtslib.network_portal import NetworkPortal
from rtslib.portal import PortalAddress
from rtslib.storage import StorageObject
from rtslib.target import TPG, Target
from rtslib.values import kernel_int

if TYPE_CHECKING:
    from rtslib.node import Node
    from rtslib.spec import Spec

__all__ = [
    "BACKSTORES",
    "lun",
    "mapped_lun",
    "name_of",
    "namer",
    "plugin_of",
    "spec_of",
    "storage_object",
]

BACKSTORES = "/backstores"
#: What stands between the name of a parent and a number.
_LUN, _MAPPED_LUN = "luns/lun", "mapped_luns/lun"


def storage_object(plugin: str, name: str) -> str:
    """Return the name of a storage object, as LUNs of a saved configuration refer to it."""
    return f"{BACKSTORES}/{plugin}/{name}"


def lun(tpg: str, number: int) -> str:
    """Return the name of a LUN, by that of its TPG."""
    return f"{tpg}/{_LUN}{number}"


def mapped_lun(acl: str, number: int) -> str:
    """Return the name of a mapped LUN, by that of its ACL."""
    return f"{acl}/{_MAPPED_LUN}{number}"


def plugin_of(path: str) -> str:
    """Return the plugin of a storage object at a tree path, as rtslib calls it."""
    directory = hba.split(path.split("/")[1])[0]
    known = StorageObject._classes.get(directory)
    return known.plugin if known else directory


def spec_of(name: str) -> Spec:
    """Return the spec of the fabric that a record belongs to; one without a spec has none."""
    fabric = name.split("/", 2)[1]
    try:
        return spec.find(fabric)
    except SpecError:
        return spec_of_group(fabric)


def _numbered(parent: str, base: str, between: str) -> str:
    number = base.partition("_")[2]
    try:
        return f"{parent}/{between}{kernel_int(number)}"
    except ValueError:
        return f"{parent}/{base}"


def _spelled(of: Spec | None, base: str) -> str:
    """Return the name of what stands in a fabric, as people spell it."""
    return (of.from_fabric(base) if of else base).lower()


def _portal(parent: str, base: str, _spec: object) -> str:
    address = PortalAddress.from_name(base)
    return f"{parent}/portals/{address if address.port else base}"


_NAMES: dict[type[Node], Callable[[str, str, Optional[Spec]], str]] = {
    StorageObject: lambda parent, base, _spec: f"{parent}/{base}",
    ALUATargetPortGroup: lambda parent, base, _spec: f"{parent}/alua/{base}",
    ALUALUGroup: lambda _parent, base, _spec: f"/alua/lu_gps/{base}",
    FabricModule: lambda _parent, base, of: f"/{of.name if of else base}",
    Target: lambda parent, base, of: f"{parent}/{_spelled(of, base)}",
    TPG: lambda parent, base, _spec: _numbered(parent, base, "tpg"),
    LUN: lambda parent, base, _spec: _numbered(parent, base, _LUN),
    NetworkPortal: _portal,
    NodeACL: lambda parent, base, of: f"{parent}/acls/{_spelled(of, base)}",
    MappedLUN: lambda parent, base, _spec: _numbered(parent, base, _MAPPED_LUN),
}


def name_of(cls: type[Node], parent: str, base: str, of: Spec | None = None) -> str:
    """Return the name of a node's record, from its parent's name and its directory's.

    `of` is the spec of the fabric, for what stands in one.
    """
    return namer(cls)(parent, base, of)


@once
def namer(cls: type[Node]) -> Callable[[str, str, Optional[Spec]], str]:
    """Return how the records of a class are named: by its nearest class that has names."""
    return next(_NAMES[it] for it in cls.__mro__ if it in _NAMES)
