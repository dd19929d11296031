# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""How SCSI lays out its structures: fields in bytes and bits, numbered as the standards do.

A structure is one big-endian number, and every field of it a few adjacent bits. So a table of
fields is enough to build and to read it. Knows no command and no transport.
"""

from __future__ import annotations

from dataclasses import fields
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    ClassVar,
    NamedTuple,
    Optional,
    Union,
    get_type_hints,
)

from rtslib.errors import InvalidValueError, RTSLibError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from typing_extensions import Self

__all__ = [
    "Buffer",
    "Field",
    "Layout",
    "MalformedDataError",
    "Record",
    "as_bytes",
    "bit",
    "bits",
    "counted",
    "need",
    "raw",
    "text",
    "uint",
]

#: What data comes in.
Buffer = Union[bytes, bytearray, memoryview]


class MalformedDataError(RTSLibError, ValueError):
    """A device sent data that cannot be what it was asked for."""


class Field(NamedTuple):
    """Where a value stands: `width` bits from bit `low` on, of the `size` bytes at `byte`."""

    byte: int
    size: int
    low: int
    width: int
    decode: Callable[[int], Any] = int
    encode: Callable[[Any], int] = int


def uint(byte: int, size: int = 1) -> Field:
    """Return a number of whole bytes."""
    return Field(byte, size, 0, 8 * size)


def bits(byte: int, high: int, low: int = 0, size: int = 1) -> Field:
    """Return the number in bits `high` to `low` of a byte, or of `size` bytes."""
    return Field(byte, size, low, high - low + 1)


def bit(byte: int, number: int) -> Field:
    """Return one bit, as a bool."""
    return Field(byte, 1, number, 1, decode=bool)


def raw(byte: int, size: int) -> Field:
    """Return bytes as they are; shorter ones are filled up with zeros behind."""

    def encode(value: bytes) -> int:
        return int.from_bytes(value.ljust(size, b"\0"), "big")

    return Field(byte, size, 0, 8 * size, lambda it: it.to_bytes(size, "big"), encode)


def text(byte: int, size: int) -> Field:
    """Return text, padded with blanks; what is no ASCII is read as the byte that it is."""

    def encode(value: str) -> int:
        return int.from_bytes(value.encode("latin-1", "replace").ljust(size), "big")

    def decode(number: int) -> str:
        return number.to_bytes(size, "big").decode("latin-1").rstrip(" \0")

    return Field(byte, size, 0, 8 * size, decode, encode)


class Layout:
    """The fields of a structure of `size` bytes; `constant` is what always stands in it.

    Data of `need` bytes can be read: older devices send less, and what they do not send is zero.
    """

    def __init__(
        self,
        name: str,
        size: int,
        table: Mapping[str, Field],
        *,
        required: int | None = None,
        constant: int = 0,
    ) -> None:
        self.name = name
        self.size = size
        self.required = size if required is None else required
        self._constant = constant
        self._places = {
            key: (8 * (size - it.byte - it.size) + it.low, (1 << it.width) - 1, it)
            for key, it in table.items()
        }

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(self._places)

    def field(self, name: str) -> Field:
        """Return where a field stands."""
        return self._places[name][2]

    def pack(self, values: Mapping[str, Any]) -> bytes:
        """Return the structure with these values. InvalidValueError for one that does not fit."""
        number = self._constant
        for key, value in values.items():
            shift, limit, field = self._places[key]
            coded = value if type(value) is int else field.encode(value)
            if not 0 <= coded <= limit:
                raise InvalidValueError(
                    f"{self.name}: {key} cannot be {value!r}: "
                    f"it has {field.width} bits, 0 to {limit}"
                )
            number |= coded << shift
        return number.to_bytes(self.size, "big")

    def unpack(self, data: Buffer) -> dict[str, Any]:
        """Return the values in a structure; what stands behind it is not looked at."""
        need(data, self.required, self.name)
        number = int.from_bytes(as_bytes(data[: self.size]).ljust(self.size, b"\0"), "big")
        return {
            key: field.decode((number >> shift) & limit)
            for key, (shift, limit, field) in self._places.items()
        }


def as_bytes(data: Buffer) -> bytes:
    """Return data as bytes, without a copy of what is bytes."""
    return data if isinstance(data, bytes) else bytes(data)


def need(data: Buffer, size: int, what: str) -> None:
    """Refuse data that ends too early."""
    if len(data) < size:
        raise MalformedDataError(f"{what}: {size} bytes were needed, and {len(data)} came")


def counted(data: Buffer, what: str, at: int = 0) -> bytes:
    """Return what stands behind a header of four bytes, whose bytes from `at` on count it."""
    need(data, _HEADER, what)
    size = int.from_bytes(as_bytes(data[at:_HEADER]), "big")
    need(data, _HEADER + size, what)
    return as_bytes(data[_HEADER : _HEADER + size])


_HEADER = 4


class Record:
    """A frozen dataclass that is a structure: each field is annotated with where it stands.

    ``class Capacity(Record, what="...", size=8)`` with ``last: Annotated[int, uint(0, 4)] = 0``.
    """

    _what: ClassVar[str]
    _size: ClassVar[int]
    _required: ClassVar[int]
    _layout: ClassVar[Optional[Layout]]

    def __init_subclass__(cls, what: str, size: int, required: int | None = None) -> None:
        super().__init_subclass__()
        cls._what, cls._size, cls._layout = what, size, None
        cls._required = size if required is None else required

    @classmethod
    def layout(cls) -> Layout:
        """Return the table of fields, which the annotations are read for once."""
        if cls._layout is None:
            hints = get_type_hints(cls, include_extras=True)
            names = [it.name for it in fields(cls)]  # type: ignore[arg-type]
            table = {name: hints[name].__metadata__[0] for name in names}
            cls._layout = Layout(cls._what, cls._size, table, required=cls._required)
        return cls._layout

    @classmethod
    def parse(cls, data: Buffer) -> Self:
        """Read the structure. MalformedDataError if it ends too early."""
        return cls(**cls.layout().unpack(data))

    @classmethod
    def each(cls, data: bytes, behind: Callable[[Self], int]) -> Iterator[tuple[Self, bytes]]:
        """Yield structures in a row, each with the bytes that follow it: `behind` says how many."""
        while data:
            it = cls.parse(data)
            end = cls._size + behind(it)
            need(data, end, cls._what)
            yield it, data[cls._size : end]
            data = data[end:]

    def pack(self) -> bytes:
        """Return the structure as bytes."""
        table = self.layout()
        return table.pack({key: getattr(self, key) for key in table.fields})
