# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The saved configuration: its file, the generations of it, and the file of its secrets.

Knows files and what lies where; what is in them are bytes. Takes no lock: who saves what was read
from the running configuration holds rtslib.lock around both. Without it no file is ever torn or
missing either, but the last one wins.

A generation is a version of the file that a save replaced, be it another program's or a person's::

    saveconfig.json                                         the file, or a link to it
    saveconfig.json.secrets-<32 hex digits>                 its secrets, if they are kept apart
    backup/saveconfig.json.000012.20261121T050446.123456Z.gz   generation 12, and when it was saved
    backup/saveconfig-20261121-06:04:46-json.gz             a backup of targetcli's: only read
"""

from __future__ import annotations

import errno
import gzip
import os
import re
import stat
import time
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple, Optional

from rtslib.config import files
from rtslib.errors import HostError, InvalidValueError, MissingFileError
from rtslib.paths import KEEP

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Generation", "Store"]

#: A file of secrets that nothing refers to may be of a save that goes on: it is left this long.
GRACE_SECONDS = 3600.0

#: The last second that a name of 8 digits can tell.
_END = 253402300799


class Generation(NamedTuple):
    """A version of the file that was replaced; `number` is None where another program kept it."""

    name: str
    number: Optional[int]
    time: float
    size: int
    path: str


class Store:
    """The file at `path`, of which `keep` generations are kept in `backup_dir`.

    With 0 none is made, and none is removed. The backup directory is by default the one named
    backup beside the real file. Files are 0600 always: whoever else is to read the configuration
    is given a redacted copy.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        keep: int = KEEP,
        backup_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        # Not normalised: with links in it, a/.. is not nothing.
        self.path = os.path.join(os.getcwd(), path)
        self.keep = keep
        self._backup_dir = None if backup_dir is None else os.path.join(os.getcwd(), backup_dir)

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    @property
    def backup_dir(self) -> str:
        """The directory of the generations."""
        return self._backups(os.path.realpath(self.path))

    def _backups(self, real: str) -> str:
        return self._backup_dir or os.path.join(os.path.dirname(real), "backup")

    def read(self) -> bytes:
        """Return what is in the file; MissingFileError where there is none."""
        with _explained("read", self.path):
            return files.read(files.resolve(self.path))

    def save(self, data: bytes) -> bool:
        """Make `data` the content of the file; False where it is already.

        Then only its mode is made 0600 if it was wider. On an error the old file stays; what was
        in it is a generation before it is replaced.
        """
        with _explained("save", self.path):
            real = files.resolve(self.path)
            old = _read_if_there(real)
            if old == data:
                files.tighten(real)
                return False
            directory, name = os.path.split(real)
            files.make_directory(directory)
            files.remove_leftovers(directory, name)
        if old and self.keep > 0:
            with _explained("keep a generation in", self._backups(real)):
                self._keep(real, old)
        with _explained("save", self.path):
            files.replace(real, data)
        # It is saved: what cannot be removed now is tried again by the next save.
        with suppress(OSError):
            self._prune(real)
            self._remove_old_secrets(real, data)
        return True

    def generations(self) -> list[Generation]:
        """Return what is kept, other programs' backups too, newest first."""
        with _explained("list the generations of", self.path):
            kept = self._kept(os.path.realpath(self.path))
            return sorted(kept, key=lambda it: (it.time, it.number or 0), reverse=True)

    def generation(self, which: int | str) -> bytes:
        """Return what is in a generation, by its number or its name."""
        wanted = str(which)
        for kept in self.generations():
            if wanted == kept.name or (kept.number is not None and wanted == str(kept.number)):
                with _explained("read", kept.path):
                    return _content(kept.path)
        raise MissingFileError(
            f"there is no generation {which} of {self.path} in {self.backup_dir}",
            operation="read",
            path=self.backup_dir,
            errno=errno.ENOENT,
        )

    def save_secrets(self, data: bytes) -> str:
        """Put secrets into a file of their own, and return its name for `secrets`.

        The data that are saved next must contain this name: they find their secrets by it, and
        a file of secrets that neither they nor any generation name is removed. Equal secrets keep
        their name.
        """
        with _explained("save the secrets of", self.path):
            real = files.resolve(self.path)
            files.make_directory(os.path.dirname(real))
            for name, path in _files_of_secrets(real):
                if files.read(path) == data:
                    # As if written now: nobody takes it for an old one.
                    os.utime(path)
                    files.tighten(path)
                    return name
            name = os.urandom(16).hex()
            files.replace(_file_of_secrets(real, name), data)
            return name

    def has_secrets(self) -> bool:
        """Tell whether there are files of secrets beside the file."""
        with _explained("look for the secrets of", self.path):
            return bool(_files_of_secrets(files.resolve(self.path)))

    def secrets(self, name: str) -> bytes:
        """Return the secrets that were given this name."""
        if not re.fullmatch(_SECRETS_NAME, name):
            raise InvalidValueError(f"{name!r} names no secrets: {self.path} was changed")
        with _explained("read the secrets of", self.path):
            return files.read(_file_of_secrets(files.resolve(self.path), name))

    def _kept(self, real: str) -> Iterator[Generation]:
        base = os.path.basename(real)
        ours = re.compile(
            rf"{re.escape(base)}\.(\d{{6,}})\.\d{{8}}T\d{{6}}\.\d{{6}}Z\.gz", re.ASCII
        )
        stem = re.escape(base.removesuffix(".json"))
        theirs = re.compile(rf"{stem}-\d{{8}}-\d\d:\d\d:\d\d(-json(\.gz)?|\.json)", re.ASCII)
        with suppress(FileNotFoundError), os.scandir(self._backups(real)) as entries:
            for entry in entries:
                found = ours.fullmatch(entry.name)
                if not found and not theirs.fullmatch(entry.name):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                number = int(found[1]) if found else None
                if stat.S_ISREG(status.st_mode):
                    yield Generation(
                        entry.name, number, status.st_mtime, status.st_size, entry.path
                    )

    def _ours(self, real: str) -> list[Generation]:
        """Return the generations of our making, newest first, whatever the clock said."""
        ours = [kept for kept in self._kept(real) if kept.number is not None]
        return sorted(ours, key=lambda it: it.number or 0, reverse=True)

    def _keep(self, real: str, old: bytes) -> None:
        """Keep a generation, unless it is the newest one already."""
        newest = self._ours(real)[:1]
        for kept in newest:
            with suppress(OSError):
                if _content(kept.path) == old:
                    return
        directory, base = self._backups(real), os.path.basename(real)
        files.make_directory(directory)
        files.remove_leftovers(directory, base)
        saved_ns = os.stat(real).st_mtime_ns
        seconds, rest = divmod(saved_ns, 10**9)
        when = time.strftime("%Y%m%dT%H%M%S", time.gmtime(min(max(seconds, 0), _END)))
        number = 1 + max((kept.number or 0 for kept in newest), default=0)
        name = f"{base}.{number:06d}.{when}.{rest // 1000:06d}Z.gz"
        path = os.path.join(directory, name)
        files.replace(path, gzip.compress(old, compresslevel=_LEVEL, mtime=0), modified_ns=saved_ns)

    def _prune(self, real: str) -> None:
        if self.keep > 0:
            for kept in self._ours(real)[self.keep :]:
                os.unlink(kept.path)

    def _remove_old_secrets(self, real: str, data: bytes) -> None:
        unnamed = [it for it in _files_of_secrets(real) if it[0].encode() not in data]
        if not unnamed:
            return
        kept = [_content(it.path) for it in self._kept(real)]
        for name, path in unnamed:
            if os.stat(path).st_mtime < time.time() - GRACE_SECONDS and not any(
                name.encode() in text for text in kept
            ):
                os.unlink(path)


