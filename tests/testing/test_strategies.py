# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Random steps: two fakes agree on them, whether one lives in a file or not."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from rtslib.testing import FakeKernel, KernelOops, strategies
from rtslib.testing.shapes import KERNELS
from rtslib.testing.strategies import Step
from testing.filled import TPG, Filled

if TYPE_CHECKING:
    from pathlib import Path


def compare(one: FakeKernel, others: list[FakeKernel], choose: Any, length: int) -> None:
    for _ in range(length):
        step = strategies.next_step(one, choose)
        try:
            found = strategies.perform(one, step)
        except KernelOops:
            continue
        for other in others:
            assert strategies.perform(other, step) == found, step


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("seed", range(3))
def test_a_tree_in_a_file_behaves_alike(tmp_path: Path, kernel: str, seed: int) -> None:
    path = str(tmp_path / "state")
    pair = [FakeKernel(kernel, state=path), FakeKernel(kernel, state=path)]
    one = FakeKernel(kernel)
    choose = strategies.random_choice(random.Random(seed))
    for number in range(200):
        step = strategies.next_step(one, choose)
        try:
            found = strategies.perform(one, step)
        except KernelOops:
            continue
        assert strategies.perform(pair[number % 2], step) == found, step
    fresh = FakeKernel(state=path)
    for at in strategies.places(one):
        assert strategies.perform(fresh, Step("listdir", (at,))) == strategies.perform(
            one, Step("listdir", (at,))
        )


def test_a_seed_gives_the_same_steps() -> None:
    def steps() -> list[Step]:
        fs = FakeKernel()
        choose = strategies.random_choice(random.Random(7))
        found = []
        for _ in range(200):
            found.append(strategies.next_step(fs, choose))
            try:
                strategies.perform(fs, found[-1])
            except KernelOops:
                continue
        return found

    assert steps() == steps()


class TwoTrees(RuleBasedStateMachine):
    """Hypothesis chooses the steps, and shrinks a sequence on which two trees disagree."""

    def __init__(self) -> None:
        super().__init__()
        self.one = FakeKernel()
        self.other = FakeKernel()

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        compare(self.one, [self.other], lambda found: data.draw(st.sampled_from(found)), 1)


TwoTrees.TestCase.settings = settings(
    max_examples=15, stateful_step_count=10, suppress_health_check=list(HealthCheck)
)
TestTwoTreesAgree = TwoTrees.TestCase


def test_what_holds_something_is_cleared_too() -> None:
    fs = Filled()
    fs.tpg()
    fs.acl(TPG, luns=(0,))
    for _ in range(4):
        strategies.clear(fs)
    assert [entry.name for entry in fs.listdir("")] == ["core", "dbroot", "version"]


@pytest.mark.parametrize("seed", range(4))
def test_a_tree_can_be_cleared(seed: int) -> None:
    fs = FakeKernel()
    choose = strategies.random_choice(random.Random(seed))
    compare(fs, [], choose, 300)
    for _ in range(4):
        strategies.clear(fs)
    assert [entry.name for entry in fs.listdir("")] == ["core", "dbroot", "version"]
    assert [entry.name for entry in fs.listdir("core")] == ["alua"]
