# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The pages of the reference: every public name of every module, where it is defined."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from rst import code, heading

import rtslib
from rtslib.values import Codec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

__all__ = [
    "PAGES",
    "complete_namespaces",
    "homes",
    "modules",
    "own_bases",
    "page",
    "public",
    "public_bases",
]

#: Page -> the modules on it, in this order; a name that ends in a dot stands for all below it.
PAGES = {
    "model": (
        "rtslib",
        "rtslib.root",
        "rtslib.fabric",
        "rtslib.discovery",
        "rtslib.target",
        "rtslib.acl",
        "rtslib.chap",
        "rtslib.lun",
        "rtslib.network_portal",
        "rtslib.groups",
        "rtslib.storage",
        "rtslib.tcm",
        "rtslib.tcmu",
        "rtslib.alua",
        "rtslib.sessions",
        "rtslib.statistics",
        "rtslib.draw",
        "rtslib.utils",
    ),
    "errors": ("rtslib.errors",),
    "base": (
        "rtslib.node",
        "rtslib.declare",
        "rtslib.view",
        "rtslib.settings",
        "rtslib.values",
        "rtslib.configfs",
        "rtslib.wwn",
        "rtslib.portal",
        "rtslib.spec",
        "rtslib.host",
        "rtslib.blockdev",
        "rtslib.lock",
    ),
    "config": ("rtslib.config", "rtslib.config."),
    "testing": (
        "rtslib.testing",
        "rtslib.testing.kernel",
        "rtslib.testing.host",
        "rtslib.testing.directory",
        "rtslib.testing.wrappers",
        "rtslib.testing.strategies",
    ),
    "iscsi": ("rtslib.iscsi", "rtslib.iscsi."),
    # What is on no other page.
    "internals": ("rtslib.",),
}

#: What is no library: the program, whose reference is targetctl(8); the table of advice, which is
#: shown as one; data; what the fake kernel is made of; and the names that lead elsewhere.
_LEFT_OUT = re.compile(
    r"rtslib\.(cli|targetctl|hint|specs)"
    r"|rtslib\.testing\.(?!kernel$|host$|directory$|wrappers$|strategies$)"
)


@cache
def modules() -> dict[str, list[str]]:
    """Return the names of the modules by page."""
    found = ["rtslib", *(it.name for it in pkgutil.walk_packages(rtslib.__path__, "rtslib."))]
    left = [it for it in found if not _LEFT_OUT.match(it)]
    pages: dict[str, list[str]] = {}
    for name, wanted in PAGES.items():
        mine = [it for want in wanted for it in left if it == want or _below(it, want)]
        pages[name] = list(dict.fromkeys(mine))
        left = [it for it in left if it not in pages[name]]
    return pages


def _below(name: str, want: str) -> bool:
    return want.endswith(".") and name.startswith(want)


def page(name: str) -> str:
    """Return the text of a page."""
    return "\n".join(map(_module, modules()[name]))


def public() -> Iterator[tuple[str, str]]:
    """Yield module and name of everything that the reference must have."""
    for names in modules().values():
        for name in names:
            module = importlib.import_module(name)
            yield from ((name, it) for it in _own(module))


@cache
def homes() -> dict[str, list[str]]:
    """Return the full names of everything public by the last part."""
    found: dict[str, list[str]] = {}
    for module, name in public():
        found.setdefault(name, []).append(f"{module}.{name}")
    return found


def _module(name: str) -> str:
    module = importlib.import_module(name)
    own = _own(module)
    parts = [heading(name), f".. automodule:: {name}\n", *(_object(module, it) for it in own)]
    others = [it for it in getattr(module, "__all__", ()) if it not in own]
    if others:
        parts.append(f"Also here: {', '.join(_link(module, it) for it in others)}.\n")
    return "\n".join(parts)


