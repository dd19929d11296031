# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Scenarios of iSCSI and loopback: groups, portals, LUNs, ACLs, mapped LUNs."""

from __future__ import annotations

import errno

from rtslib.testing.conformance.bench import (
    ACL,
    DISK,
    HBA,
    IQN,
    LOOP,
    LUN,
    MAPPED,
    NEXUS,
    TPG,
    Bench,
    scenario,
)


@scenario
def fabrics_have_names(bench: Bench) -> None:
    """A name that is no fabric is EINVAL."""
    bench.refuses(errno.EINVAL, bench.fs.mkdir, "nosuch")


@scenario
def groups_have_tags(bench: Bench) -> None:
    """tpgt_ and sixteen bits."""
    bench.tpg()
    for name in ("foo", "tpgt_", "tpgt_x", "tpgt_-1", "tpgt_65536"):
        bench.refuses(errno.EINVAL, bench.fs.mkdir, f"{IQN}/{name}")
    bench.mkdir(f"{IQN}/tpgt_65535")
    bench.has(TPG, "lun", "np", "acls", "attrib", "param", "auth", "enable", "dynamic_sessions")


@scenario
def a_group_is_enabled_at_will(bench: Bench) -> None:
    """Without portals and LUNs, and as often as one likes."""
    bench.tpg()
    bench.takes(f"{TPG}/enable", ("1", "1", "0", "0", "1"))
    bench.refuses(errno.EINVAL, bench.fs.write, f"{TPG}/enable", "2")


