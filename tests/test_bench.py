# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The bench: all contenders leave the same tree, and its figures are put together rightly."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import classic
import floor
import ours
import pytest
from goals import GOALS, Goal, met, reached
from recorder import record
from report import document
from shape import ROOT, WORKS, Shape
from table import Cell, Ratio, Table, number, plain, quotient, rows, spelled

import rtslib
from rtslib import config
from rtslib.configfs import Kind
from rtslib.testing import FakeKernel, Journal

DOC = Path(__file__).resolve().parents[1] / "doc"
SHAPE = Shape(3, 2)


class OnFake:
    """What stands in for ``os`` in the floor: the calls, on a fake kernel."""

    O_RDONLY = os.O_RDONLY
    O_WRONLY = os.O_WRONLY

    def __init__(self, fs: Journal) -> None:
        self.fs = fs
        self.path = self
        self._open = ""

    @staticmethod
    def below(path: str) -> str:
        return path.removeprefix(f"{ROOT}/")

    def isdir(self, path: str) -> bool:
        try:
            return self.fs.kind(self.below(path)) is Kind.DIRECTORY
        except FileNotFoundError:
            return False

    def mkdir(self, path: str) -> None:
        self.fs.mkdir(self.below(path))

    def rmdir(self, path: str) -> None:
        self.fs.rmdir(self.below(path))

    def unlink(self, path: str) -> None:
        self.fs.unlink(self.below(path))

    def symlink(self, target: str, path: str) -> None:
        self.fs.symlink(self.below(target), self.below(path))

    def listdir(self, path: str) -> list[str]:
        return [entry.name for entry in self.fs.listdir(self.below(path))]

    def readlink(self, path: str) -> str:
        return self.fs.readlink(self.below(path))

    def open(self, path: str, _flags: int) -> int:
        self._open = self.below(path)
        return 0

    def write(self, _fd: int, text: bytes) -> None:
        self.fs.write(self._open, text.decode())

    def read(self, _fd: int, _size: int) -> bytes:
        return self.fs.read(self._open).encode()

    def close(self, _fd: int) -> None:
        pass


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch) -> Journal:
    """Return a kernel on which the floor makes its calls."""
    journal = Journal(FakeKernel("6.1"))
    monkeypatch.setitem(vars(floor), "os", OnFake(journal))
    return journal


def by_classic_calls(shape: Shape) -> dict[str, Any]:
    """Return what is saved of a tree that the classic calls have made."""
    with rtslib.use(FakeKernel("6.1")) as fs:
        works = classic.works(shape, "", "")
        works["create-storage"]()()
        tpg = rtslib.TPG(rtslib.Target(rtslib.FabricModule("iscsi"), shape.target), 1)
        rtslib.NetworkPortal(tpg, "127.0.0.1", 3260)
        tpg.enable = True
        works["create-luns"]()()
        works["map"]()()
        works["list"]()()
        return without_aliases(config.dump(config.capture(fs)))


def without_aliases(data: dict[str, Any]) -> dict[str, Any]:
    """Return a saved configuration without the names of links."""
    for tpg in data["targets"][0]["tpgs"]:
        for entry in [*tpg["luns"], *(it for acl in tpg["node_acls"] for it in acl["mapped_luns"])]:
            entry.pop("alias")
    return data


def test_the_floor_leaves_what_the_classic_calls_leave(journal: Journal) -> None:
    floor.restore(SHAPE)
    found = without_aliases(config.dump(config.capture(journal)))
    assert found == by_classic_calls(SHAPE)


def test_the_floor_that_writes_all_leaves_the_same(journal: Journal) -> None:
    floor.restore(SHAPE)
    saved = config.dump(config.capture(journal))
    floor.clear(SHAPE)
    assert not config.dump(config.capture(journal))["storage_objects"]
    floor.restore_all(SHAPE, saved)
    assert config.dump(config.capture(journal)) == saved


def test_the_floor_removes_what_is_there_and_makes_what_is_wanted(journal: Journal) -> None:
    floor.restore(SHAPE.other)
    floor.restore_over_other(SHAPE)
    found = without_aliases(config.dump(config.capture(journal)))
    assert found == by_classic_calls(SHAPE)


