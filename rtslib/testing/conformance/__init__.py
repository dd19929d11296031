# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What every target tree must do: scenarios for a FakeKernel as for a real kernel's tree.

Each scenario takes a Bench over a ConfigFS, does a few operations, and checks what came of them::

    for scenario in conformance.SCENARIOS:
        conformance.run(HostConfigFS(), scenario)

They make their own storage objects (RAM disks) and targets, under names that nobody else uses, and
remove them. They want root, target_core_mod with its modules, and the fabrics iscsi and loopback.
"""

from __future__ import annotations

from rtslib.testing.conformance import fabrics, storage, tree
from rtslib.testing.conformance.bench import SCENARIOS, Bench, NonConformance, Scenario, run

__all__ = ["SCENARIOS", "Bench", "NonConformance", "Scenario", "run"]

#: Importing a module fills SCENARIOS.
_MODULES = (tree, storage, fabrics)
