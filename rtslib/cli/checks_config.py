# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What doctor asks of the configuration: who gets in, what is saved, what a reboot would change."""

from __future__ import annotations

import glob
import os
import re
import stat
from typing import TYPE_CHECKING

from rtslib import blockdev, host
from rtslib.cli.explain import explain
from rtslib.cli.findings import Finding, Severity
from rtslib.cli.report import causes, some
from rtslib.config import operations
from rtslib.config.diff import diff
from rtslib.errors import ConfigError, MissingFileError
from rtslib.node import gone_is_none
from rtslib.storage import StorageObject

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.findings import Check, Patient
    from rtslib.target import TPG

__all__ = ["CHECKS"]

#: Device names that another disk may have after the next boot.
_UNSTABLE = re.compile(r"/dev/((sd|vd|xvd)[a-z]+|(nvme\d+n|rbd|dm-|md|nbd|sg)\d+)(p?\d+)?")


def _saved_file(it: Patient) -> Iterator[Finding]:
    """What is saved must be valid."""
    try:
        operations.checked(it.save_file.load())
    except MissingFileError:
        if it.has_target and any(it.root.storage_objects):
            path = it.save_file.path
            yield Finding(Severity.ERROR, f"nothing is saved in {path}", "targetctl save")
    except ConfigError as error:
        for line in explain(error).lines:
            yield Finding(Severity.ERROR, line, "correct it, or restore a generation")


def _file_modes(it: Patient) -> Iterator[Finding]:
    """Nobody but its owner may read a file with secrets."""
    real = os.path.realpath(it.save_file.path)
    kept = (generation.path for generation in it.save_file.store.generations())
    for path in (real, *sorted(glob.glob(f"{glob.escape(real)}.secrets-*")), *kept):
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)
        except FileNotFoundError:
            continue
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            yield Finding(
                Severity.ERROR,
                f"{path} may hold secrets, and others than its owner have access ({mode:04o})",
                f"chmod 600 {path}",
            )


def _missing(it: Patient) -> Iterator[Finding]:
    """All that was saved should have been set up by the last restore."""
    for line in causes(it.save_file.missing().items()):
        yield Finding(
            Severity.ERROR,
            f"could not be restored: {line}",
            "correct that, then targetctl wait; to give it up: targetctl save --forget-missing",
        )


def _devices(it: Patient) -> Iterator[Finding]:
    """What is saved must find its devices."""
    waiting = {record.name for record in it.waiting}
    for record in it.saved:
        dev = str(record.made.get("dev", ""))
        if not os.path.isabs(dev) or (dev.startswith("/dev/") and not host.is_host(it.fs)):
            continue
        if _UNSTABLE.fullmatch(dev):
            yield Finding(
                Severity.NOTE,
                f"{record.name} is on {dev}, which may be another disk after the next boot",
                "use a name below /dev/disk/by-id, /dev/mapper or /dev/zvol",
            )
        if record.name in waiting:
            yield from _held(record.name, dev)


def _held(name: str, dev: str) -> Iterator[Finding]:
    if not os.path.exists(dev):
        yield Finding(
            Severity.ERROR, f"{dev}, which {name} is on, is not there", "attach or mount it"
        )
    elif blockdev.device_in_use(dev):
        holders = blockdev.holders(dev) if blockdev.is_block(dev) else ()
        who = "; ".join(holders) or "nobody knows by whom"
        yield Finding(Severity.ERROR, f"{dev}, which {name} is on, is in use: {who}", "free it")


def _demo_mode(it: Patient) -> Iterator[Finding]:
    """A TPG that lets everybody in should ask for a password."""
    for tpg in it.root.tpgs if it.has_target else ():
        open_to_all = gone_is_none(lambda tpg=tpg: _open(tpg))  # type: ignore[misc]
        if open_to_all:
            name = f"{tpg.parent_target.wwn} tpg{tpg.tag}"
            yield Finding(
                Severity.WARNING,
                f"{name} lets every initiator {open_to_all}, and asks for no password",
                "make ACLs and set generate_node_acls=0, or set authentication=1 and CHAP",
            )


def _open(tpg: TPG) -> str:
    """Say what everybody may do at a TPG, '' if not everybody may."""
    if not tpg.has_feature("auth") or not tpg.enable:
        return ""
    settings = tpg.attributes
    if settings["authentication"] or not settings["generate_node_acls"]:
        return ""
    return "read" if settings["demo_mode_write_protect"] else "read and write"


def _serials(it: Patient) -> Iterator[Finding]:
    """Two storage objects of one serial are one disk to initiators."""
    found: dict[str, list[str]] = {}
    for so in it.root.storage_objects if it.has_target else ():
        serial = gone_is_none(lambda so=so: so.serial)  # type: ignore[misc]
        if serial:
            found.setdefault(serial, []).append(f"{so.plugin}/{so.name}")
    for serial, names in found.items():
        if len(names) > 1:
            yield Finding(
                Severity.ERROR,
                f"{some(names)} have one serial, {serial}: initiators take them for one disk",
                "give each its own, before it is exported",
            )


def _reboot(it: Patient) -> Iterator[Finding]:
    """What runs should be what is saved."""
    if not it.has_target:
        return
    shut = [
        record.name
        for record in it.running
        if issubclass(record.cls, StorageObject) and record.files.get("enable") != "1"
    ]
    if shut:
        yield Finding(
            Severity.WARNING, f"{some(shut)} not enabled, and so never saved", "enable or delete it"
        )
    changes: dict[str, list[str]] = {}
    for one in diff(it.running, it.saved):
        if one.name not in shut:
            changes.setdefault(one.kind, []).append(one.name)
    for kind, names in changes.items():
        yield Finding(
            Severity.WARNING,
            f"a reboot {_REBOOT[kind]} {some(names)}",
            "targetctl diff shows all of it; targetctl save keeps what runs",
        )


#: What a difference between what runs and what is saved comes to.
_REBOOT = {
    "removed": "loses, since it is not saved:",
    "added": "brings back, since it is saved and not there:",
    "changed": "sets otherwise, since it is saved otherwise:",
}

CHECKS: dict[str, Check] = {
    "saved file": _saved_file,
    "file modes": _file_modes,
    "missing": _missing,
    "devices": _devices,
    "demo mode": _demo_mode,
    "serials": _serials,
    "reboot": _reboot,
}
