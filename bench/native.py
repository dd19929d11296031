# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What it costs to import the libraries on this machine itself, no guest between."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from environments import environments
from packages import cache_directory
from runs import KEPT, PYTHON, version
from starts import spent

if TYPE_CHECKING:
    from pathlib import Path

ROUNDS = 25


def import_times(library: Path) -> list[dict[str, Any]]:
    """Return records of starting Python bare and with either library, in turn."""
    programs = environments(cache_directory())
    commands = {
        "floor": (PYTHON, "pass", ""),
        "ours": (str(programs / "rtslib/bin/python"), "import rtslib", str(library)),
        "fb": (str(programs / "rtslib-fb/bin/python"), "import rtslib", ""),
    }
    about = {"clock": "native", "of": version(library), "on": time.strftime("%Y-%m-%d")}
    about |= {"shape": "1", "work": "import", "how": "measure"}
    # Each with its byte code, as it is installed.
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": str(KEPT / "pycache")}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    records = []
    # The first round is for the byte code and the page cache.
    for number in range(-1, ROUNDS):
        for contender, (python, words, path) in commands.items():
            found = spent([python, "-c", words], {**environment, "PYTHONPATH": path})
            if number >= 0:
                records.append({**about, "contender": contender, "round": number, **found})
    return records
