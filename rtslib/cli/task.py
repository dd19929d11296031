# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a command works with: its arguments, the tree, the saved file, the lock, the console."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, NoReturn

from rtslib import configfs, host, lock, paths
from rtslib.cli.explain import NoTargetError, UsageError
from rtslib.config import document, operations
from rtslib.config.part import Part
from rtslib.config.savefile import SaveFile, default_path
from rtslib.errors import (
    ConfigError,
    HostError,
    InvalidValueError,
    LockedError,
)

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from rtslib.cli.console import Console
    from rtslib.config.document import Document
    from rtslib.config.state import State
    from rtslib.configfs import ConfigFS

__all__ = ["Task"]


class Task:
    """One command line being carried out."""

    def __init__(self, args: Namespace, console: Console) -> None:
        self.args = args
        self.console = console
        self.fs = self._tree()

    def _tree(self) -> ConfigFS:
        if self.args.root:
            return configfs.HostConfigFS(os.path.abspath(self.args.root))
        try:
            return configfs.current()
        except InvalidValueError as error:
            raise UsageError(str(error)) from error

    # The tree.

    @property
    def has_target(self) -> bool:
        """Whether there is a tree."""
        try:
            return self.fs.kind("") is configfs.Kind.DIRECTORY
        except FileNotFoundError:
            return False

    def need_target(self) -> None:
        """Refuse to go on where there is no tree."""
        if not self.has_target:
            self._no_target()

    def running(self) -> State:
        """Return the running configuration, read under the lock."""
        self.need_target()
        with self.locked(shared=True):
            return operations.running(self.fs)

    def prepare(self) -> None:
        """Load and mount what is needed to have a tree."""
        if self.has_target:
            return
        try:
            host.prepare(self.fs)
        except HostError as error:
            self._no_target(error)
        self.need_target()

    def _no_target(self, cause: HostError | None = None) -> NoReturn:
        said = f": {cause}" if cause else ""
        raise NoTargetError(
            f"there is no target tree at {self.fs.root}{said}",
            hint="targetctl doctor tells what is missing"
            if host.is_host(self.fs)
            else "name another directory",
        ) from cause

    @contextmanager
    def locked(self, *, shared: bool = False) -> Iterator[None]:
        """Hold the advisory lock, waiting for it as long as was asked for."""
        if not host.is_host(self.fs):
            yield
            return
        with ExitStack() as held:
            try:
                held.enter_context(lock.hold(shared=shared, timeout=0))
            except LockedError as error:
                if not self.args.lock_timeout:
                    raise
                who = " and ".join(f"{command} (pid {pid})" for pid, command in error.holders)
                self.console.remark(f"waiting for {who or 'whoever changes the configuration'}")
                timeout = self.args.lock_timeout
                held.enter_context(lock.hold(shared=shared, timeout=timeout))
            yield

    # Files.

    @cached_property
    def path(self) -> str:
        """The file that is meant: the one given, else that of the saved configuration."""
        named: str | None = self.args.file
        if named:
            return os.path.expanduser(named)
        path = default_path()
        if path in paths.SAVE_FILES:
            self._tell_of_places(path)
        return path

    def _tell_of_places(self, path: str) -> None:
        if path != paths.SAVE_FILE:
            self.console.remark(f"note: the saved configuration is {path}, as rtslib-fb left it")
        unused = paths.not_used()
        if unused:
            self.console.remark(f"note: {unused} is older than {path}, and is not used")

    @property
    def save_file(self) -> SaveFile:
        """The saved configuration; the input and the output cannot take its place."""
        if self.path == "-":
            raise UsageError("name a file: - will not do here")
        return SaveFile(self.path, keep=getattr(self.args, "keep", paths.KEEP))

    def document(self, path: str | None = None) -> Document:
        """Return what is in a file (``-``: the input), or in the generation that was asked for."""
        path = path or self.path
        generation = getattr(self.args, "generation", None)
        if path == "-":
            if generation:
                raise UsageError("the standard input has no generations")
            return document.parse(sys.stdin.buffer.read(), "standard input")
        file = SaveFile(os.path.expanduser(path))
        try:
            return file.load_generation(generation) if generation else file.load()
        except ConfigError:
            raise
        except ValueError as error:
            # The file of the secrets, or that it is not of the same save.
            raise ConfigError(f"{file.path}: its secrets: {error}", file=file.path) from error

    # What of it is meant.

    @property
    def part(self) -> Part:
        """The targets and storage objects that were named."""
        args = self.args
        part = Part(tuple(args.target or ()), tuple(args.storage_object or ()))
        backstores = getattr(args, "with_backstores", False)
        if backstores and not part.targets:
            raise UsageError("--with-backstores goes with --target")
        if part.targets and part.storage_objects:
            raise UsageError("name targets or storage objects, not both")
        return part._replace(with_backstores=backstores)

    @staticmethod
    def check_names(part: Part, *states: State) -> None:
        """Refuse names that mean nothing in any of the states: they are misspelled."""
        for name in (*part.targets, *part.storage_objects):
            one = Part((name,), ()) if name in part.targets else Part((), (name,))
            chosen = one.chooser(*states)
            if not any(chosen(record) for state in states for record in state):
                kind = "target" if name in part.targets else "storage object"
                raise InvalidValueError(
                    f"there is no {kind} {name}, neither saved nor running", value=name
                )
