# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""LUNs: a storage object behind a number in a TPG, and that LUN as one initiator sees it."""

from __future__ import annotations

import itertools
import os
import re
from typing import TYPE_CHECKING, Any, ClassVar

from rtslib import saved
from rtslib.alua import STATUS
from rtslib.door import Construction
from rtslib.errors import InvalidValueError
from rtslib.node import Attr, Link, MadeOf, Node
from rtslib.referrers import delete_referrers
from rtslib.statistics import StatisticsTree
from rtslib.storage import StorageObject
from rtslib.values import FLAG, Codec, kernel_int, labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.acl import NodeACL
    from rtslib.target import TPG

__all__ = ["LUN", "MappedLUN", "integer_of", "number_of"]


#: The file is empty while the number stands for no LUN.
WRITE_PROTECT: Codec[bool | None] = Codec(
    "flag", lambda text: FLAG.decode(text) if text.strip() else None, FLAG.encode
)


_DECIMAL = re.compile(r"-?[0-9]+")


def integer_of(value: object, what: str) -> int:
    """Return an int, given as one or as decimal text. InvalidValueError if it is none."""
    text = isinstance(value, str) and _DECIMAL.fullmatch(value)
    if not text and (not isinstance(value, int) or isinstance(value, bool)):
        raise InvalidValueError(f"{value!r} is no {what}", hint="give an int or its digits")
    return int(value)  # type: ignore[call-overload, no-any-return]


def number_of(value: object) -> int:
    """Return a LUN's number, given as int or as decimal text. InvalidValueError if it is none."""
    number = integer_of(value, "LUN number")
    if number < 0:
        raise InvalidValueError(f"{value!r} is no LUN number: it is negative")
    return number


def _link_name(alias: str | None) -> str:
    """Return the name for a link: the kernel makes nothing of it, it must only be a name."""
    if alias is None:
        return os.urandom(5).hex()
    if not alias or "/" in alias:
        raise InvalidValueError(f"{alias!r} cannot be the name of a link")
    return alias


class _Numbered(MadeOf):
    """What LUNs and mapped LUNs share: ``lun_N`` and one link in it."""

    __slots__ = ()

    @property
    def alias(self) -> str | None:
        """The name of the link inside, None while there is none."""
        return Link.link_name(self)

    @property
    def _number(self) -> int:
        return kernel_int(self.base.partition("_")[2])


class LUN(_Numbered):
    """A storage object exported through a TPG.

    ``LUN(tpg, number, storage_object)`` makes it, with the first free number for None;
    ``LUN(tpg, number)`` looks it up. `alias` names the link.
    """

    __slots__ = ()

    #: The kernel itself takes more (target_fabric_make_lun checks no limit); initiators do not.
    MAX_TARGET_LUN: ClassVar[int] = 65535
    MAX_LUN: ClassVar[int] = MAX_TARGET_LUN
    ALUA_STATUS_NONE: ClassVar[int] = 0
    ALUA_STATUS_ALTERED_BY_EXPLICIT_STPG: ClassVar[int] = 1
    ALUA_STATUS_ALTERED_BY_IMPLICIT_ALUA: ClassVar[int] = 2

    storage_object = Link(StorageObject, "What is exported.")
    alua_tg_pt_gp_name = Attr(
        "alua_tg_pt_gp", labelled("TG Port Alias"), "Target port group that the LUN is in."
    )
    alua_tg_pt_offline = Attr("alua_tg_pt_offline", FLAG, "Secondary ALUA state offline.")
    alua_tg_pt_status = Attr("alua_tg_pt_status", STATUS, "Who set that state.")
    alua_tg_pt_write_md = Attr("alua_tg_pt_write_md", FLAG, "Keep that state under dbroot.")
    statistics = StatisticsTree("statistics")

    def __init__(
        self,
        parent_tpg: TPG,
        lun: int | str | None = None,
        storage_object: StorageObject | None = None,
        alias: str | None = None,
    ) -> None:
        if storage_object is None:
            if lun is None:
                raise InvalidValueError("a LUN needs a number to be looked up, or a storage object")
            super().__init__(parent_tpg.fs, parent_tpg.below(f"lun/lun_{number_of(lun)}"))
            return
        link = _link_name(alias)
        with Construction(parent_tpg.fs) as made:
            if lun is None:
                taken = set(parent_tpg.luns.keys())
                free = (number for number in itertools.count() if number not in taken)
                rel = made.mkdir_first(parent_tpg.below(f"lun/lun_{number}") for number in free)
            else:
                rel = parent_tpg.below(f"lun/lun_{number_of(lun)}")
                made.mkdir(rel)
            self._stand(parent_tpg.fs, rel)
            made.symlink(storage_object.below(""), self.below(link))

    @classmethod
    def setup(cls, tpg_obj: TPG, lun: dict[str, Any], err_func: saved.Errors) -> None:
        """Make a LUN as its saved entry says; `err_func` is told what fails."""
        saved.setup(cls, tpg_obj, lun, err_func)

    def made_of(
        self, storage_object: StorageObject | None = None, alias: str | None = None
    ) -> bool:
        """Tell whether it exports this storage object."""
        return Link.end(self) == (storage_object.below("") if storage_object else None)

    @property
    def lun(self) -> int:
        """The number."""
        return self._number

    @property
    def parent_tpg(self) -> TPG:
        """The TPG that it is in."""
        return self.parent  # type: ignore[return-value]

    @property
    def mapped_luns(self) -> Iterator[MappedLUN]:
        """The mapped LUNs of the TPG's ACLs that show it."""
        return iter(list(self.referrers(self.parent)))

    def delete(self) -> None:
        """Remove the LUN, after what is mapped from it. The storage object stays."""
        delete_referrers(self, self.parent, self._likely())
        self._remove()

    def _likely(self) -> Iterator[MappedLUN]:
        """Yield what it is mostly mapped as: the same number in each ACL, if it is there."""
        for acl in self.parent_tpg.node_acls.surviving():
            yield MappedLUN.handle(self.fs, acl.below(self.base))


