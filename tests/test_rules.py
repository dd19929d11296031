# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of the house, read from the source: layers, headers, names, what an import does."""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from functools import cache

import pytest

import rtslib

PACKAGE = os.path.dirname(rtslib.__file__)
TOP = os.path.dirname(PACKAGE)
TESTS = os.path.dirname(__file__)

#: What a module may import at run time: the layers below it. A module is in the layer of its name.
LAYERS = (
    {"errors", "values", "wwn", "wwnsource", "portal", "paths"},
    {"configfs"},
    {"spec", "host", "blockdev", "backing", "hint_facts", "hint_fabric", "hint_storage",
     "hint_rules", "hints", "lock"},
    {"door"},
    {"settings", "view", "statistics", "info", "saved"},
    {"declare", "node", "referrers"},
    {"attributes", "aptpl", "chap", "discovery", "sessions", "alua", "hba", "control", "recipe",
     "storage", "tcmu", "tcm", "lun", "acl", "network_portal", "groups", "target", "fabric",
     "root"},
    {"draw", "config", "verify", "cli"},
    {"targetctl"},
)  # fmt: skip
#: What stands beside the layers and may be imported by none of them.
BESIDE = {"testing", "iscsi", "__init__", "utils"}
#: The lazy import of the fake by the door, as RTSLIB_CONFIGFS=fake asks for it, and by the command
#: that checks files on it; and the one way from the model to what is built over it.
#: Who verifies a configuration, and the commands that are an initiator, use the initiator.
EXEMPT = {
    ("configfs", "testing"),
    ("saved", "config"),
    ("cli", "testing"),
    ("verify", "iscsi"),
    ("cli", "iscsi"),
}

#: Modules that use files or os for something other than configfs, and what.
OPENS = {
    "configfs": "the door itself",
    "aptpl": "reservations under dbroot",
    "blockdev": "/sys and /dev",
    "host": "/proc, /sys/module, mounts",
    "paths": "the file of settings",
    "hint_facts": "/proc, to explain a refusal",
    "hint_storage": "backing files, to explain a refusal",
    "hint_fabric": "the machine, to explain a refusal",
    "hint_rules": "the machine, to explain a refusal",
    "spec": "spec files",
    "wwnsource": "/sys/class, spec files' commands",
    "backing": "backing files",
    "utils": "fread and fwrite of files elsewhere",
}
#: Names in os that touch a filesystem.
FILE_CALLS = frozenset(
    {"open", "listdir", "mkdir", "makedirs", "rmdir", "unlink", "remove", "symlink", "readlink",
     "stat", "lstat", "scandir", "rename", "replace", "truncate", "chmod", "walk"}
)  # fmt: skip
MAX_LINES = 400


def modules(directory: str = PACKAGE) -> list[str]:
    """Return the paths of all Python files below a directory."""
    return sorted(
        os.path.join(at, name)
        for at, _, names in os.walk(directory)
        for name in names
        if name.endswith(".py") and "__pycache__" not in at
    )


def layer_name(path: str) -> str:
    """Return the name that LAYERS uses for a file: of a package, the package's."""
    return os.path.relpath(path, PACKAGE).removesuffix(".py").split(os.sep)[0]


@cache
def parsed(path: str) -> ast.Module:
    """Return the syntax tree of a file."""
    with open(path, encoding="utf-8") as file:
        return ast.parse(file.read(), path)


def is_type_checking(node: ast.AST) -> bool:
    """Tell whether this is ``if TYPE_CHECKING:``."""
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def imports(tree: ast.AST, top: str = "rtslib") -> set[str]:
    """Return what is imported below `top` at run time, by the name of the layer."""
    found: set[str] = set()
    for child in ast.iter_child_nodes(tree):
        if is_type_checking(child):
            continue
        if isinstance(child, ast.Import):
            found |= {name.name for name in child.names}
        elif isinstance(child, ast.ImportFrom) and child.module:
            found |= {child.module} | {f"{child.module}.{name.name}" for name in child.names}
        found |= {f"{top}.{name}" for name in imports(child, top)} if top else imports(child, "")
    if not top:
        return found
    return {name.split(".")[1] for name in found if name.startswith(f"{top}.")}


