# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""ALUA: target port groups of a storage object, and groups of logical units.

The rules of order are the kernel's (drivers/target/target_core_alua.c): a group can be used only
once it has an id; its id is written once; its state can be changed only while the implicit bit
of its access type is set, and only to a state that it supports.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

from rtslib.errors import InvalidValueError, RTSLibALUANotSupportedError
from rtslib.node import Attr, Node
from rtslib.values import FLAG, TEXT, UINT, Codec, enumerated

if TYPE_CHECKING:
    from typing_extensions import Self

    from rtslib import door
    from rtslib.storage import StorageObject

__all__ = ["ALUALUGroup", "ALUATargetPortGroup", "AccessState", "AccessStatus", "AccessType"]


class AccessState(enum.IntEnum):
    """Primary target port asymmetric access state (SPC-4 section 6.35)."""

    ACTIVE_OPTIMIZED = 0
    ACTIVE_NONOPTIMIZED = 1
    STANDBY = 2
    UNAVAILABLE = 3
    LBA_DEPENDENT = 4
    OFFLINE = 14
    TRANSITIONING = 15


class AccessStatus(enum.IntEnum):
    """Who changed the state last."""

    NONE = 0
    ALTERED_BY_EXPLICIT_STPG = 1
    ALTERED_BY_IMPLICIT_ALUA = 2


class AccessType(enum.IntEnum):
    """Who may change the state: the target (implicit), initiators (explicit), both, nobody."""

    NONE = 0
    IMPLICIT = 1
    EXPLICIT = 2
    IMPLICIT_AND_EXPLICIT = 3


STATE = enumerated(
    AccessState, {state.name.lower().replace("_", " "): state for state in AccessState}
)
STATUS = enumerated(
    AccessStatus,
    {
        "None": AccessStatus.NONE,
        "Altered by Explicit STPG": AccessStatus.ALTERED_BY_EXPLICIT_STPG,
        "Altered by Implicit ALUA": AccessStatus.ALTERED_BY_IMPLICIT_ALUA,
    },
)
TYPE = enumerated(
    AccessType,
    {
        "None": AccessType.NONE,
        "Implicit": AccessType.IMPLICIT,
        "Explicit": AccessType.EXPLICIT,
        "Implicit and Explicit": AccessType.IMPLICIT_AND_EXPLICIT,
    },
)

#: The id of a group that has none yet: the file is empty.
GROUP_ID: Codec[int | None] = Codec(
    "group id", lambda text: int(text) if text.strip() else None, UINT.encode
)

#: The group that every storage object has and that cannot be removed.
DEFAULT_TG_PT_GP = "default_tg_pt_gp"
DEFAULT_LU_GP = "default_lu_gp"


class _Group(Node):
    """What both kinds of groups share: made with an id, looked up without."""

    @classmethod
    def create(cls, parent: Any, *args: Any, **kwargs: Any) -> Self:
        """Make a group: ``create(name, tag)``; without a tag the kernel picks its id."""
        if len(args) == 1:
            kwargs.setdefault("tag", 0)
        return cls(parent, *args, **kwargs)

    @property
    def name(self) -> str:
        """The group's name."""
        return self.base


