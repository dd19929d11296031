# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The manual page of targetctl, from the tables that its parser is made of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rst import bold, definition, emphasis, escaped, heading

from rtslib.cli.commands import COMMANDS, COMMON
from rtslib.cli.explain import Exit
from rtslib.cli.parser import ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from rtslib.cli.commands import Argument, Command

__all__ = ["commands", "common_options", "environment", "exit_status", "files", "synopsis"]


def synopsis() -> str:
    """Return how each command is called."""
    general = f"{bold('targetctl')} [{emphasis('OPTIONS')}] {emphasis('COMMAND')} ..."
    return _lines([general, *(f"{bold('targetctl')} {_call(it)}" for it in COMMANDS)])


def commands() -> str:
    """Return what each command does, with its arguments and examples."""
    return "\n".join(map(_command, COMMANDS))


def common_options() -> str:
    """Return the options of all commands, and those of none."""
    return "\n".join(
        [
            *map(_argument, COMMON),
            definition(f"{bold('-h')}, {bold('--help')}", "Tell how a command is called."),
            definition(bold("--version"), "Tell the version."),
        ]
    )


def exit_status() -> str:
    """Return the exit codes."""
    return "\n".join(definition(bold(str(int(it))), _sentence(it.meaning)) for it in Exit)


def environment() -> str:
    """Return the variables that are read."""
    rows = ENVIRONMENT.items()
    return "\n".join(definition(bold(name), _sentence(meaning)) for name, meaning in rows)


def files(page: Path) -> str:
    """Return the files that the guide to the command lists."""
    listed = page.read_text("utf-8").partition("\n## Files\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.*) \| (.*) \|$", listed, re.MULTILINE)
    if not rows:
        raise ValueError(f"{page} lists no files")
    return "\n".join(
        definition(re.sub(r"`(.*?)`", r"**\1**", name), meaning.replace("`", "``"))
        for name, meaning in rows
    )


def _command(command: Command) -> str:
    examples = [f"   {example}" for example in command.examples]
    return "\n".join(
        [
            heading(command.name, 1),
            _lines([f"{bold('targetctl')} {_call(command)}"]),
            f"{escaped(command.description)}\n",
            *map(_argument, command.arguments),
            "\n".join(["For example::", "", *examples, ""]),
        ]
    )


def _call(command: Command) -> str:
    options = [emphasis("OPTIONS")] if any(not _positional(it) for it in command.arguments) else []
    parts = [bold(command.name), *(f"[{it}]" for it in options)]
    return " ".join([*parts, *(_operand(it) for it in command.arguments if _positional(it))])


def _lines(lines: Iterable[str]) -> str:
    return "\n".join([*(f"| {line}" for line in lines), ""])


def _positional(argument: Argument) -> bool:
    return not argument.names[0].startswith("-")


def _operand(argument: Argument) -> str:
    """Return how an argument that is no option stands in a call."""
    if "choices" in argument.more:
        return " | ".join(map(bold, argument.more["choices"]))
    name = emphasis(argument.more["metavar"])
    return {"?": f"[{name}]", "*": rf"[{name}]\ ..."}.get(argument.more.get("nargs", ""), name)


def _argument(argument: Argument) -> str:
    if _positional(argument):
        return definition(_operand(argument), _sentence(argument.help))
    names = ", ".join(map(bold, argument.names))
    value = argument.more.get("metavar")
    return definition(f"{names} {emphasis(value)}" if value else names, _sentence(argument.help))


def _sentence(text: str) -> str:
    """Return a help text as a sentence."""
    start = text[0].upper() if text.partition(" ")[0].islower() else text[0]
    return escaped(f"{start}{text[1:]}.")
