# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Files that are replaced whole: modes, links, directories, leftovers, locks of the writers."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import TYPE_CHECKING

import pytest

from rtslib.config import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> str:
    return str(tmp_path / "file")


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    assert os.umask(before) == request.param, "the process's umask was changed"


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def refuse(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def test_a_file_is_replaced(file: str) -> None:
    for data in (b"", b"one", b"two" * 100000):
        files.replace(file, data)
        assert files.read(file) == data
    assert os.listdir(os.path.dirname(file)) == ["file"]


@pytest.mark.usefixtures("tmp_path", "umask")
def test_its_mode_does_not_depend_on_the_umask(file: str) -> None:
    files.replace(file, b"x")
    assert mode(file) == 0o600


def test_it_is_0600_from_its_creation_on(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def look(fd: int, data: bytes) -> int:
        seen.append(stat.S_IMODE(os.fstat(fd).st_mode))
        return write(fd, data)

    write = os.write
    monkeypatch.setattr(os, "write", look)
    monkeypatch.setattr(os, "fchmod", lambda _fd, _mode: None)
    before = os.umask(0)
    try:
        files.replace(file, b"x")
    finally:
        os.umask(before)
    assert seen == [0o600]


def test_a_write_may_be_cut(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:7]))
    data = bytes(range(256))
    files.replace(file, data)
    assert files.read(file) == data


def test_a_time_of_modification_is_kept(file: str) -> None:
    files.replace(file, b"x", modified_ns=10**18 + 7)
    assert os.stat(file).st_mtime_ns == 10**18 + 7


def test_all_is_on_the_disk_in_the_right_order(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, rename = os.fsync, os.rename

    def sync(fd: int) -> None:
        done.append(f"fsync {'directory' if stat.S_ISDIR(os.fstat(fd).st_mode) else 'file'}")
        fsync(fd)

    def move(old: str, new: str) -> None:
        done.append("rename")
        rename(old, new)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "rename", move)
    files.replace(file, b"x")
    assert done == ["fsync file", "rename", "fsync directory"]


def test_a_filesystem_may_have_no_directories_to_write(
    file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = errno.EINVAL

    def sync(fd: int) -> None:
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise refuse(number)

    monkeypatch.setattr(os, "fsync", sync)
    files.replace(file, b"x")
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        files.replace(file, b"y")


def test_links_are_followed_to_their_end(tmp_path: Path, file: str) -> None:
    os.mkdir(tmp_path / "real")
    os.symlink("real/one", file)
    assert files.resolve(file) == str(tmp_path / "real" / "one")
    os.symlink(str(tmp_path / "real" / "two"), tmp_path / "real" / "one")
    assert files.resolve(file) == str(tmp_path / "real" / "two")
    (tmp_path / "real" / "two").touch()
    assert files.resolve(file) == str(tmp_path / "real" / "two")


def test_what_is_no_file_is_refused(tmp_path: Path, file: str) -> None:
    os.symlink("file", file)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        files.resolve(file)
    with pytest.raises(IsADirectoryError):
        files.resolve(str(tmp_path))
    os.mkfifo(tmp_path / "fifo")
    for path in (str(tmp_path / "fifo"), "/dev/null"):
        with pytest.raises(OSError, match="Not a regular file"):
            files.resolve(path)


def test_a_wide_mode_is_tightened_and_a_narrow_one_left(file: str) -> None:
    files.replace(file, b"x")
    for before, after in ((0o644, 0o600), (0o660, 0o600), (0o400, 0o400)):
        os.chmod(file, before)
        files.tighten(file)
        assert mode(file) == after


def test_missing_directories_are_made_and_others_left_alone(tmp_path: Path) -> None:
    os.chmod(tmp_path, 0o755)
    files.make_directory(str(tmp_path / "a" / "b"))
    assert mode(str(tmp_path / "a")) == mode(str(tmp_path / "a" / "b")) == 0o700
    os.chmod(tmp_path / "a", 0o750)
    files.make_directory(str(tmp_path / "a" / "b"))
    files.make_directory(str(tmp_path / "a"))
    assert (mode(str(tmp_path)), mode(str(tmp_path / "a"))) == (0o755, 0o750)


def test_a_directory_may_be_made_by_another_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = os.mkdir

    def twice(path: str, mode: int) -> None:
        mkdir(path, mode)
        mkdir(path, mode)

    monkeypatch.setattr(os, "mkdir", twice)
    files.make_directory(str(tmp_path / "a"))
    assert (tmp_path / "a").is_dir()


def test_leftovers_of_the_dead_are_removed_and_nothing_else(tmp_path: Path) -> None:
    left = (".f.json.01234567.tmp", ".f.json.000012.gz.89abcdef.tmp")
    others = ("f.json", ".f.json.tmp", ".f.json.0123456g.tmp", ".g.json.01234567.tmp")
    for name in (*left, *others):
        (tmp_path / name).touch()
    os.mkdir(tmp_path / ".f.json.00000000.tmp")
    os.symlink("f.json", tmp_path / ".f.json.11111111.tmp")
    files.remove_leftovers(str(tmp_path), "f.json")
    assert set(os.listdir(tmp_path)) == {*others, ".f.json.00000000.tmp", ".f.json.11111111.tmp"}
    files.remove_leftovers(str(tmp_path / "missing"), "f.json")


def test_a_file_of_a_living_writer_is_none(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rename = os.rename

    def clean_before(old: str, new: str) -> None:
        files.remove_leftovers(*os.path.split(file))
        rename(old, new)

    monkeypatch.setattr(os, "rename", clean_before)
    files.replace(file, b"x")
    assert files.read(file) == b"x"


@pytest.mark.parametrize("finished", [False, True])
def test_a_writer_whose_file_was_taken_for_a_leftover_makes_another(
    file: str, monkeypatch: pytest.MonkeyPatch, finished: bool
) -> None:
    """In the moment between its creation and its lock."""
    flock = fcntl.flock
    cleaners: list[int] = []

    def clean_before(fd: int, operation: int) -> None:
        if not cleaners:
            (name,) = os.listdir(os.path.dirname(file))
            path = os.path.join(os.path.dirname(file), name)
            cleaners.append(os.open(path, os.O_WRONLY))
            flock(cleaners[0], operation)
            if finished:
                os.unlink(path)
                os.close(cleaners[0])
        flock(fd, operation)

    monkeypatch.setattr(fcntl, "flock", clean_before)
    files.replace(file, b"x")
    assert files.read(file) == b"x"
    assert os.listdir(os.path.dirname(file)) == ["file"]
    if not finished:
        os.close(cleaners[0])


def test_a_filesystem_may_have_no_locks(file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    number = errno.ENOLCK

    def flock(_fd: int, _operation: int) -> None:
        raise refuse(number)

    monkeypatch.setattr(fcntl, "flock", flock)
    files.replace(file, b"x")
    left = f"{os.path.dirname(file)}/.file.01234567.tmp"
    os.close(os.open(left, os.O_CREAT))
    files.remove_leftovers(*os.path.split(file))
    assert os.path.exists(left), "nobody knows whose it is"
    os.unlink(left)
    number = errno.EIO
    with pytest.raises(OSError, match="Input/output"):
        files.replace(file, b"y")
    assert os.listdir(os.path.dirname(file)) == ["file"]
    assert files.read(file) == b"x"
