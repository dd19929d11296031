# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The bench that scenarios work on, and the list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rtslib.configfs import ConfigFS

__all__ = ["SCENARIOS", "Bench", "NonConformance", "Scenario", "run", "scenario"]

HBA = "core/rd_mcp_4711"
DISK = f"{HBA}/disk"
IQN = "iscsi/iqn.2026-11.org.rtslib.conformance:target"
TPG = f"{IQN}/tpgt_1"
LUN = f"{TPG}/lun/lun_0"
ACL = f"{TPG}/acls/iqn.2026-11.org.rtslib.conformance:initiator"
MAPPED = f"{ACL}/lun_0"
LOOP = "loopback/naa.5001405c0ffee001"
NEXUS = "naa.5001405c0ffee002"
GROUP = f"{DISK}/alua/group"


class NonConformance(AssertionError):
    """The tree did something else than the kernels that were recorded."""


class Bench:
    """A tree to work on, which remembers what was made and removes it in the end."""

    def __init__(self, fs: ConfigFS) -> None:
        self.fs = fs
        self._undo: list[tuple[Callable[[str], None], str]] = []

    def mkdir(self, path: str) -> str:
        """Make a directory that is not there yet."""
        self.fs.mkdir(path)
        self._undo.append((self.fs.rmdir, path))
        return path

    def ensure(self, path: str) -> str:
        """Make a directory, or have it: fabrics are shared with whoever else is here."""
        try:
            return self.mkdir(path)
        except FileExistsError:
            return path

    def symlink(self, target: str, path: str) -> str:
        """Make a link."""
        self.fs.symlink(target, path)
        self._undo.append((self.fs.unlink, path))
        return path

    def disk(self, *, enable: bool = True, path: str = DISK) -> str:
        """Make a RAM disk."""
        self.ensure(path.rpartition("/")[0])
        self.mkdir(path)
        self.fs.write(f"{path}/control", "rd_pages=16")
        if enable:
            self.fs.write(f"{path}/enable", "1")
        return path

    def tpg(self) -> str:
        """Make an iSCSI target with a TPG."""
        self.ensure("iscsi")
        self.mkdir(IQN)
        return self.mkdir(TPG)

    def exported(self) -> str:
        """Make a disk that is LUN 0 of a TPG."""
        self.disk()
        self.tpg()
        self.mkdir(LUN)
        self.symlink(DISK, f"{LUN}/storage")
        return LUN

    def mapped(self) -> str:
        """Make all that, and map it for one initiator."""
        self.exported()
        self.mkdir(ACL)
        self.mkdir(MAPPED)
        self.symlink(LUN, f"{MAPPED}/lun")
        return MAPPED

    def close(self) -> None:
        """Remove what was made and is still there, newest first."""
        while self._undo:
            remove, path = self._undo.pop()
            try:
                remove(path)
            except FileNotFoundError:
                continue

    # Checks

    def reads(self, path: str, text: str) -> None:
        """Check an attribute's text."""
        self.same(self.fs.read(path), text, path)

    def takes(self, path: str, values: Iterable[str], shown: str | None = None) -> None:
        """Check that each value can be written, and that it (or `shown`) reads back."""
        for value in values:
            self.fs.write(path, value)
            self.reads(path, f"{value}\n" if shown is None else shown)

    def refuses(self, code: int, operation: Callable[..., Any], *arguments: str) -> None:
        """Check that an operation fails with an errno."""
        try:
            operation(*arguments)
        except OSError as error:
            self.same(error.errno, code, f"{operation.__name__} {arguments}")
        else:
            raise NonConformance(f"{operation.__name__} {arguments} was not refused")

    def same(self, found: object, wanted: object, what: str) -> None:
        """Check a value."""
        if found != wanted:
            raise NonConformance(f"{what}: {found!r} instead of {wanted!r}")

    def has(self, path: str, *names: str) -> None:
        """Check that a directory has entries of these names."""
        missing = set(names) - {entry.name for entry in self.fs.listdir(path)}
        self.same(missing, set(), f"missing in {path}")


Scenario = Callable[[Bench], None]

#: All scenarios, in the order of the modules.
SCENARIOS: list[Scenario] = []


def scenario(function: Scenario) -> Scenario:
    """Add a function to SCENARIOS."""
    SCENARIOS.append(function)
    return function


def run(fs: ConfigFS, function: Scenario) -> None:
    """Run one scenario and remove what it made; NonConformance says what was different."""
    bench = Bench(fs)
    try:
        function(bench)
    finally:
        bench.close()
