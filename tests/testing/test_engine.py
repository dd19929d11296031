# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What the VFS and configfs do, whatever is in them."""

from __future__ import annotations

import errno
import sys
import threading

import pytest

from rtslib.configfs import Entry, Kind
from rtslib.testing import FakeKernel, engine
from rtslib.testing.directory import Directory, File, Shape
from rtslib.testing.host import FakeHost
from testing.filled import IQN, RAM, TPG, Filled, refused

LUN = f"{TPG}/lun/lun_0"


@pytest.fixture(autouse=True)
def filled(fake: Filled) -> Filled:
    fake.tpg()
    return fake


def test_paths_are_walked_as_the_vfs_walks_them(fake: Filled) -> None:
    assert fake.read("core/../dbroot") == fake.read("./dbroot") == fake.read("/dbroot")
    assert fake.read(f"{LUN}/link/enable") == "1\n", "through a link"
    assert fake.kind("core/") is Kind.DIRECTORY
    assert fake.kind("core/.") is Kind.DIRECTORY
    assert fake.kind("core/..") is Kind.DIRECTORY
    assert fake.listdir(f"{LUN}/link/wwn")
    refused(errno.ENOENT, fake.read, "../dbroot")
    refused(errno.ENOENT, fake.read, "nothing/here")
    refused(errno.ENOTDIR, fake.read, "dbroot/here")
    refused(errno.ENAMETOOLONG, fake.read, "x" * 256)
    refused(errno.ENAMETOOLONG, fake.kind, "x" * 256 + "/y")


def test_the_root(fake: Filled) -> None:
    assert fake.kind("") is Kind.DIRECTORY
    assert fake.mode("") == 0o755
    refused(errno.EISDIR, fake.read, "")
    refused(errno.EEXIST, fake.mkdir, "")
    refused(errno.EPERM, fake.rmdir, "")
    refused(errno.EISDIR, fake.unlink, "")
    refused(errno.EEXIST, fake.symlink, RAM, "")


def test_a_directory_is_no_file(fake: Filled) -> None:
    refused(errno.EISDIR, fake.read, "core")
    refused(errno.EISDIR, fake.write, "core", "x")
    refused(errno.EISDIR, fake.read, f"{LUN}/link")
    refused(errno.ENOENT, fake.write, "core/none", "x")
    refused(errno.ENOTDIR, fake.listdir, "dbroot")


def test_modes(fake: Filled) -> None:
    assert fake.mode(f"{RAM}/control") == 0o200
    assert fake.mode(f"{RAM}/info") == 0o444
    assert fake.mode(f"{LUN}/link") == 0o777
    refused(errno.EACCES, fake.read, f"{RAM}/control")
    refused(errno.EACCES, fake.write, f"{RAM}/info", "x")
    refused(errno.ENOENT, fake.mode, "none")


def test_links(fake: Filled) -> None:
    assert fake.readlink(f"{LUN}/link") == RAM
    refused(errno.EINVAL, fake.readlink, "dbroot")
    refused(errno.EINVAL, fake.readlink, "core")
    refused(errno.ENOENT, fake.readlink, "none")
    refused(errno.ENOENT, fake.unlink, f"{LUN}/none")
    refused(errno.ENOTDIR, fake.rmdir, f"{LUN}/link")
    refused(errno.EEXIST, fake.mkdir, f"{LUN}/link")
    fake.mkdir(f"{TPG}/lun/lun_1")
    refused(errno.ENOTDIR, fake.symlink, "../../../../etc/passwd", f"{TPG}/lun/lun_1/x")
    refused(errno.EPERM, fake.symlink, "../../../../etc", f"{TPG}/lun/lun_1/x")
    refused(errno.ENOENT, fake.symlink, "../../../../none", f"{TPG}/lun/lun_1/x")
    fake.symlink(f"{LUN}/link", f"{TPG}/lun/lun_1/x")
    assert fake.readlink(f"{TPG}/lun/lun_1/x") == RAM, "a link to a link leads to its end"


def test_newest_first(fake: Filled) -> None:
    fake.mkdir(f"{TPG}/lun/lun_1")
    assert fake.listdir(f"{TPG}/lun")[0] == Entry("lun_1", Kind.DIRECTORY)


