# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What an initiator sees: it logs in, and asks what there is. It writes nothing.

To whom an ACL's session belongs matters to what may be asked: the kernel keeps what a disk has to
tell (UNIT ATTENTION) once for an ACL, not for a session, and whoever asks first hears it. Only
INQUIRY and REPORT LUNS leave it where it is (target_core_ua.c, target_scsi3_ua_check).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable

from rtslib.iscsi import scsi
from rtslib.iscsi.errors import ScsiError
from rtslib.iscsi.scsi.layout import MalformedDataError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from rtslib.iscsi.scsi.lun import Lun
    from rtslib.iscsi.settings import Settings

__all__ = ["Connect", "Seen", "SeenDisk", "look"]

#: Logs in, and out at the end of the block: ``client.Session.connect``, or a test's own.
Connect = Callable[["Settings"], "AbstractAsyncContextManager[Any]"]

_MODE_LENGTH = 252


@dataclass(frozen=True)
class SeenDisk:
    """A LUN as an initiator sees it. None: it was not asked. `error` says why it is of no use."""

    lun: int
    serial: str | None = None
    size: int | None = None
    block_size: int | None = None
    write_protected: bool | None = None
    error: str = ""


@dataclass(frozen=True)
class Seen:
    """What one login shows; `depth` is how many commands the target takes at a time."""

    depth: int
    disks: dict[int, SeenDisk] = field(default_factory=dict)


async def look(connect: Connect, settings: Settings, *, quietly: bool = False) -> Seen:
    """Log in and see what there is; an IscsiError where that cannot be.

    `quietly` asks only what cannot be noticed by another session of the same initiator.
    """
    async with connect(settings) as session:
        luns = await session.luns()
        # LIO opens the window behind the login: all of it is known from the first answer on.
        depth = session.connection.window.room
        found = [await _disk(session, lun, quietly=quietly) for lun in luns]
    return Seen(depth, {it.lun: it for it in found if it is not None})


async def _disk(session: Any, lun: Lun, *, quietly: bool) -> SeenDisk | None:
    """Return what is behind a LUN, None for nothing: a target lists LUN 0 even where it is not."""
    try:
        inquiry = await session.inquiry(lun)
        if not inquiry.is_there:
            return None
        serial = await _serial(session, lun)
        if quietly or not inquiry.has_blocks:
            return SeenDisk(lun.linux, serial)
        capacity = await session.read_capacity(lun)
        mode = await session.ask(lun, scsi.mode_sense6(length=_MODE_LENGTH), _MODE_LENGTH)
        protected = scsi.ModeParameters.parse6(mode).write_protected
    except ScsiError as error:
        return SeenDisk(lun.linux, error=scsi.explain(error.status, error.sense))
    except MalformedDataError as error:
        return SeenDisk(lun.linux, error=str(error))
    return SeenDisk(lun.linux, serial, capacity.size, capacity.block_size, protected)


async def _serial(session: Any, lun: Lun) -> str | None:
    """Return a serial number; None for a device that is passed through and has no such page."""
    try:
        found: str = await session.serial(lun)
    except ScsiError as error:
        if error.sense and scsi.Sense.parse(error.sense).key is scsi.SenseKey.ILLEGAL_REQUEST:
            return None
        raise
    return found
