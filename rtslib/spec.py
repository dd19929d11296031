# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Fabric spec files: what a fabric module can do and how it names its ports, as data.

Knows the files' format, where they are looked for and how names are spelled; ``wwnsource`` finds
the names that this machine has. Knows nothing of nodes. specs/README is the manual.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rtslib import paths, wwnsource
from rtslib import wwn as _wwn
from rtslib.errors import InvalidValueError, SpecError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["FEATURES", "Spec", "available", "find", "load", "search_path", "signature"]

SUFFIX = ".spec"

#: What a fabric may be able to do. `auth` is called acls_auth in older files.
FEATURES = frozenset(
    (
        "acls",
        "acls_tcq_depth",
        "auth",
        "cpus_allowed_list",
        "discovery_auth",
        "nexus",
        "nps",
        "tpgts",
    )
)
_RENAMED = {"acls_auth": "auth"}

_LISTS: dict[str, tuple[str, ...]] = {
    "features": ("discovery_auth", "acls", "acls_auth", "nps"),
    "wwn_type": ("free",),
    "kernel_module": (),
    "wwn_source": (),
    "wwn_from_files": (),
    "wwn_from_cmds": (),
}
_STRINGS = {
    "name": "",
    "configfs_group": "",
    "wwn_spelling": "plain",
    "wwn_from_files_filter": "",
    "wwn_from_cmds_filter": "",
    "hint": "",
}

#: A name that can be a path's component and never an option of a command.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")


@dataclass(frozen=True)
class Spec:
    """One fabric, as its file describes it."""

    name: str
    path: str
    features: frozenset[str]
    wwn_types: tuple[str, ...]
    kernel_modules: tuple[str, ...]
    configfs_group: str
    wwn_spelling: str = "plain"
    wwn_source: tuple[str, ...] = ()
    wwn_from_files: tuple[str, ...] = ()
    wwn_from_files_filter: str = ""
    wwn_from_cmds: tuple[str, ...] = ()
    wwn_from_cmds_filter: str = ""
    #: What a person should look at when the kernel will not make a target.
    hint: str = ""
    #: Why no command of this file may be run; empty if they may.
    distrust: str = ""

    @property
    def kernel_module(self) -> str:
        """The module to load; `kernel_modules` has its older names too."""
        return next(iter(self.kernel_modules), "")

    @property
    def has_fixed_wwns(self) -> bool:
        """Whether targets can only have the names of this machine's ports."""
        return bool(self.wwn_source or self.wwn_from_files or self.wwn_from_cmds)

    def has_feature(self, feature: str) -> bool:
        """Tell whether the fabric can do this; the older name acls_auth is understood."""
        return _RENAMED.get(feature, feature) in self.features

    def wwns(self, timeout: float = wwnsource.TIME_LIMIT) -> list[str] | None:
        """Return the names that this machine's ports have, or None where any name will do.

        Names that are none of the fabric's types are left out. SpecError where a command of the
        file fails or may not be run.
        """
        if not self.has_fixed_wwns:
            return None
        found = wwnsource.declared(self.wwn_source)
        found += self._from_shell(timeout)
        return list(dict.fromkeys(filter(None, map(self._usable, found))))

    def _from_shell(self, timeout: float) -> list[str]:
        shell = wwnsource.Shell(self.path, self.distrust, timeout)
        files = wwnsource.words_of_files(self.wwn_from_files)
        if self.wwn_from_files_filter:
            files = shell.run(self.wwn_from_files_filter, files)
        printed = [word for command in self.wwn_from_cmds for word in shell.run(command)]
        if self.wwn_from_cmds_filter:
            printed = shell.run(self.wwn_from_cmds_filter, printed)
        return files + printed

    def _usable(self, text: str) -> str | None:
        try:
            return self.normalise(text)[0]
        except InvalidValueError:
            return None

    def normalise(self, wwn: str) -> tuple[str, str]:
        """Return (name, type) for a name that a person gave; InvalidValueError if it is none."""
        normal, wwn_type = _wwn.normalise(self.wwn_types, wwn)
        # A classic spec's filter writes what the kernel wants to see: that must not be changed.
        as_written = self.wwn_spelling == "plain" and (self.wwn_from_files or self.wwn_from_cmds)
        return (wwn.strip() if as_written else normal), wwn_type

    def to_fabric(self, wwn: str) -> str:
        """Return the directory's name for a normal name; what is none stays as it is."""
        return _wwn.spell(wwn, self.wwn_spelling, self.wwn_types[0])

    def from_fabric(self, name: str) -> str:
        """Return the normal name for a directory's; never raises, unknown names stay."""
        return _wwn.unspell(name, self.wwn_spelling, self.wwn_types[0])


