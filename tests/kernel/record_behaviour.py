#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Probe of Linux LIO configfs behaviour: action -> result / errno / kernel log line.

Raw os.mkdir / os.rmdir / os.open / os.write / os.symlink / os.unlink only; no rtslib.
Needs: root, modules target_core_{mod,file,iblock,pscsi,user}, iscsi_target_mod, tcm_loop,
vhost_scsi (tcm_fc, sbp_target if there), configfs mounted, an EMPTY target tree,
/dev/zram0 (disksize set), a scsi_debug host, /mnt/fio writable, port 127.0.0.1:3260 free.
usage: record_behaviour.py OUT.md OUT.json [section ...]     sections: generic top backstores attribs iscsi sessions
                                                  loopback vhost others unpriv; `danger` (not in the default
                                                  set: it OOPSES the kernel) probes each step in a forked child
"""

import errno, json, os, sys, time, re, ctypes, socket

T = "/sys/kernel/config/target"
ROWS = []
SEC = [""]
KMSG = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)


def kdrain():
    out = []
    while True:
        try:
            b = os.read(KMSG, 8192)
        except BlockingIOError:
            break
        except OSError:
            continue
        out.append(b.decode("utf8", "replace").split(";", 1)[1].split("\n")[0])
    return out


kdrain()


def p(x):
    return x if x.startswith("/") else f"{T}/{x}"


def b(x):
    return x if isinstance(x, bytes) else str(x).encode()


def short(v):
    if isinstance(v, bytes):
        v = v.decode("latin-1")
    r = repr(v)
    return r if len(r) < 160 else r[:110] + f"...(len {len(v)})"


def act(desc, fn, note=""):
    kdrain()
    try:
        v = fn()
        res = "ok" if v is None else f"ok: {v if isinstance(v, int) else short(v)}"
    except OSError as e:
        res = errno.errorcode.get(e.errno, str(e.errno))
    log = " / ".join(dict.fromkeys(kdrain()))
    ROWS.append((SEC[0], desc, res, note, log))
    print(f"{desc:95} {res:28} {log[:160]}", flush=True)
    return res


def sec(s):
    SEC[0] = s
    print("\n== " + s, flush=True)


def _w(path, data, flags=os.O_WRONLY):
    fd = os.open(p(path), flags)
    try:
        return os.write(fd, b(data))
    finally:
        os.close(fd)


def _r(path):
    fd = os.open(p(path), os.O_RDONLY)
    try:
        return os.read(fd, 65536)
    finally:
        os.close(fd)


def mk(path, note=""):
    return act(f"mkdir {path}", lambda: os.mkdir(p(path)), note)


def rm(path, note=""):
    return act(f"rmdir {path}", lambda: os.rmdir(p(path)), note)


def w(path, data, note=""):
    return act(f"write {short(data)} > {path}", lambda: _w(path, data), note)


def r(path, note=""):
    return act(f"read {path}", lambda: _r(path), note)


def wr(path, data, note=""):  # write then read back
    x = w(path, data, note)
    act(f"  .. read back {path}", lambda: _r(path))
    return x


def ln(tgt, link, note=""):
    return act(f"symlink {link} -> {tgt}", lambda: os.symlink(p(tgt), p(link)), note)


def un(path, note=""):
    return act(f"unlink {path}", lambda: os.unlink(p(path)), note)


def ls(path):
    return act(f"listdir {path} (raw order)", lambda: " ".join(os.listdir(p(path))))


def quiet(fn, *a):
    try:
        fn(*a)
    except OSError as e:
        print("   setup step failed", fn, a, e)


# ---------------------------------------------------------------- generic configfs
def generic():
    sec("1 generic configfs / VFS behaviour")
    act("statfs f_type", lambda: hex(_statfs(T)))
    act(
        "stat target: mode nlink size",
        lambda: "%o %d %d" % ((s := os.stat(T)).st_mode, s.st_nlink, s.st_size),
    )
    act(
        "stat version: mode nlink size blocks",
        lambda: (
            "%o %d %d %d"
            % ((s := os.stat(T + "/version")).st_mode, s.st_nlink, s.st_size, s.st_blocks)
        ),
    )
    mk("core/rd_mcp_0")
    mk("core/rd_mcp_0/d")
    w("core/rd_mcp_0/d/control", "rd_pages=16")
    w("core/rd_mcp_0/d/enable", "1")
    D = "core/rd_mcp_0/d"
    A = D + "/attrib/emulate_tas"
    mk(D, "duplicate")
    mk(D + "/attrib", "a default group")
    mk(D + "/foo")
    mk(D + "/attrib/foo")
    mk(D + "/wwn/foo")
    mk(D + "/pr/foo")
    mk(D + "/statistics/foo")
    rm(D + "/attrib", "default group")
    rm(D + "/alua")
    rm(D + "/nothere")
    rm("core", "default group")
    rm("core/alua")
    rm("core/alua/lu_gps")
    rm("core/alua/lu_gps/default_lu_gp")
    rm("core/rd_mcp_0", "has a child")
    rm(D + "/alua/default_tg_pt_gp")
    rm(A, "a file")
    un(A, "attribute file")
    un(D, "a directory")
    act(
        "open(O_CREAT|O_WRONLY) of a new name " + D + "/newfile",
        lambda: os.close(os.open(p(D + "/newfile"), os.O_CREAT | os.O_WRONLY)),
    )
    act(
        "open(O_CREAT|O_WRONLY|O_TRUNC) of an existing attribute",
        lambda: os.close(os.open(p(A), os.O_CREAT | os.O_WRONLY | os.O_TRUNC)),
    )
    act(
        "open(O_CREAT|O_EXCL) of an existing attribute",
        lambda: os.close(os.open(p(A), os.O_CREAT | os.O_EXCL | os.O_WRONLY)),
    )
    act("open(O_RDWR) attribute 0644", lambda: os.close(os.open(p(A), os.O_RDWR)))
    act("open(O_WRONLY) attribute 0444", lambda: os.close(os.open(p(D + "/info"), os.O_WRONLY)))
    act("open(O_RDONLY) attribute 0200", lambda: os.close(os.open(p(D + "/control"), os.O_RDONLY)))
    act("open(O_APPEND|O_WRONLY)", lambda: os.close(os.open(p(A), os.O_APPEND | os.O_WRONLY)))
    act("open a directory O_WRONLY", lambda: os.close(os.open(p(D), os.O_WRONLY)))
    act("rename storage object", lambda: os.rename(p(D), p("core/rd_mcp_0/e")))
    act("rename attribute", lambda: os.rename(p(A), p(D + "/attrib/foo")))
    act("hard link attribute", lambda: os.link(p(A), p(D + "/attrib/foo")))
    ln("core", D + "/attrib/foo", "directory that takes no links")
    ln("core", D + "/foo")
    ln("core", "core/foo")
    ln("core", "foo")
    act("mkfifo", lambda: os.mkfifo(p(D + "/fifo")))
    act("truncate(path, 0)", lambda: os.truncate(p(A), 0))
    act("truncate(path, 100)", lambda: os.truncate(p(A), 100))
    act("chmod 0600 attribute", lambda: os.chmod(p(A), 0o600))
    act("  mode now", lambda: oct(os.stat(p(A)).st_mode & 0o7777))
    act("chown 1:1 attribute", lambda: os.chown(p(A), 1, 1))
    act("chmod 0700 directory", lambda: os.chmod(p(D), 0o700))
    act("utime attribute", lambda: os.utime(p(A), (1, 1)))
    act("setxattr user.x", lambda: os.setxattr(p(A), "user.x", b"1"))
    act("flock directory", lambda: __import__("fcntl").flock(os.open(p(D), os.O_RDONLY), 2))
    act("flock attribute file", lambda: __import__("fcntl").flock(os.open(p(A), os.O_RDONLY), 2))

    def rdpos():
        fd = os.open(p(D + "/info"), os.O_RDONLY)
        a = os.read(fd, 5)
        c = os.read(fd, 5)
        os.lseek(fd, 0, 0)
        d = os.read(fd, 5)
        e = os.pread(fd, 5, 8)
        os.close(fd)
        return b"|".join([a, c, d, e])

    act("read 5, read 5, lseek 0 + read 5, pread(5, 8) of info", rdpos)

    def two():
        fd = os.open(p(A), os.O_WRONLY)
        a = os.write(fd, b"0")
        x = _r(A)
        c = os.write(fd, b"1")
        y = _r(A)
        os.close(fd)
        return f"{a} {x} {c} {y}"

    act("two writes on one fd: each write(2) is one store", two)

    def rdwr():
        fd = os.open(p(A), os.O_RDWR)
        x = os.read(fd, 99)
        os.write(fd, b"0")
        y = os.pread(fd, 99, 0)
        os.close(fd)
        z = _r(A)
        _w(A, "1")
        return f"{x} {y} {z}"

    act("O_RDWR: read, write 0, pread(0) on the same fd (buffer is cached), fresh open", rdwr)

    def stale():
        fd = os.open(p(A), os.O_RDONLY)
        x = os.read(fd, 99)
        _w(A, "0")
        os.lseek(fd, 0, 0)
        y = os.read(fd, 99)
        os.close(fd)
        _w(A, "1")
        return f"{x} {y}"

    act("fd kept open across a change: lseek 0 and read again", stale)
    act("write 0 bytes", lambda: os.write(os.open(p(A), os.O_WRONLY), b""))
    w(D + "/udev_path", b"x" * 511)
    r(D + "/udev_path")
    w(D + "/udev_path", b"x" * 512)
    w(D + "/udev_path", b"x" * 4095)
    w(D + "/udev_path", b"x" * 4096)
    w(D + "/udev_path", b"x" * 5000)
    w(D + "/udev_path", "a\nb\n")
    r(D + "/udev_path")
    w(D + "/udev_path", "\n")
    r(D + "/udev_path")
    w(D + "/udev_path", b"a\x00b")
    r(D + "/udev_path")
    for v in [
        "1\n",
        " 1",
        "1 ",
        "0x1",
        "01",
        "+1",
        "-1",
        "yes",
        "Y",
        "n",
        "on",
        "off",
        "true",
        "false",
        "tru",
        "oof",
        "",
        "2",
        "1\n\n",
        "1\x00",
    ]:
        w(A, v, "boolean attribute (strtobool)")
    w(A, "1")
    for v in [
        "128",
        "128\n",
        " 128",
        "0x80",
        "0200",
        "-1",
        "abc",
        "4294967296",
        "18446744073709551616",
        "128 ",
        "",
    ]:
        w(D + "/attrib/max_unmap_lba_count", v, "u32 attribute (kstrtou32 base 0)")
    r(D + "/attrib/max_unmap_lba_count")
    ls(D)
    ls(D + "/attrib")
    ls("")
    os.chmod(p(D), 0o755)
    w(D + "/enable", "1", "second enable")
    rm(D)
    rm("core/rd_mcp_0")


def _statfs(path):
    buf = ctypes.create_string_buffer(256)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.statfs(path.encode(), buf):
        raise OSError(ctypes.get_errno(), "statfs")
    return ctypes.cast(buf, ctypes.POINTER(ctypes.c_long))[0]


# ---------------------------------------------------------------- top, hba
def top():
    sec("2 target/ root, dbroot, HBA directories")
    r("version")
    r("dbroot")
    w("dbroot", "/nonexistent")
    w("dbroot", "/etc/passwd")
    w("dbroot", "/var/target\n")
    r("dbroot")
    w("dbroot", "var/target", "relative")
    w("dbroot", "/" + "x" * 4000)
    w("dbroot", "")
    w("dbroot", "/etc/target/", "trailing slash")
    r("dbroot")
    w("dbroot", "/etc/target")
    r("dbroot")
    mk("foo")
    mk("iscsi_target_mod")
    mk("ISCSI")
    mk("fc_")
    mk("loop")
    mk("core/foo_0")
    mk("core/fileio")
    mk("core/fileio_")
    mk("core/fileio_x")
    mk("core/fileio_-1")
    mk("core/fileio_1x")
    mk("core/fileio_ 1")
    mk("core/fileio_4294967296")
    quiet(os.rmdir, p("core/fileio_4294967296"))
    mk("core/rd_dr_0")
    mk("core/ramdisk_0")
    mk("core/rd_mcp")
    mk("core/block_0")
    mk("core/fileio_" + "1" * 60)
    mk("core/fileio_" + "0" * 20 + "1")
    quiet(os.rmdir, p("core/fileio_" + "0" * 20 + "1"))
    mk("core/fileio_007")
    rm("core/fileio_007")
    mk("core/fileio_0x10")
    rm("core/fileio_0x10")
    mk("core/rd_mcp_0_1")
    quiet(os.rmdir, p("core/rd_mcp_0_1")) if os.path.isdir(p("core/rd_mcp_0_1")) else None
    mk("core/fileio_0")
    mk("core/iblock_0", "same index, other plugin")
    r("core/fileio_0/hba_info")
    r("core/fileio_0/hba_mode")
    w("core/fileio_0/hba_mode", "1")
    w("core/fileio_0/hba_mode", "0")
    w("core/fileio_0/hba_mode", "x")
    rm("core/iblock_0")
    w("dbroot", "/var/target", "an HBA exists but no storage object")
    mk("core/fileio_0/a")
    w("dbroot", "/etc/target", "a storage object exists")
    r("dbroot")
    mk("core/fileio_0/b", "second object in one HBA")
    mk("core/fileio_0/" + "n" * 63)
    quiet(os.rmdir, p("core/fileio_0/" + "n" * 63))
    mk("core/fileio_0/" + "n" * 255)
    quiet(os.rmdir, p("core/fileio_0/" + "n" * 255))
    mk("core/fileio_0/" + "n" * 256)
    mk("core/fileio_0/sp ace")
    rm("core/fileio_0/sp ace")
    mk("core/fileio_0/uni\u00e9")
    rm("core/fileio_0/uni\u00e9")
    mk("core/fileio_0/new\nline")
    rm("core/fileio_0/new\nline")
    mk("core/fileio_0/alua")
    quiet(os.rmdir, p("core/fileio_0/alua")) if os.path.isdir(p("core/fileio_0/alua")) else None
    ls("core/fileio_0")
    mk("core/fileio_1")
    mk("core/fileio_1/a", "same object name under another HBA index")
    rm("core/fileio_1/a")
    rm("core/fileio_1")
    rm("core/fileio_0")
    rm("core/fileio_0/b")
    rm("core/fileio_0/a")
    rm("core/fileio_0")
    w("dbroot", "/etc/target")


# ---------------------------------------------------------------- storage objects
def backstores():
    sec("3 storage object: control / enable / udev_path / alias")
    F = "core/fileio_0/f"
    mk("core/fileio_0")
    mk(F)
    w(F + "/enable", "1", "no control written")
    w(F + "/enable", "0")
    w(F + "/enable", "2")
    w(F + "/enable", "")
    w(F + "/enable", "abc")
    w(F + "/control", "fd_dev_size=0")
    w(F + "/control", "fd_dev_size=abc")
    w(F + "/control", "fd_dev_size=-1")
    w(F + "/control", "fd_dev_size=")
    w(F + "/control", "nosuchkey=1")
    w(F + "/control", "garbage")
    w(F + "/control", "")
    w(F + "/control", ",,,")
    w(F + "/control", "fd_dev_name=")
    w(F + "/control", "fd_buffered_io=2")
    w(F + "/control", "fd_async_io=2")
    w(F + "/control", "fd_async_io=1")
    w(F + "/control", "fd_async_io=0")
    r(F + "/info")
    w(F + "/control", "fd_dev_name=/nonexistent/dir/x,fd_dev_size=1048576")
    w(F + "/enable", "1", "path in a directory that does not exist")
    r(F + "/info")
    w(F + "/control", "fd_dev_name=/mnt/fio,fd_dev_size=1048576")
    w(F + "/enable", "1", "path is a directory")
    w(F + "/control", "fd_dev_name=/mnt/fio/f,fd_dev_size=100")
    w(F + "/enable", "1", "size 100 bytes")
    r(F + "/info")
    r(F + "/attrib/block_size")
    rm(F)
    mk(F)
    quiet(os.unlink, "/mnt/fio/f")
    w(F + "/control", "fd_dev_name=/mnt/fio/f")
    w(F + "/enable", "1", "name but no size, file missing")
    act(
        "file made by enable?",
        lambda: (
            str(os.path.exists("/mnt/fio/f"))
            + " "
            + (str(os.path.getsize("/mnt/fio/f")) if os.path.exists("/mnt/fio/f") else "")
        ),
    )
    w(F + "/control", "fd_dev_name=/mnt/fio/f,fd_dev_size=1048576")
    w(F + "/alias", "al1")
    r(F + "/alias")
    w(F + "/alias", "x" * 510)
    w(F + "/alias", "x" * 512)
    w(F + "/alias", "al2\n")
    r(F + "/alias")
    w(F + "/wwn/vpd_unit_serial", "S1\n", "before enable")
    r(F + "/wwn/vpd_unit_serial")
    w(F + "/attrib/block_size", "4096", "before enable")
    r(F + "/attrib/block_size")
    w(F + "/enable", "1\n")
    r(F + "/info")
    r(F + "/attrib/block_size")
    act("file size after enable", lambda: str(os.path.getsize("/mnt/fio/f")))
    w(F + "/enable", "1", "already enabled")
    w(F + "/enable", "0", "already enabled")
    w(F + "/control", "fd_dev_name=/mnt/fio/other,fd_dev_size=2097152", "control after enable")
    r(F + "/info")
    w(F + "/control", "fd_dev_name=/mnt/fio/f,fd_dev_size=1048576")
    w(F + "/udev_path", "/mnt/fio/f")
    r(F + "/udev_path")
    r(F + "/alua_lu_gp")
    r(F + "/wwn/vpd_unit_serial")
    rm(F, "enabled, not exported")
    rm("core/fileio_0")
    act("backing file left after rmdir", lambda: str(os.path.getsize("/mnt/fio/f")))
    sec("3a fileio: odd paths in control")

    def odd(path, note=""):
        mk("core/fileio_0")
        mk(F)
        w(F + "/control", f"fd_dev_name={path},fd_dev_size=4096", note)
        act(
            "  .. info",
            lambda: (
                re.search(r"File: (.*?)  Size: (\d+)", _r(F + "/info").decode("utf8", "replace"))
                or ["?"]
            )[0],
        )
        w(F + "/enable", "1")
        rm(F)
        rm("core/fileio_0")

    for d in ("/mnt/fio/" + "d" * 200, "/mnt/fio/" + "d" * 200 + "/" + "e" * 60):
        quiet(os.mkdir, d)
    odd("/mnt/fio/a,b", "comma: control is split at , and newline")
    odd("/mnt/fio/sp ace")
    odd("/mnt/fio/eq=ual")
    odd("/mnt/fio/uni\u00e9")
    odd("/mnt/fio/" + "d" * 200 + "/" + "e" * 40, "250 characters")
    odd(
        "/mnt/fio/" + "d" * 200 + "/" + "e" * 60 + "/ff",
        "273 characters: cut to 255 without an error",
    )
    odd("relative", "relative path")
    odd("/mnt/fio/x:y")
    odd("/mnt/fio/nl\ny", "newline")
    act("listdir /mnt/fio", lambda: " ".join(sorted(x[:20] for x in os.listdir("/mnt/fio"))))
    act("open(/relative) exists", lambda: str(os.path.exists("/relative")))
    sec("3b iblock")
    B = "core/iblock_0/b"
    mk("core/iblock_0")
    mk(B)
    w(B + "/enable", "1", "no udev_path")
    w(B + "/control", "udev_path=/dev/nope")
    w(B + "/enable", "1")
    w(B + "/control", "udev_path=/mnt/fio/f")
    w(B + "/enable", "1", "a regular file")
    w(B + "/control", "udev_path=/dev/null")
    w(B + "/enable", "1", "a character device")
    w(B + "/control", "udev_path=/dev/zram0")
    w(B + "/control", "readonly=2")
    w(B + "/control", "readonly=x")
    w(B + "/control", "force=1")
    w(B + "/control", "exclusive=0", "kernel 6.17 option")
    r(B + "/info")
    w(B + "/enable", "1")
    r(B + "/info")
    w(B + "/control", "udev_path=/dev/zram0", "after enable")
    w(B + "/control", "readonly=1", "after enable")
    r(B + "/info")
    mk("core/iblock_1")
    mk("core/iblock_1/b2")
    w("core/iblock_1/b2/control", "udev_path=/dev/zram0")
    w("core/iblock_1/b2/enable", "1", "device already claimed")
    rm("core/iblock_1/b2")
    rm("core/iblock_1")
    act(
        "open O_EXCL of the claimed device",
        lambda: os.close(os.open("/dev/zram0", os.O_RDONLY | os.O_EXCL)),
    )
    rm(B)
    rm("core/iblock_0")
    sec("3c rd_mcp")
    R = "core/rd_mcp_0/r"
    mk("core/rd_mcp_0")
    mk(R)
    w(R + "/enable", "1", "no rd_pages")
    w(R + "/control", "rd_pages=0")
    w(R + "/enable", "1", "rd_pages=0")
    w(R + "/control", "rd_pages=x")
    w(R + "/control", "rd_pages=-1")
    r(R + "/info")
    w(R + "/control", "rd_pages=1")
    w(R + "/control", "rd_nullio=1")
    w(R + "/control", "rd_nullio=2")
    w(R + "/control", "rd_dummy=1")
    w(R + "/enable", "1")
    r(R + "/info")
    rm(R)
    mk(R)
    w(R + "/control", "rd_pages=2000000000")
    w(R + "/enable", "1", "rd_pages far above memory (7.6 TiB)")
    quiet(os.rmdir, p(R))
    rm("core/rd_mcp_0")
    sec("3d pscsi")
    S = "core/pscsi_0/s"
    mk("core/pscsi_0")
    mk(S)
    w(S + "/enable", "1", "no H:C:T:L")
    w(S + "/control", "scsi_host_id=99,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0")
    w(S + "/enable", "1", "no such host")
    host = _dbg()[0]
    blk = _dbg()[1]
    w(S + "/control", f"scsi_host_id={host},scsi_channel_id=0,scsi_target_id=9,scsi_lun_id=0")
    w(S + "/enable", "1", "no such target")
    w(S + "/control", f"scsi_host_id={host},scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0")
    w(S + "/enable", "1", "disk, no udev_path")
    w(S + "/udev_path", f"/dev/{blk}")
    w(S + "/enable", "1")
    r(S + "/info")
    w(S + "/wwn/vpd_unit_serial", "abc")
    r(S + "/wwn/vpd_unit_serial")
    r(S + "/alua_lu_gp")
    w(S + "/alua_lu_gp", "default_lu_gp")
    mk(S + "/alua/g")
    w(S + "/attrib/alua_support", "1")
    w(S + "/attrib/alua_support", "0")
    w(S + "/attrib/pgr_support", "1")
    w(S + "/attrib/pgr_support", "0")
    quiet(os.rmdir, p(S + "/alua/g")) if os.path.isdir(p(S + "/alua/g")) else None
    rm(S)
    rm("core/pscsi_0")
    sec("3e user (tcmu)")
    U = "core/user_0/u"
    mk("core/user_0")
    mk(U)
    w(U + "/enable", "1", "nothing set")
    w(U + "/control", "dev_size=1048576")
    w(U + "/enable", "1", "no dev_config")
    w(U + "/control", "dev_config=foo/bar")
    w(U + "/control", "dev_size=x")
    w(U + "/control", "hw_block_size=0")
    w(U + "/control", "hw_block_size=4096")
    w(U + "/control", "hw_max_sectors=0")
    w(U + "/control", "hw_max_sectors=512")
    w(U + "/control", "nl_reply_supported=-1")
    w(U + "/control", "max_data_area_mb=0")
    w(U + "/control", "max_data_area_mb=64")
    w(U + "/control", "data_pages_per_blk=2")
    w(U + "/control", "cmd_ring_size_mb=0")
    w(U + "/control", "cmd_ring_size_mb=8")
    r(U + "/info")
    r(U + "/attrib/dev_config")
    w(U + "/enable", "1")
    r(U + "/info")
    for a in [
        "dev_config",
        "dev_size",
        "cmd_time_out",
        "qfull_time_out",
        "max_data_area_mb",
        "emulate_write_cache",
        "nl_reply_supported",
        "tmr_notification",
        "alua_support",
        "pgr_support",
    ]:
        r(U + "/attrib/" + a)
    w(U + "/attrib/dev_size", "2097152")
    w(U + "/attrib/dev_config", "foo/baz")
    r(U + "/attrib/dev_config")
    w(U + "/attrib/cmd_time_out", "30")
    w(U + "/attrib/qfull_time_out", "-1")
    w(U + "/attrib/qfull_time_out", "-2")
    w(U + "/action/block_dev", "1")
    r(U + "/action/block_dev")
    w(U + "/action/reset_ring", "1")
    w(U + "/action/block_dev", "0")
    w(U + "/action/block_dev", "2")
    w(U + "/action/reset_ring", "3", "not blocked")
    w(U + "/control", "max_data_area_mb=128", "after enable")
    rm(U)
    rm("core/user_0")


def _dbg():
    h = [
        h
        for h in os.listdir("/sys/class/scsi_host")
        if open(f"/sys/class/scsi_host/{h}/proc_name").read().strip() == "scsi_debug"
    ][0][4:]
    return h, os.listdir(f"/sys/bus/scsi/devices/{h}:0:0:0/block")[0]


def mkram(i, name, pages=16):
    os.mkdir(p(f"core/rd_mcp_{i}")) if not os.path.isdir(p(f"core/rd_mcp_{i}")) else None
    os.mkdir(p(f"core/rd_mcp_{i}/{name}"))
    _w(f"core/rd_mcp_{i}/{name}/control", f"rd_pages={pages}")
    _w(f"core/rd_mcp_{i}/{name}/enable", "1")
    return f"core/rd_mcp_{i}/{name}"


def mkfile(i, name, size=1 << 20):
    os.mkdir(p(f"core/fileio_{i}")) if not os.path.isdir(p(f"core/fileio_{i}")) else None
    os.mkdir(p(f"core/fileio_{i}/{name}"))
    _w(f"core/fileio_{i}/{name}/control", f"fd_dev_name=/mnt/fio/{name},fd_dev_size={size}")
    _w(f"core/fileio_{i}/{name}/enable", "1")
    return f"core/fileio_{i}/{name}"


def attribs():
    sec("4 storage object attrib / wwn / pr / alua, enabled, not exported")
    F = mkfile(0, "fa")
    os.mkdir(p("core/fileio_1"))
    os.mkdir(p("core/fileio_1/un"))
    N = "core/fileio_1/un"
    w("core/alua/lu_gps/default_lu_gp/lu_gp_id", "3")
    for a, vs in [
        ("block_size", ["512", "1024", "2048", "4096", "8192", "0", "513", "x"]),
        ("emulate_tpu", ["1", "0", "2"]),
        ("emulate_tpws", ["1", "0"]),
        ("emulate_3pc", ["0", "1"]),
        ("emulate_caw", ["0", "1", "2"]),
        ("emulate_dpo", ["0", "1"]),
        ("emulate_fua_read", ["0", "1"]),
        ("emulate_fua_write", ["0", "1", "2"]),
        ("emulate_write_cache", ["1", "0", "2"]),
        ("emulate_ua_intlck_ctrl", ["1", "2", "3", "0"]),
        ("emulate_tas", ["0", "1", "2"]),
        ("emulate_model_alias", ["1", "0", "2"]),
        ("emulate_rest_reord", ["1", "0"]),
        ("emulate_pr", ["0", "1"]),
        ("enforce_pr_isids", ["0", "1"]),
        ("force_pr_aptpl", ["1", "0"]),
        ("is_nonrot", ["1", "0", "2"]),
        ("max_unmap_lba_count", ["0", "4096"]),
        ("max_unmap_block_desc_count", ["2", "1"]),
        ("unmap_granularity", ["8"]),
        ("unmap_granularity_alignment", ["1"]),
        ("unmap_zeroes_data", ["1", "0"]),
        ("max_write_same_len", ["8192", "4096"]),
        ("optimal_sectors", ["0", "8", "99999999"]),
        ("queue_depth", ["0", "1", "64", "129", "128"]),
        ("pi_prot_type", ["1", "2", "3", "4", "0"]),
        ("pi_prot_format", ["1", "0"]),
        ("pi_prot_verify", ["1", "0"]),
        ("alua_support", ["0", "1"]),
        ("pgr_support", ["0", "1"]),
        ("hw_block_size", ["512"]),
        ("hw_max_sectors", ["1"]),
        ("hw_queue_depth", ["1"]),
        ("hw_pi_prot_type", ["1"]),
        ("nosuch", ["1"]),
    ]:
        for v in vs:
            w(f"{F}/attrib/{a}", v)
    w(N + "/attrib/emulate_write_cache", "1", "object NOT configured")
    w(N + "/attrib/block_size", "4096", "object NOT configured")
    w(N + "/attrib/queue_depth", "8", "object NOT configured")
    w(N + "/attrib/pi_prot_type", "1", "object NOT configured")
    w(N + "/attrib/emulate_model_alias", "1", "object NOT configured")
    w(N + "/attrib/emulate_ua_intlck_ctrl", "1", "object NOT configured")
    w(N + "/attrib/max_write_same_len", "16")
    for f, vs in [
        ("vpd_unit_serial", ["abc", "abc\n", "  sp \n", "x" * 253, "x" * 254, "x" * 255, "", "\n"]),
        ("vendor_id", ["ABCDEFGH", "ABCDEFGHI", "AB\tC", "AB\n", "", "\n", "LIO-ORG"]),
        ("product_id", ["P" * 16, "P" * 17, "my disk", ""]),
        ("revision", ["1234", "12345", "r1\n"]),
        ("company_id", ["0x001405", "001405", "0x1000000", "abc", "x", "5125"]),
    ]:
        for v in vs:
            wr(f"{F}/wwn/{f}", v)
    w(N + "/wwn/vpd_unit_serial", "zzz", "object NOT configured")
    w(N + "/wwn/vendor_id", "zzz", "object NOT configured")
    for f in ["res_holder", "res_type", "res_pr_generation", "res_aptpl_metadata"]:
        r(f"{F}/pr/{f}")
    w(F + "/pr/res_aptpl_metadata", "garbage")
    w(F + "/pr/res_aptpl_metadata", "")
    w(
        F + "/pr/res_aptpl_metadata",
        "initiator_fabric=iSCSI,initiator_node=iqn.a,initiator_sid=0x1,sa_res_key=123,res_holder=0,res_type=0,res_scope=0,res_all_tg_pt=0,mapped_lun=0,target_fabric=iSCSI,target_node=iqn.t,tpgt=1,port_rtpi=1,target_lun=0",
        "a good registration",
    )
    w(F + "/pr/res_aptpl_metadata", "sa_res_key=1,mapped_lun=0", "fields missing")
    r(F + "/pr/res_pr_registered_i_pts")
    w(F + "/pr/res_holder", "x")
    r(F + "/lba_map")
    w(F + "/lba_map", "64 1\n0 63 0:0\n")
    w(F + "/lba_map", "junk")
    sec("4b ALUA")
    r(F + "/alua_lu_gp")
    w(F + "/alua_lu_gp", "nope")
    mk("core/alua/lu_gps/lg")
    r("core/alua/lu_gps/lg/lu_gp_id")
    w(F + "/alua_lu_gp", "lg", "group without an id")
    w("core/alua/lu_gps/lg/lu_gp_id", "65536")
    w("core/alua/lu_gps/lg/lu_gp_id", "x")
    w("core/alua/lu_gps/lg/lu_gp_id", "0", "id of default group")
    w("core/alua/lu_gps/lg/lu_gp_id", "5")
    w("core/alua/lu_gps/lg/lu_gp_id", "6", "second time")
    r("core/alua/lu_gps/lg/lu_gp_id")
    w(F + "/alua_lu_gp", "lg")
    r(F + "/alua_lu_gp")
    r("core/alua/lu_gps/lg/members")
    w(F + "/alua_lu_gp", "NULL")
    r(F + "/alua_lu_gp")
    w(F + "/alua_lu_gp", "lg")
    mk("core/alua/lu_gps/lg2")
    w("core/alua/lu_gps/lg2/lu_gp_id", "5", "id in use")
    rm("core/alua/lu_gps/lg2")
    rm("core/alua/lu_gps/lg", "has a member")
    r(F + "/alua_lu_gp")
    mk("core/alua/lu_gps/" + "x" * 255)
    quiet(os.rmdir, p("core/alua/lu_gps/" + "x" * 255))
    mk("core/alua/foo")
    G = F + "/alua/g1"
    mk(G)
    r(G + "/tg_pt_gp_id")
    r(G + "/alua_access_state")
    w(G + "/alua_access_state", "0", "no id yet")
    w(G + "/tg_pt_gp_id", "65536")
    w(G + "/tg_pt_gp_id", "0", "id 0 = default group of object")
    w(G + "/tg_pt_gp_id", "16")
    w(G + "/tg_pt_gp_id", "17", "second time")
    mk(F + "/alua/g2")
    w(F + "/alua/g2/tg_pt_gp_id", "16", "id in use in the same object")
    mk(F + "/alua/g2")
    mk(F + "/alua/default_tg_pt_gp")
    rm(F + "/alua/default_tg_pt_gp")
    rm(F + "/alua/g2")
    mk(N + "/alua/g", "object not configured")
    quiet(os.rmdir, p(N + "/alua/g")) if os.path.isdir(p(N + "/alua/g")) else None
    for a, vs in [
        ("alua_access_state", ["0", "1", "2", "3", "4", "14", "15", "x", "0"]),
        ("alua_access_status", ["0", "1", "2", "3"]),
        ("alua_access_type", ["0", "1", "2", "3", "4"]),
        ("alua_write_metadata", ["1", "0", "2"]),
        ("nonop_delay_msecs", ["0", "100", "10001", "-1"]),
        ("trans_delay_msecs", ["0", "30000", "30001"]),
        ("implicit_trans_secs", ["0", "255", "256"]),
        ("preferred", ["1", "0", "2"]),
        ("alua_support_offline", ["0", "1", "2"]),
        ("alua_support_standby", ["0", "1"]),
        ("alua_support_transitioning", ["0", "1"]),
        ("alua_support_unavailable", ["0", "1"]),
        ("alua_support_active_optimized", ["0", "1"]),
        ("alua_support_active_nonoptimized", ["0", "1"]),
        ("alua_support_lba_dependent", ["0", "1"]),
        ("members", ["1"]),
    ]:
        for v in vs:
            w(f"{G}/{a}", v)
    w(F + "/alua/default_tg_pt_gp/alua_access_state", "1")
    w(F + "/alua/default_tg_pt_gp/alua_access_state", "0")
    w(F + "/alua/default_tg_pt_gp/tg_pt_gp_id", "9", "default group")
    w(F + "/alua/default_tg_pt_gp/preferred", "1")
    w(F + "/alua/default_tg_pt_gp/preferred", "0")
    w(F + "/alua/default_tg_pt_gp/alua_access_type", "1")
    r(F + "/alua/default_tg_pt_gp/alua_access_type")
    w(F + "/alua/default_tg_pt_gp/alua_access_type", "3")
    w(G + "/alua_access_type", "2", "explicit only")
    w(G + "/alua_access_state", "1", "implicit transition with explicit-only type")
    w(G + "/alua_access_type", "3")
    ls(F + "/alua")
    rm(F, "has user-made ALUA group")
    rm(G)
    rm(F)
    rm("core/fileio_0")
    rm(N)
    rm("core/fileio_1")


# ---------------------------------------------------------------- iscsi
IQN = "iqn.2003-01.org.linux-iscsi.probehost.x8664:sn.probe"


def iscsi():
    sec("5 iscsi: target and TPG")
    mk("iscsi")
    mk("iscsi", "duplicate")
    X = "iscsi/" + IQN
    for n in [
        "bad",
        "iqn",
        "IQN.2003-01.ORG.X:UP",
        "naa.5001405000000001",
        "eui.0011223344556677",
        "sp ace",
        "a" * 223,
        "a" * 224,
        "a" * 255,
    ]:
        if mk("iscsi/" + n).startswith("ok"):
            quiet(os.rmdir, p("iscsi/" + n))
    mk("iscsi/lio_version")
    mk("iscsi/discovery_auth")
    rm("iscsi/discovery_auth")
    mk(X)
    mk(X)
    mk("iscsi/" + IQN.upper(), "same IQN, other case")
    quiet(os.rmdir, p("iscsi/" + IQN.upper())) if os.path.isdir(p("iscsi/" + IQN.upper())) else None
    rm("iscsi", "has a target")
    w(X + "/param/cmd_completion_affinity", "0")
    w(X + "/param/cmd_completion_affinity", "-2")
    w(X + "/param/cmd_completion_affinity", "99")
    w(X + "/param/cmd_completion_affinity", "x")
    w(X + "/param/cmd_completion_affinity", "-1")
    for n in [
        "foo",
        "tpgt",
        "tpgt_",
        "tpgt_x",
        "tpgt_-1",
        "tpgt_1x",
        "tpgt_65535",
        "tpgt_65536",
        "tpgt_0",
        "tpgt_01",
        "tpgt_0x2",
        "tpgt_1_1",
    ]:
        if mk(f"{X}/{n}").startswith("ok"):
            quiet(os.rmdir, p(f"{X}/{n}"))
    G = X + "/tpgt_1"
    mk(G)
    mk(G)
    mk(X + "/tpgt_01", "same number, other text")
    quiet(os.rmdir, p(X + "/tpgt_01")) if os.path.isdir(p(X + "/tpgt_01")) else None
    mk(G + "/foo")
    rm(X, "has a TPG")
    ls(G)
    w(G + "/enable", "1", "no portal, no lun")
    r(G + "/enable")
    w(G + "/enable", "1", "again")
    w(G + "/enable", "0")
    w(G + "/enable", "0", "again")
    w(G + "/enable", "2")
    w(G + "/enable", "x")
    w(G + "/enable", "Y")
    w(G + "/enable", "0")
    r(G + "/dynamic_sessions")
    sec("5b iscsi: portals (np)")
    for n in [
        "bad",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:x",
        "127.0.0.1:0",
        "127.0.0.1:65535",
        "127.0.0.1:65536",
        "127.0.0.1:3260",
        "127.0.0.1:03260",
        "127.0.0.1:3260 ",
        "0.0.0.0:3260",
        "[::1]:3260",
        "[::]:3260",
        "::1:3261",
        "[::1",
        "[fe80::1%lo]:3261",
        "192.0.2.77:3260",
        "256.1.1.1:3260",
        "1.2.3:3260",
        "localhost:3260",
        "[0:0:0:0:0:0:0:1]:3260",
        "[::ffff:127.0.0.1]:3260",
        "[2001:db8::1]:3260",
        "224.0.0.1:3260",
        "255.255.255.255:3260",
        "x" * 60 + ":3260",
    ]:
        mk(f"{G}/np/{n}")
    ls(G + "/np")
    act(
        "listening TCP ports (127.0.0.1:03260 is octal: 1712)",
        lambda: " ".join(
            sorted(
                {
                    str(int(l.split()[1].split(":")[1], 16))
                    for f in ("tcp", "tcp6")
                    for l in open("/proc/net/" + f).readlines()[1:]
                    if l.split()[3] == "0A"
                },
                key=int,
            )
        ),
    )
    for n in os.listdir(p(G + "/np")):
        if n != "127.0.0.1:3260":
            rm(f"{G}/np/{n}")
    mk(f"{G}/np/127.0.0.1:3260", "duplicate")
    N = f"{G}/np/127.0.0.1:3260"
    ls(N)
    for a in ["iser", "cxgbit"]:
        r(f"{N}/{a}")
        w(f"{N}/{a}", "1", "no RDMA/T5 hardware")
        w(f"{N}/{a}", "0")
        w(f"{N}/{a}", "2")
        w(f"{N}/{a}", "x")
    s = socket.socket()
    s.bind(("127.0.0.1", 3299))
    s.listen(1)
    mk(f"{G}/np/127.0.0.1:3299", "port taken by a user-space listener")
    mk(f"{G}/np/0.0.0.0:3299", "port taken")
    s.close()
    for n in ["127.0.0.1:3299", "0.0.0.0:3299"]:
        if os.path.isdir(p(f"{G}/np/{n}")):
            rm(f"{G}/np/{n}")
    G2 = X + "/tpgt_2"
    mk(G2)
    mk(f"{G2}/np/127.0.0.1:3260", "same portal in a second TPG of the same target")
    mk(f"{G2}/np/127.0.0.1:3270")
    X2 = "iscsi/iqn.2003-01.org.x:second"
    mk(X2)
    mk(X2 + "/tpgt_1")
    mk(X2 + "/tpgt_1/np/127.0.0.1:3260", "same portal, other target")
    mk(f"{G2}/np/0.0.0.0:3260", "wildcard, other TPG")
    for n in os.listdir(p(G2 + "/np")):
        rm(f"{G2}/np/{n}")
    rm(G2)
    rm(X2 + "/tpgt_1", "has np")
    rm(X2 + "/tpgt_1/np/127.0.0.1:3260")
    rm(X2 + "/tpgt_1")
    rm(X2)
    act(
        "TCP connect to the portal while TPG disabled",
        lambda: socket.create_connection(("127.0.0.1", 3260), 2).close(),
    )
    w(G + "/enable", "1")
    act(
        "TCP connect, TPG enabled", lambda: socket.create_connection(("127.0.0.1", 3260), 2).close()
    )
    w(G + "/enable", "0")
    mk(f"{N}/foo")
    rm(N)
    act(
        "TCP connect after rmdir of the last portal",
        lambda: socket.create_connection(("127.0.0.1", 3260), 2).close(),
    )
    mk(N)
    sec("5c iscsi: TPG attrib / param / auth")
    for a, vs in [
        ("authentication", ["0", "1", "2", "x"]),
        ("generate_node_acls", ["1", "0", "2"]),
        ("cache_dynamic_acls", ["1", "0", "2"]),
        ("default_cmdsn_depth", ["0", "1", "64", "512", "513", "x", "64"]),
        ("default_erl", ["0", "1", "2", "3", "0"]),
        ("demo_mode_discovery", ["0", "1", "2"]),
        ("demo_mode_write_protect", ["0", "1", "2"]),
        ("prod_mode_write_protect", ["0", "1", "2", "0"]),
        ("fabric_prot_type", ["0", "1", "2", "3", "4", "0"]),
        ("login_timeout", ["4", "5", "15", "30", "31", "15"]),
        ("netif_timeout", ["1", "2", "15", "16", "2"]),
        ("login_keys_workaround", ["0", "1", "2"]),
        ("t10_pi", ["0", "1", "2", "0"]),
        ("tpg_enabled_sendtargets", ["0", "1", "2"]),
        ("nosuch", ["1"]),
    ]:
        for v in vs:
            w(f"{G}/attrib/{a}", v)
    for a, vs in [
        ("AuthMethod", ["None", "CHAP", "CHAP,None", "None,CHAP", "bogus", "", "SRP", "CHAP\n"]),
        ("HeaderDigest", ["None", "CRC32C", "CRC32C,None", "None,CRC32C", "MD5"]),
        ("DataDigest", ["None", "CRC32C,None"]),
        ("MaxConnections", ["0", "1", "8", "65535", "65536", "x", "1"]),
        ("TargetAlias", ["my alias", "x" * 255, "x" * 256, "", "LIO Target"]),
        ("InitialR2T", ["Yes", "No", "maybe", "yes", "1", "Yes"]),
        ("ImmediateData", ["No", "Yes"]),
        ("MaxRecvDataSegmentLength", ["511", "512", "8192", "16777215", "16777216", "8192"]),
        ("MaxXmitDataSegmentLength", ["511", "262144"]),
        ("MaxBurstLength", ["511", "512", "262144", "16777216", "262144"]),
        ("FirstBurstLength", ["511", "65536", "16777216", "65536"]),
        ("DefaultTime2Wait", ["0", "2", "3600", "3601", "2"]),
        ("DefaultTime2Retain", ["0", "20", "3601"]),
        ("MaxOutstandingR2T", ["0", "1", "65535", "65536", "1"]),
        ("DataPDUInOrder", ["No", "Yes"]),
        ("DataSequenceInOrder", ["No", "Yes"]),
        ("ErrorRecoveryLevel", ["0", "1", "2", "3", "0"]),
        ("IFMarker", ["Yes", "No"]),
        ("OFMarker", ["Yes", "No"]),
        ("IFMarkInt", ["Reject", "1~65535", "2048~65535", "5"]),
        ("OFMarkInt", ["Reject", "2048~65535"]),
    ]:
        for v in vs:
            wr(f"{G}/param/{a}", v)
    for f in ["userid", "password", "userid_mutual", "password_mutual"]:
        for v in ["u1", "", "\n", "NULL", "x" * 255, "x" * 256, "a b\n", "NULLx", "NULL"]:
            wr(f"{G}/auth/{f}", v)
    w(G + "/auth/userid", "u1")
    w(G + "/auth/userid_mutual", "m1")
    r(G + "/auth/authenticate_target", "only userid_mutual set")
    w(G + "/auth/password_mutual", "mp")
    r(G + "/auth/authenticate_target")
    w(G + "/auth/authenticate_target", "0")
    w(G + "/auth/userid_mutual", "NULL")
    r(G + "/auth/authenticate_target")
    w(G + "/auth/password_mutual", "NULL")
    r(G + "/auth/authenticate_target")
    w(G + "/auth/userid", "NULL")
    D = "iscsi/discovery_auth"
    w(D + "/userid", "du")
    r(D + "/userid")
    w(D + "/password", "dp")
    w(D + "/enforce_discovery_auth", "1")
    r(D + "/enforce_discovery_auth")
    w(D + "/enforce_discovery_auth", "2")
    w(D + "/enforce_discovery_auth", "x")
    w(D + "/enforce_discovery_auth", "0")
    w(D + "/userid", "NULL")
    r(D + "/userid")
    w(D + "/password", "NULL")
    w(D + "/userid", "x" * 256)
    w(D + "/userid", "NULL")
    w("iscsi/cpus_allowed_list", "0")
    r("iscsi/cpus_allowed_list")
    w("iscsi/cpus_allowed_list", "0-1")
    w("iscsi/cpus_allowed_list", "99")
    w("iscsi/cpus_allowed_list", "x")
    w("iscsi/cpus_allowed_list", "")
    w("iscsi/cpus_allowed_list", "0-1\n")
    w(G + "/enable", "1")
    w(G + "/attrib/authentication", "0", "TPG enabled")
    w(G + "/param/MaxConnections", "2", "TPG enabled")
    w(G + "/attrib/t10_pi", "1", "TPG enabled")
    w(G + "/attrib/generate_node_acls", "0", "TPG enabled")
    rm(G, "enabled, has np")
    rm(N, "TPG enabled")
    rm(G, "enabled, empty")
    mk(G)
    r(G + "/enable")
    r(G + "/param/MaxConnections")
    mk(N)
    sec("5d iscsi: LUNs")
    A = mkram(0, "a")
    B = mkram(1, "b")
    os.mkdir(p("core/rd_mcp_2"))
    os.mkdir(p("core/rd_mcp_2/c"))
    C = "core/rd_mcp_2/c"
    L = G + "/lun"
    for n in [
        "foo",
        "lun",
        "lun_",
        "lun_x",
        "lun_-1",
        "lun_1x",
        "lun_65535",
        "lun_65536",
        "lun_256",
        "lun_01",
        "lun_0x3",
        "lun_4294967296",
        "lun_18446744073709551616",
    ]:
        if mk(f"{L}/{n}").startswith("ok"):
            quiet(os.rmdir, p(f"{L}/{n}"))
    mk(L + "/lun_0")
    mk(L + "/lun_0")
    mk(L + "/lun_00", "same number, other text")
    quiet(os.rmdir, p(L + "/lun_00")) if os.path.isdir(p(L + "/lun_00")) else None
    mk(L + "/lun_0/foo")
    ln(C, L + "/lun_0/x", "storage object not enabled")
    ln("core/rd_mcp_0", L + "/lun_0/x", "an HBA")
    ln("core", L + "/lun_0/x")
    ln(A + "/attrib", L + "/lun_0/x", "a group inside a storage object")
    ln(A + "/enable", L + "/lun_0/x", "an attribute file")
    ln("/mnt/fio", L + "/lun_0/x", "outside configfs")
    ln("/nonexistent", L + "/lun_0/x")
    ln(G + "/lun/lun_0", L + "/lun_0/x", "itself")
    ln("iscsi", L + "/lun_0/x")
    ln(A, L + "/lun_0/x")
    act("readlink", lambda: os.readlink(p(L + "/lun_0/x")))
    act("os.path.realpath", lambda: os.path.realpath(p(L + "/lun_0/x")))
    act(
        "lstat link: mode size nlink",
        lambda: "%o %d %d" % ((s := os.lstat(p(L + "/lun_0/x"))).st_mode, s.st_size, s.st_nlink),
    )
    ls(L + "/lun_0")
    ls(A)
    act(
        "relative symlink text",
        lambda: os.symlink("../../../../../core/rd_mcp_1/b", p(L + "/lun_0/rel")),
        "second link, other object",
    )
    ln(A, L + "/lun_0/x", "same name again")
    ln(A, L + "/lun_0/y", "same object, other name")
    ln(B, L + "/lun_0/z", "other object")
    rm(L + "/lun_0", "has a link")
    rm(A, "storage object in use")
    rm("core/rd_mcp_0", "HBA in use")
    r(A + "/info")
    mk(L + "/lun_1")

    def rel():
        cwd = os.getcwd()
        os.chdir("/")
        try:
            os.symlink("sys/kernel/config/target/" + B, p(L + "/lun_1/rel"))
        finally:
            os.chdir(cwd)

    act(
        "symlink with relative text that resolves from cwd",
        rel,
        "configfs resolves the text from the current directory",
    )
    act("readlink", lambda: os.readlink(p(L + "/lun_1/rel")))
    mk(L + "/lun_2")
    ln(A, L + "/lun_2/w", "one object as two LUNs of one TPG")
    ln(A, L + "/lun_2/" + "n" * 255)
    ls(L)
    sec("5e storage object exported: what is refused")
    for a, vs in [
        ("block_size", ["512", "4096"]),
        ("emulate_model_alias", ["0", "1"]),
        ("emulate_write_cache", ["1", "0"]),
        ("emulate_tas", ["0", "1"]),
        ("emulate_ua_intlck_ctrl", ["0", "1"]),
        ("emulate_pr", ["0", "1"]),
        ("emulate_tpu", ["0", "1"]),
        ("emulate_tpws", ["1"]),
        ("emulate_3pc", ["0", "1"]),
        ("emulate_caw", ["0", "1"]),
        ("enforce_pr_isids", ["0", "1"]),
        ("force_pr_aptpl", ["1", "0"]),
        ("queue_depth", ["64", "32", "128", "0"]),
        ("optimal_sectors", ["8"]),
        ("is_nonrot", ["1", "0"]),
        ("pi_prot_type", ["1", "0"]),
        ("pi_prot_format", ["1"]),
        ("pi_prot_verify", ["1"]),
        ("unmap_zeroes_data", ["1", "0"]),
        ("max_write_same_len", ["8192"]),
        ("max_unmap_lba_count", ["1"]),
        ("alua_support", ["0", "1"]),
        ("pgr_support", ["0", "1"]),
    ]:
        for v in vs:
            w(f"{A}/attrib/{a}", v, "exported")
    w(A + "/wwn/vpd_unit_serial", "new", "exported")
    w(A + "/wwn/vendor_id", "new", "exported")
    w(A + "/wwn/product_id", "new", "exported")
    w(A + "/wwn/revision", "new", "exported")
    w(A + "/wwn/company_id", "0x1", "exported")
    w(A + "/alias", "new", "exported")
    w(A + "/udev_path", "new", "exported")
    w(A + "/control", "rd_pages=32", "exported")
    r(A + "/info")
    w(A + "/enable", "1", "exported")
    w(A + "/pr/res_aptpl_metadata", "initiator_fabric=iSCSI", "exported")
    w("dbroot", "/var/target", "exported")
    w(A + "/lba_map", "64 1\n0 63 0:0\n", "exported")
    mk(A + "/alua/gx")
    w(A + "/alua/gx/tg_pt_gp_id", "20")
    r(L + "/lun_0/alua_tg_pt_gp")
    w(L + "/lun_0/alua_tg_pt_gp", "nope")
    w(L + "/lun_0/alua_tg_pt_gp", "gx")
    r(L + "/lun_0/alua_tg_pt_gp")
    r(A + "/alua/gx/members")
    r(A + "/alua/default_tg_pt_gp/members")
    rm(A + "/alua/gx", "has a member")
    r(L + "/lun_0/alua_tg_pt_gp")
    mk(A + "/alua/gy")
    w(L + "/lun_0/alua_tg_pt_gp", "gy", "group without an id")
    w(L + "/lun_0/alua_tg_pt_gp", "NULL")
    w(L + "/lun_0/alua_tg_pt_gp", "default_tg_pt_gp")
    r(L + "/lun_0/alua_tg_pt_gp")
    rm(A + "/alua/gy")
    for f, vs in [
        ("alua_tg_pt_offline", ["1", "0", "2"]),
        ("alua_tg_pt_status", ["0", "1", "2", "3"]),
        ("alua_tg_pt_write_md", ["1", "0", "2"]),
    ]:
        for v in vs:
            wr(f"{L}/lun_0/{f}", v)
    sec("5f iscsi: node ACLs and mapped LUNs")
    K = G + "/acls"
    for n in [
        "bad",
        "iqn.1994-05.com.redhat:i1",
        "IQN.1994-05.COM.REDHAT:I1",
        "x" * 223,
        "x" * 224,
        "x" * 255,
    ]:
        if mk(f"{K}/{n}").startswith("ok") and n != "iqn.1994-05.com.redhat:i1":
            quiet(os.rmdir, p(f"{K}/{n}"))
    N1 = K + "/iqn.1994-05.com.redhat:i1"
    mk(N1, "duplicate")
    ls(N1)
    r(N1 + "/info")
    r(N1 + "/tag")
    w(N1 + "/tag", "grp")
    r(N1 + "/tag")
    w(N1 + "/tag", "x" * 63)
    w(N1 + "/tag", "x" * 64)
    w(N1 + "/tag", "NULL")
    r(N1 + "/tag")
    w(N1 + "/tag", "")
    w(N1 + "/tag", "\n")
    r(N1 + "/tag")
    for v in ["0", "1", "64", "1024", "1025", "65536", "x", "64"]:
        w(N1 + "/cmdsn_depth", v)
    ls(N1 + "/attrib")
    for a, vs in [
        ("authentication", ["0", "1", "-1", "2", "-2", "-1"]),
        ("dataout_timeout", ["1", "2", "3", "60", "61", "3"]),
        ("dataout_timeout_retries", ["0", "1", "5", "15", "16", "5"]),
        ("default_erl", ["0", "1", "2", "3", "0"]),
        ("nopin_timeout", ["2", "3", "0", "15", "60", "61", "15"]),
        ("nopin_response_timeout", ["2", "3", "30", "60", "61", "30"]),
        ("random_datain_pdu_offsets", ["0", "1", "2", "0"]),
        ("random_datain_seq_offsets", ["0", "1", "0"]),
        ("random_r2t_offsets", ["0", "1", "0"]),
    ]:
        for v in vs:
            w(f"{N1}/attrib/{a}", v)
    for v in ["u1", "NULL", "x" * 255, "x" * 256, "", "NULL"]:
        wr(N1 + "/auth/userid", v)
    w(N1 + "/auth/userid_mutual", "mu")
    w(N1 + "/auth/password_mutual", "NULLpw", "begins with NULL")
    r(N1 + "/auth/authenticate_target", "so it counts as unset")
    w(N1 + "/auth/password_mutual", "pw\n", "newline is kept")
    r(N1 + "/auth/password_mutual")
    r(N1 + "/auth/authenticate_target")
    w(N1 + "/auth/userid_mutual", "NULL")
    w(N1 + "/auth/password_mutual", "NULL")
    ls(N1 + "/param")
    r(N1 + "/param/MaxConnections")
    w(N1 + "/param/MaxConnections", "2")
    for n in ["foo", "lun_x", "lun_-1", "lun_65535", "lun_65536", "lun_01", "lun_1x"]:
        if mk(f"{N1}/{n}").startswith("ok"):
            quiet(os.rmdir, p(f"{N1}/{n}"))
    M = N1 + "/lun_0"
    mk(M)
    mk(M)
    r(M + "/write_protect", "not linked yet")
    w(M + "/write_protect", "1", "not linked yet")
    ln(A, M + "/x", "storage object instead of a TPG LUN")
    ln(G, M + "/x", "a TPG")
    ln(N1, M + "/x", "itself")
    mk(L + "/lun_5")
    ln(L + "/lun_5", M + "/x", "TPG LUN without a storage object")
    os.mkdir(p(X + "/tpgt_2"))
    os.mkdir(p(X + "/tpgt_2/lun/lun_0"))
    os.symlink(p(B), p(X + "/tpgt_2/lun/lun_0/q"))
    ln(X + "/tpgt_2/lun/lun_0", M + "/x", "LUN of another TPG of the same target")
    quiet(os.mkdir, p("iscsi/iqn.2003-01.org.x:third"))
    quiet(os.mkdir, p("iscsi/iqn.2003-01.org.x:third/tpgt_1"))
    quiet(os.mkdir, p("iscsi/iqn.2003-01.org.x:third/tpgt_1/lun/lun_0"))
    quiet(os.symlink, p(B), p("iscsi/iqn.2003-01.org.x:third/tpgt_1/lun/lun_0/q"))
    ln("iscsi/iqn.2003-01.org.x:third/tpgt_1/lun/lun_0", M + "/x", "LUN of another target")
    ln(L + "/lun_0", M + "/x")
    act("readlink", lambda: os.readlink(p(M + "/x")))
    ln(L + "/lun_0", M + "/y", "second link, same LUN")
    ln(L + "/lun_1", M + "/y", "second link, other LUN")
    ln(L + "/lun_0", M + "/x")
    wr(M + "/write_protect", "1")
    wr(M + "/write_protect", "0")
    w(M + "/write_protect", "2")
    r(M + "/write_protect")
    w(M + "/write_protect", "x")
    w(M + "/write_protect", "0")
    mk(N1 + "/lun_7")
    ln(L + "/lun_0", N1 + "/lun_7/x", "one TPG LUN under two mapped indexes")
    mk(N1 + "/lun_1")
    ln(L + "/lun_1", N1 + "/lun_1/x")
    rm(M, "has a link")
    rm(N1, "has mapped LUNs")
    rm(L + "/lun_5")
    rm(L + "/lun_0", "linked and mapped")
    un(L + "/lun_0/x", "TPG LUN link while mapped in an ACL")
    r(M + "/write_protect", "after the TPG LUN lost its object")
    ls(M)
    un(M + "/x")
    act("listdir after", lambda: " ".join(os.listdir(p(M))))
    rm(M)
    rm(L + "/lun_0", "still mapped as lun_7")
    un(N1 + "/lun_7/x")
    rm(N1 + "/lun_7")
    rm(L + "/lun_0")
    un(N1 + "/lun_1/x")
    rm(N1 + "/lun_1")
    rm(G, "has lun, np, acls")
    w(G + "/enable", "1")
    un(L + "/lun_1/rel", "TPG enabled")
    rm(L + "/lun_1")
    un(L + "/lun_2/w")
    rm(L + "/lun_2")
    rm(N1)
    rm(N)
    rm(G)
    for t in ["iscsi/iqn.2003-01.org.x:third/tpgt_1", X + "/tpgt_2"]:
        quiet(os.unlink, p(t + "/lun/lun_0/q"))
        quiet(os.rmdir, p(t + "/lun/lun_0"))
        quiet(os.rmdir, p(t))
    quiet(os.rmdir, p("iscsi/iqn.2003-01.org.x:third"))
    rm(X)
    rm("iscsi")
    mk("iscsi")
    for o in (A, B, C):
        rm(o)
        rm(o.rsplit("/", 1)[0])


# ---------------------------------------------------------------- sessions
def sessions():
    sec("6 iscsi with a live session (libiscsi)")
    try:
        li = ctypes.CDLL("libiscsi.so.7")
    except OSError as e:
        print("no libiscsi", e)
        return
    li.iscsi_create_context.restype = ctypes.c_void_p
    li.iscsi_get_error.restype = ctypes.c_char_p

    def connect(ini, tgt, lun=0):
        c = ctypes.c_void_p(li.iscsi_create_context(ini.encode()))
        li.iscsi_set_targetname(c, tgt.encode())
        li.iscsi_set_session_type(c, 2)
        li.iscsi_set_header_digest(c, 3)
        li.iscsi_set_noautoreconnect(c, 1)
        rc = li.iscsi_full_connect_sync(c, b"127.0.0.1:3260", lun)
        ROWS.append((SEC[0], f"libiscsi login {ini}", f"rc={rc} {li.iscsi_get_error(c)}", "", ""))
        print("login", rc, li.iscsi_get_error(c))
        return c

    def disc(c):
        li.iscsi_logout_sync(c)
        li.iscsi_disconnect(c)

    A = mkram(0, "a")
    X = "iscsi/" + IQN
    G = X + "/tpgt_1"
    N = G + "/np/127.0.0.1:3260"
    I1 = "iqn.1994-05.com.redhat:i1"
    N1 = G + "/acls/" + I1
    for d in (X, G, N, G + "/lun/lun_0"):
        os.mkdir(p(d))
    os.symlink(p(A), p(G + "/lun/lun_0/x"))
    _w(G + "/attrib/authentication", "0")
    os.mkdir(p(N1))
    os.mkdir(p(N1 + "/lun_0"))
    os.symlink(p(G + "/lun/lun_0"), p(N1 + "/lun_0/x"))
    _w(G + "/enable", "1")
    c = connect(I1, IQN)
    r(N1 + "/info")
    w(N1 + "/cmdsn_depth", "32", "live session")
    r(N1 + "/cmdsn_depth")
    r(N1 + "/info")
    c = connect(I1, IQN)
    w(N1 + "/attrib/authentication", "1", "live session")
    w(N1 + "/attrib/nopin_timeout", "20", "live session")
    w(N1 + "/attrib/default_erl", "1", "live session")
    w(N1 + "/auth/userid", "u", "live session")
    w(N1 + "/auth/userid", "NULL")
    w(N1 + "/lun_0/write_protect", "1", "live session")
    w(N1 + "/lun_0/write_protect", "0")
    w(G + "/attrib/generate_node_acls", "1", "live session")
    w(G + "/attrib/generate_node_acls", "0")
    w(G + "/param/MaxConnections", "2", "live session")
    w(A + "/attrib/emulate_write_cache", "1", "live session")
    w(A + "/attrib/emulate_write_cache", "0")
    rm(N1, "live session, has mapped LUN")
    un(N1 + "/lun_0/x", "live session")
    rm(N1 + "/lun_0")
    rm(N1, "live session, empty")
    r(G + "/dynamic_sessions")
    li.iscsi_disconnect(c)
    _w(G + "/attrib/generate_node_acls", "1")
    c = connect("iqn.1994-05.com.redhat:dyn", IQN)
    r(G + "/dynamic_sessions", "one demo-mode session")
    act("listdir acls", lambda: " ".join(os.listdir(p(G + "/acls"))))
    mk(G + "/acls/iqn.1994-05.com.redhat:dyn", "ACL for a live dynamic initiator")
    r(G + "/acls/iqn.1994-05.com.redhat:dyn/info")
    r(G + "/dynamic_sessions")
    rm(N, "portal of a live session")
    r(G + "/acls/iqn.1994-05.com.redhat:dyn/info")
    w(G + "/enable", "0", "live session")
    r(G + "/acls/iqn.1994-05.com.redhat:dyn/info")
    li.iscsi_disconnect(c)
    rm(G + "/acls/iqn.1994-05.com.redhat:dyn")
    un(G + "/lun/lun_0/x")
    rm(G + "/lun/lun_0")
    rm(G)
    rm(X)
    rm("iscsi")
    rm(A)
    rm("core/rd_mcp_0")


def loopback():
    sec("7 loopback")
    A = mkram(0, "a")
    mk("loopback")
    for n in [
        "bad",
        "naa.5001405000000001",
        "naa.",
        "fc.x",
        "iqn.2003-01.org.x:l",
        "naa.6001405000000001",
        "naa." + "5" * 30,
        "sas.x",
    ]:
        if mk("loopback/" + n).startswith("ok") and n != "naa.5001405000000001":
            quiet(os.rmdir, p("loopback/" + n))
    X = "loopback/naa.5001405000000001"
    ls(X)
    r(X + "/version")
    for n in ["tpgt_0", "tpgt_1", "tpgt_2", "tpgt_31", "tpgt_32", "tpgt_x", "foo"]:
        if mk(f"{X}/{n}").startswith("ok") and n != "tpgt_1":
            quiet(os.rmdir, p(f"{X}/{n}"))
    G = X + "/tpgt_1"
    ls(G)
    r(G + "/nexus", "no nexus")
    r(G + "/address")
    r(G + "/transport_status")
    w(G + "/nexus", "bad")
    w(G + "/nexus", "iqn.2003-01.org.x:l", "other protocol than target")
    w(G + "/nexus", "x" * 300)
    w(G + "/nexus", "naa.6001405000000002", "naa.6 is not a port name, taken all the same")
    r(G + "/nexus")
    w(G + "/nexus", "naa.5001405000000003", "second time")
    w(G + "/nexus", "NULL", "no LUN")
    r(G + "/nexus")
    w(G + "/nexus", "NULL", "no nexus")
    w(G + "/nexus", "naa.5001405000000002\n")
    r(G + "/nexus")
    mk(G + "/lun/lun_0")
    ln(A, G + "/lun/lun_0/x")
    time.sleep(0.5)
    act("scsi device appears", lambda: " ".join(sorted(os.listdir("/sys/bus/scsi/devices"))))
    act("block devices", lambda: " ".join(sorted(os.listdir("/sys/block"))))
    r(G + "/address")
    w(G + "/nexus", "NULL", "LUN present")
    r(G + "/nexus")
    w(G + "/transport_status", "offline")
    r(G + "/transport_status")
    w(G + "/transport_status", "online")
    w(G + "/transport_status", "x")
    mk(G + "/acls/naa.5001405000000009")
    rm(G + "/acls/naa.5001405000000009")
    mk(G + "/np/1")
    r(G + "/enable")
    rm(G)
    rm(X, "has TPG")
    rm(A, "in use")
    un(G + "/lun/lun_0/x")
    time.sleep(0.3)
    act("scsi devices after", lambda: " ".join(sorted(os.listdir("/sys/bus/scsi/devices"))))
    rm(G + "/lun/lun_0")
    rm(G, "nexus present, nothing else")
    mk(G)
    r(G + "/nexus", "made again")
    w(G + "/nexus", "naa.5001405000000002")
    w(G + "/nexus", "NULL")
    rm(G)
    sec("7b loopback: LUN linked before the nexus exists (port count leak)")
    mk(G)
    mk(G + "/lun/lun_0")
    ln(A, G + "/lun/lun_0/x", "no nexus yet")
    time.sleep(0.5)
    act("scsi devices", lambda: " ".join(sorted(os.listdir("/sys/bus/scsi/devices"))))
    un(G + "/lun/lun_0/x")
    w(G + "/nexus", "naa.5001405000000002")
    w(G + "/nexus", "NULL", "no LUN now, but the count leaked")
    r(G + "/nexus")
    rm(G + "/lun/lun_0")
    rm(G, "nexus cannot be dropped")
    rm(X)
    rm("loopback")
    rm(A)
    rm("core/rd_mcp_0")


def vhost():
    sec("8 vhost")
    A = mkram(0, "a")
    mk("vhost")
    for n in ["bad", "naa.5001405000000001", "fc.x", "iqn.2003-01.org.x:l", "naa.6001405000000001"]:
        if mk("vhost/" + n).startswith("ok") and n != "naa.5001405000000001":
            quiet(os.rmdir, p("vhost/" + n))
    X = "vhost/naa.5001405000000001"
    for n in ["tpgt_0", "tpgt_1", "tpgt_2", "tpgt_65535", "tpgt_65536", "foo"]:
        if mk(f"{X}/{n}").startswith("ok") and n != "tpgt_1":
            quiet(os.rmdir, p(f"{X}/{n}"))
    G = X + "/tpgt_1"
    ls(G)
    r(G + "/nexus", "no nexus")
    mk(G + "/lun/lun_0")
    ln(A, G + "/lun/lun_0/x", "no nexus yet")
    w(G + "/nexus", "bad")
    w(G + "/nexus", "naa.5001405000000002")
    r(G + "/nexus")
    w(G + "/nexus", "naa.5001405000000003", "second time")
    w(G + "/nexus", "NULL", "LUN present")
    w(G + "/nexus", "naa.5001405000000002")
    w(G + "/attrib/fabric_prot_type", "1")
    w(G + "/attrib/fabric_prot_type", "0")
    mk(G + "/acls/naa.5001405000000009")
    mk(G + "/np/1")
    rm(G)
    un(G + "/lun/lun_0/x") if os.path.islink(p(G + "/lun/lun_0/x")) else None
    rm(G + "/lun/lun_0")
    quiet(os.rmdir, p(G + "/acls/naa.5001405000000009")) if os.path.isdir(
        p(G + "/acls/naa.5001405000000009")
    ) else None
    rm(G, "nexus present")
    rm(X)
    rm("vhost")
    rm(A)
    rm("core/rd_mcp_0")


def others():
    sec("9 fc, sbp, srpt, qla2xxx (no hardware)")
    for f, ns in [
        (
            "fc",
            [
                "bad",
                "20:00:00:11:22:33:44:55",
                "2000001122334455",
                "20:00:00:11:22:33:44",
                "0x2000001122334455",
                "naa.2000001122334455",
            ],
        ),
        ("sbp", ["bad", "0011223344556677", "00:11:22:33:44:55:66:77", "eui.0011223344556677"]),
        (
            "srpt",
            [
                "bad",
                "0xfe800000000000000002c90300a1b2c3",
                "fe80:0000:0000:0000:0002:c903:00a1:b2c3",
            ],
        ),
        ("qla2xxx", ["bad", "21:00:00:24:ff:31:4c:48"]),
        (
            "qla2xxx_npiv",
            ["21:00:00:24:ff:31:4c:48@21:00:00:24:ff:31:4c:49:21:00:00:24:ff:31:4c:50"],
        ),
    ]:
        if not mk(f).startswith("ok"):
            continue
        for n in ns:
            if mk(f"{f}/{n}").startswith("ok"):
                for t in ["tpgt_0", "tpgt_1", "tpgt_2", "tpgt_1x"]:
                    if mk(f"{f}/{n}/{t}").startswith("ok"):
                        if t == "tpgt_1":
                            for a in [
                                "bad",
                                "20:00:00:11:22:33:44:66",
                                "2000001122334466",
                                "0011223344556688",
                            ]:
                                if mk(f"{f}/{n}/{t}/acls/{a}").startswith("ok"):
                                    quiet(os.rmdir, p(f"{f}/{n}/{t}/acls/{a}"))
                        quiet(os.rmdir, p(f"{f}/{n}/{t}"))
                quiet(os.rmdir, p(f"{f}/{n}"))
        rm(f)


def unpriv():
    sec("10 as an unprivileged user (uid 65534)")
    A = mkram(0, "a")
    os.mkdir(p("iscsi"))
    pid = os.fork()
    if pid == 0:
        rfd = os.open("/tmp/unpriv.json", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666)
        os.setgid(65534)
        os.setuid(65534)
        del ROWS[:]
        mk("iscsi/iqn.x:y")
        r(A + "/info")
        w(A + "/attrib/emulate_tas", "0")
        rm(A)
        r(A + "/control")
        w(A + "/control", "rd_pages=1")
        r("iscsi/discovery_auth/password", "mode 0644: secrets are world-readable")
        ls("core")
        un(A + "/enable")
        os.write(rfd, json.dumps(ROWS).encode())
        os._exit(0)
    os.waitpid(pid, 0)
    ROWS.extend(tuple(x) for x in json.load(open("/tmp/unpriv.json")))
    rm("iscsi")
    rm(A)
    rm("core/rd_mcp_0")


def danger():
    """steps that can oops the kernel; each in a child with a time limit, on its own object"""
    import signal

    sec(
        "11 dangerous: attribute writes on a storage object that is made but NOT enabled (each in a forked child)"
    )
    os.makedirs("/mnt/fio", exist_ok=True)
    n = 0

    def child(desc, fn, note=""):
        kdrain()
        rfd, wfd = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                fn()
                m = "ok"
            except OSError as e:
                m = errno.errorcode.get(e.errno, str(e.errno))
            os.write(wfd, m.encode())
            os._exit(0)
        os.close(wfd)
        t = time.time()
        st = None
        while time.time() - t < 6:
            q, st_ = os.waitpid(pid, os.WNOHANG)
            if q:
                st = st_
                break
            time.sleep(0.02)
        if st is None:
            res = "HANG (>6 s, child left behind)"
        elif os.WIFSIGNALED(st):
            res = f"KERNEL OOPS, process killed by signal {os.WTERMSIG(st)}"
        else:
            res = os.read(rfd, 99).decode()
        os.close(rfd)
        log = [l for l in kdrain() if re.search("BUG|RIP|NULL|fileio|iblock|emulate|Oops", l)]
        ROWS.append((SEC[0], desc, res, note, " / ".join(dict.fromkeys(log))[:200]))
        print(f"{desc:90} {res:30} {log[:2]}", flush=True)
        json.dump(ROWS, open(sys.argv[2], "w"), indent=0)

    for pl in ["rd_mcp", "fileio", "iblock", "pscsi", "user"]:
        for a, v in [
            ("emulate_tpu", "1"),
            ("emulate_tpws", "1"),
            ("emulate_write_cache", "1"),
            ("queue_depth", "8"),
            ("block_size", "4096"),
            ("pi_prot_type", "1"),
            ("pi_prot_format", "1"),
            ("emulate_ua_intlck_ctrl", "1"),
            ("optimal_sectors", "8"),
            ("unmap_zeroes_data", "1"),
            ("alua_support", "0"),
            ("pgr_support", "0"),
            ("emulate_model_alias", "1"),
            ("emulate_fua_write", "0"),
            ("emulate_caw", "0"),
            ("emulate_pr", "0"),
        ]:
            if not os.path.isdir(p(f"core/{pl}_900")):
                os.mkdir(p(f"core/{pl}_900"))
            n += 1
            o = f"core/{pl}_900/o{n}"
            os.mkdir(p(o))
            if not os.path.exists(p(f"{o}/attrib/{a}")):
                continue
            child(f"write {v!r} > {pl} (not enabled)/attrib/{a}", lambda: _w(f"{o}/attrib/{a}", v))
        n += 1
        o = f"core/{pl}_900/o{n}"
        os.mkdir(p(o))
        for f, v in [
            ("alua_lu_gp", "default_lu_gp"),
            ("lba_map", "64 1\n0 63 0:0\n"),
            ("wwn/vpd_unit_serial", "abc"),
            ("wwn/vendor_id", "abc"),
            ("wwn/company_id", "0x1"),
            ("pr/res_aptpl_metadata", "initiator_fabric=iSCSI"),
            ("alua/default_tg_pt_gp/alua_access_state", "0"),
            ("alua/default_tg_pt_gp/preferred", "1"),
        ]:
            child(f"write {v!r} > {pl} (not enabled)/{f}", lambda: _w(f"{o}/{f}", v))
        child(f"mkdir {pl} (not enabled)/alua/g", lambda: os.mkdir(p(o + "/alua/g")))
        child(
            f"write 16 > {pl} (not enabled)/alua/g/tg_pt_gp_id",
            lambda: _w(o + "/alua/g/tg_pt_gp_id", "16"),
        )
        child(
            f"write 1 > {pl} (not enabled)/alua/g/alua_access_state",
            lambda: _w(o + "/alua/g/alua_access_state", "1"),
        )


if __name__ == "__main__":
    import traceback

    os.chdir("/")  # two rows give the kernel relative paths; OUT.md and OUT.json must be absolute
    want = (
        sys.argv[3:]
        or "generic top backstores attribs iscsi sessions loopback vhost others unpriv".split()
    )
    for f in [globals()[n] for n in want]:
        try:
            f()
        except Exception:
            traceback.print_exc(file=sys.stdout)
            print("SECTION FAILED", f)
    print("left over:", [x for x in os.listdir(T + "/core")], os.listdir(T))
    u = os.uname()
    out = open(sys.argv[1], "w")
    out.write(
        f"# LIO configfs behaviour: action -> result / errno\n\nLinux {u.release} ({u.version}), made by record_behaviour.py (raw mkdir/open/write/symlink as root unless said). Paths are relative to /sys/kernel/config/target. `ok: N` of a write is the number of bytes taken. The last column is what the kernel logged for that action.\n"
    )
    cur = None
    esc = lambda s: s.replace("|", "\\|").replace("\n", "\\n").replace("`", "'")
    sub = lambda s: s.replace(IQN, "$IQN")
    for s, d, res, note, log in ROWS:
        if s != cur:
            out.write(f"\n## {s}\n\n| action | result | note | kernel log |\n|---|---|---|---|\n")
            cur = s
        out.write(f"| `{esc(sub(d))}` | {esc(sub(res))} | {esc(note)} | {esc(sub(log))[:300]} |\n")
    out.close()
    json.dump(ROWS, open(sys.argv[2], "w"), indent=0)
    print(len(ROWS), "rows")
