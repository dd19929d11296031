# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Parts of a configuration: some of its targets and storage objects, named by people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

from rtslib.config import names
from rtslib.wwn import same

if TYPE_CHECKING:
    from rtslib.config.state import Record, State

__all__ = ["WHOLE", "Part", "owner_of"]


class Part(NamedTuple):
    """Some targets and storage objects of a configuration; nothing is the whole of it.

    Targets by their names, storage objects by /backstores/PLUGIN/NAME, PLUGIN/NAME or NAME.
    `with_backstores` takes the storage objects too that the targets use, `with_users` the targets
    too that use the storage objects.
    """

    targets: tuple[str, ...] = ()
    storage_objects: tuple[str, ...] = ()
    with_backstores: bool = False
    with_users: bool = False

    @classmethod
    def around(cls, *storage_objects: str) -> Part:
        """Return storage objects, the targets that export them, and these targets' other objects.

        Of less a saved file could not be restored.
        """
        return cls(storage_objects=storage_objects, with_users=True, with_backstores=True)

    @property
    def is_whole(self) -> bool:
        """Whether it is all there is."""
        return not (self.targets or self.storage_objects)

    def chooser(self, *states: State) -> Callable[[Record], bool]:
        """Return the function that tells which records belong to it, in any of the states."""
        if self.is_whole:
            return lambda _record: True
        owners = {owner_of(it.name) for state in states for it in state}
        links = [(owner_of(it.name), it.link.end) for state in states for it in state if it.link]
        chosen = {owner for owner in owners if self._names(owner)}
        if self.with_users:
            chosen |= {user for user, end in links if self._names(end)}
        if self.with_backstores:
            chosen |= {owner_of(end) for user, end in links if user in chosen}
        return lambda record: owner_of(record.name) in chosen

    def _names(self, owner: str) -> bool:
        """Tell whether a storage object or target is named."""
        if owner.startswith(f"{names.BACKSTORES}/"):
            spelled = (owner, owner[len(names.BACKSTORES) + 1 :], owner.split("/", 3)[3])
            return any(it in self.storage_objects for it in spelled)
        wwn = owner.rpartition("/")[2]
        return owner.count("/") > 1 and any(same(wwn, it) for it in self.targets)


WHOLE = Part()


def owner_of(name: str) -> str:
    """Return the name of the storage object or target that a record belongs to."""
    depth = 4 if name.startswith(f"{names.BACKSTORES}/") else 3
    return "/".join(name.split("/")[:depth])
