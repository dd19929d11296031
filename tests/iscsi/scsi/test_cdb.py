# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Commands: every row of the table is built and read; its code and its size are those of SPC."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.errors import InvalidValueError
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.cdb import COMMANDS, Command, command_of, describe

each = pytest.mark.parametrize("command", COMMANDS.values(), ids=str)


@each
@settings(max_examples=10)
@given(data=st.data())
def test_every_command_comes_back(command: Command, data: st.DataObject) -> None:
    values = data.draw(records.values(command.layout))
    cdb = command.build(**values)
    assert cdb[0] == command.opcode
    assert len(cdb) == {0: 6, 1: 10, 2: 10, 4: 16, 5: 12}[cdb[0] >> 5]
    assert cdb[-1] == 0
    assert command_of(cdb) is command
    assert command.parse(cdb) == values


def test_words() -> None:
    assert describe(scsi.read16(5, 8, fua=True)) == "READ(16) lba=5 blocks=8 fua=1"
    assert describe(scsi.test_unit_ready()) == "TEST UNIT READY"
    assert describe(scsi.read_capacity16()) == "READ CAPACITY(16) length=32"
    assert describe(b"\xff\x01") == "command ff 01"
    assert describe(scsi.read10(0, 1)[:5]) == "command 28 00 00 00 00"
    assert describe(b"") == "command (none)"


def test_another_command_is_not_read() -> None:
    command = command_of(scsi.read10(0, 1))
    assert command
    with pytest.raises(InvalidValueError, match=r"WRITE\(10\) blocks=1 is no READ\(10\)"):
        command.parse(scsi.write10(0, 1))


@given(cdb=st.binary(max_size=20))
def test_anything_has_words(cdb: bytes) -> None:
    assert describe(cdb)
