# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""LUNs and mapped LUNs: numbers, links, write protection that never weakens, deletion."""

from __future__ import annotations

import errno
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest
from trees import iscsi_tpg

from rtslib import (
    LUN,
    TPG,
    AlreadyExistsError,
    InvalidValueError,
    KernelError,
    MappedLUN,
    NodeACL,
    PSCSIStorageObject,
    RDMCPStorageObject,
    RefusedError,
    RejectedError,
    RTSLibBrokenLink,
    RTSLibError,
    RTSLibNotInCFSError,
)
from rtslib.alua import AccessStatus
from rtslib.testing import Faulty, Journal

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel

INITIATORS = ["iqn.1994-05.com.example:one", "iqn.1994-05.com.example:two"]


@pytest.fixture
def disk(fake: FakeKernel) -> RDMCPStorageObject:
    """A ramdisk."""
    return RDMCPStorageObject("disk", "1M", fs=fake)


@pytest.fixture
def tpg(fake: FakeKernel) -> TPG:
    """An iSCSI TPG."""
    return iscsi_tpg(fake)


@pytest.fixture
def acl(tpg: TPG) -> NodeACL:
    """An ACL in it."""
    return NodeACL(tpg, INITIATORS[0])


# LUNs


def test_a_lun_by_position_and_by_keyword(tpg: TPG, disk: RDMCPStorageObject) -> None:
    one = LUN(tpg, 3, disk, "link name")
    other = LUN(parent_tpg=tpg, lun="7", storage_object=disk, alias="other")
    assert (one.lun, one.alias, one.storage_object, one.parent_tpg) == (3, "link name", disk, tpg)
    assert type(one.storage_object) is RDMCPStorageObject
    assert one.path == f"{tpg.path}/lun/lun_3"
    assert (other.lun, other.alias) == (7, "other")
    assert LUN(tpg, 3) == LUN(tpg, "3") == tpg.luns[3] == one
    assert list(tpg.luns) == [one, other]
    assert LUN.MAX_TARGET_LUN == 65535


def test_making_a_lun_is_a_mkdir_and_a_link(tpg: TPG, disk: RDMCPStorageObject) -> None:
    journal = Journal(tpg.fs)
    LUN(TPG.handle(journal, tpg.below("")), 0, disk)
    assert journal.count() == {"mkdir": 1, "symlink": 1}


def test_an_alias_is_made_up(tpg: TPG, disk: RDMCPStorageObject) -> None:
    alias = LUN(tpg, 0, disk).alias
    assert alias is not None
    assert re.fullmatch("[0-9a-f]{10}", alias)
    for bad in ("", "a/b"):
        with pytest.raises(InvalidValueError, match="cannot be the name of a link"):
            LUN(tpg, 1, disk, bad)
    assert len(tpg.luns) == 1


def test_without_a_number_the_first_free_one_is_made(tpg: TPG, disk: RDMCPStorageObject) -> None:
    LUN(tpg, 1, disk)
    tpg.fs.mkdir(tpg.below("lun/lun_0x2"))
    assert [LUN(tpg, None, disk).lun, tpg.luns.create(None, disk).lun] == [0, 3]


