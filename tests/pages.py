# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The pages of README and doc/ as blocks of code, and a way to run those of a page in order.

Kinds of blocks: ``python`` is run, and ``text`` right behind it is what it prints; ``console``
shows commands and what they say; ``py`` shows a form that cannot run by itself; ``sh`` is for a
real machine, and only its syntax is looked at; ``json`` and ``ini`` are a configuration and a spec
file, and are checked; ``text`` elsewhere is a drawing.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import NamedTuple

__all__ = ["KINDS", "PAGES", "TOP", "Block", "blocks", "matches", "of_kind", "run", "tell"]

TOP = Path(__file__).resolve().parents[1]
PAGES = [TOP / "README.md", *sorted((TOP / "doc").rglob("*.md"))]
KINDS = {"python", "text", "console", "py", "sh", "json", "ini"}

_FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: what stands behind the fence, its text, its line in the page."""

    kind: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page, but for what Sphinx is told."""
    text = page.read_text("utf-8")
    found = [
        Block(it[2] or "text", textwrap.dedent(it[3]), text.count("\n", 0, it.start()) + 1)
        for it in _FENCE.finditer(text)
    ]
    return [it for it in found if not it.kind.startswith("{")]


def of_kind(page: Path, kind: str) -> list[str]:
    """Return the texts of the blocks of one kind."""
    return [it.text for it in blocks(page) if it.kind == kind]


def matches(shown: str, said: str) -> bool:
    """Tell whether this is what was shown; three dots or more stand for anything in a line."""
    parts = re.split(r"\.{3,}", shown)
    return re.fullmatch(".*".join(map(re.escape, parts)), said) is not None


#: The commands of this checkout, for what stands behind a prompt; a terminal shows errors as well.
_SHELL = """\
exec 2>&1
targetctl() {{ "{python}" -m rtslib.cli "$@"; }}
python3() {{ "{python}" "$@"; }}
export PYTHONPATH="{top}" COLUMNS=100
"""
_MARK = "--- what the next command says"


def run(session: str, where: Path, environment: dict[str, str] | None = None) -> list[str]:
    """Run what stands behind the prompts of a console block; return what each command says."""
    program = _SHELL.format(python=sys.executable, top=TOP)
    for command, shown in prompts(session):
        program += f"status=$?; echo '{_MARK}'; (exit $status)\n"
        if command.startswith("cat "):
            # What a file is to have.
            program += f"cat > {command[4:]} <<'END'\n{shown}END\n"
        program += f"{command}\n"
    done = subprocess.run(
        ["bash", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=where,
        env={**os.environ, **(environment or {})},
    )
    return done.stdout.split(f"{_MARK}\n")[1:]


def prompts(session: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what it shows."""
    parts = re.split(r"^\$ (.*(?:\\\n.*)*)\n", session, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2]))


#: Runs the blocks of a page in order: those in Python in one namespace.
_TELLER = """
import contextlib, io, json, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import pages
names = {"__name__": "__main__"}
said = []
for kind, text in json.loads(sys.argv[1]):
    if kind == "console":
        said.append(pages.run(text, Path.cwd()))
    else:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile(text, "block", "exec"), names)
        said.append(out.getvalue())
print(json.dumps(said))
"""


def tell(told: list[Block], where: Path) -> list[str | list[str]]:
    """Run blocks one after the other, in one directory and on one tree; return what each says."""
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            _TELLER,
            json.dumps([(it.kind, it.text) for it in told]),
            str(TOP),
            str(TOP / "tests"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=where,
        env={**os.environ, "RTSLIB_CONFIGFS": "fake:state.json", "COLUMNS": "100"},
    )
    assert not done.stderr, done.stderr
    said: list[str | list[str]] = json.loads(done.stdout)
    return said
