# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Advice: for each refusal that is known, the sentence that a person can act on."""

from __future__ import annotations

import errno
import os
import stat
import sys
from typing import TYPE_CHECKING, Any, Callable

import pytest

from rtslib import door, hint_facts, hint_rules, hint_storage
from rtslib.attributes import FREE, STORAGE_ATTRIB
from rtslib.configfs import TARGET_ROOT, HostConfigFS
from rtslib.errors import KernelError
from rtslib.hint_rules import RULES, Rule
from rtslib.hints import hint
from rtslib.testing import BlockDevice, FakeHost, FakeKernel, Journal

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

IQN = "iscsi/iqn.2003-01.org.x:a"
OTHER = "iscsi/iqn.2003-01.org.x:b"
TPG = f"{IQN}/tpgt_1"
LUN = f"{TPG}/lun/lun_0"
ACL = f"{TPG}/acls/iqn.1994-05.com.redhat:i"
LOOP = "loopback/naa.5001405000000001"


def said(call: Callable[..., object], *arguments: Any, secret: bool = False) -> str:
    """Return the advice in the error of a call through the door."""
    keywords = {"secret": True} if secret else {}
    with pytest.raises(KernelError) as caught:
        call(*arguments, **keywords)
    return caught.value.hint or ""


def advice(fs: Any, operation: str, path: str, name: str, value: str | None = None) -> str:
    """Return the advice for a made-up refusal."""
    number = getattr(errno, name)
    return hint(fs, operation, path, OSError(number, os.strerror(number)), value) or ""


def make(fs: FakeKernel, *paths: str) -> None:
    for path in paths:
        fs.mkdir(path)


def ramdisk(fs: FakeKernel, name: str = "a") -> str:
    path = f"core/rd_mcp_0/{name}"
    make(fs, *([] if "rd_mcp_0" in hint_facts.directories(fs, "core") else ["core/rd_mcp_0"]), path)
    fs.write(f"{path}/control", "rd_pages=16")
    fs.write(f"{path}/enable", "1")
    return path


def storage_object(fs: FakeKernel, hba: str, control: str = "") -> str:
    path = f"core/{hba}/o"
    make(fs, f"core/{hba}", path)
    if control:
        fs.write(f"{path}/control", control)
    return path


@pytest.fixture
def machine() -> FakeHost:
    return FakeHost()


@pytest.fixture
def fake(machine: FakeHost) -> FakeKernel:
    return FakeKernel(host=machine)


@pytest.fixture
def exported(fake: FakeKernel) -> FakeKernel:
    """An iSCSI target with a LUN that exports the ramdisk a, and an empty ACL."""
    ramdisk(fake)
    make(fake, "iscsi", IQN, TPG, LUN, ACL)
    fake.symlink("core/rd_mcp_0/a", f"{LUN}/x")
    return fake


class Broken(FakeKernel):
    """A tree in which nothing can be looked up."""

    def listdir(self, path: str) -> Any:
        raise OSError(errno.EIO, "broken")

    def read(self, path: str) -> Any:
        raise OSError(errno.EIO, "broken")

    kind = mode = readlink = listdir


class WriteOnly(FakeKernel):
    """A tree of files that nobody may read, as pi_prot_format was in some kernels."""

    def mode(self, path: str) -> int:
        return 0o200


class Ungrouped(FakeKernel):
    """A tree in which ALUA groups list no members, as those of devices passed through."""

    def read(self, path: str) -> str:
        return "" if path.endswith("/members") else super().read(path)


# The table


def test_every_rule_can_be_asked_and_never_raises(fake: FakeKernel) -> None:
    for fs in (fake, Broken()):
        for rule in RULES:
            path = "core" if rule.path == "..." else rule.path.replace("/...", "")
            path = path.replace("HBA", "iblock_0").replace("FABRIC", "iscsi")
            for operation in ("write mkdir" if rule.operations == "*" else rule.operations).split():
                for name in ("EIO" if rule.errnos == "*" else rule.errnos).split():
                    assert isinstance(advice(fs, operation, path, name), str)


def test_errors_of_no_rule_and_without_an_errno_have_no_advice(fake: FakeKernel) -> None:
    assert hint(fake, "read", "core/x", OSError(errno.EIO, "")) is None
    assert hint(fake, "read", "core/x", OSError("no number")) is None


def test_what_is_expected_costs_no_look() -> None:
    """EEXIST on mkdir is how a free number is found."""
    journal = Journal(FakeKernel())
    assert advice(journal, "mkdir", LUN, "EEXIST") == ""
    assert not journal.operations


@pytest.mark.parametrize(
    ("pattern", "path", "parts"),
    [
        ("...", "", {}),
        ("...", "core/a", {}),
        ("core/HBA/...", "core/iblock_0/a/b", {"HBA": "iblock_0"}),
        ("FABRIC/TARGET", "iscsi/iqn.x", {"FABRIC": "iscsi", "TARGET": "iqn.x"}),
        ("FABRIC/TARGET", "core/iblock_0", None),
        ("FABRIC/TARGET", "iscsi", None),
        ("FABRIC/TARGET", "iscsi/iqn.x/tpgt_1", None),
        ("core/HBA/...", "iscsi/iblock_0", None),
        ("core/HBA/...", "core", None),
    ],
)
def test_a_path_fits_a_rule_by_components(
    pattern: str, path: str, parts: dict[str, str] | None
) -> None:
    assert Rule("*", "*", pattern, "").parts(path) == parts


