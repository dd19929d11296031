# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The counters that the kernel keeps for a node, read in one pass.

Names and groups are the kernel's own (drivers/target/target_core_stat.c,
iscsi/iscsi_target_stat.c): they are the labels to graph by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Union, overload

from rtslib import door
from rtslib.configfs import Kind
from rtslib.errors import KernelError, RTSLibNotInCFSError
from rtslib.values import TEXT

if TYPE_CHECKING:
    from rtslib.node import Node

__all__ = ["Counter", "Statistics", "StatisticsTree"]

_MIB = 1 << 20


class Counter(int):
    """A number that the kernel counts; `unit` is 'MiB', 'bytes' or ''."""

    unit: str

    @classmethod
    def of(cls, name: str, value: int) -> Counter:
        """Return the counter of this name, with the unit that its name tells."""
        counter = cls(value)
        counter.unit = (
            "MiB" if name.endswith("_mbytes") else "bytes" if name.endswith("_octs") else ""
        )
        return counter

    @property
    def bytes(self) -> int:
        """The count in bytes; of the kernel's MiB the part below one is lost."""
        return self * _MIB if self.unit == "MiB" else int(self)


Value = Union[Counter, str]


class Statistics(Mapping[str, "dict[str, Value]"]):
    """Groups of counters by name: ``lun.statistics['scsi_tgt_port']['read_mbytes'].bytes``."""

    def __init__(self, node: Node, directory: str) -> None:
        self.node = node
        self.directory = directory

    def __repr__(self) -> str:
        return f"<{self.directory} of {self.node!r}>"

    def _list(self, path: str, kind: Kind) -> list[str]:
        return sorted(door.names(self.node.fs, self.node.below(path), kind))

    def __iter__(self) -> Iterator[str]:
        try:
            return iter(self._list(self.directory, Kind.DIRECTORY))
        except RTSLibNotInCFSError:
            # Fabrics without statistics have no such directory.
            if self.node.exists:
                return iter(())
            raise

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getitem__(self, group: str) -> dict[str, Value]:
        """Return all counters of a group: one getdents, one read for each."""
        path = f"{self.directory}/{group}"
        values: dict[str, Value] = {}
        for name in self._list(path, Kind.FILE):
            try:
                text = TEXT.decode(self.node.read(f"{path}/{name}"))
            except KernelError:
                # Counters of a LUN or session that has just gone answer with an error.
                continue
            plain = text.isascii() and text.isdigit()
            values[name] = Counter.of(name, int(text)) if plain else text
        return values

    def read_all(self) -> dict[str, dict[str, Value]]:
        """Return every group in one pass."""
        return {group: self[group] for group in self}


class StatisticsTree:
    """A directory of groups of counters, as an attribute of a node's class."""

    def __init__(self, directory: str) -> None:
        self.directory = directory

    @overload
    def __get__(self, node: None, owner: type[Node]) -> StatisticsTree: ...
    @overload
    def __get__(self, node: Node, owner: type[Node]) -> Statistics: ...
    def __get__(self, node: Node | None, owner: type[Node]) -> StatisticsTree | Statistics:
        return self if node is None else Statistics(node, self.directory)
