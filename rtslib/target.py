# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Targets and target port groups (TPGs)."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from rtslib import saved
from rtslib.acl import NodeACL
from rtslib.attributes import ISCSI_PARAM, TPG_ATTRIB
from rtslib.chap import Chap
from rtslib.errors import (
    AlreadyExistsError,
    InvalidValueError,
    NotSupportedError,
    RefusedError,
    RejectedError,
    RTSLibNotInCFSError,
)
from rtslib.groups import Group, MappedLUNGroup, NodeACLGroup
from rtslib.lun import LUN, MappedLUN, integer_of
from rtslib.network_portal import NetworkPortal
from rtslib.node import Attr, Children, Node, gone_is_none
from rtslib.node import Group as Settings
from rtslib.sessions import Session, parse_dynamic
from rtslib.statistics import StatisticsTree
from rtslib.values import FLAG, TEXT, UINT, Codec, kernel_int
from rtslib.wwn import WWN_TYPES, generate_wwn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.door import Construction
    from rtslib.fabric import FabricModule
    from rtslib.portal import IPAddress
    from rtslib.storage import StorageObject

__all__ = [
    "LUN",
    "TPG",
    "Group",
    "MappedLUN",
    "MappedLUNGroup",
    "NetworkPortal",
    "NodeACL",
    "NodeACLGroup",
    "Target",
    "auth_params",
]

#: The CHAP credentials, as attributes begin with ``chap_`` and a saved configuration has them.
auth_params = ("userid", "password", "mutual_userid", "mutual_password")

T = TypeVar("T")

#: None where the kernel has no such file.
RTPI: Codec[int | None] = Codec("relative port identifier", UINT.decode, UINT.encode)


class TPG(Chap):
    """A target port group: LUNs, portals and ACLs under one tag.

    ``TPG(target, tag, mode)``; without a tag the first free one from 1 is made. Where the fabric
    needs a nexus, a new TPG has one before anything else.
    """

    __slots__ = ()

    attributes = Settings("attrib", TPG_ATTRIB)
    parameters = Settings("param", ISCSI_PARAM)
    luns = Children(LUN, "lun", prefix="lun_", key=kernel_int)
    network_portals = Children(NetworkPortal, "np")
    node_acls = Children(NodeACL, "acls")
    fabric_prot_type = Attr(
        "fabric_prot_type", UINT, "QLogic: T10 protection type announced.", absent=0
    )
    enable = Attr("enable", FLAG, "Whether initiators may log in.", absent=True)
    rtpi = Attr("rtpi", RTPI, "Relative target port identifier, from kernel 6.5.", absent=None)
    dynamic_sessions = Attr("dynamic_sessions", TEXT, "Demo-mode sessions as text.", absent="")
    scsi_address = Attr("address", TEXT, "Loopback: host:channel:target of the disks it makes.")
    transport_status = Attr("transport_status", TEXT, "Loopback: online or offline.")
    directory_id = Attr("directory_id", TEXT, "SBP: directory id in hex, or implicit.")

    def __init__(
        self, parent_target: Target, tag: int | str | None = None, mode: str = "any"
    ) -> None:
        fs = parent_target.fs
        if tag is not None:
            rel = parent_target.below(f"tpgt_{_tag(tag)}")
            super().__init__(fs, rel, mode, self._populate)
            return
        if mode == "lookup":
            raise InvalidValueError("a TPG needs a tag to be looked up")
        taken = set(parent_target.tpgs.keys())
        untaken = (number for number in itertools.count(1) if number not in taken)
        for free in untaken:  # pragma: no branch - they never end
            try:
                super().__init__(fs, parent_target.below(f"tpgt_{free}"), "create", self._populate)
            except AlreadyExistsError:
                continue
            return

    def _populate(self, _made: Construction) -> None:
        if self.has_feature("nexus"):
            self.nexus = None

    @property
    def tag(self) -> int:
        """The tag."""
        return kernel_int(self.base.partition("_")[2])

    @property
    def parent_target(self) -> Target:
        """The target that it belongs to."""
        return self.parent  # type: ignore[return-value]

    @classmethod
    def setup(cls, t_obj: Target, tpg: dict[str, Any], err_func: saved.Errors) -> None:
        """Make a TPG as its saved entry says; `err_func` is told what fails."""
        saved.setup(cls, t_obj, tpg, err_func)

    @property
    def fabric_module(self) -> FabricModule:
        """The fabric that it is reached through."""
        return self.parent_target.fabric_module

    def has_feature(self, feature: str) -> bool:
        """Tell whether the fabric can do this."""
        return self.fabric_module.has_feature(feature)

    @property
    def nexus(self) -> str | None:
        """Name of the initiator that this machine itself is; None where there is none.

        It can be set once; None sets a new name of the target's own type. '' takes it away.
        """
        try:
            return self.fabric_module.from_fabric_wwn(TEXT.decode(self.read("nexus"))) or None
        except RefusedError:
            return None
        except RTSLibNotInCFSError:
            if self.exists:
                return None
            raise

    @nexus.setter
    def nexus(self, value: str | None) -> None:
        fabric = self.fabric_module
        if not fabric.has_feature("nexus"):
            raise NotSupportedError(f"{fabric.name} TPGs have no nexus", path=self.path)
        if value is None:
            value = generate_wwn(_type_of(self.parent_target.wwn))
        self.write("nexus", fabric.to_fabric_wwn(value) if value else "NULL")

    @property
    def sessions(self) -> list[Session]:
        """The sessions of its ACLs and of demo mode, as far as the kernel tells of them."""
        if not self.has_feature("acls"):
            return []
        known = []
        if self.has_feature("acls_tcq_depth"):
            known = [gone_is_none(lambda acl=acl: acl.session) for acl in self.node_acls]  # type: ignore[misc]
        dynamic = [Session.unknown(name) for name in parse_dynamic(self.dynamic_sessions)]
        return [session for session in known if session] + dynamic

    @property
    def node_acl_groups(self) -> Iterator[NodeACLGroup]:
        """The groups that the tags of its ACLs name."""
        names = dict.fromkeys(acl.tag for acl in self.node_acls)
        return iter([NodeACLGroup(self, name) for name in names if name])

    def _get_enable(self) -> bool:
        """Return ``enable``: ceph-iscsi calls it so."""
        return self.enable

    def _list_node_acls(self) -> Iterator[NodeACL]:
        """Return ``node_acls``: ceph-iscsi calls it so."""
        return iter(self.node_acls)

    def lun(
        self, lun: int | None, storage_object: StorageObject | None = None, alias: str | None = None
    ) -> LUN:
        """Make or look up a LUN, as its constructor does."""
        return LUN(self, lun, storage_object, alias)

    def network_portal(
        self, ip_address: str | IPAddress, port: int | str, mode: str = "any"
    ) -> NetworkPortal:
        """Make or look up a portal, as its constructor does."""
        return NetworkPortal(self, ip_address, port, mode)

    def node_acl(self, node_wwn: str, mode: str = "any") -> NodeACL:
        """Make or look up an ACL, as its constructor does."""
        return NodeACL(self, node_wwn, mode)

    def delete(self) -> None:
        """Disable the TPG, which ends its sessions, and remove it with all that is in it."""
        self._check_exists()
        self._remove()

    def _remove(self) -> None:
        if gone_is_none(lambda: self.enable):
            # What has no enable, or refuses, is removed all the same: rmdir decides.
            with suppress(NotSupportedError, RTSLibNotInCFSError, RejectedError, RefusedError):
                self.enable = False
        super()._remove()


