# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Storage objects and the HBA directories that they stand in: what all plugins share.

Where they stand among the HBAs, ``hba`` knows. Knows nothing of LUNs: whoever declares a
``Link`` to a storage object is found through that.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, ClassVar

from rtslib import aptpl, configfs, control, door, hba, info, saved
from rtslib.alua import ALUATargetPortGroup
from rtslib.attributes import STORAGE_ATTRIB
from rtslib.errors import (
    InvalidValueError,
    NotSupportedError,
    RTSLibNotInCFSError,
)
from rtslib.node import Attr, Children, Group, Node, gone_is_none
from rtslib.recipe import RECIPES
from rtslib.referrers import delete_referrers
from rtslib.statistics import StatisticsTree
from rtslib.values import FLAG, HEX24, SERIAL, TEXT, Codec, as_text, labelled
from rtslib.wwn import generate_wwn, naa_of_serial

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from rtslib.configfs import ConfigFS

__all__ = ["Backstore", "StorageObject"]

#: Written before the object is enabled, these make the kernel jump through a null pointer
#: (target_core_configfs.c, target_configure_unmap: seen on 6.1.192).
_OOPS_BEFORE_ENABLE = frozenset({"emulate_tpu", "emulate_tpws", "unmap_zeroes_data"})


def _unpadded(codec: Codec[str], *, padded: bool = False) -> Codec[str]:
    """Return a codec for what the kernel strips (strstrip), which refuses what it would strip.

    A SCSI device itself is `padded` with blanks, as the standard wants it: these are not read.
    """

    def encode(value: object) -> str:
        raw = as_text(value).encode("utf-8", "surrogatepass")
        # 0xa0 is a blank to the kernel (lib/ctype.c), even as the last byte of a character.
        if b"\0" in raw or raw != raw.strip(b" \t\n\v\f\r\xa0"):
            raise InvalidValueError(f"{value!r}: the kernel would drop the blanks around it")
        return codec.encode(value)

    def decode(text: str) -> str:
        return codec.decode(text).rstrip(" ") if padded else codec.decode(text)

    return Codec(codec.name, decode, encode)


_SERIAL = _unpadded(SERIAL)
_INQUIRY = _unpadded(TEXT, padded=True)


