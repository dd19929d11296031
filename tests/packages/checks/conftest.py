# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""These tests mount, chroot and install: only ``make test-packages`` may run them."""

from __future__ import annotations

import os

import pytest

collect_ignore_glob = [] if os.environ.get("RTSLIB_PACKAGE_TESTS") == "1" else ["*"]


@pytest.fixture(scope="session", autouse=True)
def _apart() -> None:
    """Go on only as root in a mount namespace of our own."""
    if os.geteuid() != 0 or os.readlink("/proc/self/ns/mnt") == os.environ["RTSLIB_HOST_MOUNTS"]:
        pytest.exit("run this by make test-packages, as root", returncode=3)
