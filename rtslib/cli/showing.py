# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""show, sessions and stats: what there is, who uses it, and how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, TypeVar

from rtslib.cli.console import table
from rtslib.cli.explain import Exit
from rtslib.config.credentials import redact
from rtslib.config.dump import dump
from rtslib.config.savefile import text_of
from rtslib.draw import Branch, draw_branch, tree
from rtslib.errors import InvalidValueError, RTSLibBrokenLink
from rtslib.node import gone_is_none
from rtslib.root import RTSRoot
from rtslib.statistics import Counter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rtslib.cli.task import Task
    from rtslib.lun import LUN, MappedLUN
    from rtslib.statistics import Statistics

__all__ = ["sessions", "show", "stats"]

L = TypeVar("L")


def show(task: Task) -> Exit:
    """Draw the running configuration, or what is below a path of it."""
    task.need_target()
    if task.args.config:
        return _show_config(task)
    branch = _find(tree(RTSRoot(task.fs)), task.args.path)
    console = task.console
    drawn = draw_branch(branch, width=console.width, colour=console.colour)
    console.result(_data(branch), drawn.splitlines())
    return Exit.DONE


def _show_config(task: Task) -> Exit:
    data = dump(task.running())
    task.console.raw(text_of(data if task.args.show_secrets else redact(data)))
    return Exit.DONE


def _find(branch: Branch, path: str) -> Branch:
    """Return the branch at a path, as targetcli spells it: /iscsi/IQN/tpg1/luns."""
    at = branch
    for name in filter(None, path.split("/")):
        below = (it for it in at.below if it.name.lower() == name.lower())
        found = next(below, None)
        if found is None:
            names = ", ".join(it.name for it in at.below) or "nothing"
            raise InvalidValueError(f"there is no {path}", hint=f"below {at.name} is {names}")
        at = found
    return at


def _data(branch: Branch) -> dict[str, Any]:
    return {
        "name": branch.name,
        "summary": branch.summary,
        "good": branch.good,
        "below": [_data(it) for it in branch.below],
    }


def sessions(task: Task) -> Exit:
    """List who is logged in."""
    task.need_target()
    found: list[dict[str, Any]] = []
    for target in RTSRoot(task.fs).targets:
        logged_in = gone_is_none(lambda target=target: target.sessions) or ()  # type: ignore[misc]
        found += ({"target": target.wwn, **it.as_dict()} for it in logged_in)
    head = ("TARGET", "INITIATOR", "ALIAS", "TYPE", "STATE", "FROM")
    task.console.result(found, table(head, map(_session, found)))
    return Exit.DONE


def _session(it: dict[str, Any]) -> tuple[object, ...]:
    addresses = ", ".join(dict.fromkeys(str(one["address"]) for one in it["connections"]))
    kind = it["type"] if it["parent_nodeacl"] else f"{it['type']} (no ACL)"
    return (it["target"], it["initiator"], it["alias"], kind, it["state"], addresses)


#: The columns of counters, and the groups and names that the kernel counts them by.
_LUN_COUNTERS = ("scsi_tgt_port", ("in_cmds", "read_mbytes", "write_mbytes"))
_ACL_COUNTERS = ("scsi_auth_intr", ("num_cmds", "read_mbytes", "write_mbytes"))


def stats(task: Task) -> Exit:
    """List what was read and written through each LUN, and by each initiator."""
    task.need_target()
    root = RTSRoot(task.fs)
    luns = [it for lun in root.luns if (it := _counted(_lun, lun))]
    mapped = [it for lun in root.mapped_luns if (it := _counted(_mapped, lun))]
    head = ("LUN", "STORAGE OBJECT", "COMMANDS", "READ MiB", "WRITTEN MiB")
    lines = [*table(head, _rows(luns, "storage_object", _LUN_COUNTERS))]
    more = table(
        ("INITIATOR'S LUN", "LUN", "COMMANDS", "READ MiB", "WRITTEN MiB"),
        _rows(mapped, "lun", _ACL_COUNTERS),
    )
    task.console.result({"luns": luns, "mapped_luns": mapped}, [*lines, "", *more] if luns else ())
    return Exit.DONE


def _counted(describe: Callable[[L], dict[str, Any]], lun: L) -> dict[str, Any] | None:
    """Return what is counted of a LUN; None where it has gone, or exports nothing."""
    try:
        return gone_is_none(lambda: describe(lun))
    except RTSLibBrokenLink:
        return None


def _lun(lun: LUN) -> dict[str, Any]:
    tpg = lun.parent_tpg
    so = lun.storage_object
    return {
        "name": f"{tpg.parent_target.wwn}/tpg{tpg.tag}/lun{lun.lun}",
        "storage_object": f"{so.plugin}/{so.name}",
        "statistics": _counters(lun.statistics),
    }


def _mapped(mapped: MappedLUN) -> dict[str, Any]:
    lun = mapped.tpg_lun
    tpg = lun.parent_tpg
    return {
        "name": f"{mapped.node_wwn}/lun{mapped.mapped_lun}",
        "lun": f"{tpg.parent_target.wwn}/tpg{tpg.tag}/lun{lun.lun}",
        "statistics": _counters(mapped.statistics),
    }


def _counters(statistics: Statistics) -> dict[str, dict[str, int | str]]:
    """Return all groups of counters as plain data."""
    return {
        group: {name: int(it) if isinstance(it, Counter) else it for name, it in counters.items()}
        for group, counters in statistics.read_all().items()
    }


def _rows(
    found: Iterable[dict[str, Any]], of: str, counters: tuple[str, tuple[str, ...]]
) -> Iterator[tuple[object, ...]]:
    group, names = counters
    for it in found:
        values = it["statistics"].get(group, {})
        yield (it["name"], it[of], *(values.get(name) for name in names))
