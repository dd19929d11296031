# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of the kernel that the recordings do not reach."""

from __future__ import annotations

import errno

import pytest

from rtslib.testing import FakeHost, FakeKernel, KernelOops, parsers
from testing.filled import IQN, RAM, TPG, Filled, refused

LUN = f"{TPG}/lun/lun_0"
ALUA = f"{RAM}/alua"


# Parsers


@pytest.mark.parametrize(
    ("text", "value"),
    [("0x10", 16), ("010", 8), ("+5\n", 5), ("0", 0), ("0X1f", 31), ("5\0x", 5)],
)
def test_numbers(text: str, value: int) -> None:
    assert parsers.number(text) == value


@pytest.mark.parametrize("text", ["08", "0x", "5\n\n", "", "1 ", "٣", "-1", "1_0"])
def test_what_is_no_number(text: str) -> None:
    refused(errno.EINVAL, parsers.number, text)


def test_signed_numbers() -> None:
    assert parsers.number("-2", -128, 127) == -2
    refused(errno.ERANGE, parsers.number, "-200", -128, 127)


def test_cpu_lists() -> None:
    assert parsers.cpu_list("3,0-1,5\n", 8) == "0-1,3,5"
    assert parsers.cpu_list(" 1,, 2", 8) == "1-2"
    refused(errno.EOVERFLOW, parsers.cpu_list, "4294967296", 8)
    for text in ("", "3-1", "1-x", "x"):
        refused(errno.EINVAL, parsers.cpu_list, text, 8)
    refused(errno.ERANGE, parsers.cpu_list, "8", 8)


def test_text_is_bytes() -> None:
    assert parsers.byte_length("é") == 2
    assert parsers.cut("aé", 2) == "a\udcc3"


def test_option_numbers() -> None:
    assert parsers.option_number("-0x10") == -16
    refused(errno.EINVAL, parsers.option_number, "08")


# Storage objects


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_discard_before_enable(kernel: str) -> None:
    fs = Filled(kernel)
    path = fs.storage("core/fileio_0/f", "", enable=False)
    if kernel == "6.1":
        with pytest.raises(KernelOops, match="before enable"):
            fs.write(f"{path}/attrib/emulate_tpu", "1")
    else:
        refused(errno.ENODEV, fs.write, f"{path}/attrib/emulate_tpu", "1")
    fs.write(f"{path}/attrib/max_unmap_block_desc_count", "1")
    fs.write(f"{path}/attrib/emulate_tpu", "1")  # now nobody asks the backend


def test_fileio_fills_its_discard_limits_in_again(fake: Filled) -> None:
    path = fake.storage("core/fileio_0/f", "fd_dev_name=/tmp/no-such-f,fd_dev_size=4096")
    fake.write(f"{path}/attrib/max_unmap_block_desc_count", "0")
    fake.write(f"{path}/attrib/max_unmap_lba_count", "7")
    fake.write(f"{path}/attrib/unmap_zeroes_data", "1")
    assert fake.read(f"{path}/attrib/max_unmap_lba_count") == "8192\n"
    assert fake.read(f"{path}/attrib/unmap_zeroes_data") == "1\n"


def test_iblock_has_no_protection(fake: Filled) -> None:
    path = fake.storage("core/iblock_0/b", "udev_path=/dev/vdb")
    refused(errno.ENOSYS, fake.write, f"{path}/attrib/pi_prot_type", "1")
    fake.write(f"{path}/attrib/pi_prot_type", "0")


def test_the_model_is_the_name_cut(fake: Filled) -> None:
    path = fake.storage("core/rd_mcp_0/a-long-name-for-a-disk")
    fake.write(f"{path}/attrib/emulate_model_alias", "1")
    assert fake.read(f"{path}/wwn/product_id") == "a-long-name-for\n"
    fake.write(f"{path}/attrib/emulate_model_alias", "0")
    assert fake.read(f"{path}/wwn/product_id") == "RAMDISK-MCP\n"


