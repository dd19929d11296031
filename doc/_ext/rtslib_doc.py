# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What Sphinx is told: ``.. generated:: NAME`` stands for text that the program itself knows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import commands
import failures
import overview
import saveformat
import specfiles
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

if TYPE_CHECKING:
    from sphinx.application import Sphinx

__all__ = ["GENERATED", "setup"]

TOP = Path(__file__).resolve().parents[2]

#: What can stand behind ``generated::``.
GENERATED: dict[str, Callable[[], str]] = {
    "targetctl-synopsis": commands.synopsis,
    "targetctl-commands": commands.commands,
    "targetctl-options": commands.common_options,
    "targetctl-exit-status": commands.exit_status,
    "targetctl-environment": commands.environment,
    "targetctl-files": lambda: commands.files(TOP / "doc/targetctl.md"),
    "saveconfig-objects": saveformat.objects,
    "classes": overview.classes,
    "library-environment": overview.environment,
    "errors-short": failures.listed,
    "errors": failures.kinds,
    "advice": failures.advice,
    "ranges": failures.ranges,
    "spec-files": lambda: specfiles.manual(TOP / "specs/README"),
}


class Generated(SphinxDirective):
    """Text from one of the generators."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse the text in the place of the directive."""
        # What it is made of may have changed though the page has not.
        self.env.note_reread()
        name = self.arguments[0]
        lines = StringList(GENERATED[name]().splitlines(), source=f"generated {name}")
        made = nodes.Element()
        nested_parse_with_titles(self.state, lines, made)
        return made.children


def setup(app: Sphinx) -> dict[str, Any]:
    """Add all of it."""
    app.add_directive("generated", Generated)
    return {"parallel_read_safe": True}
