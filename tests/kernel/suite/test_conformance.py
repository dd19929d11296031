# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The conformance scenarios, which FakeKernel passes in the ordinary tests, on the real kernel."""

from __future__ import annotations

import pytest

from rtslib import HostConfigFS
from rtslib.testing import conformance


@pytest.mark.parametrize("scenario", conformance.SCENARIOS, ids=lambda it: it.__name__)
def test_scenario(scenario: conformance.Scenario) -> None:
    conformance.run(HostConfigFS(), scenario)
