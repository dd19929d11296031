# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What smaller programs and scripts do with this library: a test for each."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Callable

import pytest

import rtslib

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.testing import FakeKernel

IQN = "iqn.2003-01.org.example:target"
HOST = "iqn.1994-05.com.example:host"


def test_gluster_block_asks_for_the_version() -> None:
    for name in ("rtslib", "rtslib_fb"):
        line = f"from {name} import __version__; print(__version__)"
        said = subprocess.run(
            [sys.executable, "-c", line],
            capture_output=True,
            text=True,
            check=True,
            cwd=os.path.dirname(os.path.dirname(rtslib.__file__)),
        )
        major, minor = (int(part) for part in said.stdout.split(".")[:2])
        assert (major, minor) >= (2, 1)


@pytest.mark.usefixtures("fake")
def test_openattic_takes_either_package_and_lists_ports() -> None:
    try:
        import rtslib_fb as library
    except ImportError:  # pragma: no cover - theirs
        import rtslib as library  # type: ignore[no-redef]
    target = library.Target(library.FabricModule("qla2xxx"), "naa.5001405000000002")
    assert target.fabric_module.to_fabric_wwn(target.wwn) == "50:01:40:50:00:00:00:02"
    root = library.RTSRoot()
    fabrics = {module.name for module in root.fabric_modules}
    assert {"iscsi", "qla2xxx", "loopback"} <= fabrics
    assert [one.wwn for one in root.targets] == ["naa.5001405000000002"]
    for module in root.fabric_modules:
        assert module.wwns is None or list(module.wwns) is not None


@pytest.mark.usefixtures("fake")
def test_nmc_probe_maps_by_position() -> None:
    from rtslib_fb import (
        LUN,
        TPG,
        BlockStorageObject,
        FabricModule,
        MappedLUN,
        NetworkPortal,
        NodeACL,
        RTSRoot,
        Target,
    )

    disk = BlockStorageObject("disk", "/dev/vdb", "0123456789")
    tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
    lun = LUN(tpg, 0, disk)
    mapped = MappedLUN(NodeACL(tpg, HOST), 5, lun)
    NetworkPortal(tpg, "0.0.0.0", 3260)
    assert (disk.wwn, mapped.tpg_lun, mapped.mapped_lun) == ("0123456789", lun, 5)
    assert [portal.port for portal in RTSRoot().network_portals] == [3260]


@pytest.mark.usefixtures("fake")
def test_testarossa_sets_bools() -> None:
    from rtslib_fb import TPG, FabricModule, Target

    TPG(Target(FabricModule("iscsi"), IQN), 1).enable = True
    for target in FabricModule("iscsi").targets:
        for tpg in target.tpgs:
            for name in ("authentication", "generate_node_acls", "demo_mode_write_protect"):
                for value in (True, False, 1, 0, "1", "0"):
                    tpg.set_attribute(name, value)
                    assert tpg.get_attribute(name) == str(int(value))


@pytest.mark.usefixtures("fake")
def test_holo_reads_back_what_it_wrote(tmp_path: Path) -> None:
    from rtslib_fb import LUN, TPG, FabricModule, FileIOStorageObject, MappedLUN, NodeACL, Target

    tpg = TPG(Target(FabricModule("iscsi"), IQN), 1)
    for number in range(2):
        disk = FileIOStorageObject(f"disk{number}", str(tmp_path / f"{number}.img"), 1 << 20)
        LUN(tpg, number, disk)
    acl = NodeACL(tpg, HOST, mode="create")
    for name in ("chap_userid", "chap_password", "chap_mutual_userid", "chap_mutual_password"):
        setattr(acl, name, f"{name} & its #blanks ")
        assert getattr(acl, name) == f"{name} & its #blanks "
    for number in range(2):
        MappedLUN(acl, number, number, write_protect=False)
    assert [mapped.write_protect for mapped in acl.mapped_luns] == [False, False]
    tpg.set_attribute("cache_dynamic_acls", 1)
    assert acl.path == f"{tpg.path}/acls/{HOST}"
    with pytest.raises(rtslib.RTSLibError):
        NodeACL(tpg, HOST, mode="create")


