# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Wrappers around any ConfigFS that add one thing each: refuse changes, keep a journal, fail."""

from __future__ import annotations

import errno as errnos
import os
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable, NamedTuple, TypeVar

from rtslib.configfs import names_of, one_by_one

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from rtslib.configfs import ConfigFS, Entry, Kind

__all__ = ["CHANGES", "Faulty", "Journal", "Operation", "ReadOnly", "Wrapper"]

#: The operations that change the tree.
CHANGES = frozenset({"write", "mkdir", "rmdir", "symlink", "unlink"})

T = TypeVar("T")


class Wrapper:
    """A ConfigFS that passes every operation to `inner`, through ``around``: for own wrappers."""

    def __init__(self, inner: ConfigFS) -> None:
        self.inner = inner

    @property
    def root(self) -> str:
        """The inner tree's root."""
        return self.inner.root

    @root.setter
    def root(self, value: str) -> None:
        self.inner.root = value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.inner!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Wrapper) and self._same() == other._same()

    def __hash__(self) -> int:
        return hash(self._same())

    def _same(self) -> tuple[type, ConfigFS]:
        return type(self), self.inner

    def around(self, call: Callable[[], T], name: str, *arguments: str) -> T:
        """Perform one operation; `arguments` end with the path that it is about."""
        return call()

    def read(self, path: str) -> str:
        """Return the whole text of an attribute."""
        return self.around(lambda: self.inner.read(path), "read", path)

    def read_each(self, path: str, files: Sequence[str]) -> list[str | OSError]:
        """Return the texts of files of a directory, each an operation of its own."""
        return one_by_one(self.read, path, files)

    def write(self, path: str, text: str) -> None:
        """Store into an attribute."""
        self.around(lambda: self.inner.write(path, text), "write", text, path)

    def mkdir(self, path: str) -> None:
        """Make a directory."""
        self.around(lambda: self.inner.mkdir(path), "mkdir", path)

    def rmdir(self, path: str) -> None:
        """Remove a directory."""
        self.around(lambda: self.inner.rmdir(path), "rmdir", path)

    def symlink(self, target: str, path: str) -> None:
        """Make a link."""
        self.around(lambda: self.inner.symlink(target, path), "symlink", target, path)

    def readlink(self, path: str) -> str:
        """Return where a link leads."""
        return self.around(lambda: self.inner.readlink(path), "readlink", path)

    def unlink(self, path: str) -> None:
        """Remove a link."""
        self.around(lambda: self.inner.unlink(path), "unlink", path)

    def listdir(self, path: str) -> list[Entry]:
        """Return names and kinds in a directory."""
        return self.around(lambda: self.inner.listdir(path), "listdir", path)

    def names(self, path: str, kind: Kind) -> list[str]:
        """Return the names of one kind in a directory: by ``listdir``, which may be another's."""
        return names_of(self.listdir(path), kind)

    def kind(self, path: str) -> Kind:
        """Tell what stands at `path`."""
        return self.around(lambda: self.inner.kind(path), "kind", path)

    def mode(self, path: str) -> int:
        """Return the permission bits at `path`."""
        return self.around(lambda: self.inner.mode(path), "mode", path)

    def lock(self) -> AbstractContextManager[None]:
        """Hold the inner tree's lock."""
        return self.inner.lock()


class ReadOnly(Wrapper):
    """Refuses every change with EROFS: shows that something only looks."""

    def around(self, call: Callable[[], T], name: str, *arguments: str) -> T:
        """Let only reads through."""
        if name in CHANGES:
            raise OSError(errnos.EROFS, os.strerror(errnos.EROFS), arguments[-1])
        return call()


class Operation(NamedTuple):
    """One operation: its name, its arguments in the protocol's order, its errno or None."""

    name: str
    arguments: tuple[str, ...]
    errno: int | None

    @property
    def path(self) -> str:
        """The path that it was about."""
        return self.arguments[1] if self.name == "symlink" else self.arguments[0]


class Journal(Wrapper):
    """Writes down every operation in `operations`."""

    def __init__(self, inner: ConfigFS) -> None:
        super().__init__(inner)
        self.operations: list[Operation] = []

    def around(self, call: Callable[[], T], name: str, *arguments: str) -> T:
        """Perform and note an operation."""
        given = tuple(reversed(arguments)) if name == "write" else arguments
        try:
            result = call()
        except OSError as error:
            self.operations.append(Operation(name, given, error.errno))
            raise
        self.operations.append(Operation(name, given, None))
        return result

    def count(self) -> Counter[str]:
        """Return how often each operation was made."""
        return Counter(operation.name for operation in self.operations)

    @property
    def changes(self) -> list[Operation]:
        """The operations that changed the tree: those that succeeded."""
        return [op for op in self.operations if op.name in CHANGES and op.errno is None]

    def clear(self) -> None:
        """Forget everything so far."""
        self.operations.clear()

    @contextmanager
    def counting(self) -> Iterator[Counter[str]]:
        """Count the operations of a block; the counter is filled when the block ends."""
        start = len(self.operations)
        counter: Counter[str] = Counter()
        try:
            yield counter
        finally:
            counter.update(operation.name for operation in self.operations[start:])


class Faulty(Wrapper):
    """Fails with `errno`, without performing it, at one operation or at all that match.

    `at` is the number of a matching operation, from 1, or None for every one; `when` tells by
    operation and path which ones match, without it all changes do. `seen` counts those that
    matched: a run with `at=0`, which never fails, tells how many there are to fail at.
    """

    def __init__(
        self,
        inner: ConfigFS,
        errno: int = errnos.EIO,
        at: int | None = None,
        when: Callable[[str, str], bool] | None = None,
    ) -> None:
        super().__init__(inner)
        self.errno = errno
        self.at = at
        self.when = when or (lambda name, _path: name in CHANGES)
        self.seen = 0

    def around(self, call: Callable[[], T], name: str, *arguments: str) -> T:
        """Fail or perform."""
        path = arguments[-1]
        if self.when(name, path):
            self.seen += 1
            if self.at is None or self.seen == self.at:
                raise OSError(self.errno, os.strerror(self.errno), path)
        return call()
