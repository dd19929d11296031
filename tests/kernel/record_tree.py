# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Records the whole configfs target tree in stages. usage: record_tree.py OUT.txt OUT.json (as root, empty target tree, modules loaded)"""

import sys, json, os, time, socket
from rawfs import *
import subprocess

OUT = open(sys.argv[1], "w")
ALL = {}


def section(name, roots, note=""):
    if isinstance(roots, str):
        roots = [roots]
    OUT.write(f"\n{'#' * 100}\n## {name}\n")
    for l in note.splitlines():
        OUT.write(f"# {l}\n")
    OUT.write("\n")
    rows = []
    for r in roots:
        p = os.path.join(T, r) if r else T
        for d in walk(p):
            rows.append(d)
            OUT.write(fmt(d) + "\n")
    ALL[name] = rows
    OUT.flush()


def attempt(what, fn, *a):
    try:
        fn(*a)
        OUT.write(f"# {what}: ok\n")
        return True
    except OSError as e:
        OUT.write(f"# {what}: {en(e)} ({e.strerror})\n")
        return False


OUT.write(f"""# Complete configfs target tree, Linux {os.uname().release} ({os.uname().version}), x86_64, under QEMU TCG.
# Line format:
#   D <mode> <path>/                       directory
#   F <mode> <path> = <content as a Python string literal>      attribute file, read in one read(2) of 64 KiB as root
#   F <mode> <path> ! <call>: <ERRNO>      attribute file that could not be opened for reading / could not be read
#   L <mode> <path> -> <readlink text>     symbolic link
#   a trailing [open(O_WRONLY): X] is given only where the result of opening for write does not agree with the mode bits
# paths are relative to /sys/kernel/config. All are owned by 0:0. Attribute files: st_size 4096, st_blocks 0.
""")
section(
    "S0 root, modules loaded, nothing made",
    "",
    "lsmod at this time: " + " ".join(sorted(l.split()[0] for l in open("/proc/modules"))),
)
OUT.write("\n# which fabric names can be mkdir-ed under target/\n")
OK = []
for f in [
    "iscsi",
    "loopback",
    "vhost",
    "fc",
    "tcm_fc",
    "srpt",
    "qla2xxx",
    "qla2xxx_npiv",
    "sbp",
    "usb_gadget",
    "xen-pvscsi",
    "efct",
    "ibmvscsis",
    "iser",
    "cxgbit",
    "foo",
    "iscsi_x",
    "core",
]:
    if attempt(f"mkdir target/{f}", mk, f):
        OK.append(f)
for f in OK:
    section(f"S1 fabric {f}, just made", f)

# ---- HBAs and unconfigured storage objects
for hba in ["fileio_0", "iblock_1", "rd_mcp_2", "pscsi_3", "user_4"]:
    mk("core/" + hba)
    section(f"S2 hba only: {hba}", "core/" + hba)
for so in ["fileio_0/f0", "iblock_1/b0", "rd_mcp_2/r0", "pscsi_3/p0", "user_4/u0"]:
    attempt("mkdir core/" + so, mk, "core/" + so)
    section(f"S3 storage object {so}: made, not configured", "core/" + so)

# ---- configure
os.makedirs("/mnt/fio", exist_ok=True)
attempt(
    "fileio control", wr, "core/fileio_0/f0/control", "fd_dev_name=/mnt/fio/f0,fd_dev_size=16777216"
)
attempt("fileio udev_path", wr, "core/fileio_0/f0/udev_path", "/mnt/fio/f0")
attempt("iblock udev_path", wr, "core/iblock_1/b0/udev_path", "/dev/zram0")
attempt("iblock control", wr, "core/iblock_1/b0/control", "udev_path=/dev/zram0")
attempt("iblock control ro", wr, "core/iblock_1/b0/control", "readonly=0")
attempt("rd control", wr, "core/rd_mcp_2/r0/control", "rd_pages=256")
host = [
    h
    for h in os.listdir("/sys/class/scsi_host")
    if open(f"/sys/class/scsi_host/{h}/proc_name").read().strip() == "scsi_debug"
][0][4:]
blk = os.listdir(f"/sys/bus/scsi/devices/{host}:0:0:0/block")[0]
attempt(
    "pscsi control",
    wr,
    "core/pscsi_3/p0/control",
    f"scsi_host_id={host},scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0",
)
attempt("pscsi udev_path", wr, "core/pscsi_3/p0/udev_path", f"/dev/{blk}")
attempt("user control", wr, "core/user_4/u0/control", "dev_config=foo/bar,dev_size=16777216")
for so in ["fileio_0/f0", "iblock_1/b0", "rd_mcp_2/r0", "pscsi_3/p0", "user_4/u0"]:
    attempt(f"{so} enable", wr, f"core/{so}/enable", "1\n")
for so, ser in [
    ("fileio_0/f0", "11111111-0000-4000-8000-000000000000"),
    ("iblock_1/b0", "22222222-0000-4000-8000-000000000000"),
    ("rd_mcp_2/r0", "33333333-0000-4000-8000-000000000000"),
    ("pscsi_3/p0", "44444444-0000-4000-8000-000000000000"),
    ("user_4/u0", "55555555-0000-4000-8000-000000000000"),
]:
    attempt(f"{so} vpd_unit_serial", wr, f"core/{so}/wwn/vpd_unit_serial", ser + "\n")
