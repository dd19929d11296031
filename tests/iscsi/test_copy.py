# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Copies of more than one part, files that end early or take little at a time, measured reads."""

from __future__ import annotations

import asyncio
import io
import os
from typing import TYPE_CHECKING, Any

import pytest

from rtslib.iscsi import copy
from rtslib.iscsi.client import Session
from rtslib.iscsi.copy import Measured, measure, read_to, write_from
from rtslib.iscsi.errors import LocalProtocolError, ScsiError
from rtslib.iscsi.fake import FakeDisk, FakeTarget

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

DATA = os.urandom(40960)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy, "PART", 4096)


def on(disk: FakeDisk, work: Callable[[Session], Awaitable[Any]]) -> Any:
    """Do something with a session."""

    async def done() -> Any:
        target = FakeTarget({0: disk})
        async with Session.connect(target.settings, connector=target.connect) as session:
            return await work(session)

    return asyncio.run(done())


class Slow(io.BytesIO):
    """Takes and gives little at a time."""

    def write(self, data: Any) -> int:
        return super().write(data[:1000])

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(1000, size or 0))


@pytest.mark.parametrize("kind", [io.BytesIO, Slow])
@pytest.mark.parametrize(("lba", "blocks"), [(0, None), (3, 20), (0, 8), (5, 0)])
def test_to_a_file(kind: type[io.BytesIO], lba: int, blocks: int | None) -> None:
    file, told = kind(), []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    size = on(
        FakeDisk(bytearray(DATA)),
        lambda session: read_to(session, 0, file, lba=lba, blocks=blocks, tell=tell),
    )
    end = None if blocks is None else (lba + blocks) * 512
    assert file.getvalue() == DATA[lba * 512 : end]
    assert size == len(file.getvalue())
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert not size or told[-1] == (size, size)


@pytest.mark.parametrize("kind", [io.BytesIO, Slow])
@pytest.mark.parametrize("size", [0, 512, 4096, 9728, 40960])
def test_from_a_file(kind: type[io.BytesIO], size: int) -> None:
    disk, told = FakeDisk(bytearray(40960)), []

    def tell(done: int, total: int) -> None:
        told.append((done, total))

    file = kind(DATA)
    assert on(disk, lambda it: write_from(it, 0, file, size, tell=tell)) == size
    assert disk.memory == DATA[:size] + bytes(40960 - size)
    assert not size or told[-1] == (size, size)


def test_a_file_that_ends_early() -> None:
    with pytest.raises(LocalProtocolError, match="the file has ended 512 bytes too early"):
        on(
            FakeDisk(bytearray(8192)),
            lambda it: write_from(it, 0, io.BytesIO(bytes(4608)), 5120),
        )


def test_a_disk_that_fails() -> None:
    disk = FakeDisk(bytearray(8192), write_protected=True)
    with pytest.raises(ScsiError):
        on(disk, lambda it: write_from(it, 0, io.BytesIO(bytes(8192)), 8192))


class Full(io.BytesIO):
    def write(self, data: Any) -> int:
        raise OSError(28, "No space left on device")


def test_a_file_that_is_full() -> None:
    with pytest.raises(OSError, match="No space left"):
        on(FakeDisk(bytearray(8192)), lambda it: read_to(it, 0, Full()))


@pytest.mark.parametrize("at_random", [False, True])
def test_how_fast(at_random: bool) -> None:
    found = on(
        FakeDisk(bytearray(8192)),
        lambda it: measure(it, 0, size=1024, depth=3, seconds=0.05, at_random=at_random),
    )
    assert found.reads >= 3
    assert found.bytes == 1024 * found.reads
    assert 0 < found.worst <= found.seconds


def test_rates() -> None:
    it = Measured(reads=100, bytes=51200, seconds=2.0, worst=0.5)
    assert (it.reads_per_second, it.bytes_per_second) == (50, 25600)
