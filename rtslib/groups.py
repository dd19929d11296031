# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""ACL groups: the ACLs of a TPG that bear the same tag, set and mapped together.

The kernel knows the tag and nothing else: a group is what its members have in common.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar

from rtslib.acl import NodeACL
from rtslib.door import Construction
from rtslib.errors import InvalidValueError, RTSLibNotInCFSError
from rtslib.lun import LUN, MappedLUN, number_of
from rtslib.values import TAG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.node import Attr
    from rtslib.sessions import Session
    from rtslib.target import TPG

__all__ = ["Group", "MappedLUNGroup", "NodeACLGroup"]

M = TypeVar("M", NodeACL, MappedLUN)


class Shared:
    """An attribute of the members: reads the first one's, sets everyone's."""

    def __init__(self, attr: Attr[Any]) -> None:
        self.attr = attr
        self.__doc__ = attr.__doc__

    def __get__(self, group: Group[Any] | None, owner: type[Group[Any]]) -> Any:
        if group is None:
            return self
        member = group.first()
        return self.attr.__get__(member, type(member))

    def __set__(self, group: Group[Any], value: Any) -> None:
        for member in group.members():
            self.attr.__set__(member, value)


class Group(Generic[M]):
    """Nodes that are treated as one. `members_func` returns them, anew at each use."""

    def __init__(self, members_func: Callable[[], list[M]]) -> None:
        self._members_func: Callable[[], list[M]] = members_func

    def members(self) -> list[M]:
        """Return the members."""
        return list(self._members_func())

    def first(self) -> M:
        """Return the member that stands for all. RTSLibNotInCFSError where there is none."""
        members = self.members()
        if not members:
            raise RTSLibNotInCFSError(f"{self!r} has no members")
        return members[0]

    @property
    def exists(self) -> bool:
        """Whether it has members."""
        return bool(self.members())

    def delete(self) -> None:
        """Delete every member."""
        for member in self.members():
            member.delete()

    def list_attributes(
        self, writable: bool | None = None, readable: bool | None = None
    ) -> list[str]:
        """Return the names of the members' attributes."""
        return self.first().list_attributes(writable, readable)

    def list_parameters(
        self, writable: bool | None = None, readable: bool | None = None
    ) -> list[str]:
        """Return the names of the members' parameters."""
        return self.first().list_parameters(writable, readable)

    def get_attribute(self, attribute: object) -> str:
        """Return the text of the first member's attribute."""
        return self.first().get_attribute(attribute)

    def set_attribute(self, attribute: object, value: object) -> None:
        """Set an attribute of every member."""
        for member in self.members():
            member.set_attribute(attribute, value)

    def get_parameter(self, parameter: object) -> str:
        """Return the text of the first member's parameter."""
        return self.first().get_parameter(parameter)

    def set_parameter(self, parameter: object, value: object) -> None:
        """Set a parameter of every member."""
        for member in self.members():
            member.set_parameter(parameter, value)


class MappedLUNGroup(Group[MappedLUN]):
    """The mapped LUNs of one number in all ACLs of a group."""

    write_protect = Shared(MappedLUN.write_protect)

    def __init__(
        self,
        nodeaclgroup: NodeACLGroup,
        mapped_lun: int,
        tpg_lun: LUN | int | None = None,
        write_protect: object = None,
        alias: str | None = None,
    ) -> None:
        super().__init__(self._find)
        self._group = nodeaclgroup
        self._mapped_lun = number_of(mapped_lun)
        if tpg_lun is not None:
            with Construction(nodeaclgroup.parent_tpg.fs) as made:
                for acl in nodeaclgroup.members():
                    mapped = MappedLUN(acl, mapped_lun, tpg_lun, write_protect, alias)
                    made.undo(mapped.path, mapped.delete)

    def __repr__(self) -> str:
        return f"<MappedLUNGroup {self._mapped_lun} of {self._group!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, MappedLUNGroup) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[NodeACLGroup, int]:
        return self._group, self._mapped_lun

    def _find(self) -> list[MappedLUN]:
        found = (acl.mapped_luns.get(self._mapped_lun) for acl in self._group.members())
        return [mapped for mapped in found if mapped]

    @property
    def mapped_lun(self) -> int:
        """The number that the initiators see."""
        return self._mapped_lun

    @property
    def tpg_lun(self) -> LUN:
        """The LUN that is shown."""
        return self.first().tpg_lun

    @property
    def parent_nodeaclgroup(self) -> NodeACLGroup:
        """The group that it is in."""
        return self._group


def _check_name(name: str) -> None:
    """Refuse a name that no ACL could have as its tag: '' is the tag of those in no group."""
    if not name:
        raise InvalidValueError("a group needs a name")
    if "\0" in TAG.encode(name):
        raise InvalidValueError(f"{name!r} cannot be a group's name: it has a NUL in it")


