# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Statuses and their names."""

from __future__ import annotations

from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.status import status_name


def test_what_is_good() -> None:
    assert {it for it in scsi.Status if it.is_good} == {
        scsi.Status.GOOD,
        scsi.Status.CONDITION_MET,
    }


def test_names() -> None:
    assert status_name(0x18) == "RESERVATION CONFLICT"
    assert status_name(0x99) == "status 0x99"
