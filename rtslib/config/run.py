# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What each step of a plan does to the kernel, or to this machine, and what if it cannot."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

from rtslib import aptpl, backing, blockdev, door, host
from rtslib.config.form import canonical, codec_of
from rtslib.config.fresh import Fresh
from rtslib.config.merge import DEFAULT_GROUPS
from rtslib.config.outcome import OWN, Outcome, Status, ended
from rtslib.config.plan_parts import changed_by
from rtslib.config.steps import Step
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
    from collections.abc import Iterable

    from rtslib.config.bundle import Bundle, Making, Removing, Settling
    from rtslib.config.steps import Entry
    from rtslib.configfs import ConfigFS
    from rtslib.values import Codec

__all__ = ["Run"]

#: Seconds between two looks for a device that is waited for.
_LOOK = 0.2


class Run:
    """One plan being run, by several threads if need be.

    Of what they share each changes only what belongs to the parts that it does.
    """

    def __init__(
        self, fs: ConfigFS, needs: Callable[[str], tuple[str, ...]], deadline: float
    ) -> None:
        self.fs = fs
        self.needs = needs
        self.deadline = deadline
        #: Whether any step has failed so far.
        self.failed = False
        #: Parts that failed or had to be skipped, and why.
        self.blocked: dict[str, str] = {}
        #: By part: what was made of it, and how to remove what stands there.
        self._made: dict[str, list[tuple[str, Callable[[str], None]]]] = {}
        self._fresh = Fresh()
        self._kept: frozenset[str] | None = None

    def all(self, entries: Iterable[Entry]) -> list[Outcome]:
        """Do these in order, and return what became of each."""
        outcomes: list[Outcome] = []
        for entry in entries:
            cause = self._blocked_by(entry.part) if self.blocked else None
            if cause is not None:
                outcomes.append(Outcome(entry, Status.SKIPPED, cause))
            elif isinstance(entry, Step):
                outcomes.append(self._do(entry, getattr(self, f"_{entry.verb}")))
            else:
                outcomes += getattr(self, f"_{entry.verb}")(entry)
        return outcomes

    def _do(self, step: Step, how: Callable[[Step], Status]) -> Outcome:
        """Run one step."""
        try:
            return ended(step, how(step))
        except RTSLibError as error:
            return self._failed(step, error)

    def _make(self, entry: Making) -> list[Outcome]:
        """Make a node and link it."""
        done = 0
        try:
            self._make_directory(entry.path, entry.part)
            done = 1
            self._make_link(entry.link, entry.end, entry.part)
        except RTSLibError as error:
            return self._apart(entry, [Status.DONE] * done, error)
        return [ended(entry, Status.DONE)]

    def _remove(self, entry: Removing) -> list[Outcome]:
        """Remove a node with its link."""
        done = []
        try:
            if entry.link is not None:
                done.append(self._remove_link(entry.link))
            done.append(self._remove_directory(entry.path))
        except RTSLibError as error:
            return self._apart(entry, done, error)
        if Status.NEEDLESS in done:
            return self._apart(entry, done)
        return [ended(entry, Status.DONE)]

    def _apart(
        self, entry: Bundle, done: list[Status], error: RTSLibError | None = None
    ) -> list[Outcome]:
        """Return what became of each step of an entry: so many have ended, the next has failed."""
        steps = entry.steps()
        outcomes = [Outcome(step, status) for step, status in zip(steps, done)]
        if error is not None:
            outcomes.append(self._failed(steps[len(done)], error))
            outcomes += self.all(steps[len(outcomes) :])
        return outcomes

    def _settle(self, entry: Settling) -> list[Outcome]:
        """Write what the kernel has made otherwise than it is wanted.

        What is known of new nodes of its kind is not read again, unless it changes with a setting
        that was written. What nothing had to be done for is one outcome.
        """
        texts, known = entry.record.files, self._fresh.of(entry.record, entry.path)
        if known and not [file for file in entry.order if known.get(file) != texts[file]]:
            return [ended(entry, Status.NEEDLESS)]
        changed: set[str] = set()
        needless: list[str] = []
        outcomes: list[Outcome] = []
        for file in entry.order:
            learnt = known if file not in changed else None
            if not learnt or learnt.get(file) != texts[file]:
                outcome = self._settle_one(entry, file)
                if outcome is not None:
                    outcomes.append(outcome)
                    changed.update(changed_by(file))
                    continue
                if learnt is not None:
                    learnt[file] = texts[file]
            needless.append(file)
        if needless:
            whole = len(needless) == entry.size
            outcomes.append(Outcome(entry if whole else entry.only(needless), Status.NEEDLESS))
        return outcomes

    def _settle_one(self, entry: Settling, file: str) -> Outcome | None:
        """Write one setting unless it is so already: None then, and no step is made for it."""
        record = entry.record
        try:
            if self._reads(f"{entry.path}/{file}", record.files[file], codec_of(record.cls, file)):
                return None
        except RTSLibError as error:
            return self._do(entry.step(file), partial(self._not_written, error=error))
        return self._do(entry.step(file), self._store)

    def _blocked_by(self, part: str) -> str | None:
        if part in self.blocked:
            return self.blocked[part]
        for need in self.needs(part) if self.blocked else ():
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
                undo(what)
            except OSError:
                # What is no path of the tree is a path of this machine.
                residue.append(what if what.startswith("/") else f"{self.fs.root}/{what}")
        error.residue = (*error.residue, *residue)

    def _mkdir(self, step: Step) -> Status:
        path = step.path
        if "/" not in path:
            made = door.Construction(self.fs)
            FabricModule.handle(self.fs, path).prepare(made)
            return Status.DONE
        try:
            self._make_directory(path, step.part)
        except AlreadyExistsError:
            # An HBA holds as many objects as one likes.
            if not self._is_hba(path):
                raise
            return Status.NEEDLESS
        return Status.DONE

    @staticmethod
    def _is_hba(path: str) -> bool:
        return path.startswith("core/") and path.count("/") == 1

    def _make_directory(self, path: str, part: str) -> None:
        try:
            door.mkdir(self.fs, path)
        except RTSLibNotInCFSError:
            if not (self._is_hba(path) and host.is_host(self.fs)):
                raise
            host.prepare(self.fs)
            door.mkdir(self.fs, path)
        self._made.setdefault(part, []).append((path, self.fs.rmdir))
        self._fresh.made(path)

    def _rmdir(self, step: Step) -> Status:
        return self._remove_directory(step.path)

    def _remove_directory(self, path: str) -> Status:
        try:
            door.rmdir(self.fs, path)
        except RTSLibNotInCFSError:
            return Status.NEEDLESS
        except BusyError:
            if self._is_hba(path):
                # Somebody has put another object into it meanwhile.
                return Status.NEEDLESS
            if not self._emptied(path):
                raise
            door.rmdir(self.fs, path)
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
        return self._remove_link(step.path)

    def _remove_link(self, path: str) -> Status:
        try:
            door.unlink(self.fs, path)
        except RTSLibNotInCFSError:
            return Status.NEEDLESS
        return Status.DONE

    def _link(self, step: Step) -> Status:
        self._make_link(step.path, step.text, step.part)
        return Status.DONE

    def _make_link(self, path: str, end: str, part: str) -> None:
        door.symlink(self.fs, end, path)
        self._made.setdefault(part, []).append((path, self.fs.unlink))

    def _write(self, step: Step) -> Status:
        try:
            if step.maybe and self._reads(step.path, step.text, step.codec or TEXT):
                return Status.NEEDLESS
        except RTSLibError as error:
            return self._not_written(step, error)
        return self._store(step)

    def _reads(self, path: str, text: str, codec: Codec[Any]) -> bool:
        """Tell whether a file reads already as it is to be written."""
        now = door.read(self.fs, path)
        return now.removesuffix("\n") == text or canonical(codec, now) == text

    def _store(self, step: Step) -> Status:
        try:
            door.write(self.fs, step.path, step.text, secret=step.secret)
        except RTSLibNotInCFSError as error:
            return self._not_written(step, error)
        self._fresh.written(step.path)
        return Status.DONE

    def _not_written(self, step: Step, error: RTSLibError) -> Status:
        """Tell what it means that a file could not be read or written: it may not be there."""
        # Settings come and go with kernels; the node itself would be missed elsewhere.
        absent = isinstance(error, RTSLibNotInCFSError) and not step.vital
        if absent and door.is_directory(self.fs, _node_of(step.path)):
            return Status.ABSENT
        raise error

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
        if made.undoing:
            self._made.setdefault(step.part, []).append((step.path, os.unlink))
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
