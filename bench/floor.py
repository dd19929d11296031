# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The floor: the same work by as few system calls as it takes, in bare loops.

It knows beforehand what no library can: what is there, which names are taken, which files hold
what. ``os`` is looked up in this module, so that the calls can be recorded for the floor in C.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from shape import ROOT

if TYPE_CHECKING:
    from shape import Shape

LINK = "link"
PORTAL = "127.0.0.1:3260"

NO_LINKS = {
    *("alua_tg_pt_gp", "alua_tg_pt_offline", "alua_tg_pt_status", "alua_tg_pt_write_md"),
    *("statistics", "write_protect"),
}
"""What else stands in the directory of a LUN or of a mapped LUN."""


def write(path: str, text: bytes) -> None:
    """Write to a file that is there."""
    fd = os.open(path, os.O_WRONLY)
    os.write(fd, text)
    os.close(fd)


def read(path: str) -> str:
    """Read a file."""
    fd = os.open(path, os.O_RDONLY)
    text = os.read(fd, 4096)
    os.close(fd)
    return text.decode()


def storage(shape: Shape) -> None:
    """Make the storage objects."""
    for number in range(shape.luns):
        hba = f"{ROOT}/core/rd_mcp_{number}"
        path = f"{hba}/{shape.name}{number}"
        os.mkdir(hba)
        os.mkdir(path)
        write(f"{path}/control", b"rd_pages=1")
        write(f"{path}/enable", b"1")
        write(f"{path}/wwn/vpd_unit_serial", shape.serial(number).encode())


def target(shape: Shape) -> None:
    """Make the target with its portal; it is switched on when all is there."""
    fabric = f"{ROOT}/iscsi"
    if not os.path.isdir(fabric):
        os.mkdir(fabric)
    os.mkdir(f"{fabric}/{shape.target}")
    os.mkdir(shape.tpg)
    os.mkdir(f"{shape.tpg}/np/{PORTAL}")
    write(f"{shape.tpg}/enable", b"1")


def luns(shape: Shape) -> None:
    """Make the LUNs."""
    above = f"{shape.tpg}/lun"
    for number in range(shape.luns):
        path = f"{above}/lun_{number}"
        os.mkdir(path)
        os.symlink(f"{ROOT}/core/rd_mcp_{number}/{shape.name}{number}", f"{path}/{LINK}")


def maps(shape: Shape) -> None:
    """Make the ACLs and map all LUNs in each."""
    for client in shape.clients:
        acl = f"{shape.tpg}/acls/{client}"
        os.mkdir(acl)
        for number in range(shape.luns):
            path = f"{acl}/lun_{number}"
            os.mkdir(path)
            os.symlink(f"{shape.tpg}/lun/lun_{number}", f"{path}/{LINK}")


def restore(shape: Shape) -> None:
    """Make all of it, writing nothing that is so by itself."""
    storage(shape)
    target(shape)
    luns(shape)
    maps(shape)


def clear(shape: Shape) -> None:
    """Remove all of it."""
    tpg = shape.tpg
    for client in shape.clients:
        acl = f"{tpg}/acls/{client}"
        for number in range(shape.luns):
            path = f"{acl}/lun_{number}"
            os.unlink(f"{path}/{LINK}")
            os.rmdir(path)
        os.rmdir(acl)
    for number in range(shape.luns):
        path = f"{tpg}/lun/lun_{number}"
        os.unlink(f"{path}/{LINK}")
        os.rmdir(path)
    os.rmdir(f"{tpg}/np/{PORTAL}")
    os.rmdir(tpg)
    os.rmdir(f"{ROOT}/iscsi/{shape.target}")
    for number in range(shape.luns):
        hba = f"{ROOT}/core/rd_mcp_{number}"
        os.rmdir(f"{hba}/{shape.name}{number}")
        os.rmdir(hba)


def restore_over_other(shape: Shape) -> None:
    """Remove what is there, and make all of it."""
    clear(shape.other)
    restore(shape)