def test_queue_depth_is_in_info_once_it_was_written(fake: Filled) -> None:
    fake.storage()
    fake.write(f"{RAM}/attrib/queue_depth", "64")
    assert "Max Queue Depth: 64 " in fake.read(f"{RAM}/info")


def test_buffered_fileio(fake: Filled) -> None:
    control = "fd_dev_name=/tmp/no-such-f,fd_dev_size=4096,fd_buffered_io=1"
    path = fake.storage("core/fileio_0/f", control)
    assert "Mode: Buffered-WCE" in fake.read(f"{path}/info")
    assert fake.read(f"{path}/attrib/emulate_write_cache") == "1\n"


def test_reservations_follow_emulate_pr(fake: Filled) -> None:
    fake.storage()
    fake.write(f"{RAM}/attrib/emulate_pr", "0")
    assert fake.read(f"{RAM}/pr/res_holder") == "SPC_RESERVATIONS_DISABLED\n"
    assert fake.read(f"{RAM}/pr/res_aptpl_active") == ""
    fake.write(f"{RAM}/pr/res_aptpl_metadata", "anything")
    fake.write(f"{RAM}/attrib/emulate_pr", "1")
    good = "initiator_node=i,target_node=t,sa_res_key=1"
    fake.write(f"{RAM}/pr/res_aptpl_metadata", good)
    for bad in (",mapped_lun=x", ",res_holder=1"):
        refused(errno.EINVAL, fake.write, f"{RAM}/pr/res_aptpl_metadata", good + bad)
    fake.write(f"{RAM}/pr/res_aptpl_metadata", good + ",res_holder=1,res_type=3")


def test_reservations_of_tcmu_can_be_given_away(fake: Filled) -> None:
    path = fake.storage("core/user_0/u", "dev_config=x,dev_size=4096")
    fake.write(f"{path}/attrib/pgr_support", "0")
    assert fake.read(f"{path}/pr/res_type") == "SPC_PASSTHROUGH\n"
    fake.write(f"{path}/attrib/alua_support", "0")
    fake.mkdir(f"{path}/alua/g")


def test_tcmu_attributes(fake: Filled) -> None:
    path = fake.storage("core/user_0/u", "dev_config=x,dev_size=4096", enable=False)
    refused(errno.EINVAL, fake.write, f"{path}/action/block_dev", "1")
    fake.write(f"{path}/attrib/dev_config", "kind/config")
    fake.write(f"{path}/attrib/dev_size", "8192")
    fake.write(f"{path}/control", "max_data_area_mb=64,hw_max_sectors=256")
    assert "Config: kind/config Size: 8192 MaxDataAreaMB: 64" in fake.read(f"{path}/info")
    refused(errno.EINVAL, fake.write, f"{path}/attrib/dev_config", "x" * 256)
    fake.write(f"{path}/enable", "1")
    assert fake.read(f"{path}/attrib/hw_max_sectors") == "256\n"
    refused(errno.ESRCH, fake.write, f"{path}/attrib/dev_size", "4096")
    fake.host.tcmu_handler = True
    fake.write(f"{path}/attrib/dev_size", "4096")
    fake.write(f"{path}/attrib/emulate_write_cache", "1")
    refused(errno.EINVAL, fake.write, f"{path}/action/free_kept_buf", "1")
    refused(errno.EINVAL, fake.write, f"{path}/control", "hw_max_sectors=4294967296")


