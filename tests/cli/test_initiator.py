# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""ls, inq and readcap, against the fake target."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from cli.portal import IQN, Portal, portal
from rtslib.cli.initiator import _plain_data, _told
from rtslib.iscsi import scsi
from rtslib.iscsi.fake import FakeDisk

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.conftest import Run


class Tape(FakeDisk):
    def _inquiry(self, cdb: bytes) -> object:  # type: ignore[override]
        reply = super()._inquiry(cdb)
        return reply if cdb[1] else reply._replace(data=b"\x01" + bytes(reply.data)[1:])


class Absent(FakeDisk):
    def _inquiry(self, cdb: bytes) -> object:  # type: ignore[override]
        reply = super()._inquiry(cdb)
        return reply._replace(data=b"\x7f" + bytes(reply.data)[1:])


@pytest.fixture
def target() -> Iterator[Portal]:
    disks = {
        0: FakeDisk(bytearray(65536), serial="serial-0"),
        1: Tape(bytearray(512)),
        2: Absent(bytearray(512)),
        300: FakeDisk(bytearray(8192), block_size=4096),
        301: FakeDisk(bytearray(8192)),
    }
    disks[301].attentions += [(0x29, 0)] * 99
    with portal(disks) as served:
        yield served


def test_targets(run: Run, target: Portal) -> None:
    out, err = run(f"ls {target.url}")
    assert [line.split() for line in out.splitlines()] == [
        ["TARGET", "PORTAL"],
        [IQN, f"127.0.0.1:{target.port},1"],
        [f"{IQN}-gone", f"127.0.0.1:{target.port},1"],
    ]
    assert err == ""
    (first, _gone) = json.loads(run(f"ls {target.url} --json")[0])
    assert first == {
        "target": IQN,
        "portals": [
            {
                "host": "127.0.0.1",
                "port": target.port,
                "group": 1,
                "address": f"127.0.0.1:{target.port},1",
            }
        ],
    }


def test_luns(run: Run, target: Portal) -> None:
    out, err = run(f"ls -s {target.url}", expect=1)
    lines = out.splitlines()
    assert lines[0] == f"{IQN} 127.0.0.1:{target.port},1"
    assert lines[1].split() == ["LUN", "TYPE", "SIZE", "PRODUCT"]
    assert lines[2].split() == ["0", "disk", "64.0KiB", "RTSLIB", "FAKE", "DISK"]
    assert lines[3].split() == ["1", "tape", "RTSLIB", "FAKE", "DISK"]
    assert lines[4].split()[:3] == ["300", "disk", "8.0KiB"]
    assert "CHECK CONDITION: unit attention" in lines[5]
    assert lines[6:] == ["", f"{IQN}-gone 127.0.0.1:{target.port},1"]
    assert err.startswith(f"targetctl: {IQN}-gone: cannot log in")


def test_luns_of_one_target(run: Run, target: Portal) -> None:
    (it,) = json.loads(run(f"ls --luns {target.url}/{IQN} --json")[0])
    assert it["target"] == IQN
    assert [lun["lun"] for lun in it["luns"]] == [0, 1, 300, 301]
    assert [lun["size"] for lun in it["luns"]] == [65536, None, 8192, None]
    assert it["luns"][3]["error"].startswith("CHECK CONDITION")


def test_what_a_lun_says_it_is(run: Run, target: Portal) -> None:
    out, _ = run(f"inq {target.disk_url}")
    lines = dict(line.partition(": ")[::2] for line in out.splitlines())
    assert (lines["vendor"], lines["product"], lines["type name"]) == (
        "RTSLIB",
        "FAKE DISK",
        "disk",
    )
    assert lines["removable"] == "no"
    assert "descriptors" not in lines
    data = json.loads(run(f"inq {target.disk_url} --json")[0])
    assert (data["vendor"], data["removable"], data["type_name"]) == ("RTSLIB", False, "disk")
    assert data["descriptors"] == "00" * 16


def test_pages(run: Run, target: Portal) -> None:
    out, _ = run(f"inq {target.disk_url} --page 0")
    assert out == "00 supported pages\n80 unit serial number\nb0 block limits\n"
    assert run(f"inq {target.disk_url} --page 80h")[0] == "serial: serial-0\n"
    assert json.loads(run(f"inq {target.disk_url} --page 0x80 --json")[0]) == {"serial": "serial-0"}
    assert "max transfer: 0\n" in run(f"inq {target.disk_url} --page B0")[0]
    # The other end does not know this page.
    assert "illegal request" in run(f"inq {target.disk_url} --page b1", expect=1)[1].lower()


@pytest.mark.parametrize(
    ("page", "words"), [("zz", "is a hexadecimal number"), ("c0", "known are 00 (supported pages)")]
)
def test_a_page_that_is_none(run: Run, page: str, words: str) -> None:
    _, err = run(f"inq iscsi://host/iqn.x/0 --page {page}", expect=2)
    assert err.startswith(f"targetctl: --page {page}: ")
    assert words in err


def test_how_large_a_lun_is(run: Run, target: Portal) -> None:
    out, _ = run(f"readcap {target.url}/{IQN}/300")
    lines = dict(line.partition(": ")[::2] for line in out.splitlines())
    assert (lines["last lba"], lines["block size"], lines["size"]) == ("1", "4096", "8192")
    assert lines["thin"] == "no"
    data = json.loads(run(f"readcap {target.disk_url} --json")[0])
    assert (data["blocks"], data["block_size"], data["size"]) == (128, 512, 65536)


def test_names_and_descriptors_in_words() -> None:
    names = scsi.DeviceIdentification((scsi.Designator(scsi.DesignatorKind.NAA, b"\x60"),))
    assert [line.split() for line in _told(names)][1] == ["unit", "NAA", "naa.60"]
    assert _plain_data(names)["designators"][0]["text"] == "naa.60"
    assert [*_told(scsi.ThirdPartyCopy(((1, b"\xab"),)))] == ["0001: ab"]
    unknown = scsi.SupportedPages((0xC7,))
    assert [*_told(unknown)] == ["c7"]
    # Whatever the other end sends, a terminal is not told what to do.
    assert [*_told(scsi.UnitSerial("a\x1b[2J"))] == ["serial: a\\x1b[2J"]
    standard = scsi.Inquiry(descriptors=bytes.fromhex("00a0ffe0").ljust(16, b"\0"))
    assert "standards: SAM-5, ffe0" in [*_told(standard)]
