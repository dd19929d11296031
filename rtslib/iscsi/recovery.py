# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What keeps a session alive: time limits, pings, and a new connection in the place of a lost one.

After a new login the commands that had no end are sent again, in their order. That is safe for
what can be repeated; what cannot is ended with an error, for nobody knows whether it was done.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Callable, cast

from rtslib.iscsi.errors import (
    AuthenticationError,
    ConnectionLostError,
    IscsiError,
    LocalProtocolError,
    NoAnswerError,
)
from rtslib.iscsi.events import Event, Message, MessageKind
from rtslib.iscsi.link import Connector, Link, open_link
from rtslib.iscsi.requests import Command, Logout, Ping, Request

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from rtslib.iscsi.core import Connection
    from rtslib.iscsi.settings import Settings

__all__ = ["Recovery", "is_attention", "sense_key"]

TEST_UNIT_READY = bytes(6)
#: A logical unit has one thing to tell after the other: at most so many are listened to.
ATTENTIONS = 10


class Recovery:
    """A session's connection, and the requests upon it."""

    def __init__(
        self,
        settings: Settings,
        *,
        connector: Connector | None = None,
        on_message: Callable[[Message], None] | None = None,
    ) -> None:
        self.settings = settings
        #: The loop that it was opened on.
        self.loop: asyncio.AbstractEventLoop
        self.link: Link | None = None
        self.closing = False
        self._connector = connector
        self._on_message = on_message
        self._opened = False
        #: Whether requests may go to the link, and what waits until they may.
        self._ready = False
        self._queue: list[Request] = []
        self._failure: IscsiError | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._recovering = False
        self._attempts = 0
        self._time2wait = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._pulse: asyncio.TimerHandle | None = None
        self._drained: asyncio.Future[None] | None = None

    @property
    def connection(self) -> Connection:
        """The connection as it is now."""
        if self.link is None:
            raise LocalProtocolError("the session has no connection (any more)")
        return self.link.connection

    # Opening and closing.

    async def open(self) -> None:
        """Connect and log in."""
        self.loop = asyncio.get_running_loop()
        if self.link is not None or self.closing:
            raise LocalProtocolError("a session is opened once")
        await self._log_in()
        self._opened = self._ready = True

    async def _log_in(self) -> Link:
        link = await open_link(self.settings, self._connector, self._events, self._lost)
        if link.wire.closed:
            raise ConnectionLostError(f"{self.settings.where}: the target hung up after the login")
        self.link = link
        if self.closing:  # meanwhile
            self.close()
        else:
            self._beat()
        return link

    def close(self) -> None:
        """Hang up without a goodbye; what is under way ends with an error."""
        self.closing = True
        if self.link is not None:
            link, self.link = self.link, None
            link.wire.close()
            self._queue += link.connection.unfinished()
        self._fail(ConnectionLostError(f"{self.settings.where}: the session was closed"))
        for handle in (self._timer, self._pulse):
            if handle is not None:
                handle.cancel()
        for task in self._tasks:
            task.cancel()

    # Requests.

    async def run(self, request: Request, timeout: float | None) -> None:
        """Have a request done. Whoever is cancelled here has a command aborted."""
        request.waiter = waiter = self.loop.create_future()
        if timeout is not None:
            request.deadline = deadline = self.loop.time() + timeout
            if self._timer is None or deadline < self._timer.when():
                self._watch(deadline)
        self._submit(request)
        try:
            await waiter
        except asyncio.CancelledError:
            self._abandon(request)
            raise
        if request.error is not None:
            raise request.error

    def _submit(self, request: Request) -> None:
        link = self.link
        if link is None or not self._ready:
            if self._failure is not None:
                raise self._failure
            if not self._opened:
                raise LocalProtocolError(
                    "the session is not open", hint="use it within `async with`"
                )
            self._queue.append(request)
            return
        self._send(link, request)

    @staticmethod
    def _send(link: Link, request: Request) -> None:
        link.connection.ask(request)
        link.wire.send_soon()

    def _abandon(self, request: Request) -> None:
        """Want no more of a request."""
        request.waiter = None
        if request in self._queue:
            self._queue.remove(request)
        elif isinstance(request, Command) and self.link is not None:
            abort = self.link.connection.abandon(request)
            if abort is not None:
                abort.deadline = self.loop.time() + self.settings.ping_timeout
                self._watch(abort.deadline)
                self.link.wire.send_soon()

    @staticmethod
    def _end(request: Request) -> None:
        """Wake up whoever waits for a request."""
        waiter = request.waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _events(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Request):
                self._attempts = 0
                self._end(event)
            else:
                # Of a login its link has heard before.
                self._message(cast("Message", event))
        drained, link = self._drained, self.link
        if drained is not None and not drained.done() and not (link and link.connection.tasks):
            drained.set_result(None)

    # Time.

    def _watch(self, deadline: float) -> None:
        """Look at the deadlines then, or before."""
        if self._timer is not None:
            if self._timer.when() <= deadline and not self._timer.cancelled():
                return
            self._timer.cancel()
        self._timer = self.loop.call_at(deadline, self._look)

    def _look(self) -> None:
        """End what is overdue."""
        self._timer = None
        now = self.loop.time()
        late = [one for one in self._queue if one.deadline is not None and one.deadline <= now]
        if self.link is not None:
            late += self.link.connection.overdue(now)
        for request in late:
            self._overdue(request)
        left = [one.deadline for one in self._queue if one.deadline is not None]
        if self.link is not None and (soonest := self.link.connection.next_deadline) is not None:
            left.append(soonest)
        if left:
            self._watch(min(left))

    def _overdue(self, request: Request) -> None:
        waiter, request.deadline = request.waiter, None
        what = request.what
        request.error = NoAnswerError(
            f"{self.settings.where}: no answer to a {what} in time",
            hint="the target is overloaded or gone; `timeout` allows more",
        )
        queued = request in self._queue
        self._abandon(request)
        request.waiter = waiter
        self._end(request)
        if self.link is not None and not queued and not isinstance(request, Command):
            # Who does not even answer that is not there.
            self.link.lose(
                NoAnswerError(f"{self.settings.where}: the target does not answer to a {what}")
            )

    def _beat(self) -> None:
        """Ask a silent target whether it is there."""
        link, interval = self.link, self.settings.ping_interval
        if link is None or interval is None or self.closing:
            return
        if self._pulse is not None:
            self._pulse.cancel()
        now = self.loop.time()
        due = link.wire.heard + interval
        if due <= now:
            due = now + interval
            if self._ready and not any(
                isinstance(one, Ping) for one in link.connection.tasks.values()
            ):
                ping = Ping()
                ping.deadline = now + self.settings.ping_timeout
                self._send(link, ping)
                self._watch(ping.deadline)
        self._pulse = self.loop.call_at(due, self._beat)

    # What the target tells, and what becomes of a lost connection.

    def _message(self, message: Message) -> None:
        header = message.header
        if message.kind == MessageKind.ASKS_FOR_LOGOUT:
            if self.link is not None and self._ready:
                self._ready = False
                self._spawn(self._leave(self.link, header.parameter3))
        elif message.kind in (MessageKind.DROPS_CONNECTION, MessageKind.DROPS_SESSION):
            self._time2wait = float(header.parameter2)
            if self.link is not None:
                self.link.lose(ConnectionLostError(f"{self.settings.where}: the target hangs up"))
        if self._on_message is not None:
            self._on_message(message)

    async def _leave(self, link: Link, seconds: int) -> None:
        """Log out as the target wants us to, when what is under way has ended or time is short."""
        if link.connection.tasks:
            self._drained = self.loop.create_future()
            await asyncio.wait([self._drained], timeout=seconds / 2)
            self._drained = None
        if not link.wire.closed:
            logout = Logout()
            logout.waiter = self.loop.create_future()
            self._send(link, logout)
            await asyncio.wait([logout.waiter], timeout=max(seconds / 2, 1))
            link.lose(ConnectionLostError(f"{self.settings.where}: the target asked us to leave"))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _lost(self, link: Link, error: IscsiError) -> None:
        """Keep what can be done again, and make a new connection."""
        if self.link is not link:
            return
        self.link, self._ready = None, False
        kept: list[Request] = []
        for request in link.connection.unfinished():
            if self._may_be_repeated(request):
                kept.append(request)
            elif request.waiter is not None:
                request.error = request.error or ConnectionLostError(str(error))
                self._end(request)
        self._queue = kept + self._queue
        if self.closing or self.settings.reconnects == 0:
            self._fail(error)
        elif not self._recovering:
            self._recovering = True
            self._spawn(self._recover(error))

    def _may_be_repeated(self, request: Request) -> bool:
        if not isinstance(request, Command) or request.waiter is None or request.aborting:
            return False
        limit = self.settings.reconnects
        if request.sent:
            request.tries += 1
            if not request.repeatable or (limit is not None and request.tries > limit):
                return False
        request.restart()
        return True

    async def _recover(self, error: IscsiError) -> None:
        limit, tries = self.settings.reconnects, 0
        while limit is None or tries < limit:
            await asyncio.sleep(max(self._pause(), self._time2wait))
            tries += 1
            self._attempts += 1
            self._time2wait = 0.0
            try:
                await self._listen(await self._log_in())
            except (AuthenticationError, LocalProtocolError) as refused:
                error = refused
                break
            except IscsiError as failed:
                error = failed
            else:
                self._resume()
                return
        self._recovering = False
        self._fail(error)

    def _pause(self) -> float:
        """Return how long to wait: nothing at first, then longer each time, and never the same."""
        if not self._attempts:
            return 0.0
        first, longest = self.settings.reconnect_pause
        pause = min(longest, first * (1 << min(self._attempts - 1, 16)))
        return pause * random.uniform(0.75, 1.25)  # noqa: S311 - to spread many clients, no secret

    async def _listen(self, link: Link) -> None:
        """Let the logical units tell that we are new to them: else the commands would hear it."""
        for lun in {one.lun: one for one in self._queue if isinstance(one, Command)}:
            for _ in range(ATTENTIONS):
                command = Command(lun, TEST_UNIT_READY, repeatable=False)
                command.waiter = self.loop.create_future()
                command.deadline = self.loop.time() + self.settings.login_timeout
                self._watch(command.deadline)
                self._send(link, command)
                await command.waiter
                if command.error is not None:
                    raise command.error
                if not is_attention(command.sense):
                    break

    def _resume(self) -> None:
        self._recovering, self._ready = False, True
        queue, self._queue = self._queue, []
        for request in queue:
            self._submit(request)

    def _fail(self, error: IscsiError) -> None:
        """End all that waits."""
        self._failure = error
        queue, self._queue = self._queue, []
        for request in queue:
            request.error = request.error or ConnectionLostError(
                str(error) if self.closing else f"the connection is lost for good: {error}"
            )
            self._end(request)


#: Formats of sense data in which the key stands in byte 1, not in byte 2.
_DESCRIPTORS = (0x72, 0x73)
UNIT_ATTENTION = 6


def sense_key(sense: bytes) -> int:
    """Return the key of sense data, whatever was cut off them; 0 where there is none."""
    at = 1 if sense[:1] and sense[0] & 0x7F in _DESCRIPTORS else 2
    return sense[at] & 0xF if len(sense) > at else 0


def is_attention(sense: bytes) -> bool:
    """Tell whether a logical unit only had something to tell: the command may succeed now."""
    return sense_key(sense) == UNIT_ATTENTION
