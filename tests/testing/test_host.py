# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The machine under the fake: disks, files, and what the kernel makes of them."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from rtslib.testing import BlockDevice, FakeHost, ScsiDevice
from testing.filled import Filled, refused

if TYPE_CHECKING:
    from pyfakefs.fake_filesystem import FakeFilesystem


def iblock(fake: Filled, number: int, control: str) -> str:
    return fake.storage(f"core/iblock_{number}/b", control, enable=False) + "/enable"


def test_a_disk_is_claimed_by_one(fake: Filled) -> None:
    first, second = (iblock(fake, n, "udev_path=/dev/vdb") for n in (0, 1))
    fake.write(first, "1")
    refused(errno.EBUSY, fake.write, second, "1")
    fake.rmdir("core/iblock_0/b")
    fake.write(second, "1")


def test_disks_that_iblock_refuses(fake: Filled) -> None:
    fake.host.devices["/dev/used"] = BlockDevice(claimed=True)
    refused(errno.EBUSY, fake.write, iblock(fake, 0, "udev_path=/dev/used"), "1")
    refused(errno.EACCES, fake.write, iblock(fake, 1, "udev_path=/dev/sr0"), "1")
    refused(errno.ENOENT, fake.write, iblock(fake, 2, "udev_path=/dev/none"), "1")
    refused(errno.ENOTBLK, fake.write, iblock(fake, 3, "udev_path=/dev/null"), "1")
    fake.write(iblock(fake, 4, "udev_path=/dev/sr0,readonly=1"), "1")
    assert "readonly: 1" in fake.read("core/iblock_4/b/info")


def test_a_disk_shows_its_limits(fake: Filled) -> None:
    fake.host.devices["/dev/ssd"] = BlockDevice(
        block_size=4096, max_unmap_lba_count=100, unmap_granularity=8, rotational=True
    )
    fake.write(iblock(fake, 0, "udev_path=/dev/ssd"), "1")
    values = {
        name: fake.read(f"core/iblock_0/b/attrib/{name}").strip()
        for name in ("block_size", "max_unmap_lba_count", "unmap_granularity", "is_nonrot")
    }
    assert list(values.values()) == ["4096", "100", "8", "0"]
    fake.write("core/iblock_0/b/attrib/max_unmap_block_desc_count", "0")
    fake.write("core/iblock_0/b/attrib/max_unmap_lba_count", "0")
    fake.write("core/iblock_0/b/attrib/emulate_tpu", "1")
    assert fake.read("core/iblock_0/b/attrib/max_unmap_lba_count") == "100\n", "filled in again"


def test_a_disk_that_cannot_discard(fake: Filled) -> None:
    fake.write(iblock(fake, 0, "udev_path=/dev/vdb"), "1")
    refused(errno.ENOSYS, fake.write, "core/iblock_0/b/attrib/emulate_tpws", "1")


