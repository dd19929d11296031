# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
# ruff: noqa: PT012 - a construction of several steps is what is tested
"""Where OSError becomes this library's error, and where half-made things are taken back."""

from __future__ import annotations

import errno
import itertools
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable

import pytest

from rtslib import door
from rtslib.configfs import Entry, HostConfigFS, Kind
from rtslib.errors import (
    MASK,
    AccessError,
    AlreadyExistsError,
    BusyError,
    InvalidValueError,
    KernelError,
    RTSLibError,
    RTSLibNotInCFSError,
)
from rtslib.testing import FakeKernel, Faulty, Journal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.configfs import ConfigFS

#: Each function: the operation that it reports, the path that it names, the value that it tells.
CALLS: dict[str, tuple[Callable[[ConfigFS], object], str, str | None]] = {
    "read": (lambda fs: door.read(fs, "some/path"), "read", None),
    "read_if_there": (lambda fs: door.read_if_there(fs, "some/path"), "read", None),
    "write": (lambda fs: door.write(fs, "some/path", "value"), "write", "value"),
    "secret": (lambda fs: door.write(fs, "some/path", "value", secret=True), "write", MASK),
    "mkdir": (lambda fs: door.mkdir(fs, "some/path"), "mkdir", None),
    "rmdir": (lambda fs: door.rmdir(fs, "some/path"), "rmdir", None),
    "symlink": (lambda fs: door.symlink(fs, "core/x", "some/path"), "symlink", "core/x"),
    "readlink": (lambda fs: door.readlink(fs, "some/path"), "readlink", None),
    "unlink": (lambda fs: door.unlink(fs, "some/path"), "unlink", None),
    "listdir": (lambda fs: door.listdir(fs, "some/path"), "list", None),
    "names": (lambda fs: door.names(fs, "some/path", Kind.LINK), "list", None),
    "names_if_there": (lambda fs: door.names_if_there(fs, "some/path", Kind.FILE), "list", None),
    "kind": (lambda fs: door.kind(fs, "some/path"), "stat", None),
    "is_directory": (lambda fs: door.is_directory(fs, "some/path"), "stat", None),
    "mode": (lambda fs: door.mode(fs, "some/path"), "stat", None),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("number", [errno.EBUSY, errno.EIO])
def test_a_refusal_has_all_facts(name: str, number: int) -> None:
    call, operation, value = CALLS[name]
    tree = Faulty(FakeKernel(root="/t"), number, when=lambda _name, _path: True)
    with pytest.raises(KernelError) as caught:
        call(tree)
    error = caught.value
    assert type(error) is (BusyError if number == errno.EBUSY else KernelError)
    assert (error.operation, error.path, error.errno) == (operation, "/t/some/path", number)
    assert error.value == value
    assert isinstance(error.__cause__, OSError)


def test_every_function_of_the_door_is_in_the_table_above() -> None:
    others = {"Construction", "locked", "refusal"}
    assert set(CALLS) - {"secret"} == set(door.__all__) - others


@pytest.mark.parametrize("text", ["x" * 4096, "\u20ac" * 1366])
@pytest.mark.parametrize("secret", [False, True])
def test_what_the_kernel_would_cut_is_never_written(text: str, secret: bool) -> None:
    tree = Journal(FakeKernel())
    with pytest.raises(InvalidValueError, match="dbroot takes 4095 bytes") as caught:
        door.write(tree, "dbroot", text, secret=secret)
    assert tree.operations == []
    assert caught.value.value == (MASK if secret else text)


def test_a_page_less_one_byte_is_written() -> None:
    tree = Journal(FakeKernel())
    with pytest.raises(KernelError):
        door.write(tree, "dbroot", "x" * 4095)
    assert tree.count() == {"write": 1}


def test_nothing_there_is_no_refusal(fake: FakeKernel) -> None:
    assert door.read_if_there(fake, "core/no such file") is None
    assert door.names_if_there(fake, "core/no such directory", Kind.DIRECTORY) is None
    assert not door.is_directory(fake, "core/no such directory")


def test_the_root_is_named_without_a_slash() -> None:
    tree = Faulty(FakeKernel(root="/t"), errno.EIO, when=lambda _name, _path: True)
    with pytest.raises(KernelError) as caught:
        door.listdir(tree, "")
    assert caught.value.path == "/t"


def test_what_succeeds_is_passed_through(fake: FakeKernel) -> None:
    door.mkdir(fake, "core/rd_mcp_0")
    door.mkdir(fake, "core/rd_mcp_0/disk")
    door.write(fake, "core/rd_mcp_0/disk/alias", "a name")
    assert door.read(fake, "core/rd_mcp_0/disk/alias") == "a name\n"
    assert door.kind(fake, "core/rd_mcp_0/disk") is Kind.DIRECTORY
    assert door.mode(fake, "core/rd_mcp_0/disk/alias") == 0o644
    assert Entry("disk", Kind.DIRECTORY) in door.listdir(fake, "core/rd_mcp_0")
    door.write(fake, "core/rd_mcp_0/disk/control", "rd_pages=1")
    door.write(fake, "core/rd_mcp_0/disk/enable", "1")
    for path in ("loopback", "loopback/naa.5001405000000001"):
        door.mkdir(fake, path)
    tpg = "loopback/naa.5001405000000001/tpgt_1"
    door.mkdir(fake, tpg)
    door.mkdir(fake, f"{tpg}/lun/lun_0")
    door.symlink(fake, "core/rd_mcp_0/disk", f"{tpg}/lun/lun_0/link")
    assert door.readlink(fake, f"{tpg}/lun/lun_0/link") == "core/rd_mcp_0/disk"
    door.unlink(fake, f"{tpg}/lun/lun_0/link")
    door.rmdir(fake, f"{tpg}/lun/lun_0")
    assert Entry("lun_0", Kind.DIRECTORY) not in door.listdir(fake, f"{tpg}/lun")


def test_construction_takes_back_newest_first(fake: FakeKernel) -> None:
    tree = Journal(fake)
    with pytest.raises(ValueError, match="enough"), door.Construction(tree) as made:
        made.mkdir("core/rd_mcp_0")
        made.mkdir("core/rd_mcp_0/disk")
        assert made.mkdir_any("core/rd_mcp_0") is False
        tree.clear()
        raise ValueError("enough")
    assert [(op.name, op.path) for op in tree.operations] == [
        ("rmdir", "core/rd_mcp_0/disk"),
        ("rmdir", "core/rd_mcp_0"),
    ]


def test_construction_keeps_what_was_made_when_all_is_well(fake: FakeKernel) -> None:
    with door.Construction(fake) as made:
        assert made.mkdir_any("core/rd_mcp_0") is True
    assert fake.kind("core/rd_mcp_0") is Kind.DIRECTORY


def test_what_was_made_last_can_be_taken_back_alone(fake: FakeKernel) -> None:
    busy = Faulty(fake, errno.EBUSY, when=lambda name, _path: name == "rmdir")
    with pytest.raises(BusyError) as caught, door.Construction(busy) as made:
        made.mkdir("core/rd_mcp_0")
        made.take_back()
    assert caught.value.path == f"{fake.root}/core/rd_mcp_0"
    assert caught.value.residue == (f"{fake.root}/core/rd_mcp_0",)
    with door.Construction(fake) as made:
        made.mkdir("core/rd_mcp_1")
        made.mkdir("core/rd_mcp_2")
        made.take_back()
    assert {entry.name for entry in fake.listdir("core")} == {"alua", "rd_mcp_0", "rd_mcp_1"}


def test_construction_removes_a_link(fake: FakeKernel) -> None:
    for path in ("core/rd_mcp_0", "core/rd_mcp_0/disk", "loopback"):
        fake.mkdir(path)
    fake.write("core/rd_mcp_0/disk/control", "rd_pages=1")
    fake.write("core/rd_mcp_0/disk/enable", "1")
    with pytest.raises(KeyError), door.Construction(fake) as made:
        lun = "loopback/naa.5001405000000001/tpgt_1/lun/lun_0"
        made.mkdir("loopback/naa.5001405000000001")
        made.mkdir("loopback/naa.5001405000000001/tpgt_1")
        made.mkdir(lun)
        made.symlink("core/rd_mcp_0/disk", f"{lun}/link")
        raise KeyError
    with pytest.raises(FileNotFoundError):
        fake.kind("loopback/naa.5001405000000001")


def test_what_cannot_be_taken_back_is_named_and_the_rest_still_is(fake: FakeKernel) -> None:
    def fail(error: Exception) -> None:
        raise error

    done: list[str] = []
    with pytest.raises(AccessError) as caught, door.Construction(fake) as made:
        made.undo("first", lambda: done.append("first"))
        made.undo("second", lambda: fail(OSError(errno.EBUSY, "busy")))
        made.undo("third", lambda: fail(RTSLibError("no")))
        raise AccessError("cannot")
    assert done == ["first"]
    assert caught.value.residue == ("third", "second")
    assert "could not be removed again: third, second" in str(caught.value)


def test_residue_of_a_construction_inside_is_kept(fake: FakeKernel) -> None:
    def fail() -> None:
        raise OSError(errno.EBUSY, "busy")

    with pytest.raises(RTSLibError) as caught, door.Construction(fake) as outer:
        outer.undo("outer", fail)
        with door.Construction(fake) as inner:
            inner.undo("inner", fail)
            raise RTSLibError("cannot")
    assert caught.value.residue == ("inner", "outer")


def test_an_error_of_somebody_else_has_no_residue_but_is_cleaned_up_after(
    fake: FakeKernel,
) -> None:
    with pytest.raises(KeyboardInterrupt), door.Construction(fake) as made:
        made.mkdir("core/rd_mcp_0")
        raise KeyboardInterrupt
    with pytest.raises(FileNotFoundError):
        fake.kind("core/rd_mcp_0")


def test_mkdir_first_passes_over_what_others_made(fake: FakeKernel) -> None:
    fake.mkdir("core/rd_mcp_0")
    fake.mkdir("core/rd_mcp_1")
    with door.Construction(fake) as made:
        path = made.mkdir_first(f"core/rd_mcp_{number}" for number in itertools.count())
    assert path == "core/rd_mcp_2"


def test_mkdir_first_gives_up_on_any_other_refusal(fake: FakeKernel) -> None:
    tree = Faulty(fake, errno.ENOSPC, when=lambda _name, path: path == "core/rd_mcp_0")
    with pytest.raises(KernelError) as caught, door.Construction(tree) as made:
        made.mkdir_first(f"core/rd_mcp_{number}" for number in itertools.count())
    assert caught.value.errno == errno.ENOSPC


def test_mkdir_refuses_what_exists(fake: FakeKernel) -> None:
    with pytest.raises(AlreadyExistsError), door.Construction(fake) as made:
        made.mkdir("core")
    assert fake.kind("core") is Kind.DIRECTORY


def test_locked_holds_the_trees_lock(fake: FakeKernel) -> None:
    got = threading.Event()

    def take() -> None:
        with door.locked(fake):
            got.set()

    other = threading.Thread(target=take)
    with door.locked(fake):
        other.start()
        assert not got.wait(0.05)
    assert got.wait(10)
    other.join()


def test_locked_is_released_after_an_error(fake: FakeKernel) -> None:
    with pytest.raises(RTSLibError), door.locked(fake):
        raise RTSLibError("no")
    with door.locked(fake):
        pass


def test_a_lock_that_cannot_be_had_is_our_error(tmp_path: object) -> None:
    with pytest.raises(RTSLibNotInCFSError) as caught, door.locked(HostConfigFS(f"{tmp_path}/no")):
        pass
    assert (caught.value.operation, caught.value.path) == ("lock", f"{tmp_path}/no")


def test_an_oserror_of_the_block_is_not_taken_for_the_locks(fake: FakeKernel) -> None:
    @contextmanager
    def block() -> Iterator[None]:
        with door.locked(fake):
            yield

    with pytest.raises(OSError, match="mine") as caught, block():
        raise OSError("mine")
    assert not isinstance(caught.value, RTSLibError)
