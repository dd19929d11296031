# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The drawn tree: golden text, colour, and what is broken or vanishes while it is drawn."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

import pytest
from trees import iscsi_tpg

from rtslib import (
    LUN,
    TPG,
    BlockStorageObject,
    FabricModule,
    FileIOStorageObject,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    RDMCPStorageObject,
    RTSRoot,
    Target,
    UserBackedStorageObject,
)
from rtslib.draw import draw, human
from rtslib.testing import BlockDevice, Faulty, ReadOnly

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.testing import FakeKernel

ONE, TWO, THREE = (f"iqn.1994-05.com.example:{name}" for name in ("one", "two", "three"))

GOLDEN = """\
o- / ............................................................................. [...]
  o- backstores .................................................................. [...]
  | o- fileio ..................................................... [Storage Objects: 1]
  | | o- disk ............................ [DIR/disk.img (64.0MiB) write-back activated]
  | o- ramdisk .................................................... [Storage Objects: 2]
  | | o- memory ................................................ [(1.0MiB) deactivated]
  | | o- shut ............................................................ [not enabled]
  | o- user ....................................................... [Storage Objects: 1]
  |   o- image ............................... [rbd/pool/image (1.0GiB) deactivated]
  o- iscsi ................................................................ [Targets: 1]
  | o- iqn.2003-01.org.example:target ........................................ [TPGs: 2]
  |   o- tpg1 ....................................................... [no-gen-acls, auth]
  |   | o- acls .............................................................. [ACLs: 3]
  |   | | o- iqn.1994-05.com.example:one ..... [mutual CHAP, Mapped LUNs: 2, logged in]
  |   | | | o- mapped_lun0 .................................... [lun0 fileio/disk (rw)]
  |   | | | o- mapped_lun1 .................................... [lun0 fileio/disk (ro)]
  |   | | o- iqn.1994-05.com.example:three ............................ [Mapped LUNs: 0]
  |   | | o- iqn.1994-05.com.example:two ........................ [CHAP, Mapped LUNs: 0]
  |   | o- luns .............................................................. [LUNs: 1]
  |   | | o- lun0 .................................... [fileio/disk (default_tg_pt_gp)]
  |   | o- portals ........................................................ [Portals: 2]
  |   |   o- 127.0.0.1:3260 ....................................................... [OK]
  |   |   o- [::1]:3260 ......................................................... [iser]
  |   o- tpg2 ............................................. [disabled, gen-acls, no-auth]
  |     o- acls .............................................................. [ACLs: 0]
  |     o- luns .............................................................. [LUNs: 0]
  |     o- portals ........................................................ [Portals: 0]
  o- loopback ............................................................. [Targets: 1]
    o- naa.5001405000000001 .................................................. [TPGs: 1]
      o- tpg1 .................................................. [naa.5001405000000002]
        o- luns .............................................................. [LUNs: 0]"""


@pytest.fixture
def tree(fake: FakeKernel, tmp_path: Path) -> FakeKernel:
    """What the golden text shows."""
    disk = FileIOStorageObject("disk", str(tmp_path / "disk.img"), "64M", write_back=True)
    RDMCPStorageObject("memory", "1M")
    RDMCPStorageObject("shut", "1M", enable=False)
    UserBackedStorageObject("image", "rbd/pool/image", "1G")
    tpg = iscsi_tpg(fake)
    tpg.enable = True
    LUN(tpg, 0, disk)
    one = NodeACL(tpg, ONE)
    one.set_chap("in", "secret", "out", "other")
    MappedLUN(one, 0, 0)
    MappedLUN(one, 1, 0, write_protect=True)
    NodeACL(tpg, TWO).set_chap("in", "secret")
    NodeACL(tpg, THREE)
    NetworkPortal(tpg, "127.0.0.1")
    NetworkPortal(tpg, "::1").iser = True
    fake.login(tpg.below(""), ONE)
    other = TPG(tpg.parent_target, 2)
    other.attributes.update({"generate_node_acls": True, "authentication": False})
    loop = TPG(Target(FabricModule("loopback"), "naa.5001405000000001"), 1)
    loop.nexus = ""
    loop.nexus = "naa.5001405000000002"
    return fake


def drawn(fs: object, directory: Path, *, colour: bool = False, width: int = 86) -> str:
    """Return the drawing with the test's own directory called DIR."""
    text = draw(RTSRoot(fs), width=width, colour=colour)  # type: ignore[arg-type]
    return text.replace(str(directory), "DIR")


def dots(text: str) -> str:
    """Return lines whose dots are as many as fit, however long the directory's name was."""
    return re.sub(r" \.{2,} (?=\[)", " .. ", text)


