# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Sessions as the kernel tells of them: of ACLs, in demo mode, counted only, none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from trees import iscsi_tpg

from rtslib import TPG, NodeACL, RTSRoot
from rtslib.sessions import UNKNOWN, Connection, Session, parse_dynamic, parse_info

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel

ONE, TWO, DEMO = (f"iqn.1994-05.com.example:{name}" for name in ("one", "two", "demo"))


@pytest.fixture
def tpg(fake: FakeKernel) -> TPG:
    """An enabled iSCSI TPG."""
    tpg = iscsi_tpg(fake)
    tpg.enable = True
    return tpg


def test_nobody_is_logged_in(tpg: TPG) -> None:
    acl = NodeACL(tpg, ONE)
    assert acl.session is None
    assert tpg.sessions == tpg.parent_target.sessions == list(RTSRoot().sessions) == []


def test_one_session(tpg: TPG, fake: FakeKernel) -> None:
    acl = NodeACL(tpg, ONE)
    number = fake.login(tpg.below(""), ONE, address="192.0.2.7", alias="host: one, two")
    session = acl.session
    assert session is not None
    assert (session.id, session.tsih) == (number, number)
    assert (session.initiator, session.alias) == (ONE, "host: one, two")
    assert (session.type, session.state, session.isid) == ("Normal", "LOGGED_IN", "80e1a7fc0000")
    assert session.parent_nodeacl == acl
    (connection,) = session.connections
    assert (connection.cid, connection.cstate) == (0, "LOGGED_IN")
    assert (connection.address, connection.transport) == ("192.0.2.7", "TCP")
    assert tpg.sessions == [session]
    fake.logout(tpg.below(""), number)
    assert acl.session is None


def test_sessions_read_as_the_classic_dictionaries(tpg: TPG, fake: FakeKernel) -> None:
    acl = NodeACL(tpg, ONE)
    number = fake.login(tpg.below(""), ONE)
    session = acl.session
    assert session is not None
    assert session["id"] == number
    assert session["alias"] == ""
    assert session["parent_nodeacl"] == acl
    assert {"id", "alias", "type", "state", "connections", "parent_nodeacl"} <= set(session)
    assert session["connections"][0]["address"] == "127.0.0.1"
    assert dict(session["connections"][0]) == {
        "cid": 0,
        "cstate": "LOGGED_IN",
        "address": "127.0.0.1",
        "transport": "TCP",
    }
    assert len(session) == len(list(session)) == 9
    assert session.get("none") is None
    with pytest.raises(KeyError):
        session["__class__"]


def test_sessions_are_hashable_and_equal_by_content(tpg: TPG, fake: FakeKernel) -> None:
    acl = NodeACL(tpg, ONE)
    fake.login(tpg.below(""), ONE)
    one, same = acl.session, acl.session
    assert one is not same
    assert one == same
    assert {one, same, Session.unknown(), Session.unknown()} == {one, Session.unknown()}
    assert Session.unknown() != one


def test_a_session_as_plain_data(tpg: TPG, fake: FakeKernel) -> None:
    acl = NodeACL(tpg, ONE)
    number = fake.login(tpg.below(""), ONE)
    assert acl.session is not None
    plain = acl.session.as_dict()
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["id"], plain["parent_nodeacl"]) == (number, ONE)
    assert plain["connections"] == [dict(acl.session.connections[0])]
    assert plain.keys() == dict(acl.session).keys()
    assert dict(acl.session)["parent_nodeacl"] == acl
    assert Session.unknown(TWO).as_dict()["parent_nodeacl"] is None


def test_ipv6_addresses_are_whole(tpg: TPG, fake: FakeKernel) -> None:
    acl = NodeACL(tpg, ONE)
    for address in ("2001:db8::7", "[fe80::1%eth0]"):
        fake.login(tpg.below(""), ONE, address=address)
        session = acl.session
        assert session is not None
        assert session.connections[0].address == address.strip("[]")


def test_several_sessions_of_one_initiator_are_counted(tpg: TPG, fake: FakeKernel) -> None:
    acl = NodeACL(tpg, ONE)
    numbers = [fake.login(tpg.below(""), ONE, isid=f"80000000000{n}") for n in range(3)]
    assert acl.session is not None
    assert acl.session.id == numbers[-1]
    assert tpg.parent_target.session_count == 3
    found = tpg.parent_target.sessions
    assert [session.id for session in found] == [numbers[-1], None, None]
    assert {session.initiator for session in found[1:]} == {UNKNOWN}
    assert list(RTSRoot().sessions) == found


