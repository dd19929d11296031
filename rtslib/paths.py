# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Where the files of this library are, and who may say otherwise.

An argument counts first, then the environment, then the file of settings, then what is usual.
Nothing is read before somebody asks. Which target tree is meant is not among the settings: that
is a program's affair (RTSLIB_CONFIGFS), never a whole machine's.

Imports nothing of the package above the standard library until it must: systemd's generator loads
this file alone, at boot.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtslib.errors import ConfigError

__all__ = [
    "KEEP",
    "LOCK_FILE",
    "SAVE_FILE",
    "SAVE_FILES",
    "SETTINGS_FILE",
    "SPECS",
    "lock_file",
    "not_used",
    "save_file",
    "specs",
]

#: Settings, each ``key = value``: save_file, lock_file, specs. It need not be there.
SETTINGS_FILE = "/etc/rtslib/rtslib.conf"
#: The saved configuration; then where Debian's rtslib-fb and targetcli-fb keep it.
SAVE_FILES = ("/etc/target/saveconfig.json", "/etc/rtslib-fb-target/saveconfig.json")
SAVE_FILE = SAVE_FILES[0]
#: How many older versions of it are kept.
KEEP = 10
#: Not below /run/lock, where on some systems anybody may put a file before us.
LOCK_FILE = "/run/rtslib.lock"
#: Where an administrator's and a vendor's specs are; those of the package come last.
SPECS = ("/etc/rtslib/specs", "/var/target/fabric")

_KEYS = ("save_file", "lock_file", "specs")


def save_file() -> str:
    """Return the path of the saved configuration.

    RTSLIB_SAVE_FILE, else the setting save_file, else the usual place. Where there are files in
    both usual places, it is the one that was saved last: what another program has just saved must
    not be undone by the next boot.
    """
    return _named("RTSLIB_SAVE_FILE", "save_file") or _usual()[0]


def not_used() -> str | None:
    """Return the saved configuration in a usual place that is passed over for a newer one."""
    if _named("RTSLIB_SAVE_FILE", "save_file"):
        return None
    return next(iter(_usual()[1:]), None)


def lock_file() -> str:
    """Return the path of the lock: RTSLIB_LOCK, else the setting lock_file, else the usual one."""
    return _named("RTSLIB_LOCK", "lock_file") or LOCK_FILE


def specs() -> tuple[str, ...]:
    """Return the directories of specs: of RTSLIB_SPECS, of the setting specs, the usual ones."""
    named = os.environ.get("RTSLIB_SPECS", "").split(":")
    return (*filter(None, named), *_settings().get("specs", ()), *SPECS)


def _named(variable: str, key: str) -> str | None:
    value = os.environ.get(variable)
    return value or next(iter(_settings().get(key, ())), None)


def _usual() -> list[str]:
    """Return the saved files that are there, newest first; the place for one where none is."""
    found: dict[tuple[int, int], tuple[int, str]] = {}
    for path in SAVE_FILES:
        try:
            status = os.stat(path)
        except OSError:
            continue
        # A link from one to the other is one file.
        found.setdefault((status.st_dev, status.st_ino), (status.st_mtime_ns, path))
    newest = sorted(found.values(), key=lambda it: -it[0])
    return [path for _, path in newest] or [SAVE_FILE]


def _settings() -> Mapping[str, tuple[str, ...]]:
    path = os.environ.get("RTSLIB_CONF") or SETTINGS_FILE
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from error
    return _read(path, status.st_ino, status.st_mtime_ns)


@lru_cache(maxsize=4)
def _read(path: str, _number: int, _changed: int) -> Mapping[str, tuple[str, ...]]:
    """Return what the file of settings says; read again when it has changed."""
    # Here, not above: most machines have no such file.
    import configobj  # type: ignore[import-untyped]

    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
        parsed = configobj.ConfigObj(lines, interpolation=False, raise_errors=True)
    except configobj.ConfigObjError as error:
        raise _wrong(path, f"line {error.line_number}: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise _wrong(path, "is not UTF-8 text") from error
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from error
    found = {}
    for key, value in parsed.items():
        paths = tuple(value) if isinstance(value, list) else (value,)
        wrong = _fault(key, paths)
        if wrong:
            raise _wrong(path, wrong)
        found[key] = paths
    return found


def _fault(key: str, paths: tuple[object, ...]) -> Optional[str]:
    if key not in _KEYS:
        return f"{key} is no setting: there are {', '.join(_KEYS)}"
    if key != "specs" and len(paths) != 1:
        return f"{key} takes one path: put one that has a comma in quotes"
    bad = next((it for it in paths if not isinstance(it, str) or not os.path.isabs(it)), None)
    return None if bad is None else f"{key}: {bad!r} is not an absolute path"


def _wrong(path: str, what: str) -> ConfigError:
    from rtslib.errors import ConfigError

    return ConfigError(f"{path}: {what}", file=path)
