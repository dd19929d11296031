# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""How a command ended: its status, by the numbers of SAM-5."""

from __future__ import annotations

import enum

__all__ = ["Status", "status_name"]


class Status(enum.IntEnum):
    """The status of a command."""

    GOOD = 0x00
    CHECK_CONDITION = 0x02
    CONDITION_MET = 0x04
    BUSY = 0x08
    RESERVATION_CONFLICT = 0x18
    TASK_SET_FULL = 0x28
    ACA_ACTIVE = 0x30
    TASK_ABORTED = 0x40

    @property
    def is_good(self) -> bool:
        """Whether the command did what it was to do."""
        return self in (Status.GOOD, Status.CONDITION_MET)


def status_name(status: int) -> str:
    """Return a status as the standards spell it, or its number."""
    try:
        return Status(status).name.replace("_", " ")
    except ValueError:
        return f"status {status:#04x}"
