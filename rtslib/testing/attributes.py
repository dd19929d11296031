# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of a storage object's attrib/: drivers/target/target_core_configfs.c."""

from __future__ import annotations

import errno

from rtslib.testing import parsers
from rtslib.testing.directory import Directory, KernelOops
from rtslib.testing.parsers import cut, fail
from rtslib.testing.rules import S8, S32, U8, U64, Rule, Rules, boolean, integer, unchecked

__all__ = ["ATTRIBUTES", "configure_unmap", "unexported"]

#: t10_wwn.model, when emulate_model_alias is off: each backend's inquiry_prod.
MODELS = {"fileio": "FILEIO", "iblock": "IBLOCK", "rd_mcp": "RAMDISK-MCP"}
INQUIRY_MODEL_LEN = 16
TCMU_CONFIG_LEN = 256
DIF_TYPE_2 = 2


def plugin(node: Directory) -> str:
    """Return the backend of a storage object, or of a directory right inside one."""
    return (node if node.shape.name.count("/") == 0 else node.up).shape.name.partition(".")[2]


def configured(node: Directory) -> bool:
    """Tell whether the storage object above `node` was enabled."""
    return bool(node.up.data.get("configured"))


def unexported(node: Directory) -> None:
    """Refuse while a LUN uses the storage object above `node`."""
    if node.up.linked_by:
        fail(errno.EINVAL)


def configure_unmap(so: Directory) -> bool:
    """Fill in the discard limits, as the backends' configure_unmap do; False where they cannot."""
    limits = {"max_unmap_lba_count": 0x2000, "unmap_granularity": 1}
    backend = plugin(so)
    if backend not in ("fileio", "iblock"):
        return False
    if not so.data.get("configured"):
        early = so.tree.traits["unmap_unconfigured"]
        if early == "OOPS":  # fd_configure_unmap() and its kin follow a NULL pointer
            raise KernelOops(f"{so.path}: a discard attribute was set before enable")
        fail(getattr(errno, early))
    disk = so.data.get("disk")
    if disk is not None:
        if not disk["max_unmap_lba_count"]:
            return False
        limits = {name: disk[name] for name in limits}
    attrib = so.sub("attrib")
    for name, value in limits.items():
        attrib.put(name, f"{value}\n")
    attrib.put("max_unmap_block_desc_count", "1\n")
    return True


def _needs_unmap(node: Directory, value: bool) -> None:
    """Want discard limits before a discard attribute is set: emulate_tpu_store() and its kin."""
    if value and not node.integer("max_unmap_block_desc_count") and not configure_unmap(node.up):
        fail(errno.ENOSYS)


def _model_alias(node: Directory, value: bool) -> None:
    # One byte less than INQUIRY has room for, as ever: dev_set_t10_wwn_model_alias()
    model = cut(node.up.name, INQUIRY_MODEL_LEN - 1) if value else MODELS[plugin(node)]
    node.up.sub("wwn").put("product_id", f"{model}\n")


def _no_write_cache(node: Directory, value: bool) -> None:
    if value and plugin(node) == "iblock":  # the transport has get_write_cache
        fail(errno.EINVAL)


def _not_implemented(_node: Directory, value: bool) -> None:
    if value:
        fail(errno.ENOSYS)


def _block_size(node: Directory, value: int) -> None:
    limit = node.up.data.get("max_bytes_per_io")
    if limit and node.tree.traits["bytes_per_io"]:
        node.put("hw_max_sectors", f"{limit // value}\n")


def _queue_depth(node: Directory, value: int) -> None:
    if not value or value > max(node.integer("queue_depth"), node.integer("hw_queue_depth")):
        fail(errno.EINVAL)
    node.up.set(queue_depth=value)


def _optimal_sectors(node: Directory, value: int) -> None:
    if value > node.integer("hw_max_sectors"):
        fail(errno.EINVAL)


def _pi_prot_type(node: Directory, name: str, text: str) -> None:
    value = parsers.number(text)
    if value not in (0, 1, 2, 3):
        fail(errno.EINVAL)
    if value == DIF_TYPE_2:
        fail(errno.ENOSYS)
    if plugin(node) == "iblock":  # no init_prot: 0 is the only value
        if value:
            fail(errno.ENOSYS)
        return
    if not configured(node):
        fail(errno.ENODEV)
    unexported(node)
    if value and not node.integer(name) and plugin(node) == "fileio":
        if node.up.data.get("disk") is not None:
            fail(errno.ENOSYS)
        node.tree.host.open_file(node.up.data["fd_dev_name"] + ".protection")
    node.put(name, f"{value}\n")
    node.put("pi_prot_verify", f"{bool(value):d}\n")


