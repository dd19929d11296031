# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a person types into targetcli and expects to see: read from a text file, and played.

    == Ramdisks                    a section
    == Disks  @devices             one that is played only where "devices" is said to be there
    /backstores/ramdisk create ram0 4MiB
        Created ramdisk ram0       text that must be in what it prints
        ! already exists           it must be refused, in these words; alone: in whatever words
        !! ValueError              it must end the shell: a slip of targetcli's own
        rtslib-fb: !! ValueError   so it does over that library, and over that alone
    TAB /backs => /backstores/     what the TAB key makes of a line
    TABS /iscsi s => set status    what it offers, all of it or more
    SNAPSHOT before                the player's caller looks at the machine

A `$name` in a line is replaced; ``$target`` is the last target that targetcli says it created.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from string import Template
from typing import TYPE_CHECKING, Callable

from consumers.terminal import Ended, Terminal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

#: How the shell logs what it refuses, with `color_mode` off.
REFUSED = re.compile(r"^(?:Error|Critical): ", re.MULTILINE)
#: After so many slips there is no point in going on.
HOPELESS = 20
#: How much is quoted of what a step printed.
LINES_SHOWN = 8
#: The line that leaves the shell after the last one.
END = 0
ELSEWHERE = re.compile(r"(rtslib-fb):\s*")
OUTCOMES = {"": "is not refused", "!": "is refused", "!!": "ends the shell"}
CREATED = re.compile(r"Created target (\S+)\.$", re.MULTILINE)


@dataclass
class Expected:
    """What a step prints and comes to: "" is success, "!" a refusal, "!!" the end of the shell."""

    shows: list[str] = field(default_factory=list)
    outcome: str = ""

    def add(self, text: str) -> None:
        """Take in one line."""
        words = text.lstrip("!")
        self.outcome = self.outcome or text[: len(text) - len(words)]
        self.shows += [words.strip()] if words else []


@dataclass
class Step:
    """One line that is typed, and what must come of it, over which library."""

    number: int
    line: str
    here: Expected = field(default_factory=Expected)
    elsewhere: dict[str, Expected] = field(default_factory=dict)


@dataclass
class Section:
    """Steps under one title, and what they need of the machine."""

    title: str
    needs: frozenset[str]
    steps: list[Step] = field(default_factory=list)


def read(path: Path) -> list[Section]:
    """Return the sections of a transcript."""
    sections: list[Section] = []
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        text = raw.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("== "):
            title, *needs = re.split(r"\s+@", text[3:])
            sections.append(Section(title, frozenset(needs)))
        elif not raw.startswith(" "):
            sections[-1].steps.append(Step(number, text))
        else:
            step = sections[-1].steps[-1]
            if match := ELSEWHERE.match(text):
                step.elsewhere.setdefault(match[1], Expected()).add(text[match.end() :])
            else:
                step.here.add(text)
    return sections


class Player:
    """Plays sections in terminals that `start` gives: the next where a step has ended the shell.

    `printed` is all that came, by line number; `snapshot` is called with each snapshot's name.
    """

    def __init__(
        self,
        start: Callable[[], Terminal],
        names: Mapping[str, str],
        snapshot: Callable[[str], None],
        library: str = "rtslib",
    ) -> None:
        self._start = start
        self._names = dict(names)
        self._snapshot = snapshot
        self._library = library
        self.printed: dict[int, str] = {}

    def play(self, sections: list[Section], there: Collection[str]) -> dict[int, str]:
        """Do every step of the sections whose needs are there; return what was wrong, by line."""
        wrong: dict[int, str] = {}
        self._terminal = self._start()
        try:
            for section in sections:
                if section.needs <= set(there):
                    for step in section.steps:
                        if problem := self._do(step):
                            wrong[step.number] = f"{step.line}: {problem}"
                        if len(wrong) > HOPELESS:
                            return wrong
            try:
                self.printed[END] = self._terminal.finish()
            except Ended as end:
                wrong[END] = f"exit: {end}"
        finally:
            self._terminal.kill()
        return wrong

    def _do(self, step: Step) -> str:
        verb, _, rest = self._fill(step.line).partition(" ")
        if verb == "SNAPSHOT":
            self._snapshot(rest)
            return ""
        if verb in ("TAB", "TABS"):
            return self._press_tab(verb, rest)
        printed, ended = self._run(self._fill(step.line))
        self.printed[step.number] = printed
        for match in CREATED.finditer(printed):
            self._names["target"] = match[1]
        outcome = "!!" if ended else "!" if REFUSED.search(printed) else ""
        expected = step.elsewhere.get(self._library, step.here)
        shows = [self._fill(text) for text in expected.shows]
        wrong = [f"does not show {text!r}" for text in shows if text not in printed]
        if outcome != expected.outcome:
            wrong.append(OUTCOMES[outcome])
        last = "\n".join(printed.splitlines()[-LINES_SHOWN:])
        return f"{'; '.join(wrong)}:\n{last}" if wrong else ""

    def _run(self, line: str) -> tuple[str, bool]:
        """Return what a line prints, and whether it ended the shell."""
        try:
            return self._terminal.run(line), False
        except Ended as end:
            self._terminal.kill()
            where = self._terminal.where
            self._terminal = self._start()
            self._terminal.run(f"cd {where}")
            return str(end), True

    def _press_tab(self, verb: str, text: str) -> str:
        line, _, expected = text.partition(" => ")
        if verb == "TAB":
            completed = self._terminal.complete(line)
            return "" if completed.strip() == expected else f"completed to {completed!r}"
        offered = self._terminal.choices(line)
        missing = set(expected.split()) - set(offered)
        return f"not offered: {sorted(missing)}, but {offered}" if missing else ""

    def _fill(self, text: str) -> str:
        return Template(text).substitute(self._names)
