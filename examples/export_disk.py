#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Export a file as an iSCSI disk to one initiator, with CHAP. usage: export_disk.py [FILE [IP]]"""

import os
import sys

from rtslib import LUN, TPG, FabricModule, FileIOStorageObject, MappedLUN, NetworkPortal, NodeACL
from rtslib import RTSRoot, Target
from rtslib.draw import draw

FILE = sys.argv[1] if len(sys.argv) > 1 else os.path.abspath("disk0.img")
IP = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
TARGET = "iqn.2026-11.org.example:disk0"
INITIATOR = "iqn.1994-05.com.redhat:client"

# A 64 MiB disk in a file, which is made if it does not exist.
disk = FileIOStorageObject("disk0", FILE, "64MiB")

# A target that this machine answers for, with a portal to reach it at and the disk as LUN 0.
target = Target(FabricModule("iscsi"), TARGET)
tpg = TPG(target, 1)
lun = LUN(tpg, 0, disk)
portal = NetworkPortal(tpg, IP, 3260)

# One initiator may see it, and must prove who it is.
acl = NodeACL(tpg, INITIATOR)
acl.set_chap("client", os.environ.get("CHAP_SECRET", "only-an-example"))
MappedLUN(acl, 0, lun)

# Everything is in place: open the doors.
tpg.set_attribute("authentication", True)
tpg.enable = True

print(draw(RTSRoot(), colour=sys.stdout.isatty()))
print(f"\n{disk.naa}  {disk.size} bytes, serial {disk.wwn}")
