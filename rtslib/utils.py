# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The functions and errors that scripts import from ``rtslib.utils``: other modules' own.

What these do, their modules know; here are only their classic names, and a few helpers that
scripts use.
"""

from __future__ import annotations

import os
from contextlib import suppress as ignored
from typing import TYPE_CHECKING, Any, Callable, Protocol

from rtslib import configfs, door
from rtslib.blockdev import (
    convert_scsi_hctl_to_path,
    convert_scsi_path_to_hctl,
    get_block_size,
    get_block_type,
    get_blockdev_type,
    get_size_for_blk_dev,
    get_size_for_disk_name,
)
from rtslib.blockdev import device_in_use as is_dev_in_use
from rtslib.errors import (
    RTSLibALUANotSupportedError,
    RTSLibBrokenLink,
    RTSLibError,
    RTSLibNotInCFS,
    RTSLibNotInCFSError,
)
from rtslib.host import list_loaded_kernel_modules, modprobe, mount_configfs
from rtslib.wwn import colonize, generate_wwn, normalize_wwn

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping

    from rtslib.configfs import ConfigFS

__all__ = [
    "RTSLibALUANotSupportedError",
    "RTSLibBrokenLink",
    "RTSLibError",
    "RTSLibNotInCFS",
    "RTSLibNotInCFSError",
    "colonize",
    "convert_scsi_hctl_to_path",
    "convert_scsi_path_to_hctl",
    "dict_remove",
    "fread",
    "fwrite",
    "generate_wwn",
    "get_block_size",
    "get_block_type",
    "get_blockdev_type",
    "get_size_for_blk_dev",
    "get_size_for_disk_name",
    "ignored",
    "is_dev_in_use",
    "list_loaded_kernel_modules",
    "modprobe",
    "mount_configfs",
    "normalize_wwn",
    "set_attributes",
    "set_parameters",
]


class _HasSettings(Protocol):
    def set_attribute(self, attribute: object, value: object) -> None: ...
    def set_parameter(self, parameter: object, value: object) -> None: ...


def _in_tree(path: str) -> tuple[ConfigFS, str] | None:
    """Return the tree in force and the path in it; None for a file elsewhere."""
    fs = configfs.current()
    rel = os.path.relpath(path, fs.root)
    return None if rel.split("/")[0] == ".." else (fs, rel)


def fread(path: str | os.PathLike[str]) -> str:
    """Return the text of a file without the blanks around it.

    Of the target tree it is that of the tree in force, a fake one too; OSError as open's elsewhere.
    """
    path = os.fspath(path)
    inside = _in_tree(path)
    if inside:
        return door.read(*inside).strip()
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().strip()


def fwrite(path: str | os.PathLike[str], string: object) -> None:
    """Write text to a file, which is made if it does not exist; never one of the target tree."""
    path = os.fspath(path)
    inside = _in_tree(path)
    if inside:
        # Credentials of every kind stand in auth/ and discovery_auth/.
        door.write(*inside, str(string), secret="auth/" in inside[1])
        return
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(str(string))


def dict_remove(d: MutableMapping[Any, Any], items: Iterable[object]) -> None:
    """Remove keys from a dict, those of them that it has."""
    for item in items:
        d.pop(item, None)


def set_attributes(
    obj: _HasSettings, attr_dict: Mapping[str, object], err_func: Callable[[str], object]
) -> None:
    """Set attributes of a node; tell `err_func` of each that is refused, and go on."""
    _set_each(obj.set_attribute, attr_dict, err_func)


def set_parameters(
    obj: _HasSettings, param_dict: Mapping[str, object], err_func: Callable[[str], object]
) -> None:
    """Set parameters of a node; tell `err_func` of each that is refused, and go on."""
    _set_each(obj.set_parameter, param_dict, err_func)


def _set_each(
    setter: Callable[[object, object], None],
    values: Mapping[str, object],
    err_func: Callable[[str], object],
) -> None:
    for name, value in values.items():
        try:
            setter(name, value)
        except RTSLibError as error:
            err_func(str(error))
