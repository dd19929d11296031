# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The exception tree. Each error is this library's and the standard library's kind at once.

::

    RTSLibError                        Exception            anything this library refuses or meets
    ├── KernelError                    OSError              the kernel said no; ``errno`` tells how
    │   ├── RTSLibNotInCFSError        FileNotFoundError, LookupError     ENOENT
    │   │     (also RTSLibNotInCFS, NotFoundError)
    │   ├── AlreadyExistsError         FileExistsError                    EEXIST
    │   ├── AccessError                PermissionError                    EPERM EACCES EROFS
    │   ├── BusyError                  OSError                            EBUSY ENOTEMPTY
    │   ├── RejectedError              ValueError                         EINVAL ERANGE ...
    │   └── RefusedError               OSError                            ENOSYS ENODEV ...
    ├── HostError                      OSError              modprobe, mount or a device failed
    │   └── MissingFileError           FileNotFoundError    there is no such saved file
    ├── LockedError                    TimeoutError         somebody else holds the lock: holders
    ├── InvalidValueError              ValueError           refused before the kernel saw it
    ├── NotSupportedError              NotImplementedError  this node or kernel has no such thing
    │   └── RTSLibALUANotSupportedError                     no ALUA on this storage object
    ├── RTSLibBrokenLink               LookupError          a link whose other end is gone
    ├── SpecError                      ValueError           a fabric spec file is wrong: file, line
    └── ConfigError                    ValueError           a configuration is wrong: all `problems`
