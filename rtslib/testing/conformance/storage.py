# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Scenarios of storage objects and their ALUA groups."""

from __future__ import annotations

import errno

from rtslib.testing.conformance.bench import DISK, GROUP, HBA, IQN, LUN, Bench, scenario


@scenario
def an_hba_has_a_number(bench: Bench) -> None:
    """A name is a plugin that exists, an underscore and a number."""
    for name in ("rd_mcp", "rd_mcp_x", "rd_mcp_-1", "nosuch_0", "fileio"):
        bench.refuses(errno.EINVAL, bench.fs.mkdir, f"core/{name}")
    bench.mkdir(HBA)
    bench.has(HBA, "hba_info", "hba_mode")


@scenario
def a_storage_object_comes_filled(bench: Bench) -> None:
    """Its groups and attributes are there at once."""
    bench.disk(enable=False)
    bench.has(DISK, "attrib", "wwn", "pr", "alua", "statistics", "action", "info", "enable")
    bench.has(f"{DISK}/wwn", "vpd_unit_serial", "vendor_id", "product_id", "revision")
    bench.reads(f"{DISK}/enable", "0\n")


@scenario
def enable_is_for_once(bench: Bench) -> None:
    """Only 1, only once, and never back."""
    bench.disk(enable=False)
    bench.refuses(errno.EINVAL, bench.fs.write, f"{DISK}/enable", "0")
    bench.fs.write(f"{DISK}/enable", "1")
    bench.reads(f"{DISK}/enable", "1\n")
    bench.refuses(errno.EEXIST, bench.fs.write, f"{DISK}/enable", "1")
    bench.refuses(errno.EINVAL, bench.fs.write, f"{DISK}/enable", "0")


@scenario
def enable_wants_what_the_backend_needs(bench: Bench) -> None:
    """A RAM disk without pages is EINVAL."""
    bench.mkdir(HBA)
    bench.mkdir(DISK)
    bench.refuses(errno.EINVAL, bench.fs.write, f"{DISK}/enable", "1")


@scenario
def control_ignores_what_it_does_not_know(bench: Bench) -> None:
    """An unknown key is no error."""
    bench.disk(enable=False)
    bench.fs.write(f"{DISK}/control", "nosuchkey=1,junk,,rd_pages=x")
    bench.fs.write(f"{DISK}/enable", "1")


@scenario
def enable_resets_the_block_size(bench: Bench) -> None:
    """What was chosen before is lost."""
    bench.disk(enable=False)
    bench.fs.write(f"{DISK}/attrib/block_size", "4096")
    bench.fs.write(f"{DISK}/enable", "1")
    bench.reads(f"{DISK}/attrib/block_size", "512\n")


@scenario
def block_sizes(bench: Bench) -> None:
    """512 to 4096 in powers of two."""
    bench.disk()
    bench.takes(f"{DISK}/attrib/block_size", ("4096", "2048", "1024", "512"))
    for value in ("0", "513", "8192"):
        bench.refuses(errno.EINVAL, bench.fs.write, f"{DISK}/attrib/block_size", value)


@scenario
def a_ram_disk_cannot_discard(bench: Bench) -> None:
    """What a backend does not implement is ENOSYS."""
    bench.disk()
    for name in ("emulate_tpu", "emulate_tpws", "emulate_rest_reord"):
        bench.refuses(errno.ENOSYS, bench.fs.write, f"{DISK}/attrib/{name}", "1")
    bench.refuses(errno.ENOSYS, bench.fs.write, f"{DISK}/attrib/alua_support", "0")
    bench.fs.write(f"{DISK}/attrib/alua_support", "1")


@scenario
def protection_brings_its_verification(bench: Bench) -> None:
    """pi_prot_type sets pi_prot_verify; type 2 is not there."""
    bench.disk()
    bench.fs.write(f"{DISK}/attrib/pi_prot_verify", "1")
    bench.reads(f"{DISK}/attrib/pi_prot_verify", "0\n")
    bench.fs.write(f"{DISK}/attrib/pi_prot_type", "1")
    bench.reads(f"{DISK}/attrib/pi_prot_verify", "1\n")
    bench.refuses(errno.ENOSYS, bench.fs.write, f"{DISK}/attrib/pi_prot_type", "2")
    bench.fs.write(f"{DISK}/attrib/pi_prot_type", "0")


