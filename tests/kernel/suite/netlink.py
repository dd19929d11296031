# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The part of a tcmu handler that hears of devices: a member of a generic netlink group.

The kernel asks for an answer only from handlers that announced themselves, which this one does
not; and no command is ever sent to the devices of these tests.  Numbers: linux/genetlink.h and
linux/target_core_user.h.
"""

from __future__ import annotations

import os
import socket
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

NETLINK_GENERIC = 16
SOL_NETLINK = 270
NETLINK_ADD_MEMBERSHIP = 1
CONTROL = 0x10
GET_FAMILY = 3
FAMILY_NAME, GROUPS = 2, 7
GROUP_NAME, GROUP_ID = 1, 2
HEADERS = struct.calcsize("=IHHII") + 4

TCMU_ADDED, TCMU_REMOVED, TCMU_RECONFIGURED = 1, 2, 3


class Listener:
    """Hears the events of one group of a generic netlink family."""

    def __init__(self, family: str, group: str) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC)
        self._socket.bind((0, 0))
        self._socket.settimeout(30)
        self._socket.send(_request(family))
        answer = _attributes(self._socket.recv(1 << 16)[HEADERS:])
        for each in _attributes(answer[GROUPS]).values():
            found = _attributes(each)
            if found[GROUP_NAME].rstrip(b"\0").decode() == group:
                (number,) = struct.unpack("=I", found[GROUP_ID])
                self._socket.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, number)
                return
        raise LookupError(f"{family} has no group {group}")

    def next_command(self) -> int:
        """Return the number of the next event."""
        return self._socket.recv(1 << 16)[HEADERS - 4]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()


def _request(family: str) -> bytes:
    name = family.encode() + b"\0"
    attribute = struct.pack("=HH", 4 + len(name), FAMILY_NAME) + name + bytes(-len(name) % 4)
    body = struct.pack("=BBH", GET_FAMILY, 1, 0) + attribute
    return struct.pack("=IHHII", 16 + len(body), CONTROL, 1, 1, os.getpid()) + body


def _attributes(data: bytes) -> dict[int, bytes]:
    """Return netlink attributes by type."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        found[kind] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found
