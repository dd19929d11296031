# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""doctor: each check finds what is wrong and is silent where nothing is; nothing is changed."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Callable

import pytest
from trees import IQN

import rtslib
from cli.conftest import AsHost
from rtslib import (
    TPG,
    FabricModule,
    RDMCPStorageObject,
    RTSRoot,
    StorageObject,
    Target,
    use,
)
from rtslib.cli.checks_config import CHECKS as OF_CONFIG
from rtslib.cli.checks_machine import CHECKS as OF_MACHINE
from rtslib.configfs import HostConfigFS
from rtslib.testing import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

    from cli.conftest import Run
    from rtslib.testing import FakeKernel

#: Examines by a command line, and returns what was found by a check, without and with its severity.
Examine = Callable[..., "list[str]"]


@pytest.fixture
def examine(run: Run) -> Examine:
    def examine(check: str, expect: int = 1, severity: str | None = None) -> list[str]:
        found = json.loads(run("doctor --json", expect=expect)[0])
        chosen = [it for it in found if it["check"] == check]
        assert severity is None or {it["severity"] for it in chosen} == {severity}
        return [it["what"] for it in chosen]

    return examine


def tpg() -> TPG:
    return next(RTSRoot().tpgs)


def test_all_is_well(tree: FakeKernel, run: Run) -> None:
    run("save")
    with use(ReadOnly(tree)):
        assert run("doctor") == ("all is well\n", "")
        out, _ = run("doctor --all")
    lines = out.splitlines()
    assert lines[:-1] == [f"good: {name}: nothing wrong" for name in (*OF_MACHINE, *OF_CONFIG)]


def test_text_says_what_to_do(tree: FakeKernel, run: Run, saved: Path) -> None:
    out, err = run("doctor", expect=1)
    assert err == ""
    assert f"error: saved file: nothing is saved in {saved}\n    targetctl save\n" in out
    assert out.endswith(" found that should be seen to\n")
    assert tree


@pytest.mark.usefixtures("fake")
def test_nothing_at_all_is_well(run: Run) -> None:
    run("doctor")


def test_no_tree(run: Run, tmp_path: Path) -> None:
    out, _ = run(f"doctor --root {tmp_path}/nowhere", expect=1)
    assert f"modules: there is no target tree at {tmp_path}/nowhere\n    name another" in out
    assert "reboot" not in out


@pytest.mark.usefixtures("tree")
def test_an_invalid_file(examine: Examine, saved: Path) -> None:
    saved.parent.mkdir()
    saved.write_text('{"targets": 3,\n"storage_objects": 4}')
    assert {it.partition(": ")[0] for it in examine("saved file")} == {f"{saved}:1", f"{saved}:2"}


@pytest.mark.usefixtures("tree")
def test_modes_of_files_with_secrets(examine: Examine, run: Run, saved: Path) -> None:
    run("save --secrets-apart")
    RDMCPStorageObject("more", "1M")
    run("save --secrets-apart")
    assert examine("file modes", expect=0) == []
    (backup,) = (saved.parent / "backup").iterdir()
    secrets = sorted(saved.parent.glob("*.secrets-*"))
    for path in (saved, backup, *secrets):
        path.chmod(0o640)
    what = examine("file modes", severity="error")
    assert len(what) == 2 + len(secrets)
    assert f"{saved} may hold secrets, and others than its owner have access (0640)" in what


@pytest.mark.usefixtures("tree")
def test_what_could_not_be_restored(examine: Examine, run: Run, tmp_path: Path) -> None:
    run("save")
    run("clear -q")
    (tmp_path / "disk.img").unlink()
    run("restore -q", expect=4)
    first, *more = examine("missing", severity="error")
    assert first.startswith("could not be restored: /backstores/fileio/disk: ")
    assert len(more) == 1
    assert examine("devices", severity="error") == [
        f"{tmp_path}/disk.img, which /backstores/fileio/disk is on, is not there"
    ]
    (reboot,) = examine("reboot", severity="warning")
    assert reboot.startswith("a reboot brings back, since it is saved and not there: ")


