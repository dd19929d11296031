# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""One advisory lock across processes: whoever changes or saves the configuration holds it.

A flock, so that the kernel releases it when its holder dies, and so that any other program can
take it: ``flock /run/rtslib.lock COMMAND``. Knows nothing of what is done under it. The file
stays empty: who holds the lock is read from /proc/locks, which is never out of date, names the
holders of a shared lock too, and those that are no programs of this library.

The file is root's alone unless an administrator makes it (tmpfiles.d) readable to a group: whoever
may read it may hold it, and so keep everybody else from saving.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rtslib import paths
from rtslib.errors import HostError, InvalidValueError, LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["default_path", "hold", "holders"]

#: How long to wait for others; restoring thousands of LUNs takes minutes.
SECONDS = 60.0


class _Held:
    """A lock that a thread holds, and how many blocks of it are entered."""

    def __init__(self, fd: int, shared: bool) -> None:
        self.fd = fd
        self.shared = shared
        self.depth = 1


class _Mine(threading.local):
    """What the present thread holds, by path."""

    def __init__(self) -> None:
        self.held: dict[str, _Held] = {}


_mine = _Mine()
#: The descriptors of all threads. A forked child closes its copies of them: as long as one is
#: open the lock outlives the parent.
_open: set[int] = set()
#: Held across a fork, so that no descriptor is open and not yet in the set. A signal's handler
#: may fork while it is held.
_opening = threading.RLock()


def default_path() -> str:
    """Return the path of the lock file: see ``paths``."""
    return paths.lock_file()


@contextmanager
def hold(
    path: str | None = None, *, shared: bool = False, timeout: float | None = SECONDS
) -> Iterator[None]:
    """Hold the lock: exclusively to change anything, shared to read what belongs together.

    The thread that holds it may enter again, but not exclusively where it holds it shared: two
    that did so would wait for each other. Other threads wait as other processes do. A child made
    by fork does not hold it. LockedError names the holders where it is not free within `timeout`
    seconds; None waits for ever, 0 does not wait.
    """
    path = os.path.realpath(path or default_path())
    held = _mine.held.get(path)
    if held is None:
        held = _mine.held[path] = _Held(_taken(path, shared, timeout), shared)
    elif held.shared and not shared:
        raise InvalidValueError(
            f"{path} is held shared already",
            operation="lock",
            path=path,
            hint="hold it exclusively from the beginning",
        )
    else:
        held.depth += 1
    try:
        yield
    finally:
        _leave(path, held)


def _leave(path: str, held: _Held) -> None:
    held.depth -= 1
    # A child that was forked within the block leaves it too, and has nothing to release.
    if held.depth == 0 and _mine.held.get(path) is held:
        del _mine.held[path]
        # Closing is not enough: a child that has yet to exec may have a copy.
        fcntl.flock(held.fd, fcntl.LOCK_UN)
        _close(held.fd)


def _taken(path: str, shared: bool, timeout: float | None) -> int:
    """Return a descriptor that has the lock."""
    try:
        with _opening:
            # Nobody writes into it, so that reading is enough: a group's members cannot write.
            fd = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            _open.add(fd)
    except OSError as error:
        raise HostError(
            f"cannot lock {path}: {error.strerror}",
            operation="lock",
            path=path,
            errno=error.errno,
            hint=_HINTS.get(error.errno or 0),
        ) from error
    taken = False
    try:
        _wait(fd, path, shared, timeout)
        taken = True
    finally:
        if not taken:
            _close(fd)
    return fd


_HINTS = {
    errno.EACCES: "root is needed, or a group that may read this file; RTSLIB_LOCK names another",
    errno.ENOENT: "make its directory, or name another file by RTSLIB_LOCK",
}


def _wait(fd: int, path: str, shared: bool, timeout: float | None) -> None:
    """Poll for the lock: a blocking flock(2) could not be given up in a thread."""
    operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = 0.0005
    while True:
        try:
            return fcntl.flock(fd, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            left = pause if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise _locked(path, fd, timeout or 0) from None
        time.sleep(min(pause, left))
        pause = min(pause * 2, 0.02)


def _locked(path: str, fd: int, timeout: float) -> LockedError:
    found = _holders(os.fstat(fd))
    names = [f"pid {pid} ({command})" if command else f"pid {pid}" for pid, command in found]
    who = " and ".join(names) or "a process not seen from here"
    error = LockedError(
        f"cannot lock {path} within {timeout:g} s: held by {who}",
        operation="lock",
        path=path,
        errno=errno.ETIMEDOUT,
        hint="try again when it has finished",
    )
    error.holders = tuple(found)
    return error


def holders(path: str | None = None) -> list[tuple[int, str]]:
    """Return the process id and command of each holder of the lock that can be seen from here.

    Processes outside of this container cannot; a command that may not be read is empty.
    """
    try:
        return _holders(os.stat(path or default_path()))
    except FileNotFoundError:
        return []


def _holders(status: os.stat_result) -> list[tuple[int, str]]:
    """Find a file in /proc/locks: ``1: FLOCK  ADVISORY  WRITE 4711 00:1b:682 0 EOF``."""
    device = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with suppress(OSError), open("/proc/locks", encoding="ascii") as file:
        # A waiting process has an arrow for its second field, and is no holder.
        rows = [line.split() for line in file]
        pids = {int(row[4]) for row in rows if row[1] == "FLOCK" and row[5] == device}
        return [(pid, _command(pid)) for pid in sorted(pids)]
    return []


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            return _short(file.read().rstrip("\0").split("\0"))
    except OSError:
        return ""


def _short(argv: list[str]) -> str:
    """Return the program and its first plain word: ``targetctl restore``.

    No more than that: the arguments of a program may contain passwords.
    """
    program, *words = argv
    if os.path.basename(program).startswith("python"):
        while words and words[0].startswith("-") and words[0] != "-c":
            words.pop(0)
        if words and words[0] != "-c":
            program = words.pop(0)
    program = os.path.basename(program)
    return f"{program} {words[0]}" if words and words[0].isalpha() else program


def _close(fd: int) -> None:
    with _opening:
        _open.discard(fd)
        os.close(fd)


def _forked() -> None:
    """Forget, in a forked child, what its parent holds."""
    while _open:
        os.close(_open.pop())
    _mine.held = {}
    _opening.release()


os.register_at_fork(
    before=_opening.acquire, after_in_parent=_opening.release, after_in_child=_forked
)
