# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""In which order a new node is set up: its files, its link, what is below it.

Most new nodes of a class have the same files, so that the order is worked out once for all that
are alike; what becomes of each file is decided when its turn comes (see ``Settling``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

from rtslib.alua import ALUATargetPortGroup
from rtslib.config import plan_parts
from rtslib.config.once import once
from rtslib.declare import Attr, Children, Group
from rtslib.target import TPG

if TYPE_CHECKING:
    from rtslib.config.state import Record
    from rtslib.node import Node

__all__ = ["LINK", "Courses", "Leg", "kinds_below"]

#: The leg on which the link is made.
LINK = None
#: Files to be written, in order; the link; or the class of what is set up below.
Leg = Union[tuple[str, ...], None, "type[Node]"]


class Courses:
    """How new nodes are set up, worked out once for all records of a plan that are alike.

    Those share one dict of files (see ``want``), whose id is the key. It stays theirs as long as
    the plan's goal keeps the records.
    """

    def __init__(self) -> None:
        self._courses: dict[tuple[type[Node], int], tuple[Leg, ...] | None] = {}
        self._orders: dict[tuple[type[Node], int, tuple[str, ...]], tuple[str, ...]] = {}

    def of(self, record: Record) -> tuple[Leg, ...] | None:
        """Return the legs on which a node is set up; None where each write is its own matter.

        That is so where secrets are written, and where the order depends on more than the files.
        """
        cls, files = record.cls, record.files
        if issubclass(cls, ALUATargetPortGroup):
            return (tuple(files),) if plan_parts.state_suits(record) else None
        key = cls, id(files)
        if key not in self._courses:
            self._courses[key] = _legs(cls, tuple(files), plan_parts.deciding(record))
        return self._courses[key]

    def to_settle(self, record: Record, leg: tuple[str, ...]) -> tuple[str, ...]:
        """Return the files of a leg that may have to be written: not those that begin as wanted."""
        key = record.cls, id(record.files), leg
        order = self._orders.get(key)
        if order is None:
            order = self._orders[key] = _without(leg, _needless(record))
        return order


def _needless(record: Record) -> tuple[str, ...]:
    """Return the files of a new node that need not be written: what is wanted reads as nothing."""
    texts, begins = record.files, plan_parts.unset(record.cls)
    found = [file for file, text in begins.items() if texts.get(file) == text]
    return (*found, *(file for file, text in texts.items() if not text))


@once
def _legs(
    cls: type[Node], files: tuple[str, ...], deciding: tuple[str | None, ...]
) -> tuple[Leg, ...] | None:
    """Return the legs for files, in an order that suits the kernel and the class's declarations."""
    if issubclass(cls, TPG) or plan_parts.secrets(cls):
        return None
    order = plan_parts.in_order(files, deciding)
    left = [file for file in order if not plan_parts.is_made(cls, file)]
    found: list[Leg] = []
    leg: list[str] = []
    for declared in cls.declarations().values():
        if isinstance(declared, (Attr, Group)):
            mine = [it for it in left if _belongs(it, declared) and it != plan_parts.LU_GROUP]
            leg += mine
            left = [it for it in left if it not in mine]
            continue
        if leg:
            found.append(tuple(leg))
            leg = []
        found.append(declared.kind if isinstance(declared, Children) else LINK)
    if leg or left:
        found.append((*leg, *left))
    return tuple(found)


def _belongs(file: str, declared: Attr[object] | Group) -> bool:
    if isinstance(declared, Attr):
        return file == declared.file
    return file.startswith(f"{declared.directory}/")


@once
def _without(leg: tuple[str, ...], needless: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(file for file in leg if file not in needless)


@once
def kinds_below(cls: type[Node]) -> tuple[type[Node], ...]:
    """Return the classes of what stands below a class's nodes, in the order of creation."""
    declared = cls.declarations().values()
    return tuple(it.kind for it in declared if isinstance(it, Children))
