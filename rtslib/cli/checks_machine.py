# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What doctor asks of the machine itself: modules, mounts, directories, ports, services."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rtslib import hint_facts, host
from rtslib.cli.findings import Finding, Severity
from rtslib.config.names import spec_of
from rtslib.errors import RTSLibNotInCFSError
from rtslib.network_portal import NetworkPortal
from rtslib.portal import PortalAddress
from rtslib.target import Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.findings import Check, Patient

__all__ = ["CHECKS"]

#: The services that restore the configuration at boot, of this library and of others.
UNITS = ("rtslib.service", "targetctl.service", "target.service", "rtslib-fb-targetctl.service")

#: Where an enabled service has a link.
_WANTS = "/etc/systemd/system"


def _modules(it: Patient) -> Iterator[Finding]:
    """The target core and the modules of all fabrics in use must be there."""
    if not it.has_target:
        yield Finding(
            Severity.ERROR,
            f"there is no target tree at {it.fs.root}",
            "modprobe target_core_mod" if it.is_host else "name another directory",
        )
    if not it.is_host:
        return
    fabrics = {record.parent for record in it.saved if issubclass(record.cls, Target)}
    for name in sorted(fabrics):
        module = spec_of(name).kernel_module
        if not host.is_module_present(module):
            yield Finding(
                Severity.WARNING,
                f"{module}, which targets of {name[1:]} need, is not loaded",
                f"modprobe {module}, or targetctl restore",
            )


def _mount(it: Patient) -> Iterator[Finding]:
    """The configfs must be mounted at its usual place."""
    if it.is_host and not host.configfs_mounted():
        yield Finding(
            Severity.ERROR,
            f"configfs is not mounted at {host.CONFIGFS_ROOT}",
            f"mount -t configfs configfs {host.CONFIGFS_ROOT}; in a container: mount it from the "
            "host",
        )


def _dbroot(it: Patient) -> Iterator[Finding]:
    """What the kernel keeps over a reboot needs directories."""
    if not (it.is_host and it.has_target):
        return
    try:
        path = it.root.dbroot
    except RTSLibNotInCFSError:
        # Kernels before 4.9 know one place only.
        path = "/var/target"
    missing = [name for name in ("pr", "alua") if not os.path.isdir(os.path.join(path, name))]
    if missing:
        where = " ".join(os.path.join(path, name) for name in missing)
        yield Finding(
            Severity.WARNING,
            f"no {where}: persistent reservations or ALUA states are not kept",
            f"mkdir -p -m 700 {where}",
        )


def _ports(it: Patient) -> Iterator[Finding]:
    """Nobody else may listen where a saved portal is to."""
    if not it.is_host:
        return
    portals = [record for record in it.waiting if issubclass(record.cls, NetworkPortal)]
    addresses = [PortalAddress.from_name(record.base) for record in portals]
    for there, inode in hint_facts.listeners() if portals else ():
        for address in addresses:
            if address.overlaps(there):
                program = hint_facts.owner(inode) or "another program"
                yield Finding(
                    Severity.ERROR,
                    f"{program} listens on {there}, where the portal {address} is to be",
                    "stop it, or give the portal another port",
                )


def _boot(it: Patient) -> Iterator[Finding]:
    """Somebody must restore what is saved."""
    if not it.is_host or not len(it.saved) or not os.path.isdir("/run/systemd/system"):
        return
    enabled = [
        unit
        for directory in os.listdir(_WANTS)
        if directory.endswith(".wants")
        for unit in os.listdir(os.path.join(_WANTS, directory))
    ]
    if not set(UNITS) & set(enabled):
        yield Finding(
            Severity.WARNING,
            "no service restores the configuration at boot",
            f"enable one that runs 'targetctl restore': {', '.join(UNITS)}",
        )


CHECKS: dict[str, Check] = {
    "modules": _modules,
    "configfs": _mount,
    "dbroot": _dbroot,
    "ports": _ports,
    "boot": _boot,
}
