# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Any configuration can be taken away and brought back, whole, and changed into any other.

What is not compared stands in ``differences`` and ``compared``, with the reasons. A few examples by
default; ``RTSLIB_EXAMPLES=500`` for as many as one likes.
"""

from __future__ import annotations

import os
import tempfile
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from configurations import build, replayed, said_by_the_tree
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from trees import KERNELS, empty, rich

from rtslib.config.apply import OnFailure, apply
from rtslib.config.capture import capture
from rtslib.config.document import parse
from rtslib.config.dump import dump
from rtslib.config.operations import checked
from rtslib.config.plan import plan
from rtslib.config.savefile import text_of
from rtslib.config.state import State
from rtslib.fabric import FabricModule
from rtslib.storage import StorageObject
from rtslib.testing import FakeKernel, Faulty, Journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: As numbers, which make a configuration each: faster by far than draws one by one.
SEEDS = st.integers(0, 1 << 32)
EXAMPLES = int(os.environ.get("RTSLIB_EXAMPLES", "8"))

each_kernel = pytest.mark.parametrize("kernel", KERNELS)


@pytest.fixture(scope="module")
def directory() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as made:
        yield made


some = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    # Nothing to be had from shrinking a seed.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def built(seed: int, directory: str, kernel: str) -> Journal:
    return build(Random(seed).choice, directory, kernel)


def compared(tree: FakeKernel | Journal) -> dict[str, str]:
    """Return all that can be written of a tree, as far as it is compared.

    What a passed-through device says of itself, the kernel shows nobody from wwn/.
    """
    return {
        path: _plain(path, text)
        for path, text in said_by_the_tree(tree).items()
        if not (path.startswith("core/pscsi/") and "/wwn/" in path)
    }


def _plain(path: str, text: str) -> str:
    # Both mean that there is no credential: the second is what an unset one reads as at first.
    return "\n" if "auth/" in path and text == "NULL\n" else text


def differences(want: State, got: State) -> dict[str, tuple[Any, ...]]:
    """Return how a state differs from the one that was wanted, by name.

    A fabric's directory stays, and with it what nobody asked of it to be otherwise; a relative
    port identifier cannot be given back.
    """
    found = {}
    wanted, there = want.said(), got.said()
    for name in wanted.keys() | there.keys():
        if name not in wanted and issubclass(got[name].cls, FabricModule):
            continue
        one, other = wanted.get(name), there.get(name)
        if one and other:
            cls, made, files, end = other
            if issubclass(cls, FabricModule):
                files = {file: text for file, text in files.items() if file in one[2]}
            if one[2].get("rtpi") == "0":
                files = {**files, "rtpi": "0"}
            other = (cls, made, files, end)
        if one != other:
            found[name] = (one, other)
    return found


@each_kernel
@some
@given(seed=SEEDS)
def test_clear_and_restore_bring_back_every_writable_file(
    seed: int, directory: str, kernel: str
) -> None:
    tree = built(seed, directory, kernel)
    before, state = compared(tree), capture(tree)
    assert not plan(state, state, tree.root).steps
    assert apply(tree, plan(state, State(), tree.root)).good
    assert not differences(State(), capture(tree).select(lambda it: it.base != "default_lu_gp"))
    report = apply(tree, plan(capture(tree), state, tree.root))
    assert report.good, report.errors()
    assert capture(tree) == state
    assert compared(tree) == before


@each_kernel
def test_a_rich_tree_comes_back(tmp_path: Path, kernel: str) -> None:
    tree = rich(str(tmp_path), kernel)
    before, state = compared(tree), capture(tree)
    other = empty(kernel)
    assert apply(other, plan(capture(other), state, tree.root)).good
    assert capture(other) == state
    assert compared(other) == before


@each_kernel
@some
@given(seed=SEEDS)
@example(seed=389044763)
def test_one_configuration_becomes_another(seed: int, directory: str, kernel: str) -> None:
    tree, other = built(seed, directory, kernel), built(seed + 1, directory, kernel)
    want = capture(other)
    report = apply(tree, plan(capture(tree), want, tree.root))
    assert report.good, report.errors()
    assert not differences(want, capture(tree))


@each_kernel
@some
@given(seed=SEEDS)
@example(seed=5692955)
def test_what_was_killed_between_two_steps_is_completed(
    seed: int, directory: str, kernel: str
) -> None:
    tree, other = built(seed, directory, kernel), built(seed + 1, directory, kernel)
    have, want = capture(tree), capture(other)
    steps = plan(have, want, tree.root)
    stop = seed % (len(steps) + 1)
    steps.steps = steps.steps[:stop]
    apply(tree, steps)
    report = apply(tree, plan(capture(tree), want, tree.root))
    assert report.good, report.errors()
    assert not differences(want, capture(tree))


@each_kernel
@some
@given(seed=SEEDS)
@example(seed=1876)
def test_a_failure_at_any_call_is_rolled_back(seed: int, directory: str, kernel: str) -> None:
    tree, other = built(seed, directory, kernel), built(seed + 1, directory, kernel)
    have, want = capture(tree), capture(other)
    steps = plan(have, want, tree.root)
    trial = Faulty(replayed(tree, kernel), at=0)
    apply(trial, steps)
    faulty = Faulty(tree, at=seed % max(trial.seen, 1) + 1)
    report = apply(faulty, steps, on_failure=OnFailure.ROLL_BACK, before=have)
    if trial.seen:
        assert len(report.failed) == 1
        assert report.back is not None
        assert report.back.good, report.back.errors()
        assert not differences(have, capture(tree))


@each_kernel
@some
@given(seed=SEEDS)
def test_the_saved_configuration_says_all_of_it(seed: int, directory: str, kernel: str) -> None:
    tree = built(seed, directory, kernel)
    # A pass-through object's device is looked up in /sys of this machine: see test_apply.
    if any(issubclass(it.cls, StorageObject) and it.cls.plugin == "pscsi" for it in capture(tree)):
        return
    whole = capture(tree)
    # What is not open cannot be exported, and is not kept.
    closed = {it.name for it in whole if it.parent == "" and it.files.get("enable") == "0"}
    state = whole.select(lambda it: not closed & {it.name, it.parent})
    document = parse(text_of(dump(whole)))
    want = checked(document)
    assert {step.owner for step in plan(whole, want, tree.root)} <= closed
    # Who knows what runs need not look at more.
    assert (checked(document, whole) is whole) == (not closed)
    other = empty(kernel)
    report = apply(other, plan(capture(other), want, tree.root))
    assert report.good, report.errors()
    assert not differences(state, capture(other))


@each_kernel
def test_every_step_of_a_restore_can_be_the_last_one(tmp_path: Path, kernel: str) -> None:
    want = capture(rich(str(tmp_path), kernel))
    tree = empty(kernel)
    count = len(plan(capture(tree), want, tree.root))
    # The same steps each day: a failure must come again.
    for stop in sorted(Random(1).sample(range(count), 15)):
        tree = empty(kernel)
        steps = plan(capture(tree), want, tree.root)
        steps.steps = steps.steps[:stop]
        apply(tree, steps)
        assert apply(tree, plan(capture(tree), want, tree.root)).good
        assert not differences(want, capture(tree))


@each_kernel
def test_every_call_of_a_restore_can_fail(tmp_path: Path, kernel: str) -> None:
    want = capture(rich(str(tmp_path), kernel))
    trial = Faulty(empty(kernel), at=0)
    apply(trial, plan(capture(trial), want, trial.root))
    for number in sorted(Random(2).sample(range(1, trial.seen + 1), 20)):
        tree = empty(kernel)
        faulty = Faulty(tree, at=number)
        apply(faulty, plan(capture(faulty), want, tree.root))
        assert apply(tree, plan(capture(tree), want, tree.root)).good
        assert not differences(want, capture(tree))
