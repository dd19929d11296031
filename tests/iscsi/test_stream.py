# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib.iscsi.errors import DigestError, RemoteProtocolError
from rtslib.iscsi.headers import DataIn, NopIn
from rtslib.iscsi.pdu import encode, long_cdb_header, unpack
from rtslib.iscsi.stream import BEHIND, LARGE, RING, Receiver, feed

if TYPE_CHECKING:
    from rtslib.iscsi.digest import Buffer


class Places:
    """Takes PDUs; data of a Data-In go to `memory` at their offset."""

    def __init__(self, size: int = 0) -> None:
        self.memory = bytearray(size)
        self.got: list[tuple[Any, bytes, bytes]] = []

    def place(self, header: memoryview, length: int) -> memoryview | None:
        pdu = unpack(header)
        if not isinstance(pdu, DataIn):
            return None
        return memoryview(self.memory)[pdu.offset : pdu.offset + length]

    def deliver(self, header: memoryview, additional: bytes, data: Buffer) -> None:
        self.got.append((unpack(header)._replace(lengths=0), additional, bytes(data)))


def receiver(sink: Places, digests: bool = False) -> Receiver:
    made = Receiver(sink, 1 << 20)
    made.header_digest = made.data_digest = digests
    return made


pdus = st.lists(
    st.tuples(
        st.integers(0, 0xFFFFFFFE),
        st.sampled_from([b"", long_cdb_header(bytes(30))]),
        st.binary(max_size=100) | st.integers(0, 3 * LARGE).map(lambda n: bytes([n & 255]) * n),
    ),
    max_size=5,
)


@given(pdus, st.booleans(), st.lists(st.integers(1, 5000), min_size=1, max_size=8))
def test_pdus_come_however_the_bytes_do(
    said: list[tuple[int, bytes, bytes]], digests: bool, sizes: list[int]
) -> None:
    wire = b"".join(
        part
        for itt, additional, data in said
        for part in encode(
            NopIn(itt=itt), data, additional, header_digest=digests, data_digest=digests
        )
    )
    sink = Places()
    stream = receiver(sink, digests)
    at, turn = 0, 0
    while at < len(wire):
        size = sizes[turn % len(sizes)]
        feed(stream, wire[at : at + size])
        at, turn = at + size, turn + 1
    assert sink.got == [(NopIn(itt=itt), more, data) for itt, more, data in said]
    assert stream.idle


@pytest.mark.parametrize("digests", [False, True])
@pytest.mark.parametrize("length", [1, 4096, LARGE + 1, RING, 3 * RING + 7])
def test_data_go_to_their_place(digests: bool, length: int) -> None:
    sink = Places(2 * length)
    stream = receiver(sink, digests)
    data = bytes(range(256)) * (length // 256 + 1)
    for offset in (length, 0):
        for part in encode(
            DataIn(offset=offset), data[:length], header_digest=digests, data_digest=digests
        ):
            feed(stream, part)
    assert sink.memory == data[:length] * 2
    assert [len(got) for _, _, got in sink.got] == [length, length]


def test_large_data_are_received_right_there() -> None:
    sink = Places(1 << 20)
    stream = receiver(sink)
    head = b"".join(encode(DataIn(), bytes(1 << 20)))[:48]
    feed(stream, head + b"begin")
    direct, behind = stream.buffers()
    assert direct.obj is sink.memory
    assert len(direct) == (1 << 20) - 5
    assert len(behind) == BEHIND
    assert not stream.idle
    # The rest of it, and the next header, in one go.
    behind[:48] = b"".join(encode(NopIn(itt=9)))
    stream.received(len(direct) + 48)
    assert [type(pdu).__name__ for pdu, _, _ in sink.got] == ["DataIn", "NopIn"]
    # Another large one is expected now: no more room than for its header.
    assert len(stream.buffers()[0]) == BEHIND


def test_what_nobody_wants_any_more_goes_elsewhere() -> None:
    sink = Places(100)
    stream = receiver(sink)
    wire = b"".join(encode(DataIn(itt=5), b"x" * 100))
    feed(stream, wire[:60])
    stream.divert(6)
    assert stream.buffers()[0].obj is sink.memory
    stream.divert(5)
    assert stream.buffers()[0].obj is not sink.memory
    feed(stream, wire[60:])
    assert sink.memory == b"x" * 12 + bytes(88)
    assert len(sink.got) == 1
    stream.divert(5)  # nothing is on its way: nothing happens


def test_data_that_have_come_and_wait_for_their_digest() -> None:
    sink = Places(8)
    stream = receiver(sink, digests=True)
    wire = b"".join(encode(DataIn(itt=5), b"x" * 8, header_digest=True, data_digest=True))
    feed(stream, wire[:-1])
    stream.divert(5)
    assert not stream.idle
    with pytest.raises(DigestError):  # what is compared is no longer what came
        feed(stream, wire[-1:])


def test_more_data_than_agreed_upon() -> None:
    with pytest.raises(RemoteProtocolError, match="1048577 bytes"):
        feed(receiver(Places()), b"".join(encode(NopIn(), bytes((1 << 20) + 1)))[:48])


@pytest.mark.parametrize("place", [0, 47, 48, 51, 52, 56, 59, 60, 63])
def test_a_flipped_bit_is_found_by_the_digests(place: int) -> None:
    wire = bytearray(b"".join(encode(NopIn(), b"12345", header_digest=True, data_digest=True)))
    wire[place] ^= 0x10
    with pytest.raises(DigestError):
        feed(receiver(Places(), digests=True), wire)


def test_the_memory_is_one_for_as_long_as_it_lives() -> None:
    sink = Places()
    stream = receiver(sink)
    ring = stream.buffers()[0].obj
    wire = b"".join(encode(NopIn(itt=1), bytes(1000)))
    for _ in range(1000):
        feed(stream, wire)
    assert stream.buffers()[0].obj is ring
    assert len(sink.got) == 1000


def test_what_does_not_fit_behind_begins_the_memory_anew() -> None:
    sink = Places()
    wire = b"".join(encode(NopIn(itt=1), bytes(960))) * 300
    assert 0 < RING % 1008 < 48  # a half of a header at the end
    feed(receiver(sink), wire)
    assert len(sink.got) == 300
