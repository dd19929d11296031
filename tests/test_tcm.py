# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The five kinds of storage object: made in every way, looked up, resized, refused."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from rtslib import (
    BlockStorageObject,
    FileIOStorageObject,
    HostError,
    InvalidValueError,
    NotSupportedError,
    PSCSIStorageObject,
    RDMCPStorageObject,
    RefusedError,
    RejectedError,
    RTSLibError,
    RTSLibNotInCFSError,
    RTSRoot,
    StorageObject,
    StorageObjectFactory,
    UserBackedStorageObject,
    tcm,
)
from rtslib.testing import BlockDevice, Journal, ScsiDevice
from rtslib.wwn import naa_of_serial

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

    from rtslib.testing import FakeKernel

MIB = 1 << 20
SERIAL = "8a2b9fbe-a5f8-4be0-b6a3-4b8c2b7ccd4e"


def nothing_is_left(fake: FakeKernel) -> bool:
    return [entry.name for entry in fake.listdir("core")] == ["alua"]


def control_of(fake: FakeKernel, make: Callable[[Journal], StorageObject]) -> list[str]:
    """Return what was written to the new object's control file."""
    journal = Journal(fake)
    so = make(journal)
    return [op.arguments[1] for op in journal.changes if op.path == so.below("control")]


# fileio


def test_fileio_by_position(fake: FakeKernel, tmp_path: Path) -> None:
    path = str(tmp_path / "disk one.img")
    so = FileIOStorageObject("d", path, 16 * MIB, SERIAL, True, True, 5)
    assert so.path == f"{fake.root}/core/fileio_5/d"
    assert os.path.getsize(path) == 16 * MIB
    assert (so.name, so.plugin, so.index, so.wwn) == ("d", "fileio", 5, SERIAL)
    assert so.enable is so.is_configured() is True
    assert so.write_back is so.aio is True
    assert (so.size, so.is_block, so.status) == (16 * MIB, False, "deactivated")
    assert so.udev_path == path


def test_fileio_by_keyword_with_the_defaults(fake: FakeKernel, tmp_path: Path) -> None:
    so = FileIOStorageObject(name="d", dev=str(tmp_path / "d"), size="2MiB")
    assert so.write_back is so.aio is False
    assert so.size == 2 * MIB
    assert len(so.wwn) == 36
    assert so.naa == naa_of_serial(so.wwn)
    assert so.attributes["emulate_write_cache"] is False
    assert so.index == 0
    assert so.fs is fake


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("size", [3 * MIB, "3145728", "3M", "3MiB", " 3072 K "])
def test_fileio_sizes(tmp_path: Path, size: int | str) -> None:
    assert FileIOStorageObject("d", str(tmp_path / "d"), size).size == 3 * MIB


@pytest.mark.parametrize("size", [-1, "-1", "much", "1.5G", ""])
def test_fileio_sizes_that_are_none(fake: FakeKernel, tmp_path: Path, size: int | str) -> None:
    with pytest.raises(InvalidValueError, match="is no size"):
        FileIOStorageObject("d", str(tmp_path / "d"), size)
    assert nothing_is_left(fake)
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("fake")
def test_fileio_takes_an_existing_file_at_its_own_size(tmp_path: Path) -> None:
    file = tmp_path / "d"
    file.write_bytes(bytes(8192))
    assert FileIOStorageObject("d", str(file), create=False).size == 8192
    assert FileIOStorageObject("e", str(file), 4096).size == 4096
    assert file.stat().st_size == 8192


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("value", "expected"), [("yes", True), (1, True), ("0", False), (0, False), (False, False)]
)
def test_fileio_flags_in_any_spelling(tmp_path: Path, value: Any, expected: bool) -> None:
    so = FileIOStorageObject("d", str(tmp_path / "d"), MIB, write_back=value, aio=value)
    assert so.write_back is so.aio is expected


def test_fileio_flag_that_is_none(fake: FakeKernel, tmp_path: Path) -> None:
    with pytest.raises(InvalidValueError, match="'perhaps' is not a yes or a no"):
        FileIOStorageObject("d", str(tmp_path / "d"), MIB, write_back="perhaps")  # type: ignore[arg-type]
    assert nothing_is_left(fake)
    assert not list(tmp_path.iterdir())


