# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The same session for programs that do not use asyncio: ``with Session.connect(url) as session:``.

One thread, begun at the first use, runs the event loop of all such sessions: pings are answered and
lost connections made again while the program does something else. Calls may come from any thread.
"""

from __future__ import annotations

import asyncio
import threading
from functools import wraps
from typing import TYPE_CHECKING, Any, Callable, TypeVar

from rtslib.iscsi import client
from rtslib.iscsi import discovery as _discovery

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from types import TracebackType

    from typing_extensions import Concatenate, ParamSpec, Self

    from rtslib.iscsi.discovery import Found
    from rtslib.iscsi.events import Message
    from rtslib.iscsi.link import Connector
    from rtslib.iscsi.outgoing import Agreed
    from rtslib.iscsi.settings import Settings
    from rtslib.iscsi.url import IscsiURL

    P = ParamSpec("P")

__all__ = ["Session", "discover"]

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def _running_loop() -> asyncio.AbstractEventLoop:
    """Return the loop in its thread, which ends with the program."""
    global _loop  # noqa: PLW0603 - there is one in a process
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="rtslib-iscsi", daemon=True).start()
        return _loop


def _wait(work: Coroutine[Any, Any, T]) -> T:
    """Return what comes of it; who is interrupted while waiting cancels it."""
    future = asyncio.run_coroutine_threadsafe(work, _running_loop())
    try:
        return future.result()
    finally:
        future.cancel()


def _blocking(
    method: Callable[Concatenate[client.Session, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Session, P], T]:
    """Return the form of an asynchronous method that waits."""

    @wraps(method)
    def call(self: Session, /, *arguments: P.args, **options: P.kwargs) -> T:
        return _wait(method(self.session, *arguments, **options))

    return call


class Session:
    """A session with a target, whose methods wait. See ``client.Session`` for each of them."""

    def __init__(self, session: client.Session) -> None:
        #: The asynchronous session, which belongs to the loop of this module's thread.
        self.session = session

    @classmethod
    def connect(
        cls,
        where: str | IscsiURL | Settings,
        *,
        connector: Connector | None = None,
        on_message: Callable[[Message], None] | None = None,
        **changes: Any,
    ) -> Self:
        """Return a session that is opened by ``with``, or by `open`."""
        return cls(
            client.Session.connect(where, connector=connector, on_message=on_message, **changes)
        )

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.logout()

    @property
    def settings(self) -> Settings:
        """What was asked for."""
        return self.session.settings

    @property
    def lun(self) -> int:
        """The LUN that the URL names; 0 if it names none."""
        return self.session.lun

    @property
    def agreed(self) -> Agreed:
        """What both sides agreed upon."""
        return self.session.agreed

    def forget(self, lun: int) -> None:
        """Ask anew how large a logical unit is when that is needed next."""
        _running_loop().call_soon_threadsafe(self.session.forget, lun)

    open = _blocking(client.Session.open)
    logout = _blocking(client.Session.logout)
    execute = _blocking(client.Session.execute)
    ask = _blocking(client.Session.ask)
    test_unit_ready = _blocking(client.Session.test_unit_ready)
    luns = _blocking(client.Session.luns)
    inquiry = _blocking(client.Session.inquiry)
    page = _blocking(client.Session.page)
    serial = _blocking(client.Session.serial)
    read_capacity = _blocking(client.Session.read_capacity)
    geometry = _blocking(client.Session.geometry)
    read = _blocking(client.Session.read)
    write = _blocking(client.Session.write)
    flush = _blocking(client.Session.flush)
    ping = _blocking(client.Session.ping)
    text = _blocking(client.Session.text)
    manage = _blocking(client.Session.manage)
    abort_task_set = _blocking(client.Session.abort_task_set)
    clear_task_set = _blocking(client.Session.clear_task_set)
    lun_reset = _blocking(client.Session.lun_reset)
    target_reset = _blocking(client.Session.target_reset)


def discover(
    where: str | IscsiURL | Settings, *, connector: Connector | None = None, **changes: Any
) -> list[Found]:
    """Return the targets that a portal tells this initiator of."""
    return _wait(_discovery.discover(where, connector=connector, **changes))
