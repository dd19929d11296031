# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Reading everything there is, on a tree with some of everything: it works, and changes nothing."""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from rtslib import (
    LUN,
    TPG,
    AccessError,
    ALUALUGroup,
    ALUATargetPortGroup,
    FabricModule,
    FileIOStorageObject,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    NotFoundError,
    NotSupportedError,
    RTSRoot,
    Target,
    spec,
)
from rtslib.draw import draw
from rtslib.node import Attr, Children, Group, Link, Node
from rtslib.statistics import StatisticsTree
from suite import tree
from suite.backstores import MAKERS
from suite.machine import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtslib import StorageObject

#: Files whose text the kernel makes of the time, or counts.
COUNTERS = ("/statistics/", "/fabric_statistics/")

#: What some node has not, by its class and the name of the property: none of these may be new.
ABSENT: set[tuple[str, str]] = {
    ("RTSRoot", "parent"),
    # Loopback alone has these two.
    ("TPG", "scsi_address"),
    ("TPG", "transport_status"),
    # SBP alone has this.
    ("TPG", "directory_id"),
    # iSCSI alone has these.
    *(("TPG", f"chap_{what}") for what in ("userid", "password")),
    *(("TPG", f"chap_mutual_{what}") for what in ("userid", "password")),
    ("FabricModule", "cpus_allowed_list"),
}


@pytest.fixture
def some_of_everything(tmp_path: Path) -> Iterator[RTSRoot]:
    # The block device is the file's: the other two kinds over one want it for themselves.
    kinds = [kind for kind in MAKERS if kind != "fileio-block"]
    disks = [MAKERS[kind][0](tmp_path, f"disk-{kind}") for kind in kinds]
    root = RTSRoot()
    groups = [ALUALUGroup(root, "units", 0)]
    ALUATargetPortGroup(disks[0], "left", 0)
    targets = [_iscsi(disks), *(_nexus(fabric, disks[0]) for fabric in ("loopback", "vhost"))]
    yield root
    for node in [*targets, *disks, *groups]:
        node.delete()


def _iscsi(disks: list[StorageObject]) -> Target:
    target = Target(FabricModule("iscsi"), "iqn.2026-11.org.example:reading")
    tpg = TPG(target, 1)
    tpg.set_chap("u", "a-secret-1234", "m", "b-secret-1234")
    acl = NodeACL(tpg, "iqn.1994-05.com.redhat:alice")
    acl.set_chap("u", "c-secret-1234")
    acl.tag = "shift"
    for number, disk in enumerate(disks):
        MappedLUN(acl, number, LUN(tpg, number, disk), write_protect=number % 2)
    NetworkPortal(tpg, "127.0.0.1")
    NetworkPortal(tpg, "::1")
    tpg.enable = True
    return target


def _nexus(fabric: str, disk: StorageObject) -> Target:
    target = Target(FabricModule(fabric))
    LUN(TPG(target, 1), 0, disk)
    return target


def read_everything(node: Node) -> dict[str, Any]:
    """Return the value of each declared and computed property of a node."""
    values: dict[str, Any] = {}
    for name in dict.fromkeys(name for cls in type(node).__mro__ for name in vars(cls)):
        declared = getattr(type(node), name, None)
        if not isinstance(
            declared, (property, Attr, Children, Group, Link, StatisticsTree)
        ) or name.startswith("_"):
            continue
        try:
            value = getattr(node, name)
            if isinstance(declared, (Group, StatisticsTree)):
                value = value.read_all()
            elif isinstance(declared, Children) or hasattr(value, "__next__"):
                value = list(value)
        except (NotFoundError, NotSupportedError):
            if (type(node).__name__, name) not in ABSENT:
                raise
            continue
        values[name] = value
    return values


