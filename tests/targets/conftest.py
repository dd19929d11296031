# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Tests of the initiator with other people's targets: `make test-targets` runs them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from targets.tgtd import Tgtd, tgtd

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: `make test` needs no target; there what is missing is no failure, here it is.
collect_ignore_glob = [] if os.environ.get("RTSLIB_TARGET_TESTS") == "1" else ["*"]

PROGRAMS = ("tgtd", "tgtadm", "iscsi-inq", "iscsi-readcapacity16", "iscsi-ls", "tshark", "dumpcap")


@pytest.fixture(scope="session", autouse=True)
def _programs() -> None:
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.exit(f"{', '.join(missing)}: missing; run `make test-targets`", returncode=3)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Tgtd]:
    """Tgtd without a target."""
    with tgtd(tmp_path) as running:
        yield running


@pytest.fixture
def disk(daemon: Tgtd) -> Tgtd:
    """Tgtd with a target of one disk, open to everybody."""
    daemon.create()
    return daemon
