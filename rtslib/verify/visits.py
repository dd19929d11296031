# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Who logs in where: every initiator at every portal, and those who must not get in.

A session of ours has an ISID of its own, so that none of the same initiator is ended by it. The
kernel remembers one session for an ACL, though: while ours lasts, it shows that one.
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from rtslib.errors import RTSLibError
from rtslib.iscsi.client import Session
from rtslib.iscsi.errors import AuthenticationError, LoginError
from rtslib.iscsi.settings import Settings
from rtslib.verify.compare import Fault, compare
from rtslib.verify.expected import groups
from rtslib.verify.seen import look

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

    from rtslib.config.state import State
    from rtslib.iscsi.settings import Credentials
    from rtslib.portal import PortalAddress
    from rtslib.verify.expected import Entry, Group, Sizes
    from rtslib.verify.seen import Connect

__all__ = ["Item", "Options", "verify", "visits"]

#: How many log in at once: the kernel lets them in one after the other anyway.
_AT_ONCE = 4
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where these are reached, not bound

#: How names begin that have no ACL.
STRANGERS = "iqn.2026-11.org.rtslib:verify-"

#: What is tried, by the word that programs are told.
_CHECKS = {
    "login": "{luns} as configured",
    "wrong password": "a wrong password is refused",
    "no password": "no password is refused",
    "unknown initiator": "an initiator without ACL is refused",
    "reach": "",
}


@dataclass(frozen=True)
class Item:
    """What was tried, and what came of it: nothing in `faults` is as it should be."""

    check: str
    target: str
    tag: int
    portal: str = ""
    initiator: str = ""
    luns: int = 0
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()
    tried: bool = True

    @property
    def is_good(self) -> bool:
        """Whether it is as it should be."""
        return not self.faults

    @property
    def where(self) -> str:
        """What it is about, as people write it."""
        at = f" at {self.portal}" if self.portal else ""
        who = f" as {self.initiator}" if self.initiator else ""
        return f"{self.target}/tpg{self.tag}{at}{who}"

    @property
    def praise(self) -> str:
        """What to say where it is as it should be; '' where that could not be tried."""
        luns = "1 LUN" if self.luns == 1 else f"{self.luns} LUNs"
        return _CHECKS[self.check].format(luns=luns) if self.tried else ""


def _connect(settings: Settings) -> Session:
    return Session.connect(settings)


class Options(NamedTuple):
    """How to go about it: `in_use` tells which ACLs, by their records' names, have sessions.

    `thorough` asks disks of such ACLs, too, what their sessions may be waiting to hear. `stranger`
    is a name that has no ACL. In demo mode the kernel remembers it, with the LUNs of that moment:
    so it should be the same for as long as the configuration is, and then another.
    """

    connect: Connect = _connect
    timeout: float = 10.0
    in_use: Callable[[str], bool] = lambda _acl: False
    thorough: bool = False
    stranger: str = f"{STRANGERS}0"


def verify(state: State, sizes: Sizes, options: Options) -> list[Item]:
    """Return all that was tried of a configuration, in its order."""
    return asyncio.run(_verify(list(groups(state, sizes)), options))


async def _verify(found: list[Group], options: Options) -> list[Item]:
    slots = asyncio.Semaphore(_AT_ONCE)

    async def in_turn(work: Coroutine[Any, Any, list[Item]]) -> list[Item]:
        async with slots:
            return await work

    made = await asyncio.gather(*(in_turn(it) for group in found for it in visits(group, options)))
    return [item for items in made for item in items]


def visits(group: Group, options: Options) -> Iterator[Coroutine[Any, Any, list[Item]]]:
    """Yield what is to be tried of a TPG, a part that can go beside others at a time."""
    visit = _Visit(group, options)
    yield visit.notes()
    for entry in group.entries:
        yield visit.entry(entry)
    if group.portals and not group.is_open:
        yield visit.stranger()


