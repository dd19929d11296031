# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Outside a guest there is nothing here; inside, what is missing is a failure and not a skip."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from rtslib import RTSLibError, RTSRoot
from suite import machine, tree
from suite.openiscsi import OpenISCSI

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FABRICS = ("iscsi", "loopback", "vhost", "fc", "sbp")
"""The fabrics that work without hardware, by their configfs directories."""

#: `make test` must neither run these nor touch the kernel of the machine it runs on.
collect_ignore_glob = [] if os.environ.get("RTSLIB_KERNEL_TESTS") == "1" else ["*"]


@pytest.fixture(scope="session", autouse=True)
def _guest() -> None:
    """Go on only in a guest of vm.py, on an empty tree: all of this changes the kernel."""
    for path in ("/run/job/guest.sh", tree.ROOT, machine.ZRAM, "/mnt/fio"):
        if not os.path.exists(path):
            pytest.exit(f"{path} is missing: run this with tests/kernel/run.py", returncode=3)
    if os.geteuid() != 0 or os.listdir(f"{tree.ROOT}/core") != ["alua"]:
        pytest.exit("this needs root and an empty target tree", returncode=3)
    # A fabric's directory, once made, stays: so that trees can be compared it is there before.
    for name in FABRICS:
        os.mkdir(f"{tree.ROOT}/{name}")


@pytest.fixture(autouse=True)
def _tree_left_as_found(_guest: None) -> Iterator[None]:
    """Fail for what a test leaves in the tree, and remove it for the sake of the next one."""
    before = list(tree.paths())
    yield
    left = sorted(set(tree.paths()) ^ set(before))
    if left:
        clear()
        pytest.fail(f"left behind, or missing: {left[:10]}")


def clear() -> None:
    """Remove everything, as far as it goes: the test has failed, and more may be wrong."""
    root = RTSRoot()
    for node in [*root.targets, *root.storage_objects, *root.backstores, *root.alua_lu_gps]:
        try:
            node.delete()
        except RTSLibError as error:
            print(f"cannot clear {node!r}: {error}")


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[str]:
    """A loop device of 8 MiB, over ``loop.img``."""
    image = tmp_path / "loop.img"
    image.touch()
    os.truncate(image, 8 * machine.MIB)
    device = machine.succeed("losetup", "--find", "--show", str(image)).strip()
    yield device
    machine.succeed("losetup", "--detach", device)


@pytest.fixture(scope="session")
def open_iscsi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenISCSI]:
    """The kernel's own initiator, with its daemon running."""
    with OpenISCSI.started(tmp_path_factory.mktemp("open-iscsi") / "iscsid.log") as initiator:
        yield initiator