@pytest.mark.usefixtures("tree")
def test_demo_mode(examine: Examine, run: Run) -> None:
    run("save")
    settings = tpg().attributes
    settings.update(
        {"generate_node_acls": True, "authentication": False, "demo_mode_write_protect": False}
    )
    what = f"{IQN} tpg1 lets every initiator read and write, and asks for no password"
    assert examine("demo mode", severity="warning") == [what]
    settings["demo_mode_write_protect"] = True
    assert "initiator read, and" in examine("demo mode")[0]
    settings["authentication"] = True
    assert examine("demo mode") == []
    settings["authentication"] = False
    tpg().enable = False
    assert examine("demo mode") == []
    TPG(Target(FabricModule("loopback"), "naa.5001405000000001"), 1)
    assert examine("demo mode") == []


def test_serials(tree: FakeKernel, examine: Examine) -> None:
    RDMCPStorageObject("one", "1M", wwn="1234")
    RDMCPStorageObject("two", "1M", wwn="1234")
    tree.mkdir("core/rd_mcp_8")
    tree.mkdir("core/rd_mcp_8/without")
    tree.mkdir("core/rd_mcp_9")
    tree.mkdir("core/rd_mcp_9/without")
    (what,) = examine("serials", severity="error")
    assert what.startswith("ramdisk/one, ramdisk/two have one serial, 1234")


@pytest.mark.usefixtures("tree")
def test_what_a_reboot_would_change(examine: Examine, run: Run) -> None:
    run("save")
    RDMCPStorageObject("shut", "1M", enable=False)
    RDMCPStorageObject("more", "1M")
    tpg().attributes["login_timeout"] = 30
    StorageObject("memory").delete()
    what = examine("reboot", severity="warning")
    memory = "/backstores/ramdisk/memory"
    names = f"{memory}, {memory}/alua/default_tg_pt_gp, /iscsi/{IQN}/tpg1/luns/lun1"
    assert what == [
        "/backstores/ramdisk/shut not enabled, and so never saved",
        "a reboot loses, since it is not saved: /backstores/ramdisk/more",
        f"a reboot brings back, since it is saved and not there: {names}",
        f"a reboot sets otherwise, since it is saved otherwise: /iscsi/{IQN}/tpg1",
    ]


def test_what_may_not_be_looked_at_is_not_known(
    tree: FakeKernel, examine: Examine, run: Run
) -> None:
    run("save")
    tree.privileged = False
    (what,) = examine("reboot", expect=0, severity="unknown")
    assert "EPERM" in what or "EACCES" in what


# The machine.

SPECS = os.path.join(os.path.dirname(os.path.dirname(rtslib.__file__)), "specs")
TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0CBC 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 41 1
   1: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 43 1