def test_lba_maps(fake: Filled) -> None:
    fake.storage()
    fake.mkdir(f"{ALUA}/none")
    assert fake.read(f"{ALUA}/default_tg_pt_gp/alua_support_lba_dependent") == "0\n"
    fake.write(f"{RAM}/lba_map", "64 1\n0 63 0:O 1:A\n64 127 0:S 1:U\n")
    assert fake.read(f"{RAM}/lba_map") == "64 1\n0 63 0:O 1:A\n64 127 0:S 1:U\n"
    assert fake.read(f"{ALUA}/default_tg_pt_gp/alua_support_lba_dependent") == "1\n"
    assert fake.read(f"{ALUA}/none/alua_support_lba_dependent") == "0\n"
    for bad in ("64 1\n0 63 0:O 0:A\n", "64 1\n0 63 0:O\n64 127 0:O 1:A\n", "64 1\n0 63\n", "\n"):
        refused(errno.EINVAL, fake.write, f"{RAM}/lba_map", bad)
    fake.write(f"{RAM}/lba_map", "64 1\n")
    assert fake.read(f"{RAM}/lba_map") == ""


def test_hba_names(fake: Filled) -> None:
    refused(errno.EINVAL, fake.mkdir, "core/fileio")
    refused(errno.ERANGE, fake.mkdir, f"core/fileio_{1 << 64}")


# ALUA


def test_ids_are_unique(fake: Filled) -> None:
    fake.storage()
    fake.mkdir(f"{ALUA}/a")
    fake.mkdir(f"{ALUA}/b")
    fake.write(f"{ALUA}/a/tg_pt_gp_id", "1")
    refused(errno.EINVAL, fake.write, f"{ALUA}/b/tg_pt_gp_id", "1")
    fake.write(f"{ALUA}/b/tg_pt_gp_id", "0")
    assert fake.read(f"{ALUA}/b/tg_pt_gp_id") == "2\n", "the first that is free"
    fake.mkdir("core/alua/lu_gps/x")
    refused(errno.EINVAL, fake.write, "core/alua/lu_gps/x/lu_gp_id", "65536")


def test_a_group_needs_an_id(fake: Filled) -> None:
    fake.storage()
    fake.mkdir(f"{ALUA}/a")
    for name in ("alua_access_state", "alua_access_status", "alua_support_standby"):
        refused(errno.EINVAL, fake.write, f"{ALUA}/a/{name}", "0")


def test_transitions(fake: Filled) -> None:
    fake.storage()
    group = f"{ALUA}/default_tg_pt_gp"
    fake.write(f"{group}/alua_access_state", "2")
    assert fake.read(f"{group}/alua_access_state") == "2\n"
    assert fake.read(f"{group}/alua_access_status") == "Altered by Implicit ALUA\n"
    fake.write(f"{group}/alua_support_standby", "0")
    refused(errno.EINVAL, fake.write, f"{group}/alua_access_state", "2")
    refused(errno.EINVAL, fake.write, f"{group}/alua_access_state", "5")
    refused(errno.EINVAL, fake.write, f"{group}/alua_support_standby", "2")


def test_a_transition_moves_the_whole_lu_group(fake: Filled) -> None:
    fake.mkdir("core/alua/lu_gps/g")
    fake.write("core/alua/lu_gps/g/lu_gp_id", "9")
    for index in range(3):
        path = fake.storage(f"core/rd_mcp_{index}/d")
        fake.mkdir(f"{path}/alua/t")
        fake.write(f"{path}/alua/t/tg_pt_gp_id", "7")
    for index in range(2):
        fake.write(f"core/rd_mcp_{index}/d/alua_lu_gp", "g\n")
    fake.write("core/rd_mcp_0/d/alua/t/alua_access_state", "1")
    states = [fake.read(f"core/rd_mcp_{i}/d/alua/t/alua_access_state") for i in range(3)]
    assert states == ["1\n", "1\n", "0\n"]
    assert fake.read("core/alua/lu_gps/g/members") == "rd_mcp_0/d\nrd_mcp_1/d\n"


@pytest.mark.parametrize("plugin", ["rd_mcp", "pscsi"])
def test_a_transition_without_an_lu_group_is_an_oops(fake: Filled, plugin: str) -> None:
    if plugin == "rd_mcp":
        path = fake.storage()
        fake.write(f"{path}/alua_lu_gp", "NULL")
    else:
        control = "scsi_host_id=2,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0"
        path = fake.storage("core/pscsi_0/p", control, enable=False)
        fake.write(f"{path}/udev_path", "/dev/sdb")
        fake.write(f"{path}/enable", "1")
    with pytest.raises(KernelOops):
        fake.write(f"{path}/alua/default_tg_pt_gp/alua_access_state", "1")


