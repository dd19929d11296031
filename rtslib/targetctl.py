# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The classic module behind the command targetctl; its ``main`` is the command of today.

The functions are those that programs import, with the arguments that they always had.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from rtslib.cli.explain import Exit
from rtslib.cli.main import main
from rtslib.errors import MissingFileError
from rtslib.root import RTSRoot, default_save_file

if TYPE_CHECKING:
    from typing import Union

    Path = Union[str, os.PathLike[str]]

__all__ = ["clear", "default_save_file", "err", "funcs", "main", "restore", "save", "usage"]

#: Where programs that imported it printed to; here each call looks for the stream of its time.
err = sys.stderr


def usage() -> NoReturn:
    """Say on stderr how the classic commands are called, and exit."""
    program = sys.argv[0]
    sys.stderr.write(
        f"syntax: {program} save [file_to_save_to]\n"
        f"        {program} restore [file_to_restore_from]\n"
        f"        {program} clear\n"
        f"default file is: {default_save_file}\n"
    )
    sys.exit(Exit.USAGE)


def save(to_file: Path) -> None:
    """Save the running configuration."""
    RTSRoot().save_to_file(os.fspath(to_file))


def restore(from_file: Path) -> None:
    """Restore a file and tell on stderr what failed; exits with 0 where there is no file."""
    try:
        errors = RTSRoot().restore_from_file(os.fspath(from_file))
    except MissingFileError:
        sys.stdout.write(f"No saved config file at {from_file}, ok, exiting\n")
        sys.exit(Exit.DONE)
    for line in errors:
        sys.stderr.write(f"{line}\n")


def clear(_unused: object) -> None:
    """Remove the running configuration."""
    RTSRoot().clear_existing(confirm=True)


funcs = {"save": save, "restore": restore, "clear": clear}

if __name__ == "__main__":
    raise SystemExit(main())