def test_what_is_frozen_is_what_the_table_of_settings_says() -> None:
    wwn = {"company_id", "pd_text_id_info", "product_id", "revision", "vendor_id"}
    others = wwn | {"vpd_unit_serial", "res_aptpl_metadata"}
    free = {name for name, setting in STORAGE_ATTRIB.items() if setting.when == FREE}
    assert free | others == hint_storage.FROZEN


def test_long_lists_are_cut() -> None:
    assert hint_facts.some("abc") == "a, b, c"
    assert hint_facts.some("abcdefg") == "a, b, c, d, e and 2 more"


# The tree, and who may


def test_no_tree_elsewhere(tmp_path: Path) -> None:
    fs = HostConfigFS(str(tmp_path / "none"))
    assert said(door.mkdir, fs, "iscsi") == f"there is no target tree at {tmp_path}/none"


def test_configfs_is_not_mounted_or_the_core_not_loaded(fs: FakeFilesystem) -> None:
    tree = HostConfigFS()
    fs.create_file("/proc/self/mounts", contents="proc /proc proc rw 0 0\n")
    assert "mount -t configfs configfs /sys/kernel/config" in said(door.listdir, tree, "core")
    with open("/proc/self/mounts", "a", encoding="ascii") as mounts:
        mounts.write("configfs /sys/kernel/config configfs rw 0 0\n")
    assert said(door.listdir, tree, "core").endswith("not loaded: modprobe target_core_mod")


def test_read_only_mount(fake: FakeKernel) -> None:
    assert "read-only here, as in most containers" in advice(fake, "mkdir", "iscsi", "EROFS")


