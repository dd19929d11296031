# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The one way from the model to what is built over it: taken when it is called, not before."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from trees import IQN, rich

from rtslib import FabricModule, RTSRoot, Target, saved, use

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import sys
import rtslib
from rtslib.testing import FakeKernel
assert "rtslib.config.classic" not in sys.modules
with rtslib.use(FakeKernel()):
    rtslib.RTSRoot().dump()
assert "rtslib.config.classic" in sys.modules
"""


def test_it_is_imported_when_it_is_used() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


def test_each_leads_to_its_classic_call(tmp_path: Path) -> None:
    tree = rich(str(tmp_path))
    path = str(tmp_path / "saved.json")
    with use(tree):
        RTSRoot().storage_objects.__class__  # noqa: B018 - a view is made without a call
        saved.clear(tree, None, "raw")
        saved.clear(tree, None, "shut")
        before = saved.dump(RTSRoot())
        saved.save(tree, path)
        with open(path, encoding="utf-8") as stream:
            assert json.load(stream) == before
        saved.clear(tree, IQN, None)
        assert saved.restore(tree, before, target=IQN) == []
        saved.clear(tree, None, None)
        assert list(RTSRoot().targets) == []
        assert saved.restore_file(tree, path) == []
        told: list[object] = []
        entry = next(it for it in before["targets"] if it["wwn"] == IQN)
        saved.setup(Target, FabricModule("iscsi"), entry, told.append)
        assert told == []
        assert saved.dump(RTSRoot()) == before
