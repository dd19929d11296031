# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A fake kernel in a file: another process finds the same tree."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import threading
from typing import TYPE_CHECKING

import pytest

from rtslib.testing import FakeKernel, state

if TYPE_CHECKING:
    from pathlib import Path

TPG = "iscsi/iqn.2003-01.org.x:y/tpgt_1"


def build(fs: FakeKernel) -> None:
    fs.mkdir("core/rd_mcp_0")
    fs.mkdir("core/rd_mcp_0/a")
    fs.write("core/rd_mcp_0/a/control", "rd_pages=16")
    fs.write("core/rd_mcp_0/a/enable", "1")
    for path in ("iscsi", "iscsi/iqn.2003-01.org.x:y", TPG, f"{TPG}/lun/lun_0"):
        fs.mkdir(path)
    fs.symlink("core/rd_mcp_0/a", f"{TPG}/lun/lun_0/x")
    fs.mkdir(f"{TPG}/np/127.0.0.1:3260")
    fs.mkdir(f"{TPG}/acls/iqn.i")
    fs.mkdir(f"{TPG}/acls/iqn.i/lun_0")
    fs.symlink(f"{TPG}/lun/lun_0", f"{TPG}/acls/iqn.i/lun_0/y")
    fs.write(f"{TPG}/attrib/login_timeout", "20")
    fs.write(f"{TPG}/enable", "1")


def dump(fs: FakeKernel, path: str = "") -> dict[str, str]:
    found = {}
    for name, kind in fs.listdir(path):
        at = f"{path}/{name}" if path else name
        if kind.value == "directory":
            found[at] = "directory"
            found.update(dump(fs, at))
        elif kind.value == "link":
            found[at] = fs.readlink(at)
        else:
            try:
                found[at] = fs.read(at)
            except OSError as error:
                found[at] = str(error.errno)
    return found


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "state.json")


def test_a_second_kernel_finds_the_same_tree(path: str) -> None:
    one = FakeKernel(state=path)
    build(one)
    two = FakeKernel(state=path)
    assert dump(two) == dump(one)
    assert f"state={path!r}" in repr(two)


def test_without_a_change_there_is_no_file(path: str, tmp_path: Path) -> None:
    fs = FakeKernel(state=path)
    fs.listdir("")
    assert list(tmp_path.iterdir()) == []


def test_the_file_is_private(path: str) -> None:
    build(FakeKernel(state=path))
    with open(path) as file:
        assert stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600


def test_two_kernels_see_each_other_at_once(path: str) -> None:
    one, two = FakeKernel(state=path), FakeKernel(state=path)
    build(one)
    assert two.read(f"{TPG}/enable") == "1\n"
    with pytest.raises(FileExistsError):
        two.mkdir("iscsi")
    two.unlink(f"{TPG}/acls/iqn.i/lun_0/y")
    two.rmdir(f"{TPG}/acls/iqn.i/lun_0")
    two.rmdir(f"{TPG}/acls/iqn.i")
    two.unlink(f"{TPG}/lun/lun_0/x")
    two.mkdir(f"{TPG}/acls/iqn.i")
    one.rmdir("core/rd_mcp_0/a")
    assert dump(one) == dump(two)
    two.rmdir(f"{TPG}/acls/iqn.i")
    assert [entry.name for entry in one.listdir(f"{TPG}/acls")] == []


def test_a_directory_made_again_is_fresh(path: str) -> None:
    one, two = FakeKernel(state=path), FakeKernel(state=path)
    build(one)
    two.read("version")
    one.rmdir(f"{TPG}/np/127.0.0.1:3260")
    one.mkdir(f"{TPG}/np/127.0.0.1:3260")
    one.write(f"{TPG}/np/127.0.0.1:3260/iser", "1")
    assert two.read(f"{TPG}/np/127.0.0.1:3260/iser") == "1\n"


def test_claims_and_files_of_the_kernel_are_shared(path: str) -> None:
    one, two = FakeKernel(state=path), FakeKernel(state=path)
    for fs, name in ((one, "a"), (two, "b")):
        fs.mkdir(f"core/iblock_{name == 'b':d}")
        fs.mkdir(f"core/iblock_{name == 'b':d}/{name}")
        fs.write(f"core/iblock_{name == 'b':d}/{name}/control", "udev_path=/dev/vdb")
    one.write("core/iblock_0/a/enable", "1")
    with pytest.raises(OSError, match="busy"):
        two.write("core/iblock_1/b/enable", "1")
    one.mkdir("core/fileio_0")
    one.mkdir("core/fileio_0/f")
    one.write("core/fileio_0/f/control", "fd_dev_name=/tmp/made-by-nobody,fd_dev_size=4096")
    one.write("core/fileio_0/f/enable", "1")
    two.read("version")
    assert two.host.files == {"/tmp/made-by-nobody": 0}


