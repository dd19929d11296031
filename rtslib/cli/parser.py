# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The table of commands as an argparse parser, and the help that goes with it."""

from __future__ import annotations

import argparse
import textwrap
from typing import TYPE_CHECKING

import rtslib
from rtslib.cli.commands import COMMANDS, COMMON
from rtslib.cli.explain import Exit
from rtslib.paths import LOCK_FILE, SAVE_FILE, SETTINGS_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtslib.cli.commands import Argument, Command

__all__ = ["ENVIRONMENT", "build"]

_WIDTH = 78

#: The variables that are read, and what for.
ENVIRONMENT = {
    "RTSLIB_CONFIGFS": "the target tree: a directory, fake, or fake:FILE for a tree in a file",
    "RTSLIB_CONF": f"the file of settings (default: {SETTINGS_FILE})",
    "RTSLIB_SAVE_FILE": f"the saved configuration (default: {SAVE_FILE})",
    "RTSLIB_LOCK": f"the file that is locked (default: {LOCK_FILE})",
    "RTSLIB_SPECS": "a directory of fabric specs, searched first",
    "RTSLIB_DEBUG": "1 prints where in the program an error came from",
    "NO_COLOR": "no colours, whatever its value",
}


def build() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="targetctl",
        description="Save, restore, show and check the configuration of the Linux SCSI target.",
        epilog=_rows("exit codes", ((str(int(it)), it.meaning) for it in Exit))
        + "\n\n"
        + _rows("environment", ENVIRONMENT.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"targetctl {rtslib.__version__}")
    for argument in COMMON:
        _add(parser, argument)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for command in COMMANDS:
        _add_command(commands, command)
    return parser


def _rows(title: str, rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join([f"{title}:", *(f"  {name:<16} {text}" for name, text in rows)])


def _add_command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], command: Command
) -> None:
    examples = "\n".join(f"  {example}" for example in command.examples)
    added = commands.add_parser(
        command.name,
        help=command.summary,
        description=textwrap.fill(command.description, _WIDTH),
        epilog=f"examples:\n{examples}\n\n'targetctl --help' lists the exit codes.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    added.set_defaults(run=command.run)
    for argument in command.arguments:
        _add(added, argument)
    for argument in COMMON:
        # Without a default, one that stood before the command's name counts.
        _add(added, argument._replace(more={**argument.more, "default": argparse.SUPPRESS}))


def _add(parser: argparse.ArgumentParser, argument: Argument) -> None:
    parser.add_argument(*argument.names, help=argument.help, **argument.more)
