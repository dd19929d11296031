# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The works that only this library has: plans, and the configuration as data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

import classic

import rtslib
from rtslib import config, configfs
from rtslib.config.savefile import SaveFile

if TYPE_CHECKING:
    from classic import Do
    from shape import Shape


def plan(saved: str) -> None:
    """Compare with a file that says what is there."""
    fs = configfs.current()
    have = config.capture(fs)
    steps = config.planned(have, config.checked(SaveFile(saved).load(), have), fs.root)
    if len(steps):
        raise SystemExit(f"the plan of what is so has {len(steps)} steps: {list(steps)[:3]}")


def change(shape: Shape) -> None:
    """Change a setting of one storage object by a configuration that says nothing else."""
    fs = configfs.current()
    have = config.capture(fs)
    entry = config.dump_record(have, have[f"/backstores/ramdisk/{shape.name}{shape.luns // 2}"])
    entry["attributes"]["emulate_3pc"] = 0
    want = config.checked(config.Document({"storage_objects": [entry]}))
    steps = config.planned(have, want, fs.root, exact=False)
    report = config.apply(fs, steps)
    if len(steps) != 1 or not report.good:
        raise SystemExit(f"{len(steps)} steps: {report.errors()}")


def works(shape: Shape, saved: str, scratch: str) -> dict[str, Callable[[], Do]]:
    """Return what gets ready for each work.

    What is imported or parsed when it is first used is there then, as with rtslib-fb, whose import
    does all of it: starting up is measured on its own.
    """
    rtslib.FabricModule("iscsi").has_feature("tpgts")
    return {
        **classic.works(shape, saved, scratch),
        "capture": lambda: lambda: config.capture(configfs.current()),
        "plan": lambda: lambda: plan(saved),
        "restore-unchanged": lambda: classic.restore(saved),
        "change": lambda: lambda: change(shape),
    }


def prepare(saved: str) -> None:
    """Save what is there, for all to restore."""
    rtslib.RTSRoot().save_to_file(saved)
