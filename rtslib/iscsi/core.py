# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""One connection of an initiator, without a socket and a clock: bytes in, events and bytes out.

`buffers` says where received bytes go, `received` takes note of them, `take_events` returns what
came of it and `take_output` what is to be sent. States are changed by the table in ``states``
alone. After an error of the target nothing more may be asked of the connection.
"""

from __future__ import annotations

import os
from collections import deque
from typing import TYPE_CHECKING, Any, Callable

from rtslib.iscsi.errors import (
    ConnectionLostError,
    IscsiError,
    LocalProtocolError,
    RemoteProtocolError,
)
from rtslib.iscsi.events import LoggedIn
from rtslib.iscsi.headers import OPCODE, Opcode
from rtslib.iscsi.incoming import HANDLERS, place_data
from rtslib.iscsi.login import Login
from rtslib.iscsi.outgoing import Agreed, Sender
from rtslib.iscsi.requests import (
    Command,
    Function,
    Logout,
    Ping,
    Request,
    TaskManagement,
    Text,
)
from rtslib.iscsi.states import RECEIVES, TRANSITIONS, State, Trigger
from rtslib.iscsi.stream import Receiver
from rtslib.iscsi.window import MASK, Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rtslib.iscsi.digest import Buffer
    from rtslib.iscsi.events import Event
    from rtslib.iscsi.headers import LoginResponse
    from rtslib.iscsi.settings import Settings

__all__ = ["Connection"]


class Connection:
    """One connection, from its login to its end."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = State.FREE
        self.window = Window(int.from_bytes(os.urandom(4), "big"))
        self.sender = Sender(self.window)
        self.receiver = Receiver(self, settings.max_recv_data_segment_length)
        #: All that has been sent and has no end yet, by its tag.
        self.tasks: dict[int, Request] = {}
        #: What waits for the target to take more commands.
        self.waiting: deque[Command | Text] = deque()
        #: The target's number for the session.
        self.tsih = 0
        self._events: list[Event] = []
        self._itt = int.from_bytes(os.urandom(4), "big")
        self._login: Login | None = None

    # Bytes and events.

    def buffers(self) -> Sequence[memoryview]:
        """Return where received bytes go, in this order."""
        return self.receiver.buffers()

    def received(self, count: int) -> None:
        """Take note of bytes received there; a RemoteProtocolError is the connection's end."""
        try:
            self.receiver.received(count)
            # Not behind a logout: no new request may follow it (RFC 7143 section 11.14).
            if self.waiting and self._at_work:
                self._send_waiting()
        except IscsiError:
            self.change(Trigger.BROKEN)
            raise

    def end_of_stream(self) -> ConnectionLostError:
        """Return the error for a target that hung up."""
        what = "the target hung up" if self.receiver.idle else "the target hung up within a PDU"
        self.change(Trigger.BROKEN)
        return ConnectionLostError(f"{self.settings.where}: {what}")

    def take_events(self) -> list[Event]:
        """Return what happened since the last call."""
        events, self._events = self._events, []
        return events

    def take_output(self) -> list[Buffer]:
        """Return what is to be sent, in order."""
        return self.sender.take()

    # What may be asked for.

    def ask(self, request: Request) -> None:
        """Send a request of any kind."""
        _BY_KIND[type(request)](self, request)

    def begin(self) -> None:
        """Begin to log in."""
        self._trigger(Trigger.BEGIN)
        self._login = Login(self.settings, self.window, self._next_itt())
        self.sender.add(self._login.begin())

    def execute(self, command: Command) -> None:
        """Send a command, now or as soon as the target takes it."""
        self._require_work()
        if self.waiting or not self.window.room:
            self.waiting.append(command)
            return
        self._start(command)
        self.sender.command(command)

    def text(self, text: Text) -> None:
        """Send text that will be answered."""
        self._require_work()
        self.waiting.append(text)
        self._send_waiting()

    def ping(self, ping: Ping) -> None:
        """Ask whether the target is there."""
        self._require_work()
        if len(ping.data) > min(
            self.sender.agreed.max_send, self.settings.max_recv_data_segment_length
        ):
            raise LocalProtocolError(f"a ping cannot have {len(ping.data)} bytes here")
        self._start(ping)
        self.sender.ping(ping)

    def manage(self, task: TaskManagement) -> None:
        """Send a task management function."""
        self._require_work()
        if task.function >= Function.QUERY_TASK and self.sender.agreed.protocol_level < 2:  # noqa: PLR2004 - RFC 7144
            raise LocalProtocolError(
                f"{task.function.name} needs protocol level 2, which was not agreed upon",
                hint="ask for it: Settings(protocol_level=2)",
            )
        self._start(task)
        self.sender.manage(task)

    def abandon(self, command: Command) -> TaskManagement | None:
        """Want no more of a command: nothing is written to its memory from now on.

        Returns the function that was sent to end it at the target, None where it was not there, or
        ends with the session.
        """
        command.read_into = None
        if command in self.waiting:
            self.waiting.remove(command)
            return None
        if self.tasks.get(command.itt) is not command or command.aborting:
            return None
        self.receiver.divert(command.itt)
        command.aborting = True
        if not self._at_work:
            # A logout is on its way, which ends all commands; nothing may be sent behind it.
            return None
        task = TaskManagement(Function.ABORT_TASK, command.lun, command)
        self.manage(task)
        return task

    def logout(self, logout: Logout) -> None:
        """End the session, and with it all that is still under way."""
        self._trigger(Trigger.LOGOUT)
        self._start(logout)
        self.sender.logout(logout)

    def overdue(self, now: float) -> list[Request]:
        """Return the requests that should have ended by now."""
        return [
            one
            for one in (*self.tasks.values(), *self.waiting)
            if one.deadline is not None and one.deadline <= now
        ]

    @property
    def next_deadline(self) -> float | None:
        """When the next request becomes overdue."""
        every = (*self.tasks.values(), *self.waiting)
        return min((one.deadline for one in every if one.deadline is not None), default=None)

    def unfinished(self) -> list[Request]:
        """Return all that has no end yet, in the order in which it was asked for."""
        tasks = [*self.tasks.values(), *self.waiting]
        self.tasks.clear()
        self.waiting.clear()
        return tasks

    # For the halves of this connection.

    def emit(self, event: Event) -> None:
        """Tell of something."""
        self._events.append(event)

    def finish(self, request: Request) -> None:
        """End a request."""
        self.tasks.pop(request.itt, None)
        self._events.append(request)

    def change(self, trigger: Trigger) -> None:
        """Change the state because of the target, or of the connection."""
        after = TRANSITIONS.get((self.state, trigger))
        if after is None:
            raise RemoteProtocolError(
                f"{trigger.value}, while the connection is {self.state.value}"
            )
        self.state = after

    def place(self, header: memoryview, length: int) -> memoryview | None:
        """Return where the data of a PDU go."""
        is_data = header[0] & OPCODE == Opcode.DATA_IN
        return place_data(self, header, length) if is_data else None

    def deliver(self, header: memoryview, additional: bytes, data: Buffer) -> None:
        """Take a whole PDU."""
        opcode = header[0] & OPCODE
        if opcode not in RECEIVES[self.state]:
            raise RemoteProtocolError(
                f"a PDU with opcode {opcode:#04x}, while the connection is {self.state.value}"
            )
        HANDLERS[opcode](self, header, data)

    def login_step(self, header: LoginResponse, data: Buffer) -> None:
        """Go on with the login."""
        login = self._login
        if login is None:  # pragma: no cover - the state says that there is one
            return
        try:
            answer = login.receive(header, data)
        except IscsiError:
            self.change(Trigger.TURNED_AWAY)
            raise
        if login.redirect is not None:
            self.change(Trigger.TURNED_AWAY)
            self.emit(login.redirect)
        elif login.done:
            self._logged_in(login)
        else:
            self.sender.add(answer)

    def _logged_in(self, login: Login) -> None:
        results = login.negotiation.results
        agreed = self.sender.agreed = Agreed.of(results)
        self.receiver.header_digest = agreed.header_digest
        self.receiver.data_digest = agreed.data_digest
        self.tsih = login.tsih
        self._login = None
        self.change(Trigger.LOGGED_IN)
        alias, group = results["TargetAlias"], results["TargetPortalGroupTag"]
        self.emit(LoggedIn(agreed, str(alias), int(group) if isinstance(group, int) else 0))

    # What is the same for all of this.

    @property
    def _at_work(self) -> bool:
        return self.state is State.FULL or self.state is State.ASKED

    def _require_work(self) -> None:
        if not self._at_work:
            raise LocalProtocolError(f"the connection is {self.state.value}: it takes no requests")

    def _trigger(self, trigger: Trigger) -> None:
        if (self.state, trigger) not in TRANSITIONS:
            raise LocalProtocolError(f"{trigger.value}: not while it is {self.state.value}")
        self.change(trigger)

    def _next_itt(self) -> int:
        itt = self._itt
        while True:
            itt = itt + 1 & MASK
            if itt != MASK and itt not in self.tasks:
                self._itt = itt
                return itt

    def _start(self, request: Request) -> None:
        request.itt = itt = self._next_itt()
        self.tasks[itt] = request

    def _send_waiting(self) -> None:
        while self.waiting and self.window.room:
            request = self.waiting.popleft()
            if isinstance(request, Command):
                self._start(request)
                self.sender.command(request)
            else:
                if self.tasks.get(request.itt) is not request:
                    self._start(request)
                self.sender.text(request)


_BY_KIND: dict[type[Request], Callable[[Connection, Any], None]] = {
    Command: Connection.execute,
    TaskManagement: Connection.manage,
    Ping: Connection.ping,
    Text: Connection.text,
    Logout: Connection.logout,
}
