# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""check: is a file valid, and would a kernel take it? It asks the fake one: no LIO is needed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from rtslib.cli.explain import Exit
from rtslib.config import operations
from rtslib.config.apply import apply
from rtslib.config.capture import capture
from rtslib.config.part import owner_of
from rtslib.config.problem import Problem
from rtslib.config.state import State
from rtslib.config.want import wanted
from rtslib.configfs import use
from rtslib.errors import ConfigError
from rtslib.fabric import FabricModule
from rtslib.storage import StorageObject
from rtslib.target import Target
from rtslib.tcm import BlockStorageObject, FileIOStorageObject, PSCSIStorageObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.task import Task
    from rtslib.config.document import Document
    from rtslib.testing import FakeHost

__all__ = ["check"]

#: What a step asks of this machine, where a file that is checked is often not to be used.
_OF_THIS_MACHINE = frozenset({"check", "create", "grow", "reservations"})
#: The size of what the file does not tell one of.
_SIZE = 1 << 40
#: A SCSI type.
_TAPE = 1


class _Found(NamedTuple):
    """What is wrong with a file, and what is odd."""

    problems: list[Problem]
    warnings: list[Problem]
    refused: list[Problem]


def check(task: Task) -> Exit:
    """Check a file, and whether a kernel would take it."""
    document: Optional[Document] = None
    try:
        document = task.document()
        data, warnings = operations.read(document)
        found = _Found([], warnings, list(_refused(wanted(data), document, task)))
    except ConfigError as error:
        problems = list(error.problems) or [Problem((), None, error.message)]
        found = _Found(problems, [], [])
    name = document.name if document else task.path
    for problem in (*found.problems, *found.refused):
        task.console.failure(problem.at(name))
    for warning in found.warnings:
        task.console.remark(f"{warning.at(name)} (warning)")
    bad = bool(found.problems or found.refused)
    if task.console.as_json:
        task.console.result(_data(name, found, bad=bad), ())
    task.console.summary(f"{name}: {'invalid' if bad else 'valid'}")
    return Exit.INVALID if bad else Exit.DONE


def _data(name: str, found: _Found, *, bad: bool) -> dict[str, Any]:
    lists = {key: [it._asdict() for it in value] for key, value in found._asdict().items()}
    return {"file": name, "valid": not bad, **lists}


def _refused(want: State, document: Document, task: Task) -> Iterator[Problem]:
    """Yield what the fake kernel refuses of a configuration, each with the line of its owner."""
    from rtslib.testing import FakeKernel

    host, want = _host(want)
    kernel = FakeKernel(task.args.kernel, host=host)
    kernel.modules |= {it.base for it in want if issubclass(it.cls, FabricModule)}
    with use(kernel):
        try:
            steps = operations.planned(capture(kernel), want, kernel.root, name=document.name)
        except ConfigError as error:
            yield from error.problems
            return
        steps.steps = [step for step in steps if step.verb not in _OF_THIS_MACHINE]
        report = apply(kernel, steps)
    lines = _lines(document, want)
    for outcome in report.failed:
        name = outcome.step.owner
        line = lines.get(owner_of(name))
        yield Problem((), line, f"{name}: {outcome.cause}")


def _host(want: State) -> tuple[FakeHost, State]:
    """Return a machine that has all that a configuration names, and that for this machine."""
    from rtslib.testing import BlockDevice, FakeHost, ScsiDevice

    host = FakeHost(tcmu_handler=True, transports=("iser", "cxgbit"), memory=_SIZE)
    ports: dict[str, set[str]] = {}
    found = State()
    for number, record in enumerate(want):
        made, dev = record.made, str(record.made.get("dev", ""))
        if issubclass(record.cls, PSCSIStorageObject):
            # Known by an address: else it would be looked for among the devices of this machine.
            dev = dev if dev.startswith("/") else f"/dev/{dev}"
            made = {**made, "dev": dev, "hctl": (9, 0, 0, number)}
            # Not a disk, which would have to be a block device as well.
            host.scsi[f"9:0:0:{number}"] = ScsiDevice(path=dev, type=_TAPE)
        elif issubclass(record.cls, FileIOStorageObject) and not dev.startswith("/dev/"):
            made = {**made, "size": made.get("size") or _SIZE}
            host.files[os.path.normpath(dev)] = made["size"]
        elif issubclass(record.cls, (BlockStorageObject, FileIOStorageObject)):
            host.devices[os.path.normpath(dev)] = BlockDevice(size=_SIZE)
        elif issubclass(record.cls, Target):
            ports.setdefault(want[record.parent].base, set()).add(record.base)
        found.add(record._replace(made=made))
    host.ports = ports
    return host, found


def _lines(document: Document, want: State) -> dict[str, int | None]:
    """Return the lines in which storage objects and targets stand in a file, by their names."""
    found: dict[str, int | None] = {}
    for key, cls in (("storage_objects", StorageObject), ("targets", Target)):
        # Records come in the order of the file.
        records = (it.name for it in want if issubclass(it.cls, cls))
        for index, name in enumerate(records):
            found[name] = document.line((key, index))
    return found
