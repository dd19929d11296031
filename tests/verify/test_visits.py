# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Who logs in where: every initiator at every portal, and those who must not get in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from trees import INITIATORS, IQN, SECRETS, iscsi_tpg

from rtslib import LUN, FileIOStorageObject, NetworkPortal, NodeACL, RDMCPStorageObject
from rtslib.config.capture import capture
from rtslib.errors import RTSLibError
from rtslib.iscsi import scsi
from rtslib.storage import StorageObject
from rtslib.verify import Item, Options, verify
from verify.lio import FakeLio, Unit

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Callable

    from rtslib import TPG
    from rtslib.config.state import State
    from rtslib.testing import FakeKernel

ALICE, BOB = INITIATORS[:2]


@pytest.fixture
def tpg(fake: FakeKernel, tmp_path: Path) -> TPG:
    """Two LUNs, two portals, an initiator with CHAP both ways and one that has none."""
    tpg = iscsi_tpg(fake)
    LUN(tpg, 0, FileIOStorageObject("disk", str(tmp_path / "disk.img"), "4M"))
    LUN(tpg, 1, RDMCPStorageObject("memory", "1M"))
    NetworkPortal(tpg, "0.0.0.0")
    NetworkPortal(tpg, "::1", 3261)
    alice = NodeACL(tpg, ALICE)
    alice.set_chap(*SECRETS)
    alice.mapped_lun(0, 0)
    alice.mapped_lun(5, 1, write_protect=True)
    bob = NodeACL(tpg, BOB)
    bob.attributes["authentication"] = False
    bob.tcq_depth = 8
    tpg.enable = True
    return tpg


@pytest.fixture
def lio(fake: FakeKernel) -> FakeLio:
    return FakeLio(fake)


def sizes(state: State, fs: FakeKernel) -> Callable[[str], int | None]:
    def size(name: str) -> int | None:
        try:
            return StorageObject.handle(fs, state[name].path).size
        except (KeyError, RTSLibError):
            return None

    return size


def tried(
    lio: FakeLio, state: State | None = None, *in_use: str, thorough: bool = False
) -> list[Item]:
    state = state or capture(lio.fs)
    options = Options(
        connect=lio.connect,
        timeout=1.0,
        in_use=lambda acl: acl.endswith(in_use) if in_use else False,
        thorough=thorough,
    )
    return verify(state, sizes(state, lio.fs), options)  # type: ignore[arg-type]


def faults(items: list[Item]) -> list[tuple[str, str, str, int | None]]:
    return [(it.check, it.initiator, one.about, one.lun) for it in items for one in it.faults]


pytestmark = pytest.mark.usefixtures("tpg")


def test_all_is_as_configured(lio: FakeLio) -> None:
    items = tried(lio)
    assert [it for it in items if it.faults or it.notes] == []
    assert [(it.check, it.portal, it.initiator) for it in items[:6]] == [
        ("login", "0.0.0.0:3260", ALICE),
        ("login", "[::1]:3261", ALICE),
        ("wrong password", "0.0.0.0:3260", ALICE),
        ("no password", "0.0.0.0:3260", ALICE),
        ("login", "0.0.0.0:3260", BOB),
        ("login", "[::1]:3261", BOB),
    ]
    assert items[6].check == "unknown initiator"
    assert len(items) == 7
    assert items[0].where == f"{IQN}/tpg1 at 0.0.0.0:3260 as {ALICE}"
    assert items[0].praise == "2 LUNs as configured"


def test_how_it_logs_in(lio: FakeLio) -> None:
    tried(lio)
    first = next(it for it in lio.logins if it.initiator == ALICE)
    assert (first.host, first.port, first.target) == ("127.0.0.1", 3260, IQN)
    assert first.credentials
    assert first.target_credentials
    assert (first.credentials.secret, first.target_credentials.secret) == (SECRETS[1], SECRETS[3])
    assert (first.reconnects, first.login_timeout, first.command_timeout) == (0, 1.0, 1.0)
    assert {it.host for it in lio.logins} == {"127.0.0.1", "::1"}
    # A session of its own each time, never one that ends another's.
    assert len({it.isid for it in lio.logins}) == len(lio.logins)
    # Whom nobody asks for a password sends none.
    assert all(it.credentials is None for it in lio.logins if it.initiator == BOB)


def test_drift_from_what_was_saved(lio: FakeLio, tpg: TPG) -> None:
    saved = capture(lio.fs)
    alice = tpg.node_acls[ALICE]
    alice.mapped_luns[5].write_protect = False
    alice.mapped_luns[0].delete()
    alice.mapped_lun(7, 0)
    alice.tcq_depth = 16
    tpg.attributes["generate_node_acls"] = True
    found = faults(tried(lio, saved))
    login = [("login", ALICE, about, lun) for about, lun in
             (("depth", None), ("missing", 0), ("write_protected", 5), ("extra", 7))]  # fmt: skip
    assert found[:8] == login * 2
    ((check, name, about, lun),) = found[8:]
    assert (check, about, lun) == ("unknown initiator", "refusal", None)
    assert name.startswith("iqn.2026-11.org.rtslib:verify-")
    (stranger,) = (it for it in tried(lio, saved) if it.check == check)
    assert "asked for a password" in stranger.faults[0].text
    tpg.attributes["authentication"] = False
    (stranger,) = (it for it in tried(lio, saved) if it.check == check)
    assert stranger.faults[0].text == "is let in, and has no ACL"


