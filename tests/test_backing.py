# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The file behind a fileio object: made, checked, resized, and nothing else."""

from __future__ import annotations

import errno
import os
import resource
import stat
from typing import TYPE_CHECKING

import pytest

from rtslib import HostError, InvalidValueError, backing
from rtslib.door import Construction
from rtslib.testing import FakeKernel

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1 << 20


def export(path: object, size: int | None = None, *, create: bool = True) -> int:
    with Construction(FakeKernel()) as made:
        return backing.size_to_export(made, str(path), size, create=create)


def test_a_missing_file_is_made_sparse_and_private(tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    assert export(file, MIB) == MIB
    found = file.stat()
    assert found.st_size == MIB
    assert found.st_blocks == 0
    assert stat.S_IMODE(found.st_mode) == 0o600


def test_a_file_that_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    file.write_bytes(b"data")
    assert export(file) == 4
    assert export(file, MIB) == MIB
    assert file.read_bytes() == b"data"


def test_a_missing_file_without_size_or_with_create_false_is_refused(tmp_path: Path) -> None:
    file = str(tmp_path / "disk.img")
    with pytest.raises(InvalidValueError, match=r"does not exist; give a size"):
        export(file)
    with pytest.raises(HostError, match="does not exist; is its filesystem mounted") as caught:
        export(file, MIB, create=False)
    assert caught.value.errno == errno.ENOENT
    assert caught.value.path == file
    assert not os.path.exists(file)


def test_a_file_in_no_directory_cannot_be_made(tmp_path: Path) -> None:
    path = str(tmp_path / "none" / "disk.img")
    with pytest.raises(HostError, match=r"cannot create .*No such file") as caught:
        export(path, MIB)
    assert (caught.value.errno, caught.value.path) == (errno.ENOENT, path)


def test_a_file_as_directory_is_told_with_its_errno(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(HostError, match=r"cannot stat .*file/disk.img") as caught:
        export(tmp_path / "file" / "disk.img", MIB)
    assert caught.value.errno == errno.ENOTDIR


def test_what_cannot_be_made_as_large_is_removed_again(tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MIB, limits[1]))
    try:
        with pytest.raises(HostError, match="cannot create") as caught:
            export(file, 2 * MIB)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert caught.value.errno == errno.EFBIG
    assert not file.exists()


def test_a_size_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    with pytest.raises(InvalidValueError, match="no file can have 9223372036854775808 bytes"):
        export(file, 1 << 63)
    assert not file.exists()
    with pytest.raises(InvalidValueError, match="no file can have"):
        backing.resize(str(file), 1 << 63, shrink=True)


@pytest.mark.parametrize("path", ["disk.img", "./disk.img", ""])
def test_a_relative_path_is_refused(path: str) -> None:
    with pytest.raises(InvalidValueError, match="is a relative path") as caught:
        backing.path_for_kernel(path)
    assert os.path.abspath(path) in str(caught.value)


def test_an_absolute_path_is_left_as_it_is() -> None:
    assert backing.path_for_kernel("/srv/../a b") == "/srv/../a b"


def test_resize_grows_always_and_shrinks_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    file.write_bytes(b"0123456789")
    backing.resize(str(file), 20, shrink=False)
    assert file.stat().st_size == 20
    backing.resize(str(file), 5, shrink=False)
    assert file.stat().st_size == 20
    backing.resize(str(file), 5, shrink=True)
    assert file.read_bytes() == b"01234"


def test_resize_of_a_missing_file_is_a_host_error(tmp_path: Path) -> None:
    with pytest.raises(HostError, match="cannot truncate") as caught:
        backing.resize(str(tmp_path / "none"), 5, shrink=False)
    assert caught.value.errno == errno.ENOENT
    assert caught.value.operation == "truncate"


def test_a_missing_device_is_not_made_as_a_file() -> None:
    path = "/dev/rtslib-test-no-such-device"
    with pytest.raises(HostError, match=f"cannot open {path}: No such file") as caught:
        export(path, MIB)
    assert (caught.value.errno, caught.value.path) == (errno.ENOENT, path)
    assert not os.path.exists(path)
