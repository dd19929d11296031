# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The lock: who excludes whom, what becomes of it when its holder dies, whom an error names."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from rtslib import lock
from rtslib.errors import HostError, InvalidValueError, LockedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "lock")


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start programs, which say a line when they are ready, and end when their input does."""
    programs: list[subprocess.Popen[str]] = []

    def start(*argv: str) -> subprocess.Popen[str]:
        program = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=os.getcwd()
        )
        programs.append(program)
        assert program.stdout
        assert program.stdout.readline() == "ready\n"
        return program

    yield start
    for program in programs:
        program.kill()
        program.communicate()


HOLDER = """\
import sys
from rtslib import lock
with lock.hold(sys.argv[2], shared=sys.argv[3:] == ["shared"]):
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program that holds the lock; its arguments: a word, the lock, "shared"."""
    program = tmp_path / "targetctl"
    program.write_text(HOLDER)
    monkeypatch.setenv("PYTHONPATH", os.path.dirname(os.path.dirname(lock.__file__)))
    return str(program)


def free(path: str, *, shared: bool = False) -> bool:
    """Tell whether another process could have the lock now."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(fd)
    return True


@contextmanager
def thread(path: str, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock in another thread."""
    ready, done = threading.Event(), threading.Event()

    def run() -> None:
        with lock.hold(path, shared=shared):
            ready.set()
            done.wait(10)

    worker = threading.Thread(target=run)
    worker.start()
    assert ready.wait(10)
    try:
        yield
    finally:
        done.set()
        worker.join()


def in_child(act: Callable[[], None]) -> int:
    """Return the exit code of a forked child: 0 if `act` raised nothing."""
    pid = os.fork()
    if pid == 0:  # pragma: no cover - another process
        code = 1
        try:
            act()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_path_is_fixed_or_the_environments(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.delenv("RTSLIB_LOCK", raising=False)
    assert lock.default_path() == "/run/rtslib.lock"
    monkeypatch.setenv("RTSLIB_LOCK", path)
    assert lock.default_path() == path
    with lock.hold():
        assert not free(path)
        assert lock.holders() == lock.holders(path) != []


def test_an_exclusive_lock_excludes_and_is_released(path: str) -> None:
    with lock.hold(path):
        assert not free(path)
        assert not free(path, shared=True)
    assert free(path)


def test_a_shared_lock_is_shared(path: str) -> None:
    with lock.hold(path, shared=True), thread(path, shared=True):
        assert free(path, shared=True)
        assert not free(path)
    assert free(path)


def test_it_is_released_by_an_exception(path: str) -> None:
    with pytest.raises(KeyError), lock.hold(path):
        raise KeyError
    assert free(path)


def test_the_file_is_empty_and_of_its_owner_alone(path: str) -> None:
    with lock.hold(path):
        status = os.stat(path)
    assert (stat.S_IMODE(status.st_mode), status.st_size) == (0o600, 0)


def test_its_mode_is_the_administrators(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    os.chmod(path, 0o440)
    with lock.hold(path):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o440


@pytest.mark.parametrize("outer", [False, True])
def test_the_holder_may_enter_again(path: str, outer: bool) -> None:
    with lock.hold(path, shared=outer):
        with lock.hold(path, shared=outer), lock.hold(path, shared=True, timeout=0):
            assert not free(path)
        assert not free(path)
        assert free(path, shared=True) is outer
    assert free(path)


def test_a_lock_is_one_by_whichever_name(path: str) -> None:
    os.symlink(path, f"{path}.link")
    with lock.hold(f"{path}.link"), lock.hold(path, timeout=0):
        assert not free(path)


def test_different_locks_have_nothing_to_do_with_each_other(path: str) -> None:
    with lock.hold(path), lock.hold(f"{path}.other", timeout=0):
        assert not free(f"{path}.other")


def test_shared_does_not_become_exclusive(path: str) -> None:
    with lock.hold(path, shared=True):
        with pytest.raises(InvalidValueError, match="from the beginning"), lock.hold(path):
            pass
        assert not free(path)
    assert free(path)


def test_threads_exclude_one_another(path: str) -> None:
    inside: list[int] = []
    overlaps: list[int] = []

    def run() -> None:
        for _ in range(20):
            with lock.hold(path, timeout=20):
                inside.append(1)
                overlaps.append(len(inside))
                inside.pop()

    workers = [threading.Thread(target=run) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert overlaps == [1] * 80


def test_a_thread_waits_for_another(path: str) -> None:
    with (
        thread(path),
        pytest.raises(LockedError, match=rf"within 0 s: held by pid {os.getpid()} \(") as caught,
        lock.hold(path, timeout=0),
    ):
        pass
    assert caught.value.errno == errno.ETIMEDOUT
    assert caught.value.path == path
    assert [pid for pid, _ in caught.value.holders] == [os.getpid()]
    assert free(path)


def test_waiting_has_a_limit(path: str) -> None:
    begun = time.monotonic()
    with (
        thread(path, shared=True),
        pytest.raises(TimeoutError, match=r"within 0\.05 s"),
        lock.hold(path, timeout=0.05),
    ):
        pass
    assert 0.05 <= time.monotonic() - begun < 5


@pytest.mark.parametrize("timeout", [20, None])
def test_who_waits_gets_it(path: str, timeout: float | None) -> None:
    with lock.hold(path):
        got: list[bool] = []

        def run() -> None:
            with lock.hold(path, timeout=timeout):
                got.append(not free(path))

        worker = threading.Thread(target=run)
        worker.start()
        worker.join(0.01)
        assert not got
    worker.join(10)
    assert got == [True]


def test_the_error_names_a_programs_process_and_command(
    started: Callable[..., subprocess.Popen[str]], holder: str, path: str
) -> None:
    program = started(sys.executable, "-u", holder, "restore", path)
    with pytest.raises(LockedError) as caught, lock.hold(path, timeout=0):
        pass
    assert caught.value.holders == ((program.pid, "targetctl restore"),)
    assert f"held by pid {program.pid} (targetctl restore); try again" in str(caught.value)


def test_every_holder_of_a_shared_lock_is_named(
    started: Callable[..., subprocess.Popen[str]], holder: str, path: str
) -> None:
    pids = {started(sys.executable, holder, "save", path, "shared").pid for _ in range(2)}
    with pytest.raises(LockedError, match=r"save.* and pid") as caught, lock.hold(path, timeout=0):
        pass
    assert {pid for pid, _ in caught.value.holders} == pids


def test_other_programs_take_it_by_flock(
    started: Callable[..., subprocess.Popen[str]], path: str
) -> None:
    program = started("flock", path, "sh", "-c", "echo ready; cat", "password")
    with pytest.raises(LockedError) as caught, lock.hold(path, timeout=0):
        pass
    assert (program.pid, "flock") in caught.value.holders


def test_the_dead_hold_nothing_and_are_not_blamed(
    started: Callable[..., subprocess.Popen[str]], holder: str, path: str
) -> None:
    dead = started(sys.executable, holder, "restore", path)
    os.kill(dead.pid, signal.SIGKILL)
    dead.wait()
    assert lock.holders(path) == []
    alive = started(sys.executable, holder, "clear", path, "shared")
    with pytest.raises(LockedError) as caught, lock.hold(path, timeout=0):
        pass
    assert caught.value.holders == ((alive.pid, "targetctl clear"),)


def test_nobody_holds_a_lock_that_is_not_there(path: str) -> None:
    assert lock.holders(path) == []


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (("targetcli", "/iscsi", "set", "auth", "password=secret"), "targetcli"),
        (("/usr/bin/targetctl", "restore", "secret"), "targetctl restore"),
        (("/usr/bin/python3.11", "-u", "/usr/bin/targetctl", "save"), "targetctl save"),
        (("python3", "-m", "rtslib", "clear"), "rtslib clear"),
        (("python3", "-c", "print('secret')", "x"), "python3"),
        (("python3",), "python3"),
        (("python3", "-i"), "python3"),
        (("",), ""),
    ],
)
def test_a_command_is_named_without_its_arguments(argv: tuple[str, ...], command: str) -> None:
    assert lock._short(list(argv)) == command


def test_a_holder_that_ended_and_left_it_to_another_has_no_command(
    started: Callable[..., subprocess.Popen[str]], path: str
) -> None:
    started("sh", "-c", 'exec 9>"$0"; flock 9; echo ready; cat', path)
    with (
        pytest.raises(LockedError, match=r"held by pid \d+; try again"),
        lock.hold(path, timeout=0),
    ):
        pass


def test_without_proc_nobody_is_seen(fs: FakeFilesystem) -> None:
    fs.create_file("/run/rtslib.lock")
    assert lock.holders("/run/rtslib.lock") == []


def test_a_holder_that_cannot_be_seen_is_called_that(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    other = os.open(f"{path}.other", os.O_CREAT | os.O_RDONLY)
    assert "a process not seen from here" in str(lock._locked(path, other, 0))
    os.close(other)


def test_a_forked_child_does_not_hold_it(path: str) -> None:
    def try_it() -> None:
        with pytest.raises(LockedError), lock.hold(path, timeout=0):
            pass

    with lock.hold(path):
        assert in_child(try_it) == 0
        assert not free(path)
    assert free(path)


def test_what_a_child_forgets_is_closed_in_it(path: str) -> None:
    with lock.hold(path):
        # As a fork does it, but in this process, whose copy is the only one.
        lock._opening.acquire()
        lock._forked()
        assert free(path)
        with lock.hold(path, timeout=0):
            assert not free(path)


def test_a_child_that_leaves_the_block_releases_nothing(path: str) -> None:
    def leave() -> None:
        with lock.hold(f"{path}.child"):
            block.__exit__(None, None, None)
        assert not free(path)

    block = lock.hold(path)
    block.__enter__()
    assert in_child(leave) == 0
    assert not free(path)
    block.__exit__(None, None, None)
    assert free(path)


def test_a_child_that_lives_on_does_not_keep_it(path: str) -> None:
    ours, theirs = os.pipe()

    def die() -> None:  # pragma: no cover - another process
        with lock.hold(path):
            if os.fork() == 0:
                os.close(theirs)
                os.read(ours, 1)
                os._exit(0)
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(die) == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while not free(path) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert free(path)
    os.close(ours)
    os.close(theirs)


def test_programs_started_inside_do_not_keep_it(
    started: Callable[..., subprocess.Popen[str]], path: str
) -> None:
    with lock.hold(path):
        started("sh", "-c", "echo ready; cat")
    assert free(path)


def test_a_directory_that_is_not_there_is_an_error_with_advice(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing" / "lock")
    with pytest.raises(HostError, match="RTSLIB_LOCK") as caught, lock.hold(missing):
        pass
    assert (caught.value.errno, caught.value.path) == (errno.ENOENT, missing)
    with pytest.raises(HostError, match="Is a directory"), lock.hold(str(tmp_path)):
        pass
