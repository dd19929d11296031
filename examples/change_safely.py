#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Change a running target by a plan that is read before it is run, and take it back again.

It adds a disk for every initiator of every iSCSI target: run export_disk.py first.
"""

from rtslib import config, configfs

fs = configfs.current()

# What is running, as data: the same that saveconfig.json holds.
before = config.capture(fs)
wanted = config.dump(before)
wanted["storage_objects"].append({"plugin": "ramdisk", "name": "scratch", "size": "8MiB"})
for target in wanted["targets"]:
    for tpg in target["tpgs"]:
        number = 1 + max((lun["index"] for lun in tpg["luns"]), default=-1)
        tpg["luns"].append({"index": number, "storage_object": "/backstores/ramdisk/scratch"})
        for acl in tpg["node_acls"]:
            acl["mapped_luns"].append({"index": number, "tpg_lun": number, "write_protect": False})

# What that comes to: nothing is touched yet, and nothing that is as it should be is in it.
plan = config.planned(before, config.checked(config.Document(wanted)), fs.root)
print(f"To add a disk, {len(plan)} steps:\n\n{plan.text()}\n")

report = config.apply(fs, plan)
print("applied:", ", ".join(f"{count} {what}" for what, count in report.counts().items() if count))
after = config.capture(fs)
print(f"now there are {len(after)} objects, before there were {len(before)}")

# And back: what the change has made goes, everything else is left alone.
undone = config.roll_back(fs, before)
print(f"\nundone by {len(undone.outcomes)} steps; as it was:", config.capture(fs) == before)
raise SystemExit(0 if report.good and undone.good else 1)
