# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The backends: what each takes in control, does on enable, and shows in info.

fileio, iblock, rd_mcp, pscsi, user: drivers/target/target_core_{file,iblock,rd,pscsi,user}.c.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from rtslib.testing import parsers
from rtslib.testing.parsers import cut, fail, option_number

if TYPE_CHECKING:
    from rtslib.testing.directory import Directory

__all__ = ["BACKENDS", "Backend", "hba_number", "scsi_host"]

PAGE = 4096
FD_MAX_BYTES = 8 << 20
FD_MAX_DEV_NAME = 256
UDEV_PATH_LEN = 512
RD_PAGES_PER_TABLE = 65536 // 32  # RD_MAX_ALLOCATION_SIZE / sizeof(struct scatterlist)
INT_MAX = (1 << 31) - 1


class Backend(NamedTuple):
    """Options of control (%s or %d), what an option does, enable, and the last lines of info."""

    options: dict[str, type]
    option: Callable[[Directory, str, str], None]
    configure: Callable[[Directory], dict[str, int]]
    info: Callable[[Directory], str]


# fileio


def _fd_option(so: Directory, key: str, value: str) -> None:
    if key == "fd_dev_name":
        so.set(fd_dev_name=cut(value, FD_MAX_DEV_NAME - 1))
    elif key == "fd_dev_size":
        so.set(fd_dev_size=parsers.number(value, 0, (1 << 64) - 1))
    elif option_number(value) != 1:  # fd_buffered_io and fd_async_io know only "on"
        fail(errno.EINVAL)
    else:
        so.set(**{key: 1})