def test_names_of_groups_have_a_length(fake: Filled) -> None:
    fake.tpg()
    refused(errno.EINVAL, fake.write, f"{RAM}/alua_lu_gp", "x" * 257)
    refused(errno.EINVAL, fake.write, f"{LUN}/alua_tg_pt_gp", "x" * 257)


def test_a_lun_without_storage_has_no_alua(fake: Filled) -> None:
    fake.tpg()
    fake.mkdir(f"{TPG}/lun/lun_1")
    refused(errno.ENODEV, fake.read, f"{TPG}/lun/lun_1/alua_tg_pt_gp")
    refused(errno.ENODEV, fake.write, f"{TPG}/lun/lun_1/alua_tg_pt_offline", "1")


def test_a_lun_of_a_device_with_its_own_alua(fake: Filled) -> None:
    fake.tpg()
    control = "scsi_host_id=2,scsi_channel_id=0,scsi_target_id=0,scsi_lun_id=0"
    path = fake.storage("core/pscsi_0/p", control, enable=False)
    fake.write(f"{path}/udev_path", "/dev/sdb")
    fake.write(f"{path}/enable", "1")
    lun = fake.lun(TPG, 1, path)
    refused(errno.ENODEV, fake.write, f"{lun}/alua_tg_pt_gp", "default_tg_pt_gp")
    refused(errno.ENODEV, fake.write, f"{lun}/alua_tg_pt_offline", "1")
    assert fake.read(f"{lun}/alua_tg_pt_gp") == ""


def test_an_offline_lun_says_so(fake: Filled) -> None:
    fake.tpg()
    fake.write(f"{LUN}/alua_tg_pt_offline", "1")
    assert "Secondary Access State: Offline\n" in fake.read(f"{LUN}/alua_tg_pt_gp")
    assert fake.read(f"{LUN}/alua_tg_pt_status") == "2\n"


def test_members_are_listed_up_to_a_page(fake: Filled) -> None:
    fake.tpg()
    for number in range(1, 100):
        fake.lun(TPG, number, RAM)
    text = fake.read(f"{ALUA}/default_tg_pt_gp/members")
    assert 4000 < len(text) <= 4096
    assert text.endswith("\n\0")


# Fabrics


def test_a_lun_of_another_fabric_is_known_by_names_alone(fake: Filled) -> None:
    names = "naa.5001405000000001/tpgt_1"
    fake.tpg()
    vhost = fake.tpg(f"vhost/{names}", lun=False)
    lun = fake.lun(fake.tpg(f"loopback/{names}", lun=False), 0, RAM)
    for tpg, good in ((TPG, False), (vhost, True)):
        acl = fake.acl(tpg)
        fake.mkdir(f"{acl}/lun_0")
        if not good:
            refused(errno.EINVAL, fake.symlink, lun, f"{acl}/lun_0/x")
    fake.symlink(lun, f"{acl}/lun_0/x")
    assert fake.read(f"{acl}/lun_0/statistics/scsi_auth_intr/dev") == "1\n"
    fake.unlink(f"{acl}/lun_0/x")


def test_an_entry_of_a_number_that_is_not_linked(fake: Filled) -> None:
    fake.tpg()
    acl = fake.acl(TPG, luns=(0,))
    fake.mkdir(f"{acl}/lun_00")
    assert fake.read(f"{acl}/lun_00/statistics/scsi_auth_intr/dev") == "1\n"


