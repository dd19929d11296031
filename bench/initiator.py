# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The initiator beside libiscsi's iscsi-perf, on the same tgtd on loopback: throughput as ratios.

usage: python bench/initiator.py [SECONDS [GIB]]

They read for so many seconds each, in turns, several times; the ratio is the median of the pairs'.
Then so many GiB are read, and memory must not have grown. Ends with 1 if something misses its mark.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests")]

from targets.tgtd import LUN, MIB, Tgtd, tgtd  # noqa: E402 - not a package: found by the line above

from rtslib.iscsi.client import Session  # noqa: E402 - the same

DEPTH = 32
ROUNDS = 5
BLOCK = 512
DISK = 1024 * MIB
GIB = 1 << 30
#: What memory may grow by while GiBs are read: caches of the interpreter, no payload.
GROWTH = 4 * MIB


class Load(NamedTuple):
    """How to read, and the least ratio to libiscsi's throughput."""

    name: str
    blocks: int
    at_random: bool
    least: float


LOADS = (
    Load("256 KiB, one after the other", 512, at_random=False, least=0.60),
    Load("4 KiB, at random", 8, at_random=True, least=0.25),
)


def libiscsi(disk: Tgtd, load: Load, seconds: int) -> float:
    """Return how many reads in a second iscsi-perf makes."""
    words = ["-m", str(DEPTH), "-b", str(load.blocks), "-t", str(seconds)]
    words += ["-r"] if load.at_random else []
    # It does not always end by itself.
    command = ["timeout", "-k", "1", str(seconds + 20), "iscsi-perf", *words, disk.url]
    said = subprocess.run(  # noqa: S603 - a fixed program with numbers for arguments
        command, capture_output=True, text=True, check=True
    ).stdout
    found = re.findall(r"^iops average (\d+)", said.replace("\r", "\n"), re.MULTILINE)
    return float(found[-1])


async def read(disk: Tgtd, load: Load, seconds: float = 0, total: int = 0) -> float:
    """Return how many reads in a second the library makes, for a time or an amount of bytes."""
    units = DISK // BLOCK // load.blocks
    dice = random.Random(load.blocks)  # noqa: S311 - no secret
    done = 0
    began = time.monotonic()

    def is_over() -> bool:
        if total:
            return done * load.blocks * BLOCK >= total
        return time.monotonic() - began >= seconds

    async def reader(number: int) -> None:
        nonlocal done
        buffer, unit = bytearray(load.blocks * BLOCK), number
        while not is_over():
            unit = dice.randrange(units) if load.at_random else (unit + DEPTH) % units
            await session.read(LUN, unit * load.blocks, load.blocks, buffer)
            done += 1

    # What libiscsi 1.19 asks for: no digests.
    async with Session.connect(disk.settings, header_digest=("None",)) as session:
        await session.geometry(LUN)
        began = time.monotonic()
        await asyncio.gather(*map(reader, range(DEPTH)))
        return done / (time.monotonic() - began)


def compare(disk: Tgtd, load: Load, seconds: int) -> bool:
    """Print both throughputs and their ratio; tell whether it reaches the mark."""
    pairs = [
        (asyncio.run(read(disk, load, seconds)), libiscsi(disk, load, seconds))
        for _ in range(ROUNDS)
    ]
    one, other = (statistics.median(side) for side in zip(*pairs))
    # Side by side: what the machine does meanwhile changes from pair to pair.
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    rate = load.blocks * BLOCK / MIB
    good = ratio >= load.least
    print(
        f"{load.name}: rtslib {one:.0f}/s ({one * rate:.0f} MiB/s), "
        f"iscsi-perf {other:.0f}/s ({other * rate:.0f} MiB/s), "
        f"ratio {ratio:.2f}, at least {load.least:.2f}: {'yes' if good else 'NO'}"
    )
    return good


def memory() -> int:
    """Return the bytes of memory that this process has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def stays_flat(disk: Tgtd, total: int) -> bool:
    """Read a lot; tell whether memory stayed what it was."""
    asyncio.run(read(disk, LOADS[0], total=total // 10))
    before = memory()
    asyncio.run(read(disk, LOADS[0], total=total))
    grown = memory() - before
    good = grown <= GROWTH
    print(
        f"memory after {total / GIB:.0f} GiB: {before / MIB:.1f} MiB and {grown / MIB:+.2f} MiB: "
        f"{'flat' if good else 'NOT flat'}"
    )
    return good


def main() -> int:
    """Run the command line."""
    # All three of them alike, and before whatever else this machine does: only root may.
    with suppress(PermissionError):
        os.nice(-15)
    seconds = int(sys.argv[1]) if sys.argv[1:] else 3
    gib = int(sys.argv[2]) if sys.argv[2:] else 10
    with tempfile.TemporaryDirectory() as directory, tgtd(Path(directory)) as disk:
        disk.create(DISK)
        with disk.image.open("r+b") as image:
            for _ in range(DISK // MIB):
                image.write(os.urandom(MIB))
        good = [compare(disk, load, seconds) for load in LOADS]
        good.append(stays_flat(disk, gib * GIB))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
