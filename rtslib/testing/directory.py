# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a configfs in memory is made of: shapes, which are rules, and directories, which are state.

Directories are expanded when somebody looks: a fresh LUN costs one object, not its forty files.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

if TYPE_CHECKING:
    from rtslib.testing.engine import Tree

__all__ = ["Directory", "File", "KernelOops", "Link", "Shape"]

Show = Callable[["Directory", str], str]
Store = Callable[["Directory", str, str], None]


class KernelOops(RuntimeError):
    """The real kernel would have dereferenced NULL here: a program must never get this far."""


class File(NamedTuple):
    """An attribute: its mode, what it holds at first (or the errno of reading it), its rules."""

    mode: int
    text: str = ""
    error: int = 0
    show: Optional[Show] = None
    store: Store = lambda _node, _name, _text: None
    secret: bool = False


@dataclass
class Shape:
    """What a kind of directory holds, and its config_item's operations.

    `make` checks a name and returns the child's shape; `made` sets up a new child; `gone` undoes
    it; `link` and `unlinked` stand for allow_link and drop_link.
    """

    name: str
    files: dict[str, File] = field(default_factory=dict)
    groups: dict[str, Shape] = field(default_factory=dict)
    make: Optional[Callable[[Directory, str], Shape]] = None
    made: Optional[Callable[[Directory], None]] = None
    gone: Optional[Callable[[Directory], None]] = None
    link: Optional[Callable[[Directory, Directory], None]] = None
    unlinked: Callable[[Directory, Directory], None] = lambda _at, _target: None
    no_mkdir: int = errno.EPERM


class Link(NamedTuple):
    """A symbolic link: to which directory, and when it was made."""

    target: Directory
    serial: int


class Directory:
    """One directory: only what differs from its shape is kept.

    `values` are the texts of attributes that were changed, `data` is what the kernel's structures
    hold besides; both are plain JSON. Whoever changes `data` in place calls ``touch``.
    """

    __slots__ = (
        "data", "linked_by", "links", "name", "parent", "serial", "shape", "subs", "tree", "values"
    )  # fmt: skip

    def __init__(
        self, tree: Tree, shape: Shape, name: str, parent: Directory | None, serial: int
    ) -> None:
        self.tree = tree
        self.shape = shape
        self.name = name
        self.parent = parent
        self.serial = serial  # 0: a default group, which the kernel made
        self.subs: dict[str, Directory] = {}
        self.values: dict[str, str] = {}
        self.data: dict[str, Any] = {}
        self.links: dict[str, Link] = {}
        self.linked_by: list[Directory] = []

    def __repr__(self) -> str:
        return f"<{self.shape.name} {self.path!r}>"

    @property
    def path(self) -> str:
        """The path below the root."""
        parts = []
        at = self
        while at.parent is not None:
            parts.append(at.name)
            at = at.parent
        return "/".join(reversed(parts))

    @property
    def up(self) -> Directory:
        """The parent of what has one."""
        if self.parent is None:
            raise AssertionError("the root has no parent")
        return self.parent

    def sub(self, name: str) -> Directory:
        """Return a directory inside that is known to be there, expanding a default group."""
        found = self.find(name)
        if found is None:
            raise AssertionError(f"{self!r} has no {name!r}")
        return found

    def find(self, name: str) -> Directory | None:
        """Return a directory inside, or None."""
        found = self.subs.get(name)
        if found is None:
            shape = self.shape.groups.get(name)
            if shape is not None:
                found = self.subs[name] = Directory(self.tree, shape, name, self, 0)
        return found

    def made(self) -> list[Directory]:
        """Return the directories that somebody made, oldest first."""
        return [sub for sub in self.subs.values() if sub.serial]

    def text(self, name: str) -> str:
        """Return an attribute's text as stored, without the rules of reading it."""
        found = self.values.get(name)
        if found is not None:
            return found
        file = self.shape.files.get(name)
        return file.text if file else ""

    def integer(self, name: str) -> int:
        """Return a stored attribute as a number; 0 where there is none."""
        return int(self.text(name) or 0)

    def put(self, name: str, text: str) -> None:
        """Store an attribute's text as it is to be shown."""
        self.values[name] = text
        self.touch()

    def set(self, **facts: Any) -> None:
        """Change facts in `data`."""
        self.data.update(facts)
        self.touch()

    def touch(self) -> None:
        """Note that this directory has changed."""
        if self.tree.dirty is not None:
            self.tree.dirty[self] = None