def test_nobody_asks_for_passwords(lio: FakeLio) -> None:
    lio.gullible = True
    assert faults(tried(lio)) == [
        ("wrong password", ALICE, "refusal", None),
        ("no password", ALICE, "refusal", None),
    ]


def test_who_cannot_get_in(lio: FakeLio, tpg: TPG) -> None:
    saved = capture(lio.fs)
    tpg.enable = False
    items = tried(lio, saved)
    assert {(it.check, one.about) for it in items for one in it.faults} == {("login", "login")}
    assert "not in service" in items[0].faults[0].text
    # Whether a password is asked for cannot be known where nobody gets in.
    assert "wrong password" not in {it.check for it in items}


def test_a_password_is_asked_for_and_there_is_none(lio: FakeLio, tpg: TPG) -> None:
    tpg.node_acls[ALICE].set_chap("", "")
    items = tried(lio)
    (first, _second) = (it for it in items if it.faults)
    assert first.faults[0].text.endswith("a password is asked for, and none is configured")


def test_secrets_that_are_the_same(lio: FakeLio, tpg: TPG) -> None:
    # Set by another program: this library refuses it.
    for file in ("password", "password_mutual"):
        lio.fs.write(f"{tpg.node_acls[ALICE].below('auth')}/{file}", "the-same-secret")
    (first, _) = (it for it in tried(lio) if it.faults)
    assert "same secret" in first.faults[0].text
    assert "the-same-secret" not in repr(first)


def test_a_password_that_nobody_asks_for(lio: FakeLio, tpg: TPG) -> None:
    tpg.attributes["authentication"] = False
    items = tried(lio)
    assert faults(items) == []
    assert {it.notes for it in items if it.initiator == ALICE} == {
        ("has a password that nobody asks for",)
    }


def test_a_session_of_the_same_name_is_left_its_news(lio: FakeLio) -> None:
    (first, *_) = tried(lio, None, ALICE)
    assert first.notes == ("is logged in now: sizes and write protection were not asked for",)
    assert first.is_good
    assert set(lio.asked) == {"inquiry"}
    lio.asked.clear()
    (first, *_) = tried(lio, None, ALICE, thorough=True)
    assert first.notes == ()
    assert set(lio.asked) == {"inquiry", "capacity", "MODE SENSE(6)"}


def test_our_own_session_is_nobody_else_s(lio: FakeLio) -> None:
    """The kernel may still show the session at the first portal when the second is tried."""
    state = capture(lio.fs)
    options = Options(connect=lio.connect, in_use=lambda _acl: bool(lio.logins))
    items = verify(state.select(lambda it: BOB not in it.name), lambda _name: None, options)
    assert [it.notes for it in items if it.check == "login"] == [(), ()]


def test_demo_mode(lio: FakeLio, tpg: TPG) -> None:
    tpg.attributes["generate_node_acls"] = True
    tpg.attributes["authentication"] = True
    tpg.set_chap("any", "any-secret-0")
    items = tried(lio)
    assert faults(items) == []
    demo = [it for it in items if it.initiator not in (ALICE, BOB)]
    assert [it.check for it in demo] == ["login", "login", "wrong password", "no password"]
    assert demo[0].luns == 2
    assert demo[0].initiator.startswith("iqn.2026-11.org.rtslib:verify-")


def test_what_was_not_tried(lio: FakeLio) -> None:
    lio.breaks = True
    items = {it.check: it for it in tried(lio) if it.check != "login"}
    assert items["wrong password"].notes == ()
    assert items["unknown initiator"].notes == ()
    lio.gullible = True
    items = {it.check: it for it in tried(lio)}
    assert items["no password"].notes == ("no password: not tried: the connection broke",)
    assert items["no password"].is_good
    assert (items["no password"].tried, items["no password"].praise) == (False, "")


def test_what_cannot_be_reached(lio: FakeLio, tpg: TPG) -> None:
    for acl in list(tpg.node_acls):
        acl.delete()
    (item, stranger) = tried(lio)
    assert item.notes == ("is enabled and has no ACL: nobody can log in",)
    assert (item.where, item.praise, stranger.check) == (f"{IQN}/tpg1", "", "unknown initiator")
    for portal in list(tpg.network_portals):
        portal.delete()
    (item,) = tried(lio)
    assert item.notes[0] == "is enabled and has no portal: nobody can reach it"
    tpg.enable = False
    assert tried(lio) == []


def test_a_portal_that_only_rdma_reaches(lio: FakeLio, tpg: TPG) -> None:
    for portal in list(tpg.network_portals):
        portal.delete()
    state = capture(lio.fs)
    name = f"/iscsi/{IQN}/tpg1/portals/10.0.0.1:3260"
    NetworkPortal(tpg, "10.0.0.1")
    record = capture(lio.fs)[name]
    state.add(record._replace(files={"iser": "1"}))
    (item,) = tried(lio, state)
    assert item.notes == ("10.0.0.1:3260 is reached by RDMA only: not looked at",)


def test_disks_that_are_of_no_use(lio: FakeLio) -> None:
    def change(units: dict[int, Unit]) -> None:
        if 5 in units:
            units[5].sense = scsi.Sense(scsi.SenseKey.NOT_READY, 0x04, 0x0B).pack_fixed()
            units[0].serial = None
            units[0].size += 4096

    lio.change = change
    (first, *_) = tried(lio)
    assert [it.text for it in first.faults] == [
        "LUN 0 (fileio/disk) has 4198400 bytes, 4194304 are configured",
        f"LUN 5 (ramdisk/memory) cannot be used: {STANDBY}",
    ]


STANDBY = "CHECK CONDITION: not ready: its target port is in standby (04h/0bh)"
