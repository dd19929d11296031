# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""An initiator's session on asyncio: ``async with Session.connect(url) as session:``.

Any number of tasks may have commands in flight. Who is cancelled while waiting for a command has it
aborted at the target. A lost connection is made again, and what was under way is done again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Callable

from rtslib.iscsi.blocks import Blocks
from rtslib.iscsi.errors import IscsiError, LocalProtocolError, TaskError
from rtslib.iscsi.execute import USUAL
from rtslib.iscsi.keys import format_text, parse_pairs
from rtslib.iscsi.requests import Function, Logout, Ping, TaskManagement, Text
from rtslib.iscsi.settings import Credentials, Settings

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from rtslib.iscsi.events import Message
    from rtslib.iscsi.link import Connector
    from rtslib.iscsi.outgoing import Agreed
    from rtslib.iscsi.url import IscsiURL

__all__ = ["Session", "settings_of"]

#: A goodbye need not take longer.
LOGOUT_TIMEOUT = 5.0

#: What the target says to a task management function (RFC 7143 section 11.6.1).
_RESPONSES = {
    1: "there is no such task",
    2: "there is no such LUN",
    3: "the task still belongs to a connection",
    4: "it cannot reassign tasks",
    5: "it knows no such function",
    6: "it does not allow us to",
    255: "it refuses",
}
#: The words of URLs.
_DIGESTS = {"crc32c": ("CRC32C",), "none": ("None",)}
_ALGORITHMS = {"md5": (5,), "sha1": (6,), "sha-256": (7,), "sha3-256": (8,)}


def settings_of(where: str | IscsiURL | Settings, **changes: Any) -> Settings:
    """Return the settings of a URL, with what is given by name instead of its own."""
    settings = where if isinstance(where, Settings) else _of_url(where)
    return replace(settings, **changes) if changes else settings


def _of_url(where: str | IscsiURL) -> Settings:
    from rtslib.iscsi.url import IscsiURL  # needed only by those who have a URL

    url = IscsiURL.parse(where) if isinstance(where, str) else where
    if url.transport != "tcp":
        raise LocalProtocolError(f"{url}: there is no {url.transport} here, only TCP")
    ours = Credentials(url.user, url.secret) if url.wants_chap else None
    theirs = Credentials(url.target_user, url.target_secret) if url.wants_mutual else None
    usual = Settings()
    return Settings(
        host=url.host,
        port=url.port,
        target=url.target,
        lun=url.lun,
        serial=url.serial,
        credentials=ours,
        target_credentials=theirs,
        header_digest=_DIGESTS[url.header_digest] if url.header_digest else usual.header_digest,
        data_digest=_DIGESTS[url.data_digest] if url.data_digest else usual.data_digest,
        chap_algorithms=_ALGORITHMS[url.auth] if url.auth else usual.chap_algorithms,
    )


class Session(Blocks):
    """A session with a target. Times are in seconds; LUNs are numbers, or as `luns` returns them.

    `settings` has what was asked for, `agreed` what came of it. `on_message` is called with what
    the target tells by itself.
    """

    @classmethod
    def connect(
        cls,
        where: str | IscsiURL | Settings,
        *,
        connector: Connector | None = None,
        on_message: Callable[[Message], None] | None = None,
        **changes: Any,
    ) -> Self:
        """Return a session that is opened by ``async with``, or by awaiting it.

        `changes` are fields of Settings. `connector` makes the socket, where it is not to be an
        ordinary one.
        """
        return cls(settings_of(where, **changes), connector=connector, on_message=on_message)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self.__aenter__().__await__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.logout()

    async def open(self) -> None:
        """Connect and log in; only to the disk with the serial number of the settings, if any."""
        await super().open()
        wanted, lun = self.settings.serial, self.lun
        if wanted is not None and (found := await self.serial(lun)) != wanted:
            await self.logout()
            raise LocalProtocolError(
                f"{self.settings.where}: LUN {lun} has the serial number {found!r}, not {wanted!r}"
            )

    @property
    def lun(self) -> int:
        """The LUN that the URL names; 0 if it names none."""
        return self.settings.lun or 0

    @property
    def agreed(self) -> Agreed:
        """What both sides agreed upon at the last login."""
        return self.connection.sender.agreed

    # Task management.

    async def manage(
        self, function: Function, lun: int = 0, *, timeout: float | None = USUAL
    ) -> None:
        """Do a task management function; TaskError if the target does not."""
        task = TaskManagement(function, lun)
        await self.run(task, self.settings.ping_timeout if timeout == USUAL else timeout)
        if task.response:
            words = _RESPONSES.get(task.response, f"response {task.response}")
            raise TaskError(f"{function.name}: {words}", response=task.response)

    async def abort_task_set(self, lun: int) -> None:
        """End all commands of this session at a LUN."""
        await self.manage(Function.ABORT_TASK_SET, lun)

    async def clear_task_set(self, lun: int) -> None:
        """End all commands at a LUN, of other initiators too."""
        await self.manage(Function.CLEAR_TASK_SET, lun)

    async def lun_reset(self, lun: int) -> None:
        """Reset a LUN: its commands end, for all initiators."""
        await self.manage(Function.LOGICAL_UNIT_RESET, lun)

    async def target_reset(self, *, cold: bool = False) -> None:
        """Reset all LUNs of the target; cold, it also ends all of its sessions."""
        await self.manage(Function.TARGET_COLD_RESET if cold else Function.TARGET_WARM_RESET)

    # The session itself.

    async def ping(self, data: bytes = b"") -> float:
        """Ask the target whether it is there; return how many seconds the answer took."""
        began = self.loop.time()
        await self.run(Ping(data), self.settings.ping_timeout)
        return self.loop.time() - began

    async def text(self, pairs: Mapping[str, str]) -> list[tuple[str, str]]:
        """Send keys and values, and return the target's."""
        text = Text(format_text(pairs))
        await self.run(text, self.settings.command_timeout)
        return parse_pairs(text.answer)

    async def logout(self) -> None:
        """Say goodbye and hang up. Commands that are under way end with an error."""
        if self.closing:
            return
        self.closing = True
        try:
            if self.link is not None and self._ready:
                await self.run(Logout(), LOGOUT_TIMEOUT)
        except IscsiError:
            pass  # gone is gone
        finally:
            self.close()
