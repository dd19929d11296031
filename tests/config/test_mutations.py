# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Damaged files through all of parse, check, plan: an error with places in it, or a plan.

A few hundred by default; ``RTSLIB_MUTATIONS=100000`` for as many as one likes.
"""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING

import pytest
from mutate import mutated
from trees import KERNELS, SECRETS, rich, snapshot

from rtslib.config.capture import capture
from rtslib.config.credentials import redact
from rtslib.config.document import parse
from rtslib.config.dump import dump
from rtslib.config.operations import checked, planned
from rtslib.config.savefile import text_of
from rtslib.errors import ConfigError
from rtslib.testing import ReadOnly

if TYPE_CHECKING:
    from pathlib import Path

#: Names of users are no secrets.
PASSWORDS = [secret for secret in SECRETS if "pass" in secret]
COUNT = int(os.environ.get("RTSLIB_MUTATIONS", "300"))


def displaced(damaged: bytes) -> str:
    """Return what a damaged file says where no secret belongs: one may have come to stand there.

    What is no JSON has no such place: messages about it quote nothing.
    """
    try:
        return json.dumps(redact(parse(damaged).data))
    except ConfigError:
        return ""


def always_the_same(text: str, directory: str) -> str:
    """Return a saved configuration without what is random in it: a seed must mean one damage."""
    text = text.replace(directory, "/srv")
    for key in ("alias", "wwn"):
        text = re.sub(f'"{key}": "[0-9a-f-]{{10,}}"', f'"{key}": "0123456789"', text)
    return re.sub(r'"nexus_wwn": "naa\.[0-9a-f]+"', '"nexus_wwn": "naa.5001405000000009"', text)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_damaged_file_is_an_error_or_a_plan(tmp_path: Path, kernel: str) -> None:
    tree = rich(str(tmp_path), kernel)
    have = capture(ReadOnly(tree))
    text = always_the_same(text_of(dump(have)), str(tmp_path))
    before = snapshot(tree)
    good = 0
    for seed in range(COUNT // len(KERNELS)):
        damaged = mutated(text, seed)
        start = time.process_time()
        problems = None
        try:
            plan = planned(have, checked(parse(damaged, "saved")), tree.root, name="saved")
        except ConfigError as error:
            shown, problems = f"{error} {error!r}", error.problems
        else:
            good += 1
            shown = f"{plan.text()} {json.dumps(plan.data())} {plan.shell()} {plan.steps!r}"
        assert problems is None or problems, seed
        assert not [it for it in PASSWORDS if it in shown and it not in displaced(damaged)], seed
        assert time.process_time() - start < 20, seed
    assert snapshot(tree) == before
    assert 0 < good < COUNT
