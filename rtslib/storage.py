# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Storage objects and the HBA directories that they stand in: what all plugins share.

A storage object is made in its own HBA, ``core/PLUGIN_INDEX/NAME``, with an index that no other
HBA of any plugin has. Trees made by others may hold many objects in one HBA, or empty HBAs.
Knows nothing of LUNs: whoever declares a ``Link`` to a storage object is found through that.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any, Callable, ClassVar

from rtslib import aptpl, configfs, door, host, info
from rtslib.alua import ALUATargetPortGroup
from rtslib.attributes import STORAGE_ATTRIB
from rtslib.configfs import Kind
from rtslib.errors import (
    AlreadyExistsError,
    BusyError,
    InvalidValueError,
    NotSupportedError,
    RTSLibNotInCFSError,
)
from rtslib.node import Attr, Children, Group, Node
from rtslib.statistics import StatisticsTree
from rtslib.values import FLAG, HEX24, SERIAL, TEXT, Codec, labelled
from rtslib.wwn import generate_wwn, naa_of_serial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.configfs import ConfigFS

__all__ = ["Backstore", "StorageObject"]

_HBA = re.compile(r"([a-z_]+)_([0-9]+)")

#: Written before the object is enabled, these make the kernel jump through a null pointer
#: (target_core_configfs.c, target_configure_unmap: seen on 6.1.192).
_OOPS_BEFORE_ENABLE = frozenset({"emulate_tpu", "emulate_tpws", "unmap_zeroes_data"})

#: control is cut at one page.
_CONTROL_BYTES = 4095