class _Visit:
    """What is tried of one TPG."""

    def __init__(self, group: Group, options: Options) -> None:
        self.group = group
        self.options = options

    def _item(self, check: str, portal: PortalAddress | None, initiator: str, **more: Any) -> Item:
        at = str(portal) if portal else ""
        return Item(check, self.group.target, self.group.tag, at, initiator, **more)

    async def notes(self) -> list[Item]:
        """Say what cannot be tried."""
        notes = [f"{it} is reached by RDMA only: not looked at" for it in self.group.rdma]
        if not (self.group.portals or self.group.rdma):
            notes.append("is enabled and has no portal: nobody can reach it")
        if not self.group.entries:
            notes.append("is enabled and has no ACL: nobody can log in")
        return [self._item("reach", None, "", notes=tuple(notes), tried=False)] if notes else []

    async def entry(self, entry: Entry) -> list[Item]:
        """Log in as one initiator at every portal, then without its password where one is asked."""
        initiator = entry.initiator or self.options.stranger
        # Asked once, and before: the kernel takes a while to forget a session of ours.
        quietly = self.options.in_use(entry.acl) and not self.options.thorough
        items = []
        inside = None
        for portal in self.group.portals:
            item = await self._login(entry, initiator, portal, quietly=quietly)
            items.append(item)
            if inside is None and not any(it.about == "login" for it in item.faults):
                inside = portal
        if inside is not None and entry.asked and entry.credentials is not None:
            wrong = replace(entry.credentials, secret=os.urandom(12).hex())
            for check, credentials in (("wrong password", wrong), ("no password", None)):
                items.append(await self._refused(check, initiator, inside, credentials))
        return items

    async def _login(
        self, entry: Entry, initiator: str, portal: PortalAddress, *, quietly: bool
    ) -> Item:
        notes = []
        if quietly:
            notes.append("is logged in now: sizes and write protection were not asked for")
        if entry.has_needless_secret:
            notes.append("has a password that nobody asks for")
        try:
            settings = self._settings(
                initiator,
                portal,
                credentials=entry.credentials if entry.asked else None,
                target_credentials=entry.target_credentials if entry.asked else None,
            )
            seen = await look(self.options.connect, settings, quietly=quietly)
        except RTSLibError as error:
            text = str(error)
            if entry.asked and entry.credentials is None:
                text += "; a password is asked for, and none is configured"
            faults = [Fault("login", text)]
        else:
            faults = list(compare(entry, seen))
        return self._item(
            "login",
            portal,
            initiator,
            luns=len(entry.disks),
            faults=tuple(faults),
            notes=tuple(notes),
        )

    async def stranger(self) -> list[Item]:
        """Log in under a name that has no ACL."""
        portal = self.group.portals[0]
        return [await self._refused("unknown initiator", self.options.stranger, portal, None)]

    async def _refused(
        self, check: str, initiator: str, portal: PortalAddress, credentials: Credentials | None
    ) -> Item:
        """Log in, which must be refused."""
        try:
            async with self.options.connect(
                self._settings(initiator, portal, credentials=credentials)
            ):
                text = _LET_IN[check]
        except LoginError as error:
            # Who has no ACL is refused before a password is asked for.
            if check != "unknown initiator" or not isinstance(error, AuthenticationError):
                return self._item(check, portal, initiator)
            text = "is asked for a password instead of refused, and has no ACL"
        except RTSLibError as error:
            note = f"{check}: not tried: {error}"
            return self._item(check, portal, initiator, notes=(note,), tried=False)
        return self._item(check, portal, initiator, faults=(Fault("refusal", text),))

    def _settings(self, initiator: str, portal: PortalAddress, **more: Any) -> Settings:
        return Settings(
            host=_LOOPBACK.get(portal.ip, portal.ip),
            port=portal.port,
            target=self.group.target,
            initiator=initiator,
            data_digest=("None", "CRC32C"),
            login_timeout=self.options.timeout,
            command_timeout=self.options.timeout,
            reconnects=0,
            **more,
        )


_LET_IN = {
    "wrong password": "is let in with a wrong password",
    "no password": "is let in without a password",
    "unknown initiator": "is let in, and has no ACL",
}
