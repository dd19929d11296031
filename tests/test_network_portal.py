# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Portals: one portal in all spellings, also where another program spelled it."""

from __future__ import annotations

import errno
import ipaddress
from typing import TYPE_CHECKING, Any

import pytest
from trees import iscsi_tpg

from rtslib import (
    TPG,
    AlreadyExistsError,
    InvalidValueError,
    NetworkPortal,
    RejectedError,
    RTSLibNotInCFSError,
    Target,
)
from rtslib.testing import Faulty, Journal

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel


@pytest.fixture
def tpg(fake: FakeKernel) -> TPG:
    """An iSCSI TPG."""
    return iscsi_tpg(fake)


@pytest.mark.parametrize(
    ("ip", "port", "name"),
    [
        ("192.0.2.1", 3260, "192.0.2.1:3260"),
        (" 192.0.2.1 ", "3261", "192.0.2.1:3261"),
        (ipaddress.IPv4Address("192.0.2.1"), 860, "192.0.2.1:860"),
        ("0.0.0.0", 3260, "0.0.0.0:3260"),
        ("::", 3260, "[::]:3260"),
        ("[::0]", 3260, "[::]:3260"),
        ("::0", 3260, "[::]:3260"),
        ("0:0:0:0:0:0:0:0", 3260, "[::]:3260"),
        ("2001:DB8:0::1", 3260, "[2001:db8::1]:3260"),
        ("[2001:db8::1]", 3260, "[2001:db8::1]:3260"),
        (ipaddress.IPv6Address("2001:db8::1"), 3260, "[2001:db8::1]:3260"),
        ("FE80::1%eth0", 3260, "[fe80::1%eth0]:3260"),
        ("[fe80::1%eth0]", 3260, "[fe80::1%eth0]:3260"),
        ("::ffff:192.0.2.1", 3260, "[::ffff:192.0.2.1]:3260"),
    ],
)
def test_every_spelling_makes_the_canonical_portal(
    tpg: TPG, ip: Any, port: int | str, name: str
) -> None:
    made = NetworkPortal(tpg, ip, port, "create")
    assert made.base == name
    assert (made.ip_address, str(made.port)) == tuple(name.rsplit(":", 1))
    assert made.address.ip == made.ip_address.strip("[]")
    assert made.parent_tpg == tpg
    assert NetworkPortal(tpg, ip, port) == NetworkPortal(tpg, ip, port, mode="lookup") == made
    assert tpg.network_portals[str(ip), port] == tpg.network_portals[ip, int(port)] == made
    with pytest.raises(AlreadyExistsError) as caught:
        NetworkPortal(tpg, ip, port, "create")
    assert (caught.value.errno, caught.value.path) == (errno.EEXIST, made.path)


def test_the_port_is_3260_by_default(tpg: TPG) -> None:
    assert NetworkPortal(parent_tpg=tpg, ip_address="192.0.2.1").port == 3260
    assert tpg.network_portals["192.0.2.1"].base == "192.0.2.1:3260"
    assert tpg.network_portals["192.0.2.1:3260"].exists
    assert tpg.network_portals.create("::1", 3261).base == "[::1]:3261"
    assert "[0:0::1]:3261" in tpg.network_portals
    assert "[0:0::1]:3262" not in tpg.network_portals


@pytest.mark.parametrize(
    ("ip", "port"),
    [
        ("192.0.2.256", 3260),
        ("disk.example.com", 3260),
        ("", 3260),
        ("fe80::1", 3260),
        ("2001:db8::1%eth0", 3260),
        ("192.0.2.1", 0),
        ("192.0.2.1", 65536),
        ("192.0.2.1", "03260"),
        ("192.0.2.1", "iscsi"),
        ("192.0.2.1", True),
    ],
)
@pytest.mark.parametrize("mode", ["any", "create", "lookup"])
def test_addresses_that_are_none_are_refused(tpg: TPG, ip: str, port: Any, mode: str) -> None:
    with pytest.raises(InvalidValueError):
        NetworkPortal(tpg, ip, port, mode)
    assert not tpg.network_portals