def _pi_prot_format(node: Directory, _name: str, text: str) -> None:
    if not parsers.flag(text):
        return
    if plugin(node) != "fileio":
        fail(errno.ENOSYS)
    if not configured(node):
        fail(errno.ENODEV)
    unexported(node)
    if not node.integer("pi_prot_type"):
        fail(errno.ENODEV)


def _pi_prot_verify(node: Directory, name: str, text: str) -> None:
    value = parsers.flag(text)
    if not value or node.integer("pi_prot_type"):
        node.put(name, f"{value:d}\n")


def _fixed_support(node: Directory, name: str, text: str) -> None:
    value = parsers.flag(text)
    if value == bool(node.integer(name)):
        return
    if plugin(node) not in node.tree.traits["changeable"][name]:
        fail(errno.ENOSYS)
    node.put(name, f"{value:d}\n")
    passthrough = "passthrough_" + name.partition("_")[0]
    node.up.set(**{passthrough: not value})


# What only the user backend has, from drivers/target/target_core_user.c


def _reconfigure(node: Directory) -> None:
    """Tell user space of a change: nobody listening is ESRCH."""
    if configured(node) and not node.tree.host.tcmu_handler:
        fail(errno.ESRCH)


def _dev_config(node: Directory, name: str, text: str) -> None:
    text = parsers.c_string(text)
    if not 0 < len(text) < TCMU_CONFIG_LEN:
        fail(errno.EINVAL)
    _reconfigure(node)
    node.put(name, text + "\n")
    node.up.set(dev_config=text)


def _dev_size(node: Directory, value: int) -> None:
    _reconfigure(node)
    node.up.set(dev_size=value)


ATTRIBUTES = {
    "so/attrib": Rules({
        "emulate_model_alias": boolean(unexported, _model_alias),
        "emulate_dpo": Rule(store=unchecked),
        "emulate_fua_read": Rule(store=unchecked),
        "emulate_fua_write": boolean(),
        "emulate_write_cache": boolean(then=_no_write_cache),
        "emulate_ua_intlck_ctrl": integer(range(3), then=lambda node, _: unexported(node)),
        "emulate_tas": boolean(unexported),
        "emulate_tpu": boolean(then=_needs_unmap),
        "emulate_tpws": boolean(then=_needs_unmap),
        "emulate_caw": boolean(),
        "emulate_3pc": boolean(),
        "emulate_pr": boolean(),
        "emulate_rsoc": boolean(),
        "pi_prot_type": Rule(store=_pi_prot_type),
        "pi_prot_format": Rule(store=_pi_prot_format),
        "pi_prot_verify": Rule(store=_pi_prot_verify),
        "enforce_pr_isids": boolean(),
        "is_nonrot": boolean(),
        "emulate_rest_reord": boolean(then=_not_implemented),
        "force_pr_aptpl": boolean(unexported),
        "block_size": integer((512, 1024, 2048, 4096), guard=unexported, then=_block_size),
        "optimal_sectors": integer(guard=unexported, then=_optimal_sectors),
        "queue_depth": integer(guard=unexported, then=_queue_depth),
        "max_unmap_lba_count": integer(),
        "max_unmap_block_desc_count": integer(),
        "unmap_granularity": integer(),
        "unmap_granularity_alignment": integer(),
        "unmap_zeroes_data": boolean(unexported, _needs_unmap),
        "max_write_same_len": integer(),
        "alua_support": Rule(store=_fixed_support),
        "pgr_support": Rule(store=_fixed_support),
        "submit_type": integer(range(3), kind=U8),
    }),
    "so.user/attrib": Rules({
        "cmd_time_out": integer(then=lambda node, _: unexported(node)),
        "qfull_time_out": integer(range(-1, 1 << 31), kind=S32),
        "dev_config": Rule(store=_dev_config),
        "dev_size": integer(kind=U64, then=_dev_size),
        "emulate_write_cache": integer(kind=U8, then=lambda node, _: _reconfigure(node)),
        "nl_reply_supported": integer(kind=S8),
        "tmr_notification": integer(range(2), kind=U8),
    }),
}  # fmt: skip
