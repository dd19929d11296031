# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Which files of a node are configuration, and how the saved configuration spells them.

Facts only, one table for each class. The rest is state that the kernel tells (sessions, counters,
members) or what a node is made of (``recipe``). The spelling is rtslib-fb's, in saveconfig.json;
what rtslib-fb does not keep is ours and stands where it does not look.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from rtslib.acl import NodeACL
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config.once import once
from rtslib.errors import InvalidValueError
from rtslib.fabric import FabricModule
from rtslib.lun import LUN, MappedLUN
from rtslib.network_portal import NetworkPortal
from rtslib.settings import UNKNOWN
from rtslib.storage import StorageObject
from rtslib.target import TPG, Target
from rtslib.tcm import PSCSIStorageObject
from rtslib.values import NAME, NULL, TEXT, Codec, kernel_int

if TYPE_CHECKING:
    from rtslib.declare import Group
    from rtslib.node import Node

__all__ = [
    "FORMS",
    "NEXUS",
    "Form",
    "Saved",
    "canonical",
    "codec_of",
    "form_of",
    "is_kept",
    "setting_codec",
]

#: The file of a TPG that is read and written by rules of its own.
NEXUS = "nexus"


class Saved(NamedTuple):
    """One attribute that is kept: its key in the saved configuration, and of what kind it is there.

    An `optional` one is left out where it has nothing to say; what is `ours` rtslib-fb does not
    know; what is written `once` only making the node anew can change.
    """

    key: str
    #: The Attr itself: its own type would be that of its value.
    attr: Any
    kind: type
    optional: bool = False
    ours: bool = False
    once: bool = False
    #: The text for '' where the attribute itself takes none; '' is never written.
    empty: Optional[str] = None

    @property
    def file(self) -> str:
        """The file below the node's directory."""
        return self.attr.file  # type: ignore[no-any-return] # see attr

    @property
    def codec(self) -> Codec[Any]:
        """How the kernel spells it."""
        codec: Codec[Any] = self.attr.codec
        if self.empty is None:
            return codec
        return Codec(codec.name, codec.decode, self._encode)

    def _encode(self, value: object) -> str:
        return str(self.empty) if value == "" else str(self.attr.codec.encode(value))

    def spell(self, text: str) -> Any:
        """Return the value for the saved configuration, from the text to be written."""
        # How codecs write nothing: into a file of text, and as a credential or a tag.
        plain = "" if text in ("\n", NULL) else text
        if self.kind is bool:
            return plain == "1"
        return kernel_int(plain or "0") if self.kind is int else plain


class Form(NamedTuple):
    """What is kept of a class: single attributes, and groups of settings by their key."""

    saved: tuple[Saved, ...] = ()
    groups: tuple[str, ...] = ()


def _kept(cls: type[Node], kind: type, *names: str, **more: Any) -> tuple[Saved, ...]:
    """Return attributes whose keys are their names."""
    return tuple(Saved(name, getattr(cls, name), kind, **more) for name in names)


def _chap(cls: type[Node], prefix: str) -> tuple[Saved, ...]:
    names = ("userid", "password", "mutual_userid", "mutual_password")
    return _kept(cls, str, *(f"{prefix}_{name}" for name in names), optional=True)


_SO_OURS = (
    *_kept(StorageObject, str, "alias", "lba_map", optional=True, ours=True),
    # What is passed through is in no group, and none can be set.
    *_kept(StorageObject, str, "alua_lu_gp", optional=True, ours=True, empty=""),
)
_IDENTITY = (
    # A bare newline takes the serial away.
    Saved("wwn", StorageObject.serial, str, empty="\n"),
    *_kept(StorageObject, str, "vendor_id", "product_id", "product_rev", "company_id", ours=True),
)
_ALUA_FLAGS = (
    "alua_support_transitioning",
    "alua_support_offline",
    "alua_support_unavailable",
    "alua_support_standby",
    "alua_support_active_optimized",
    "alua_support_active_nonoptimized",
    "alua_write_metadata",
    "preferred",
)
_ALUA_NUMBERS = (
    "alua_access_state",
    "alua_access_status",
    "alua_access_type",
    "implicit_trans_secs",
    "nonop_delay_msecs",
    "trans_delay_msecs",
)