# -- reading ---------------------------------------------------------------------------------------


def names_in(path: str) -> list[str]:
    """Return the names of the files in a directory, which are the same in each of its kind."""
    return sorted(os.listdir(path))


ALUA = (
    *("alua_access_state", "alua_access_status", "alua_access_type"),
    *("alua_support_active_nonoptimized", "alua_support_active_optimized"),
    *("alua_support_offline", "alua_support_standby", "alua_support_transitioning"),
    *("alua_support_unavailable", "alua_write_metadata", "implicit_trans_secs"),
    *("nonop_delay_msecs", "preferred", "tg_pt_gp_id", "trans_delay_msecs"),
)
WWN = ("company_id", "product_id", "revision", "vendor_id", "vpd_unit_serial")
NOT_SAVED = {"hw_block_size", "hw_max_sectors", "hw_pi_prot_type", "hw_queue_depth"}
"""What the device can do, which nobody sets."""

AUTH = ("userid", "password", "userid_mutual", "password_mutual")


def saved_of_storage(path: str) -> list[str]:
    """Return the files of a storage object that a saved configuration holds."""
    attributes = [name for name in names_in(f"{path}/attrib") if name not in NOT_SAVED]
    return [
        *(f"attrib/{name}" for name in attributes),
        *(f"wwn/{name}" for name in WWN),
        *(f"alua/default_tg_pt_gp/{name}" for name in ALUA),
        *("alua_lu_gp", "info"),
    ]


def texts(path: str, files: list[str]) -> dict[str, str]:
    """Read files below a directory."""
    return {file: read(f"{path}/{file}") for file in files}


def dump(shape: Shape) -> dict[str, Any]:
    """Read all that a saved configuration holds."""
    tree: dict[str, Any] = {}
    first = f"{ROOT}/core/rd_mcp_0/{shape.name}0"
    files = saved_of_storage(first)
    os.listdir(f"{ROOT}/core")
    for number in range(shape.luns):
        hba = f"{ROOT}/core/rd_mcp_{number}"
        (name,) = (it for it in os.listdir(hba) if not it.startswith("hba_"))
        tree[name] = texts(f"{hba}/{name}", files)
        tree[name]["groups"] = os.listdir(f"{hba}/{name}/alua")
    tpg = shape.tpg
    groups = {group: names_in(f"{tpg}/{group}") for group in ("attrib", "param")}
    groups["auth"] = [*AUTH]
    for group, names in groups.items():
        tree[group] = texts(f"{tpg}/{group}", names)
    tree["enable"] = read(f"{tpg}/enable")
    tree["portals"] = os.listdir(f"{tpg}/np")
    tree["luns"] = {
        name: linked(f"{tpg}/lun/{name}", "alua_tg_pt_gp") for name in os.listdir(f"{tpg}/lun")
    }
    for client in os.listdir(f"{tpg}/acls"):
        acl = f"{tpg}/acls/{client}"
        tree[client] = mapped = {"cmdsn_depth": read(f"{acl}/cmdsn_depth")}
        mapped.update(texts(f"{acl}/auth", groups["auth"]))
        mapped.update(texts(f"{acl}/attrib", names_in(f"{acl}/attrib")))
        for name in os.listdir(acl):
            if name.startswith("lun_"):
                mapped[name] = linked(f"{acl}/{name}", "write_protect")
    return tree


def linked(path: str, file: str) -> Any:
    """Return where the link in a directory leads, and a file's text."""
    return end_of(path), read(f"{path}/{file}")


