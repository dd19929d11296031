# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Storage objects: identity, settings before and after enabling, deletion with what depends."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from trees import iscsi_tpg

from rtslib import (
    LUN,
    TPG,
    AccessError,
    BlockStorageObject,
    FabricModule,
    FileIOStorageObject,
    InvalidValueError,
    MappedLUN,
    NodeACL,
    NotSupportedError,
    PSCSIStorageObject,
    RDMCPStorageObject,
    RejectedError,
    RTSLibNotInCFSError,
    RTSRoot,
    StorageObject,
    Target,
    UserBackedStorageObject,
    use,
)
from rtslib.referrers import delete_referrers
from rtslib.storage import Backstore
from rtslib.testing import Faulty, Journal

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.testing import FakeKernel

SERIAL = "a1b2c3d4-5e6f-4a7b-8c9d-0e1f2a3b4c5d"
INITIATOR = "iqn.1994-05.com.example:one"


@pytest.fixture
def disk(fake: FakeKernel) -> RDMCPStorageObject:
    """A ramdisk."""
    return RDMCPStorageObject("disk", "1M", SERIAL, fs=fake)


# Identity


def test_identity_is_written_and_read(disk: RDMCPStorageObject) -> None:
    assert (disk.vendor_id, disk.product_id, disk.product_rev) == ("LIO-ORG", "RAMDISK-MCP", "4.0")
    disk.vendor_id = "EXAMPLE"
    disk.product_id = "Big disk"
    disk.product_rev = "7"
    disk.company_id = "0x00abcd"
    assert (disk.vendor_id, disk.product_id, disk.product_rev) == ("EXAMPLE", "Big disk", "7")
    assert disk.company_id == 0xABCD
    assert disk.identity.text("company_id") == "0x00abcd"
    assert "vpd_unit_serial" in disk.identity


def test_the_naa_follows_serial_and_company_id(disk: RDMCPStorageObject) -> None:
    assert disk.serial == disk.wwn == SERIAL
    assert disk.naa == "naa.6001405a1b2c3d45e6f4a7b8c9d0e1f2"
    disk.company_id = "001405"  # hexadecimal, with or without 0x
    assert disk.company_id == 0x001405
    disk.company_id = 0xABCDEF
    disk.wwn = "12ab"
    assert disk.naa == "naa.6abcdef12ab" + "0" * 21


def test_a_kernel_without_company_id_has_the_default(disk: RDMCPStorageObject) -> None:
    fault = Faulty(disk.fs, errno.ENOENT, when=lambda _name, path: path.endswith("company_id"))
    old = RDMCPStorageObject("disk", fs=fault)
    assert old.company_id == 0x001405
    assert old.naa == "naa.6001405a1b2c3d45e6f4a7b8c9d0e1f2"


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("vendor_id", "NINECHARS", errno.EOVERFLOW),
        ("product_id", "x" * 17, errno.EOVERFLOW),
        ("product_rev", "12345", errno.EOVERFLOW),
        ("vendor_id", "t\u00e4st", errno.EINVAL),
        ("wwn", "x" * 254, errno.EOVERFLOW),
    ],
)
def test_identity_that_the_kernel_refuses(
    disk: RDMCPStorageObject, name: str, value: str, number: int
) -> None:
    with pytest.raises(RejectedError) as caught:
        setattr(disk, name, value)
    assert caught.value.errno == number
    assert caught.value.value == value
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("name", ["wwn", "serial", "vendor_id", "product_id", "product_rev"])
@pytest.mark.parametrize("value", [" ab", "ab ", "ab\t", "\nab", "a\0b", "a\u00e0"])
def test_identity_that_the_kernel_would_strip_is_refused(
    disk: RDMCPStorageObject, name: str, value: str
) -> None:
    before = getattr(disk, name)
    with pytest.raises(InvalidValueError, match="would drop the blanks around it") as caught:
        setattr(disk, name, value)
    assert caught.value.path is not None
    assert caught.value.path.startswith(f"{disk.path}/wwn/")
    assert getattr(disk, name) == before
    assert disk.attributes["block_size"] == 512


def test_the_blanks_of_the_standard_are_not_part_of_a_devices_names(fake: FakeKernel) -> None:
    for path in ("pscsi_77", "pscsi_77/p"):
        fake.mkdir(f"core/{path}")
    theirs = PSCSIStorageObject("p")
    theirs.configure(scsi_host_id=2, scsi_channel_id=0, scsi_target_id=0, scsi_lun_id=0)
    theirs.udev_path = "/dev/sdb"
    theirs.enable = True
    shown = theirs.read("wwn/vendor_id").rstrip("\n")
    assert shown == f"{theirs.vendor_id:8}" != theirs.vendor_id
    for name in ("vendor_id", "product_id", "product_rev"):
        value = getattr(theirs, name)
        setattr(theirs, name, value)
        assert getattr(theirs, name) == value


