# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""From a change to its steps: removals newest first, then what is made and set, in order.

The order within a node is that of its declarations. What only one class needs (devices, the
states of ALUA groups, a nexus) stands in ``plan_parts``.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from rtslib import hba
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config import plan_parts
from rtslib.config.bundle import Making, Removing, Settling
from rtslib.config.course import LINK, Courses, kinds_below
from rtslib.config.form import NEXUS, codec_of
from rtslib.config.merge import DEFAULT_GROUPS, Change, Exactly, joined, resized
from rtslib.config.nearby import nearby
from rtslib.config.steps import Plan, Step
from rtslib.declare import Attr, Group
from rtslib.declare import Link as LinkDeclaration
from rtslib.fabric import FabricModule
from rtslib.lun import LUN
from rtslib.network_portal import NetworkPortal
from rtslib.storage import StorageObject
from rtslib.target import TPG

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.config.course import Leg
    from rtslib.config.state import Link, Record, State

__all__ = ["plan"]


def plan(
    have: State,
    want: State,
    root: str,
    *,
    exact: bool | Exactly = True,
    create_files: bool = False,
) -> Plan:
    """Return the steps from one configuration to another, in the tree at `root`.

    What `want` does not name is removed if the change is to be `exact`, else left alone; a
    function tells of which records it is to be. Backing files that do not exist are made only
    with `create_files`.
    """
    if want is have:
        # What runs is what is wanted. Its HBAs are kept: empty ones still go.
        have = want = have.only(())
    elif exact is False:
        have = nearby(have, want)
    change = Change(have, want, exact)
    return _Planner(change, root, whole=exact is True, create_files=create_files).planned()


