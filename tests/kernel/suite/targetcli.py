# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""targetcli, unmodified, over this library or over rtslib-fb, as root in the guest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from consumers import transcript
from consumers.terminal import Terminal

from suite import machine, tree

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).resolve().parents[3]
CONSUMERS = REPOSITORY / "tests/consumers"
LIBRARIES = ("rtslib-fb", "rtslib")
"""The one that sets the standard, and this one."""

BUS_SOCKET = "/run/dbus/system_bus_socket"
# Debian's own configuration wants a user that only installing its package makes.
BUS = f"""\
<busconfig>
 <type>system</type>
 <listen>unix:path={BUS_SOCKET}</listen>
 <auth>EXTERNAL</auth>
 <policy context="default">
  <allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/>
 </policy>
</busconfig>
"""


def environment(library: str) -> Path:
    """Return the virtual environment that has targetcli over one of LIBRARIES."""
    return Path(os.environ["RTSLIB_ENVIRONMENTS"], library)


def command(library: str, *words: str) -> list[str]:
    """Return the words that run targetcli."""
    (script,) = environment(library).glob("lib/*/site-packages/bin/targetcli")
    return [str(environment(library) / "bin/python"), str(script), *words]


def variables(library: str, home: Path) -> dict[str, str]:
    """Return the process environment for targetcli; its preferences are kept below `home`."""
    result = {**os.environ, "TARGETCLI_HOME": str(home), "HOME": str(home)}
    result.pop("PYTHONPATH", None)
    # What is installed has its byte code, and so has the other library.
    result.pop("PYTHONDONTWRITEBYTECODE", None)
    if library == "rtslib":
        result["PYTHONPATH"] = str(REPOSITORY)
    return result


@contextmanager
def system_bus(directory: Path) -> Iterator[None]:
    """Run a D-Bus system bus and, on it, what targetcli takes for tcmu-runner."""
    (directory / "bus.conf").write_text(BUS)
    os.makedirs(os.path.dirname(BUS_SOCKET), exist_ok=True)
    words = ["dbus-daemon", f"--config-file={directory}/bus.conf", "--nofork", "--nopidfile"]
    python = str(environment("rtslib-fb") / "bin/python")
    with ended(subprocess.Popen(words)):
        machine.until(lambda: os.path.exists(BUS_SOCKET), "a system bus")
        service = subprocess.Popen(
            [python, str(CONSUMERS / "tcmu_service.py")], stdout=subprocess.PIPE, text=True
        )
        with ended(service):
            assert service.stdout
            assert service.stdout.readline() == "serving\n"
            yield


@contextmanager
def ended(process: subprocess.Popen[Any]) -> Iterator[None]:
    """End a process with the block."""
    with process:
        try:
            yield
        finally:
            process.send_signal(signal.SIGTERM)


@dataclass
class Played:
    """What came of the transcript over one library, in a directory."""

    directory: str
    wrong: dict[int, str] = field(default_factory=dict)
    printed: dict[int, str] = field(default_factory=dict)
    trees: dict[str, dict[str, str]] = field(default_factory=dict)
    saved: dict[str, Any] = field(default_factory=dict)


def play(library: str, above: Path) -> Played:
    """Play the whole transcript in a terminal, in a new directory."""
    # Its name is of no length of its own: the kernel cuts what is too long.
    directory = above / f"{library:_<9}"
    directory.mkdir()
    with (directory / "existing.img").open("wb") as image:
        image.truncate(machine.MIB)
    names = {
        "dir": str(directory),
        "block": machine.ZRAM,
        "scsi": machine.scsi_debug_disk(),
    }
    # What was set cannot be made as if it never was: begin alike, with nothing set.
    for name in ("userid", "password", "userid_mutual", "password_mutual"):
        Path(tree.ROOT, "iscsi/discovery_auth", name).write_text("NULL")
    played = Played(str(directory))

    def start() -> Terminal:
        environment = variables(library, directory / "home")
        return Terminal(command(library), environment, str(directory))

    player = transcript.Player(start, names, lambda name: snapshot(played, name), library)
    played.wrong = player.play(transcript.read(CONSUMERS / "targetcli.txt"), {"devices"})
    played.printed = player.printed
    for path in sorted(directory.glob("*.json")):
        played.saved[path.name] = json.loads(path.read_text())
    return played


def snapshot(played: Played, name: str) -> None:
    """Keep the kernel's whole tree."""
    played.trees[name] = tree.contents()
