# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Additional sense codes: words for all that are in the table, and for what is not."""

from __future__ import annotations

import pytest

from rtslib.iscsi.scsi.reasons import REASONS, reason


@pytest.mark.parametrize("code", REASONS, ids=lambda it: f"{it[0]:02x}-{it[1]:02x}")
def test_words(code: tuple[int, int]) -> None:
    assert reason(*code) == REASONS[code]
    assert REASONS[code].strip(" .") == REASONS[code] != ""
    assert all(0 <= it <= 0xFF for it in code)


def test_a_qualifier_that_is_not_known() -> None:
    assert reason(0x24, 0x77) == reason(0x24, 0x00)
    assert reason(0x99, 0x01) == "of no known reason"
