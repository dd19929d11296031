# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a library called rtslib offers, as data: names, signatures, properties, constants.

``PYTHON introspect.py > rtslib-fb-2.2.4.json``, with an interpreter that has the real rtslib-fb,
made the table that test_surface.py compares this library with. It reads the library, runs nothing
of it, and knows nothing of ours.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import sys
from typing import Any

MODULES = ("alua", "fabric", "node", "root", "target", "targetctl", "tcm", "utils")
#: What stands in a table for a default or constant that is no plain data.
OPAQUE = "<not plain data>"

Facts = dict[str, Any]


def plain(value: object) -> object:
    """Return a value as JSON has it; sets in order, anything else as OPAQUE."""
    if isinstance(value, (set, frozenset)):
        value = sorted(value)
    try:
        return json.loads(json.dumps(value))
    except TypeError:
        return OPAQUE


def signature(function: Any) -> str:
    """Return how a function or class is called, without self."""
    try:
        found = inspect.signature(function)
    except ValueError:
        return "(*args, **kwargs)"
    given = [it for it in found.parameters.values() if it.name not in ("self", "cls")]
    return str(found.replace(parameters=given, return_annotation=found.empty))


def own(member: Any, module: str) -> bool:
    """Tell whether a function or class is a module's own."""
    return bool(getattr(member, "__module__", None) == module)


def instance_attributes(cls: type) -> list[str]:
    """Return the public names that the class's own methods set on self."""
    try:
        tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(cls)))
    except (OSError, TypeError):
        return []
    return sorted(
        {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name)
            and node.value.id == "self"
            and not node.attr.startswith("_")
        }
    )


def class_facts(cls: type) -> Facts:
    """Return what a class itself adds to its bases."""
    facts: Facts = {
        "bases": [base.__name__ for base in cls.__bases__],
        "init": signature(cls),
        "methods": {},
        "properties": {},
        "constants": {},
    }
    for name, member in sorted(vars(cls).items()):
        if isinstance(member, property):
            if not name.startswith("_"):
                facts["properties"][name] = "rw" if member.fset else "r"
        elif isinstance(member, (classmethod, staticmethod)) or inspect.isfunction(member):
            if not name.startswith("_"):
                facts["methods"][name] = signature(getattr(cls, name))
        elif not name.startswith("_") and not callable(member):
            facts["constants"][name] = plain(member)
    facts["attributes"] = [
        name for name in instance_attributes(cls) if name not in facts["properties"]
    ]
    return facts


def module_facts(name: str) -> Facts:
    """Return what a module defines."""
    module = importlib.import_module(name)
    facts: Facts = {"functions": {}, "classes": {}, "constants": {}}
    for member_name, member in sorted(vars(module).items()):
        private = member_name.startswith("_") and not inspect.isclass(member)
        if private or member_name.startswith("__") or inspect.ismodule(member):
            continue
        if inspect.isclass(member):
            if own(member, name):
                facts["classes"][member_name] = class_facts(member)
        elif inspect.isfunction(member):
            if own(member, name):
                facts["functions"][member_name] = signature(member)
        elif not callable(member):
            facts["constants"][member_name] = plain(member)
    return facts


def library(package: str = "rtslib") -> Facts:
    """Return what the package offers, by module; its own `__all__` under ''."""
    exported = sorted(importlib.import_module(package).__all__)
    return {"": exported, **{name: module_facts(f"{package}.{name}") for name in MODULES}}


if __name__ == "__main__":
    json.dump(library(), sys.stdout, indent=1, sort_keys=True)
    print()
