# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The root: everything that LIO has on this machine."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from rtslib import configfs
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.fabric import FabricModule
from rtslib.node import Attr, Children, Node
from rtslib.storage import Backstore
from rtslib.values import LINE, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.acl import NodeACL
    from rtslib.configfs import ConfigFS
    from rtslib.groups import MappedLUNGroup, NodeACLGroup
    from rtslib.lun import LUN, MappedLUN
    from rtslib.network_portal import NetworkPortal
    from rtslib.sessions import Session
    from rtslib.storage import StorageObject
    from rtslib.target import TPG, Target

__all__ = ["RTSRoot"]


class RTSRoot(Node):
    """The target tree. ``RTSRoot()`` costs no system call, mounts nothing and loads nothing.

    What a listing yields is what is there at that moment.
    """

    version = Attr("version", TEXT, "Version of the target core and of the kernel.")
    dbroot = Attr(
        "dbroot",
        LINE,
        "Where the kernel keeps reservations and ALUA states; fixed once anything is made.",
    )
    alua_lu_gps = Children(ALUALUGroup, "core/alua/lu_gps")
    backstores = Children(Backstore, "core", skip=frozenset({"alua"}))
    fabrics = Children(FabricModule, skip=frozenset({"core"}))

    def __init__(self, fs: ConfigFS | None = None) -> None:
        self._stand(fs or configfs.current(), "")

    @property
    def fabric_modules(self) -> Iterator[FabricModule]:
        """All fabrics that have a spec file, in use or not; ``fabrics`` has those in use."""
        return FabricModule.all(self.fs)

    @property
    def storage_objects(self) -> Iterator[StorageObject]:
        """All storage objects."""
        return chain.from_iterable(hba.storage_objects for hba in self.backstores)

    @property
    def alua_tpgs(self) -> Iterator[ALUATargetPortGroup]:
        """All ALUA target port groups."""
        return chain.from_iterable(so.alua_tpgs for so in self.storage_objects)

    @property
    def targets(self) -> Iterator[Target]:
        """All targets."""
        return chain.from_iterable(fabric.targets for fabric in self.fabrics)

    @property
    def tpgs(self) -> Iterator[TPG]:
        """All TPGs."""
        return chain.from_iterable(target.tpgs for target in self.targets)

    @property
    def luns(self) -> Iterator[LUN]:
        """All LUNs."""
        return chain.from_iterable(tpg.luns for tpg in self.tpgs)

    @property
    def network_portals(self) -> Iterator[NetworkPortal]:
        """All portals."""
        return chain.from_iterable(tpg.network_portals for tpg in self.tpgs)

    @property
    def node_acls(self) -> Iterator[NodeACL]:
        """All ACLs."""
        return chain.from_iterable(tpg.node_acls for tpg in self.tpgs)

    @property
    def node_acl_groups(self) -> Iterator[NodeACLGroup]:
        """All ACL groups."""
        return chain.from_iterable(tpg.node_acl_groups for tpg in self.tpgs)

    @property
    def mapped_luns(self) -> Iterator[MappedLUN]:
        """All mapped LUNs."""
        return chain.from_iterable(acl.mapped_luns for acl in self.node_acls)

    @property
    def mapped_lun_groups(self) -> Iterator[MappedLUNGroup]:
        """All mapped LUNs of ACL groups."""
        return chain.from_iterable(group.mapped_lun_groups for group in self.node_acl_groups)

    @property
    def sessions(self) -> Iterator[Session]:
        """All sessions, as far as the kernel tells of them."""
        return chain.from_iterable(target.sessions for target in self.targets)
