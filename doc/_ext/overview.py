# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The public names of the library in one list each, for its manual page."""

from __future__ import annotations

import inspect

from failures import summary
from rst import bold, definition

import rtslib
from rtslib.cli.parser import ENVIRONMENT
from rtslib.errors import RTSLibError

__all__ = ["classes", "environment"]

#: What only the command reads.
_COMMAND_ONLY = {"RTSLIB_DEBUG", "NO_COLOR"}


def classes() -> str:
    """Return what ``rtslib`` exports, but for the errors, with one sentence each."""
    found = {}
    for name in rtslib.__all__:
        it = getattr(rtslib, name)
        if not (inspect.isclass(it) and issubclass(it, RTSLibError)):
            found[name] = summary(it)
    return "\n".join(definition(bold(name), text) for name, text in found.items())


def environment() -> str:
    """Return the variables that the library reads."""
    return "\n".join(
        definition(bold(name), f"{meaning[0].upper()}{meaning[1:]}.")
        for name, meaning in ENVIRONMENT.items()
        if name not in _COMMAND_ONLY
    )
