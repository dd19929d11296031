# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The fake's data are what the recordings condense to."""

from __future__ import annotations

from pathlib import Path

import condense
import pytest

from rtslib.testing import shapes
from testing import replay

DATA = Path(shapes.__file__).parent / "data"


@pytest.mark.parametrize("kernel", replay.KERNELS)
def test_data_are_up_to_date(kernel: str) -> None:
    table = condense.table(replay.RECORDED / kernel)
    assert (DATA / f"{kernel}.json").read_text() == table, "run tests/kernel/condense.py"


def test_every_recording_is_a_kernel_of_the_fake() -> None:
    assert sorted(shapes.KERNELS) == replay.KERNELS
    assert sorted(path.stem for path in DATA.glob("*.json")) == replay.KERNELS
