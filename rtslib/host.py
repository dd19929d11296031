# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What the target needs of this machine: modules, the configfs mount, addresses, the dbroot.

Knows /proc, /sys and the commands modprobe and mount; knows nothing of nodes. Asking changes
nothing: only `modprobe`, `mount_configfs`, `prepare` and `make_dbroot_dirs` do.
"""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

from rtslib.configfs import TARGET_ROOT, HostConfigFS
from rtslib.errors import HostError, InvalidValueError
from rtslib.portal import canonical_ip

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtslib.configfs import ConfigFS
    from rtslib.portal import IPAddress

__all__ = [
    "CONFIGFS_ROOT",
    "DEFAULT_DBROOT",
    "configfs_mounted",
    "is_host",
    "is_local",
    "is_module_present",
    "list_loaded_kernel_modules",
    "local_addresses",
    "make_dbroot_dirs",
    "modprobe",
    "mount_configfs",
    "page_size",
    "prepare",
]

CONFIGFS_ROOT = "/sys/kernel/config"

#: What the kernel takes for its database directory if it exists when target_core_mod loads.
DEFAULT_DBROOT = "/etc/target"

#: Seconds that a module may take to load; drivers probe their hardware meanwhile.
TIME_LIMIT = 120.0

_MODULE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def page_size() -> int:
    """Return the machine's page size in bytes."""
    return os.sysconf("SC_PAGE_SIZE")


def _lines(path: str) -> list[str]:
    """Return a file's lines, none where there is no such file (a container, another kernel)."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def list_loaded_kernel_modules() -> list[str]:
    """Return the names of the loaded modules, as /proc/modules has them (with '_', not '-')."""
    return [line.split(" ", 1)[0] for line in _lines("/proc/modules") if line]


def is_module_present(module: str) -> bool:
    """Tell whether a module is loaded or built into the kernel."""
    name = module.replace("-", "_")
    if name in list_loaded_kernel_modules() or os.path.isdir(f"/sys/module/{name}"):
        return True
    # A built-in without parameters has no directory there.
    builtin = _lines(f"/lib/modules/{os.uname().release}/modules.builtin")
    return any(
        os.path.basename(path).partition(".")[0].replace("-", "_") == name for path in builtin
    )


def modprobe(module: str) -> None:
    """Load a module unless it is there already."""
    if not _MODULE.fullmatch(module):
        raise InvalidValueError(f"{module!r} is not the name of a module", value=module)
    if not is_module_present(module):
        hint = f"is {module} installed for this kernel, and the hardware present?"
        _command("modprobe", module, hint=hint)


def _modprobe_one_of(modules: Iterable[str]) -> None:
    """Load the first that loads: modules have had other names."""
    first_error: HostError | None = None
    for module in modules:
        try:
            return modprobe(module)
        except HostError as error:
            first_error = first_error or error
    if first_error:
        raise first_error
    return None


def _command(name: str, *arguments: str, hint: str) -> None:
    # Here, not above: most programs find everything loaded and mounted.
    import shutil
    import subprocess

    line = " ".join((name, *arguments))
    # A service's PATH may lack the administrator's directories.
    search = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    program = shutil.which(name, path=search)
    if not program:
        raise HostError(
            f"cannot {line}: there is no such command here",
            operation=name,
            errno=errno.ENOENT,
            hint="run it on the host if this is a container",
        )
    try:
        done = subprocess.run(  # noqa: S603 a fixed program, checked arguments, no shell
            [program, *arguments],
            check=False,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=TIME_LIMIT,
        )
    except subprocess.TimeoutExpired as late:
        raise HostError(
            f"cannot {line}: it took longer than {TIME_LIMIT:g} seconds", operation=name, hint=hint
        ) from late
    except OSError as error:
        raise HostError(
            f"cannot {line}: {error.strerror}", operation=name, errno=error.errno, hint=hint
        ) from error
    if done.returncode:
        said = done.stderr.strip() or f"status {done.returncode}"
        raise HostError(f"cannot {line}: {said}", operation=name, hint=hint)


def configfs_mounted() -> bool:
    """Tell whether configfs is mounted at its usual place."""
    mounts = (line.split(" ") for line in _lines("/proc/self/mounts"))
    return any(fields[1:3] == [CONFIGFS_ROOT, "configfs"] for fields in mounts)


def mount_configfs() -> None:
    """Mount configfs at its usual place unless it is there already."""
    if configfs_mounted():
        return
    if not os.path.isdir(CONFIGFS_ROOT):
        modprobe("configfs")
    _command(
        "mount", "-t", "configfs", "configfs", CONFIGFS_ROOT,
        hint="a container needs the host's configfs mounted into it",
    )  # fmt: skip


def is_host(fs: ConfigFS) -> bool:
    """Tell whether a tree is the running kernel's, also behind wrappers."""
    inner: object = fs
    while hasattr(inner, "inner"):
        inner = inner.inner
    return isinstance(inner, HostConfigFS) and inner.root == TARGET_ROOT


def prepare(fs: ConfigFS, module: str | Iterable[str] | None = None) -> None:
    """Make the kernel ready for a change: configfs, target_core_mod and a fabric's module.

    `module` may be several names for one module, newest first. Does nothing for a tree that is
    not the running kernel's.
    """
    if not is_host(fs):
        return
    # The directory is target_core_mod's: where it is, the rest has been done.
    if not os.path.isdir(TARGET_ROOT):
        mount_configfs()
        modprobe("target_core_mod")
    if module is not None:
        _modprobe_one_of([module] if isinstance(module, str) else module)


def make_dbroot_dirs(dbroot: str = DEFAULT_DBROOT) -> None:
    """Make the directories in which the kernel keeps what survives a reboot.

    Persistent reservations (APTPL) fail without ``pr``, ALUA states are not kept without ``alua``.
    """
    for name in ("pr", "alua"):
        path = os.path.join(dbroot, name)
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
        except OSError as error:
            raise HostError(
                f"cannot make {path}: {error.strerror}",
                operation="mkdir",
                path=path,
                errno=error.errno,
            ) from error


def local_addresses() -> set[str]:
    """Return the addresses of this machine's interfaces, in the form of ``portal``."""
    # Here, not above: only portals ask, and the import loads a C extension.
    import netifaces

    found: set[str] = set()
    for interface in netifaces.interfaces():
        try:
            families = netifaces.ifaddresses(interface)
        except ValueError:
            # The interface has gone since it was listed, and its addresses with it.
            continue
        for family in (netifaces.AF_INET, netifaces.AF_INET6):
            found.update(canonical_ip(address["addr"]) for address in families.get(family, ()))
    return found


def is_local(ip: str | IPAddress) -> bool:
    """Tell whether a portal at this address would listen on something: wildcards always do."""
    wanted = canonical_ip(ip)
    if wanted in {"0.0.0.0", "::"}:  # noqa: S104 compared with, not bound
        return True
    plain = wanted.removeprefix("::ffff:") if "." in wanted else wanted
    # Not every netifaces tells the scope of a link-local address.
    return any(known in {plain, plain.partition("%")[0]} for known in local_addresses())
