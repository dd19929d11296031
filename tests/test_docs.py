# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What README and doc/ show is what there is: their code runs and says what is shown."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pages
import pytest
from pages import PAGES, TOP, Block

from rtslib import spec
from rtslib.cli.commands import COMMANDS
from rtslib.cli.explain import Exit
from rtslib.cli.parser import ENVIRONMENT
from rtslib.config import Document, checked

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = TOP / "examples/export_disk.py"
#: The blocks of a page of the guide are run in order, on one tree; elsewhere each is run alone.
GUIDE = [page for page in PAGES if page.parent.name == "guide"]
OTHERS = [page for page in PAGES if page not in GUIDE]


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


def every(kind: str, where: list[Path] = PAGES) -> list[object]:
    """Return the blocks of a kind, each as a parameter that is called after its place."""
    return [
        pytest.param(block.text, id=f"{page.relative_to(TOP)}:{block.line}")
        for page in where
        for block in pages.blocks(page)
        if block.kind == kind
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_every_block_is_of_a_kind_that_is_looked_at(page: Path) -> None:
    assert {block.kind for block in pages.blocks(page)} <= pages.KINDS
    # All fences have been understood.
    text = page.read_text("utf-8")
    fences = len(re.findall(r"^\s*```", text, re.MULTILINE))
    directives = len(re.findall(r"^```\{", text, re.MULTILINE))
    assert fences == 2 * (len(pages.blocks(page)) + directives)


def test_pages_of_the_reference_have_no_code_of_their_own() -> None:
    for page in (TOP / "doc").rglob("*.rst"):
        text = page.read_text("utf-8")
        assert set(re.findall(r"code-block:: (\w+)", text)) <= {"text"}, page
        assert not re.search(r"^(?!\.\. ).*::$", text, re.MULTILINE), page


@pytest.mark.parametrize("page", GUIDE, ids=lambda page: page.stem)
def test_a_page_of_the_guide_shows_what_is_said(page: Path, tmp_path: Path) -> None:
    told = pages.blocks(page)
    said = iter(pages.tell([it for it in told if it.kind in ("python", "console")], tmp_path))
    for block, behind in zip(told, [*told[1:], Block("", "", 0)]):
        if block.kind == "python":
            shown = behind.text if behind.kind == "text" else ""
            assert_shown(shown, str(next(said)), tmp_path)
        elif block.kind == "console":
            for (_, shown), answer in zip(pages.prompts(block.text), next(said)):
                assert_shown(shown, answer, tmp_path)


def assert_shown(shown: str, said: str, where: Path) -> None:
    said = said.replace(f"{where}/", "/.../")
    assert pages.matches(shown, said), f"{shown!r} is not {said!r}"


@pytest.mark.parametrize("code", every("python", OTHERS))
def test_the_code_runs(code: str, tmp_path: Path) -> None:
    run(code, str(tmp_path / "disk0.img"))


@pytest.mark.parametrize("session", every("console", OTHERS))
def test_the_commands_say_what_is_shown(session: str, tmp_path: Path) -> None:
    shown = pages.prompts(session)
    said = pages.run(session, tmp_path)
    assert len(said) == len(shown)
    for (_, expected), answer in zip(shown, said):
        assert_shown(expected, answer, tmp_path)


@pytest.mark.parametrize("code", every("py"))
def test_what_cannot_run_is_python(code: str) -> None:
    ast.parse(code)


@pytest.mark.parametrize("script", every("sh"))
def test_what_is_for_a_real_machine_is_a_script(script: str) -> None:
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


@pytest.mark.parametrize("text", every("ini"))
def test_a_spec_file_is_one(text: str, tmp_path: Path) -> None:
    (tmp_path / "shown.spec").write_text(text, "utf-8")
    assert spec.load(str(tmp_path / "shown.spec")).features


@pytest.mark.parametrize(
    "text", [*every("json"), (TOP / "examples/saveconfig.json").read_text("utf-8")]
)
def test_a_configuration_is_one(text: str) -> None:
    assert checked(Document(json.loads(text)))


def test_the_readme_shows_the_example() -> None:
    code = EXAMPLE.read_text("utf-8").partition('"""\n\n')[2]
    assert code in pages.of_kind(TOP / "README.md", "python")


def test_the_example_is_as_short_as_is_said() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 40


def test_the_readme_shows_what_the_example_draws(tmp_path: Path) -> None:
    path = str(tmp_path / "disk0.img")
    drawn = run(EXAMPLE.read_text("utf-8"), path).partition("\n\n")[0]
    # The path is of another length there, and the dots with it.
    shown = [it.replace("/srv/disk0.img", path) for it in pages.of_kind(TOP / "README.md", "text")]
    plain = [re.sub(r"\.{2,}", "..", text) for text in shown]
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


def test_the_manual_has_all_of_the_tables() -> None:
    text = (TOP / "doc/targetctl.md").read_text("utf-8")
    for code in Exit:
        assert f"| {int(code)} | {code.meaning} |" in text
    for name, meaning in ENVIRONMENT.items():
        assert f"| `{name}` | {meaning} |" in text
    assert all(re.search(rf"`{command.name}\b", text) for command in COMMANDS)
