# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Completion: what bash offers when it is asked; zsh's script names all there is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from trees import IQN

from rtslib import RDMCPStorageObject, use
from rtslib.cli.commands import COMMANDS
from rtslib.testing import FakeKernel

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BASH = shutil.which("bash")

#: Asks a completion function as bash does, with words broken as they stand.
ASK = """
source "$1"; shift
targetctl() { "$PYTHON" -m rtslib.cli "$@"; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
_targetctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.usefixtures("tree")
def test_names(run: Run) -> None:
    assert run("completion targets")[0] == f"{IQN}\n"
    assert run("completion storage-objects")[0] == "fileio/disk\nramdisk/memory\n"
    assert json.loads(run("completion targets --json")[0]) == [IQN]


@pytest.fixture
def script(run: Run, tmp_path: Path) -> Path:
    path = tmp_path / "completion"
    path.write_text(run("completion bash")[0])
    return path


def offered(script: Path, *words: str) -> list[str]:
    assert BASH
    done = subprocess.run(
        [BASH, "--norc", "-c", ASK, "ask", str(script), *words],
        capture_output=True,
        check=True,
        text=True,
        cwd=script.parent,
        env={
            **os.environ,
            "PYTHON": sys.executable,
            "PYTHONPATH": TOP,
            "RTSLIB_CONFIGFS": f"fake:{script.parent}/state",
        },
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.skipif(not BASH, reason="no bash here")
def test_bash_completes(script: Path) -> None:
    (script.parent / "a.json").touch()
    assert offered(script, "targetctl", "res") == ["restore"]
    assert offered(script, "targetctl", "--js") == ["--json"]
    assert offered(script, "targetctl", "--root", "") == []
    assert offered(script, "targetctl", "restore", "--on-failure", "s") == ["stop"]
    assert offered(script, "targetctl", "restore", "--on") == ["--only-missing", "--on-failure"]
    assert offered(script, "targetctl", "--json", "check", "a") == ["a.json"]
    assert offered(script, "targetctl", "restore", "--wait", "") == []
    assert offered(script, "targetctl", "completion", "b") == ["bash"]
    assert offered(script, "targetctl", "sessions", "--q") == ["--quiet"]
    assert "--exact" in offered(script, "targetctl", "apply", "a.json", "--root", "/", "-")


@pytest.mark.skipif(not BASH, reason="no bash here")
def test_bash_completes_names_of_what_runs(script: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.json"
    new.write_text('{"storage_objects": [{"name": "m", "plugin": "ramdisk", "size": 4096}]}')
    subprocess.run(
        [sys.executable, "-m", "rtslib.cli", "-q", "apply", str(new)],
        check=True,
        cwd=TOP,
        env={**os.environ, "RTSLIB_CONFIGFS": f"fake:{tmp_path}/state"},
    )
    words = ("targetctl", "restore", "--storage-object", "ram")
    assert offered(script, *words) == ["ramdisk/m"]


@pytest.mark.skipif(not BASH, reason="no bash here")
def test_a_command_in_a_name_is_never_run(script: Path, tmp_path: Path) -> None:
    name = "$(touch pwned) `touch pwned`"
    with use(FakeKernel(state=f"{tmp_path}/state")):
        RDMCPStorageObject(name, 4096)
    words = ("targetctl", "restore", "--storage-object", "ram")
    assert offered(script, *words)
    assert not (script.parent / "pwned").exists()


def test_zsh_is_told_of_all(run: Run) -> None:
    out, _ = run("completion zsh")
    assert out.startswith("#compdef targetctl\n")
    for command in COMMANDS:
        assert f"{command.name}:{command.summary}" in out
        (line,) = (it for it in out.splitlines() if it.strip().startswith(f"{command.name}) "))
        assert all(argument.names[-1] in line for argument in command.arguments)
