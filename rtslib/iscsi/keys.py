# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Keys and values of text: their form on the wire, and what comes out of two sides' offers.

RFC 7143 section 6 gives the form, section 13 each key's function: one row of `KEYS` each.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Union, cast

from rtslib.iscsi.errors import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rtslib.iscsi.digest import Buffer

__all__ = ["Function", "Key", "Negotiation", "Value", "format_text", "parse_pairs", "parse_text"]

#: A value as the library has it: a flag, a number, words in order of preference, or text.
Value = Union[bool, int, "tuple[str, ...]", str]

NOT_UNDERSTOOD, IRRELEVANT, REJECT = "NotUnderstood", "Irrelevant", "Reject"
_SPECIAL = (NOT_UNDERSTOOD, IRRELEVANT, REJECT)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.+@_-]{0,62}")
_NUMBER = re.compile(r"0|[1-9][0-9]*|0[xX][0-9a-fA-F]+")
_FLAGS = {"Yes": True, "No": False}


def parse_pairs(data: Buffer) -> list[tuple[str, str]]:
    """Return the keys and values of a text in their order, however often each comes."""
    try:
        text = bytes(data).decode("utf-8")
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"a text that is not UTF-8: {error.reason}") from error
    pairs = []
    for part in text.split("\0"):
        name, equals, value = part.partition("=")
        if not part:
            continue
        if not equals or not _NAME.fullmatch(name):
            # The value of what is no key may be anything, a secret's answer too.
            raise RemoteProtocolError(f"a text has {name[:64]!r} where a key should be")
        pairs.append((name, value))
    return pairs


def parse_text(data: Buffer) -> dict[str, str]:
    """Return a text in which each key comes once."""
    pairs = parse_pairs(data)
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise RemoteProtocolError(f"a text has {', '.join(twice)} more than once")
    return found


def format_text(pairs: Mapping[str, str] | Iterable[tuple[str, str]]) -> bytes:
    """Return keys and values as they are sent."""
    items = dict(pairs).items()
    if any("\0" in value for _, value in items):
        raise LocalProtocolError("the value of a key cannot have a zero byte in it")
    return "".join(f"{name}={value}\0" for name, value in items).encode("utf-8")


class Function(Enum):
    """How a result comes of two sides' values; what is declared has no result."""

    AND = "and"
    OR = "or"
    MINIMUM = "min"
    MAXIMUM = "max"
    FIRST = "first"
    DECLARED_NUMBER = "declared number"
    DECLARED = "declared"


class Key(NamedTuple):
    """A key: its function, its value where nobody speaks of it, and the range of a number."""

    name: str
    function: Function
    default: Value
    low: int = 0
    high: int = 0

    def parse(self, text: str) -> Value:
        """Return the value of a text from the target."""
        if self.function in (Function.AND, Function.OR):
            if text in _FLAGS:
                return _FLAGS[text]
        elif self.function is Function.FIRST:
            if words := tuple(word for word in text.split(",") if word):
                return words
        elif self.function is Function.DECLARED:
            return text
        elif _NUMBER.fullmatch(text):
            number = int(text, 0)
            if self.low <= number <= self.high:
                return number
        raise RemoteProtocolError(f"{self.name} cannot be {text!r}")

    def spell(self, value: Value) -> str:
        """Return a value as text."""
        if isinstance(value, bool):
            return "Yes" if value else "No"
        return ",".join(value) if isinstance(value, tuple) else str(value)

    def combine(self, ours: Value, theirs: Value) -> Value | None:
        """Return the result of an offer of theirs; None where nothing suits both."""
        if self.function is Function.AND:
            return bool(ours and theirs)
        if self.function is Function.OR:
            return bool(ours or theirs)
        if self.function is Function.FIRST:
            known = cast("tuple[str, ...]", ours)
            return next(((it,) for it in cast("tuple[str, ...]", theirs) if it in known), None)
        choose = min if self.function is Function.MINIMUM else max
        return choose(cast("int", ours), cast("int", theirs))

    def accept(self, ours: Value, answer: Value) -> Value:
        """Return the target's answer to our offer, if its function can give it."""
        fits = self.combine(ours, answer) == answer
        if self.function is Function.FIRST:
            fits = fits and isinstance(answer, tuple) and len(answer) == 1
        if not fits:
            raise RemoteProtocolError(
                f"{self.name}: the target answers {self.spell(answer)} to {self.spell(ours)}"
            )
        return answer


