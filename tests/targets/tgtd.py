# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""tgtd, a target that others wrote, on this machine's loopback for as long as a test wants it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rtslib.iscsi.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 20.0
MIB = 1 << 20
LUN = 1
"""LUN 0 of a target of tgtd is a controller."""


def free_port() -> int:
    """Return a port of this machine that nobody has now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Tgtd:
    """The daemon, with one target of one disk."""

    name = "iqn.2026-11.org.example:tgtd"

    def __init__(self, directory: Path, options: str = "") -> None:
        self.directory = directory
        self.port = free_port()
        self.image = directory / "disk.img"
        self.environment = {**os.environ, "TGT_IPC_SOCKET": str(directory / "ipc")}
        # Of several --iscsi it takes the last: further portals are added when it runs.
        words = ["tgtd", "-f", "--iscsi", f"portal=127.0.0.1:{self.port}{options}"]
        self.log = (directory / "tgtd.log").open("wb")
        self.process = subprocess.Popen(
            words, env=self.environment, stdout=self.log, stderr=self.log
        )

    def admin(self, mode: str, op: str, *words: str) -> str:
        """Ask the daemon for something with its own tool."""
        done = self.run(mode, op, *words)
        assert done.returncode == 0, f"tgtadm {mode} {op} {words}: {done.stderr}"
        return done.stdout

    def run(self, mode: str, op: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["tgtadm", "--lld", "iscsi", "--mode", mode, "--op", op, *words]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )

    def wait(self) -> None:
        """Wait until it takes orders."""
        deadline = time.monotonic() + PATIENCE
        while self.run("system", "show").returncode:
            assert self.process.poll() is None, "tgtd ended"
            assert time.monotonic() < deadline, "tgtd takes no orders"
            time.sleep(0.02)
        self.admin("portal", "new", "--param", f"portal=[::1]:{self.port}")

    def create(self, size: int = 64 * MIB) -> None:
        """Make the target, with its disk."""
        if not self.image.exists():
            self.image.touch()
            os.truncate(self.image, size)
        self.admin("target", "new", "--tid", "1", "--targetname", self.name)
        self.admin(
            "logicalunit",
            "new",
            "--tid",
            "1",
            "--lun",
            str(LUN),
            "--backing-store",
            str(self.image),
        )
        self.admin("target", "bind", "--tid", "1", "--initiator-address", "ALL")

    def set(self, name: str, value: str) -> None:
        """Set a parameter of the target."""
        self.admin("target", "update", "--tid", "1", "--name", name, "--value", value)

    def account(self, user: str, secret: str, *direction: str) -> None:
        """Make an account, and bind it to the target."""
        self.admin("account", "new", "--user", user, "--password", secret)
        self.admin("account", "bind", "--tid", "1", "--user", user, *direction)

    def delete(self) -> None:
        """Remove the target, whoever uses it."""
        self.admin("target", "delete", "--tid", "1", "--force")

    def connections(self) -> list[tuple[str, str]]:
        """Return session and connection of each login."""
        shown = self.admin("connection", "show", "--tid", "1")
        found, session = [], ""
        for line in shown.splitlines():
            if number := re.match(r"Session: (\d+)", line):
                session = number[1]
            elif number := re.match(r"\s*Connection: (\d+)", line):
                found.append((session, number[1]))
        return found

    def cut(self) -> int:
        """End all connections; return how many there were."""
        connections = self.connections()
        for session, connection in connections:
            self.run("connection", "delete", "--tid", "1", "--sid", session, "--cid", connection)
        return len(connections)

    @property
    def settings(self) -> Settings:
        """What an initiator needs, to log in."""
        return Settings(
            port=self.port, target=self.name, lun=LUN, reconnect_pause=(0.05, 0.5), reconnects=20
        )

    @property
    def url(self) -> str:
        return f"iscsi://127.0.0.1:{self.port}/{self.name}/{LUN}"

    def stop(self) -> None:
        """End it: it does not go by itself while it has targets."""
        if "Target 1:" in self.run("target", "show").stdout:
            self.run("target", "delete", "--tid", "1", "--force")
        self.run("system", "delete")
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.log.close()


@contextmanager
def tgtd(directory: Path, options: str = "") -> Iterator[Tgtd]:
    """Run the daemon for as long as the block lasts."""
    daemon = Tgtd(directory, options)
    try:
        daemon.wait()
        yield daemon
    finally:
        daemon.stop()