def test_who_is_not_root(
    exported: FakeKernel, fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported.privileged = False
    assert said(door.mkdir, exported, OTHER) == "this needs root"
    assert "CAP_SYS_ADMIN" in said(door.read, exported, f"{ACL}/auth/password")
    assert "CAP_SYS_ADMIN" in said(door.read, exported, f"{TPG}/auth/password")
    assert "CAP_SYS_ADMIN" in said(door.read, exported, "iscsi/discovery_auth/password")
    fs.create_dir(TARGET_ROOT)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert advice(HostConfigFS(), "mkdir", "iscsi", "EACCES") == "this needs root"
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "SELinux" in advice(HostConfigFS(), "mkdir", "iscsi", "EACCES")


def test_files_for_one_direction_only(fake: FakeKernel) -> None:
    path = ramdisk(fake)
    assert "for reading only" in said(door.write, fake, f"{path}/attrib/hw_queue_depth", "1")
    make(fake, "iscsi", IQN, TPG)
    assert "for writing only" in advice(WriteOnly(), "read", "core", "EACCES")


# mkdir


def test_mkdir_below_nothing(fake: FakeKernel) -> None:
    assert said(door.mkdir, fake, "core/rd_mcp_7/x") == "there is no core/rd_mcp_7"
    assert said(door.mkdir, fake, f"{TPG}/lun/lun_0") == "there is no iscsi"


def test_mkdir_where_none_may_be(exported: FakeKernel) -> None:
    assert "lets nobody make directories" in said(door.mkdir, exported, f"{LUN}/foo")


def test_unknown_fabrics(fake: FakeKernel) -> None:
    assert "the fabrics are efct, ibmvscsis, iscsi" in said(door.mkdir, fake, "foo")
    assert said(door.mkdir, fake, "tcm_fc") == "the directory of the fabric tcm_fc is called fc"


def test_fabric_modules(fs: FakeFilesystem) -> None:
    fs.add_real_directory(os.path.join(os.path.dirname(__file__), "../specs"))
    said_so = said(door.mkdir, FakeKernel(modules=()), "vhost")
    assert said_so == "its kernel module vhost_scsi is not loaded: modprobe vhost_scsi"
    fs.create_dir(TARGET_ROOT)
    fs.create_file("/proc/modules", contents="xen_scsiback 1 0 - Live 0x0\n")
    there = advice(HostConfigFS(), "mkdir", "xen-pvscsi", "EINVAL")
    assert there.startswith("its kernel module xen-scsiback is loaded, but made no fabric; this")


def test_names_of_iscsi_targets(fake: FakeKernel) -> None:
    fake.mkdir("iscsi")
    name = "iqn.2003-01.org.x:" + "a" * 210
    assert "at most 223 bytes, this one has 228" in said(door.mkdir, fake, f"iscsi/{name}")
    assert advice(fake, "mkdir", IQN, "EINVAL") == "iscsi names are of type iqn or naa or eui"


def test_names_of_a_fabric_without_spec(fake: FakeKernel) -> None:
    assert advice(fake, "mkdir", "foo/x", "EINVAL") == ""
    assert advice(fake, "mkdir", "foo/x/y", "EINVAL") == "a TPG is called tpgt_N, N from 0 to 65535"


def test_bad_names(fake: FakeKernel) -> None:
    make(fake, "loopback", "fc", "fc/20:00:00:11:22:33:44:55")
    tpg = "fc/20:00:00:11:22:33:44:55/tpgt_1"
    fake.mkdir(tpg)
    assert "'naa.' and 16 or 32 hexadecimal" in said(door.mkdir, fake, "loopback/bad")
    assert "'naa.' and 16 or 32 hexadecimal" in said(door.mkdir, fake, f"{tpg}/acls/bad")


def test_ports_of_this_machine(fs: FakeFilesystem, fake: FakeKernel) -> None:
    fs.add_real_directory(os.path.join(os.path.dirname(__file__), "../specs"))
    path = "qla2xxx/21:00:00:24:ff:31:4c:48"
    none = advice(fake, "mkdir", path, "EINVAL")
    assert none.startswith("targets are named after this machine's ports: it has none; the adapter")
    device = "/sys/devices/pci0000:00/0000:05:00.0"
    fs.create_file(f"{device}/host7/fc_host/host7/port_name", contents="0x21000024ff314c49\n")
    fs.create_dir("/sys/bus/pci/drivers/qla2xxx")
    fs.create_symlink(f"{device}/driver", "/sys/bus/pci/drivers/qla2xxx")
    fs.create_symlink("/sys/class/fc_host/host7", f"{device}/host7/fc_host/host7")
    assert "these are 21:00:00:24:ff:31:4c:49; the adapter" in advice(fake, "mkdir", path, "ENODEV")
    there = advice(fake, "mkdir", "qla2xxx/21:00:00:24:ff:31:4c:49", "ENODEV")
    assert there.startswith("this machine has that port, but it takes no target; the adapter must")


def test_commands_of_a_spec_are_not_run(
    tmp_path: Path, fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    (tmp_path / "mine.spec").write_text(
        f'wwn_type = naa\nwwn_from_cmds = "touch {ran}"\nhint = "switch it on"\n'
    )
    monkeypatch.setenv("RTSLIB_SPECS", str(tmp_path))
    assert advice(fake, "mkdir", "mine/naa.5001405000000001", "EINVAL") == "switch it on"
    assert not ran.exists()


def test_tags(fake: FakeKernel) -> None:
    make(fake, "iscsi", IQN, "loopback", LOOP)
    assert "tpgt_N, N from 0 to 65535" in said(door.mkdir, fake, f"{IQN}/tpgt_x")
    assert said(door.mkdir, fake, f"{LOOP}/tpgt_32").startswith("call it tpgt_1: a loopback")


def test_numbers_of_luns(exported: FakeKernel) -> None:
    for path in (f"{TPG}/lun/lun_x", f"{ACL}/lun_x"):
        assert said(door.mkdir, exported, path) == "a LUN is called lun_N, N a number below 2**64"


def test_hbas(fake: FakeKernel) -> None:
    for name in ("ramdisk_0", "fileio_x", "fileio"):
        assert "PLUGIN_NUMBER" in said(door.mkdir, fake, f"core/{name}")
    assert "at most 63 bytes" in said(door.mkdir, fake, "core/fileio_" + "1" * 60)
    assert "modprobe target_core_pscsi" in advice(fake, "mkdir", "core/pscsi_0", "EINVAL")


# Portals


@pytest.fixture
def listening(fake: FakeKernel) -> FakeKernel:
    make(fake, "iscsi", IQN, TPG, f"{IQN}/tpgt_2", OTHER, f"{OTHER}/tpgt_1")
    make(fake, f"{TPG}/np/127.0.0.1:3260", f"{TPG}/np/[0::1]:3261")
    return fake


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"{TPG}/np/localhost:3260", "'localhost' is not an IP address"),
        (f"{TPG}/np/127.0.0.1:65536", "'65536' is not a TCP port"),
        (f"{TPG}/np/127.0.0.1", "a portal is called ADDRESS:PORT, with IPv6 addresses in brackets"),
        (f"{TPG}/np/[fe80::1%nope0]:3260", "there is no interface nope0 here, only "),
        (f"{TPG}/np/[::1]:3261", "it exists already, as [0::1]:3261"),
        (f"{IQN}/tpgt_2/np/127.0.0.1:3260", "tpgt_1 of this target has it already"),
        (f"{IQN}/tpgt_2/np/0.0.0.0:3260", "overlaps with the portal 127.0.0.1:3260 of iqn.2003-01"),
        (f"{OTHER}/tpgt_1/np/0.0.0.0:3260", "overlaps with the portal 127.0.0.1:3260"),
        (f"{TPG}/np/0.0.0.0:3261", "overlaps with the portal [::1]:3261"),
    ],
)
def test_portals_in_the_way(listening: FakeKernel, path: str, expected: str) -> None:
    assert expected in said(door.mkdir, listening, path)


def test_a_scope_that_is_there_is_not_the_reason(listening: FakeKernel) -> None:
    for scope in ("lo", "1"):
        answer = advice(listening, "mkdir", f"{TPG}/np/[fe80::1%{scope}]:3260", "EINVAL")
        assert "interface" not in answer


def test_portals_for_no_reason_that_can_be_seen(listening: FakeKernel, machine: FakeHost) -> None:
    machine.listeners.update({("127.0.0.1", 3299), ("198.51.100.7", 3299)})
    assert "kernel_bind() failed: -98" in said(door.mkdir, listening, f"{TPG}/np/127.0.0.1:3299")
    foreign = said(door.mkdir, listening, f"{TPG}/np/198.51.100.7:3299")
    assert foreign.startswith("198.51.100.7 is no address of this machine")


