# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What makes bash and zsh complete the command line, made from the table of commands."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rtslib.cli.commands import COMMANDS, COMMON
from rtslib.cli.explain import Exit
from rtslib.root import RTSRoot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.commands import Argument, Command
    from rtslib.cli.task import Task

__all__ = ["completion"]


def completion(task: Task) -> Exit:
    """Print a script for a shell, or the names that it offers."""
    what = task.args.what
    if what == "targets":
        lines = sorted({target.wwn for target in RTSRoot(task.fs).targets})
    elif what == "storage-objects":
        lines = sorted(f"{it.plugin}/{it.name}" for it in RTSRoot(task.fs).storage_objects)
    else:
        lines = [*(_bash() if what == "bash" else _zsh())]
    task.console.result(lines, lines)
    return Exit.DONE


def _arguments(command: Command) -> tuple[Argument, ...]:
    return (*command.arguments, *COMMON)


def _names(arguments: tuple[Argument, ...]) -> list[str]:
    return [name for it in arguments for name in it.names if name.startswith("-")]


def _takes_value(argument: Argument) -> bool:
    return argument.names[0].startswith("-") and "metavar" in argument.more


#: What bash is told to offer, by what an argument is.
_BASH = {
    "file": "-f",
    "directory": "-d",
}
#: Names of what runs. They are not for compgen, which would run a command that stands in one.
_BASH_NAMES = {"target": "targets", "storage-object": "storage-objects"}


def _bash_values(argument: Argument) -> str:
    if "choices" in argument.more:
        return f"-W {shlex.quote(' '.join(argument.more['choices']))}"
    return _BASH.get(argument.completes, '-W ""')


def _bash_reply(argument: Argument) -> str:
    """Return the command that offers what an argument may be."""
    names = _BASH_NAMES.get(argument.completes)
    if names:
        offered = f'_targetctl_names {names} "$current"'
        return f"local IFS=$'\\n'; COMPREPLY=($({offered}))"
    return f'COMPREPLY=($(compgen {_bash_values(argument)} -- "$current"))'


def _bash() -> Iterator[str]:
    """Yield the lines of a script for bash."""
    yield "# bash completion for targetctl; 'targetctl completion bash' prints it"
    yield "_targetctl_names() {"
    yield "    local name"
    yield "    while IFS= read -r name; do"
    yield '        [[ $name == "$2"* ]] && printf \'%q\\n\' "$name"'
    yield '    done < <(targetctl completion "$1" 2>/dev/null)'
    yield "}"
    yield "_targetctl() {"
    yield "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}"
    yield "    # A WWN has colons, at which bash breaks words."
    yield "    if declare -F _get_comp_words_by_ref >/dev/null; then"
    yield "        _get_comp_words_by_ref -n : -c current -p before"
    yield "    fi"
    yield "    local command= word offered="
    yield '    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do'
    yield "        case $word in"
    yield f"            {'|'.join(it.name for it in COMMANDS)}) command=$word; break ;;"
    yield "        esac"
    yield "    done"
    yield "    case $command:$before in"
    every = {
        (it.name, argument.names[-1], _bash_reply(argument))
        for it in COMMANDS
        for argument in it.arguments
        if _takes_value(argument)
    }
    for name, option, reply in sorted(every):
        yield f"        {name}:{option}) {reply} ;;"
    for argument in filter(_takes_value, COMMON):
        yield f"        *:{argument.names[-1]}) {_bash_reply(argument)} ;;"
    commands = " ".join(it.name for it in COMMANDS)
    options = " ".join(["--help", "--version", *_names(COMMON)])
    yield f"        :*) COMPREPLY=($(compgen -W '{commands} {options}' -- \"$current\")) ;;"
    for command in COMMANDS:
        yield from _bash_command(command)
    yield "    esac"
    yield "    if declare -F __ltrim_colon_completions >/dev/null; then"
    yield '        __ltrim_colon_completions "$current"'
    yield "    fi"
    yield "}"
    yield "complete -o filenames -F _targetctl targetctl"


def _bash_command(command: Command) -> Iterator[str]:
    arguments = _arguments(command)
    offered = f"-W '{' '.join(['--help', *_names(arguments)])}'"
    for argument in arguments:
        if not argument.names[0].startswith("-") and (
            argument.completes or argument.more.get("choices")
        ):
            plain = f'compgen {_bash_values(argument)} -- "$current"'
            yield f"        {command.name}:*)"
            yield f'            COMPREPLY=($(compgen {offered} -- "$current"; {plain})) ;;'
            return
    yield f'        {command.name}:*) COMPREPLY=($(compgen {offered} -- "$current")) ;;'


#: What zsh is told to offer.
_ZSH = {
    "file": "_files",
    "directory": "_files -/",
    "target": "{_targetctl_names targets}",
    "storage-object": "{_targetctl_names storage-objects}",
}


def _zsh() -> Iterator[str]:
    """Yield the lines of a script for zsh."""
    yield "#compdef targetctl"
    yield "# 'targetctl completion zsh' prints this"
    yield "_targetctl_names() {"
    yield "    local -a names"
    yield '    names=("${(@f)$(targetctl completion $1 2>/dev/null)}")'
    yield "    compadd -a names"
    yield "}"
    yield "_targetctl() {"
    yield "    local state"
    yield "    _arguments -C \\"
    for argument in COMMON:
        yield f"        {_zsh_argument(argument)} \\"
    yield "        '1: :->command' '*:: :->arguments'"
    yield "    case $state in"
    yield "        command)"
    yield "            local -a commands=("
    for command in COMMANDS:
        yield f"                {shlex.quote(f'{command.name}:{command.summary}')}"
    yield "            )"
    yield "            _describe command commands ;;"
    yield "        arguments)"
    yield "            case $words[1] in"
    for command in COMMANDS:
        described = " ".join(_zsh_argument(it) for it in _arguments(command))
        yield f"                {command.name}) _arguments {described} ;;"
    yield "            esac ;;"
    yield "    esac"
    yield "}"
    yield '_targetctl "$@"'


def _zsh_argument(argument: Argument) -> str:
    """Return an argument as zsh's _arguments takes it."""
    choices = argument.more.get("choices")
    action = f"({' '.join(choices)})" if choices else _ZSH.get(argument.completes, " ")
    if not argument.names[0].startswith("-"):
        many = "*" if argument.more.get("nargs") == "*" else ""
        return shlex.quote(f"{many}:{argument.names[0]}:{action}")
    text = argument.help.replace("[", "(").replace("]", ")").replace(":", ",")
    value = f":{argument.more['metavar']}:{action}" if _takes_value(argument) else ""
    repeated = "*" if argument.more.get("action") == "append" else ""
    return shlex.quote(f"{repeated}{argument.names[-1]}[{text}]{value}")
