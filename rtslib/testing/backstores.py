# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of a storage object besides attrib/: drivers/target/target_core_configfs.c."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from rtslib.testing import parsers
from rtslib.testing.alua import groups_of
from rtslib.testing.attributes import plugin
from rtslib.testing.backends import BACKENDS
from rtslib.testing.parsers import byte_length, c_string, fail
from rtslib.testing.rules import Rule, Rules

if TYPE_CHECKING:
    from rtslib.testing.directory import Directory

__all__ = ["BACKSTORES"]

PAGE = 4096
SERIAL_LEN = 254
LINE_LEN = 512
COMPANY_MAX = 0xFFFFFF
APTPL_NUMBERS = (
    "initiator_sid",
    "sa_res_key",
    "res_holder",
    "res_type",
    "res_scope",
    "res_all_tg_pt",
    "mapped_lun",
    "tpgt",
    "port_rtpi",
    "target_lun",
)


def _made(so: Directory) -> None:
    backend = plugin(so)
    # A default group that is part of the shape; the counter of ids behind it is the object's
    so.set(tg_pt_gp_ids=0)
    if backend == "pscsi":
        so.set(passthrough_alua=True, passthrough_pgr=True)


def _gone(so: Directory) -> None:
    so.tree.claims.discard(so.data.get("claim", ""))


def _control(so: Directory, _name: str, text: str) -> None:
    backend = BACKENDS[plugin(so)]
    for token in re.split("[,\n]", c_string(text)):
        found = parsers.match_option(token, backend.options)
        if found is not None:
            backend.option(so, *found)


