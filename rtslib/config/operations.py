# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Save, restore, clear and compare: what programs do with a configuration, whole or in part.

Each reads all that it needs, checks it completely, plans, and only then touches anything; the
advisory lock is held meanwhile.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from rtslib import host, lock
from rtslib.config import names
from rtslib.config.apply import OnFailure, Report, apply
from rtslib.config.capture import capture, outline
from rtslib.config.document import Document
from rtslib.config.dump import dump, says
from rtslib.config.fields import check
from rtslib.config.part import WHOLE, Part, owner_of
from rtslib.config.plan import plan
from rtslib.config.problem import Problem
from rtslib.config.schema import SAVECONFIG
from rtslib.config.state import Record, State
from rtslib.config.want import wanted
from rtslib.errors import AlreadyExistsError, ConfigError, HostError
from rtslib.fabric import FabricModule
from rtslib.storage import StorageObject
from rtslib.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.config.savefile import SaveFile
    from rtslib.config.steps import Plan
    from rtslib.configfs import ConfigFS

__all__ = [
    "Result",
    "checked",
    "clear",
    "guard",
    "planned",
    "read",
    "restore",
    "running",
    "save",
]

Data = dict[str, Any]


class Result(NamedTuple):
    """What was planned, what became of it, and what a person should know besides."""

    plan: Plan
    report: Report
    warnings: list[Problem]


@contextmanager
def guard(fs: ConfigFS, *, shared: bool = False) -> Iterator[None]:
    """Hold the advisory lock while something is done to the running kernel's tree."""
    if not host.is_host(fs):
        yield
        return
    with lock.hold(shared=shared):
        yield


def running(fs: ConfigFS) -> State:
    """Return the running configuration, as it is while nobody changes it."""
    with guard(fs, shared=True):
        return capture(fs)


def read(document: Document) -> tuple[Data, list[Problem]]:
    """Return a configuration's data in normal form, and warnings; ConfigError with all faults."""
    found = check(document, SAVECONFIG)
    if found.problems:
        raise ConfigError(problems=found.problems, file=document.name)
    return found.data, found.warnings


def checked(document: Document, have: State | None = None) -> State:
    """Return what a document asks for; ConfigError with all that is wrong with it.

    `have`, if given, is returned itself where the document says just that.
    """
    return _asked_for(document, have)[0]


def _asked_for(document: Document, have: State | None) -> tuple[State, list[Problem]]:
    """Return what a document asks for, and warnings."""
    if have is not None and says(document.data, have):
        return have, []
    data, warnings = read(document)
    return wanted(data), warnings


def planned(
    have: State,
    want: State,
    root: str,
    *,
    part: Part = WHOLE,
    exact: bool = True,
    only_missing: bool = False,
    create_files: bool = False,
    name: str = "configuration",
) -> Plan:
    """Return the plan that makes a part of what is what it should be; see ``plan``.

    A part brings the storage objects that it uses and that are not there. `only_missing` leaves
    alone all that is there, however it is set.
    """
    chosen = part.chooser(have, want)
    if not part.is_whole:
        lacking = _lacking(want, chosen, have)
        want = _with_fabrics(
            want.select(lambda record: chosen(record) or owner_of(record.name) in lacking)
        )
    if only_missing:
        want = _with_fabrics(want.select(lambda record: not have.stands(record.name)))
        exact = False
    _check_references(want, have, name)
    return plan(
        have,
        want,
        root,
        exact=False if not exact else True if part.is_whole else chosen,
        create_files=create_files,
    )


def _lacking(want: State, chosen: Callable[[Record], bool], have: State) -> set[str]:
    """Return the storage objects that a part uses and that are not there: it comes with them."""
    return {
        record.link.end
        for record in want
        if record.link is not None and chosen(record) and record.link.end not in have
    }


def restore(
    fs: ConfigFS,
    document: Document,
    *,
    part: Part = WHOLE,
    exact: bool = True,
    may_exist: bool = True,
    only_missing: bool = False,
    create_files: bool = False,
    on_failure: OnFailure = OnFailure.GO_ON,
    wait: float = 0.0,
    progress: Callable[[int, int], None] | None = None,
    save_file: SaveFile | None = None,
) -> Result:
    """Make the running configuration, or a part of it, what a document says.

    With `exact` what the document does not name is removed. Without `may_exist` it is an
    AlreadyExistsError, before anything is touched, where something that it names is there.
    `save_file` remembers what could not be set up. The other arguments are those of ``planned``
    and ``apply``.
    """
    with guard(fs):
        have = capture(fs)
        want, warnings = _asked_for(document, have)
        if not may_exist:
            _refuse_what_exists(want.select(part.chooser(want)), have)
        steps = planned(
            have,
            want,
            fs.root,
            part=part,
            exact=exact,
            only_missing=only_missing,
            create_files=create_files,
            name=document.name,
        )
        if save_file is not None:
            # Before anything goes: a run that is killed leaves the list behind.
            _note(save_file, steps, dict.fromkeys(_absent(steps, have), _CUT))
        report = apply(fs, steps, on_failure=on_failure, before=have, wait=wait, progress=progress)
        if save_file is not None:
            warnings = warnings + _note(save_file, steps, _left(fs, steps, report))
    return Result(steps, report, warnings)


#: Why a record is missing that no step failed for.
_CUT = "the restore ended before it"


