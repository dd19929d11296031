# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""read, write and perf, against the fake target."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING

import pytest

from cli.portal import Portal, portal
from rtslib.cli import copying
from rtslib.cli.explain import UsageError
from rtslib.iscsi.fake import FakeDisk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.conftest import Run

DATA = bytes(range(256)) * 256


@pytest.fixture
def target() -> Iterator[Portal]:
    with portal({0: FakeDisk(bytearray(DATA))}) as served:
        yield served


def test_a_disk_to_a_file(run: Run, target: Portal, tmp_path: Path) -> None:
    file = tmp_path / "disk.img"
    out, err = run(f"read {target.disk_url} {file}")
    assert (out, err) == (f"read: 64.0KiB of {target.disk_url} to {file}\n", "")
    assert file.read_bytes() == DATA
    assert file.stat().st_mode & 0o777 == 0o600
    data = json.loads(run(f"read {target.disk_url} {file} --lba 1 --blocks 2 --json")[0])
    assert data == {"bytes": 1024}
    assert file.read_bytes() == DATA[512:1536]


def test_a_disk_to_the_output(run: Run, target: Portal, monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written))
    assert run(f"read {target.disk_url} - --blocks 1")[1].startswith("read: 512B of ")
    assert written.getvalue() == DATA[:512]


def test_blocks_that_are_not_there(run: Run, target: Portal, tmp_path: Path) -> None:
    for words in ("--lba 129", "--blocks 129", "--lba -1", "--blocks -1"):
        _, err = run(f"read {target.disk_url} {tmp_path}/x {words}", expect=1)
        assert "LUN 0 has 128 blocks: " in err
    assert run(f"read {target.disk_url} {tmp_path}/x --lba 128")[0].startswith("read: 0B")


def test_a_file_to_a_disk(run: Run, target: Portal, tmp_path: Path) -> None:
    file = tmp_path / "new.img"
    file.write_bytes(b"new!" * 256)
    out, _ = run(f"write {target.disk_url} {file} --lba 2")
    assert out == f"written: 1.0KiB to {target.disk_url}\n"
    assert target.disks[0].memory == DATA[:1024] + b"new!" * 256 + DATA[2048:]
    assert json.loads(run(f"write {target.disk_url} {file} --json")[0]) == {"bytes": 1024}


def test_the_input_to_a_disk(run: Run, target: Portal) -> None:
    run(f"write {target.disk_url} -", stdin="x" * 512)
    assert target.disks[0].memory[:513] == b"x" * 512 + DATA[512:513]


class Pipe(io.BytesIO):
    def seekable(self) -> bool:
        return False


def test_how_much_there_is_to_read() -> None:
    file = io.BytesIO(b"behind what was read")
    file.read(7)
    assert copying._size_of(file) == 13
    assert file.read() == b"what was read"
    with pytest.raises(UsageError, match="not as a pipe"):
        copying._size_of(Pipe())


@pytest.mark.parametrize(
    ("size", "words"),
    [(513, "no whole blocks of 512; 511 bytes are missing"), (66048, "129 from block 0")],
)
def test_what_does_not_fit_is_not_begun(
    run: Run, target: Portal, tmp_path: Path, size: int, words: str
) -> None:
    file = tmp_path / "wrong.img"
    file.write_bytes(b"x" * size)
    _, err = run(f"write {target.disk_url} {file}", expect=1)
    assert words in err
    assert target.disks[0].memory == DATA


def test_a_protected_disk(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "new.img"
    file.write_bytes(b"x" * 512)
    with portal({0: FakeDisk(bytearray(512), write_protected=True)}) as target:
        _, err = run(f"write {target.disk_url} {file}", expect=1)
    assert "write protected" in err


def test_files_that_are_not_there(run: Run, target: Portal, tmp_path: Path) -> None:
    assert "No such file" in run(f"write {target.disk_url} {tmp_path}/none", expect=1)[1]
    assert "Is a directory" in run(f"read {target.disk_url} {tmp_path}", expect=1)[1]


def test_progress(
    run: Run, target: Portal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("rtslib.cli.console.Bar.__call__", lambda _bar, *it: seen.append(it))
    run(f"read {target.disk_url} {tmp_path}/x")
    assert seen == [(0, 1)]


def test_how_fast(run: Run, target: Portal) -> None:
    out, _ = run(f"perf {target.disk_url} --time 0.1 --size 4K --depth 2")
    first, second = out.splitlines()
    assert " reads/s of 4.0KiB, " in first
    assert first.endswith("2 at a time")
    assert " ms" in second
    line = f"perf {target.disk_url} --time 0.1 --size 512 --random --json"
    data = json.loads(run(line)[0])
    assert data["reads"] > 0
    assert data["bytes"] == 512 * data["reads"]
    assert data["seconds"] >= 0.1


@pytest.mark.parametrize(
    ("words", "expect", "said"),
    [
        ("--size many", 2, "--size: 'many' is no size"),
        ("--size 513", 1, "513 bytes are no whole blocks of 512"),
        ("--size 0", 1, "0 bytes are no whole blocks"),
        ("--size 1M", 1, "LUN 0 has 65536 bytes"),
        ("--depth 0 --size 512", 1, "no 512 to read"),
    ],
)
def test_what_cannot_be_measured(
    run: Run, target: Portal, words: str, expect: int, said: str
) -> None:
    assert said in run(f"perf {target.disk_url} {words}", expect=expect)[1]
