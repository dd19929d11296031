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

__all__ = ["LINK", "Leg", "course", "to_settle"]

#: The leg on which the link is made.
LINK = None
#: Files to be written, in order; the link; or the class of what is set up below.
Leg = Union[tuple[str, ...], None, "type[Node]"]


def course(record: Record) -> tuple[Leg, ...] | None:
    """Return the legs on which a new node is set up; None where each write is a matter of its own.

    That is so where secrets are written, and where the order depends on more than the files.
    """
    cls = record.cls
    if issubclass(cls, ALUATargetPortGroup):
        return (tuple(record.files),) if plan_parts.state_suits(record) else None
    return _legs(cls, tuple(record.files), plan_parts.deciding(record))


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


def to_settle(record: Record, leg: tuple[str, ...]) -> tuple[str, ...]:
    """Return the files of a leg that may have to be written: not those that begin as wanted."""
    texts, begins = record.files, plan_parts.unset(record.cls)
    needless = [file for file, text in begins.items() if texts.get(file) == text]
    if "" in texts.values():
        needless += [file for file, text in texts.items() if not text]
    return _without(leg, tuple(needless)) if needless else leg


@once
def _without(leg: tuple[str, ...], needless: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(file for file in leg if file not in needless)
