# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Random steps on a target tree, for comparing two trees that should behave alike.

``next_step`` walks the tree as it is and picks something to do there: mostly what could work, at
times what cannot. It asks `choose` for every decision, so that a ``random.Random`` (a sequence from
a seed, to run anywhere) or Hypothesis (sequences that shrink) may drive it.
"""

from __future__ import annotations

import errno
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from rtslib.configfs import ConfigFS, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["Step", "clear", "next_step", "perform", "places", "random_choice"]

Choose = Callable[["Sequence[Any]"], Any]

FOREIGN = ("foo",)
TENTH = (True, *(False,) * 9)
IN_TARGET = 2  # how deep a target's own directories are
IN_HBA = 2

#: What may be tried for any attribute.
VALUES = (
    "0", "1", "2", "3", "1\n", "0\n", " 1", "-1", "x", "", "yes", "No", "0x1", "010", "64", "512",
    "4096", "65535", "65536", "4294967296", "NULL", "a b\n", "é", "a\0b",
)  # fmt: skip

#: What makes sense for some of them.
SENSIBLE: dict[str, tuple[str, ...]] = {
    "control": (
        "rd_pages=16", "rd_pages=0", "rd_nullio=1", "fd_dev_name=/mnt/fio/x,fd_dev_size=8192",
        "fd_dev_size=4096", "fd_async_io=1", "fd_buffered_io=2", "udev_path=/dev/zram0",
        "readonly=1", "dev_config=a/b,dev_size=4096", "max_data_area_mb=8", "hw_max_sectors=0",
        "scsi_host_id=0,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0", "junk", ",,",
    ),
    "udev_path": ("/dev/zram0", "/dev/sda\n", "/mnt/fio/x", "x" * 512),
    "enable": ("1", "0", "1\n"),
    "vpd_unit_serial": ("abc\n", "x" * 253, "x" * 254),
    "vendor_id": ("LIO-ORG", "ABCDEFGHI", "A\tB"),
    "product_id": ("my disk", "x" * 17),
    "company_id": ("0x001405", "001405", "0x1000000"),
    "alua_lu_gp": ("default_lu_gp", "g1", "g2", "NULL"),
    "alua_tg_pt_gp": ("default_tg_pt_gp", "g1", "g2", "NULL"),
    "tg_pt_gp_id": ("0", "1", "5", "65536"),
    "lu_gp_id": ("0", "1", "5", "65536"),
    "lba_map": ("64 1\n0 63 0:O\n", "64 1\n0 63 0:0\n", "junk"),
    "res_aptpl_metadata": ("initiator_node=i,target_node=t,sa_res_key=1", "junk"),
    "nexus": ("naa.5001405000000002", "NULL", "iqn.x", "fc.20", "bad"),
    "transport_status": ("online", "offline"),
    "AuthMethod": ("CHAP", "None", "CHAP,None", "bogus"),
    "HeaderDigest": ("CRC32C", "None,CRC32C", "MD5"),
    "TargetAlias": ("my alias", "x" * 256, "a,b"),
    "cpus_allowed_list": ("0", "0-1\n", "99"),
    "tag": ("group", "x" * 64, "NULL"),
    "userid": ("user", "NULLx", "x" * 256),
    "password_mutual": ("secret", "NULLx", "x" * 255),
    "userid_mutual": ("user", "NULL"),
    "dbroot": ("/var/target\n", "/nonexistent", "/dev/null", "/var/target"),
}  # fmt: skip

#: Attributes that put the writer to sleep when a transition is made, or that no two trees share.
UNTOUCHED = frozenset({"trans_delay_msecs", "implicit_trans_secs"})
UNREAD = frozenset({"creation_time", "in_cmds", "num_cmds", "read_mbytes", "write_mbytes"})

#: Names for new directories, by how deep in which top directory they would stand.
FABRICS = ("iscsi", "loopback", "vhost")
TARGETS = {
    "iscsi": ("iqn.2003-01.org.x:1", "iqn.2003-01.org.x:2", "x" * 224),
    "loopback": ("naa.5001405000000001", "iqn.x:l", "bad"),
    "vhost": ("naa.5001405000000001", "fc.20", "bad"),
}
INSIDE = {
    "lun": ("lun_0", "lun_1", "lun_00", "lun_x", "lun_65536"),
    "np": ("127.0.0.1:3260", "[::1]:3260", "0.0.0.0:3260", "127.0.0.1:3261", "bad"),
    "acls": ("iqn.i1", "iqn.i2", "naa.5001405000000009"),
    "lu_gps": ("g1", "g2"),
    "alua": ("g1", "g2"),
}
MAPPED = ("lun_0", "lun_1", "lun_7", "lun_x")
GROUPS = ("tpgt_1", "tpgt_2", "tpgt_x", "tpgt_65536")
HBAS = ("rd_mcp_0", "rd_mcp_1", "fileio_0", "iblock_0", "user_0", "pscsi_0", "fileio_x", "foo_0")
OBJECTS = ("a", "b")


class Step(NamedTuple):
    """One operation of the protocol and its arguments."""

    name: str
    arguments: tuple[str, ...]


def random_choice(random: Random) -> Choose:
    """Return a `choose` that a random generator drives."""
    return random.choice


def next_step(fs: ConfigFS, choose: Choose) -> Step:
    """Pick something to do to the tree as it is."""
    kind = choose(("mkdir",) * 5 + ("write",) * 9 + ("read",) * 3 + ("symlink",) * 5
                  + ("rmdir", "unlink", "listdir", "readlink", "kind"))  # fmt: skip
    paths = places(fs)
    if kind == "mkdir":
        good = [path for path in paths if _names(path) != FOREIGN]
        where = choose(paths if choose(TENTH) else good)
        return Step(kind, (_join(where, choose(_names(where))),))
    if kind == "symlink":
        ends = [path for path in paths if _takes_links(path)]
        where = choose(paths if choose(TENTH) else ends or paths)
        return Step(kind, (_link_target(paths, choose, where), _join(where, choose(("x", "y")))))
    if kind in ("write", "read"):
        where, names = choose([found for found in map(partial(_files, fs), paths) if found[1]])
        name = choose(names)
        path = _join(where, name)
        if kind == "read" or name in UNTOUCHED:
            return Step("read", (path,))
        return Step(kind, (path, choose((*SENSIBLE.get(name, ()) * 5, *VALUES))))
    if kind == "unlink":
        links = [_join(at, e.name) for at in paths for e in fs.listdir(at) if e.kind is Kind.LINK]
        return Step(kind, (choose(links or ["none"]),))
    where = choose(paths)
    found = [entry.name for entry in fs.listdir(where) if entry.kind is not Kind.FILE] or ["none"]
    return Step(kind, (_join(where, choose(sorted(found))),))


def _join(where: str, name: str) -> str:
    return f"{where}/{name}" if where else name


def places(fs: ConfigFS, at: str = "") -> list[str]:
    """Return all directories but those of statistics, parents first."""
    found = [at]
    for entry in fs.listdir(at):
        if entry.kind is Kind.DIRECTORY and not entry.name.endswith("statistics"):
            found += places(fs, _join(at, entry.name))
    return found


def _files(fs: ConfigFS, at: str) -> tuple[str, list[str]]:
    return at, sorted({e.name for e in fs.listdir(at) if e.kind is Kind.FILE} - UNREAD)


def _takes_links(path: str) -> bool:
    return path.rpartition("/")[2].startswith("lun_")


def _link_target(paths: list[str], choose: Choose, where: str) -> str:
    """Pick a target that suits `where`, or at times any directory."""
    if choose(TENTH):
        return str(choose(paths))
    if "/acls/" in where:
        luns = where.partition("/acls/")[0] + "/lun/"
        good = [path for path in paths if path.startswith(luns)]
    else:
        good = [path for path in paths if path.startswith("core/") and path.count("/") == IN_HBA]
    return str(choose(good or paths))


def _names(where: str) -> Sequence[str]:
    """Return names that may be tried in a directory."""
    parts = where.split("/") if where else []
    depth = len(parts)
    if not parts:
        return (*FABRICS, "foo")
    if parts[0] == "core":
        by_depth: dict[int, Sequence[str]] = {1: HBAS, 2: OBJECTS}
        if depth > 1 and parts[1] != "alua":
            return by_depth.get(depth) or INSIDE.get(parts[-1], FOREIGN)
        return HBAS if depth == 1 else INSIDE.get(parts[-1], FOREIGN)
    if depth == 1:
        return TARGETS.get(parts[0], FOREIGN)
    if depth == IN_TARGET:
        return GROUPS
    return MAPPED if parts[-2] == "acls" else INSIDE.get(parts[-1], FOREIGN)


def perform(fs: ConfigFS, step: Step) -> str:
    """Do a step and return what came of it: text that two like trees share.

    KernelOops passes: a step that raises it must never reach a real kernel.
    """
    try:
        found = getattr(fs, step.name)(*step.arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    if step.name == "listdir":
        return repr(sorted((entry.name, entry.kind.value) for entry in found))
    return "ok" if found is None else repr(found)


def clear(fs: ConfigFS, path: str = "") -> None:
    """Remove all that can be removed: links first, then directories from the leaves up.

    What something else still holds is left, so that a few rounds may be needed.
    """
    entries = fs.listdir(path)
    # ACLs hold LUNs, and fabrics hold storage objects
    for entry in sorted(entries, key=lambda e: (e.name == "core", e.name == "lun", e.name)):
        at = _join(path, entry.name)
        try:
            if entry.kind is Kind.LINK:
                fs.unlink(at)
            elif entry.kind is Kind.DIRECTORY:
                clear(fs, at)
                fs.rmdir(at)
        except OSError:
            continue