class _Planner:
    """One plan in the making."""

    def __init__(self, change: Change, root: str, *, whole: bool, create_files: bool) -> None:
        self.change = change
        self.whole = whole
        self.create_files = create_files
        self.plan = Plan(root)
        self.plan.notes += change.want.warnings
        self.plan.needs = self._needs
        #: Where the records of the goal stand, or will stand.
        self._paths: dict[str, str] = {}
        #: HBA directories, and how many storage objects each has left.
        self._hbas = dict(change.have.hbas)
        self._free_indexes = self._indexes()
        self._made_again = self._groups_made_again(change)
        self._courses = Courses()

    def planned(self) -> Plan:
        self._remove()
        for record in self.change.goal.children(""):
            self._set_up(record)
        return self.plan

    # What goes.

    def _remove(self) -> None:
        have, gone = self.change.have, self.change.gone
        for record in have:
            if issubclass(record.cls, TPG) and record.files.get(_ENABLE) == "1":
                self._switch_off(record)
        removed: set[str] = set()
        for record in reversed(list(have)):
            if record.name not in gone or record.name in removed:
                continue
            begin = len(self.plan.entries)
            self._remove_one(record)
            for one in self._only_used_by(record):
                self._remove_one(one)
                removed.add(one.name)
            if self._waits(record):
                self.plan.unit(begin, record.cls)
        if self.whole:
            for path, count in self.change.have.hbas.items():
                if not count:
                    self.plan.add(Step("rmdir", path, part=f"-{path}", reason="an empty HBA"))

    def _switch_off(self, record: Record) -> None:
        """Switch a TPG off that is to go or to be off, or while something is changed of it.

        Before any is switched on: two cannot have the same relative port identifier.
        """
        why = self.change.gone.get(record.name)
        sign = "-" if why else "+"
        if why is None:
            why = plan_parts.must_rest(record, self.change.goal[record.name])
        if why:
            enable = f"{record.path}/{_ENABLE}"
            self._step(sign, record, "write", enable, "0", f"ends its sessions: {why}")

    def _remove_one(self, record: Record) -> None:
        why = self.change.gone[record.name]
        if record.base in DEFAULT_GROUPS or issubclass(record.cls, FabricModule):
            return
        if issubclass(record.cls, NetworkPortal):
            for transport in (NetworkPortal.iser, NetworkPortal.offload):
                if record.files.get(transport.file) == "1":
                    self._step("-", record, "write", f"{record.path}/{transport.file}", "0", why)
        self.plan.add(Removing(record, why))
        if issubclass(record.cls, StorageObject):
            above = record.path.rpartition("/")[0]
            self._hbas[above] -= 1
            if not self._hbas[above]:
                del self._hbas[above]
                self._step("-", record, "rmdir", above, "", "the HBA is empty")

    def _only_used_by(self, record: Record) -> list[Record]:
        """Return the storage object that goes with its only LUN, behind what stands in it.

        Removing either waits in the kernel, but not for the same: both at once take half the time.
        """
        if record.link is None or not issubclass(record.cls, LUN):
            return []
        have, end = self.change.have, record.link.end
        if end not in self.change.gone or have.count_users(end) > 1 or not self._waits(have[end]):
            return []
        return [*reversed(list(have.below(end)))]

    def _waits(self, record: Record) -> bool:
        """Tell whether removing a record waits in the kernel, and is no matter of its like."""
        if issubclass(record.cls, LUN):
            return True
        # Who is the last in an HBA removes it.
        return (
            issubclass(record.cls, StorageObject)
            and self.change.have.hbas.get(record.path.rpartition("/")[0]) == 1
        )

    # What is made and set.

    def _set_up(self, record: Record) -> None:
        there = self.change.have.get(record.name)
        if record.name in self.change.gone:
            there = None
        if there is record and not self._forced(record):
            self._leave_alone(record)
            return
        begin = len(self.plan.entries)
        if there is None:
            legs = self._courses.of(record)
            if legs and legs[0] is LINK and record.link is not None:
                self._make_linked(record, record.link)
                legs = legs[1:]
            else:
                self._make(record)
            if legs is not None:
                self._follow(record, legs)
                self._unit(record, begin)
                return
        else:
            self._begin(there, record)
        self._set(there, record)
        self._unit(record, begin)

    def _unit(self, record: Record, begin: int) -> None:
        """Note that a LUN's steps, from an entry on, need nothing of other LUNs' and may overlap.

        The kernel waits in each of them, some 12 ms to link one and 24 to unlink it.
        """
        if issubclass(record.cls, LUN):
            self.plan.unit(begin, LUN)

    def _follow(self, record: Record, legs: tuple[Leg, ...]) -> None:
        """Set a new node up that is like many others."""
        path = self._paths[record.name]
        for leg in legs:
            if isinstance(leg, tuple):
                order = self._courses.to_settle(record, leg)
                if order:
                    self.plan.add(Settling(record, path, order))
            elif leg is not LINK:  # which is made with the node
                for child in self.change.goal.children(record.name, leg):
                    self._set_up(child)

    def _set(self, there: Record | None, record: Record) -> None:
        """Write what is to be written of a node, and set up what is below it."""
        # What has no link yet tells nothing: many of its files are those of what it is linked to.
        whole = there is not None and (record.link is None or there.link is not None)
        writes = self._writes(there if whole else None, record)
        for declared in record.cls.declarations().values():
            if isinstance(declared, Attr):
                self.plan.add(*writes.pop(declared.file, ()))
            elif isinstance(declared, Group):
                for file in [it for it in writes if it.startswith(f"{declared.directory}/")]:
                    self.plan.add(*writes.pop(file))
            elif isinstance(declared, LinkDeclaration):
                self._link(there, record)
            else:
                for child in self.change.goal.children(record.name, declared.kind):
                    self._set_up(child)
        self.plan.add(*writes.pop(plan_parts.LAST, ()))

    def _leave_alone(self, record: Record) -> None:
        """Look only at what is below a record that is as it should be."""
        self._paths[record.name] = record.path
        if not self.change.goal.is_above(record.name):
            return
        for kind in kinds_below(record.cls):
            for child in self.change.goal.children(record.name, kind):
                self._set_up(child)

    def _begin(self, there: Record, record: Record) -> None:
        """Do what must be done first to a node that is there."""
        self._paths[record.name] = there.path
        size = resized(there, record)
        if size is not None:
            steps = plan_parts.resize(record, there.path, size)
            self.plan.add(*(step._replace(part=f"+{record.name}") for step in steps))
        if self._must_leave(there):
            path = f"{there.path}/{plan_parts.LU_GROUP}"
            self._step("+", record, "write", path, "default_lu_gp", "its states change alone")

    def _needs(self, part: str) -> tuple[str, ...]:
        """Return the parts without which one cannot be: see ``Plan.needs``."""
        have, goal, name = self.change.have, self.change.goal, part[1:]
        if part.startswith("-"):
            if name not in have:
                return ()
            return tuple(f"-{it.name}" for it in (*have.children(name), *have.users(name)))
        record = goal.get(name)
        if record is None:
            return ()
        needed = [f"+{record.parent}"] if record.parent else []
        if name in self.change.gone:
            needed.append(f"-{name}")
        elif record is have.get(name):
            # It only stands above what is set up.
            return tuple(needed)
        if record.link is not None:
            needed.append(f"+{record.link.end}")
        return tuple(needed)

    def _make_linked(self, record: Record, link: Link) -> None:
        """Make a node that is nothing without its link."""
        self._paths[record.name] = path = self._place(record)
        alias = link.alias or plan_parts.new_alias()
        end = self._paths.get(link.end, link.end)
        self.plan.add(Making(record, path, f"{path}/{alias}", end, self._why(record)))

    def _why(self, record: Record) -> str:
        """Return the reason for which a node is made."""
        why = self.change.gone.get(record.name)
        return f"again: {why}" if why else "new"

    def _make(self, record: Record) -> None:
        self._paths[record.name] = path = self._place(record)
        if record.base in DEFAULT_GROUPS:
            return
        why = self._why(record)
        if issubclass(record.cls, StorageObject):
            self._step("+", record, "mkdir", path.rpartition("/")[0], "", why, vital=True)
            self._step("+", record, "mkdir", path, "", why, vital=True)
            self.plan.add(*plan_parts.device(record, path, why, create=self.create_files))
            return
        self._step("+", record, "mkdir", path, "", why, vital=True)
        for key, text in record.made.items():
            if text:
                self._step("+", record, "write", f"{path}/{key}", text, "set once", vital=True)
        if issubclass(record.cls, TPG) and NEXUS not in record.made:
            nexus = plan_parts.new_nexus(path)
            if nexus:
                self._step(
                    "+", record, "write", f"{path}/{NEXUS}", nexus, "a new nexus", vital=True
                )

    def _place(self, record: Record) -> str:
        """Return the path at which a new record will stand."""
        if issubclass(record.cls, StorageObject):
            return f"{self._hba(record.cls.directory)}/{record.base}"
        above, directory = self._paths.get(record.parent), record.cls.children_above().directory
        if above and directory:
            return f"{above}/{directory}/{record.base}"
        return "/".join(filter(None, (above, directory, record.base)))

    def _hba(self, directory: str) -> str:
        """Return an empty HBA of a plugin, else one with the first free index."""
        for path, count in self._hbas.items():
            if not count and not self.whole and hba.split(path[5:])[0] == directory:
                self._hbas[path] = 1
                return path
        return f"core/{directory}_{next(self._free_indexes)}"

    def _indexes(self) -> Iterator[int]:
        """Yield the indexes that no HBA of any plugin has."""
        taken = {hba.split(path[5:])[1] for path in self.change.have.hbas}
        yield from (number for number in itertools.count() if number not in taken)

    def _link(self, there: Record | None, record: Record) -> None:
        if record.link is None or (there is not None and there.link is not None):
            return
        path, end = self._paths[record.name], self._paths.get(record.link.end, record.link.end)
        alias = record.link.alias or plan_parts.new_alias()
        self._step("+", record, "link", f"{path}/{alias}", end, "exports it", vital=True)

    def _writes(self, there: Record | None, record: Record) -> dict[str, list[Step]]:
        """Return what is to be written, by the file in whose place it stands."""
        path = self._paths[record.name]
        secrets = plan_parts.secrets(record.cls)
        found: dict[str, list[Step]] = {}
        for write in plan_parts.ordered(there, record, self._forced(record)):
            secret = write.file in secrets
            step = Step(
                "write",
                f"{path}/{write.file}",
                write.text,
                f"+{record.name}",
                write.reason,
                secret=secret,
                maybe=write.maybe and not secret,
                vital=secret or write.file in plan_parts.VITAL,
                codec=codec_of(record.cls, write.file) if write.maybe else None,
            )
            found.setdefault(write.place, []).append(step)
        return found

    def _forced(self, record: Record) -> set[str]:
        """Return the files that the kernel changes by itself in the course of the plan."""
        found: set[str] = set()
        if self._made_again:
            where = record.link.end if record.link is not None else ""
            for parent in {where, ""}:
                for group in self._made_again.get(parent, ()):
                    found.update(joined(record, group))
        there = self.change.have.get(record.name)
        return {*found, plan_parts.LU_GROUP} if there and self._must_leave(there) else found

    @staticmethod
    def _groups_made_again(change: Change) -> dict[str, list[Record]]:
        """Return the ALUA groups that go and come back, by what they stand in: all leave them."""
        found: dict[str, list[Record]] = {}
        for name in change.gone:
            group = change.have[name]
            if issubclass(group.cls, (ALUATargetPortGroup, ALUALUGroup)) and name in change.goal:
                found.setdefault(group.parent, []).append(group)
        return found

    def _must_leave(self, there: Record) -> bool:
        """Tell whether a state changes of an object whose transitions move others as well."""
        if there.files.get(plan_parts.LU_GROUP, "") in ("", "default_lu_gp"):
            return False
        state = ALUATargetPortGroup.alua_access_state.file
        for group in self.change.goal.children(there.name, ALUATargetPortGroup):
            now = self.change.have.get(group.name)
            if (now.files if now else {}).get(state, "0") != group.files.get(state, "0"):
                return True
        return False

    def _step(
        self,
        sign: str,
        record: Record,
        verb: str,
        path: str,
        text: str,
        why: str,
        *,
        vital: bool = False,
    ) -> None:
        self.plan.add(Step(verb, path, text, f"{sign}{record.name}", why, vital=vital))


_ENABLE = TPG.enable.file