def test_fileio_removes_its_new_file_when_the_kernel_refuses(
    fake: FakeKernel, tmp_path: Path
) -> None:
    file = tmp_path / "d"
    with pytest.raises(RejectedError) as caught:
        FileIOStorageObject("d", str(file), MIB, control={"fd_async_io": 0})
    assert caught.value.errno == errno.EINVAL
    assert not file.exists()
    assert nothing_is_left(fake)


@pytest.mark.usefixtures("fake")
def test_fileio_keeps_the_file_that_was_there_when_the_kernel_refuses(tmp_path: Path) -> None:
    file = tmp_path / "d"
    file.write_bytes(b"x")
    with pytest.raises(RejectedError):
        FileIOStorageObject("d", str(file), MIB, control={"fd_buffered_io": 0})
    assert file.read_bytes() == b"x"


def test_fileio_of_a_directory_is_refused_by_the_kernel(fake: FakeKernel, tmp_path: Path) -> None:
    with pytest.raises(RejectedError) as caught:
        FileIOStorageObject("d", str(tmp_path))
    assert caught.value.errno == errno.EISDIR
    assert nothing_is_left(fake)


@pytest.mark.parametrize(
    ("name", "message"),
    [("a,b", "would end '/.*' at the comma; use a link"), ("a\nb", "has a line break")],
)
def test_fileio_path_that_control_would_cut(
    fake: FakeKernel, tmp_path: Path, name: str, message: str
) -> None:
    with pytest.raises(InvalidValueError, match=message) as caught:
        FileIOStorageObject("d", str(tmp_path / name), MIB)
    assert caught.value.path == f"{fake.root}/core/fileio_0/d/control"
    assert isinstance(caught.value, ValueError)
    assert not list(tmp_path.iterdir())
    assert nothing_is_left(fake)


@pytest.mark.usefixtures("fake")
def test_fileio_resize(tmp_path: Path) -> None:
    file = tmp_path / "d"
    so = FileIOStorageObject("d", str(file), MIB)
    assert so.resize("2MiB") == so.size == file.stat().st_size == 2 * MIB
    with pytest.raises(InvalidValueError, match="would cut data off; pass shrink=True"):
        so.resize(MIB)
    assert so.size == file.stat().st_size == 2 * MIB
    assert so.resize(MIB, shrink=True) == so.size == file.stat().st_size == MIB


def test_fileio_over_a_block_device_follows_it(fake: FakeKernel, fs: FakeFilesystem) -> None:
    block_device(fs, "/dev/loop0", 7, 0, sectors=2048)
    fake.host.devices["/dev/loop0"] = BlockDevice(size=MIB, major=7)
    so = FileIOStorageObject("d", "/dev/loop0")
    assert so.is_block
    assert so.size == MIB
    assert so.resize(MIB) == MIB
    with pytest.raises(NotSupportedError, match="as large as its device, 1048576 bytes"):
        so.resize(2 * MIB)


# iblock


def device_node(fs: FakeFilesystem, path: str, kind: int, major: int, minor: int) -> str:
    """Make a device node in /dev; return its place under /sys/dev."""
    node = fs.create_file(path, st_mode=kind | 0o660)
    # pyfakefs has no device numbers of its own.
    node.stat_result.st_rdev = os.makedev(major, minor)  # type: ignore[attr-defined]
    where = "block" if kind == stat.S_IFBLK else "char"
    return f"/sys/dev/{where}/{major}:{minor}"


def block_device(
    fs: FakeFilesystem, path: str, major: int, minor: int, *, sectors: int, readonly: bool = False
) -> None:
    """Make a block device in /dev and in /sys."""
    sysfs = device_node(fs, path, stat.S_IFBLK, major, minor)
    fs.create_file(f"{sysfs}/size", contents=f"{sectors}\n")
    fs.create_file(f"{sysfs}/ro", contents=f"{readonly:d}\n")


