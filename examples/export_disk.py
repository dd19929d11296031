#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Export a file as an iSCSI disk to one initiator, with CHAP. usage: export_disk.py [FILE [IP]]"""

import os
import sys

import rtslib
from rtslib.draw import draw

FILE = sys.argv[1] if sys.argv[1:] else os.path.abspath("disk0.img")
IP = sys.argv[2] if sys.argv[2:] else "127.0.0.1"
TARGET = "iqn.2026-11.org.example:disk0"
INITIATOR = "iqn.1994-05.com.redhat:client"

# A 64 MiB disk in a file, which is made if it does not exist.
disk = rtslib.FileIOStorageObject("disk0", FILE, "64MiB")

# A target that this machine answers for, with a portal to reach it at and the disk as LUN 0.
target = rtslib.Target(rtslib.FabricModule("iscsi"), TARGET)
tpg = rtslib.TPG(target, 1)
portal = rtslib.NetworkPortal(tpg, IP, 3260)
lun = rtslib.LUN(tpg, 0, disk)

# One initiator may see it, and must prove who it is.
acl = rtslib.NodeACL(tpg, INITIATOR)
acl.set_chap("client", os.environ.get("CHAP_SECRET", "only-an-example"))
mapped = rtslib.MappedLUN(acl, 0, lun)

# Everything is in place: let it in.
tpg.set_attribute("authentication", True)
tpg.enable = True

print(draw(rtslib.RTSRoot(), colour=sys.stdout.isatty()))
print(f"\n{disk.naa}: {disk.size} bytes, serial {disk.wwn}")