def test_reading_everything_works_and_changes_nothing(some_of_everything: RTSRoot) -> None:
    around = ("/proc/modules", "/proc/self/mounts")
    outside = [text(path).splitlines() for path in around]
    before = tree.contents()
    nodes = list(some_of_everything.walk())
    values = {node: read_everything(node) for node in nodes}
    after = tree.contents()
    differ = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert [path for path in sorted(differ) if not any(it in path for it in COUNTERS)] == []
    assert [text(path).splitlines() for path in around] == outside
    assert len(nodes) == len(set(nodes))
    classes = {type(node).__name__ for node in nodes}
    assert classes >= {
        "RTSRoot", "Backstore", "FileIOStorageObject", "BlockStorageObject", "PSCSIStorageObject",
        "UserBackedStorageObject", "RDMCPStorageObject", "ALUATargetPortGroup", "ALUALUGroup",
        "FabricModule", "Target", "TPG", "LUN", "NodeACL", "MappedLUN", "NetworkPortal",
    }  # fmt: skip
    assert all(values[node] for node in nodes)


@pytest.fixture
def specs_for_all(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The spec files where everyone may read them: the checkout may stand in root's own home."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        for name, found in spec.available().items():
            assert isinstance(found, spec.Spec), name
            shutil.copy(found.path, directory)
        monkeypatch.setenv("RTSLIB_SPECS", directory)
        yield


@pytest.mark.usefixtures("specs_for_all")
def test_everyone_may_read_all_but_the_secrets(some_of_everything: RTSRoot) -> None:
    with pytest.raises(NotFoundError):
        # What a refusal imports stands where root alone may enter: import it first.
        LUN(next(some_of_everything.tpgs), 4000)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            told = [*_refused(some_of_everything), "end"]
        except BaseException:  # noqa: BLE001 - whatever it is, the test reports it
            told = [traceback.format_exc()]
        os.write(writer, "\n".join(told).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        refused = pipe.read().splitlines()
    os.waitpid(child, 0)
    assert refused[-1:] == ["end"], "\n".join(refused)
    refused.pop()
    assert {line.partition(" ")[0] for line in refused} == {"TPG", "NodeACL", "FabricModule"}
    auth = ("chap_", "discovery_", "authenticate_target")
    assert {line for line in refused if not line.split(" ")[1].startswith(auth)} == set()


def _refused(root: RTSRoot) -> Iterator[str]:
    assert "CHAP unknown" in draw(root)
    for node in root.walk():
        for name, declared in type(node).declarations().items():
            try:
                if isinstance(declared, Group):
                    getattr(node, name).read_all()
                else:
                    getattr(node, name)
            except AccessError:
                yield f"{type(node).__name__} {name}"
            except (NotFoundError, NotSupportedError):
                continue


def test_every_object_directory_is_a_node(some_of_everything: RTSRoot) -> None:
    """What a user made is a node; what the kernel put around it is a group of some node."""
    nodes = {node.path.removeprefix(f"{tree.ROOT}/") for node in some_of_everything.walk()}
    made = {path for path in tree.paths() if os.path.isdir(f"{tree.ROOT}/{path}")}
    made = {path for path in made if _made_by_a_user(path)}
    assert made - nodes == set()


def _made_by_a_user(path: str) -> bool:
    """Tell by the path alone: the kernel's own rule of where mkdir is possible."""
    parts = path.split("/")
    if parts[0] == "core":
        return len(parts) in (2, 3) and parts[1] != "alua" and "hba_info" not in parts
    if len(parts) == 2:
        return parts[1].partition(".")[0] in ("iqn", "naa")
    if len(parts) == 3:
        return parts[2].startswith("tpgt_")
    mapped = len(parts) == 6 and parts[3] == "acls" and parts[5].startswith("lun_")
    return mapped or (len(parts) == 5 and parts[3] in ("lun", "np", "acls"))


def test_the_data_of_a_file_is_not_touched(tmp_path: Path) -> None:
    image = tmp_path / "disk.img"
    image.write_bytes(b"x" * 4096)
    stamp = image.stat().st_mtime_ns
    disk = FileIOStorageObject("disk", str(image))
    read_everything(disk)
    disk.delete()
    assert (image.read_bytes(), image.stat().st_mtime_ns) == (b"x" * 4096, stamp)