def test_fileio_over_a_block_device_goes_by_what_the_kernel_opened(
    fake: FakeKernel, fs: FakeFilesystem
) -> None:
    block_device(fs, "/dev/loop0", 7, 0, sectors=2048)
    fake.host.devices["/dev/loop0"] = BlockDevice(size=MIB, major=7)
    theirs = by_control_alone(fake, "fileio", "fd_dev_name=/dev/loop0")
    assert isinstance(theirs, FileIOStorageObject)
    assert (theirs.udev_path, theirs.is_block, theirs.size) == ("", True, MIB)
    theirs.udev_path = "/dev/elsewhere"
    assert theirs.resize("1M") == MIB


def test_fileio_of_no_path_yet(fake: FakeKernel) -> None:
    shut = by_control_alone(fake, "fileio", "fd_dev_size=4096", enable=False)
    assert isinstance(shut, FileIOStorageObject)
    assert (shut.is_block, shut.size) == (False, 4096)


def by_control_alone(
    fake: FakeKernel, plugin: str, control: str, *, enable: bool = True
) -> StorageObject:
    """Make an object as others do, without writing its path to udev_path for people."""
    rel = f"core/{plugin}_9/theirs"
    fake.mkdir(f"core/{plugin}_9")
    fake.mkdir(rel)
    if control:
        fake.write(f"{rel}/control", control)
    if enable:
        fake.write(f"{rel}/enable", "1")
    return StorageObject("theirs", index=9)


def test_iblock_by_position(fake: FakeKernel) -> None:
    so = BlockStorageObject("b", "/dev/sdb", SERIAL, True, True, 3, False)
    assert so.path == f"{fake.root}/core/iblock_3/b"
    assert (so.plugin, so.wwn, so.udev_path) == ("block", SERIAL, "/dev/sdb")
    assert (so.major, so.minor) == (8, 16)
    assert so.readonly is True
    assert so.write_back is False
    assert so.exclusive is True  # before 6.17 the key is ignored


def test_iblock_by_keyword(fake: FakeKernel) -> None:
    made = control_of(
        fake,
        lambda fs: BlockStorageObject(name="b", dev="/dev/vdb", readonly="0", exclusive=1, fs=fs),  # type: ignore[arg-type]
    )
    assert made == ["udev_path=/dev/vdb,readonly=0"]
    assert BlockStorageObject("b").readonly is False


def test_iblock_that_is_shared_says_so_to_the_kernel(fake: FakeKernel) -> None:
    made = control_of(fake, lambda fs: BlockStorageObject("b", "/dev/vdb", exclusive=False, fs=fs))
    assert made == ["udev_path=/dev/vdb,readonly=0,exclusive=0"]


@pytest.mark.usefixtures("fake")
def test_iblock_finds_out_what_cannot_be_written(fs: FakeFilesystem) -> None:
    block_device(fs, "/dev/sr0", 11, 0, sectors=8, readonly=True)
    block_device(fs, "/dev/vdb", 254, 16, sectors=8)
    assert BlockStorageObject("cd", "/dev/sr0", readonly=None).readonly is True
    assert BlockStorageObject("disk", "/dev/vdb", readonly=None).readonly is False
    with pytest.raises(HostError, match="cannot find /dev/none"):
        BlockStorageObject("none", "/dev/none", readonly=None)


@pytest.mark.usefixtures("fake")
def test_iblock_size_and_resize_are_the_devices(fs: FakeFilesystem) -> None:
    block_device(fs, "/dev/vdb", 254, 16, sectors=4096)
    so = BlockStorageObject("b", "/dev/vdb")
    assert so.size == 2 * MIB
    assert so.resize("2M") == 2 * MIB
    with pytest.raises(NotSupportedError, match="resize the device"):
        so.resize(MIB, shrink=True)


def test_iblock_size_is_that_of_the_device_numbers(fake: FakeKernel, fs: FakeFilesystem) -> None:
    fs.create_file("/sys/dev/block/254:16/size", contents="4096\n")
    theirs = by_control_alone(fake, "iblock", "udev_path=/dev/vdb")
    assert theirs.udev_path == ""
    assert theirs.size == theirs.resize("2M") == 2 * MIB
    theirs.udev_path = "/dev/elsewhere"
    assert theirs.size == 2 * MIB
    with pytest.raises(NotSupportedError, match="as large as its device, 2097152 bytes"):
        theirs.resize(MIB)


