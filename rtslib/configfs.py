# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The door to the kernel: what may be done to a configfs tree, and the kernel's own tree.

Knows paths below the target root and system calls; knows nothing of LIO. Everything here raises
plain OSError, as the kernel does: ``node`` turns it into this library's errors, in one place.
"""

from __future__ import annotations

import enum
import fcntl
import os
import stat
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

__all__ = ["TARGET_ROOT", "ConfigFS", "Entry", "HostConfigFS", "Kind", "current", "use"]

TARGET_ROOT = "/sys/kernel/config/target"

#: A configfs attribute is at most one page; one read(2) of this size gets all of it.
READ_SIZE = 1 << 16


class Kind(enum.Enum):
    """What stands at a path."""

    DIRECTORY = "directory"
    FILE = "file"
    LINK = "link"


class Entry(NamedTuple):
    """One name in a directory, with its kind as readdir tells it (no stat)."""

    name: str
    kind: Kind


class ConfigFS(Protocol):
    """A target tree. Paths are relative to ``root``, '/'-separated, '' is the root itself.

    Text is UTF-8 with surrogateescape, so that any byte survives a round trip. Every method
    raises OSError with the kernel's errno, and nothing else.
    """

    root: str

    def read(self, path: str) -> str:
        """Return the whole text of an attribute, as shown: open, one read, close."""

    def write(self, path: str, text: str) -> None:
        """Store `text`, unchanged, by exactly one write(2) on an O_WRONLY descriptor."""

    def mkdir(self, path: str) -> None:
        """Make a directory; the kernel fills it."""

    def rmdir(self, path: str) -> None:
        """Remove a directory with its default groups."""

    def symlink(self, target: str, path: str) -> None:
        """Make a link at `path` to the directory `target`, both relative to the root."""

    def readlink(self, path: str) -> str:
        """Return where a link leads, relative to the root."""

    def unlink(self, path: str) -> None:
        """Remove a link."""

    def listdir(self, path: str) -> list[Entry]:
        """Return the names in a directory with their kinds, in no promised order."""

    def kind(self, path: str) -> Kind:
        """Tell what stands at `path` by one lstat; FileNotFoundError where nothing does."""

    def mode(self, path: str) -> int:
        """Return the permission bits at `path` by one lstat."""

    def lock(self) -> AbstractContextManager[None]:
        """Hold the tree's advisory lock: one holder among all processes and threads."""


class HostConfigFS:
    """The tree of the running kernel (or any directory that looks like one) at `root`."""

    def __init__(self, root: str = TARGET_ROOT) -> None:
        self.root = root.rstrip("/") or "/"

    def __repr__(self) -> str:
        return f"HostConfigFS({self.root!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostConfigFS) and self.root == other.root

    def __hash__(self) -> int:
        return hash((HostConfigFS, self.root))

    def _at(self, path: str) -> str:
        return f"{self.root}/{path}" if path else self.root

    def read(self, path: str) -> str:
        """Return the whole text of an attribute: open, read, close."""
        fd = os.open(self._at(path), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.fsdecode(os.read(fd, READ_SIZE))
        finally:
            os.close(fd)

    def write(self, path: str, text: str) -> None:
        """Store `text` by one write(2): each write is one store to the kernel."""
        fd = os.open(self._at(path), os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, os.fsencode(text))
        finally:
            os.close(fd)

    def mkdir(self, path: str) -> None:
        """Make a directory."""
        os.mkdir(self._at(path))

    def rmdir(self, path: str) -> None:
        """Remove a directory."""
        os.rmdir(self._at(path))

    def symlink(self, target: str, path: str) -> None:
        """Make a link at `path` to `target`."""
        os.symlink(self._at(target), self._at(path))

    def readlink(self, path: str) -> str:
        """Return where a link leads, relative to the root.

        configfs answers with ../../.. up to the mount's parent: fs/configfs/symlink.c.
        """
        at = self._at(path)
        there = os.path.normpath(os.path.join(os.path.dirname(at), os.readlink(at)))
        return os.path.relpath(there, self.root)

    def unlink(self, path: str) -> None:
        """Remove a link."""
        os.unlink(self._at(path))

    def listdir(self, path: str) -> list[Entry]:
        """Return names and kinds from getdents alone."""
        with os.scandir(self._at(path)) as entries:
            return [Entry(entry.name, _entry_kind(entry)) for entry in entries]

    def kind(self, path: str) -> Kind:
        """Tell what stands at `path` by one lstat."""
        mode = os.lstat(self._at(path)).st_mode
        if stat.S_ISDIR(mode):
            return Kind.DIRECTORY
        return Kind.LINK if stat.S_ISLNK(mode) else Kind.FILE

    def mode(self, path: str) -> int:
        """Return the permission bits at `path` by one lstat."""
        return stat.S_IMODE(os.lstat(self._at(path)).st_mode)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold a flock on the root directory itself: no lock file, nothing to leave behind.

        Not re-entrant. Any program may take part: ``flock /sys/kernel/config/target command``.
        """
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)


def _entry_kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_dir(follow_symlinks=False):
        return Kind.DIRECTORY
    return Kind.LINK if entry.is_symlink() else Kind.FILE


_context: ContextVar[ConfigFS] = ContextVar("rtslib_configfs")


def current() -> ConfigFS:
    """Return the tree in force: that of ``use``, else of RTSLIB_CONFIGFS, else the kernel's.

    RTSLIB_CONFIGFS is a directory, ``fake`` or ``fake:/path/to/state.json``.
    """
    try:
        return _context.get()
    except LookupError:
        return _named(os.environ.get("RTSLIB_CONFIGFS", TARGET_ROOT))


@contextmanager
def use(fs: ConfigFS) -> Iterator[ConfigFS]:
    """Make `fs` the tree of everything constructed in the block without an explicit one."""
    token = _context.set(fs)
    try:
        yield fs
    finally:
        _context.reset(token)


@cache
def _named(name: str) -> ConfigFS:
    """Return one and the same tree for one name, so that a fake's objects meet."""
    kind, _, state = name.partition(":")
    if kind != "fake":
        return HostConfigFS(name)
    # Imported only when asked for: an appliance at work never loads the fake.
    from rtslib.testing import FakeKernel

    return FakeKernel(state=state or None)
