# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What this library reads of a LUN, beside what sg3-utils and libiscsi make of the same LUN."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

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
from rtslib.iscsi import scsi
from rtslib.iscsi.sync import Session
from suite.machine import MIB, succeed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from suite.openiscsi import OpenISCSI

IQN = "iqn.2026-11.org.example:values"
OURS, KERNELS = (f"iqn.1994-05.com.redhat:{name}" for name in ("ours", "kernels"))
PORTAL = "127.0.0.1:3280"


@pytest.fixture
def tpg(tmp_path: Path) -> Iterator[TPG]:
    """A thin file as LUN 0, memory of 4 KiB blocks as LUN 1; both initiators see both."""
    file = FileIOStorageObject("file", str(tmp_path / "disk.img"), "8MiB")
    memory = RDMCPStorageObject("memory", "1MiB")
    file.set_attribute("emulate_tpu", 1)
    file.set_attribute("emulate_tpws", 1)
    memory.set_attribute("block_size", 4096)
    target = Target(FabricModule("iscsi"), IQN)
    tpg = TPG(target, 1)
    tpg.set_attribute("authentication", False)
    for number, storage_object in enumerate((file, memory)):
        LUN(tpg, number, storage_object)
    NetworkPortal(tpg, "127.0.0.1", 3280)
    for name in (OURS, KERNELS):
        acl = NodeACL(tpg, name)
        for number in range(2):
            MappedLUN(acl, number, number, write_protect=number == 1)
    tpg.enable = True
    yield tpg
    for node in (target, file, memory):
        node.delete()


def targetctl(*words: str) -> Any:
    """Return what a command tells programs."""
    said = succeed(sys.executable, "-m", "rtslib.cli", *words, "--json", "--initiator", OURS)
    return json.loads(said)


def url(lun: int) -> str:
    return f"iscsi://{PORTAL}/{IQN}/{lun}"


def fields(text: str) -> dict[str, str]:
    """Return lines such as ``Vendor:LIO-ORG`` by their names."""
    parts = (it.partition(":") for it in text.split("\n"))
    return {name: value.strip() for name, _, value in parts}


@pytest.mark.usefixtures("tpg")
@pytest.mark.parametrize("lun", [0, 1])
class TestLibiscsi:
    def test_inquiry(self, lun: int) -> None:
        ours = targetctl("inq", url(lun))
        theirs = fields(succeed("iscsi-inq", "-i", OURS, url(lun)))
        for ours_of, theirs_of in (
            ("vendor", "Vendor"),
            ("product", "Product"),
            ("revision", "Revision"),
        ):
            assert ours[ours_of] == theirs[theirs_of]
        for ours_of, theirs_of in (
            ("removable", "Removable"),
            ("normal_aca", "NormACA"),
            ("hierarchical", "HiSup"),
            ("response_format", "ReponseDataFormat"),
            ("storage_controller", "SCCS"),
            ("alua", "TPGS"),
            ("third_party_copy", "3PC"),
            ("protection", "Protect"),
            ("enclosure_services", "EncServ"),
            ("multi_port", "MultiP"),
            ("command_queuing", "CmdQue"),
        ):
            assert int(ours[ours_of]) == int(theirs[theirs_of]), ours_of
        assert theirs["Peripheral Qualifier"] == "CONNECTED"
        assert (ours["qualifier"], ours["type_name"]) == (0, "disk")
        assert str(ours["version"]) == theirs["Version"].split()[0]

    def test_capacity(self, lun: int) -> None:
        ours = targetctl("readcap", url(lun))
        said = succeed("iscsi-readcapacity16", "-i", OURS, url(lun))
        theirs = fields(said)
        assert ours["last_lba"] == int(theirs["RETURNED LOGICAL BLOCK ADDRESS"])
        assert ours["block_size"] == int(theirs["LOGICAL BLOCK LENGTH IN BYTES"])
        assert ours["size"] == int(theirs["Total size"])
        assert ours["lowest_aligned_lba"] == int(theirs["LOWEST ALIGNED LOGICAL BLOCK ADDRESS"])
        bits = dict(re.findall(r"(LBPME|LBPRZ|PROT_EN|P_TYPE|PHYSICAL BLOCK EXPONENT):(\d)", said))
        assert int(ours["thin"]) == int(bits["LBPME"])
        assert int(ours["unmapped_reads_zeros"]) == int(bits["LBPRZ"])
        assert int(ours["protected"]) == int(bits["PROT_EN"])
        assert ours["physical_exponent"] == int(bits["PHYSICAL BLOCK EXPONENT"])
        assert ours["thin"] == (lun == 0)


@pytest.mark.usefixtures("tpg")
def test_libiscsi_lists_the_same() -> None:
    (ours,) = targetctl("ls", "-s", f"iscsi://{PORTAL}")
    for lun in (0, 1):
        # iscsi-ls gives up at a unit attention.
        succeed("iscsi-inq", "-i", OURS, url(lun))
    theirs = succeed("iscsi-ls", "-s", "-i", OURS, f"iscsi://{PORTAL}")
    assert f"Target:{ours['target']} Portal:{ours['portals'][0]['address']}\n" in theirs
    found = {int(it) for it in re.findall(r"^Lun:(\d+) +Type:DIRECT_ACCESS", theirs, re.MULTILINE)}
    assert {it["lun"] for it in ours["luns"]} == found == {0, 1}
    assert [it["size"] for it in ours["luns"]] == [8 * MIB, MIB]