class ALUATargetPortGroup(_Group):
    """A target port group: how initiators are to see a storage object through some ports.

    ``ALUATargetPortGroup(so, name, tag)`` makes the group with that id (0 lets the kernel pick
    one); without a tag it looks the group up. RTSLibALUANotSupportedError where the storage
    object is passed through.
    """

    tg_pt_gp_id = Attr("tg_pt_gp_id", GROUP_ID, "Id of the group; written once, 1 to 65535.")
    alua_support_transitioning = Attr("alua_support_transitioning", FLAG, "State 15 is possible.")
    alua_support_offline = Attr("alua_support_offline", FLAG, "State 14 is possible.")
    alua_support_lba_dependent = Attr("alua_support_lba_dependent", FLAG, "State 4 is possible.")
    alua_support_unavailable = Attr("alua_support_unavailable", FLAG, "State 3 is possible.")
    alua_support_standby = Attr("alua_support_standby", FLAG, "State 2 is possible.")
    alua_support_active_optimized = Attr(
        "alua_support_active_optimized", FLAG, "State 0 is possible."
    )
    alua_support_active_nonoptimized = Attr(
        "alua_support_active_nonoptimized", FLAG, "State 1 is possible."
    )
    alua_access_state = Attr("alua_access_state", STATE, "Setting it runs a real transition.")
    alua_access_status = Attr("alua_access_status", STATUS, "Who changed the state last.")
    alua_access_type = Attr("alua_access_type", TYPE, "Who may change the state.")
    alua_write_metadata = Attr("alua_write_metadata", FLAG, "Keep the state under dbroot.")
    implicit_trans_secs = Attr("implicit_trans_secs", UINT, "Seconds told to initiators, to 255.")
    nonop_delay_msecs = Attr("nonop_delay_msecs", UINT, "Delay when non-optimized, to 10000 ms.")
    trans_delay_msecs = Attr("trans_delay_msecs", UINT, "Delay in a transition, to 30000 ms.")
    preferred = Attr("preferred", FLAG, "The preferred bit.")
    members = Attr("members", TEXT, "LUNs in the group; the kernel shows one page of them.")

    def __init__(self, storage_object: StorageObject, name: str, tag: int | None = None) -> None:
        if not storage_object.alua_supported:
            raise RTSLibALUANotSupportedError(
                f"{storage_object!r} has no ALUA: the kernel passes its commands through",
                path=storage_object.path,
            )
        rel = storage_object.below(f"alua/{_group_name(name)}")

        def populate(_made: door.Construction) -> None:
            self.tg_pt_gp_id = tag

        mode = "lookup" if tag is None else "create"
        super().__init__(storage_object.fs, rel, mode, populate)

    @property
    def is_default(self) -> bool:
        """Whether it is the group that every storage object has."""
        return self.base == DEFAULT_TG_PT_GP

    def made_of(self, tag: int = 0) -> bool:
        """Tell whether it has this id; 0 is any."""
        return tag in (0, self.tg_pt_gp_id)

    def update(self, **settings: object) -> None:
        """Set several settings in the one order that the kernel takes.

        What the group supports comes first, then the state, under an access type that allows it,
        then the status, then the access type that was asked for, then the rest.
        """
        order = [name for name, it in self.declarations().items() if isinstance(it, Attr)]
        unknown = settings.keys() - set(order)
        if unknown:
            raise InvalidValueError(f"{self!r} has no {', '.join(sorted(unknown))}")
        if "alua_access_state" in settings:
            final = settings.get("alua_access_type", self.alua_access_type)
            if not self.alua_access_type & AccessType.IMPLICIT:
                self.alua_access_type = AccessType.IMPLICIT
            settings = {**settings, "alua_access_type": final}
        for name in order:
            if name in settings:
                setattr(self, name, settings[name])

    def _remove(self) -> None:
        if not self.is_default:
            super()._remove()


class ALUALUGroup(_Group):
    """A group of logical units that change their state together.

    ``ALUALUGroup(root, name, tag)`` makes one (tag 0 lets the kernel pick the id); without a tag
    it looks one up.
    """

    lu_gp_id = Attr("lu_gp_id", GROUP_ID, "Id of the group; written once, 1 to 65535.")
    members = Attr("members", TEXT, "Storage objects; the kernel shows one page of them.")

    def __init__(self, root: Node, name: str, tag: int | None = None) -> None:
        def populate(_made: door.Construction) -> None:
            self.lu_gp_id = tag

        mode = "lookup" if tag is None else "create"
        super().__init__(root.fs, f"core/alua/lu_gps/{_group_name(name)}", mode, populate)

    def made_of(self, tag: int = 0) -> bool:
        """Tell whether it has this id; 0 is any."""
        return tag in (0, self.lu_gp_id)

    def _remove(self) -> None:
        if self.base != DEFAULT_LU_GP:
            super()._remove()


def _group_name(name: str) -> str:
    if not name or "/" in name:
        raise InvalidValueError(f"{name!r} cannot be the name of an ALUA group")
    return name
