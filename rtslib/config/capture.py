# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The running configuration, read in one pass: each directory once, each file once.

Which files there are and which may be written is asked of the first node of a kind only: in one
kernel all objects of a plugin, or all TPGs of a fabric, are alike. What vanishes meanwhile is
left out; what may not be read is an error, since a copy without it would not be one.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional

from rtslib import door, info
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config import names
from rtslib.config.form import NEXUS, canonical, form_of, is_kept, setting_codec
from rtslib.config.state import Link, Record, State, new_link, new_record
from rtslib.configfs import Kind
from rtslib.declare import Children
from rtslib.declare import Link as LinkDeclaration
from rtslib.errors import RTSLibNotInCFSError
from rtslib.fabric import FabricModule, spec_of_group
from rtslib.lun import LUN
from rtslib.network_portal import NetworkPortal
from rtslib.recipe import RECIPES
from rtslib.spec import Spec  # noqa: TC001 - a NamedTuple's fields are evaluated
from rtslib.storage import StorageObject
from rtslib.target import TPG
from rtslib.values import FLAG, TEXT, Codec

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rtslib.configfs import ConfigFS
    from rtslib.node import Node

__all__ = ["capture", "capture_node", "outline"]

#: What a read is refused with where an object has no such thing, though it has the file.
_NOT_HERE = frozenset({errno.ENOENT, errno.ENODEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})
_READ_AND_WRITE = 0o600


#: The settings that decide how a node is removed: of TPGs and portals.
_OUTLINED = frozenset({TPG.enable.file, NetworkPortal.iser.file, NetworkPortal.offload.file})


class _File(NamedTuple):
    """A file to be read: what it is called below its node, and how it is to be understood.

    `known` has the texts read so far, each as it would be written: most nodes of a kind are alike.
    """

    file: str
    codec: Codec[Any]
    once: bool
    known: dict[object, str]


class _Layout(NamedTuple):
    """What is read of each node of a kind: its files, whether it is linked, what is below it.

    Nothing is read of a `bare` one: that it is there is enough.
    """

    files: tuple[_File, ...]
    names: tuple[str, ...]
    once: tuple[str, ...]
    linked: bool
    bare: bool
    children: tuple[Children[Any], ...]
    namer: Callable[[str, str, Optional[Spec]], str]


def capture(fs: ConfigFS) -> State:
    """Return the whole running configuration. Nothing there at all is an empty one."""
    return _Capture(fs).all()


def outline(fs: ConfigFS) -> State:
    """Return what there is and how it is linked, without settings but for those of fabrics.

    It is all that it takes to remove it, at a fraction of the cost. ALUA groups are left out.
    """
    return _Capture(fs, whole=False).all()


def capture_node(node: Node) -> State:
    """Return the configuration of a node and of what is below it."""
    return _Capture(node.fs).one(node)


