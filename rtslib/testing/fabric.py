# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules that all fabrics share: targets, TPGs, LUNs, ACLs, mapped LUNs and their links.

drivers/target/target_core_fabric_configfs.c, target_core_tpg.c, target_core_device.c. What a fabric
decides by itself is in its row of POLICIES.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from rtslib.testing import parsers
from rtslib.testing.alua import join, storage
from rtslib.testing.parsers import c_string, fail
from rtslib.testing.rules import S64, U64, Rule, Rules

if TYPE_CHECKING:
    from rtslib.testing.directory import Directory, Shape

__all__ = ["FABRIC", "POLICIES", "Policy", "deve_of", "enable", "fabric_of", "tag"]

TAG_LEN = 64
EXPORTS_MAX = 0xFFFF
ANY_CPU = -2  # SE_COMPL_AFFINITY_CURR_CPU; -1 is the one that the command came on


def _any_name(parent: Directory, name: str) -> None:
    """Take any name."""


def tag(name: str, high: int = 0xFFFF, base: int = 0) -> int:
    """Return the number in ``tpgt_`` and a number."""
    if not name.startswith("tpgt_"):
        fail(errno.EINVAL)
    return parsers.number(name[5:], 0, high, base)


def _nothing(node: Directory) -> None:
    """Do nothing."""


class Policy(NamedTuple):
    """What a fabric's module decides: names, TPG tags, and what follows from what is made.

    `name` and `acl_name` refuse a name of a target or an ACL; `tag` finds the number in a TPG's.
    """

    name: Callable[[Directory, str], None] = _any_name
    tag: Callable[[str], int] = tag
    acl_name: Callable[[Directory, str], None] = _any_name
    name_tpg: Callable[[Directory, str], None] = _any_name
    target_made: Callable[[Directory], None] = _nothing
    tpg_gone: Callable[[Directory], None] = _nothing
    acl_made: Callable[[Directory], None] = _nothing
    acl_gone: Callable[[Directory], None] = _nothing
    linked: Callable[[Directory], None] = _nothing
    unlinked: Callable[[Directory], None] = _nothing


#: By the fabric's directory name; each fabric's module adds its own.
POLICIES: dict[str, Policy] = {}


def fabric_of(node: Directory) -> str:
    """Return the fabric's directory name, from the shape of a target, TPG, ACL or portal."""
    return node.shape.name.partition("/")[0].partition(".")[2]


def policy(node: Directory) -> Policy:
    """Return the policy of the fabric that `node` belongs to."""
    return POLICIES.get(fabric_of(node)) or Policy()


# Targets and TPGs


def _make_target(fabric: Directory, name: str) -> Shape:
    policy(fabric).name(fabric, name)
    return fabric.tree.shapes[f"target.{fabric.name}"]


def _target_made(target: Directory) -> None:
    policy(target).target_made(target)


def _make_tpg(target: Directory, name: str) -> Shape:
    try:
        policy(target).name_tpg(target, name)
        policy(target).tag(name)
    except OSError:
        fail(errno.EINVAL)  # target_fabric_make_tpg() makes every error this one
    return target.tree.shapes[f"tpg.{fabric_of(target)}"]


def _tpg_made(tpg: Directory) -> None:
    tpg.set(tag=policy(tpg).tag(tpg.name))


def _tpg_gone(tpg: Directory) -> None:
    policy(tpg).tpg_gone(tpg)


def enable(then: Callable[[Directory, bool], None] = lambda _tpg, _value: None) -> Rule:
    """A group's enable: the same value again does nothing, `then` may refuse a new one."""

    def store(tpg: Directory, name: str, text: str) -> None:
        value = parsers.flag(text)
        if f"{value:d}\n" == tpg.text(name):
            return
        if value:
            _register_rtpi(tpg)
        then(tpg, value)
        tpg.put(name, f"{value:d}\n")

    return Rule(store=store)


def _register_rtpi(tpg: Directory) -> None:
    """Give a group that is enabled a relative port identifier of its own, where it has such."""
    if "rtpi" not in tpg.shape.files:
        return
    taken = {
        int(other.text("rtpi"), 16)
        for fabric in tpg.tree.top.made()
        for target in fabric.made()
        for other in target.made()
        if other.text("enable") == "1\n" and "rtpi" in other.shape.files
    }
    mine = int(tpg.text("rtpi"), 16)
    if mine in taken:
        fail(errno.EINVAL)
    if not mine:
        lowest = next(n for n in range(1, len(taken) + 2) if n not in taken)
        tpg.put("rtpi", f"{lowest:#x}\n")


def _rtpi(tpg: Directory, name: str, text: str) -> None:
    value = parsers.number(text, 0, 0xFFFF)
    if not value or tpg.text("enable") == "1\n":
        fail(errno.EINVAL)
    tpg.put(name, f"{value:#x}\n")


def _affinity(param: Directory, name: str, text: str) -> None:
    value = parsers.number(text, *S64)
    if not ANY_CPU <= value < param.tree.host.cpus:
        fail(errno.EINVAL)
    param.put(name, f"{value}\n")


# LUNs


def _numbered(name: str) -> int:
    if not name.startswith("lun_"):
        fail(errno.EINVAL)
    return parsers.number(name[4:], *U64)


def _make_lun(parent: Directory, name: str) -> Shape:
    _numbered(name)
    return parent.tree.shapes["lun"]