@pytest.mark.parametrize(
    ("on_disk", "ip", "port"),
    [
        ("[::0]:3260", "::", 3260),
        ("[0:0::1]:3260", "::1", 3260),
        ("[2001:DB8::1]:3260", "2001:db8::1", 3260),
        ("127.0.0.1:03260", "127.0.0.1", 1712),
        ("127.0.0.1:0xcbc", "127.0.0.1", 3260),
        ("127.000.000.001:3260", "127.0.0.1", 3260),
        ("[::1]junk:3260", "::1", 3260),
    ],
)
def test_a_portal_that_others_spelled_otherwise_is_the_same(
    tpg: TPG, on_disk: str, ip: str, port: int
) -> None:
    tpg.fs.mkdir(tpg.below(f"np/{on_disk}"))
    (theirs,) = tpg.network_portals
    assert (theirs.address.ip, theirs.port, theirs.base) == (ip, port, on_disk)
    assert NetworkPortal(tpg, ip, port) == theirs
    assert NetworkPortal(tpg, ip, port, "lookup") == tpg.network_portals[ip, port] == theirs
    with pytest.raises(AlreadyExistsError, match="already exists in configFS as") as caught:
        NetworkPortal(tpg, ip, port, "create")
    assert (caught.value.errno, caught.value.path) == (errno.EEXIST, theirs.path)
    assert isinstance(caught.value, FileExistsError)
    assert len(tpg.network_portals) == 1
    theirs.delete()
    assert not tpg.network_portals


def test_what_is_in_the_way_but_is_not_the_portal(tpg: TPG) -> None:
    NetworkPortal(tpg, "0.0.0.0")
    for ip in ("127.0.0.1", "::"):
        for mode in ("any", "create"):
            with pytest.raises(RejectedError) as caught:
                NetworkPortal(tpg, ip, 3260, mode)
            assert caught.value.errno == errno.EINVAL
        with pytest.raises(RTSLibNotInCFSError):
            NetworkPortal(tpg, ip, 3260, "lookup")
    other = TPG(tpg.parent_target, 2)
    with pytest.raises(RejectedError):
        NetworkPortal(other, "0.0.0.0")
    assert [np.base for np in tpg.network_portals] == ["0.0.0.0:3260"]


def test_a_port_that_another_program_has(tpg: TPG, fake: FakeKernel) -> None:
    fake.host.listeners.add(("127.0.0.1", 3260))
    with pytest.raises(RejectedError) as caught:
        NetworkPortal(tpg, "127.0.0.1")
    assert caught.value.path == f"{tpg.path}/np/127.0.0.1:3260"
    assert isinstance(caught.value, ValueError)
    assert NetworkPortal(tpg, "127.0.0.1", 3261).exists


def test_a_portal_in_no_tpg(tpg: TPG) -> None:
    gone = TPG.handle(tpg.fs, tpg.parent_target.below("tpgt_9"))
    for mode in ("any", "create", "lookup"):
        with pytest.raises(RTSLibNotInCFSError):
            NetworkPortal(gone, "127.0.0.1", 3260, mode)


def test_names_that_no_kernel_would_take_are_listed_by_themselves(tpg: TPG) -> None:
    odd = NetworkPortal.handle(tpg.fs, tpg.below("np/something else"))
    assert (odd.ip_address, odd.port, odd.base) == ("something else", 0, "something else")


def test_iser_and_offload(tpg: TPG, fake: FakeKernel) -> None:
    portal = NetworkPortal(tpg, "127.0.0.1")
    assert portal.iser is portal.offload is False
    portal.iser = "yes"
    assert portal.iser is True
    with pytest.raises(RejectedError) as caught:
        portal.offload = True
    assert caught.value.path == f"{portal.path}/cxgbit"
    fake.host.transports = {"iser", "cxgbit"}
    portal.offload = True
    assert portal.offload is True
    portal.offload = False
    assert portal.offload is False


def test_an_rdma_listener_ends_before_its_portal(tpg: TPG) -> None:
    portal = NetworkPortal(tpg, "127.0.0.1")
    portal.iser = True
    journal = Journal(tpg.fs)
    NetworkPortal.handle(journal, portal.below("")).delete()
    assert [(op.name, op.path.rpartition("/")[2]) for op in journal.changes] == [
        ("write", "iser"),
        ("rmdir", "127.0.0.1:3260"),
    ]
    with pytest.raises(RTSLibNotInCFSError):
        portal.delete()


def test_a_kernel_without_iser_reads_it_as_off(tpg: TPG) -> None:
    portal = NetworkPortal(tpg, "127.0.0.1")
    fault = Faulty(tpg.fs, errno.ENOENT, when=lambda _name, path: path.endswith("/iser"))
    old = NetworkPortal.handle(fault, portal.below(""))
    assert old.iser is False
    old.iser = False
    with pytest.raises(NotImplementedError, match="has no iser to set"):
        old.iser = True
    old.delete()
    assert not portal.exists


def test_portals_of_a_target_that_vanishes_during_a_deletion(tpg: TPG) -> None:
    portal = NetworkPortal(tpg, "127.0.0.1")

    class Racing(Journal):
        """Somebody else deletes the target as soon as the portal is looked at."""

        def read(self, path: str) -> str:
            if path.endswith("/iser"):
                Target.handle(self.inner, tpg.parent_target.below("")).delete()
            return super().read(path)

    Target.handle(Racing(tpg.fs), tpg.parent_target.below("")).delete()
    assert not portal.exists