@scenario
def the_model_may_be_the_name(bench: Bench) -> None:
    """emulate_model_alias overwrites product_id, and back."""
    bench.disk()
    bench.fs.write(f"{DISK}/attrib/emulate_model_alias", "1")
    bench.reads(f"{DISK}/wwn/product_id", "disk\n")
    bench.fs.write(f"{DISK}/attrib/emulate_model_alias", "0")
    bench.reads(f"{DISK}/wwn/product_id", "RAMDISK-MCP\n")


@scenario
def names_of_a_disk_have_lengths(bench: Bench) -> None:
    """INQUIRY fields are cut nowhere: too long is EOVERFLOW."""
    bench.disk()
    for name, length in (("vendor_id", 8), ("product_id", 16), ("revision", 4)):
        bench.takes(f"{DISK}/wwn/{name}", ("x" * length,))
        bench.refuses(errno.EOVERFLOW, bench.fs.write, f"{DISK}/wwn/{name}", "x" * (length + 1))
    bench.refuses(errno.EINVAL, bench.fs.write, f"{DISK}/wwn/vendor_id", "a\tb")
    serial = f"{DISK}/wwn/vpd_unit_serial"
    bench.takes(serial, (" abc \n",), "T10 VPD Unit Serial Number: abc\n")
    bench.refuses(errno.EOVERFLOW, bench.fs.write, serial, "x" * 254)


@scenario
def an_exported_disk_is_fixed(bench: Bench) -> None:
    """What an initiator has seen cannot change, not even to the same value."""
    bench.exported()
    fixed = ("block_size", "queue_depth", "emulate_tas", "emulate_model_alias", "force_pr_aptpl")
    for name in fixed:
        value = bench.fs.read(f"{DISK}/attrib/{name}").strip()
        bench.refuses(errno.EINVAL, bench.fs.write, f"{DISK}/attrib/{name}", value)
    for name in ("vpd_unit_serial", "vendor_id", "product_id", "revision"):
        bench.refuses(errno.EINVAL, bench.fs.write, f"{DISK}/wwn/{name}", "x")
    bench.fs.write(f"{DISK}/attrib/emulate_write_cache", "1")
    bench.fs.write(f"{DISK}/alias", "another")


@scenario
def dbroot_is_fixed_while_there_are_disks(bench: Bench) -> None:
    """EINVAL as long as any storage object is made."""
    bench.disk(enable=False)
    bench.refuses(errno.EINVAL, bench.fs.write, "dbroot", "/var/target")


# ALUA


@scenario
def a_group_gets_its_id_once(bench: Bench) -> None:
    """Empty at first, then fixed; unique in its disk."""
    bench.disk()
    bench.mkdir(GROUP)
    bench.reads(f"{GROUP}/tg_pt_gp_id", "")
    bench.refuses(errno.EINVAL, bench.fs.write, f"{GROUP}/tg_pt_gp_id", "65536")
    bench.fs.write(f"{GROUP}/tg_pt_gp_id", "16")
    bench.reads(f"{GROUP}/tg_pt_gp_id", "16\n")
    bench.refuses(errno.EINVAL, bench.fs.write, f"{GROUP}/tg_pt_gp_id", "17")


@scenario
def a_group_without_an_id_is_of_no_use(bench: Bench) -> None:
    """No state can be set, no LUN can join."""
    bench.exported()
    bench.mkdir(GROUP)
    bench.refuses(errno.EINVAL, bench.fs.write, f"{GROUP}/alua_access_state", "0")
    bench.refuses(errno.ENODEV, bench.fs.write, f"{LUN}/alua_tg_pt_gp", "group")


@scenario
def states_need_the_implicit_type(bench: Bench) -> None:
    """A state can be set by hand only where the type has implicit transitions."""
    bench.disk()
    group = f"{DISK}/alua/default_tg_pt_gp"
    bench.takes(f"{group}/alua_access_state", ("1", "2", "0"))
    bench.fs.write(f"{group}/alua_access_type", "2")
    bench.reads(f"{group}/alua_access_type", "Explicit\n")
    bench.refuses(errno.EINVAL, bench.fs.write, f"{group}/alua_access_state", "1")


@scenario
def members_fall_back(bench: Bench) -> None:
    """A group can go with its members: they join the default one."""
    bench.exported()
    bench.mkdir(GROUP)
    bench.fs.write(f"{GROUP}/tg_pt_gp_id", "16")
    bench.fs.write(f"{LUN}/alua_tg_pt_gp", "group")
    members = f"iSCSI/{IQN.partition('/')[2]}/tpgt_1/lun_0\n\0"
    bench.reads(f"{GROUP}/members", members)
    bench.fs.rmdir(GROUP)
    bench.reads(f"{DISK}/alua/default_tg_pt_gp/members", members)
