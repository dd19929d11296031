# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Advice about storage objects, HBAs and ALUA groups: what is refused below ``core``.

Each function answers for one rule of ``hint_rules``, None where it has nothing to say.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from rtslib import blockdev
from rtslib.hint_facts import backing, directories, enabled, exporters, some, storage_objects

if TYPE_CHECKING:
    from rtslib.hint_facts import Refusal

__all__ = [
    "FROZEN",
    "LENGTHS",
    "PLUGINS",
    "a_directory",
    "alua_group",
    "alua_id",
    "alua_state",
    "control",
    "dbroot",
    "exported",
    "frozen",
    "handler",
    "hba",
    "held",
    "holders",
    "incomplete",
    "no_block_device",
    "no_device",
    "no_directory",
    "no_memory",
    "no_scsi_device",
    "no_unmap",
    "not_enabled",
    "not_printable",
    "only_once",
    "read_only",
    "too_long",
    "twin",
    "write_cache",
]

#: Plugin, as HBA names begin -> its kernel module. rd_mcp is in target_core_mod.
PLUGINS = {
    "fileio": "target_core_file",
    "iblock": "target_core_iblock",
    "pscsi": "target_core_pscsi",
    "rd_mcp": "target_core_mod",
    "user": "target_core_user",
}

#: What the kernel refuses while a LUN exports the object, whatever the value: target_core_device.c,
#: target_core_configfs.c.
FROZEN = frozenset(
    (
        "block_size",
        "cmd_time_out",
        "company_id",
        "emulate_model_alias",
        "emulate_tas",
        "emulate_ua_intlck_ctrl",
        "force_pr_aptpl",
        "optimal_sectors",
        "pd_text_id_info",
        "pi_prot_format",
        "pi_prot_type",
        "product_id",
        "queue_depth",
        "res_aptpl_metadata",
        "revision",
        "unmap_zeroes_data",
        "vendor_id",
        "vpd_unit_serial",
    )
)

#: What needs the open device, whatever errno tells so.
_NEEDS_DEVICE = frozenset(
    (
        "alua_access_state",
        "emulate_tpu",
        "emulate_tpws",
        "optimal_sectors",
        "pi_prot_format",
        "pi_prot_type",
        "queue_depth",
        "unmap_zeroes_data",
    )
)

#: Longest values of wwn/, in characters: include/target/target_core_base.h.
LENGTHS = {"vpd_unit_serial": 253, "vendor_id": 8, "product_id": 16, "revision": 4}

_ONCE = re.compile(r"(?:^|,)(max_data_area_mb|data_pages_per_blk|cmd_ring_size_mb|udev_path)=")


def _plugin(r: Refusal) -> str:
    return r.parts["HBA"].rpartition("_")[0]


def _object(r: Refusal) -> str:
    """Return the path of the storage object that a rule is about."""
    return f"core/{r.parts['HBA']}/{r.parts['OBJECT']}"


def _device(r: Refusal) -> str:
    return backing(r.fs, _object(r))


# mkdir


def hba(r: Refusal) -> str | None:
    """An HBA's name is PLUGIN_NUMBER, and the plugin's module must be there."""
    plugin = _plugin(r)
    module = PLUGINS.get(plugin)
    if module is None or not r.parts["HBA"].rpartition("_")[2].isdigit():
        return f"an HBA is called PLUGIN_NUMBER, where PLUGIN is one of {', '.join(PLUGINS)}"
    return f"is the kernel module {module} loaded? modprobe {module}"


# write enable


def twin(r: Refusal) -> str | None:
    """Another storage object may have the same device open."""
    mine, device = _object(r), _device(r)
    for other in storage_objects(r.fs):
        if other != mine and device and enabled(r.fs, other):
            its = backing(r.fs, other)
            if its and os.path.realpath(its) == os.path.realpath(device):
                return f"the storage object {other} has {device} open: export that one again"
    return None


def holders(r: Refusal) -> str | None:
    """A mount, LVM, md or swap may hold it."""
    device = _device(r)
    found = blockdev.holders(device)
    return f"{device} is in use: {some(found)}" if found else None


def held(r: Refusal) -> str:
    """Somebody holds it, but does not show in /proc and /sys."""
    advice = f"another program has {_device(r)} open exclusively: see lsblk and fuser -v"
    if _plugin(r) != "iblock":
        return advice
    return f"{advice}; kernels from 6.17 can share it (exclusive=False)"


def no_device(r: Refusal) -> str | None:
    """The file's directory, or the device, may not exist."""
    device = _device(r)
    directory = os.path.dirname(device)
    if _plugin(r) == "fileio" and not os.path.isdir(directory):
        return f"the directory {directory} does not exist: is its filesystem mounted?"
    if _plugin(r) in {"fileio", "iblock"} and not os.path.exists(device):
        return f"{device} does not exist"
    return None


def no_block_device(r: Refusal) -> str:
    """A file was given to iblock."""
    return f"{_device(r)} is not a block device: a file needs a fileio storage object"


def a_directory(r: Refusal) -> str:
    """A directory was given to fileio."""
    return f"{_device(r)} is a directory: fileio needs a file or a block device"


def read_only(r: Refusal) -> str | None:
    """A device that cannot be written to must be opened for reading only."""
    if _plugin(r) == "iblock":
        return f"{_device(r)} is read-only: make the storage object with readonly=True"
    if _plugin(r) == "fileio":
        return f"{_device(r)} cannot be written to: is its filesystem mounted read-only?"
    return None


def only_once(r: Refusal) -> str | None:
    """Enable takes nothing but 1."""
    if r.value is not None and r.value.strip() != "1":
        return "a storage object cannot be disabled, only removed: enable takes 1 and nothing else"
    return None


