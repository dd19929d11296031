# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a change comes to: which records stay as they are, which are set, made anew or removed.

Nothing is removed that need not be. What only making it anew can change is removed with all that
uses it, and made again with all that used it; the reason of each removal is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from rtslib import blockdev
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.attributes import FREE, STORAGE_ATTRIB
from rtslib.config.form import NEXUS, form_of
from rtslib.config.state import Record, State, shows_nothing
from rtslib.control import pairs
from rtslib.fabric import FabricModule
from rtslib.lun import LUN, MappedLUN
from rtslib.storage import StorageObject
from rtslib.tcm import FileIOStorageObject, PSCSIStorageObject, UserBackedStorageObject

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DEFAULT_GROUPS",
    "Change",
    "Exactly",
    "is_frozen",
    "joined",
    "remade_because",
    "resized",
]

#: The kernel's own groups: they come and go with what they stand in.
DEFAULT_GROUPS = frozenset({"default_tg_pt_gp", "default_lu_gp"})

_UNWANTED = "not in the configuration"

#: Tells of a record whether it is to go where nobody wants it.
Exactly = Callable[[Record], bool]


class Change:
    """From what is (`have`) to what is to be (`want`).

    `goal` is the whole state that will be, and `gone` has the names of what must be removed on
    the way, with the reason; of these, what is in `goal` too is made again. What `want` does not
    name is removed where `exact` says so of it, else it stays.
    """

    def __init__(self, have: State, want: State, exact: bool | Exactly) -> None:
        chosen = exact if callable(exact) else (lambda _record: bool(exact))
        self.have = have
        self.want = want
        self.exact: Exactly = lambda it: not issubclass(it.cls, want.unsaid) and chosen(it)
        self.gone: dict[str, str] = {}
        self.remade: dict[str, str] = {}
        self.goal = State()
        if exact is True and not len(want) and not want.unsaid:
            self._remove_all()
            return
        self._compare()
        self._remove_unwanted()
        self._merge_below("")
        self._free_the_frozen()

    def _remove_all(self) -> None:
        """Remove all that is not the kernel's own: nothing of it need be looked at alone."""
        self.gone = dict.fromkeys((record.name for record in self.have), _UNWANTED)
        for record in self.have.children(""):
            if _is_kernels(record):
                del self.gone[record.name]
                self.goal.add(self._settled(record))

    def _compare(self) -> None:
        """Find the records that must be made anew for their own sake."""
        for wanted in self.want:
            there = self.have.get(wanted.name)
            why = remade_because(there, wanted) if there is not None else None
            if why:
                self.remade[wanted.name] = why
                self._remove(wanted.name, why)

    def _remove_unwanted(self) -> None:
        for record in self.have:
            if record.name not in self.want and self.exact(record) and not _is_kernels(record):
                self._remove(record.name, _UNWANTED)

    def _free_the_frozen(self) -> None:
        """Unlink storage objects of which something changes that cannot while they are exported."""
        for there in self.have:
            if not issubclass(there.cls, StorageObject) or there.name in self.gone:
                continue
            record = self.goal.get(there.name)
            if record is None or record is there:
                continue
            frozen = [file for file in self.differing(record) if is_frozen(file)]
            for user in self.have.users(record.name) if frozen else ():
                what = ", ".join(file.rpartition("/")[2] for file in frozen)
                self._remove(
                    user.name, f"{what} of {record.name} cannot change while it is exported"
                )

    def differing(self, record: Record) -> Iterator[str]:
        """Yield the files of a record of `goal` that read otherwise now."""
        there = self.have.get(record.name)
        for file, text in record.files.items():
            if there is None or there.files.get(file) != text:
                yield file

    def _remove(self, name: str, why: str) -> None:
        """Remove a record, all that is below it and all that uses these."""
        if name in self.gone:
            return
        for record in self.have.below(name):
            if record.name not in self.gone:
                self.gone[record.name] = why if record.name == name else f"stands in {name}: {why}"
                for user in self.have.users(record.name):
                    self._remove(user.name, f"uses {record.name}: {why}")

    def _merge_below(self, parent: str) -> None:
        """Add the records that will be below one, parents first, in the order of creation."""
        mine = list(self.want.children(parent))
        if parent not in self.have and parent:
            # Nothing of it is there.
            for record in mine:
                self.goal.add(record)
                if self.want.is_above(record.name):
                    self._merge_below(record.name)
            return
        together = [self._merge(record) for record in mine]
        named = {record.name for record in mine}
        kept = [
            record
            for record in self.have.children(parent)
            if record.name not in named and self._stays(record)
        ]
        together = [*kept, *together]
        if parent == "":
            together.sort(key=lambda record: record.rank)
        for record in together:
            self.goal.add(self._settled(record))
            if self.want.is_above(record.name) or self.have.is_above(record.name):
                self._merge_below(record.name)

    def _stays(self, record: Record) -> bool:
        """Tell whether a record stays that is not wanted by name.

        What is removed because of something else that it uses is made again if that is, but for
        what stood in a record that is made anew itself: that begins empty.
        """
        why = self.gone.get(record.name)
        if self.exact(record):
            return why is None and _is_kernels(record)
        if why is None:
            return True
        return why.startswith("uses ") and self._will_be(record.link.end if record.link else "")

    def _will_be(self, name: str) -> bool:
        return name in self.want or (name in self.have and self._stays(self.have[name]))

    def _settled(self, record: Record) -> Record:
        """Return a record as it will be, with what an exact change takes away from fabrics.

        A mapped LUN that is made again, though nobody asks for it by name, is protected if the
        kernel has forgotten whether it was.
        """
        if shows_nothing(record) and record.name in self.gone:
            return record._replace(files={**record.files, MappedLUN.write_protect.file: "1"})
        if not issubclass(record.cls, FabricModule) or not self.exact(record):
            return record
        wanted = self.want.get(record.name)
        cleared = {
            saved.file: saved.codec.encode(False if saved.kind is bool else "")
            for saved in form_of(record.cls).saved
            if not saved.ours and saved.file in record.files
        }
        return record._replace(
            files={**record.files, **cleared, **(wanted.files if wanted else {})}
        )

    def _merge(self, wanted: Record) -> Record:
        there = self.have.get(wanted.name)
        if there is None:
            return wanted
        anew = wanted.name in self.remade
        if not anew and _says_nothing_new(there, wanted):
            return there
        return there._replace(
            cls=wanted.cls,
            base=wanted.base if anew else there.base,
            made={**({} if anew else there.made), **wanted.made},
            files={**({} if anew else there.files), **wanted.files},
            link=wanted.link or there.link,
        )


