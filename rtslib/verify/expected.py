# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What initiators must see, by what a configuration says: who may log in where, and to which disks.

Reads records, and asks nobody: a running configuration and a saved one are read alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Callable, Optional

from rtslib.acl import NodeACL
from rtslib.iscsi.settings import Credentials
from rtslib.lun import LUN, MappedLUN
from rtslib.network_portal import NetworkPortal
from rtslib.portal import PortalAddress
from rtslib.target import TPG, Target
from rtslib.tcm import PSCSIStorageObject
from rtslib.values import CREDENTIAL, FLAG, INT, TEXT, TRISTATE, kernel_int

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.config.state import Record, State

__all__ = ["Disk", "Entry", "Group", "groups"]

#: Tells how large a storage object is that runs, by its record's name; None where it does not.
Sizes = Callable[[str], Optional[int]]

_FABRIC = "/iscsi"
#: What the kernel makes of what a configuration does not say.
_AUTHENTICATION, _DEMO, _DEMO_PROTECTS, _DEPTH = "1", "0", "1", "64"
#: An ACL's own setting that leaves authentication to its TPG.
_INHERITED = "-1"


@dataclass(frozen=True)
class Disk:
    """A LUN as one initiator must see it. None: the configuration does not tell.

    `size` is in bytes, and `block_size` too.
    """

    lun: int
    name: str
    serial: str | None = None
    size: int | None = None
    block_size: int | None = None
    write_protected: bool | None = None


@dataclass(frozen=True)
class Entry:
    """A way in: an initiator, what it proves itself with, and what it must see.

    `asked` tells whether it must prove itself. In demo mode any name will do, and `initiator` is
    empty. `acl` is the record's name.
    """

    initiator: str
    acl: str
    asked: bool
    depth: int
    disks: tuple[Disk, ...]
    credentials: Credentials | None = None
    target_credentials: Credentials | None = None

    @property
    def has_needless_secret(self) -> bool:
        """Whether it has a secret that nobody asks for."""
        return self.credentials is not None and not self.asked


@dataclass(frozen=True)
class Group:
    """An enabled TPG: where it listens, and who may log in.

    `rdma` are portals that only RDMA reaches.
    """

    target: str
    tag: int
    portals: tuple[PortalAddress, ...]
    rdma: tuple[PortalAddress, ...]
    entries: tuple[Entry, ...]

    @property
    def is_open(self) -> bool:
        """Whether initiators that have no ACL are let in."""
        return any(not it.initiator for it in self.entries)

    @property
    def name(self) -> str:
        """The target and the tag, as people write them."""
        return f"{self.target}/tpg{self.tag}"


def groups(state: State, sizes: Sizes) -> Iterator[Group]:
    """Yield the enabled TPGs of the iSCSI fabric."""
    reader = _Reader(state, sizes)
    for target in state.children(_FABRIC, Target):
        for tpg in state.children(target.name, TPG):
            if tpg.files.get("enable", "1") != "0":
                yield reader.group(target, tpg)


class _Reader:
    """One reading of a configuration."""

    def __init__(self, state: State, sizes: Sizes) -> None:
        self.state = state
        self.sizes = sizes

    def group(self, target: Record, tpg: Record) -> Group:
        portals: dict[bool, list[PortalAddress]] = {False: [], True: []}
        for portal in self.state.children(tpg.name, NetworkPortal):
            by_rdma = "1" in (portal.files.get("iser"), portal.files.get("cxgbit"))
            portals[by_rdma].append(PortalAddress.from_name(portal.base))
        luns = {it.name: it for it in self.state.children(tpg.name, LUN)}
        entries = [self._acl(tpg, acl, luns) for acl in self.state.children(tpg.name, NodeACL)]
        if FLAG.decode(tpg.files.get("attrib/generate_node_acls", _DEMO)):
            entries.append(self._demo(tpg, luns))
        return Group(
            target.base,
            kernel_int(tpg.base.partition("_")[2]),
            tuple(portals[False]),
            tuple(portals[True]),
            tuple(entries),
        )

    def _acl(self, tpg: Record, acl: Record, luns: dict[str, Record]) -> Entry:
        own = TRISTATE.decode(acl.files.get("attrib/authentication", _INHERITED))
        depth = acl.files.get("cmdsn_depth") or tpg.files.get("attrib/default_cmdsn_depth", _DEPTH)
        disks = (
            self._disk(mapped, luns.get(mapped.link.end), mapped.files.get("write_protect"))
            for mapped in self.state.children(acl.name, MappedLUN)
            if mapped.link is not None
        )
        return Entry(
            initiator=acl.base,
            acl=acl.name,
            asked=_asked(tpg) if own is None else own,
            depth=INT.decode(depth),
            disks=tuple(filter(None, disks)),
            credentials=_credentials(acl, ""),
            target_credentials=_credentials(acl, "_mutual"),
        )

    def _demo(self, tpg: Record, luns: dict[str, Record]) -> Entry:
        protect = tpg.files.get("attrib/demo_mode_write_protect", _DEMO_PROTECTS)
        disks = (self._disk(lun, lun, protect) for lun in luns.values())
        return Entry(
            initiator="",
            acl="",
            asked=_asked(tpg),
            depth=INT.decode(tpg.files.get("attrib/default_cmdsn_depth", _DEPTH)),
            disks=tuple(filter(None, disks)),
            credentials=_credentials(tpg, ""),
            target_credentials=_credentials(tpg, "_mutual"),
        )

    def _disk(self, shown: Record, lun: Record | None, protect: str | None) -> Disk | None:
        """Return the disk behind a number, None where nothing is."""
        link = lun.link if lun else None
        if link is None:
            return None
        so = self.state.get(link.end)
        made = so.made if so else {}
        files = so.files if so else {}
        # Linked to nothing the kernel shows no flag; "" is neither yes nor no.
        write_protected = FLAG.decode(protect) if protect and protect.strip() else None
        if so is not None and issubclass(so.cls, PSCSIStorageObject):
            files = {}  # the device answers for itself
        size = made.get("size")
        block_size = files.get("attrib/block_size")
        return Disk(
            lun=kernel_int(shown.base.partition("_")[2]),
            name=link.end.removeprefix("/backstores/"),
            serial=TEXT.decode(files.get("wwn/vpd_unit_serial", "")) or None,
            size=self.sizes(link.end) if size is None else size,
            block_size=INT.decode(block_size) if block_size else None,
            write_protected=True if made.get("readonly") else write_protected,
        )


def _asked(tpg: Record) -> bool:
    return FLAG.decode(tpg.files.get("attrib/authentication", _AUTHENTICATION))


def _credentials(record: Record, which: str) -> Credentials | None:
    user, secret = (
        CREDENTIAL.decode(record.files.get(f"auth/{name}{which}", ""))
        for name in ("userid", "password")
    )
    return Credentials(user, secret) if user and secret else None
