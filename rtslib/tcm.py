# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The five kinds of storage object: file, block device, SCSI device, memory, user space.

Each class makes an object where it is told of what, and looks one up where it is given a name
alone. Keywords that rtslib-fb does not have: `enable` False leaves the object configured but not
open, for settings that must come before; `control` has further keys of the plugin's control file,
as a mapping or as text: 'max_data_area_mb=64,cmd_ring_size_mb=8'.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rtslib import backing, blockdev, configfs, host, recipe
from rtslib.control import name_of
from rtslib.door import Construction
from rtslib.errors import InvalidValueError, NotSupportedError
from rtslib.node import Group
from rtslib.storage import Backstore, StorageObject
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
    "UserBackedStorageObject",
]

_Backstore = Backstore


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
            settings = self._settings(dev=path, size=exported, **flags)
            self._build(
                name, settings, control, udev_path=path, wwn=wwn, index=index, enable=enable, fs=fs
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
        settings = self._settings(dev=dev, readonly=readonly, exclusive=exclusive)
        self._build(
            name, settings, control, udev_path=dev, wwn=wwn, index=index, enable=enable, fs=fs
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
        settings = self._settings(hctl=hctl)
        self._build(
            name, settings, control, udev_path=path, wwn=None, index=index, enable=enable, fs=fs
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
        settings = self._settings(size=size, nullio=nullio, page_size=host.page_size())
        self._build(
            name, settings, control, udev_path=None, wwn=wwn, index=index, enable=enable, fs=fs
        )

    page_size = property(lambda self: int(self._info("page_size")), doc="Bytes in a page.")
    pages = property(lambda self: int(self._info("pages")), doc="Pages of memory.")
    nullio = property(lambda self: self._info("nullio") == "1", doc="Whether it keeps no data.")

    @property
    def size(self) -> int:
        """Size in bytes."""
        fields = self.info
        return int(fields["pages"] or 0) * int(fields["page_size"] or 0)


class UserBackedStorageObject(StorageObject):
    """A handler in user space (tcmu). ``UserBackedStorageObject(name, config, size)``.

    `config` is 'HANDLER/what it is to open'. The sizes of rings and data area, in `control`, can
    be set before enabling only.
    """

    __slots__ = ()

    plugin = "user"
    directory = "user"
    control_keys: ClassVar[dict[str, Codec[Any]]] = {
        "dev_config": name_of(255),  # TCMU_CONFIG_LEN
        "dev_size": UINT,
        "hw_block_size": UINT,
        "hw_max_sectors": UINT,
        "nl_reply_supported": INT,
        "max_data_area_mb": UINT,
        "data_pages_per_blk": UINT,
        "cmd_ring_size_mb": UINT,
    }

    def __init__(
        self,
        name: str,
        config: str | None = None,
        size: int | str | None = None,
        wwn: str | None = None,
        hw_max_sectors: int | None = None,
        control: str | Mapping[str, object] | None = None,
        index: int | None = None,
        *,
        enable: bool = True,
        fs: ConfigFS | None = None,
    ) -> None:
        if config is None:
            self._find(name, index, fs)
            return
        if size is None:
            raise InvalidValueError(f"user storage object {name!r} needs a size")
        settings = self._settings(
            config=config, size=parse_size(size), hw_max_sectors=hw_max_sectors, control=control
        )
        self._build(
            name, settings, None, udev_path=None, wwn=wwn, index=index, enable=enable, fs=fs
        )

    actions = Group("action")
    config = property(lambda self: self._info("config"), doc="Handler, and what it opens.")

    @property
    def hw_max_sectors(self) -> int:
        """Largest transfer, sectors."""
        return int(self._info("hw_max_sectors"))

    @property
    def control_tuples(self) -> str:
        """What of ``control`` this kernel tells again: ``max_data_area_mb=8,hw_block_size=512``."""
        return recipe.ring_text(
            {**self.info, "hw_block_size": self.attributes.text("hw_block_size")}
        )

    def resize(self, size: int | str, *, shrink: bool = False) -> int:
        """Tell the handler and the kernel of a new size; the handler must agree."""
        wanted = parse_size(size)
        self._check_shrink(wanted, shrink=shrink)
        self.attributes["dev_size"] = wanted
        return self.size
