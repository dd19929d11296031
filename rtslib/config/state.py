# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A configuration as data: a record for each node, by a name that does not depend on the kernel.

A record's `name` is what people call the node (see ``names``). Where it stands in the tree, `path`
tells, and is empty for a node that is only wanted: HBA indexes, spellings of addresses and names
of links are not part of what a configuration says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, cast

from rtslib.alua import ALUALUGroup
from rtslib.fabric import FabricModule
from rtslib.lun import LUN, MappedLUN
from rtslib.storage import StorageObject

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from rtslib.node import Node

__all__ = ["Link", "Record", "State", "new_link", "new_record", "shows_nothing"]


#: The classes of what stands at the root, in the order of creation.
_RANK = (ALUALUGroup, StorageObject, FabricModule)


class Link(NamedTuple):
    """What a node's link leads to, as a record's name, and the name of the link itself."""

    end: str
    alias: Optional[str]


class Record(NamedTuple):
    """One node: its class, its parent's name, and all that it is configured with.

    `made` is what only making it anew can change; `files` has the texts of its files, by their
    names below its directory, as they would be written.
    """

    name: str
    cls: type[Node]
    parent: str
    base: str
    path: str
    made: dict[str, Any]
    files: dict[str, str]
    link: Optional[Link]

    @property
    def rank(self) -> int:
        """The place among what stands at the root: what others link to comes first."""
        return next(rank for rank, cls in enumerate(_RANK) if issubclass(self.cls, cls))


#: Make one of a tuple of all its fields, without the function that a NamedTuple is called through:
#: of mapped LUNs there are tens of thousands.
new_link = cast("Callable[[tuple[str, Optional[str]]], Link]", partial(tuple.__new__, Link))
new_record = cast("Callable[[tuple[Any, ...]], Record]", partial(tuple.__new__, Record))


def shows_nothing(record: Record) -> bool:
    """Tell whether a record is of a mapped LUN of which its initiator sees nothing, linked or not.

    The kernel has forgotten it, and how it was protected, if its LUN has lost its storage object
    since (target_core_device.c, core_clear_lun_from_tpg): write_protect reads as nothing. No other
    class has such a file.
    """
    return record.files.get(_WRITE_PROTECT) == ""


_WRITE_PROTECT = MappedLUN.write_protect.file


class State:
    """Records by name, parents first, in the order of creation."""

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records: dict[str, Record] = {}
        self._children: dict[str, list[str]] = {}
        self._users: dict[str, list[str]] = {}
        #: HBA directories, and how many storage objects stand in each.
        self.hbas: dict[str, int] = {}
        #: Classes of which nothing is said: that there is none here does not mean that none may be.
        self.unsaid: tuple[type[Node], ...] = ()
        #: What was left out, and why.
        self.warnings: list[str] = []
        for record in records:
            self.add(record)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def __len__(self) -> int:
        return len(self._records)

    def __contains__(self, name: object) -> bool:
        return name in self._records

    def __getitem__(self, name: str) -> Record:
        return self._records[name]

    def __eq__(self, other: object) -> bool:
        """Tell whether both say the same, wherever the kernel keeps it."""
        return isinstance(other, State) and self.said() == other.said()

    __hash__ = None  # type: ignore[assignment] # what can be added to has no hash

    def said(self) -> dict[str, tuple[Any, ...]]:
        """Return what the records say, without what does not matter: paths, names of links."""
        return {
            it.name: (it.cls, it.made, it.files, it.link.end if it.link else None) for it in self
        }

    def stands(self, name: str) -> bool:
        """Tell whether a record is there and whole: open, if it is a device, linked, if a number.

        What is not was left half made, and is not kept in a saved configuration.
        """
        record = self._records.get(name)
        if record is None or (record.link is None and issubclass(record.cls, (LUN, MappedLUN))):
            return False
        if shows_nothing(record):
            return False
        return not issubclass(record.cls, StorageObject) or record.files.get("enable", "1") == "1"

    def get(self, name: str) -> Record | None:
        """Return the record of this name, None where there is none."""
        return self._records.get(name)

    def add(self, record: Record) -> None:
        """Add a record; its parent, where it has one, was added before."""
        self._records[record.name] = record
        self._children.setdefault(record.parent, []).append(record.name)
        if record.link is not None:
            self._users.setdefault(record.link.end, []).append(record.name)

    def children(self, name: str, cls: type[Node] | None = None) -> Iterator[Record]:
        """Yield the records right below one (``''``: the root), of one class or all."""
        for child in self._children.get(name, ()):
            record = self._records[child]
            if cls is None or issubclass(record.cls, cls):
                yield record

    def is_above(self, name: str) -> bool:
        """Tell whether there is anything below a record."""
        return name in self._children

    def users(self, name: str) -> Iterator[Record]:
        """Yield the records whose link leads to one."""
        return (self._records[user] for user in self._users.get(name, ()))

    def count_users(self, name: str) -> int:
        """Return how many records' links lead to one."""
        return len(self._users.get(name, ()))

    def below(self, name: str) -> Iterator[Record]:
        """Yield a record and all below it, parents first."""
        yield self._records[name]
        for child in self._children.get(name, ()):
            yield from self.below(child)

    def ordered(self) -> State:
        """Return the same records, parents first, the kinds at the root in order of creation."""
        found = self._like(())
        top = sorted(self.children(""), key=lambda it: it.rank)
        for record in top:
            for one in self.below(record.name):
                found.add(one)
        return found

    def select(self, wanted: Callable[[Record], bool]) -> State:
        """Return the records that are wanted, as a state of its own."""
        return self._like(record for record in self if wanted(record))

    def only(self, names: Collection[str]) -> State:
        """Return the records of these names, as a state of its own."""
        return self._like([record for name, record in self._records.items() if name in names])

    def _like(self, records: Iterable[Record]) -> State:
        """Return other records with all that is said of these besides."""
        found = State(records)
        found.hbas, found.unsaid, found.warnings = self.hbas, self.unsaid, self.warnings
        return found
