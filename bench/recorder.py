# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The calls that the floor makes, recorded for the same floor in C."""

from __future__ import annotations

import os
from typing import Any, Callable

import floor


class Recorder:
    """What stands in for ``os`` in the floor: it looks, but touches nothing."""

    O_RDONLY = os.O_RDONLY
    O_WRONLY = os.O_WRONLY
    path = os.path

    def __init__(self) -> None:
        self.script: list[bytes] = []
        self._open = ""

    def _add(self, letter: str, path: str, text: str = "") -> None:
        self.script.append(f"{letter}{path}\0{text}\0".encode())

    def mkdir(self, path: str) -> None:
        """Note it."""
        self._add("m", path)

    def rmdir(self, path: str) -> None:
        """Note it."""
        self._add("d", path)

    def unlink(self, path: str) -> None:
        """Note it."""
        self._add("u", path)

    def symlink(self, target: str, path: str) -> None:
        """Note it."""
        self._add("s", path, target)

    def listdir(self, path: str) -> list[str]:
        """Note it and do it."""
        self._add("l", path)
        return os.listdir(path)

    def readlink(self, path: str) -> str:
        """Note it and do it."""
        self._add("k", path)
        return os.readlink(path)

    def open(self, path: str, flags: int) -> int:
        """Remember the file until it is known what for."""
        self._open = path
        return 0

    def write(self, fd: int, text: bytes) -> None:
        """Note it."""
        self._add("w", self._open, text.decode())

    def read(self, fd: int, size: int) -> bytes:
        """Note it."""
        self._add("r", self._open)
        return b""

    def close(self, fd: int) -> None:
        """Do nothing."""


def record(do: Callable[[], Any]) -> bytes:
    """Return the script of what something does by the floor."""
    recorder = Recorder()
    names = vars(floor)
    names["os"] = recorder
    try:
        do()
    finally:
        names["os"] = os
    return b"".join(recorder.script)