def _says_nothing_new(there: Record, wanted: Record) -> bool:
    """Tell whether all that is wanted of a record is so: nearly all records of a change are."""
    return (
        wanted.files.items() <= there.files.items()
        and wanted.made.items() <= there.made.items()
        and (wanted.link is None or there.link is not None)
        and wanted.cls is there.cls
    )


def _is_kernels(record: Record) -> bool:
    """Tell whether a record is of a node that the kernel makes, or keeps, by itself."""
    return issubclass(record.cls, FabricModule) or record.base in DEFAULT_GROUPS


def is_frozen(file: str) -> bool:
    """Tell whether a file of a storage object cannot be written while it is exported.

    target_core_configfs.c refuses these with EINVAL while export_count is not 0.
    """
    directory, _, base = file.rpartition("/")
    if directory == "wwn":
        return True
    known = STORAGE_ATTRIB.get(base) if directory == "attrib" else None
    return known is not None and known.when == FREE


def remade_because(there: Record, wanted: Record) -> str | None:
    """Return why a record must be made anew to be as wanted, None where it need not be."""
    if issubclass(wanted.cls, StorageObject):
        return _device_differs(there, wanted)
    if there.link and wanted.link and there.link.end != wanted.link.end:
        return f"is linked to {there.link.end}"
    if there.link is None and wanted.link is not None and issubclass(wanted.cls, LUN):
        # A run that was killed has unlinked it: it may be offline still, which not every device
        # lets one change (target_core_alua.c, core_alua_store_tg_pt_offline).
        return "exports nothing"
    if there.link is not None and shows_nothing(there):
        return "shows nothing"
    for key, value in wanted.made.items():
        if there.made.get(key) != value and not (key == NEXUS and value is None):
            return f"{key} is {there.made.get(key)} and cannot be changed"
    return None


def _device_differs(there: Record, wanted: Record) -> str | None:
    for key, value in wanted.made.items():
        if key in there.made and not _same(there, key, value):
            return f"its {key} is {there.made[key]!r} and cannot be changed to {value!r}"
    now, then = there.files.get("enable"), wanted.files.get("enable")
    if now == "1" and then == "0":
        return "its device cannot be closed"
    if now == "0" and then == "1":
        # Nothing uses it, and opening it would change half of its settings.
        return "its device is not open"
    return None


def _same(there: Record, key: str, value: Any) -> bool:
    """Tell whether a storage object was made so, as far as it matters."""
    known = there.made[key]
    if known == value:
        return True
    if there.files.get("enable") != "1":
        return False
    if key == "size":
        return _size_fits(there, value)
    if key == "control":
        told = pairs(known)
        return all(str(it) == told.get(name, str(it)) for name, it in pairs(value).items())
    if key == "dev" and issubclass(there.cls, PSCSIStorageObject):
        return str(value) == ":".join(map(str, there.made["hctl"]))
    return False


def _size_fits(there: Record, size: int) -> bool:
    """Tell whether a size is that of an object, or can become it while the object is open."""
    if issubclass(there.cls, (FileIOStorageObject, UserBackedStorageObject)):
        # A device has the size that it has; a file and a handler's volume can be resized.
        return True
    page = there.made.get("page_size", 1) or 1
    return bool(-(-size // page) * page == there.made["size"])


def resized(there: Record | None, goal: Record) -> int | None:
    """Return the new size for a storage object that is resized while it is open, else None."""
    if there is None or not issubclass(goal.cls, (FileIOStorageObject, UserBackedStorageObject)):
        return None
    before, after = there.made.get("size"), goal.made.get("size")
    if before == after or after is None:
        return None
    if issubclass(goal.cls, FileIOStorageObject) and blockdev.is_block(str(goal.made["dev"])):
        return None
    return int(after)


def joined(record: Record, group: Record) -> Iterator[str]:
    """Yield the file by which a record is in a group of its storage object, or of LUs."""
    for saved in form_of(record.cls).saved:
        if saved.key == _MEMBERSHIP[group.cls] and record.files.get(saved.file) == group.base:
            yield saved.file


_MEMBERSHIP: dict[type, str] = {
    ALUATargetPortGroup: "alua_tg_pt_gp_name",
    ALUALUGroup: "alua_lu_gp",
}
