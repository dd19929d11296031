# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""targetcli from PyPI, unmodified, in a terminal, over the fake kernel."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import rtslib
from consumers import transcript
from consumers.terminal import Terminal
from rtslib.testing import FakeKernel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtslib.configfs import ConfigFS

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
COMMAND = [sys.executable, str(HERE / "without_root.py")]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What targetcli finds around it: the fake kernel, and nothing of this machine's."""
    missing = [name for name in ("targetcli", "configshell") if not importlib.util.find_spec(name)]
    if missing:
        pytest.fail(f"no {missing}: pip install --no-deps -r {HERE}/requirements.txt (.ci/venv)")
    return {
        **os.environ,
        "TARGETCLI_HOME": str(tmp_path / "home"),
        "RTSLIB_CONFIGFS": f"fake:{tmp_path}/state.json",
        "PYTHONPATH": os.pathsep.join([str(REPOSITORY), str(HERE / "gi_stub")]),
        "PYTHONWARNINGS": "ignore",
    }


def content(fs: ConfigFS, top: str = "") -> dict[str, str]:
    """Return every file's text or mode, and every link's target, by path."""
    found: dict[str, str] = {}
    for entry in fs.listdir(top):
        path = f"{top}/{entry.name}".lstrip("/")
        found[path] = ""
        if entry.kind is rtslib.configfs.Kind.DIRECTORY:
            found |= content(fs, path)
        elif entry.kind is rtslib.configfs.Kind.LINK:
            found[path] = fs.readlink(path)
        elif fs.mode(path) & 0o444:
            found[path] = read(fs, path)
    return found


def read(fs: ConfigFS, path: str) -> str:
    try:
        return fs.read(path)
    except OSError as error:
        return str(error.errno)


def test_the_whole_transcript(tmp_path: Path, environment: Mapping[str, str]) -> None:
    (tmp_path / "existing.img").write_bytes(bytes(1 << 20))
    trees: dict[str, dict[str, str]] = {}

    def snapshot(name: str) -> None:
        trees[name] = content(FakeKernel(state=f"{tmp_path}/state.json"))

    player = transcript.Player(
        lambda: Terminal(COMMAND, environment, str(tmp_path)), {"dir": str(tmp_path)}, snapshot
    )
    wrong = player.play(transcript.read(HERE / "targetcli.txt"), {"unprivileged"})
    assert not wrong, "\n".join(f"line {number}, {text}" for number, text in wrong.items())


def targetcli(
    environment: Mapping[str, str], *words: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run targetcli without a terminal."""
    return subprocess.run(
        [*COMMAND, *words],
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
