# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""How a command ends: by a bug, a key, a closed pipe; and the program as a process."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from trees import SECRETS

from rtslib.cli.main import main
from rtslib.configfs import use
from rtslib.testing import Faulty, Wrapper

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Run
    from rtslib.configfs import Kind
    from rtslib.testing import FakeKernel

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Breaking(Wrapper):
    """A tree that raises one exception at the first look at it."""

    def __init__(self, inner: FakeKernel, error: BaseException) -> None:
        super().__init__(inner)
        self.error = error

    def kind(self, path: str) -> Kind:
        raise self.error


def test_a_bug_has_a_traceback_only_where_it_is_asked_for(
    fake: FakeKernel, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with use(Breaking(fake, KeyError("x"))):
        _, err = run("show", expect=1, bug=True)
        assert "bug in targetctl: KeyError" in err
        assert "Traceback" not in err
        monkeypatch.setenv("RTSLIB_DEBUG", "1")
        assert "Traceback" in run("show", expect=1, bug=True)[1]


def test_the_keyboard_interrupts(fake: FakeKernel, run: Run) -> None:
    with use(Breaking(fake, KeyboardInterrupt())):
        assert "interrupted" in run("show", expect=130)[1]


@pytest.mark.usefixtures("fake")
def test_a_reader_that_went_away_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        assert main(["show"]) == 141


def test_a_reader_may_go_away_within_a_command(
    fake: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with use(Breaking(fake, BrokenPipeError())), open(tmp_path / "out", "wb") as raw:
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw))
        assert main(["show"]) == 141


def test_a_wrong_variable_is_a_mistake_in_the_call(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTSLIB_CONFIGFS", "nonsense")
    assert "RTSLIB_CONFIGFS='nonsense' names no target tree" in run("show", expect=2)[1]


@pytest.mark.parametrize("at", [1, 10, 50, 100, 200, 400])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOENT])
@pytest.mark.parametrize("line", ["restore", "clear", "save", "show", "diff", "doctor", "stats"])
def test_whatever_the_kernel_refuses_is_explained(
    line: str, number: int, at: int, tree: FakeKernel, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run("save")
    if line == "restore":
        run("clear -q")
    with use(Faulty(tree, number, at, when=lambda _name, _path: True)):
        code = main([line])
    said = "".join(capsys.readouterr())
    assert code in (0, 1, 4, 6)
    assert code == 0 or said
    assert "bug in targetctl" not in said
    assert not any(secret in said for secret in SECRETS[1::2])


def process(*argv: str, state: Path, expect: int = 0, **env: str) -> tuple[bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "rtslib.cli", *argv],
        capture_output=True,
        check=False,
        cwd=TOP,
        env={**os.environ, "RTSLIB_CONFIGFS": f"fake:{state}", **env},
    )
    assert done.returncode == expect, done
    return done.stdout, done.stderr


CONFIGURATION = """{"storage_objects": [{"name": "disk", "plugin": "ramdisk", "size": "1M"}],
 "targets": [{"wwn": "iqn.2003-01.org.example:t", "fabric": "iscsi", "tpgs": [
   {"tag": 1, "luns": [{"index": 0, "storage_object": "/backstores/ramdisk/disk"}]}]}]}
"""


def test_processes_share_a_tree(tmp_path: Path) -> None:
    state, new, saved = tmp_path / "state", tmp_path / "new.json", tmp_path / "saved.json"
    new.write_text(CONFIGURATION)
    assert b"parts done" in process("apply", str(new), state=state)[0]
    process("save", str(saved), state=state)
    assert b"iqn.2003-01.org.example:t" in process("show", state=state)[0]
    process("clear", "-q", state=state)
    assert process("diff", "--exit-code", str(saved), state=state, expect=4)[0]
    assert process("restore", "--quiet", str(saved), state=state) == (b"", b"")
    assert process("diff", str(saved), state=state) == (b"", b"")


def test_any_name_can_be_printed_to_any_output(tmp_path: Path) -> None:
    state, new = tmp_path / "state", tmp_path / "new.json"
    new.write_text(
        '{"storage_objects": [{"name": "caf\u00e9", "plugin": "ramdisk", "size": 4096}]}'
    )
    process("apply", str(new), state=state)
    assert b"caf\\xe9" in process("show", state=state, PYTHONIOENCODING="ascii")[0]
    new.write_text('{"targets": []}')
    shell = process("plan", "--shell", str(new), state=state, PYTHONIOENCODING="utf-8")[0]
    assert "/caf\u00e9'".encode() in shell
