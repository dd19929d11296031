# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of ALUA: LU groups, target port groups, and a LUN's membership.

drivers/target/target_core_alua.c, and its show and store functions in target_core_configfs.c.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Callable

from rtslib.testing import parsers
from rtslib.testing.directory import Directory, KernelOops, Shape
from rtslib.testing.parsers import byte_length, c_string, fail, refusal
from rtslib.testing.rules import U64, Rule, Rules, integer

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

__all__ = ["ALUA", "groups_of", "members_of"]

GROUP_NAME_LEN = 256
ID_MAX = 0xFFFF
PAGE = 4096
IMPLICIT, EXPLICIT = 1, 2
LBA_DEPENDENT, OFFLINE, TRANSITIONING = 4, 14, 15

STATES = {
    0: "Active/Optimized",
    1: "Active/NonOptimized",
    2: "Standby",
    3: "Unavailable",
    LBA_DEPENDENT: "LBA Dependent",
    OFFLINE: "Offline",
    TRANSITIONING: "Transitioning",
}
STATUSES = ["None", "Altered by Explicit STPG", "Altered by Implicit ALUA"]
TYPES = ["None", "Implicit", "Explicit", "Implicit and Explicit"]
#: Which alua_support_ attribute says that a state is supported.
SUPPORT = {
    0: "active_optimized",
    1: "active_nonoptimized",
    2: "standby",
    3: "unavailable",
    LBA_DEPENDENT: "lba_dependent",
    OFFLINE: "offline",
    TRANSITIONING: "transitioning",
}


# LU groups


def _lu_gps(node: Directory) -> Directory:
    return node.tree.top.sub("core").sub("alua").sub("lu_gps")


def _lu_gp_members(group: Directory, _name: str) -> str:
    found = [
        (so.data["lu_gp_serial"], f"{hba.name}/{so.name}\n")
        for hba in group.tree.top.sub("core").made()
        for so in hba.made()
        if so.data.get("lu_gp") == group.name
    ]
    return _page(text for _, text in sorted(found))


def _page(lines: Iterable[str]) -> str:
    """Join whole lines up to a page: what does not fit is left out, with a kernel warning."""
    text = ""
    for line in lines:
        if len(text) + len(line) > PAGE:
            break
        text += line
    return text


def _lu_gp_id(group: Directory, name: str, text: str) -> None:
    wanted = parsers.number(text, *U64)
    if wanted > ID_MAX or group.text(name):
        fail(errno.EINVAL)
    taken = {sub.text(name) for sub in [_lu_gps(group).sub("default_lu_gp"), *group.up.made()]}
    _set_id(group, name, wanted, taken, lambda: group.tree.count("lu_gp"))


def _set_id(
    group: Directory, name: str, wanted: int, taken: set[str], count: Callable[[], int]
) -> None:
    """Set a group's id: 0 asks for the next one that is free."""
    value = wanted
    while f"{value}\n" in taken or not value:
        if wanted:
            fail(errno.EINVAL)
        value = count()
    group.put(name, f"{value}\n")


def _lu_gp_gone(group: Directory) -> None:
    for hba in group.tree.top.sub("core").made():
        for so in hba.made():
            if so.data.get("lu_gp") == group.name:
                _join_lu_gp(so, "default_lu_gp")


def _join_lu_gp(so: Directory, group: str) -> None:
    so.set(lu_gp=group, lu_gp_serial=so.tree.count("serial"))


def _show_alua_lu_gp(so: Directory, _name: str) -> str:
    group = so.data.get("lu_gp")
    if not group:
        return ""
    number = _lu_gps(so).sub(group).text("lu_gp_id")
    return f"LU Group Alias: {group}\nLU Group ID: {number}"


def _store_alua_lu_gp(so: Directory, _name: str, text: str) -> None:
    if "lu_gp" not in so.data:  # not enabled, or the device does its own ALUA
        return
    if byte_length(text) > GROUP_NAME_LEN:
        fail(errno.EINVAL)
    wanted = c_string(text).strip()
    if wanted == "NULL":
        so.set(lu_gp=None)
        return
    group = _lu_gps(so).find(wanted)
    if group is None or not group.text("lu_gp_id"):
        fail(errno.ENODEV)
    _join_lu_gp(so, wanted)


# Target port groups