FORMS: dict[type[Node], Form] = {
    StorageObject: Form((*_IDENTITY, *_SO_OURS), ("attributes",)),
    # The device itself has a serial and names.
    PSCSIStorageObject: Form(_SO_OURS, ("attributes",)),
    ALUATargetPortGroup: Form(
        (
            *_kept(ALUATargetPortGroup, int, "tg_pt_gp_id", once=True),
            *_kept(ALUATargetPortGroup, int, *_ALUA_NUMBERS, *_ALUA_FLAGS),
            *_kept(ALUATargetPortGroup, int, "alua_support_lba_dependent", ours=True),
        )
    ),
    ALUALUGroup: Form(_kept(ALUALUGroup, int, "lu_gp_id", ours=True, once=True)),
    FabricModule: Form(
        (
            *_chap(FabricModule, "discovery"),
            *_kept(FabricModule, bool, "discovery_enable_auth"),
            *_kept(FabricModule, str, "cpus_allowed_list", ours=True),
        )
    ),
    Target: Form((), ("parameters",)),
    TPG: Form(
        (
            *_chap(TPG, "chap"),
            *_kept(TPG, bool, "enable"),
            *_kept(TPG, int, "rtpi", "fabric_prot_type", optional=True, ours=True),
            *_kept(TPG, str, "directory_id", optional=True, ours=True),
        ),
        ("attributes", "parameters"),
    ),
    LUN: Form(
        (
            *_kept(LUN, str, "alua_tg_pt_gp_name", empty=""),
            *_kept(LUN, bool, "alua_tg_pt_offline", "alua_tg_pt_write_md", ours=True),
            *_kept(LUN, int, "alua_tg_pt_status", ours=True),
        )
    ),
    NetworkPortal: Form(_kept(NetworkPortal, bool, "iser", "offload")),
    NodeACL: Form(
        (
            *_chap(NodeACL, "chap"),
            *_kept(NodeACL, str, "tag", optional=True),
            *_kept(NodeACL, int, "tcq_depth", ours=True),
        ),
        # Parameters of an ACL are what its session negotiated: nothing to keep.
        ("attributes",),
    ),
    MappedLUN: Form(_kept(MappedLUN, bool, "write_protect")),
}


@once
def form_of(cls: type[Node]) -> Form:
    """Return what is kept of a class, by its nearest class that has a form."""
    return next(FORMS[base] for base in cls.__mro__ if base in FORMS)


@once
def codec_of(cls: type[Node], file: str) -> Codec[Any]:
    """Return how a file of a class that is configuration is read and written."""
    form = form_of(cls)
    for saved in form.saved:
        if saved.file == file:
            return saved.codec
    directory, _, base = file.rpartition("/")
    for key in form.groups:
        group = getattr(cls, key)
        if group.directory == directory:
            return setting_codec(group, base)
    return TEXT


def is_kept(group: Group, name: str) -> bool:
    """Tell whether a setting is kept among the settings, and is not what its object is made of."""
    return group.directory != "attrib" or name not in {"dev_config", "dev_size"}


def setting_codec(group: Group, name: str) -> Codec[Any]:
    """Return how a setting is read and written; the kernel knows more than the tables.

    Of a parameter's value, text is taken that is none of its type: Irrelevant, for one, is an
    answer to everything (iscsi_target_parameters.c).
    """
    known = group.table.get(name)
    if known is None:
        return UNKNOWN
    return _negotiated(known.codec) if group.directory == "param" else known.codec


@cache
def _negotiated(codec: Codec[Any]) -> Codec[Any]:
    def encode(value: object) -> str:
        try:
            return codec.encode(value)
        except InvalidValueError:
            return NAME.encode(value)

    return Codec(codec.name, codec.decode, encode)


def canonical(codec: Codec[Any], text: str) -> str:
    """Return a file's text as it would be written; text that the codec does not know stays."""
    try:
        return codec.encode(codec.decode(text))
    except ValueError:
        return TEXT.decode(text)