def test_demo_mode_sessions_have_a_name_and_no_acl(tpg: TPG, fake: FakeKernel) -> None:
    NodeACL(tpg, ONE)
    tpg.attributes["generate_node_acls"] = True
    for initiator in (ONE, DEMO, TWO, DEMO):
        fake.login(tpg.below(""), initiator)
    assert [session.initiator for session in tpg.sessions] == [ONE, DEMO, TWO]
    assert [session.parent_nodeacl is None for session in tpg.sessions] == [False, True, True]
    demo = tpg.sessions[1]
    assert demo == Session.unknown(DEMO)
    assert (demo.id, demo.state, demo.connections, demo.alias) == (None, UNKNOWN, (), UNKNOWN)
    assert [s.initiator for s in tpg.parent_target.sessions] == [ONE, DEMO, TWO, UNKNOWN]


def test_sessions_of_all_tpgs_of_a_target(tpg: TPG, fake: FakeKernel) -> None:
    other = TPG(tpg.parent_target, 2)
    other.enable = True
    for node, initiator in ((tpg, ONE), (other, TWO)):
        NodeACL(node, initiator)
        fake.login(node.below(""), initiator)
    assert [session.initiator for session in tpg.parent_target.sessions] == [ONE, TWO]


INFO = """\
InitiatorName: iqn.1994-05.com.example:one
InitiatorAlias: \nLIO Session ID: 3   ISID: 0x80 e1 a7 fc 00 00  TSIH: 5  SessionType: Discovery
Session State: TARG_SESS_STATE_FAILED
---------------------[iSCSI Session Values]-----------------------
  CmdSN/WR  :  CmdSN/WC  :  ExpCmdSN  :  MaxCmdSN  :     ITT    :     TTT
 0x00000040   0x00000040   0x00000001   0x00000040   0x00000000   0x00000000
----------------------[iSCSI Connections]-------------------------
CID: 0  Connection State: TARG_CONN_STATE_LOGGED_IN
   Address [2001:db8::7] TCP  StatSN: 0x00000003
CID: 1  Connection State: TARG_CONN_STATE_IN_LOGOUT
   Address 192.0.2.8 TCP  StatSN: 0x00000004
"""


def test_info_with_several_connections(tpg: TPG) -> None:
    acl = NodeACL(tpg, ONE)
    session = parse_info(INFO, acl)
    assert session is not None
    assert (session.id, session.tsih, session.type) == (3, 5, "Discovery")
    assert (session.state, session.alias) == ("FAILED", "")
    assert [dict(connection) for connection in session.connections] == [
        {"cid": 0, "cstate": "LOGGED_IN", "address": "2001:db8::7", "transport": "TCP"},
        {"cid": 1, "cstate": "IN_LOGOUT", "address": "192.0.2.8", "transport": "TCP"},
    ]
    assert isinstance(session.connections[0], Connection)


def test_info_that_tells_less(tpg: TPG) -> None:
    acl = NodeACL(tpg, ONE)
    session = parse_info(f"InitiatorName: {ONE}\n", acl)
    assert session == Session(None, ONE, UNKNOWN, UNKNOWN, UNKNOWN, (), acl)
    assert parse_info("No active iSCSI Session for Initiator Endpoint: x\n", acl) is None
    assert parse_info("", acl) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("a\n\0", ["a"]),
        ("a\n\0b\n\0", ["a", "b"]),
        ("a\n\0b", ["a", "b"]),
        ("\0", []),
        ("a\n\0" + "b" * 4091 + "\n\0", ["a", "b" * 4091]),
        ("a\n\0" + "b" * 4092 + "\0", ["a"]),
        ("a\n\0" + "b" * 4092, ["a"]),
        ("a\n\0" + "\u00e9" * 2046, ["a"]),
        ("b" * 4096, []),
    ],
)
def test_dynamic_sessions_end_in_nul(text: str, names: list[str]) -> None:
    assert parse_dynamic(text) == names
