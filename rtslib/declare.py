# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a node's class body may say of its directory: files, groups of files, links, nodes.

Descriptors only: each reads or writes through the node that it is looked up on, and keeps nothing.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Callable, Generic, TypeVar, Union, overload

from rtslib import door
from rtslib.configfs import Kind
from rtslib.errors import (
    MASK,
    NotSupportedError,
    RTSLibBrokenLink,
    RTSLibError,
    RTSLibNotInCFSError,
)
from rtslib.settings import GroupView
from rtslib.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rtslib.node import Node
    from rtslib.settings import Setting
    from rtslib.values import Codec

__all__ = [
    "Attr",
    "Children",
    "Declaration",
    "Everywhere",
    "Group",
    "Link",
    "Place",
    "declared_by",
]

T = TypeVar("T")
N = TypeVar("N", bound="Node")

#: An ``Attr`` without a value for kernels or fabrics that lack the file.
REQUIRED: Any = object()


class Attr(Generic[T]):
    """One file of a node: its name below the node's directory, its codec and what it means.

    `absent` is the value where this fabric or kernel has no such file; without it a read raises
    RTSLibNotInCFSError. `secret` values are masked everywhere. `verify` reads a value back
    after writing it; secrets always are.
    """

    def __init__(
        self,
        file: str,
        codec: Codec[T],
        doc: str,
        *,
        absent: Any = REQUIRED,
        secret: bool = False,
        verify: bool = False,
    ) -> None:
        self.file = file
        self.codec = codec
        self.absent = absent
        self.secret = secret
        self.verify = verify or secret
        self.__doc__ = doc
        self.name = file

    def __set_name__(self, owner: type[Node], name: str) -> None:
        self.name = name

    @overload
    def __get__(self, node: None, owner: type[Node]) -> Attr[T]: ...
    @overload
    def __get__(self, node: Node, owner: type[Node]) -> T: ...
    def __get__(self, node: Node | None, owner: type[Node]) -> Attr[T] | T:
        """Read the file: one open, one read, one close."""
        if node is None:
            return self
        path = node.below(self.file)
        text = None if self.absent is REQUIRED else door.read_if_there(node.fs, path)
        if text is None:
            if self.absent is not REQUIRED and node.may_lack():
                return self.absent  # type: ignore[no-any-return]
            text = node.read(self.file)
        return node.decode_file(self.file, self.codec, text, secret=self.secret)

    def __set__(self, node: Node, value: Any) -> None:
        """Write the file: one open, one write, one close; a secret is read back as well."""
        text = node.encode_file(self.file, self.codec, value, secret=self.secret)
        node.before_setting(self.file, MASK if self.secret else text)
        try:
            node.write(self.file, text, secret=self.secret)
        except RTSLibNotInCFSError as error:
            if self.absent is REQUIRED or not node.exists:
                raise
            if self.codec.decode(text) == self.absent:
                return
            raise NotSupportedError(
                f"{node!r} has no {self.name} to set", path=f"{node.path}/{self.file}"
            ) from error
        if self.verify and self.codec.decode(node.read(self.file)) != self.codec.decode(text):
            raise RTSLibError(
                f"{node.path}/{self.file} did not keep the value that was written",
                operation="write",
                path=f"{node.path}/{self.file}",
                value=MASK if self.secret else text,
            )


class Group:
    """A directory of settings, enumerated from the kernel; `table` adds types and docs only."""

    def __init__(self, directory: str, table: Mapping[str, Setting] | None = None) -> None:
        self.directory = directory
        self.table = table or {}

    @overload
    def __get__(self, node: None, owner: type[Node]) -> Group: ...
    @overload
    def __get__(self, node: Node, owner: type[Node]) -> GroupView: ...
    def __get__(self, node: Node | None, owner: type[Node]) -> Group | GroupView:
        return self if node is None else GroupView(node, self.directory, self.table)


