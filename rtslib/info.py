# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The grammars of a storage object's info file, one for each plugin.

The kernel prints labels and values between blanks and puts paths in the middle, so that a path
may hold whatever a path may: blanks, colons, commas, even the labels themselves. A grammar is
therefore the whole line, anchored at both ends by what cannot be part of a path. A field that an
older kernel does not print is None. Source: the show_configfs_dev_params functions of
drivers/target/target_core_{file,iblock,pscsi,rd,user}.c and target_core_stat.c's head line.
"""

from __future__ import annotations

import re

from rtslib.errors import InvalidValueError

__all__ = ["parse"]

_HEAD = re.compile(
    r"Status: (?P<status>\S+)  Max Queue Depth: (?P<max_queue_depth>\d+)"
    r"  SectorSize: (?P<sector_size>\d+)  HwMaxSectors: (?P<hw_max_sectors>\d+)\n(?P<rest>.*)",
    re.DOTALL,
)

_PLUGIN = {
    "fileio": (
        r"TCM FILEIO ID: (?P<id>\d+)        File: (?P<path>.*)  Size: (?P<size>\d+)"
        r"  Mode: (?P<mode>\S+)(?: Async: (?P<aio>\d))?"
    ),
    "iblock": (
        r"(?:iBlock device: (?P<device>\S+))?(?:  UDEV PATH: (?P<path>.*))?"
        r"  readonly: (?P<readonly>\d)(?:  exclusive: (?P<exclusive>\d))?\n"
        r"        Major: (?P<major>\d+) Minor: (?P<minor>\d+)(?:  CLAIMED: (?P<claimed>\S+))?"
    ),
    "rd_mcp": (
        r"TCM RamDisk ID: (?P<id>\d+)  RamDisk Makeup: (?P<makeup>\S+)\n"
        r"        PAGES/PAGE_SIZE: (?P<pages>\d+)\*(?P<page_size>\d+)"
        r"  SG_table_count: (?P<sg_table_count>\d+)"
        r"(?:  nullio: (?P<nullio>\d))?(?: dummy: (?P<dummy>\d))?"
    ),
    "pscsi": (
        r"SCSI Device Bus Location: Channel ID: (?P<channel_id>-?\d+)"
        r" Target ID: (?P<target_id>-?\d+) LUN: (?P<lun>-?\d+) Host ID: "
        r"(?P<host_id>-?\d+|PHBA Mode)"
        r"(?:\n        Vendor: (?P<vendor>.{8}) Model: (?P<model>.{16}) Rev: (?P<revision>.{4}))?"
    ),
    "user": (
        r"Config: (?P<config>.*) Size: (?P<size>\d+)(?: MaxDataAreaMB: (?P<max_data_area_mb>\d+))?"
        r"(?: DataPagesPerBlk: (?P<data_pages_per_blk>\d+))?"
        r"(?: CmdRingSizeMB: (?P<cmd_ring_size_mb>\d+))?"
    ),
}

_GRAMMARS = {
    plugin: re.compile(rf"\s*{grammar}\s*", re.DOTALL) for plugin, grammar in _PLUGIN.items()
}


def parse(directory: str, text: str, path: str) -> dict[str, str | None]:
    """Return the fields of an info text by name.

    `directory` is the plugin as its HBA directories spell it; of a plugin that is not known here
    only the first line is read. InvalidValueError, with the `path` of the file, where the text
    does not follow the grammar.
    """
    head = _HEAD.match(text)
    if head is None:
        raise InvalidValueError(f"{path} reads {text!r}, which is no storage object's info")
    fields = head.groupdict()
    rest = fields.pop("rest") or ""
    grammar = _GRAMMARS.get(directory)
    if grammar is None:
        return fields
    body = grammar.fullmatch(rest)
    if body is None and rest.strip():
        raise InvalidValueError(f"{path} reads {text!r}, which is no info of a {directory} object")
    return {**fields, **(body.groupdict() if body else dict.fromkeys(grammar.groupindex))}