def save(shape: Shape, path: str) -> None:
    """Read all of it and keep it in a file, safely."""
    text = json.dumps(dump(shape), indent=2, sort_keys=True)
    fd = os.open(f"{path}.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(fd, text.encode())
    os.fsync(fd)
    os.close(fd)
    os.rename(f"{path}.new", path)


def listing(shape: Shape) -> int:
    """Go through everything: names, numbers and where each link leads."""
    seen = 0
    for hba in os.listdir(f"{ROOT}/core"):
        if hba != "alua":
            seen += sum(not name.startswith("hba_") for name in os.listdir(f"{ROOT}/core/{hba}"))
    tpg = shape.tpg
    for name in os.listdir(f"{tpg}/lun"):
        seen += bool(end_of(f"{tpg}/lun/{name}"))
    for client in os.listdir(f"{tpg}/acls"):
        for name in os.listdir(f"{tpg}/acls/{client}"):
            if name.startswith("lun_"):
                seen += bool(end_of(f"{tpg}/acls/{client}/{name}"))
    return seen


def end_of(path: str) -> str:
    """Return where the link in a directory leads."""
    (link,) = set(os.listdir(path)) - NO_LINKS
    return os.readlink(f"{path}/{link}")


# -- every saved setting, written ------------------------------------------------------------------


def restore_all(shape: Shape, saved: dict[str, Any]) -> None:
    """Make all of it, writing each saved setting whether it is so by itself or not."""
    entries = {entry["name"]: entry["attributes"] for entry in saved["storage_objects"]}
    storage(shape)
    for number in range(shape.luns):
        name = f"{shape.name}{number}"
        settings(f"{ROOT}/core/rd_mcp_{number}/{name}/attrib", entries[name])
    target(shape)
    (tpg,) = saved["targets"][0]["tpgs"]
    settings(f"{shape.tpg}/attrib", tpg["attributes"])
    settings(f"{shape.tpg}/param", tpg["parameters"])
    luns(shape)
    for lun in tpg["luns"]:
        path = f"{shape.tpg}/lun/lun_{lun['index']}"
        write(f"{path}/alua_tg_pt_gp", lun["alua_tg_pt_gp_name"].encode())
    maps(shape)
    for acl in tpg["node_acls"]:
        path = f"{shape.tpg}/acls/{acl['node_wwn']}"
        settings(f"{path}/attrib", acl["attributes"])
        for mapped in acl["mapped_luns"]:
            text = b"1" if mapped["write_protect"] else b"0"
            write(f"{path}/lun_{mapped['index']}/write_protect", text)


def settings(path: str, values: dict[str, Any]) -> None:
    """Write settings; what the kernel refuses is left as it is."""
    for name, value in values.items():
        try:
            write(f"{path}/{name}", str(value).encode())
        except OSError:
            continue


def restore_all_over_other(shape: Shape, saved: dict[str, Any]) -> None:
    """Remove what is there, and make all of it, writing each saved setting."""
    clear(shape.other)
    restore_all(shape, saved)


# -- one thing of many -----------------------------------------------------------------------------


def delete_lun(shape: Shape, number: int) -> None:
    """Remove one LUN and what shows it."""
    for client in shape.clients:
        path = f"{shape.tpg}/acls/{client}/lun_{number}"
        os.unlink(f"{path}/{LINK}")
        os.rmdir(path)
    path = f"{shape.tpg}/lun/lun_{number}"
    os.unlink(f"{path}/{LINK}")
    os.rmdir(path)


def remake_lun(shape: Shape, number: int) -> None:
    """Make one LUN again and show it."""
    path = f"{shape.tpg}/lun/lun_{number}"
    os.mkdir(path)
    os.symlink(f"{ROOT}/core/rd_mcp_{number}/{shape.name}{number}", f"{path}/{LINK}")
    for client in shape.clients:
        mapped = f"{shape.tpg}/acls/{client}/lun_{number}"
        os.mkdir(mapped)
        os.symlink(path, f"{mapped}/{LINK}")


def change(shape: Shape, number: int, value: bytes = b"0") -> None:
    """Change one setting."""
    write(f"{ROOT}/core/rd_mcp_{number}/{shape.name}{number}/attrib/emulate_3pc", value)


def dump_and_change(shape: Shape, number: int) -> None:
    """Read all that a saved configuration holds, and change one setting."""
    dump(shape)
    change(shape, number)
