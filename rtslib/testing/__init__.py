# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
r"""A kernel to test on: LIO's configfs in memory, its machine, and wrappers around any tree.

>>> from rtslib.testing import FakeKernel
>>> fake = FakeKernel()
>>> fake.mkdir("iscsi")
>>> fake.read("iscsi/discovery_auth/enforce_discovery_auth")
'0\n'
"""

from __future__ import annotations

from rtslib.testing.directory import KernelOops
from rtslib.testing.host import BlockDevice, FakeHost, ScsiDevice
from rtslib.testing.kernel import FakeKernel
from rtslib.testing.wrappers import Faulty, Journal, Operation, ReadOnly, Wrapper

__all__ = [
    "BlockDevice",
    "FakeHost",
    "FakeKernel",
    "Faulty",
    "Journal",
    "KernelOops",
    "Operation",
    "ReadOnly",
    "ScsiDevice",
    "Wrapper",
]
