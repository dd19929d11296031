# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Facts about block and SCSI devices, from /sys, /proc and /dev alone.

Knows how the kernel shows devices; changes nothing, and knows no configfs.
"""

from __future__ import annotations

import errno
import os
import re
import stat

from rtslib.errors import HostError, InvalidValueError

__all__ = [
    "convert_scsi_hctl_to_path",
    "convert_scsi_path_to_hctl",
    "device_in_use",
    "get_block_size",
    "get_block_type",
    "get_blockdev_type",
    "get_size_for_blk_dev",
    "get_size_for_disk_name",
    "holders",
    "host_error",
    "is_block",
    "is_disk",
    "is_read_only",
    "logical_block_size",
    "size_by_number",
    "size_in_bytes",
]

#: SCSI peripheral device type of a disk.
TYPE_DISK = 0

#: What /sys counts sizes in, whatever the device's own block size is.
SECTOR = 512

_HCTL = re.compile(r"([0-9]+):([0-9]+):([0-9]+):([0-9]+)")


def host_error(error: OSError, operation: str, path: str, what: str = "") -> HostError:
    """Return the error to raise for what this machine refused, `what` it was to be done to."""
    return HostError(
        f"cannot {operation} {what}{path or 'a device of no name'}: {error.strerror}",
        operation=operation,
        path=path,
        errno=error.errno,
    )


def _stat(path: str) -> os.stat_result:
    try:
        return os.stat(path)
    except OSError as error:
        raise host_error(error, "find", path) from error


def _sysfs(status: os.stat_result) -> str:
    """Return the /sys directory of a device node."""
    kind = "block" if stat.S_ISBLK(status.st_mode) else "char"
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    return f"/sys/dev/{kind}/{major}:{minor}"


def _block(path: str) -> str:
    """Return the /sys directory of a block device; InvalidValueError if it is none."""
    status = _stat(path)
    if not stat.S_ISBLK(status.st_mode):
        raise InvalidValueError(f"{path} is not a block device", path=path)
    return _sysfs(status)


def _text(path: str) -> str | None:
    """Return a file's text without the newline, None where there is none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _number(path: str) -> int | None:
    text = _text(path)
    return int(text) if text else None