class Target(Node):
    """A target: a name by which initiators find its TPGs. ``Target(fabric_module, wwn, mode)``.

    A new name is checked against the fabric's types of names; without one, a name of the
    machine's own naming authority is made. Its case is kept, and does not matter to a lookup.
    """

    __slots__ = ()

    parameters = Settings("param")
    tpgs = Children(TPG, prefix="tpgt_", key=kernel_int)
    statistics = StatisticsTree("fabric_statistics")

    def __init__(
        self, fabric_module: FabricModule, wwn: str | None = None, mode: str = "any"
    ) -> None:
        fabric = fabric_module
        if mode == "lookup":
            if wwn is None:
                raise InvalidValueError("a target needs a name to be looked up")
            name = fabric.find_name(fabric.below(""), wwn)
        else:
            name = fabric.to_fabric_wwn(_new_name(fabric, wwn))
        super().__init__(fabric.fs, fabric.below(name), mode)

    def _mkdir(self, made: Construction, mkdir: Callable[[str], T]) -> T:
        try:
            return mkdir(self.below(""))
        except RTSLibNotInCFSError:
            self.fabric_module.prepare(made)
            return mkdir(self.below(""))

    @classmethod
    def lookup(cls, parent: Node, key: Any) -> Target:
        """Return the target of this name, in any case or spelling."""
        return cls(parent, key, mode="lookup")  # type: ignore[arg-type]

    @property
    def wwn(self) -> str:
        """The name, as people spell it."""
        return self.fabric_module.from_fabric_wwn(self.base)

    @property
    def wwn_type(self) -> str:
        """The type of that name: 'iqn', 'naa' ..."""
        return self.fabric_module.type_of(self.wwn)

    @classmethod
    def setup(cls, fm_obj: FabricModule, t: dict[str, Any], err_func: saved.Errors) -> None:
        """Make a target as its saved entry says; `err_func` is told what fails."""
        saved.setup(cls, fm_obj, t, err_func)

    @property
    def fabric_module(self) -> FabricModule:
        """The fabric that it is reached through."""
        return self.parent  # type: ignore[return-value]

    def has_feature(self, feature: str) -> bool:
        """Tell whether the fabric can do this."""
        return self.fabric_module.has_feature(feature)

    @property
    def sessions(self) -> list[Session]:
        """All sessions of its TPGs; those that are only counted stand at the end as unknown."""
        known = [session for tpg in self.tpgs for session in tpg.sessions]
        counted = self.session_count or 0
        return known + [Session.unknown() for _ in range(counted - len(known))]

    @property
    def session_count(self) -> int | None:
        """How many sessions there are in truth; None where the fabric does not count."""
        try:
            return int(self.read("fabric_statistics/iscsi_instance/sessions"))
        except RTSLibNotInCFSError:
            if self.exists:
                return None
            raise


def _tag(tag: object) -> int:
    """Return a TPG's tag: 0 to 65535, as kstrtou16 in iscsi_target_configfs.c."""
    number = integer_of(tag, "TPG tag")
    if not 0 <= number <= 0xFFFF:  # noqa: PLR2004 - 16 bits
        raise InvalidValueError(f"TPG tag {number} is not between 0 and 65535")
    return number


def _type_of(wwn: str) -> str:
    """Return the type that a name says it has: a nexus must be of its target's."""
    prefix = wwn.partition(".")[0].lower()
    return prefix if prefix in WWN_TYPES else "naa"


def _new_name(fabric: FabricModule, wwn: str | None) -> str:
    if wwn is not None:
        return fabric.to_normalized_wwn(wwn)[0]
    if fabric.needs_wwn():
        found = ", ".join(fabric.wwns or ()) or "none is present"
        raise InvalidValueError(
            f"{fabric.name} targets are named after this machine's ports", hint=f"found: {found}"
        )
    return generate_wwn(fabric.wwn_type)
