# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The wrappers add one thing each and pass the rest."""

from __future__ import annotations

import errno
from typing import Any

import pytest

from rtslib.configfs import ConfigFS, Entry, Kind
from rtslib.testing import FakeKernel, Faulty, Journal, Operation, ReadOnly, Wrapper
from testing.filled import RAM, TPG, Filled, refused


def every_operation(fs: ConfigFS) -> list[Any]:
    """Do each operation of the protocol once."""
    with fs.lock():
        fs.mkdir(f"{TPG}/lun/lun_1")
        fs.symlink(RAM, f"{TPG}/lun/lun_1/x")
        found = [
            fs.readlink(f"{TPG}/lun/lun_1/x"),
            fs.kind(RAM),
            fs.mode(f"{RAM}/control"),
            fs.listdir(f"{TPG}/np"),
            fs.read(f"{TPG}/enable"),
        ]
        fs.unlink(f"{TPG}/lun/lun_1/x")
        fs.rmdir(f"{TPG}/lun/lun_1")
        fs.write(f"{TPG}/enable", "1")
    return found


FOUND = [RAM, Kind.DIRECTORY, 0o200, [], "0\n"]


@pytest.mark.parametrize("wrap", [Wrapper, Journal, lambda fs: Faulty(fs, at=0)])
def test_everything_passes(fake: Filled, wrap: Any) -> None:
    fake.tpg()
    fs = wrap(fake)
    assert every_operation(fs) == FOUND
    assert fake.read(f"{TPG}/enable") == "1\n"
    assert fs.inner is fake
    assert fs.root == fake.root


def test_the_root_may_be_set() -> None:
    fs = ReadOnly(FakeKernel())
    fs.root = "/elsewhere"
    assert fs.inner.root == "/elsewhere"


def test_read_only_refuses_every_change(fake: Filled) -> None:
    fake.tpg()
    fs = ReadOnly(fake)
    link = f"{TPG}/lun/lun_0/link"
    refused(errno.EROFS, fs.mkdir, "loopback")
    refused(errno.EROFS, fs.rmdir, TPG)
    refused(errno.EROFS, fs.write, f"{TPG}/enable", "1")
    refused(errno.EROFS, fs.symlink, RAM, f"{TPG}/lun/lun_0/y")
    refused(errno.EROFS, fs.unlink, link)
    assert (fs.read(f"{TPG}/enable"), fs.readlink(link), fs.kind(link)) == ("0\n", RAM, Kind.LINK)
    assert Entry("link", Kind.LINK) in fs.listdir(f"{TPG}/lun/lun_0")
    assert fs.mode(f"{TPG}/enable") == 0o644


def test_a_journal_has_arguments_and_errnos(fake: Filled) -> None:
    fs = Journal(fake)
    fs.mkdir("iscsi")
    refused(errno.EEXIST, fs.mkdir, "iscsi")
    fs.write("dbroot", "/etc/target\n")
    fs.read("dbroot")
    fake.tpg()
    assert fs.operations == [
        Operation("mkdir", ("iscsi",), None),
        Operation("mkdir", ("iscsi",), errno.EEXIST),
        Operation("write", ("dbroot", "/etc/target\n"), None),
        Operation("read", ("dbroot",), None),
    ]
    assert [op.name for op in fs.changes] == ["mkdir", "write"]
    assert fs.count() == {"mkdir": 2, "write": 1, "read": 1}
    assert fs.operations[2].path == "dbroot"


def test_a_link_is_journalled_by_where_it_is(fake: Filled) -> None:
    fake.tpg()
    fake.mkdir(f"{TPG}/lun/lun_1")
    fs = Journal(fake)
    fs.symlink(RAM, f"{TPG}/lun/lun_1/x")
    assert fs.operations[0].arguments == (RAM, f"{TPG}/lun/lun_1/x")
    assert fs.operations[0].path == f"{TPG}/lun/lun_1/x"


def test_a_journal_counts_a_block(fake: Filled) -> None:
    fs = Journal(fake)
    fs.read("dbroot")
    with fs.counting() as cost:
        fs.read("dbroot")
        fs.listdir("")
    assert cost == {"read": 1, "listdir": 1}
    fs.clear()
    assert fs.operations == []


def test_a_fault_at_each_operation_leaves_the_rest_undone(fake: Filled) -> None:
    fake.tpg()
    count = Faulty(fake, at=0)
    every_operation(count)
    assert count.seen == 5
    for number in range(1, count.seen + 1):
        fs = Filled()
        fs.tpg()
        faulty = Faulty(fs, errno.ENOSPC, at=number)
        refused(errno.ENOSPC, every_operation, faulty)
        assert faulty.seen == number


def test_a_fault_by_predicate(fake: Filled) -> None:
    fs = Faulty(fake, when=lambda name, path: name == "read" and path == "dbroot")
    refused(errno.EIO, fs.read, "dbroot")
    refused(errno.EIO, fs.read, "dbroot")
    assert fs.read("version").startswith("Target")


def test_wrappers_are_equal_by_kind_and_tree() -> None:
    one, two = FakeKernel(), FakeKernel()
    assert ReadOnly(one) == ReadOnly(one)
    assert hash(ReadOnly(one)) == hash(ReadOnly(one))
    assert ReadOnly(one) != ReadOnly(two)
    assert ReadOnly(one) != Journal(one)
    assert ReadOnly(one) != one
    assert repr(ReadOnly(one)) == "ReadOnly(FakeKernel('6.1'))"
