# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The kernel's tree as it is, by system calls alone: the library must not judge itself."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "/sys/kernel/config/target"


def paths(top: str = ROOT) -> Iterator[str]:
    """Yield every directory, file and link below a directory, by its path below ROOT."""
    for entry in sorted(os.scandir(top), key=lambda entry: entry.name):
        yield os.path.relpath(entry.path, ROOT)
        if entry.is_dir(follow_symlinks=False):
            yield from paths(entry.path)


def contents() -> dict[str, str]:
    """Return every file's text or errno, and every link's target, by path."""
    return {path: _content(f"{ROOT}/{path}") for path in paths()}


def _content(path: str) -> str:
    if os.path.islink(path):
        return os.readlink(path)
    if os.path.isdir(path):
        return ""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(1 << 16).decode("latin-1")
    except OSError as error:
        return errno.errorcode[error.errno or 0]