class MappedLUN(_Numbered):
    """A LUN as one initiator sees it.

    ``MappedLUN(acl, number, tpg_lun)`` makes it, `tpg_lun` being a LUN or its number;
    ``MappedLUN(acl, number)`` looks it up. `write_protect` None leaves what the TPG's attributes
    make of it. If it cannot be set, nothing is mapped: access is never wider than asked for.
    """

    __slots__ = ()

    tpg_lun = Link(LUN, "The LUN that is shown.")
    write_protect = Attr(
        "write_protect", WRITE_PROTECT, "Refuse this initiator's writes.", verify=True
    )
    statistics = StatisticsTree("statistics")

    def __init__(
        self,
        parent_nodeacl: NodeACL,
        mapped_lun: int | str,
        tpg_lun: LUN | int | str | None = None,
        write_protect: object = None,
        alias: str | None = None,
    ) -> None:
        acl = parent_nodeacl
        rel = acl.below(f"lun_{number_of(mapped_lun)}")
        if tpg_lun is None:
            super().__init__(acl.fs, rel)
            return
        lun = _lun_path(acl, tpg_lun)
        link = _link_name(alias)
        with Construction(acl.fs) as made:
            self._stand(acl.fs, rel)
            made.mkdir(rel)
            made.symlink(lun, self.below(link))
            if write_protect is not None:
                self.write_protect = write_protect

    @classmethod
    def setup(
        cls,
        tpg_obj: TPG,  # noqa: ARG003 - a classic argument: the ACL tells it
        acl_obj: NodeACL,
        mlun: dict[str, Any],
        err_func: saved.Errors,
    ) -> None:
        """Make a mapped LUN as its saved entry says; `err_func` is told what fails."""
        saved.setup(cls, acl_obj, mlun, err_func)

    def made_of(
        self,
        tpg_lun: LUN | int | str | None = None,
        write_protect: object = None,
        alias: str | None = None,
    ) -> bool:
        """Tell whether it shows this LUN, as writable as this."""
        same_lun = tpg_lun is not None and Link.end(self) == _lun_path(self.parent, tpg_lun)
        return same_lun and (
            write_protect is None or (FLAG.encode(write_protect) == "1") is self.write_protect
        )

    @property
    def mapped_lun(self) -> int:
        """The number that the initiator sees."""
        return self._number

    @property
    def parent_nodeacl(self) -> NodeACL:
        """The ACL that it is in."""
        return self.parent  # type: ignore[return-value]

    @property
    def node_wwn(self) -> str:
        """The initiator's name."""
        return self.parent_nodeacl.node_wwn


def _lun_path(acl: Node, tpg_lun: LUN | int | str) -> str:
    """Return the tree path of a LUN of the ACL's TPG; whether it is one, the kernel knows."""
    if isinstance(tpg_lun, LUN):
        return tpg_lun.below("")
    # The ACL's TPG is two directories above it.
    return f"{acl.below('').rsplit('/', 2)[0]}/lun/lun_{number_of(tpg_lun)}"
