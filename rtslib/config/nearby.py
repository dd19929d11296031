# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The records that a change which removes nothing can touch: a few of thousands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config.merge import remade_because
from rtslib.storage import StorageObject

if TYPE_CHECKING:
    from rtslib.config.state import Record, State

__all__ = ["nearby"]


def nearby(have: State, want: State) -> State:
    """Return the records of `have` that matter to a change to `want` which is not exact.

    They are what `want` names, what these stand in and lead to, and, where one may have to be
    removed and made again, all that is removed with it.
    """
    chosen = _Chosen(have)
    for record in want:
        there = have.get(record.name)
        if there is not None and issubclass(there.cls, ALUALUGroup):
            # Storage objects are members, wherever they stand.
            return have
        chosen.wish(record, there)
    return have.only(chosen.names)


class _Chosen:
    """The names of the records that matter."""

    def __init__(self, have: State) -> None:
        self.have = have
        self.names: set[str] = set()
        self._whole: set[str] = set()

    def wish(self, record: Record, there: Record | None) -> None:
        """Choose what setting a record up has to do with."""
        self._with_those_above(record.name, record.parent)
        if record.link is not None:
            self._with_those_above(record.link.end)
        if there is None:
            return
        if issubclass(there.cls, ALUATargetPortGroup):
            self._all_of(there.parent)
        elif issubclass(there.cls, StorageObject) or remade_because(there, record):
            # Of an exported one not all can be set: its LUNs, and what shows them, may have to go.
            self._all_of(there.name)

    def _with_those_above(self, name: str, parent: str = "") -> None:
        """Choose a record and what it stands in; one that is not there stands in `parent`."""
        record = self.have.get(name) or self.have.get(parent)
        while record is not None:
            self.names.add(record.name)
            record = self.have.get(record.parent)

    def _all_of(self, name: str) -> None:
        """Choose a record, all below it, and all that leads to these."""
        if name in self._whole:
            return
        self._with_those_above(name)
        for record in self.have.below(name):
            self._whole.add(record.name)
            self.names.add(record.name)
            for user in self.have.users(record.name):
                self._all_of(user.name)
