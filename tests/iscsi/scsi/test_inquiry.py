# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Standard INQUIRY data: of LIO, of what is not there, of a device that tells little."""

from __future__ import annotations

from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.inquiry import device_type

#: What a LIO disk of kernel 6.1 answers, with its version descriptors.
LIO = bytes.fromhex(
    "00 00 06 02 5b 10 00 02"
    "4c 49 4f 2d 4f 52 47 20"
    "66 69 6c 65 20 20 20 20 20 20 20 20 20 20 20 20"
    "34 2e 30 20"
) + bytes(22) + bytes.fromhex("00a0 0960 0460 04c0") + bytes(30)  # fmt: skip


def test_commands() -> None:
    assert scsi.inquiry() == bytes.fromhex("12 00 00 00ff 00")
    assert scsi.inquiry(0x83, 4096) == bytes.fromhex("12 01 83 1000 00")
    assert scsi.inquiry(0) == bytes.fromhex("12 01 00 00ff 00")


def test_a_disk() -> None:
    it = scsi.Inquiry.parse(LIO)
    assert (it.vendor, it.product, it.revision) == ("LIO-ORG", "file", "4.0")
    assert (it.type_name, it.is_there, it.version, it.alua) == ("disk", True, 6, 1)
    assert (it.command_queuing, it.removable, it.additional_length) == (True, False, 91)
    assert it.standards == (
        (0x00A0, "SAM-5"), (0x0960, "iSCSI"), (0x0460, "SPC-4"), (0x04C0, "SBC-3")
    )  # fmt: skip


def test_what_is_not_there() -> None:
    it = scsi.Inquiry.parse(bytes.fromhex("7f") + LIO[1:36])
    assert (it.is_there, it.qualifier, it.type_name) == (False, 3, "no device")
    assert it.standards == ()


def test_a_standard_that_is_not_known_has_its_number() -> None:
    it = scsi.Inquiry.parse(LIO[:58] + b"\x1f\xe0" + LIO[60:])
    assert it.standards[0] == (0x1FE0, "")


def test_a_type_that_is_not_known() -> None:
    assert device_type(0x1D) == "device of type 0x1d"