def _enable(so: Directory, _name: str, text: str) -> None:
    if "1" not in c_string(text):
        fail(errno.EINVAL)
    if so.data.get("configured"):
        fail(errno.EEXIST)
    index = so.tree.count("device")
    limits = BACKENDS[plugin(so)].configure(so)
    block_size = limits["hw_block_size"]
    step = max(PAGE // block_size, 1)
    limits["hw_max_sectors"] -= limits["hw_max_sectors"] % step  # se_dev_align_max_sectors()
    limits["block_size"] = block_size
    limits["queue_depth"] = limits["hw_queue_depth"]
    limits["optimal_sectors"] = limits["hw_max_sectors"]
    attrib = so.sub("attrib")
    for key, value in limits.items():
        attrib.put(key, f"{value:d}\n")
    so.set(configured=True, index=index, created=so.tree.count("clock"))
    if not so.data.get("passthrough_alua"):
        so.set(lu_gp="default_lu_gp", lu_gp_serial=so.tree.count("serial"))
    so.put("enable", "1\n")


def _info(so: Directory, _name: str) -> str:
    attrib = so.sub("attrib")
    state = "ACTIVATED" if so.linked_by else "DEACTIVATED"
    return (
        f"Status: {state}  Max Queue Depth: {so.data.get('queue_depth', 0)}"
        f"  SectorSize: {attrib.integer('block_size')}"
        f"  HwMaxSectors: {attrib.integer('hw_max_sectors')}\n" + BACKENDS[plugin(so)].info(so)
    )


def _line(so: Directory, name: str, text: str) -> None:
    """Store alias or udev_path, which end at a NUL and lose one newline."""
    if byte_length(text) >= LINE_LEN:
        fail(errno.EINVAL)
    text = c_string(text)
    so.put(name, (text.removesuffix("\n")) + "\n")


# lba_map


def _show_lba_map(so: Directory, _name: str) -> str:
    lba_map = so.data.get("lba_map")
    if not lba_map or not lba_map["entries"]:
        return ""
    lines = [f"{lba_map['size']} {lba_map['multiplier']}\n"]
    lines += [" ".join(entry) + "\n" for entry in lba_map["entries"]]
    return "".join(lines)


def _store_lba_map(so: Directory, _name: str, text: str) -> None:
    lines = [line for line in c_string(text).split("\n") if line]
    head = re.match(r"\s*(\d+)\s+(\d+)", lines[0]) if lines else None
    if head is None:
        fail(errno.EINVAL)
    entries: list[list[str]] = []
    for line in lines[1:]:
        words = line.split(" ")
        states = words[2:]
        known = all(re.fullmatch(r"\d+:[OASU]", state) for state in states)
        groups = [state.partition(":")[0] for state in states]
        if not states or not all(w.isdigit() for w in words[:2]) or not known:
            fail(errno.EINVAL)
        if len(set(groups)) < len(groups):
            fail(errno.EINVAL)
        if entries and len(entries[0]) != len(words):
            fail(errno.EINVAL)
        entries.append(words)
    size, multiplier = int(head[1]), int(head[2])
    so.set(lba_map={"size": size, "multiplier": multiplier, "entries": entries})
    for group in groups_of(so):  # core_alua_set_lba_map()
        if group.text("tg_pt_gp_id"):
            group.put("alua_support_lba_dependent", "1\n")


# wwn/


def _unexported(wwn: Directory) -> None:
    if wwn.up.linked_by:
        fail(errno.EINVAL)


def _show_serial(wwn: Directory, _name: str) -> str:
    return f"T10 VPD Unit Serial Number: {wwn.data.get('serial', '')}\n"


def _store_serial(wwn: Directory, _name: str, text: str) -> None:
    if wwn.up.data.get("firmware_serial"):
        fail(errno.EOPNOTSUPP)
    text = c_string(text)
    if byte_length(text) >= SERIAL_LEN:
        fail(errno.EOVERFLOW)
    _unexported(wwn)
    wwn.set(serial=text.strip(" \t\n\v\f\r"))


def _inquiry(length: int) -> Rule:
    """A field of standard INQUIRY data: printable ASCII of at most `length` bytes."""

    def store(wwn: Directory, name: str, text: str) -> None:
        text = c_string(text)
        bare = text.strip(" \t\n\v\f\r")
        if byte_length(text) > length + 1 or byte_length(bare) > length:
            fail(errno.EOVERFLOW)
        if not (bare.isascii() and (bare.isprintable() or not bare)):
            fail(errno.EINVAL)
        _unexported(wwn)
        wwn.put(name, bare + "\n")

    return Rule(store=store)


def _company_id(wwn: Directory, name: str, text: str) -> None:
    value = parsers.number(text)
    if value > COMPANY_MAX:
        fail(errno.EOVERFLOW)
    _unexported(wwn)
    wwn.put(name, f"{value:#08x}\n")


# pr/


def _pr_show(disabled: str, passthrough: str) -> Rule:
    """A reservation text that depends on who handles reservations: LIO, nobody, the device."""

    def show(pr: Directory, name: str) -> str:
        so = pr.up
        attrib = so.sub("attrib")
        if "emulate_pr" in attrib.shape.files and attrib.text("emulate_pr") == "0\n":
            return disabled
        return passthrough if so.data.get("passthrough_pgr") else pr.shape.files[name].text

    return Rule(show=show)


def _aptpl_metadata(pr: Directory, _name: str, text: str) -> None:
    """Take a registration as user space saved it: target_pr_res_aptpl_metadata_store()."""
    so = pr.up
    if so.sub("attrib").text("emulate_pr") == "0\n" or so.data.get("passthrough_pgr"):
        return
    if so.linked_by:
        fail(errno.EINVAL)
    found: dict[str, str] = {}
    for token in re.split("[,\n]", c_string(text)):
        key, _, value = token.partition("=")
        if value:
            found[key] = value
    for key in APTPL_NUMBERS:
        if key in found and not re.fullmatch(r"(0x)?[0-9a-fA-F]+", found[key]):
            fail(errno.EINVAL)
    if any(not found.get(key) for key in ("initiator_node", "target_node", "sa_res_key")):
        fail(errno.EINVAL)
    if found.get("res_holder", "0") != "0" and found.get("res_type", "0") == "0":
        fail(errno.EINVAL)


# action/ of tcmu


def _ready(action: Directory) -> None:
    if not action.up.data.get("configured"):
        fail(errno.EINVAL)


def _block_dev(action: Directory, name: str, text: str) -> None:
    _ready(action)
    value = parsers.number(text, 0, 255)
    if value > 1:
        fail(errno.EINVAL)
    action.put(name, "blocked\n" if value else "unblocked\n")


def _reset_ring(action: Directory, _name: str, text: str) -> None:
    _ready(action)
    if parsers.number(text, 0, 255) not in (1, 2):
        fail(errno.EINVAL)


def _free_kept_buf(action: Directory, _name: str, text: str) -> None:
    _ready(action)
    parsers.number(text, 0, 0xFFFF)
    fail(errno.EINVAL)  # no command is ever kept here


BACKSTORES = {
    "so": Rules({
        "info": Rule(show=_info),
        "control": Rule(store=_control),
        "alias": Rule(store=_line),
        "udev_path": Rule(store=_line),
        "enable": Rule(store=_enable),
        "lba_map": Rule(_show_lba_map, _store_lba_map),
    }, {"made": _made, "gone": _gone}),
    "so/wwn": Rules({
        "vpd_unit_serial": Rule(_show_serial, _store_serial),
        "vendor_id": _inquiry(8),
        "product_id": _inquiry(16),
        "revision": _inquiry(4),
        "company_id": Rule(store=_company_id),
    }),
    "so/pr": Rules({
        "res_holder": _pr_show("SPC_RESERVATIONS_DISABLED\n", "Passthrough\n"),
        "res_type": _pr_show("SPC_RESERVATIONS_DISABLED\n", "SPC_PASSTHROUGH\n"),
        "res_aptpl_active": _pr_show("", ""),
        "res_aptpl_metadata": Rule(_pr_show("", "").show, _aptpl_metadata),
    }),
    "so.user/action": Rules({
        "block_dev": Rule(store=_block_dev),
        "reset_ring": Rule(store=_reset_ring),
        "free_kept_buf": Rule(store=_free_kept_buf),
    }),
    "so/statistics": Rules(ops={"no_mkdir": errno.ENOSYS}),
}  # fmt: skip
