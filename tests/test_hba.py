# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""HBA directories: names, what is found in whose tree, and claims by many at once."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from rtslib import (
    AlreadyExistsError,
    FabricModule,
    FileIOStorageObject,
    InvalidValueError,
    RDMCPStorageObject,
    RTSLibNotInCFSError,
    StorageObject,
    Target,
)
from rtslib import hba as hbas
from rtslib.configfs import TARGET_ROOT, HostConfigFS, use
from rtslib.door import Construction
from rtslib.testing import Faulty, Journal

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

    from rtslib.testing import FakeKernel

SPECS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "specs")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("iblock_0", ("iblock", 0)),
        ("rd_mcp_12", ("rd_mcp", 12)),
        ("fileio_0x1f", ("fileio", 31)),
        ("rd_mcp_010", ("rd_mcp", 8)),
        ("fileio_08", ("fileio_08", None)),
        ("alua", ("alua", None)),
        ("fileio", ("fileio", None)),
        ("_3", ("_3", None)),
    ],
)
def test_names_are_read_as_the_kernel_reads_them(name: str, parts: tuple[str, int | None]) -> None:
    assert hbas.split(name) == parts


def test_a_new_object_takes_the_first_index_that_no_plugin_has(fake: FakeKernel) -> None:
    for name in ("fileio_0", "iblock_0x1", "user_3"):
        fake.mkdir(f"core/{name}")
    indexes = [RDMCPStorageObject(f"r{number}", 4096).index for number in range(3)]
    assert indexes == [2, 4, 5]


def test_many_objects_in_one_hba_and_odd_names_are_found(fake: FakeKernel) -> None:
    for path in ("fileio_0x2", "fileio_0x2/a", "fileio_0x2/b", "rd_mcp_0", "rd_mcp_0/a"):
        fake.mkdir(f"core/{path}")
    assert hbas.find(fake, "fileio", "b") == "core/fileio_0x2/b"
    assert hbas.find(fake, "rd_mcp", "a") == "core/rd_mcp_0/a"
    assert hbas.find(fake, "", "a", 2) == "core/fileio_0x2/a"
    assert hbas.find(fake, "", "a", 3) is None
    assert hbas.find(fake, "fileio", "c") is None
    assert hbas.find(fake, "fileio", "hba_info") is None


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b"])
def test_a_name_must_do_for_a_directory(fake: FakeKernel, name: str) -> None:
    with pytest.raises(InvalidValueError, match="cannot be the name of a storage object"):
        hbas.find(fake, "fileio", name)
    with pytest.raises(InvalidValueError), Construction(fake) as made:
        hbas.claim(made, "fileio", name, None)
    assert [entry.name for entry in fake.listdir("core")] == ["alua"]


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J", "\x7f", "a\u202eb", "\udcff"])
def test_control_characters_are_for_others_objects_only(fake: FakeKernel, name: str) -> None:
    with pytest.raises(InvalidValueError, match="has control characters"):
        RDMCPStorageObject(name, 4096)
    assert [entry.name for entry in fake.listdir("core")] == ["alua"]
    fake.mkdir("core/rd_mcp_0")
    fake.mkdir(f"core/rd_mcp_0/{name}")
    assert RDMCPStorageObject(name).name == name
    assert [so.name for so in RDMCPStorageObject.all()] == [name]


def test_a_name_in_several_plugins_is_not_guessed(fake: FakeKernel) -> None:
    for path in ("fileio_2", "fileio_2/a", "rd_mcp_0", "rd_mcp_0/a", "rd_mcp_2", "rd_mcp_2/b"):
        fake.mkdir(f"core/{path}")
    with pytest.raises(InvalidValueError, match=r"more than one .* is called 'a'") as caught:
        StorageObject("a")
    assert {"core/fileio_2/a", "core/rd_mcp_0/a"} <= set(re.split("[ ;]", str(caught.value)))
    assert "by its plugin's class, or by its index" in str(caught.value)
    assert StorageObject("a", index=2) == FileIOStorageObject("a")
    assert StorageObject("a", index=0) == RDMCPStorageObject("a")
    assert StorageObject("b").index == 2


def test_a_second_object_of_a_name_is_refused_wherever_the_first_stands(fake: FakeKernel) -> None:
    fake.mkdir("core/rd_mcp_7")
    fake.mkdir("core/rd_mcp_7/a")
    with pytest.raises(AlreadyExistsError, match="already exists in configFS") as caught:
        RDMCPStorageObject("a", 4096, index=1)
    assert caught.value.path == f"{fake.root}/core/rd_mcp_7/a"
    assert caught.value.errno == errno.EEXIST
    assert caught.value.operation == "mkdir"
    assert isinstance(caught.value, FileExistsError)
    assert not RDMCPStorageObject("a").enable


def test_an_explicit_index_may_share_its_hba(fake: FakeKernel) -> None:
    fake.mkdir("core/rd_mcp_7")
    fake.mkdir("core/rd_mcp_7/theirs")
    mine = RDMCPStorageObject("mine", 4096, index=7)
    assert mine.path.endswith("core/rd_mcp_7/mine")
    mine.delete()
    assert [entry.name for entry in fake.listdir("core")] == ["rd_mcp_7", "alua"]


