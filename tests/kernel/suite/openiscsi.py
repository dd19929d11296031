# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The kernel's initiator, told what to do by open-iscsi's iscsiadm."""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

from suite.machine import disks_of_host, succeed, text, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SESSIONS = "/sys/class/iscsi_session"


class OpenISCSI:
    """Logs in to targets, under any initiator name."""

    @classmethod
    @contextmanager
    def started(cls, log: Path) -> Iterator[OpenISCSI]:
        """Run the daemon for as long as the block lasts."""
        with log.open("wb") as output:
            # When it ends it kills its whole process group: that must not be the tests' own.
            daemon = subprocess.Popen(
                ["iscsid", "-f", "-d", "2"], stdout=output, stderr=output, start_new_session=True
            )
        try:
            until(lambda: _listening() or daemon.poll() is not None, "iscsid listening")
            assert daemon.poll() is None, log.read_text()
            yield cls()
        finally:
            daemon.terminate()
            daemon.wait(60)

    @contextmanager
    def session(
        self, initiator: str, target: str, portal: str, **settings: str
    ) -> Iterator[Session]:
        """Be logged in for as long as the block lasts."""
        node = self._record(initiator, target, portal, settings)
        try:
            succeed(*node, "--login")
            try:
                yield Session(initiator, target)
            finally:
                succeed(*node, "--logout")
        finally:
            succeed(*node, "--op", "delete")

    def _record(
        self, initiator: str, target: str, portal: str, settings: Mapping[str, str]
    ) -> list[str]:
        """Make the record of a target as one initiator reaches it; '__' in a name is a dot."""
        interface = initiator.rpartition(":")[2]
        if not os.path.exists(f"/etc/iscsi/ifaces/{interface}"):
            made = ["iscsiadm", "-m", "iface", "-I", interface, "--op"]
            succeed(*made, "new")
            succeed(*made, "update", "-n", "iface.initiatorname", "-v", initiator)
            succeed(*made, "update", "-n", "iface.transport_name", "-v", "tcp")
        node = ["iscsiadm", "-m", "node", "-T", target, "-p", portal, "-I", interface]
        succeed(*node, "--op", "new")
        for name, value in settings.items():
            succeed(*node, "--op", "update", "-n", name.replace("__", "."), "-v", value)
        return node


class Session:
    """What one login shows."""

    def __init__(self, initiator: str, target: str) -> None:
        self.host = _host(initiator, target)

    def disks(self) -> dict[int, str]:
        """Return its block devices by LUN, after looking for new ones."""
        return disks_of_host(self.host)

    def disk(self) -> str:
        """Return its only block device."""
        (device,) = self.disks().values()
        return device


def _host(initiator: str, target: str) -> int:
    """Return the number of a session's SCSI host."""
    for session in os.listdir(SESSIONS):
        names = [text(f"{SESSIONS}/{session}/{name}") for name in ("initiatorname", "targetname")]
        if names == [initiator, target]:
            above = os.path.realpath(f"{SESSIONS}/{session}/device/..")
            return int(os.path.basename(above).removeprefix("host"))
    raise AssertionError(f"{initiator} has no session with {target}")


def _listening() -> bool:
    return "@ISCSIADM_ABSTRACT_NAMESPACE" in text("/proc/net/unix")