class _Capture:
    """One pass over a tree."""

    def __init__(self, fs: ConfigFS, *, whole: bool = True) -> None:
        self.fs = fs
        self.whole = whole
        self.state = State()
        self._layouts: dict[tuple[type[Node], str], _Layout] = {}
        self._names: dict[str, str] = {}
        #: By the beginning of HBAs' paths: the class of what stands there, and what names it.
        self._plugins: dict[str, tuple[type[StorageObject], str]] = {}

    def all(self) -> State:
        for base in self._listed("core/alua/lu_gps"):
            self._node(ALUALUGroup, f"core/alua/lu_gps/{base}", "", None)
        for hba in sorted(self._listed("core"), key=_by_number):
            if hba != "alua":
                self._hba(f"core/{hba}")
        for base in sorted(self._listed("")):
            if base != "core":
                self._node(FabricModule, base, "", spec_of_group(base))
        return self.state

    def one(self, node: Node) -> State:
        """Read a node and what is below it; its parents are only named."""
        cls, path = type(node), node.below("")
        self._node(cls, path, self._name_above(node), self._spec_at(path))
        return self.state

    def _name_above(self, node: Node) -> str:
        """Return the name of the record that a node stands in, which is not read itself."""
        if isinstance(node, (FabricModule, ALUALUGroup)):
            return ""
        if isinstance(node, StorageObject):
            return f"{names.BACKSTORES}/{node.plugin}"
        above = node.parent
        path = above.below("")
        return names.name_of(type(above), self._name_above(above), above.base, self._spec_at(path))

    @staticmethod
    def _spec_at(path: str) -> Spec | None:
        group = path.split("/", 1)[0]
        return None if group == "core" else spec_of_group(group)

    def _listed(self, path: str) -> list[str]:
        """Return the directories in a directory, none where it is not there."""
        return door.names_if_there(self.fs, path, Kind.DIRECTORY) or []

    def _hba(self, path: str) -> None:
        bases = sorted(self._listed(path))
        self.state.hbas[path] = len(bases)
        if not bases:
            return
        directory = path.rpartition("_")[0]
        if directory not in self._plugins:
            above = f"{names.BACKSTORES}/{names.plugin_of(path)}"
            self._plugins[directory] = StorageObject.class_of(path), above
        cls, above = self._plugins[directory]
        self._nodes(cls, path, bases, above, None)

    def _node(self, cls: type[Node], path: str, parent: str, spec: Spec | None) -> None:
        """Read one node and all below it, unless it has gone."""
        directory, _, base = path.rpartition("/")
        self._nodes(cls, directory, (base,), parent, spec)

    def _nodes(
        self, cls: type[Node], directory: str, bases: Sequence[str], parent: str, spec: Spec | None
    ) -> None:
        """Read nodes of one class that stand in one directory."""
        beginning = f"{directory}/" if directory else ""
        layout = None
        for base in bases:
            path = f"{beginning}{base}"
            layout = layout or self._layout_of(cls, path, spec)
            if layout is not None:
                self._one(cls, path, base, parent, spec, layout)

    def _one(
        self,
        cls: type[Node],
        path: str,
        base: str,
        parent: str,
        spec: Spec | None,
        layout: _Layout,
    ) -> None:
        name = layout.namer(parent, base, spec)
        if name in self.state:
            # Two directories that mean the same to people: case twins, lun_0 and lun_00.
            name = f"{name}@{path.split('/')[1] if issubclass(cls, StorageObject) else base}"
        self._names[path] = name
        if layout.bare:
            self.state.add(new_record((name, cls, "", base, path, {}, {}, None)))
            return
        try:
            record = self._record(cls, path, base, parent, name, spec, layout)
        except RTSLibNotInCFSError:
            if door.is_directory(self.fs, path):
                raise
            return
        if (
            self.whole
            and not (record.files or record.made)
            and not door.is_directory(self.fs, path)
        ):
            return
        self.state.add(record)
        for declared in layout.children:
            directory = f"{path}/{declared.directory}" if declared.directory else path
            bases = self._children(directory, declared) if self._has(record, declared) else ()
            if bases:
                self._nodes(declared.kind, directory, bases, name, spec)

    def _has(self, record: Record, declared: Children[Any]) -> bool:
        """Tell whether to look for children: the groups of passed-through devices are no groups.

        Old kernels hang or crash there; one that does not tell has no ALUA for its devices.
        """
        if declared.kind is not ALUATargetPortGroup:
            return True
        told = record.files.get("attrib/alua_support")
        return FLAG.decode(told or self._read(f"{record.path}/attrib/alua_support") or "0")

    def _children(self, directory: str, declared: Children[Any]) -> list[str]:
        return sorted(filter(declared.takes, self._listed(directory)), key=_by_number)

    def _layout_of(self, cls: type[Node], path: str, spec: Spec | None) -> _Layout | None:
        """Return the layout of a kind of node: a class of one plugin, or of one fabric.

        It is learnt from the first; None where that has gone before all of it was seen.
        """
        owner = spec.name if spec else path.split("/")[1].rpartition("_")[0]
        layout = self._layouts.get((cls, owner))
        if layout is None:
            declared = cls.declarations().values()
            bare = not self.whole and issubclass(cls, (StorageObject, ALUALUGroup))
            files = () if bare else tuple(self._layout(cls, path))
            if not door.is_directory(self.fs, path):
                return None
            if not self.whole and not issubclass(cls, FabricModule):
                files = tuple(it for it in files if it.file in _OUTLINED)
            layout = self._layouts[cls, owner] = _Layout(
                files,
                tuple(it.file for it in files),
                tuple(it.file for it in files if it.once),
                any(isinstance(it, LinkDeclaration) for it in declared),
                bare,
                tuple(it for it in declared if isinstance(it, Children)),
                names.namer(cls),
            )
        return layout

    def _record(
        self,
        cls: type[Node],
        path: str,
        base: str,
        parent: str,
        name: str,
        spec: Spec | None,
        layout: _Layout,
    ) -> Record:
        links = door.names(self.fs, path, Kind.LINK) if layout.linked else ()
        files = self._files(path, layout) if layout.files else {}
        made: dict[str, Any] = {file: files.pop(file) for file in layout.once if file in files}
        if issubclass(cls, StorageObject):
            made.update(self._facts(cls, path, files))
            # It stands below its plugin's name, which is no node.
            parent = ""
        elif self.whole and spec and issubclass(cls, TPG) and spec.has_feature("nexus"):
            text = self._read(f"{path}/{NEXUS}") or ""
            made[NEXUS] = TEXT.decode(text) if text else None
        link = self._link(path, links) if links else None
        return new_record((name, cls, parent, base, path, made, files, link))

    def _files(self, path: str, layout: _Layout) -> dict[str, str]:
        """Return the texts of a node's files, as they would be written."""
        files: dict[str, str] = {}
        texts = self.fs.read_each(path, layout.names)
        for it, text in zip(layout.files, texts):
            meant = it.known.get(text)
            if meant is None:
                if isinstance(text, OSError):
                    if text.errno in _NOT_HERE:
                        continue
                    raise door.refusal(self.fs, text, "read", f"{path}/{it.file}") from text
                meant = it.known[text] = canonical(it.codec, text)
            files[it.file] = meant
        return files

    def _layout(self, cls: type[Node], path: str) -> Iterator[_File]:
        """Yield the files of a kind of node that are configuration, as they stand at its first."""
        form = form_of(cls)
        listed: dict[str, set[str]] = {}

        def there(file: str) -> bool:
            directory, _, base = file.rpartition("/")
            if directory not in listed:
                at = f"{path}/{directory}" if directory else path
                listed[directory] = set(door.names_if_there(self.fs, at, Kind.FILE) or ())
            return base in listed[directory]

        for key in form.groups:
            group = getattr(cls, key)
            for base in self._settings(f"{path}/{group.directory}"):
                if not is_kept(group, base):
                    continue
                yield _File(f"{group.directory}/{base}", setting_codec(group, base), False, {})
        for saved in form.saved:
            if there(saved.file):
                yield _File(saved.file, saved.codec, saved.once, {})

    def _settings(self, directory: str) -> list[str]:
        """Return the settings in a directory that are read and written."""
        return sorted(
            name
            for name in door.names_if_there(self.fs, directory, Kind.FILE) or ()
            if self._mode(f"{directory}/{name}") & _READ_AND_WRITE == _READ_AND_WRITE
        )

    def _mode(self, path: str) -> int:
        try:
            return self.fs.mode(path)
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise door.refusal(self.fs, error, "stat", path) from error

    def _read(self, path: str) -> str | None:
        """Return a file's text, None where this node has no such thing."""
        try:
            return self.fs.read(path)
        except OSError as error:
            if error.errno in _NOT_HERE:
                return None
            raise door.refusal(self.fs, error, "read", path) from error

    def _facts(self, cls: type[StorageObject], path: str, files: dict[str, str]) -> dict[str, Any]:
        """Return what a storage object was made of, and whether its device is open."""
        files["enable"] = canonical(FLAG, door.read(self.fs, f"{path}/enable"))
        recipe = RECIPES.get(cls.plugin)
        if recipe is None:
            return {}
        fields = info.parse(cls.directory, door.read(self.fs, f"{path}/info"), f"{path}/info")
        for file in recipe.files:
            fields[file.rpartition("/")[2]] = (
                TEXT.decode(self._read(f"{path}/{file}") or "") or None
            )
        udev_path = TEXT.decode(self._read(f"{path}/udev_path") or "")
        return recipe.facts(fields, udev_path)

    def _link(self, path: str, links: Sequence[str]) -> Link:
        end = door.readlink(self.fs, f"{path}/{links[0]}")
        return new_link((self._names.get(end) or self._name_of_end(end), links[0]))

    def _name_of_end(self, end: str) -> str:
        """Return the record's name for what a link leads to that has not been read."""
        if StorageObject.fits(end):
            return names.storage_object(names.plugin_of(end), end.rpartition("/")[2])
        if LUN.fits(end):
            above = self._name_above(LUN.handle(self.fs, end))
            return names.name_of(LUN, above, end.rpartition("/")[2])
        return end


def _by_number(base: str) -> tuple[str, int, str]:
    """Order names as people do: lun_2 before lun_10."""
    prefix, _, number = base.rpartition("_")
    return (prefix, int(number), base) if number.isdecimal() else (base, -1, base)
