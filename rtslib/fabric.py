# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Fabric modules: what carries SCSI to this machine. Which there are, spec files say."""

from __future__ import annotations

import errno
import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Callable, ClassVar, TypeVar, cast

from rtslib import configfs, door, host, saved, spec
from rtslib.discovery import Discovery
from rtslib.errors import (
    HostError,
    InvalidValueError,
    KernelError,
    RTSLibNotInCFSError,
    SpecError,
)
from rtslib.node import Attr, Children, Node
from rtslib.spec import Spec
from rtslib.target import Target
from rtslib.values import TEXT
from rtslib.wwn import same

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.configfs import ConfigFS

__all__ = [
    "EfctFabricModule",
    "FCoEFabricModule",
    "FabricModule",
    "ISCSIFabricModule",
    "IbmvscsisFabricModule",
    "LoopbackFabricModule",
    "Qla2xxxFabricModule",
    "SBPFabricModule",
    "SRPTFabricModule",
    "USBGadgetFabricModule",
    "VhostFabricModule",
    "XenPvScsiFabricModule",
    "excludes_list",
    "fabric_modules",
    "spec_of_group",
    "target_names_excludes",
]

T = TypeVar("T")

#: What a fabric's directory holds beside its targets.
excludes_list = ["lio_version", "version", "discovery_auth", "cpus_allowed_list"]
target_names_excludes = set(excludes_list)

#: How kernels refuse the directory of a fabric whose module is not loaded.
_NOT_LOADED = frozenset((errno.ENOENT, errno.EINVAL, errno.EPERM))


def spec_of_group(group: str) -> Spec:
    """Return the spec of the fabric whose configfs directory has this name."""
    return _by_group(spec.signature()).get(group) or Spec(
        name=group,
        path="",
        features=frozenset(),
        wwn_types=("free",),
        kernel_modules=(),
        configfs_group=group,
    )


@lru_cache(maxsize=4)
def _by_group(_signature: object) -> dict[str, Spec]:
    """Return the good specs by configfs group; read anew when a spec file changes."""
    return {
        found.configfs_group: found
        for found in spec.available().values()
        if isinstance(found, Spec)
    }


class FabricModule(Discovery):
    """A fabric, by the name of its spec: ``FabricModule('iscsi')``; no system call on the tree.

    Its directory, and the kernel module behind it, are made when its first target is: until then
    it has no targets, and its settings have the values they begin with. SpecError where no spec
    file has this name.
    """

    __slots__ = ()

    #: The directory is made when it is needed: without one, nothing was deleted.
    optional: ClassVar[bool] = True

    targets = Children(Target, skip=frozenset(excludes_list))
    cpus_allowed_list = Attr("cpus_allowed_list", TEXT, "CPUs for the threads of the fabric.")

    def __init__(self, name: str, *, fs: ConfigFS | None = None) -> None:
        self._stand(fs or configfs.current(), spec.find(name).configfs_group)

    @classmethod
    def lookup(cls, parent: Node, key: Any) -> FabricModule:
        """Return the fabric in use of this name, or whose configfs directory is called so."""
        try:
            directory = spec.find(str(key)).configfs_group
        except SpecError:
            directory = str(key)
        return super().lookup(parent, directory)

    @classmethod
    def create(cls, parent: Node, name: str) -> FabricModule:
        """Make a fabric's directory, which loads its module. AlreadyExistsError if it is in use."""
        fabric = cls(name, fs=parent.fs)
        with door.Construction(parent.fs) as made:
            fabric._mkdir(made, made.mkdir)
        return fabric

    @classmethod
    def ensure(cls, parent: Node, name: str) -> FabricModule:
        """Return a fabric whose directory is there, made if need be."""
        fabric = cls(name, fs=parent.fs)
        with door.Construction(parent.fs) as made:
            fabric.prepare(made)
        return fabric

    @classmethod
    def all(cls, fs: ConfigFS | None = None) -> Iterator[FabricModule]:
        """Yield the fabrics of all good spec files, in use or not."""
        return iter([cls(name, fs=fs) for name in cls.list_registered_drivers()])

    @classmethod
    def list_registered_drivers(cls) -> list[str]:
        """Return the names of all fabrics that have a good spec file."""
        return [name for name, found in spec.available().items() if isinstance(found, Spec)]

    @property
    def spec(self) -> Spec:
        """What the spec file says; a fabric that someone made without one can do nothing."""
        return spec_of_group(self.base)

    @property
    def name(self) -> str:
        """The fabric's name."""
        return self.spec.name

    @property
    def features(self) -> frozenset[str]:
        """What the fabric can do."""
        return self.spec.features

    @property
    def wwn_types(self) -> tuple[str, ...]:
        """The types of names that its targets may have, the usual one first."""
        return self.spec.wwn_types

    @property
    def wwn_type(self) -> str:
        """The usual type of its targets' names."""
        return self.spec.wwn_types[0]

    @property
    def kernel_module(self) -> str:
        """The kernel module behind it."""
        return self.spec.kernel_module

    @property
    def spec_file(self) -> str:
        """The path of its spec file."""
        return self.spec.path

    @property
    def wwns(self) -> list[str] | None:
        """The names that this machine's ports have; None where any name will do."""
        return self.spec.wwns()

    @property
    def version(self) -> str:
        """What the kernel calls itself here."""
        for file in ("lio_version", "version"):
            try:
                return TEXT.decode(self.read(file))
            except RTSLibNotInCFSError:
                continue
        raise RTSLibNotInCFSError(f"{self.path} has no version", path=self.path)

    def setup(self, fm: dict[str, Any], err_func: saved.Errors) -> None:
        """Set discovery as the fabric's saved entry says; `err_func` is told what fails."""
        saved.setup(FabricModule, self.root(), fm, err_func)

    def has_feature(self, feature: str) -> bool:
        """Tell whether the fabric can do this."""
        return self.spec.has_feature(feature)

    def needs_wwn(self) -> bool:
        """Tell whether targets can only have the names that ``wwns`` lists."""
        return self.spec.has_fixed_wwns

    def to_normalized_wwn(self, wwn: str) -> tuple[str, str]:
        """Return (name, type) for a target's name; InvalidValueError if it can be none."""
        return self.spec.normalise(wwn)

    def type_of(self, wwn: str) -> str:
        """Return the type of a name that is there; 'free' for what this fabric would not make."""
        try:
            return self.to_normalized_wwn(wwn)[1]
        except InvalidValueError:
            return "free"

    def to_fabric_wwn(self, wwn: str) -> str:
        """Return a target's name as the kernel spells it in this fabric."""
        return self.spec.to_fabric(wwn)

    def from_fabric_wwn(self, wwn: str) -> str:
        """Return a target's name as people spell it; unknown names come back as they are."""
        return self.spec.from_fabric(wwn)

    def find_name(self, directory: str, wwn: str) -> str:
        """Return the entry of a directory that means this name in any case or spelling.

        The name as the kernel would spell it comes first, at the cost of one stat.
        """
        try:
            normal = self.to_normalized_wwn(wwn)[0]
        except InvalidValueError:
            normal = wwn
        spelled = self.to_fabric_wwn(normal)
        if door.is_directory(self.fs, f"{directory}/{spelled}"):
            return spelled
        for entry in door.listdir(self.fs, directory):
            found = self.from_fabric_wwn(entry.name)
            if same(found, normal) or same(found, wwn):
                return entry.name
        return spelled

    def prepare(self, made: door.Construction) -> None:
        """Make the fabric's directory unless it exists; that loads its module."""
        self._mkdir(made, made.mkdir_any)

    def _mkdir(self, made: door.Construction, mkdir: Callable[[str], T]) -> T:
        """Make the directory, which loads the module; load it by hand if need be."""
        try:
            return mkdir(self._rel)
        except KernelError as refused:
            # Only iscsi and loopback load themselves; the others are refused until loaded.
            if refused.errno not in _NOT_LOADED or not host.is_host(self.fs):
                raise
            try:
                host.prepare(self.fs, self.spec.kernel_modules)
            except HostError:
                # That others than root load no modules is not what they must be told.
                if os.geteuid() != 0:
                    raise refused from refused.__cause__
                raise
            return mkdir(self._rel)

    def write(self, file: str, text: str, *, secret: bool = False) -> None:
        """Store text in a file of the fabric, which is made ready if nothing has used it yet."""
        try:
            super().write(file, text, secret=secret)
        except RTSLibNotInCFSError:
            if self.exists:
                raise
            with door.Construction(self.fs) as made:
                self.prepare(made)
                super().write(file, text, secret=secret)


