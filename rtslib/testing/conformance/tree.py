# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Scenarios of any configfs: directories, files, links, and the parsers of values."""

from __future__ import annotations

import errno

from rtslib.configfs import Kind
from rtslib.testing.conformance.bench import ACL, DISK, HBA, IQN, LUN, MAPPED, TPG, Bench, scenario


@scenario
def the_root_has_the_core(bench: Bench) -> None:
    """target/ holds core, dbroot and version, before any fabric."""
    bench.has("", "core", "dbroot", "version")
    bench.has("core", "alua")
    bench.same(bench.fs.kind("core"), Kind.DIRECTORY, "core")
    bench.same(bench.fs.kind("version"), Kind.FILE, "version")


@scenario
def what_is_there_cannot_be_made(bench: Bench) -> None:
    """The name of a directory, a default group or an attribute is taken."""
    bench.disk()
    for path in (DISK, f"{DISK}/attrib", f"{DISK}/enable"):
        bench.refuses(errno.EEXIST, bench.fs.mkdir, path)


@scenario
def directories_are_made_where_lio_has_them(bench: Bench) -> None:
    """Elsewhere it is EPERM, in statistics ENOSYS."""
    bench.disk()
    for path in (f"{DISK}/x", f"{DISK}/attrib/x", "core/alua/x"):
        bench.refuses(errno.EPERM, bench.fs.mkdir, path)
    bench.refuses(errno.ENOSYS, bench.fs.mkdir, f"{DISK}/statistics/x")


@scenario
def default_groups_stay(bench: Bench) -> None:
    """What the kernel made cannot be removed."""
    bench.disk()
    for path in ("core", "core/alua/lu_gps/default_lu_gp", f"{DISK}/alua/default_tg_pt_gp"):
        bench.refuses(errno.EPERM, bench.fs.rmdir, path)


@scenario
def what_holds_something_stays(bench: Bench) -> None:
    """A directory with something made inside is ENOTEMPTY, one that is linked to EBUSY."""
    bench.mapped()
    for path in (HBA, IQN, TPG, ACL, MAPPED):
        bench.refuses(errno.ENOTEMPTY, bench.fs.rmdir, path)
    for path in (DISK, LUN):
        bench.refuses(errno.EBUSY, bench.fs.rmdir, path)


@scenario
def what_is_missing_is_missing(bench: Bench) -> None:
    """ENOENT for a name that is not there, ENOTDIR below a file."""
    for operation in (bench.fs.read, bench.fs.rmdir, bench.fs.unlink, bench.fs.listdir):
        bench.refuses(errno.ENOENT, operation, "core/rd_mcp_4711")
    bench.refuses(errno.ENOTDIR, bench.fs.rmdir, "version")
    bench.refuses(errno.ENOTDIR, bench.fs.listdir, "version")
    bench.refuses(errno.ENOTDIR, bench.fs.kind, "version/x")


@scenario
def links_and_files_are_not_mixed_up(bench: Bench) -> None:
    """Only links can be unlinked, only directories removed and listed."""
    bench.exported()
    bench.refuses(errno.EPERM, bench.fs.unlink, f"{DISK}/enable")
    bench.refuses(errno.EISDIR, bench.fs.unlink, DISK)
    bench.refuses(errno.ENOTDIR, bench.fs.rmdir, f"{LUN}/storage")
    bench.same(bench.fs.kind(f"{LUN}/storage"), Kind.LINK, "the kind of a link")
    bench.same(bench.fs.readlink(f"{LUN}/storage"), DISK, "a link's end")


@scenario
def modes_are_enforced(bench: Bench) -> None:
    """EACCES for reading 0200 and writing 0444, even for root."""
    bench.disk()
    bench.same(bench.fs.mode(f"{DISK}/control"), 0o200, "control")
    bench.refuses(errno.EACCES, bench.fs.read, f"{DISK}/control")
    bench.same(bench.fs.mode(f"{DISK}/info"), 0o444, "info")
    bench.refuses(errno.EACCES, bench.fs.write, f"{DISK}/info", "1")
    bench.same(bench.fs.mode(f"{DISK}/attrib/block_size"), 0o644, "block_size")


@scenario
def nothing_cannot_be_written(bench: Bench) -> None:
    """A write of no bytes is EFAULT."""
    bench.disk()
    bench.refuses(errno.EFAULT, bench.fs.write, f"{DISK}/alias", "")


# Parsers


@scenario
def booleans_are_lenient(bench: Bench) -> None:
    """kstrtobool(): the first character decides."""
    bench.disk()
    path = f"{DISK}/attrib/emulate_caw"
    bench.takes(path, ("1", "y", "Y", "on", "true", "1\n", "1 "), "1\n")
    bench.takes(path, ("0", "n", "N", "off", "false"), "0\n")
    for value in ("2", " 1", "+1", "-1", "oof"):
        bench.refuses(errno.EINVAL, bench.fs.write, path, value)


@scenario
def numbers_have_bases(bench: Bench) -> None:
    """kstrtou32() with base 0: 010 is eight."""
    bench.disk()
    path = f"{DISK}/attrib/max_unmap_lba_count"
    bench.takes(path, ("0x80", "0200", "128\n", "+128"), "128\n")
    for value in (" 128", "128 ", "-1", "x", "08"):
        bench.refuses(errno.EINVAL, bench.fs.write, path, value)
    bench.refuses(errno.ERANGE, bench.fs.write, path, "4294967296")
