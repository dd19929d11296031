# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The root: everything that LIO has on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rtslib import configfs, saved
from rtslib.alua import ALUALUGroup, ALUATargetPortGroup
from rtslib.errors import InvalidValueError, NotSupportedError
from rtslib.fabric import FabricModule
from rtslib.node import Attr, Children, Everywhere, Node, gone_is_none
from rtslib.paths import SAVE_FILE
from rtslib.storage import Backstore, StorageObject
from rtslib.target import LUN, TPG, MappedLUN, NetworkPortal, NodeACL, Target
from rtslib.tcm import bs_cache, so_mapping
from rtslib.values import LINE, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.configfs import ConfigFS
    from rtslib.groups import MappedLUNGroup, NodeACLGroup
    from rtslib.sessions import Session

__all__ = ["RTSRoot", "bs_cache", "default_save_file", "so_mapping"]

#: Where the configuration is saved. A program may set it; else ``paths`` tells the place.
default_save_file = SAVE_FILE


class RTSRoot(Node):
    """The target tree. ``RTSRoot()`` costs no system call, mounts nothing and loads nothing.

    What a listing yields is what is there at that moment.
    """

    __slots__ = ()

    version = Attr("version", TEXT, "Version of the target core and of the kernel.")
    dbroot = Attr(
        "dbroot",
        LINE,
        "Where the kernel keeps reservations and ALUA states; fixed once anything is made.",
    )
    alua_lu_gps = Children(ALUALUGroup, "core/alua/lu_gps")
    backstores = Children(Backstore, "core", skip=frozenset({"alua"}))
    fabrics = Children(FabricModule, skip=frozenset({"core"}))

    storage_objects = Everywhere(StorageObject, "All storage objects.")
    alua_tpgs = Everywhere(ALUATargetPortGroup, "All ALUA target port groups.")
    targets = Everywhere(Target, "All targets.")
    tpgs = Everywhere(TPG, "All TPGs.")
    luns = Everywhere(LUN, "All LUNs.")
    network_portals = Everywhere(NetworkPortal, "All portals.")
    node_acls = Everywhere(NodeACL, "All ACLs.")
    mapped_luns = Everywhere(MappedLUN, "All mapped LUNs.")

    def __init__(self, fs: ConfigFS | None = None) -> None:
        self._stand(fs or configfs.current(), "")

    def save_to_file(self, save_file: str | None = None, so_path: str | None = None) -> None:
        """Save the running configuration to a file, /etc/target/saveconfig.json by default.

        With `so_path`, ``/backstores/PLUGIN/NAME``, what the file has of that storage object and
        of the targets that export it is brought up to date, or removed, and the rest stays.
        """
        saved.save(self.fs, save_file, so_path)

    def restore(
        self,
        config: dict[str, Any],
        target: str | None = None,
        storage_object: str | None = None,
        clear_existing: bool = False,
        abort_on_error: bool = False,
    ) -> list[str]:
        """Make the running configuration what `config` says; return a sentence for each failure.

        The data is that of saveconfig.json; ConfigError, before anything is touched, where it is
        wrong. `target` or `storage_object`, by its name, restores that alone. What `config` does
        not name is removed with `clear_existing`; without, it is an AlreadyExistsError where
        something that it names exists. With `abort_on_error` the first failure is raised.
        """
        return saved.restore(
            self.fs,
            config,
            target=target,
            storage_object=storage_object,
            clear_existing=clear_existing,
            abort_on_error=abort_on_error,
        )

    def restore_from_file(
        self,
        restore_file: str | None = None,
        clear_existing: bool = True,
        target: str | None = None,
        storage_object: str | None = None,
        abort_on_error: bool = False,
    ) -> list[str]:
        """Restore what a file says, /etc/target/saveconfig.json by default; see ``restore``."""
        return saved.restore_file(
            self.fs,
            restore_file,
            target=target,
            storage_object=storage_object,
            clear_existing=clear_existing,
            abort_on_error=abort_on_error,
        )

    def clear_existing(
        self,
        target: str | None = None,
        storage_object: str | None = None,
        confirm: bool = False,
    ) -> None:
        """Remove the running configuration, or one target or storage object of it."""
        if not confirm:
            raise InvalidValueError("this removes the running configuration: pass confirm=True")
        saved.clear(self.fs, target, storage_object)

    def invalidate_caches(self) -> None:
        """Do nothing: nothing is cached."""

    def delete(self) -> None:
        """Refuse: the root is the kernel's, and a call to wipe a machine must say so."""
        raise NotSupportedError("the target tree itself cannot be deleted", path=self.path)

    @property
    def fabric_modules(self) -> Iterator[FabricModule]:
        """All fabrics that have a spec file, in use or not; ``fabrics`` has those in use."""
        return FabricModule.all(self.fs)

    @property
    def node_acl_groups(self) -> Iterator[NodeACLGroup]:
        """All ACL groups."""
        for tpg in self.tpgs:
            yield from gone_is_none(lambda tpg=tpg: tpg.node_acl_groups) or ()  # type: ignore[misc]

    @property
    def mapped_lun_groups(self) -> Iterator[MappedLUNGroup]:
        """All mapped LUNs of ACL groups."""
        for group in self.node_acl_groups:
            yield from gone_is_none(lambda group=group: group.mapped_lun_groups) or ()  # type: ignore[misc]

    @property
    def sessions(self) -> Iterator[Session]:
        """All sessions, as far as the kernel tells of them."""
        for target in self.targets:
            yield from gone_is_none(lambda target=target: target.sessions) or ()  # type: ignore[misc]
