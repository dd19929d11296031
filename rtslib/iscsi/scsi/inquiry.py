# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a device is: INQUIRY and its standard data (SPC-4, 6.6). The pages stand in ``vpd``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from rtslib.iscsi.scsi.cdb import Command
from rtslib.iscsi.scsi.layout import Record, bit, bits, raw, text, uint

__all__ = ["DEVICE_TYPES", "Inquiry", "device_type", "inquiry"]

_INQUIRY = Command("INQUIRY", 0x12, {"vital": bit(1, 0), "page": uint(2), "length": uint(3, 2)})

#: What kinds of devices there are (SPC-4, table 144).
DEVICE_TYPES = {
    0x00: "disk",
    0x01: "tape",
    0x02: "printer",
    0x03: "processor",
    0x04: "write-once disk",
    0x05: "CD or DVD",
    0x07: "optical disk",
    0x08: "medium changer",
    0x0C: "storage array controller",
    0x0D: "enclosure",
    0x0E: "simplified disk",
    0x0F: "optical card",
    0x11: "object storage",
    0x14: "zoned disk",
    0x1E: "well-known LUN",
    0x1F: "no device",
}

#: Those that have blocks, and a capacity.
_WITH_BLOCKS = frozenset({0x00, 0x04, 0x05, 0x07, 0x0E, 0x14})

#: Standards by the numbers of version descriptors, without their revisions (SPC-4, annex D).
_STANDARDS = {
    0x0040: "SAM-2",
    0x0060: "SAM-3",
    0x0080: "SAM-4",
    0x00A0: "SAM-5",
    0x0120: "SPC",
    0x0260: "SPC-2",
    0x0300: "SPC-3",
    0x0460: "SPC-4",
    0x05C0: "SPC-5",
    0x0180: "SBC",
    0x0320: "SBC-2",
    0x04C0: "SBC-3",
    0x0600: "SBC-4",
    0x0200: "SSC",
    0x0360: "SSC-2",
    0x0400: "SSC-3",
    0x03A0: "MMC-5",
    0x04E0: "MMC-6",
    0x0960: "iSCSI",
}


def inquiry(page: int | None = None, length: int = 255) -> bytes:
    """INQUIRY: the standard data, or a page of vital product data; up to `length` bytes of it."""
    return _INQUIRY.build(vital=page is not None, page=page or 0, length=length)


def device_type(number: int) -> str:
    """Return the kind of a device in words."""
    return DEVICE_TYPES.get(number, f"device of type {number:#04x}")


@dataclass(frozen=True)
class Inquiry(Record, what="INQUIRY data", size=96, required=36):
    """The standard data: who made it, what it is, and what it can do."""

    #: 0: there is one; 1: none there now; 3: none possible at this LUN.
    qualifier: Annotated[int, bits(0, 7, 5)] = 0
    type: Annotated[int, bits(0, 4, 0)] = 0
    removable: Annotated[bool, bit(1, 7)] = False
    #: 5: SPC-3; 6: SPC-4.
    version: Annotated[int, uint(2)] = 0
    normal_aca: Annotated[bool, bit(3, 5)] = False
    hierarchical: Annotated[bool, bit(3, 4)] = False
    response_format: Annotated[int, bits(3, 3, 0)] = 0
    #: Bytes behind this number.
    additional_length: Annotated[int, uint(4)] = 0
    storage_controller: Annotated[bool, bit(5, 7)] = False
    access_controls: Annotated[bool, bit(5, 6)] = False
    #: 0: no ALUA; 1: implicit; 2: explicit; 3: both.
    alua: Annotated[int, bits(5, 5, 4)] = 0
    third_party_copy: Annotated[bool, bit(5, 3)] = False
    protection: Annotated[bool, bit(5, 0)] = False
    enclosure_services: Annotated[bool, bit(6, 6)] = False
    multi_port: Annotated[bool, bit(6, 4)] = False
    command_queuing: Annotated[bool, bit(7, 1)] = False
    vendor: Annotated[str, text(8, 8)] = ""
    product: Annotated[str, text(16, 16)] = ""
    revision: Annotated[str, text(32, 4)] = ""
    vendor_specific: Annotated[bytes, raw(36, 20)] = bytes(20)
    descriptors: Annotated[bytes, raw(58, 16)] = bytes(16)

    @property
    def is_there(self) -> bool:
        """Whether there is a device behind the LUN."""
        return self.qualifier == 0

    @property
    def has_blocks(self) -> bool:
        """Whether it has blocks, and a capacity."""
        return self.type in _WITH_BLOCKS

    @property
    def type_name(self) -> str:
        """The kind of device in words."""
        return device_type(self.type)

    @property
    def standards(self) -> tuple[tuple[int, str], ...]:
        """The version descriptors that it names, each with the standard's name; '' if not known."""
        numbers = (int.from_bytes(self.descriptors[at : at + 2], "big") for at in range(0, 16, 2))
        return tuple((it, _STANDARDS.get(it & ~0x1F, "")) for it in numbers if it)
