# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What became of a change, for people and programs, and the exit code of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtslib.cli.explain import Exit
from rtslib.config.apply import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rtslib.cli.console import Console
    from rtslib.config.apply import Outcome, Report
    from rtslib.config.operations import Result

__all__ = ["causes", "data", "exit_of", "some", "tell"]

#: How the causes begin of what was skipped because of something else, and for its own sake.
SKIPPED, OWN = "skipped because ", "failed"

_SOME = 3
_BAD = (Status.FAILED, Status.PENDING, Status.SKIPPED)


def exit_of(report: Report) -> Exit:
    """Return how it ended.

    FAILED where nothing has come of it, or all was taken back; but what only waits for its devices
    is PARTLY done.
    """
    if report.good:
        return Exit.DONE
    if report.back is not None:
        return Exit.FAILED if report.back.good else Exit.PARTLY
    # What was begun of a part that failed has been taken back.
    missing = report.missing()
    done = any(it.step.owner not in missing for it in report.of(Status.DONE))
    done = done or not report.of(Status.FAILED)
    return Exit.PARTLY if done else Exit.FAILED


def data(result: Result) -> dict[str, Any]:
    """Return a result as plain data."""
    report = result.report
    return {
        "exit": int(exit_of(report)),
        "steps": report.counts(),
        "failures": [_failure(it) for it in report.of(*_BAD)],
        "missing": report.missing(),
        "rolled_back": report.back.good if report.back is not None else None,
        "warnings": [str(it) for it in result.warnings],
        "notes": list(result.plan.notes),
    }


def _failure(outcome: Outcome) -> dict[str, Any]:
    step, error = outcome.step, outcome.error
    return {
        "for": step.owner,
        "status": outcome.status.value,
        "verb": step.verb,
        "path": step.path,
        "cause": outcome.cause,
        "errno": error.errno if error else None,
        "hint": error.hint if error else None,
    }


def tell(console: Console, verb: str, result: Result) -> Exit:
    """Print a result: failures to stderr, one in a line, and how it went to stdout."""
    report = result.report
    for note in (*result.warnings, *result.plan.notes):
        console.remark(f"note: {note}")
    for line in causes((it.step.owner, it.cause) for it in report.of(*_BAD)):
        console.failure(line)
    if report.back is not None:
        for line in report.back.errors():
            console.failure(f"rolling back: {line}")
    if console.as_json:
        console.result(data(result), ())
    console.summary(f"{verb}: {_summary(result)}")
    return exit_of(report)


def causes(failures: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each failure, and one for all that was skipped for the same reason."""
    skipped: dict[str, list[str]] = {}
    for name, why in dict.fromkeys(failures):
        if why.startswith(SKIPPED):
            skipped.setdefault(why, []).append(name)
        elif why != OWN:
            yield f"{name}: {why}"
    for why, names in skipped.items():
        yield f"{why}: {some(list(dict.fromkeys(names)))}"


def some(names: list[str]) -> str:
    """Return a few of many names."""
    more = len(names) - _SOME
    return ", ".join(names[:_SOME]) + (f" and {more} more" if more > 0 else "")


def _summary(result: Result) -> str:
    """Say in how many parts it was done: a part is a target, a LUN, an ACL."""
    report = result.report
    parts = set(result.plan.parts())
    if not parts:
        return "all was so already"
    bad = {it.step.part for it in report.of(*_BAD)}
    reached = {it.step.part for it in report}
    text = f"{len((parts & reached) - bad)} of {len(parts)} parts done"
    if report.back is not None:
        return f"{text}, then all of it was taken back" if report.back.good else f"{text}, {_STUCK}"
    missing = len(report.missing())
    return f"{text}, {missing} missing" if missing else text


_STUCK = "and not all of it could be taken back"