LIBRARY = modules()
IDS = [os.path.relpath(path, PACKAGE) for path in LIBRARY]
each_module = pytest.mark.parametrize("path", LIBRARY, ids=IDS)


def rank(name: str) -> int:
    """Return the number of a module's layer."""
    return next(number for number, layer in enumerate(LAYERS) if name in layer)


def test_every_module_has_a_layer() -> None:
    known = set().union(*LAYERS) | BESIDE
    assert {layer_name(path) for path in LIBRARY} <= known


@each_module
def test_imports_lead_downward(path: str) -> None:
    name = layer_name(path)
    imported = {other for other in imports(parsed(path)) if (name, other) not in EXEMPT}
    imported &= {layer_name(other) for other in LIBRARY}
    if name in ("testing", "iscsi"):
        assert all(rank(other) <= rank("configfs") for other in imported - {name})
    elif name not in BESIDE:
        assert not imported & BESIDE
        assert all(rank(other) <= rank(name) for other in imported)


def test_imports_are_seen() -> None:
    tree = ast.parse(
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING\n"
        "import rtslib.tcm\n"
        "from rtslib import door, host\n"
        "if TYPE_CHECKING:\n"
        "    from rtslib.root import RTSRoot\n"
        "def f():\n"
        "    from rtslib.fabric import FabricModule\n"
    )
    assert imports(tree) == {"tcm", "door", "host", "fabric"}


def test_no_two_modules_import_each_other() -> None:
    edges: dict[str, set[str]] = {}
    for path in LIBRARY:
        if layer_name(path) not in BESIDE:
            edges.setdefault(layer_name(path), set()).update(imports(parsed(path)))
    for name in edges:
        edges[name] -= {name, *(above for below, above in EXEMPT if below == name)}
    done: set[str] = set()
    while len(done) < len(edges):
        free = {
            name for name, needs in edges.items() if name not in done and needs & set(edges) <= done
        }
        assert free, f"a circle among {sorted(set(edges) - done)}"
        done |= free


