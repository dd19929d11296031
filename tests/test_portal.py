# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Portal addresses: any spelling in, one form out; directory names as the kernel reads them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.errors import InvalidValueError
from rtslib.portal import PortalAddress, canonical_ip


@pytest.mark.parametrize(
    ("given_ip", "ip", "name"),
    [
        ("0.0.0.0", "0.0.0.0", "0.0.0.0:3260"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1:3260"),
        (" 127.0.0.1\n", "127.0.0.1", "127.0.0.1:3260"),
        ("::1", "::1", "[::1]:3260"),
        ("[::1]", "::1", "[::1]:3260"),
        ("::0", "::", "[::]:3260"),
        ("[::0]", "::", "[::]:3260"),
        ("0:0:0:0:0:0:0:1", "::1", "[::1]:3260"),
        ("2001:DB8::0:1", "2001:db8::1", "[2001:db8::1]:3260"),
        ("fe80::1%eth0", "fe80::1%eth0", "[fe80::1%eth0]:3260"),
        ("[FE80::1%eth0]", "fe80::1%eth0", "[fe80::1%eth0]:3260"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:3260"),
        ("::ffff:7f00:1", "::ffff:127.0.0.1", "[::ffff:127.0.0.1]:3260"),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1", "10.0.0.1:3260"),
        (ipaddress.ip_address("::0:1"), "::1", "[::1]:3260"),
    ],
)
def test_one_form_for_all_spellings(given_ip: str, ip: str, name: str) -> None:
    portal = PortalAddress(given_ip)
    assert (portal.ip, portal.port, portal.name, str(portal)) == (ip, 3260, name, name)
    assert portal == PortalAddress.from_name(name)
    assert hash(portal) == hash(PortalAddress.from_name(name))


@pytest.mark.parametrize(
    "ip",
    ["", "localhost", "256.1.1.1", "1.2.3", "[::1", "::1]", "1.2.3.4:3260", "010.0.0.1", ":::"],
)
def test_what_is_no_address_is_refused(ip: str) -> None:
    with pytest.raises(InvalidValueError, match="is not an IP address"):
        PortalAddress(ip)


@pytest.mark.parametrize("port", [1, 3260, 65535, "3260"])
def test_ports(port: int) -> None:
    assert PortalAddress("::1", port).port == int(port)


@pytest.mark.parametrize("port", [0, -1, 65536, "03260", "0xcbc", "", "x", None, True, 1.5, "٣٢٦٠"])
def test_what_the_kernel_would_not_read_as_this_port_is_refused(port: int) -> None:
    with pytest.raises(InvalidValueError, match="is not a TCP port: a decimal number from 1"):
        PortalAddress("::1", port)


def test_scopes_belong_to_link_local_addresses() -> None:
    with pytest.raises(InvalidValueError, match="needs its interface; write fe80::1%INTERFACE"):
        PortalAddress("fe80::1")
    with pytest.raises(InvalidValueError, match="cannot have a scope"):
        PortalAddress("2001:db8::1%eth0")


@pytest.mark.parametrize(
    ("text", "ip", "port"),
    [
        ("127.0.0.1", "127.0.0.1", 860),
        ("127.0.0.1:3261", "127.0.0.1", 3261),
        ("::1", "::1", 860),
        ("[::1]", "::1", 860),
        (" [::0]:3261 ", "::", 3261),
        ("[fe80::1%eth0]:3261", "fe80::1%eth0", 3261),
    ],
)
def test_parse(text: str, ip: str, port: int) -> None:
    assert PortalAddress.parse(text, default_port=860) == PortalAddress(ip, port)


@pytest.mark.parametrize(
    "text", ["", "x:1", "127.0.0.1:", "127.0.0.1:03260", "[::1]:0", "[::1]3260"]
)
def test_parse_refuses(text: str) -> None:
    with pytest.raises(InvalidValueError):
        PortalAddress.parse(text)


@pytest.mark.parametrize(
    ("name", "ip", "port"),
    [
        # Accepted by a real kernel: see the recorded behaviour of 6.1.
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("127.0.0.1:65535", "127.0.0.1", 65535),
        ("127.0.0.1:03260", "127.0.0.1", 1712),
        ("127.0.0.1:0xcbc", "127.0.0.1", 3260),
        ("127.0.0.1:+3260", "127.0.0.1", 3260),
        ("[fe80::1%lo]:3261", "fe80::1%lo", 3261),
        ("[::0]:3260", "::", 3260),
        ("[::ffff:127.0.0.1]:3260", "::ffff:127.0.0.1", 3260),
        ("127.000.000.001:3260", "127.0.0.1", 3260),
        ("[fe80::1]:3260", "fe80::1", 3260),
        # Refused by it.
        ("bad", "bad", 0),
        ("127.0.0.1", "127.0.0.1", 0),
        ("127.0.0.1:", "127.0.0.1:", 0),
        ("127.0.0.1:x", "127.0.0.1:x", 0),
        ("127.0.0.1:65536", "127.0.0.1:65536", 0),
        ("127.0.0.1:3260 ", "127.0.0.1:3260 ", 0),
        ("127.0.0.1:08", "127.0.0.1:08", 0),
        ("::1:3261", "::1:3261", 0),
        ("[::1", "[::1", 0),
        ("[::1]", "[::1]", 0),
        ("256.1.1.1:3260", "256.1.1.1:3260", 0),
        ("localhost:3260", "localhost:3260", 0),
    ],
)
def test_names_on_disk_are_read_as_the_kernel_reads_them(name: str, ip: str, port: int) -> None:
    portal = PortalAddress.from_name(name)
    assert (portal.ip, portal.port) == (ip, port)
    assert portal.name == name


@given(st.text("0123456789.:[]%xaf") | st.text())
def test_listing_never_stumbles_and_keeps_the_name(name: str) -> None:
    portal = PortalAddress.from_name(name)
    assert portal.name == name
    str(portal)


ADDRESSES = st.ip_addresses().filter(lambda ip: not (ip.version == 6 and ip.is_link_local))


@given(ADDRESSES, st.integers(1, 65535))
def test_name_and_from_name_are_inverses(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    portal = PortalAddress(str(ip), port)
    again = PortalAddress.from_name(portal.name)
    assert again == portal
    assert again.name == portal.name == str(portal)
    assert PortalAddress.parse(str(portal)) == portal
    assert PortalAddress(portal.ip, port) == portal
    assert ipaddress.ip_address(portal.ip) == ip


@given(st.ip_addresses())
def test_canonical_ip_is_idempotent(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    assert canonical_ip(canonical_ip(ip)) == canonical_ip(ip)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "::1", False),
        ("0.0.0.0", "::ffff:127.0.0.1", True),
        ("::", "127.0.0.1", True),
        ("::", "0.0.0.0", True),
        ("::", "2001:db8::1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("127.0.0.1", "::ffff:127.0.0.1", True),
        ("127.0.0.1", "::1", False),
        ("::1", "2001:db8::1", False),
    ],
)
def test_what_cannot_listen_at_once(one: str, other: str, overlap: bool) -> None:
    assert PortalAddress(one).overlaps(PortalAddress(other)) is overlap
    assert PortalAddress(other).overlaps(PortalAddress(one)) is overlap
    assert not PortalAddress(one).overlaps(PortalAddress(other, 860))


def test_wildcards_and_order() -> None:
    assert PortalAddress("::0").is_wildcard
    assert PortalAddress("0.0.0.0").is_wildcard
    assert not PortalAddress("::1").is_wildcard
    assert sorted(
        [PortalAddress("::1", 3261), PortalAddress("::1"), PortalAddress("10.0.0.1")]
    ) == [
        PortalAddress("10.0.0.1"),
        PortalAddress("::1"),
        PortalAddress("::1", 3261),
    ]
    assert repr(PortalAddress("::0")) == "PortalAddress(ip='::', port=3260)"
