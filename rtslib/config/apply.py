# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Running a plan: each step is done, needless, failed, or skipped because of one that failed.

A failure never stops what does not depend on it, unless that is asked for. A part that fails on
a vital step is taken back as far as this run has made it: nothing half-made is left exported.
"""

from __future__ import annotations

import enum
import time
from functools import partial
from typing import TYPE_CHECKING, Callable

from rtslib import host
from rtslib.config.capture import capture
from rtslib.config.outcome import Outcome, Report, Status
from rtslib.config.overlap import THREADS, overlapped
from rtslib.config.plan import plan
from rtslib.config.run import Run
from rtslib.errors import InvalidValueError

if TYPE_CHECKING:
    from rtslib.config.state import State
    from rtslib.config.steps import Plan
    from rtslib.configfs import ConfigFS

__all__ = ["OnFailure", "Outcome", "Report", "Status", "apply", "roll_back"]


class OnFailure(enum.Enum):
    """What to do when a step fails."""

    GO_ON = "go on"
    STOP = "stop"
    ROLL_BACK = "roll back"


def apply(
    fs: ConfigFS,
    steps: Plan,
    *,
    on_failure: OnFailure = OnFailure.GO_ON,
    before: State | None = None,
    wait: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
    threads: int | None = None,
) -> Report:
    """Run a plan and report on each step.

    ROLL_BACK needs `before`, the state to go back to. A device that is not there is waited for,
    `wait` seconds for all together. `progress` is told the number of steps done and their sum.
    What waits in the kernel is done in `threads` at once, on the running kernel in 4 by default.
    """
    if on_failure is OnFailure.ROLL_BACK and before is None:
        raise InvalidValueError("to roll back, the state before must be given")
    run = Run(fs, steps.needs, time.monotonic() + wait)
    report = Report()
    if threads is None:
        threads = THREADS if host.is_host(fs) else 1
    # Who wants to stop at a failure wants nothing done behind it.
    overlap = threads > 1 and on_failure is OnFailure.GO_ON
    done, total = 0, len(steps) if progress else 0
    # Who is told of each, or wants to stop at one, has them done one by one.
    apart = progress is not None or on_failure is not OnFailure.GO_ON
    for many, pieces in steps.stretches(overlap=overlap, apart=apart):
        ended = overlapped([partial(run.all, it) for it in pieces], threads if many else 1)
        for piece, outcomes in zip(pieces, ended):
            report.outcomes += outcomes
            if progress is not None:
                done += sum(entry.size for entry in piece)
                progress(done, total)
            if run.failed and on_failure is not OnFailure.GO_ON:
                break
        else:
            continue
        break
    if report.failed and on_failure is OnFailure.ROLL_BACK and before is not None:
        report.back = roll_back(fs, before)
    return report


def roll_back(fs: ConfigFS, before: State) -> Report:
    """Make the running configuration what it was before."""
    return apply(fs, plan(capture(fs), before, fs.root, exact=True))
