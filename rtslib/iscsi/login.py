# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The login phase of an initiator: stages, rounds, text that goes on in further PDUs, redirection.

Each step of it is a row of `STEPS`: what the target's text is taken for, and what is said next. No
sockets and no clock: PDUs in, PDUs out.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Callable

from rtslib.iscsi.chap import Dialogue
from rtslib.iscsi.errors import AuthenticationError, LoginError, RemoteProtocolError, login_error
from rtslib.iscsi.events import Redirect
from rtslib.iscsi.headers import CONTINUE, LoginRequest, LoginResponse
from rtslib.iscsi.keys import Negotiation, format_text, parse_text
from rtslib.iscsi.pdu import encode
from rtslib.portal import DEFAULT_PORT, MAX_PORT

if TYPE_CHECKING:
    from rtslib.iscsi.digest import Buffer
    from rtslib.iscsi.settings import Settings
    from rtslib.iscsi.window import Window

__all__ = ["Login", "Step", "parse_address"]

SECURITY, OPERATIONAL, FULL = 0, 1, 3
TRANSIT = 0x80
#: The most that may be in one PDU before anything else is declared.
MAX_PART = 8192
MAX_TEXT = 64 * 1024
#: More than any target needs; one that never comes to an end is left.
MAX_ROUNDS = 32
SUCCESS, REDIRECTION = 0, 1


class Step(Enum):
    """What the target's next text is an answer to."""

    METHOD = "which authentication?"
    CHALLENGE = "which algorithm, which challenge?"
    PROOF = "who are we, who is the target?"
    KEYS = "which keys?"
    DONE = "nothing any more"