@pytest.mark.parametrize(
    ("make", "directory"),
    [
        (lambda _file: rtslib.RDMCPStorageObject("one", 4096), "rd_mcp_0/one"),
        (lambda _file: rtslib.BlockStorageObject("one", "/dev/vdb"), "iblock_0/one"),
        (lambda file: rtslib.FileIOStorageObject("one", file, 4096), "fileio_0/one"),
        (lambda _file: rtslib.UserBackedStorageObject("one", "h/x", 4096), "user_0/one"),
    ],
    ids=["rd_mcp", "iblock", "fileio", "user"],
)
def test_programs_that_read_paths_find_the_kernels_names(
    fake: FakeKernel,
    tmp_path: Path,
    make: Callable[[str], rtslib.StorageObject],
    directory: str,
) -> None:
    so = make(str(tmp_path / "one.img"))
    assert so.path == f"{fake.root}/core/{directory}"
    for file in ("wwn/vpd_unit_serial", "attrib/alua_support", "enable", "info"):
        assert fake.kind(f"core/{directory}/{file}")


def test_a_daemon_sees_what_others_do(fake: FakeKernel) -> None:
    root = rtslib.RTSRoot()
    tpg = rtslib.TPG(rtslib.Target(rtslib.FabricModule("iscsi"), IQN), 1)
    assert (list(root.storage_objects), list(tpg.luns)) == ([], [])
    # Another process, past this library: first it makes, then it removes.
    for path in ("core/rd_mcp_9", "core/rd_mcp_9/theirs", "iscsi/iqn.2003-01.org.example:theirs"):
        fake.mkdir(path)
    fake.write("core/rd_mcp_9/theirs/control", "rd_pages=1")
    fake.write("core/rd_mcp_9/theirs/enable", "1")
    assert [so.name for so in root.storage_objects] == ["theirs"]
    assert rtslib.RDMCPStorageObject("theirs").index == 9
    assert len(list(root.targets)) == 2
    fake.rmdir("core/rd_mcp_9/theirs")
    fake.rmdir("core/rd_mcp_9")
    with pytest.raises(rtslib.RTSLibNotInCFS):
        rtslib.RDMCPStorageObject("theirs")
    assert rtslib.RDMCPStorageObject("theirs", 4096).index == 0


def test_any_and_next_on_what_a_node_lists(rich_fake: FakeKernel) -> None:
    root = rtslib.RTSRoot(rich_fake)
    listings = "targets tpgs luns network_portals node_acls mapped_luns storage_objects sessions"
    for name in (*listings.split(), "fabric_modules", "alua_tpgs", "node_acl_groups"):
        assert any(getattr(root, name))
        assert next(getattr(root, name), None) is not None
    target = root.fabrics["iscsi"].targets[IQN]
    tpg = next(target.tpgs)
    for listing in (tpg.luns, tpg.node_acls, tpg.network_portals, next(tpg.node_acls).mapped_luns):
        assert any(listing)
        assert next(listing) in list(listing)


def test_sessions_are_read_as_dicts(rich_fake: FakeKernel) -> None:
    session = next(one for one in rtslib.RTSRoot(rich_fake).sessions if one["parent_nodeacl"])
    wanted = {"id": int, "alias": str, "type": str, "state": str}
    for key, kind in wanted.items():
        assert isinstance(session[key], kind)
    assert (session["state"], session["type"]) == ("LOGGED_IN", "Normal")
    assert session["parent_nodeacl"].node_wwn == "iqn.1994-05.com.example:initiator-0"
    for connection in session["connections"]:
        assert isinstance(connection["cid"], int)
        assert connection["cstate"] == "LOGGED_IN"
        assert connection["transport"] == "TCP"
        assert connection["address"]
    assert session.get("no such key") is None
    assert "connections" in session
    with pytest.raises(KeyError):
        session["no such key"]
