# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Target port groups and supported commands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iscsi.scsi import records
from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.layout import MalformedDataError
from rtslib.iscsi.scsi.maintenance import (
    AccessState,
    CommandSupport,
    PortGroup,
    PortGroups,
    SupportedCommands,
    SupportedOpcode,
)

CDBS = [
    (scsi.report_target_port_groups(64), "a3 0a 00000000 00000040 00 00"),
    (scsi.report_target_port_groups(64, extended=True), "a3 2a 00000000 00000040 00 00"),
    (scsi.report_supported_opcodes(64, timeouts=True), "a3 0c 80 00 0000 00000040 00 00"),
    (scsi.report_supported_opcode(0x28, length=64), "a3 0c 01 28 0000 00000040 00 00"),
    (scsi.report_supported_opcode(0x9E, 0x10, 64), "a3 0c 02 9e 0010 00000040 00 00"),
]


@pytest.mark.parametrize(("cdb", "expected"), CDBS, ids=[it[1] for it in CDBS])
def test_a_command(cdb: bytes, expected: str) -> None:
    assert cdb == bytes.fromhex(expected)


def test_a_port_group() -> None:
    data = bytes.fromhex("0000000c 81 0f 0010 00 02 00 01 00000003")
    it = PortGroups.parse(data)
    assert it == PortGroups((PortGroup(16, 1, (3,), True, 0x0F, 2),))
    assert AccessState(it.groups[0].state) is AccessState.ACTIVE_NON_OPTIMIZED
    assert it.pack() == data
    # A preferred group is not the other header, nor the other way round.
    extended = PortGroups(it.groups, transition=5)
    assert extended.pack()[4:8] == bytes.fromhex("10 05 0000")


@pytest.mark.parametrize(
    "data", ["00", "00000008", "00000004 00000000", "00000002 1000", "00000008 00000000 00000001"]
)
def test_groups_that_end_early(data: str) -> None:
    with pytest.raises(MalformedDataError, match="target port group"):
        PortGroups.parse(bytes.fromhex(data))


def test_supported_commands() -> None:
    data = bytes.fromhex("0000001c 28 00 0000 00 00 000a  9e 00 0010 00 03 0010") + bytes(12)
    it = SupportedCommands.parse(data)
    assert [one.name for one in it.commands] == ["READ(10)", "READ CAPACITY(16)"]
    assert [one.size for one in it.commands] == [10, 16]
    assert SupportedOpcode(0xFF).name == ""


def test_support_of_one() -> None:
    it = CommandSupport.parse(bytes.fromhex("00 03 0002 28ff"))
    assert (it.is_supported, it.usage) == (True, b"\x28\xff")
    assert not CommandSupport(1).is_supported
    with pytest.raises(MalformedDataError, match="2 means nothing"):
        CommandSupport.parse(bytes.fromhex("00 02 0000"))


GROUPS = st.builds(
    PortGroup,
    records.numbers(16),
    records.numbers(4),
    st.lists(records.numbers(16), max_size=4).map(tuple),
    st.booleans(),
    records.numbers(8),
    records.numbers(8),
)


@given(groups=st.lists(GROUPS, max_size=4).map(tuple), seconds=st.none() | records.numbers(8))
def test_groups_come_back(groups: tuple[PortGroup, ...], seconds: int | None) -> None:
    it = PortGroups(groups, seconds)
    assert PortGroups.parse(it.pack()) == it


OPCODES = st.builds(
    SupportedOpcode, records.numbers(8), st.none() | records.numbers(16), records.numbers(16)
)


@given(found=st.lists(OPCODES, max_size=5).map(tuple))
def test_commands_come_back(found: tuple[SupportedOpcode, ...]) -> None:
    it = SupportedCommands(found)
    assert SupportedCommands.parse(it.pack()) == it


@given(support=st.sampled_from([0, 1, 3, 5]), usage=st.binary(max_size=16))
def test_support_comes_back(support: int, usage: bytes) -> None:
    it = CommandSupport(support, usage)
    assert CommandSupport.parse(it.pack()) == it


@pytest.mark.parametrize("parse", [PortGroups.parse, SupportedCommands.parse, CommandSupport.parse])
@given(data=records.answers)
def test_any_bytes_are_read_or_refused(parse: object, data: bytes) -> None:
    records.refused_or_read(parse, data)
    records.refused_or_read(parse, len(data).to_bytes(4, "big") + data)