"""

from __future__ import annotations

import errno as _errno
import os
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtslib.config.problem import Problem

__all__ = [
    "AccessError",
    "AlreadyExistsError",
    "BusyError",
    "ConfigError",
    "HostError",
    "InvalidValueError",
    "KernelError",
    "LockedError",
    "MissingFileError",
    "NotFoundError",
    "NotSupportedError",
    "RTSLibALUANotSupportedError",
    "RTSLibBrokenLink",
    "RTSLibError",
    "RTSLibNotInCFS",
    "RTSLibNotInCFSError",
    "RefusedError",
    "RejectedError",
    "SpecError",
    "kernel_error",
]

#: What stands in an error in the place of a secret.
MASK = "********"
#: Nobody reads more at once; ``problems`` has them all.
_SHOWN_PROBLEMS = 20


class RTSLibError(Exception):
    """Anything that this library refuses or meets.

    Every field may be None: `operation` (``read``, ``write``, ``mkdir`` ...), `path` (absolute),
    `errno`, `value` (the text that was to be written; secrets are masked before they come here)
    and `hint` (what to do about it). `residue` lists what a failed creation could not remove.
    """

    # Annotated only: OSError keeps an errno of its own, and a class attribute would hide it.
    errno: Optional[int]

    def __init__(
        self,
        message: str = "",
        *,
        operation: str | None = None,
        path: str | None = None,
        errno: int | None = None,
        value: str | None = None,
        hint: str | None = None,
    ) -> None:
        # OSError fills its errno from two arguments; one argument leaves it None.
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.path = path
        self.errno = errno
        self.value = value
        self.hint = hint
        self.residue: Sequence[str] = ()

    def __str__(self) -> str:
        text = self.message
        if self.hint:
            text = f"{text}; {self.hint}"
        if self.residue:
            text = f"{text}; could not be removed again: {', '.join(self.residue)}"
        return text

    def __reduce__(self) -> tuple[Any, ...]:
        # Keyword-only fields would be lost by the default, which calls with args alone.
        return (type(self), (self.message,), self.__dict__ | {"errno": self.errno})

    def __setstate__(self, state: dict[str, Any] | None) -> None:
        for name, value in (state or {}).items():
            setattr(self, name, value)


class _SystemError(RTSLibError, OSError):
    """An error with the fields of every OSError: `strerror` tells `errno`, `filename` is `path`."""

    def __init__(
        self,
        message: str = "",
        *,
        operation: str | None = None,
        path: str | None = None,
        errno: int | None = None,
        value: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(
            message, operation=operation, path=path, errno=errno, value=value, hint=hint
        )
        # OSError has room for these outside of __dict__.
        self.strerror = None if errno is None else os.strerror(errno)
        self.filename = path

    def __reduce__(self) -> tuple[Any, ...]:
        kind, arguments, state = super().__reduce__()
        return kind, arguments, {**state, "strerror": self.strerror, "filename": self.filename}


class KernelError(_SystemError):
    """The kernel said no."""


class RTSLibNotInCFSError(KernelError, FileNotFoundError, LookupError):
    """There is no such directory or file in configfs."""


RTSLibNotInCFS = RTSLibNotInCFSError
NotFoundError = RTSLibNotInCFSError


class AlreadyExistsError(KernelError, FileExistsError):
    """It exists already."""


class AccessError(KernelError, PermissionError):
    """Root is needed, or the kernel lets nobody do this here."""


class BusyError(KernelError):
    """Something still uses it or stands inside."""


class RejectedError(KernelError, ValueError):
    """The kernel does not take this value, or not now."""


class RefusedError(KernelError):
    """This object, plugin or kernel cannot do that."""


class HostError(_SystemError):
    """A command, a mount or a device of this machine failed."""


class MissingFileError(HostError, FileNotFoundError):
    """There is no such file on this machine: nothing was saved yet, or not there."""


class LockedError(_SystemError, TimeoutError):
    """Somebody else held the lock for too long.

    `holders` has the process id and the command of each holder that can be seen from here.
    """

    holders: Sequence[tuple[int, str]] = ()


class InvalidValueError(RTSLibError, ValueError):
    """A value that cannot work, refused before the kernel saw it."""


class NotSupportedError(RTSLibError, NotImplementedError):
    """This node, fabric or kernel has no such thing."""


class RTSLibALUANotSupportedError(NotSupportedError):
    """This storage object has no ALUA."""


class RTSLibBrokenLink(RTSLibError, LookupError):
    """A link that leads nowhere, or nowhere that it should."""


class SpecError(RTSLibError, ValueError):
    """A fabric spec file is wrong.

    `file` is its path; `line` counts from 1, None where the fault has no line.
    """

    def __init__(
        self, message: str = "", *, file: str | None = None, line: int | None = None
    ) -> None:
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        super().__init__(place + message, path=file)
        self.file = file
        self.line = line


class ConfigError(RTSLibError, ValueError):
    """A configuration is wrong: `problems` has all that is wrong, `file` where it was read from."""

    def __init__(
        self, message: str = "", *, problems: Sequence[Problem] = (), file: str | None = None
    ) -> None:
        lines = [problem.at(file or "configuration") for problem in problems[:_SHOWN_PROBLEMS]]
        if len(problems) > len(lines):
            lines.append(f"and {len(problems) - len(lines)} more")
        super().__init__(message or "\n".join(lines), path=file)
        self.problems = tuple(problems)
        self.file = file


_BY_ERRNO: dict[int, type[KernelError]] = {
    _errno.ENOENT: RTSLibNotInCFSError,
    _errno.EEXIST: AlreadyExistsError,
    **dict.fromkeys((_errno.EPERM, _errno.EACCES, _errno.EROFS), AccessError),
    **dict.fromkeys((_errno.EBUSY, _errno.ENOTEMPTY), BusyError),
    **dict.fromkeys(
        (
            _errno.EINVAL,
            _errno.ERANGE,
            _errno.EOVERFLOW,
            _errno.ENAMETOOLONG,
            _errno.EFAULT,
            _errno.ENOTBLK,
            _errno.EISDIR,
            _errno.ENOTDIR,
        ),
        RejectedError,
    ),
    **dict.fromkeys((_errno.ENOSYS, _errno.EOPNOTSUPP, _errno.ENODEV, _errno.ESRCH), RefusedError),
}


def kernel_error(
    cause: OSError, operation: str, path: str, value: str | None = None, hint: str | None = None
) -> KernelError:
    """Return this library's error for an OSError of the door: class by errno, all facts in fields.

    `path` is absolute, `value` already masked where it is a secret.
    """
    number = cause.errno if cause.errno is not None else _errno.EIO
    what = f"{operation} {path}" if value is None else f"{operation} {value!r} to {path}"
    name = _errno.errorcode.get(number, str(number))
    # Consumers have looked for these words since rtslib-fb 2.1: "already exists in configFS".
    reason = "already exists in configFS" if number == _errno.EEXIST else os.strerror(number)
    return _BY_ERRNO.get(number, KernelError)(
        f"cannot {what}: {reason} ({name})",
        operation=operation,
        path=path,
        errno=number,
        value=value,
        hint=hint,
    )
