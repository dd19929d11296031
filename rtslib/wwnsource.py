# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Where a fabric's port names come from on this machine: /sys, files, commands.

Knows the sysfs of Fibre Channel, InfiniBand, FireWire and VIO, and how to run a spec's command
safely. Knows neither the spec file's format nor configfs.
"""

from __future__ import annotations

import contextlib
import glob
import os
import re
import signal
import stat
from typing import TYPE_CHECKING

from rtslib.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["TIME_LIMIT", "Shell", "declared", "distrust", "fault", "words_of_files"]

#: Seconds that one command of a spec may take.
TIME_LIMIT = 10.0

_SEPARATORS = re.compile(r"[\s\0]+")


def _words(text: str) -> list[str]:
    return [word for word in _SEPARATORS.split(text) if word]


def _text(path: str) -> str | None:
    """Return a file's text, or None: ports come and go while one looks."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def words_of_files(patterns: Iterable[str]) -> list[str]:
    """Return the words of all files that the patterns match, in the order of their paths."""
    paths = [path for pattern in patterns for path in sorted(glob.glob(pattern))]
    return [word for path in paths for word in _words(_text(path) or "")]


def _link_name(path: str) -> str:
    """Return the last part of where a link leads, '' if there is no link."""
    return os.path.basename(os.path.realpath(path)) if os.path.islink(path) else ""


def _fc_host(argument: str) -> Iterator[str]:
    """Port names of Fibre Channel hosts whose device has this driver, or is on this bus."""
    link, _, wanted = argument.partition("=")
    for path in sorted(glob.glob("/sys/class/fc_host/host*/port_name")):
        # .../DEVICE/host7/fc_host/host7/port_name
        device = os.path.normpath(os.path.join(os.path.realpath(path), "../../../.."))
        if _link_name(f"{device}/{link}") == wanted:
            yield _text(path) or ""


def _infiniband_gids(_argument: str) -> Iterator[str]:
    """The first GID of every port."""
    for path in sorted(glob.glob("/sys/class/infiniband/*/ports/*/gids/0")):
        yield _text(path) or ""


def _firewire_guid(_argument: str) -> Iterator[str]:
    """The GUIDs of this machine's own FireWire cards."""
    for path in sorted(glob.glob("/sys/bus/firewire/devices/fw*/is_local")):
        if (_text(path) or "").strip() == "1":
            yield _text(os.path.join(os.path.dirname(path), "guid")) or ""


def _vio_devspec(argument: str) -> Iterator[str]:
    """The unit addresses of a VIO driver's devices: what follows '@' in their device tree path."""
    for path in sorted(glob.glob(f"/sys/module/{argument}/drivers/vio:{argument}/*/devspec")):
        yield (_text(path) or "").rpartition("@")[2]


#: kind -> (what its argument looks like, what yields the names)
_SOURCES: dict[str, tuple[str, Callable[[str], Iterator[str]]]] = {
    "fc_host": (r"(driver|subsystem)=[\w.+-]+", _fc_host),
    "infiniband_gids": ("", _infiniband_gids),
    "firewire_guid": ("", _firewire_guid),
    "vio_devspec": (r"[\w-]+", _vio_devspec),
}


def fault(source: str) -> str:
    """Return what is wrong with a declared source, '' if nothing."""
    kind, _, argument = source.partition(":")
    if kind not in _SOURCES:
        return f"unknown wwn_source {source!r}: {', '.join(_SOURCES)}"
    pattern = _SOURCES[kind][0]
    if not re.fullmatch(pattern, argument):
        return f"wwn_source {kind} takes {pattern or 'nothing'}, not {argument!r}"
    return ""


def declared(sources: Iterable[str]) -> list[str]:
    """Return the names that declared sources (``kind:argument``) find on this machine."""
    found = []
    for source in sources:
        kind, _, argument = source.partition(":")
        found += [word for name in _SOURCES[kind][1](argument) for word in _words(name)]
    return found


def distrust(path: str, status: os.stat_result) -> str:
    """Return why commands of the file at `path` may not be run, '' if they may.

    `status` is the open file's. Root runs them, so only root may have written them: the file and
    its directory must be root's and nobody else may write to them.
    """
    directory = os.path.dirname(os.path.realpath(path))
    for what, facts in ((path, status), (directory, os.stat(directory))):
        if facts.st_uid != 0:
            return f"{what} is not owned by root"
        if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"others than root may write to {what}"
    return ""


class Shell:
    """Runs the commands of one spec file."""

    def __init__(self, path: str, why_not: str, timeout: float) -> None:
        self.path = path
        self.why_not = why_not
        self.timeout = timeout

    def run(self, command: str, words: Iterable[str] = ()) -> list[str]:
        """Return the words that a shell command prints when it is fed `words`, one per line."""
        if self.why_not:
            raise SpecError(f"will not run {command!r}: {self.why_not}", file=self.path)
        try:
            out = self._run(command, "".join(f"{word}\n" for word in words).encode())
        except OSError as error:
            raise SpecError(f"cannot run {command!r}: {error.strerror}", file=self.path) from error
        return _words(out.decode(errors="replace"))

    def _run(self, command: str, fed: bytes) -> bytes:
        # Here, not above: no shipped spec runs a command.
        import subprocess

        # Its own session, so that a whole pipeline can be ended; of the environment, nothing.
        with subprocess.Popen(  # noqa: S603 the administrator's own command, see distrust()
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
            start_new_session=True,
        ) as process:
            try:
                out, err = process.communicate(fed, self.timeout)
            except subprocess.TimeoutExpired as late:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                raise SpecError(
                    f"{command!r} took longer than {self.timeout:g} seconds", file=self.path
                ) from late
        if process.returncode:
            said = err.decode(errors="replace").strip() or "it said nothing"
            raise SpecError(
                f"{command!r} failed with status {process.returncode}: {said}", file=self.path
            )
        return out