def _lun_link(lun: Directory, target: Directory) -> None:
    """Export a storage object: target_fabric_port_link() and core_tpg_add_lun()."""
    if not (target.shape.name.startswith("so.") and "/" not in target.shape.name):
        fail(errno.EFAULT)
    if not target.data.get("configured"):
        fail(errno.ENODEV)
    if lun.links:
        fail(errno.EEXIST)
    if len(target.linked_by) >= EXPORTS_MAX:
        fail(errno.ENOSPC)
    target.set(rtpi=target.data.get("rtpi", 0) + 1)  # core_alloc_rtpi()
    lun.set(rtpi=target.data["rtpi"])
    if not target.data.get("passthrough_alua"):
        join(lun, "default_tg_pt_gp")
    policy(lun.up.up).linked(lun)


def _lun_unlinked(lun: Directory, _target: Directory) -> None:
    """Take the LUN out of every list of mapped LUNs: core_clear_lun_from_tpg()."""
    for acl in lun.up.up.sub("acls").made():
        deves = acl.data["deves"]
        for number in [n for n, deve in deves.items() if deve["lun"] == lun.name]:
            del deves[number]
            acl.touch()
    lun.data.pop("tg_pt_gp", None)
    lun.touch()
    policy(lun.up.up).unlinked(lun)


# ACLs


def _make_acl(acls: Directory, name: str) -> Shape:
    policy(acls.up).acl_name(acls.up, name)
    return acls.tree.shapes[f"acl.{fabric_of(acls.up)}"]


def _acl_made(acl: Directory) -> None:
    dynamic = acl.up.up.data.get("dynamic", {})
    adopted = dynamic.pop(acl.name, None)
    if adopted is None:
        acl.set(index=acl.tree.count("acl"), deves={})
    else:
        acl.up.up.touch()
        acl.set(**adopted)  # its LUNs keep the access that they had
    policy(acl).acl_made(acl)


def _acl_gone(acl: Directory) -> None:
    policy(acl).acl_gone(acl)


def _acl_tag(acl: Directory, name: str, text: str) -> None:
    text = c_string(text)
    if parsers.byte_length(text) >= TAG_LEN:
        fail(errno.EINVAL)
    acl.put(name, "" if text.startswith("NULL") else text)


# Mapped LUNs


def _make_mapped(acl: Directory, name: str) -> Shape:
    _numbered(name)
    return acl.tree.shapes["mapped"]


def _mapped_made(mapped: Directory) -> None:
    mapped.set(number=_numbered(mapped.name))


def deve_of(mapped: Directory) -> dict[str, Any] | None:
    """Return the entry of the mapped LUN's number in its initiator's list (struct se_dev_entry)."""
    found: dict[str, Any] | None = mapped.up.data["deves"].get(str(mapped.data["number"]))
    return found


def _mapped_link(mapped: Directory, lun: Directory) -> None:
    """Map a LUN: target_fabric_mappedlun_link() and core_enable_device_list_for_node()."""
    acl = mapped.up
    tpg = acl.up.up
    if lun.shape.name != "lun":
        fail(errno.EFAULT)
    if not lun.links:
        fail(errno.EINVAL)
    # Only names are compared: a LUN of another fabric passes where both have the same ones
    if (lun.up.up.up.name, lun.up.up.name) != (tpg.up.name, tpg.name):
        fail(errno.EINVAL)
    entry = deve_of(mapped)
    if entry is None:
        readonly = tpg.sub("attrib").text("prod_mode_write_protect") == "1\n"
    elif entry["lun"] != lun.name or entry["explicit"]:
        fail(errno.EINVAL)
    else:
        readonly = entry["readonly"]
    # core_dev_add_initiator_node_lun_acl(): a device that takes no writes (DF_READ_ONLY)
    readonly = readonly or bool(storage(lun).data.get("readonly"))
    acl.data["deves"][str(mapped.data["number"])] = {
        "lun": lun.name,
        "readonly": readonly,
        "explicit": True,
        "created": acl.tree.count("clock"),
    }
    acl.touch()


def _mapped_unlinked(mapped: Directory, lun: Directory) -> None:
    entry = deve_of(mapped)
    if entry is not None and entry["lun"] == lun.name:
        del mapped.up.data["deves"][str(mapped.data["number"])]
        mapped.up.touch()


def _show_write_protect(mapped: Directory, _name: str) -> str:
    entry = deve_of(mapped)
    return "" if entry is None else f"{entry['readonly']:d}\n"


def _store_write_protect(mapped: Directory, _name: str, text: str) -> None:
    value = parsers.number(text, *U64)
    if value > 1:
        fail(errno.EINVAL)
    entry = deve_of(mapped)
    if entry is not None:
        entry["readonly"] = bool(value)
        mapped.up.touch()


FABRIC = {
    "fabric": Rules(ops={"make": _make_target}),
    "target": Rules(ops={"make": _make_tpg, "made": _target_made}),
    "target/param": Rules({"cmd_completion_affinity": Rule(store=_affinity)}),
    "tpg": Rules(
        {"enable": enable(), "rtpi": Rule(store=_rtpi)}, {"made": _tpg_made, "gone": _tpg_gone}
    ),
    "tpg/lun": Rules(ops={"make": _make_lun}),
    "tpg/np": Rules(ops={"no_mkdir": errno.ENOSYS}),
    "tpg/acls": Rules(ops={"make": _make_acl}),
    "lun": Rules(ops={"link": _lun_link, "unlinked": _lun_unlinked}),
    "lun/statistics": Rules(ops={"no_mkdir": errno.ENOSYS}),
    "mapped/statistics": Rules(ops={"no_mkdir": errno.ENOSYS}),
    "acl": Rules(
        {"tag": Rule(store=_acl_tag)},
        {"make": _make_mapped, "made": _acl_made, "gone": _acl_gone},
    ),
    "mapped": Rules(
        {"write_protect": Rule(_show_write_protect, _store_write_protect)},
        {"made": _mapped_made, "link": _mapped_link, "unlinked": _mapped_unlinked},
    ),
}