class Link(Generic[N]):
    """The link inside a node's directory, given as the node at its other end.

    Its name is free: the kernel makes nothing of it.
    """

    def __init__(self, kind: type[N], doc: str) -> None:
        self.kind = kind
        self.__doc__ = doc

    def __set_name__(self, owner: type[Node], name: str) -> None:
        self.kind.linked_by = (*self.kind.linked_by, owner)

    @overload
    def __get__(self, node: None, owner: type[Node]) -> Link[N]: ...
    @overload
    def __get__(self, node: Node, owner: type[Node]) -> N: ...
    def __get__(self, node: Node | None, owner: type[Node]) -> Link[N] | N:
        """Find the link by readdir and follow it: RTSLibBrokenLink where there is none."""
        if node is None:
            return self
        end = self.end(node)
        if end is None:
            raise RTSLibBrokenLink(f"{node!r} is linked to nothing", path=node.path)
        if not self.kind.fits(end):
            raise RTSLibBrokenLink(f"{node!r} is linked to {end}, no {self.kind.__name__}")
        return self.kind.handle(node.fs, end)

    @staticmethod
    def link_name(node: Node) -> str | None:
        """Return the name of the link in a node's directory, None where there is none."""
        return next(iter(door.names(node.fs, node.below(""), Kind.LINK)), None)

    @staticmethod
    def end(node: Node) -> str | None:
        """Return the tree path that a node's link leads to, None where it has no link."""
        name = Link.link_name(node)
        return None if name is None else door.readlink(node.fs, node.below(name))


class Children(Generic[N]):
    """Nodes of one class in a directory of their parent ('' is the parent's own).

    `prefix` begins the name of each; `key` gives what stands behind it as the user knows it.
    """

    def __init__(
        self,
        kind: type[N],
        directory: str = "",
        *,
        prefix: str = "",
        key: Callable[[str], Any] = str,
        skip: frozenset[str] = frozenset(),
    ) -> None:
        self.kind = kind
        self.directory = directory
        self.prefix = prefix
        self.key = key
        self.skip = skip

    def __set_name__(self, owner: type[Node], name: str) -> None:
        self.name = name
        self.kind.place = Place(owner, self)

    @overload
    def __get__(self, node: None, owner: type[Node]) -> Children[N]: ...
    @overload
    def __get__(self, node: Node, owner: type[Node]) -> View[N]: ...
    def __get__(self, node: Node | None, owner: type[Node]) -> Children[N] | View[N]:
        return self if node is None else View(node, self)

    def takes(self, name: str) -> bool:
        """Tell whether a directory of this name is one of these nodes."""
        component = "/" not in name and name not in ("", ".", "..")
        return component and name.startswith(self.prefix) and name not in self.skip

    def path(self, parent: Node, name: str = "") -> str:
        """Return the path of the directory that holds these nodes, or of one of them."""
        return parent.below(posixpath.join(self.directory, name) if name else self.directory)


class Everywhere(Generic[N]):
    """All nodes of a class below the node, at whatever depth, as a one-shot iterator."""

    def __init__(self, kind: type[N], doc: str) -> None:
        self.kind = kind
        self.__doc__ = doc

    @overload
    def __get__(self, node: None, owner: type[Node]) -> Everywhere[N]: ...
    @overload
    def __get__(self, node: Node, owner: type[Node]) -> Iterator[N]: ...
    def __get__(self, node: Node | None, owner: type[Node]) -> Everywhere[N] | Iterator[N]:
        return self if node is None else self.kind.everywhere(node)


class Place:
    """Where the nodes of a class stand: the class above, and its declaration of them."""

    def __init__(self, above: type[Node], children: Children[Any]) -> None:
        self.above = above
        self.children = children

    def split(self, path: str) -> tuple[str, str, str]:
        """Return a node's path as those of its parent, of the directory between, and its name."""
        rest, _, name = path.rpartition("/")
        if not self.children.directory:
            return rest, "", name
        depth = self.children.directory.count("/") + 1
        parts = rest.split("/")
        return "/".join(parts[:-depth]), "/".join(parts[-depth:]), name


Declaration = Union[Attr[Any], Group, Link[Any], Children[Any]]


def declared_by(cls: type[Node]) -> dict[str, Declaration]:
    """Return what a class and its bases declare; what is declared anew takes its place there."""
    found: dict[str, Declaration] = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, (Attr, Group, Link, Children)):
                found.pop(name, None)
                found[name] = value
    return found
