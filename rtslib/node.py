# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A node is a declaration: what stands in a configfs directory, and all that follows from it.

A subclass of ``Node`` says in its body which files (``Attr``), directories of files (``Group``),
links (``Link``) and directories of nodes (``Children``) its kernel directory holds; ``declare`` has
these. Finding, creating, deleting and walking are written here once, over these declarations.
Their order is the order of creation; removal goes backwards.

Rule 1: a node keeps a tree and a path, nothing else. Nothing of the tree is ever cached.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Any, Callable, ClassVar, TypeVar

from rtslib import door, saved
from rtslib.configfs import TARGET_ROOT, Kind
from rtslib.declare import (
    Attr,
    Children,
    Declaration,
    Everywhere,
    Group,
    Link,
    Place,
    declared_by,
)
from rtslib.errors import (
    MASK,
    AlreadyExistsError,
    InvalidValueError,
    NotSupportedError,
    RTSLibNotInCFSError,
)
from rtslib.view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from rtslib.configfs import ConfigFS
    from rtslib.values import Codec

__all__ = [
    "Attr",
    "CFSNode",
    "Children",
    "Declaration",
    "Everywhere",
    "Group",
    "Link",
    "MadeOf",
    "Node",
    "gone_is_none",
]

T = TypeVar("T")


class Node:
    """A directory of the target tree.

    Handles are equal where tree and path are; making one costs no system call unless a `mode`
    asks for one: 'create' is one mkdir that must succeed, 'any' one mkdir where EEXIST is fine,
    'lookup' one stat.
    """

    # A misspelt attribute must not be set on the handle and never reach the kernel.
    __slots__ = ("__weakref__", "_rel", "fs")

    #: Where the tree is mounted; ``fs.root`` is where this one is.
    configfs_dir: ClassVar[str] = TARGET_ROOT
    place: ClassVar[Place | None] = None
    #: Whether the directory is made only when it is needed, so that it may be missing.
    optional: ClassVar[bool] = False
    #: How nodes of this class come to be, where a view's ``create`` cannot make them.
    made_otherwise: ClassVar[str] = ""
    #: The classes that declare a Link to this one.
    linked_by: ClassVar[tuple[type[Node], ...]] = ()
    _declared: ClassVar[dict[str, Declaration]]

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
        return door.is_directory(self.fs, self._rel)

    def _exists(self) -> bool:
        """Return ``exists``: ceph-iscsi calls it so."""
        return self.exists

    def may_lack(self) -> bool:
        """Tell whether something may be missing from this directory: the node is no deleted one."""
        return (self.parent if self.optional else self).exists

    def kind_of_item(self) -> tuple[object, ...]:
        """Return what the kernel has one kind of directory for: a class of a plugin or fabric."""
        top, _, rest = self._rel.partition("/")
        return type(self), top, rest.partition("/")[0].rpartition("_")[0] if top == "core" else ""

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
    def everywhere(cls, within: Node) -> Iterator[Self]:
        """Yield all nodes of this class below a node of any class above it."""
        if cls.place is None or isinstance(within, cls):
            # The root's handle may be a plain Node, made where its class is not known.
            yield within  # type: ignore[misc]
            return
        for above in cls.place.above.everywhere(within):
            yield from View(above, cls.place.children).surviving()

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
                value=MASK if secret else str(value),
                hint=error.hint,
            ) from (None if secret else error)

    def before_setting(self, file: str, text: str) -> None:
        """Refuse a setting that must not be written now; most may."""

    @classmethod
    def lookup(cls, parent: Node, key: Any) -> Self:
        """Return the node of this number or name below a parent: one stat."""
        children = cls.children_above()
        name = f"{children.prefix}{key}"
        if not children.takes(name):
            raise RTSLibNotInCFSError(f"{parent!r} has no {cls.__name__} {key!r}", path=parent.path)
        node = cls.handle(parent.fs, children.path(parent, name))
        node._check_exists()
        return node

    @classmethod
    def create(cls, parent: Any, *args: Any, **kwargs: Any) -> Self:
        """Make a node below a parent; the arguments are the constructor's."""
        return cls(parent, *args, **{**kwargs, "mode": "create"})

    @classmethod
    def ensure(cls, parent: Any, *args: Any, **kwargs: Any) -> Self:
        """Return the node below a parent, made if need be."""
        return cls(parent, *args, **{**kwargs, "mode": "any"})

    @classmethod
    def declarations(cls) -> dict[str, Declaration]:
        """Return what the class declares, by name, in the order of creation.

        What a class declares anew takes its place there, not where its base had it.
        """
        declared: dict[str, Declaration] | None = vars(cls).get("_declared")
        if declared is None:
            declared = cls._declared = declared_by(cls)
        return declared

    def child_views(self) -> Iterator[View[Any]]:
        """Yield a view for each declared kind of children, in the order of creation."""
        for declared in self.declarations().values():
            if isinstance(declared, Children):
                yield View(self, declared)

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, parents first, in the order of creation."""
        yield self
        for view in self.child_views():
            for child in view.surviving():
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
            for child in view.surviving():
                child._remove()
        if any(isinstance(declared, Link) for declared in self.declarations().values()):
            name = gone_is_none(lambda: Link.link_name(self))
            if name is not None:
                gone_is_none(lambda: door.unlink(self.fs, self.below(name)))
        gone_is_none(lambda: door.rmdir(self.fs, self._rel))

    def dump(self) -> dict[str, Any]:
        """Return what the saved configuration has of this node and of what is below it."""
        return saved.dump(self)

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


#: What rtslib-fb calls it.
CFSNode = Node


def gone_is_none(call: Callable[[], T]) -> T | None:
    """Return what `call` returns, None where its object has gone meanwhile."""
    try:
        return call()
    except RTSLibNotInCFSError:
        return None


class MadeOf(Node):
    """A node whose constructor takes no mode, but what to make it of: with that it creates."""

    __slots__ = ()

    @classmethod
    def create(cls, parent: Any, *args: Any, **kwargs: Any) -> Self:
        """Make a node below a parent; the arguments are the constructor's."""
        return cls(parent, *args, **kwargs)

    @classmethod
    def ensure(cls, parent: Any, key: Any, *args: Any, **kwargs: Any) -> Self:
        """Return the node of this number or name, made if need be.

        AlreadyExistsError where the one that is there was made of something else.
        """
        try:
            return cls.create(parent, key, *args, **kwargs)
        except AlreadyExistsError:
            there = cls.lookup(parent, key)
            if not there.made_of(*args, **kwargs):
                raise
            return there

    def made_of(self, *args: Any, **kwargs: Any) -> bool:
        """Tell whether this node is what a creation with these arguments would have made."""
        raise NotImplementedError