@scenario
def portals_are_addresses(bench: Bench) -> None:
    """Everything that is none, or is taken, is EINVAL."""
    bench.tpg()
    for name in ("bad", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536", "[::1", "localhost:3260"):
        bench.refuses(errno.EINVAL, bench.fs.mkdir, f"{TPG}/np/{name}")
    bench.mkdir(f"{TPG}/np/127.0.0.1:43260")
    bench.refuses(errno.EEXIST, bench.fs.mkdir, f"{TPG}/np/127.0.0.1:43260")
    bench.refuses(errno.EINVAL, bench.fs.mkdir, f"{TPG}/np/0.0.0.0:43260")
    bench.mkdir(f"{IQN}/tpgt_2")
    bench.refuses(errno.EINVAL, bench.fs.mkdir, f"{IQN}/tpgt_2/np/127.0.0.1:43260")


@scenario
def attributes_of_a_group_have_ranges(bench: Bench) -> None:
    """Inside they read back, outside they are EINVAL."""
    bench.tpg()
    for name, low, high in (
        ("authentication", 0, 1),
        ("default_cmdsn_depth", 1, 512),
        ("default_erl", 0, 2),
        ("login_timeout", 5, 30),
    ):
        bench.takes(f"{TPG}/attrib/{name}", (str(low), str(high)))
        bench.refuses(errno.EINVAL, bench.fs.write, f"{TPG}/attrib/{name}", str(high + 1))


@scenario
def parameters_of_a_group_are_checked(bench: Bench) -> None:
    """Words, numbers and lists, each by its kind."""
    bench.tpg()
    for name, good, bad in (
        ("MaxConnections", "8", "0"),
        ("InitialR2T", "No", "no"),
        ("AuthMethod", "CHAP,None", "bogus"),
        ("HeaderDigest", "None", "MD5"),
        ("FirstBurstLength", "512", "511"),
    ):
        bench.takes(f"{TPG}/param/{name}", (good,))
        bench.refuses(errno.EINVAL, bench.fs.write, f"{TPG}/param/{name}", bad)


@scenario
def secrets_are_kept_as_written(bench: Bench) -> None:
    """With their newline; NULL at the beginning means unset."""
    bench.tpg()
    auth = f"{TPG}/auth"
    bench.takes(f"{auth}/userid_mutual", ("user",))
    bench.takes(f"{auth}/password_mutual", ("secret\n",))
    bench.reads(f"{auth}/authenticate_target", "1\n")
    bench.takes(f"{auth}/password_mutual", ("NULLsecret",))
    bench.reads(f"{auth}/authenticate_target", "0\n")
    bench.refuses(errno.EACCES, bench.fs.write, f"{auth}/authenticate_target", "1")


@scenario
def secrets_have_lengths(bench: Bench) -> None:
    """255 bytes; what is longer a TPG cuts and an ACL refuses."""
    bench.tpg()
    bench.mkdir(ACL)
    bench.takes(f"{TPG}/auth/userid", ("x" * 256,), "x" * 255 + "\n")
    bench.takes(f"{ACL}/auth/userid", ("x" * 255,))
    bench.refuses(errno.EINVAL, bench.fs.write, f"{ACL}/auth/userid", "x" * 256)


@scenario
def luns_have_numbers(bench: Bench) -> None:
    """lun_ and a number of up to 64 bits."""
    bench.tpg()
    for name in ("foo", "lun", "lun_", "lun_x", "lun_-1"):
        bench.refuses(errno.EINVAL, bench.fs.mkdir, f"{TPG}/lun/{name}")
    bench.refuses(errno.ERANGE, bench.fs.mkdir, f"{TPG}/lun/lun_{1 << 64}")
    bench.mkdir(f"{TPG}/lun/lun_65536")


@scenario
def a_lun_takes_one_disk(bench: Bench) -> None:
    """An enabled one, and nothing else."""
    bench.tpg()
    bench.mkdir(LUN)
    bench.disk(enable=False)
    bench.refuses(errno.ENODEV, bench.fs.symlink, DISK, f"{LUN}/x")
    bench.fs.write(f"{DISK}/enable", "1")
    for target in (HBA, "core", f"{DISK}/attrib", LUN):
        bench.refuses(errno.EFAULT, bench.fs.symlink, target, f"{LUN}/x")
    bench.refuses(errno.ENOTDIR, bench.fs.symlink, f"{DISK}/enable", f"{LUN}/x")
    bench.refuses(errno.ENOENT, bench.fs.symlink, f"{HBA}/none", f"{LUN}/x")
    bench.refuses(errno.EPERM, bench.fs.symlink, DISK, f"{TPG}/x")
    bench.symlink(DISK, f"{LUN}/x")
    bench.refuses(errno.EEXIST, bench.fs.symlink, DISK, f"{LUN}/x")
    bench.refuses(errno.EEXIST, bench.fs.symlink, DISK, f"{LUN}/y")


@scenario
def a_lun_without_a_disk_reads_enodev(bench: Bench) -> None:
    """Its attributes are there, their values are not."""
    bench.tpg()
    bench.mkdir(LUN)
    for name in ("alua_tg_pt_gp", "alua_tg_pt_offline", "statistics/scsi_port/dev"):
        bench.refuses(errno.ENODEV, bench.fs.read, f"{LUN}/{name}")


@scenario
def acls_have_ranges(bench: Bench) -> None:
    """cmdsn_depth, timeouts, and authentication with its -1."""
    bench.tpg()
    bench.mkdir(ACL)
    bench.takes(f"{ACL}/cmdsn_depth", ("0",), "1\n")
    bench.takes(f"{ACL}/cmdsn_depth", ("512",))
    bench.refuses(errno.EINVAL, bench.fs.write, f"{ACL}/cmdsn_depth", "513")
    bench.takes(f"{ACL}/attrib/authentication", ("0", "1", "-1"))
    bench.refuses(errno.EINVAL, bench.fs.write, f"{ACL}/attrib/authentication", "2")
    bench.takes(f"{ACL}/attrib/nopin_timeout", ("0", "3", "60"))
    bench.refuses(errno.EINVAL, bench.fs.write, f"{ACL}/attrib/nopin_timeout", "2")


@scenario
def acl_tags_have_no_newline(bench: Bench) -> None:
    """They read back as written, NULL clears them."""
    bench.tpg()
    bench.mkdir(ACL)
    for value, shown in (("group", "group"), ("x" * 63, "x" * 63), ("NULL", "")):
        bench.takes(f"{ACL}/tag", (value,), shown)
    bench.refuses(errno.EINVAL, bench.fs.write, f"{ACL}/tag", "x" * 64)


@scenario
def an_acl_without_a_session_says_so(bench: Bench) -> None:
    """In its info and in each of its parameters."""
    bench.tpg()
    bench.mkdir(ACL)
    name = ACL.rpartition("/")[2]
    bench.reads(f"{ACL}/info", f"No active iSCSI Session for Initiator Endpoint: {name}\n")
    bench.reads(f"{ACL}/param/MaxConnections", "No Active iSCSI Session\n")


@scenario
def a_mapped_lun_is_a_lun_of_its_group(bench: Bench) -> None:
    """With a disk, of this TPG, and one only."""
    bench.exported()
    bench.mkdir(ACL)
    bench.mkdir(MAPPED)
    bench.mkdir(f"{TPG}/lun/lun_1")
    bench.refuses(errno.EINVAL, bench.fs.symlink, f"{TPG}/lun/lun_1", f"{MAPPED}/x")
    for target in (DISK, TPG, ACL):
        bench.refuses(errno.EFAULT, bench.fs.symlink, target, f"{MAPPED}/x")
    other = bench.mkdir(f"{IQN}/tpgt_2")
    bench.mkdir(f"{other}/lun/lun_0")
    bench.symlink(DISK, f"{other}/lun/lun_0/x")
    bench.refuses(errno.EINVAL, bench.fs.symlink, f"{other}/lun/lun_0", f"{MAPPED}/x")
    bench.symlink(LUN, f"{MAPPED}/x")
    bench.refuses(errno.EINVAL, bench.fs.symlink, LUN, f"{MAPPED}/y")


@scenario
def write_protect_is_there_while_mapped(bench: Bench) -> None:
    """Empty before, and again when the TPG's LUN has lost its disk."""
    bench.exported()
    bench.mkdir(ACL)
    bench.mkdir(MAPPED)
    bench.reads(f"{MAPPED}/write_protect", "")
    bench.symlink(LUN, f"{MAPPED}/lun")
    bench.reads(f"{MAPPED}/write_protect", "0\n")
    bench.takes(f"{MAPPED}/write_protect", ("1", "0"))
    bench.refuses(errno.EINVAL, bench.fs.write, f"{MAPPED}/write_protect", "2")
    bench.fs.unlink(f"{LUN}/storage")
    bench.reads(f"{MAPPED}/write_protect", "")


@scenario
def write_protect_begins_as_the_group_says(bench: Bench) -> None:
    """prod_mode_write_protect is the value of new mappings."""
    bench.exported()
    bench.fs.write(f"{TPG}/attrib/prod_mode_write_protect", "1")
    bench.mkdir(ACL)
    bench.mkdir(MAPPED)
    bench.symlink(LUN, f"{MAPPED}/lun")
    bench.reads(f"{MAPPED}/write_protect", "1\n")


# loopback


@scenario
def a_nexus_is_written_once(bench: Bench) -> None:
    """With the target's protocol; NULL drops it."""
    bench.ensure("loopback")
    bench.refuses(errno.EINVAL, bench.fs.mkdir, "loopback/bad")
    bench.mkdir(LOOP)
    tpg = bench.mkdir(f"{LOOP}/tpgt_1")
    nexus = f"{tpg}/nexus"
    bench.refuses(errno.ENODEV, bench.fs.read, nexus)
    for value in ("bad", "iqn.x:y"):
        bench.refuses(errno.EINVAL, bench.fs.write, nexus, value)
    bench.takes(nexus, (NEXUS,))
    bench.refuses(errno.EEXIST, bench.fs.write, nexus, NEXUS)
    bench.fs.write(nexus, "NULL")
    bench.refuses(errno.ENODEV, bench.fs.read, nexus)


@scenario
def loopback_has_no_portals(bench: Bench) -> None:
    """ENOSYS; and tags end at 31."""
    bench.ensure("loopback")
    bench.mkdir(LOOP)
    bench.mkdir(f"{LOOP}/tpgt_31")
    bench.refuses(errno.ENOSYS, bench.fs.mkdir, f"{LOOP}/tpgt_31/np/127.0.0.1:3260")
    bench.refuses(errno.EINVAL, bench.fs.mkdir, f"{LOOP}/tpgt_32")
