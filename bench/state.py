# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The tree brought into the state that a work begins with, and looked at when the work is done."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import floor
from shape import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shape import Shape

STEPS = (
    ("storage", floor.storage),
    ("target", floor.target),
    ("luns", floor.luns),
    ("mapped", floor.maps),
)
"""Each state is the one before and this."""

NAMES = ("empty", *(name for name, _build in STEPS), "saved")
"""Saved is like mapped, to the names of the links, which others choose at will."""


class State:
    """What stands in the tree, and how to get to what should."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        wipe()
        self.now = "empty"

    def bring(self, wanted: str) -> None:
        """Bring the tree into a state, by the fewest calls."""
        if wanted == self.now:
            return
        if wanted == "other":
            self.bring("empty")
            floor.restore(self.shape.other)
        elif wanted == "saved":
            self.bring("empty")
            floor.restore(self.shape)
        else:
            if self.now == "other" or NAMES.index(self.now) > NAMES.index(wanted):
                wipe()
                self.now = "empty"
            for _name, build in STEPS[NAMES.index(self.now) : NAMES.index(wanted)]:
                build(self.shape)
        self.now = wanted

    def check(self, after: str) -> None:
        """Raise unless all that the state is to have is there, and nothing else."""
        shape, rank = self.shape, NAMES.index(after)
        wanted = (
            shape.luns * (rank >= NAMES.index("storage")),
            shape.luns * (rank >= NAMES.index("luns")),
            shape.luns * shape.acls * (rank >= NAMES.index("mapped")),
        )
        if found() != wanted:
            raise SystemExit(f"storage objects, LUNs, mapped LUNs: {found()}, not {wanted}")
        self.now = after


def below(*parts: str) -> Iterator[str]:
    """Yield the directories below the root that patterns name: '*' is any, 'lun_*' begins so."""
    paths = [ROOT]
    for part in parts:
        start, star, _ = part.partition("*")
        following = []
        for path in paths:
            with suppress(FileNotFoundError), os.scandir(path) as entries:
                following += [
                    entry.path
                    for entry in entries
                    if entry.is_dir(follow_symlinks=False)
                    and (entry.name.startswith(start) if star else entry.name == part)
                ]
        paths = following
    yield from paths


def links_in(path: str) -> list[str]:
    """Return the links in a directory."""
    with os.scandir(path) as entries:
        return [entry.path for entry in entries if entry.is_symlink()]


TPG = ("iscsi", "iqn*", "tpgt_*")
LUNS = (*TPG, "lun", "lun_*")
ACLS = (*TPG, "acls", "*")
MAPPED = (*ACLS, "lun_*")
STORAGE = ("core", "rd_mcp_*", "*")


def found() -> tuple[int, int, int]:
    """Count the storage objects, and the LUNs and the mapped LUNs that lead to something."""
    return (
        sum(1 for _ in below(*STORAGE)),
        sum(len(links_in(path)) for path in below(*LUNS)),
        sum(len(links_in(path)) for path in below(*MAPPED)),
    )


def wipe() -> None:
    """Remove all that is there, whoever has made it."""
    for linked in (MAPPED, LUNS):
        for path in below(*linked):
            for link in links_in(path):
                os.unlink(link)
            os.rmdir(path)
    patterns: list[tuple[str, ...]] = [ACLS, (*TPG, "np", "*"), TPG, TPG[:2], STORAGE, STORAGE[:2]]
    for pattern in patterns:
        for path in below(*pattern):
            os.rmdir(path)
