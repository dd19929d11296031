# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Works that are programs of their own: what it costs to start with a library."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable

Do = Callable[[], Any]


def spent(command: list[str], environment: dict[str, str], *, check: bool = True) -> dict[str, Any]:
    """Run a program to its end and return what it took."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(  # noqa: S603 - the words are our own
        command, env=environment, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        print(f"{command} ended with {done.returncode}: {done.stderr[-300:]}", file=sys.stderr)
        if check:
            raise SystemExit(1)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "wall": wall}


def python(words: str) -> Do:
    """Return what runs a line of Python, once the byte code of all that it imports is there."""
    command = [sys.executable, "-c", words]
    spent(command, dict(os.environ))
    return lambda: spent(command, dict(os.environ))


def targetcli(contender: str) -> Do:
    """Return what lists everything with targetcli."""
    # The guest starts where the repository is.
    sys.path[:0] = ["tests/kernel", "tests"]
    from suite import targetcli as program

    library = {"ours": "rtslib", "fb": "rtslib-fb"}[contender]
    home = tempfile.mkdtemp()
    environment = program.variables(library, Path(home))
    if contender == "ours":
        # The library that is measured, which need not be the one beside this file.
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]

    def do() -> Any:
        return spent(program.command(library, "ls"), environment)

    with program.system_bus(Path(home)):
        do()

    def measured() -> Any:
        with program.system_bus(Path(home)):
            return do()

    return measured


def works(contender: str) -> dict[str, Callable[[], Do]]:
    """Return what gets ready for each of these works."""
    return {
        "import": lambda: python("import rtslib"),
        "targetcli-ls": lambda: targetcli(contender),
    }


def works_bare() -> dict[str, Callable[[], Do]]:
    """Return the floor of the one that has one: to start Python."""
    return {"import": lambda: python("pass")}