for so in ["fileio_0/f0", "iblock_1/b0", "rd_mcp_2/r0", "pscsi_3/p0", "user_4/u0"]:
    section(f"S4 storage object {so}: configured (enabled), not exported", "core/" + so)
section(
    "S4 uio/tcmu view of the user device: /sys/class/uio",
    [],
    "\n".join(
        f"{d}: " + open(f"/sys/class/uio/{d}/name").read().strip()
        for d in os.listdir("/sys/class/uio")
    ),
)

# ---- alua
mk("core/alua/lu_gps/lg1")
attempt("lu_gp_id", wr, "core/alua/lu_gps/lg1/lu_gp_id", "7")
mk("core/fileio_0/f0/alua/ag1")
section("S5 alua group ag1, no id yet", "core/fileio_0/f0/alua/ag1")
attempt("tg_pt_gp_id", wr, "core/fileio_0/f0/alua/ag1/tg_pt_gp_id", "16")
attempt("alua_lu_gp", wr, "core/fileio_0/f0/alua_lu_gp", "lg1")

# ---- iscsi
I = "iscsi/iqn.2003-01.org.linux-iscsi.probehost.x8664:sn.tree"
mk(I)
section("S6 iscsi target, just made", I)
mk(I + "/tpgt_1")
section("S7 iscsi tpgt_1, just made", I + "/tpgt_1")
mk(I + "/tpgt_1/np/127.0.0.1:3260")
mk(I + "/tpgt_1/np/[::1]:3260")
mk(I + "/tpgt_1/lun/lun_0")
section("S8 iscsi lun_0, no storage linked", I + "/tpgt_1/lun/lun_0")
A = I + "/tpgt_1/acls/iqn.1994-05.com.redhat:init1"
mk(A)
section("S9 node ACL, just made", A)
mk(A + "/lun_0")
section("S10 mapped lun, not linked", A + "/lun_0")
ln("core/fileio_0/f0", I + "/tpgt_1/lun/lun_0/aaaaaaaaaa")
for i, so in enumerate(["iblock_1/b0", "rd_mcp_2/r0", "pscsi_3/p0", "user_4/u0"], 1):
    mk(I + f"/tpgt_1/lun/lun_{i}")
    attempt(f"link lun_{i} -> {so}", ln, "core/" + so, I + f"/tpgt_1/lun/lun_{i}/bbbbbbbbb{i}")
attempt("alua_tg_pt_gp ag1", wr, I + "/tpgt_1/lun/lun_0/alua_tg_pt_gp", "ag1")
for i in range(5):
    if i:
        mk(A + f"/lun_{i}")
    attempt(f"link mapped lun_{i}", ln, I + f"/tpgt_1/lun/lun_{i}", A + f"/lun_{i}/ccccccccc{i}")
attempt("chap user", wr, A + "/auth/userid", "user1")
attempt("chap pw", wr, A + "/auth/password", "secret123456")
attempt("mutual user", wr, A + "/auth/userid_mutual", "mut1")
attempt("mutual pw", wr, A + "/auth/password_mutual", "mutsecret1234")
attempt("tag", wr, A + "/tag", "grp1")
attempt("enable", wr, I + "/tpgt_1/enable", "1")
section(
    "S11 iscsi target complete (5 LUNs, 2 portals, 1 ACL, 5 mapped LUNs, CHAP, enabled), no session",
    I,
)

# ---- loopback
L = "loopback/naa.5001405aaaaaaaa1"
mk(L)
section("S12 loopback target, just made", L)
mk(L + "/tpgt_1")
section("S13 loopback tpgt_1, just made", L + "/tpgt_1")
attempt("nexus", wr, L + "/tpgt_1/nexus", "naa.5001405aaaaaaaa2")
mk(L + "/tpgt_1/lun/lun_0")
attempt("link", ln, "core/rd_mcp_2/r0", L + "/tpgt_1/lun/lun_0/dddddddddd")
time.sleep(1)
section(
    "S14 loopback target complete",
    L,
    "scsi devices: "
    + " ".join(sorted(os.listdir("/sys/bus/scsi/devices")))
    + "\nblock: "
    + " ".join(sorted(os.listdir("/sys/block"))),
)
# ---- vhost
V = "vhost/naa.5001405bbbbbbbb1"
mk(V)
mk(V + "/tpgt_1")
section("S15 vhost target + tpgt_1, just made", V)
attempt("nexus", wr, V + "/tpgt_1/nexus", "naa.5001405bbbbbbbb2")
mk(V + "/tpgt_1/lun/lun_0")
attempt("link", ln, "core/rd_mcp_2/r0", V + "/tpgt_1/lun/lun_0/eeeeeeeeee")
attempt("vhost mkdir acl", mk, V + "/tpgt_1/acls/naa.5001405bbbbbbbb3")
section("S16 vhost target complete", V)


