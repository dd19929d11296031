# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""ALUA: target port groups of a storage object, and groups of logical units.

The rules of order are the kernel's (drivers/target/target_core_alua.c): a group can be used only
once it has an id; its id is written once; its state can be changed only while the implicit bit
of its access type is set, to LBA-dependent only while the explicit bit is not, and only to a
state that it supports.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, ClassVar

from rtslib import saved
from rtslib.errors import InvalidValueError, NotSupportedError, RTSLibALUANotSupportedError
from rtslib.node import Attr, MadeOf, Node
from rtslib.values import FLAG, TEXT, UINT, Codec, enumerated

if TYPE_CHECKING:
    from typing_extensions import Self

    from rtslib import door
    from rtslib.configfs import ConfigFS
    from rtslib.storage import StorageObject

__all__ = [
    "ALUALUGroup",
    "ALUATargetPortGroup",
    "AccessState",
    "AccessStatus",
    "AccessType",
    "alua_ro_params",
    "alua_rw_params",
    "alua_statuses",
    "alua_types",
]


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
#: The kernel's words for a status and for a type; the number of each is its place.
alua_statuses = ["None", "Altered by Explicit STPG", "Altered by Implicit ALUA"]
alua_types = ["None", "Implicit", "Explicit", "Implicit and Explicit"]
STATUS = enumerated(AccessStatus, dict(zip(alua_statuses, AccessStatus)))
TYPE = enumerated(AccessType, dict(zip(alua_types, AccessType)))

#: The id of a group that has none yet: the file is empty.
GROUP_ID: Codec[int | None] = Codec(
    "group id", lambda text: int(text) if text.strip() else None, UINT.encode
)

_DEFAULTS = frozenset({"default_tg_pt_gp", "default_lu_gp"})


class _Group(MadeOf):
    """What both kinds of groups share: made with an id, looked up without."""

    __slots__ = ()

    #: The attribute that has the group's id.
    id_name: ClassVar[str]

    def _make_or_find(self, fs: ConfigFS, directory: str, name: str, tag: int | None) -> None:
        if not name or "/" in name:
            raise InvalidValueError(f"{name!r} cannot be the name of an ALUA group")

        def populate(_made: door.Construction) -> None:
            setattr(self, self.id_name, tag)

        mode = "lookup" if tag is None else "create"
        Node.__init__(self, fs, f"{directory}/{name}", mode, populate)

    @classmethod
    def create(cls, parent: Any, name: str, tag: int = 0) -> Self:
        """Make a group; without a tag the kernel picks its id."""
        return super().create(parent, name, tag)

    @property
    def name(self) -> str:
        """The group's name."""
        return self.base

    @property
    def is_default(self) -> bool:
        """Whether it is the kernel's own, which every object has or is in."""
        return self.base in _DEFAULTS

    def delete(self) -> None:
        """Remove the group; its members fall back to the default one, which cannot be removed."""
        if self.is_default:
            raise NotSupportedError(f"{self!r} is the kernel's own: it cannot be removed")
        super().delete()

    def made_of(self, tag: int = 0) -> bool:
        """Tell whether it has this id; 0 is any."""
        return tag in (0, getattr(self, self.id_name))

    def _remove(self) -> None:
        if not self.is_default:
            super()._remove()


class ALUATargetPortGroup(_Group):
    """A target port group: how initiators are to see a storage object through some ports.

    ``ALUATargetPortGroup(so, name, tag)`` makes the group with that id (0 lets the kernel pick
    one); without a tag it looks the group up. RTSLibALUANotSupportedError where the storage
    object is passed through.
    """

    __slots__ = ()

    id_name = "tg_pt_gp_id"
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
        self._make_or_find(storage_object.fs, storage_object.below("alua"), name, tag)

    @property
    def storage_object(self) -> StorageObject:
        """The storage object that it is a group of."""
        return self.parent  # type: ignore[return-value]

    def before_setting(self, file: str, text: str) -> None:
        """Refuse a transition that crashes the kernel: it follows an LU group without looking."""
        if file == "alua_access_state" and not self.storage_object.alua_supported:
            raise RTSLibALUANotSupportedError(
                f"{self.path}/{file} must not be written: its storage object is passed through, "
                "and the kernel would crash",
                operation="write",
                path=f"{self.path}/{file}",
                value=text,
            )

    @classmethod
    def setup(
        cls, storage_obj: StorageObject, alua_tpg: dict[str, Any], err_func: saved.Errors
    ) -> None:
        """Make a group as its saved entry says; `err_func` is told what fails."""
        saved.setup(cls, storage_obj, alua_tpg, err_func)

    def update(self, **settings: object) -> None:
        """Set several settings in the one order that the kernel takes.

        What the group supports comes first, then the state, under an access type that allows it,
        then the status, then the access type that was asked for, then the rest.
        """
        order = [name for name, it in self.declarations().items() if isinstance(it, Attr)]
        unknown = settings.keys() - set(order)
        if unknown:
            raise InvalidValueError(f"{self!r} has no {', '.join(sorted(unknown))}")
        for name in order:
            if name == "alua_access_state" and name in settings:
                self._change_state(settings[name])
            elif name in settings:
                setattr(self, name, settings[name])

    def _change_state(self, state: object) -> None:
        """Set the state under an access type that the kernel allows it under."""
        kept = self.alua_access_type
        text = self.encode_file("alua_access_state", STATE, state)
        both_bits = text != STATE.encode(AccessState.LBA_DEPENDENT)
        if kept is AccessType.IMPLICIT or (kept & AccessType.IMPLICIT and both_bits):
            self.alua_access_state = state
            return
        self.alua_access_type = AccessType.IMPLICIT
        try:
            self.alua_access_state = state
        finally:
            self.alua_access_type = kept


#: What of a group is not there to be set, as rtslib-fb lists it, and what is.
alua_ro_params = ["tg_pt_gp_id", "members", "alua_support_lba_dependent"]
alua_rw_params = [
    name
    for name, declared in ALUATargetPortGroup.declarations().items()
    if isinstance(declared, Attr) and name not in alua_ro_params
]


class ALUALUGroup(_Group):
    """A group of logical units that change their state together.

    ``ALUALUGroup(root, name, tag)`` makes one (tag 0 lets the kernel pick the id); without a tag
    it looks one up.
    """

    __slots__ = ()

    id_name = "lu_gp_id"
    lu_gp_id = Attr("lu_gp_id", GROUP_ID, "Id of the group; written once, 1 to 65535.")
    members = Attr("members", TEXT, "Storage objects; the kernel shows one page of them.")

    def __init__(self, root: Node, name: str, tag: int | None = None) -> None:
        self._make_or_find(root.fs, root.below("core/alua/lu_gps"), name, tag)
