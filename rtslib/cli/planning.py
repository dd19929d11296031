# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""plan, diff and generations: what would change, and what has changed. Nothing is touched."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from rtslib.cli.console import table
from rtslib.cli.explain import Exit, UsageError
from rtslib.config import operations
from rtslib.config.credentials import redact
from rtslib.config.diff import diff as differences
from rtslib.config.diff import lines
from rtslib.config.want import wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtslib.cli.task import Task
    from rtslib.config.document import Document
    from rtslib.config.state import State
    from rtslib.config.steps import Plan

__all__ = ["diff", "generations", "plan"]

_AT_MOST = 2


def plan(task: Task) -> Exit:
    """Show what restoring a file would do, step by step."""
    args, part = task.args, task.part
    document = task.document()
    want, warnings = _read(document)
    have = task.running()
    task.check_names(part, want, have)
    steps = operations.planned(
        have,
        want,
        task.fs.root,
        part=part,
        exact=not args.keep_existing,
        only_missing=args.only_missing,
        create_files=args.create_files,
        name=document.name,
    )
    steps.notes[:0] = warnings
    if args.show_secrets:
        steps.steps = [step._replace(secret=False) for step in steps]
    if args.shell:
        task.console.raw(steps.shell())
    else:
        task.console.result(steps.data(), _text(steps))
    return _exit(task, bool(len(steps)))


def _text(steps: Plan) -> Iterable[str]:
    return [*steps.text().splitlines()] or ["nothing to do"]


def diff(task: Task) -> Exit:
    """Show in what the running configuration, or one file, differs from a file."""
    files = task.args.files
    if len(files) > _AT_MOST:
        raise UsageError("name one file to compare with what is running, or two with each other")
    if len(files) == _AT_MOST:
        before, after = (_read(task.document(path))[0] for path in files)
        return _show(task, before, after, whole=True)
    task.args.file = files[0] if files else None
    after, warnings = _read(task.document())
    for warning in warnings:
        task.console.remark(f"note: {warning}")
    return _show(task, task.running(), after, whole=False)


def _show(task: Task, before: State, after: State, *, whole: bool) -> Exit:
    found = differences(before, after, whole=whole, secrets=task.args.show_secrets)
    task.console.result([it.data() for it in found], lines(found))
    return _exit(task, bool(found))


def _exit(task: Task, something: bool) -> Exit:
    return Exit.PARTLY if something and task.args.exit_code else Exit.DONE


def _read(document: Document) -> tuple[State, list[str]]:
    data, warnings = operations.read(document)
    return wanted(data), [it.at(document.name) for it in warnings]


def generations(task: Task) -> Exit:
    """List the versions of the saved file that are kept, show one, or compare one with the file."""
    args = task.args
    if args.show is not None:
        found = task.save_file.load_generation(args.show).data
        shown = found if args.show_secrets else redact(found)
        # The data is the result, for people and programs alike.
        task.console.raw(json.dumps(shown, indent=2, sort_keys=True) + "\n")
        return Exit.DONE
    if args.diff is not None:
        before = operations.checked(task.save_file.load_generation(args.diff))
        return _show(task, before, operations.checked(task.document()), whole=True)
    kept = task.save_file.store.generations()
    rows = [(it.number or "", _when(it.time), it.size, it.name) for it in kept]
    data: list[dict[str, Any]] = [it._asdict() for it in kept]
    task.console.result(data, table(("NUMBER", "SAVED", "BYTES", "NAME"), rows))
    return Exit.DONE


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