#: Of gzip: text that repeats itself all the time hardly gets smaller for more.
_LEVEL = 3
_SECRETS_NAME = "[0-9a-f]{32}"


def _file_of_secrets(real: str, name: str) -> str:
    return f"{real}.secrets-{name}"


def _files_of_secrets(real: str) -> list[tuple[str, str]]:
    """Return the name and the path of each file of secrets beside the real file."""
    directory, base = os.path.split(real)
    pattern = re.compile(rf"{re.escape(base)}\.secrets-({_SECRETS_NAME})")
    found = (pattern.fullmatch(entry) for entry in os.listdir(directory))
    return [(it[1], os.path.join(directory, it[0])) for it in found if it]


def _read_if_there(real: str) -> bytes | None:
    try:
        return files.read(real)
    except FileNotFoundError:
        return None


def _content(path: str) -> bytes:
    """Return what is in a generation."""
    data = files.read(path)
    if not path.endswith(".gz"):
        return data
    try:
        return gzip.decompress(data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise OSError(errno.EIO, "The compressed file is damaged") from error


_HINTS = {
    errno.EBUSY: "if the file itself is mounted here, mount its directory instead",
    errno.EISDIR: "name a file in that directory",
}


@contextmanager
def _explained(operation: str, path: str) -> Iterator[None]:
    """Raise what the system refuses as this library's error."""
    try:
        yield
    except OSError as error:
        kind = MissingFileError if error.errno == errno.ENOENT else HostError
        raise kind(
            f"cannot {operation} {path}: {error.strerror}",
            operation=operation,
            path=path,
            errno=error.errno,
            hint=_HINTS.get(error.errno or 0),
        ) from error
