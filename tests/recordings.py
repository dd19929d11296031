# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What was recorded of real kernels: tests/kernel/recorded/, see the README there."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import NamedTuple, Optional

__all__ = ["KERNELS", "File", "files"]

DIRECTORY = os.path.join(os.path.dirname(__file__), "kernel", "recorded")
KERNELS = sorted(name for name in os.listdir(DIRECTORY) if name[0].isdigit())


class File(NamedTuple):
    """An attribute file at one stage: path below the target root, its parts, mode, text or None."""

    path: str
    mode: int
    text: Optional[str]

    @property
    def parts(self) -> list[str]:
        """The components of the path."""
        return self.path.split("/")


@cache
def files(kernel: str) -> list[File]:
    """Return every attribute file of every stage of a kernel's recording."""
    with open(os.path.join(DIRECTORY, kernel, "tree.json"), encoding="utf-8") as recorded:
        stages = json.load(recorded)
    return [
        File(row["path"].partition("/")[2], row["mode"], row.get("content"))
        for rows in stages.values()
        for row in rows
        if row["type"] == "file"
    ]
