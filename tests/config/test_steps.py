# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A plan to be read: as text, as data, as a script that does what the plan does."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest
from trees import KERNELS, SECRETS, empty, rich

from rtslib import LUN
from rtslib.config.bundle import Making, Removing, Settling
from rtslib.config.capture import capture
from rtslib.config.plan import plan
from rtslib.config.state import Link, Record, State
from rtslib.config.steps import Plan, Step
from rtslib.errors import MASK

if TYPE_CHECKING:
    from pathlib import Path

STEPS = {
    Step("mkdir", "a/b", part="+/x", reason="new"): ("mkdir a/b  # new", "mkdir /t/a/b"),
    Step("rmdir", "a/b"): ("rmdir a/b", "rmdir /t/a/b"),
    Step("write", "a/f", "it's\n"): ('write "it\'s" to a/f', "printf %s 'it'\"'\"'s\n' > /t/a/f"),
    Step("write", "a/f", "NULL", secret=True): (
        "write 'NULL' to a/f",
        "printf %s NULL > /t/a/f",
    ),
    Step("write", "a/f", "s3cret", secret=True): (
        f"write '{MASK}' to a/f",
        "# the secret is left out: printf %s SECRET > /t/a/f",
    ),
    Step("link", "a/l", "core/x y"): ("link a/l to core/x y", "ln -s '/t/core/x y' /t/a/l"),
    Step("unlink", "a/l"): ("unlink a/l", "rm /t/a/l"),
    Step("check", "/dev/a b"): ("check /dev/a b", "test -e '/dev/a b'"),
    Step("create", "/f", "4096"): ("create /f (4096)", "truncate -s 4096 /f"),
    Step("grow", "/f", "4096"): ("grow /f (4096)", "truncate -s '>4096' /f"),
    Step("address", "core/p/r", "/dev/s"): (
        "address core/p/r (/dev/s)",
        "# write the SCSI address of /dev/s to /t/core/p/r/control",
    ),
    Step("reservations", "core/a/b", "serial"): (
        "reservations core/a/b (serial)",
        "# give back the reservations kept for core/a/b",
    ),
}


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.verb)
def test_a_step_as_text_and_as_shell(step: Step) -> None:
    text, shell = STEPS[step]
    assert str(step) == repr(step) == text
    assert step.shell("/t") == shell


def test_a_step_as_data() -> None:
    step = Step("write", "a/f", "1", part="+/x", reason="new", maybe=True)
    assert step.data() == {
        "verb": "write",
        "path": "a/f",
        "text": "1",
        "for": "/x",
        "reason": "new",
        "only_if_different": True,
    }
    assert "text" not in Step("rmdir", "a").data()
    assert Step("write", "a", "s3cret", secret=True).data()["text"] == MASK


def test_a_plan_in_all_its_forms() -> None:
    made = Plan("/t")
    made.add(
        Step("rmdir", "a", part="-/x", reason="not in the configuration"),
        Step("rmdir", "b", part="-/x", reason="not in the configuration"),
        Step("mkdir", "c", part="+/y"),
    )
    made.notes.append("careful")
    assert len(made) == 3
    assert made.text() == (
        "remove /x\n"
        "    rmdir a  # not in the configuration\n"
        "    rmdir b  # not in the configuration\n"
        "set up /y\n"
        "    mkdir c\n"
        "note: careful"
    )
    assert made.data()["notes"] == ["careful"]
    assert made.shell() == (
        "#!/bin/sh\nset -eu\n# /x: not in the configuration\nrmdir /t/a\nrmdir /t/b\nmkdir /t/c\n"
    )


@pytest.mark.parametrize("kernel", KERNELS)
def test_no_form_shows_a_secret_and_the_script_is_one(tmp_path: Path, kernel: str) -> None:
    tree = rich(str(tmp_path), kernel)
    have = capture(tree)
    other = capture(empty(kernel))
    for steps in (plan(other, have, "/t"), plan(have, State(), "/t")):
        shell = steps.shell()
        shown = f"{steps.text()}{json.dumps(steps.data())}{shell}{steps.steps}"
        assert not [secret for secret in SECRETS if secret in shown]
        done = subprocess.run(
            ["sh", "-n"], input=shell, text=True, check=False, capture_output=True
        )
        assert done.returncode == 0, done.stderr


def test_nothing_to_do_is_no_unit() -> None:
    steps = Plan("/root")
    steps.unit(0, LUN)
    assert list(steps.stretches(overlap=True, apart=False)) == []


def test_entries_of_several_steps() -> None:
    link = Link("/backstores/ramdisk/disk", "link")
    record = Record("/x/lun0", LUN, "/x", "lun_0", "x/lun_0", {}, {"enable": "1"}, link)
    making = Making(record, "x/lun_0", "x/lun_0/link", "core/rd_mcp_0/disk", "new")
    assert [str(it) for it in making.steps()] == [
        "mkdir x/lun_0  # new",
        "link x/lun_0/link to core/rd_mcp_0/disk  # exports it",
    ]
    removing = Removing(record, "gone")
    assert [str(it) for it in removing.steps()] == [
        "unlink x/lun_0/link  # gone",
        "rmdir x/lun_0  # gone",
    ]
    bare = Removing(record._replace(link=None), "gone")
    assert [str(it) for it in bare.steps()] == ["rmdir x/lun_0  # gone"]
    settling = Settling(record, "x/lun_0", ("enable",))
    entries = (making, removing, bare, settling)
    assert [entry.size for entry in entries] == [len(entry.steps()) for entry in entries]
    assert repr(making) == "make x/lun_0"
    assert {entry.owner for entry in entries} == {"/x/lun0"}
    assert {step.part for entry in entries for step in entry.steps()} == {"+/x/lun0", "-/x/lun0"}
