# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What the classic calls for saving and restoring do: ``rtslib.saved`` leads here.

Classic arguments in, classic results out; the work is done by ``operations``.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Callable

from rtslib.config import operations
from rtslib.config.apply import OnFailure, Report, apply
from rtslib.config.capture import capture, capture_node
from rtslib.config.document import Document
from rtslib.config.dump import dump as dump_state
from rtslib.config.dump import dump_record
from rtslib.config.fields import check
from rtslib.config.operations import guard
from rtslib.config.part import WHOLE, Part
from rtslib.config.plan import plan
from rtslib.config.savefile import SaveFile, default_path
from rtslib.config.schema import TABLES
from rtslib.config.want import wanted_below
from rtslib.errors import RTSLibNotInCFSError
from rtslib.fabric import spec_of_group

if TYPE_CHECKING:
    from rtslib.configfs import ConfigFS
    from rtslib.node import Node

__all__ = ["clear", "dump", "restore", "restore_file", "save", "setup"]

Data = dict[str, Any]


def _file(given: str | os.PathLike[str] | None) -> SaveFile:
    """Return the file of the saved configuration: the one given, else the usual one."""
    return SaveFile(os.fspath(given) if given else default_path())


def _part(target: str | None, storage_object: str | None) -> Part:
    return Part(
        targets=(target,) if target else (),
        storage_objects=(storage_object,) if storage_object else (),
    )


def dump(node: Node) -> Data:
    """Return what the saved configuration has of a node; RTSLibNotInCFSError if it is not there."""
    if not node.below(""):
        return dump_state(capture(node.fs))
    state = capture_node(node)
    for record in state:
        return dump_record(state, record)
    raise RTSLibNotInCFSError(f"{node.path} is not a directory", path=node.path)


def save(
    fs: ConfigFS,
    save_file: str | os.PathLike[str] | None = None,
    so_path: str | None = None,
) -> None:
    """Save the running configuration, or what of it belongs to one storage object."""
    part = Part.around(so_path) if so_path else WHOLE
    operations.save(fs, _file(save_file), part=part)


def restore_file(
    fs: ConfigFS, restore_file: str | os.PathLike[str] | None, **options: Any
) -> list[str]:
    """Restore from a file; it is read and checked before anything is touched."""
    file = _file(restore_file)
    # Under the lock: what another process is just saving must not be undone.
    with guard(fs):
        return restore(fs, file.load(), save_file=file, **options)


def restore(
    fs: ConfigFS,
    config: Data | Document,
    *,
    target: str | None = None,
    storage_object: str | None = None,
    clear_existing: bool = False,
    abort_on_error: bool = False,
    save_file: SaveFile | None = None,
) -> list[str]:
    """Make the running configuration what `config` says, whole or one part; return what failed."""
    result = operations.restore(
        fs,
        config if isinstance(config, Document) else Document(config),
        part=_part(target, storage_object),
        exact=clear_existing,
        may_exist=clear_existing,
        on_failure=OnFailure.STOP if abort_on_error else OnFailure.GO_ON,
        save_file=save_file,
    )
    if abort_on_error:
        _raise_first(result.report)
    return result.report.errors()


def clear(fs: ConfigFS, target: str | None = None, storage_object: str | None = None) -> None:
    """Remove all, or one target, or one storage object with its LUNs."""
    _raise_first(operations.clear(fs, part=_part(target, storage_object)).report)


def setup(cls: type[Node], parent: Node, entry: Data, err_func: Callable[[str], object]) -> None:
    """Make or set one node as an entry says; tell `err_func` of all that could not be done."""
    base = next(it for it in cls.__mro__ if it in TABLES)
    found = check(Document(entry), TABLES[base])
    for problem in found.problems:
        err_func(str(problem))
    if found.problems:
        return
    group = parent.below("").split("/")[0]
    spec = None if group == "core" else spec_of_group(group)
    fs = parent.fs
    with guard(fs):
        have = capture(fs)
        above = next((it.name for it in have if it.path == parent.below("")), "")
        want = wanted_below(base, above, found.data, spec)
        report = apply(fs, plan(have, want, fs.root, exact=False))
    for line in report.errors():
        err_func(line)


def _raise_first(report: Report) -> None:
    errors = [outcome.error for outcome in report.failed if outcome.error is not None]
    if errors:
        raise errors[0]