_LENGTH = 512, (1 << 24) - 1

#: What is negotiated or declared at login. A discovery session knows the first five.
KEYS: dict[str, Key] = {
    key.name: key
    for key in (
        Key("HeaderDigest", Function.FIRST, ("None",)),
        Key("DataDigest", Function.FIRST, ("None",)),
        Key("MaxRecvDataSegmentLength", Function.DECLARED_NUMBER, 8192, *_LENGTH),
        Key("DefaultTime2Wait", Function.MAXIMUM, 2, 0, 3600),
        Key("DefaultTime2Retain", Function.MINIMUM, 20, 0, 3600),
        Key("MaxConnections", Function.MINIMUM, 1, 1, 65535),
        Key("InitialR2T", Function.OR, True),
        Key("ImmediateData", Function.AND, True),
        Key("MaxBurstLength", Function.MINIMUM, 262144, *_LENGTH),
        Key("FirstBurstLength", Function.MINIMUM, 65536, *_LENGTH),
        Key("MaxOutstandingR2T", Function.MINIMUM, 1, 1, 65535),
        Key("DataPDUInOrder", Function.OR, True),
        Key("DataSequenceInOrder", Function.OR, True),
        Key("ErrorRecoveryLevel", Function.MINIMUM, 0, 0, 2),
        Key("iSCSIProtocolLevel", Function.MINIMUM, 1, 0, 31),
        Key("TaskReporting", Function.FIRST, ("RFC3720",)),
        # No longer a part of iSCSI, but an offer of them must be answered with No.
        Key("IFMarker", Function.AND, False),
        Key("OFMarker", Function.AND, False),
        Key("TargetAlias", Function.DECLARED, ""),
        Key("TargetPortalGroupTag", Function.DECLARED_NUMBER, 0, 0, 65535),
        Key("TargetAddress", Function.DECLARED, ""),
        Key("AuthMethod", Function.FIRST, ("None",)),
    )
}
#: Keys of RFC 3720 that must be rejected, not merely not understood.
OBSOLETE = ("IFMarkInt", "OFMarkInt")


class Negotiation:
    """The two sides' keys of one login: what we offer, what they said, what holds."""

    def __init__(self, offers: Mapping[str, Value]) -> None:
        self._offered = dict(offers)
        self._settled: set[str] = set()
        self.results: dict[str, Value] = {name: key.default for name, key in KEYS.items()}

    def offer(self, *names: str) -> dict[str, str]:
        """Return the text of our offers; all of them, or those that are named."""
        return {
            name: KEYS[name].spell(value)
            for name, value in self._offered.items()
            if not names or name in names
        }

    def receive(self, text: Mapping[str, str]) -> dict[str, str]:
        """Take what the target says; return the text of what must be answered to it."""
        answers: dict[str, str] = {}
        for name, said in text.items():
            answer = self._one(name, said)
            if answer is not None:
                answers[name] = answer
        return answers

    def _one(self, name: str, said: str) -> str | None:
        key = KEYS.get(name)
        if key is None:
            # What we never spoke of and do not know is answered once.
            return None if said in _SPECIAL else REJECT if name in OBSOLETE else NOT_UNDERSTOOD
        if name in self._settled:
            raise RemoteProtocolError(f"the target speaks of {name} again")
        self._settled.add(name)
        if said in _SPECIAL and name in self._offered:
            return None  # the default holds
        theirs = key.parse(said)
        if key.function in (Function.DECLARED, Function.DECLARED_NUMBER):
            self.results[name] = theirs
            return None
        if name in self._offered:
            self.results[name] = key.accept(self._offered[name], theirs)
            return None
        result = key.combine(key.default, theirs)
        if result is None:
            return REJECT
        self.results[name] = result
        return key.spell(result)
