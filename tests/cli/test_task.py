# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What all commands have in common: the tree or none, the lock, files and their secrets, names."""

from __future__ import annotations

import fcntl
import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

import rtslib.root
from rtslib import paths

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

    from cli.conftest import Run

NEEDING = ["save", "show", "show --config", "diff FILE", "plan FILE", "sessions", "stats"]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "empty.json"
    path.write_text('{"targets": []}')
    return path


@pytest.mark.parametrize("line", [*NEEDING, "restore FILE", "apply FILE", "clear", "wait FILE"])
@pytest.mark.parametrize("place", ["nowhere", "empty.json"])
def test_without_a_tree_nothing_is_done(line: str, place: str, run: Run, file: Path) -> None:
    line = line.replace("FILE", str(file))
    _, err = run(f"{line} --root {file.parent / place}", expect=6)
    assert f"there is no target tree at {file.parent / place}; name another directory" in err


@pytest.mark.parametrize("line", [*NEEDING, "restore FILE"])
def test_without_lio_there_is_a_doctor(line: str, run: Run, fs: FakeFilesystem) -> None:
    # On this machine there is nothing: no tree, and no modprobe to get one.
    fs.create_file("/file", contents='{"targets": []}')
    _, err = run(line.replace("FILE", "/file"), expect=6)
    assert "there is no target tree at /sys/kernel/config/target" in err
    assert "targetctl doctor tells" in err
    assert ("no such command" in err) == line.startswith("restore")


def test_without_lio_there_is_nothing_to_clear(run: Run, fs: FakeFilesystem) -> None:
    assert not fs.exists("/sys/kernel")
    assert run("clear")[0] == "there is no LIO here: nothing to clear\n"


def test_any_directory_can_be_the_tree(run: Run, tmp_path: Path) -> None:
    assert run(f"show --root {tmp_path}")[0].startswith("o- / ")


@pytest.mark.usefixtures("host")
@pytest.mark.parametrize("line", ["save", "clear", "apply -", "plan -", "diff -", "show --config"])
def test_the_lock_is_waited_for_and_no_longer(line: str, run: Run, tmp_path: Path) -> None:
    with open(tmp_path / "lock", "w", encoding="ascii") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        _, err = run(f"{line} --lock-timeout 0", stdin='{"targets": []}', expect=5)
    assert "held by pid" in err
    run(line, stdin='{"targets": []}')


@pytest.mark.usefixtures("host")
def test_who_is_waited_for_is_told(run: Run, tmp_path: Path) -> None:
    with open(tmp_path / "lock", "w", encoding="ascii") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        later = threading.Timer(0.2, fcntl.flock, (other, fcntl.LOCK_UN))
        later.start()
        out, err = run("save --lock-timeout 60")
        later.join()
    assert out.startswith("saved in ")
    assert err.startswith("waiting for ")
    assert f"(pid {os.getpid()})" in err


@pytest.mark.usefixtures("host")
def test_readers_share_the_lock(run: Run, tmp_path: Path) -> None:
    with open(tmp_path / "lock", "w", encoding="ascii") as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        run("plan - --lock-timeout 0", stdin='{"targets": []}')
        run("save --lock-timeout 0", expect=5)


@pytest.mark.usefixtures("tree")
def test_secrets_of_another_save_make_a_file_invalid(run: Run, saved: Path) -> None:
    run("save --secrets-apart")
    data = json.loads(saved.read_text())
    (saved.parent / f"{saved.name}.secrets-{data['secrets']}").write_text("{}")
    _, err = run("restore", expect=3)
    assert "its secrets: secret 2 of this configuration is not in the file" in err


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("line", ["restore", "wait", "diff", "save --target x"])
def test_lost_secrets_are_not_taken_for_no_file(line: str, run: Run, saved: Path) -> None:
    run("save --secrets-apart")
    for path in saved.parent.glob("*.secrets-*"):
        path.unlink()
    assert "cannot read the secrets of" in run(line, expect=3)[1]


def test_the_input_has_no_generations(run: Run) -> None:
    _, err = run("plan - --generation 1", stdin='{"targets": []}', expect=2)
    assert "no generations" in err


@pytest.mark.usefixtures("tree")
def test_a_home_directory_is_found(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    run("save ~/mine.json")
    assert (tmp_path / "mine.json").exists()
    assert run("diff ~/mine.json ~/mine.json") == ("", "")


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--with-backstores", "--with-backstores goes with --target"),
        ("--target a --storage-object b", "not both"),
    ],
)
def test_options_that_make_no_sense_together(options: str, said: str, run: Run) -> None:
    run("save")
    assert said in run(f"restore {options}", expect=2)[1]


@pytest.mark.usefixtures("tree")
@pytest.mark.parametrize("line", ["save", "restore", "clear", "plan", "wait"])
def test_a_misspelled_name_is_told(line: str, run: Run) -> None:
    run("save")
    _, err = run(f"{line} --target iqn.2003-01.org.example:targe", expect=1)
    assert "there is no target iqn.2003-01.org.example:targe, neither saved nor running" in err
    _, err = run(f"{line} --storage-object disc", expect=1)
    assert "there is no storage object disc" in err


@pytest.fixture
def places(tmp_path: Path, saved: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The usual places of the saved configuration: ours, and that of Debian's rtslib-fb."""
    assert not saved.exists()
    ours, debians = tmp_path / "ours.json", tmp_path / "debians.json"
    monkeypatch.setattr(paths, "SAVE_FILES", (str(ours), str(debians)))
    monkeypatch.setattr(paths, "SAVE_FILE", str(ours))
    monkeypatch.setattr(rtslib.root, "default_save_file", str(ours))
    for name in ("RTSLIB_CONF", "RTSLIB_SAVE_FILE"):
        monkeypatch.setenv(name, "")
    return ours, debians


@pytest.mark.usefixtures("fake")
def test_it_is_said_that_an_old_place_is_used(places: tuple[Path, Path], run: Run) -> None:
    ours, debians = places
    debians.write_text('{"targets": []}')
    out, err = run("restore")
    assert f"restored {debians}" in out
    assert err == f"note: the saved configuration is {debians}, as rtslib-fb left it\n"
    ours.write_text('{"targets": []}')
    os.utime(debians, (1, 1))
    out, err = run("restore")
    assert f"restored {ours}" in out
    assert err == f"note: {debians} is older than {ours}, and is not used\n"