def _link(module: ModuleType, name: str) -> str:
    """Return a link to a name that a module passes on, where that is documented."""
    there = getattr(module, name)
    if inspect.ismodule(there):
        return f":py:mod:`{name} <{there.__name__}>`"
    home = getattr(there, "__module__", None)
    if home is not None:
        return f":py:obj:`{name} <{home}.{getattr(there, '__qualname__', name)}>`"
    full = next(iter(homes().get(name, ())), None)
    return code(name) if full is None else f":py:obj:`{name} <{full}>`"


@cache
def _own(module: ModuleType) -> list[str]:
    """Return the names in a module's ``__all__`` that it defines itself."""
    tree = ast.parse(inspect.getsource(module))
    defined = set()
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            defined.add(node.name)
        elif isinstance(node, ast.Assign):
            defined |= {
                it.id
                for target in node.targets
                for it in ast.walk(target)
                if isinstance(it, ast.Name)
            }
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            defined.add(node.target.id)
    return [name for name in getattr(module, "__all__", ()) if name in defined]


def _object(module: ModuleType, name: str) -> str:
    """Return the directive that documents a public name."""
    there = getattr(module, name)
    full = f"{module.__name__}.{name}"
    if inspect.isclass(there) and there.__name__ == name:
        kind = "autoexception" if issubclass(there, BaseException) else "autoclass"
        members = ", ".join(_members(there)) if any(_hidden(there)) else ""
        return f".. {kind}:: {full}\n   :members: {members}\n   :show-inheritance:\n"
    if inspect.isroutine(there):
        return f".. autofunction:: {full}\n"
    if re.search(rf"^#:.*\n{name}\b", inspect.getsource(module), re.MULTILINE):
        return f".. autodata:: {full}\n   :no-value:\n"
    return f".. py:data:: {name}\n   :module: {module.__name__}\n\n   {_constant(there)}\n"


def _constant(it: object) -> str:
    """Return what can be said of a constant that says nothing of itself."""
    if inspect.isclass(it):
        return f"Another name of :class:`~{it.__module__}.{it.__qualname__}`."
    if isinstance(it, Codec):
        return f":class:`~rtslib.values.Codec` of: {it.name}."
    return f"A {type(it).__name__}."


def _hidden(cls: type) -> Iterator[type]:
    """Yield the private bases of a class: what they have is the class's own to others."""
    for base in cls.__bases__:
        if base.__name__.startswith("_"):
            yield base
            yield from _hidden(base)


def own_bases(cls: type) -> list[type]:
    """Return a class and its private bases."""
    return [cls, *_hidden(cls)]


def public_bases(bases: Iterable[type]) -> list[type]:
    """Return what to say that a class is made of: of a private class, its bases."""
    found: list[type] = []
    for base in bases:
        hidden = getattr(base, "__name__", "").startswith("_")
        found += public_bases(base.__bases__) if hidden else [base]
    return [it for it in dict.fromkeys(found) if it is not object]


def _members(cls: type) -> list[str]:
    """Return the names that a class and its private bases define, those with a text first."""
    names = [name for base in own_bases(cls) for name in vars(base)]
    return [it for it in dict.fromkeys(names) if not it.startswith("_") and _says(cls, it)]


def _says(cls: type, name: str) -> bool:
    return bool(getattr(getattr(cls, name), "__doc__", None))


def complete_namespaces() -> None:
    """Import what modules import for type checkers only, so that annotations can be understood."""
    for names in modules().values():
        for name in names:
            module = importlib.import_module(name)
            tree = ast.parse(inspect.getsource(module))
            blocks = [it for it in tree.body if isinstance(it, ast.If)]
            for node in (it for block in blocks if _is_for_checkers(block) for it in block.body):
                statement = compile(ast.Module(body=[node], type_ignores=[]), name, "exec")
                with suppress(ImportError):
                    exec(statement, vars(module))  # noqa: S102 - our own source


def _is_for_checkers(block: ast.If) -> bool:
    return ast.unparse(block.test) == "TYPE_CHECKING"
