# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What the objects cost over the bare calls: 1,000 LUNs mapped in 4 ACLs, both ways, on FakeKernel.

usage: python bench/fake_tree.py [LUNS [ACLS]]
"""

from __future__ import annotations

import sys
import time
from typing import Callable

import rtslib
from rtslib.testing import FakeKernel

TARGET = "iqn.2026-11.org.example:bench"


def bare(luns: int, acls: int) -> None:
    """Build the tree with the calls of the door alone."""
    fs = FakeKernel()
    tpg = f"iscsi/{TARGET}/tpgt_1"
    for path in ("iscsi", f"iscsi/{TARGET}", tpg):
        fs.mkdir(path)
    for number in range(luns):
        so = f"core/rd_mcp_{number}/disk{number}"
        fs.mkdir(f"core/rd_mcp_{number}")
        fs.mkdir(so)
        fs.write(f"{so}/control", "rd_pages=1")
        fs.write(f"{so}/enable", "1")
        fs.write(f"{so}/wwn/vpd_unit_serial", f"serial{number}")
        fs.mkdir(f"{tpg}/lun/lun_{number}")
        fs.symlink(so, f"{tpg}/lun/lun_{number}/link")
    for client in range(acls):
        acl = f"{tpg}/acls/iqn.1994-05.com.redhat:client{client}"
        fs.mkdir(acl)
        for number in range(luns):
            fs.mkdir(f"{acl}/lun_{number}")
            fs.symlink(f"{tpg}/lun/lun_{number}", f"{acl}/lun_{number}/link")


def objects(luns: int, acls: int) -> None:
    """Build the same tree with the model."""
    with rtslib.use(FakeKernel()):
        tpg = rtslib.TPG(rtslib.Target(rtslib.FabricModule("iscsi"), TARGET), 1)
        for number in range(luns):
            disk = rtslib.RDMCPStorageObject(f"disk{number}", 4096, f"serial{number}")
            rtslib.LUN(tpg, number, disk)
        for client in range(acls):
            acl = rtslib.NodeACL(tpg, f"iqn.1994-05.com.redhat:client{client}")
            for number in range(luns):
                rtslib.MappedLUN(acl, number, number)


def seconds(build: Callable[[int, int], None], luns: int, acls: int) -> float:
    """Return the least time of three runs."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        build(luns, acls)
        times.append(time.perf_counter() - start)
    return min(times)


def main(luns: int = 1000, acls: int = 4) -> None:
    """Print both times and their ratio."""
    slow, fast = seconds(objects, luns, acls), seconds(bare, luns, acls)
    print(f"{luns} LUNs x {acls} ACLs: objects {slow:.2f} s, bare calls {fast:.2f} s", end="")
    print(f", ratio {slow / fast:.1f}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