def _names(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _queue(sysfs: str) -> str:
    """Return the queue directory of a disk, or of the disk that a partition is on."""
    own = f"{sysfs}/queue"
    return own if os.path.isdir(own) else f"{os.path.dirname(os.path.realpath(sysfs))}/queue"


def _sectors(sysfs: str, what: str) -> int:
    file = f"{sysfs}/size"
    sectors = _number(file)
    if sectors is None:
        raise HostError(f"cannot tell the size of {what}: {file} is missing", path=file)
    return sectors


def size_by_number(major: int, minor: int) -> int:
    """Return the size in bytes of the block device of these numbers."""
    return _sectors(f"/sys/dev/block/{major}:{minor}", f"block device {major}:{minor}") * SECTOR


def is_block(path: str) -> bool:
    """Tell whether there is a block device at a path; False where there is nothing."""
    try:
        return stat.S_ISBLK(os.stat(path).st_mode)
    except OSError:
        return False


def size_in_bytes(path: str) -> int:
    """Return the size of a block device, a partition or a file."""
    status = _stat(path)
    if stat.S_ISREG(status.st_mode):
        return status.st_size
    return _sectors(_block(path), path) * SECTOR


def logical_block_size(path: str) -> int:
    """Return a block device's logical block size in bytes."""
    return _number(f"{_queue(_block(path))}/logical_block_size") or SECTOR


def is_read_only(path: str) -> bool:
    """Tell whether a block device takes no writes."""
    return _number(f"{_block(path)}/ro") == 1


def get_size_for_blk_dev(path: str) -> int:
    """Return a block device's size in its own logical blocks."""
    return size_in_bytes(path) // logical_block_size(path)


get_block_size = get_size_for_blk_dev


def get_size_for_disk_name(name: str) -> int:
    """Return the size in logical blocks of a disk by its kernel name: sda, cciss/c0d0, sda1."""
    sysfs = f"/sys/class/block/{name.replace('/', '!')}"
    if not os.path.isdir(sysfs):
        raise HostError(f"there is no block device {name}", path=sysfs, errno=errno.ENODEV)
    block = _number(f"{_queue(sysfs)}/logical_block_size") or SECTOR
    return _sectors(sysfs, name) * SECTOR // block


def get_blockdev_type(path: str) -> int | None:
    """Return a block device's SCSI type (0: disk, also where it is no SCSI device), else None."""
    try:
        sysfs = _block(path)
    except (HostError, InvalidValueError):
        return None
    if not os.path.isdir(sysfs):
        return None
    return _number(f"{sysfs}/device/type") or TYPE_DISK


get_block_type = get_blockdev_type


def is_disk(path: str) -> bool:
    """Tell whether a path is a block device of type disk."""
    return get_blockdev_type(path) == TYPE_DISK


def device_in_use(path: str) -> bool:
    """Tell whether somebody holds a device exclusively: a mount, dm, md, swap, another target.

    HostError where it cannot even be opened. A file is never in use in this sense.
    """
    status = _stat(path)
    if stat.S_ISREG(status.st_mode):
        return False
    # sg devices give an exclusive descriptor to writers only; asking a disk for writing would
    # make udev probe it again on close.
    access = os.O_RDWR if stat.S_ISCHR(status.st_mode) else os.O_RDONLY
    try:
        fd = os.open(path, access | os.O_EXCL | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.EBUSY:
            return True
        raise host_error(error, "open", path) from error
    os.close(fd)
    return False


def holders(path: str) -> list[str]:
    """Say who holds a block device or its partitions, as far as /proc and /sys tell."""
    sysfs = os.path.realpath(_block(path))
    # Partitions are directories inside their disk's, with a `partition` file.
    parts = [name for name in _names(sysfs) if os.path.exists(f"{sysfs}/{name}/partition")]
    found: list[str] = []
    for directory in (sysfs, *(f"{sysfs}/{name}" for name in parts)):
        found += _held_by(directory)
    return found


def _held_by(sysfs: str) -> list[str]:
    name = os.path.basename(sysfs).replace("!", "/")
    found = [f"{name} is mounted at {where}" for where in _mounts(_text(f"{sysfs}/dev"))]
    found += [f"{name} is swap" for swap in _swaps() if os.path.basename(swap) == name]
    for holder in _names(f"{sysfs}/holders"):
        alias = _text(f"/sys/class/block/{holder}/dm/name")
        found.append(f"{name} is part of {holder}" + (f" ({alias})" if alias else ""))
    return found


def _mounts(number: str | None) -> list[str]:
    """Return where the device MAJOR:MINOR is mounted."""
    fields = (line.split() for line in (_text("/proc/self/mountinfo") or "").splitlines())
    return [_unescape(field[4]) for field in fields if field[2] == number]


def _unescape(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), text)


def _swaps() -> list[str]:
    lines = (_text("/proc/swaps") or "").splitlines()[1:]
    return [os.path.realpath(_unescape(line.split()[0])) for line in lines]


def convert_scsi_path_to_hctl(path: str | os.PathLike[str]) -> list[int]:
    """Return [host, controller, target, lun] of a SCSI device.

    Takes any device node of it (sd, sr, st, sg, sch), a link to one, or H:C:T:L itself.
    """
    path = os.fspath(path)
    given = _HCTL.fullmatch(path)
    if given:
        return [int(part) for part in given.groups()]
    status = _stat(path)
    if stat.S_ISBLK(status.st_mode) or stat.S_ISCHR(status.st_mode):
        # .../0:0:0:0/block/sda/sda1: the innermost one is the device's own.
        for part in reversed(os.path.realpath(_sysfs(status)).split("/")):
            address = _HCTL.fullmatch(part)
            if address:
                return [int(number) for number in address.groups()]
    raise InvalidValueError(f"{path} is not a SCSI device", path=path)


#: Where a SCSI device's node is named, what is best to use first; the last is there always.
_NODES = ("block", "scsi_tape", "scsi_changer", "scsi_generic")


def convert_scsi_hctl_to_path(
    host: int | str, controller: int | str, target: int | str, lun: int | str
) -> str:
    """Return the device node of a SCSI device, '' if no driver made one."""
    try:
        address = ":".join(str(int(part)) for part in (host, controller, target, lun))
    except ValueError as error:
        raise InvalidValueError("host, controller, target and lun must be numbers") from error
    sysfs = f"/sys/bus/scsi/devices/{address}"
    if not os.path.isdir(sysfs):
        raise HostError(f"there is no SCSI device {address}", path=sysfs, errno=errno.ENODEV)
    for kind in _NODES:
        # A tape is st0, st0a, st0l, nst0 ...: the shortest is the plain one.
        names = sorted(_names(f"{sysfs}/{kind}"), key=lambda name: (len(name), name))
        if names:
            return f"/dev/{names[0].replace('!', '/')}"
    return ""
