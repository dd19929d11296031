# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""verify: what the command reads, prints and ends with."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from trees import INITIATORS, IQN, SECRETS
from verify.lio import FakeLio

from rtslib import BlockStorageObject, RTSRoot, use
from rtslib.cli.verifying import _Machine
from rtslib.config.capture import capture
from rtslib.iscsi.client import Session
from rtslib.testing import ReadOnly

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run
    from rtslib.testing import FakeKernel


@pytest.fixture
def lio(tree: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> FakeLio:
    """What sessions find where they connect to: the tree itself."""
    lio = FakeLio(tree)
    monkeypatch.setattr(Session, "connect", lio.connect)
    return lio


def test_all_is_well(run: Run, lio: FakeLio) -> None:
    with use(ReadOnly(lio.fs)):
        out, err = run("verify")
    where = f"{IQN}/tpg1 at 127.0.0.1:3260 as {INITIATORS[0]}"
    assert out.splitlines()[:3] == [
        f"good: {where}: 1 LUN as configured",
        f"good: {where}: a wrong password is refused",
        f"good: {where}: no password is refused",
    ]
    assert out.splitlines()[3].endswith(": an initiator without ACL is refused")
    assert out.splitlines()[4] == "all is as configured"
    assert err == ""


def test_what_is_otherwise(run: Run, lio: FakeLio, saved: Path) -> None:
    saved.parent.mkdir()
    run("save")
    acl = next(RTSRoot().node_acls)
    acl.tcq_depth = 1
    out, _ = run(f"verify {saved}", expect=1)
    assert "wrong: " in out
    assert "1 commands are taken at a time, 64 are configured\n1 of 4" not in out
    assert out.splitlines()[-1] == "1 of 4 tried are wrong"
    data = json.loads(run(f"verify {saved} --json", expect=1)[0])
    assert data[0]["check"] == "login"
    assert data[0]["faults"] == [
        {
            "about": "depth",
            "text": "1 commands are taken at a time, 64 are configured",
            "lun": None,
            "configured": 64,
            "seen": 1,
        }
    ]
    assert not any(secret in json.dumps(data) for secret in SECRETS)
    assert lio.logins


def test_who_is_logged_in(run: Run, lio: FakeLio, tree: FakeKernel) -> None:
    tree.login(f"iscsi/{IQN}/tpgt_1", INITIATORS[0])
    out, _ = run("verify")
    assert out.splitlines()[1].startswith("note: ")
    assert "is logged in now" in out
    assert "is logged in now" not in run("verify --in-use")[0]
    assert lio.asked


def test_one_target(run: Run, lio: FakeLio, tree: FakeKernel) -> None:
    assert run(f"verify --target {IQN}")[0] == run("verify")[0]
    stranger = _Machine(tree, capture(tree)).stranger
    assert {it.initiator for it in lio.logins} == {INITIATORS[0], stranger}
    _, err = run("verify --target iqn.2003-01.org.example:nobody", expect=1)
    assert "there is no target" in err


def test_what_is_saved_and_does_not_run(run: Run, lio: FakeLio, saved: Path) -> None:
    saved.parent.mkdir()
    run("save")
    run("clear -q")
    out, _ = run(f"verify {saved}", expect=1)
    assert "there is no such target" in out
    assert lio.logins
    assert run("verify")[0] == "no initiator can log in: nothing is exported by iSCSI\n"


def test_nobody_listens(run: Run, tree: FakeKernel) -> None:
    """Without a fake: what the tree says is not there on this machine."""
    portal = f"iscsi/{IQN}/tpgt_1/np"
    tree.rmdir(f"{portal}/127.0.0.1:3260")
    tree.mkdir(f"{portal}/127.0.0.1:1")
    out, _ = run("verify", expect=1)
    assert "cannot connect to 127.0.0.1 port 1" in out
    assert "unknown initiator: not tried: cannot connect" in out
    assert out.splitlines()[-1] == "1 of 1 tried are wrong"


def test_what_only_the_kernel_knows(tree: FakeKernel) -> None:
    BlockStorageObject("device", "/dev/vdb")
    machine = _Machine(tree, capture(tree))
    assert machine.size("/backstores/ramdisk/memory") == 1 << 20
    # This machine has no such device, and nothing of that name runs.
    assert machine.size("/backstores/block/device") is None
    assert machine.size("/backstores/block/nobody") is None
    assert not machine.in_use("/iscsi/nobody")


def test_the_name_of_a_stranger(tree: FakeKernel) -> None:
    """The kernel remembers it in demo mode: it changes with the configuration, and only then."""
    names = [_Machine(tree, capture(tree)).stranger for _ in range(2)]
    acl = next(RTSRoot().node_acls)
    acl.chap_password = "another-secret"
    names.append(_Machine(tree, capture(tree)).stranger)
    assert len(set(names)) == 1
    acl.tcq_depth = 3
    assert _Machine(tree, capture(tree)).stranger not in names


OTHERS = """
import importlib, sys
from rtslib.cli.commands import COMMANDS
for module in {it.run.partition(":")[0] for it in COMMANDS}:
    if module not in ("verifying", "initiator", "copying"):
        importlib.import_module(f"rtslib.cli.{module}")
print(sorted(it for it in sys.modules if it.startswith(("rtslib.iscsi", "asyncio"))))
"""


def test_other_commands_know_nothing_of_an_initiator() -> None:
    done = subprocess.run(
        [sys.executable, "-c", OTHERS], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_no_tree(run: Run, tmp_path: Path) -> None:
    run(f"--root {tmp_path}/none verify", expect=6)
