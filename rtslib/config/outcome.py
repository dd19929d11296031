# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What became of the steps of a plan, and what that means for what was to be set up."""

from __future__ import annotations

import enum
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, cast

from rtslib.config.steps import Entry  # noqa: TC001 - a NamedTuple's fields are evaluated
from rtslib.errors import RTSLibError  # noqa: TC001 - see above

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["OWN", "Outcome", "Report", "Status", "ended"]

#: Why the rest of a part is skipped that has failed itself.
OWN = "failed"


class Status(enum.Enum):
    """What became of a step."""

    DONE = "done"
    NEEDLESS = "needless"
    ABSENT = "absent"
    PENDING = "pending"
    FAILED = "failed"
    SKIPPED = "skipped"


class Outcome(NamedTuple):
    """What became of a step, and why: ABSENT where this kernel has no such setting."""

    step: Entry
    status: Status
    cause: str = ""
    error: Optional[RTSLibError] = None


def ended(step: Entry, status: Status) -> Outcome:
    """Return the outcome of what did not fail: of thousands, without a NamedTuple's function."""
    return _outcome((step, status, "", None))


_outcome = cast("Callable[[tuple[Any, ...]], Outcome]", partial(tuple.__new__, Outcome))


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
            if lost and outcome.step.part.startswith("+") and outcome.cause != OWN:
                found.setdefault(outcome.step.owner, outcome.cause)
        return found

    def errors(self) -> list[str]:
        """Return a sentence for each failure, and one for each part that was skipped for it."""
        told = self.of(Status.FAILED, Status.PENDING, Status.SKIPPED)
        # What a part of its own failure makes it skip goes without saying.
        lines = (f"{it.step.owner}: {it.cause}" for it in told if it.cause != OWN)
        return list(dict.fromkeys(lines))

    def counts(self) -> dict[str, int]:
        """Return how many steps ended in which way."""
        return {
            status.value: sum(outcome.step.size for outcome in self.of(status)) for status in Status
        }
