# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The package's old name: the same objects, whichever name a program uses, or both."""

from __future__ import annotations

import ast
import importlib
import os
import pickle
import subprocess
import sys

import pytest

import rtslib
import rtslib_fb

MODULES = ("alua", "fabric", "node", "root", "target", "tcm", "utils")
TOP = os.path.dirname(os.path.dirname(rtslib.__file__))
HERE = os.path.dirname(rtslib_fb.__file__)


@pytest.mark.parametrize("name", MODULES)
def test_each_module_is_the_same(name: str) -> None:
    ours = importlib.import_module(f"rtslib.{name}")
    assert importlib.import_module(f"rtslib_fb.{name}") is ours
    assert getattr(rtslib_fb, name) is ours
    assert sys.modules[f"rtslib_fb.{name}"] is ours


def test_each_name_is_the_same() -> None:
    assert rtslib_fb.__all__ == rtslib.__all__
    assert rtslib_fb.__version__ == rtslib.__version__
    for name in rtslib.__all__:
        assert getattr(rtslib_fb, name) is getattr(rtslib, name)


def run(program: str) -> str:
    """Run a program in a Python of its own, where every warning is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=TOP,
        env={**os.environ, "RTSLIB_CONFIGFS": "fake"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "program",
    [
        "import rtslib_fb; print(rtslib_fb.root.RTSRoot, rtslib_fb.utils.RTSLibError)",
        "import rtslib_fb.root as lio; print(lio.RTSRoot)",
        "from rtslib_fb import root; print(root.RTSRoot)",
        "from rtslib_fb.utils import RTSLibError, RTSLibNotInCFS, fread; print(RTSLibError)",
        "import rtslib_fb.tcm as tcm; tcm.bs_cache = {}; print(tcm)",
        "import rtslib_fb as rtslib; print(rtslib.FabricModule('iscsi').wwns)",
        "from rtslib_fb import *; print(RTSRoot().path)",
        "import importlib; print(importlib.import_module('rtslib_fb.alua').ALUATargetPortGroup)",
        "import rtslib; import rtslib.root; print(rtslib.utils.RTSLibError)",
    ],
)
def test_ways_to_import(program: str) -> None:
    assert run(program).strip()


def test_what_is_assigned_in_one_is_assigned_in_the_other() -> None:
    program = (
        "import rtslib_fb.tcm, rtslib.tcm, rtslib\n"
        "rtslib_fb.tcm.bs_cache = {'any': 'thing'}\n"
        "print(rtslib.tcm.bs_cache)\n"
        "rtslib.RDMCPStorageObject('disk', 4096)\n"
        "print(rtslib.RDMCPStorageObject('disk').size)"
    )
    assert run(program).splitlines() == ["{'any': 'thing'}", "4096"]


def test_an_exception_is_caught_by_either_name(fake: object) -> None:
    for one, other in ((rtslib, rtslib_fb), (rtslib_fb, rtslib)):
        with pytest.raises(other.RTSLibError):
            one.RDMCPStorageObject("no such disk")
        with pytest.raises(other.utils.RTSLibNotInCFS):
            one.Target(one.FabricModule("iscsi"), "iqn.2003-01.org.example:x", "lookup")
    assert fake


def test_errors_are_pickled_under_the_new_name_and_read_from_the_old() -> None:
    error = rtslib_fb.utils.RTSLibError("a message", path="/a")
    text = pickle.dumps(error, protocol=0)
    assert b"rtslib_fb" not in text
    for pickled in (text, text.replace(b"crtslib.errors", b"crtslib_fb.utils")):
        again = pickle.loads(pickled)
        assert type(again) is rtslib.RTSLibError
        assert (str(again), again.path) == ("a message", "/a")


def test_the_old_name_holds_no_logic() -> None:
    names = sorted(name for name in os.listdir(HERE) if name.endswith(".py"))
    assert names == sorted([*(f"{name}.py" for name in (*MODULES, "targetctl")), "__init__.py"])
    for name in names:
        with open(os.path.join(HERE, name), encoding="utf-8") as file:
            lines = file.read().splitlines()
        assert lines[:2] == [
            "# SPDX-License-Identifier: Apache-2.0",
            "# Copyright the rtslib authors",
        ]
        kinds = {type(node) for node in ast.parse("\n".join(lines)).body}
        assert kinds <= {ast.Expr, ast.Import, ast.ImportFrom, ast.Assign}


def test_importing_it_loads_no_more_than_importing_rtslib() -> None:
    program = "import sys; before = set(sys.modules); import {0}; print(set(sys.modules) - before)"
    old, new = (ast.literal_eval(run(program.format(it))) for it in ("rtslib_fb", "rtslib"))
    assert old - new == {"rtslib_fb", *(f"rtslib_fb.{name}" for name in MODULES)}