class StorageObject(Node):
    """A disk, file or device that can be exported as LUN.

    ``StorageObject(name, 'lookup', index)`` finds one of any plugin. The classes of ``tcm`` make
    them; each makes where it is told of what, and looks up where it is given a name alone.
    """

    #: What rtslib calls the plugin, and how the kernel spells it in HBA names.
    plugin: ClassVar[str] = ""
    directory: ClassVar[str] = ""
    #: The keys of the control file; others the kernel would take without a word and ignore.
    control_keys: ClassVar[dict[str, Codec[Any]]] = {}

    _classes: ClassVar[dict[str, type[StorageObject]]] = {}

    attributes = Group("attrib", STORAGE_ATTRIB)
    enable = Attr("enable", FLAG, "Whether the device is open; it can be set once, never unset.")
    udev_path = Attr("udev_path", TEXT, "Path of the backing device, for people to read.")
    alias = Attr("alias", TEXT, "A free name of up to 511 bytes.")
    serial = Attr("wwn/vpd_unit_serial", SERIAL, "T10 VPD unit serial number (page 0x80).")
    vendor_id = Attr("wwn/vendor_id", TEXT, "T10 vendor, 8 characters.")
    product_id = Attr("wwn/product_id", TEXT, "T10 product, 16 characters.")
    product_rev = Attr("wwn/revision", TEXT, "T10 revision, 4 characters.")
    company_id = Attr("wwn/company_id", HEX24, "IEEE company id inside the NAA.", absent=0x001405)
    alua_lu_gp = Attr("alua_lu_gp", labelled("LU Group Alias"), "ALUA logical unit group.")
    lba_map = Attr("lba_map", TEXT, "Referrals: which LBA is where.", absent="")
    alua_tpgs = Children(ALUATargetPortGroup, "alua")
    statistics = StatisticsTree("statistics")

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        StorageObject._classes[cls.directory] = cls

    def __init__(
        self,
        name: str,
        mode: str = "lookup",
        index: int | None = None,
        *,
        fs: ConfigFS | None = None,
    ) -> None:
        if mode != "lookup":
            raise InvalidValueError(
                "a StorageObject of no plugin can only be looked up",
                hint="create a FileIOStorageObject, BlockStorageObject ...",
            )
        self._find(name, index, fs)

    @classmethod
    def handle(cls, fs: ConfigFS, rel: str) -> StorageObject:
        """Return the object at a path, of its plugin's class; no system call."""
        plugin = rel.split("/")[1].rpartition("_")[0]
        node = object.__new__(cls._classes.get(plugin, StorageObject))
        node._stand(fs, rel)
        return node

    def _find(self, name: str, index: int | None, fs: ConfigFS | None) -> None:
        """Stand on the object of this name, among those of the class's plugin."""
        fs = fs or configfs.current()
        for hba in (
            [f"{self.directory}_{index}"] if index is not None else _hbas(fs, self.directory)
        ):
            rel = f"core/{hba}/{_component(name)}"
            try:
                found = fs.kind(rel) is Kind.DIRECTORY
            except FileNotFoundError:
                continue
            except OSError as error:
                raise door.refusal(fs, error, "stat", rel) from error
            if found:
                self._stand(fs, rel)
                self.__class__ = type(
                    self.handle(fs, rel)
                )  # a plain StorageObject learns its plugin
                return
        what = f"{self.plugin or 'storage object'} {name!r}"
        raise RTSLibNotInCFSError(
            f"there is no {what} under {fs.root}/core", path=f"{fs.root}/core"
        )

    def _build(
        self,
        name: str,
        control: Callable[[door.Construction], dict[str, object]],
        *,
        index: int | None,
        wwn: str | None,
        udev_path: str | None,
        enable: bool,
        fs: ConfigFS | None,
    ) -> None:
        """Make the object, configure it with what `control` returns, and enable it.

        The classic constructors all come here. Any failure takes back all that was made.
        """
        fs = fs or configfs.current()
        with door.Construction(fs) as made:
            settings = control(made)
            self._stand(fs, self._claim(made, _component(name), index))
            self.configure(**settings)
            if udev_path is not None:
                self.udev_path = udev_path
            if enable:
                self.enable = True
            self._identify(wwn)

    def _identify(self, wwn: str | None) -> None:
        self.wwn = wwn or generate_wwn("unit_serial")

    def _claim(self, made: door.Construction, name: str, index: int | None) -> str:
        """Make the HBA and the object's directory in it; return its path.

        One index for one object among all plugins, and one object of a name in a plugin, are
        rules of ours, not of the kernel: hence the lock, which ends before anything slow.
        """
        try:
            with door.locked(made.fs):
                return self._claim_locked(made, name, index)
        except RTSLibNotInCFSError:
            if not host.is_host(made.fs):
                raise
            host.prepare(made.fs)
            with door.locked(made.fs):
                return self._claim_locked(made, name, index)

    def _claim_locked(self, made: door.Construction, name: str, index: int | None) -> str:
        fs = made.fs
        hbas = list(_hbas(fs))
        for hba in hbas:
            if hba.startswith(f"{self.directory}_"):
                self._refuse_twin(fs, f"core/{hba}/{name}")
        if index is not None:
            path = f"core/{self.directory}_{index}"
            made.mkdir_any(path)
        else:
            taken = {int(hba.rpartition("_")[2]) for hba in hbas}
            free = (number for number in itertools.count() if number not in taken)
            path = made.mkdir_first(f"core/{self.directory}_{number}" for number in free)
        made.mkdir(f"{path}/{name}")
        return f"{path}/{name}"

    def _refuse_twin(self, fs: ConfigFS, rel: str) -> None:
        try:
            fs.kind(rel)
        except FileNotFoundError:
            return
        except OSError as error:
            raise door.refusal(fs, error, "stat", rel) from error
        raise AlreadyExistsError(
            f"a {self.plugin} storage object of this name already exists in configFS: {fs.root}/{rel}",
            operation="mkdir",
            path=f"{fs.root}/{rel}",
            errno=17,
        )

    def configure(self, **settings: object) -> None:
        """Write keys of the control file; most take effect only before the object is enabled.

        InvalidValueError for an unknown key, or for a value with a comma or a line break: the
        kernel cuts there without an error.
        """
        pairs = []
        for key, value in settings.items():
            if key not in self.control_keys:
                known = ", ".join(self.control_keys)
                raise InvalidValueError(f"{self!r} has no control key {key!r}, only {known}")
            text = self.encode_file(f"control: {key}", self.control_keys[key], value)
            if "," in text or "\n" in text:
                raise InvalidValueError(
                    f"{key}={text!r} cannot be passed to the kernel: it would end at the comma or "
                    "line break",
                    path=f"{self.path}/control",
                    value=text,
                    hint="use a link of another name",
                )
            pairs.append(f"{key}={text}")
        self._control(",".join(pairs))

    def _control(self, text: str) -> None:
        if len(text.encode("utf-8", "surrogateescape")) > _CONTROL_BYTES:
            raise InvalidValueError(f"{self.path}/control takes {_CONTROL_BYTES} bytes", value=text)
        if text:
            self.write("control", text)

    def before_setting(self, file: str, text: str) -> None:
        """Refuse what would crash the kernel: thin provisioning before the device is open."""
        if file.rpartition("/")[2] in _OOPS_BEFORE_ENABLE and not self.enable:
            raise InvalidValueError(
                f"{self.path}/{file} must not be written before the object is enabled: "
                "it crashes the kernel",
                path=f"{self.path}/{file}",
                value=text,
                hint="enable it first",
            )

    @property
    def name(self) -> str:
        """The object's name."""
        return self.base

    @property
    def backstore(self) -> Backstore:
        """The HBA that it stands in."""
        return Backstore.handle(self.fs, self._rel.rpartition("/")[0])

    @property
    def index(self) -> int | None:
        """The index of its HBA."""
        return self.backstore.index

    @property
    def version(self) -> str:
        """The plugin's version."""
        return self.backstore.version

    @property
    def info(self) -> dict[str, str | None]:
        """The fields of the kernel's own description, by name."""
        return info.parse(self.directory, self.read("info"), f"{self.path}/info")

    def _info(self, field: str) -> str:
        value = self.info.get(field)
        if value is None:
            raise NotSupportedError(
                f"{self.path}/info does not tell {field}", path=f"{self.path}/info"
            )
        return value

    @property
    def status(self) -> str:
        """'activated' while exported, else 'deactivated'."""
        return self._info("status").lower()

    def is_configured(self) -> bool:
        """Tell whether the device is open."""
        return self.enable

    @property
    def size(self) -> int:
        """Size in bytes."""
        return int(self._info("size"))

    @property
    def wwn(self) -> str:
        """The unit serial: classic code calls it wwn. Setting it also restores reservations."""
        return self.serial

    @wwn.setter
    def wwn(self, value: str) -> None:
        self.serial = value
        aptpl.restore(self, value)

    @property
    def naa(self) -> str:
        """The NAA identifier that initiators see in VPD page 0x83, 32 hexadecimal digits."""
        return naa_of_serial(self.serial, self.company_id)

    @property
    def alua_supported(self) -> bool:
        """Whether target port groups may be made: never guessed from the files that exist."""
        return bool(self.attributes.get("alua_support", False))

    @property
    def attached_luns(self) -> Iterator[Any]:
        """The LUNs that export it."""
        return iter(list(self.referrers()))

    def resize(self, size: int | str, *, shrink: bool = False) -> int:
        """Give the object a new size in bytes and return it; initiators must rescan to see it.

        NotSupportedError where the plugin cannot; InvalidValueError for a smaller size without
        `shrink`.
        """
        raise NotSupportedError(
            f"{self!r}: a {self.plugin or 'storage'} object cannot be resized while it is open"
        )

    def _check_shrink(self, size: int, *, shrink: bool) -> None:
        now = self.size
        if size < now and not shrink:
            raise InvalidValueError(
                f"{self!r} has {now} bytes: {size} would cut data off", hint="pass shrink=True"
            )

    def delete(self) -> None:
        """Remove the object with its ALUA groups, its LUNs and what is mapped from them.

        The backing file or device is left as it is.
        """
        self._check_exists()
        try:
            self._remove()
        except BusyError:
            for lun in self.attached_luns:
                lun.delete()
            self._remove()

    def _remove(self) -> None:
        super()._remove()
        self.backstore.remove_if_empty()


