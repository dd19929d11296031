# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The target's side of a login, for the fake target: CHAP, keys, refusals, redirection."""

from __future__ import annotations

import hmac
import os
from typing import TYPE_CHECKING

from rtslib.iscsi.chap import ALGORITHMS, answer_to, decode_binary, encode_binary
from rtslib.iscsi.headers import CONTINUE, LoginRequest, LoginResponse
from rtslib.iscsi.keys import KEYS, Function, Value, format_text, parse_text
from rtslib.iscsi.login import FULL, OPERATIONAL, SECURITY, TRANSIT
from rtslib.iscsi.outgoing import Agreed

if TYPE_CHECKING:
    from rtslib.iscsi.digest import Buffer
    from rtslib.iscsi.fake import FakeTarget

__all__ = ["FakeLogin", "Refusal"]

AUTHENTICATION, NOT_FOUND, MISSING = 0x0201, 0x0203, 0x0207
#: What the fake says where its `keys` say nothing.
OURS: dict[str, Value] = {
    "HeaderDigest": ("CRC32C", "None"),
    "DataDigest": ("CRC32C", "None"),
    "InitialR2T": True,
    "MaxRecvDataSegmentLength": 8192,
}


class Refusal(Exception):
    """A login that does not go on, with the status that says why."""

    def __init__(self, status: int, text: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.text = text or {}


class FakeLogin:
    """One login."""

    def __init__(self, target: FakeTarget) -> None:
        self.target = target
        self.done = False
        self.agreed = Agreed()
        self.initiator = ""
        #: Text of the initiator, as far as it has come.
        self._text = bytearray()
        self._proved = target.credentials is None
        self._challenge = b""
        self._identifier = 7
        self._algorithm = 0
        self._results = {name: key.default for name, key in KEYS.items()}

    def step(self, request: LoginRequest, data: Buffer) -> tuple[LoginResponse, bytes]:
        """Take a step; return the answer and its text."""
        stage, following = request.flags >> 2 & 3, request.flags & 3
        self._text += data
        flags = stage << 2
        response = LoginResponse(session=request.session, itt=request.itt)
        if request.flags & CONTINUE:
            return response._replace(flags=flags), b""
        text, self._text = parse_text(self._text), bytearray()
        try:
            answers = self.answer(stage, text)
        except Refusal as refusal:
            return response._replace(status=refusal.status), format_text(refusal.text)
        if request.flags & TRANSIT and (stage == OPERATIONAL or self._proved):
            flags |= TRANSIT | following
            if following == FULL:
                self.done = True
                self.agreed = Agreed.of(self._results)
                response = response._replace(session=request.session | 1)
        return response._replace(flags=flags), format_text(answers)

    def answer(self, stage: int, text: dict[str, str]) -> dict[str, str]:
        """Return the answer to a text."""
        if "InitiatorName" in text:
            self.initiator = text.pop("InitiatorName")
            kind = text.pop("SessionType", "Normal")
            name = text.pop("TargetName", None)
            if kind == "Normal" and name is None:
                raise Refusal(MISSING)
            if name is not None and name != self.target.name:
                raise Refusal(NOT_FOUND)
        if stage == SECURITY:
            return self.prove(text)
        if not self._proved:
            raise Refusal(AUTHENTICATION)
        return self.settle(text)

    def prove(self, text: dict[str, str]) -> dict[str, str]:
        """Go on with the authentication."""
        ours = self.target.credentials
        if ours is None:
            return {"AuthMethod": "None"}
        if "AuthMethod" in text:
            if "CHAP" not in text["AuthMethod"].split(","):
                raise Refusal(AUTHENTICATION)
            return {"AuthMethod": "CHAP"}
        if "CHAP_A" in text:
            offered = [int(number) for number in text["CHAP_A"].split(",")]
            self._algorithm = next(number for number in offered if number in ALGORITHMS)
            self._challenge = os.urandom(16)
            return {
                "CHAP_A": str(self._algorithm),
                "CHAP_I": str(self._identifier),
                "CHAP_C": encode_binary(self._challenge),
            }
        proof = answer_to(self._algorithm, self._identifier, ours.secret, self._challenge)
        said = decode_binary(text["CHAP_R"])
        if text["CHAP_N"] != ours.user or not hmac.compare_digest(said, proof):
            raise Refusal(AUTHENTICATION)
        self._proved = True
        theirs = self.target.target_credentials
        if "CHAP_C" not in text or theirs is None:
            return {}
        challenge = decode_binary(text["CHAP_C"])
        answer = answer_to(self._algorithm, int(text["CHAP_I"]), theirs.secret, challenge)
        return {"CHAP_N": theirs.user, "CHAP_R": encode_binary(answer)}

    def settle(self, text: dict[str, str]) -> dict[str, str]:
        """Settle the keys."""
        answers = {}
        for name, said in text.items():
            key = KEYS.get(name)
            if key is None:
                answers[name] = "NotUnderstood"
                continue
            theirs = key.parse(said)
            if key.function in (Function.DECLARED, Function.DECLARED_NUMBER):
                # What the initiator takes is the most that we send.
                self._results[name] = theirs
                continue
            ours = self.target.keys.get(name, OURS.get(name, theirs))
            result = key.combine(ours, theirs)
            if result is None:
                answers[name] = "Reject"
            else:
                self._results[name] = result
                answers[name] = key.spell(result)
        if text:
            most = self.target.keys.get("MaxRecvDataSegmentLength", 8192)
            answers["MaxRecvDataSegmentLength"] = str(most)
            answers["TargetPortalGroupTag"] = "1"
        return answers
