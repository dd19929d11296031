# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Devices: sizes, types, holders and SCSI addresses over a faked /sys, /proc and /dev."""

from __future__ import annotations

import errno
import os
import pathlib
import stat
from typing import TYPE_CHECKING

import pytest

from rtslib import blockdev
from rtslib.errors import HostError, InvalidValueError

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

SDA = "/sys/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0"


def node(fs: FakeFilesystem, path: str, kind: int, number: str, sysfs: str) -> None:
    """Make a device node and what /sys says of it."""
    major, _, minor = number.partition(":")
    device = fs.create_file(path, st_mode=kind | 0o660)
    # pyfakefs has no device numbers of its own.
    device.stat_result.st_rdev = os.makedev(int(major), int(minor))  # type: ignore[attr-defined]
    where = "block" if kind == stat.S_IFBLK else "char"
    if not fs.exists(sysfs):
        fs.create_dir(sysfs)
    fs.create_file(f"{sysfs}/dev", contents=f"{number}\n")
    fs.create_symlink(f"/sys/dev/{where}/{number}", sysfs)
    if kind == stat.S_IFBLK:
        fs.create_symlink(f"/sys/class/block/{os.path.basename(sysfs)}", sysfs)


@pytest.fixture
def disks(fs: FakeFilesystem) -> FakeFilesystem:
    """A SCSI disk of 4096-byte blocks with two partitions, a DVD, dm and cciss devices, a tape."""
    sda = f"{SDA}/block/sda"
    node(fs, "/dev/sda", stat.S_IFBLK, "8:0", sda)
    node(fs, "/dev/sda1", stat.S_IFBLK, "8:1", f"{sda}/sda1")
    node(fs, "/dev/sda2", stat.S_IFBLK, "8:2", f"{sda}/sda2")
    fs.create_symlink("/dev/disk/by-id/ata-DISK", "../../sda")
    dvd = "/sys/devices/pci0000:00/0000:00:1f.2/ata2/host1/target1:0:0/1:0:0:0"
    node(fs, "/dev/sr0", stat.S_IFBLK, "11:0", f"{dvd}/block/sr0")
    node(fs, "/dev/dm-0", stat.S_IFBLK, "253:0", "/sys/devices/virtual/block/dm-0")
    node(fs, "/dev/cciss/c0d0", stat.S_IFBLK, "104:0", "/sys/devices/pci/cciss0/block/cciss!c0d0")
    node(fs, "/dev/sg0", stat.S_IFCHR, "21:0", f"{SDA}/scsi_generic/sg0")
    tape = "/sys/devices/pci0000:00/host2/target2:0:1/2:0:1:0"
    for minor, name in enumerate(("st0", "nst0", "st0a")):
        node(fs, f"/dev/{name}", stat.S_IFCHR, f"9:{minor}", f"{tape}/scsi_tape/{name}")
    node(fs, "/dev/sg1", stat.S_IFCHR, "21:1", f"{tape}/scsi_generic/sg1")
    changer = "/sys/devices/pci0000:00/host2/target2:0:1/2:0:1:1"
    node(fs, "/dev/sch0", stat.S_IFCHR, "86:0", f"{changer}/scsi_changer/sch0")
    enclosure = "/sys/devices/pci0000:00/host2/target2:0:2/2:0:2:0"
    fs.create_dir(enclosure)
    for device in (SDA, dvd, tape, changer, enclosure):
        fs.create_symlink(f"/sys/bus/scsi/devices/{os.path.basename(device)}", device)
    for name, text in {
        f"{sda}/size": "80000\n",
        f"{sda}/ro": "0\n",
        f"{sda}/queue/logical_block_size": "4096\n",
        f"{sda}/sda1/size": "8000\n",
        f"{sda}/sda1/ro": "1\n",
        f"{sda}/sda1/partition": "1\n",
        f"{sda}/sda2/partition": "2\n",
        f"{SDA}/type": "0\n",
        f"{dvd}/type": "5\n",
        "/sys/devices/virtual/block/dm-0/size": "100\n",
        "/sys/devices/virtual/block/dm-0/dm/name": "vg-lv\n",
        "/sys/devices/pci/cciss0/block/cciss!c0d0/size": "16\n",
    }.items():
        fs.create_file(name, contents=text)
    fs.create_symlink(f"{sda}/device", SDA)
    fs.create_symlink(f"{dvd}/block/sr0/device", dvd)
    return fs


