# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Every row of the table of commands: its function, its help, its examples."""

from __future__ import annotations

import importlib
import shlex
from typing import TYPE_CHECKING

import pytest

from rtslib.cli.commands import COMMANDS, COMMON
from rtslib.cli.parser import build

if TYPE_CHECKING:
    from cli.conftest import Run
    from rtslib.cli.commands import Command

each = pytest.mark.parametrize("command", COMMANDS, ids=lambda it: it.name)


@each
def test_a_command_can_be_run(command: Command) -> None:
    module, _, function = command.run.partition(":")
    found = getattr(importlib.import_module(f"rtslib.cli.{module}"), function)
    assert found.__doc__
    assert function in importlib.import_module(f"rtslib.cli.{module}").__all__


@each
def test_its_examples_are_understood(command: Command) -> None:
    assert command.examples
    for example in command.examples:
        words = shlex.split(example.rpartition("| ")[2].partition(" > ")[0])
        assert words[0] == "targetctl"
        args = build().parse_args(words[1:])
        assert args.command == command.name
        assert args.run == command.run


@each
def test_its_help_names_all_that_it_takes(command: Command, run: Run) -> None:
    out, _ = run(f"{command.name} --help")
    assert all(name in out for it in (*command.arguments, *COMMON) for name in it.names[1:])
    assert all(example in out for example in command.examples)
    assert max(map(len, out.splitlines())) < 100


@each
def test_arguments_say_what_completes_them(command: Command) -> None:
    kinds = {"", "file", "directory", "target", "storage-object"}
    assert {it.completes for it in (*command.arguments, *COMMON)} <= kinds
    assert all(it.help and not it.help.endswith(".") for it in command.arguments)
