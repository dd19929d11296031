# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What README and doc/ show is what there is: their code runs, their drawing is what is drawn."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[1]
EXAMPLE = TOP / "examples/export_disk.py"
PAGES = [TOP / "README.md", *sorted((TOP / "doc").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """Return the fenced blocks of one language; what shows a form and cannot run is marked py."""
    parts = re.split(r"^```(\w*)\n", page.read_text("utf-8"), flags=re.MULTILINE)
    # Text, then language and content of a block, then an empty fence and text, and so on.
    return [body for kind, body in zip(parts[1::4], parts[2::4]) if kind == language]


def run(program: str, *arguments: str, tree: str = "fake") -> str:
    done = subprocess.run(
        [sys.executable, "-", *arguments],
        input=program,
        env={**os.environ, "RTSLIB_CONFIGFS": tree, "PYTHONPATH": str(TOP)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout


@pytest.mark.parametrize("code", [code for page in PAGES for code in blocks(page, "python")])
def test_the_code_runs(code: str, tmp_path: Path) -> None:
    run(code, str(tmp_path / "disk0.img"))


def test_the_readme_shows_the_example() -> None:
    code = EXAMPLE.read_text("utf-8").partition('"""\n\n')[2]
    assert code in blocks(TOP / "README.md", "python")


def test_the_example_is_as_short_as_is_said() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 40


def test_the_readme_shows_what_the_example_draws(tmp_path: Path) -> None:
    path = str(tmp_path / "disk0.img")
    drawn = run(EXAMPLE.read_text("utf-8"), path).partition("\n\n")[0]
    shown = blocks(TOP / "README.md", "")
    # The path is of another length there, and the dots with it.
    plain = [re.sub(r"\.{2,}", "..", text.replace("/srv/disk0.img", path)) for text in shown]
    assert any(re.sub(r"\.{2,}", "..", drawn) in text for text in plain)


def test_a_change_is_planned_applied_and_taken_back(tmp_path: Path) -> None:
    where = f"fake:{tmp_path}/kernel.json"
    run(EXAMPLE.read_text("utf-8"), str(tmp_path / "disk0.img"), tree=where)
    said = run((TOP / "examples/change_safely.py").read_text("utf-8"), tree=where)
    assert "set up /iscsi/iqn.2026-11.org.example:disk0/tpg1/luns/lun1\n" in said
    assert said.endswith("as it was: True\n")


def test_every_file_that_the_readme_names_is_there() -> None:
    text = (TOP / "README.md").read_text("utf-8")
    for name in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (TOP / name).exists(), name
    for name in re.findall(r"\b(rtslib/\w+\.py|\w+\.py)\b", text.partition("Where things")[2]):
        assert (TOP / "rtslib" / name.removeprefix("rtslib/")).exists(), name