class StorageObject(Node):
    """A disk, file or device that can be exported as LUN.

    ``StorageObject(name, 'lookup', index)`` finds one of any plugin. The classes of ``tcm`` make
    them; each makes where it is told of what, and looks up where it is given a name alone.
    """

    __slots__ = ()

    #: What rtslib calls the plugin, and how the kernel spells it in HBA names.
    plugin: ClassVar[str] = ""
    directory: ClassVar[str] = ""
    #: The keys of the control file; others the kernel would take without a word and ignore.
    control_keys: ClassVar[dict[str, Codec[Any]]] = {}

    made_otherwise = "call its class: FileIOStorageObject(name, dev, size), for example"

    _classes: ClassVar[dict[str, type[StorageObject]]] = {}

    udev_path = Attr("udev_path", TEXT, "Path of the backing device, for people to read.")
    enable = Attr("enable", FLAG, "Whether the device is open; it can be set once, never unset.")
    # Behind enable, which resets some and without which others crash the kernel; before the
    # product id, which emulate_model_alias overwrites.
    attributes = Group("attrib", STORAGE_ATTRIB)
    alias = Attr("alias", TEXT, "A free name of up to 511 bytes.")
    serial = Attr("wwn/vpd_unit_serial", _SERIAL, "T10 VPD unit serial number (page 0x80).")
    vendor_id = Attr("wwn/vendor_id", _INQUIRY, "T10 vendor, 8 characters.")
    product_id = Attr("wwn/product_id", _INQUIRY, "T10 product, 16 characters.")
    product_rev = Attr("wwn/revision", _INQUIRY, "T10 revision, 4 characters.")
    company_id = Attr("wwn/company_id", HEX24, "IEEE company id inside the NAA.", absent=0x001405)
    alua_lu_gp = Attr("alua_lu_gp", labelled("LU Group Alias"), "ALUA logical unit group.")
    identity = Group("wwn")
    reservations = Group("pr")
    lba_map = Attr("lba_map", TEXT, "Referrals: which LBA is where.", absent="")
    alua_tpgs = Children(ALUATargetPortGroup, "alua")
    statistics = StatisticsTree("statistics")

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        # A subclass of a plugin's class is not what its objects are listed as.
        if "directory" in vars(cls):
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
        node = object.__new__(cls.class_of(rel))
        node._stand(fs, rel)
        return node

    @classmethod
    def class_of(cls, rel: str) -> type[StorageObject]:
        """Return the class of what stands at or below the path of an HBA."""
        return cls._classes.get(rel.split("/")[1].rpartition("_")[0], StorageObject)

    def _find(self, name: str, index: int | None, fs: ConfigFS | None) -> None:
        """Stand on the object of this name, among those of the class's plugin."""
        fs = fs or configfs.current()
        rel = hba.find(fs, self.directory, name, index)
        if rel is None:
            what = f"{self.plugin or 'storage'} object {name!r}"
            raise RTSLibNotInCFSError(
                f"there is no {what} under {fs.root}/core", path=f"{fs.root}/core"
            )
        self._stand(fs, rel)
        if not self.directory:
            # A plain StorageObject learns its plugin.
            self.__class__ = type(self.handle(fs, rel))

    @classmethod
    def all(cls, fs: ConfigFS | None = None) -> Iterator[StorageObject]:
        """Yield all objects, or those of one plugin if asked of its class."""
        found = cls.everywhere(Node.handle(fs or configfs.current(), ""))
        return iter([one for one in found if cls.directory in ("", one.directory)])

    @classmethod
    def so_from_path(cls, path: str, fs: ConfigFS | None = None) -> StorageObject:
        """Return the object at an absolute path, of its plugin's class."""
        fs = fs or configfs.current()
        rel = os.path.relpath(path, fs.root)
        if not cls.fits(rel):
            raise InvalidValueError(f"{path} is not the path of a storage object", path=path)
        node = cls.handle(fs, rel)
        node._check_exists()
        return node

    def _build(
        self,
        name: str,
        made_of: Mapping[str, object],
        more: str | Mapping[str, object] | None,
        *,
        udev_path: str | None,
        wwn: str | None,
        index: int | None,
        enable: bool,
        fs: ConfigFS | None,
    ) -> None:
        """Make the object, configure it by its recipe and with `more`, and enable it.

        The classic constructors all come here. Any failure takes back all that was made.
        """
        fs = fs or configfs.current()
        keys = {**RECIPES[self.plugin].settings({**made_of}), **control.pairs(more)}
        with door.Construction(fs) as made:
            self._stand(fs, hba.claim(made, self.directory, name, index))
            self.configure(**keys)
            if udev_path is not None:
                self.udev_path = udev_path
            if enable:
                self.enable = True
            self._identify(wwn)

    def _identify(self, wwn: str | None) -> None:
        if wwn:
            self.wwn = wwn
        else:  # and nobody can have reserved what has just been made up
            self.serial = generate_wwn("unit_serial")

    def configure(self, **settings: object) -> None:
        """Write keys of the control file; most take effect only before the object is enabled.

        InvalidValueError for an unknown key, and for a value with a comma or a line break or too
        long: the kernel cuts there without an error.
        """
        text = control.encode(self, self.control_keys, settings)
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
        aptpl.restore(self, as_text(value))

    def _get_wwn(self) -> str:
        """Return ``wwn``: ceph-iscsi calls it so."""
        return self.wwn

    @property
    def naa(self) -> str:
        """What initiators see in VPD page 0x83: ``naa.`` and 32 hexadecimal digits."""
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

    def _follow_device(self, size: int) -> int:
        now = self.size
        if now != size:
            raise NotSupportedError(
                f"{self!r} is as large as its device, {now} bytes",
                hint="resize the device; the kernel follows it",
            )
        return now

    def _check_shrink(self, size: int, *, shrink: bool) -> None:
        now = self.size
        if size < now and not shrink:
            raise InvalidValueError(
                f"{self!r} has {now} bytes: {size} would cut data off", hint="pass shrink=True"
            )

    def delete(self, save: bool = False) -> None:
        """Remove the object with its LUNs, what is mapped from them, and its ALUA groups.

        The backing file or device is left as it is. With `save` the saved configuration loses
        the object too.
        """
        name = f"/backstores/{self.plugin}/{self.name}"
        delete_referrers(self)
        self._remove()
        if save:
            saved.save(self.fs, so_path=name)

    def _remove(self) -> None:
        super()._remove()
        self.backstore.remove_if_empty()


class Backstore(Node):
    """An HBA directory, ``core/PLUGIN_INDEX``."""

    __slots__ = ()

    info = Attr("hba_info", TEXT, "Index, plugin and version as the kernel shows them.")
    made_otherwise = "an HBA is made with its first storage object, and goes with its last"

    storage_objects = Children(StorageObject)

    @property
    def plugin(self) -> str:
        """The plugin, as rtslib calls it."""
        directory = hba.split(self.base)[0]
        known = StorageObject._classes.get(directory)
        return known.plugin if known else directory

    @property
    def index(self) -> int | None:
        """The number in its name; None where the name has none that can be read."""
        return hba.split(self.base)[1]

    @property
    def name(self) -> str:
        """The directory's name."""
        return self.base

    @property
    def version(self) -> str:
        """The version that the kernel gives."""
        return self.info.rpartition("version: ")[2]

    def delete(self) -> None:
        """Remove the HBA with its objects, as each of them is deleted: its LUNs go too."""
        self._check_exists()
        for storage_object in self.storage_objects.surviving():
            gone_is_none(storage_object.delete)
        self._remove()

    def remove_if_empty(self) -> None:
        """Remove the HBA unless other objects stand in it."""
        hba.forget(self.fs)
        try:
            self.fs.rmdir(self._rel)
        except OSError as error:
            # Asked before a hint is looked for: that others stand in it is no fault.
            if error.errno not in (errno.ENOENT, errno.EBUSY, errno.ENOTEMPTY):
                raise door.refusal(self.fs, error, "rmdir", self._rel) from error
