# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Reservations that the kernel kept through power loss are given back to it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest

from rtslib import (
    LUN,
    TPG,
    FabricModule,
    HostError,
    InvalidValueError,
    RDMCPStorageObject,
    RejectedError,
    RTSRoot,
    Target,
    aptpl,
    use,
)
from rtslib.testing import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.testing import FakeKernel

SERIAL = "8a2b9fbe-a5f8-4be0-b6a3-4b8c2b7ccd4e"

#: As core_scsi3_update_aptpl_buf in drivers/target/target_core_pr.c prints it: the second holds
#: the reservation, of type 8 (exclusive access, all registrants); a NUL ends the file.
KEPT = """\
PR_REG_START: 0
initiator_fabric=iSCSI
initiator_node=iqn.1994-05.com.example:one
initiator_sid=0x80e1a7fc0000
sa_res_key=12345
res_holder=0
res_all_tg_pt=0
mapped_lun=0
target_fabric=iSCSI
target_node=iqn.2003-01.org.example:disk
tpgt=1
port_rtpi=1
target_lun=0
PR_REG_END: 0
PR_REG_START: 1
initiator_fabric=iSCSI
initiator_node=iqn.1994-05.com.example:two
sa_res_key=18446744073709551615
res_holder=1
res_type=08
res_scope=00
res_all_tg_pt=1
mapped_lun=2
target_fabric=iSCSI
target_node=iqn.2003-01.org.example:disk
tpgt=1
port_rtpi=1
target_lun=0
PR_REG_END: 1
\0"""

GIVEN = [
    (
        "initiator_fabric=iSCSI,initiator_node=iqn.1994-05.com.example:one,"
        "initiator_sid=0x80e1a7fc0000,sa_res_key=12345,res_holder=0,res_all_tg_pt=0,mapped_lun=0,"
        "target_fabric=iSCSI,target_node=iqn.2003-01.org.example:disk,tpgt=1,port_rtpi=1,target_lun=0"
    ),
    (
        "initiator_fabric=iSCSI,initiator_node=iqn.1994-05.com.example:two,"
        "sa_res_key=18446744073709551615,res_holder=1,res_type=0x08,res_scope=0x00,res_all_tg_pt=1,"
        "mapped_lun=2,target_fabric=iSCSI,target_node=iqn.2003-01.org.example:disk,tpgt=1,"
        "port_rtpi=1,target_lun=0"
    ),
]


@pytest.fixture
def kept(fake: FakeKernel, tmp_path: Path) -> Path:
    """The file of the unit's registrations, under the dbroot of the kernel in force."""
    RTSRoot(fake).dbroot = str(tmp_path)
    (tmp_path / "pr").mkdir()
    return tmp_path / "pr" / f"aptpl_{SERIAL}"


def test_each_registration_becomes_one_line_and_hex_stays_hex() -> None:
    assert list(aptpl.registrations(KEPT)) == GIVEN


@pytest.mark.parametrize(
    "text", ["No Registrations or Reservations\0", "", "PR_REG_END: 0\n", "PR_REG_START: 0\nx=1\n"]
)
def test_a_file_without_a_whole_registration_gives_none(text: str) -> None:
    assert list(aptpl.registrations(text)) == []


def test_registrations_are_written_after_the_serial_and_before_any_lun(
    fake: FakeKernel, kept: Path
) -> None:
    kept.write_text(KEPT, encoding="ascii")
    journal = Journal(fake)
    with use(journal):
        so = RDMCPStorageObject("a", 4096, wwn=SERIAL)
        LUN(TPG(Target(FabricModule("iscsi"))), 0, so)
    paths = [change.path for change in journal.changes]
    metadata = so.below("pr/res_aptpl_metadata")
    written = [op.arguments[1] for op in journal.changes if op.path == metadata]
    assert written == GIVEN
    assert paths.index(so.below("wwn/vpd_unit_serial")) < paths.index(metadata)
    linked = next(i for i, op in enumerate(journal.changes) if op.name == "symlink")
    assert max(i for i, path in enumerate(paths) if path == metadata) < linked


