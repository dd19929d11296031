# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What tests share: trees to test on, and how Hypothesis runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from trees import empty, rich

from rtslib.configfs import use

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtslib.testing import FakeKernel

# A busy machine is not a failure.
settings.register_profile("rtslib", deadline=None)
settings.load_profile("rtslib")


@pytest.fixture(autouse=True)
def _no_tree_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RTSLIB_CONFIGFS", raising=False)


@pytest.fixture
def fake() -> Iterator[FakeKernel]:
    """A kernel with nothing made, in force for the test."""
    with use(empty()) as tree:
        assert tree
        yield tree  # type: ignore[misc]


@pytest.fixture
def rich_fake(tmp_path: Path) -> Iterator[FakeKernel]:
    """A kernel with a bit of everything (see ``trees.rich``), in force for the test."""
    tree = rich(str(tmp_path))
    with use(tree):
        yield tree
