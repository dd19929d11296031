# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""verify: does every initiator get in, and see what is configured?"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from rtslib.acl import NodeACL
from rtslib.cli.console import plain
from rtslib.cli.explain import Exit
from rtslib.config import operations
from rtslib.config.part import Part
from rtslib.errors import RTSLibError
from rtslib.node import gone_is_none
from rtslib.storage import StorageObject
from rtslib.verify import STRANGERS, Options
from rtslib.verify import verify as verified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.task import Task
    from rtslib.config.state import State
    from rtslib.configfs import ConfigFS
    from rtslib.verify import Item

__all__ = ["verify"]

_COLOURS = {"good": "\x1b[32m", "note": "\x1b[33m", "wrong": "\x1b[31m"}
_PLAIN = "\x1b[0m"


def verify(task: Task) -> Exit:
    """Log in as every initiator, and compare what it sees with what is configured."""
    running = task.running()
    configured = operations.checked(task.document()) if task.args.file else running
    part = Part(tuple(task.args.target or ()), with_backstores=True)
    task.check_names(part, configured)
    machine = _Machine(task.fs, running)
    options = Options(
        timeout=task.args.timeout,
        in_use=machine.in_use,
        thorough=task.args.in_use,
        stranger=machine.stranger,
    )
    chosen = configured.select(part.chooser(configured))
    items = verified(chosen, machine.size, options)
    task.console.result([_data(it) for it in items], _lines(items, colour=task.console.colour))
    wrong = sum(not it.is_good for it in items)
    task.console.summary(_summary(sum(it.tried for it in items), wrong))
    return Exit.FAILED if wrong else Exit.DONE


class _Machine:
    """What only the running kernel knows of a configuration's nodes."""

    def __init__(self, fs: ConfigFS, running: State) -> None:
        self.fs = fs
        self.running = running

    def size(self, name: str) -> int | None:
        """Return how large a storage object is; None where that cannot be told."""
        record = self.running.get(name)
        if record is None:
            return None
        try:
            return StorageObject.handle(self.fs, record.path).size
        except RTSLibError:
            return None

    @property
    def stranger(self) -> str:
        """A name that has no ACL, the same for as long as the running configuration is."""
        said = (
            (record.name, sorted(it for it in record.files.items() if "auth/" not in it[0]))
            for record in self.running
        )
        return f"{STRANGERS}{hashlib.sha256(repr([*said]).encode()).hexdigest()[:12]}"

    def in_use(self, acl: str) -> bool:
        """Tell whether an initiator is logged in by its ACL."""
        record = self.running.get(acl)
        if record is None:
            return False
        return gone_is_none(lambda: NodeACL.handle(self.fs, record.path).session) is not None


def _data(item: Item) -> dict[str, Any]:
    return {
        "check": item.check,
        "tried": item.tried,
        "good": item.is_good,
        "target": item.target,
        "tag": item.tag,
        "portal": item.portal or None,
        "initiator": item.initiator or None,
        "luns": item.luns,
        "faults": [it._asdict() for it in item.faults],
        "notes": list(item.notes),
    }


def _lines(items: list[Item], *, colour: bool) -> Iterator[str]:
    for item in items:
        said = [("wrong", it.text) for it in item.faults] + [("note", it) for it in item.notes]
        if item.is_good and item.praise:
            said.insert(0, ("good", item.praise))
        for word, text in said:
            tint = _COLOURS[word] if colour else ""
            yield f"{tint}{word}{_PLAIN if tint else ''}: {plain(f'{item.where}: {text}')}"


def _summary(tried: int, wrong: int) -> str:
    if not tried:
        return "no initiator can log in: nothing is exported by iSCSI"
    return f"{wrong} of {tried} tried are wrong" if wrong else "all is as configured"