def test_portals_elsewhere(fake: FakeKernel) -> None:
    make(fake, "loopback", LOOP, f"{LOOP}/tpgt_1")
    assert "only iSCSI has" in said(door.mkdir, fake, f"{LOOP}/tpgt_1/np/1")


TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: {v4}:0CBC 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41 1 x
   1: {v4}:0CBD 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 42 1 x
   2: {v4}:0CBE {v4}:C001 01 00000000:00000000 00:00000000 00000000     0        0 43 1 x
"""
TCP6 = """\
  sl  local_address                         remote_address
   0: {v6}:0CBF {any}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 44 1 x
"""


@pytest.fixture
def host_tree(fs: FakeFilesystem) -> HostConfigFS:
    """The machine's own tree with one portal, and who listens: LIO, tgtd and one unseen."""
    little = sys.byteorder == "little"
    v4 = "0100007F" if little else "7F000001"
    v6 = "0" * 24 + ("01000000" if little else "00000001")
    fs.create_dir(f"{TARGET_ROOT}/{TPG}/np/127.0.0.1:3260")
    fs.create_dir(f"{TARGET_ROOT}/iscsi/discovery_auth")
    fs.create_dir(f"{TARGET_ROOT}/{IQN}/param")
    fs.create_file("/proc/net/tcp", contents=TCP.format(v4=v4))
    fs.create_file("/proc/net/tcp6", contents=TCP6.format(v6=v6, any="0" * 32))
    fs.create_file("/proc/net/if_inet6")
    fs.create_file("/proc/77/comm", contents="tgtd\n")
    fs.create_dir("/proc/77/fd")
    fs.create_symlink("/proc/77/fd/3", "socket:[41]")
    fs.create_file("/proc/77/fd/4", contents="no link")
    fs.create_symlink("/proc/77/fd/6", "socket:[42]")
    return HostConfigFS()


@pytest.mark.parametrize(
    ("portal", "expected"),
    [
        ("0.0.0.0:3261", "tgtd (pid 77) listens on 127.0.0.1:3261: stop it, or use another port"),
        ("[::1]:3263", "another program listens on [::1]:3263: stop it, or use another port"),
    ],
)
def test_who_listens(host_tree: HostConfigFS, portal: str, expected: str) -> None:
    assert advice(host_tree, "mkdir", f"{TPG}/np/{portal}", "EINVAL") == expected


def test_connections_and_our_own_portals_are_no_listeners(host_tree: HostConfigFS) -> None:
    for portal in ("127.0.0.1:3262", "127.0.0.1:3270"):
        assert "dmesg" in advice(host_tree, "mkdir", f"{TPG}/np/{portal}", "EINVAL")
    other = advice(host_tree, "mkdir", f"{OTHER}/tpgt_1/np/127.0.0.1:3260", "EINVAL")
    assert "listens" not in other


def test_no_ipv6(host_tree: HostConfigFS) -> None:
    os.remove("/proc/net/if_inet6")
    answer = advice(host_tree, "mkdir", f"{TPG}/np/[::1]:3270", "EINVAL")
    assert answer == "this kernel has IPv6 switched off"


def test_what_cannot_be_found_out_is_left_out(host_tree: HostConfigFS) -> None:
    os.remove("/proc/net/tcp")
    answer = advice(host_tree, "mkdir", f"{TPG}/np/127.0.0.1:3261", "EINVAL")
    assert answer == "is the port in use? kernel_bind() failed: -98 in dmesg says so"


