# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The storage object whose device is a program: TCM in user space (tcmu)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rtslib import recipe
from rtslib.control import name_of
from rtslib.errors import InvalidValueError
from rtslib.node import Group
from rtslib.storage import StorageObject
from rtslib.values import INT, UINT, Codec, parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtslib.configfs import ConfigFS

__all__ = ["UserBackedStorageObject"]


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
        made_of = {
            "config": config,
            "size": parse_size(size),
            "hw_max_sectors": hw_max_sectors,
            "control": control,
        }
        self._build(name, made_of, None, udev_path=None, wwn=wwn, index=index, enable=enable, fs=fs)

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
