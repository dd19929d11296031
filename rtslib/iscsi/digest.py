# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""CRC32C, the checksum of iSCSI's header and data digests (RFC 7143 section 13.1).

The package crc32c does it with the processor's own instruction. Without it tables do: two for each
32 bits of input, so that Python takes one step for four bytes.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Callable, Union

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Buffer", "crc32c", "digest_of", "table_crc32c"]

Buffer = Union[bytes, bytearray, memoryview]

#: The polynomial, least significant bit first.
_POLYNOMIAL = 0x82F63B78
_ONES = 0xFFFFFFFF
_WORD = 4


def _shifted(value: int, bits: int) -> int:
    for _ in range(bits):
        value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value


@lru_cache(maxsize=1)
def _tables() -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    """Return what a byte, and the lower and the upper half of a word become. Made at first use."""
    octet = [_shifted(number, 8) for number in range(256)]
    half = [
        octet[(octet[number & 0xFF] ^ number >> 8) & 0xFF] ^ octet[number & 0xFF] >> 8
        for number in range(1 << 16)
    ]
    # The lower half goes through 16 bits more than the upper one.
    lower = [half[one & 0xFFFF] ^ one >> 16 for one in half]
    return octet, lower, half


def table_crc32c(data: Buffer, value: int = 0) -> int:
    """Return the CRC32C of data, as a continuation of `value`, by tables."""
    octet, lower, upper = _tables()
    view = memoryview(data)
    whole = len(view) // _WORD
    crc = value ^ _ONES
    for word in struct.unpack(f"<{whole}I", view[: whole * _WORD]):
        crc ^= word
        crc = lower[crc & 0xFFFF] ^ upper[crc >> 16]
    for byte in view[whole * _WORD :]:
        crc = octet[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ _ONES


def _fastest() -> Callable[[Buffer, int], int]:
    """Return the package's function where it is installed, else ours."""
    try:
        found: Callable[[Buffer, int], int] = import_module("crc32c").crc32c
    except ImportError:
        return table_crc32c
    return found


#: The fastest that is here: crc32c(data, value).
crc32c = _fastest()


def digest_of(*parts: Buffer) -> bytes:
    """Return the four bytes that follow these parts on the wire.

    >>> digest_of(bytes(32)).hex()
    'aa36918a'
    """
    value = 0
    for part in parts:
        value = crc32c(part, value)
    return value.to_bytes(4, "little")
