# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The packages in the place of Debian's own python3-rtslib-fb, under its targetcli-fb, and back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from checks.rootfs import Root, fresh, layer, packages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

OLD, NEW = "/etc/rtslib-fb-target/saveconfig.json", "/etc/target/saveconfig.json"
SAVED: dict[str, list[object]] = {"storage_objects": [], "targets": []}
#: What targetcli is told, one command a run: its shell ends with 0 whatever happens in it.
COMMANDS = (
    "/backstores/ramdisk create disk 1M",
    "/iscsi create iqn.2026-11.org.example:t",
    "/iscsi/iqn.2026-11.org.example:t/tpg1/luns create /backstores/ramdisk/disk",
    "saveconfig",
)


@pytest.fixture(scope="module")
def before() -> Iterator[Root]:
    """Debian's own packages, with something saved."""
    with layer(fresh()) as root:
        root.install("python3-rtslib-fb", "targetcli-fb")
        root.write(OLD, json.dumps(SAVED), 0o600)
        root.write("/etc/rtslib-fb-target/pr/aptpl_1", "PR_REG_START: 0\n")
        yield root


@pytest.fixture(scope="module")
def after(before: Root) -> Iterator[tuple[Root, str]]:
    """The same with ours installed over them, and what was said meanwhile."""
    with layer(before) as root:
        yield root, root.install(*packages_of("python3-rtslib", "targetctl"))


@pytest.fixture
def root(after: tuple[Root, str]) -> Iterator[Root]:
    """The same, to be changed."""
    with layer(after[0]) as root:
        yield root


def states(root: Root) -> dict[str, str]:
    names = ("python3-rtslib-fb", "targetcli-fb", "python3-rtslib", "targetctl")
    return {name: root.status(name) for name in names}


def test_one_takes_the_place_of_the_other(after: tuple[Root, str]) -> None:
    assert states(after[0]) == {
        "python3-rtslib-fb": "config-files",
        "targetcli-fb": "installed",
        "python3-rtslib": "installed",
        "targetctl": "installed",
    }
    assert after[0].run("dpkg --audit; dpkg --verify") == ""
    after[0].run("apt-get check")


def test_what_was_saved_is_taken_over_and_it_is_said(after: tuple[Root, str]) -> None:
    root, said = after
    assert f"targetctl: {NEW} is the saved configuration now" in said
    assert json.loads(root.at(NEW).read_text()) == SAVED
    assert root.at(NEW).stat().st_mode & 0o777 == 0o600
    assert str(root.at(OLD).readlink()) == NEW
    # Persistent reservations are the kernel's, which looks for them where we keep them.
    assert root.at("/etc/target/pr/aptpl_1").exists()


def test_targetcli_works_and_saves_where_it_counts(root: Root) -> None:
    # For handlers of user-backed storage it asks the bus.
    program = "mkdir -p /run/dbus; dbus-daemon --system --fork\n"
    program += "".join(f"targetcli '{command}'\n" for command in COMMANDS)
    try:
        said = root.run(program + "targetcli ls", RTSLIB_CONFIGFS="fake:/root/kernel.json")
    finally:
        root.run("kill $(cat /run/dbus/pid)")
    assert "Created ramdisk disk with size 1M" in said
    assert "o- lun0 " in said
    assert f"Configuration saved to {OLD}" in said
    saved = json.loads(root.at(NEW).read_text())
    assert saved["storage_objects"][0]["name"] == "disk"
    assert root.at(OLD).is_symlink()
    assert "/usr/lib/python3/dist-packages/rtslib/" in root.run(
        "python3 -c 'import targetcli, rtslib_fb; print(rtslib_fb.RTSRoot.__module__,"
        ' __import__("rtslib").__file__)\''
    )


def test_purging_the_old_package_takes_nothing_of_ours(root: Root) -> None:
    root.run("dpkg --purge python3-rtslib-fb")
    assert not root.at("/etc/rtslib-fb-target").exists()
    assert json.loads(root.at(NEW).read_text()) == SAVED
    assert root.run("systemctl is-enabled target.service") == "enabled\n"
    assert root.at("/etc/systemd/system/rtslib-fb-targetctl.service").is_symlink()
    assert states(root)["targetcli-fb"] == "installed"


def test_there_is_a_way_back(root: Root) -> None:
    root.install("python3-rtslib-fb")
    assert states(root) == {
        "python3-rtslib-fb": "installed",
        "targetcli-fb": "installed",
        "python3-rtslib": "not-installed",
        "targetctl": "config-files",
    }
    root.run("python3 -c 'import rtslib_fb, targetcli; assert not hasattr(rtslib_fb, \"config\")'")
    # Nothing of ours lies among its files, and it finds what is saved.
    assert not root.at("/usr/lib/python3/dist-packages/rtslib/config").exists()
    assert json.loads(root.run(f"cat {OLD}")) == SAVED


def test_removal_leaves_nothing_but_what_is_saved(root: Root) -> None:
    root.run("apt-get remove -y python3-rtslib targetctl")
    assert root.run("ls -d /usr/lib/python3/dist-packages/rtslib* || true").count("\n") == 1
    assert not root.at("/lib/systemd/system/target.service").exists()
    said = root.run("apt-get purge -y python3-rtslib targetctl")
    assert "the saved configuration stays in /etc/target" in said
    assert root.at(NEW).exists()
    assert not root.at("/etc/systemd/system/rtslib-fb-targetctl.service").is_symlink()
    left = root.run(
        "find /etc /usr /var/lib/systemd -name '*targetctl*' -o -name 'target.service*'"
    )
    # Debian's own package is not purged.
    assert [it for it in left.split() if "rtslib-fb-targetctl" not in it] == []
