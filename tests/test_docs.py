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

from rtslib.cli.commands import COMMANDS
from rtslib.cli.explain import Exit
from rtslib.cli.parser import ENVIRONMENT

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


#: The command of this checkout, for what stands behind a prompt.
TARGETCTL = """\
targetctl() {{ "{python}" -m rtslib.cli "$@"; }}
export PYTHONPATH="{top}" COLUMNS=100
"""


def sessions(page: Path) -> list[list[tuple[str, str]]]:
    """Return the console blocks of a page: their commands, each with what it shows."""
    found = []
    for block in blocks(page, "console"):
        parts = re.split(r"^\$ (.*)\n", block, flags=re.MULTILINE)
        found.append(list(zip(parts[1::2], parts[2::2])))
    return found


@pytest.mark.parametrize("session", [it for page in PAGES for it in sessions(page)])
def test_the_commands_say_what_is_shown(session: list[tuple[str, str]], tmp_path: Path) -> None:
    program = TARGETCTL.format(python=sys.executable, top=TOP)
    mark = "--- what the next command says"
    for command, shown in session:
        program += f"status=$?; echo '{mark}'; (exit $status)\n"
        if command.startswith("cat "):
            # What a file is to have.
            program += f"cat > {command[4:]} <<'END'\n{shown}END\n"
        program += f"{command}\n"
    done = subprocess.run(
        ["bash", "-c", program], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stderr == ""
    said = done.stdout.replace(f"{tmp_path}/", "/.../").split(f"{mark}\n")[1:]
    assert list(zip((command for command, _ in session), said)) == session


def test_the_manual_has_all_of_the_tables() -> None:
    text = (TOP / "doc/targetctl.md").read_text("utf-8")
    for code in Exit:
        assert f"| {int(code)} | {code.meaning} |" in text
    for name, meaning in ENVIRONMENT.items():
        assert f"| `{name}` | {meaning} |" in text
    assert all(re.search(rf"`{command.name}\b", text) for command in COMMANDS)