@pytest.mark.parametrize("value", [0x1000000, -1, "xyz", "1000000"])
def test_company_ids_that_are_none(disk: RDMCPStorageObject, value: object) -> None:
    with pytest.raises(InvalidValueError) as caught:
        disk.company_id = value
    assert caught.value.path == f"{disk.path}/wwn/company_id"


def test_identity_is_fixed_while_exported(disk: RDMCPStorageObject, fake: FakeKernel) -> None:
    LUN(iscsi_tpg(fake), 0, disk)
    for name in ("wwn", "vendor_id", "product_id", "product_rev"):
        with pytest.raises(RejectedError) as caught:
            setattr(disk, name, "new")
        assert caught.value.errno == errno.EINVAL
    assert disk.serial == SERIAL


def test_alias_udev_path_and_lba_map(disk: RDMCPStorageObject) -> None:
    assert (disk.alias, disk.udev_path, disk.lba_map) == ("", "", "")
    disk.alias = "the disk: of, all"
    disk.udev_path = "/dev/disk/by-id/x y"
    assert (disk.alias, disk.udev_path) == ("the disk: of, all", "/dev/disk/by-id/x y")
    disk.alias = ""
    assert disk.alias == ""
    with pytest.raises(RejectedError):
        disk.alias = "x" * 512


# What it says of itself


def test_facts(disk: RDMCPStorageObject, fake: FakeKernel) -> None:
    assert (disk.name, disk.index, disk.version) == ("disk", 0, "v5.0")
    assert disk.info["makeup"] == "rd_mcp"
    assert disk.status == "deactivated"
    assert disk.alua_supported is True
    assert [group.name for group in disk.alua_tpgs] == ["default_tg_pt_gp"]
    assert disk.reservations.text("res_pr_type") == "No SPC-3 Reservation holder"
    assert disk.statistics["scsi_lu"]["lun"] == 0
    LUN(iscsi_tpg(fake), 3, disk)
    assert disk.status == "activated"
    assert [lun.lun for lun in disk.attached_luns] == [3]


def test_a_field_that_the_kernel_does_not_tell(fake: FakeKernel) -> None:
    fake.mkdir("core/iblock_0")
    fake.mkdir("core/iblock_0/b")
    theirs = BlockStorageObject("b")
    assert theirs.info["exclusive"] is None
    with pytest.raises(NotSupportedError, match="/info does not tell none") as caught:
        theirs._info("none")
    assert caught.value.path == f"{theirs.path}/info"


def test_size_of_an_object_of_another_plugin(fake: FakeKernel) -> None:
    for path in ("fileio_0", "fileio_0/theirs"):
        fake.mkdir(f"core/{path}")
    fake.write("core/fileio_0/theirs/control", "fd_dev_size=4096")
    plain = StorageObject("theirs")
    assert isinstance(plain, FileIOStorageObject)
    assert plain.size == StorageObject.size.fget(plain) == 4096  # type: ignore[attr-defined]


def test_a_storage_object_of_no_plugin_cannot_be_resized(disk: RDMCPStorageObject) -> None:
    with pytest.raises(NotSupportedError, match="a ramdisk object cannot be resized"):
        disk.resize(1, shrink=True)


# Settings


@pytest.mark.usefixtures("fake")
def test_every_writable_attribute_takes_its_own_value(tmp_path: Path) -> None:
    for so in (
        RDMCPStorageObject("r", "1M"),
        FileIOStorageObject("f", str(tmp_path / "f"), "1M"),
        BlockStorageObject("b", "/dev/vdc"),
        UserBackedStorageObject("u", "h/c", "1M"),
    ):
        values = so.attributes.read_all()
        assert set(so.list_attributes(writable=True)) < set(values)
        for name in so.list_attributes(writable=True):
            so.attributes[name] = values[name]
        assert so.attributes.read_all() == values


@pytest.mark.parametrize("value", [True, 1, "1", "yes"])
def test_attributes_by_the_classic_names(disk: RDMCPStorageObject, value: object) -> None:
    disk.set_attribute("emulate_write_cache", value)
    assert disk.get_attribute("emulate_write_cache") == "1"
    assert disk.attributes["emulate_write_cache"] is True
    disk.set_attribute("emulate_write_cache", False)
    assert disk.get_attribute("emulate_write_cache") == "0"


