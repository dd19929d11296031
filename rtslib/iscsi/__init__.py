# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""An iSCSI initiator in pure Python.

``Session`` is for asyncio, ``SyncSession`` for programs that wait; ``discover`` and
``sync_discover`` list targets. ``FakeTarget`` is a target in this process to try them on. Names are
looked up at their first use: importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtslib.iscsi.client import Session
    from rtslib.iscsi.discovery import Found, FoundPortal, discover
    from rtslib.iscsi.errors import (
        AuthenticationError,
        ConnectionLostError,
        IscsiError,
        LocalProtocolError,
        LoginError,
        NoAnswerError,
        RemoteProtocolError,
        ScsiError,
        TaskError,
    )
    from rtslib.iscsi.execute import Result
    from rtslib.iscsi.fake import FakeDisk, FakeTarget
    from rtslib.iscsi.requests import Function
    from rtslib.iscsi.settings import Credentials, Settings
    from rtslib.iscsi.sync import Session as SyncSession
    from rtslib.iscsi.sync import discover as sync_discover
    from rtslib.iscsi.url import IscsiURL

__all__ = [
    "AuthenticationError",
    "ConnectionLostError",
    "Credentials",
    "FakeDisk",
    "FakeTarget",
    "Found",
    "FoundPortal",
    "Function",
    "IscsiError",
    "IscsiURL",
    "LocalProtocolError",
    "LoginError",
    "NoAnswerError",
    "RemoteProtocolError",
    "Result",
    "ScsiError",
    "Session",
    "Settings",
    "SyncSession",
    "TaskError",
    "discover",
    "sync_discover",
]

#: Where each name is: its module, and its name there where that is another.
_PLACES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("Session",), ("client", "")),
    **dict.fromkeys(("Found", "FoundPortal", "discover"), ("discovery", "")),
    **dict.fromkeys((name for name in __all__ if name.endswith("Error")), ("errors", "")),
    **dict.fromkeys(("FakeDisk", "FakeTarget"), ("fake", "")),
    **dict.fromkeys(("Credentials", "Settings"), ("settings", "")),
    "Result": ("execute", ""),
    "Function": ("requests", ""),
    "IscsiURL": ("url", ""),
    "SyncSession": ("sync", "Session"),
    "sync_discover": ("sync", "discover"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, other = _PLACES[name]
    value = getattr(import_module(f"{__name__}.{module}"), other or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
