# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The classic names of saving and restoring: ``dump``, ``setup``, ``save_to_file`` and the like.

What they do is done by ``config``, which is built over the model: this is the one module of the
model that leads there, when it is called and not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from rtslib.configfs import ConfigFS
    from rtslib.node import Node

__all__ = ["Errors", "clear", "dump", "restore", "restore_file", "save", "setup"]

#: What ``setup`` is given to tell of what could not be set up.
Errors = Callable[[str], object]


def _classic() -> Any:
    # Upwards, and only when called: json and the tables of the format cost time to import.
    from rtslib.config import classic

    return classic


def dump(node: Node) -> dict[str, Any]:
    """Return what the saved configuration has of a node and of what is below it."""
    found: dict[str, Any] = _classic().dump(node)
    return found


def setup(cls: type[Node], parent: Node, entry: dict[str, Any], err_func: Errors) -> None:
    """Make or set a node as an entry of the saved configuration says."""
    _classic().setup(cls, parent, entry, err_func)


def save(fs: ConfigFS, save_file: str | None = None, so_path: str | None = None) -> None:
    """Save the running configuration, or what belongs to one storage object."""
    _classic().save(fs, save_file, so_path)


def restore(fs: ConfigFS, config: dict[str, Any], **options: Any) -> list[str]:
    """Make the running configuration what `config` says; return what failed."""
    failed: list[str] = _classic().restore(fs, config, **options)
    return failed


def restore_file(fs: ConfigFS, restore_file: str | None, **options: Any) -> list[str]:
    """Make the running configuration what a file says; return what failed."""
    failed: list[str] = _classic().restore_file(fs, restore_file, **options)
    return failed


def clear(fs: ConfigFS, target: str | None, storage_object: str | None) -> None:
    """Remove all, one target or one storage object."""
    _classic().clear(fs, target, storage_object)
