# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Probe what came to LIO's configfs after 6.1: rtpi, submit_type, emulate_rsoc, a target's param.

Rows are those of record_behaviour.py and it needs what that needs.  usage: record_newer.py OUT.json
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

probe: Any = importlib.import_module("record_behaviour")
"""Its short helpers, which do one action each and keep the row; they are untyped."""

IQN = "iscsi/iqn.2003-01.org.linux-iscsi.probehost.x8664:sn.newer"
NUMBERS = ("0", "1", "2", "3", "-1", "x", "", "0x1", "01", "1\n", " 1", "256")


def main() -> None:
    """Run every section and write the rows."""
    os.chdir("/")
    ram = make_storage(0, "a")
    storage(ram)
    for hba, name in (("fileio", "f"), ("iblock", "b"), ("pscsi", "p"), ("user", "u")):
        unconfigured(hba, name)
    ports(ram)
    two_targets()
    fabrics(ram)
    probe.rm(ram)
    Path(sys.argv[1]).write_text(json.dumps(probe.ROWS, indent=0))
    print(len(probe.ROWS), "rows")


def make_storage(index: int, name: str) -> str:
    """Make and enable a small ramdisk."""
    ram = f"core/rd_mcp_{index}/{name}"
    probe.mk(f"core/rd_mcp_{index}")
    probe.mk(ram)
    probe.wr(f"{ram}/attrib/submit_type", "1", "not enabled")
    probe.wr(f"{ram}/attrib/emulate_rsoc", "0", "not enabled")
    probe.w(f"{ram}/control", "rd_pages=16")
    probe.w(f"{ram}/enable", "1")
    probe.r(f"{ram}/attrib/submit_type", "after enable")
    probe.r(f"{ram}/attrib/emulate_rsoc", "after enable")
    return ram


def storage(ram: str) -> None:
    """Give the new storage attributes each kind of value, with and without a LUN."""
    probe.sec("12 newer: storage attributes")
    for attribute in ("submit_type", "emulate_rsoc"):
        for value in NUMBERS:
            probe.wr(f"{ram}/attrib/{attribute}", value, "enabled")
    lun = f"{IQN}/tpgt_1/lun/lun_0"
    for path in ("iscsi", IQN, f"{IQN}/tpgt_1", lun):
        probe.mk(path)
    probe.ln(ram, f"{lun}/x")
    for attribute in ("submit_type", "emulate_rsoc"):
        for value in ("0", "1", "2", "3"):
            probe.wr(f"{ram}/attrib/{attribute}", value, "exported")
    probe.un(f"{lun}/x")
    for path in (lun, f"{IQN}/tpgt_1", IQN):
        probe.rm(path)
    probe.w(f"{ram}/attrib/submit_type", "0")


def unconfigured(hba: str, name: str) -> None:
    """Give the new storage attributes of one plugin a value before the object is enabled."""
    path = f"core/{hba}_9/{name}"
    probe.mk(f"core/{hba}_9")
    probe.mk(path)
    for attribute in ("submit_type", "emulate_rsoc"):
        probe.r(f"{path}/attrib/{attribute}", "not enabled")
        probe.wr(f"{path}/attrib/{attribute}", "0", "not enabled")
        probe.wr(f"{path}/attrib/{attribute}", "1", "not enabled")
    probe.rm(path)
    probe.rm(f"core/{hba}_9")


def ports(ram: str) -> None:
    """Write the relative target port identifier in each state of its group."""
    probe.sec("12b newer: rtpi of an iSCSI target portal group")
    group = f"{IQN}/tpgt_1"
    for path in (IQN, group):
        probe.mk(path)
    probe.ls(f"{IQN}/param")
    for name in ("default_submit_type", "direct_submit_supported"):
        probe.r(f"{IQN}/param/{name}")
        probe.w(f"{IQN}/param/{name}", "1")
    probe.mk(f"{IQN}/param/foo")
    probe.rm(f"{IQN}/param")
    probe.r(f"{group}/rtpi", "just made")
    for value in ("0", "1", "5", "0x10", "010", "65535", "65536", "-1", "x", "", "7\n", " 7"):
        probe.wr(f"{group}/rtpi", value, "disabled")
    probe.w(f"{group}/rtpi", "5")
    probe.w(f"{group}/enable", "1")
    probe.r(f"{group}/rtpi", "enabled")
    for value in ("5", "6", "0"):
        probe.wr(f"{group}/rtpi", value, "enabled")
    probe.mk(f"{group}/lun/lun_0")
    probe.ln(ram, f"{group}/lun/lun_0/x")
    statistics(f"{group}/lun/lun_0")
    probe.wr(f"{group}/rtpi", "8", "enabled, with a LUN")
    probe.w(f"{group}/enable", "0")
    probe.r(f"{group}/rtpi", "disabled again")
    statistics(f"{group}/lun/lun_0")
    probe.wr(f"{group}/rtpi", "9", "disabled, with a LUN")
    probe.w(f"{group}/enable", "1")
    probe.r(f"{group}/rtpi", "enabled again")
    statistics(f"{group}/lun/lun_0")


