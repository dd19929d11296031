# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Debian trees to install packages into: a fresh one from the cache, and a layer of memory over it.

The fresh tree is made once, by debootstrap, and never changed; what apt fetches is kept beside it.
All mounts are in the tests' own mount namespace and go with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from packages import exclusive, fill, note, output_of, refresh_lists

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["REPOSITORY", "Root", "cache", "fresh", "layer", "packages_of"]

REPOSITORY = Path(__file__).resolve().parents[3]
RELEASE = "bookworm"
#: What a Debian machine with systemd has, and no more.
INCLUDE = "systemd,systemd-sysv,udev,dbus,kmod,iproute2,apt-utils"

#: Nothing that is installed may start: the kernel is the host's.
POLICY = "#!/bin/sh\nexit 101\n"
ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}


class Root:
    """A tree that programs can be run in; `layers` are the directories that it is made of."""

    def __init__(self, path: Path, layers: Sequence[Path] = ()) -> None:
        self.path = path
        self.layers = layers or (path,)

    def at(self, name: str) -> Path:
        """Return where a file of the tree is, links not followed."""
        return self.path / name.lstrip("/")

    def write(self, name: str, text: str, mode: int = 0o644) -> None:
        """Write a file into the tree."""
        self.at(name).parent.mkdir(parents=True, exist_ok=True)
        self.at(name).write_text(text, "utf-8")
        self.at(name).chmod(mode)

    def run(self, command: str, **environment: str) -> str:
        """Run a shell's command in the tree and return what it says; it must end with 0."""
        done = subprocess.run(
            ["chroot", str(self.path), "/bin/sh", "-ec", command],
            env={**ENVIRONMENT, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        # Shown by pytest where the test fails.
        sys.stdout.write(f"# {command}\n{done.stdout}")
        assert done.returncode == 0, f"{command}: status {done.returncode}\n{done.stdout}"
        return done.stdout

    def python(self, code: str, **environment: str) -> str:
        """Run a Python program in the tree."""
        self.write("/root/program.py", code)
        return self.run("python3 /root/program.py", **environment)

    def install(self, *what: str) -> str:
        """Install packages, by name or from the host's files, as apt does."""
        given = []
        for item in what:
            if "/" in item:
                shutil.copy(item, self.at("/root"))
                given.append(f"/root/{Path(item).name}")
            else:
                given.append(item)
        return self.run(f"apt-get install -y --no-install-recommends {' '.join(given)}")

    def status(self, package: str) -> str:
        """Return dpkg's word on a package: ``installed``, ``config-files``; or nothing."""
        query = f"dpkg-query -W -f '${{db:Status-Status}}' {package} 2>/dev/null || true"
        return self.run(query).strip()


def cache() -> Path:
    """Return the directory of what is made once."""
    chosen = os.environ.get("RTSLIB_DEBIAN_CACHE")
    directory = Path(chosen) if chosen else Path.home() / ".cache" / "rtslib-debian"
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()


def fresh() -> Root:
    """Return the tree of a fresh Debian, made if it is not there."""
    with exclusive(cache()):
        return Root(fill(cache() / f"{RELEASE}-{INCLUDE.replace(',', '+')}", _debootstrap))


def _debootstrap(place: Path) -> None:
    if shutil.which("debootstrap", path=ENVIRONMENT["PATH"]) is None:
        refresh_lists()
        note("installing debootstrap")
        output_of(
            ["apt-get", "install", "-y", "--no-install-recommends", "debootstrap"],
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    note(f"making a tree of Debian {RELEASE}, which takes some minutes")
    output_of(
        ["debootstrap", "--variant=minbase", f"--include={INCLUDE}", RELEASE, str(place)],
        env={**os.environ, "PATH": ENVIRONMENT["PATH"]},
    )
    root = Root(place)
    root.write("/usr/sbin/policy-rc.d", POLICY, 0o755)
    # What is fetched stays fetched.
    root.write("/etc/apt/apt.conf.d/01keep", 'APT::Keep-Downloaded-Packages "true";\n')
    root.run("rm -f /etc/apt/apt.conf.d/docker-clean; apt-get update -qq")


@contextmanager
def layer(below: Root) -> Iterator[Root]:
    """Show a tree with a layer of memory over it, with /proc, /dev and a network."""
    with tempfile.TemporaryDirectory() as place:
        memory, top = Path(place, "memory"), Path(place, "top")
        memory.mkdir()
        top.mkdir()
        _mount("tmpfs", memory, "-t", "tmpfs", "-o", "mode=0755")
        for name in ("upper", "work"):
            (memory / name).mkdir()
        # The layers side by side: the kernel does not pile up more than two such mounts.
        lower = ":".join(map(str, below.layers))
        options = f"lowerdir={lower},upperdir={memory}/upper,workdir={memory}/work"
        _mount("overlay", top, "-t", "overlay", "-o", options)
        kept = cache() / "archives"
        (kept / "partial").mkdir(parents=True, exist_ok=True)
        _mount("proc", top / "proc", "-t", "proc")
        _mount("/dev", top / "dev", "--rbind")
        _mount(kept, top / "var/cache/apt/archives", "--bind")
        shutil.copy("/etc/resolv.conf", top / "etc/resolv.conf")
        try:
            yield Root(top, (memory / "upper", *below.layers))
        finally:
            subprocess.run(["umount", "--recursive", "--lazy", str(top)], check=True)
            subprocess.run(["umount", "--lazy", str(memory)], check=True)


def _mount(what: object, where: Path, *options: str) -> None:
    subprocess.run(["mount", *options, str(what), str(where)], check=True)


def packages_of(*names: str) -> list[str]:
    """Return the Debian packages that ``make deb`` has built."""
    found = []
    for name in names:
        (deb,) = (REPOSITORY / "build/deb").glob(f"{name}_*.deb")
        found.append(str(deb))
    return found
