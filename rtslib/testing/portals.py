# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of iSCSI network portals: lio_target_call_addnptotpg(), iscsi_target_tpg.c, _login.c."""

from __future__ import annotations

import errno
import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple

from rtslib.testing import parsers
from rtslib.testing.parsers import fail
from rtslib.testing.rules import Rule, Rules

if TYPE_CHECKING:
    from rtslib.testing.directory import Directory, Shape
    from rtslib.testing.host import FakeHost

__all__ = ["PORTALS"]

IPV4_LEN = 4


class Socket(NamedTuple):
    """A socket address: `address` are its bytes, four or sixteen."""

    address: bytes
    port: int


def _parse(host: FakeHost, name: str) -> Socket:
    """Parse as lio_target_call_addnptotpg() and inet_pton_with_scope() do."""
    match = re.search(r"\[([^]]*)\][^:]*:(.*)\Z", name, re.DOTALL)
    if match is None:
        if "[" in name:
            fail(errno.EINVAL)
        match = re.match(r"([^:]*):(.*)\Z", name, re.DOTALL)
    if match is None:
        fail(errno.EINVAL)
    try:
        port = parsers.number(match[2], 0, 0xFFFF)  # base 0: 03260 is octal
        return Socket(_address(host, match[1]), port)
    except (OSError, ValueError):
        fail(errno.EINVAL)


def _address(host: FakeHost, text: str) -> bytes:
    parts = text.split(".")
    if len(parts) == IPV4_LEN and all(re.fullmatch("[0-9]+", part) for part in parts):
        return bytes(int(part) for part in parts)
    bare, percent, scope = text.partition("%")
    if percent and scope not in host.interfaces and not scope.isdigit():
        fail(errno.EINVAL)
    return ipaddress.IPv6Address(bare).packed


def _matches(new: Socket, old: Socket) -> bool:
    """Compare as iscsit_check_np_match(): at the new family's place in the old address.

    So :: equals every IPv4 address (their sin_zero), and 0.0.0.0 every IPv6 one (its flow label).
    """
    if new.port != old.port:
        return False
    if len(new.address) == len(old.address):
        return new.address == old.address
    return not any(new.address)


def _overlaps(new: Socket, old: Socket) -> bool:
    """Tell whether bind(2) refuses `new` because of `old`: one of them may be a wildcard."""
    if new.port != old.port or not new.port:
        return False
    one, other = (_families(s.address) for s in (new, old))
    return any(a == b or not any(a) or not any(b) for f, a in one for g, b in other if f == g)


def _families(address: bytes) -> list[tuple[int, bytes]]:
    """Return the families that a socket covers: an IPv6 wildcard takes IPv4 as well."""
    if len(address) == IPV4_LEN:
        return [(4, address)]
    mapped = ipaddress.IPv6Address(address).ipv4_mapped
    if mapped is not None:
        return [(4, mapped.packed)]
    return [(6, address)] if any(address) else [(6, address), (4, bytes(4))]


def _socket(np: Directory) -> Socket:
    return Socket(bytes.fromhex(np.data["address"]), np.data["port"])


def _portals(target: Directory) -> list[Directory]:
    return [np for tpg in target.made() for np in tpg.sub("np").made()]


def _make_np(parent: Directory, name: str) -> Shape:
    """Add a portal: within a target it must be new, among targets one socket is shared."""
    host = parent.tree.host
    new = _parse(host, name)
    target = parent.up.up
    if any(_matches(new, _socket(np)) for np in _portals(target)):
        fail(errno.EINVAL)
    bound = _bound(target.up)
    if not any(_matches(new, old) for old in bound):
        bound += [Socket(ipaddress.ip_address(a).packed, port) for a, port in host.listeners]
        if any(_overlaps(new, old) for old in bound):
            fail(errno.EINVAL)
    return parent.tree.shapes["np.iscsi"]


def _bound(fabric: Directory) -> list[Socket]:
    return [_socket(np) for target in fabric.made() for np in _portals(target)]


def _np_made(np: Directory) -> None:
    """Note the socket: one that matches is used, be it of another family (iscsit_add_np())."""
    new = _parse(np.tree.host, np.name)
    shared = [old for old in _bound(np.up.up.up.up) if _matches(new, old)]
    address, port = shared[0] if shared else new
    np.set(address=address.hex(), port=port)


def _transport(np: Directory, name: str, text: str) -> None:
    value = parsers.number(text)
    if value > 1 or (value and name not in np.tree.host.transports):
        fail(errno.EINVAL)
    np.put(name, f"{value}\n")


PORTALS = {
    "tpg.iscsi/np": Rules(ops={"make": _make_np}),
    "np.iscsi": Rules(
        {"iser": Rule(store=_transport), "cxgbit": Rule(store=_transport)}, {"made": _np_made}
    ),
}
