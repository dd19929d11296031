# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The door: which system calls it makes, what bytes survive, which tree is in force."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib import InvalidValueError, KernelError, RDMCPStorageObject, configfs
from rtslib.configfs import TARGET_ROOT, Entry, HostConfigFS, Kind, current, use
from rtslib.testing import FakeKernel

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.configfs import ConfigFS


@pytest.fixture
def tree(tmp_path: Path) -> HostConfigFS:
    """A directory that looks a little like a target tree."""
    root = tmp_path / "target"
    (root / "core/rd_mcp_0/disk").mkdir(parents=True)
    (root / "iscsi/iqn/tpgt_1/lun/lun_0").mkdir(parents=True)
    (root / "version").write_text("v5.0\n")
    return HostConfigFS(str(root))


class Calls:
    """The system calls of the door while it is installed: names and arguments."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, tuple[Any, ...]]] = []
        for name in ("open", "read", "write", "close", "mkdir", "lstat", "stat"):
            monkeypatch.setattr(os, name, self._noting(name, getattr(os, name)))

    def _noting(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **kwargs: Any) -> Any:
            self.made.append((name, args))
            return call(*args, **kwargs)

        return noted

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.made]


def test_a_read_is_open_read_close(tree: HostConfigFS, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch)
    assert tree.read("version") == "v5.0\n"
    assert calls.names == ["open", "read", "close"]
    assert calls.made[0][1][1] == os.O_RDONLY | os.O_CLOEXEC


def test_a_write_is_one_write_on_a_descriptor_that_creates_nothing(
    tree: HostConfigFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch)
    tree.write("version", "x" * 10000)
    assert calls.names == ["open", "write", "close"]
    assert calls.made[0][1][1] == os.O_WRONLY | os.O_CLOEXEC
    assert calls.made[1][1][1] == b"x" * 10000


def test_a_write_does_not_truncate(tree: HostConfigFS) -> None:
    tree.write("version", "V")
    assert tree.read("version") == "V5.0\n"


def test_a_write_of_nothing_is_still_one_write(
    tree: HostConfigFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The kernel answers EFAULT to it; that is the kernel's to say.
    calls = Calls(monkeypatch)
    tree.write("version", "")
    assert calls.names == ["open", "write", "close"]


def test_a_write_to_a_missing_file_makes_none(tree: HostConfigFS) -> None:
    with pytest.raises(FileNotFoundError):
        tree.write("missing", "1")
    assert not os.path.exists(f"{tree.root}/missing")


@pytest.mark.parametrize("call", ["read", "write"])
def test_the_descriptor_is_closed_after_a_failure(
    tree: HostConfigFS, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_args: object) -> None:
        raise OSError(errno.EINVAL, "no")

    calls = Calls(monkeypatch)
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match="no"):
        tree.read("version") if call == "read" else tree.write("version", "1")
    assert calls.names == ["open", "close"]


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_survive_a_round_trip(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as directory:
        tree = HostConfigFS(directory)
        with open(f"{directory}/alias", "wb") as file:
            file.write(data)
        text = tree.read("alias")
        with open(f"{directory}/copy", "wb"):
            pass
        tree.write("copy", text)
        with open(f"{directory}/copy", "rb") as file:
            assert file.read() == data


def test_a_whole_page_is_read_at_once(tree: HostConfigFS) -> None:
    with open(f"{tree.root}/version", "w", encoding="ascii") as file:
        file.write("y" * 4096)
    assert len(tree.read("version")) == 4096


def test_names_that_are_no_utf8_are_listed_and_reached(tree: HostConfigFS) -> None:
    os.mkdir(os.fsencode(tree.root) + b"/core/fileio_\xff")
    assert Entry("fileio_\udcff", Kind.DIRECTORY) in tree.listdir("core")
    assert tree.kind("core/fileio_\udcff") is Kind.DIRECTORY


@pytest.mark.parametrize("bad", ["a\0b", "\ud800"])
def test_what_no_system_call_can_be_given_is_an_oserror(tree: HostConfigFS, bad: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: tree.read(bad),
        lambda: tree.write(bad, "1"),
        lambda: tree.mkdir(bad),
        lambda: tree.rmdir(bad),
        lambda: tree.symlink(bad, "link"),
        lambda: tree.symlink("core", bad),
        lambda: tree.readlink(bad),
        lambda: tree.unlink(bad),
        lambda: tree.listdir(bad),
        lambda: tree.kind(bad),
        lambda: tree.mode(bad),
    ]
    for call in calls:
        with pytest.raises(OSError, match="Errno") as caught:
            call()
        assert caught.value.errno == errno.EINVAL


def test_text_that_is_no_bytes_is_not_written(tree: HostConfigFS) -> None:
    with pytest.raises(OSError, match="Errno") as caught:
        tree.write("version", "\ud800")
    assert caught.value.errno == errno.EINVAL
    assert tree.read("version") == "v5.0\n"
    tree.write("version", "a\0b")
    assert tree.read("version").startswith("a\0b")


def test_mkdir_and_rmdir(tree: HostConfigFS) -> None:
    tree.mkdir("core/fileio_1")
    assert os.path.isdir(f"{tree.root}/core/fileio_1")
    with pytest.raises(FileExistsError):
        tree.mkdir("core/fileio_1")
    tree.rmdir("core/fileio_1")
    assert not os.path.exists(f"{tree.root}/core/fileio_1")
    with pytest.raises(FileNotFoundError):
        tree.rmdir("core/fileio_1")


def test_mkdir_makes_no_parents(tree: HostConfigFS) -> None:
    with pytest.raises(FileNotFoundError):
        tree.mkdir("no/such")


def test_a_link_is_absolute_and_read_relative_to_the_root(tree: HostConfigFS) -> None:
    path = "iscsi/iqn/tpgt_1/lun/lun_0/link"
    tree.symlink("core/rd_mcp_0/disk", path)
    assert os.readlink(f"{tree.root}/{path}") == f"{tree.root}/core/rd_mcp_0/disk"
    assert tree.readlink(path) == "core/rd_mcp_0/disk"
    assert tree.kind(path) is Kind.LINK
    tree.unlink(path)
    with pytest.raises(FileNotFoundError):
        tree.kind(path)


def test_links_as_configfs_shows_them_are_understood(tmp_path: Path) -> None:
    # fs/configfs/symlink.c goes up to the mount, then down from it: target/core/...
    mount = tmp_path / "config"
    lun = mount / "target/iscsi/iqn/tpgt_1/lun/lun_0"
    lun.mkdir(parents=True)
    os.symlink("../../../../../../target/core/rd_mcp_0/disk", lun / "link")
    tree = HostConfigFS(str(mount / "target"))
    assert tree.readlink("iscsi/iqn/tpgt_1/lun/lun_0/link") == "core/rd_mcp_0/disk"


def test_a_link_out_of_the_tree_leads_up(tree: HostConfigFS) -> None:
    os.symlink("/somewhere", f"{tree.root}/core/out")
    assert tree.readlink("core/out").startswith("../")


def test_readlink_and_unlink_of_what_is_no_link(tree: HostConfigFS) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        tree.readlink("version")
    with pytest.raises(OSError, match="Errno") as caught:
        tree.unlink("core")
    assert caught.value.errno in (errno.EISDIR, errno.EPERM)


def test_listdir_tells_kinds_without_a_stat(
    tree: HostConfigFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree.symlink("core", "link to a directory")
    os.symlink("/nowhere", f"{tree.root}/dangling")
    calls = Calls(monkeypatch)
    assert sorted(tree.listdir("")) == [
        Entry("core", Kind.DIRECTORY),
        Entry("dangling", Kind.LINK),
        Entry("iscsi", Kind.DIRECTORY),
        Entry("link to a directory", Kind.LINK),
        Entry("version", Kind.FILE),
    ]
    assert not calls.made


def test_names_of_one_kind(tree: HostConfigFS) -> None:
    tree.symlink("core", "link")
    for path in ("", "core"):
        for kind in Kind:
            listed = [entry.name for entry in tree.listdir(path) if entry.kind is kind]
            assert sorted(tree.names(path, kind)) == sorted(listed)
    assert tree.names("", Kind.DIRECTORY)
    assert tree.names("", Kind.FILE)
    assert tree.names("", Kind.LINK)


def test_listdir_of_what_is_no_directory(tree: HostConfigFS) -> None:
    with pytest.raises(FileNotFoundError):
        tree.listdir("missing")
    with pytest.raises(NotADirectoryError):
        tree.listdir("version")


def test_kind_is_one_lstat(tree: HostConfigFS, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls(monkeypatch)
    assert (tree.kind(""), tree.kind("core"), tree.kind("version")) == (
        Kind.DIRECTORY,
        Kind.DIRECTORY,
        Kind.FILE,
    )
    assert calls.names == ["lstat"] * 3


def test_mode_is_the_permission_bits(tree: HostConfigFS) -> None:
    os.chmod(f"{tree.root}/version", 0o444)
    assert tree.mode("version") == 0o444


@pytest.mark.parametrize(
    ("given_root", "root", "below"),
    [("/some/dir", "/some/dir", "/some/dir/x"), ("/some/dir///", "/some/dir", "/some/dir/x")],
)
def test_the_root_has_no_slash_at_its_end(given_root: str, root: str, below: str) -> None:
    tree = HostConfigFS(given_root)
    assert tree.root == root
    assert tree._at("x") == below
    assert tree._at("") == root


def test_the_root_directory_itself_can_be_the_tree() -> None:
    assert HostConfigFS("/").kind("proc") is Kind.DIRECTORY


def test_trees_are_equal_by_root() -> None:
    assert HostConfigFS("/a") == HostConfigFS("/a/")
    assert HostConfigFS("/a") != HostConfigFS("/b")
    assert HostConfigFS("/a") != "/a"
    assert len({HostConfigFS("/a"), HostConfigFS("/a/"), HostConfigFS("/b")}) == 2
    assert repr(HostConfigFS("/a")) == "HostConfigFS('/a')"


HOLD = """
    import sys
    from rtslib.configfs import HostConfigFS
    with HostConfigFS(sys.argv[1]).lock():
        print("held", flush=True)
        sys.stdin.readline()
