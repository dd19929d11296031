# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Working out once what depends on a class only."""

from __future__ import annotations

from functools import cache
from typing import Any, Callable, TypeVar, cast

__all__ = ["once"]

F = TypeVar("F", bound=Callable[..., Any])


def once(function: F) -> F:
    """Return a function that remembers what it returned for the same arguments.

    As functools.cache, but for the signature, which is kept: type checkers take classes that have
    a __hash__ of their own for unhashable.
    """
    return cast("F", cache(function))
