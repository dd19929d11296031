# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The classic module: what programs import from it, and what it does."""

from __future__ import annotations

import importlib
import io
import runpy
from typing import TYPE_CHECKING

import pytest

from rtslib import RDMCPStorageObject, RTSRoot, targetctl
from rtslib.cli.main import main
from rtslib.errors import ConfigError
from rtslib.root import default_save_file

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("fake")


def names() -> list[str]:
    return [so.name for so in RTSRoot().storage_objects]


def test_it_has_what_programs_import() -> None:
    assert targetctl.default_save_file is default_save_file
    assert targetctl.main is main
    assert targetctl.funcs == {
        "save": targetctl.save,
        "restore": targetctl.restore,
        "clear": targetctl.clear,
    }


def test_saved_cleared_restored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "saved.json"
    RDMCPStorageObject("disk", "1M")
    targetctl.save(file)
    targetctl.clear(None)
    assert names() == []
    targetctl.restore(str(file))
    assert names() == ["disk"]
    assert capsys.readouterr() == ("", "")


def test_no_file_is_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        targetctl.restore(tmp_path / "none")
    assert end.value.code == 0
    assert capsys.readouterr().out == f"No saved config file at {tmp_path}/none, ok, exiting\n"


def test_lost_secrets_are_a_failure(tmp_path: Path) -> None:
    file = tmp_path / "saved.json"
    file.write_text(f'{{"secrets": "{"0" * 32}"}}')
    with pytest.raises(ConfigError, match="the secrets of"):
        targetctl.restore(file)


def test_failures_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "saved.json"
    nowhere = '{"name": "a", "plugin": "fileio", "dev": "/nowhere/a", "size": 4096}'
    file.write_text(f'{{"storage_objects": [{nowhere}]}}')
    targetctl.restore(file)
    assert "/nowhere/a is not there" in capsys.readouterr().err


def test_usage(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["targetctl"])
    with pytest.raises(SystemExit) as end:
        targetctl.usage()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "targetctl save [file_to_save_to]" in said
    assert default_save_file in said


def test_its_main_is_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["targetctl", "show"])
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert targetctl.main() == 0
    assert capsys.readouterr().out.startswith("o- / ")


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("module", ["rtslib.targetctl", "rtslib.cli"])
def test_it_can_be_run_as_a_module(
    module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["targetctl", "--version"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module(module, run_name="__main__")
    assert end.value.code == 0
    assert capsys.readouterr().out.startswith("targetctl ")
    # To import it does nothing.
    importlib.import_module("rtslib.cli.__main__")
    assert capsys.readouterr().out == ""
