# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The configurations that are measured, and the works that are done to them."""

from __future__ import annotations

from typing import NamedTuple

ROOT = "/sys/kernel/config/target"
LIMIT = 100.0
"""A work that takes more CPU seconds is ended: 10^11 instructions, ten minutes of emulation."""

BUDGET = 10.0
"""A work that has taken so many is not repeated."""


class Shape(NamedTuple):
    """One iSCSI TPG with so many LUNs, each of a ramdisk of its own, shown in so many ACLs."""

    luns: int
    acls: int = 0
    name: str = "disk"

    def __str__(self) -> str:
        return f"{self.luns}x{self.acls}" if self.acls else str(self.luns)

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Return the shape for LUNS or LUNSxACLS."""
        luns, _, acls = text.partition("x")
        return cls(int(luns), int(acls or 0))

    @property
    def other(self) -> Shape:
        """The same in size, with nothing in it that is named the same."""
        return self._replace(name=f"other-{self.name}")

    @property
    def target(self) -> str:
        """The target's name."""
        return f"iqn.2026-11.org.example:{self.name}"

    @property
    def tpg(self) -> str:
        """The TPG's directory."""
        return f"{ROOT}/iscsi/{self.target}/tpgt_1"

    @property
    def clients(self) -> list[str]:
        """The initiators that have an ACL."""
        return [f"iqn.1994-05.com.example:client{number}" for number in range(self.acls)]

    @property
    def objects(self) -> int:
        """How many storage objects, LUNs and mapped LUNs it has."""
        return self.luns * (2 + self.acls)

    def serial(self, number: int) -> str:
        """Return the serial number of a storage object."""
        return f"{self.name}-serial-{number}"


class Work(NamedTuple):
    """One thing to do: what must be there before, what is there after, and what it is called."""

    before: str
    after: str
    title: str


WORKS = {
    "import": Work("empty", "empty", "`import rtslib`, with starting Python"),
    "create-storage": Work("empty", "storage", "create storage objects"),
    "create-luns": Work("target", "luns", "create LUNs"),
    "map": Work("luns", "mapped", "map LUNs in the ACLs"),
    "capture": Work("mapped", "mapped", "capture"),
    "dump": Work("mapped", "mapped", "dump"),
    "save": Work("mapped", "mapped", "save"),
    "list": Work("mapped", "mapped", "list everything"),
    "targetcli-ls": Work("mapped", "mapped", "`targetcli ls`"),
    "plan": Work("saved", "saved", "plan of an unchanged configuration"),
    "restore-unchanged": Work("saved", "saved", "restore of an unchanged configuration"),
    "change": Work("saved", "saved", "change of one storage object by plan and apply"),
    "delete-lun": Work("saved", "saved", "delete one LUN"),
    "clear": Work("saved", "empty", "delete everything"),
    "restore-empty": Work("empty", "mapped", "restore into an empty kernel"),
    "restore-clear": Work("other", "mapped", "restore with clearing"),
}
"""In the order in which they are done: most find what the one before has left."""