def test_one_number_is_mapped_once(fake: Filled) -> None:
    fake.tpg()
    acl = fake.acl(TPG, luns=(0,))
    fake.mkdir(f"{acl}/lun_00")
    refused(errno.EINVAL, fake.symlink, LUN, f"{acl}/lun_00/x")
    fake.unlink(f"{LUN}/link")
    fake.mkdir(f"{TPG}/lun/lun_1")
    fake.symlink(RAM, f"{TPG}/lun/lun_1/x")
    fake.symlink(f"{TPG}/lun/lun_1", f"{acl}/lun_00/x")
    fake.unlink(f"{acl}/lun_0/link")
    assert fake.read(f"{acl}/lun_0/write_protect") == "0\n", "the entry is the number's"


def test_write_protect_begins_as_the_tpg_says(fake: Filled) -> None:
    fake.tpg()
    fake.write(f"{TPG}/attrib/prod_mode_write_protect", "1")
    acl = fake.acl(TPG, luns=(0,))
    assert fake.read(f"{acl}/lun_0/write_protect") == "1\n"


def test_what_takes_no_writes_begins_write_protected(fake: Filled) -> None:
    """Seen on 6.1 and 6.12; an initiator may be told otherwise, though nothing comes of it."""
    disk = fake.storage("core/iblock_0/b", "udev_path=/dev/sr0,readonly=1")
    fake.tpg()
    fake.mkdir(f"{TPG}/lun/lun_3")
    fake.symlink(disk, f"{TPG}/lun/lun_3/x")
    file = f"{fake.acl(TPG, luns=(0, 3))}/lun_{{}}/write_protect"
    assert [fake.read(file.format(lun)) for lun in (0, 3)] == ["0\n", "1\n"]
    fake.write(file.format(3), "0")
    assert fake.read(file.format(3)) == "0\n"


