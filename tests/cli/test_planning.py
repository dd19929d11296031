# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""plan, diff and generations: what they show, and that they touch nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from trees import IQN, SECRETS

from rtslib import RDMCPStorageObject, RTSRoot, use
from rtslib.testing import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.conftest import Run
    from rtslib.testing import FakeKernel


@pytest.fixture
def changed(tree: FakeKernel, run: Run) -> Iterator[FakeKernel]:
    """A tree, of which one object and one setting are not saved, and that cannot be changed."""
    run("save")
    RDMCPStorageObject("more", "1M")
    tpg = next(RTSRoot().tpgs)
    tpg.attributes["login_timeout"] = 30
    next(RTSRoot().node_acls).chap_password = "0ther-s3cret"
    with use(ReadOnly(tree)):
        yield tree


pytestmark = pytest.mark.usefixtures("changed")


def test_a_plan_is_read_before_it_is_run(run: Run) -> None:
    out, err = run("plan")
    assert err == ""
    assert "remove /backstores/ramdisk/more" in out
    assert "write '15' to iscsi/" in out
    assert not any(secret in out for secret in SECRETS)
    run("plan --exit-code", expect=4)


def test_a_plan_with_its_secrets(run: Run) -> None:
    assert SECRETS[1] in run("plan --show-secrets")[0]
    assert SECRETS[1] in run("plan --show-secrets --shell")[0]


def test_a_plan_as_data_and_as_a_script(run: Run) -> None:
    steps = json.loads(run("plan --json")[0])["steps"]
    assert {"verb", "path", "for", "reason"} <= steps[0].keys()
    out = run("plan --shell")[0]
    assert out.startswith("#!/bin/sh\nset -eu\n")
    assert not any(secret in out for secret in SECRETS)


def test_a_plan_for_a_part(run: Run) -> None:
    assert "more" not in run(f"plan --target {IQN}")[0]
    assert "more" not in run("plan --keep-existing")[0]
    assert run("plan --only-missing --exit-code") == ("nothing to do\n", "")


def test_a_plan_says_what_is_odd(run: Run) -> None:
    out, _ = run("plan - --keep-existing", stdin='{"targets": [], "nobody_knows": 1}')
    assert "note: standard input:1:2: " in out or "note: standard input:1: " in out


def test_running_and_saved(run: Run) -> None:
    out, err = run("diff")
    assert err == ""
    assert "- /backstores/ramdisk/more" in out.splitlines()
    assert "    attributes.login_timeout: '30' -> '15'" in out.splitlines()
    assert "    chap_password: '********' -> '********'" in out.splitlines()
    assert SECRETS[1] in run("diff --show-secrets")[0]
    assert {it["kind"] for it in json.loads(run("diff --json")[0])} == {"removed", "changed"}
    run("diff --exit-code", expect=4)


def test_two_files(run: Run, saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    other.write_text(saved.read_text().replace('"login_timeout": 15', '"login_timeout": 16'))
    assert "attributes.login_timeout: '16' -> '15'" in run(f"diff {other} {saved}")[0]
    run(f"diff --exit-code {saved} {saved}")
    assert "one file to compare" in run(f"diff {saved} {saved} {saved}", expect=2)[1]


def test_a_file_with_what_nobody_knows(run: Run, saved: Path) -> None:
    data = {**json.loads(saved.read_text()), "nobody_knows": 1}
    _, err = run("diff -", stdin=json.dumps(data))
    assert err.startswith("note: standard input:1:")
    assert "nobody_knows" in err


def test_no_versions_are_no_lines(run: Run) -> None:
    assert run("generations") == ("", "")


def test_versions(run: Run, saved: Path, changed: FakeKernel) -> None:
    with use(changed):
        run("save")
    head, row = run("generations")[0].splitlines()
    assert head.split() == ["NUMBER", "SAVED", "BYTES", "NAME"]
    assert row.split()[0] == "1"
    assert json.loads(run("generations --json")[0])[0]["number"] == 1
    shown = run("generations --show 1")[0]
    assert not any(secret in shown for secret in (SECRETS[1], SECRETS[3]))
    assert json.loads(shown)["targets"][0]["wwn"] == IQN
    assert SECRETS[1] in run("generations --show 1 --show-secrets")[0]
    out, _ = run("generations --diff 1 --exit-code", expect=4)
    assert "+ /backstores/ramdisk/more" in out.splitlines()
    assert "no generation 7" in run(f"generations {saved} --show 7", expect=1)[1]
