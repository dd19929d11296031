# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What people call a node, whatever its directory is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rtslib import spec
from rtslib.acl import NodeACL
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.config import names
from rtslib.fabric import FabricModule
from rtslib.lun import LUN, MappedLUN
from rtslib.network_portal import NetworkPortal
from rtslib.target import TPG, Target
from rtslib.tcm import FileIOStorageObject

if TYPE_CHECKING:
    from rtslib.node import Node


@pytest.mark.parametrize(
    ("cls", "parent", "base", "fabric", "name"),
    [
        (FileIOStorageObject, "/backstores/fileio", "A Disk", None, "/backstores/fileio/A Disk"),
        (ALUATargetPortGroup, "/backstores/fileio/a", "g", None, "/backstores/fileio/a/alua/g"),
        (ALUALUGroup, "", "g", None, "/alua/lu_gps/g"),
        (FabricModule, "", "fc", "tcm_fc", "/tcm_fc"),
        (FabricModule, "", "unheard_of", None, "/unheard_of"),
        (Target, "/iscsi", "IQN.2003-01.Org.X:A", "iscsi", "/iscsi/iqn.2003-01.org.x:a"),
        (Target, "/unheard_of", "Name", None, "/unheard_of/name"),
        (Target, "/qla2xxx", "50:01:40:50:00:00:00:02", "qla2xxx", "/qla2xxx/naa.5001405000000002"),
        (TPG, "/iscsi/t", "tpgt_0x10", "iscsi", "/iscsi/t/tpg16"),
        (TPG, "/iscsi/t", "tpgt_x", "iscsi", "/iscsi/t/tpgt_x"),
        (LUN, "/iscsi/t/tpg1", "lun_010", "iscsi", "/iscsi/t/tpg1/luns/lun8"),
        (NetworkPortal, "/i/t/tpg1", "[::0]:3260", "iscsi", "/i/t/tpg1/portals/[::]:3260"),
        (NetworkPortal, "/i/t/tpg1", "what", "iscsi", "/i/t/tpg1/portals/what"),
        (NodeACL, "/iscsi/t/tpg1", "IQN.A", "iscsi", "/iscsi/t/tpg1/acls/iqn.a"),
        (MappedLUN, "/acl", "lun_5", "iscsi", "/acl/mapped_luns/lun5"),
    ],
)
def test_names(cls: type[Node], parent: str, base: str, fabric: str | None, name: str) -> None:
    of = spec.find(fabric) if fabric else None
    assert names.name_of(cls, parent, base, of) == name


def test_plugins() -> None:
    assert names.plugin_of("core/rd_mcp_5/a") == "ramdisk"
    assert names.plugin_of("core/iblock_0/a") == "block"
    assert names.plugin_of("core/of_the_future_3/a") == "of_the_future"
    assert names.storage_object("user", "a") == "/backstores/user/a"


def test_specs() -> None:
    assert names.spec_of("/tcm_fc/naa.1/tpg1").configfs_group == "fc"
    # A fabric without a spec has one that knows nothing.
    assert names.spec_of("/unheard_of/x").name == "unheard_of"
