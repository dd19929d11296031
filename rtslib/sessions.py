# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Sessions: who is logged in, as far as the kernel tells.

Three places tell parts of it: an ACL's ``info`` the last session of its initiator, with its
connections; a TPG's ``dynamic_sessions`` the names of initiators without an ACL; a target's
statistics how many sessions there are in all. What none of them tells is "unknown", which is not
"none". Source: drivers/target/iscsi/iscsi_target_configfs.c, lio_target_nacl_info_show.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rtslib.target import NodeACL

__all__ = ["UNKNOWN", "Connection", "Session", "parse_dynamic", "parse_info"]

#: What the kernel does not tell.
UNKNOWN = "unknown"

#: What a file in configfs can show, a NUL at its end included.
_PAGE = 4096

_PREFIXES = ("TARG_SESS_STATE_", "TARG_CONN_STATE_")
_FIELD = {
    name: re.compile(pattern, re.MULTILINE)
    for name, pattern in {
        "initiator": r"^InitiatorName: (.*)$",
        "alias": r"^InitiatorAlias: (.*)$",
        "id": r"^LIO Session ID: (\d+) ",
        "isid": r"ISID: 0x((?:[0-9a-f]{2} ?){6})",
        "tsih": r"TSIH: (\d+)",
        "type": r"SessionType: (\S+)",
        "state": r"^Session State: (\S+)$",
    }.items()
}
_CONNECTION = re.compile(
    r"^CID: (?P<cid>\d+)  Connection State: (?P<cstate>\S+)\s*\n"
    r"\s*Address (?P<address>\S+) (?P<transport>\S+)",
    re.MULTILINE,
)


class _Record(Mapping[str, Any]):
    """A frozen dataclass that can also be read as the dict that rtslib has always returned.

    ``dict(record)`` is a shallow copy; records that are equal have one hash.
    """

    def __getitem__(self, key: str) -> Any:
        if key in list(self):
            return getattr(self, key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter([field.name for field in fields(self)])  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(fields(self))  # type: ignore[arg-type]

    def __hash__(self) -> int:
        # Mapping compares by content, and so has taken the hash away.
        return hash(tuple(self.values()))


@dataclass(frozen=True, eq=False)
class Connection(_Record):
    """One TCP or RDMA connection of a session."""

    cid: int
    cstate: str
    address: str
    transport: str


@dataclass(frozen=True, eq=False)
class Session(_Record):
    """One login of an initiator. `id` is None, and text is "unknown", where the kernel is silent.

    `parent_nodeacl` is the ACL, None for a session in demo mode.
    """

    id: int | None
    initiator: str
    alias: str
    type: str
    state: str
    connections: tuple[Connection, ...]
    parent_nodeacl: NodeACL | None
    isid: str = UNKNOWN
    tsih: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data for JSON: connections as dicts, the ACL as its name."""
        acl = self.parent_nodeacl
        return {
            **self,
            "connections": [dict(connection) for connection in self.connections],
            "parent_nodeacl": None if acl is None else acl.node_wwn,
        }

    @classmethod
    def unknown(cls, initiator: str = UNKNOWN) -> Session:
        """Return a session of which no more than this is known."""
        return cls(None, initiator, UNKNOWN, UNKNOWN, UNKNOWN, (), None)


def _word(state: str) -> str:
    for prefix in _PREFIXES:
        state = state.removeprefix(prefix)
    return state


def parse_info(text: str, acl: NodeACL) -> Session | None:
    """Return the session that an ACL's info shows, None where it shows that there is none."""
    if not text.startswith("InitiatorName: "):
        return None
    found = {name: pattern.search(text) for name, pattern in _FIELD.items()}
    value = {name: match.group(1).strip() for name, match in found.items() if match}
    connections = tuple(
        Connection(
            int(match["cid"]),
            _word(match["cstate"]),
            match["address"].removeprefix("[").removesuffix("]"),
            match["transport"],
        )
        for match in _CONNECTION.finditer(text)
    )
    return Session(
        id=int(value["id"]) if "id" in value else None,
        initiator=value.get("initiator", UNKNOWN),
        alias=value.get("alias", UNKNOWN),
        type=value.get("type", UNKNOWN),
        state=_word(value.get("state", UNKNOWN)),
        connections=connections,
        parent_nodeacl=acl,
        isid=value.get("isid", UNKNOWN).replace(" ", ""),
        tsih=int(value["tsih"]) if "tsih" in value else None,
    )


def parse_dynamic(text: str) -> list[str]:
    """Return the initiators that dynamic_sessions lists; the kernel ends each with a NUL.

    It shows one page: of more than fit, others are missing. A last name that the end of the page
    may have cut is left out (target_show_dynamic_sessions in target_core_transport.c ends each
    in a newline).
    """
    names = text.replace("\0", "")
    if len(text.encode("utf-8", "surrogateescape")) >= _PAGE - 1 and not names.endswith("\n"):
        names = names[: names.rfind("\n") + 1]
    return [line for line in names.splitlines() if line]