@pytest.mark.usefixtures("disks")
def test_sizes() -> None:
    assert blockdev.size_in_bytes("/dev/sda") == 80000 * 512
    assert blockdev.size_in_bytes("/dev/disk/by-id/ata-DISK") == 80000 * 512
    assert blockdev.size_in_bytes("/dev/sda1") == 8000 * 512
    assert blockdev.logical_block_size("/dev/sda") == 4096
    assert blockdev.logical_block_size("/dev/sda1") == 4096
    assert blockdev.logical_block_size("/dev/dm-0") == 512
    assert blockdev.get_size_for_blk_dev("/dev/sda") == 10000
    assert blockdev.get_block_size("/dev/sda1") == 1000
    assert blockdev.get_size_for_disk_name("sda") == 10000
    assert blockdev.get_size_for_disk_name("sda1") == 1000
    assert blockdev.get_size_for_disk_name("cciss/c0d0") == 16


@pytest.mark.usefixtures("disks")
def test_size_by_number() -> None:
    assert blockdev.size_by_number(8, 1) == 8000 * 512
    with pytest.raises(HostError, match="the size of block device 8:99: /sys/dev/block/8:99/size"):
        blockdev.size_by_number(8, 99)


def test_size_of_a_file(fs: FakeFilesystem) -> None:
    fs.create_file("/srv/disk.img", st_size=12345)
    assert blockdev.size_in_bytes("/srv/disk.img") == 12345


@pytest.mark.usefixtures("disks")
def test_sizes_that_nobody_can_tell() -> None:
    with pytest.raises(HostError, match="cannot find /dev/none: No such file") as caught:
        blockdev.size_in_bytes("/dev/none")
    assert caught.value.errno == errno.ENOENT
    assert caught.value.path == "/dev/none"
    with pytest.raises(HostError, match="cannot find a device of no name: No such file"):
        blockdev.size_in_bytes("")
    with pytest.raises(InvalidValueError, match="/dev/sg0 is not a block device"):
        blockdev.size_in_bytes("/dev/sg0")
    with pytest.raises(HostError, match="there is no block device sdz"):
        blockdev.get_size_for_disk_name("sdz")
    with pytest.raises(HostError, match=r"the size of /dev/sr0: .*size is missing") as caught:
        blockdev.size_in_bytes("/dev/sr0")
    assert caught.value.path == "/sys/dev/block/11:0/size"


@pytest.mark.usefixtures("disks")
def test_types() -> None:
    assert blockdev.get_blockdev_type("/dev/sda") == 0
    assert blockdev.get_block_type("/dev/sr0") == 5
    assert blockdev.get_block_type("/dev/sda1") == 0
    assert blockdev.get_block_type("/dev/dm-0") == 0
    assert blockdev.get_block_type("/dev/sg0") is None
    assert blockdev.get_block_type("/dev/none") is None
    assert blockdev.is_disk("/dev/sda")
    assert not blockdev.is_disk("/dev/sr0")
    assert not blockdev.is_disk("/dev/none")


@pytest.mark.usefixtures("disks")
def test_what_is_a_block_device() -> None:
    assert blockdev.is_block("/dev/sda1")
    assert not blockdev.is_block("/dev/sg0")
    assert not blockdev.is_block("/dev/none")


def test_a_node_without_a_device(fs: FakeFilesystem) -> None:
    device = fs.create_file("/dev/old", st_mode=stat.S_IFBLK | 0o660)
    device.stat_result.st_rdev = os.makedev(8, 99)  # type: ignore[attr-defined]
    assert blockdev.get_blockdev_type("/dev/old") is None


@pytest.mark.usefixtures("disks")
def test_read_only() -> None:
    assert not blockdev.is_read_only("/dev/sda")
    assert blockdev.is_read_only("/dev/sda1")
    assert not blockdev.is_read_only("/dev/dm-0")


def test_nobody_holds_it(disks: FakeFilesystem) -> None:
    assert blockdev.holders("/dev/sda") == []
    disks.create_file("/proc/swaps", contents="Filename Type Size Used Priority\n")
    assert blockdev.holders("/dev/dm-0") == []


