# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Fixtures of the fake kernel's own tests."""

from __future__ import annotations

import pytest

from testing.filled import Filled


@pytest.fixture
def fake() -> Filled:
    return Filled()