# ---- others
def other(fab, wwn, acl):
    if fab not in OK:
        return
    if not attempt(f"mkdir {fab}/{wwn}", mk, f"{fab}/{wwn}"):
        return
    section(f"S17 {fab} target, just made", f"{fab}/{wwn}")
    if attempt(f"mkdir {fab} tpgt_1", mk, f"{fab}/{wwn}/tpgt_1"):
        section(f"S17 {fab} tpgt_1, just made", f"{fab}/{wwn}/tpgt_1")
        attempt("mkdir lun_0", mk, f"{fab}/{wwn}/tpgt_1/lun/lun_0")
        attempt("link", ln, "core/rd_mcp_2/r0", f"{fab}/{wwn}/tpgt_1/lun/lun_0/ffffffffff")
        attempt("mkdir acl", mk, f"{fab}/{wwn}/tpgt_1/acls/{acl}")
        attempt("mkdir acl lun", mk, f"{fab}/{wwn}/tpgt_1/acls/{acl}/lun_0")
        attempt(
            "link acl lun",
            ln,
            f"{fab}/{wwn}/tpgt_1/lun/lun_0",
            f"{fab}/{wwn}/tpgt_1/acls/{acl}/lun_0/gggggggggg",
        )
        attempt("enable", wr, f"{fab}/{wwn}/tpgt_1/enable", "1")
        section(f"S17 {fab} target complete", f"{fab}/{wwn}")


other("fc", "20:00:00:11:22:33:44:55", "20:00:00:11:22:33:44:66")
other("sbp", "0011223344556677", "0011223344556688")
other("srpt", "0xfe800000000000000002c90300a1b2c3", "0xfe800000000000000002c90300a1b2c4")
other("qla2xxx", "21:00:00:24:ff:31:4c:48", "21:00:00:24:ff:31:4c:49")
section("S18 core/ after everything (all storage objects enabled and exported)", "core")

# ---- with an iscsi session held open (libiscsi through ctypes)
import ctypes

try:
    li = ctypes.CDLL("libiscsi.so.7")
    li.iscsi_create_context.restype = ctypes.c_void_p

    def connect(initiator, target, lun, user=None, pw=None, tu=None, tp=None):
        c = ctypes.c_void_p(li.iscsi_create_context(initiator.encode()))
        li.iscsi_get_error.restype = ctypes.c_char_p
        li.iscsi_set_targetname(c, target.encode())
        li.iscsi_set_session_type(c, 2)
        li.iscsi_set_header_digest(c, 3)
        if user:
            li.iscsi_set_initiator_username_pwd(c, user.encode(), pw.encode())
        if tu:
            li.iscsi_set_target_username_pwd(c, tu.encode(), tp.encode())
        r = li.iscsi_full_connect_sync(c, b"127.0.0.1:3260", lun)
        return c, r, li.iscsi_get_error(c)

    c, r, err = connect("iqn.1994-05.com.redhat:init1", I.split("/")[1], 0, "user1", "secret123456")
    OUT.write(f"# libiscsi login as the ACL initiator: rc={r} {err}\n")
    section("S19 iscsi target with one live session on the ACL", I)
    # demo mode target: dynamic session
    D = "iscsi/iqn.2003-01.org.linux-iscsi.probehost.x8664:sn.demo"
    mk(D)
    mk(D + "/tpgt_1")
    mk(D + "/tpgt_1/np/127.0.0.1:3260")
    mk(D + "/tpgt_1/lun/lun_0")
    ln("core/rd_mcp_2/r0", D + "/tpgt_1/lun/lun_0/hhhhhhhhhh")
    for a, v in [
        ("generate_node_acls", "1"),
        ("cache_dynamic_acls", "1"),
        ("demo_mode_write_protect", "0"),
        ("authentication", "0"),
    ]:
        attempt(a, wr, D + "/tpgt_1/attrib/" + a, v)
    attempt("enable", wr, D + "/tpgt_1/enable", "1")
    c2, r, err = connect("iqn.1994-05.com.redhat:dyn", D.split("/")[1], 0)
    OUT.write(f"# libiscsi login in demo mode: rc={r} {err}\n")
    section("S20 demo-mode iscsi target with one dynamic session", D)
    print("dynamic acls", os.listdir(os.path.join(T, D, "tpgt_1/acls")))
    attempt("rmdir np with live session", rm, D + "/tpgt_1/np/127.0.0.1:3260")
    attempt(
        "mkdir ACL for the live dynamic initiator",
        mk,
        D + "/tpgt_1/acls/iqn.1994-05.com.redhat:dyn",
    )
    attempt("unlink lun of a live session", un, D + "/tpgt_1/lun/lun_0/hhhhhhhhhh")
    attempt("rmdir lun", rm, D + "/tpgt_1/lun/lun_0")
    attempt("disable with live session", wr, D + "/tpgt_1/enable", "0")
    for c in (c, c2):
        li.iscsi_disconnect(c)
except Exception as e:
    OUT.write(f"# session part failed: {e!r}\n")
    print("session part failed", repr(e))
OUT.close()
json.dump(ALL, open(sys.argv[2], "w"), indent=0)
