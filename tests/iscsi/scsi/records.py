# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Any structure, and any answer, as Hypothesis makes them from the tables themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from rtslib.iscsi.scsi.layout import MalformedDataError, Record

if TYPE_CHECKING:
    from rtslib.iscsi.scsi.layout import Layout

__all__ = ["answers", "every_record", "numbers", "of", "refused_or_read", "values"]


def numbers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << bits) - 1)


def values(layout: Layout) -> st.SearchStrategy[dict[str, Any]]:
    """Return values for the fields of a structure: those of any bytes."""
    return st.binary(min_size=layout.size, max_size=layout.size).map(layout.unpack)


def of(cls: type[Record]) -> st.SearchStrategy[Any]:
    """Return structures of a class."""
    return values(cls.layout()).map(lambda found: cls(**found))


def every_record(cls: type[Record] = Record) -> list[type[Record]]:
    """Return all classes of structures that have fields."""
    found = [below for it in cls.__subclasses__() for below in every_record(it)]
    own = [cls] if "__dataclass_fields__" in vars(cls) else []
    return own + found


#: What a target may send: anything.
answers = st.binary(max_size=300)


def refused_or_read(parse: Any, data: bytes) -> None:
    """Read data; nothing but a MalformedDataError may come of what is wrong."""
    try:
        parse(data)
    except MalformedDataError as error:
        assert str(error)  # noqa: PT017 - it is one of two good outcomes
