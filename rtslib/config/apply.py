# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Running a plan: each step is done, needless, failed, or skipped because of one that failed.

A failure never stops what does not depend on it, unless that is asked for. A part that fails on
a vital step is taken back as far as this run has made it: nothing half-made is left exported.
"""

from __future__ import annotations

import enum
import os
import time
from typing import TYPE_CHECKING, Callable, NamedTuple, Optional

from rtslib import aptpl, backing, blockdev, door, host
from rtslib.config.capture import capture
from rtslib.config.form import canonical
from rtslib.config.plan import plan
from rtslib.errors import (
    AlreadyExistsError,
    BusyError,
    HostError,
    InvalidValueError,
    RTSLibError,
    RTSLibNotInCFSError,
)
from rtslib.fabric import FabricModule
from rtslib.recipe import RECIPES
from rtslib.storage import StorageObject
from rtslib.tcm import PSCSIStorageObject
from rtslib.values import TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.config.state import State
    from rtslib.config.steps import Plan, Step
    from rtslib.configfs import ConfigFS

__all__ = ["OnFailure", "Outcome", "Report", "Status", "apply", "roll_back"]

#: Why the rest of a part is skipped that has failed itself.
_OWN = "failed"

#: Seconds between two looks for a device that is waited for.
_LOOK = 0.2


class Status(enum.Enum):
    """What became of a step."""

    DONE = "done"
    NEEDLESS = "needless"
    ABSENT = "absent"
    PENDING = "pending"
    FAILED = "failed"
    SKIPPED = "skipped"


class OnFailure(enum.Enum):
    """What to do when a step fails."""

    GO_ON = "go on"
    STOP = "stop"
    ROLL_BACK = "roll back"


class Outcome(NamedTuple):
    """What became of a step, and why: ABSENT where this kernel has no such setting."""

    step: Step
    status: Status
    cause: str = ""
    error: Optional[RTSLibError] = None


class Report:
    """The outcomes of a run, in order."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        #: The report of the way back, where there was one.
        self.back: Report | None = None

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self.outcomes)

    def of(self, *statuses: Status) -> list[Outcome]:
        """Return the outcomes of these kinds."""
        return [outcome for outcome in self.outcomes if outcome.status in statuses]

    @property
    def failed(self) -> list[Outcome]:
        """What failed, dependants left out."""
        return self.of(Status.FAILED, Status.PENDING)

    @property
    def good(self) -> bool:
        """Whether nothing failed."""
        return not self.failed

    def missing(self) -> dict[str, str]:
        """Return the names of records that could not be set up, with the cause of each."""
        found: dict[str, str] = {}
        for outcome in self.of(Status.FAILED, Status.PENDING, Status.SKIPPED):
            lost = outcome.step.vital or outcome.status is Status.SKIPPED
            if lost and outcome.step.part.startswith("+") and outcome.cause != _OWN:
                found.setdefault(outcome.step.owner, outcome.cause)
        return found

    def errors(self) -> list[str]:
        """Return a sentence for each failure, and one for each part that was skipped for it."""
        told = self.of(Status.FAILED, Status.PENDING, Status.SKIPPED)
        # What a part of its own failure makes it skip goes without saying.
        lines = (f"{it.step.owner}: {it.cause}" for it in told if it.cause != _OWN)
        return list(dict.fromkeys(lines))

    def counts(self) -> dict[str, int]:
        """Return how many steps ended in which way."""
        return {status.value: len(self.of(status)) for status in Status}


def apply(
    fs: ConfigFS,
    steps: Plan,
    *,
    on_failure: OnFailure = OnFailure.GO_ON,
    before: State | None = None,
    wait: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Run a plan and report on each step.

    ROLL_BACK needs `before`, the state to go back to. A device that is not there is waited for,
    `wait` seconds for all together. `progress` is told the number of steps done and their sum.
    """
    if on_failure is OnFailure.ROLL_BACK and before is None:
        raise InvalidValueError("to roll back, the state before must be given")
    run = _Run(fs, steps, time.monotonic() + wait)
    for number, step in enumerate(steps):
        run.do(step)
        if progress is not None:
            progress(number + 1, len(steps))
        if run.failed and on_failure is not OnFailure.GO_ON:
            break
    report = run.report
    if report.failed and on_failure is OnFailure.ROLL_BACK and before is not None:
        report.back = roll_back(fs, before)
    return report


def roll_back(fs: ConfigFS, before: State) -> Report:
    """Make the running configuration what it was before."""
    return apply(fs, plan(capture(fs), before, fs.root, exact=True))


class _Run:
    """One plan being run."""

    def __init__(self, fs: ConfigFS, steps: Plan, deadline: float) -> None:
        self.fs = fs
        self.needs = steps.needs
        self.deadline = deadline
        self.report = Report()
        self.failed = False
        #: Parts that failed or had to be skipped, and why.
        self.blocked: dict[str, str] = {}
        self._made: dict[str, list[tuple[str, Callable[[], None]]]] = {}

    def do(self, step: Step) -> None:
        """Run one step, unless something that it needs has failed."""
        cause = self._blocked_by(step.part)
        if cause is not None:
            self._end(step, Status.SKIPPED, cause)
            return
        try:
            status = self._call(step)
        except RTSLibError as error:
            self._failed(step, error)
        else:
            self._end(step, status)

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

    def _end(
        self, step: Step, status: Status, cause: str = "", error: RTSLibError | None = None
    ) -> None:
        self.report.outcomes.append(Outcome(step, status, cause, error))

    def _failed(self, step: Step, error: RTSLibError) -> None:
        self.failed = True
        pending = step.verb == "check" and isinstance(error, HostError)
        if step.vital or step.part.startswith("-"):
            self.blocked[step.part] = _OWN
            self._take_back(step.part, error)
        self._end(step, Status.PENDING if pending else Status.FAILED, str(error), error)

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

    def _call(self, step: Step) -> Status:
        return getattr(self, f"_{step.verb}")(step)  # type: ignore[no-any-return]

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
            if not self._is_hba(step.path):
                raise
            # Somebody has put another object into it meanwhile.
            return Status.NEEDLESS
        return Status.DONE

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
        node = StorageObject.handle(self.fs, step.path)
        return Status.DONE if aptpl.restore(node, step.text) else Status.NEEDLESS


def _node_of(path: str) -> str:
    """Return the directory that a setting's group stands in."""
    above = path.rpartition("/")[0]
    return above.rpartition("/")[0] if above.endswith(_GROUPS) else above


_GROUPS = ("/attrib", "/param", "/wwn", "/auth", "/discovery_auth")