def test_the_golden_tree(tree: FakeKernel, tmp_path: Path) -> None:
    assert dots(drawn(ReadOnly(tree), tmp_path)) == dots(GOLDEN)


@pytest.mark.usefixtures("tree")
def test_lines_end_in_one_column() -> None:
    lines = draw(RTSRoot(), width=300).splitlines()
    assert {len(line) for line in lines} == {300}


@pytest.mark.usefixtures("tree")
def test_narrow_lines_keep_two_dots() -> None:
    lines = draw(RTSRoot(), width=1).splitlines()
    assert all(" .. [" in line or "  .. [" in line for line in lines)


def test_colour_adds_nothing_but_colour(tree: FakeKernel, tmp_path: Path) -> None:
    coloured = drawn(tree, tmp_path, colour=True)
    assert re.sub(r"\x1b\[[0-9]*m", "", coloured) == drawn(tree, tmp_path)
    assert "\x1b[32m[127.0.0.1" not in coloured
    assert "\x1b[1m127.0.0.1:3260\x1b[0m" in coloured
    assert "\x1b[32m[OK]\x1b[0m" in coloured
    assert "\x1b[31m[not enabled]\x1b[0m" in coloured
    assert "\x1b[31m[disabled, gen-acls, no-auth]" in coloured


@pytest.mark.usefixtures("fake")
def test_an_empty_tree() -> None:
    assert dots(draw(RTSRoot())) == "o- / .. [...]\n  o- backstores .. [...]"


def test_broken_parts_are_drawn_as_errors_and_hide_no_others(fake: FakeKernel) -> None:
    tpg = iscsi_tpg(fake)
    fake.mkdir(tpg.below("lun/lun_0"))
    NodeACL(tpg, ONE)
    fake.mkdir(tpg.below(f"acls/{ONE}/lun_5"))
    text = draw(RTSRoot(), colour=True)
    assert "\x1b[31m[<LUN" in text
    assert text.count("is linked to nothing") == 2
    assert "lun_5" in text
    assert ONE in text


def test_a_device_that_is_gone_is_drawn_as_an_error(fake: FakeKernel) -> None:
    fake.host.devices["/dev/gone0"] = BlockDevice()
    BlockStorageObject("disk", "/dev/gone0")
    RDMCPStorageObject("memory", "1M")
    text = draw(RTSRoot())
    assert re.search(r"o- disk \.+ \[cannot tell the size of block device 8:0", text)
    assert "o- memory" in text


def test_what_others_named_cannot_move_the_cursor(fake: FakeKernel) -> None:
    for path in ("rd_mcp_0", "rd_mcp_0/a\x1b[2J\nb\u00e9"):
        fake.mkdir(f"core/{path}")
    tpg = iscsi_tpg(fake)
    fake.mkdir(tpg.below("acls/x\x1b]0;title\x07"))
    for colour in (False, True):
        text = draw(RTSRoot(), colour=colour)
        assert not re.search(r"[\x00-\x09\x0b-\x1a\x1c-\x1f]|\x1b(?!\[(0|1|31|32)m)", text)
        assert "a\\x1b[2J\\nb\u00e9" in text
        assert "x\\x1b]0;title\\x07" in text


def test_without_root_credentials_are_unknown(tree: FakeKernel) -> None:
    tree.privileged = False
    text = draw(RTSRoot())
    assert text.count("CHAP unknown") == 3
    assert "mapped_lun0" in text


@pytest.mark.parametrize("file", ["enable", "info", "nexus", "write_protect", "iser"])
def test_any_file_that_cannot_be_read_is_an_error_in_its_place(tree: FakeKernel, file: str) -> None:
    fault = Faulty(
        tree, errno.EIO, when=lambda name, path: name == "read" and path.endswith(f"/{file}")
    )
    text = draw(RTSRoot(fault))
    assert "(EIO)" in text
    assert "o- loopback" in text


def test_fabrics_that_cannot_be_looked_into_are_errors(tree: FakeKernel) -> None:
    fault = Faulty(tree, errno.EIO, when=lambda _name, path: path.startswith("iscsi"))
    text = draw(RTSRoot(fault))
    assert re.search(r"o- iscsi \.+ \[.*EIO", text)
    assert "o- loopback" in text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0B"),
        (1023, "1023B"),
        (1024, "1.0KiB"),
        (1536, "1.5KiB"),
        (64 << 20, "64.0MiB"),
        (3 << 40, "3.0TiB"),
        (2 << 50, "2.0PiB"),
        (1 << 61, "2048.0PiB"),
    ],
)
def test_sizes_as_people_read_them(size: int, text: str) -> None:
    assert human(size) == text