@pytest.mark.usefixtures("fake")
def test_restore_counts_what_it_gave_back(kept: Path) -> None:
    so = RDMCPStorageObject("a", 4096, wwn=SERIAL)
    assert aptpl.restore(so, SERIAL) == 0
    kept.write_text(KEPT, encoding="ascii")
    assert aptpl.restore(so, SERIAL) == 2
    assert aptpl.restore(so, "../../etc/passwd") == 0
    assert aptpl.restore(so, "") == 0


def test_setting_the_serial_later_restores_too(fake: FakeKernel, kept: Path) -> None:
    kept.write_text(KEPT, encoding="ascii")
    journal = Journal(fake)
    so = RDMCPStorageObject("a", 4096, fs=journal)
    journal.clear()
    so.wwn = SERIAL
    assert [op.path for op in journal.changes].count(so.below("pr/res_aptpl_metadata")) == 2


def test_a_serial_with_blanks_around_it_is_refused_not_restored_under_another_name(
    fake: FakeKernel, kept: Path
) -> None:
    kept.write_text(KEPT, encoding="ascii")
    so = RDMCPStorageObject("a", 4096, fs=Journal(fake))
    before = so.wwn
    with pytest.raises(InvalidValueError, match="would drop the blanks"):
        so.wwn = f" {SERIAL}"
    assert so.wwn == before


def test_a_serial_given_as_number_restores_what_is_kept_for_its_text(
    fake: FakeKernel, kept: Path
) -> None:
    (kept.parent / "aptpl_12").write_text(KEPT, encoding="ascii")
    journal = Journal(fake)
    so = RDMCPStorageObject("a", 4096, fs=journal)
    journal.clear()
    so.wwn = 12  # type: ignore[assignment]
    assert [op.path for op in journal.changes].count(so.below("pr/res_aptpl_metadata")) == 2


def test_what_the_kernel_refuses_takes_the_object_back(fake: FakeKernel, kept: Path) -> None:
    kept.write_text("PR_REG_START: 0\nsa_res_key=1\nPR_REG_END: 0\n", encoding="ascii")
    with pytest.raises(RejectedError) as caught:
        RDMCPStorageObject("a", 4096, wwn=SERIAL)
    assert caught.value.path == f"{fake.root}/core/rd_mcp_0/a/pr/res_aptpl_metadata"
    assert f"it was kept in {kept}: repair that file, or remove it" in str(caught.value)
    assert not list(RTSRoot().storage_objects)


@pytest.mark.usefixtures("fake")
def test_an_unreadable_file_is_a_host_error_with_its_path(kept: Path) -> None:
    kept.mkdir()
    with pytest.raises(HostError, match="cannot read the reservations kept in") as caught:
        RDMCPStorageObject("a", 4096, wwn=SERIAL)
    assert (caught.value.errno, caught.value.path) == (errno.EISDIR, str(kept))
    assert not list(RTSRoot().storage_objects)


def test_serials_that_registrations_are_kept_for(tmp_path: Path, fake: FakeKernel) -> None:
    assert aptpl.directory(fake).endswith("/pr")
    fake.write("dbroot", str(tmp_path))
    assert aptpl.kept(fake) == frozenset()
    (tmp_path / "pr").mkdir()
    for name in ("aptpl_one", "aptpl_two words", "other"):
        (tmp_path / "pr" / name).touch()
    assert aptpl.kept(fake) == {"one", "two words"}
    for path in (tmp_path / "pr").iterdir():
        path.unlink()
    (tmp_path / "pr").rmdir()
    (tmp_path / "pr").touch()
    with pytest.raises(HostError, match="the reservations kept in"):
        aptpl.kept(fake)
