# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What can go wrong between this initiator and a target. Each error is the standard kind too.

::

    IscsiError                  RTSLibError        anything of iSCSI
    ├── LocalProtocolError      ValueError         the caller asks for what cannot be asked now
    ├── RemoteProtocolError     ConnectionError    the target says what it must not; we hang up
    │   └── DigestError                            a checksum does not fit what came with it
    ├── LoginError              ConnectionError    the target does not let us in: status_class,
    │   │                                          status_detail
    │   └── AuthenticationError PermissionError    somebody could not prove who they are
    ├── ConnectionLostError     ConnectionError    the connection broke, or was never made
    ├── NoAnswerError           TimeoutError       the target took longer than was allowed
    ├── TaskError               OSError            a command or function ended without a status:
    │                                              response has the target's code, if it gave one
    └── ScsiError               OSError            the command ended badly: status, sense, cdb
"""

from __future__ import annotations

from typing import Any, NamedTuple

from rtslib.errors import RTSLibError

__all__ = [
    "AuthenticationError",
    "ConnectionLostError",
    "DigestError",
    "IscsiError",
    "LocalProtocolError",
    "LoginError",
    "NoAnswerError",
    "RemoteProtocolError",
    "ScsiError",
    "TaskError",
    "login_error",
]


class IscsiError(RTSLibError):
    """Anything that goes wrong between an initiator and a target."""


class LocalProtocolError(IscsiError, ValueError):
    """What was asked for cannot be asked for, or not in this state."""


class RemoteProtocolError(IscsiError, ConnectionError):
    """The target sent what it must not send; nothing after it can be trusted."""


class DigestError(RemoteProtocolError):
    """A header or data digest does not fit: something on the way changed what was sent."""


class LoginError(IscsiError, ConnectionError):
    """The target does not let us in: its status, as of RFC 7143 section 11.13.5."""

    def __init__(
        self,
        message: str = "",
        *,
        status_class: int = 0,
        status_detail: int = 0,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, operation="login", hint=hint)
        self.status_class = status_class
        self.status_detail = status_detail


class AuthenticationError(LoginError, PermissionError):
    """We could not prove who we are, or the target could not."""


class ConnectionLostError(IscsiError, ConnectionError):
    """The connection broke, or could not be made."""


class NoAnswerError(IscsiError, TimeoutError):
    """The target did not answer within the time that was allowed."""


class TaskError(IscsiError, OSError):
    """A command, or a function upon commands, that did not come to a SCSI status."""

    def __init__(self, message: str = "", *, response: int | None = None) -> None:
        super().__init__(message)
        self.response = response


class ScsiError(IscsiError, OSError):
    """A command's SCSI status is not good: `sense` tells why, where the target gave any."""

    def __init__(self, status: int, sense: bytes = b"", cdb: bytes = b"") -> None:
        # Only an error needs words: most programs have none.
        from rtslib.iscsi.scsi.cdb import describe
        from rtslib.iscsi.scsi.sense import explain

        what = describe(cdb) if cdb else "a SCSI command"
        super().__init__(f"{what}: {explain(status, sense)}")
        self.status = status
        self.sense = bytes(sense)
        self.cdb = bytes(cdb)

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.status, self.sense, self.cdb))


class _Meaning(NamedTuple):
    words: str
    hint: str | None


_MEANINGS = {
    (2, 0): _Meaning(
        "the target did not like the login",
        "one of the parameters offered is not to its taste: try without digests, or CHAP with MD5",
    ),
    (2, 1): _Meaning("authentication failed", "check the user and the secret, on both sides"),
    (2, 2): _Meaning(
        "this initiator may not log in", "give the target an ACL for the initiator's name"
    ),
    (2, 3): _Meaning(
        "there is no such target, or it hides from this initiator",
        "compare the name with what discovery shows; upper and lower case differ",
    ),
    (2, 4): _Meaning("the target was removed and will not come back", None),
    (2, 5): _Meaning("the target speaks another version of iSCSI", None),
    (2, 6): _Meaning("the session has as many connections as it may have", None),
    (2, 7): _Meaning("the login lacks a parameter", "a normal session names a target"),
    (2, 8): _Meaning("the connection cannot be part of this session", None),
    (2, 9): _Meaning("the target has no sessions of this type", None),
    (2, 10): _Meaning("the session does not exist (any more)", "log in to a new one"),
    (2, 11): _Meaning("what was sent does not belong into a login", None),
    (3, 0): _Meaning("the target has an error of its own", "look into the target's log"),
    (3, 1): _Meaning(
        "the target or its portal group is not in service",
        "enable it, or wait until it is back; a name in another case is another target",
    ),
    (3, 2): _Meaning("the target has no resources for another session", "try again later"),
}


def login_error(status_class: int, status_detail: int, what: str) -> LoginError:
    """Return the error for a login status other than success and redirection."""
    code = f"status {status_class:02x}{status_detail:02x}"
    words, hint = _MEANINGS.get(
        (status_class, status_detail), _Meaning("it refuses without a reason that is known", None)
    )
    kind = AuthenticationError if (status_class, status_detail) == (2, 1) else LoginError
    return kind(
        f"cannot log in to {what}: {words} ({code})",
        status_class=status_class,
        status_detail=status_detail,
        hint=hint,
    )