def groups_of(so: Directory) -> list[Directory]:
    """Return the target port groups of a storage object, the default one first."""
    alua = so.sub("alua")
    return [alua.sub("default_tg_pt_gp"), *alua.made()]


def members_of(group: Directory) -> list[Directory]:
    """Return the LUNs of a target port group in the order in which they joined."""
    luns = [lun for lun in group.up.up.linked_by if lun.data.get("tg_pt_gp") == group.name]
    return sorted(luns, key=lambda lun: lun.data["tg_pt_gp_serial"])


def _tg_pt_gp_members(group: Directory, _name: str) -> str:
    lines = []
    for lun in members_of(group):
        tpg = lun.up.up
        fabric = fabric_name(lun)
        lines.append(f"{fabric}/{tpg.up.name}/tpgt_{tpg.data['tag']}/{lun.name}\n\0")
    return _page(lines)


def fabric_name(node: Directory) -> str:
    """Return what the kernel calls the fabric of a directory below one: fabric_name."""
    while not node.shape.name.startswith("fabric."):
        node = node.up
    return {"iscsi": "iSCSI"}.get(node.name, node.name)


def _tg_pt_gp_id(group: Directory, name: str, text: str) -> None:
    wanted = parsers.number(text, *U64)
    if wanted > ID_MAX or group.text(name):
        fail(errno.EINVAL)
    so = group.up.up

    def count() -> int:
        so.set(tg_pt_gp_ids=so.data["tg_pt_gp_ids"] + 1)
        return int(so.data["tg_pt_gp_ids"])

    _set_id(group, name, wanted, {other.text(name) for other in groups_of(so)}, count)


def _tg_pt_gp_gone(group: Directory) -> None:
    for lun in members_of(group):
        join(lun, "default_tg_pt_gp")


def _access_state(group: Directory, _name: str, text: str) -> None:
    if not group.text("tg_pt_gp_id"):
        fail(errno.EINVAL)
    so = group.up.up
    if not so.data.get("configured"):
        fail(errno.ENODEV)
    state = parsers.number(text, *U64)
    kinds = TYPES.index(group.text("alua_access_type").rstrip("\n"))
    if not kinds & IMPLICIT or (kinds & EXPLICIT and state == LBA_DEPENDENT):
        fail(errno.EINVAL)
    support = SUPPORT.get(state)
    if support is None or group.text(f"alua_support_{support}") != "1\n":
        fail(errno.EINVAL)
    _transition(group, state)


def _transition(group: Directory, state: int) -> None:
    """Move a group, and those with its id in the LU group: core_alua_do_port_transition()."""
    so = group.up.up
    lu_gp = so.data.get("lu_gp")
    if lu_gp is None:
        # read from the source, not recorded: lu_gp_mem->lu_gp is followed without a check
        raise KernelOops(f"{so.path}: an ALUA transition without an LU group")
    moved = [group]
    if lu_gp != "default_lu_gp":
        number = group.text("tg_pt_gp_id")
        moved = [
            other
            for hba in so.tree.top.sub("core").made()
            for peer in hba.made()
            if peer.data.get("lu_gp") == lu_gp
            for other in groups_of(peer)
            if other.text("tg_pt_gp_id") == number
        ]
    for one in moved:
        if one.integer("alua_access_state") != state:
            one.put("alua_access_state", f"{state}\n")
            one.put("alua_access_status", STATUSES[2] + "\n")


def _with_id(group: Directory) -> None:
    if not group.text("tg_pt_gp_id"):
        fail(errno.EINVAL)


def _word(words: list[str], *, needs_id: bool) -> Rule:
    """An attribute that takes a number and shows a word."""

    def store(group: Directory, name: str, text: str) -> None:
        if needs_id:
            _with_id(group)
        value = parsers.number(text, *U64)
        if value >= len(words):
            fail(errno.EINVAL)
        group.put(name, words[value] + "\n")

    return Rule(store=store)


def _number(allowed: Container[int]) -> Rule:
    return integer(allowed, kind=U64)


def _support(group: Directory, name: str, text: str) -> None:
    _with_id(group)
    value = parsers.number(text, *U64)
    if value > 1:
        fail(errno.EINVAL)
    group.put(name, f"{value}\n")


def _make_tg_pt_gp(alua: Directory, _name: str) -> Shape:
    return alua.tree.shapes["tg_pt_gp"]


# A LUN's side


