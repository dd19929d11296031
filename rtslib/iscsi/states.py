# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The states of an initiator's connection, as a table (RFC 7143 section 8.1).

Rule 1: all that changes a connection's state is a trigger in `TRANSITIONS`; what may come in a
state is in `RECEIVES`. There is no other place that decides it.
"""

from __future__ import annotations

from enum import Enum

from rtslib.iscsi.headers import Opcode

__all__ = ["State", "Trigger"]


class State(Enum):
    """Where a connection stands; the numbers are the standard's."""

    FREE = "S1, not begun"
    LOGIN = "S4, logging in"
    FULL = "S5, logged in"
    LOGOUT = "S6, logging out"
    ASKED = "S7, asked by the target to log out"
    CLOSED = "over"


class Trigger(Enum):
    """What changes a connection's state."""

    BEGIN = "we begin to log in"
    LOGGED_IN = "the target lets us in"
    TURNED_AWAY = "the target refuses, or sends us elsewhere"
    ASKED = "the target wants us to log out"
    LOGOUT = "we log out"
    LOGGED_OUT = "the target says goodbye"
    BROKEN = "the connection is lost, or what came over it cannot be right"


TRANSITIONS: dict[tuple[State, Trigger], State] = {
    (State.FREE, Trigger.BEGIN): State.LOGIN,
    (State.LOGIN, Trigger.LOGGED_IN): State.FULL,
    (State.LOGIN, Trigger.TURNED_AWAY): State.CLOSED,
    (State.FULL, Trigger.ASKED): State.ASKED,
    (State.ASKED, Trigger.ASKED): State.ASKED,
    (State.LOGOUT, Trigger.ASKED): State.LOGOUT,
    (State.FULL, Trigger.LOGOUT): State.LOGOUT,
    (State.ASKED, Trigger.LOGOUT): State.LOGOUT,
    (State.LOGOUT, Trigger.LOGGED_OUT): State.CLOSED,
    **{(state, Trigger.BROKEN): State.CLOSED for state in State},
}

_AT_WORK = frozenset(
    {
        Opcode.NOP_IN,
        Opcode.SCSI_RESPONSE,
        Opcode.TASK_RESPONSE,
        Opcode.TEXT_RESPONSE,
        Opcode.DATA_IN,
        Opcode.READY_TO_TRANSFER,
        Opcode.ASYNC_MESSAGE,
        Opcode.REJECT,
    }
)

#: What a target may send.
RECEIVES: dict[State, frozenset[Opcode]] = {
    State.FREE: frozenset(),
    State.LOGIN: frozenset({Opcode.LOGIN_RESPONSE, Opcode.REJECT}),
    State.FULL: _AT_WORK,
    State.ASKED: _AT_WORK,
    State.LOGOUT: _AT_WORK | {Opcode.LOGOUT_RESPONSE},
    State.CLOSED: frozenset(),
}
