# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a person can do about a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtslib.configfs import ConfigFS


def hint(fs: ConfigFS, operation: str, path: str, error: OSError) -> str | None:
    """Return advice for a refusal, None where the errno says it all."""
    return None
