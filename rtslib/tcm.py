# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The five kinds of storage object: file, block device, SCSI device, memory, user space (``tcmu``).

Each class makes an object where it is told of what, and looks one up where it is given a name
alone. Keywords that rtslib-fb does not have: `enable` False leaves the object configured but not
open, for settings that must come before; `control` has further keys of the plugin's control file,
as a mapping or as text: 'max_data_area_mb=64,cmd_ring_size_mb=8'.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar

from rtslib import backing, blockdev, configfs, host
from rtslib.control import name_of
from rtslib.door import Construction
from rtslib.errors import InvalidValueError, NotSupportedError
from rtslib.storage import Backstore, StorageObject
from rtslib.tcmu import UserBackedStorageObject
from rtslib.values import FLAG, INT, UINT, Codec, parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtslib.configfs import ConfigFS

__all__ = [
    "BlockStorageObject",
    "FileIOStorageObject",
    "PSCSIStorageObject",
    "RDMCPStorageObject",
    "StorageObject",
    "StorageObjectFactory",
    "UserBackedStorageObject",
    "bs_cache",
    "bs_params",
    "lock_file",
    "so_mapping",
    "storage_object_get_alua_support_attr",
]


class FileIOStorageObject(StorageObject):
    """A file, or a block device through the page cache.

    ``FileIOStorageObject(name, dev, size)``: `size` in bytes, or text such as '64MiB'. A file
    that does not exist is made, sparse, with mode 0600, if a size is given and `create` is not
    False. `write_back` lets writes rest in the page cache and tells initiators so.
    """

    __slots__ = ()

    plugin = "fileio"
    directory = "fileio"
    control_keys: ClassVar[dict[str, Codec[Any]]] = {
        "fd_dev_name": name_of(255),  # FD_MAX_DEV_NAME
        "fd_dev_size": UINT,
        "fd_buffered_io": FLAG,
        "fd_async_io": FLAG,
    }

    def __init__(
        self,
        name: str,
        dev: str | None = None,
        size: int | str | None = None,
        wwn: str | None = None,
        write_back: bool = False,
        aio: bool = False,
        index: int | None = None,
        *,
        create: bool = True,
        enable: bool = True,
        control: str | Mapping[str, object] | None = None,
        fs: ConfigFS | None = None,
    ) -> None:
        if dev is None:
            self._find(name, index, fs)
            return
        path = backing.path_for_kernel(dev)
        wanted = None if size is None else parse_size(size)
        flags = {"write_back": write_back, "aio": aio}
        fs = fs or configfs.current()
        with Construction(fs) as made:
            exported = backing.size_to_export(made, path, wanted, create=create)
            made_of = {"dev": path, "size": exported, **flags}
            self._build(
                name, made_of, control, udev_path=path, wwn=wwn, index=index, enable=enable, fs=fs
            )

    @property
    def write_back(self) -> bool:
        """Whether writes rest in the page cache."""
        return self._info("mode") == "Buffered-WCE"

    @property
    def aio(self) -> bool:
        """Whether the kernel uses asynchronous I/O on the file."""
        return self._info("aio") == "1"

    @property
    def is_block(self) -> bool:
        """Whether the file is a block device."""
        return blockdev.is_block(self._info("path"))

    @property
    def size(self) -> int:
        """Size in bytes; a block device's own, whatever it was when it was opened."""
        fields = self.info
        path = fields["path"] or ""
        return blockdev.size_in_bytes(path) if blockdev.is_block(path) else int(fields["size"] or 0)

    def resize(self, size: int | str, *, shrink: bool = False) -> int:
        """Resize the file and tell the kernel; initiators must rescan to see it.

        Over a block device the kernel follows the device by itself (fd_get_blocks in
        target_core_file.c), and nothing is done but to compare.
        """
        wanted = parse_size(size)
        if self.is_block:
            return self._follow_device(wanted)
        self._check_shrink(wanted, shrink=shrink)
        backing.resize(self._info("path"), wanted, shrink=shrink)
        self.configure(fd_dev_size=wanted)
        return self.size


