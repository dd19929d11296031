# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The signed Debian packages a guest is made of: fetched once, unpacked in a cache, not installed.

The one exception is QEMU itself, which is installed, when missing, for root.  Every part of the
cache is built under another name and renamed when complete, with a lock held, so neither a killed
run nor a second run at the same time can leave or see half of one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

QEMU = "qemu-system-x86_64"
"""The emulator's program name."""

KERNELS = {"6.1": "linux-image-amd64", "6.12": "linux-image-6.12-amd64"}
"""Kernel series, and the package that always depends on the newest kernel of that series."""

TOOLS = (
    *("kmod", "iproute2", "libiscsi-bin", "libiscsi7", "open-iscsi", "sg3-utils"),
    *("python3-gi", "dbus-daemon"),  # for targetcli
)
"""What the guest has besides the host's own programs."""

APT_LISTS = Path("/var/lib/apt/lists")
DPKG_STATUS = Path("/var/lib/dpkg/status")
LISTS_GO_STALE_AFTER = 24 * 3600.0
USR_MERGED = ("bin", "sbin", "lib", "lib64")


class VmError(Exception):
    """The guest could not be made or run, or it broke; the text says what to do."""


def cache_directory() -> Path:
    """Return where the unpacked packages are: ``$RTSLIB_KERNEL_CACHE``, else below ``~/.cache``."""
    chosen = os.environ.get("RTSLIB_KERNEL_CACHE")
    directory = Path(chosen) if chosen else Path.home() / ".cache" / "rtslib-kernel"
    directory.mkdir(parents=True, exist_ok=True)
    return directory.resolve()


def note(text: str) -> None:
    """Tell the person waiting what takes the time."""
    os.write(2, f"vm: {text}\n".encode())


def output_of(
    command: Sequence[str], *, cwd: Path | None = None, env: dict[str, str] | None = None
) -> str:
    """Run one host program and return what it printed; failing, name it and its last words."""
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, capture_output=True, text=True, check=False
        )
    except OSError as error:
        message = f"cannot run {command[0]} ({error.strerror}); run this on a Debian machine"
        raise VmError(message) from error
    if done.returncode:
        words = done.stderr.strip()[-2000:]
        message = f"`{' '.join(command)}` failed with status {done.returncode}: {words}"
        raise VmError(message)
    return done.stdout


@contextmanager
def exclusive(cache: Path) -> Iterator[None]:
    """Hold the cache's lock; what an earlier holder left unfinished is removed."""
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for rubbish in cache.glob("*.part"):
            shutil.rmtree(rubbish)
        yield


def fill(place: Path, build: Callable[[Path], None]) -> Path:
    """Return ``place``, built under another name and renamed unless it exists (lock held)."""
    if not place.exists():
        part = place.with_name(f"{place.name}.{os.getpid()}.part")
        part.mkdir()
        build(part)
        part.rename(place)
    return place


