# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The file or device behind a fileio object: checked, made sparse where asked for, resized.

Makes nothing but the file that a size was given for; knows no configfs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rtslib import blockdev
from rtslib.errors import HostError, InvalidValueError

if TYPE_CHECKING:
    from rtslib.door import Construction

__all__ = ["path_for_kernel", "resize", "size_to_export"]

#: off_t is signed.
_MAX_BYTES = (1 << 63) - 1


def resize(path: str, size: int, *, shrink: bool) -> None:
    """Give a file a new size; one that is larger already keeps what lies behind the end."""
    _check_size(size)
    try:
        if shrink or os.stat(path).st_size < size:
            os.truncate(path, size)
    except OSError as error:
        raise blockdev.host_error(error, "truncate", path) from error


def _check_size(size: int) -> None:
    if size > _MAX_BYTES:
        raise InvalidValueError(f"no file can have {size} bytes")


def path_for_kernel(dev: str) -> str:
    """Return a path as it is; InvalidValueError where the kernel would open another."""
    if not os.path.isabs(dev):
        raise InvalidValueError(
            f"{dev!r} is a relative path, which the kernel would look up from /",
            value=dev,
            hint=f"perhaps {os.path.abspath(dev)!r}",
        )
    return dev


def size_to_export(made: Construction, path: str, wanted: int | None, *, create: bool) -> int:
    """Return the size to export; make the file where it is asked for and missing."""
    try:
        present = blockdev.size_in_bytes(path) if blockdev.is_block(path) else os.stat(path).st_size
    except FileNotFoundError as error:
        if not create:
            raise HostError(
                f"the backing file {path} does not exist",
                operation="stat",
                path=path,
                errno=error.errno,
                hint="is its filesystem mounted?",
            ) from error
        if wanted is None:
            raise InvalidValueError(
                f"the backing file {path} does not exist", path=path, hint="give a size to make it"
            ) from error
        if path.startswith("/dev/"):
            # A device that is not there yet must not turn into a file in memory.
            raise blockdev.host_error(error, "open", path) from error
        _make_file(made, path, wanted)
        return wanted
    except OSError as error:
        raise blockdev.host_error(error, "stat", path) from error
    return present if wanted is None else wanted


def _make_file(made: Construction, path: str, size: int) -> None:
    _check_size(size)
    try:
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        made.undo(path, lambda: os.unlink(path))
        try:
            os.truncate(fd, size)
        finally:
            os.close(fd)
    except OSError as error:
        raise blockdev.host_error(error, "create", path) from error