def incomplete(r: Refusal) -> str | None:
    """Something was not written to control before."""
    plugin, device = _plugin(r), _device(r)
    if plugin == "fileio":
        return f"write {'fd_dev_size=BYTES' if device else 'fd_dev_name=FILE'} to control first"
    if plugin == "iblock" and not device:
        return "write udev_path=DEVICE to control first: the udev_path file is for people only"
    if plugin == "rd_mcp":
        return "write rd_pages=NUMBER, at least 1, to control first"
    if plugin == "pscsi":
        if not device:
            return "write the device's path to udev_path first"
        return (
            "scsi_host_id, scsi_channel_id, scsi_target_id and scsi_lun_id in control must be those"
            f" of {device}: see lsscsi"
        )
    return None


def no_scsi_device(r: Refusal) -> str | None:
    """Nothing is at that H:C:T:L."""
    if _plugin(r) != "pscsi":
        return None
    return "there is no SCSI device at the host, channel, target and LUN in control: see lsscsi"


def no_memory(r: Refusal) -> str | None:
    """A ramdisk takes all its memory at once."""
    pages = re.search(r"PAGES/PAGE_SIZE: (\d+)\*(\d+)", r.fs.read(f"{_object(r)}/info"))
    if not pages:
        return None
    size = int(pages.group(1)) * int(pages.group(2))
    return f"a ramdisk takes all its memory at once: {size >> 20} MiB are more than there is"


def handler(r: Refusal) -> str | None:
    """A handler in user space decides about user objects."""
    if _plugin(r) != "user":
        return None
    name = _device(r).partition("/")[0]
    return (
        f"the handler {name!r} in user space did not take it: is tcmu-runner running, with that"
        " handler? its log tells more"
    )


# write of settings


def control(r: Refusal) -> str | None:
    """Some keys cannot be set once the object is open."""
    key = _ONCE.search(r.value or "")
    if key and enabled(r.fs, _object(r)):
        return f"{key.group(1)} can only be set before the object is enabled"
    return None


def frozen(r: Refusal) -> str | None:
    """Exported objects keep what initiators have been told."""
    if r.parts["FILE"] not in FROZEN:
        return None
    luns = exporters(r.fs, _object(r))
    return f"it cannot be changed while a LUN exports the object: {some(luns)}" if luns else None


def not_enabled(r: Refusal) -> str | None:
    """Some settings are the open device's."""
    if r.parts["FILE"] in _NEEDS_DEVICE and not enabled(r.fs, _object(r)):
        return "it can only be set once the storage object is enabled"
    return None


def write_cache(r: Refusal) -> str | None:
    """A block device tells of its cache by itself."""
    if r.parts["FILE"] == "emulate_write_cache" and _plugin(r) == "iblock":
        return "a block device's own cache decides: see /sys/block/DEVICE/queue/write_cache"
    return None


def no_unmap(r: Refusal) -> str | None:
    """Thin provisioning needs a device that can discard."""
    if r.parts["FILE"] in {"emulate_tpu", "emulate_tpws", "unmap_zeroes_data"}:
        return "the backing device cannot discard blocks, so there is no thin provisioning"
    return None


def too_long(r: Refusal) -> str | None:
    """The names in wwn/ have places of fixed size in INQUIRY data."""
    length = LENGTHS.get(r.parts["FILE"])
    return f"it can have at most {length} characters" if length else "it is a number of 24 bits"


def not_printable(r: Refusal) -> str | None:
    """INQUIRY data is printable ASCII."""
    if r.parts["FILE"] in LENGTHS:
        return "it takes printable ASCII characters only"
    return "it takes a number of 24 bits: 0x001405, with 0x, as without it the zeros mean octal"


# ALUA


def alua_state(r: Refusal) -> str | None:
    """The state of a group changes only by rules."""
    group = r.up(1)
    if not r.fs.read(f"{group}/tg_pt_gp_id").strip():
        return "the group has no id yet: write tg_pt_gp_id first, 0 lets the kernel pick one"
    if r.parts["FILE"] != "alua_access_state":
        return None
    if "Implicit" not in r.fs.read(f"{group}/alua_access_type"):
        return "set alua_access_type to 1 (implicit) first: only then may the target change a state"
    return "the group must support the state: see its alua_support_ files"


def alua_id(r: Refusal) -> str:
    """An id is written once."""
    file = r.path.rpartition("/")[2]
    now = r.fs.read(r.path).strip()
    if now:
        return f"{file} is {now} already, and an id is written only once: make another group"
    return f"{file} is 1 to 65535 and no other group's; 0 lets the kernel pick one"


def alua_group(r: Refusal) -> str:
    """A group must exist and have an id before it gets members."""
    group = (r.value or "").strip()
    if "LUN" in r.parts:
        return f"the LUN's storage object must have an ALUA group {group!r} with a tg_pt_gp_id"
    known = some(directories(r.fs, "core/alua/lu_gps"))
    return f"there must be a group {group!r} with a lu_gp_id; there are {known}"


def dbroot(r: Refusal) -> str | None:
    """The database directory is fixed once anything is made."""
    made = list(storage_objects(r.fs))
    if made:
        return f"it can only be set while there is no storage object: remove {some(made)} first"
    return "it can only be set before anything is made, right after target_core_mod is loaded"


def no_directory(r: Refusal) -> str:
    """The database directory must exist."""
    return f"make the directory first: mkdir -p {(r.value or '').strip()}"


# rmdir


def exported(r: Refusal) -> str | None:
    """LUNs that export an object keep it."""
    luns = exporters(r.fs, _object(r))
    return f"remove the LUNs that export it first: {some(luns)}" if luns else None
