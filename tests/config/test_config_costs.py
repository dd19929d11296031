# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What capturing, planning and restoring cost at the door: twice as much for twice as many."""

from __future__ import annotations

from typing import Callable

import pytest
from trees import INITIATORS, IQN, KERNELS, empty

from rtslib import LUN, TPG, FabricModule, NodeACL, RDMCPStorageObject, Target, use
from rtslib.config.apply import apply
from rtslib.config.capture import capture
from rtslib.config.plan import plan
from rtslib.config.state import State
from rtslib.testing import FakeKernel, Journal

MANY = 30
TWICE = 2.2

each_kernel = pytest.mark.parametrize("kernel", KERNELS)


def made(kernel: str, count: int) -> FakeKernel:
    """Return a kernel with some LUNs, all of them mapped to four initiators."""
    tree = empty(kernel)
    with use(tree):
        tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
        acls = [NodeACL(tpg, name) for name in INITIATORS]
        for number in range(count):
            LUN(tpg, number, RDMCPStorageObject(f"disk{number}", "64K"))
            for acl in acls:
                acl.mapped_lun(number, number)
    return tree


def ratio(kernel: str, cost: Callable[[FakeKernel], int]) -> float:
    return cost(made(kernel, 2 * MANY)) / cost(made(kernel, MANY))


def captured(tree: FakeKernel) -> int:
    journal = Journal(tree)
    capture(journal)
    return len(journal.operations)


def planned_unchanged(tree: FakeKernel) -> int:
    journal = Journal(tree)
    state = capture(journal)
    assert not plan(capture(journal), state, tree.root).steps
    return len(journal.operations)


def restored(tree: FakeKernel) -> int:
    journal = Journal(empty(tree.kernel))
    report = apply(journal, plan(capture(journal), capture(tree), tree.root))
    assert report.good
    return len(journal.operations)


def cleared(tree: FakeKernel) -> int:
    journal = Journal(tree)
    assert apply(journal, plan(capture(journal), State(), tree.root)).good
    return len(journal.operations)


@each_kernel
@pytest.mark.parametrize("cost", [captured, planned_unchanged, restored, cleared])
def test_twice_as_many_cost_twice_as_much(kernel: str, cost: Callable[[FakeKernel], int]) -> None:
    assert ratio(kernel, cost) < TWICE


@each_kernel
def test_a_mapped_lun_costs_two_calls_to_capture(kernel: str) -> None:
    """Which files there are is asked once; then it is one readdir, one readlink, one read."""
    tree = made(kernel, MANY)
    before = captured(tree)
    with use(tree):
        tpg = Target(FabricModule("iscsi"), IQN).tpgs[1]
        tpg.node_acls[INITIATORS[0]].mapped_lun(999, 0)
    assert captured(tree) - before == 3


@each_kernel
def test_planning_costs_no_call(kernel: str) -> None:
    tree = made(kernel, 2)
    journal = Journal(tree)
    state = capture(journal)
    journal.clear()
    assert len(plan(state, State(), tree.root)) > 0
    assert len(plan(State(), state, tree.root)) > 0
    assert journal.operations == []


@each_kernel
def test_restoring_writes_only_what_differs_from_what_the_kernel_makes(kernel: str) -> None:
    want = capture(made(kernel, 2))
    journal = Journal(empty(kernel))
    apply(journal, plan(State(), want, journal.root))
    writes = [op for op in journal.changes if op.name == "write"]
    # control, enable and serial of two objects: nothing else is not as it is made.
    assert len(writes) == 6