def _absent(steps: Plan, state: State, *, done: bool = False) -> Iterator[str]:
    """Yield the records that a plan sets up and that are not there, or will be gone on the way."""
    parts = steps.parts()
    going = set() if done else {part[1:] for part in parts if part.startswith("-")}
    for name in (part[1:] for part in parts if part.startswith("+")):
        if not state.stands(name) or name in going:
            yield name


def _left(fs: ConfigFS, steps: Plan, report: Report) -> dict[str, str]:
    """Return what a run has not set up, and why."""
    if report.good:
        return {}
    causes = report.missing()
    return {name: causes.get(name, _CUT) for name in _absent(steps, capture(fs), done=True)}


def _note(save_file: SaveFile, steps: Plan, left: dict[str, str]) -> list[Problem]:
    """Bring the list of what is missing up to date: this plan tells of what it had steps for.

    What cannot be written down must not hide what became of the run: it is a warning.
    """
    tried = {part[1:] for part in steps.parts()}
    try:
        kept = {name: why for name, why in save_file.missing().items() if name not in tried}
        save_file.set_missing({**kept, **left})
    except (ConfigError, HostError) as error:
        return [Problem((), None, str(error), "the next save will not know what is missing")]
    return []


def clear(
    fs: ConfigFS,
    *,
    part: Part = WHOLE,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Remove the running configuration, or a part of it."""
    with guard(fs):
        have = outline(fs)
        exact = True if part.is_whole else part.chooser(have)
        steps = plan(have, State(), fs.root, exact=exact)
        return Result(steps, apply(fs, steps, progress=progress), [])


def save(
    fs: ConfigFS,
    save_file: SaveFile,
    *,
    part: Part = WHOLE,
    forget_missing: bool = False,
    secrets_apart: bool | None = None,
) -> bool:
    """Save the running configuration; of a part of it, the file's other parts stay as they are.

    What could not be restored from the file stays in it, unless it is to be forgotten. Returns
    whether the file has changed.
    """
    with guard(fs):
        live = capture(fs)
        missing = {it: why for it, why in save_file.missing().items() if not live.stands(it)}
        if missing:
            # What was left half made stays in the file as it is there.
            live = live.select(lambda it: it.name not in missing and it.parent not in missing)
        saved = _saved(save_file) if missing or not part.is_whole else State()
        chosen = part.chooser(live, saved)
        if forget_missing:
            covered = {record.name for record in saved if chosen(record)}
            missing = {name: why for name, why in missing.items() if name not in covered}
        whole = live if part.is_whole else live.select(chosen)
        if saved:
            others = saved.select(lambda it: it.name in missing or not chosen(it))
            whole = _joined(others, whole)
        data = dump(_without_dangling(_completed(whole, live)))
        # What could not be restored must not take the place of what could.
        read(Document(data, name=f"what would be saved to {save_file.path}"))
        changed = save_file.save(data, secrets_apart=secrets_apart)
        save_file.set_missing(missing)
        return changed


def _completed(whole: State, live: State) -> State:
    """Return a configuration with the storage objects that its LUNs export and that run."""
    lacking = {it.link.end for it in whole if it.link is not None and it.link.end not in whole}
    found = live.select(lambda it: owner_of(it.name) in lacking)
    return _joined(whole, found) if found else whole


def _without_dangling(whole: State) -> State:
    """Return a configuration without the LUNs of storage objects that are not in it.

    What a removed object leaves in a file is no fault of the LUN's; a restore would refuse it.
    """
    dangling: set[str] = set()
    for record in whole:
        ends = record.link is not None and (
            record.link.end in dangling or not whole.stands(record.link.end)
        )
        if ends or record.parent in dangling:
            dangling.add(record.name)
    return whole.select(lambda record: record.name not in dangling) if dangling else whole


def _saved(save_file: SaveFile) -> State:
    try:
        return checked(save_file.load())
    except FileNotFoundError:
        return State()


def _joined(first: State, second: State) -> State:
    """Return two states, which have nothing in common, as one; what has no parent is left out."""
    # The file may know nothing yet of the fabric that a part stands in.
    fabrics_first = sorted((*first, *second), key=lambda it: not issubclass(it.cls, FabricModule))
    found = _with_fabrics(State(fabrics_first))
    found.warnings = second.warnings
    return found.ordered()


def _with_fabrics(want: State) -> State:
    """Return a part with the fabrics that it stands in, of which it sets nothing."""
    found = State()
    found.warnings = want.warnings
    for record in want:
        if issubclass(record.cls, Target) and record.parent not in found:
            group = FabricModule(record.parent[1:]).base
            found.add(Record(record.parent, FabricModule, "", group, "", {}, {}, None))
        found.add(record)
    return found


def _check_references(want: State, have: State, name: str) -> None:
    """Refuse LUNs of storage objects that are neither there nor wanted."""
    problems = [
        Problem((), None, f"{record.name} exports {record.link.end}, which is not there")
        for record in want
        if record.link is not None
        and record.link.end.startswith(f"{names.BACKSTORES}/")
        and record.link.end not in want
        and record.link.end not in have
    ]
    if problems:
        raise ConfigError(problems=problems, file=name)


def _refuse_what_exists(want: State, have: State) -> None:
    for record in want:
        there = have.get(record.name)
        if there is not None and issubclass(record.cls, (StorageObject, Target)):
            what = "target" if issubclass(record.cls, Target) else "storage object"
            raise AlreadyExistsError(
                f"{what} {record.name} already exists in configFS: nothing was restored",
                path=there.path,
                hint="restore with clear_existing=True to make it as it was saved",
            )