class Login:
    """One login upon one connection."""

    def __init__(self, settings: Settings, window: Window, itt: int) -> None:
        self.settings = settings
        self.window = window
        self.negotiation = Negotiation(settings.offers())
        self.redirect: Redirect | None = None
        #: The target's number for the session, once it is open.
        self.tsih = 0
        self._itt = itt
        self._rounds = 0
        self._stage = OPERATIONAL
        self._step = Step.KEYS
        self._chap: Dialogue | None = None
        if settings.credentials is not None:
            self._stage, self._step = SECURITY, Step.METHOD
            self._chap = Dialogue(
                settings.credentials, settings.target_credentials, settings.chap_algorithms
            )
        #: What is still to be sent of a long text, and what has come of one.
        self._unsent: list[bytes] = []
        self._transit = False
        self._text = bytearray()

    @property
    def done(self) -> bool:
        """Whether the full feature phase has begun."""
        return self._step is Step.DONE

    def begin(self) -> list[Buffer]:
        """Return the first PDU."""
        text = {"InitiatorName": self.settings.initiator}
        if self.settings.target is None:
            text["SessionType"] = "Discovery"
        else:
            text.update(TargetName=self.settings.target, SessionType="Normal")
        if self._chap is None:
            text.update(self.negotiation.offer())
        else:
            # Whoever wants a proof of the target does not do without.
            mutual = self.settings.target_credentials is not None
            text["AuthMethod"] = "CHAP" if mutual else "CHAP,None"
        return self._say(text, transit=True)

    def receive(self, header: LoginResponse, data: Buffer) -> list[Buffer]:
        """Take the target's step; return our next one: nothing when done, or redirected."""
        self._check(header)
        if header.status >> 8 == REDIRECTION:
            self.redirect = self._where(parse_text(data), permanent=header.status & 0xFF == 2)  # noqa: PLR2004 - moved for good
            return []
        if header.status:
            raise login_error(header.status >> 8, header.status & 0xFF, self.settings.where)
        if not self._rounds:
            self.window.begin(header.stat_sn)
        else:
            self.window.answered(header.stat_sn)
        self.window.update(header.exp_cmd_sn, header.max_cmd_sn)
        self._rounds += 1
        if self._rounds > MAX_ROUNDS:
            raise RemoteProtocolError(f"the login came to no end in {MAX_ROUNDS} rounds")
        return self._next(header, data)

    def _check(self, header: LoginResponse) -> None:
        """Refuse what cannot be an answer to what we sent."""
        if header.itt != self._itt:
            raise RemoteProtocolError("the target's login response is for another task")
        if header.status >> 8:
            return  # a refusal need not have the rest
        stage, following = header.flags >> 2 & 3, header.flags & 3
        transit = bool(header.flags & TRANSIT)
        faults = (
            (header.version_active, f"version {header.version_active}"),
            (header.session >> 16 != self.settings.isid, "another session's ISID"),
            (stage != self._stage, f"stage {stage} in stage {self._stage}"),
            (transit and header.flags & CONTINUE, "an end of the stage, and more of it to come"),
            (
                transit and (not self._transit or self._unsent),
                "an end of a stage that we have not ended",
            ),
            (
                transit and (following <= self._stage or following not in (OPERATIONAL, FULL)),
                f"stage {following} after stage {self._stage}",
            ),
        )
        for bad, words in faults:
            if bad:
                raise RemoteProtocolError(f"the target's login response has {words}")

    def _next(self, header: LoginResponse, data: Buffer) -> list[Buffer]:
        if len(self._text) + len(data) > MAX_TEXT:
            raise RemoteProtocolError(f"the target's text is longer than {MAX_TEXT} bytes")
        self._text += data
        if header.flags & CONTINUE:
            return self._send(b"")
        if self._unsent:
            if self._text:
                raise RemoteProtocolError("the target answers to a half of our text")
            return self._send(self._unsent.pop(0))
        text, self._text = parse_text(self._text), bytearray()
        if header.flags & TRANSIT:
            return self._advance(header, text)
        return STEPS[self._step](self, text)

    # The steps. Each takes the target's text, and returns our PDU.

    def _method(self, text: dict[str, str]) -> list[Buffer]:
        """The target chose CHAP, or none and waits for the end of the stage."""
        method = text.pop("AuthMethod", None)
        answers = self.negotiation.receive(text)
        if method == "CHAP" and self._chap is not None:
            self._step = Step.CHALLENGE
            return self._say({**answers, **self._chap.offer()}, transit=False)
        if method is None or method == "None":
            self._unproved()
            return self._say(answers, transit=True)
        raise LoginError(
            f"cannot log in to {self.settings.where}: the target wants authentication {method!r}",
            hint="have it take CHAP: nothing else is known here",
        )

    def _challenge(self, text: dict[str, str]) -> list[Buffer]:
        """The target challenges us."""
        if self._chap is None:  # pragma: no cover - the step exists with a dialogue only
            raise RemoteProtocolError("a challenge where none was asked for")
        if "CHAP_A" in text and text["CHAP_A"] == "Reject":
            raise AuthenticationError(
                f"cannot log in to {self.settings.where}: the target knows none of our algorithms"
            )
        said = self._chap.answer(text)
        self._step = Step.PROOF
        return self._say(said, transit=True)

    def _proof(self, text: dict[str, str]) -> list[Buffer]:
        """The target took our proof, and has more to say before the stage ends."""
        self._verify(text)
        return self._say(self.negotiation.receive(text), transit=True)

    def _keys(self, text: dict[str, str]) -> list[Buffer]:
        """The target answers our keys, and may have offers of its own."""
        return self._say(self.negotiation.receive(text), transit=True)

    def _verify(self, text: dict[str, str]) -> None:
        """Take the target's proof out of its text."""
        chap = {name: text.pop(name) for name in list(text) if name.startswith("CHAP_")}
        if self._chap is not None:
            self._chap.verify(chap)
            self._chap = None

    def _unproved(self) -> None:
        """Go on without authentication, if that is good enough."""
        if self.settings.target_credentials is not None:
            raise AuthenticationError(
                f"cannot log in to {self.settings.where}: the target does not prove who it is",
                hint="have the target ask for CHAP in both directions, or ask for no proof",
            )
        self._chap = None
        self._step = Step.KEYS

    def _advance(self, header: LoginResponse, text: dict[str, str]) -> list[Buffer]:
        """The stage has ended."""
        following = header.flags & 3
        if self._stage == SECURITY:
            if self._step is Step.METHOD:
                # Whatever the method: LIO names CHAP, and ends the stage where it needs no proof.
                text.pop("AuthMethod", None)
                self._unproved()
            else:  # the proof: after the others no stage ends that we have not ended
                self._verify(text)
        if self.negotiation.receive(text):
            raise RemoteProtocolError("the target ends the stage with an offer of its own")
        if following == FULL:
            if self._stage == SECURITY:
                raise RemoteProtocolError("the target left out the stage that we asked for")
            self.tsih = header.session & 0xFFFF
            if not self.tsih:
                raise RemoteProtocolError("the target gave the session no handle")
            self._step = Step.DONE
            return []
        self._stage, self._step = following, Step.KEYS
        return self._say(self.negotiation.offer(), transit=True)

    # What is said.

    def _say(self, text: dict[str, str], *, transit: bool) -> list[Buffer]:
        """Return the PDU of a text, or the first of several."""
        data = format_text(text)
        parts = [data[at : at + MAX_PART] for at in range(0, len(data), MAX_PART)] or [b""]
        self._transit = transit
        self._unsent = parts[1:]
        return self._send(parts[0])

    def _send(self, data: bytes) -> list[Buffer]:
        flags = self._stage << 2
        if self._unsent:
            flags |= CONTINUE
        elif self._transit:
            flags |= TRANSIT | (OPERATIONAL if self._stage == SECURITY else FULL)
        header = LoginRequest(
            flags=flags,
            session=self.settings.isid << 16,
            itt=self._itt,
            cmd_sn=self.window.cmd_sn,
            exp_stat_sn=self.window.exp_stat_sn,
        )
        return encode(header, data)

    def _where(self, text: dict[str, str], *, permanent: bool) -> Redirect:
        address = text.get("TargetAddress", "")
        host, port = parse_address(address, self.settings.where)
        return Redirect(host, port, permanent)


STEPS: dict[Step, Callable[[Login, dict[str, str]], list[Buffer]]] = {
    Step.METHOD: Login._method,
    Step.CHALLENGE: Login._challenge,
    Step.PROOF: Login._proof,
    Step.KEYS: Login._keys,
}


def parse_address(text: str, where: str) -> tuple[str, int]:
    """Return host and port of a TargetAddress: ``host[:port][,portal group]``."""
    portal = text.partition(",")[0]
    host, colon, port = portal.rpartition(":")
    if not colon or portal.endswith("]"):
        host, port = portal, str(DEFAULT_PORT)
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
        raise RemoteProtocolError(f"{where} gives {text!r} for an address")
    return host, int(port)
