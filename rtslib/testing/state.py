# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Keep a FakeKernel's tree in a file, so that processes share it.

The file is a snapshot line and, after it, one JSON line per change: appended under flock, read by
whoever looks next. It is rewritten (temp, rename) when the changes have outgrown the tree.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rtslib.testing.directory import Directory, Link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.testing.engine import Tree
    from rtslib.testing.kernel import FakeKernel

__all__ = ["Store"]

MAGIC = "rtslib fake kernel"
MIN_LINES = 1000


class Store:
    """The file at `path` behind a kernel: ``refresh`` before looking, ``exclusive`` to change."""

    def __init__(self, kernel: FakeKernel, path: str) -> None:
        self.path = os.path.abspath(path)
        self._kernel = kernel
        self._inode = 0
        self._offset = 0
        self._lines = 0
        self._track()
        self.refresh()

    def _track(self) -> None:
        self._kernel.tree.dirty = {}
        self._kernel.tree.removed = []

    def refresh(self) -> None:
        """Take in what other processes have changed since."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            if self._offset:
                self._restart()
            return
        try:
            self._take_in(fd)
        finally:
            os.close(fd)

    def _restart(self) -> None:
        self._kernel.tree = self._kernel.fresh()
        self._track()
        self._inode = self._offset = self._lines = 0

    def _take_in(self, fd: int) -> None:
        facts = os.fstat(fd)
        if facts.st_ino != self._inode or facts.st_size < self._offset:
            if self._offset:
                self._restart()
            self._inode = facts.st_ino
        if facts.st_size == self._offset:
            return
        new = os.pread(fd, facts.st_size - self._offset, self._offset)
        whole = new[: new.rfind(b"\n") + 1]
        for line in whole.splitlines():
            self._apply(line)
            self._lines += 1
        self._offset += len(whole)
        tree = self._kernel.tree
        tree.claims = {node.data["claim"] for node in tree.everything() if node.data.get("claim")}

    def _apply(self, line: bytes) -> None:
        try:
            change = json.loads(line)
        except ValueError:
            change = None
        known = isinstance(change, dict) and change.get("format", MAGIC) == MAGIC
        if not known or (not self._lines and "kernel" not in change):
            raise ValueError(f"{self.path}: not the state of a fake kernel")
        kernel = self._kernel
        if "kernel" in change:
            kernel.kernel = change["kernel"]
            kernel.tree = kernel.fresh()
            self._track()
        tree = kernel.tree
        tree.counters = change["counters"]
        tree.host.files.update(change["files"])
        for path in change["removed"]:
            _detach(tree, path)
        # Parents before children, and links when both ends are there
        nodes = sorted(change["nodes"].items(), key=lambda item: item[0].count("/"))
        for path, record in nodes:
            _attach(tree, path, record)
        for path, record in nodes:
            _relink(tree, path, record)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the file for one change, and append what the change did."""
        fd = self._open()
        try:
            self._take_in(fd)
            if os.fstat(fd).st_size > self._offset:
                os.ftruncate(fd, self._offset)  # a line that its writer did not live to finish
            try:
                yield
            finally:
                self._append(fd)
        finally:
            os.close(fd)

    def _open(self) -> int:
        """Open and lock the file that is at the path: it may be replaced while one waits."""
        while True:
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            fd = os.open(self.path, flags, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
            try:
                if os.stat(self.path).st_ino == os.fstat(fd).st_ino:
                    return fd
            except FileNotFoundError:
                pass
            os.close(fd)

    def _append(self, fd: int) -> None:
        tree = self._kernel.tree
        dirty, removed = tree.dirty or {}, tree.removed
        if not dirty and not removed:
            return
        self._track()
        if not self._offset:
            self._write(fd, self._snapshot())
            return
        nodes = {node.path: _record(node) for node in dirty}
        self._write(fd, self._line(nodes=nodes, removed=removed))
        if self._lines > MIN_LINES + 2 * sum(1 for _ in tree.everything()):
            self._rewrite()

    def _write(self, fd: int, line: bytes) -> None:
        os.write(fd, line)
        self._inode = os.fstat(fd).st_ino
        self._offset += len(line)
        self._lines += 1

    def _rewrite(self) -> None:
        temp = f"{self.path}.{os.getpid()}"
        fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            self._offset = self._lines = 0
            self._write(fd, self._snapshot())
        finally:
            os.close(fd)
        os.rename(temp, self.path)

    def _snapshot(self) -> bytes:
        nodes = {n.path: _record(n) for n in self._kernel.tree.everything() if _told(n)}
        return self._line(format=MAGIC, kernel=self._kernel.kernel, nodes=nodes, removed=[])

    def _line(self, **change: Any) -> bytes:
        tree = self._kernel.tree
        line = {**change, "counters": tree.counters, "files": tree.host.files}
        return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _told(node: Directory) -> bool:
    """Tell whether a directory is more than its shape."""
    return bool(node.serial or node.values or node.data or node.links)


def _record(node: Directory) -> dict[str, Any]:
    links = {name: [link.target.path, link.serial] for name, link in node.links.items()}
    return {
        "shape": node.shape.name,
        "serial": node.serial,
        "values": node.values,
        "data": node.data,
        "links": links,
    }


def _detach(tree: Tree, path: str) -> None:
    at, name = tree.split(path)
    at.subs.pop(name, None)


def _attach(tree: Tree, path: str, record: dict[str, Any]) -> None:
    node = tree.top
    if path:
        at, name = tree.split(path)
        found = at.find(name)
        if found is None or (record["serial"] and found.serial != record["serial"]):
            shape = tree.shapes[record["shape"]]
            found = at.subs[name] = Directory(tree, shape, name, at, record["serial"])
        node = found
    node.values = record["values"]
    node.data = record["data"]


def _relink(tree: Tree, path: str, record: dict[str, Any]) -> None:
    node = tree.walk(path)
    for link in node.links.values():
        link.target.linked_by.remove(node)
    node.links = {}
    for name, (target, serial) in record["links"].items():
        there = tree.walk(target)
        node.links[name] = Link(there, serial)
        there.linked_by.append(node)