"""


def test_the_lock_has_one_holder_among_processes(tree: HostConfigFS) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLD), tree.root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdin
    assert other.stdout
    try:
        assert other.stdout.readline() == "held\n"
        got = threading.Event()

        def take() -> None:
            with tree.lock():
                got.set()

        mine = threading.Thread(target=take)
        mine.start()
        assert not got.wait(0.1)
        other.stdin.write("\n")
        other.stdin.flush()
        assert got.wait(20)
        mine.join()
    finally:
        other.stdin.close()
        other.stdout.close()
        other.wait()


def test_a_lock_that_is_never_given_back_is_an_error_in_the_end(
    tree: HostConfigFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configfs, "LOCK_SECONDS", 0.05)
    with tree.lock():
        with pytest.raises(TimeoutError) as caught, HostConfigFS(tree.root).lock():
            pass
        assert caught.value.errno == errno.ETIMEDOUT
        with pytest.raises(KernelError, match="another program holds it for too long") as told:
            RDMCPStorageObject("disk", "1M", fs=HostConfigFS(tree.root))
        assert (told.value.errno, told.value.operation) == (errno.ETIMEDOUT, "lock")


def test_the_lock_is_free_after_an_error_and_leaves_nothing(tree: HostConfigFS) -> None:
    before = sorted(os.listdir(tree.root))
    with pytest.raises(ZeroDivisionError), tree.lock():
        raise ZeroDivisionError
    with tree.lock():
        pass
    assert sorted(os.listdir(tree.root)) == before


def test_the_lock_of_a_tree_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), HostConfigFS(f"{tmp_path}/none").lock():
        pass


def test_the_kernels_tree_is_in_force_by_default() -> None:
    assert current() == HostConfigFS(TARGET_ROOT)


def test_use_is_nested_and_ends_with_the_block(fake: FakeKernel) -> None:
    assert current() is fake
    inner = FakeKernel()
    with use(inner) as given_back:
        assert given_back is inner
        assert current() is inner
    assert current() is fake
    with pytest.raises(KeyError), use(inner):
        raise KeyError
    assert current() is fake


def test_use_holds_in_the_threads_that_it_starts(fake: FakeKernel) -> None:
    seen: list[ConfigFS] = []
    own = FakeKernel()

    def look() -> None:
        seen.append(current())
        with use(own):
            seen.append(current())
        seen.append(current())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen[0] is seen[2] is fake
    assert seen[1] is own
    assert current() is fake


def test_an_empty_variable_means_the_kernels_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RTSLIB_CONFIGFS", "")
    assert current() == HostConfigFS(TARGET_ROOT)


@pytest.mark.parametrize("name", ["faek", "some/dir", "/", "//", "."])
def test_a_variable_that_names_no_tree_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("RTSLIB_CONFIGFS", name)
    with pytest.raises(InvalidValueError, match="names no target tree; write the absolute path"):
        current()


def test_the_environment_names_a_directory(
    tree: HostConfigFS, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTSLIB_CONFIGFS", tree.root)
    assert current() == tree
    assert current() is current()


@pytest.mark.parametrize("name", ["fake", "fake:"])
def test_the_environment_names_a_fake_that_stays_the_same(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    configfs._named.cache_clear()
    monkeypatch.setenv("RTSLIB_CONFIGFS", name)
    first = current()
    assert isinstance(first, FakeKernel)
    first.mkdir("core/rd_mcp_0")
    assert current() is first
    configfs._named.cache_clear()


def test_the_environment_names_a_fake_with_a_state(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    state = tmp_path / "colon: blank" / "state.json"
    state.parent.mkdir()
    monkeypatch.setenv("RTSLIB_CONFIGFS", f"fake:{state}")
    current().mkdir("core/rd_mcp_0")
    configfs._named.cache_clear()
    assert current().kind("core/rd_mcp_0") is Kind.DIRECTORY
    assert state.exists()
    configfs._named.cache_clear()


def test_what_is_in_use_goes_before_the_environment(
    fake: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTSLIB_CONFIGFS", "/elsewhere")
    assert current() is fake


def test_many_files_of_a_directory_are_read_as_each_would_be(tmp_path: Path) -> None:
    (tmp_path / "a" / "sub").mkdir(parents=True)
    files = [f"f{number}" for number in range(9)] + ["sub/g"]
    for file in files:
        (tmp_path / "a" / file).write_bytes(file.encode() + b"\xff\n")
    tree = HostConfigFS(str(tmp_path))
    for some in ([], files[:2], files):
        assert tree.read_each("a", some) == [tree.read(f"a/{file}") for file in some]
    assert tree.read_each("", ["a/f0"] * 8) == [tree.read("a/f0")] * 8
    for path in ("a", "nowhere"):
        errors = tree.read_each(path, [*files[:8], "missing"])
        assert isinstance(errors[-1], FileNotFoundError)
        assert all(isinstance(it, str) for it in errors[:-1]) is (path == "a")
        assert len(errors) == 9
