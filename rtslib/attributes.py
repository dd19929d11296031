# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What is known of the settings in attrib/ and param/: type, meaning, when they may be set.

Facts only, one line each. A setting that is missing here works all the same: the kernel says
which there are (``settings.GroupView``). Sources: drivers/target/target_core_configfs.c,
target_core_device.c, target_core_user.c, iscsi/iscsi_target_configfs.c, RFC 7143 section 13.
"""

from __future__ import annotations

from rtslib.settings import Setting
from rtslib.values import FLAG, INT, TEXT, TRISTATE, UINT, YES_NO

__all__ = ["ACL_ATTRIB", "ISCSI_PARAM", "STORAGE_ATTRIB", "TPG_ATTRIB"]

FREE = "not exported"
FIXED = "read-only"

#: What the kernel learns from the device anew when thin provisioning is switched on
#: (target_configure_unmap).
_UNMAP = (
    "attrib/max_unmap_lba_count",
    "attrib/max_unmap_block_desc_count",
    "attrib/unmap_granularity",
    "attrib/unmap_granularity_alignment",
    "attrib/unmap_zeroes_data",
)

STORAGE_ATTRIB: dict[str, Setting] = {
    "alua_support": Setting(FLAG, "The kernel answers for ALUA here; fixed but for user."),
    "block_size": Setting(UINT, "Logical block size in bytes; enabling resets it.", FREE),
    "cmd_ring_size_mb": Setting(UINT, "Size of the command ring to user space, MiB.", FIXED),
    "cmd_time_out": Setting(UINT, "Seconds a handler may take for a command, 0 for ever.", FREE),
    "data_pages_per_blk": Setting(UINT, "Pages in one block of the data area.", FIXED),
    "dev_config": Setting(TEXT, "Handler and what it is to open."),
    "dev_size": Setting(UINT, "Size in bytes as the handler is told."),
    "emulate_3pc": Setting(FLAG, "Third-party copy: EXTENDED COPY."),
    "emulate_caw": Setting(FLAG, "COMPARE AND WRITE."),
    "emulate_dpo": Setting(FLAG, "Deprecated: writes are accepted and ignored."),
    "emulate_fua_read": Setting(FLAG, "Deprecated: writes are accepted and ignored."),
    "emulate_fua_write": Setting(FLAG, "The FUA bit of writes."),
    "emulate_model_alias": Setting(
        FLAG, "Show the object's name as product id.", FREE, ("wwn/product_id",)
    ),
    "emulate_pr": Setting(FLAG, "Persistent reservations."),
    "emulate_rest_reord": Setting(FLAG, "Restricted reordering: the kernel takes 0 only."),
    "emulate_rsoc": Setting(FLAG, "REPORT SUPPORTED OPERATION CODES."),
    "emulate_tas": Setting(FLAG, "TASK ABORTED status for commands of others.", FREE),
    "emulate_tpu": Setting(
        FLAG, "Thin provisioning by UNMAP. Never before enabling.", changes=_UNMAP
    ),
    "emulate_tpws": Setting(
        FLAG, "Thin provisioning by WRITE SAME. Never before enabling.", changes=_UNMAP
    ),
    "emulate_ua_intlck_ctrl": Setting(UINT, "Unit attention interlock: 0, 1 or 2.", FREE),
    "emulate_write_cache": Setting(FLAG, "Tell initiators of a volatile write cache."),
    "enforce_pr_isids": Setting(FLAG, "Reservations distinguish sessions by ISID."),
    "force_pr_aptpl": Setting(FLAG, "Keep all reservations through power loss.", FREE),
    "hw_block_size": Setting(UINT, "Block size of the device, bytes.", FIXED),
    "hw_max_sectors": Setting(UINT, "Largest transfer of the device, sectors.", FIXED),
    "hw_pi_prot_type": Setting(UINT, "Protection type of the device.", FIXED),
    "hw_queue_depth": Setting(UINT, "Queue depth of the device.", FIXED),
    "is_nonrot": Setting(FLAG, "Medium that does not rotate."),
    "max_data_area_mb": Setting(UINT, "Largest data area to user space, MiB.", FIXED),
    "max_unmap_block_desc_count": Setting(UINT, "Descriptors in one UNMAP."),
    "max_unmap_lba_count": Setting(UINT, "Blocks in one UNMAP."),
    "max_write_same_len": Setting(UINT, "Blocks in one WRITE SAME."),
    "nl_reply_supported": Setting(INT, "Whether the handler answers by netlink; -1 never."),
    "optimal_sectors": Setting(UINT, "Best transfer, sectors.", FREE),
    "pgr_support": Setting(FLAG, "The kernel answers for reservations; mostly fixed."),
    "pi_prot_format": Setting(FLAG, "Write 1 to format protection information.", FREE),
    "pi_prot_type": Setting(
        UINT, "T10 protection type: 0, 1 or 3.", FREE, ("attrib/pi_prot_verify",)
    ),
    "pi_prot_verify": Setting(FLAG, "Verify protection information on reads."),
    "qfull_time_out": Setting(INT, "Seconds to wait for room in the ring; -1 as cmd_time_out."),
    "queue_depth": Setting(UINT, "Commands in flight.", FREE),
    "submit_type": Setting(
        UINT, "Where commands are run: 0 as the fabric likes, 1 at once, 2 queued."
    ),
    "tmr_notification": Setting(FLAG, "Tell the handler of task management."),
    "unmap_granularity": Setting(UINT, "Granularity of UNMAP, blocks."),
    "unmap_granularity_alignment": Setting(UINT, "Alignment of that granularity, blocks."),
    "unmap_zeroes_data": Setting(
        FLAG, "Unmapped reads as zero. Never before enabling.", FREE, _UNMAP[:-1]
    ),
}

TPG_ATTRIB: dict[str, Setting] = {
    "authentication": Setting(FLAG, "Logins must prove themselves by CHAP."),
    "cache_dynamic_acls": Setting(FLAG, "Keep an ACL that demo mode made after its session."),
    "default_cmdsn_depth": Setting(UINT, "Commands in flight for an ACL that says nothing."),
    "default_erl": Setting(UINT, "Error recovery level: 0, 1 or 2."),
    "demo_mode_discovery": Setting(FLAG, "SendTargets shows the target to all initiators."),
    "demo_mode_write_protect": Setting(FLAG, "Initiators without an ACL may only read."),
    "fabric_prot_type": Setting(UINT, "T10 protection type that the fabric announces."),
    "generate_node_acls": Setting(FLAG, "Demo mode: initiators without an ACL may log in."),
    "login_keys_workaround": Setting(FLAG, "Answer keys that some initiators get wrong."),
    "login_timeout": Setting(UINT, "Seconds a login may take."),
    "max_logins_per_lun": Setting(INT, "SBP: logins to one LUN."),
    "max_reconnect_timeout": Setting(INT, "SBP: seconds in which a login may be resumed."),
    "mgt_orb_timeout": Setting(INT, "SBP: seconds for a management request."),
    "netif_timeout": Setting(UINT, "Seconds until a dead interface ends a connection."),
    "prod_mode_write_protect": Setting(FLAG, "New mapped LUNs begin write-protected."),
    "t10_pi": Setting(FLAG, "Announce T10 protection information."),
    "tpg_enabled_sendtargets": Setting(FLAG, "SendTargets leaves disabled TPGs out."),
}

ACL_ATTRIB: dict[str, Setting] = {
    "authentication": Setting(TRISTATE, "CHAP for this initiator; None as the TPG says."),
    "dataout_timeout": Setting(UINT, "Seconds to wait for data that was asked for."),
    "dataout_timeout_retries": Setting(UINT, "Times that this is tried again."),
    "default_erl": Setting(UINT, "Error recovery level: 0, 1 or 2."),
    "nopin_response_timeout": Setting(UINT, "Seconds for the answer to a NOP-In."),
    "nopin_timeout": Setting(UINT, "Seconds between NOP-Ins, 0 for none."),
    "random_datain_pdu_offsets": Setting(FLAG, "Testing: shuffle Data-In PDUs."),
    "random_datain_seq_offsets": Setting(FLAG, "Testing: shuffle Data-In sequences."),
    "random_r2t_offsets": Setting(FLAG, "Testing: shuffle R2Ts."),
}

# As they are negotiated: Yes and No (read as bool), lists in order of preference, or Reject.
ISCSI_PARAM: dict[str, Setting] = {
    "AuthMethod": Setting(TEXT, "CHAP, None, or both in order of preference."),
    "DataDigest": Setting(TEXT, "CRC32C, None, or both in order of preference."),
    "DataPDUInOrder": Setting(YES_NO, "Data PDUs of a sequence come in order."),
    "DataSequenceInOrder": Setting(YES_NO, "Data sequences come in order."),
    "DefaultTime2Retain": Setting(UINT, "Seconds a lost connection may be resumed."),
    "DefaultTime2Wait": Setting(UINT, "Seconds to wait before that."),
    "ErrorRecoveryLevel": Setting(UINT, "Error recovery level: 0, 1 or 2."),
    "FirstBurstLength": Setting(UINT, "Unsolicited data for a command, bytes."),
    "HeaderDigest": Setting(TEXT, "CRC32C, None, or both in order of preference."),
    "IFMarkInt": Setting(TEXT, "Obsolete since RFC 7143."),
    "IFMarker": Setting(YES_NO, "Obsolete since RFC 7143."),
    "ImmediateData": Setting(YES_NO, "Data may come with its command."),
    "InitialR2T": Setting(YES_NO, "No unsolicited data but the immediate."),
    "MaxBurstLength": Setting(UINT, "Data in one sequence, bytes."),
    "MaxConnections": Setting(UINT, "Connections in one session."),
    "MaxOutstandingR2T": Setting(UINT, "R2Ts open for one command."),
    "MaxRecvDataSegmentLength": Setting(UINT, "Data segment that the target takes, bytes."),
    "MaxXmitDataSegmentLength": Setting(UINT, "Data segment that the target sends, bytes."),
    "OFMarkInt": Setting(TEXT, "Obsolete since RFC 7143."),
    "OFMarker": Setting(YES_NO, "Obsolete since RFC 7143."),
    "TargetAlias": Setting(TEXT, "What a person calls the target."),
}
