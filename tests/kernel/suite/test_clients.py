# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What somebody else's initiators make of targets that this library configured.

libiscsi's tools are one client, the kernel's initiator with open-iscsi the other. libiscsi 1.19
fails at mutual CHAP by itself; open-iscsi is asked for that.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from rtslib import (
    LUN,
    TPG,
    FabricModule,
    FileIOStorageObject,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    RDMCPStorageObject,
    Target,
)
from rtslib.host import make_dbroot_dirs
from suite.backstores import fill
from suite.libiscsi import session
from suite.machine import MIB, program, succeed, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from suite.openiscsi import OpenISCSI

IQN = "iqn.2026-11.org.example:clients"
ALICE = "iqn.1994-05.com.redhat:alice"
BOB = "iqn.1994-05.com.redhat:bob"
PORTAL = "127.0.0.1:3260"
SECRET, MUTUAL = "alice-secret-1", "target-secret-2"


class Disk:
    """A target with a file of 8 MiB as LUN 0 and 1 MiB of memory as LUN 1."""

    def __init__(self, directory: Path, wwn: str | None = None) -> None:
        self.image = directory / "disk.img"
        self.file = FileIOStorageObject("file", str(self.image), "8MiB", wwn)
        self.memory = RDMCPStorageObject("memory", "1MiB")
        self.target = Target(FabricModule("iscsi"), IQN)
        self.tpg = TPG(self.target, 1)
        self.tpg.set_attribute("authentication", False)
        for number, storage_object in enumerate((self.file, self.memory)):
            LUN(self.tpg, number, storage_object)
        for address in ("127.0.0.1", "::1"):
            NetworkPortal(self.tpg, address)
        self.tpg.enable = True

    def allow(self, initiator: str, *luns: int) -> NodeACL:
        acl = NodeACL(self.tpg, initiator)
        for number in luns:
            MappedLUN(acl, number, number)
        return acl

    def ask_for_chap(self, initiator: str, *mutual: str) -> None:
        self.allow(initiator, 0).set_chap("alice", SECRET, *mutual)
        self.tpg.set_attribute("authentication", True)

    def delete(self) -> None:
        for node in (self.target, self.file, self.memory):
            node.delete()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    made = Disk(tmp_path)
    yield made
    made.delete()


def luns_seen(initiator: str, *luns: int, portal: str = PORTAL) -> set[int]:
    """Return the LUNs that iscsi-ls shows with a device behind them.

    What mapping and changes left to tell an initiator is told at first: iscsi-ls gives up at a
    unit attention. `luns` are those to ask before.
    """
    for lun in luns:
        with session(initiator, IQN, portal, lun):
            pass
    shown = succeed("iscsi-ls", "-s", "-i", initiator, f"iscsi://{portal}")
    assert f"Target:{IQN} Portal:{portal},1" in shown
    return {int(lun) for lun in re.findall(r"^Lun:(\d+) +Type:DIRECT_ACCESS", shown, re.MULTILINE)}


def inquiry(initiator: str, lun: int = 0, credentials: str = "") -> tuple[int, str]:
    """Return iscsi-inq's status and all that it said."""
    url = f"iscsi://{credentials}{PORTAL}/{IQN}/{lun}"
    done = program("iscsi-inq", "-i", initiator, url)
    return done.returncode, done.stdout + done.stderr


def chap(secret: str, incoming: str = "") -> dict[str, str]:
    """Return open-iscsi's settings for CHAP: ours, and what the target must prove if anything."""
    auth = {"authmethod": "CHAP", "username": "alice", "password": secret}
    if incoming:
        auth.update(username_in="target", password_in=incoming)
    return {f"node__session__auth__{name}": value for name, value in auth.items()}