@pytest.mark.parametrize("path", [*LIBRARY, *modules(TESTS)], ids=lambda p: os.path.relpath(p, TOP))
def test_the_header_says_what_it_must(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        lines = [file.readline().rstrip("\n") for _ in range(3)]
    if lines[0].startswith("#!"):
        del lines[0]
    assert lines[:2] == [
        "# SPDX-License-Identifier: Apache-2.0",
        "# Copyright the rtslib authors",
    ]


@each_module
def test_a_module_says_what_it_is(path: str) -> None:
    assert ast.get_docstring(parsed(path))


@each_module
def test_a_module_has_one_idea(path: str) -> None:
    with open(path, encoding="utf-8") as file:
        assert sum(1 for _ in file) <= MAX_LINES


#: Names without an underscore that are of no use outside of their module.
INTERNAL: dict[str, set[str]] = {
    "draw": {"human"},
    "groups": {"Shared"},
}


@each_module
def test_all_are_the_public_names(path: str) -> None:
    if "conformance" in path:
        return  # modules of tests: pytest collects them, nobody imports from them
    module = importlib.import_module(dotted(path))
    exported = list(module.__all__)
    assert len(exported) == len(set(exported))
    # Looked up rather than listed: a name may be imported at its first use only.
    assert all(hasattr(module, name) for name in exported)
    # Modules of the fake are one another's: only what crosses the package's border counts there.
    if layer_name(path) != "testing":
        internal = INTERNAL.get(layer_name(path), set())
        assert defined(parsed(path)) - set(exported) == internal


def dotted(path: str) -> str:
    """Return a module's name."""
    name = os.path.relpath(path, TOP).removesuffix(".py").replace(os.sep, ".")
    return name.removesuffix(".__init__")


def defined(tree: ast.Module) -> set[str]:
    """Return the functions and classes of a module that have no underscore."""
    return {
        node.name
        for node in tree.body
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
    }


def test_the_package_exports_a_sorted_list() -> None:
    constants = [name for name in rtslib.__all__ if name.isupper()]
    others = [name for name in rtslib.__all__ if not name.isupper()]
    classes = [name for name in others if name[0].isupper()]
    functions = [name for name in others if not name[0].isupper()]
    assert rtslib.__all__ == [*sorted(constants), *sorted(classes), *sorted(functions)]
    scope: dict[str, object] = {}
    exec("from rtslib import *", scope)
    assert set(rtslib.__all__) <= set(scope)


def file_calls(tree: ast.Module) -> set[str]:
    """Return the calls in a module that touch a filesystem by Python's own means."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name) and called.id in ("open", "Path"):
                found.add(called.id)
            elif (
                isinstance(called, ast.Attribute)
                and isinstance(called.value, ast.Name)
                and called.value.id in ("os", "shutil", "pathlib", "glob")
                and (called.value.id != "os" or called.attr in FILE_CALLS)
            ):
                found.add(f"{called.value.id}.{called.attr}")
    return found


@each_module
def test_only_the_door_touches_configfs(path: str) -> None:
    name = layer_name(path)
    calls = file_calls(parsed(path))
    if name not in OPENS and name not in ("testing", "config", "cli", "lock", "iscsi"):
        assert not calls


def test_file_calls_are_seen() -> None:
    tree = ast.parse("open('x')\nos.stat('x')\nos.path.join('x')\nPath('x')\nself.open()")
    assert file_calls(tree) == {"open", "os.stat", "Path"}


#: Replaying a recorder's own program needs a machine that refuses everything outside.
MOCKS = {"testing/replay.py"}


@pytest.mark.parametrize("path", [*LIBRARY, *modules(TESTS)], ids=lambda p: os.path.relpath(p, TOP))
def test_there_are_no_mocks(path: str) -> None:
    if os.path.relpath(path, TESTS) in MOCKS:
        return
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ImportFrom):
            assert node.module not in ("mock", "unittest.mock")
            assert node.module != "unittest" or all(it.name != "mock" for it in node.names)
        if isinstance(node, ast.Import):
            assert not any("mock" in it.name for it in node.names)


#: Modules that may catch everything, and why.
BROAD = {
    "cli": "a program ends with a message, not with a traceback",
    "hints": "advice that breaks must not take the place of the kernel's refusal",
    "config/overlap.py": "what a thread raises is raised again by the one that waits for it",
}


@each_module
def test_no_handler_catches_everything(path: str) -> None:
    if layer_name(path) in BROAD or any(path.endswith(it) for it in BROAD):
        return
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None
            assert not {"Exception", "BaseException"} & {
                it.id for it in ast.walk(node.type) if isinstance(it, ast.Name)
            }


IMPORT = """
import sys
before = set(sys.modules)
events = []
def hook(name, arguments):
    if name == "open" and not str(arguments[0]).endswith((".py", ".pyc", ".so", ".pth")):
        events.append((name, str(arguments[0])))
    elif name.startswith(("subprocess", "os.mkdir", "os.system", "socket", "os.exec", "os.fork")):
        events.append((name, str(arguments)))
sys.addaudithook(hook)
import rtslib
print(sorted(set(sys.modules) - before))
print(events)
"""


def test_an_import_does_nothing_but_import() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True, cwd=TOP
    )
    loaded, events = (ast.literal_eval(line) for line in done.stdout.splitlines())
    unwanted = (
        "rtslib.testing",
        "netifaces",
        "configobj",
        "subprocess",
        "socket",
        "json",
        "unittest",
    )
    assert [name for name in loaded if name in unwanted] == []
    assert [event for event in events if not event[1].startswith(sys.prefix)] == []