def test_an_object_is_exported_65535_times_at_most(
    fake: Filled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rtslib.testing.fabric.EXPORTS_MAX", 1)
    fake.tpg()
    fake.mkdir(f"{TPG}/lun/lun_1")
    refused(errno.ENOSPC, fake.symlink, RAM, f"{TPG}/lun/lun_1/x")


def test_statistics_take_no_directories(fake: Filled) -> None:
    fake.tpg()
    acl = fake.acl(TPG, luns=(0,))
    refused(errno.ENOSYS, fake.mkdir, f"{LUN}/statistics/x")
    refused(errno.ENOSYS, fake.mkdir, f"{acl}/lun_0/statistics/x")


def test_an_acl_tag(fake: Filled) -> None:
    fake.tpg()
    acl = fake.acl(TPG)
    refused(errno.EINVAL, fake.write, f"{acl}/tag", "x" * 64)


def test_relative_port_identifiers_of_disabled_groups() -> None:
    fs = Filled("6.12")
    fs.tpg()
    fs.write(f"{TPG}/rtpi", "3")
    fs.write(f"{TPG}/enable", "1")
    second = fs.tpg(f"{IQN}/tpgt_2", lun=False)
    fs.write(f"{second}/rtpi", "3")
    refused(errno.EINVAL, fs.write, f"{second}/enable", "1")


# iSCSI


def test_odd_names_of_tpgs(fake: Filled) -> None:
    fake.tpg(lun=False)
    fake.mkdir(f"{IQN}/xtpgt_5")
    refused(errno.EINVAL, fake.mkdir, f"{IQN}/tpgt")


@pytest.mark.parametrize(
    ("name", "value", "good"),
    [
        ("MaxConnections", "0x10", True),
        ("MaxConnections", "010", True),
        ("MaxConnections", "09", False),
        ("DefaultTime2Wait", "words", True),
        ("DefaultTime2Wait", "4294967295", False),
        ("ErrorRecoveryLevel", "1,2", False),
        ("InitialR2T", "Irrelevant", True),
        ("InitialR2T", "Reject", False),
        ("IFMarkInt", "Reject", True),
        ("TargetAlias", "NotUnderstood", False),
        ("TargetAlias", "a,b", False),
        ("HeaderDigest", "CRC32C,MD5", False),
    ],
)
def test_parameters(fake: Filled, name: str, value: str, good: bool) -> None:
    fake.tpg(lun=False)
    path = f"{TPG}/param/{name}"
    if good:
        fake.write(path, value + "\n")
        assert fake.read(path) == value + "\n"
    else:
        refused(errno.EINVAL, fake.write, path, value)


def test_authentication_keeps_the_methods_in_step(fake: Filled) -> None:
    fake.tpg(lun=False)
    methods = []
    for value in ("0", "0", "1", "1"):
        fake.write(f"{TPG}/attrib/authentication", value)
        methods.append(fake.read(f"{TPG}/param/AuthMethod").strip())
    assert methods == ["CHAP,None", "CHAP,None", "CHAP", "CHAP"]
    fake.write(f"{TPG}/param/AuthMethod", "None")
    fake.write(f"{TPG}/attrib/authentication", "1")
    assert fake.read(f"{TPG}/param/AuthMethod") == "None\n"


def test_generated_acls_are_cached(fake: Filled) -> None:
    fake.tpg(lun=False)
    fake.write(f"{TPG}/attrib/generate_node_acls", "1")
    assert fake.read(f"{TPG}/attrib/cache_dynamic_acls") == "1\n"
    fake.write(f"{TPG}/attrib/cache_dynamic_acls", "0")
    assert fake.read(f"{TPG}/attrib/cache_dynamic_acls") == "1\n"
    fake.write(f"{TPG}/attrib/generate_node_acls", "0")
    fake.write(f"{TPG}/attrib/cache_dynamic_acls", "0")
    assert fake.read(f"{TPG}/attrib/cache_dynamic_acls") == "0\n"


def test_an_acl_begins_with_the_defaults_of_its_tpg(fake: Filled) -> None:
    fake.tpg(lun=False)
    fake.write(f"{TPG}/attrib/default_cmdsn_depth", "128")
    fake.write(f"{TPG}/attrib/default_erl", "2")
    acl = fake.acl(TPG)
    assert fake.read(f"{acl}/cmdsn_depth") == "128\n"
    assert fake.read(f"{acl}/attrib/default_erl") == "2\n"


def test_more_cpus() -> None:
    fs = FakeKernel(host=FakeHost(cpus=8))
    fs.mkdir("iscsi")
    assert fs.read("iscsi/cpus_allowed_list") == "0-7\n"
    fs.mkdir("iscsi/iqn.x")
    fs.write("iscsi/iqn.x/param/cmd_completion_affinity", "7")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("0.0.0.0:3260", "127.0.0.1:3260"),
        ("[::]:3260", "10.0.0.1:3260"),
        ("[::ffff:10.0.0.1]:3260", "10.0.0.1:3260"),
        ("[::1]:3260", "[::]:3260"),
    ],
)
def test_portals_that_exclude_each_other(first: str, second: str) -> None:
    for one, other in ((first, second), (second, first)):
        fs = Filled()
        fs.tpg(lun=False)
        fs.mkdir(f"{TPG}/np/{one}")
        refused(errno.EINVAL, fs.mkdir, f"{TPG}/np/{other}")


def test_a_wildcard_may_share_a_socket_of_the_other_family(fake: Filled) -> None:
    other = fake.tpg("iscsi/iqn.other/tpgt_1", lun=False)
    fake.mkdir(f"{other}/np/[::1]:3260")
    fake.tpg(lun=False)
    fake.mkdir(f"{TPG}/np/0.0.0.0:3260")  # and it listens on [::1] alone
    fake.mkdir(f"{TPG}/np/127.0.0.1:3260")


@pytest.mark.parametrize("name", ["[fe80::1%eth7]:3260", "[1.2.3.4]3260", "[::1]x", "[::g]:1"])
def test_portals_that_are_none(fake: Filled, name: str) -> None:
    fake.tpg(lun=False)
    refused(errno.EINVAL, fake.mkdir, f"{TPG}/np/{name}")


