# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
from __future__ import annotations

import contextlib
import errno
import os
from typing import TYPE_CHECKING, Any

import pytest

from rtslib import (
    LUN,
    TPG,
    AlreadyExistsError,
    BlockStorageObject,
    BusyError,
    FabricModule,
    FileIOStorageObject,
    HostError,
    InvalidValueError,
    KernelError,
    NotFoundError,
    NotSupportedError,
    PSCSIStorageObject,
    RDMCPStorageObject,
    RefusedError,
    RTSRoot,
    StorageObject,
    Target,
    UserBackedStorageObject,
)
from suite import machine, netlink, tree
from suite.backstores import MAKERS
from suite.machine import MIB, ZRAM

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = pytest.mark.parametrize("kind", MAKERS)

#: Settings of user objects that are an event to whoever listens for events: ESRCH if nobody does.
EVENTS = {"dev_config", "dev_size", "emulate_write_cache"}

#: Values that differ from the ones a new object has.
CHANGES: dict[str, dict[str, Any]] = {
    "fileio": {"emulate_write_cache": True, "emulate_tas": False, "queue_depth": 64},
    "block": {"emulate_3pc": False, "emulate_caw": False, "queue_depth": 32},
    "pscsi": {},
    "user": {"cmd_time_out": 5, "qfull_time_out": 7, "alua_support": False},
    "ramdisk": {"is_nonrot": False, "emulate_model_alias": True, "max_write_same_len": 8},
}


@pytest.fixture(params=list(MAKERS))
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StorageObject]:
    maker, _plugin, _size = MAKERS[request.param]
    storage_object = maker(tmp_path, "disk")
    yield storage_object
    storage_object.delete()


@pytest.fixture
def exported(made: StorageObject) -> Iterator[StorageObject]:
    target = Target(FabricModule("iscsi"), "iqn.2026-11.org.example:exported")
    LUN(TPG(target, 1), 0, made)
    yield made
    target.delete()


@KINDS
def test_it_is_made_found_and_deleted(kind: str, tmp_path: Path) -> None:
    maker, plugin, size = MAKERS[kind]
    before = list(tree.paths())
    made = maker(tmp_path, "disk")
    assert (made.plugin, made.name, made.size) == (plugin, "disk", size)
    assert (made.enable, made.status) == (True, "deactivated")
    assert type(made)("disk") == made == StorageObject("disk")
    assert type(StorageObject("disk")) is type(made)
    assert list(RTSRoot().storage_objects) == [made]
    assert os.path.isdir(made.path)
    assert made.backstore.plugin == plugin
    made.delete()
    assert list(tree.paths()) == before
    for lost in (made.delete, lambda: made.size, lambda: StorageObject("disk")):
        with pytest.raises(NotFoundError):
            lost()


