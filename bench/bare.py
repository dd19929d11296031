# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The works done by the floor, and by the one that writes every saved setting."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Callable

import floor

if TYPE_CHECKING:
    from shape import Shape


def works(shape: Shape, saved: str, scratch: str) -> dict[str, Callable[[], Any]]:
    """Return what does each work."""
    return {
        "create-storage": lambda: floor.storage(shape),
        "create-luns": lambda: floor.luns(shape),
        "map": lambda: floor.maps(shape),
        "capture": lambda: floor.dump(shape),
        "dump": lambda: floor.dump(shape),
        "save": lambda: floor.save(shape, scratch),
        "list": lambda: floor.listing(shape),
        "plan": lambda: floor.dump(shape),
        "restore-unchanged": lambda: floor.dump(shape),
        "change": lambda: floor.change(shape, shape.luns // 2),
        "delete-lun": lambda: floor.delete_lun(shape, shape.luns // 2),
        "clear": lambda: floor.clear(shape),
        "restore-empty": lambda: floor.restore(shape),
        "restore-clear": lambda: floor.restore_over_other(shape),
    }


def works_all(shape: Shape, saved: str, scratch: str) -> dict[str, Callable[[], Any]]:
    """Return what restores with every saved setting written."""
    return {
        "restore-empty": lambda: floor.restore_all(shape, load(saved)),
        "restore-clear": lambda: floor.restore_all_over_other(shape, load(saved)),
    }


def load(saved: str) -> Any:
    """Read the saved configuration."""
    with open(saved, encoding="utf-8") as file:
        return json.load(file)