def join(lun: Directory, group: str) -> None:
    """Make a LUN a member of a group of its storage object."""
    lun.set(tg_pt_gp=group, tg_pt_gp_serial=lun.tree.count("serial"))


def storage(lun: Directory) -> Directory:
    """Return the storage object of a LUN: ENODEV where there is none."""
    for link in lun.links.values():
        return link.target
    raise refusal(errno.ENODEV)


def _show_group(lun: Directory, _name: str) -> str:
    so = storage(lun)
    if "tg_pt_gp" not in lun.data:
        return ""
    group = so.sub("alua").sub(lun.data["tg_pt_gp"])
    status = STATUSES[lun.data.get("status", 0)]
    return (
        f"TG Port Alias: {group.name}\nTG Port Group ID: {group.text('tg_pt_gp_id') or '0'}".rstrip(
            "\n"
        )
        + "\n"
        f"TG Port Primary Access State: {STATES[group.integer('alua_access_state')]}\n"
        f"TG Port Primary Access Status: {group.text('alua_access_status')}"
        f"TG Port Secondary Access State: {'Offline' if lun.data.get('offline') else 'None'}\n"
        f"TG Port Secondary Access Status: {status}\n"
    )


def _store_group(lun: Directory, _name: str, text: str) -> None:
    so = storage(lun)
    if "tg_pt_gp" not in lun.data:
        fail(errno.ENODEV)
    if byte_length(text) > GROUP_NAME_LEN:
        fail(errno.EINVAL)
    wanted = c_string(text).strip()
    if wanted == "NULL":
        join(lun, "default_tg_pt_gp")
        return
    group = so.sub("alua").find(wanted)
    if group is None or not group.text("tg_pt_gp_id"):
        fail(errno.ENODEV)
    join(lun, wanted)


def _lun_number(key: str, high: int) -> Rule:
    """A number that the LUN keeps whether or not an object is linked, but shows only with one."""

    def show(lun: Directory, _name: str) -> str:
        storage(lun)
        return f"{lun.data.get(key, 0)}\n"

    def store(lun: Directory, _name: str, text: str) -> None:
        storage(lun)
        if key == "offline" and "tg_pt_gp" not in lun.data:
            fail(errno.ENODEV)
        value = parsers.number(text, *U64)
        if value > high:
            fail(errno.EINVAL)
        lun.set(**{key: value})
        if key == "offline":
            lun.set(status=2)

    return Rule(show, store)


_TG_PT_GP = Rules({
    "members": Rule(show=_tg_pt_gp_members),
    "tg_pt_gp_id": Rule(store=_tg_pt_gp_id),
    "alua_access_state": Rule(store=_access_state),
    "alua_access_status": _word(STATUSES, needs_id=True),
    "alua_access_type": _word(TYPES, needs_id=False),
    "alua_write_metadata": _number(range(2)),
    "nonop_delay_msecs": _number(range(10001)),
    "trans_delay_msecs": _number(range(30001)),
    "implicit_trans_secs": _number(range(256)),
    "preferred": _number(range(2)),
    **{f"alua_support_{state}": Rule(store=_support) for state in SUPPORT.values()},
}, {"gone": _tg_pt_gp_gone})  # fmt: skip

_LU_GP = Rules(
    {"lu_gp_id": Rule(store=_lu_gp_id), "members": Rule(show=_lu_gp_members)},
    {"gone": _lu_gp_gone},
)

ALUA = {
    "root/core/alua/lu_gps": Rules(ops={"make": lambda node, _: node.tree.shapes["lu_gp"]}),
    "root/core/alua/lu_gps/default_lu_gp": _LU_GP,
    "lu_gp": _LU_GP,
    "so": Rules({"alua_lu_gp": Rule(_show_alua_lu_gp, _store_alua_lu_gp)}),
    "so/alua": Rules(ops={"make": _make_tg_pt_gp}),
    "so/alua/default_tg_pt_gp": _TG_PT_GP,
    "tg_pt_gp": _TG_PT_GP,
    "lun": Rules({
        "alua_tg_pt_gp": Rule(_show_group, _store_group),
        "alua_tg_pt_offline": _lun_number("offline", 1),
        "alua_tg_pt_status": _lun_number("status", 2),
        "alua_tg_pt_write_md": _lun_number("write_md", 1),
    }),
}  # fmt: skip
