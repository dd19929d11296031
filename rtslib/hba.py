# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""HBA directories, ``core/PLUGIN_INDEX``: where storage objects stand, and a place for a new one.

This library gives each object an HBA of its own, with an index that no other HBA of any plugin
has. Trees made by others may hold many objects in one HBA, empty HBAs, and indexes in hex.
"""

from __future__ import annotations

import errno
import itertools
import re
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from rtslib import door, host
from rtslib.configfs import Kind
from rtslib.errors import AlreadyExistsError, InvalidValueError, RTSLibNotInCFSError
from rtslib.values import kernel_int

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rtslib.configfs import ConfigFS

__all__ = ["claim", "find", "forget", "split"]


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
    for name in door.names(fs, "core", Kind.DIRECTORY):
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
    fs = made.fs
    with door.locked(fs):
        # What is taken back gives its index back.
        made.undo(f"{fs.root}/core", lambda: forget(fs))
        hba = _next_of_ours(made, plugin, name) if index is None else None
        if hba is None:
            hba = _after_a_look(made, plugin, name, index)
        made.mkdir(f"{hba}/{name}")
        ours = _ours.get(fs)
        if ours is not None:
            ours.names.setdefault(plugin, set()).add(name)
        return f"{hba}/{name}"


def _after_a_look(made: door.Construction, plugin: str, name: str, index: int | None) -> str:
    """Make an HBA for an object after a look at all that there are; return it."""
    fs = made.fs
    before = _ours.pop(fs, None)
    hbas = list(_listed(fs))
    same = (hba for hba, its_plugin, _index in hbas if its_plugin == plugin)
    twin = next(_holders(fs, same, name), None)
    if twin is not None:
        raise AlreadyExistsError(
            f"{plugin} object {name!r} already exists in configFS: {fs.root}/{twin}",
            operation="mkdir",
            path=f"{fs.root}/{twin}",
            errno=errno.EEXIST,
        )
    if index is not None:
        hba = f"core/{plugin}_{index}"
        made.mkdir_any(hba)
        return hba
    taken = {index for _name, _plugin, index in hbas}
    free = (number for number in itertools.count() if number not in taken)
    hba = made.mkdir_first(f"core/{plugin}_{number}" for number in free)
    ours = _ours[fs] = _Ours(hbas, hba, _serial_number(fs, hba))
    ours.alone = before is None or ours.number == before.number + 1
    return hba


class _Ours:
    """What one process knows of a tree's HBAs, which is true as long as it made the newest.

    The kernel numbers HBAs as they are made, and tells the number (hba_id of core_alloc_hba() in
    target_core_hba.c): whoever makes one and finds the number behind that of the last one it made
    knows that nobody has made any in between. That may say nothing of objects put into an HBA
    that is there: so those of `others` are looked at each time, and only what stands in our own is
    known by `names`. Without this, making n objects would take n * n / 2 looks.
    """

    def __init__(self, others: Iterable[tuple[str, str, int]], newest: str, number: int) -> None:
        self.others: dict[str, list[str]] = {}
        self.names: dict[str, set[str]] = {}
        self.number = number
        #: Whether nobody else has made any of late. In a crowd it is not worth the try.
        self.alone = True
        #: No HBA has this index, nor one above it.
        self.free = (split(newest.rpartition("/")[2])[1] or 0) + 1
        for name, plugin, index in others:
            self.others.setdefault(plugin, []).append(name)
            self.free = max(self.free, index + 1)


#: By tree. Every use of it is proven by the kernel, see above.
_ours: WeakKeyDictionary[ConfigFS, _Ours] = WeakKeyDictionary()


def forget(fs: ConfigFS) -> None:
    """Look at all HBAs again for the next new object: an index has become free."""
    _ours.pop(fs, None)


def _serial_number(fs: ConfigFS, hba: str) -> int:
    """Return the number that the kernel has given an HBA; -1 where it does not tell."""
    found = _NUMBER.match(door.read_if_there(fs, f"{hba}/hba_info") or "")
    return int(found[1]) if found else -1


_NUMBER = re.compile(r"HBA Index: (\d+) ")


def _next_of_ours(made: door.Construction, plugin: str, name: str) -> str | None:
    """Make the next HBA without a look at those that this process has made; return it.

    None where a look is needed: another process has made one, or the name has been used.
    """
    fs = made.fs
    ours = _ours.get(fs)
    if ours is None or ours.number < 0 or not ours.alone or name in ours.names.get(plugin, ()):
        return None
    if next(_holders(fs, ours.others.get(plugin, ()), name), None) is not None:
        return None
    hba = f"core/{plugin}_{ours.free}"
    if not made.mkdir_any(hba):
        return None
    if _serial_number(fs, hba) != ours.number + 1:
        made.take_back()
        return None
    ours.number += 1
    ours.free += 1
    return hba


def _component(name: str) -> str:
    """Return a name that can be one directory, InvalidValueError if it cannot."""
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise InvalidValueError(f"{name!r} cannot be the name of a storage object")
    return name