def test_an_hba_that_another_process_made_meanwhile_is_seen(fake: FakeKernel) -> None:
    """It may hold an object of the name: the kernel's numbering of HBAs tells that it is there."""
    for number in range(2):
        RDMCPStorageObject(f"r{number}", 4096)
    for path in ("core/rd_mcp_9", "core/rd_mcp_9/theirs"):
        fake.mkdir(path)
    with pytest.raises(AlreadyExistsError):
        RDMCPStorageObject("theirs", 4096)
    assert RDMCPStorageObject("r2", 4096).index == 2
    fake.mkdir("core/fileio_3")
    assert RDMCPStorageObject("r3", 4096).index == 4
    RDMCPStorageObject("r4", 4096)
    fake.mkdir("core/rd_mcp_11")
    assert RDMCPStorageObject("r5", 4096).index == 6
    fake.rmdir("core/rd_mcp_11")
    fake.rmdir("core/fileio_3")
    assert [RDMCPStorageObject(f"s{number}", 4096).index for number in range(2)] == [3, 10]


def test_an_hba_of_the_index_that_is_next_is_seen(fake: FakeKernel) -> None:
    for number in range(3):
        RDMCPStorageObject(f"r{number}", 4096)
    fake.mkdir("core/rd_mcp_3")
    assert RDMCPStorageObject("r3", 4096).index == 4


def test_an_object_put_into_anothers_hba_is_seen(fake: FakeKernel) -> None:
    fake.mkdir("core/rd_mcp_0")
    RDMCPStorageObject("a", 4096)
    fake.mkdir("core/rd_mcp_0/theirs")
    with pytest.raises(AlreadyExistsError):
        RDMCPStorageObject("theirs", 4096)
    assert RDMCPStorageObject("b", 4096).index == 2


def test_an_index_that_became_taken_or_free_is_seen(fake: FakeKernel) -> None:
    first, second = (RDMCPStorageObject(name, 4096) for name in "ab")
    first.delete()
    assert RDMCPStorageObject("a", 4096).index == 0
    # Others take the place of ours, under the name that we would take next.
    fake.mkdir("core/rd_mcp_2")
    fake.rmdir("core/rd_mcp_2")
    fake.rmdir("core/rd_mcp_1/b")
    fake.rmdir("core/rd_mcp_1")
    assert not second.exists
    assert RDMCPStorageObject("b", 4096).index == 1


def test_a_kernel_that_does_not_number_hbas_is_looked_at_each_time(tmp_path: Path) -> None:
    """A plain directory: it comes as far as the control file, which is not there."""
    (tmp_path / "core").mkdir()
    tree = Journal(HostConfigFS(str(tmp_path)))
    for _ in range(2):
        with pytest.raises(RTSLibNotInCFSError):
            RDMCPStorageObject("a", 4096, fs=tree)
    assert tree.count()["listdir"] >= 2


def test_a_failed_claim_leaves_nothing(fake: FakeKernel) -> None:
    fault = Faulty(fake, errno.ENOSPC, at=2)
    with use(fault), pytest.raises(OSError, match="ENOSPC") as caught:
        RDMCPStorageObject("a", 4096)
    assert caught.value.errno == errno.ENOSPC
    assert [entry.name for entry in fake.listdir("core")] == ["alua"]


def test_a_tree_without_core_is_an_error_with_its_path(fake: FakeKernel) -> None:
    fault = Faulty(fake, errno.ENOENT, when=lambda _name, path: path == "core")
    with use(fault):
        with pytest.raises(RTSLibNotInCFSError, match="/core"):
            RDMCPStorageObject("a", 4096)
        with pytest.raises(RTSLibNotInCFSError, match="/core"):
            RDMCPStorageObject("a")


def test_threads_that_create_at_once_share_no_index_and_lose_none(fake: FakeKernel) -> None:
    journal = Journal(fake)
    made: list[RDMCPStorageObject] = []

    def work(thread: int) -> None:
        made.extend(RDMCPStorageObject(f"r{thread}-{n}", 4096, fs=journal) for n in range(5))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(so.index for so in made if so.index is not None) == list(range(30))


def test_on_the_running_kernel_what_is_missing_is_loaded_first(
    fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = machine(fs, monkeypatch)
    with pytest.raises(RTSLibNotInCFSError) as caught:
        RDMCPStorageObject("a", 4096, fs=HostConfigFS())
    assert ran == ["modprobe target_core_mod"]
    # Plain directories have no control file: it came as far as that, and took itself back.
    assert caught.value.path == f"{TARGET_ROOT}/core/rd_mcp_0/a/control"
    assert os.listdir(f"{TARGET_ROOT}/core") == []


def test_on_the_running_kernel_a_fabrics_module_is_loaded_when_it_is_refused(
    fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = machine(fs, monkeypatch)
    fs.create_dir(TARGET_ROOT)
    kernel = HostConfigFS()
    unloaded = Faulty(
        kernel, errno.EINVAL, 1, when=lambda name, path: (name, path) == ("mkdir", "vhost")
    )
    target = Target(FabricModule("vhost", fs=unloaded), "naa.5001405000000001")
    assert ran == ["modprobe vhost_scsi"]
    assert os.path.isdir(target.path)


def machine(fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine whose modprobe makes what the module would make; return what it runs."""
    fs.add_real_directory(SPECS)
    fs.create_file("/sbin/modprobe", st_mode=0o100755)
    fs.create_file("/proc/modules")
    fs.create_file("/proc/self/mounts", contents="x /sys/kernel/config configfs rw 0 0\n")
    ran: list[str] = []

    def run(argv: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        ran.append(" ".join([os.path.basename(argv[0]), *argv[1:]]))
        if argv[1] == "target_core_mod":
            fs.create_dir(f"{TARGET_ROOT}/core")
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return ran