def point(link: Path, target: Path) -> None:
    """Make ``link`` name its sibling ``target`` in one step, whatever it named (lock held)."""
    fresh = link.with_name(link.name + ".new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target.name)
    fresh.replace(link)


def require_qemu() -> str:
    """Return the emulator's path; as root install it when it is missing."""
    found = shutil.which(QEMU)
    if found is None and os.geteuid() == 0:
        refresh_lists()
        note("installing qemu-system-x86")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        output_of(
            ["apt-get", "install", "-y", "--no-install-recommends", "qemu-system-x86"],
            env=environment,
        )
        found = shutil.which(QEMU)
    if found is None:
        message = f"{QEMU} is missing; install it with `sudo apt-get install qemu-system-x86`"
        raise VmError(message)
    return found


def refresh_lists() -> None:
    """Bring apt's package lists up to date when there are none or they are old."""
    present = any(APT_LISTS.glob("*_Packages*"))
    # apt gives list files the server's times, so only the directories tell when it last ran.
    seen = max(
        (path.stat().st_mtime for path in (APT_LISTS, APT_LISTS / "partial") if path.exists()),
        default=0.0,
    )
    if present and time.time() - seen < LISTS_GO_STALE_AFTER:
        return
    if os.geteuid() == 0:
        note("refreshing apt's package lists")
        output_of(["apt-get", "update"])
    elif not present:
        message = f"apt has no package lists in {APT_LISTS}; run `sudo apt-get update` once"
        raise VmError(message)


def candidate(package: str) -> tuple[str, str]:
    """Return version and dependencies of the package apt would install now."""
    shown = output_of(["apt-cache", "show", "--no-all-versions", package])
    fields = dict(re.findall(r"^(Version|Depends): (.*)$", shown, re.MULTILINE))
    if "Version" not in fields:
        message = f"apt knows no package {package}; Debian 12 with its security updates has it"
        raise VmError(message)
    return fields["Version"], fields.get("Depends", "")


def newest_kernel(series: str) -> tuple[str, str]:
    """Return name and version of the newest kernel package of a series."""
    meta = KERNELS[series]
    _version, depends = candidate(meta)
    name = re.match(r"linux-image-\S+", depends)
    if name is None or not name[0].startswith(f"linux-image-{series}."):
        message = (
            f"{meta} depends on {depends!r}, which is no {series} kernel; use a Debian 12 machine"
        )
        raise VmError(message)
    return name[0], candidate(name[0])[0]


def missing_tools() -> list[tuple[str, str]]:
    """Return name and version of each package the guest's tools need and the host lacks."""
    plan = output_of(["apt-get", "install", "--simulate", "--no-install-recommends", *TOOLS])
    # With an old version in brackets it is an upgrade of what the host has: good as it is.
    return sorted(re.findall(r"^Inst (\S+) \((\S+) ", plan, re.MULTILINE))


def unpack(packages: Sequence[tuple[str, str]], tree: Path) -> None:
    """Fetch the packages and unpack them all into one tree laid out as the host's ``/`` is."""
    (tree / "usr").mkdir()
    for name in USR_MERGED:
        (tree / "usr" / name).mkdir()
        (tree / name).symlink_to(f"usr/{name}")
    debs = tree / "debs"
    debs.mkdir()
    for name, version in packages:
        note(f"fetching {name} {version}")
        output_of(
            ["apt-get", "-o", "APT::Sandbox::User=root", "download", f"{name}={version}"], cwd=debs
        )
    for deb in sorted(debs.iterdir()):
        unpack_one(deb, tree)
    shutil.rmtree(debs)


def unpack_one(deb: Path, tree: Path) -> None:
    """Unpack one package; paths in /bin, /sbin and /lib go through the tree's links into /usr."""
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE
    ) as archive:
        subprocess.run(
            ["tar", "-x", "--keep-directory-symlink", "--no-same-owner", "-C", str(tree)],
            stdin=archive.stdout,
            check=True,
        )
    if archive.returncode:
        message = f"dpkg-deb could not read {deb}, status {archive.returncode}"
        raise VmError(message)


def tools_tree(cache: Path) -> Path:
    """Return the tree of the guest's tools that the host, as it is now, lacks (lock held)."""
    installed = hashlib.sha256(DPKG_STATUS.read_bytes() + repr(TOOLS).encode()).hexdigest()[:16]
    link = cache / f"tools-for-{installed}"
    if not link.exists():
        refresh_lists()
        packages = missing_tools()
        wanted = hashlib.sha256(repr(packages).encode()).hexdigest()[:16]
        point(link, fill(cache / f"tools-{wanted}", lambda tree: unpack(packages, tree)))
    return link.resolve()


def kernel_tree(
    cache: Path, series: str, finish: Callable[[Path], None], *, refresh: bool = False
) -> Path:
    """Return a series' unpacked kernel, the newest when it was made by ``finish`` (lock held)."""
    link = cache / f"kernel-{series}"
    if refresh or not link.exists():
        refresh_lists()
        package = newest_kernel(series)

        def build(tree: Path) -> None:
            unpack([package], tree)
            finish(tree)

        point(link, fill(cache / "-".join(package), build))
    return link.resolve()


def busybox(cache: Path) -> Path:
    """Return the statically linked program the guest starts with (lock held)."""
    link = cache / "busybox"
    if not link.exists():
        refresh_lists()
        version, _depends = candidate("busybox-static")
        package = ("busybox-static", version)
        point(
            link,
            fill(cache / "-".join(package).replace(":", "_"), lambda tree: unpack([package], tree)),
        )
    return link.resolve() / "bin" / "busybox"
