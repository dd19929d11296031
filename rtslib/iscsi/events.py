# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a connection tells of: the end of requests, and what the target does by itself."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple, Union

from rtslib.iscsi.requests import Request

if TYPE_CHECKING:
    from rtslib.iscsi.headers import AsyncMessage
    from rtslib.iscsi.outgoing import Agreed

__all__ = ["Event", "LoggedIn", "Message", "MessageKind", "Redirect"]


class LoggedIn(NamedTuple):
    """The full feature phase has begun."""

    agreed: Agreed
    #: What the target says of itself.
    alias: str
    portal_group: int


class Redirect(NamedTuple):
    """Where the target is instead; for good, or for now."""

    host: str
    port: int
    permanent: bool


class MessageKind(IntEnum):
    """What an asynchronous message tells (RFC 7143 section 11.9.1)."""

    SCSI_EVENT = 0
    ASKS_FOR_LOGOUT = 1
    DROPS_CONNECTION = 2
    DROPS_SESSION = 3
    ASKS_FOR_TEXT = 4
    ENDS_TASKS = 5
    VENDOR = 255


class Message(NamedTuple):
    """The target tells of something; `sense` is a logical unit's, if it is one that does."""

    header: AsyncMessage
    sense: bytes

    @property
    def kind(self) -> int:
        """What it tells, see MessageKind."""
        return self.header.event


#: A request is the event of its own end.
Event = Union[Request, LoggedIn, Redirect, Message]
