# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The machine: modules, mounts, what is prepared and what is left alone, addresses."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Callable

import netifaces
import pytest

from rtslib import host
from rtslib.configfs import TARGET_ROOT, HostConfigFS
from rtslib.errors import HostError, InvalidValueError

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

MOUNTED = "configfs /sys/kernel/config configfs rw,relatime 0 0\n"


class Machine:
    """A faked machine: runs nothing, but what its commands would change is changed."""

    def __init__(self, fs: FakeFilesystem) -> None:
        self.fs = fs
        self.ran: list[str] = []
        self.broken: dict[str, str] = {}
        fs.create_file("/proc/modules")
        fs.create_file("/proc/self/mounts", contents="proc /proc proc rw 0 0\n")
        for program in ("/sbin/modprobe", "/usr/bin/mount"):
            fs.create_file(program, st_mode=0o100755)

    def run(self, argv: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        line = " ".join(argv)
        self.ran.append(line)
        for part, said in self.broken.items():
            if part in line:
                return subprocess.CompletedProcess(argv, 1, "", said)
        if argv[0].endswith("modprobe"):
            self.load(argv[1])
        else:
            self.append("/proc/self/mounts", MOUNTED)
        return subprocess.CompletedProcess(argv, 0, "", "")

    def append(self, path: str, text: str) -> None:
        with open(path, "a", encoding="utf-8") as file:
            file.write(text)

    def load(self, module: str) -> None:
        self.append("/proc/modules", f"{module.replace('-', '_')} 16384 0 - Live 0x0\n")
        made = {"configfs": "/sys/kernel/config", "target_core_mod": TARGET_ROOT}.get(module)
        if made and not self.fs.exists(made):
            self.fs.create_dir(made)


@pytest.fixture
def machine(fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch) -> Machine:
    faked = Machine(fs)
    monkeypatch.setattr(subprocess, "run", faked.run)
    monkeypatch.setenv("PATH", "/usr/bin")
    return faked


class Wrapper:
    def __init__(self, inner: object) -> None:
        self.inner = inner


# Modules


def test_loaded_modules(machine: Machine) -> None:
    machine.load("configfs")
    machine.load("xen-scsiback")
    assert host.list_loaded_kernel_modules() == ["configfs", "xen_scsiback"]
    assert host.is_module_present("xen-scsiback")
    assert not host.is_module_present("tcm_loop")


def test_built_in_modules(machine: Machine) -> None:
    machine.fs.create_dir("/sys/module/target_core_mod")
    machine.fs.create_file(
        f"/lib/modules/{os.uname().release}/modules.builtin",
        contents="kernel/fs/configfs/configfs.ko\nkernel/drivers/xen/xen-scsiback.ko\n",
    )
    for module in ("target_core_mod", "configfs", "xen_scsiback"):
        assert host.is_module_present(module)
        host.modprobe(module)
    assert not machine.ran


def test_a_machine_without_proc(fs: FakeFilesystem) -> None:
    assert not fs.exists("/proc/modules")
    assert host.list_loaded_kernel_modules() == []
    assert not host.configfs_mounted()


def test_modprobe_only_once(machine: Machine) -> None:
    host.modprobe("tcm_loop")
    host.modprobe("tcm_loop")
    # It is in /sbin, which is not in this PATH.
    assert machine.ran == ["/sbin/modprobe tcm_loop"]


def test_modprobe_tells_what_modprobe_said(machine: Machine) -> None:
    machine.broken["tcm_loop"] = "modprobe: FATAL: Module tcm_loop not found.\n"
    with pytest.raises(
        HostError,
        match=r"cannot modprobe tcm_loop: modprobe: FATAL: Module tcm_loop not found\.; is",
    ) as caught:
        host.modprobe("tcm_loop")
    assert isinstance(caught.value, OSError)
    assert caught.value.operation == "modprobe"


def test_modprobe_that_says_nothing(machine: Machine) -> None:
    machine.broken["tcm_loop"] = ""
    with pytest.raises(HostError, match="cannot modprobe tcm_loop: status 1"):
        host.modprobe("tcm_loop")


@pytest.mark.parametrize("module", ["", "-r", "a b", "a;b", "../x", "$(x)"])
@pytest.mark.usefixtures("machine")
def test_what_is_no_module(module: str) -> None:
    with pytest.raises(InvalidValueError, match="is not the name of a module"):
        host.modprobe(module)


def test_no_modprobe_here(machine: Machine) -> None:
    machine.fs.remove("/sbin/modprobe")
    with pytest.raises(HostError, match="there is no such command here; run it on the host"):
        host.modprobe("tcm_loop")


@pytest.mark.usefixtures("machine")
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (subprocess.TimeoutExpired("modprobe", 1), "took longer than 120 seconds"),
        (PermissionError(13, "Permission denied"), "cannot modprobe tcm_loop: Permission denied"),
    ],
)
def test_modprobe_that_does_not_run(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_argv: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(HostError, match=message):
        host.modprobe("tcm_loop")


def test_a_real_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "modprobe"
    shell = shutil.which("sh")
    program.write_text(f'#!{shell}\necho "$@" >{tmp_path}/arguments\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    host.modprobe("rtslib_test_module")
    assert (tmp_path / "arguments").read_text() == "rtslib_test_module\n"


# configfs and what creating calls prepare


def test_mounting_configfs(machine: Machine) -> None:
    host.mount_configfs()
    host.mount_configfs()
    assert machine.ran == [
        "/sbin/modprobe configfs",
        "/usr/bin/mount -t configfs configfs /sys/kernel/config",
    ]
    assert host.configfs_mounted()


def test_mounting_where_the_directory_is(machine: Machine) -> None:
    machine.fs.create_dir("/sys/kernel/config")
    host.mount_configfs()
    assert machine.ran == ["/usr/bin/mount -t configfs configfs /sys/kernel/config"]


def test_a_container_may_not_mount(machine: Machine) -> None:
    machine.broken["mount"] = "mount: permission denied."
    with pytest.raises(HostError, match=r"permission denied\.; a container needs the host's"):
        host.mount_configfs()


def test_prepare_does_all_there_is_to_do(machine: Machine) -> None:
    fs = HostConfigFS()
    host.prepare(fs, "iscsi_target_mod")
    wanted = [
        "/sbin/modprobe configfs",
        "/usr/bin/mount -t configfs configfs /sys/kernel/config",
        "/sbin/modprobe target_core_mod",
        "/sbin/modprobe iscsi_target_mod",
    ]
    assert machine.ran == wanted
    host.prepare(fs, "iscsi_target_mod")
    host.prepare(fs)
    assert machine.ran == wanted


def test_prepare_looks_behind_wrappers(machine: Machine) -> None:
    host.prepare(Wrapper(Wrapper(HostConfigFS())))  # type: ignore[arg-type]
    assert machine.ran


@pytest.mark.parametrize(
    "make", [lambda: HostConfigFS("/tmp/tree"), lambda: Wrapper(HostConfigFS("/x")), object]
)
def test_prepare_leaves_other_trees_alone(machine: Machine, make: Callable[[], object]) -> None:
    host.prepare(make(), "iscsi_target_mod")  # type: ignore[arg-type]
    assert not machine.ran


def test_a_module_has_had_other_names(machine: Machine) -> None:
    machine.fs.create_dir(TARGET_ROOT)
    machine.broken["vhost_scsi"] = "not found"
    host.prepare(HostConfigFS(), ("vhost_scsi", "tcm_vhost"))
    assert machine.ran == ["/sbin/modprobe vhost_scsi", "/sbin/modprobe tcm_vhost"]
    machine.broken["x"] = "y not found"
    with pytest.raises(HostError, match="modprobe xa: y not found"):
        host.prepare(HostConfigFS(), ("xa", "xb"))
    host.prepare(HostConfigFS(), ())


def test_dbroot_directories(fs: FakeFilesystem) -> None:
    host.make_dbroot_dirs("/var/target")
    host.make_dbroot_dirs("/var/target")
    assert sorted(os.listdir("/var/target")) == ["alua", "pr"]
    assert os.stat("/var/target/pr").st_mode & 0o777 == 0o700
    fs.create_file("/file")
    with pytest.raises(HostError, match="cannot make /file/pr: ") as caught:
        host.make_dbroot_dirs("/file")
    assert caught.value.path == "/file/pr"


def test_page_size() -> None:
    assert host.page_size() in {4096, 16384, 65536}


# Addresses


def test_addresses_of_this_machine() -> None:
    assert all(map(host.is_local, host.local_addresses()))
    assert host.is_local("0.0.0.0")
    assert host.is_local("[::0]")


@pytest.fixture
def interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = {
        "lo": {netifaces.AF_INET: [{"addr": "127.0.0.1"}], netifaces.AF_INET6: [{"addr": "::1"}]},
        "eth0": {
            netifaces.AF_PACKET: [{"addr": "00:16:3e:00:00:01"}],
            netifaces.AF_INET6: [{"addr": "fe80::216:3eff:fe00:1%eth0"}],
        },
        "eth1": {netifaces.AF_INET6: [{"addr": "fe80::1"}, {"addr": "2001:DB8:0::1"}]},
    }
    monkeypatch.setattr(netifaces, "interfaces", lambda: list(addresses))
    monkeypatch.setattr(netifaces, "ifaddresses", addresses.__getitem__)


@pytest.mark.usefixtures("interfaces")
def test_local_addresses() -> None:
    assert host.local_addresses() == {
        "127.0.0.1",
        "::1",
        "fe80::216:3eff:fe00:1%eth0",
        "fe80::1",
        "2001:db8::1",
    }


@pytest.mark.usefixtures("interfaces")
def test_an_interface_that_vanishes_has_no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    there = netifaces.ifaddresses

    def ifaddresses(interface: str) -> object:
        if interface == "eth0":
            raise ValueError("You must specify a valid interface name.")
        return there(interface)

    monkeypatch.setattr(netifaces, "ifaddresses", ifaddresses)
    assert host.local_addresses() == {"127.0.0.1", "::1", "fe80::1", "2001:db8::1"}


@pytest.mark.parametrize(
    ("ip", "local"),
    [
        ("127.0.0.1", True),
        ("::ffff:127.0.0.1", True),
        ("127.0.0.2", False),
        ("[2001:db8::0:1]", True),
        ("fe80::216:3eff:fe00:1%eth0", True),
        ("fe80::216:3eff:fe00:1%eth1", False),
        ("fe80::1%eth1", True),
        ("::", True),
    ],
)
@pytest.mark.usefixtures("interfaces")
def test_is_local(ip: str, local: bool) -> None:
    assert host.is_local(ip) is local