class Backstore(Node):
    """An HBA directory, ``core/PLUGIN_INDEX``."""

    info = Attr("hba_info", TEXT, "Index, plugin and version as the kernel shows them.")
    storage_objects = Children(StorageObject)

    @property
    def plugin(self) -> str:
        """The plugin, as rtslib calls it."""
        directory = self.base.rpartition("_")[0]
        known = StorageObject._classes.get(directory)
        return known.plugin if known else directory

    @property
    def index(self) -> int | None:
        """The number in its name; None where the name has none that can be read."""
        matched = _HBA.fullmatch(self.base)
        return int(matched.group(2)) if matched else None

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.base

    @property
    def version(self) -> str:
        """The version that the kernel gives."""
        return self.info.rpartition("version: ")[2]

    def remove_if_empty(self) -> None:
        """Remove the HBA unless other objects stand in it."""
        try:
            self.fs.rmdir(self._rel)
        except FileNotFoundError:
            return
        except OSError as error:
            refusal = door.refusal(self.fs, error, "rmdir", self._rel)
            if not isinstance(refusal, BusyError):
                raise refusal from error


def _hbas(fs: ConfigFS, plugin: str = "") -> Iterator[str]:
    """Yield the names of the HBA directories, of one plugin or all: one getdents."""
    for entry in door.listdir(fs, "core"):
        matched = _HBA.fullmatch(entry.name)
        if matched and (not plugin or matched.group(1) == plugin):
            yield entry.name


def _component(name: str) -> str:
    """Return a name that can be one directory, InvalidValueError if it cannot."""
    if not name or "/" in name or name in (".", ".."):
        raise InvalidValueError(f"{name!r} cannot be the name of a storage object")
    return name
