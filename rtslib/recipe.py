# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a storage object is made of, in its three spellings, for each plugin.

As the arguments that its constructor takes and the saved configuration has (`dev`, `size` ...),
as keys of the control file, and as the fields of the info file: ``settings`` and ``facts`` go from
and to the arguments. Pure functions: nothing here asks the kernel or this machine.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, NamedTuple

from rtslib.control import pairs
from rtslib.errors import InvalidValueError
from rtslib.values import FLAG, parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RECIPES", "RINGS", "Recipe", "hctl", "ring_text"]

#: What control sets between kernel and handler, as info and attrib tell it again.
RINGS = ("max_data_area_mb", "hw_block_size", "data_pages_per_blk", "cmd_ring_size_mb")

Arguments = dict[str, Any]
Fields = dict[str, "str | None"]


class Recipe(NamedTuple):
    """How the objects of one plugin are made.

    `settings` gives the keys of control for the arguments; `facts` gives the arguments back, from
    the fields of info and the text of udev_path, and of those in `files`. What a kernel does not
    tell is not among the facts.
    """

    settings: Callable[[Arguments], Arguments]
    facts: Callable[[Fields, str], Arguments]
    #: Further files of the object that tell of it: each a field of that name.
    files: tuple[str, ...] = ()


def _switched_on(flags: Mapping[str, object]) -> Arguments:
    """Return the flags that are set: the kernel takes the bare 1 only, 0 is the default anyway."""
    return {key: 1 for key, value in flags.items() if FLAG.encode(value) == "1"}


def _fileio(it: Arguments) -> Arguments:
    flags = {"fd_buffered_io": it.get("write_back", False), "fd_async_io": it.get("aio", False)}
    # Without one the device's own size counts.
    size = {} if it.get("size") is None else {"fd_dev_size": it["size"]}
    return {"fd_dev_name": it["dev"], **size, **_switched_on(flags)}


def _fileio_facts(fields: Fields, udev_path: str) -> Arguments:
    return {
        "dev": udev_path or fields["path"] or "",
        "size": int(fields["size"] or 0),
        "write_back": fields["mode"] == "Buffered-WCE",
        "aio": fields["aio"] == "1",
    }


def _block(it: Arguments) -> Arguments:
    settings = {"udev_path": it["dev"], "readonly": it.get("readonly", False)}
    if FLAG.encode(it.get("exclusive", True)) == "0":
        settings["exclusive"] = False
    return settings


def _block_facts(fields: Fields, udev_path: str) -> Arguments:
    return {
        "dev": udev_path or fields["path"] or "",
        "readonly": fields["readonly"] == "1",
        # Kernels before 6.17 do not tell, and always open exclusively.
        "exclusive": fields["exclusive"] != "0",
    }


def hctl(host: int, channel: int, target: int, lun: int) -> Arguments:
    """Return the keys of control for a SCSI address."""
    return {
        "scsi_host_id": host,
        "scsi_channel_id": channel,
        "scsi_target_id": target,
        "scsi_lun_id": lun,
    }


def _pscsi(it: Arguments) -> Arguments:
    return hctl(*it["hctl"])


def _pscsi_facts(fields: Fields, udev_path: str) -> Arguments:
    address = tuple(
        int(text) if (text := fields[name]) and text.lstrip("-").isdigit() else -1
        for name in ("host_id", "channel_id", "target_id", "lun")
    )
    return {"dev": udev_path or ":".join(map(str, address)), "hctl": address}


def _ramdisk(it: Arguments) -> Arguments:
    pages = -(-parse_size(it["size"]) // it["page_size"])
    if pages <= 0:
        raise InvalidValueError(f"a ramdisk of {it['size']!r} bytes has no pages")
    return {"rd_pages": pages, **_switched_on({"rd_nullio": it.get("nullio", False)})}


def _ramdisk_facts(fields: Fields, _udev_path: str) -> Arguments:
    page_size = int(fields["page_size"] or 0)
    size = int(fields["pages"] or 0) * page_size
    return {"size": size, "nullio": fields["nullio"] == "1", "page_size": page_size}


def _user(it: Arguments) -> Arguments:
    if "/" not in it["config"]:
        raise InvalidValueError(
            f"{it['config']!r} names no handler", hint="write 'HANDLER/what it is to open'"
        )
    settings = {"dev_config": it["config"], "dev_size": it["size"]}
    if it.get("hw_max_sectors"):
        settings["hw_max_sectors"] = it["hw_max_sectors"]
    return {**settings, **pairs(it.get("control"))}


def _user_facts(fields: Fields, _udev_path: str) -> Arguments:
    return {
        "config": fields["config"] or "",
        "size": int(fields["size"] or 0),
        "hw_max_sectors": int(fields["hw_max_sectors"] or 0),
        "control": ring_text(fields),
    }


def ring_text(fields: Fields) -> str:
    """Return the sizes of the rings as control takes them, of those that this kernel tells.

    0 is none yet, which control does not take.
    """
    told = ((name, fields.get(name)) for name in RINGS)
    return ",".join(f"{name}={text}" for name, text in told if text not in (None, "0"))


#: By the plugin as rtslib calls it.
RECIPES = {
    "fileio": Recipe(_fileio, _fileio_facts),
    "block": Recipe(_block, _block_facts),
    "pscsi": Recipe(_pscsi, _pscsi_facts),
    "ramdisk": Recipe(_ramdisk, _ramdisk_facts),
    "user": Recipe(_user, _user_facts, ("attrib/hw_block_size",)),
}
