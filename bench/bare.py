# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The works done by the floor: in Python, in C, and the one that writes every saved setting."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any, Callable

import floor
import recorder

if TYPE_CHECKING:
    from shape import Shape

Do = Callable[[], Any]


def works(shape: Shape, _saved: str, scratch: str) -> dict[str, Callable[[], Do]]:
    """Return what gets ready for each work."""
    one = shape.luns // 2
    return {
        "create-storage": lambda: lambda: floor.storage(shape),
        "create-luns": lambda: lambda: floor.luns(shape),
        "map": lambda: lambda: floor.maps(shape),
        "capture": lambda: lambda: floor.dump(shape),
        "dump": lambda: lambda: floor.dump(shape),
        "save": lambda: lambda: floor.save(shape, scratch),
        "list": lambda: lambda: floor.listing(shape),
        "plan": lambda: lambda: floor.dump(shape),
        "restore-unchanged": lambda: lambda: floor.dump(shape),
        "change": lambda: lambda: floor.dump_and_change(shape, one),
        "delete-lun": lambda: lambda: floor.delete_lun(shape, one),
        "clear": lambda: lambda: floor.clear(shape),
        "restore-empty": lambda: lambda: floor.restore(shape),
        "restore-clear": lambda: lambda: floor.restore_over_other(shape),
    }


def works_all(shape: Shape, saved: str, _scratch: str) -> dict[str, Callable[[], Do]]:
    """Return what gets ready to restore with every saved setting written."""
    return {
        "restore-empty": lambda: lambda: floor.restore_all(shape, load(saved)),
        "restore-clear": lambda: lambda: floor.restore_all_over_other(shape, load(saved)),
    }


def load(saved: str) -> Any:
    """Read the saved configuration."""
    with open(saved, encoding="utf-8") as file:
        return json.load(file)


def works_c(shape: Shape, saved: str, scratch: str) -> dict[str, Callable[[], Do]]:
    """Return what gets ready for each work in C, whose program measures itself."""
    # To save is to format text besides, which is no floor's work in C.
    return {
        work: lambda ready=ready: played(ready(), scratch)  # type: ignore[misc]
        for work, ready in works(shape, saved, scratch).items()
        if work != "save"
    }


def played(do: Do, scratch: str) -> Do:
    """Return what makes the same calls in C."""
    with open(scratch, "wb") as file:
        file.write(recorder.record(do))

    def play() -> Any:
        done = subprocess.run(  # noqa: S603 - the program is our own
            [os.environ["BENCH_PLAYER"], scratch], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(done.stderr)
        return json.loads(done.stdout)

    return play
