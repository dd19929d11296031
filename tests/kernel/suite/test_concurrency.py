# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Many processes that make and delete at the same time: nobody fails, nothing is made twice."""

from __future__ import annotations

import multiprocessing
import time
import traceback
from typing import TYPE_CHECKING, Callable, TypeVar

from rtslib import LUN, TPG, FabricModule, RDMCPStorageObject, RTSRoot, Target

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

T = TypeVar("T")

PROCESSES = 16
#: Few, for nobody may wait for the tree's lock for a minute, however slow the machine is.
EACH = 10
IQN = "iqn.2026-11.org.example:crowd"


def _tpg() -> TPG:
    return TPG(Target(FabricModule("iscsi"), IQN), 1)


Made = tuple[str, int, int]
"""An object's name, its index, and the number of its LUN."""


def make(process: int) -> list[Made]:
    """Make objects of one page, and a LUN for each."""
    tpg = _tpg()
    made = []
    for number in range(EACH):
        disk = RDMCPStorageObject(f"disk{process}-{number}", 4096)
        assert disk.index is not None
        made.append((disk.name, disk.index, LUN(tpg, None, disk).lun))
    return made


def delete(made: list[Made]) -> list[Made]:
    """Delete LUNs and objects."""
    tpg = _tpg()
    for name, index, lun in made:
        tpg.luns[lun].delete()
        RDMCPStorageObject(name, index=index).delete()
    return []


def at_once(what: Callable[[int], list[T]]) -> list[T]:
    """Run one function in all processes, begun together; fail with what went wrong in any."""
    context = multiprocessing.get_context("fork")
    start = context.Event()

    def body(process: int, answer: Connection) -> None:
        start.wait()
        try:
            answer.send((what(process), ""))
        except BaseException:  # noqa: BLE001 - whatever it is, the test reports it
            answer.send(([], traceback.format_exc()))

    running = []
    for process in range(PROCESSES):
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=body, args=(process, sender))
        child.start()
        running.append((child, receiver))
    start.set()
    answers = [receiver.recv() for _child, receiver in running]
    for child, _receiver in running:
        child.join(60)
    assert [failure for _found, failure in answers if failure] == []
    return [one for found, _failure in answers for one in found]


def test_objects_and_luns_made_and_deleted_at_once() -> None:
    began = time.monotonic()
    found = at_once(make)
    print(f"{len(found)} made in {time.monotonic() - began:.1f} s")
    root = RTSRoot()
    indexes, luns = {index for _name, index, _lun in found}, {lun for _name, _index, lun in found}
    # Free numbers are the lowest: none twice, and none left out.
    assert indexes == luns == set(range(PROCESSES * EACH))
    assert {disk.name for disk in root.storage_objects} == {name for name, _index, _lun in found}
    assert set(_tpg().luns.keys()) == luns
    began = time.monotonic()
    at_once(lambda process: delete(found[process::PROCESSES]))
    print(f"{len(found)} deleted in {time.monotonic() - began:.1f} s")
    assert len(list(root.storage_objects)) == len(_tpg().luns) == 0
    _tpg().parent_target.delete()


def test_all_make_the_same_target_at_once() -> None:
    assert at_once(lambda _process: [_tpg().tag]) == [1] * PROCESSES
    assert len(list(RTSRoot().targets)) == 1
    _tpg().parent_target.delete()


def test_all_take_a_free_tag_at_once() -> None:
    target = Target(FabricModule("iscsi"), IQN)

    assert sorted(at_once(lambda _process: [TPG(target).tag])) == list(range(1, PROCESSES + 1))
    target.delete()
