# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A configfs in memory: the system calls of the VFS and of fs/configfs/, and their errnos.

Knows nothing of LIO: what may be made where, and what a read or a write does, is in the shapes that
it is given.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any

from rtslib.configfs import TARGET_ROOT, Entry, Kind
from rtslib.testing.directory import Directory, File, Link, Shape
from rtslib.testing.parsers import byte_length, cut, fail, refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.testing.host import FakeHost

__all__ = ["Tree"]

PAGE_SIZE = 4096
NAME_MAX = 255


class Tree:
    """A tree of directories, and what may be done to it.

    `counters` and `claims` belong to the shapes' rules. `privileged` is whether the caller is root:
    anybody may read what is not secret.
    """

    root = TARGET_ROOT

    def __init__(self, shapes: dict[str, Shape], host: FakeHost) -> None:
        self.shapes = shapes
        self.host = host
        self.traits: dict[str, Any] = {}  # what differs between kernels, as data
        self.modules: set[str] = set()  # fabrics whose modules are there
        self.claims: set[str] = set()  # block devices that the tree holds open exclusively
        self.privileged = True
        self.counters: dict[str, int] = {}
        self.dirty: dict[Directory, None] | None = None
        self.removed: list[str] = []
        self.top = Directory(self, shapes["root"], "", None, 0)

    def count(self, name: str) -> int:
        """Return the next number of a counter, from 1."""
        value = self.counters[name] = self.counters.get(name, 0) + 1
        return value

    # Lookup

    def walk(self, path: str) -> Directory:
        """Return the directory at `path`, following links."""
        at = self.top
        for name in path.split("/"):
            sub = at.subs.get(name)
            at = sub if sub is not None else self._step(at, name, path)
        return at

    def _step(self, at: Directory, name: str, path: str) -> Directory:
        if name in ("", "."):
            return at
        if name == "..":
            if at.parent is None:
                fail(errno.ENOENT, path)
            return at.parent
        found = at.find(name)
        if found is not None:
            return found
        if name in at.links:
            return at.links[name].target
        self.check_name(name, path)
        raise refusal(errno.ENOTDIR if name in at.shape.files else errno.ENOENT, path)

    @staticmethod
    def check_name(name: str, path: str) -> None:
        """Raise ENAMETOOLONG as any lookup of such a name does."""
        if byte_length(name) > NAME_MAX:
            fail(errno.ENAMETOOLONG, path)

    def split(self, path: str) -> tuple[Directory, str]:
        """Return the directory that holds `path`, and the last name."""
        way, _, name = path.rstrip("/").rpartition("/")
        at = self.walk(way) if way else self.top
        if name in ("", ".", ".."):
            at = self.walk(path)
            return (at, "") if at.parent is None else (at.parent, at.name)
        # No character takes more than four bytes: most names need no counting.
        if len(name) * 4 > NAME_MAX and name not in at.subs:
            self.check_name(name, path)
        return at, name

    # Files

    def file(self, path: str) -> tuple[Directory, str, File]:
        """Return the attribute at `path`; a directory there is EISDIR."""
        at, name = self.split(path)
        file = at.shape.files.get(name)
        if file is None:
            if not name or at.find(name) is not None or name in at.links:
                fail(errno.EISDIR, path)
            fail(errno.ENOENT, path)
        return at, name, file

    def read(self, path: str) -> str:
        """Return the text of an attribute."""
        at, name, file = self.file(path)
        if not file.mode & 0o444:
            fail(errno.EACCES, path)
        if file.secret and not self.privileged:
            fail(errno.EPERM, path)
        text = at.values.get(name)
        if file.show is not None:
            text = file.show(at, name)
        elif text is None:
            if file.error:
                fail(file.error, path)
            text = file.text
        return cut(text, PAGE_SIZE)

    def write(self, path: str, text: str) -> None:
        """Store into an attribute: one write(2). The kernel sees no more than a page less one."""
        at, name, file = self.file(path)
        if not file.mode & 0o222 or not self.privileged:
            fail(errno.EACCES, path)
        if not text:
            fail(errno.EFAULT, path)
        file.store(at, name, cut(text, PAGE_SIZE - 1))

    # Directories and links

    def mkdir(self, path: str) -> None:
        """Make a directory, as far as its parent's operations let it."""
        at, name = self.split(path)
        if not name or at.find(name) is not None or name in at.links or name in at.shape.files:
            fail(errno.EEXIST, path)
        self._may_change(path)
        if at.shape.make is None:
            fail(at.shape.no_mkdir, path)
        shape = at.shape.make(at, name)
        child = Directory(self, shape, name, at, self.count("serial"))
        if shape.made is not None:
            shape.made(child)
        at.subs[name] = child
        child.touch()

    def rmdir(self, path: str) -> None:
        """Remove a directory: configfs_rmdir() and configfs_detach_prep()."""
        at, name = self.split(path)
        found = at.find(name) if name else at
        if found is None:
            if name in at.shape.files or name in at.links:
                fail(errno.ENOTDIR, path)
            fail(errno.ENOENT, path)
        self._may_change(path)
        if not found.serial:
            fail(errno.EPERM, path)
        self._check_empty(found, path)
        if found.shape.gone is not None:
            found.shape.gone(found)
        if self.dirty is not None:
            self.removed.append(found.path)
        del at.subs[name]

    def _check_empty(self, at: Directory, path: str) -> None:
        if at.linked_by:
            fail(errno.EBUSY, path)
        if at.links:
            fail(errno.ENOTEMPTY, path)
        for sub in at.subs.values():
            if sub.serial:
                fail(errno.ENOTEMPTY, path)
            self._check_empty(sub, path)

    def symlink(self, target: str, path: str) -> None:
        """Make a link: configfs_symlink() looks for the target only where links are taken."""
        at, name = self.split(path)
        if not name or at.find(name) is not None or name in at.links or name in at.shape.files:
            fail(errno.EEXIST, path)
        self._may_change(path)
        if at.shape.link is None:
            fail(errno.EPERM, path)
        there = self._target(target)
        at.shape.link(at, there)
        at.links[name] = Link(there, self.count("serial"))
        there.linked_by.append(at)
        at.touch()

    def _target(self, target: str) -> Directory:
        """Return where a link is to lead: only a directory in this configfs will do."""
        where = os.path.normpath(f"{self.root}/{target}")
        if where == self.root or where.startswith(self.root + "/"):
            return self.walk(target)
        self.host.check_directory(where)
        raise refusal(errno.EPERM, where)

    def unlink(self, path: str) -> None:
        """Remove a link."""
        at, name = self.split(path)
        link = at.links.get(name)
        if link is None:
            if not name or at.find(name) is not None:
                fail(errno.EISDIR, path)
            if name not in at.shape.files:
                fail(errno.ENOENT, path)
        self._may_change(path)
        if link is None:
            fail(errno.EPERM, path)
        at.shape.unlinked(at, link.target)
        link.target.linked_by.remove(at)
        del at.links[name]
        at.touch()

    def _may_change(self, path: str) -> None:
        if not self.privileged:
            fail(errno.EACCES, path)

    # Looking

    def readlink(self, path: str) -> str:
        """Return where a link leads, relative to the root."""
        at, name = self.split(path)
        link = at.links.get(name)
        if link is None:
            self.kind(path)
            fail(errno.EINVAL, path)
        return link.target.path

    def listdir(self, path: str) -> list[Entry]:
        """Return the names in a directory, newest first as the kernel's readdir has them."""
        at = self.walk(path) if path else self.top
        new = [(sub.serial, name, Kind.DIRECTORY) for name, sub in at.subs.items() if sub.serial]
        new += [(link.serial, name, Kind.LINK) for name, link in at.links.items()]
        new.sort(reverse=True)
        entries = [Entry(name, kind) for _, name, kind in new]
        entries += [Entry(name, Kind.DIRECTORY) for name in reversed(list(at.shape.groups))]
        entries += [Entry(name, Kind.FILE) for name in reversed(list(at.shape.files))]
        return entries

    def kind(self, path: str) -> Kind:
        """Tell what stands at `path`."""
        at, name = self.split(path)
        if not name or name in at.subs or name in at.shape.groups:
            return Kind.DIRECTORY
        if name in at.links:
            return Kind.LINK
        if name not in at.shape.files:
            fail(errno.ENOENT, path)
        return Kind.FILE

    def mode(self, path: str) -> int:
        """Return the permission bits at `path`."""
        kind = self.kind(path)
        if kind is Kind.FILE:
            return self.file(path)[2].mode
        return 0o755 if kind is Kind.DIRECTORY else 0o777

    def everything(self, at: Directory | None = None) -> Iterator[Directory]:
        """Yield every directory that is there as an object, parents first."""
        at = at or self.top
        yield at
        for sub in list(at.subs.values()):
            yield from self.everything(sub)