def search_path() -> tuple[str, ...]:
    """Return the directories to look in, first things first: see ``paths``; then package data."""
    return (*paths.specs(), _package_data())


def signature() -> tuple[tuple[str, int, int], ...]:
    """Return what changes when a file comes, goes or is written: for who keeps what they read.

    Cheap enough to be asked for each name of a listing: a stat for each directory and file.
    """
    found = []
    for directory in search_path():
        number, changed = _stamp(directory, "st_ino", "st_ctime_ns")
        found.append((directory, number, changed))
        files = _paths(directory, number, changed)
        found.extend((path, *_stamp(path, "st_mtime_ns", "st_size")) for path in files)
    return tuple(found)


def _stamp(path: str, first: str, second: str) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError:
        return 0, 0
    return getattr(stat, first), getattr(stat, second)


@lru_cache(maxsize=16)
def _paths(directory: str, _number: int, _changed: int) -> tuple[str, ...]:
    """Return the paths of a directory's spec files; listed anew when the directory changes."""
    return tuple(path for _, path in _in_directory(directory))


def _package_data() -> str:
    package = os.path.dirname(os.path.abspath(__file__))
    installed = os.path.join(package, "specs")
    # In a checkout they stand beside the package.
    checkout = os.path.join(os.path.dirname(package), "specs")
    return installed if os.path.isdir(installed) else checkout


def find(name: str) -> Spec:
    """Return the spec of a fabric by its file's name or its own; SpecError if there is none.

    The first directory with NAME.spec wins; a name that only a file's `name` key gives leads to
    the file that stands for it, so a vendor's ib_srpt.spec is also found as srpt.
    """
    files = list(_files())
    first = _first(files)
    if name in first:
        return load(first[name])
    for stem, path in files:
        spec = _load(path)
        if isinstance(spec, Spec) and spec.name == name:
            return load(first[stem])
    raise SpecError(f"there is no spec of a fabric {name!r} in {', '.join(search_path())}")


def available() -> dict[str, Spec | SpecError]:
    """Return every fabric by name, in order; a file that is wrong has its error there."""
    found: dict[str, Spec | SpecError] = {}
    renamed = []
    for stem, path in _first(_files()).items():
        spec = _load(path)
        if isinstance(spec, Spec) and spec.name != stem:
            renamed.append(spec)
        else:
            found[stem] = spec
    # As in find(): a file's own name comes before another's `name` key.
    for spec in renamed:
        found.setdefault(spec.name, spec)
    return dict(sorted(found.items()))