@pytest.mark.parametrize("name", ["emulate_tpu", "emulate_tpws", "unmap_zeroes_data"])
def test_what_oopses_before_enabling_is_refused(
    fake: FakeKernel, tmp_path: Path, name: str
) -> None:
    so = FileIOStorageObject("f", str(tmp_path / "f"), "1M", enable=False)
    journal = Journal(fake)
    shut = FileIOStorageObject("f", fs=journal)
    with pytest.raises(InvalidValueError, match="crashes the kernel; enable it first") as caught:
        shut.set_attribute(name, 1)
    assert caught.value.path == f"{so.path}/attrib/{name}"
    assert not journal.changes
    so.attributes["emulate_caw"] = False
    so.enable = True
    so.set_attribute(name, 1)
    assert so.attributes[name] is True


def test_settings_that_enabling_resets_or_needs(fake: FakeKernel, tmp_path: Path) -> None:
    so = FileIOStorageObject("f", str(tmp_path / "f"), "1M", enable=False)
    so.attributes["block_size"] = 4096
    so.enable = True
    assert so.attributes["block_size"] == 512
    so.attributes["block_size"] = 4096
    assert so.attributes["block_size"] == 4096
    LUN(iscsi_tpg(fake), 0, so)
    with pytest.raises(RejectedError):
        so.attributes["block_size"] = 4096


@pytest.mark.usefixtures("fake")
def test_control_after_enabling() -> None:
    so = BlockStorageObject("b", "/dev/vdb")
    with pytest.raises(FileExistsError) as caught:
        so.configure(udev_path="/dev/vdc")
    assert caught.value.errno == errno.EEXIST
    assert so.udev_path == "/dev/vdb"


# Deletion


def test_delete_takes_luns_mapped_luns_and_groups(disk: RDMCPStorageObject) -> None:
    fs = disk.fs
    other = RDMCPStorageObject("other", "1M")
    tpg = iscsi_tpg(fs)
    LUN(tpg, 0, disk)
    LUN(tpg, 1, other)
    LUN(tpg, 2, disk)
    acl = NodeACL(tpg, INITIATOR)
    for number in range(3):
        MappedLUN(acl, number, number)
    loop = TPG(Target(FabricModule("loopback")))
    LUN(loop, 0, disk)
    disk.alua_tpgs.create("mine", 5)
    disk.delete()
    assert [lun.lun for lun in RTSRoot().luns] == [1]
    assert [mapped.mapped_lun for mapped in acl.mapped_luns] == [1]
    assert list(RTSRoot().storage_objects) == [other]
    assert [hba.name for hba in RTSRoot().backstores] == ["rd_mcp_1"]
    assert not disk.exists


def test_delete_of_what_nobody_exports_searches_for_nobody(disk: RDMCPStorageObject) -> None:
    tpg = iscsi_tpg(disk.fs)
    other = RDMCPStorageObject("other", "1M")
    LUN(tpg, 0, other)
    journal = Journal(disk.fs)
    RDMCPStorageObject("disk", fs=journal).delete()
    assert "readlink" not in journal.count()
    assert [op.name for op in journal.changes] == ["rmdir", "rmdir"]


def test_groups_are_kept_while_a_lun_cannot_be_deleted(disk: RDMCPStorageObject) -> None:
    LUN(iscsi_tpg(disk.fs), 0, disk)
    group = disk.alua_tpgs.create("mine", 5)
    fault = Faulty(disk.fs, errno.EPERM, when=lambda name, _path: name == "unlink")
    with pytest.raises(AccessError):
        RDMCPStorageObject("disk", fs=fault).delete()
    assert group.exists
    assert disk.status == "activated"


def test_delete_of_what_is_gone_is_an_error(disk: RDMCPStorageObject) -> None:
    disk.delete()
    with pytest.raises(RTSLibNotInCFSError) as caught:
        disk.delete()
    assert (caught.value.errno, caught.value.path) == (errno.ENOENT, disk.path)


def test_what_vanishes_during_a_deletion_is_no_error(disk: RDMCPStorageObject) -> None:
    tpg = iscsi_tpg(disk.fs)
    luns = [LUN(tpg, number, disk) for number in range(2)]

    class Racing(Journal):
        """Somebody else deletes the second LUN when the first is."""

        def rmdir(self, path: str) -> None:
            super().rmdir(path)
            if path == luns[0].below("") and luns[1].exists:
                luns[1].delete()

    RDMCPStorageObject("disk", fs=Racing(disk.fs)).delete()
    assert not list(tpg.luns)
    assert not disk.exists


def test_the_end_of_links_is_told_by_the_kernel_alone(disk: RDMCPStorageObject) -> None:
    fault = Faulty(disk.fs, errno.EACCES, when=lambda name, _path: name == "rmdir")
    with pytest.raises(AccessError):
        delete_referrers(RDMCPStorageObject("disk", fs=fault))
    assert disk.exists