def test_portals_side_by_side(fake: Filled) -> None:
    fake.tpg(lun=False)
    for name in ("10.0.0.1:3260", "[::1]:3260", "10.0.0.2:3260", "[fe80::1%2]:3260", "1.1.1.1:0"):
        fake.mkdir(f"{TPG}/np/{name}")
    second = fake.tpg("iscsi/iqn.other/tpgt_1", lun=False)
    fake.mkdir(f"{second}/np/1.1.1.2:0")
    assert fake.read(f"{IQN}/fabric_statistics/iscsi_instance/portals") == "5\n"


# Other fabrics


def test_a_nexus_and_its_protocol(fake: Filled) -> None:
    tpg = fake.tpg("vhost/fc.20000011223344/tpgt_1", lun=False)
    refused(errno.EINVAL, fake.write, f"{tpg}/nexus", "naa.5001405000000001")
    fake.mkdir(f"{tpg}/acls/2000")
    fake.write(f"{tpg}/nexus", "fc.2000\n")
    assert fake.read(f"{tpg}/nexus") == "2000\n", "as the kernel cuts it"
    refused(errno.EINVAL, fake.write, f"{tpg}/nexus", "naa." + "x" * 256)


def test_statistics_of_loopback_have_its_protocol(fake: Filled) -> None:
    tpg = fake.tpg("loopback/iqn.x/tpgt_1")
    assert fake.read(f"{tpg}/lun/lun_0/statistics/scsi_transport/proto_id") == "5\n"
    assert fake.read(f"{tpg}/lun/lun_0/statistics/scsi_transport/dev_name") == "iqn.x+LIO-ORG\n"


def test_transport_status(fake: Filled) -> None:
    tpg = fake.tpg("loopback/naa.5001405000000001/tpgt_1", lun=False)
    fake.write(f"{tpg}/transport_status", "offline\n")
    assert fake.read(f"{tpg}/transport_status") == "offline\n"


def test_fc_names(fake: Filled) -> None:
    tpg = fake.tpg("fc/20:00:00:11:22:33:44:55/tpgt_1", lun=False)
    acl = fake.acl(tpg, "20:00:00:11:22:33:44:66")
    fake.write(f"{acl}/node_name", "20:00:00:11:22:33:44:77\n")
    assert fake.read(f"{acl}/node_name") == "20:00:00:11:22:33:44:77\n"
    refused(errno.EINVAL, fake.write, f"{acl}/port_name", "junk")


def test_sbp_takes_one_tpg_with_luns(fake: Filled) -> None:
    tpg = fake.tpg("sbp/0011223344556677/tpgt_1", lun=False)
    refused(errno.EINVAL, fake.mkdir, "sbp/0011223344556677/tpgt_2")
    refused(errno.EINVAL, fake.write, f"{tpg}/enable", "1")
    for value, shown in (("ABC", "000abc\n"), ("implicit", "implicit\n")):
        fake.write(f"{tpg}/directory_id", value)
        assert fake.read(f"{tpg}/directory_id") == shown
    refused(errno.EINVAL, fake.write, f"{tpg}/directory_id", "1000000")
    fake.lun(tpg, 0, fake.storage())
    fake.write(f"{tpg}/enable", "1")
    refused(errno.EBUSY, fake.write, f"{tpg}/directory_id", "1")
    fake.write(f"{tpg}/enable", "0")
    fake.write(f"{tpg}/attrib/mgt_orb_timeout", "127")


@pytest.mark.parametrize("fabric", ["qla2xxx", "srpt", "efct", "xen-pvscsi"])
def test_hardware_that_the_host_has(fabric: str) -> None:
    host = FakeHost(ports={fabric: ["port-a"]})
    fs = Filled(host=host, modules=[fabric])
    tpg = fs.tpg(f"{fabric}/port-a/tpgt_1")
    refused(errno.EINVAL, fs.mkdir, f"{fabric}/port-b")
    fs.acl(tpg, "initiator", luns=(0,))
    assert fs.kind(f"{tpg}/acls/initiator/lun_0/link").value == "link"
