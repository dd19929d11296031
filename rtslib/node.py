# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A node is a declaration: what stands in a configfs directory, and all that follows from it.

A subclass of ``Node`` says in its body which files (``Attr``), directories of files (``Group``),
links (``Link``) and directories of nodes (``Children``) its kernel directory holds. Finding,
creating, deleting, printing and walking are written here once, over these declarations. Their
order is the order of creation; removal goes backwards.

Rule 1: a node keeps a tree and a path, nothing else. Nothing of the tree is ever cached.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Callable, ClassVar, Generic, TypeVar, Union, overload

from rtslib import door
from rtslib.configfs import Kind
from rtslib.errors import (
    MASK,
    InvalidValueError,
    NotSupportedError,
    RTSLibBrokenLink,
    RTSLibError,
    RTSLibNotInCFSError,
)
from rtslib.settings import GroupView
from rtslib.values import as_text
from rtslib.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Self

    from rtslib.configfs import ConfigFS
    from rtslib.settings import Setting
    from rtslib.values import Codec

__all__ = ["Attr", "Children", "Declaration", "Group", "Link", "Node"]

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
        try:
            text = node.read(self.file)
        except RTSLibNotInCFSError:
            if self.absent is REQUIRED or not node.exists:
                raise
            return self.absent  # type: ignore[no-any-return]
        return node.decode_file(self.file, self.codec, text, secret=self.secret)

    def __set__(self, node: Node, value: Any) -> None:
        """Write the file: one open, one write, one close; a secret is read back as well."""
        text = node.encode_file(self.file, self.codec, value, secret=self.secret)
        try:
            node.write(self.file, text, secret=self.secret)
        except RTSLibNotInCFSError as error:
            if self.absent is REQUIRED or not node.exists:
                raise
            if text == self.codec.encode(self.absent):
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
        for entry in door.listdir(node.fs, node.below("")):
            if entry.kind is Kind.LINK:
                return entry.name
        return None

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
        return bool(name) and name.startswith(self.prefix) and name not in self.skip

    def path(self, parent: Node, name: str = "") -> str:
        """Return the path of the directory that holds these nodes, or of one of them."""
        return parent.below(posixpath.join(self.directory, name) if name else self.directory)


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