def test_advice_that_breaks_never_hides_the_refusal(
    host_tree: HostConfigFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A None there makes the import an ImportError, as where it is not installed.
    monkeypatch.setitem(sys.modules, "netifaces", None)
    path = f"{TPG}/np/192.0.2.9:3261"
    refusal = door.refusal(host_tree, OSError(errno.EINVAL, "x"), "mkdir", path)
    assert (refusal.errno, refusal.path) == (errno.EINVAL, f"{TARGET_ROOT}/{path}")
    assert refusal.hint == "is the port in use? kernel_bind() failed: -98 in dmesg says so"


@pytest.mark.parametrize("kind", [ImportError, ValueError, LookupError, TypeError, OSError])
def test_whatever_a_rule_raises_the_next_is_asked(
    fake: FakeKernel, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    def breaks(_refusal: hint_facts.Refusal) -> str:
        raise kind("advice broke")

    rules = (Rule("mkdir", "EINVAL", "...", breaks), Rule("mkdir", "EINVAL", "...", "do this"))
    monkeypatch.setattr(hint_rules, "candidates", lambda _operation, _number: rules)
    assert advice(fake, "mkdir", "iscsi", "EINVAL") == "do this"


# Enabling a storage object


def enabling(fs: FakeKernel, hba: str, control: str = "", value: str = "1") -> str:
    path = storage_object(fs, hba, control)
    return said(door.write, fs, f"{path}/enable", value)


@pytest.mark.parametrize(
    ("hba", "control", "expected"),
    [
        ("fileio_0", "", "write fd_dev_name=FILE to control first"),
        ("fileio_0", "fd_dev_name=/etc/target/new", "write fd_dev_size=BYTES to control first"),
        ("fileio_0", "fd_dev_name=/no/dir/x", "the directory /no/dir does not exist: is its"),
        ("fileio_0", "fd_dev_name=/etc", "/etc is a directory: fileio needs a file"),
        ("iblock_0", "", "write udev_path=DEVICE to control first"),
        ("iblock_0", "udev_path=/dev/nope", "/dev/nope does not exist"),
        ("iblock_0", "udev_path=/etc/passwd", "/etc/passwd is not a block device"),
        ("iblock_0", "udev_path=/dev/sr0", "/dev/sr0 is read-only: make the storage object with"),
        ("rd_mcp_0", "", "write rd_pages=NUMBER, at least 1, to control first"),
        ("rd_mcp_0", "rd_pages=4000000", "takes all its memory at once: 15625 MiB are more than"),
        ("pscsi_0", "", "write the device's path to udev_path first"),
    ],
)
def test_enable(fake: FakeKernel, hba: str, control: str, expected: str) -> None:
    assert expected in enabling(fake, hba, control)


def test_enable_is_done_once(fake: FakeKernel) -> None:
    path = ramdisk(fake)
    assert "is enabled already" in said(door.write, fake, f"{path}/enable", "1")
    assert "cannot be disabled, only removed" in said(door.write, fake, f"{path}/enable", "0")


def test_enable_what_others_hold(fake: FakeKernel, machine: FakeHost) -> None:
    first = storage_object(fake, "iblock_0", "udev_path=/dev/vdb")
    fake.write(f"{first}/enable", "1")
    ramdisk(fake)
    twin = enabling(fake, "iblock_1", "udev_path=/dev/./vdb")
    assert twin == f"the storage object {first} has /dev/./vdb open: export that one again"
    machine.devices["/dev/vdx"] = BlockDevice(claimed=True)
    unseen = enabling(fake, "iblock_2", "udev_path=/dev/vdx")
    assert unseen.startswith("another program has /dev/vdx open exclusively: see lsblk")


def test_enable_what_is_mounted(fake: FakeKernel, fs: FakeFilesystem, device: str) -> None:
    storage_object(fake, "iblock_0", f"udev_path={device}")
    mounts = "36 1 8:16 / /data rw - ext4 /dev/sdb rw\n"
    fs.create_file("/proc/self/mountinfo", contents=mounts)
    answer = advice(fake, "write", "core/iblock_0/o/enable", "EBUSY")
    assert answer == f"{device} is in use: sdb is mounted at /data"
    os.truncate("/proc/self/mountinfo", 0)
    assert "open exclusively" in advice(fake, "write", "core/iblock_0/o/enable", "EBUSY")


@pytest.fixture
def device(fs: FakeFilesystem) -> str:
    """A disk with its /sys."""
    fs.create_file("/sys/devices/virtual/block/sdb/dev", contents="8:16\n")
    fs.create_symlink("/sys/dev/block/8:16", "/sys/devices/virtual/block/sdb")
    fs.create_file("/dev/sdb", st_mode=stat.S_IFBLK | 0o660)
    fs.get_object("/dev/sdb").stat_result.st_rdev = os.makedev(8, 16)  # type: ignore[attr-defined]
    return "/dev/sdb"


def test_enable_pscsi(fake: FakeKernel) -> None:
    path = storage_object(
        fake,
        "pscsi_0",
        "scsi_host_id=9,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0",
    )
    fake.write(f"{path}/udev_path", "/dev/sdz")
    assert "must be those of /dev/sdz: see lsscsi" in said(door.write, fake, f"{path}/enable", "1")
    fake.write(f"{path}/control", "scsi_host_id=2,scsi_target_id=7")
    assert "there is no SCSI device at" in said(door.write, fake, f"{path}/enable", "1")


@pytest.mark.parametrize(
    ("hba", "name", "expected"),
    [
        ("user_0", "ETIME", "the handler 'foo' in user space did not take it: is tcmu-runner"),
        ("fileio_0", "EROFS", "configfs is mounted read-only"),
        ("rd_mcp_0", "EACCES", "this needs root"),
        ("rd_mcp_0", "EBUSY", "open exclusively: see lsblk and fuser -v"),
        ("fileio_0", "ENODEV", ""),
        ("fileio_0", "ENOMEM", ""),
        ("fileio_0", "ENOENT", ""),
        ("rd_mcp_0", "ENOENT", "this kernel has no such setting here"),
        ("iblock_0", "EINVAL", ""),
    ],
)
def test_enable_made_up(
    fake: FakeKernel, tmp_path: Path, hba: str, name: str, expected: str
) -> None:
    keys = {"user_0": "dev_config=foo/bar,dev_size=512", "iblock_0": f"udev_path={tmp_path}"}
    file = tmp_path / "file"
    file.touch()
    path = storage_object(fake, hba, keys.get(hba, f"fd_dev_name={file}"))
    assert expected in advice(fake, "write", f"{path}/enable", name, "1")


def test_devices_that_cannot_be_written_to(fs: FakeFilesystem) -> None:
    tree = HostConfigFS()
    for hba, info in (("fileio_0", "File: /srv/x  Size: 1"), ("rd_mcp_0", "")):
        fs.create_file(f"{TARGET_ROOT}/core/{hba}/o/info", contents=info)
        fs.create_file(f"{TARGET_ROOT}/core/{hba}/o/enable", contents="0", st_mode=0o100644)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "geteuid", lambda: 0)
        file = advice(tree, "write", "core/fileio_0/o/enable", "EACCES", "1")
        assert file == "/srv/x cannot be written to: is its filesystem mounted read-only?"
        assert "SELinux" in advice(tree, "write", "core/rd_mcp_0/o/enable", "EACCES", "1")


# Settings of storage objects


@pytest.mark.parametrize(
    ("file", "value", "expected"),
    [
        ("attrib/block_size", "513", "it takes 512, 1024, 2048 or 4096"),
        ("attrib/alua_support", "0", "its value is fixed for this kind of storage object"),
        ("attrib/pi_prot_type", "2", "it takes 0, 1 or 3; some plugins only 0"),
        ("attrib/pi_prot_format", "1", "set pi_prot_type to 1 or 3 first"),
        ("attrib/emulate_tas", "2", ""),
        ("attrib/emulate_tas", "", "the kernel takes no empty text: a line break clears a value"),
        ("attrib/nosuch", "1", "this kernel has no such setting here"),
        ("wwn/vpd_unit_serial", "x" * 254, "it can have at most 253 characters"),
        ("wwn/vendor_id", "ABCDEFGHI", "it can have at most 8 characters"),
        ("wwn/vendor_id", "A\tB", "it takes printable ASCII characters only"),
        ("wwn/company_id", "0x1000000", "it is a number of 24 bits"),
        ("wwn/company_id", "x", "it takes a number of 24 bits: 0x001405"),
        ("control", "fd_dev_size=abc", "a key has a value that it cannot have"),
        ("alua_lu_gp", "nope", "must be a group 'nope' with a lu_gp_id; there are default_lu_gp"),
        ("alias", "x" * 512, "it takes at most 511 bytes"),
    ],
)
def test_settings(fake: FakeKernel, file: str, value: str, expected: str) -> None:
    path = storage_object(fake, "fileio_0", "fd_dev_name=/etc/target/f,fd_dev_size=1048576")
    fake.write(f"{path}/enable", "1")
    answer = said(door.write, fake, f"{path}/{file}", value)
    assert answer.startswith(expected) if file != "alua_lu_gp" else expected in answer
    assert bool(answer) == bool(expected)


def test_settings_that_need_the_open_device(fake: FakeKernel) -> None:
    path = storage_object(fake, "rd_mcp_0")
    once = "it can only be set once the storage object is enabled"
    assert said(door.write, fake, f"{path}/attrib/queue_depth", "8") == once
    assert said(door.write, fake, f"{path}/attrib/pi_prot_type", "1") == once
    make(fake, f"{path}/alua/g")
    fake.write(f"{path}/alua/g/tg_pt_gp_id", "5")
    assert said(door.write, fake, f"{path}/alua/g/alua_access_state", "1") == once


def test_settings_of_some_plugins(fake: FakeKernel) -> None:
    disk = storage_object(fake, "iblock_0", "udev_path=/dev/vdb")
    fake.write(f"{disk}/enable", "1")
    cache = said(door.write, fake, f"{disk}/attrib/emulate_write_cache", "1")
    assert cache.startswith("a block device's own cache decides")
    late = said(door.write, fake, f"{disk}/control", "udev_path=/dev/vdc")
    assert late == "udev_path can only be set before the object is enabled"
    unmap = said(door.write, fake, f"{ramdisk(fake)}/attrib/emulate_tpu", "1")
    assert unmap.startswith("the backing device cannot discard blocks")
    user = storage_object(fake, "user_0", "dev_config=foo/bar,dev_size=512")
    assert "a key has a value" in advice(
        fake, "write", f"{user}/control", "EINVAL", "max_data_area_mb=0"
    )
    fake.write(f"{user}/enable", "1")
    assert "is tcmu-runner running?" in said(door.write, fake, f"{user}/attrib/dev_size", "1024")
    assert "has its own" in advice(fake, "write", f"{disk}/wwn/vpd_unit_serial", "EOPNOTSUPP")


def test_exported_objects_are_frozen(exported: FakeKernel) -> None:
    for file, value in (
        ("attrib/emulate_tas", "1"),
        ("wwn/product_id", "new"),
        ("pr/res_aptpl_metadata", "initiator_fabric=iSCSI"),
    ):
        answer = said(door.write, exported, f"core/rd_mcp_0/a/{file}", value)
        assert answer == (
            "it cannot be changed while a LUN exports the object: iqn.2003-01.org.x:a tpgt_1 lun_0"
        )
    assert said(door.write, exported, "core/rd_mcp_0/a/attrib/emulate_caw", "x") == ""


def test_alua(fake: FakeKernel) -> None:
    path = ramdisk(fake)
    group = f"{path}/alua/g"
    fake.mkdir(group)

    def refused(file: str, value: str) -> str:
        return said(door.write, fake, f"{group}/{file}", value)

    assert refused("alua_access_state", "0").startswith(
        "the group has no id yet: write tg_pt_gp_id"
    )
    assert refused("tg_pt_gp_id", "65536").startswith("tg_pt_gp_id is 1 to 65535 and no other")
    fake.write(f"{group}/tg_pt_gp_id", "16")
    assert refused("tg_pt_gp_id", "17").startswith("tg_pt_gp_id is 16 already, and an id is")
    fake.write(f"{group}/alua_access_type", "2")
    assert refused("alua_access_state", "1").startswith("set alua_access_type to 1 (implicit)")
    fake.write(f"{group}/alua_access_type", "1")
    fake.write(f"{group}/alua_support_standby", "0")
    assert "must support the state" in refused("alua_access_state", "2")
    assert refused("nonop_delay_msecs", "10001") == "it takes 0 to 10000 milliseconds"
    fake.mkdir("core/alua/lu_gps/l")
    assert "lu_gp_id is 1 to" in said(door.write, fake, "core/alua/lu_gps/l/lu_gp_id", "65536")


def test_dbroot(fake: FakeKernel) -> None:
    assert (
        said(door.write, fake, "dbroot", "/no/such\n")
        == "make the directory first: mkdir -p /no/such"
    )
    assert said(door.write, fake, "dbroot", "/etc/passwd\n") == "it takes a directory, not a file"
    assert "right after target_core_mod is loaded" in advice(fake, "write", "dbroot", "EINVAL")
    ramdisk(fake)
    late = said(door.write, fake, "dbroot", "/etc/target\n")
    assert late.endswith("while there is no storage object: remove core/rd_mcp_0/a first")


# Settings of TPGs


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        (f"{ACL}/cmdsn_depth", "1024", "it takes 1 to 512"),
        (f"{ACL}/attrib/nopin_timeout", "2", "it takes 3 to 60 seconds, or 0 for never"),
        (f"{TPG}/param/InitialR2T", "yes", "it takes Yes or No, in just this spelling"),
        ("iscsi/cpus_allowed_list", "99", "this machine has fewer processors"),
        (f"{LUN}/alua_tg_pt_gp", "no", "must have an ALUA group 'no' with a tg_pt_gp_id"),
        (f"{TPG}/enable", "2", ""),
    ],
)
def test_tpg_settings(exported: FakeKernel, path: str, value: str, expected: str) -> None:
    assert expected in said(door.write, exported, path, value)