def test_the_floor_reads_and_lists_all_and_changes_nothing(journal: Journal) -> None:
    floor.restore(SHAPE)
    journal.clear()
    found = floor.dump(SHAPE)
    assert floor.listing(SHAPE) == SHAPE.objects
    assert journal.changes == []
    saved = config.dump(config.capture(journal))
    for entry in saved["storage_objects"]:
        assert set(entry["attributes"]) == {
            name.removeprefix("attrib/") for name in found[entry["name"]] if "attrib/" in name
        }


def test_the_floor_deletes_and_changes_one(journal: Journal) -> None:
    floor.restore(SHAPE)
    before = config.dump(config.capture(journal))
    floor.delete_lun(SHAPE, 1)
    assert len(config.dump(config.capture(journal))["targets"][0]["tpgs"][0]["luns"]) == 2
    floor.remake_lun(SHAPE, 1)
    floor.change(SHAPE, 1)
    assert config.dump(config.capture(journal)) != before
    floor.change(SHAPE, 1, b"1")
    assert config.dump(config.capture(journal)) == before


def test_a_recorded_floor_touches_nothing() -> None:
    script = record(lambda: floor.luns(Shape(1)))
    lun = f"{Shape(1).tpg}/lun/lun_0"
    assert script == f"m{lun}\0\0s{lun}/link\0{ROOT}/core/rd_mcp_0/disk0\0".encode()
    assert floor.os is os  # type: ignore[attr-defined] # it is given back


def test_every_work_has_somebody_who_does_it() -> None:
    works = ours.works(SHAPE, "", "")
    assert set(works) | {"import", "targetcli-ls"} == set(WORKS)


def cell(contender: str, *cpu: float, work: str = "map", shape: str = "100x10") -> Cell:
    return Cell("icount", shape, work, contender, cpu=list(cpu), wall=list(cpu))


def test_rounds_are_paired() -> None:
    assert quotient(cell("fb", 10.0, 12.0), cell("ours", 1.0, 2.0)) == Ratio(8.0, 6.0, 10.0)
    # What took long was done once.
    assert quotient(cell("fb", 10.0), cell("ours", 1.0, 2.0)) == Ratio(7.5, 5.0, 10.0)
    assert quotient(None, cell("ours", 1.0)) is None
    assert quotient(cell("fb", 1.0), cell("ours")) is None


def test_what_was_ended_is_more_than_that() -> None:
    fb = cell("fb")
    fb.limit = 100.0
    ratio = quotient(fb, cell("ours", 0.5))
    assert ratio == Ratio(200.0, 200.0, 200.0, at_least=True)
    assert spelled(ratio) == "> 200"
    fb.limit = -1.0
    assert quotient(fb, cell("ours", 0.5)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1234"), (12.34, "12.3"), (1.234, "1.23"), (0.0123, "0.0123"), (0.0, "0")],
)
def test_figures_are_spelled_in_three_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_what_is_measured_again_replaces_and_counts_join(tmp_path: Path) -> None:
    about = {"clock": "icount", "shape": "100", "work": "dump", "contender": "ours", "of": "a"}
    table = Table()
    table.add([{**about, "how": "measure", "cpu": 2.0, "wall": 3.0, "peak": 5}])
    table.add([{**about, "how": "count", "calls": {"read": 7}}])
    table.add([{**about, "of": "b", "how": "measure", "cpu": 1.0, "wall": 3.0}] * 2)
    table.save(tmp_path / "table.json")
    found = Table.load(tmp_path / "table.json").get("icount", "100", "dump", "ours")
    assert found is not None
    assert (found.cpu, found.calls, found.of) == ([1.0, 1.0], {"read": 7}, "b")
    assert plain(rows(table, "icount", "100")).splitlines()[1].split() == ["dump", "1.00", "2"]


def test_a_goal_is_reached_or_not() -> None:
    table = Table([cell("ours", 1.0), cell("fb", 70.0), cell("floor", 0.5)])
    goals = {goal.against: goal for goal in GOALS if goal.works == ("map",)}
    ratios = {name: reached(table, goal) for name, goal in goals.items()}
    assert ratios == {"fb": Ratio(70.0, 70.0, 70.0), "floor": Ratio(2.0, 2.0, 2.0)}
    assert {name: met(goals[name], ratio) for name, ratio in ratios.items() if ratio} == {
        "fb": True,
        "floor": False,
    }
    sums = Goal("all", "100x10", ("map", "dump"), "fb", 1)
    assert reached(table, sums) is None


def test_the_page_is_made_of_the_figures_beside_it() -> None:
    page = (DOC / "performance.md").read_text("utf-8")
    assert page == document(Table.load(DOC / "performance.json"))
