# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""FakeKernel: LIO's rules on a tree in memory, shared by threads and, with a file, processes."""

from __future__ import annotations

import fcntl
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Callable, TypeVar

from rtslib.configfs import TARGET_ROOT, names_of, one_by_one
from rtslib.testing import sessions
from rtslib.testing.core import boot
from rtslib.testing.engine import Tree
from rtslib.testing.host import FakeHost
from rtslib.testing.shapes import fabrics, shapes, traits
from rtslib.testing.state import Store

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rtslib.configfs import Entry, Kind

__all__ = ["FakeKernel"]

T = TypeVar("T")


class FakeKernel:
    """LIO's configfs in memory: a ConfigFS that answers as the kernel does.

    `kernel` chooses the recording that it imitates, `host` the machine under it, `modules` the
    fabrics whose modules can be loaded (default: those that could where the recording was made);
    all three may be looked at, and the host and the set of modules changed, later. With `state` the
    tree lives in that file: it is there again in the next process, and several processes may use
    it at once. `privileged` as False is a caller who is not root.

    Fabrics that take only hardware (srpt, qla2xxx, efct, ibmvscsis), and usb_gadget and xen-pvscsi,
    were not recorded beyond their own directory: their TPGs and ACLs are guesses. Steps that oops
    the real kernel raise KernelOops.
    """

    def __init__(
        self,
        kernel: str = "6.1",
        *,
        host: FakeHost | None = None,
        state: str | None = None,
        modules: Iterable[str] | None = None,
        privileged: bool = True,
        root: str = TARGET_ROOT,
    ) -> None:
        self.kernel = kernel
        self.root = root
        self.host = host if host is not None else FakeHost()
        self.modules = set(fabrics(kernel) if modules is None else modules)
        self.privileged = privileged
        self._mutex = threading.RLock()
        self._advisory = threading.Lock()
        self.tree = self.fresh()
        self._store = None if state is None else Store(self, state)

    def __repr__(self) -> str:
        where = f", state={self._store.path!r}" if self._store else ""
        return f"FakeKernel({self.kernel!r}{where})"

    def fresh(self) -> Tree:
        """Return a tree as it is when target_core_mod was just loaded."""
        tree = Tree(shapes(self.kernel), self.host)
        tree.root = self.root
        tree.modules = self.modules
        tree.traits = traits(self.kernel)
        boot(tree.top)
        return tree

    def _look(self, operation: Callable[[Tree, str], T], path: str) -> T:
        with self._mutex:
            if self._store is not None:
                self._store.refresh()
            self.tree.privileged = self.privileged
            return operation(self.tree, path)

    def _change(self, operation: Callable[[Tree], T]) -> T:
        with self._mutex:
            if self._store is None:
                self.tree.privileged = self.privileged
                return operation(self.tree)
            with self._store.exclusive():
                self.tree.privileged = self.privileged
                return operation(self.tree)

    # ConfigFS

    def read(self, path: str) -> str:
        """Return the whole text of an attribute."""
        return self._look(Tree.read, path)

    def read_each(self, path: str, files: Sequence[str]) -> list[str | OSError]:
        """Return the texts of files of a directory, or what is raised for one."""
        return one_by_one(self.read, path, files)

    def write(self, path: str, text: str) -> None:
        """Store into an attribute."""
        self._change(lambda tree: tree.write(path, text))

    def mkdir(self, path: str) -> None:
        """Make a directory; it comes filled."""
        self._change(lambda tree: tree.mkdir(path))

    def rmdir(self, path: str) -> None:
        """Remove a directory with its default groups."""
        self._change(lambda tree: tree.rmdir(path))

    def symlink(self, target: str, path: str) -> None:
        """Make a link at `path` to the directory `target`."""
        self._change(lambda tree: tree.symlink(target, path))

    def readlink(self, path: str) -> str:
        """Return where a link leads, relative to the root."""
        return self._look(Tree.readlink, path)

    def unlink(self, path: str) -> None:
        """Remove a link."""
        self._change(lambda tree: tree.unlink(path))

    def listdir(self, path: str) -> list[Entry]:
        """Return the names in a directory, newest first."""
        return self._look(Tree.listdir, path)

    def names(self, path: str, kind: Kind) -> list[str]:
        """Return the names of one kind in a directory."""
        return names_of(self.listdir(path), kind)

    def kind(self, path: str) -> Kind:
        """Tell what stands at `path`."""
        return self._look(Tree.kind, path)

    def mode(self, path: str) -> int:
        """Return the permission bits at `path`."""
        return self._look(Tree.mode, path)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the tree's advisory lock: not re-entrant; across processes with a `state`."""
        if self._store is None:
            with self._advisory:
                yield
            return
        fd = os.open(f"{self._store.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    # Initiators

    def login(
        self,
        tpg: str,
        initiator: str,
        *,
        address: str = "127.0.0.1",
        isid: str = "80e1a7fc0000",
        alias: str = "",
        parameters: Mapping[str, int] | None = None,
    ) -> int:
        """Log an iSCSI initiator in to the TPG at a path, and return the session's id.

        PermissionError where the target would refuse: the TPG is not enabled, or there is neither
        an ACL nor generate_node_acls. `isid` are six bytes in hex; `parameters` are negotiated
        values that differ from the usual ones. No CHAP is done.
        """
        return self._change(
            lambda tree: sessions.login(
                tree.walk(tpg),
                initiator,
                address=address,
                isid=isid,
                alias=alias,
                parameters=parameters or {},
            )
        )

    def logout(self, tpg: str, session: int) -> None:
        """End a session by its id, as its initiator does; KeyError where there is none."""
        self._change(lambda tree: sessions.logout(tree.walk(tpg), session))
