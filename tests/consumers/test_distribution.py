# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The two distributions: rtslib with both packages, and rtslib-fb, which holds nothing.

Built into metadata by setuptools, offline. What pip makes of them was tried by hand: see README.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from typing import TYPE_CHECKING

import pytest

import rtslib

if TYPE_CHECKING:
    from pathlib import Path

TOP = os.path.dirname(os.path.dirname(rtslib.__file__))
SETUP = "import setuptools; setuptools.setup()"


def built(source: Path, command: list[str]) -> Distribution:
    """Return the metadata that setuptools makes of a source directory."""
    subprocess.run(
        [sys.executable, *command, "-q", "egg_info", "--egg-base", str(source)],
        check=True,
        capture_output=True,
        cwd=source,
    )
    (found,) = distributions(path=[str(source)])
    return found


@pytest.fixture(scope="module")
def companion(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    source = tmp_path_factory.mktemp("compat")
    shutil.copy(os.path.join(TOP, "compat", "pyproject.toml"), source)
    return built(source, ["-c", SETUP])


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Distribution:
    source = tmp_path_factory.mktemp("main")
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(os.path.join(TOP, name), source)
    for name in ("rtslib", "rtslib_fb", "specs"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(os.path.join(TOP, name), source / name, ignore=ignored)
    return built(source, ["setup.py"])


def test_the_companion_satisfies_what_requires_rtslib_fb(companion: Distribution) -> None:
    assert companion.metadata["Name"] == "rtslib-fb"
    assert companion.version == rtslib.__version__
    assert tuple(int(part) for part in companion.version.split(".")[:2]) >= (2, 2)
    assert companion.requires == [f"rtslib=={rtslib.__version__}"]


def test_the_companion_holds_nothing(companion: Distribution) -> None:
    assert (companion.read_text("top_level.txt") or "").strip() == ""
    assert not companion.entry_points
    files = [str(file) for file in companion.files or ()]
    assert [file for file in files if file.endswith(".py")] == []


def test_the_library_holds_both_packages_and_the_program(main: Distribution) -> None:
    assert main.metadata["Name"] == "rtslib"
    assert main.version == rtslib.__version__
    assert set((main.read_text("top_level.txt") or "").split()) == {"rtslib", "rtslib_fb"}
    (program,) = main.entry_points
    assert (program.group, program.name) == ("console_scripts", "targetctl")
    assert program.value == "rtslib.targetctl:main"
    assert not [one for one in main.requires or () if one.startswith("rtslib")]