def test_iblock_size_before_it_is_open(fake: FakeKernel, fs: FakeFilesystem) -> None:
    theirs = by_control_alone(fake, "iblock", "", enable=False)
    with pytest.raises(NotSupportedError, match="has no device yet") as caught:
        theirs.size  # noqa: B018 - the read is the test
    assert caught.value.path == theirs.path
    block_device(fs, "/dev/vdb", 254, 16, sectors=4096)
    block_device(fs, "/dev/vdc", 254, 32, sectors=8)
    theirs.udev_path = "/dev/vdc"
    assert theirs.size == 4096
    theirs.configure(udev_path="/dev/vdb")
    assert theirs.size == 2 * MIB


@pytest.mark.parametrize(
    ("dev", "number", "kind"),
    [
        ("/dev/none", errno.ENOENT, RTSLibNotInCFSError),
        ("/etc", errno.ENOTBLK, RejectedError),
        ("/dev/taken", errno.EBUSY, OSError),
        ("/dev/sr0", errno.EACCES, PermissionError),
    ],
)
def test_iblock_refusals_leave_nothing(
    fake: FakeKernel, dev: str, number: int, kind: type[Exception]
) -> None:
    fake.host.devices["/dev/taken"] = BlockDevice(claimed=True)
    with pytest.raises(RTSLibError) as caught:
        BlockStorageObject("b", dev)
    assert isinstance(caught.value, kind)
    assert caught.value.errno == number
    assert caught.value.path == f"{fake.root}/core/iblock_0/b/enable"
    assert nothing_is_left(fake)


# pscsi


def scsi_device(fs: FakeFilesystem, path: str, hctl: str, kind: str = "scsi_generic") -> None:
    """Make a SCSI character device in /dev and in /sys."""
    real = f"/sys/devices/pci0/host/target/{hctl}"
    fs.create_dir(f"{real}/{kind}/{os.path.basename(path)}")
    sysfs = device_node(fs, path, stat.S_IFCHR, 21, 0)
    fs.create_symlink(sysfs, f"{real}/{kind}/{os.path.basename(path)}")
    fs.create_symlink(f"/sys/bus/scsi/devices/{hctl}", real)


def tape(fake: FakeKernel) -> None:
    fake.host.scsi["3:0:1:2"] = ScsiDevice(
        path="/dev/sg0", type=1, vendor="IBM", model="ULT3580", revision="9", serial="77"
    )


@pytest.mark.parametrize("dev", ["/dev/sg0", "3:0:1:2", "/dev/tape/by-id/one"])
def test_pscsi_by_node_link_and_address(fake: FakeKernel, fs: FakeFilesystem, dev: str) -> None:
    tape(fake)
    scsi_device(fs, "/dev/sg0", "3:0:1:2")
    fs.create_symlink("/dev/tape/by-id/one", "/dev/sg0")
    so = PSCSIStorageObject("p", dev, 4)
    assert so.path == f"{fake.root}/core/pscsi_4/p"
    assert so.plugin == "pscsi"
    assert (so.host_id, so.channel_id, so.target_id, so.lun) == (3, 0, 1, 2)
    assert (so.vendor, so.model, so.revision) == ("IBM", "ULT3580", "9")
    assert so.udev_path == ("/dev/sg0" if dev == "3:0:1:2" else dev)
    assert so.wwn == "77"
    assert not so.alua_supported


def test_pscsi_serial_is_the_devices(fake: FakeKernel, fs: FakeFilesystem) -> None:
    tape(fake)
    scsi_device(fs, "/dev/sg0", "3:0:1:2")
    so = PSCSIStorageObject(name="p", dev="/dev/sg0", enable=False)
    assert not so.enable
    so.enable = True
    with pytest.raises(RefusedError) as caught:
        so.wwn = SERIAL
    assert caught.value.errno == errno.EOPNOTSUPP


