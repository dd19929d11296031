# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Every kind of difference, in words and with both values; what is not known is none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rtslib.verify.compare import Fault, compare
from rtslib.verify.expected import Disk, Entry
from rtslib.verify.seen import Seen, SeenDisk

DISK = Disk(1, "fileio/disk", "serial", 4096, 512, write_protected=False)
SEEN = SeenDisk(1, "serial", 4096, 512, write_protected=False)


def found(disk: Disk, seen: SeenDisk | None, depth: int = 64) -> list[Fault]:
    entry = Entry("iqn.x", "acl", asked=False, depth=64, disks=(disk,))
    return list(compare(entry, Seen(depth, {seen.lun: seen} if seen else {})))


def test_what_is_the_same() -> None:
    assert found(DISK, SEEN) == []
    assert found(Disk(1, "fileio/disk"), SEEN) == []
    assert found(DISK, SeenDisk(1)) == []


def test_part_of_a_block_is_of_no_use() -> None:
    assert found(replace(DISK, size=4100), SEEN) == []


CASES: list[tuple[dict[str, Any], Fault]] = [
    ({"serial": "other"}, Fault("serial", "has serial other, serial is configured", 1, "serial",
                                "other")),
    ({"size": 8192}, Fault("size", "has 8192 bytes, 4096 are configured", 1, 4096, 8192)),
    ({"block_size": 4096}, Fault("block_size", "has blocks of 4096 bytes, 512 are configured", 1,
                                 512, 4096)),
    ({"write_protected": True}, Fault("write_protected",
                                      "is write-protected, and is configured as writable", 1,
                                      False, True)),
    ({"error": "BUSY"}, Fault("error", "cannot be used: BUSY", 1, None, "BUSY")),
]  # fmt: skip


@pytest.mark.parametrize(("change", "fault"), CASES, ids=[it[1].about for it in CASES])
def test_a_difference(change: dict[str, Any], fault: Fault) -> None:
    (it,) = found(DISK, replace(SEEN, **change))
    assert it == fault._replace(text=it.text)
    assert it.text.startswith("LUN 1 (fileio/disk) ")
    assert it.text.endswith(fault.text.removeprefix("cannot be used: "))


def test_protection_that_is_missing() -> None:
    (it,) = found(replace(DISK, write_protected=True), SEEN)
    assert it.text.endswith("is writable, and is configured as write-protected")


def test_luns_that_are_missing_or_too_many() -> None:
    missing, extra = found(DISK, replace(SEEN, lun=2))
    assert missing == Fault(
        "missing", "LUN 1 (fileio/disk) is not seen", 1, configured="fileio/disk"
    )
    assert extra.text == "LUN 2 is seen, with serial serial, and is not configured"
    (_, extra) = found(DISK, SeenDisk(2))
    assert extra.text == "LUN 2 is seen, and is not configured"


def test_the_depth() -> None:
    (it,) = found(DISK, SEEN, depth=8)
    assert (it.about, it.configured, it.seen) == ("depth", 64, 8)
    assert it.text == "8 commands are taken at a time, 64 are configured"
