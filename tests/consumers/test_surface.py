# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Every name that rtslib-fb 2.2.4 offers is here, and is called as it was.

rtslib-fb-2.2.4.json has the names, signatures and properties; introspect.py took them from it.
What is otherwise on purpose stands in OTHERWISE, and nowhere else.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
from typing import Any

import pytest

import rtslib
from consumers.introspect import OPAQUE, plain

TABLE = os.path.join(os.path.dirname(__file__), "rtslib-fb-2.2.4.json")
with open(TABLE, encoding="utf-8") as file:
    SURFACE: dict[str, Any] = json.load(file)

#: What is otherwise, and why.
OTHERWISE = {
    "alua_rw_params": "the order in which the kernel takes them",
    "utils.RTSLibError": "its fields are new keywords behind the message",
}

MODULES = sorted(set(SURFACE) - {""})
CLASSES = [(module, name) for module in MODULES for name in SURFACE[module]["classes"]]
each_module = pytest.mark.parametrize("module", MODULES)
each_class = pytest.mark.parametrize(
    ("module", "name"), CLASSES, ids=[f"{module}.{name}" for module, name in CLASSES]
)


def ours(module: str) -> Any:
    return importlib.import_module(f"rtslib.{module}")


def parameters(text: str) -> list[inspect.Parameter]:
    """Return the parameters of a signature as the table has it."""
    scope: dict[str, Any] = {}
    exec(f"def function{text}: pass", scope)
    return list(inspect.signature(scope["function"]).parameters.values())


def assert_called_alike(theirs: str, here: Any) -> None:
    """What could be given by position or by name can be; what was optional is; no more is asked."""
    wanted = [it for it in parameters(theirs) if it.kind is it.POSITIONAL_OR_KEYWORD]
    all_ours = inspect.signature(here).parameters.values()
    found = [it for it in all_ours if it.name not in ("self", "cls")]
    for theirs_one, ours_one in zip(wanted, found):
        assert ours_one.name == theirs_one.name
        assert ours_one.kind is theirs_one.kind
        if theirs_one.default is not theirs_one.empty:
            assert ours_one.default == theirs_one.default
    assert len(found) >= len(wanted)
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    for further in found[len(wanted) :]:
        assert further.kind in variable or further.default is not further.empty


def test_the_package_exports_what_it_did() -> None:
    assert set(SURFACE[""]) <= set(rtslib.__all__)
    # Who wants the command imports it.
    for module in set(MODULES) - {"targetctl"}:
        assert getattr(rtslib, module) is ours(module)


@each_module
def test_functions(module: str) -> None:
    for name, theirs in SURFACE[module]["functions"].items():
        assert_called_alike(theirs, getattr(ours(module), name))


@each_module
def test_constants(module: str) -> None:
    for name, theirs in SURFACE[module]["constants"].items():
        here = getattr(ours(module), name)
        if name in OTHERWISE:
            assert sorted(here) == sorted(theirs)
        elif theirs != OPAQUE:
            assert plain(here) == theirs


@each_class
def test_bases(module: str, name: str) -> None:
    here = getattr(ours(module), name)
    for base in SURFACE[module]["classes"][name]["bases"]:
        places = [ours(it) for it in (module, "node", "utils") if hasattr(ours(it), base)]
        if base not in ("object", "Exception"):
            assert issubclass(here, getattr(places[0], base))


@each_class
def test_constructors(module: str, name: str) -> None:
    theirs = SURFACE[module]["classes"][name]["init"]
    if name in ("CFSNode", "FabricModule"):
        return  # the first is made by its subclasses; of the other, the factory took a name
    if f"{module}.{name}" not in OTHERWISE:
        assert_called_alike(theirs, getattr(ours(module), name))


@each_class
def test_methods(module: str, name: str) -> None:
    here = getattr(ours(module), name)
    for method, theirs in SURFACE[module]["classes"][name]["methods"].items():
        assert_called_alike(theirs, getattr(here, method))


@each_class
def test_properties(module: str, name: str) -> None:
    here = getattr(ours(module), name)
    for prop, access in SURFACE[module]["classes"][name]["properties"].items():
        declared = inspect.getattr_static(here, prop)
        assert hasattr(declared, "__get__"), prop
        if access == "rw":
            assert hasattr(declared, "__set__"), prop
            assert not isinstance(declared, property) or declared.fset, prop


@each_class
def test_attributes_and_constants_of_classes(module: str, name: str) -> None:
    here = getattr(ours(module), name)
    for attribute in SURFACE[module]["classes"][name]["attributes"]:
        assert hasattr(here, attribute), attribute
    for constant, value in SURFACE[module]["classes"][name]["constants"].items():
        assert getattr(here, constant) == value


def test_names_that_consumers_use_beside_these() -> None:
    assert rtslib.utils.RTSLibNotInCFS is rtslib.RTSLibNotInCFS is rtslib.RTSLibNotInCFSError
    assert rtslib.LUN.MAX_LUN == rtslib.LUN.MAX_TARGET_LUN == 65535
    assert rtslib.node.CFSNode is rtslib.node.Node
    assert rtslib.fabric._BaseFabricModule is rtslib.FabricModule
    assert rtslib.root.so_mapping is rtslib.tcm.so_mapping
    assert rtslib.target.NodeACLGroup is rtslib.NodeACLGroup


def test_tables_of_plugins() -> None:
    tcm = rtslib.tcm
    assert tcm.so_mapping == {
        "pscsi": tcm.PSCSIStorageObject,
        "rd_mcp": tcm.RDMCPStorageObject,
        "ramdisk": tcm.RDMCPStorageObject,
        "fileio": tcm.FileIOStorageObject,
        "iblock": tcm.BlockStorageObject,
        "block": tcm.BlockStorageObject,
        "user": tcm.UserBackedStorageObject,
    }
    assert tcm.bs_params == {
        tcm.PSCSIStorageObject: {"name": "pscsi"},
        tcm.RDMCPStorageObject: {"name": "ramdisk", "alt_dirprefix": "rd_mcp"},
        tcm.FileIOStorageObject: {"name": "fileio"},
        tcm.BlockStorageObject: {"name": "block", "alt_dirprefix": "iblock"},
        tcm.UserBackedStorageObject: {"name": "user"},
    }


def test_tables_of_fabrics() -> None:
    fabric = rtslib.fabric
    assert fabric.fabric_modules == {
        "efct": fabric.EfctFabricModule,
        "ibmvscsis": fabric.IbmvscsisFabricModule,
        "iscsi": fabric.ISCSIFabricModule,
        "loopback": fabric.LoopbackFabricModule,
        "qla2xxx": fabric.Qla2xxxFabricModule,
        "sbp": fabric.SBPFabricModule,
        "srpt": fabric.SRPTFabricModule,
        "tcm_fc": fabric.FCoEFabricModule,
        "usb_gadget": fabric.USBGadgetFabricModule,
        "vhost": fabric.VhostFabricModule,
        "xen-pvscsi": fabric.XenPvScsiFabricModule,
    }
