# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What is configured beside what an initiator sees: every difference, with both values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.verify.expected import Disk, Entry
    from rtslib.verify.seen import Seen, SeenDisk

__all__ = ["Fault", "compare"]


class Fault(NamedTuple):
    """One difference: what it is about, of which LUN if of one, and what it is in words."""

    about: str
    text: str
    lun: Optional[int] = None
    configured: Any = None
    seen: Any = None


def compare(entry: Entry, seen: Seen) -> Iterator[Fault]:
    """Yield all in which an initiator does not see what is configured."""
    if seen.depth != entry.depth:
        yield Fault(
            "depth",
            f"{seen.depth} commands are taken at a time, {entry.depth} are configured",
            configured=entry.depth,
            seen=seen.depth,
        )
    configured = {it.lun: it for it in entry.disks}
    for lun, disk in configured.items():
        yield from _disk(disk, seen.disks.get(lun))
    for lun, extra in seen.disks.items():
        if lun not in configured:
            serial = f", with serial {extra.serial}" if extra.serial else ""
            text = f"LUN {lun} is seen{serial}, and is not configured"
            yield Fault("extra", text, lun, seen=extra.serial)


def _disk(disk: Disk, seen: SeenDisk | None) -> Iterator[Fault]:
    name = f"LUN {disk.lun} ({disk.name})"
    if seen is None:
        yield Fault("missing", f"{name} is not seen", disk.lun, configured=disk.name)
        return
    if seen.error:
        yield Fault("error", f"{name} cannot be used: {seen.error}", disk.lun, seen=seen.error)
        return
    for about, have, want in (
        ("serial", seen.serial, disk.serial),
        ("size", seen.size, _whole(disk.size, seen.block_size)),
        ("block_size", seen.block_size, disk.block_size),
        ("write_protected", seen.write_protected, disk.write_protected),
    ):
        if have is not None and want is not None and have != want:
            text = _WORDS[about].format(have=_shown(have), want=_shown(want))
            yield Fault(about, f"{name} {text}", disk.lun, want, have)


_WORDS = {
    "serial": "has serial {have}, {want} is configured",
    "size": "has {have} bytes, {want} are configured",
    "block_size": "has blocks of {have} bytes, {want} are configured",
    "write_protected": "is {have}, and is configured as {want}",
}


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "write-protected" if value else "writable"
    return str(value)


def _whole(size: int | None, block_size: int | None) -> int | None:
    """Return how much of a size initiators can use: whole blocks."""
    return size if size is None or not block_size else size - size % block_size