def test_a_real_block_device_is_not_opened(fake: Filled, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stat:
        st_mode = 0o060600
        st_rdev = os.makedev(7, 3)

    monkeypatch.setattr("os.stat", lambda _: Stat)
    fake.write(iblock(fake, 0, "udev_path=/dev/realdisk"), "1")
    assert "Major: 7 Minor: 3" in fake.read("core/iblock_0/b/info")


def test_fileio_on_a_disk(fake: Filled) -> None:
    path = fake.storage("core/fileio_0/f", "fd_dev_name=/dev/vdc")
    assert f"Size: {(1 << 30) - 4096}" in fake.read(f"{path}/info")
    assert fake.read(f"{path}/attrib/block_size") == "4096\n"
    assert fake.read(f"{path}/attrib/max_write_same_len") == "65535\n"
    refused(errno.ENOSYS, fake.write, f"{path}/attrib/pi_prot_type", "1")


def test_files_are_looked_up_and_never_made(fake: Filled, fs: FakeFilesystem) -> None:
    fs.create_file("/images/disk", contents="x" * 4096)
    fs.create_file("/images/file/x")
    fake.storage("core/fileio_0/there", "fd_dev_name=/images/disk,fd_dev_size=4096")
    fake.storage("core/fileio_0/new", "fd_dev_name=/images/new,fd_dev_size=4096")
    assert fake.host.files == {"/images/new": 0}
    assert not os.path.exists("/images/new")
    fake.storage("core/fileio_0/again", "fd_dev_name=/images/new,fd_dev_size=4096")
    for name, code in (
        ("/images", errno.EISDIR),
        ("/none/x", errno.ENOENT),
        ("/images/disk/x", errno.ENOTDIR),
    ):
        path = fake.storage(f"core/fileio_1/{code}", f"fd_dev_name={name}", enable=False)
        refused(code, fake.write, f"{path}/enable", "1")


def test_protection_makes_a_second_file(fake: Filled) -> None:
    path = fake.storage("core/fileio_0/f", "fd_dev_name=/tmp/no-such-f,fd_dev_size=4096")
    fake.write(f"{path}/attrib/pi_prot_type", "1")
    assert "/tmp/no-such-f.protection" in fake.host.files
    assert fake.read(f"{path}/attrib/pi_prot_verify") == "1\n"
    fake.write(f"{path}/attrib/pi_prot_format", "1")
    fake.write(f"{path}/attrib/pi_prot_type", "3")
    fake.write(f"{path}/attrib/pi_prot_verify", "0")
    fake.write(f"{path}/attrib/pi_prot_verify", "1")


def pscsi(fake: Filled, address: str, udev: str = "/dev/sdb", number: int = 0) -> str:
    keys = ("scsi_host_id", "scsi_channel_id", "scsi_target_id", "scsi_lun_id")
    control = ",".join(f"{k}={v}" for k, v in zip(keys, address.split(":")))
    path = fake.storage(f"core/pscsi_{number}/p", control, enable=False)
    fake.write(f"{path}/udev_path", udev)
    return path


def test_pscsi_finds_its_device(fake: Filled) -> None:
    fake.host.scsi["3:0:0:1"] = ScsiDevice(type=5, vendor="V", model="M", revision="R")
    refused(errno.EINVAL, fake.write, pscsi(fake, "9:0:0:0") + "/enable", "1")
    refused(errno.ENODEV, fake.write, pscsi(fake, "2:0:0:9", number=1) + "/enable", "1")
    path = pscsi(fake, "3:0:0:1", "/dev/sr7", number=2)
    fake.write(f"{path}/enable", "1")
    assert fake.read(f"{path}/statistics/scsi_lu/dev_type") == "5\n"
    fake.write(f"{path}/wwn/vpd_unit_serial", "mine")
    disk = pscsi(fake, "2:0:0:0", number=3)
    fake.write(f"{disk}/enable", "1")
    refused(errno.EOPNOTSUPP, fake.write, f"{disk}/wwn/vpd_unit_serial", "mine")
    refused(errno.EBUSY, fake.write, iblock(fake, 0, "udev_path=/dev/sdb"), "1")


def test_pscsi_without_a_host_number(fake: Filled) -> None:
    place = "scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0"
    lost = fake.storage("core/pscsi_7/p", place, enable=False)
    fake.write(f"{lost}/udev_path", "/dev/sdb")
    refused(errno.ENODEV, fake.write, f"{lost}/enable", "1")
    disk = fake.storage("core/pscsi_2/p", place, enable=False)
    fake.write(f"{disk}/udev_path", "/dev/sdb")
    fake.write(f"{disk}/enable", "1")
    assert fake.read("core/pscsi_2/hba_mode") == "1\n", "the HBA is that host now"
    assert "Host ID: PHBA Mode" in fake.read(f"{disk}/info")
    second = fake.storage("core/pscsi_2/q", place, enable=False)
    refused(errno.EINVAL, fake.write, f"{second}/control", "scsi_host_id=2")
    refused(errno.ENOENT, fake.write, f"{second}/enable", "1")
    fake.write("core/pscsi_2/hba_mode", "0")
    fake.write(f"{second}/udev_path", "/dev/sdb")
    refused(errno.EEXIST, fake.write, f"{second}/enable", "1")


def test_pscsi_hba_mode(fake: Filled) -> None:
    fake.mkdir("core/pscsi_2")
    fake.write("core/pscsi_2/hba_mode", "1")
    assert fake.read("core/pscsi_2/hba_mode") == "1\n"
    fake.write("core/pscsi_2/hba_mode", "0")
    fake.mkdir("core/pscsi_7")
    refused(errno.EINVAL, fake.write, "core/pscsi_7/hba_mode", "1")


def test_memory_is_finite() -> None:
    fake = Filled(host=FakeHost(memory=1 << 20))
    path = fake.storage(control="rd_pages=257", enable=False)
    refused(errno.ENOMEM, fake.write, f"{path}/enable", "1")
    fake.write(f"{path}/control", "rd_nullio=1")
    fake.write(f"{path}/enable", "1")


def test_dbroot_wants_a_directory(fake: Filled) -> None:
    refused(errno.ENOENT, fake.write, "dbroot", "/none")
    fake.write("dbroot", "/var/target\n")
    assert fake.read("dbroot") == "/var/target\n"


@pytest.mark.usefixtures("fs")  # where there is no /etc/target
def test_dbroot_is_the_older_one_where_the_newer_is_missing() -> None:
    fake = Filled(host=FakeHost(directories={"/var/target"}))
    assert fake.read("dbroot") == "/var/target\n"