def test_holders(disks: FakeFilesystem) -> None:
    disks.create_file(
        "/proc/self/mountinfo",
        contents=(
            "24 1 8:1 / /srv/my\\040disk rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
            "25 1 0:5 / /proc rw - proc proc rw\n"
            "26 1 253:0 / /srv/lv rw - xfs /dev/mapper/vg-lv rw\n"
        ),
    )
    disks.create_file(
        "/proc/swaps",
        contents="Filename\tType\tSize\tUsed\tPriority\n/dev/sda2 partition 100 0 -2\n",
    )
    disks.create_file(f"{SDA}/block/sda/holders/dm-0")
    disks.create_file(f"{SDA}/block/sda/holders/md0")
    assert blockdev.holders("/dev/sda") == [
        "sda is part of dm-0 (vg-lv)",
        "sda is part of md0",
        "sda1 is mounted at /srv/my disk",
        "sda2 is swap",
    ]
    assert blockdev.holders("/dev/sda1") == ["sda1 is mounted at /srv/my disk"]
    assert blockdev.holders("/dev/dm-0") == ["dm-0 is mounted at /srv/lv"]


def test_a_file_is_not_in_use(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.touch()
    assert not blockdev.device_in_use(str(path))


def test_a_character_device_is_opened_for_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    flags: list[int] = []
    real = os.open

    def watched(path: str, how: int) -> int:
        flags.append(how)
        return real(path, how)

    monkeypatch.setattr(os, "open", watched)
    assert not blockdev.device_in_use("/dev/null")
    assert flags[0] & os.O_ACCMODE == os.O_RDWR
    assert flags[0] & os.O_EXCL


@pytest.mark.parametrize(("number", "in_use"), [(errno.EBUSY, True), (errno.EACCES, None)])
@pytest.mark.usefixtures("disks")
def test_who_cannot_be_opened(
    number: int, in_use: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags: list[int] = []

    def refuse(_path: str, how: int) -> int:
        flags.append(how)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("os.open", refuse)
    if in_use:
        assert blockdev.device_in_use("/dev/sda")
    else:
        with pytest.raises(HostError, match="cannot open /dev/sda: Permission denied") as caught:
            blockdev.device_in_use("/dev/sda")
        assert caught.value.errno == number
    assert flags[0] & os.O_ACCMODE == os.O_RDONLY


@pytest.mark.usefixtures("disks")
def test_a_missing_device_is_missing_not_in_use() -> None:
    with pytest.raises(HostError, match="No such file"):
        blockdev.device_in_use("/dev/none")


@pytest.mark.parametrize(
    ("path", "hctl"),
    [
        ("/dev/sda", [0, 0, 0, 0]),
        ("/dev/sda1", [0, 0, 0, 0]),
        ("/dev/disk/by-id/ata-DISK", [0, 0, 0, 0]),
        ("/dev/sg0", [0, 0, 0, 0]),
        ("/dev/sr0", [1, 0, 0, 0]),
        ("/dev/nst0", [2, 0, 1, 0]),
        ("/dev/sch0", [2, 0, 1, 1]),
        ("5:1:2:4294967296", [5, 1, 2, 4294967296]),
    ],
)
@pytest.mark.usefixtures("disks")
def test_address_of_a_device(path: str, hctl: list[int]) -> None:
    assert blockdev.convert_scsi_path_to_hctl(path) == hctl
    assert blockdev.convert_scsi_path_to_hctl(pathlib.Path(path)) == hctl


def test_what_has_no_address(disks: FakeFilesystem) -> None:
    disks.create_file("/srv/disk.img")
    for path in ("/dev/dm-0", "/srv/disk.img"):
        with pytest.raises(InvalidValueError, match=f"{path} is not a SCSI device"):
            blockdev.convert_scsi_path_to_hctl(path)
    with pytest.raises(HostError, match="No such file"):
        blockdev.convert_scsi_path_to_hctl("/dev/none")


@pytest.mark.parametrize(
    ("hctl", "path"),
    [
        ((0, 0, 0, 0), "/dev/sda"),
        (("1", "0", "0", "0"), "/dev/sr0"),
        ((2, 0, 1, 0), "/dev/st0"),
        ((2, 0, 1, 1), "/dev/sch0"),
        ((2, 0, 2, 0), ""),
    ],
)
@pytest.mark.usefixtures("disks")
def test_device_of_an_address(hctl: tuple[int, int, int, int], path: str) -> None:
    assert blockdev.convert_scsi_hctl_to_path(*hctl) == path


@pytest.mark.usefixtures("disks")
def test_addresses_of_nothing() -> None:
    with pytest.raises(HostError, match="no SCSI device 9:0:0:0"):
        blockdev.convert_scsi_hctl_to_path(9, 0, 0, 0)
    with pytest.raises(InvalidValueError, match="must be numbers"):
        blockdev.convert_scsi_hctl_to_path("a", 0, 0, 0)
