# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""iSCSI portal addresses: an IP address and a TCP port, in one form however they are spelled.

Knows addresses and how the kernel reads a portal's directory name; knows no interfaces (see
``host.local_addresses``) and no configfs.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Union

from rtslib.errors import InvalidValueError

__all__ = ["DEFAULT_PORT", "PortalAddress", "canonical_ip", "spelled"]

#: RFC 7143: IANA's port for iSCSI.
DEFAULT_PORT = 3260

MAX_PORT = 65535

IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

#: A number as kstrtou16(..., 0, ...) takes it: 0x is hexadecimal, a leading zero octal.
_KERNEL_NUMBER = re.compile(r"\+?(?:(0[xX][0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))\n?")
_BASES = (16, 8, 10)


def canonical_ip(ip: str | IPAddress) -> str:
    """Return the one form of an address: lower case, shortest, without brackets, with its scope.

    >>> canonical_ip("[::0]"), canonical_ip("0:0::1"), canonical_ip("FE80::1%eth0")
    ('::', '::1', 'fe80::1%eth0')
    """
    text = str(ip).strip()
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        return _text(ipaddress.ip_address(text))
    except ValueError as error:
        raise InvalidValueError(f"{str(ip)!r} is not an IP address", value=str(ip)) from error


def spelled(host: str, port: int) -> str:
    """Return a host and a port as one word, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _text(address: IPAddress) -> str:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        # Python 3.13 began to write these with dots, as the kernel does: the same on all.
        return f"::ffff:{address.ipv4_mapped}"
    return str(address)


@dataclass(frozen=True, order=True)
class PortalAddress:
    """Where a portal listens. Takes any spelling, keeps the canonical one.

    >>> PortalAddress("[::0]")
    PortalAddress(ip='::', port=3260)
    """

    ip: str
    port: int = DEFAULT_PORT
    #: The directory's name where somebody else made it and spelled it in another way.
    on_disk: str | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ip", canonical_ip(self.ip))
        object.__setattr__(self, "port", _port(self.port))
        _check_scope(ipaddress.ip_address(self.ip))

    @classmethod
    def parse(cls, text: str, default_port: int = DEFAULT_PORT) -> PortalAddress:
        """Read what a person writes: an address, or an address and a port.

        >>> PortalAddress.parse("[::1]:3261"), PortalAddress.parse("::1")
        (PortalAddress(ip='::1', port=3261), PortalAddress(ip='::1', port=3260))
        """
        text = text.strip()
        bracketed = re.fullmatch(r"(\[.*\]):(.*)", text)
        if bracketed:
            ip, port = bracketed.groups()
        elif text.count(":") == 1:
            ip, _, port = text.partition(":")
        else:
            return cls(text, default_port)
        return cls(ip, _port(port))

    @classmethod
    def from_name(cls, name: str) -> PortalAddress:
        """Read a directory's name as the kernel does; never raises.

        What the kernel itself could not have read has port 0 and the whole name as its ip.
        """
        ip, port = _kernel_split(name)
        self = object.__new__(cls)
        for key, value in (("ip", ip), ("port", port), ("on_disk", name)):
            object.__setattr__(self, key, value)
        return self

    def __str__(self) -> str:
        return spelled(self.ip, self.port)

    @property
    def name(self) -> str:
        """The name of the directory: the one on disk, else the canonical one."""
        return self.on_disk if self.on_disk is not None else str(self)

    @property
    def is_ipv6(self) -> bool:
        """Whether it is an IPv6 address."""
        return ":" in self.ip

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for all addresses of its family."""
        return self.ip in {"0.0.0.0", "::"}  # noqa: S104 compared with, not bound

    def overlaps(self, other: PortalAddress) -> bool:
        """Tell whether both cannot listen at once: [::] takes IPv4 connections too."""
        return self.port == other.port and (
            self.ip == other.ip or self._covers(other) or other._covers(self)
        )

    def _covers(self, other: PortalAddress) -> bool:
        if self.ip == "::":
            return True
        mapped = other.ip.startswith("::ffff:") and "." in other.ip
        if self.ip == "0.0.0.0":  # noqa: S104 compared with, not bound
            return mapped or not other.is_ipv6
        return mapped and other.ip == f"::ffff:{self.ip}"


def _port(port: object) -> int:
    """Return a port that the kernel reads as a person does.

    It reads a port with base 0, so that '03260' would listen on 1712, which is 3260 in octal.
    """
    text = str(port)
    if isinstance(port, bool) or not re.fullmatch("[1-9][0-9]{0,4}", text) or int(text) > MAX_PORT:
        raise InvalidValueError(
            f"{port!r} is not a TCP port: a decimal number from 1 to {MAX_PORT}", value=text
        )
    return int(text)


def _check_scope(address: IPAddress) -> None:
    if isinstance(address, ipaddress.IPv4Address):
        return
    scope = address.scope_id
    if address.is_link_local and not scope:
        raise InvalidValueError(
            f"{address} is a link-local address: it needs its interface",
            value=str(address),
            hint=f"write {address}%INTERFACE",
        )
    if scope and not address.is_link_local:
        raise InvalidValueError(
            f"{address} cannot have a scope: only link-local addresses (fe80::) do",
            value=str(address),
        )


def _kernel_split(name: str) -> tuple[str, int]:
    """Split a name as lio_target_call_addnptotpg() in the kernel's iSCSI target does."""
    bracketed = re.match(r"[^\[]*\[([^\]]*)\][^:]*:(.*)", name, re.DOTALL)
    if bracketed:
        ip, port = bracketed.groups()
    elif "[" in name:
        return name, 0
    else:
        ip, _, port = name.partition(":")
    try:
        return _kernel_ip(ip), _kernel_port(port)
    except ValueError:
        return name, 0


def _kernel_ip(text: str) -> str:
    if ":" not in text:
        # in4_pton() reads a leading zero as decimal; Python, rightly, as a doubt.
        text = re.sub(r"(?<![0-9])0+(?=[0-9])", "", text)
    return canonical_ip(text)


def _kernel_port(text: str) -> int:
    number = _KERNEL_NUMBER.fullmatch(text)
    if not number:
        raise ValueError(text)
    value = next(int(digits, base) for digits, base in zip(number.groups(), _BASES) if digits)
    if value > MAX_PORT:
        raise ValueError(text)
    return value
