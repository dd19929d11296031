# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""save, restore, clear, stop, apply and wait: what changes the configuration or its file."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from rtslib import host
from rtslib.cli import report
from rtslib.cli.explain import Exit
from rtslib.config import operations
from rtslib.config.apply import OnFailure
from rtslib.config.capture import capture
from rtslib.config.part import WHOLE, Part
from rtslib.config.state import State
from rtslib.errors import MissingFileError, RTSLibError
from rtslib.root import RTSRoot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.task import Task
    from rtslib.config.document import Document
    from rtslib.config.operations import Result
    from rtslib.config.savefile import SaveFile

__all__ = ["apply", "clear", "restore", "save", "stop", "wait"]

#: Seconds between two looks for a device.
_LOOK = 0.2


def save(task: Task) -> Exit:
    """Save the running configuration."""
    task.need_target()
    args, file = task.args, task.save_file
    part = task.part
    if args.so_path:
        part = Part.around(*part.storage_objects, args.so_path)
    with task.locked():
        if not part.is_whole:
            task.check_names(part, capture(task.fs), _saved(task))
        changed = operations.save(
            task.fs,
            file,
            part=part,
            forget_missing=args.forget_missing,
            secrets_apart=args.secrets_apart,
        )
        missing = file.missing()
    for line in report.causes(missing.items()):
        task.console.remark(f"note: stays saved, though it is missing: {line}")
    task.console.result({"file": file.path, "changed": changed, "missing": missing}, ())
    task.console.summary(f"saved in {file.path}" if changed else f"{file.path}: nothing to save")
    return Exit.DONE


def _saved(task: Task) -> State:
    try:
        return operations.checked(task.document())
    except MissingFileError:
        return State()


def restore(task: Task) -> Exit:
    """Make the running configuration what was saved."""
    return _restore(task, "restored", exact=not task.args.keep_existing, **_options(task))


def _options(task: Task) -> dict[str, Any]:
    """Return what restore and apply can be told."""
    args = task.args
    return {
        "only_missing": args.only_missing,
        "create_files": args.create_files,
        "on_failure": OnFailure[args.on_failure.upper().replace("-", "_")],
        "wait": args.wait,
    }


def _restore(task: Task, verb: str, **options: Any) -> Exit:
    """Restore the saved file, if there is one: without, a machine is as it should be."""
    try:
        document = task.document()
    except MissingFileError:
        if getattr(task.args, "generation", None):
            raise
        task.console.result({"exit": 0, "file": task.path, "missing_file": True}, ())
        task.console.summary(f"No saved configuration at {task.path}: nothing to do")
        return Exit.DONE
    # What a generation has, the file need not have: there is nothing of it to keep there.
    generation = getattr(task.args, "generation", None)
    save_file = None if task.path == "-" or generation else task.save_file
    return _run(task, document, verb, save_file=save_file, **options)


def apply(task: Task) -> Exit:
    """Add a configuration to the running one."""
    return _run(task, task.document(), "applied", exact=task.args.exact, **_options(task))


def _run(task: Task, document: Document, verb: str, **options: Any) -> Exit:
    result = _change(task, document, **options)
    return report.tell(task.console, f"{verb} {document.name}", result)


def _change(task: Task, document: Document, **options: Any) -> Result:
    part = task.part
    operations.read(document)
    task.prepare()
    with task.locked():
        if options.get("save_file") is not None:
            # Again, now that nobody else saves: what has just been saved must not be undone.
            document = task.document()
        if not part.is_whole:
            task.check_names(part, operations.checked(document), capture(task.fs))
        with task.console.progress() as progress:
            return operations.restore(
                task.fs,
                document,
                part=part,
                progress=progress,
                **options,
            )


def clear(task: Task) -> Exit:
    """Remove the running configuration."""
    return _clear(task, task.part)


def stop(task: Task) -> Exit:
    """Leave, disable or remove the running configuration, as a service's stop policy says."""
    if task.args.how == "clear":
        return _clear(task, WHOLE)
    if task.args.how == "disable" and task.has_target:
        return _disable(task)
    task.console.summary("all goes on as it is")
    return Exit.DONE


def _disable(task: Task) -> Exit:
    """Let nobody log in any more. What one target refuses must not keep the others open."""
    done = bad = 0
    with task.locked():
        for tpg in RTSRoot(task.fs).tpgs:
            try:
                if not tpg.enable:
                    continue
                tpg.enable = False
            except RTSLibError as error:
                bad += 1
                task.console.failure(f"{tpg.parent_target.wwn}/tpg{tpg.tag}: {error}")
            else:
                done += 1
    task.console.summary(f"disabled {done} of {done + bad} TPGs that were enabled")
    return Exit.DONE if not bad else Exit.PARTLY if done else Exit.FAILED


def _clear(task: Task, part: Part) -> Exit:
    if host.is_host(task.fs) and not task.has_target:
        # What stops a machine's services must not fail where there is nothing to stop.
        task.console.result({"exit": 0, "missing_target": True}, ())
        task.console.summary("there is no LIO here: nothing to clear")
        return Exit.DONE
    task.need_target()
    with task.locked():
        if not part.is_whole:
            task.check_names(part, capture(task.fs))
        with task.console.progress() as progress:
            result = operations.clear(task.fs, part=part, progress=progress)
    return report.tell(task.console, "cleared", result)


def wait(task: Task) -> Exit:
    """Wait for the devices of what is saved and not there, and set it up as they come."""
    deadline = time.monotonic() + task.args.time
    absent = set(_devices(task.save_file, task))
    # Not under the lock: it may take minutes, in which others work on.
    while True:
        come = {device for device in absent if os.path.exists(device)}
        absent -= come
        if not absent or time.monotonic() >= deadline:
            return _restore(task, "completed", exact=False, only_missing=True)
        if come:
            # The others may be late for long, or for ever.
            task.console.remark(f"note: {', '.join(sorted(come))} has come")
            _change(task, task.document(), save_file=task.save_file, exact=False, only_missing=True)
        time.sleep(_LOOK)


def _devices(file: SaveFile, task: Task) -> Iterator[str]:
    """Yield the files and devices of what is saved and not there."""
    try:
        want = operations.checked(task.document(file.path))
    except MissingFileError:
        return
    have = capture(task.fs) if task.has_target else State()
    for record in want:
        dev = record.made.get("dev", "")
        # Which devices another tree has, only that tree knows.
        known = not dev.startswith("/dev/") or host.is_host(task.fs)
        if record.name not in have and os.path.isabs(dev) and known:
            yield dev