def test_credentials_have_a_limit_and_stay_secret(exported: FakeKernel) -> None:
    for path in (f"{ACL}/auth/userid", "iscsi/discovery_auth/userid"):
        answer = said(door.write, exported, path, "x" * 256, secret=True)
        assert answer == "a name or secret has at most 255 bytes"


def test_transports(exported: FakeKernel) -> None:
    portal = f"{TPG}/np/127.0.0.1:3260"
    fake = exported
    fake.mkdir(portal)
    assert "Chelsio T5 or T6" in said(door.write, fake, f"{portal}/cxgbit", "1")
    assert "RDMA device" in advice(fake, "write", f"{portal}/iser", "EINVAL")


def test_nexus(fake: FakeKernel) -> None:
    tpg = f"{LOOP}/tpgt_1"
    make(fake, "loopback", LOOP, tpg, f"{tpg}/lun/lun_0")
    assert "begins with 'naa.'" in said(door.write, fake, f"{tpg}/nexus", "iqn.2003-01.org.x:l")
    assert "no nexus to take away" in said(door.write, fake, f"{tpg}/nexus", "NULL")
    fake.symlink(ramdisk(fake), f"{tpg}/lun/lun_0/x")
    fake.write(f"{tpg}/nexus", "naa.5001405000000002")
    again = said(door.write, fake, f"{tpg}/nexus", "naa.5001405000000003")
    assert again.startswith("the nexus is naa.5001405000000002 already")
    assert said(door.write, fake, f"{tpg}/nexus", "NULL") == "remove the TPG's LUNs first: lun_0"
    fake.unlink(f"{tpg}/lun/lun_0/x")
    fake.rmdir(f"{tpg}/lun/lun_0")
    assert "still counts it: remove the TPG" in said(door.write, fake, f"{tpg}/nexus", "NULL")


