# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""From a command line to a login: names, secrets that stay out of it, URLs that are wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from cli.portal import IQN, portal
from rtslib.cli import login
from rtslib.iscsi.scsi.lun import Lun
from rtslib.iscsi.settings import DEFAULT_INITIATOR, Credentials

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run

SECRET = "alice-secret-1"


@pytest.fixture(autouse=True)
def name_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "initiatorname.iscsi"
    monkeypatch.setattr(login, "INITIATOR_FILE", str(path))
    for name in ("USERNAME", "PASSWORD", "TARGET_USERNAME", "TARGET_PASSWORD"):
        monkeypatch.delenv(f"LIBISCSI_CHAP_{name}", raising=False)
    return path


PORT = "targetctl: a port is a number from 1 to 65535\n"
MISSING = "is missing: iscsi://HOST[:PORT]/TARGET/LUN\n"
WRONG = {
    "readcap iscsi://host:x/iqn.y/0": f"iscsi://host:x/iqn.y/0\n{' ' * 13}^\n{PORT}",
    "readcap iscsi://u%s3cret@h:x": f"iscsi://u%********@h:x\n{' ' * 21}^\n{PORT}",
    "ls iscsi://::1": (
        f"iscsi://::1\n{' ' * 8}^\ntargetctl: an IPv6 address stands in brackets; write [ADDRESS]\n"
    ),
    "inq iscsi://host": f"targetctl: iscsi://host:3260: the target and LUN {MISSING}",
    "inq iscsi://host/iqn.y": f"targetctl: iscsi://host:3260/iqn.y: the LUN {MISSING}",
}


@pytest.mark.parametrize(("line", "error"), WRONG.items())
def test_a_url_that_is_wrong(run: Run, line: str, error: str) -> None:
    assert run(line, expect=2) == ("", error)


def test_a_variable_that_is_wrong(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIBISCSI_TCP_KEEPCNT", "many")
    _, err = run("ls iscsi://host", expect=2)
    assert err == "targetctl: LIBISCSI_TCP_KEEPCNT=many is no number\n"


def initiators(run: Run, *words: str) -> set[str]:
    with portal() as target:
        run(f"readcap {target.disk_url} {' '.join(words)}")
        return {it.login.initiator for it in target.served}


def test_under_which_name(run: Run, name_file: Path) -> None:
    assert initiators(run) == {DEFAULT_INITIATOR}
    name_file.write_text("# of this machine\nInitiatorName=iqn.1994-05.com.redhat:me\n")
    assert initiators(run) == {"iqn.1994-05.com.redhat:me"}
    assert initiators(run, "--initiator iqn.1994-05.com.redhat:you") == {
        "iqn.1994-05.com.redhat:you"
    }
    name_file.write_text("nothing\n")
    assert initiators(run) == {DEFAULT_INITIATOR}


def test_credentials(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "credentials"
    file.write_text(f"user = alice\nsecret = {SECRET}\n")
    with portal(credentials=Credentials("alice", SECRET)) as target:
        _, err = run(f"readcap {target.disk_url}", expect=1)
        assert "authentication failed" in err
        _, err = run(f"readcap {target.disk_url} --credentials {file}", expect=2)
        assert "chmod 600" in err
        file.chmod(0o600)
        run(f"readcap {target.disk_url} --credentials {file}")
        monkeypatch.setenv("LIBISCSI_CHAP_USERNAME", "alice")
        monkeypatch.setenv("LIBISCSI_CHAP_PASSWORD", SECRET)
        out, err = run(f"readcap {target.disk_url}")
    assert SECRET not in out + err


def test_nobody_is_there(run: Run) -> None:
    with portal() as target:
        url = f"{target.url}/{IQN}-other/0"
        _, err = run(f"readcap {url}", expect=1)
        assert "there is no such target" in err
    _, err = run(f"readcap {url}", expect=1)
    assert "cannot connect to 127.0.0.1" in err


class Listing:
    """A session that lists LUNs as LIO does."""

    def __init__(self, lun: int) -> None:
        self.lun = lun

    async def luns(self) -> list[Lun]:
        return [Lun.from_linux(number) for number in (0, 300)]


@pytest.mark.parametrize(("lun", "wire"), [(0, "0000"), (300, "012c"), (301, "412d")])
def test_a_lun_in_the_form_of_the_target(lun: int, wire: str) -> None:
    found = asyncio.run(login.lun_of(Listing(lun)))  # type: ignore[arg-type]
    assert getattr(found, "wire", Lun(found).wire)[:2].hex() == wire