class NodeACLGroup(Group[NodeACL]):
    """The ACLs of a TPG with one tag. ``NodeACLGroup(tpg, name)``; it exists while it has any.

    Groups are equal where TPG and name are: a renamed group is another.
    """

    chap_userid = Shared(NodeACL.chap_userid)
    chap_password = Shared(NodeACL.chap_password)
    chap_mutual_userid = Shared(NodeACL.chap_mutual_userid)
    chap_mutual_password = Shared(NodeACL.chap_mutual_password)
    authenticate_target = Shared(NodeACL.authenticate_target)
    tcq_depth = Shared(NodeACL.tcq_depth)

    def __init__(self, parent_tpg: TPG, name: str) -> None:
        super().__init__(self._find)
        self._tpg = parent_tpg
        self._name = name
        try:
            _check_name(name)
        except InvalidValueError:
            # Others may have made a tag that we would not.
            if not name or not self.exists:
                raise

    def __repr__(self) -> str:
        return f"<NodeACLGroup {self._name} of {self._tpg!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NodeACLGroup) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[TPG, str]:
        return self._tpg, self._name

    def _find(self) -> list[NodeACL]:
        return [acl for acl in self._tpg.node_acls if acl.tag == self._name]

    @property
    def name(self) -> str:
        """The tag. Setting it renames the group: every member's tag is set."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        _check_name(name)
        for acl in self.members():
            acl.tag = name
        self._name = name

    @property
    def parent_tpg(self) -> TPG:
        """The TPG of its ACLs."""
        return self._tpg

    @property
    def wwns(self) -> Iterator[str]:
        """The names of the initiators."""
        return iter([acl.node_wwn for acl in self.members()])

    @property
    def sessions(self) -> Iterator[Session]:
        """The sessions of its members."""
        return iter([session for acl in self.members() if (session := acl.session)])

    def has_feature(self, feature: str) -> bool:
        """Tell whether the fabric can do this."""
        return self._tpg.has_feature(feature)

    def add_acl(self, node_wwn: str) -> None:
        """Take an initiator in, with the settings and mapped LUNs of the others.

        Its ACL is made if need be. InvalidValueError if it is in another group or has mapped
        LUNs of its own.
        """
        acl = self._tpg.node_acls.get(node_wwn)
        if acl is not None and acl.tag == self._name:
            return
        if acl is not None and (acl.tag or acl.mapped_luns):
            raise InvalidValueError(
                f"{node_wwn} has mapped LUNs or a group of its own", path=acl.path
            )
        model = next(iter(self.members()), None)
        with Construction(self._tpg.fs) as made:
            if acl is None:
                acl = NodeACL(self._tpg, node_wwn, "create")
                made.undo(acl.path, acl.delete)
            if model is not None:
                self._copy(model, acl, made)
            acl.tag = self._name

    @staticmethod
    def _copy(model: NodeACL, acl: NodeACL, made: Construction) -> None:
        for name in model.list_attributes(writable=True):
            acl.attributes[name] = model.attributes[name]
        if model.has_feature("acls_tcq_depth"):
            acl.tcq_depth = model.tcq_depth
        if model.has_feature("auth"):
            acl.set_chap(
                model.chap_userid,
                model.chap_password,
                model.chap_mutual_userid,
                model.chap_mutual_password,
            )
        for theirs in model.mapped_luns:
            mine = MappedLUN(acl, theirs.mapped_lun, theirs.tpg_lun, theirs.write_protect)
            made.undo(mine.path, mine.delete)

    def remove_acl(self, node_wwn: str) -> None:
        """Delete the ACL of a member; what is no member stays."""
        for acl in self._members_named(node_wwn):
            acl.delete()

    def _members_named(self, node_wwn: str) -> list[NodeACL]:
        """Return the member of this name, which may be in any case or spelling."""
        acl = self._tpg.node_acls.get(node_wwn)
        return [acl] if acl is not None and acl.tag == self._name else []

    @property
    def mapped_lun_groups(self) -> Iterator[MappedLUNGroup]:
        """The mapped LUNs that any of its members has, by number."""
        numbers = {mapped.mapped_lun for acl in self.members() for mapped in acl.mapped_luns}
        return iter([MappedLUNGroup(self, number) for number in sorted(numbers)])

    def mapped_lun_group(
        self, mapped_lun: int, tpg_lun: LUN | int | None = None, write_protect: object = None
    ) -> MappedLUNGroup:
        """Map a LUN for every member, or look such a mapping up."""
        return MappedLUNGroup(self, mapped_lun, tpg_lun, write_protect)

    def _by_wwn(self, attr: Attr[str]) -> list[tuple[str, str]]:
        return [(acl.node_wwn, attr.__get__(acl, NodeACL)) for acl in self.members()]

    def _set_for(self, attr: Attr[str], value: str, wwn: str | None) -> None:
        for acl in self.members() if wwn is None else self._members_named(wwn):
            attr.__set__(acl, value)

    def get_userids(self) -> list[tuple[str, str]]:
        """Return (initiator, CHAP name) of each member."""
        return self._by_wwn(NodeACL.chap_userid)

    def get_passwords(self) -> list[tuple[str, str]]:
        """Return (initiator, CHAP secret) of each member."""
        return self._by_wwn(NodeACL.chap_password)

    def get_mutual_userids(self) -> list[tuple[str, str]]:
        """Return (initiator, mutual CHAP name) of each member."""
        return self._by_wwn(NodeACL.chap_mutual_userid)

    def get_mutual_passwords(self) -> list[tuple[str, str]]:
        """Return (initiator, mutual CHAP secret) of each member."""
        return self._by_wwn(NodeACL.chap_mutual_password)

    def set_userids(self, value: str, wwn: str | None = None) -> None:
        """Set the CHAP name of one member, or of all."""
        self._set_for(NodeACL.chap_userid, value, wwn)

    def set_passwords(self, value: str, wwn: str | None = None) -> None:
        """Set the CHAP secret of one member, or of all."""
        self._set_for(NodeACL.chap_password, value, wwn)

    def set_mutual_userids(self, value: str, wwn: str | None = None) -> None:
        """Set the mutual CHAP name of one member, or of all."""
        self._set_for(NodeACL.chap_mutual_userid, value, wwn)

    def set_mutual_passwords(self, value: str, wwn: str | None = None) -> None:
        """Set the mutual CHAP secret of one member, or of all."""
        self._set_for(NodeACL.chap_mutual_password, value, wwn)
