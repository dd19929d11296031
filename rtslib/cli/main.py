# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The way of a command line: parsed, carried out, explained where it fails, ended with a code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Callable

from rtslib.cli import parser
from rtslib.cli.console import Console
from rtslib.cli.explain import Exit, explain

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from rtslib.cli.task import Task as TaskType

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Carry out a command line, by default that of this process, and return the exit code."""
    try:
        args = parser.build().parse_args(argv)
    except SystemExit as end:
        return int(end.code or 0)
    console = Console(sys.stdout, sys.stderr, as_json=args.json, quiet=args.quiet)
    try:
        code = _run(args, console)
        console.out.flush()
    except BrokenPipeError:
        _close_output()
        return Exit.PIPE
    except KeyboardInterrupt:
        console.failure("interrupted: what was begun may be half done")
        return Exit.INTERRUPTED
    return code


def _run(args: Namespace, console: Console) -> Exit:
    module, _, function = args.run.partition(":")
    try:
        # Only what is needed is loaded: help and mistakes need nothing of it.
        from rtslib.cli.task import Task

        run: Callable[[TaskType], Exit]
        run = getattr(importlib.import_module(f"rtslib.cli.{module}"), function)
        return run(Task(args, console))
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - a program ends with a message
        explained = explain(error)
        if os.environ.get("RTSLIB_DEBUG") == "1":
            import traceback

            console.err.write(traceback.format_exc())
        for line in explained.lines:
            console.failure(f"targetctl: {line}")
        return explained.exit


def _close_output() -> None:
    """Let the interpreter flush into nowhere when it ends."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
