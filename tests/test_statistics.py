# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Counters: typed, with units, read in one pass, whatever vanishes meanwhile."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from trees import IQN, iscsi_tpg

from rtslib import LUN, TPG, FabricModule, NotFoundError, RDMCPStorageObject, RTSRoot, Target
from rtslib.configfs import Entry, Kind, names_of
from rtslib.errors import KernelError
from rtslib.statistics import Counter, Statistics, StatisticsTree
from rtslib.testing import Faulty, Journal

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel


@pytest.fixture
def lun(fake: FakeKernel) -> LUN:
    """A LUN with its counters."""
    return LUN(iscsi_tpg(fake), 0, RDMCPStorageObject("disk", "1M"))


def test_groups_are_the_kernels_and_sorted(lun: LUN) -> None:
    assert list(lun.statistics) == ["scsi_port", "scsi_tgt_port", "scsi_transport"]
    assert len(lun.statistics) == 3


def test_a_group_is_read_whole(lun: LUN) -> None:
    port = lun.statistics["scsi_tgt_port"]
    assert port["read_mbytes"] == 0
    assert isinstance(port["read_mbytes"], Counter)
    assert isinstance(port["name"], str)


def test_read_all_is_every_group_in_one_pass(fake: FakeKernel) -> None:
    tree = Journal(fake)
    lun = LUN(iscsi_tpg(tree), 0, RDMCPStorageObject("disk", "1M", fs=tree))
    with tree.counting() as made:
        everything = lun.statistics.read_all()
    assert everything == dict(lun.statistics)
    assert made["listdir"] == 1 + len(everything)
    assert made["read"] == sum(map(len, everything.values()))
    assert set(made) == {"listdir", "read"}


@pytest.mark.parametrize(
    ("name", "value", "unit", "in_bytes"),
    [
        ("read_mbytes", 3, "MiB", 3 << 20),
        ("tx_data_octs", 3, "bytes", 3),
        ("num_cmds", 3, "", 3),
    ],
)
def test_a_counter_knows_its_unit(name: str, value: int, unit: str, in_bytes: int) -> None:
    counter = Counter.of(name, value)
    assert (counter, counter.unit, counter.bytes) == (value, unit, in_bytes)
    assert type(counter.bytes) is int


class OneFile:
    """A tree in which every directory holds one file, with the same text, and a directory."""

    root = "/t"

    def __init__(self, text: str) -> None:
        self.text = text

    def listdir(self, path: str) -> list[Entry]:
        return [Entry("one", Kind.FILE), Entry("below", Kind.DIRECTORY)]

    def names(self, path: str, kind: Kind) -> list[str]:
        return names_of(self.listdir(path), kind)

    def read(self, path: str) -> str:
        return self.text


@pytest.mark.parametrize(
    ("text", "value"),
    [("\u00b2\n", "\u00b2"), ("-1\n", "-1"), ("7\n", 7), ("a\n", "a"), ("", ""), ("1 2\n", "1 2")],
)
def test_what_is_no_number_is_text(text: str, value: object) -> None:
    node = RTSRoot(OneFile(text))  # type: ignore[arg-type]
    assert Statistics(node, "statistics")["group"] == {"one": value}


def test_a_counter_that_has_gone_is_left_out(fake: FakeKernel, lun: LUN) -> None:
    for number in (errno.ENODEV, errno.ENOENT, errno.EIO):
        tree = Faulty(fake, number, when=lambda _name, path: path.endswith("read_mbytes"))
        there = LUN.handle(tree, lun.below(""))
        assert "read_mbytes" not in there.statistics["scsi_tgt_port"]
        assert "write_mbytes" in there.statistics["scsi_tgt_port"]


def test_a_group_that_is_not_there(lun: LUN) -> None:
    with pytest.raises(NotFoundError) as caught:
        lun.statistics["no_such"]
    assert isinstance(caught.value, LookupError)


@pytest.mark.usefixtures("fake")
def test_counters_of_what_has_none_are_empty() -> None:
    assert dict(Statistics(RTSRoot(), "statistics")) == {}


def test_counters_of_what_has_gone(lun: LUN) -> None:
    lun.delete()
    with pytest.raises(NotFoundError):
        list(lun.statistics)
    with pytest.raises(NotFoundError):
        lun.statistics.read_all()


def test_a_listing_that_is_refused(fake: FakeKernel, lun: LUN) -> None:
    tree = Faulty(fake, errno.EIO, when=lambda name, _path: name == "listdir")
    with pytest.raises(KernelError):
        list(LUN.handle(tree, lun.below("")).statistics)


def test_sessions_of_a_target_are_counted(fake: FakeKernel) -> None:
    tpg = iscsi_tpg(fake)
    tpg.attributes["generate_node_acls"] = 1
    tpg.enable = True
    fake.login(tpg.below(""), "iqn.1994-05.com.example:i")
    instance = Target(FabricModule("iscsi"), IQN).statistics["iscsi_instance"]
    assert instance["sessions"] == 1


def test_the_declaration_itself_is_had_from_the_class() -> None:
    assert isinstance(LUN.statistics, StatisticsTree)
    assert LUN.statistics.directory == "statistics"
    assert isinstance(Target.statistics, StatisticsTree)


def test_a_view_shows_what_it_is_of(lun: LUN) -> None:
    assert repr(lun.statistics) == f"<statistics of {lun!r}>"
    assert isinstance(lun.parent_tpg, TPG)