#: Pages, and what sg_vpd prints of them: a pattern, and the field that the number is.
VPD = {
    0xB0: (
        (r"Maximum compare and write length: (\d+) blocks", "max_compare_and_write"),
        (r"Optimal transfer length granularity: (\d+) blocks", "optimal_granularity"),
        (r"Maximum transfer length: (\d+) blocks", "max_transfer"),
        (r"Optimal transfer length: (\d+) blocks", "optimal_transfer"),
        (r"Maximum unmap LBA count: (\d+)", "max_unmap"),
        (r"Maximum unmap block descriptor count: (\d+)", "max_unmap_extents"),
        (r"Optimal unmap granularity: (\d+) blocks", "unmap_granularity"),
        (r"Maximum write same length: (\w+) block", "max_write_same"),
    ),
    0xB2: (
        (r"Unmap command supported \(LBPU\): (\d)", "unmap"),
        (r"Write same \(16\) with unmap bit supported \(LBPWS\): (\d)", "write_same16"),
        (r"Write same \(10\) with unmap bit supported \(LBPWS10\): (\d)", "write_same10"),
        (r"Logical block provisioning read zeros \(LBPRZ\): (\d)", "reads_zeros"),
        (r"Anchored LBAs supported \(ANC_SUP\): (\d)", "anchors"),
        (r"Threshold exponent: (\d)", "threshold_exponent"),
    ),
}


def test_sg3_utils(tpg: TPG, open_iscsi: OpenISCSI) -> None:
    """Pages byte for byte, and in words, through the kernel's own initiator."""
    assert tpg.enable
    with (
        open_iscsi.session(KERNELS, IQN, PORTAL) as kernels,
        Session.connect(f"iscsi://{PORTAL}/{IQN}", initiator=OURS) as ours,
    ):
        disks = kernels.disks()
        assert set(disks) == set(map(int, ours.luns())) == {0, 1}
        for lun, device in disks.items():
            _inquiry(ours, lun, device)
            _pages(ours, lun, device)
            _mode(ours, lun, device)
            _groups(ours, lun, device)


def binary(*words: str) -> bytes:
    """Return what a program prints that prints no text."""
    return subprocess.run(words, capture_output=True, check=True, timeout=300).stdout


def _inquiry(session: Session, lun: int, device: str) -> None:
    said = succeed("sg_inq", device)
    ours = session.inquiry(lun)
    for pattern, value in (
        (r"Vendor identification: (.*)", ours.vendor),
        (r"Product identification: (.*)", ours.product),
        (r"Product revision level: (.*)", ours.revision),
        (r"TPGS=(\d)", str(ours.alua)),
        (r"CmdQue=(\d)", str(int(ours.command_queuing))),
        (r"version=(0x[0-9a-f]+)", f"0x{ours.version:02x}"),
    ):
        found = re.search(pattern, said)
        assert found, (pattern, said)
        assert found.group(1).strip() == value
    capacity = session.read_capacity(lun)
    said = succeed("sg_readcap", "--readonly", "--long", device)
    assert f"Last LBA={capacity.last_lba} " in said
    assert f"Logical block length={capacity.block_size} bytes" in said
    assert f"lbpme={int(capacity.thin)}, lbprz={int(capacity.unmapped_reads_zeros)}" in said


def _pages(session: Session, lun: int, device: str) -> None:
    listed = session.page(lun, 0x00)
    assert isinstance(listed, scsi.SupportedPages)
    known = {code: scsi.PAGES[code] for code in listed.pages if code in scsi.PAGES}
    assert {0x00, 0x80, 0x83, 0xB0, 0xB1} <= set(known)
    for code, kind in known.items():
        read = session.page(lun, code)
        theirs = binary("sg_vpd", "--raw", f"--page={code:#x}", device)
        assert read == kind.cls.parse(theirs), (code, theirs.hex(" "))
        said = succeed("sg_vpd", f"--page={code:#x}", device)
        for pattern, name in VPD.get(code, ()):
            found = re.search(pattern, said)
            # LIO's page is shorter for a disk that is not thin: what is not told is zero.
            assert found or lun == 1, (pattern, said)
            assert int(getattr(read, name)) == (int(found.group(1), 0) if found else 0), name
    serial = session.serial(lun)
    assert f"Unit serial number: {serial}" in succeed("sg_vpd", "--page=sn", device)
    names = session.page(lun, 0x83)
    assert isinstance(names, scsi.DeviceIdentification)
    assert names.naa
    assert names.naa.removeprefix("naa.") in succeed("sg_vpd", "--page=di", device)


def _mode(session: Session, lun: int, device: str) -> None:
    parameters = scsi.ModeParameters.parse10(session.ask(lun, scsi.mode_sense10(length=512), 512))
    said = succeed("sg_modes", "--all", device)
    assert f"WP={int(parameters.write_protected)}" in said
    assert f"DpoFua={int(parameters.dpo_fua)}" in said
    assert parameters.write_protected == (lun == 1)
    for page, ours in ((8, parameters.caching), (10, parameters.control)):
        assert ours
        theirs = scsi.ModeParameters.parse10(binary("sg_modes", "--raw", f"--page={page}", device))
        assert ours == (theirs.caching if page == 8 else theirs.control)


def _groups(session: Session, lun: int, device: str) -> None:
    answer = session.ask(lun, scsi.report_target_port_groups(512), 512)
    (group,) = scsi.PortGroups.parse(answer).groups
    said = succeed("sg_rtpg", "--readonly", "--decode", device)
    assert f"target port group id : 0x{group.group:x} " in said
    assert f"Pref={int(group.preferred)}" in said
    keys = scsi.RegisteredKeys.parse(session.ask(lun, scsi.read_keys(512), 512))
    assert keys.keys == ()
    assert f"PR generation=0x{keys.generation:x}, there are NO registered" in succeed(
        "sg_persist", "--readonly", "--in", "--read-keys", device
    )
