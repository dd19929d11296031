# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The one place where the kernel's OSError becomes this library's error.

Each function is the ConfigFS call of the same name; a refusal is raised with operation, absolute
path, errno, the value tried (secrets masked) and a hint. ``Construction`` takes back what a
creating call had made before it failed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Callable

from rtslib import hints
from rtslib.configfs import Kind
from rtslib.errors import (
    MASK,
    AlreadyExistsError,
    InvalidValueError,
    KernelError,
    RTSLibError,
    kernel_error,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from typing_extensions import Self

    from rtslib.configfs import ConfigFS, Entry

__all__ = [
    "Construction",
    "is_directory",
    "kind",
    "listdir",
    "locked",
    "mkdir",
    "mode",
    "names",
    "names_if_there",
    "read",
    "read_if_there",
    "readlink",
    "refusal",
    "rmdir",
    "symlink",
    "unlink",
    "write",
]

#: What configfs takes in one write(2): SIMPLE_ATTR_SIZE less a NUL, in fs/configfs/file.c.
_WRITE_BYTES = 4095


def refusal(
    fs: ConfigFS, error: OSError, operation: str, path: str, value: str | None = None
) -> KernelError:
    """Return the error to raise for what the kernel refused."""
    return kernel_error(
        error,
        operation,
        f"{fs.root}/{path}" if path else fs.root,
        value,
        hints.hint(fs, operation, path, error, value),
    )


def read(fs: ConfigFS, path: str) -> str:
    """Return the text of an attribute."""
    try:
        return fs.read(path)
    except OSError as error:
        raise refusal(fs, error, "read", path) from error


def write(fs: ConfigFS, path: str, text: str, *, secret: bool = False) -> None:
    """Store `text`; a secret never reaches the error.

    InvalidValueError for more than the kernel takes in one write: it would cut without an error.
    """
    if len(text) * 4 > _WRITE_BYTES and len(os.fsencode(text)) > _WRITE_BYTES:
        raise InvalidValueError(
            f"{fs.root}/{path} takes {_WRITE_BYTES} bytes",
            operation="write",
            path=f"{fs.root}/{path}",
            value=MASK if secret else text,
        )
    try:
        fs.write(path, text)
    except OSError as error:
        raise refusal(fs, error, "write", path, MASK if secret else text) from error


def mkdir(fs: ConfigFS, path: str) -> None:
    """Make a directory."""
    try:
        fs.mkdir(path)
    except OSError as error:
        raise refusal(fs, error, "mkdir", path) from error


def rmdir(fs: ConfigFS, path: str) -> None:
    """Remove a directory."""
    try:
        fs.rmdir(path)
    except OSError as error:
        raise refusal(fs, error, "rmdir", path) from error


def symlink(fs: ConfigFS, target: str, path: str) -> None:
    """Make a link at `path` to `target`."""
    try:
        fs.symlink(target, path)
    except OSError as error:
        raise refusal(fs, error, "symlink", path, target) from error


def readlink(fs: ConfigFS, path: str) -> str:
    """Return where a link leads."""
    try:
        return fs.readlink(path)
    except OSError as error:
        raise refusal(fs, error, "readlink", path) from error


def unlink(fs: ConfigFS, path: str) -> None:
    """Remove a link."""
    try:
        fs.unlink(path)
    except OSError as error:
        raise refusal(fs, error, "unlink", path) from error


def listdir(fs: ConfigFS, path: str) -> list[Entry]:
    """Return the entries of a directory."""
    try:
        return fs.listdir(path)
    except OSError as error:
        raise refusal(fs, error, "list", path) from error


def read_if_there(fs: ConfigFS, path: str) -> str | None:
    """Return the text of an attribute, None without a hint's cost where there is no such file."""
    try:
        return fs.read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(fs, error, "read", path) from error


def names(fs: ConfigFS, path: str, kind: Kind) -> list[str]:
    """Return the names in a directory of what is of one kind."""
    try:
        return fs.names(path, kind)
    except OSError as error:
        raise refusal(fs, error, "list", path) from error


def names_if_there(fs: ConfigFS, path: str, kind: Kind) -> list[str] | None:
    """Return names of one kind, None without a hint's cost where there is no directory."""
    try:
        return fs.names(path, kind)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(fs, error, "list", path) from error


def kind(fs: ConfigFS, path: str) -> Kind:
    """Tell what stands at a path."""
    try:
        return fs.kind(path)
    except OSError as error:
        raise refusal(fs, error, "stat", path) from error


def is_directory(fs: ConfigFS, path: str) -> bool:
    """Tell whether a directory stands at a path; nothing there is no refusal, and costs no hint."""
    try:
        return fs.kind(path) is Kind.DIRECTORY
    except FileNotFoundError:
        return False
    except OSError as error:
        raise refusal(fs, error, "stat", path) from error


def mode(fs: ConfigFS, path: str) -> int:
    """Return the permission bits of a path."""
    try:
        return fs.mode(path)
    except OSError as error:
        raise refusal(fs, error, "stat", path) from error


class Construction:
    """What a creating call has made so far; an error in the block removes it, newest first.

    What cannot be removed again is named in the error's ``residue``.
    """

    def __init__(self, fs: ConfigFS) -> None:
        self.fs = fs
        self._undo: list[tuple[str, Callable[[], None]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            return
        residue = []
        for what, undo in reversed(self._undo):
            try:
                undo()
            except (OSError, RTSLibError):
                residue.append(what)
        if isinstance(error, RTSLibError):
            error.residue = (*error.residue, *residue)

    @property
    def undoing(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        """What was made so far, and how to remove each."""
        return tuple(self._undo)

    def undo(self, what: str, how: Callable[[], None]) -> None:
        """Remember that `what` was made, and how to remove it."""
        self._undo.append((what, how))

    def take_back(self) -> None:
        """Remove what was made last."""
        what, undo = self._undo.pop()
        try:
            undo()
        except OSError as error:
            self._undo.append((what, undo))
            raise refusal(self.fs, error, "rmdir", what[len(self.fs.root) + 1 :]) from error

    def mkdir(self, path: str) -> None:
        """Make a directory that must not exist yet."""
        mkdir(self.fs, path)
        self.undo(f"{self.fs.root}/{path}", lambda: self.fs.rmdir(path))

    def mkdir_any(self, path: str) -> bool:
        """Make a directory unless it exists; tell whether it was made."""
        try:
            self.mkdir(path)
        except AlreadyExistsError:
            return False
        return True

    def mkdir_first(self, paths: Iterable[str]) -> str:
        """Make the first of `paths` that nobody else has made, and return it.

        This is how a free number is found: no list of what exists can be newer than mkdir.
        """
        for path in paths:
            if self.mkdir_any(path):
                return path
        raise AssertionError("paths never end")  # pragma: no cover - callers pass count()

    def symlink(self, target: str, path: str) -> None:
        """Make a link."""
        symlink(self.fs, target, path)
        self.undo(f"{self.fs.root}/{path}", lambda: self.fs.unlink(path))


class locked:  # noqa: N801 - used as a function: contextmanager would take as long as the lock
    """Hold the tree's advisory lock for the time of a block."""

    __slots__ = ("_fs", "_lock")

    def __init__(self, fs: ConfigFS) -> None:
        self._fs = fs
        self._lock = fs.lock()

    def __enter__(self) -> None:
        try:
            self._lock.__enter__()
        except TimeoutError as error:
            hint = "another program holds it for too long: /proc/locks has its pid"
            raise kernel_error(error, "lock", self._fs.root, hint=hint) from error
        except OSError as error:
            raise refusal(self._fs, error, "lock", "") from error

    def __exit__(self, *exception: object) -> None:
        self._lock.__exit__(None, None, None)
