# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A directory of settings (attrib/, param/) as a mapping.

Which settings there are, only the kernel says: they come and go with its version. A table adds
the type and the meaning of those that are known; of the others, digits read as int.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from rtslib import door
from rtslib.configfs import Kind
from rtslib.errors import AccessError, InvalidValueError, RTSLibNotInCFSError
from rtslib.values import TEXT, Codec, as_text
from rtslib.view import listed

if TYPE_CHECKING:
    from rtslib.configfs import ConfigFS
    from rtslib.node import Node

__all__ = ["GroupView", "Setting"]


class Setting(NamedTuple):
    """What is known of a setting: type, meaning, and when the kernel takes a new value.

    `when` is ``always``, ``not exported`` (refused while a LUN links to the storage object) or
    ``read-only``. `changes` are the files of the node, ``attrib/NAME``, that the kernel changes
    with it.
    """

    codec: Codec[Any]
    doc: str
    when: str = "always"
    changes: tuple[str, ...] = ()


def _guess(text: str) -> int | str:
    """Type a value of which only the kernel knows the type."""
    line = TEXT.decode(text)
    digits = line.removeprefix("-")
    plain = digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0")
    return int(line) if plain else line


UNKNOWN: Codec[Any] = Codec("setting", _guess, lambda value: as_text(value) or "\n")


#: By tree: the mode of each file of a kind of node. It is part of the kernel's code (ca_mode in
#: include/linux/configfs.h), the same for all nodes of the kind, and stays as long as the kernel.
_modes: WeakKeyDictionary[ConfigFS, dict[tuple[object, ...], int]] = WeakKeyDictionary()


class GroupView(Mapping[str, Any]):
    """The settings of one node: typed on reading, lenient on writing."""

    def __init__(self, node: Node, directory: str, table: Mapping[str, Setting]) -> None:
        self.node = node
        self.directory = directory
        self.table = table

    def __repr__(self) -> str:
        return f"<{self.directory} of {self.node!r}>"

    def _file(self, name: str) -> str:
        if not name or "/" in name:
            raise InvalidValueError(f"{name!r} is no name of a setting")
        return f"{self.directory}/{name}"

    def codec(self, name: str) -> Codec[Any]:
        """Return how a setting is read and written."""
        known = self.table.get(name)
        return known.codec if known else UNKNOWN

    def names(self, *, writable: bool | None = None, readable: bool | None = None) -> list[str]:
        """Return the sorted names: one getdents, and a stat for each only where modes matter."""
        found = sorted(listed(self.node, self.directory, Kind.FILE))
        for wanted, bit in ((writable, 0o200), (readable, 0o400)):
            if wanted is not None:
                found = [name for name in found if self._has(name, bit) == wanted]
        return found

    def _has(self, name: str, bit: int) -> bool:
        node, file = self.node, self._file(name)
        known = _modes.setdefault(node.fs, {})
        kind = (*node.kind_of_item(), file)
        if kind not in known:
            known[kind] = door.mode(node.fs, node.below(file))
        return bool(known[kind] & bit)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def __len__(self) -> int:
        return len(self.names())

    def __contains__(self, name: object) -> bool:
        return name in self.names()

    def text(self, name: str) -> str:
        """Return a setting as the kernel shows it, without the newline."""
        return TEXT.decode(self.node.read(self._file(name)))

    def __getitem__(self, name: str) -> Any:
        # A missing setting is our NotFound, which is a LookupError but no KeyError.
        file = self._file(name)
        return self.node.decode_file(file, self.codec(name), self.node.read(file))

    def get(self, name: str, default: Any = None) -> Any:
        """Return a setting's value, `default` where this kernel has no such setting."""
        try:
            return self[name]
        except RTSLibNotInCFSError:
            return default

    def __setitem__(self, name: str, value: object) -> None:
        file = self._file(name)
        text = self.node.encode_file(file, self.codec(name), value)
        self.node.before_setting(file, text)
        self.node.write(file, text)

    def update(self, values: Mapping[str, Any]) -> None:
        """Set several, in the order given; the first refusal ends it."""
        for name, value in values.items():
            self[name] = value

    def read_all(self) -> dict[str, Any]:
        """Return every readable setting in one pass: a getdents, then one read for each.

        What this process may not read, files for writing only among it, is left out.
        """
        values = {}
        for name in self.names():
            try:
                values[name] = self[name]
            except AccessError as error:
                if error.errno != errno.EACCES:
                    raise
        return values