def test_a_second_one_of_the_name_is_refused_and_leaves_nothing(
    made: StorageObject, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    maker = MAKERS[request.node.callspec.params["made"]][0]
    before = list(tree.paths())
    with pytest.raises(AlreadyExistsError):
        maker(tmp_path, "disk")
    assert made.exists
    assert list(tree.paths()) == before


def test_an_index_finds_one_of_any_plugin(made: StorageObject) -> None:
    assert type(made)("disk", index=made.index) == made
    assert StorageObject("disk", "lookup", made.index) == made


def test_every_attribute_takes_the_value_it_shows(made: StorageObject) -> None:
    refused = {}
    for name in made.list_attributes(writable=True, readable=True):
        try:
            made.set_attribute(name, made.get_attribute(name))
        except KernelError as error:
            refused[name] = error.errno
    expected = dict.fromkeys(EVENTS, errno.ESRCH) if made.plugin == "user" else {}
    assert refused == expected


def test_attributes_change(made: StorageObject) -> None:
    for name, value in CHANGES[made.plugin].items():
        assert made.attributes[name] != value
        made.attributes[name] = value
        assert made.attributes[name] == value


def test_what_is_refused_while_exported_is_what_the_table_says(exported: StorageObject) -> None:
    assert exported.status == "activated"
    table = exported.attributes.table
    wrong = {}
    for name in exported.list_attributes(writable=True, readable=True):
        known = table.get(name)
        if known is None or known.when == "read-only" or _says_nothing(exported, name):
            continue
        try:
            exported.set_attribute(name, exported.get_attribute(name))
            taken: object = "always"
        except KernelError as error:
            taken = "not exported" if error.errno == errno.EINVAL else error.errno
        if taken != known.when:
            wrong[name] = f"{taken}, not {known.when}"
    assert wrong == {}


def _says_nothing(storage_object: StorageObject, name: str) -> bool:
    """Tell of settings whose present value the kernel treats unlike any other."""
    # 0 formats nothing; devices that cannot be protected take 0 at any time, and nothing else.
    if name == "pi_prot_format" or (name == "pi_prot_type" and storage_object.plugin == "block"):
        return True
    return name in EVENTS and storage_object.plugin == "user"


def test_what_the_table_calls_read_only_does_not_change(made: StorageObject) -> None:
    table = made.attributes.table
    changed = {}
    for name in made.list_attributes(writable=True, readable=True):
        if name not in table or table[name].when != "read-only":
            continue
        before = made.attributes[name]
        with contextlib.suppress(KernelError):
            made.attributes[name] = not before
        if made.attributes[name] != before:
            changed[name] = made.attributes[name]
    assert changed == {}


def test_every_attribute_of_this_kernel_is_in_the_table(made: StorageObject) -> None:
    assert set(made.list_attributes()) - set(made.attributes.table) == set()


def test_who_it_says_it_is(made: StorageObject) -> None:
    if made.plugin == "pscsi":
        assert made.serial == "2000"
        assert (made.vendor, made.model) == ("Linux", "scsi_debug")  # type: ignore[attr-defined]
        return
    assert len(made.wwn.replace("-", "")) == 32
    assert made.naa.startswith("naa.6001405")
    made.wwn = "0123456789abcdef0123456789abcdef"
    made.vendor_id = "ACME"
    made.product_id = "ROCKET DISK"
    made.product_rev = "9.9"
    made.company_id = 0xABCDEF
    assert made.serial == "0123456789abcdef0123456789abcdef"
    assert (made.vendor_id, made.product_id, made.product_rev) == ("ACME", "ROCKET DISK", "9.9")
    assert made.company_id == 0xABCDEF
    assert made.naa == "naa.6abcdef0123456789abcdef012345678"


@KINDS
def test_deleting_it_takes_its_luns_away(kind: str, tmp_path: Path) -> None:
    disk = MAKERS[kind][0](tmp_path, "disk")
    target = Target(FabricModule("iscsi"), "iqn.2026-11.org.example:exported")
    lun = LUN(TPG(target, 1), 0, disk)
    assert list(disk.attached_luns) == [lun]
    assert lun.storage_object == disk
    disk.delete()
    assert not lun.exists
    target.delete()


def test_a_file_grows_and_shrinks(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    disk = FileIOStorageObject("disk", str(image), "4MiB", write_back=True)
    assert (disk.write_back, disk.udev_path, disk.is_block) == (True, str(image), False)
    assert disk.attributes["emulate_write_cache"] is True
    assert disk.resize("6MiB") == disk.size == image.stat().st_size == 6 * MIB
    with pytest.raises(InvalidValueError, match="cut data off"):
        disk.resize("2MiB")
    assert disk.size == 6 * MIB
    assert disk.resize("2MiB", shrink=True) == disk.size == image.stat().st_size == 2 * MIB
    disk.delete()
    assert image.stat().st_size == 2 * MIB


@pytest.mark.parametrize("kind", [FileIOStorageObject, BlockStorageObject])
def test_a_grown_device_is_followed(kind: type[Any], loop: str, tmp_path: Path) -> None:
    disk = kind("disk", loop)
    assert disk.size == 8 * MIB
    with pytest.raises(NotSupportedError, match="8388608 bytes"):
        disk.resize("12MiB")
    os.truncate(tmp_path / "loop.img", 12 * MIB)
    machine.succeed("losetup", "--set-capacity", loop)
    assert disk.resize("12MiB") == disk.size == 12 * MIB
    disk.delete()


def test_memory_and_pass_through_keep_their_size(tmp_path: Path) -> None:
    for kind in ("ramdisk", "pscsi"):
        disk = MAKERS[kind][0](tmp_path, "disk")
        with pytest.raises(NotSupportedError):
            disk.resize("32MiB")
        disk.delete()


def test_user_space_that_nobody_listens_for() -> None:
    disk = UserBackedStorageObject(
        "disk", "rtslib/x y", "8MiB", control="max_data_area_mb=4", hw_max_sectors=256
    )
    assert (disk.config, disk.hw_max_sectors) == ("rtslib/x y", 256)
    assert "max_data_area_mb=4,hw_block_size=512" in disk.control_tuples
    with pytest.raises(RefusedError) as refused:
        disk.resize("9MiB")
    assert refused.value.errno == errno.ESRCH
    assert disk.size == 8 * MIB
    disk.delete()


def test_user_space_with_a_listener() -> None:
    with netlink.Listener("TCM-USER", "config") as listener:
        disk = UserBackedStorageObject("disk", "rtslib/x", "8MiB")
        assert listener.next_command() == netlink.TCMU_ADDED
        assert disk.resize("9MiB") == disk.size == 9 * MIB
        assert listener.next_command() == netlink.TCMU_RECONFIGURED
        for name in EVENTS:
            disk.set_attribute(name, disk.get_attribute(name))
            assert listener.next_command() == netlink.TCMU_RECONFIGURED
        disk.delete()
        assert listener.next_command() == netlink.TCMU_REMOVED


def test_a_device_has_one_owner() -> None:
    first = BlockStorageObject("first", ZRAM)
    assert (first.readonly, first.exclusive) == (False, True)
    assert f"{first.major}:{first.minor}" == machine.text("/sys/block/zram0/dev")
    before = list(tree.paths())
    with pytest.raises(BusyError):
        BlockStorageObject("second", ZRAM)
    assert list(tree.paths()) == before
    first.delete()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda _d: BlockStorageObject("x", "/dev/missing"), KernelError),
        (lambda _d: BlockStorageObject("x", "/etc/passwd"), KernelError),
        (lambda d: FileIOStorageObject("x", str(d / "missing")), InvalidValueError),
        (lambda d: FileIOStorageObject("x", str(d / "a,b"), "1MiB"), InvalidValueError),
        (lambda d: FileIOStorageObject("x", str(d / "no" / "x"), "1MiB"), HostError),
        (lambda _d: PSCSIStorageObject("x", "99:0:0:0"), HostError),
        (lambda _d: RDMCPStorageObject("x", "900GiB"), KernelError),
        (lambda _d: RDMCPStorageObject("a/b", "1MiB"), InvalidValueError),
        (lambda _d: UserBackedStorageObject("x", "noslash", "1MiB"), InvalidValueError),
    ],
)
def test_what_cannot_be_made_leaves_nothing(
    make: Any, error: type[Exception], tmp_path: Path
) -> None:
    before = list(tree.paths())
    with pytest.raises(error):
        make(tmp_path)
    assert list(tree.paths()) == before
    assert os.listdir(tmp_path) == []


def test_settings_that_crash_a_kernel_are_refused_before_enabling(tmp_path: Path) -> None:
    disk = FileIOStorageObject("disk", str(tmp_path / "x"), "1MiB", enable=False)
    assert disk.enable is False
    for name in ("emulate_tpu", "emulate_tpws", "unmap_zeroes_data"):
        with pytest.raises(InvalidValueError, match="crashes the kernel"):
            disk.set_attribute(name, 1)
    disk.enable = True
    disk.attributes["emulate_tpu"] = True
    assert disk.attributes["emulate_tpu"] is True
    disk.delete()


def test_a_ramdisk_rounds_up_to_pages() -> None:
    disk = RDMCPStorageObject("disk", 5000, nullio=True)
    assert (disk.pages, disk.page_size, disk.size, disk.nullio) == (2, 4096, 8192, True)
    disk.delete()


def test_statistics_have_the_kernel_s_groups(made: StorageObject) -> None:
    assert set(made.statistics) == {"scsi_dev", "scsi_lu", "scsi_tgt_dev"}
    counters = made.statistics.read_all()
    assert counters["scsi_dev"]["ports"] == 0
    assert int(counters["scsi_lu"]["num_cmds"]) >= 0