def statistics(lun: str) -> None:
    """Read what repeats the identifier of a LUN's group."""
    for path in ("scsi_port/indx", "scsi_tgt_port/indx", "scsi_tgt_port/name"):
        probe.r(f"{lun}/statistics/{path}")


def two_targets() -> None:
    """See which identifier further groups get, and whether one may be taken twice."""
    probe.sec("12c newer: rtpi of several groups")
    other = IQN + "2"
    probe.mk(other)
    for tag in (1, 2, 3):
        probe.mk(f"{other}/tpgt_{tag}")
        probe.r(f"{other}/tpgt_{tag}/rtpi", "just made")
    probe.w(f"{other}/tpgt_1/enable", "1")
    probe.r(f"{other}/tpgt_1/rtpi", "enabled, none chosen, 9 in use elsewhere")
    probe.wr(f"{other}/tpgt_2/rtpi", "9", "in use by an enabled group of another target")
    probe.w(f"{other}/tpgt_2/enable", "1", "with the identifier of another target's group")
    probe.r(f"{other}/tpgt_2/rtpi")
    probe.wr(f"{other}/tpgt_3/rtpi", "1")
    probe.w(f"{other}/tpgt_3/enable", "1")
    probe.r(f"{other}/tpgt_3/rtpi")
    probe.w(f"{other}/tpgt_2/rtpi", "0")
    for tag in (1, 2, 3):
        probe.w(f"{other}/tpgt_{tag}/enable", "0")
        probe.r(f"{other}/tpgt_{tag}/rtpi", "disabled")
    probe.w(f"{other}/tpgt_3/enable", "1", "first of three")
    probe.r(f"{other}/tpgt_3/rtpi")
    for tag in (1, 2, 3):
        probe.rm(f"{other}/tpgt_{tag}")
    probe.rm(other)
    group = f"{IQN}/tpgt_1"
    probe.un(f"{group}/lun/lun_0/x")
    for path in (f"{group}/lun/lun_0", group, IQN, "iscsi"):
        probe.rm(path)


def fabrics(ram: str) -> None:
    """See the identifiers of fabrics whose groups have no ``enable``, and of one that has."""
    probe.sec("12d newer: rtpi and param of other fabrics")
    named = {"loopback": "naa.5001405000000001", "vhost": "naa.5001405000000001"}
    for fabric, name in {
        **named,
        "fc": "20:00:00:11:22:33:44:55",
        "sbp": "0011223344556677",
    }.items():
        group = f"{fabric}/{name}/tpgt_1"
        for path in (fabric, f"{fabric}/{name}", group):
            probe.mk(path)
        probe.r(f"{fabric}/{name}/param/default_submit_type")
        probe.r(f"{fabric}/{name}/param/direct_submit_supported")
        probe.r(f"{group}/rtpi", "just made")
        if fabric in named:
            probe.w(f"{group}/nexus", "naa.5001405000000002")
            probe.r(f"{group}/rtpi", "with a nexus")
        probe.mk(f"{group}/lun/lun_0")
        probe.ln(ram, f"{group}/lun/lun_0/x")
        probe.r(f"{group}/rtpi", "with a LUN")
        probe.wr(f"{group}/rtpi", "7", "with a LUN")
        probe.w(f"{group}/enable", "1")
        probe.r(f"{group}/rtpi")
        statistics(f"{group}/lun/lun_0")
        probe.w(f"{group}/enable", "0")
        probe.un(f"{group}/lun/lun_0/x")
        probe.rm(f"{group}/lun/lun_0")
        if fabric in named:
            probe.w(f"{group}/nexus", "NULL")
        for path in (group, f"{fabric}/{name}", fabric):
            probe.rm(path)


if __name__ == "__main__":
    main()