def test_a_failing_change_that_changed_something_is_kept(path: str) -> None:
    one = FakeKernel(state=path)
    one.mkdir("core/fileio_0")
    one.mkdir("core/fileio_0/f")
    with pytest.raises(OSError, match="Invalid"):
        one.write("core/fileio_0/f/control", "fd_dev_size=4096,fd_async_io=2")
    two = FakeKernel(state=path)
    assert "Size: 4096" in two.read("core/fileio_0/f/info")


def test_the_file_is_rewritten_when_it_has_grown(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "MIN_LINES", 10)
    one, two = FakeKernel(state=path), FakeKernel(state=path)
    build(one)
    for _ in range(100):
        one.write(f"{TPG}/attrib/login_timeout", "20")
        two.write(f"{TPG}/attrib/login_timeout", "21")
    with open(path) as file:
        assert len(file.readlines()) < 100
    assert dump(FakeKernel(state=path)) == dump(one) == dump(two)


def test_a_file_that_was_taken_away_is_an_empty_tree(path: str) -> None:
    one = FakeKernel(state=path)
    build(one)
    os.unlink(path)
    assert [entry.name for entry in one.listdir("")] == ["core", "dbroot", "version"]
    one.mkdir("loopback")
    assert FakeKernel(state=path).kind("loopback").value == "directory"


def test_the_file_says_which_kernel_it_is(path: str) -> None:
    FakeKernel("6.12", state=path).mkdir("iscsi")
    again = FakeKernel(state=path)
    assert again.kernel == "6.12"
    assert "6.12" in again.read("version")


@pytest.mark.parametrize(
    "text", ["junk\n", "[]\n", '{"format": "other"}\n', json.dumps({"counters": {}}) + "\n"]
)
def test_another_file_is_refused(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
    with pytest.raises(ValueError, match="not the state"):
        FakeKernel(state=path)


def test_an_unfinished_line_counts_for_nothing(path: str) -> None:
    one = FakeKernel(state=path)
    one.mkdir("iscsi")
    with open(path, "a") as file:
        file.write('{"half')
    two = FakeKernel(state=path)
    assert two.kind("iscsi").value == "directory"
    two.mkdir("loopback")
    assert FakeKernel(state=path).kind("loopback").value == "directory"


def test_a_file_that_is_replaced_while_one_waits(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = FakeKernel(state=path)
    taken: list[int] = []

    def flock(fd: int, _how: int) -> None:
        if len(taken) < 2:
            os.unlink(path)
            if taken:
                open(path, "w").close()
        taken.append(fd)

    monkeypatch.setattr("fcntl.flock", flock)
    fs.mkdir("iscsi")
    assert len(taken) == 3
    assert FakeKernel(state=path).kind("iscsi").value == "directory"


def make_many(path: str, number: int) -> None:
    fs = FakeKernel(state=path)
    for index in range(20):
        fs.mkdir(f"core/fileio_{index * 10 + number}")


def test_processes_at_once_lose_nothing(path: str) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=make_many, args=(path, n)) for n in range(5)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    fs = FakeKernel(state=path)
    names = [entry.name for entry in fs.listdir("core")]
    assert len(names) == 101
    numbers = {fs.read(f"core/{name}/hba_info") for name in names if name != "alua"}
    assert len(numbers) == 100


def hold(path: str, held: threading.Event, done: threading.Event) -> None:
    with FakeKernel(state=path).lock():
        held.set()
        done.wait(10)


def test_the_lock_works_across_processes(path: str) -> None:
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    holder = context.Process(target=hold, args=(path, held, done))
    holder.start()
    assert held.wait(10)
    fs = FakeKernel(state=path)
    fs.mkdir("iscsi")  # the lock is advisory
    got = threading.Event()

    def take() -> None:
        with fs.lock():
            got.set()

    waiter = threading.Thread(target=take)
    waiter.start()
    assert not got.wait(0.05)
    done.set()
    assert got.wait(10)
    waiter.join()
    holder.join()
