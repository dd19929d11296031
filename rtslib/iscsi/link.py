# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A connection that is logged in: made within a time limit, wherever the target sends us."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Callable, Union, cast

from rtslib.iscsi.core import Connection
from rtslib.iscsi.errors import ConnectionLostError, IscsiError, LoginError, NoAnswerError
from rtslib.iscsi.events import LoggedIn, Redirect
from rtslib.iscsi.wire import Wire, open_socket

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable

    from rtslib.iscsi.events import Event
    from rtslib.iscsi.settings import Settings

__all__ = ["Connector", "Link", "open_link"]

#: What makes a connected socket that does not block: given a host and a port.
Connector = Callable[[str, int], "Awaitable[socket.socket]"]
_Outcome = Union[LoggedIn, Redirect]


class Link:
    """One connection over one socket; what comes before the login is done, it waits for itself."""

    def __init__(
        self,
        settings: Settings,
        sock: socket.socket,
        on_events: Callable[[list[Event]], None],
        on_lost: Callable[[Link, IscsiError], None],
    ) -> None:
        self.settings = settings
        self.connection = Connection(settings)
        self.login: LoggedIn | None = None
        self._on_events = on_events
        self._on_lost = on_lost
        self._outcome: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        self.wire = Wire(self.connection, sock, self._events, self._lost)

    async def log_in(self) -> _Outcome:
        """Log in, and return how that ended."""
        self.connection.begin()
        self.wire.send_soon()
        return await self._outcome

    def lose(self, error: IscsiError) -> None:
        """Hang up because of what is wrong."""
        self.wire.close()
        self._lost(error)

    def _events(self, events: list[Event]) -> None:
        if not self._outcome.done():
            # Nothing else comes before one of these two.
            first = cast("_Outcome", events.pop(0))
            self.login = first if isinstance(first, LoggedIn) else None
            self._outcome.set_result(first)
        if events:
            self._on_events(events)

    def _lost(self, error: IscsiError) -> None:
        if self.login is not None:
            self._on_lost(self, error)
        elif not self._outcome.done():
            self._outcome.set_exception(error)


async def open_link(
    settings: Settings,
    connector: Connector | None,
    on_events: Callable[[list[Event]], None],
    on_lost: Callable[[Link, IscsiError], None],
) -> Link:
    """Log in, within the time that the settings allow."""
    try:
        return await asyncio.wait_for(
            _follow(settings, connector or open_socket, on_events, on_lost),
            settings.login_timeout,
        )
    except asyncio.TimeoutError as error:
        raise NoAnswerError(
            f"{settings.where}: no login within {settings.login_timeout:g} s",
            hint="see whether anything there speaks iSCSI, or allow more time",
        ) from error


async def _follow(
    settings: Settings,
    connector: Connector,
    on_events: Callable[[list[Event]], None],
    on_lost: Callable[[Link, IscsiError], None],
) -> Link:
    """Log in where the target is, or where it says that it is instead."""
    asked = settings
    for _ in range(settings.max_redirects + 1):
        try:
            sock = await connector(settings.host, settings.port)
        except OSError as error:
            if isinstance(error, IscsiError):
                raise
            raise ConnectionLostError(f"cannot connect to {settings.where}: {error}") from error
        link = Link(settings, sock, on_events, on_lost)
        try:
            outcome = await link.log_in()
        finally:
            # Refused, sent on, or no longer wanted.
            if link.login is None:
                link.wire.close()
        if isinstance(outcome, LoggedIn):
            return link
        settings = replace(settings, host=outcome.host, port=outcome.port)
    raise LoginError(
        f"cannot log in to {asked.where}: sent on more than {asked.max_redirects} times, "
        f"to {settings.where} at last",
        status_class=1,
        hint="the redirections may go in a circle: look into the target's configuration",
    )
