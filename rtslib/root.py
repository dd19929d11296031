# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The root: everything that LIO has on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtslib import configfs
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.errors import NotSupportedError
from rtslib.fabric import FabricModule
from rtslib.node import Attr, Children, Everywhere, Node, gone_is_none
from rtslib.storage import Backstore, StorageObject
from rtslib.target import LUN, TPG, MappedLUN, NetworkPortal, NodeACL, Target
from rtslib.values import LINE, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.configfs import ConfigFS
    from rtslib.groups import MappedLUNGroup, NodeACLGroup
    from rtslib.sessions import Session

__all__ = ["RTSRoot"]


class RTSRoot(Node):
    """The target tree. ``RTSRoot()`` costs no system call, mounts nothing and loads nothing.

    What a listing yields is what is there at that moment.
    """

    __slots__ = ()

    version = Attr("version", TEXT, "Version of the target core and of the kernel.")
    dbroot = Attr(
        "dbroot",
        LINE,
        "Where the kernel keeps reservations and ALUA states; fixed once anything is made.",
    )
    alua_lu_gps = Children(ALUALUGroup, "core/alua/lu_gps")
    backstores = Children(Backstore, "core", skip=frozenset({"alua"}))
    fabrics = Children(FabricModule, skip=frozenset({"core"}))

    storage_objects = Everywhere(StorageObject, "All storage objects.")
    alua_tpgs = Everywhere(ALUATargetPortGroup, "All ALUA target port groups.")
    targets = Everywhere(Target, "All targets.")
    tpgs = Everywhere(TPG, "All TPGs.")
    luns = Everywhere(LUN, "All LUNs.")
    network_portals = Everywhere(NetworkPortal, "All portals.")
    node_acls = Everywhere(NodeACL, "All ACLs.")
    mapped_luns = Everywhere(MappedLUN, "All mapped LUNs.")

    def __init__(self, fs: ConfigFS | None = None) -> None:
        self._stand(fs or configfs.current(), "")

    def delete(self) -> None:
        """Refuse: the root is the kernel's, and a call to wipe a machine must say so."""
        raise NotSupportedError("the target tree itself cannot be deleted", path=self.path)

    @property
    def fabric_modules(self) -> Iterator[FabricModule]:
        """All fabrics that have a spec file, in use or not; ``fabrics`` has those in use."""
        return FabricModule.all(self.fs)

    @property
    def node_acl_groups(self) -> Iterator[NodeACLGroup]:
        """All ACL groups."""
        for tpg in self.tpgs:
            yield from gone_is_none(lambda tpg=tpg: tpg.node_acl_groups) or ()  # type: ignore[misc]

    @property
    def mapped_lun_groups(self) -> Iterator[MappedLUNGroup]:
        """All mapped LUNs of ACL groups."""
        for group in self.node_acl_groups:
            yield from gone_is_none(lambda group=group: group.mapped_lun_groups) or ()  # type: ignore[misc]

    @property
    def sessions(self) -> Iterator[Session]:
        """All sessions, as far as the kernel tells of them."""
        for target in self.targets:
            yield from gone_is_none(lambda target=target: target.sessions) or ()  # type: ignore[misc]
