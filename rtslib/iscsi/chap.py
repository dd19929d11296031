# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""CHAP (RFC 1994, RFC 7143 section 12.1.3): binary values as text, answers to challenges.

Secrets come in and do not go out: no error and no representation shows one.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import os
from collections import deque
from typing import TYPE_CHECKING

from rtslib.iscsi.errors import AuthenticationError, RemoteProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rtslib.iscsi.settings import Credentials

__all__ = ["Dialogue", "answer_to", "decode_binary", "encode_binary"]

#: The names of IANA's registry of CHAP algorithms, as hashlib has them.
ALGORITHMS = {5: "md5", 6: "sha1", 7: "sha256", 8: "sha3_256"}
#: No value is longer (RFC 7143 section 12.1.3).
MAX_BINARY = 1024
MAX_IDENTIFIER = 255

#: The challenges of this process's own logins. A target that sends one of them as its own wants us
#: to answer for it, in another session that is open at the same time.
_challenges: deque[bytes] = deque(maxlen=1024)


def encode_binary(data: bytes) -> str:
    """Return bytes as a hexadecimal constant."""
    return "0x" + data.hex()


def decode_binary(text: str, name: str = "a binary value") -> bytes:
    """Return the bytes of a hexadecimal or base64 constant.

    >>> decode_binary("0x616263"), decode_binary("0bYWJj")
    (b'abc', b'abc')
    """
    prefix, digits = text[:2].lower(), text[2:]
    try:
        if prefix == "0x":
            data = bytes.fromhex("0" * (len(digits) % 2) + digits) if digits.isalnum() else b""
        elif prefix == "0b":
            data = binascii.a2b_base64(digits.encode("ascii") + b"=" * (-len(digits) % 4))
            data = data if _is_base64(digits) else b""
        else:
            data = b""
    except ValueError as error:
        raise RemoteProtocolError(f"{name} is neither hexadecimal nor base64") from error
    if not 0 < len(data) <= MAX_BINARY:
        raise RemoteProtocolError(f"{name} is empty, too long, or neither hexadecimal nor base64")
    return data


def _is_base64(digits: str) -> bool:
    """Tell whether there is nothing else: the decoder passes over what it does not know."""
    return digits.rstrip("=").replace("+", "a").replace("/", "a").isalnum()


def answer_to(algorithm: int, identifier: int, secret: str, challenge: bytes) -> bytes:
    """Return what somebody who knows the secret answers."""
    digest = hashlib.new(ALGORITHMS[algorithm])
    digest.update(bytes([identifier]) + secret.encode("utf-8") + challenge)
    return digest.digest()


class Dialogue:
    """One CHAP exchange of an initiator: our answer, and what the target must answer."""

    def __init__(
        self, ours: Credentials, theirs: Credentials | None, algorithms: Sequence[int]
    ) -> None:
        self._ours = ours
        self._theirs = theirs
        self._algorithms = algorithms
        self._algorithm = 0
        self._identifier = 0
        self._challenge = b""

    def offer(self) -> dict[str, str]:
        """Return the algorithms that we know."""
        return {"CHAP_A": ",".join(map(str, self._algorithms))}

    def answer(self, text: Mapping[str, str]) -> dict[str, str]:
        """Return our answer to the target's challenge, with one of our own if it must prove."""
        algorithm, identifier = _number(text, "CHAP_A"), _number(text, "CHAP_I")
        challenge = decode_binary(_value(text, "CHAP_C"), "CHAP_C")
        if algorithm not in self._algorithms:
            raise RemoteProtocolError(f"the target chose CHAP algorithm {algorithm}: not offered")
        if challenge in _challenges:
            raise AuthenticationError(
                "the target challenges us with our own challenge: it wants us to answer for it",
                hint="this is an attack, or a target that is badly broken: do not trust it",
            )
        self._algorithm = algorithm
        proof = answer_to(algorithm, identifier, self._ours.secret, challenge)
        said = {"CHAP_N": self._ours.user, "CHAP_R": encode_binary(proof)}
        if self._theirs is not None:
            self._identifier = os.urandom(1)[0]
            self._challenge = os.urandom(2 * len(proof))
            _challenges.append(self._challenge)
            said["CHAP_I"] = str(self._identifier)
            said["CHAP_C"] = encode_binary(self._challenge)
        return said

    def verify(self, text: Mapping[str, str]) -> None:
        """Check the target's proof, where one was asked for."""
        if self._theirs is None:
            return
        if "CHAP_N" not in text or "CHAP_R" not in text:
            raise AuthenticationError(
                "the target does not prove who it is",
                hint="give the target the credentials for mutual authentication, or ask for none",
            )
        wanted = answer_to(self._algorithm, self._identifier, self._theirs.secret, self._challenge)
        proof = decode_binary(text["CHAP_R"], "CHAP_R")
        # Both are compared in any case: how long it takes does not tell which was wrong.
        good = hmac.compare_digest(proof, wanted)
        good &= hmac.compare_digest(text["CHAP_N"].encode(), self._theirs.user.encode())
        if not good:
            raise AuthenticationError(
                "the target proves to be somebody else: its user or its secret is not as expected",
                hint="compare the mutual credentials on both sides",
            )


def _value(text: Mapping[str, str], name: str) -> str:
    if name not in text:
        raise RemoteProtocolError(f"the target's challenge has no {name}")
    return text[name]


def _number(text: Mapping[str, str], name: str) -> int:
    value = _value(text, name)
    if not value.isdecimal() or not 0 <= int(value) <= MAX_IDENTIFIER:
        raise RemoteProtocolError(f"{name} cannot be {value!r}")
    return int(value)
