# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a person can do about a refusal.

Advice never changes anything and never raises: a rule of ``hint_rules`` whose facts cannot be found
out is passed over, and a later one is less precise. All of this happens on the way to an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rtslib.configfs import ConfigFS

__all__ = ["hint"]


def hint(
    fs: ConfigFS, operation: str, path: str, error: OSError, value: str | None = None
) -> str | None:
    """Return advice for a refusal, None where the errno says it all.

    `path` is relative to the tree's root, `value` what was to be written, masked if secret.
    """
    # Here, not above: most programs are never refused anything, and the table takes time to load.
    from rtslib.hint_facts import Refusal
    from rtslib.hint_rules import candidates

    for rule in candidates(operation, error.errno):
        parts = rule.parts(path)
        if parts is None:
            continue
        try:
            advice = (
                rule.advice
                if isinstance(rule.advice, str)
                else rule.advice(Refusal(fs, path, parts, value))
            )
        except Exception:  # noqa: BLE001, S112 - whatever advice breaks on, the refusal is told
            continue
        if advice:
            return advice
    return None
