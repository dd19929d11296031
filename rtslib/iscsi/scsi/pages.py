# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Which pages of vital product data are known, each with its name and what reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Union

from rtslib.errors import InvalidValueError
from rtslib.iscsi.scsi.identification import DeviceIdentification
from rtslib.iscsi.scsi.vpd import (
    BlockCharacteristics,
    BlockLimits,
    SupportedPages,
    ThinProvisioning,
    ThirdPartyCopy,
    UnitSerial,
)

if TYPE_CHECKING:
    from rtslib.iscsi.scsi.layout import Buffer

__all__ = ["PAGES", "Page", "PageKind", "parse_page"]

Page = Union[
    SupportedPages,
    UnitSerial,
    DeviceIdentification,
    ThirdPartyCopy,
    BlockLimits,
    BlockCharacteristics,
    ThinProvisioning,
]


class PageKind(NamedTuple):
    """A page: its name, and the class that reads it."""

    name: str
    cls: type[Page]


PAGES = {
    0x00: PageKind("supported pages", SupportedPages),
    0x80: PageKind("unit serial number", UnitSerial),
    0x83: PageKind("device identification", DeviceIdentification),
    0x8F: PageKind("third-party copy", ThirdPartyCopy),
    0xB0: PageKind("block limits", BlockLimits),
    0xB1: PageKind("block device characteristics", BlockCharacteristics),
    0xB2: PageKind("logical block provisioning", ThinProvisioning),
}


def parse_page(code: int, data: Buffer) -> Page:
    """Read a page that is known. InvalidValueError if it is not."""
    if code not in PAGES:
        known = ", ".join(f"{it:02x}" for it in PAGES)
        raise InvalidValueError(f"page {code:02x}h is not known here", hint=f"known are {known}")
    return PAGES[code].cls.parse(data)
