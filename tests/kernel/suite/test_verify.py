# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""targetctl verify: three targets, twenty LUNs, five ACLs; it finds what is wrong, and no more."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from rtslib import (
    LUN,
    TPG,
    FabricModule,
    FileIOStorageObject,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    RDMCPStorageObject,
    RTSRoot,
    Target,
)
from suite.libiscsi import session
from suite.machine import MIB, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtslib.storage import StorageObject

NAMES = ("alice", "bob", "carol", "dave", "erin")
IQNS = [f"iqn.2026-11.org.example:verify-{number}" for number in range(3)]
PORTALS = (("127.0.0.1", "::1"), ("0.0.0.0",), ("::",))
LUNS = (8, 7, 5)
#: Of which target, how many of its LUNs it has from which on, and how many commands at a time.
ACLS = {"alice": (0, 0, 8, 64), "bob": (0, 2, 5, 16), "carol": (1, 0, 7, 32), "dave": (1, 1, 1, 1),
        "erin": (2, 0, 5, 64)}  # fmt: skip


def initiator(name: str) -> str:
    return f"iqn.1994-05.com.redhat:{name}"


class Machine:
    """All of it: LUN n of a target is a file where n is even, memory where it is odd."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.objects: list[StorageObject] = []
        self.tpgs = []
        for number, iqn in enumerate(IQNS):
            tpg = TPG(Target(FabricModule("iscsi"), iqn), 1)
            for lun in range(LUNS[number]):
                LUN(tpg, lun, self._disk(f"disk-{number}-{lun}", lun))
            for address in PORTALS[number]:
                NetworkPortal(tpg, address, 3270 + number)
            tpg.set_attribute("authentication", True)
            tpg.enable = True
            self.tpgs.append(tpg)
        for name in NAMES:
            self._acl(name, *ACLS[name])

    def _disk(self, name: str, lun: int) -> StorageObject:
        size = (lun + 1) * MIB
        made: StorageObject = (
            RDMCPStorageObject(name, size)
            if lun % 2
            else FileIOStorageObject(name, str(self.directory / f"{name}.img"), size)
        )
        self.objects.append(made)
        return made

    def _acl(self, name: str, target: int, first: int, count: int, depth: int) -> None:
        acl = NodeACL(self.tpgs[target], initiator(name))
        acl.tcq_depth = depth
        mutual = ("target", f"{name}-mutual-secret") if name == "alice" else ()
        acl.set_chap(name, f"{name}-chap-secret", *mutual)
        for number in range(count):
            MappedLUN(acl, 10 + number, first + number, write_protect=number == 1)

    def acl(self, name: str) -> NodeACL:
        return self.tpgs[ACLS[name][0]].node_acls[initiator(name)]

    def delete(self) -> None:
        for tpg in self.tpgs:
            tpg.parent_target.delete()
        for storage_object in self.objects:
            storage_object.delete()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.delete()


@pytest.fixture
def saved(machine: Machine) -> str:
    file = str(machine.directory / "saved.json")
    RTSRoot().save_to_file(file)
    return file


def verify(*words: str, expect: int = 0) -> list[dict[str, Any]]:
    """Run the command; return what it tells programs."""
    done = program(sys.executable, "-m", "rtslib.cli", "verify", "--json", *words)
    assert done.returncode == expect, done.stdout + done.stderr
    assert "-secret" not in done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def faults(items: list[dict[str, Any]]) -> set[tuple[str, str, int | None]]:
    """Return who finds what of which LUN; what is found at several portals counts once."""
    return {
        (item["initiator"].rpartition(":")[2], fault["about"], fault["lun"])
        for item in items
        for fault in item["faults"]
    }


@pytest.mark.usefixtures("machine")
def test_all_is_as_configured(saved: str) -> None:
    for words in ((), (saved,)):
        items = verify(*words)
        assert faults(items) == set()
        assert not [it["notes"] for it in items if it["notes"]]
        logins = [it for it in items if it["check"] == "login"]
        # Alice and Bob at two portals.
        assert len(logins) == 7
        assert sum(it["luns"] for it in logins if it["portal"] != "[::1]:3270") == 26
        refusals = sorted(it["check"] for it in items if it["check"] != "login")
        assert refusals == sorted(["wrong password", "no password"] * 5 + ["unknown initiator"] * 3)


def test_what_was_planted_is_found_and_nothing_else(machine: Machine, saved: str) -> None:
    machine.acl("alice").mapped_luns[13].delete()
    machine.objects[4].resize(6 * MIB)
    machine.acl("bob").mapped_luns[11].write_protect = False
    machine.tpgs[2].set_attribute("authentication", False)
    found = faults(verify(saved, expect=1))
    refused = {it for it in found if it[1] == "refusal"}
    assert refused == {("erin", "refusal", None)}
    assert found - refused == {
        ("alice", "missing", 13),
        ("alice", "size", 14),
        ("bob", "size", 12),
        ("bob", "write_protected", 11),
    }
    # The running configuration is what initiators see: nothing differs, one thing is odd.
    items = verify()
    assert faults(items) == set()
    assert {it["initiator"] for it in items if it["notes"]} == {initiator("erin")}


def test_what_is_wrong_with_what_runs(machine: Machine) -> None:
    erin = machine.acl("erin")
    erin.set_chap("", "")
    machine.acl("carol").tag = "group"
    machine.tpgs[0].enable = False
    assert faults(verify(expect=1)) == {("erin", "login", None)}
    erin.set_chap("erin", "erin-chap-secret")
    machine.tpgs[0].enable = True


def test_more_than_is_configured(machine: Machine, saved: str) -> None:
    MappedLUN(machine.acl("dave"), 300, 6)
    machine.acl("dave").tcq_depth = 2
    machine.tpgs[1].set_attribute("generate_node_acls", True)
    found = verify(saved, expect=1)
    assert faults([it for it in found if it["check"] == "login"]) == {
        ("dave", "extra", 300),
        ("dave", "depth", None),
    }
    (let_in,) = (it for it in found if it["check"] == "unknown initiator" and it["faults"])
    assert let_in["target"] == IQNS[1]


def test_a_session_hears_what_was_meant_for_it(machine: Machine) -> None:
    acl = machine.acl("dave")
    machine.tpgs[1].set_attribute("authentication", False)
    # The other one answers no pings while it waits here.
    acl.set_attribute("nopin_timeout", 0)
    with session(initiator("dave"), IQNS[1], "127.0.0.1:3271", 10) as other:
        # Told of the next LUN by a unit attention, which only one of an ACL's sessions hears.
        MappedLUN(acl, 11, 2)
        items = verify("--target", IQNS[1])
        assert faults(items) == set()
        assert any("logged in now" in note for it in items for note in it["notes"])
        with pytest.raises(PermissionError, match="status 2, sense 0x3f0e"):
            other.write(10, 0, bytes(512))
        other.write(10, 0, bytes(512))
        # Its session is the one it was.
        assert acl.session is not None
