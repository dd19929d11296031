# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Which targets there are, and where: SendTargets in a discovery session."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rtslib.iscsi.client import Session, settings_of
from rtslib.iscsi.errors import RemoteProtocolError
from rtslib.iscsi.login import parse_address
from rtslib.portal import spelled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtslib.iscsi.link import Connector
    from rtslib.iscsi.settings import Settings
    from rtslib.iscsi.url import IscsiURL

__all__ = ["Found", "FoundPortal", "discover", "found_targets"]


class FoundPortal(NamedTuple):
    """Where a target is, and in which of its portal groups."""

    host: str
    port: int
    group: int

    def __str__(self) -> str:
        return f"{spelled(self.host, self.port)},{self.group}"


class Found(NamedTuple):
    """A target and all its portals that were told of."""

    name: str
    portals: tuple[FoundPortal, ...]


async def discover(
    where: str | IscsiURL | Settings, *, connector: Connector | None = None, **changes: Any
) -> list[Found]:
    """Return the targets that a portal tells this initiator of."""
    settings = replace(settings_of(where, **changes), target=None)
    async with Session.connect(settings, connector=connector) as session:
        return found_targets(await session.text({"SendTargets": "All"}), settings)


def found_targets(pairs: Iterable[tuple[str, str]], settings: Settings) -> list[Found]:
    """Return the targets in an answer; one without an address is where it was asked for."""
    found: dict[str, list[FoundPortal]] = {}
    portals: list[FoundPortal] | None = None
    for name, value in pairs:
        if name == "TargetName":
            portals = found.setdefault(value, [])
        elif name == "TargetAddress" and portals is not None:
            host, port = parse_address(value, settings.where)
            group = value.partition(",")[2]
            if group and not group.isdecimal():
                raise RemoteProtocolError(f"{settings.where} tells of portal group {group!r}")
            portals.append(FoundPortal(host, port, int(group or 1)))
        else:
            raise RemoteProtocolError(f"{settings.where} answers discovery with {name}")
    here = (FoundPortal(settings.host, settings.port, 1),)
    return [Found(name, tuple(at) or here) for name, at in found.items()]
