# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""An initiator in this process: libiscsi, whose sessions stay open for as long as a test wants."""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512
NORMAL_SESSION = 2
DIGEST_NONE_OR_CRC32C = 1
GOOD = 0


class _Task(ctypes.Structure):
    """The first fields of `struct scsi_task` in scsi-lowlevel.h."""

    _fields_ = (
        ("status", ctypes.c_int),
        ("cdb_size", ctypes.c_int),
        ("xfer_dir", ctypes.c_int),
        ("expxferlen", ctypes.c_int),
        ("cdb", ctypes.c_ubyte * 16),
        ("residual_status", ctypes.c_int),
        ("residual", ctypes.c_size_t),
        ("error_type", ctypes.c_ubyte),
        ("key", ctypes.c_int),
        ("ascq", ctypes.c_int),
    )


def _library() -> Any:
    library = ctypes.CDLL("libiscsi.so.7")
    library.iscsi_create_context.restype = ctypes.c_void_p
    library.iscsi_get_error.restype = ctypes.c_char_p
    library.iscsi_write10_sync.restype = ctypes.POINTER(_Task)
    return library


class Session:
    """One login; a refusal is a ConnectionError with libiscsi's words."""

    def __init__(self, initiator: str, target: str, portal: str, lun: int = 0) -> None:
        self._library = _library()
        self._context = ctypes.c_void_p(self._library.iscsi_create_context(initiator.encode()))
        self._library.iscsi_set_targetname(self._context, target.encode())
        self._library.iscsi_set_session_type(self._context, NORMAL_SESSION)
        self._library.iscsi_set_header_digest(self._context, DIGEST_NONE_OR_CRC32C)
        self._library.iscsi_set_noautoreconnect(self._context, 1)
        if self._library.iscsi_full_connect_sync(self._context, portal.encode(), lun):
            raise ConnectionError(self._library.iscsi_get_error(self._context).decode())

    def write(self, lun: int, block: int, data: bytes) -> None:
        """Write whole blocks; PermissionError with status and sense where the target refuses."""
        task = self._library.iscsi_write10_sync(
            self._context, lun, block, data, len(data), BLOCK, 0, 0, 0, 0, 0
        )
        assert task, self._library.iscsi_get_error(self._context).decode()
        status, sense = task.contents.status, task.contents.ascq
        self._library.scsi_free_scsi_task(task)
        if status != GOOD:
            raise PermissionError(f"status {status}, sense {sense:#06x}")

    def close(self) -> None:
        """Log out and hang up."""
        self._library.iscsi_logout_sync(self._context)
        self._library.iscsi_disconnect(self._context)
        self._library.iscsi_destroy_context(self._context)


@contextmanager
def session(initiator: str, target: str, portal: str, lun: int = 0) -> Iterator[Session]:
    """Be logged in for as long as the block lasts."""
    opened = Session(initiator, target, portal, lun)
    try:
        yield opened
    finally:
        opened.close()
