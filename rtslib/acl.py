# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Node ACLs: what one initiator may do in a TPG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtslib import saved
from rtslib.attributes import ACL_ATTRIB
from rtslib.chap import Chap
from rtslib.lun import LUN, MappedLUN
from rtslib.node import Attr, Children, Group, Node
from rtslib.sessions import Session, parse_info
from rtslib.statistics import StatisticsTree
from rtslib.values import TAG, TEXT, UINT, kernel_int

if TYPE_CHECKING:
    from rtslib.target import TPG

__all__ = ["NodeACL"]


class NodeACL(Chap):
    """What one initiator may do. ``NodeACL(tpg, node_wwn, mode)``.

    The name is made in lower case where the fabric's names have no case: the kernel folds the
    names of initiators that log in (iscsi_target_nego.c), so that another ACL is never found.
    """

    __slots__ = ()

    attributes = Group("attrib", ACL_ATTRIB)
    # While nobody is logged in, every one of them reads "No Active iSCSI Session".
    parameters = Group("param")
    tcq_depth = Attr("cmdsn_depth", UINT, "Commands it may have in flight; a change logs it out.")
    tag = Attr("tag", TAG, "Name of the ACL group it belongs to, None for none.", absent=None)
    info = Attr("info", TEXT, "The kernel's own words on its session.", absent="")
    mapped_luns = Children(MappedLUN, prefix="lun_", key=kernel_int)
    statistics = StatisticsTree("fabric_statistics")

    def __init__(self, parent_tpg: TPG, node_wwn: str, mode: str = "any") -> None:
        fabric = parent_tpg.fabric_module
        if mode == "lookup":
            name = fabric.find_name(parent_tpg.below("acls"), node_wwn)
        else:
            normal, wwn_type = fabric.to_normalized_wwn(node_wwn)
            name = fabric.to_fabric_wwn(normal if wwn_type == "free" else normal.lower())
        super().__init__(parent_tpg.fs, parent_tpg.below(f"acls/{name}"), mode)

    @classmethod
    def lookup(cls, parent: Node, key: Any) -> NodeACL:
        """Return the ACL of an initiator, whose name may be in any case or spelling."""
        return cls(parent, key, mode="lookup")  # type: ignore[arg-type]

    @classmethod
    def setup(cls, tpg_obj: TPG, acl: dict[str, Any], err_func: saved.Errors) -> None:
        """Make an ACL as its saved entry says; `err_func` is told what fails."""
        saved.setup(cls, tpg_obj, acl, err_func)

    @property
    def node_wwn(self) -> str:
        """The initiator's name."""
        return self.parent_tpg.fabric_module.from_fabric_wwn(self.base)

    @property
    def wwn_type(self) -> str:
        """The type of that name: 'iqn', 'naa' ..."""
        return self.parent_tpg.fabric_module.type_of(self.node_wwn)

    @property
    def parent_tpg(self) -> TPG:
        """The TPG that it is in."""
        return self.parent  # type: ignore[return-value]

    def has_feature(self, feature: str) -> bool:
        """Tell whether the fabric can do this."""
        return self.parent_tpg.has_feature(feature)

    def mapped_lun(
        self, mapped_lun: int, tpg_lun: LUN | int | None = None, write_protect: object = None
    ) -> MappedLUN:
        """Make or look up a mapped LUN, as its constructor does."""
        return MappedLUN(self, mapped_lun, tpg_lun, write_protect)

    @property
    def session(self) -> Session | None:
        """The initiator's session; of several, the one that logged in last."""
        return parse_info(self.info, self)
