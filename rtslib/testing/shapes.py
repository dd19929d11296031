# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Join what a kernel's recording holds (``data/*.json``) with the rules, to shapes.

A kernel's attribute exists if it was recorded; what it does is in the rule tables. So kernels
differ in data. A rule table for ``so/attrib`` holds for every backend, one for ``so.user/attrib``
goes before it.
"""

from __future__ import annotations

import errno
import json
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

from rtslib.testing.alua import ALUA
from rtslib.testing.attributes import ATTRIBUTES
from rtslib.testing.backstores import BACKSTORES
from rtslib.testing.core import CORE
from rtslib.testing.directory import File, Shape
from rtslib.testing.fabric import FABRIC
from rtslib.testing.iscsi import ISCSI
from rtslib.testing.nexus import NEXUS
from rtslib.testing.portals import PORTALS
from rtslib.testing.ports import PORTS, SHAPES
from rtslib.testing.rules import Rule, keep
from rtslib.testing.statistics import STATISTICS

if TYPE_CHECKING:
    from rtslib.testing.rules import Rules

__all__ = ["KERNELS", "fabrics", "shapes", "traits"]

#: The kernels of which there is a recording: one file each in data/.
KERNELS = ("6.1", "6.12")
TABLES: list[dict[str, Rules]] = [
    CORE, BACKSTORES, ATTRIBUTES, ALUA, FABRIC, ISCSI, PORTALS, NEXUS, PORTS, STATISTICS,
]  # fmt: skip


@cache
def shapes(kernel: str) -> dict[str, Shape]:
    """Return a kernel's shapes by name, the same ones every time: nobody changes them."""
    trees = {**SHAPES, **_recorded(kernel)}
    return {name: _shape(name, tree) for name, tree in trees.items() if name != "traits"}


def traits(kernel: str) -> dict[str, Any]:
    """Return the differences in behaviour that no file shows: see tests/kernel/condense.py."""
    found: dict[str, Any] = _recorded(kernel)["traits"]
    return found


def fabrics(kernel: str) -> list[str]:
    """Return the fabrics that could be made where the recording was made."""
    return [name[7:] for name in _recorded(kernel) if name.startswith("fabric.")]


@cache
def _recorded(kernel: str) -> dict[str, Any]:
    if kernel not in KERNELS:
        raise ValueError(f"no kernel {kernel!r}: there are {', '.join(KERNELS)}")
    # Not open(): where pyfakefs stands in for the filesystem, the package's own files are elsewhere
    data = pkgutil.get_data("rtslib.testing", f"data/{kernel}.json")
    found: dict[str, Any] = json.loads(data or b"")
    return found


def _shape(name: str, tree: dict[str, Any]) -> Shape:
    kind, slash, rest = name.partition("/")
    general = kind.partition(".")[0] + slash + rest
    rules: dict[str, Rule] = {}
    operations: dict[str, Any] = {}
    for key in dict.fromkeys((general, name)):
        for table in TABLES:
            found = table.get(key)
            if found is not None:
                rules.update(found.files)
                operations.update(found.ops)
    files = {}
    groups = {}
    for entry, value in tree.items():
        if isinstance(value, dict):
            groups[entry] = _shape(f"{name}/{entry}", value)
        else:
            files[entry] = _file(value, rules.get(entry))
    return Shape(name, files, groups, **operations)


def _file(spelled: str, rule: Rule | None) -> File:
    mode, text = spelled[:3], spelled[4:]
    error = getattr(errno, text) if spelled[3] == "!" else 0
    rule = rule or Rule()
    return File(
        int(mode, 8), "" if error else text, error, rule.show, rule.store or keep, rule.secret
    )
