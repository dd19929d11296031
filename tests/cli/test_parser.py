# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The parser: common options in both places, help that documents codes and variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import rtslib
from rtslib.cli.explain import Exit
from rtslib.cli.parser import ENVIRONMENT, build

if TYPE_CHECKING:
    from cli.conftest import Run


@pytest.mark.parametrize("line", ["--root /t --json save", "save --root /t --json"])
def test_common_options_stand_before_or_behind(line: str) -> None:
    args = build().parse_args(line.split())
    assert (args.root, args.json, args.quiet, args.lock_timeout) == ("/t", True, False, 60.0)


def test_the_help_documents_codes_and_variables(run: Run) -> None:
    out, _ = run("--help")
    for it in Exit:
        assert f"{int(it):<16} {it.meaning}" in out
    assert all(f"{name:<16} {text}" in out for name, text in ENVIRONMENT.items())


def test_the_version(run: Run) -> None:
    assert run("--version") == (f"targetctl {rtslib.__version__}\n", "")


@pytest.mark.parametrize(
    "line", ["", "nonsense", "save --nonsense", "clear x", "restore a b", "save --sec"]
)
def test_what_is_not_understood(line: str, run: Run) -> None:
    out, err = run(line, expect=2)
    assert out == ""
    assert err.startswith("usage: targetctl")