class Node:
    """A directory of the target tree.

    Handles are equal where tree and path are; making one costs no system call unless a `mode`
    asks for one: 'create' is one mkdir that must succeed, 'any' one mkdir where EEXIST is fine,
    'lookup' one stat.
    """

    place: ClassVar[Place | None] = None
    #: The classes that declare a Link to this one.
    linked_by: ClassVar[tuple[type[Node], ...]] = ()

    def __init__(
        self,
        fs: ConfigFS,
        rel: str,
        mode: str = "lookup",
        populate: Callable[[door.Construction], None] | None = None,
    ) -> None:
        self._stand(fs, rel)
        if mode == "lookup":
            self._check_exists()
            return
        if mode not in ("any", "create"):
            raise InvalidValueError(f"mode {mode!r} is none of 'any', 'lookup', 'create'")
        with door.Construction(fs) as made:
            if mode == "create":
                self._mkdir(made, made.mkdir)
            elif not self._mkdir(made, made.mkdir_any):
                return
            if populate is not None:
                populate(made)

    def _stand(self, fs: ConfigFS, rel: str) -> None:
        self.fs = fs
        self._rel = rel

    def _check_exists(self) -> None:
        if door.kind(self.fs, self._rel) is not Kind.DIRECTORY:
            raise RTSLibNotInCFSError(f"{self.path} is not a directory", path=self.path)

    def _mkdir(self, made: door.Construction, mkdir: Callable[[str], T]) -> T:
        """Make this directory; a subclass that can make what it stands in does so on ENOENT."""
        return mkdir(self._rel)

    @classmethod
    def handle(cls, fs: ConfigFS, rel: str) -> Self:
        """Return the node at a path without a system call and without asking whether it is."""
        node = object.__new__(cls)
        node._stand(fs, rel)
        return node

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self._rel == other._rel and self.fs == other.fs

    def __hash__(self) -> int:
        return hash((self.fs, self._rel))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._rel or '/'}>"

    @property
    def path(self) -> str:
        """The absolute path of the directory."""
        return f"{self.fs.root}/{self._rel}" if self._rel else self.fs.root

    @property
    def exists(self) -> bool:
        """Whether the directory is there now: one stat."""
        try:
            return self.fs.kind(self._rel) is Kind.DIRECTORY
        except FileNotFoundError:
            return False
        except OSError as error:
            raise door.refusal(self.fs, error, "stat", self._rel) from error

    @property
    def base(self) -> str:
        """The name of the directory."""
        return posixpath.basename(self._rel)

    @property
    def parent(self) -> Node:
        """The node that this one stands in, as the declarations tell; no system call."""
        if self.place is None:
            raise NotSupportedError(f"{self!r} stands in no other node")
        return self.place.above.handle(self.fs, self.place.split(self._rel)[0])

    @classmethod
    def children_above(cls) -> Children[Any]:
        """Return the declaration that these nodes stand in."""
        if cls.place is None:
            raise NotSupportedError(f"{cls.__name__} stands in no other node")
        return cls.place.children

    @classmethod
    def everywhere(cls, within: Node) -> Iterator[Any]:
        """Yield all nodes of this class below a node of any class above it."""
        if cls.place is None or isinstance(within, cls):
            yield within
            return
        for above in cls.place.above.everywhere(within):
            yield from View(above, cls.place.children)

    def root(self) -> Node:
        """Return the node that stands in no other."""
        node = self
        while node.place is not None:
            node = node.parent
        return node

    def referrers(self, within: Node | None = None) -> Iterator[Any]:
        """Yield the nodes whose link leads here: a listing and a readlink for each that may."""
        within = within or self.root()
        for cls in self.linked_by:
            for node in cls.everywhere(within):
                if gone_is_none(lambda node=node: Link.end(node)) == self._rel:  # type: ignore[misc]
                    yield node

    @classmethod
    def fits(cls, path: str) -> bool:
        """Tell whether the declarations allow a node of this class at a tree path."""
        if cls.place is None:
            return not path
        above, directory, name = cls.place.split(path)
        children = cls.place.children
        return (
            directory == children.directory and children.takes(name) and cls.place.above.fits(above)
        )

    def below(self, path: str) -> str:
        """Return the tree path of something in this directory."""
        if not path:
            return self._rel
        return f"{self._rel}/{path}" if self._rel else path

    def read(self, file: str) -> str:
        """Return the text of a file in this directory, as the kernel shows it."""
        return door.read(self.fs, self.below(file))

    def write(self, file: str, text: str, *, secret: bool = False) -> None:
        """Store text, as it is, in a file of this directory."""
        door.write(self.fs, self.below(file), text, secret=secret)

    def decode_file(self, file: str, codec: Codec[T], text: str, *, secret: bool = False) -> T:
        """Return the value of a file's text; text that the codec does not know names its path."""
        try:
            return codec.decode(text)
        except ValueError as error:
            shown = MASK if secret else text
            raise InvalidValueError(
                f"{self.path}/{file} reads {shown!r}, which is no {codec}",
                operation="read",
                path=f"{self.path}/{file}",
                value=shown,
            ) from error

    def encode_file(
        self, file: str, codec: Codec[Any], value: object, *, secret: bool = False
    ) -> str:
        """Return the text to store in a file; a value that cannot be stored is refused here."""
        try:
            return codec.encode(value)
        except InvalidValueError as error:
            raise InvalidValueError(
                f"{self.path}/{file}: {error.message}",
                operation="write",
                path=f"{self.path}/{file}",
                value=MASK if secret else as_text(value),
                hint=error.hint,
            ) from (None if secret else error)

    def before_setting(self, file: str, text: str) -> None:
        """Refuse a setting that must not be written now; most may."""

    @classmethod
    def lookup(cls, parent: Node, key: Any) -> Self:
        """Return the node of this number or name below a parent: one stat."""
        children = cls.children_above()
        node = cls.handle(parent.fs, children.path(parent, f"{children.prefix}{key}"))
        node._check_exists()
        return node

    @classmethod
    def create(cls, parent: Any, *args: Any, **kwargs: Any) -> Self:
        """Make a node below a parent; the arguments are the constructor's."""
        return cls(parent, *args, **{**kwargs, "mode": "create"})

    def made_of(self, *args: Any, **kwargs: Any) -> bool:
        """Tell whether this node is what a creation with these arguments would have made."""
        return True

    @classmethod
    def declarations(cls) -> dict[str, Declaration]:
        """Return what the class declares, by name, in the order of creation."""
        found: dict[str, Declaration] = {}
        for base in reversed(cls.__mro__):
            found.update(
                (name, value)
                for name, value in vars(base).items()
                if isinstance(value, (Attr, Group, Link, Children))
            )
        return found

    def child_views(self) -> Iterator[View[Any]]:
        """Yield a view for each declared kind of children, in the order of creation."""
        for declared in self.declarations().values():
            if isinstance(declared, Children):
                yield View(self, declared)

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, parents first, in the order of creation."""
        yield self
        for view in self.child_views():
            for child in view:
                yield from child.walk()

    def delete(self) -> None:
        """Remove this directory and all that stands in it, in the order that the kernel wants.

        RTSLibNotInCFSError where it does not exist. What vanishes meanwhile is no error.
        """
        self._check_exists()
        self._remove()

    def _remove(self) -> None:
        """Remove without asking; a subclass ends its use first."""
        for view in reversed(list(self.child_views())):
            for child in view.newest_first():
                child._remove()
        if any(isinstance(declared, Link) for declared in self.declarations().values()):
            name = gone_is_none(lambda: Link.link_name(self))
            if name is not None:
                gone_is_none(lambda: door.unlink(self.fs, self.below(name)))
        gone_is_none(lambda: door.rmdir(self.fs, self._rel))

    # The classic way to the settings of the attrib and param directories.

    attributes = Group("attrib")
    parameters = Group("param")

    def list_attributes(
        self, writable: bool | None = None, readable: bool | None = None
    ) -> list[str]:
        """Return the sorted names in attrib/, of those files only whose mode says so if asked."""
        return self.attributes.names(writable=writable, readable=readable)

    def get_attribute(self, attribute: object) -> str:
        """Return an attribute's text; ``attributes[name]`` gives it typed."""
        return self.attributes.text(str(attribute))

    def set_attribute(self, attribute: object, value: object) -> None:
        """Set an attribute: the value is text, a number or a bool."""
        self.attributes[str(attribute)] = value

    def list_parameters(
        self, writable: bool | None = None, readable: bool | None = None
    ) -> list[str]:
        """Return the sorted names in param/, of those files only whose mode says so if asked."""
        return self.parameters.names(writable=writable, readable=readable)

    def get_parameter(self, parameter: object) -> str:
        """Return a parameter's text; ``parameters[name]`` gives it typed."""
        return self.parameters.text(str(parameter))

    def set_parameter(self, parameter: object, value: object) -> None:
        """Set a parameter: the value is text, a number or a bool."""
        self.parameters[str(parameter)] = value


def gone_is_none(call: Callable[[], T]) -> T | None:
    """Return what `call` returns, None where its object has gone meanwhile."""
    try:
        return call()
    except RTSLibNotInCFSError:
        return None
