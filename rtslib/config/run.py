# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What each step of a plan does to the kernel, or to this machine, and what if it cannot."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Callable

from rtslib import aptpl, backing, blockdev, door, host
from rtslib.config.form import canonical
from rtslib.config.fresh import Fresh
from rtslib.config.merge import DEFAULT_GROUPS
from rtslib.config.outcome import OWN, Outcome, Status
from rtslib.config.plan_parts import changed_by
from rtslib.config.steps import Settling
from rtslib.errors import (
    AlreadyExistsError,
    BusyError,
    HostError,
    RTSLibError,
    RTSLibNotInCFSError,
)
from rtslib.fabric import FabricModule
from rtslib.recipe import RECIPES
from rtslib.storage import StorageObject
from rtslib.tcm import PSCSIStorageObject
from rtslib.values import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rtslib.config.steps import Entry, Step
    from rtslib.configfs import ConfigFS

__all__ = ["Run"]

#: Seconds between two looks for a device that is waited for.
_LOOK = 0.2


class Run:
    """One plan being run, by several threads if need be.

    Of what they share each changes only what belongs to the parts that it does.
    """

    def __init__(self, fs: ConfigFS, needs: Mapping[str, tuple[str, ...]], deadline: float) -> None:
        self.fs = fs
        self.needs = needs
        self.deadline = deadline
        #: Whether any step has failed so far.
        self.failed = False
        #: Parts that failed or had to be skipped, and why.
        self.blocked: dict[str, str] = {}
        self._made: dict[str, list[tuple[str, Callable[[], None]]]] = {}
        self._fresh = Fresh()
        self._kept: frozenset[str] | None = None

    def all(self, entries: Iterable[Entry]) -> list[Outcome]:
        """Do these in order, and return what became of each."""
        outcomes: list[Outcome] = []
        for entry in entries:
            cause = self._blocked_by(entry.part)
            if cause is not None:
                outcomes.append(Outcome(entry, Status.SKIPPED, cause))
            elif isinstance(entry, Settling):
                outcomes += self._settle(entry)
            else:
                outcomes.append(self._do(entry))
        return outcomes

    def _do(self, step: Step) -> Outcome:
        """Run one step."""
        try:
            status = getattr(self, f"_{step.verb}")(step)
        except RTSLibError as error:
            return self._failed(step, error)
        return Outcome(step, status)

    def _settle(self, entry: Settling) -> Iterator[Outcome]:
        """Write what the kernel has made otherwise than it is wanted.

        What is known of new nodes of its kind is not read again, unless it changes with a setting
        that was written. What nothing had to be done for is one outcome.
        """
        known = self._fresh.of(entry.record)
        changed: set[str] = set()
        needless = list(entry.order)
        for file in entry.order:
            text = entry.record.files[file]
            if known and file not in changed and known.get(file) == text:
                continue
            (outcome,) = self.all([entry.step(file)])
            if outcome.status is Status.NEEDLESS:
                if known is not None and file not in changed:
                    known[file] = text
                continue
            needless.remove(file)
            yield outcome
            changed.update(changed_by(file))
        if needless:
            whole = len(needless) == entry.size
            yield Outcome(entry if whole else entry.only(needless), Status.NEEDLESS)

    def _blocked_by(self, part: str) -> str | None:
        if part in self.blocked:
            return self.blocked[part]
        for need in self.needs.get(part, ()) if self.blocked else ():
            # What stands between may have no step of its own.
            cause = self._blocked_by(need)
            if cause is not None:
                verb = "failed" if need.startswith("+") else "could not be removed"
                if not cause.startswith("skipped"):
                    cause = f"skipped because {need[1:]} {verb}"
                self.blocked[part] = cause
                return cause
        return None

    def _failed(self, step: Step, error: RTSLibError) -> Outcome:
        self.failed = True
        pending = step.verb == "check" and isinstance(error, HostError)
        if step.vital or step.part.startswith("-"):
            self.blocked[step.part] = OWN
            self._take_back(step.part, error)
        return Outcome(step, Status.PENDING if pending else Status.FAILED, str(error), error)

    def _take_back(self, part: str, error: RTSLibError) -> None:
        """Remove what this run has made of a part, newest first."""
        residue = []
        for what, undo in reversed(self._made.pop(part, [])):
            try:
                undo()
            except OSError:
                residue.append(what)
        error.residue = (*error.residue, *residue)

    def _undo(self, step: Step, how: Callable[[], None]) -> None:
        what = step.path if step.path.startswith("/") else f"{self.fs.root}/{step.path}"
        self._made.setdefault(step.part, []).append((what, how))

    def _mkdir(self, step: Step) -> Status:
        path = step.path
        if "/" not in path:
            made = door.Construction(self.fs)
            FabricModule.handle(self.fs, path).prepare(made)
            return Status.DONE
        try:
            self._make_directory(path)
        except AlreadyExistsError:
            # An HBA holds as many objects as one likes.
            if not self._is_hba(path):
                raise
            return Status.NEEDLESS
        self._undo(step, lambda: self.fs.rmdir(path))
        return Status.DONE

    @staticmethod
    def _is_hba(path: str) -> bool:
        return path.startswith("core/") and path.count("/") == 1

    def _make_directory(self, path: str) -> None:
        try:
            door.mkdir(self.fs, path)
        except RTSLibNotInCFSError:
            if not (self._is_hba(path) and host.is_host(self.fs)):
                raise
            host.prepare(self.fs)
            door.mkdir(self.fs, path)

    def _rmdir(self, step: Step) -> Status:
        try:
            door.rmdir(self.fs, step.path)
        except RTSLibNotInCFSError:
            return Status.NEEDLESS
        except BusyError:
            if self._is_hba(step.path):
                # Somebody has put another object into it meanwhile.
                return Status.NEEDLESS
            if not self._emptied(step.path):
                raise
            door.rmdir(self.fs, step.path)
        return Status.DONE

    def _emptied(self, path: str) -> bool:
        """Remove the ALUA groups of a storage object, of which an outline does not tell."""
        if not StorageObject.fits(path):
            return False
        groups = StorageObject.handle(self.fs, path).alua_tpgs.surviving()
        mine = [group for group in groups if group.base not in DEFAULT_GROUPS]
        for group in mine:
            group.delete()
        return bool(mine)

    def _unlink(self, step: Step) -> Status:
        try:
            door.unlink(self.fs, step.path)
        except RTSLibNotInCFSError:
            return Status.NEEDLESS
        return Status.DONE

    def _link(self, step: Step) -> Status:
        door.symlink(self.fs, step.text, step.path)
        self._undo(step, lambda: self.fs.unlink(step.path))
        return Status.DONE

    def _write(self, step: Step) -> Status:
        try:
            if step.maybe and self._reads(step):
                return Status.NEEDLESS
            door.write(self.fs, step.path, step.text, secret=step.secret)
        except RTSLibNotInCFSError:
            # Settings come and go with kernels; the node itself would be missed elsewhere.
            if step.vital or not door.is_directory(self.fs, _node_of(step.path)):
                raise
            return Status.ABSENT
        return Status.DONE

    def _reads(self, step: Step) -> bool:
        """Tell whether a file reads already as it is to be written."""
        now = door.read(self.fs, step.path)
        return canonical(step.codec or TEXT, now) == step.text

    def _check(self, step: Step) -> Status:
        if step.path.startswith("/dev/") and not host.is_host(self.fs):
            # Which devices another tree has, only that tree knows.
            return Status.NEEDLESS
        while not os.path.exists(step.path):
            if time.monotonic() >= self.deadline:
                raise HostError(
                    f"{step.path} is not there",
                    operation="find",
                    path=step.path,
                    hint="is the device attached, or its filesystem mounted?",
                )
            time.sleep(_LOOK)
        return Status.DONE

    def _address(self, step: Step) -> Status:
        hctl = blockdev.convert_scsi_path_to_hctl(step.text)
        node = PSCSIStorageObject.handle(self.fs, step.path)
        node.configure(**RECIPES["pscsi"].settings({"hctl": hctl}))
        if not step.text.startswith("/"):
            # The kernel opens a disk by its path, whatever its address.
            node.udev_path = blockdev.convert_scsi_hctl_to_path(*hctl)
        return Status.DONE

    def _create(self, step: Step) -> Status:
        made = door.Construction(self.fs)
        with made:
            backing.size_to_export(made, step.path, int(step.text), create=True)
        # Nothing, where the file has appeared since it was planned: then it is not ours to remove.
        self._made.setdefault(step.part, []).extend(made.undoing)
        return Status.DONE

    def _grow(self, step: Step) -> Status:
        size = int(step.text)
        if blockdev.size_in_bytes(step.path) >= size:
            return Status.NEEDLESS
        backing.resize(step.path, size, shrink=False)
        return Status.DONE

    def _reservations(self, step: Step) -> Status:
        # One look at the directory for all objects: hardly any has reservations.
        if self._kept is None:
            self._kept = aptpl.kept(self.fs)
        if step.text not in self._kept:
            return Status.NEEDLESS
        node = StorageObject.handle(self.fs, step.path)
        return Status.DONE if aptpl.restore(node, step.text) else Status.NEEDLESS


def _node_of(path: str) -> str:
    """Return the directory that a setting's group stands in."""
    above = path.rpartition("/")[0]
    return above.rpartition("/")[0] if above.endswith(_GROUPS) else above


_GROUPS = ("/attrib", "/param", "/wwn", "/auth", "/discovery_auth")
