# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The wheel and the sdist, each installed into a new virtual environment of old and new Pythons."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checks.rootfs import REPOSITORY

VERSIONS = ("3.9", "3.13")
PROGRAM = (REPOSITORY / "debian/tests/library").read_text()


def run(*command: object, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        env={**os.environ, "PYTHONPATH": "", "PIP_DISABLE_PIP_VERSION_CHECK": "1", **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python(version: str) -> str:
    """Return an interpreter of a version: one on PATH, or one of pyenv's."""
    name = f"python{version}"
    kept = map(str, sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}")))
    for found in filter(None, (shutil.which(name), *kept)):
        # What is on PATH may be a shim for what is not there.
        if subprocess.run([found, "-c", "import ensurepip"], check=False).returncode == 0:
            return found
    os.write(2, f"\n== Python {version}: not on this machine, not tested\n".encode())
    pytest.skip(f"Python {version} is not on this machine")


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel and the sdist, built from what git has or would take."""
    place = tmp_path_factory.mktemp("archives")
    tree = place / "tree"
    subprocess.run(
        ["bash", "-c", f'. .ci/common.sh; export_tree "{tree}"'], cwd=REPOSITORY, check=True
    )
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", place, tree)
    build = "import os, sys, setuptools.build_meta as it; os.chdir(sys.argv[1]);"
    run(sys.executable, "-c", f"{build} it.build_sdist(sys.argv[2])", tree, place)
    (wheel,) = place.glob("*.whl")
    (sdist,) = place.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_it_can_be_installed_and_finds_its_specs(
    kind: str, version: str, archives: dict[str, Path], tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    run(python(version), "-m", "venv", venv)
    # Both distributions, as the README says. Nothing is compiled but by accident.
    compat = REPOSITORY / "compat"
    binary = "--only-binary=netifaces-plus"
    run(venv / "bin/pip", "install", "-q", binary, archives[kind], compat)
    program = tmp_path / "library.py"
    program.write_text(PROGRAM)
    run(venv / "bin/python", "-W", "error", program)
    assert run(venv / "bin/targetctl", "--version").startswith("targetctl ")
    run(venv / "bin/python", "-c", "import rtslib.testing; rtslib.testing.FakeKernel()")
    assert run(venv / "bin/pip", "check") == "No broken requirements found.\n"
