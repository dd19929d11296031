# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The nodes of one kind below a parent, as a collection that is looked up anew at each use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rtslib import door
from rtslib.configfs import Kind
from rtslib.errors import (
    InvalidValueError,
    NotSupportedError,
    RTSLibNotInCFSError,
    SpecError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.node import Children, Node

__all__ = ["View", "listed"]

N = TypeVar("N", bound="Node")


def listed(node: Node, directory: str, kind: Kind) -> list[str]:
    """Return the names of one kind in a directory of a node's, none where it has no such directory.

    RTSLibNotInCFSError where the node itself is not there.
    """
    path = node.below(directory)
    found = door.names_if_there(node.fs, path, kind)
    if found is None:
        found = [] if node.may_lack() else door.names(node.fs, path, kind)
    return found


class View(Generic[N]):
    """Children of a node: iterate, ``next``, ``len``, index, ``create``, ``ensure``.

    A listing costs one getdents; what vanishes while it is used is not its concern. Numbered
    nodes come in the order of their numbers, others in that of their names, odd names last.
    """

    def __init__(self, parent: Node, declared: Children[N]) -> None:
        self.parent = parent
        self.declared = declared
        self._begun: Iterator[N] | None = None
        self._counted: int | None = None

    def __repr__(self) -> str:
        return f"<{self.declared.name} of {self.parent!r}>"

    def _names(self) -> list[str]:
        # A fabric without this kind of children has no directory for them.
        found = listed(self.parent, self.declared.directory, Kind.DIRECTORY)
        return list(filter(self.declared.takes, found))

    def _rank(self, name: str) -> tuple[int, Any, str]:
        try:
            return (0, self.declared.key(name[len(self.declared.prefix) :]), name)
        except ValueError:
            return (1, name, name)

    def _handle(self, name: str) -> N:
        return self.declared.kind.handle(self.parent.fs, self.declared.path(self.parent, name))

    def __iter__(self) -> Iterator[N]:
        nodes = [self._handle(name) for name in sorted(self._names(), key=self._rank)]
        # list() and sorted() ask for the length next: that is no second listing.
        self._counted = len(nodes)
        return self._begin(nodes)

    def _begin(self, nodes: list[N]) -> Iterator[N]:
        # Runs when the first is taken: a length that is asked for later is looked up anew.
        self._counted = None
        yield from nodes

    def surviving(self) -> Iterator[N]:
        """Yield what is there, nothing if the parent itself has gone meanwhile."""
        try:
            return iter(self)
        except RTSLibNotInCFSError:
            return iter(())

    def __next__(self) -> N:
        """Return the first, then the next: ``next(target.tpgs)`` is how scripts take the only."""
        if self._begun is None:
            self._begun = iter(self)
        return next(self._begun)

    def __len__(self) -> int:
        counted, self._counted = self._counted, None
        return len(self._names()) if counted is None else counted

    def __bool__(self) -> bool:
        return bool(self._names())

    def __contains__(self, item: object) -> bool:
        if isinstance(item, self.declared.kind):
            return any(item == there for there in self)
        return self.get(item) is not None

    def keys(self) -> list[Any]:
        """Return the numbers or names that ``view[key]`` takes, of those that have one."""
        return [rank[1] for rank in sorted(map(self._rank, self._names())) if rank[0] == 0]

    def __getitem__(self, key: Any) -> N:
        """Return the one of this number or name: one stat. RTSLibNotInCFSError if there is none."""
        return self.declared.kind.lookup(self.parent, key)

    def get(self, key: Any, default: N | None = None) -> N | None:
        """Return the one of this number or name, `default` where there is or can be none."""
        try:
            return self[key]
        except (RTSLibNotInCFSError, InvalidValueError, SpecError):
            return default

    def _check_makes(self, verb: str) -> None:
        hint = self.declared.kind.made_otherwise
        if hint:
            raise NotSupportedError(
                f"{self!r} cannot {verb}", operation=verb, path=self.parent.path, hint=hint
            )

    def create(self, *args: Any, **kwargs: Any) -> N:
        """Make a new one; the arguments are those of its class behind the parent."""
        self._check_makes("create")
        return self.declared.kind.create(self.parent, *args, **kwargs)

    def ensure(self, *args: Any, **kwargs: Any) -> N:
        """Return the one that ``create`` with these arguments would make; make it if need be.

        AlreadyExistsError where the one that is there was made of something else.
        """
        self._check_makes("ensure")
        return self.declared.kind.ensure(self.parent, *args, **kwargs)