def test_what_is_linked_to_stays(fake: Filled) -> None:
    refused(errno.EBUSY, fake.rmdir, RAM)
    refused(errno.ENOTEMPTY, fake.rmdir, LUN)


def test_nothing_is_written_for_the_caller_who_is_not_root(fake: Filled) -> None:
    fake.privileged = False
    refused(errno.EACCES, fake.symlink, RAM, f"{LUN}/y")
    refused(errno.EACCES, fake.unlink, f"{LUN}/link")
    refused(errno.EEXIST, fake.mkdir, "iscsi")


def test_an_attribute_is_at_most_a_page(fake: Filled) -> None:
    for number in range(1, 60):
        name = f"{'x' * 200}{number}"
        fake.mkdir(f"core/rd_mcp_0/{name}")
        fake.write(f"core/rd_mcp_0/{name}/control", "rd_pages=1")
        fake.write(f"core/rd_mcp_0/{name}/enable", "1")
    text = fake.read("core/alua/lu_gps/default_lu_gp/members")
    assert 4096 - 213 < len(text) <= 4096
    assert text.endswith("\n")


def test_of_many_threads_one_makes_a_directory(fake: Filled) -> None:
    made = []

    def make(number: int) -> None:
        for index in range(50):
            try:
                fake.mkdir(f"{TPG}/lun/lun_{index + 1}")
            except FileExistsError:
                continue
            made.append((index, number))

    threads = [threading.Thread(target=make, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(index for index, _ in made) == list(range(50))


def test_the_lock_has_one_holder(fake: Filled) -> None:
    got = threading.Event()

    def take() -> None:
        with fake.lock():
            got.set()

    with fake.lock():
        thread = threading.Thread(target=take)
        thread.start()
        assert not got.wait(0.02)
    assert got.wait(10)
    thread.join()


def test_unknown_kernels_and_modules() -> None:
    with pytest.raises(ValueError, match=r"6\.1"):
        FakeKernel("2.4")
    fs = FakeKernel(modules=["loopback"])
    refused(errno.EINVAL, fs.mkdir, "iscsi")
    fs.mkdir("loopback")
    fs.modules.add("iscsi")
    fs.mkdir("iscsi")
    assert repr(fs) == "FakeKernel('6.1')"


def test_a_recorded_errno_is_what_reading_gives() -> None:
    files = {"odd": File(0o644, error=errno.ENODEV), "plain": File(0o444, "text\n")}
    tree = engine.Tree({"root": Shape("root", files)}, FakeHost())
    refused(errno.ENODEV, tree.read, "odd")
    tree.write("odd", "ignored")
    assert tree.read("plain") == "text\n"


def test_misuse_of_the_inner_parts_is_loud() -> None:
    tree = engine.Tree({"root": Shape("root")}, FakeHost())
    assert repr(tree.top) == "<root ''>"
    with pytest.raises(AssertionError, match="no parent"):
        assert tree.top.up
    with pytest.raises(AssertionError, match="has no 'x'"):
        tree.top.sub("x")
    assert Directory(tree, Shape("x"), "x", tree.top, 1).integer("none") == 0


def calls_to_make(luns: int) -> int:
    """Return how many functions are called to make LUNs for four initiators."""
    fs = Filled()
    fs.tpg(lun=False)
    for number in range(4):
        fs.acl(TPG, f"iqn.{number}")
    calls = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        make(fs, luns)
    finally:
        sys.setprofile(before)
    assert len(fs.listdir(f"{IQN}/tpgt_1/acls/iqn.3")) > luns
    return calls


def test_twice_as_many_luns_for_four_initiators_take_twice_as_long() -> None:
    assert calls_to_make(200) < 2.1 * calls_to_make(100)


def make(fs: Filled, luns: int) -> None:
    for index in range(luns):
        fs.mkdir(f"core/rd_mcp_{index}")
        path = f"core/rd_mcp_{index}/d"
        fs.mkdir(path)
        fs.write(f"{path}/control", "rd_pages=8")
        fs.write(f"{path}/enable", "1")
        fs.lun(TPG, index, path)
        for number in range(4):
            mapped = f"{TPG}/acls/iqn.{number}/lun_{index}"
            fs.mkdir(mapped)
            fs.symlink(f"{TPG}/lun/lun_{index}", f"{mapped}/x")