def test_relative_target_port_identifiers() -> None:
    fake = FakeKernel("6.12")
    second = f"{OTHER}/tpgt_1"
    make(fake, "iscsi", IQN, TPG, OTHER, second, f"{OTHER}/tpgt_2")
    for tpg in (TPG, second):
        fake.write(f"{tpg}/rtpi", "5")
    assert advice(fake, "write", f"{second}/enable", "EINVAL") == ""
    fake.write(f"{TPG}/enable", "1")
    answer = said(door.write, fake, f"{second}/enable", "1")
    assert answer == f"{TPG} is enabled with the same rtpi 0x5: write another one first"
    assert said(door.write, fake, f"{TPG}/rtpi", "6").startswith("disable the TPG first")
    assert said(door.write, fake, f"{second}/rtpi", "0") == "rtpi is 1 to 65535"


def test_enabling_tpgs_of_other_fabrics(fake: FakeKernel) -> None:
    target = "sbp/0011223344556677"
    make(fake, "sbp", target, f"{target}/tpgt_1")
    assert "needs a LUN before" in said(door.write, fake, f"{target}/tpgt_1/enable", "1")
    fake.mkdir(f"{target}/tpgt_1/lun/lun_0")
    assert advice(fake, "write", f"{target}/tpgt_1/enable", "EINVAL") == ""
    port = "qla2xxx/21:00:00:24:ff:31:4c:48/tpgt_1"
    assert "qlini_mode" in advice(fake, "write", f"{port}/enable", "ENODEV")
    assert advice(fake, "write", "foo/x/tpgt_1/enable", "ENODEV") == ""


# Links