class BlockStorageObject(StorageObject):
    """A block device. ``BlockStorageObject(name, dev)``.

    `readonly` None finds out whether the device can be written to. `exclusive` False shares it
    with others, which kernels from 6.17 can. `write_back` is not ours to choose: the device's own
    cache decides, and ``write_back`` tells.
    """

    __slots__ = ()

    plugin = "block"
    directory = "iblock"
    control_keys: ClassVar[dict[str, Codec[Any]]] = {
        "udev_path": name_of(511),  # SE_UDEV_PATH_LEN
        "readonly": FLAG,
        "force": FLAG,
        "exclusive": FLAG,
    }

    def __init__(
        self,
        name: str,
        dev: str | None = None,
        wwn: str | None = None,
        readonly: bool | None = False,
        write_back: bool = False,
        index: int | None = None,
        exclusive: bool = True,
        *,
        enable: bool = True,
        control: str | Mapping[str, object] | None = None,
        fs: ConfigFS | None = None,
    ) -> None:
        if dev is None:
            self._find(name, index, fs)
            return
        if readonly is None:
            readonly = blockdev.is_read_only(dev)
        made_of = {"dev": dev, "readonly": readonly, "exclusive": exclusive}
        self._build(
            name, made_of, control, udev_path=dev, wwn=wwn, index=index, enable=enable, fs=fs
        )

    @property
    def major(self) -> int:
        """Major number of the device."""
        return int(self._info("major"))

    @property
    def minor(self) -> int:
        """Minor number of the device."""
        return int(self._info("minor"))

    @property
    def readonly(self) -> bool:
        """Whether the device was opened for reading only."""
        return self._info("readonly") == "1"

    @property
    def exclusive(self) -> bool:
        """Whether nobody else can open the device exclusively; before 6.17 nobody ever can."""
        return self.info["exclusive"] != "0"

    @property
    def write_back(self) -> bool:
        """Whether the device has a volatile write cache."""
        return bool(self.attributes["emulate_write_cache"])

    @property
    def size(self) -> int:
        """Size of the device in bytes, now; before it is open, of the device to be opened."""
        fields = self.info
        major, minor = int(fields["major"] or 0), int(fields["minor"] or 0)
        if (major, minor) != (0, 0):
            return blockdev.size_by_number(major, minor)
        path = fields["path"] or self.udev_path
        if not path:
            raise NotSupportedError(f"{self!r} has no device yet", path=self.path)
        return blockdev.size_in_bytes(path)

    def resize(self, size: int | str, *, shrink: bool = False) -> int:
        """Check that the device has this size: the kernel follows it by itself."""
        return self._follow_device(parse_size(size))


class PSCSIStorageObject(StorageObject):
    """A SCSI device passed through. ``PSCSIStorageObject(name, dev)``.

    `dev` is a path (disk, tape, changer, sg or a link to one) or ``'H:C:T:L'``.
    """

    __slots__ = ()

    plugin = "pscsi"
    directory = "pscsi"
    control_keys: ClassVar[dict[str, Codec[Any]]] = {
        "scsi_host_id": INT,
        "scsi_channel_id": INT,
        "scsi_target_id": INT,
        "scsi_lun_id": INT,
    }

    def __init__(
        self,
        name: str,
        dev: str | None = None,
        index: int | None = None,
        *,
        enable: bool = True,
        control: str | Mapping[str, object] | None = None,
        fs: ConfigFS | None = None,
    ) -> None:
        if dev is None:
            self._find(name, index, fs)
            return
        hctl = blockdev.convert_scsi_path_to_hctl(dev)
        path = dev if dev.startswith("/") else blockdev.convert_scsi_hctl_to_path(*hctl)
        made_of = {"hctl": hctl}
        self._build(
            name, made_of, control, udev_path=path, wwn=None, index=index, enable=enable, fs=fs
        )

    def _identify(self, wwn: str | None) -> None:
        """The device has a serial of its own; the kernel refuses any other."""

    host_id = property(lambda self: int(self._info("host_id")), doc="SCSI host.")
    channel_id = property(lambda self: int(self._info("channel_id")), doc="SCSI channel.")
    target_id = property(lambda self: int(self._info("target_id")), doc="SCSI target.")
    lun = property(lambda self: int(self._info("lun")), doc="SCSI LUN.")
    vendor = property(lambda self: self._info("vendor").strip(), doc="T10 vendor of the device.")
    model = property(lambda self: self._info("model").strip(), doc="T10 product of the device.")
    revision = property(lambda self: self._info("revision").strip(), doc="T10 revision.")

    @property
    def size(self) -> int:
        """Size of the device in bytes; a device without blocks has none."""
        path = self.udev_path or blockdev.convert_scsi_hctl_to_path(
            self.host_id, self.channel_id, self.target_id, self.lun
        )
        return blockdev.size_in_bytes(path)