def test_delete_leaves_an_hba_with_other_objects(fake: FakeKernel) -> None:
    for path in ("rd_mcp_0", "rd_mcp_0/a", "rd_mcp_0/b"):
        fake.mkdir(f"core/{path}")
    RDMCPStorageObject("a").delete()
    assert [so.name for so in RTSRoot().storage_objects] == ["b"]
    RDMCPStorageObject("b").delete()
    assert not list(RTSRoot().backstores)


def test_an_hba_that_somebody_else_removed_first_is_no_error(disk: RDMCPStorageObject) -> None:
    fault = Faulty(
        disk.fs, errno.ENOENT, when=lambda name, path: (name, path) == ("rmdir", "core/rd_mcp_0")
    )
    RDMCPStorageObject("disk", fs=fault).delete()
    assert not disk.exists


def test_an_hba_that_cannot_be_removed_is_an_error(disk: RDMCPStorageObject) -> None:
    fault = Faulty(
        disk.fs, errno.EPERM, when=lambda name, path: (name, path) == ("rmdir", "core/rd_mcp_0")
    )
    with pytest.raises(AccessError) as caught:
        RDMCPStorageObject("disk", fs=fault).delete()
    assert caught.value.path == f"{disk.fs.root}/core/rd_mcp_0"


# HBAs


def test_backstores(disk: RDMCPStorageObject, fake: FakeKernel) -> None:
    for name in ("user_0x5", "iblock_7"):
        fake.mkdir(f"core/{name}")
    found = {hba.name: hba for hba in RTSRoot().backstores}
    assert list(found) == ["iblock_7", "rd_mcp_0", "user_0x5"]
    assert [(hba.plugin, hba.index) for hba in found.values()] == [
        ("block", 7),
        ("ramdisk", 0),
        ("user", 5),
    ]
    assert found["rd_mcp_0"] == disk.backstore
    assert disk.backstore.version == "v5.0"
    assert disk.backstore.info == "HBA Index: 1 plugin: rd_mcp version: v5.0"
    assert list(disk.backstore.storage_objects) == [disk]
    assert isinstance(disk.parent, Backstore)


def test_an_hba_is_deleted_with_its_objects_and_their_luns(fake: FakeKernel) -> None:
    for path in ("rd_mcp_7", "rd_mcp_7/a", "rd_mcp_7/b", "rd_mcp_7/c"):
        fake.mkdir(f"core/{path}")
    RDMCPStorageObject("kept", "1M")
    tpg = iscsi_tpg(fake)
    for number, name in enumerate(("a", "b", "kept")):
        so = RDMCPStorageObject(name)
        if name != "kept":
            so.configure(rd_pages=1)
            so.enable = True
        LUN(tpg, number, so)
    MappedLUN(NodeACL(tpg, INITIATOR), 0, 0)
    hba = RDMCPStorageObject("a").backstore
    hba.delete()
    assert not hba.exists
    assert [lun.lun for lun in tpg.luns] == [2]
    assert [so.name for so in RTSRoot().storage_objects] == ["kept"]
    with pytest.raises(RTSLibNotInCFSError):
        hba.delete()
    fake.mkdir("core/user_9")
    Backstore.handle(fake, "core/user_9").delete()
    assert [found.name for found in RTSRoot().backstores] == ["rd_mcp_0"]


def test_a_subclass_of_a_plugins_class_does_not_take_the_plugin(disk: RDMCPStorageObject) -> None:
    class Mine(RDMCPStorageObject):
        """A user's own."""

    assert type(StorageObject("disk")) is RDMCPStorageObject
    assert type(next(RDMCPStorageObject.all())) is RDMCPStorageObject
    assert type(Mine("disk")) is Mine
    made = Mine("mine", "1M")
    assert type(made) is Mine
    assert list(Mine.all()) == [disk, made]
    assert StorageObject("mine") == made


def test_a_class_of_a_new_plugin_is_found_by_its_directory(
    fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StorageObject, "_classes", dict(StorageObject._classes))

    class Vendors(StorageObject):
        """A vendor's plugin."""

        plugin = "vendors"
        directory = "other"

    assert type(StorageObject.handle(fake, "core/other_3/x")) is Vendors
    assert Backstore.handle(fake, "core/other_3").plugin == "vendors"


def test_an_hba_of_an_unknown_plugin(fake: FakeKernel) -> None:
    odd = Backstore.handle(fake, "core/other_3")
    assert (odd.plugin, odd.index) == ("other", 3)
    assert Backstore.handle(fake, "core/other").index is None
    assert StorageObject.handle(fake, "core/other_3/x").plugin == ""


def test_a_removed_object_can_be_made_again_at_once(disk: RDMCPStorageObject) -> None:
    with use(disk.fs):
        disk.delete()
        again = RDMCPStorageObject("disk", "1M")
    assert again == disk
    assert hash(again) == hash(disk)
    assert again.wwn != SERIAL