def test_pscsi_that_is_not_there(fake: FakeKernel, fs: FakeFilesystem) -> None:
    with pytest.raises(HostError, match="there is no SCSI device 9:0:0:0"):
        PSCSIStorageObject("p", "9:0:0:0")
    with pytest.raises(HostError, match="cannot find /dev/sg9"):
        PSCSIStorageObject("p", "/dev/sg9")
    fs.create_file("/file")
    with pytest.raises(InvalidValueError, match="/file is not a SCSI device"):
        PSCSIStorageObject("p", "/file")
    assert nothing_is_left(fake)


@pytest.mark.usefixtures("fake")
def test_pscsi_disk_has_the_size_of_its_block_device(fs: FakeFilesystem) -> None:
    real = "/sys/devices/pci0/2:0:0:0/block/sdb"
    fs.create_file(f"{real}/size", contents="2048\n")
    fs.create_symlink(device_node(fs, "/dev/sdb", stat.S_IFBLK, 8, 16), real)
    so = PSCSIStorageObject("p", "/dev/sdb")
    assert so.size == MIB
    with pytest.raises(NotSupportedError, match="a pscsi object cannot be resized"):
        so.resize(2 * MIB)


def test_pscsi_size_without_a_path_for_people(fake: FakeKernel, fs: FakeFilesystem) -> None:
    real = "/sys/devices/pci0/2:0:0:0"
    fs.create_file(f"{real}/block/sdb/size", contents="2048\n")
    fs.create_symlink(device_node(fs, "/dev/sdb", stat.S_IFBLK, 8, 16), f"{real}/block/sdb")
    fs.create_symlink("/sys/bus/scsi/devices/2:0:0:0", real)
    address = "scsi_host_id=2,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0"
    theirs = by_control_alone(fake, "pscsi", address, enable=False)
    # The kernel wants a path before it opens the device, and keeps none if it is cleared then.
    theirs.udev_path = "/dev/sdb"
    theirs.enable = True
    theirs.udev_path = ""
    assert theirs.size == MIB
    fs.remove("/sys/devices/pci0/2:0:0:0/block/sdb/size")
    fs.rename(f"{real}/block/sdb", f"{real}/gone")
    with pytest.raises(HostError, match="cannot find a device of no name"):
        theirs.size  # noqa: B018 - the read is the test


def test_pscsi_of_a_device_that_the_kernel_lost(fake: FakeKernel, fs: FakeFilesystem) -> None:
    scsi_device(fs, "/dev/sg0", "2:0:0:9")
    with pytest.raises(RefusedError) as caught:
        PSCSIStorageObject("p", "/dev/sg0")
    assert caught.value.errno == errno.ENODEV
    assert nothing_is_left(fake)


# ramdisk


def test_ramdisk_by_position(fake: FakeKernel) -> None:
    so = RDMCPStorageObject("r", "64K", SERIAL, True, 9)
    assert so.path == f"{fake.root}/core/rd_mcp_9/r"
    assert (so.plugin, so.wwn, so.nullio) == ("ramdisk", SERIAL, True)
    assert (so.size, so.pages, so.page_size) == (65536, 16, 4096)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(("size", "pages"), [(1, 1), (4096, 1), (4097, 2), ("1MiB", 256)])
def test_ramdisk_sizes_are_whole_pages(size: int | str, pages: int) -> None:
    so = RDMCPStorageObject(name="r", size=size)
    assert so.pages == pages
    assert so.nullio is False


@pytest.mark.parametrize("size", [0, "0"])
def test_ramdisk_of_nothing(fake: FakeKernel, size: int | str) -> None:
    with pytest.raises(InvalidValueError, match="has no pages"):
        RDMCPStorageObject("r", size)
    assert nothing_is_left(fake)


def test_ramdisk_larger_than_memory_and_its_resize(fake: FakeKernel) -> None:
    with pytest.raises(RTSLibError) as caught:
        RDMCPStorageObject("r", "1T")
    assert caught.value.errno == errno.ENOMEM
    assert nothing_is_left(fake)
    with pytest.raises(NotSupportedError, match="a ramdisk object cannot be resized"):
        RDMCPStorageObject("r", "1M").resize("2M")


