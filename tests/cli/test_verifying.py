# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""verify: what the command reads, prints and ends with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from trees import INITIATORS, IQN, SECRETS
from verify.lio import FakeLio

from rtslib import RTSRoot, use
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
        f"good: {where}: 1 LUNs as configured",
        f"good: {where}: a wrong password is refused",
        f"good: {where}: no password is refused",
    ]
    assert out.splitlines()[3].endswith(": an initiator without ACL is refused")
    assert out.splitlines()[4] == "all is as configured"
    assert err == ""


def test_what_is_otherwise(run: Run, lio: FakeLio, saved: Path) -> None:
    saved.parent.mkdir()
    run("save")
    acl = RTSRoot().node_acls.__next__()
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


def test_one_target(run: Run, lio: FakeLio) -> None:
    assert run(f"verify --target {IQN}")[0] == run("verify")[0].replace(
        lio.logins[-1].initiator, lio.logins[3].initiator
    )
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
    assert "an initiator without ACL is refused" in out
    assert "was not tried" in out


def test_no_tree(run: Run, tmp_path: Path) -> None:
    run(f"--root {tmp_path}/none verify", expect=6)