def _first(files: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the path that wins for each stem."""
    first: dict[str, str] = {}
    for stem, path in files:
        first.setdefault(stem, path)
    return first


def _load(path: str) -> Spec | SpecError:
    try:
        return load(path)
    except SpecError as error:
        return error


def _files() -> Iterator[tuple[str, str]]:
    """Yield (stem, path) of every spec file, the first directory's first."""
    for directory in search_path():
        yield from _in_directory(directory)


def _in_directory(directory: str) -> Iterator[tuple[str, str]]:
    try:
        names = sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    for name in names:
        stem, suffix = os.path.splitext(name)
        if suffix == SUFFIX and stem:
            yield stem, os.path.join(directory, name)


def load(path: str) -> Spec:
    """Read one spec file; SpecError tells file and line of what is wrong in it."""
    lines, distrust = _read(path)
    return _Reader(path, lines).spec(distrust)


def _read(path: str) -> tuple[list[str], str]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        with open(fd, encoding="utf-8") as file:
            # The open file is judged, not the path: nobody can swap it in between.
            distrust = wwnsource.distrust(path, os.fstat(fd))
            return file.read().splitlines(), distrust
    except OSError as error:
        raise SpecError(f"cannot be read: {os.strerror(error.errno or 0)}", file=path) from error
    except UnicodeDecodeError as error:
        raise SpecError("is not UTF-8 text", file=path) from error


class _Reader:
    """Turns the text of one file into a Spec."""

    def __init__(self, path: str, lines: list[str]) -> None:
        self.path = path
        self.lines = lines
        self.values = self._parse()

    def _parse(self) -> Mapping[str, Any]:
        # Here, not above: a program that names no fabric never needs ConfigObj.
        import configobj  # type: ignore[import-untyped]

        try:
            # No interpolation: a filter's '%' is the shell's.
            parsed = configobj.ConfigObj(self.lines, interpolation=False, raise_errors=True)
        except configobj.ConfigObjError as error:
            raise SpecError(error.msg, file=self.path, line=error.line_number) from error
        for key in parsed:
            if key not in _LISTS and key not in _STRINGS:
                known = ", ".join(sorted((*_LISTS, *_STRINGS)))
                raise self.error(key, f"unknown key {key!r}: the keys are {known}")
        return dict(parsed)

    def error(self, key: str, message: str) -> SpecError:
        starts = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[=\]]")
        line = next((n for n, text in enumerate(self.lines, 1) if starts.match(text)), None)
        return SpecError(message, file=self.path, line=line)

    def _list(self, key: str) -> tuple[str, ...]:
        value = self.values.get(key)
        if value is None:
            return _LISTS[key]
        items = [value] if isinstance(value, str) else value
        return tuple(item.strip() for item in items if item.strip())

    def _string(self, key: str) -> str:
        value = self.values.get(key, _STRINGS[key])
        if not isinstance(value, str):
            raise self.error(key, f"{key} takes one value: put what has a comma in quotes")
        return value.strip()

    def _name(self, key: str, value: str) -> str:
        if not _NAME.fullmatch(value):
            raise self.error(key, f"{key} {value!r} is not a plain name")
        return value

    def _among(self, key: str, known: frozenset[str]) -> tuple[str, ...]:
        values = tuple(_RENAMED.get(item, item) for item in self._list(key))
        for value in values:
            if value not in known:
                raise self.error(key, f"unknown {key} {value!r}: {', '.join(sorted(known))}")
        return values

    def spec(self, distrust: str) -> Spec:
        stem = os.path.splitext(os.path.basename(self.path))[0]
        name = self._name("name", self._string("name") or stem)
        modules = self._list("kernel_module") or (f"{name}_target_mod",)
        types = self._wwn_types()
        return Spec(
            name=name,
            path=self.path,
            features=frozenset(self._among("features", FEATURES)),
            wwn_types=types,
            kernel_modules=tuple(self._name("kernel_module", module) for module in modules),
            configfs_group=self._name("configfs_group", self._string("configfs_group") or name),
            wwn_spelling=self._spelling(types[0]),
            wwn_source=self._sources(),
            wwn_from_files=self._list("wwn_from_files"),
            wwn_from_files_filter=self._string("wwn_from_files_filter"),
            wwn_from_cmds=self._list("wwn_from_cmds"),
            wwn_from_cmds_filter=self._string("wwn_from_cmds_filter"),
            hint=self._string("hint"),
            distrust=distrust,
        )

    def _wwn_types(self) -> tuple[str, ...]:
        types = self._among("wwn_type", frozenset(_wwn.WWN_TYPES))
        if not types:
            raise self.error("wwn_type", "wwn_type names no type")
        return types

    def _spelling(self, wwn_type: str) -> str:
        spelling = self._string("wwn_spelling")
        if spelling not in _wwn.SPELLINGS:
            known = ", ".join(_wwn.SPELLINGS)
            raise self.error("wwn_spelling", f"unknown wwn_spelling {spelling!r}: {known}")
        if spelling != "plain" and wwn_type not in _wwn.HEX_DIGITS:
            known = ", ".join(_wwn.HEX_DIGITS)
            raise self.error("wwn_spelling", f"only names of type {known} are spelled {spelling}")
        return spelling

    def _sources(self) -> tuple[str, ...]:
        sources = self._list("wwn_source")
        for source in sources:
            wrong = wwnsource.fault(source)
            if wrong:
                raise self.error("wwn_source", wrong)
        return sources
