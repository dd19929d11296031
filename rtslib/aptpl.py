# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Persistent reservations that survive power loss (APTPL): give them back to the kernel.

The kernel writes the registrations of a unit to <dbroot>/pr/aptpl_<serial>, and never reads
them: user space must, after the serial is set and before the first LUN links to the object.
Source: drivers/target/target_core_pr.c, core_scsi3_update_aptpl_buf; target_core_configfs.c,
target_pr_res_aptpl_metadata_store.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rtslib import blockdev, door
from rtslib.errors import KernelError
from rtslib.values import LINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.configfs import ConfigFS
    from rtslib.node import Node

__all__ = ["directory", "kept", "registrations", "restore"]

#: How the files begin that registrations are kept in: the unit serial follows.
_PREFIX = "aptpl_"
_READ = os.O_RDONLY | os.O_CLOEXEC


def registrations(text: str) -> Iterator[str]:
    """Yield each registration of an APTPL file as the one line that the kernel takes back."""
    fields: list[str] | None = None
    for line in text.splitlines():
        if line.startswith("PR_REG_START:"):
            fields = []
        elif line.startswith("PR_REG_END:") and fields is not None:
            yield ",".join(fields)
            fields = None
        elif fields is not None and "=" in line:
            fields.append(_field(line.strip()))


def _field(field: str) -> str:
    """Return a field as the kernel reads it: two are written in hex, as 08, and read as octal."""
    key, _, value = field.partition("=")
    return f"{key}=0x{value}" if key in ("res_type", "res_scope") else field


def directory(fs: ConfigFS) -> str:
    """Return the directory of this machine that the kernel keeps registrations in."""
    return f"{LINE.decode(door.read(fs, 'dbroot'))}/pr"


def kept(fs: ConfigFS) -> frozenset[str]:
    """Return the serials that registrations are kept for. HostError if that cannot be found out."""
    path = directory(fs)
    try:
        names = os.listdir(path)
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise blockdev.host_error(error, "list", path, "the reservations kept in ") from error
    return frozenset(name[len(_PREFIX) :] for name in names if name.startswith(_PREFIX))


def restore(storage_object: Node, serial: str) -> int:
    """Feed the registrations kept for a serial to the object; return how many there were.

    One that the kernel refuses ends it, and with it the creation of an object of that serial: a
    disk without a reservation that was to outlive power loss would be worse than no disk. The
    error's hint names the file, which is then to be repaired, or removed to do without.
    """
    if "/" in serial or not serial:
        return 0
    path = f"{directory(storage_object.fs)}/{_PREFIX}{serial}"
    try:
        # Hardly ever there: open() would take longer to find that out.
        with open(os.open(path, _READ), encoding="ascii", errors="surrogateescape") as file:
            text = file.read()
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise blockdev.host_error(error, "read", path, "the reservations kept in ") from error
    count = 0
    for registration in registrations(text):
        try:
            storage_object.write("pr/res_aptpl_metadata", registration)
        except KernelError as error:
            repair = f"it was kept in {path}: repair that file, or remove it to do without"
            error.hint = "; ".join(filter(None, (error.hint, repair)))
            raise
        count += 1
    return count