# all plugins

MAKERS: dict[str, Callable[..., StorageObject]] = {
    "fileio": lambda name, **kwargs: FileIOStorageObject(name, "/dev/vdb", **kwargs),
    "block": lambda name, **kwargs: BlockStorageObject(name, "/dev/vdb", **kwargs),
    "ramdisk": lambda name, **kwargs: RDMCPStorageObject(name, MIB, **kwargs),
    "user": lambda name, **kwargs: UserBackedStorageObject(name, "h/c", MIB, **kwargs),
    "pscsi": lambda name, **kwargs: PSCSIStorageObject(name, "/dev/sg0", **kwargs),
}


@pytest.fixture
def devices(fake: FakeKernel, fs: FakeFilesystem) -> FakeKernel:
    """A machine that has a device for each plugin."""
    tape(fake)
    scsi_device(fs, "/dev/sg0", "3:0:1:2")
    block_device(fs, "/dev/vdb", 254, 16, sectors=2048)
    return fake


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize("plugin", list(MAKERS))
def test_two_phases(plugin: str) -> None:
    so = MAKERS[plugin]("a", enable=False)
    assert so.enable is so.is_configured() is False
    so.enable = "yes"
    assert so.enable is True
    with pytest.raises(FileExistsError):
        so.enable = True
    with pytest.raises(RejectedError):
        so.enable = False


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize("plugin", list(MAKERS))
def test_lookup_by_class_by_base_class_and_by_path(plugin: str) -> None:
    made = MAKERS[plugin]("a", index=6)
    for found in (
        type(made)("a"),
        type(made)("a", index=6),
        StorageObject("a"),
        StorageObject("a", "lookup", 6),
        StorageObject.so_from_path(made.path),
        next(type(made).all()),
    ):
        assert found == made
        assert type(found) is type(made)
    with pytest.raises(RTSLibNotInCFSError, match=r"there is no .*'a' under .*/core"):
        type(made)("a", index=5)
    with pytest.raises(RTSLibNotInCFSError):
        StorageObject("b")
    assert list(RTSRoot().storage_objects) == [made]


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize("plugin", list(MAKERS))
def test_another_plugins_object_is_not_found_and_may_have_the_name(plugin: str) -> None:
    made = MAKERS[plugin]("a", enable=False)
    others = [MAKERS[other]("a", enable=False) for other in MAKERS if other != plugin]
    assert made not in others
    assert sorted(so.index for so in [made, *others] if so.index is not None) == list(range(5))


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize("plugin", list(MAKERS))
def test_every_control_key_is_taken(plugin: str) -> None:
    so = MAKERS[plugin]("a", enable=False)
    for key, codec in type(so).control_keys.items():
        value: object = "/dev/vdb" if codec.name.startswith("name") else 1
        so.configure(**{key: value})
    so.configure()
    with pytest.raises(InvalidValueError, match="has no control key 'force_it', only"):
        so.configure(force_it=1)


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize("plugin", [plugin for plugin in MAKERS if plugin != "pscsi"])
def test_a_serial_is_given_or_made_up(plugin: str) -> None:
    assert MAKERS[plugin]("given", enable=False, wwn=SERIAL).wwn == SERIAL
    one, other = (MAKERS[plugin](name, enable=False).wwn for name in ("one", "other"))
    assert one != other


def test_a_serial_that_is_too_long_takes_all_back(fake: FakeKernel) -> None:
    with pytest.raises(RejectedError) as caught:
        RDMCPStorageObject("r", MIB, "x" * 254)
    assert caught.value.errno == errno.EOVERFLOW
    assert nothing_is_left(fake)


def test_listings_show_what_others_made(fake: FakeKernel) -> None:
    for path in ("fileio_7", "fileio_7/x", "fileio_7/y", "user_0", "user_0/z", "rd_mcp_1"):
        fake.mkdir(f"core/{path}")
    found = list(RTSRoot().storage_objects)
    assert [(so.plugin, so.name) for so in found] == [
        ("fileio", "x"),
        ("fileio", "y"),
        ("user", "z"),
    ]
    assert [so.name for so in FileIOStorageObject.all()] == ["x", "y"]
    assert [so.name for so in StorageObject.all(fake)] == ["x", "y", "z"]


