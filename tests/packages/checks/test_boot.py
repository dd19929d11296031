# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The service, started and stopped by systemd on a real kernel, restores what was saved."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from checks.guest_boot import run_systemd
from checks.rootfs import Root, fresh, layer, packages_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IQN = "iqn.2026-11.org.example:boot"
DISKS = (
    ("fileio", "file", "/srv/disks/file.img"),
    ("block", "late", "/dev/ram0"),
    ("block", "never", "/dev/never"),
)
SAVED = {
    "storage_objects": [
        {"plugin": plugin, "name": name, "dev": dev}
        | ({"size": 4 << 20} if plugin == "fileio" else {})
        for plugin, name, dev in DISKS
    ],
    "targets": [
        {
            "fabric": "iscsi",
            "wwn": IQN,
            "tpgs": [
                {
                    "tag": 1,
                    "enable": True,
                    "luns": [
                        {"index": index, "storage_object": f"/backstores/{plugin}/{name}"}
                        for index, (plugin, name, _dev) in enumerate(DISKS)
                    ],
                    "portals": [{"ip_address": "127.0.0.1", "port": 3260}],
                }
            ],
        }
    ],
}
LUNS = f"/sys/kernel/config/target/iscsi/{IQN}/tpgt_1/lun"

UNITS = {
    # Nothing but the generator's word wants this filesystem.
    "srv-disks.mount": """\
[Mount]
What=/srv/disks.ext4
Where=/srv/disks
Type=ext4
Options=loop
""",
    # The disk comes when all else has been exported for a while.
    "late-disk.service": f"""\
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'until [ -d {LUNS}/lun_0 ]; do sleep 0.2; done; sleep 5; modprobe brd rd_nr=1'
[Install]
WantedBy=multi-user.target
""",
    # Started before the filesystem is mounted, so stopped after it was to be unmounted.
    "unmounted.service": """\
[Unit]
Before=srv-disks.mount
RequiresMountsFor=/out
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/bin/sh -c 'mountpoint /srv/disks >/out/unmounted 2>&1 || true'
[Install]
WantedBy=multi-user.target
""",
    "look.service": """\
[Unit]
After=target.service
RequiresMountsFor=/out
[Service]
Type=oneshot
ExecStart=/bin/sh /root/look
[Install]
WantedBy=multi-user.target
""",
    "target.service.d/test.conf": """\
[Unit]
RequiresMountsFor=/out
[Service]
ExecStopPost=/bin/sh -c 'ls /sys/kernel/config/target/core >/out/stopped'
""",
}
LOOK = f"""\
systemctl is-active target.service rtslib-fb-targetctl.service srv-disks.mount >/out/active
systemctl show -p Wants -p After -p ExecMainStatus target.service >/out/properties
journalctl -o short-monotonic -u target.service >/out/journal
ls {LUNS} >/out/luns
cat {LUNS}/../enable >/out/enable
cp /etc/target/saveconfig.json.missing /out/missing
targetctl doctor >/out/doctor 2>&1
systemctl poweroff --no-block
"""


def prepare(root: Root, scratch: Path) -> None:
    """Install the packages and what is to be restored."""
    root.install(*packages_of("python3-rtslib", "targetctl"))
    root.write("/etc/target/saveconfig.json", json.dumps(SAVED), 0o600)
    for name, text in UNITS.items():
        root.write(f"/etc/systemd/system/{name}", text)
    root.write("/root/look", LOOK)
    # Long enough for a slow emulator; the late disk comes after some seconds of it.
    root.write("/etc/default/targetctl", "WAIT=60\nSTOP=clear\n")
    root.run("systemctl enable late-disk.service unmounted.service look.service; mkdir /srv/disks")
    files = scratch / "files"
    files.mkdir()
    (files / "file.img").write_bytes(bytes(4 << 20))
    image = root.at("/srv/disks.ext4")
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-d", files, image, "16M"], check=True)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What was seen in a machine that booted with one disk late and one missing."""
    out = tmp_path_factory.mktemp("out")
    with layer(fresh()) as root:
        prepare(root, tmp_path_factory.mktemp("scratch"))
        run_systemd(root, "6.1", out, timeout=900)
    yield out
    for name in ("active", "properties", "journal", "missing", "doctor", "stopped", "unmounted"):
        if (out / name).exists():
            print(f"== {name}\n{(out / name).read_text()}")


def journal(seen: Path) -> list[tuple[float, str]]:
    """Return the service's words with their times."""
    found = re.findall(r"^\[ *([\d.]+)\] \S+ (.*)$", (seen / "journal").read_text(), re.MULTILINE)
    return [(float(time), text) for time, text in found]


def when(seen: Path, words: str) -> float:
    """Return when something was said."""
    return next(time for time, text in journal(seen) if words in text)


def test_the_service_is_active_by_both_names(seen: Path) -> None:
    assert (seen / "active").read_text().split() == ["active"] * 3


def test_what_has_its_disk_is_exported(seen: Path) -> None:
    assert (seen / "luns").read_text().split() == ["lun_0", "lun_1"]
    assert (seen / "enable").read_text() == "1\n"


def test_nobody_waits_for_the_late_one(seen: Path) -> None:
    restored, came = when(seen, "restored /etc/target"), when(seen, "/dev/ram0 has come")
    ended = when(seen, "completed /etc/target")
    assert came - restored > 4
    # Nor does it wait for the one that never comes.
    assert ended - came > 10


def test_what_never_comes_is_remembered_and_said(seen: Path) -> None:
    missing = json.loads((seen / "missing").read_text())
    assert "/backstores/block/never" in missing
    assert not any("late" in name for name in missing)
    assert "never" in (seen / "doctor").read_text()
    assert any("/dev/never" in text for _time, text in journal(seen))


def test_the_generator_has_ordered_mounts_and_network(seen: Path) -> None:
    properties = dict(line.split("=", 1) for line in (seen / "properties").read_text().splitlines())
    for unit in ("srv-disks.mount", "network-online.target"):
        assert unit in properties["Wants"].split()
        assert unit in properties["After"].split()
    assert properties["ExecMainStatus"] == "4"


def test_shutdown_removes_it_all_and_frees_the_filesystem(seen: Path) -> None:
    assert (seen / "stopped").read_text() == "alua\n"
    assert (seen / "unmounted").read_text() == "/srv/disks is not a mountpoint\n"
