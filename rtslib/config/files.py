# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Files that are replaced whole or not at all, whenever the writer is killed or power is lost.

Knows paths and bytes, and what it takes to keep them: a temporary file in the directory of the
real one, 0600 from its creation, written to the disk before it gets the name, and the name too.
Knows nothing of what is in a file. Raises OSError as it comes.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["make_directory", "read", "remove_leftovers", "replace", "resolve", "tighten"]

#: A file may hold secrets: nobody but its owner reads it.
MODE = 0o600
DIRECTORY_MODE = 0o700


def resolve(path: str) -> str:
    """Return the real file that a path leads to through its symlinks, be it there or not.

    OSError for a loop, and for what is there and is no regular file: it is never opened, since
    that alone makes some devices act.
    """
    real = os.path.realpath(path)
    try:
        status = os.lstat(real)
    except FileNotFoundError:
        return real
    if stat.S_ISLNK(status.st_mode):
        raise _os_error(errno.ELOOP)
    if stat.S_ISDIR(status.st_mode):
        raise _os_error(errno.EISDIR)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")
    return real


def _os_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def read(real: str) -> bytes:
    """Return what is in a file."""
    fd = os.open(real, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    with open(fd, "rb") as file:
        return file.read()


def tighten(real: str) -> None:
    """Let nobody but the owner read a file that is kept as it is."""
    if stat.S_IMODE(os.stat(real).st_mode) & ~MODE:
        os.chmod(real, MODE)


def make_directory(path: str) -> None:
    """Make a directory and those above it that are missing, 0700; leave existing ones alone."""
    if os.path.isdir(path):
        return
    above = os.path.dirname(path)
    make_directory(above)
    with suppress(FileExistsError):
        os.mkdir(path, DIRECTORY_MODE)
    _sync(above)


def replace(real: str, data: bytes, *, modified_ns: int | None = None) -> None:
    """Make `data` the content of a file: afterwards it is on the disk, or all is as it was.

    `modified_ns` is the time of modification that it gets, instead of now.
    """
    directory, name = os.path.split(real)
    with _temporary(directory, name) as (fd, temporary):
        os.fchmod(fd, MODE)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        if modified_ns is not None:
            os.utime(fd, ns=(modified_ns, modified_ns))
        os.fsync(fd)
        os.rename(temporary, real)
    _sync(directory)


@contextmanager
def _temporary(directory: str, name: str) -> Iterator[tuple[int, str]]:
    """Open a new file that is locked as long as its writer lives: see remove_leftovers."""
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW
    while True:
        path = os.path.join(directory, f".{name}.{os.urandom(4).hex()}.tmp")
        fd = os.open(path, flags, MODE)
        try:
            # Before it had its lock, another's cleaning may have taken it for a leftover.
            if _locked(fd) and os.fstat(fd).st_nlink:
                yield fd, path
                return
        finally:
            # Its own name is gone where all went well.
            with suppress(OSError):
                os.unlink(path)
            os.close(fd)


def _locked(fd: int) -> bool:
    """Lock a file without waiting; a filesystem that knows no locks has no cleaning either."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
    return True


def remove_leftovers(directory: str, name: str) -> None:
    """Remove the temporary files of writers of `name` that were killed.

    A living writer has its file locked, and the kernel unlocks those of the dead: no guess by age
    or process id. What cannot be removed stays for the next time.
    """
    ours = re.compile(rf"\.{re.escape(name)}(\..*)?\.[0-9a-f]{{8}}\.tmp")
    with suppress(OSError):
        for entry in os.listdir(directory):
            if ours.fullmatch(entry):
                _remove_if_dead(os.path.join(directory, entry))


def _remove_if_dead(path: str) -> None:
    with suppress(OSError):
        # Open for writing: on NFS the lock is one of those that need it.
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(path)
        finally:
            os.close(fd)


def _sync(directory: str) -> None:
    """Write a directory's names to the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        # EINVAL: this filesystem has nothing to write.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(fd)