def _fd_configure(so: Directory) -> dict[str, int]:
    path = so.data.get("fd_dev_name")
    if path is None:
        fail(errno.EINVAL)
    host = so.tree.host
    host.open_file(path)
    limits = {"hw_queue_depth": 128, "emulate_write_cache": so.data.get("fd_buffered_io", 0)}
    path = os.path.join("/", path)
    if host.kind(path) == stat.S_IFBLK:
        disk = host.device(path)
        so.set(disk=dataclasses.asdict(disk), fd_dev_size=disk.size - disk.block_size)
        block_size = disk.block_size
        limits.update(_discard(disk), max_write_same_len=0xFFFF, is_nonrot=not disk.rotational)
    else:
        if "fd_dev_size" not in so.data:
            fail(errno.EINVAL)
        block_size = 512
        limits.update(
            max_unmap_lba_count=0x2000,
            max_unmap_block_desc_count=1,
            unmap_granularity=1,
            max_write_same_len=0x1000,
        )
    so.set(max_bytes_per_io=FD_MAX_BYTES)
    limits.update(hw_block_size=block_size, hw_max_sectors=FD_MAX_BYTES // block_size)
    so.set(fd_dev_id=_hba_count(so))
    return limits


def _fd_info(so: Directory) -> str:
    data = so.data
    mode = "Buffered-WCE" if data.get("fd_buffered_io") else "O_DSYNC"
    return (
        f"        TCM FILEIO ID: {data.get('fd_dev_id', 0)}"
        f"        File: {data.get('fd_dev_name', '')}  Size: {data.get('fd_dev_size', 0)}"
        f"  Mode: {mode} Async: {data.get('fd_async_io', 0)}\n"
    )


# iblock


def _discard(disk: Any) -> dict[str, int]:
    if not disk.max_unmap_lba_count:
        return {}
    return {
        "max_unmap_lba_count": disk.max_unmap_lba_count,
        "max_unmap_block_desc_count": 1,
        "unmap_granularity": disk.unmap_granularity,
    }


def _claim(so: Directory, path: str, *, write: bool) -> Any:
    """Open a block device exclusively: blkdev_get_by_path()."""
    tree = so.tree
    disk = tree.host.device(path)
    key = os.path.normpath(path)
    if disk.claimed or key in tree.claims:
        fail(errno.EBUSY, path)
    if write and disk.readonly:
        fail(errno.EACCES, path)
    tree.claims.add(key)
    so.set(claim=key)
    return disk


def _iblock_option(so: Directory, key: str, value: str) -> None:
    if key == "udev_path":
        if so.data.get("configured"):
            fail(errno.EEXIST)
        so.set(udev_path=cut(value, UDEV_PATH_LEN - 1))
    elif key == "readonly":  # and nothing comes of force
        so.set(readonly=int(bool(parsers.number(value, 0, (1 << 64) - 1))))


def _iblock_configure(so: Directory) -> dict[str, int]:
    path = so.data.get("udev_path")
    if path is None:
        fail(errno.EINVAL)
    disk = _claim(so, path, write=not so.data.get("readonly"))
    so.set(disk=dataclasses.asdict(disk))
    return {
        "hw_block_size": disk.block_size,
        "hw_max_sectors": disk.hw_max_sectors,
        "hw_queue_depth": disk.queue_depth,
        "is_nonrot": not disk.rotational,
        "max_write_same_len": disk.max_write_same_len,
        **_discard(disk),
    }


def _iblock_info(so: Directory) -> str:
    data = so.data
    disk = data.get("disk")
    name = f"iBlock device: {os.path.basename(data['claim'])}" if disk else ""
    udev = f"  UDEV PATH: {data['udev_path']}" if "udev_path" in data else ""
    where = "Major: 0 Minor: 0"
    if disk:
        where = f"Major: {disk['major']} Minor: {disk['minor']}  CLAIMED: IBLOCK"
    return f"        {name}{udev}  readonly: {data.get('readonly', 0)}\n        {where}\n"


# rd_mcp


def _rd_option(so: Directory, key: str, value: str) -> None:
    wanted = option_number(value)
    if key == "rd_pages":
        so.set(rd_pages=wanted & 0xFFFFFFFF)
    elif wanted == 1:
        so.set(**{key: 1})


def _rd_configure(so: Directory) -> dict[str, int]:
    pages = so.data.get("rd_pages", 0)
    if not pages:
        fail(errno.EINVAL)
    tables = 0
    if not so.data.get("rd_nullio"):
        tables = pages // RD_PAGES_PER_TABLE + 1
        if pages * PAGE > so.tree.host.memory:
            fail(errno.ENOMEM)
    so.set(sg_tables=tables, rd_dev_id=_hba_count(so))
    return {
        "hw_block_size": 512,
        "hw_max_sectors": 0xFFFFFFFF,
        "hw_queue_depth": 128,
        "is_nonrot": 1,
    }


def _rd_info(so: Directory) -> str:
    data = so.data
    return (
        f"        TCM RamDisk ID: {data.get('rd_dev_id', 0)}  RamDisk Makeup: rd_mcp\n"
        f"        PAGES/PAGE_SIZE: {data.get('rd_pages', 0)}*{PAGE}"
        f"  SG_table_count: {data.get('sg_tables', 0)}"
        f"  nullio: {data.get('rd_nullio', 0)} dummy: {data.get('rd_dummy', 0)}\n"
    )


# pscsi


def hba_number(hba: Directory) -> int:
    """Return the number in an HBA's name, which for pscsi is that of a host."""
    return parsers.number(hba.name.rpartition("_")[2], 0, (1 << 64) - 1)


def scsi_host(node: Directory, number: int) -> bool:
    """Tell whether there is a SCSI host of this number."""
    return any(int(at.partition(":")[0]) == number for at in node.tree.host.scsi)


def _one_host(so: Directory) -> bool:
    """Tell whether the HBA stands for one SCSI host: PHV_LLD_SCSI_HOST_NO."""
    return so.up.text("hba_mode") == "1\n"


def _pscsi_option(so: Directory, key: str, value: str) -> None:
    if key == "scsi_host_id" and _one_host(so):
        fail(errno.EINVAL)
    so.set(**{key: option_number(value)})


def _pscsi_host(so: Directory) -> int:
    """Return the number of the SCSI host that the object's device is to be looked for on."""
    if _one_host(so):
        return hba_number(so.up)
    if not so.values.get("udev_path"):
        fail(errno.EINVAL)
    number: int | None = so.data.get("scsi_host_id")
    if number is not None:
        if not scsi_host(so, number):
            fail(errno.EINVAL)
        return number
    # None was given: the HBA itself is to stand for the host of its number
    if any(peer.data.get("configured") for peer in so.up.made()):
        fail(errno.EEXIST)
    number = hba_number(so.up)
    if not scsi_host(so, number):
        fail(errno.ENODEV)
    so.up.put("hba_mode", "1\n")
    return number


def _pscsi_configure(so: Directory) -> dict[str, int]:
    data = so.data
    place = ("scsi_channel_id", "scsi_target_id", "scsi_lun_id")
    if any(key not in data for key in place):
        fail(errno.EINVAL)
    number = _pscsi_host(so)
    device = so.tree.host.scsi.get(":".join(map(str, (number, *(data[key] for key in place)))))
    if device is None:
        fail(errno.ENODEV)
    if device.type == 0:
        _claim(so, so.values.get("udev_path", "").rstrip("\n"), write=True)
    so.set(scsi=dataclasses.asdict(device))
    wwn = so.sub("wwn")
    wwn.put("vendor_id", f"{device.vendor:8.8}\n")
    wwn.put("product_id", f"{device.model:16.16}\n")
    wwn.put("revision", f"{device.revision:4.4}\n")
    for name, text in device.vpd.items():
        wwn.put(name, text)
    if device.serial:
        so.set(firmware_serial=True)
        wwn.set(serial=device.serial)
    return {
        "hw_block_size": device.block_size,
        "hw_max_sectors": device.hw_max_sectors,
        "hw_queue_depth": device.queue_depth,
    }


def _pscsi_info(so: Directory) -> str:
    data = so.data
    text = (
        "        SCSI Device Bus Location:"
        f" Channel ID: {data.get('scsi_channel_id', 0)} Target ID: {data.get('scsi_target_id', 0)}"
        f" LUN: {data.get('scsi_lun_id', 0)}"
        f" Host ID: {'PHBA Mode' if _one_host(so) else data.get('scsi_host_id', 0)}\n"
    )
    found = data.get("scsi")
    if found:
        text += (
            f"        Vendor: {found['vendor']:8.8} Model: {found['model']:16.16}"
            f" Rev: {found['revision']:4.4}\n"
        )
    return text


# The user backend, tcmu

_RING = {"max_data_area_mb": 1024, "data_pages_per_blk": 1, "cmd_ring_size_mb": 8}


def _user_option(so: Directory, key: str, value: str) -> None:
    attrib = so.sub("attrib")
    if key == "dev_config":
        text = cut(value, 255)
        so.set(dev_config=text)
        attrib.put(key, text + "\n")
        return
    if key == "dev_size":
        wanted = parsers.number(value, 0, (1 << 64) - 1)
        so.set(dev_size=wanted)
    else:
        wanted = option_number(value)
        if key != "nl_reply_supported" and not 0 < wanted <= INT_MAX:
            fail(errno.EINVAL)
        if key in _RING and so.data.get("configured"):
            fail(errno.EINVAL)
    attrib.put(key, f"{wanted}\n")


def _user_configure(so: Directory) -> dict[str, int]:
    attrib = so.sub("attrib")
    return {
        "hw_block_size": attrib.integer("hw_block_size") or 512,
        "hw_max_sectors": attrib.integer("hw_max_sectors") or 128,
        "hw_queue_depth": 128,
    }


def _user_info(so: Directory) -> str:
    attrib = so.sub("attrib")
    ring = {key: attrib.integer(key) or size for key, size in _RING.items()}
    return (
        f"        Config: {so.data.get('dev_config') or 'NULL'} Size: {so.data.get('dev_size', 0)}"
        f" MaxDataAreaMB: {ring['max_data_area_mb']} DataPagesPerBlk: {ring['data_pages_per_blk']}"
        f" CmdRingSizeMB: {ring['cmd_ring_size_mb']}\n"
    )


def _hba_count(so: Directory) -> int:
    """Return the number of the object in its HBA, counting every enable that came this far."""
    count: int = so.up.data.get("devices", 0)
    so.up.set(devices=count + 1)
    return count


BACKENDS = {
    "fileio": Backend(
        {"fd_dev_name": str, "fd_dev_size": str, "fd_buffered_io": int, "fd_async_io": int},
        _fd_option,
        _fd_configure,
        _fd_info,
    ),
    "iblock": Backend(
        {"udev_path": str, "readonly": int, "force": int},
        _iblock_option,
        _iblock_configure,
        _iblock_info,
    ),
    "rd_mcp": Backend(
        {"rd_pages": int, "rd_nullio": int, "rd_dummy": int},
        _rd_option,
        _rd_configure,
        _rd_info,
    ),
    "pscsi": Backend(
        {"scsi_host_id": int, "scsi_channel_id": int, "scsi_target_id": int, "scsi_lun_id": int},
        _pscsi_option,
        _pscsi_configure,
        _pscsi_info,
    ),
    "user": Backend(
        {"dev_config": str, "dev_size": str, "hw_block_size": int, "hw_max_sectors": int,
         "nl_reply_supported": int, **dict.fromkeys(_RING, int)},
        _user_option,
        _user_configure,
        _user_info,
    ),
}  # fmt: skip
