# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Every error has its exit code and its lines."""

from __future__ import annotations

import errno

import pytest

from rtslib.cli.explain import Exit, NoTargetError, UsageError, explain
from rtslib.config.problem import Problem
from rtslib.errors import (
    ConfigError,
    HostError,
    InvalidValueError,
    LockedError,
    SpecError,
    kernel_error,
)

PROBLEMS = [Problem(("targets", number), number + 1, "is wrong") for number in range(30)]


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UsageError("both"), Exit.USAGE, "both"),
        (NoTargetError("none"), Exit.NO_TARGET, "none"),
        (ConfigError("bad"), Exit.INVALID, "bad"),
        (SpecError("bad", file="f", line=3), Exit.INVALID, "f:3: bad"),
        (LockedError("held", hint="wait"), Exit.LOCKED, "held; wait"),
        (HostError("no"), Exit.FAILED, "no"),
        (InvalidValueError("no", hint="yes"), Exit.FAILED, "no; yes"),
        (OSError(errno.ENOSPC, "No space left", "/f"), Exit.FAILED, "/f: No space left"),
        (OSError("odd"), Exit.FAILED, "odd"),
        (
            kernel_error(OSError(errno.ETIMEDOUT, "late"), "lock", "/t"),
            Exit.LOCKED,
            "cannot lock /t: Connection timed out (ETIMEDOUT)",
        ),
    ],
)
def test_what_is_expected(error: Exception, code: Exit, line: str) -> None:
    assert explain(error) == (code, [line], True)


def test_all_problems_of_a_file_are_told() -> None:
    explained = explain(ConfigError(problems=PROBLEMS, file="a.json"))
    assert explained.exit is Exit.INVALID
    assert explained.lines[0] == "a.json:1: targets[0]: is wrong"
    assert len(explained.lines) == len(PROBLEMS)
    assert explain(ConfigError(problems=PROBLEMS)).lines[1].startswith("configuration:2:")


def test_a_bug_is_called_one() -> None:
    explained = explain(KeyError("x"))
    assert explained.exit is Exit.FAILED
    assert not explained.expected
    assert explained.lines[0] == "this is a bug in targetctl: KeyError: 'x'"


def test_exit_codes_are_those_that_are_promised() -> None:
    assert [int(it) for it in Exit] == [0, 1, 2, 3, 4, 5, 6, 130, 141]
    assert all(it.meaning for it in Exit)