class TestLibiscsi:
    def test_no_authentication(self, disk: Disk) -> None:
        disk.allow(ALICE, 0, 1)
        assert luns_seen(ALICE, 0, 1) == {0, 1}
        status, said = inquiry(ALICE)
        assert status == 0
        assert re.search(r"Vendor:LIO-ORG\s*\nProduct:FILEIO\s", said)
        shown = succeed("iscsi-readcapacity16", "-i", ALICE, f"iscsi://{PORTAL}/{IQN}/0")
        assert f"Total size:{8 * MIB}" in shown

    def test_who_it_says_it_is(self, disk: Disk) -> None:
        disk.tpg.luns[0].delete()
        disk.file.wwn = "0123456789abcdef0123456789abcdef"
        disk.file.vendor_id, disk.file.product_id, disk.file.product_rev = "ACME", "ROCKET", "9.9"
        LUN(disk.tpg, 0, disk.file)
        disk.allow(ALICE, 0)
        _status, said = inquiry(ALICE)
        assert re.search(r"Vendor:ACME\s*\nProduct:ROCKET\s*\nRevision:9.9", said)
        url = f"iscsi://{PORTAL}/{IQN}/0"
        page = succeed("iscsi-inq", "-i", ALICE, "-e", "1", "-c", str(0x80), url)
        assert disk.file.wwn in page

    def test_who_has_no_acl_is_refused(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        status, said = inquiry(BOB)
        assert status != 0
        assert "Authorization failure" in said

    def test_no_mapped_lun_shows_no_lun(self, disk: Disk) -> None:
        disk.allow(ALICE)
        assert luns_seen(ALICE) == set()
        # A target must answer for LUN 0 even where there is none (SPC-4 section 6.6).
        assert "Peripheral Qualifier:DISCONNECTED" in inquiry(ALICE)[1]

    def test_two_initiators_see_their_own(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        MappedLUN(NodeACL(disk.tpg, BOB), 5, 1)
        assert (luns_seen(ALICE), luns_seen(BOB)) == ({0}, {5})

    def test_demo_mode(self, disk: Disk) -> None:
        disk.tpg.set_attribute("generate_node_acls", True)
        assert luns_seen(BOB, 0, 1) == {0, 1}
        with session(BOB, IQN, PORTAL) as initiator, pytest.raises(PermissionError):
            initiator.write(0, 0, b"x" * 512)
        # The kernel keeps what it made for the one who was there: ask as somebody else.
        disk.tpg.set_attribute("demo_mode_write_protect", False)
        with session(ALICE, IQN, PORTAL) as initiator:
            initiator.write(0, 0, b"x" * 512)
        assert disk.image.read_bytes()[:512] == b"x" * 512

    def test_ipv6(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        assert luns_seen(ALICE, portal="[::1]:3260") == {0}

    @pytest.mark.parametrize(
        ("credentials", "said"),
        [
            ("", "Authentication failure"),
            (f"alice%{SECRET}x@", "Authentication failure"),
            (f"bob%{SECRET}@", "Authentication failure"),
            (f"alice%{SECRET}@", ""),
        ],
    )
    def test_chap(self, disk: Disk, credentials: str, said: str) -> None:
        disk.ask_for_chap(ALICE)
        status, answer = inquiry(ALICE, credentials=credentials)
        assert (status == 0) == (not said)
        assert said in answer

    def test_chap_of_the_tpg_in_demo_mode(self, disk: Disk) -> None:
        disk.tpg.set_attribute("generate_node_acls", True)
        disk.tpg.set_attribute("authentication", True)
        disk.tpg.set_chap("anyone", SECRET)
        assert inquiry(BOB, credentials="anyone%wrong-secret@")[0] != 0
        assert inquiry(BOB, credentials=f"anyone%{SECRET}@")[0] == 0

    def test_chap_of_discovery(self, disk: Disk) -> None:
        disk.allow(ALICE, 0)
        fabric = disk.target.fabric_module
        fabric.set_discovery_auth("finder", "finder-secret")
        refused = program("iscsi-ls", "-i", ALICE, f"iscsi://{PORTAL}")
        assert refused.returncode != 0
        found = succeed("iscsi-ls", "-i", ALICE, f"iscsi://finder%finder-secret@{PORTAL}")
        assert IQN in found
        fabric.clear_discovery_auth_settings()
        assert luns_seen(ALICE) == {0}

    def test_write_protection_counts_at_once(self, disk: Disk) -> None:
        (mapped,) = disk.allow(ALICE, 0).mapped_luns
        with session(ALICE, IQN, PORTAL) as initiator:
            initiator.write(0, 0, b"a" * 512)
            mapped.write_protect = True
            with pytest.raises(PermissionError, match="sense 0x2700"):
                initiator.write(0, 0, b"b" * 512)
            mapped.write_protect = False
            initiator.write(0, 1, b"c" * 512)
        assert disk.image.read_bytes()[:1024] == b"a" * 512 + b"c" * 512

    @pytest.mark.parametrize("suite", ["ALL.TestUnitReady", "ALL.Inquiry", "ALL.ReadCapacity16"])
    def test_libiscsi_s_own_tests(self, disk: Disk, suite: str) -> None:
        disk.allow(ALICE, 0, 1)
        url = f"iscsi://{PORTAL}/{IQN}/1"
        succeed("iscsi-test-cu", "-d", "-f", "-n", "-i", ALICE, "-t", suite, url)


class TestKernelInitiator:
    """Who gets in; who does not is asked of libiscsi, and of this library's own initiator.

    A login that the target refuses can crash Linux 6.1: the target hangs up, and the kernel cleans
    up behind a connection whose socket iscsid is just closing (iscsi_sw_tcp_release_conn, in
    drivers/scsi/iscsi_tcp.c, finds no sock->sk).
    """

    def test_what_it_writes_is_in_the_file(self, disk: Disk, open_iscsi: OpenISCSI) -> None:
        disk.allow(ALICE, 0)
        with open_iscsi.session(ALICE, IQN, PORTAL) as login:
            device = login.disk()
            assert size_of(device) == 8 * MIB
            assert text(f"/sys/block/{os.path.basename(device)}/device/wwid") == disk.file.naa
            data = os.urandom(2 * MIB)
            fill(device, data)
            assert disk.image.read_bytes()[: 2 * MIB] == data

    def test_a_grown_file_is_seen_after_a_rescan(self, disk: Disk, open_iscsi: OpenISCSI) -> None:
        disk.allow(ALICE, 0)
        with open_iscsi.session(ALICE, IQN, PORTAL) as login:
            device = login.disk()
            disk.file.resize("12MiB")
            with open(f"/sys/block/{os.path.basename(device)}/device/rescan", "w") as file:
                file.write("1")
            assert size_of(device) == 12 * MIB
            data = os.urandom(4 * MIB)
            fill(device, data, 8 * MIB)
            assert disk.image.read_bytes()[8 * MIB :] == data

    @pytest.mark.parametrize("incoming", ["", MUTUAL])
    def test_chap_in_one_and_both_directions(
        self, disk: Disk, open_iscsi: OpenISCSI, incoming: str
    ) -> None:
        disk.ask_for_chap(ALICE, "target", MUTUAL)
        with open_iscsi.session(ALICE, IQN, PORTAL, **chap(SECRET, incoming)) as login:
            assert list(login.disks()) == [0]

    def test_no_mapped_lun_shows_no_disk(self, disk: Disk, open_iscsi: OpenISCSI) -> None:
        acl = disk.allow(ALICE)
        with open_iscsi.session(ALICE, IQN, PORTAL) as login:
            assert login.disks() == {}
            MappedLUN(acl, 0, 0)
            assert list(login.disks()) == [0]

    def test_a_protected_lun_is_read_only(self, disk: Disk, open_iscsi: OpenISCSI) -> None:
        MappedLUN(NodeACL(disk.tpg, ALICE), 0, 0, write_protect=True)
        with open_iscsi.session(ALICE, IQN, PORTAL) as login:
            device = login.disk()
            assert text(f"/sys/block/{os.path.basename(device)}/ro") == "1"
            assert program("dd", "if=/dev/zero", f"of={device}", "count=1").returncode != 0

    def test_two_initiators_over_both_kinds_of_address(
        self, disk: Disk, open_iscsi: OpenISCSI
    ) -> None:
        disk.allow(ALICE, 0)
        MappedLUN(NodeACL(disk.tpg, BOB), 5, 1)
        with (
            open_iscsi.session(ALICE, IQN, PORTAL) as alice,
            open_iscsi.session(BOB, IQN, "[::1]:3260") as bob,
        ):
            assert (list(alice.disks()), list(bob.disks())) == ([0], [5])
            assert size_of(bob.disk()) == MIB
            found = {one.initiator: one.connections[0].address for one in disk.tpg.sessions}
            assert found == {ALICE: "127.0.0.1", BOB: "::1"}

    @pytest.mark.parametrize("prout_type", [1, 5, 8])
    def test_a_reservation_outlives_the_object(
        self, tmp_path: Path, open_iscsi: OpenISCSI, prout_type: int
    ) -> None:
        """The kernel writes it down; that it gets it back is the library's part.

        Type 8 it writes as 08, which its own parser takes for a bad octal number.
        """
        make_dbroot_dirs()
        made = [
            ["--out", "--register", "--param-aptpl", "--param-sark=0x1234"],
            ["--out", "--reserve", "--param-rk=0x1234", f"--prout-type={prout_type}"],
        ]
        for commands in (made, []):
            disk = Disk(tmp_path, wwn=f"0123456789abcdef0123456789abcde{prout_type}")
            disk.allow(ALICE, 0)
            with open_iscsi.session(ALICE, IQN, PORTAL) as login:
                device = login.disk()
                for words in [*commands, ["--in", "--read-keys"]]:
                    said = succeed("sg_persist", "--no-inquiry", *words, device)
                assert "0x1234" in said
                held = disk.file.reservations["res_pr_type"]
                assert held != "No SPC-3 Reservation holder", held
            disk.delete()


def size_of(device: str) -> int:
    """Return the size that this machine knows a device by."""
    return int(text(f"/sys/block/{os.path.basename(device)}/size")) * 512
