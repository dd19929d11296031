# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""How a command line is tested: argv and stdin in, exit code, stdout and stderr out."""

from __future__ import annotations

import io
import shlex
from typing import TYPE_CHECKING, Protocol

import pytest
from trees import INITIATORS, SECRETS, iscsi_tpg

import rtslib.root
from rtslib import LUN, FileIOStorageObject, NetworkPortal, NodeACL, RDMCPStorageObject
from rtslib.cli.main import main
from rtslib.configfs import HostConfigFS, use

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rtslib.testing import FakeKernel


class Run(Protocol):
    """Carries out a command line and returns what it wrote to stdout and stderr."""

    def __call__(
        self, line: str, stdin: str = "", expect: int = 0, *, bug: bool = False
    ) -> tuple[str, str]: ...


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the saved configuration, which is not there yet."""
    path = tmp_path / "etc" / "saveconfig.json"
    monkeypatch.setattr(rtslib.root, "default_save_file", str(path))
    return path


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, saved: Path) -> Run:
    """Carry out a command line in this process; its files default to those of the test."""
    assert not saved.exists()

    def run(line: str, stdin: str = "", expect: int = 0, *, bug: bool = False) -> tuple[str, str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        code = main(shlex.split(line))
        said = capsys.readouterr()
        assert code == expect, (said.out, said.err)
        # A bug ends with 1, as many a failure does.
        assert ("bug in targetctl" in said.err) == bug, said.err
        return said.out, said.err

    return run


@pytest.fixture
def tree(fake: FakeKernel, tmp_path: Path) -> FakeKernel:
    """A target with two LUNs, a portal and an ACL with secrets."""
    disk = FileIOStorageObject("disk", str(tmp_path / "disk.img"), "4M")
    tpg = iscsi_tpg(fake)
    LUN(tpg, 0, disk)
    LUN(tpg, 1, RDMCPStorageObject("memory", "1M"))
    NetworkPortal(tpg, "127.0.0.1")
    acl = NodeACL(tpg, INITIATORS[0])
    acl.set_chap(*SECRETS)
    acl.mapped_lun(0, 0)
    tpg.enable = True
    return fake


class AsHost(HostConfigFS):
    """A tree that counts as the running kernel's, so that the lock and the machine matter."""

    def __init__(self, tree: FakeKernel) -> None:
        super().__init__()
        for name in ("read", "write", "mkdir", "rmdir", "symlink", "readlink", "unlink",
                     "listdir", "names", "kind", "mode", "lock"):  # fmt: skip
            setattr(self, name, getattr(tree, name))


@pytest.fixture
def host(tree: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeKernel]:
    """The same, as the running kernel's own tree."""
    monkeypatch.setenv("RTSLIB_LOCK", str(tmp_path / "lock"))
    with use(AsHost(tree)):
        yield tree