def test_an_object_is_only_looked_up_by_its_base_class(fake: FakeKernel) -> None:
    with pytest.raises(InvalidValueError, match="can only be looked up"):
        StorageObject("a", "create")
    for path in ("/etc", f"{fake.root}/core", f"{fake.root}/iscsi/x/tpgt_1"):
        with pytest.raises(InvalidValueError, match="is not the path of a storage object"):
            StorageObject.so_from_path(path)
    with pytest.raises(RTSLibNotInCFSError):
        StorageObject.so_from_path(f"{fake.root}/core/rd_mcp_0/none")


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize(
    ("plugin", "key", "limit"),
    [("fileio", "fd_dev_name", 255), ("block", "udev_path", 511), ("user", "dev_config", 255)],
)
def test_a_name_is_kept_whole_or_refused(plugin: str, key: str, limit: int) -> None:
    so = MAKERS[plugin]("a", enable=False)
    field = "config" if plugin == "user" else "path"
    longest = "/" + "x" * (limit - 1)
    so.configure(**{key: longest})
    assert so.info[field] == longest
    for longer in (longest + "x", "/" + "\u00e9" * (limit // 2 + 1)):
        with pytest.raises(InvalidValueError, match=f"to {limit} bytes without an error") as caught:
            so.configure(**{key: longer})
        assert caught.value.path == f"{so.path}/control"
    assert so.info[field] == longest


def test_a_backing_path_that_the_kernel_would_cut_leaves_nothing(
    fake: FakeKernel, tmp_path: Path
) -> None:
    directory = tmp_path / ("x" * 120) / ("y" * 120)
    directory.mkdir(parents=True)
    with pytest.raises(InvalidValueError, match="to 255 bytes without an error; use a link"):
        FileIOStorageObject("d", str(directory / "disk.img"), MIB)
    assert not list(directory.iterdir())
    assert nothing_is_left(fake)


# Classic ways to an object


@pytest.mark.usefixtures("fake")
def test_the_factory_makes_what_the_path_is(fs: FakeFilesystem) -> None:
    block_device(fs, "/dev/vdb", 254, 16, sectors=2048)
    disk = StorageObjectFactory("/dev/vdb")
    assert (type(disk), disk.name, disk.udev_path) == (BlockStorageObject, "vdb", "/dev/vdb")
    fs.create_file("/srv/disk.img", st_size=MIB)
    file = StorageObjectFactory("/srv/disk.img")
    assert (type(file), file.name, file.size) == (FileIOStorageObject, "disk.img", MIB)
    for other in ("/srv", "/srv/nothing"):
        with pytest.raises(InvalidValueError, match="neither a block device nor a file"):
            StorageObjectFactory(other)
    assert len(list(StorageObject.all())) == 2


def test_an_hba_is_found_by_its_object(fake: FakeKernel) -> None:
    so = RDMCPStorageObject("r", MIB, index=4)
    for index in (None, 4):
        found = tcm._Backstore("r", RDMCPStorageObject, "lookup", index)
        assert found == so.backstore
        assert (found.plugin, found.index, found.version) == ("ramdisk", 4, so.version)
    with pytest.raises(RTSLibNotInCFSError):
        tcm._Backstore("r", FileIOStorageObject, "lookup", fs=fake)
    with pytest.raises(InvalidValueError, match="made with its first storage object"):
        tcm._Backstore("s", RDMCPStorageObject, "create")


@pytest.mark.usefixtures("fake")
def test_names_that_only_programs_for_rtslib_fb_use() -> None:
    so = RDMCPStorageObject("r", MIB, SERIAL)
    assert so._get_wwn() == SERIAL
    assert so._exists() is True
    assert tcm.storage_object_get_alua_support_attr(so) is True
    so.delete()
    assert so._exists() is False
