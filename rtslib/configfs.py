# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The door to the kernel: what may be done to a configfs tree, and the kernel's own tree.

Knows paths below the target root and system calls; knows nothing of LIO. Everything here raises
plain OSError, as the kernel does: ``node`` turns it into this library's errors, in one place.
"""

from __future__ import annotations

import enum
import errno
import fcntl
import os
import stat
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, partial
from typing import TYPE_CHECKING, Callable, NamedTuple, Protocol, cast

from rtslib.errors import InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

__all__ = [
    "TARGET_ROOT",
    "ConfigFS",
    "Entry",
    "HostConfigFS",
    "Kind",
    "current",
    "names_of",
    "one_by_one",
    "use",
]

TARGET_ROOT = "/sys/kernel/config/target"

#: How long to wait for the tree's lock.
LOCK_SECONDS = 60.0
#: Seconds between two tries for it: in a crowd, asking must not take what the holder needs.
_PAUSE = 0.005

#: What configfs shows of an attribute is at most 4096 bytes (SIMPLE_ATTR_SIZE, fs/configfs/file.c):
#: one read(2) of this size gets all of it, and a larger buffer would cost more than the call.
READ_SIZE = 1 << 13
_READ, _WRITE = os.O_RDONLY | os.O_CLOEXEC, os.O_WRONLY | os.O_CLOEXEC
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC

#: From how many files of a directory on it is worth a descriptor.
_MANY = 8


class Kind(enum.Enum):
    """What stands at a path."""

    DIRECTORY = "directory"
    FILE = "file"
    LINK = "link"


class Entry(NamedTuple):
    """One name in a directory, with its kind as readdir tells it (no stat)."""

    name: str
    kind: Kind


#: Makes an Entry of a pair, without the function that a NamedTuple is called through.
_entry = cast("Callable[[tuple[str, Kind]], Entry]", partial(tuple.__new__, Entry))
_DIR, _FILE, _LINK = Kind.DIRECTORY, Kind.FILE, Kind.LINK


class ConfigFS(Protocol):
    """A target tree. Paths are relative to ``root``, '/'-separated, '' is the root itself.

    Text is UTF-8 with surrogateescape, so that any byte survives a round trip. Every method
    raises OSError with the kernel's errno, and nothing else.
    """

    root: str

    def read(self, path: str) -> str:
        """Return the whole text of an attribute, as shown: open, one read, close."""

    def read_each(self, path: str, files: Sequence[str]) -> list[str | OSError]:
        """Return what ``read`` of each file of a directory returns or raises."""

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

    def names(self, path: str, kind: Kind) -> list[str]:
        """Return the names in a directory of what is of one kind: as ``listdir``, for less."""

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
        self._base = os.path.basename(self.root)

    def __repr__(self) -> str:
        return f"HostConfigFS({self.root!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HostConfigFS) and self.root == other.root

    def __hash__(self) -> int:
        return hash((HostConfigFS, self.root))

    def _at(self, path: str) -> str:
        at = f"{self.root}/{path}" if path else self.root
        # Nearly all are ASCII, and are known to be so without a look at each character.
        if not at.isascii() or "\0" in at:
            _encoded(at, terminator=b"\0")
        return at

    def read(self, path: str) -> str:
        """Return the whole text of an attribute: open, read, close."""
        fd = os.open(self._at(path), _READ)
        try:
            return os.read(fd, READ_SIZE).decode("utf-8", "surrogateescape")
        finally:
            os.close(fd)

    def read_each(self, path: str, files: Sequence[str]) -> list[str | OSError]:
        """Return the texts of many files of a directory, which is looked up once.

        A sixth of what a read costs is the way from / to the file; a few files do not make up for
        the descriptor of the directory.
        """
        directory = None
        try:
            begin = f"{self._at(path)}/"
            if len(files) >= _MANY:
                begin, directory = "", os.open(begin, _DIRECTORY)
        except OSError as error:
            return [error] * len(files)
        found: list[str | OSError] = []
        try:
            # What is called here costs as much as a call of the kernel's: hence no function.
            for file in files:
                try:
                    fd = os.open(begin + file, _READ, dir_fd=directory)
                    try:
                        text = os.read(fd, READ_SIZE)
                    finally:
                        os.close(fd)
                except OSError as error:
                    found.append(error)
                else:
                    found.append(text.decode("utf-8", "surrogateescape"))
        finally:
            if directory is not None:
                os.close(directory)
        return found

    def write(self, path: str, text: str) -> None:
        """Store `text` by one write(2): each write is one store to the kernel."""
        data = text.encode() if text.isascii() else _encoded(text)
        fd = os.open(self._at(path), _WRITE)
        try:
            os.write(fd, data)
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
        end = os.readlink(at)
        # Python's way takes more than the call; it is for links that the kernel has not made.
        begin = f"{'../' * (path.count('/') + 1)}{self._base}/"
        if end.startswith(begin):
            return end[len(begin) :]
        there = os.path.normpath(os.path.join(os.path.dirname(at), end))
        return os.path.relpath(there, self.root)

    def unlink(self, path: str) -> None:
        """Remove a link."""
        os.unlink(self._at(path))

    def listdir(self, path: str) -> list[Entry]:
        """Return names and kinds from getdents alone."""
        with os.scandir(self._at(path)) as entries:
            return [
                _entry(
                    (
                        it.name,
                        _DIR
                        if it.is_dir(follow_symlinks=False)
                        else _LINK
                        if it.is_symlink()
                        else _FILE,
                    )
                )
                for it in entries
            ]

    def names(self, path: str, kind: Kind) -> list[str]:
        """Return names of one kind from getdents alone."""
        with os.scandir(self._at(path)) as entries:
            if kind is _LINK:
                return [it.name for it in entries if it.is_symlink()]
            if kind is _DIR:
                return [it.name for it in entries if it.is_dir(follow_symlinks=False)]
            return [it.name for it in entries if it.is_file(follow_symlinks=False)]

    def kind(self, path: str) -> Kind:
        """Tell what stands at `path` by one lstat."""
        mode = os.lstat(self._at(path)).st_mode
        if stat.S_ISDIR(mode):
            return Kind.DIRECTORY
        return Kind.LINK if stat.S_ISLNK(mode) else Kind.FILE

    def mode(self, path: str) -> int:
        """Return the permission bits at `path` by one lstat."""
        return stat.S_IMODE(os.lstat(self._at(path)).st_mode)

    def lock(self) -> AbstractContextManager[None]:
        """Hold a flock on the root directory itself: no lock file, nothing to leave behind.

        Not re-entrant; it is held for a few system calls. TimeoutError, with ETIMEDOUT, where
        somebody else holds it for longer than LOCK_SECONDS.
        """
        return _Lock(self.root)


def one_by_one(read: Callable[[str], str], path: str, files: Sequence[str]) -> list[str | OSError]:
    """Return what reading each file of a directory returns or raises: ``ConfigFS.read_each``."""
    found: list[str | OSError] = []
    begin = f"{path}/" if path else ""
    for file in files:
        try:
            found.append(read(begin + file))
        except OSError as error:
            found.append(error)
    return found


def names_of(entries: Iterable[Entry], kind: Kind) -> list[str]:
    """Return the names of what is of one kind."""
    return [entry.name for entry in entries if entry.kind is kind]


class _Lock:
    """A flock on a directory for the time of a block."""

    __slots__ = ("_fd", "_path")

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> None:
        fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _flock(fd)
            self._fd = fd
        finally:
            if self._fd < 0:
                os.close(fd)

    def __exit__(self, *_exception: object) -> None:
        os.close(self._fd)


def _flock(fd: int) -> None:
    """Take a flock; poll for it, since a blocking flock(2) could not be given up in a thread.

    All ask equally often, however long they have waited: who asked less often with time would be
    passed over by those that come later.
    """
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None
            time.sleep(_PAUSE)


def _encoded(text: str, terminator: bytes | None = None) -> bytes:
    """Return the bytes of a text; what no system call can be given is EINVAL, not Python's error.

    That is a lone surrogate that stands for no byte, or `terminator` inside of a path. The text
    may be a secret: the error does not repeat it.
    """
    try:
        data = os.fsencode(text)
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None
    if terminator is not None and terminator in data:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return data


_context: ContextVar[ConfigFS] = ContextVar("rtslib_configfs")

#: The trees of the ``use`` blocks that are open: threads begin with an empty context of their own,
#: and must not turn to the kernel's tree where their program has been given another.
_in_use: list[ConfigFS] = []


def current() -> ConfigFS:
    """Return the tree in force: that of ``use``, else of RTSLIB_CONFIGFS, else the kernel's.

    RTSLIB_CONFIGFS is an absolute path of a directory, ``fake`` or ``fake:/path/to/state.json``;
    InvalidValueError for anything else. A thread that has entered no ``use`` block of its own is
    in the block that was entered last.
    """
    fs = _context.get(None)
    if fs is None:
        fs = _in_use[-1] if _in_use else _named(os.environ.get("RTSLIB_CONFIGFS") or TARGET_ROOT)
    return fs


@contextmanager
def use(fs: ConfigFS) -> Iterator[ConfigFS]:
    """Make `fs` the tree of everything constructed in the block without an explicit one."""
    token = _context.set(fs)
    _in_use.append(fs)
    try:
        yield fs
    finally:
        _in_use.remove(fs)
        _context.reset(token)


@cache
def _named(name: str) -> ConfigFS:
    """Return one and the same tree for one name, so that a fake's objects meet."""
    kind, _, state = name.partition(":")
    if kind != "fake":
        if not name.startswith("/") or not name.strip("/"):
            raise InvalidValueError(
                f"RTSLIB_CONFIGFS={name!r} names no target tree",
                value=name,
                hint="write the absolute path of a directory, fake, or fake:/path/state.json",
            )
        return HostConfigFS(name)
    # Imported only when asked for: an appliance at work never loads the fake.
    from rtslib.testing import FakeKernel

    return FakeKernel(state=state or None)
