# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What Sphinx is told: ``.. generated:: NAME`` stands for text that the program itself knows."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

import commands
import declarations
import failures
import modules
import overview
import saveformat
import specfiles
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.addnodes import pending_xref
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

from rtslib.node import Node

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

__all__ = ["GENERATED", "setup"]

_LOG = logging.getLogger(__name__)
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
    **{f"page-{name}": partial(modules.page, name) for name in modules.PAGES},
    **{
        f"settings-{name}": partial(declarations.settings_table, name)
        for name in ("storage", "tpg", "iscsi-param", "acl")
    },
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
        return list(made.children)


def _declarations(
    app: Sphinx, what: str, name: str, it: Any, options: Any, lines: list[str]
) -> None:
    """Add to the text on a class of nodes what it declares."""
    if what == "class" and issubclass(it, Node):
        lines += ["", *declarations.entries(it).splitlines()]


def _skip(app: Sphinx, what: str, name: str, it: Any, skip: bool, options: Any) -> bool | None:
    """Leave to ``_declarations`` what is declared; say nothing of the fields of tuples."""
    field = type(it).__name__ == "_tuplegetter"
    return True if field or isinstance(it, declarations.DECLARED) else None


def _bases(app: Sphinx, name: str, it: Any, options: Any, bases: list[Any]) -> None:
    """Say of a private base what it is made of itself."""
    bases[:] = modules.public_bases(bases)


def _signature(
    app: Sphinx, what: str, name: str, it: Any, options: Any, signature: str | None, returns: Any
) -> tuple[str, Any] | None:
    """Write in another way what would keep a signature from being parsed."""
    return (signature.replace("<factory>", "..."), returns) if signature else None


def _name_in_full(app: Sphinx, doctree: nodes.document) -> None:
    """Give what an annotation names the name that it has where it is defined."""
    for node in doctree.findall(pending_xref):
        name, module = node["reftarget"], node.get("py:module") or ""
        there: Any = vars(sys.modules.get(module, object)).get(name)
        if hasattr(there, "__qualname__"):
            node["reftarget"] = f"{there.__module__}.{there.__qualname__}"
        else:
            # What a class inherits is annotated in the words of another module: of its package.
            found = modules.homes().get(name, [])
            near = [it for it in found if it.split(".")[:2] == module.split(".")[:2]]
            node["reftarget"] = next(iter(near or found), name)


def _not_public(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.TextElement | None:
    """Take a name that the source has and the reference has not for what it is: a name."""
    module, _, name = node["reftarget"].rpartition(".")
    return content if name in vars(sys.modules.get(module, object)) else None


def _complete(app: Sphinx, env: BuildEnvironment) -> None:
    """Warn of each public name that the reference lacks."""
    there = env.get_domain("py").objects
    for module, name in modules.public():
        if f"{module}.{name}" not in there:
            _LOG.warning("the reference lacks %s.%s", module, name)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add all of it."""
    modules.complete_namespaces()
    app.add_directive("generated", Generated)
    app.connect("autodoc-process-docstring", _declarations)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-bases", _bases)
    app.connect("autodoc-process-signature", _signature)
    app.connect("doctree-read", _name_in_full)
    app.connect("missing-reference", _not_public)
    app.connect("env-check-consistency", _complete)
    return {"parallel_read_safe": True}
