# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Where files are: argument, environment, file of settings, what is usual; Debian's old place."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rtslib import lock, paths, spec
from rtslib.config.savefile import default_path
from rtslib.errors import ConfigError

if TYPE_CHECKING:
    from pyfakefs.fake_filesystem import FakeFilesystem

OURS, DEBIANS = paths.SAVE_FILES


@pytest.fixture(autouse=True)
def _nothing_from_outside(monkeypatch: pytest.MonkeyPatch, fs: FakeFilesystem) -> None:
    assert fs
    for name in ("CONF", "SAVE_FILE", "LOCK", "SPECS"):
        monkeypatch.delenv(f"RTSLIB_{name}", raising=False)


def save(fs: FakeFilesystem, path: str, when: int) -> None:
    fs.create_file(path)
    os.utime(path, (when, when))


def test_what_is_usual() -> None:
    assert paths.save_file() == default_path() == "/etc/target/saveconfig.json"
    assert paths.lock_file() == lock.default_path() == "/run/rtslib.lock"
    assert paths.specs() == spec.search_path()[:-1] == ("/etc/rtslib/specs", "/var/target/fabric")
    assert paths.not_used() is None


def test_what_debians_package_has_left_is_found(fs: FakeFilesystem) -> None:
    save(fs, DEBIANS, 1)
    assert (paths.save_file(), paths.not_used()) == (DEBIANS, None)


@pytest.mark.parametrize("newer", [OURS, DEBIANS])
def test_of_two_files_the_newer_counts(newer: str, fs: FakeFilesystem) -> None:
    older = next(it for it in paths.SAVE_FILES if it != newer)
    save(fs, newer, 200)
    save(fs, older, 100)
    assert (paths.save_file(), paths.not_used()) == (newer, older)


def test_a_link_is_no_second_file(fs: FakeFilesystem) -> None:
    save(fs, OURS, 1)
    fs.create_symlink(DEBIANS, OURS)
    assert (paths.save_file(), paths.not_used()) == (OURS, None)


def test_the_environment_counts_first(monkeypatch: pytest.MonkeyPatch, fs: FakeFilesystem) -> None:
    fs.create_file(
        paths.SETTINGS_FILE,
        contents="save_file = /s/saved.json\nlock_file = /s/lock\nspecs = /s/a, '/s/b, c'\n",
    )
    save(fs, DEBIANS, 1)
    assert paths.save_file() == "/s/saved.json"
    assert paths.not_used() is None
    assert paths.lock_file() == "/s/lock"
    assert paths.specs() == ("/s/a", "/s/b, c", *paths.SPECS)
    monkeypatch.setenv("RTSLIB_SAVE_FILE", "/e/saved.json")
    monkeypatch.setenv("RTSLIB_LOCK", "/e/lock")
    monkeypatch.setenv("RTSLIB_SPECS", "/e/a:/e/b")
    assert paths.save_file() == default_path() == "/e/saved.json"
    assert paths.not_used() is None
    assert paths.lock_file() == "/e/lock"
    assert paths.specs() == ("/e/a", "/e/b", "/s/a", "/s/b, c", *paths.SPECS)


def test_another_file_of_settings(monkeypatch: pytest.MonkeyPatch, fs: FakeFilesystem) -> None:
    fs.create_file("/other.conf", contents="lock_file = /s/lock\n")
    monkeypatch.setenv("RTSLIB_CONF", "/other.conf")
    assert paths.lock_file() == "/s/lock"
    assert paths.save_file() == OURS
    # It is read again when it has changed.
    with open("/other.conf", "w", encoding="utf-8") as file:
        file.write("lock_file = /t/lock\n")
    os.utime("/other.conf", (1, 1))
    assert paths.lock_file() == "/t/lock"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("save_file = saved.json\n", "save_file: 'saved.json' is not an absolute path"),
        ("save_file =\n", "save_file: '' is not an absolute path"),
        ("save_file = /a, b\n", "save_file takes one path: put one that has a comma in quotes"),
        ("specs = /a, b\n", "specs: 'b' is not an absolute path"),
        ("locks = /a\n", "locks is no setting: there are save_file, lock_file, specs"),
        ("[save_file]\na = b\n", "save_file: {'a': 'b'} is not an absolute path"),
        ("lock_file\n", "line 1: "),
        (b"lock_file = /\xff\n", "is not UTF-8 text"),
    ],
)
def test_settings_that_are_wrong(text: str | bytes, said: str, fs: FakeFilesystem) -> None:
    fs.create_file(paths.SETTINGS_FILE, contents=text)
    with pytest.raises(ConfigError) as caught:
        paths.lock_file()
    assert str(caught.value).startswith(f"{paths.SETTINGS_FILE}: {said}")
    assert caught.value.file == paths.SETTINGS_FILE


def test_settings_that_cannot_be_read(fs: FakeFilesystem) -> None:
    fs.create_dir(paths.SETTINGS_FILE)
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        paths.lock_file()


def test_settings_that_cannot_be_seen(fs: FakeFilesystem) -> None:
    fs.create_symlink(paths.SETTINGS_FILE, paths.SETTINGS_FILE)
    with pytest.raises(ConfigError, match="cannot be read"):
        paths.lock_file()


def test_a_program_that_has_set_the_classic_name_is_heeded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rtslib.root.default_save_file", "/program/saved.json")
    monkeypatch.setenv("RTSLIB_SAVE_FILE", "/e/saved.json")
    assert default_path() == "/program/saved.json"


ALONE = """
import runpy, sys
runpy.run_path(sys.argv[1])["save_file"]()
print(sorted(name for name in sys.modules if name.startswith(("rtslib", "configobj"))))
"""


def test_it_can_be_loaded_alone(fs: FakeFilesystem) -> None:
    fs.pause()
    path = paths.__file__
    done = subprocess.run(
        [sys.executable, "-I", "-c", ALONE, path], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
