# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Sequence numbers: serial arithmetic (RFC 1982) and the window of commands (RFC 7143 4.2.2).

CmdSN numbers our commands; the target says up to which it takes them. StatSN numbers what the
target answers; with ExpStatSN we say which we have.
"""

from __future__ import annotations

from rtslib.iscsi.errors import RemoteProtocolError

__all__ = ["Window", "after", "precedes"]

MASK = 0xFFFFFFFF
_HALF = 1 << 31


def after(number: int, steps: int = 1) -> int:
    """Return the number that many steps on, or back."""
    return number + steps & MASK


def precedes(one: int, other: int) -> bool:
    """Tell whether a number comes before another on the circle of 32 bits.

    >>> precedes(1, 2), precedes(0xFFFFFFFF, 0), precedes(2, 2)
    (True, True, False)
    """
    return one != other and (other - one & MASK) < _HALF


class Window:
    """Which number the next command has, whether it may go, and what of the target's we have."""

    __slots__ = ("cmd_sn", "exp_cmd_sn", "exp_stat_sn", "max_cmd_sn")

    def __init__(self, cmd_sn: int) -> None:
        self.cmd_sn = cmd_sn
        self.exp_cmd_sn = cmd_sn
        self.max_cmd_sn = cmd_sn
        #: 0 until the target's first answer.
        self.exp_stat_sn = 0

    @property
    def room(self) -> int:
        """How many commands may go now."""
        return max(0, self._signed(self.max_cmd_sn - self.cmd_sn + 1))

    @staticmethod
    def _signed(number: int) -> int:
        number &= MASK
        return number - (1 << 32) if number >= _HALF else number

    def take(self) -> int:
        """Return the number of a command that goes now; whoever asks has looked for room."""
        number = self.cmd_sn
        self.cmd_sn = number + 1 & MASK
        return number

    def update(self, exp_cmd_sn: int, max_cmd_sn: int) -> None:
        """Learn what the target takes. An answer that was overtaken changes nothing."""
        if exp_cmd_sn == self.exp_cmd_sn and max_cmd_sn == self.max_cmd_sn:
            return
        if precedes(max_cmd_sn, exp_cmd_sn - 1 & MASK):
            return
        if precedes(self.exp_cmd_sn, exp_cmd_sn):
            if precedes(self.cmd_sn, exp_cmd_sn):
                raise RemoteProtocolError(
                    f"the target expects command {exp_cmd_sn} where {self.cmd_sn} is our next"
                )
            self.exp_cmd_sn = exp_cmd_sn
        if precedes(self.max_cmd_sn, max_cmd_sn):
            self.max_cmd_sn = max_cmd_sn

    def begin(self, stat_sn: int) -> None:
        """Take the number of an answer for where the target's numbers begin."""
        self.exp_stat_sn = stat_sn + 1 & MASK

    def answered(self, stat_sn: int) -> None:
        """Note an answer that has a number of its own: the one that is expected, or none is."""
        if stat_sn != self.exp_stat_sn:
            raise RemoteProtocolError(
                f"the target's answer has number {stat_sn}, where {self.exp_stat_sn} comes next"
            )
        self.exp_stat_sn = stat_sn + 1 & MASK