"""


@pytest.fixture
def umask(run: Run) -> Iterator[int]:
    """A umask, which pyfakefs takes for the mode of every file that is opened for reading."""
    assert run
    before = os.umask(0o177)
    yield 0o177
    os.umask(before)


@pytest.fixture
def machine(
    host: FakeKernel, run: Run, saved: Path, umask: int, fs: FakeFilesystem
) -> FakeFilesystem:
    """A machine on which all is well, with the configuration saved and restored at boot."""
    assert host
    assert umask
    fs.add_real_directory(SPECS)
    fs.create_dir(saved.parent)
    fs.create_file("/proc/self/mounts", contents="configfs /sys/kernel/config configfs rw 0 0\n")
    fs.create_file("/proc/modules", contents="iscsi_target_mod 1 0 - Live 0\n")
    for name in ("pr", "alua"):
        fs.create_dir(f"{RTSRoot().dbroot}/{name}")
    fs.create_dir("/run/systemd/system")
    fs.create_file("/etc/systemd/system/multi-user.target.wants/target.service")
    fs.create_dir("/etc/systemd/system/ssh.service.d")
    fs.create_file("/proc/net/tcp", contents=TCP)
    fs.create_file("/proc/net/tcp6")
    run("save")
    return fs


@pytest.mark.usefixtures("machine")
def test_a_machine_on_which_all_is_well(run: Run) -> None:
    assert run("doctor") == ("all is well\n", "")


def test_no_configfs(machine: FakeFilesystem, examine: Examine) -> None:
    machine.remove_object("/proc/self/mounts")
    what = ["configfs is not mounted at /sys/kernel/config"]
    assert examine("configfs", severity="error") == what


def test_no_module(machine: FakeFilesystem, examine: Examine) -> None:
    machine.remove_object("/proc/modules")
    what = ["iscsi_target_mod, which targets of iscsi need, is not loaded"]
    assert examine("modules", severity="warning") == what


@pytest.mark.usefixtures("machine")
def test_no_target_core(examine: Examine) -> None:
    with use(HostConfigFS()):
        what = ["there is no target tree at /sys/kernel/config/target"]
        assert examine("modules", severity="error") == what
        assert examine("dbroot") == examine("reboot") == examine("demo mode") == []


def test_no_directories_for_what_is_kept(machine: FakeFilesystem, examine: Examine) -> None:
    dbroot = RTSRoot().dbroot
    machine.remove_object(f"{dbroot}/pr")
    (what,) = examine("dbroot", severity="warning")
    assert what.startswith(f"no {dbroot}/pr: persistent reservations")


def test_a_kernel_that_has_one_place_only(
    machine: FakeFilesystem, examine: Examine, host: FakeKernel
) -> None:
    machine.create_dir("/var/target/pr")
    with use(NoDbroot(host)):
        (what,) = examine("dbroot", severity="warning")
    assert what.startswith("no /var/target/alua: ")


class NoDbroot(AsHost):
    """The tree of a kernel before 4.9."""

    def __init__(self, tree: FakeKernel) -> None:
        super().__init__(tree)
        self.read = self._read  # type: ignore[method-assign]
        self._tree = tree

    def _read(self, path: str) -> str:
        if path == "dbroot":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._tree.read(path)


def test_somebody_else_listens(machine: FakeFilesystem, examine: Examine) -> None:
    assert examine("ports", expect=0) == []
    next(RTSRoot().network_portals).delete()
    what = "another program listens on 127.0.0.1:3260, where the portal 127.0.0.1:3260 is to be"
    assert examine("ports", severity="error") == [what]
    machine.create_file("/proc/77/comm", contents="tgtd\n")
    machine.create_dir("/proc/77/fd")
    machine.create_symlink("/proc/77/fd/3", "socket:[41]")
    assert examine("ports", severity="error") == [what.replace("another program", "tgtd (pid 77)")]


def test_nobody_restores(machine: FakeFilesystem, examine: Examine) -> None:
    machine.remove_object("/etc/systemd/system/multi-user.target.wants")
    assert examine("boot", severity="warning") == ["no service restores the configuration at boot"]
    machine.remove_object("/run/systemd/system")
    assert examine("boot", expect=0) == []


def test_devices(machine: FakeFilesystem, examine: Examine, saved: Path) -> None:
    machine.create_file("/srv/free.img")
    names = ("/srv/free.img", "/dev/sdzz9", "/dev/disk/by-id/nobody")
    _save_objects_on(saved, *names)
    assert examine("devices") == [
        "/backstores/fileio/a1 is on /dev/sdzz9, which may be another disk after the next boot",
        "/dev/sdzz9, which /backstores/fileio/a1 is on, is not there",
        "/dev/disk/by-id/nobody, which /backstores/fileio/a2 is on, is not there",
    ]


@pytest.mark.usefixtures("host")
def test_a_device_that_is_held(
    examine: Examine, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.parent.mkdir()
    _save_objects_on(saved, "/dev/null")
    really_open = os.open

    def refuse_to_share(path: str, flags: int, *more: int, **named: int) -> int:
        if path == "/dev/null":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return really_open(path, flags, *more, **named)

    monkeypatch.setattr("os.open", refuse_to_share)
    assert examine("devices", severity="error") == [
        "/dev/null, which /backstores/fileio/a0 is on, is in use: nobody knows by whom"
    ]


def _save_objects_on(saved: Path, *names: str) -> None:
    objects = [
        {"name": f"a{number}", "plugin": "fileio", "dev": dev, "size": 4096}
        for number, dev in enumerate(names)
    ]
    # Not by a Path made outside of it: Python 3.10's would not see pyfakefs.
    with open(saved, "w", encoding="utf-8") as file:
        json.dump({"storage_objects": objects}, file)
