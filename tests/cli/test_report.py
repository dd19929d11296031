# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What of a report is told: the causes, and what was skipped for one of them in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtslib.cli.report import causes, some

if TYPE_CHECKING:
    from cli.conftest import Run


def test_what_was_skipped_for_one_reason_is_one_line() -> None:
    why = "skipped because a failed"
    failures = [("a", "no"), ("a", "failed"), *((name, why) for name in "bcdebf")]
    assert [*causes(failures)] == ["a: no", f"{why}: b, c, d and 2 more"]


def test_some_are_all_where_they_are_few() -> None:
    assert some(["a", "b", "c"]) == "a, b, c"


@pytest.mark.usefixtures("fake")
def test_what_is_worth_saying_is_said_before(run: Run) -> None:
    out, err = run("apply -", stdin='{"targets": [], "nobody_knows": 1}')
    assert out == "applied standard input: all was so already\n"
    assert err.startswith("note: nobody_knows: ")