class _OneFabric(type):
    """The type of a class that names one fabric.

    What fabrics are, their specs say: ``ISCSIFabricModule()`` is ``FabricModule('iscsi')``, of that
    class, and each handle of that fabric is an instance of ISCSIFabricModule.
    """

    #: The name of its spec, and of its directory.
    fabric: str
    group: str

    def __call__(cls, *, fs: ConfigFS | None = None) -> FabricModule:
        """Return the fabric."""
        return FabricModule(cls.fabric, fs=fs)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, FabricModule) and instance.base == cls.group


class _Named(FabricModule, metaclass=_OneFabric):
    """What such classes are to type checkers; there are no instances of their own."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __init__(self, *, fs: ConfigFS | None = None) -> None: ...


class ISCSIFabricModule(_Named):
    """iSCSI."""

    __slots__ = ()
    fabric = group = "iscsi"


class LoopbackFabricModule(_Named):
    """A SCSI host of this machine itself."""

    __slots__ = ()
    fabric = group = "loopback"


class VhostFabricModule(_Named):
    """Virtual machines, by vhost-scsi."""

    __slots__ = ()
    fabric = group = "vhost"


class Qla2xxxFabricModule(_Named):
    """Fibre Channel on QLogic adapters."""

    __slots__ = ()
    fabric = group = "qla2xxx"


class EfctFabricModule(_Named):
    """Fibre Channel on Emulex adapters."""

    __slots__ = ()
    fabric = group = "efct"


class FCoEFabricModule(_Named):
    """Fibre Channel over Ethernet."""

    __slots__ = ()
    fabric, group = "tcm_fc", "fc"


class SRPTFabricModule(_Named):
    """SCSI over RDMA (SRP)."""

    __slots__ = ()
    fabric = group = "srpt"


class SBPFabricModule(_Named):
    """FireWire (SBP-2)."""

    __slots__ = ()
    fabric = group = "sbp"


class USBGadgetFabricModule(_Named):
    """USB mass storage."""

    __slots__ = ()
    fabric = group = "usb_gadget"


class XenPvScsiFabricModule(_Named):
    """Xen paravirtual SCSI."""

    __slots__ = ()
    fabric = group = "xen-pvscsi"


class IbmvscsisFabricModule(_Named):
    """Virtual SCSI of IBM Power."""

    __slots__ = ()
    fabric = group = "ibmvscsis"


#: The class of each fabric that has one, by the name of its spec.
fabric_modules: dict[str, _OneFabric] = {
    one.fabric: one for one in cast("list[_OneFabric]", _Named.__subclasses__())
}

_BaseFabricModule = FabricModule