class RDMCPStorageObject(StorageObject):
    """Memory: its content is lost with the object. ``RDMCPStorageObject(name, size)``.

    `size` in bytes, or text such as '64MiB', is rounded up to whole pages. `nullio` keeps no data
    at all.
    """

    __slots__ = ()

    plugin = "ramdisk"
    directory = "rd_mcp"
    control_keys: ClassVar[dict[str, Codec[Any]]] = {
        "rd_pages": UINT,
        "rd_nullio": FLAG,
        "rd_dummy": FLAG,
    }

    def __init__(
        self,
        name: str,
        size: int | str | None = None,
        wwn: str | None = None,
        nullio: bool = False,
        index: int | None = None,
        *,
        enable: bool = True,
        control: str | Mapping[str, object] | None = None,
        fs: ConfigFS | None = None,
    ) -> None:
        if size is None:
            self._find(name, index, fs)
            return
        made_of = {"size": size, "nullio": nullio, "page_size": host.page_size()}
        self._build(
            name, made_of, control, udev_path=None, wwn=wwn, index=index, enable=enable, fs=fs
        )

    page_size = property(lambda self: int(self._info("page_size")), doc="Bytes in a page.")
    pages = property(lambda self: int(self._info("pages")), doc="Pages of memory.")
    nullio = property(lambda self: self._info("nullio") == "1", doc="Whether it keeps no data.")

    @property
    def size(self) -> int:
        """Size in bytes."""
        fields = self.info
        return int(fields["pages"] or 0) * int(fields["page_size"] or 0)


class StorageObjectFactory:
    """``StorageObjectFactory(path)`` makes a storage object of a block device or a file there is.

    It is called after the file, and returned: a factory itself is never made.
    """

    def __new__(cls, path: str | os.PathLike[str]) -> StorageObject:  # type: ignore[misc]
        """Return the new storage object; InvalidValueError where the path is neither."""
        path = os.fspath(path)
        name = os.path.basename(path)
        if blockdev.is_block(path):
            return BlockStorageObject(name, path)
        if os.path.isfile(path):
            return FileIOStorageObject(name, path)
        raise InvalidValueError(f"{path} is neither a block device nor a file", path=path)


#: Each class by both names of its plugin: ours and the kernel's.
so_mapping: dict[str, type[StorageObject]] = {
    name: cls for cls in StorageObject._classes.values() for name in (cls.plugin, cls.directory)
}
#: For each class, its plugin, and how the kernel spells that if it does so otherwise.
bs_params: dict[type[StorageObject], dict[str, str]] = {
    cls: {"name": cls.plugin}
    | ({} if cls.directory == cls.plugin else {"alt_dirprefix": cls.directory})
    for cls in StorageObject._classes.values()
}

# Of no meaning here. ceph-iscsi empties the cache by assigning {}: nothing is ever in it; and the
# lock around the choice of an index is on the tree itself.
bs_cache: dict[str, int] = {}
lock_file = "/var/run/rtslib_backstore.lock"


class _Backstore(Backstore):
    """The HBA that a storage object stands in, as rtslib-fb asks for it; it can only be found."""

    __slots__ = ()

    def __init__(
        self,
        name: str,
        storage_object_cls: type[StorageObject],
        mode: str,
        index: int | None = None,
        *,
        fs: ConfigFS | None = None,
    ) -> None:
        if mode != "lookup":
            raise InvalidValueError("an HBA can only be looked up", hint=self.made_otherwise)
        storage_object = storage_object_cls(name, index=index, fs=fs)
        self._stand(storage_object.fs, storage_object.backstore.below(""))


def storage_object_get_alua_support_attr(so: StorageObject) -> bool:
    """Return ``so.alua_supported``."""
    return so.alua_supported
