# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""A disk in memory that answers SCSI commands: what is behind a LUN of the fake target."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rtslib.iscsi import scsi
from rtslib.iscsi.scsi.cdb import command_of

if TYPE_CHECKING:
    from rtslib.iscsi.digest import Buffer

__all__ = ["FakeDisk", "Reply", "check"]

GOOD, CHECK_CONDITION = 0, 2
ILLEGAL_REQUEST, UNIT_ATTENTION, DATA_PROTECT = 5, 6, 7
#: Additional sense codes.
INVALID_OPCODE, OUT_OF_RANGE, INVALID_FIELD = (0x20, 0), (0x21, 0), (0x24, 0)
WRITE_PROTECTED, POWER_ON = (0x27, 0), (0x29, 0)

_READS = frozenset({0x28, 0x88, 0xA8})
_WRITES = frozenset({0x2A, 0x8A, 0xAA})
_INQUIRY, _MODE_SENSE_6, _READ_CAPACITY_10, _SERVICE_ACTION_IN = 0x12, 0x1A, 0x25, 0x9E
_IGNORED = frozenset({0x00, 0x1B, 0x35, 0x91})


class Reply(NamedTuple):
    """How a command ended, and what it reads."""

    status: int = GOOD
    data: Buffer = b""
    sense: bytes = b""


class FakeDisk:
    """A disk in `memory`, of blocks of `block_size` bytes."""

    def __init__(
        self,
        memory: bytearray,
        *,
        block_size: int = 512,
        serial: str = "0001",
        max_transfer: int = 0,
        write_protected: bool = False,
    ) -> None:
        self.memory = memory
        self.block_size = block_size
        self.serial = serial
        #: The most blocks of one command; 0 is any number.
        self.max_transfer = max_transfer
        self.write_protected = write_protected
        #: What the next command hears instead of being done, one after the other: ASC and ASCQ.
        self.attentions: list[tuple[int, int]] = []

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self.memory) // self.block_size

    def transfer(self, cdb: bytes) -> tuple[int, int] | None:
        """Return where in the memory a command reads or writes, and how much; None if neither."""
        if cdb[0] not in _READS | _WRITES:
            return None
        command = command_of(cdb)
        values = {} if command is None else command.parse(cdb)
        return values["lba"] * self.block_size, values["blocks"] * self.block_size

    def execute(self, cdb: bytes, data_out: Buffer = b"") -> Reply:
        """Execute a command."""
        if self.attentions and cdb[0] != _INQUIRY:
            return check(UNIT_ATTENTION, *self.attentions.pop(0))
        place = self.transfer(cdb)
        if place is not None:
            return self._move(cdb, *place, data_out)
        answer = self._answer(cdb)
        if answer is not None:
            return answer
        return Reply() if cdb[0] in _IGNORED else check(ILLEGAL_REQUEST, *INVALID_OPCODE)

    def _answer(self, cdb: bytes) -> Reply | None:
        """Return what the disk says of itself, None where it is not asked."""
        if cdb[0] == _INQUIRY:
            return self._inquiry(cdb)
        if cdb[0] == _READ_CAPACITY_10:
            last = min(self.blocks - 1, 0xFFFFFFFF)
            return Reply(data=scsi.Capacity10(last, self.block_size).pack())
        if cdb[0] == _SERVICE_ACTION_IN and cdb[1] & 0x1F == 0x10:  # noqa: PLR2004 - READ CAPACITY
            return Reply(data=scsi.Capacity16(self.blocks - 1, self.block_size).pack())
        if cdb[0] == _MODE_SENSE_6:
            return Reply(data=scsi.ModeParameters(write_protected=self.write_protected).pack6())
        return None

    def _move(self, cdb: bytes, start: int, size: int, data_out: Buffer) -> Reply:
        if start + size > len(self.memory):
            return check(ILLEGAL_REQUEST, *OUT_OF_RANGE)
        if self.max_transfer and size > self.max_transfer * self.block_size:
            return check(ILLEGAL_REQUEST, *INVALID_FIELD)
        if cdb[0] in _READS:
            return Reply(data=memoryview(bytes(self.memory[start : start + size])))
        if self.write_protected:
            return check(DATA_PROTECT, *WRITE_PROTECTED)
        self.memory[start : start + len(data_out)] = data_out
        return Reply()

    def _inquiry(self, cdb: bytes) -> Reply:
        if not cdb[1] & 1:
            standard = scsi.Inquiry(
                version=6,
                response_format=2,
                additional_length=91,
                vendor="RTSLIB",
                product="FAKE DISK",
                revision="3",
            )
            return Reply(data=standard.pack())
        pages = {
            0x80: scsi.UnitSerial(self.serial).pack,
            0xB0: scsi.BlockLimits(max_transfer=self.max_transfer).pack,
        }
        pages[0x00] = scsi.SupportedPages((0, *sorted(pages))).pack
        if cdb[2] not in pages:
            return check(ILLEGAL_REQUEST, *INVALID_FIELD)
        return Reply(data=pages[cdb[2]]())


def check(key: int, asc: int, ascq: int) -> Reply:
    """Return the reply of a command that was not done."""
    return Reply(
        CHECK_CONDITION, b"", scsi.Sense(scsi.SenseKey(key), asc=asc, ascq=ascq).pack_fixed()
    )