def test_lun_links(exported: FakeKernel) -> None:
    fake = exported
    fake.mkdir("core/rd_mcp_0/n")
    fake.mkdir(f"{TPG}/lun/lun_1")

    def refused(end: str, lun: str = f"{TPG}/lun/lun_1") -> str:
        return said(door.symlink, fake, end, f"{lun}/y")

    assert refused("core/rd_mcp_0/n").startswith(
        "the storage object core/rd_mcp_0/n is not enabled"
    )
    assert refused("core/rd_mcp_0") == "a LUN links to a storage object: core/HBA/NAME"
    assert refused("core/rd_mcp_0/zz") == "there is no core/rd_mcp_0/zz"
    assert refused("core/rd_mcp_0/a", LUN) == "the LUN exports core/rd_mcp_0/a already"
    assert "nobody make links here" in refused("core/rd_mcp_0/a", "core/rd_mcp_0/a/attrib")
    there = advice(fake, "symlink", f"{LUN}/y", "ENOENT", "core/rd_mcp_0/a")
    none = advice(fake, "symlink", f"{TPG}/lun/lun_1/y", "EEXIST", "core/rd_mcp_0/a")
    assert there == none == ""


def test_mapped_links(exported: FakeKernel) -> None:
    fake = exported
    second = f"{IQN}/tpgt_2"
    make(fake, f"{ACL}/lun_3", second, f"{second}/lun/lun_0", f"{TPG}/lun/lun_5")
    fake.symlink("core/rd_mcp_0/a", f"{second}/lun/lun_0/x")

    def refused(end: str) -> str:
        return said(door.symlink, fake, end, f"{ACL}/lun_3/y")

    foreign = refused(f"{second}/lun/lun_0")
    assert foreign == "an ACL shows LUNs of its own TPG only: lun_0, lun_5"
    assert refused(f"{TPG}/lun/lun_5") == f"{TPG}/lun/lun_5 exports no storage object yet"
    assert refused("core/rd_mcp_0/a").startswith("a mapped LUN links to a LUN of its TPG")
    assert advice(fake, "symlink", f"{ACL}/lun_3/y", "EINVAL", LUN) == ""
    fake.symlink(LUN, f"{ACL}/lun_3/x")
    assert refused(LUN) == f"it shows {LUN} already"


# rmdir


def test_removing_what_is_in_use(exported: FakeKernel) -> None:
    fake = exported
    used = said(door.rmdir, fake, "core/rd_mcp_0/a")
    assert used == "remove the LUNs that export it first: iqn.2003-01.org.x:a tpgt_1 lun_0"
    assert said(door.rmdir, fake, LUN) == "remove the link in it first: x"
    make(fake, f"{ACL}/lun_3", f"{TPG}/acls/iqn.1994-05.com.redhat:j")
    fake.symlink(LUN, f"{ACL}/lun_3/x")
    fake.unlink(f"{LUN}/x")
    mapped = said(door.rmdir, fake, LUN)
    assert mapped == "remove the mapped LUNs that show it first: lun_3 of iqn.1994-05.com.redhat:i"
    assert said(door.rmdir, fake, f"{ACL}/lun_3") == "remove the link in it first: x"


def test_removing_what_has_something_inside(exported: FakeKernel) -> None:
    fake = exported
    make(
        fake,
        f"{TPG}/np/127.0.0.1:3260",
        f"{ACL}/lun_3",
        "core/rd_mcp_0/b",
        "core/rd_mcp_0/b/alua/g",
    )
    for path, inside in (
        ("core/rd_mcp_0", "a, b"),
        ("core/rd_mcp_0/b", "alua/g"),
        ("iscsi", "iqn.2003-01.org.x:a"),
        (IQN, "tpgt_1"),
        (TPG, "lun/lun_0, np/127.0.0.1:3260, acls/iqn.1994-05.com.redhat:i"),
        (ACL, "lun_3"),
    ):
        assert said(door.rmdir, fake, path) == f"remove what stands in it first: {inside}"


def test_removing_what_the_kernel_made(fake: FakeKernel) -> None:
    fake.mkdir("iscsi")
    for path in ("core", "iscsi/discovery_auth"):
        assert said(door.rmdir, fake, path).startswith("the kernel makes this directory with")


def test_nothing_is_left_to_say(fake: FakeKernel) -> None:
    path = ramdisk(fake)
    make(fake, "iscsi", IQN, TPG, LUN)
    assert advice(fake, "rmdir", path, "EBUSY") == ""
    assert advice(fake, "rmdir", IQN, "ENOTEMPTY") == "remove what stands in it first: tpgt_1"
    assert advice(fake, "rmdir", ACL.rpartition("/")[0], "ENOTEMPTY") == ""
    assert advice(fake, "rmdir", LUN, "EBUSY") == ""
    assert advice(fake, "rmdir", "core/rd_mcp_0/a", "ENOTEMPTY") == ""


def test_exporters_are_searched_for_where_no_group_lists_them() -> None:
    fake = Ungrouped()
    ramdisk(fake)
    make(fake, "iscsi", IQN, TPG, LUN, "loopback", LOOP, f"{LOOP}/tpgt_1")
    fake.symlink("core/rd_mcp_0/a", f"{LUN}/x")
    found = hint_facts.exporters(fake, "core/rd_mcp_0/a")
    assert found == ["iqn.2003-01.org.x:a tpgt_1 lun_0"]
