# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""HBA directories, ``core/PLUGIN_INDEX``: where storage objects stand, and a place for a new one.

This library gives each object an HBA of its own, with an index that no other HBA of any plugin
has. Trees made by others may hold many objects in one HBA, empty HBAs, and indexes in hex.
"""

from __future__ import annotations

import errno
import itertools
from typing import TYPE_CHECKING

from rtslib import door, host
from rtslib.configfs import Kind
from rtslib.errors import AlreadyExistsError, InvalidValueError, RTSLibNotInCFSError
from rtslib.values import kernel_int

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rtslib.configfs import ConfigFS

__all__ = ["claim", "find", "split"]


def split(name: str) -> tuple[str, int | None]:
    """Return the plugin, as the kernel spells it, and the index that an HBA's name tells."""
    plugin, _, number = name.rpartition("_")
    try:
        # What this library makes is decimal; only others write hex or octal (kstrtoul, base 0).
        plain = number == "0" or (number.isdecimal() and number[0] != "0")
        index = int(number) if plain else kernel_int(number)
    except ValueError:
        return name, None
    return (plugin, index) if plugin and index >= 0 else (name, None)


def _listed(fs: ConfigFS) -> Iterator[tuple[str, str, int]]:
    """Yield (name, plugin, index) of every HBA: one getdents."""
    for name, _kind in door.listdir(fs, "core"):
        plugin, index = split(name)
        if index is not None:
            yield name, plugin, index


def find(fs: ConfigFS, plugin: str, name: str, index: int | None = None) -> str | None:
    """Return the path of an object by its name, of one plugin ('' is any) and one index or any.

    InvalidValueError where any would do and more than one is there.
    """
    name = _component(name)
    if plugin and index is not None:
        # The usual spelling first: that needs no listing.
        rel = f"core/{plugin}_{index}/{name}"
        if door.is_directory(fs, rel):
            return rel
    hbas = [
        hba
        for hba, its_plugin, its_index in _listed(fs)
        if plugin in ("", its_plugin) and index in (None, its_index)
    ]
    holders = _holders(fs, hbas, name)
    found = next(holders, None)
    other = None if plugin else next(holders, None)
    if other is not None:
        raise InvalidValueError(
            f"more than one storage object is called {name!r}: {found} and {other}",
            hint="look it up by its plugin's class, or by its index",
        )
    return found


def _holders(fs: ConfigFS, hbas: Iterable[str], name: str) -> Iterator[str]:
    """Yield the paths of the objects of this name in the HBAs: a stat for each.

    The kernel knows objects by HBA only. This is what making and finding one among many costs, so
    it goes past the door for what is not there.
    """
    look = fs.kind
    for hba in hbas:
        rel = f"core/{hba}/{name}"
        try:
            if look(rel) is Kind.DIRECTORY:
                yield rel
        except FileNotFoundError:
            continue
        except OSError as error:
            raise door.refusal(fs, error, "stat", rel) from error


def claim(made: door.Construction, plugin: str, name: str, index: int | None) -> str:
    """Make an object's directory, in an HBA of this index or of the first free one; return it."""
    if not _component(name).isprintable():
        # Others may have made such a name: it can be looked up.
        raise InvalidValueError(f"{name!r} cannot name a storage object: it has control characters")
    try:
        return _claim(made, plugin, name, index)
    except RTSLibNotInCFSError:
        if not host.is_host(made.fs):
            raise
        host.prepare(made.fs)
        return _claim(made, plugin, name, index)


def _claim(made: door.Construction, plugin: str, name: str, index: int | None) -> str:
    # One index for one HBA among all plugins, and one object of a name in a plugin, are rules of
    # ours, not of the kernel: hence the lock, which ends before anything slow.
    with door.locked(made.fs):
        hbas = list(_listed(made.fs))
        same = (hba for hba, its_plugin, _index in hbas if its_plugin == plugin)
        twin = next(_holders(made.fs, same, name), None)
        if twin is not None:
            raise AlreadyExistsError(
                f"{plugin} object {name!r} already exists in configFS: {made.fs.root}/{twin}",
                operation="mkdir",
                path=f"{made.fs.root}/{twin}",
                errno=errno.EEXIST,
            )
        if index is not None:
            hba = f"core/{plugin}_{index}"
            made.mkdir_any(hba)
        else:
            taken = {index for _name, _plugin, index in hbas}
            free = (number for number in itertools.count() if number not in taken)
            hba = made.mkdir_first(f"core/{plugin}_{number}" for number in free)
        made.mkdir(f"{hba}/{name}")
        return f"{hba}/{name}"


def _component(name: str) -> str:
    """Return a name that can be one directory, InvalidValueError if it cannot."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise InvalidValueError(f"{name!r} cannot be the name of a storage object")
    return name