def test_threads_that_create_at_once_share_no_number(tpg: TPG, disk: RDMCPStorageObject) -> None:
    made: list[int] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        made.extend(LUN(tpg, None, disk).lun for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == list(range(40))


@pytest.mark.parametrize(
    "number", ["x", -1, "-1", 1.5j, 1.9, True, "", " 1", "1.0", "1_0", "\u0661", b"1"]
)
def test_numbers_that_are_none(tpg: TPG, disk: RDMCPStorageObject, number: Any) -> None:
    with pytest.raises(InvalidValueError, match="is no LUN number"):
        LUN(tpg, number, disk)
    with pytest.raises(InvalidValueError, match="is no LUN number"):
        LUN(tpg, number)
    assert not tpg.luns


def test_numbers_as_digits_and_as_any_int(tpg: TPG, disk: RDMCPStorageObject) -> None:
    assert LUN(tpg, "007", disk) == LUN(tpg, 7)
    assert LUN(tpg, AccessStatus(1), disk).path == f"{tpg.path}/lun/lun_1"


def test_lookups_that_find_nothing(tpg: TPG) -> None:
    with pytest.raises(RTSLibNotInCFSError) as caught:
        LUN(tpg, 5)
    assert caught.value.path == f"{tpg.path}/lun/lun_5"
    assert isinstance(caught.value, LookupError)
    with pytest.raises(InvalidValueError, match="needs a number to be looked up, or a storage"):
        LUN(tpg)


def test_a_number_that_is_taken(tpg: TPG, disk: RDMCPStorageObject) -> None:
    other = RDMCPStorageObject("other", "1M")
    lun = LUN(tpg, 0, disk, "a")
    with pytest.raises(AlreadyExistsError) as caught:
        LUN(tpg, 0, disk)
    assert caught.value.path == lun.path
    assert tpg.luns.ensure(0, disk) == lun
    with pytest.raises(AlreadyExistsError):
        tpg.luns.ensure(0, other)
    assert lun.storage_object == disk
    assert not lun.made_of()
    assert tpg.luns.ensure(1, other).storage_object == other


def test_an_object_that_is_not_enabled_cannot_be_exported(tpg: TPG) -> None:
    shut = RDMCPStorageObject("shut", "1M", enable=False)
    with pytest.raises(RefusedError) as caught:
        LUN(tpg, 0, shut)
    assert caught.value.errno == errno.ENODEV
    assert not tpg.luns


def test_a_lun_without_a_link(tpg: TPG) -> None:
    tpg.fs.mkdir(tpg.below("lun/lun_0"))
    lun = LUN(tpg, 0)
    assert lun.alias is None
    assert lun.made_of()
    with pytest.raises(RTSLibBrokenLink, match="is linked to nothing") as caught:
        lun.storage_object  # noqa: B018 - the read is the test
    assert caught.value.path == lun.path
    with pytest.raises(RefusedError):
        lun.alua_tg_pt_gp_name  # noqa: B018 - the read is the test
    lun.delete()
    assert not lun.exists


def test_odd_numbers_on_disk(tpg: TPG) -> None:
    for name in ("lun_00", "lun_0", "lun_0x10", "lun_70000"):
        tpg.fs.mkdir(tpg.below(f"lun/{name}"))
    assert [lun.lun for lun in tpg.luns] == [0, 0, 16, 70000]


def test_alua_of_a_lun(tpg: TPG, disk: RDMCPStorageObject) -> None:
    lun = LUN(tpg, 0, disk)
    disk.alua_tpgs.create("group", 3)
    assert lun.alua_tg_pt_gp_name == "default_tg_pt_gp"
    lun.alua_tg_pt_gp_name = "group"
    assert lun.alua_tg_pt_gp_name == "group"
    with pytest.raises(RefusedError):
        lun.alua_tg_pt_gp_name = "none"
    with pytest.raises(InvalidValueError):
        lun.alua_tg_pt_gp_name = ""
    assert lun.alua_tg_pt_offline is False
    lun.alua_tg_pt_offline = 1
    assert lun.alua_tg_pt_offline is True
    assert lun.alua_tg_pt_status is AccessStatus.ALTERED_BY_IMPLICIT_ALUA
    lun.alua_tg_pt_status = LUN.ALUA_STATUS_ALTERED_BY_EXPLICIT_STPG
    assert lun.alua_tg_pt_status == 1
    with pytest.raises(InvalidValueError, match="is none of"):
        lun.alua_tg_pt_status = 99
    assert lun.alua_tg_pt_write_md is False
    lun.alua_tg_pt_write_md = True
    assert lun.alua_tg_pt_write_md is True


def test_a_pass_through_lun_has_no_group(tpg: TPG, fake: FakeKernel) -> None:
    for path in ("pscsi_0", "pscsi_0/p"):
        fake.mkdir(f"core/{path}")
    tape = PSCSIStorageObject("p")
    tape.configure(scsi_host_id=2, scsi_channel_id=0, scsi_target_id=0, scsi_lun_id=0)
    tape.udev_path = "/dev/sdb"
    tape.enable = True
    lun = LUN(tpg, 0, tape)
    assert lun.alua_tg_pt_gp_name == ""
    assert lun.storage_object == tape


def test_statistics_of_a_lun_and_a_mapped_lun(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    lun = LUN(tpg, 0, disk)
    mapped = MappedLUN(acl, 0, lun)
    assert lun.statistics["scsi_tgt_port"]["read_mbytes"] == 0
    assert mapped.statistics["scsi_auth_intr"]["write_mbytes"] == 0


# Mapped LUNs


def test_a_mapped_lun_by_position_and_by_keyword(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    lun = LUN(tpg, 4, disk)
    one = MappedLUN(acl, 0, lun, True, "name")
    other = MappedLUN(parent_nodeacl=acl, mapped_lun="1", tpg_lun="4", write_protect="no")
    assert (one.mapped_lun, one.tpg_lun, one.alias, one.write_protect) == (0, lun, "name", True)
    assert (one.parent_nodeacl, one.node_wwn) == (acl, INITIATORS[0])
    assert one.path == f"{acl.path}/lun_0"
    assert (other.mapped_lun, other.tpg_lun, other.write_protect) == (1, lun, False)
    assert MappedLUN(acl, 0) == acl.mapped_luns[0] == acl.mapped_lun(0) == one
    assert acl.mapped_lun(2, 4, write_protect=1).write_protect is True
    assert [mapped.mapped_lun for mapped in lun.mapped_luns] == [0, 1, 2]


@pytest.mark.parametrize(
    ("value", "expected"), [(None, True), (False, False), ("0", False), (True, True), ("1", True)]
)
def test_write_protection_is_the_kernels_unless_asked_for(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject, value: object, expected: bool
) -> None:
    tpg.attributes["prod_mode_write_protect"] = True
    LUN(tpg, 0, disk)
    journal = Journal(acl.fs)
    mapped = MappedLUN(NodeACL.handle(journal, acl.below("")), 0, 0, value)
    assert mapped.write_protect is expected
    assert ("write" in journal.count()) is (value is not None)


def test_write_protection_can_be_changed(tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject) -> None:
    LUN(tpg, 0, disk)
    mapped = MappedLUN(acl, 0, 0)
    assert mapped.write_protect is False
    for value, expected in (("yes", True), (0, False), (1, True)):
        mapped.write_protect = value
        assert mapped.write_protect is expected
    with pytest.raises(InvalidValueError, match="is not a yes or a no"):
        mapped.write_protect = None
    assert mapped.write_protect is True


@pytest.mark.parametrize("value", ["perhaps", 2])
def test_a_protection_that_is_none_maps_nothing(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject, value: object
) -> None:
    LUN(tpg, 0, disk)
    with pytest.raises(InvalidValueError):
        MappedLUN(acl, 0, 0, value)
    assert not acl.mapped_luns


@pytest.mark.parametrize("number", [errno.EIO, errno.EPERM, errno.ENOENT, errno.EINVAL])
@pytest.mark.parametrize("operation", ["write", "read"])
def test_a_protection_that_cannot_be_set_or_verified_maps_nothing(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject, number: int, operation: str
) -> None:
    LUN(tpg, 0, disk)
    fault = Faulty(
        acl.fs,
        number,
        when=lambda name, path: name == operation and path.endswith("/write_protect"),
    )
    with pytest.raises(KernelError) as caught:
        MappedLUN(NodeACL.handle(fault, acl.below("")), 0, 0, True)
    assert caught.value.errno == number
    assert caught.value.path == f"{acl.path}/lun_0/write_protect"
    assert not acl.mapped_luns


def test_a_kernel_that_does_not_keep_the_protection_maps_nothing(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    class Forgetful(Journal):
        """Ignores what is written to write_protect."""

        def write(self, path: str, text: str) -> None:
            if not path.endswith("/write_protect"):
                super().write(path, text)

    LUN(tpg, 0, disk)
    with pytest.raises(RTSLibError, match="did not keep the value"):
        MappedLUN(NodeACL.handle(Forgetful(acl.fs), acl.below("")), 0, 0, True)
    assert not acl.mapped_luns


@pytest.mark.usefixtures("tpg")
def test_a_mapped_number_that_stands_for_nothing_is_neither_protected_nor_not(acl: NodeACL) -> None:
    acl.fs.mkdir(acl.below("lun_0"))
    mapped = MappedLUN(acl, 0)
    assert mapped.write_protect is None
    assert mapped.alias is None
    assert not mapped.made_of(0)
    with pytest.raises(RTSLibError, match="did not keep the value"):
        mapped.write_protect = True
    with pytest.raises(RTSLibBrokenLink):
        mapped.tpg_lun  # noqa: B018 - the read is the test
    mapped.delete()
    assert not mapped.exists


def test_what_cannot_be_mapped(tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject) -> None:
    other = TPG(tpg.parent_target, 2)
    elsewhere = LUN(other, 0, disk)
    tpg.fs.mkdir(tpg.below("lun/lun_9"))
    for tpg_lun, number in ((elsewhere, errno.EINVAL), (9, errno.EINVAL), (5, errno.ENOENT)):
        with pytest.raises(KernelError) as caught:
            MappedLUN(acl, 0, tpg_lun)
        assert caught.value.errno == number
    with pytest.raises(InvalidValueError, match="is no LUN number"):
        MappedLUN(acl, "x", 0)
    with pytest.raises(RTSLibNotInCFSError):
        MappedLUN(acl, 0)
    assert not acl.mapped_luns


def test_ensure_wants_the_same_lun_as_writable(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    LUN(tpg, 0, disk)
    LUN(tpg, 1, disk)
    mapped = acl.mapped_luns.ensure(5, 0, write_protect=True)
    assert mapped.write_protect is True
    assert acl.mapped_luns.ensure(5, 0) == mapped
    assert acl.mapped_luns.ensure(5, LUN(tpg, 0), "yes") == mapped
    for arguments in ((1,), (0, False)):
        with pytest.raises(AlreadyExistsError):
            acl.mapped_luns.ensure(5, *arguments)
    assert mapped.write_protect is True
    assert not mapped.made_of()


# Deletion


def test_deleting_a_lun_takes_what_is_mapped_from_it_only(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    other = NodeACL(tpg, INITIATORS[1])
    lun = LUN(tpg, 0, disk)
    LUN(tpg, 1, disk)
    for node in (acl, other):
        MappedLUN(node, 0, 0)
        MappedLUN(node, 1, 1)
    lun.delete()
    assert [mapped.mapped_lun for mapped in (*acl.mapped_luns, *other.mapped_luns)] == [1, 1]
    assert [found.lun for found in tpg.luns] == [1]
    assert disk.exists
    with pytest.raises(RTSLibNotInCFSError):
        lun.delete()


def test_deleting_a_lun_mapped_under_other_numbers(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    other = NodeACL(tpg, INITIATORS[1])
    lun = LUN(tpg, 0, disk)
    LUN(tpg, 1, disk)
    # The same number, here of this LUN and there of another; another number, and twice.
    MappedLUN(acl, 0, 0)
    MappedLUN(other, 0, 1)
    for number in (5, 6):
        MappedLUN(other, number, 0)
    lun.delete()
    assert not list(acl.mapped_luns)
    assert [(it.mapped_lun, it.tpg_lun.lun) for it in other.mapped_luns] == [(0, 1)]


def test_what_a_lun_is_mostly_mapped_as_is_found_without_a_search(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    for number in range(3):
        LUN(tpg, number, disk)
        MappedLUN(acl, number, number)
    journal = Journal(tpg.fs)
    LUN(TPG.handle(journal, tpg.below("")), 1).delete()
    looked_at = {op.path for op in journal.operations if op.name == "listdir"}
    assert looked_at == {
        tpg.below("acls"),
        acl.below("lun_1"),
        tpg.below("lun/lun_1"),
    }


def test_deleting_an_unmapped_lun_looks_at_no_acl(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    LUN(tpg, 0, disk)
    LUN(tpg, 1, disk)
    MappedLUN(acl, 1, 1)
    journal = Journal(tpg.fs)
    LUN(TPG.handle(journal, tpg.below("")), 0).delete()
    assert not [op for op in journal.operations if "/acls" in op.path]


def test_deleting_a_mapped_lun_leaves_the_lun(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    lun = LUN(tpg, 0, disk)
    mapped = MappedLUN(acl, 0, 0)
    mapped.delete()
    assert lun.exists
    assert not list(lun.mapped_luns)
    with pytest.raises(RTSLibNotInCFSError):
        mapped.delete()


def test_a_mapped_lun_whose_lun_lost_its_object(
    tpg: TPG, acl: NodeACL, disk: RDMCPStorageObject
) -> None:
    lun = LUN(tpg, 0, disk, "link")
    mapped = MappedLUN(acl, 0, 0)
    tpg.fs.unlink(lun.below("link"))
    assert mapped.write_protect is None
    assert mapped.tpg_lun == lun
    lun.delete()
    assert not mapped.exists


@pytest.mark.usefixtures("tpg")
def test_a_refused_link_takes_the_directory_back(acl: NodeACL) -> None:
    fault = Faulty(acl.fs, errno.EINVAL, when=lambda name, _path: name == "symlink")
    with pytest.raises(RejectedError) as caught:
        MappedLUN(NodeACL.handle(fault, acl.below("")), 0, 0)
    assert caught.value.operation == "symlink"
    assert not acl.mapped_luns
