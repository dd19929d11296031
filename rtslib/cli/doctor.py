# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""doctor: runs every check, goes on where one cannot be made, and says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtslib.cli import checks_config, checks_machine
from rtslib.cli.explain import Exit, explain
from rtslib.cli.findings import Finding, Patient, Severity
from rtslib.errors import RTSLibError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.findings import Check
    from rtslib.cli.task import Task

__all__ = ["doctor"]

_COLOURS = {
    Severity.GOOD: "\x1b[32m",
    Severity.WARNING: "\x1b[33m",
    Severity.ERROR: "\x1b[31m",
}
_PLAIN = "\x1b[0m"


def doctor(task: Task) -> Exit:
    """Look for what is wrong, and say what to do."""
    patient = Patient(task)
    found: list[tuple[str, Finding]] = []
    for name, check in {**checks_machine.CHECKS, **checks_config.CHECKS}.items():
        findings = _carried_out(check, patient) or [Finding(Severity.GOOD, "nothing wrong")]
        found += ((name, it) for it in findings)
    shown = [it for it in found if task.args.all or it[1].severity is not Severity.GOOD]
    data = [
        {"check": name, "severity": it.severity.value, "what": it.what, "todo": it.todo}
        for name, it in shown
    ]
    task.console.result(data, _lines(shown, colour=task.console.colour))
    bad = sum(it.severity.is_bad for _, it in found)
    task.console.summary(f"{bad} found that should be seen to" if bad else "all is well")
    return Exit.FAILED if bad else Exit.DONE


def _carried_out(check: Check, patient: Patient) -> list[Finding]:
    """Return what a check finds; what it may not look at is not known."""
    found: list[Finding] = []
    try:
        found.extend(check(patient))
    except (RTSLibError, OSError) as error:
        found += (Finding(Severity.UNKNOWN, line, "") for line in explain(error).lines)
    return found


def _lines(found: list[tuple[str, Finding]], *, colour: bool) -> Iterator[str]:
    for name, it in found:
        word = it.severity.value
        tint = _COLOURS.get(it.severity, "") if colour else ""
        yield f"{tint}{word}{_PLAIN if tint else ''}: {name}: {it.what}"
        if it.todo:
            yield f"    {it.todo}"
