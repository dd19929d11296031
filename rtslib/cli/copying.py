# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""read, write and perf: blocks of a LUN to a file, from a file, and how fast."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from rtslib.cli.explain import Exit, UsageError
from rtslib.cli.login import disk_of, lun_of, settings
from rtslib.draw import human
from rtslib.errors import InvalidValueError
from rtslib.iscsi.client import Session
from rtslib.iscsi.copy import measure, read_to, write_from
from rtslib.values import parse_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.console import Tell
    from rtslib.cli.task import Task

__all__ = ["perf", "read", "write"]

_MIB = 20


def read(task: Task) -> Exit:
    """Copy blocks of a LUN to a file."""
    url = disk_of(task)
    wanted = settings(task, url)

    async def copy(tell: Tell) -> int:
        async with Session.connect(wanted) as session:
            with _output(task.args.file) as file:
                return await read_to(
                    session,
                    await lun_of(session),
                    file,
                    lba=task.args.lba,
                    blocks=task.args.blocks,
                    tell=_in_mib(tell),
                )

    with task.console.progress() as tell:
        size = asyncio.run(copy(tell))
    if task.args.file == "-":
        task.console.remark(f"read: {human(size)} of {url}")
    else:
        task.console.summary(f"read: {human(size)} of {url} to {task.args.file}")
        task.console.result({"bytes": size}, ())
    return Exit.DONE


def write(task: Task) -> Exit:
    """Copy a file to a LUN."""
    url = disk_of(task)
    wanted = settings(task, url)

    async def copy(tell: Tell) -> int:
        with _input(task.args.file) as file:
            async with Session.connect(wanted) as session:
                return await write_from(
                    session,
                    await lun_of(session),
                    file,
                    _size_of(file),
                    lba=task.args.lba,
                    tell=_in_mib(tell),
                )

    with task.console.progress() as tell:
        size = asyncio.run(copy(tell))
    task.console.summary(f"written: {human(size)} to {url}")
    task.console.result({"bytes": size}, ())
    return Exit.DONE


def _in_mib(tell: Tell) -> Tell:
    """Return what counts in MiB, as people do."""
    if tell is None:
        return None
    return lambda done, total: tell(done >> _MIB, max(total >> _MIB, 1))


@contextmanager
def _output(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    # What is on a disk is for those only who may read the disk.
    number = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(number, "wb", buffering=0) as file:
        yield file


@contextmanager
def _input(name: str) -> Iterator[BinaryIO]:
    if name == "-":
        yield sys.stdin.buffer
        return
    with open(name, "rb", buffering=0) as file:
        yield file


def _size_of(file: BinaryIO) -> int:
    """Return how much is to be read of a file; UsageError for a pipe, which does not tell."""
    if not file.seekable():
        raise UsageError("how large the input is must be known: give it as a file, not as a pipe")
    at = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(at)
    return end - at


def perf(task: Task) -> Exit:
    """Measure how fast a LUN is read."""
    args = task.args
    url = disk_of(task)
    wanted = settings(task, url)
    try:
        size = parse_size(args.size)
    except InvalidValueError as error:
        raise UsageError(f"--size: {error}") from error

    async def measured() -> dict[str, float]:
        async with Session.connect(wanted) as session:
            found = await measure(
                session,
                await lun_of(session),
                size=size,
                depth=args.depth,
                seconds=args.time,
                at_random=args.random,
            )
        return {
            "reads": found.reads,
            "bytes": found.bytes,
            "seconds": round(found.seconds, 3),
            "reads_per_second": round(found.reads_per_second, 1),
            "bytes_per_second": round(found.bytes_per_second),
            "slowest_read_seconds": round(found.worst, 6),
        }

    data = asyncio.run(measured())
    speed = f"{human(int(data['bytes_per_second']))}/s"
    slowest = f"{data['slowest_read_seconds'] * 1000:.1f} ms"
    lines = (
        f"{data['reads_per_second']:.0f} reads/s of {human(size)}, {speed}, {args.depth} at a time",
        f"{data['reads']} reads in {data['seconds']:.1f} s, the slowest took {slowest}",
    )
    task.console.result(data, lines)
    return Exit.DONE
