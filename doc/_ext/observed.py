# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Which files a kernel has and when it takes new values, found out by trying on the fake kernel.

The fake answers as the recordings of real kernels do (tests/testing/test_replay.py holds it to
them): this is what those kernels do, and nobody has to keep a list of it.
"""

from __future__ import annotations

import enum
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from subjects import BEFORE, EXPORTED, OPEN, SUBJECTS, WITHOUT_ID, machine

import rtslib
from rtslib.node import Attr, Group
from rtslib.testing import FakeKernel, KernelOops
from rtslib.values import FLAG, TEXT, YES_NO, Codec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtslib.node import Node

__all__ = ["KERNELS", "SETTABLE", "Facts", "Outcome", "facts", "when"]

#: The recorded kernels, oldest first.
KERNELS = ("6.1", "6.12")


class Outcome(enum.Enum):
    """What became of writing new values to a file."""

    FREE = "it took them"
    ONCE = "it took one, and no other after that"
    IGNORED = "it took them, and kept the old one"
    REFUSED = "it took none"
    CRASHES = "the kernel crashed"
    READ_ONLY = "nobody may write to it"


#: What became of writing to what can be set.
SETTABLE = frozenset({Outcome.FREE, Outcome.ONCE})


class Facts(NamedTuple):
    """What was seen of a file: which kernels have it, how it reads at first, when it can be set.

    `first` is None for a secret and for what cannot be read; `outcomes` are by kernel and state.
    """

    kernels: tuple[str, ...]
    first: str | None
    outcomes: Mapping[str, Mapping[str, Outcome]]


@cache
def facts(subject_number: int) -> dict[str, Facts]:
    """Return what was seen of each file of a subject, by its path below the node."""
    subject = SUBJECTS[subject_number]
    first: dict[str, str | None] = {}
    outcomes: dict[str, dict[str, dict[str, Outcome]]] = {}
    # A storage object learns most of its values when it is opened.
    fresh = OPEN if BEFORE in subject.states else next(iter(subject.states))
    for kernel in KERNELS:
        for state, build in subject.states.items():
            for file, text, outcome in _tried(kernel, build):
                if state == fresh:
                    first[file] = text
                outcomes.setdefault(file, {}).setdefault(kernel, {})[state] = outcome
    return {file: Facts(tuple(seen), first.get(file), seen) for file, seen in outcomes.items()}


def _tried(kernel: str, build: Callable[..., Node]) -> list[tuple[str, str | None, Outcome]]:
    """Try each file of a node in one state: file, how it reads at first, what became of it."""
    found = []
    node = _fresh(kernel, build)
    for file, codec, secret in _files(node):
        text = None if secret else _read(node, file)
        if file in _PROTECTION:
            node = _fresh(kernel, partial(build, protection=True))
        outcome = _try(node, file, codec)
        found.append((file, text, outcome))
        if outcome not in (Outcome.REFUSED, Outcome.READ_ONLY) or file in _PROTECTION:
            node = _fresh(kernel, build)
    return found


#: These need a map of the disk, a registration, and a handler that has died.
_UNTRIED = frozenset({"lba_map", "pr/res_aptpl_metadata", "action/free_kept_buf"})


#: These take nothing unless the storage object has protection information.
_PROTECTION = frozenset({"attrib/pi_prot_verify", "attrib/pi_prot_format"})
#: What a value written to these does is not to be read in them.
_COMMANDS = frozenset({"attrib/pi_prot_format", "action/reset_ring"})


def _fresh(kernel: str, build: Callable[..., Node]) -> Node:
    with rtslib.use(FakeKernel(kernel, host=machine())):
        return build()


def _files(node: Node) -> list[tuple[str, Codec[Any], bool]]:
    """Return what a node declares and has: file, codec, whether it is a secret."""
    found: list[tuple[str, Codec[Any], bool]] = []
    for declared in type(node).declarations().values():
        if isinstance(declared, Attr):
            found.append((declared.file, declared.codec, declared.secret))
        elif isinstance(declared, Group):
            view = declared.__get__(node, type(node))
            found += [(f"{declared.directory}/{name}", view.codec(name), False) for name in view]
    tried = [it for it in dict.fromkeys(found) if it[0] not in _UNTRIED]
    return [it for it in tried if _is_there(node, it[0])]


def _is_there(node: Node, file: str) -> bool:
    try:
        node.fs.mode(node.below(file))
    except OSError:
        return False
    return True


def _read(node: Node, file: str) -> str | None:
    try:
        return TEXT.decode(node.fs.read(node.below(file)))
    except OSError:
        return None


def _try(node: Node, file: str, codec: Codec[Any]) -> Outcome:
    """Write what may be new values to a file until one is taken, and then another."""
    if not node.fs.mode(node.below(file)) & 0o222:
        return Outcome.READ_ONLY
    values = _values(codec, _read(node, file))
    try:
        changed, accepted = _change(node, file, values)
        if accepted and file in _COMMANDS:
            return Outcome.FREE
        if not changed:
            return Outcome.IGNORED if accepted else Outcome.REFUSED
        again, _ = _change(node, file, values)
    except KernelOops:
        return Outcome.CRASHES
    return Outcome.FREE if again else Outcome.ONCE


def _change(node: Node, file: str, values: list[str]) -> tuple[bool, bool]:
    """Write values until the file reads otherwise; tell whether it did, and if any was accepted."""
    accepted = False
    before = _read(node, file)
    for value in values:
        try:
            node.fs.write(node.below(file), value)
        except OSError:
            continue
        if _read(node, file) != before:
            return True, True
        accepted = accepted or value != before
    return False, accepted


_NUMBERS = ["1", "0", "2", "3", "4", "5", "7", "10", "100", "512", "1024", "4096", "-1"]
#: Text that some file or other takes.
_WORDS = [
    *("group", "default_tg_pt_gp", "default_lu_gp", "CHAP", "None", "CRC32C"),
    *("online", "offline", "/var/target", "/etc/target", "x"),
]


def _values(codec: Codec[Any], text: str | None) -> list[str]:
    """Return what may be values of a file that reads so."""
    if codec is YES_NO:
        return ["Yes", "No"]
    if codec is FLAG:
        return ["1", "0"]
    if codec.name == "unit serial":
        return ["one", "two"]
    return _NUMBERS if text is not None and _is_number(text) else [*_WORDS, *_NUMBERS]


def _is_number(text: str) -> bool:
    try:
        int(text, 0)
    except ValueError:
        return False
    return True


# In words


def when(seen: Facts) -> str:
    """Return in a phrase when a file can be set; where kernels differ, what the newest does."""
    phrases = {kernel: _phrase(outcomes) for kernel, outcomes in seen.outcomes.items()}
    newest = phrases[seen.kernels[-1]]
    other = "".join(f"; {it}: {phrase}" for it, phrase in phrases.items() if phrase != newest)
    return newest + other + "".join(map(_crash, seen.outcomes.items()))


def _crash(kernel: tuple[str, Mapping[str, Outcome]]) -> str:
    """Return when writing to a file crashes a kernel."""
    version, outcomes = kernel
    states = [state for state, it in outcomes.items() if it is Outcome.CRASHES]
    return f"; {' and '.join(states)} it crashes {version}" if states else ""


_ALWAYS = {
    Outcome.FREE: "any time",
    Outcome.ONCE: "once",
    Outcome.IGNORED: "taken and ignored",
    Outcome.REFUSED: "never",
    Outcome.CRASHES: "never",
    Outcome.READ_ONLY: "read-only",
}

#: How to say in which states a storage object's file can be set.
_STORAGE = {
    frozenset({BEFORE, OPEN}): "while not exported",
    frozenset({OPEN, EXPORTED}): "after enabling",
    frozenset({OPEN}): "after enabling, while not exported",
}


def _phrase(outcomes: Mapping[str, Outcome]) -> str:
    """Return in a phrase when one kernel takes a new value."""
    kinds = set(outcomes.values())
    if len(kinds) == 1:
        return _ALWAYS[kinds.pop()]
    free = [state for state, it in outcomes.items() if it in SETTABLE]
    others = [state for state in outcomes if state not in free]
    if others == [WITHOUT_ID]:
        return "once it has an id"
    phrase = _STORAGE.get(frozenset(free)) or ", ".join(free) or "never"
    return f"{phrase}, once" if Outcome.ONCE in kinds else phrase
