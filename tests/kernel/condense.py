# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Condense a recording into the fake's table of directories, modes and fresh contents.

usage: condense.py tests/kernel/recorded/6.1 rtslib/testing/data/6.1.json

A directory becomes an object, a file "<octal mode> <text>" or "<octal mode>!<ERRNO>". Entries stand
in the order in which the kernel makes them, as far as it is known: readdir shows it reversed. The
last object, "traits", holds the few differences in behaviour that no file shows.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

# Orders seen in raw readdir (behaviour.json) or, for attribute lists that were cut there, in the
# kernel's attribute arrays. A name that is not listed follows, alphabetically.
_ORDERS = """
version dbroot core

info control alias udev_path enable alua_lu_gp lba_map action attrib pr wwn alua statistics

emulate_model_alias emulate_dpo emulate_fua_write emulate_fua_read emulate_write_cache
emulate_ua_intlck_ctrl emulate_tas emulate_tpu emulate_tpws emulate_caw emulate_3pc emulate_pr
pi_prot_type hw_pi_prot_type pi_prot_format pi_prot_verify enforce_pr_isids is_nonrot
emulate_rest_reord force_pr_aptpl hw_block_size block_size hw_max_sectors optimal_sectors
hw_queue_depth queue_depth max_unmap_lba_count max_unmap_block_desc_count unmap_granularity
unmap_granularity_alignment unmap_zeroes_data max_write_same_len alua_support pgr_support
emulate_rsoc submit_type complete_type

hba_info hba_mode

scsi_dev scsi_tgt_dev scsi_lu

scsi_port scsi_tgt_port scsi_transport

scsi_auth_intr scsi_att_intr_port

dynamic_sessions nexus transport_status address directory_id enable rtpi lun np acls attrib auth
param

fabric_statistics param

cmd_completion_affinity default_submit_type direct_submit_supported

info cmdsn_depth port_name node_name tag attrib auth param fabric_statistics

dataout_timeout dataout_timeout_retries default_erl nopin_timeout nopin_response_timeout
random_datain_pdu_offsets random_datain_seq_offsets random_r2t_offsets authentication

MaxConnections InitialR2T ImmediateData MaxBurstLength FirstBurstLength DefaultTime2Wait
DefaultTime2Retain MaxOutstandingR2T DataPDUInOrder DataSequenceInOrder ErrorRecoveryLevel

alua_tg_pt_gp alua_tg_pt_offline alua_tg_pt_status alua_tg_pt_write_md statistics

write_protect statistics

iser cxgbit

lu_gp_id members
"""
ORDERS = [paragraph.split() for paragraph in _ORDERS.split("\n\n")]


def nest(rows: list[dict[str, Any]], base: str) -> dict[str, Any]:
    """Return the directory `base` of a stage as nested objects."""
    root: dict[str, Any] = {}
    for row in rows:
        path = row["path"]
        if row["type"] == "link" or not path.startswith(base + "/"):
            continue
        *way, name = path[len(base) + 1 :].split("/")
        at = root
        for step in way:
            at = at[step]
        at[name] = {} if row["type"] == "dir" else spell(row)
    return arrange(root)


def spell(row: dict[str, Any]) -> str:
    """Return a file's mode with its text or the errno of reading it."""
    if "content" in row:
        return f"{row['mode']:o} {row['content']}"
    return f"{row['mode']:o}!{row.get('open_r') or row['read']}"


def arrange(directory: dict[str, Any]) -> dict[str, Any]:
    """Order entries as the kernel makes them: files, then groups."""
    names = set(directory)
    order = max(ORDERS, key=lambda o: len(names.intersection(o)))
    place = {name: index for index, name in enumerate(order)}
    done = sorted(directory, key=lambda n: (place.get(n, len(place)), n))
    return {n: arrange(v) if isinstance(v := directory[n], dict) else v for n in done}


def drop(directory: dict[str, Any], *prefixes: str) -> dict[str, Any]:
    """Leave out what somebody made inside."""
    return {n: v for n, v in directory.items() if not n.startswith(prefixes)}


def condense(stages: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return shape name -> nested directory as it is just made."""
    shapes: dict[str, Any] = {}

    def stage(start: str) -> tuple[list[dict[str, Any]], str]:
        rows = next(rows for name, rows in stages.items() if name.startswith(start))
        return rows, rows[0]["path"]

    shapes["root"] = nest(*stage("S0"))
    lu_gp = shapes["root"]["core"]["alua"]["lu_gps"]["default_lu_gp"]
    shapes["lu_gp"] = {**lu_gp, "lu_gp_id": "644 "}
    shapes["hba"] = nest(*stage("S2"))
    for name, rows in stages.items():
        kind, _, rest = name.partition(" ")
        if kind == "S1":
            shapes["fabric." + rest.split()[1].rstrip(",")] = nest(rows, rows[0]["path"])
        elif kind == "S3":
            plugin = rest.split()[2].rpartition("_")[0]
            shapes["so." + plugin] = nest(rows, rows[0]["path"])
    shapes["tg_pt_gp"] = nest(*stage("S5"))
    shapes["target.iscsi"] = nest(*stage("S6"))
    shapes["tpg.iscsi"] = nest(*stage("S7"))
    shapes["lun"] = nest(*stage("S8"))
    shapes["acl.iscsi"] = nest(*stage("S9"))
    shapes["mapped"] = nest(*stage("S10"))
    rows, base = stage("S11")
    shapes["np.iscsi"] = nest(rows, f"{base}/tpgt_1/np/127.0.0.1:3260")
    shapes["target.loopback"] = nest(*stage("S12"))
    shapes["tpg.loopback"] = nest(*stage("S13"))
    rows, base = stage("S15")
    shapes["target.vhost"] = drop(nest(rows, base), "tpgt_")
    shapes["tpg.vhost"] = nest(rows, base + "/tpgt_1")
    rows, base = stage("S16")
    shapes["acl.vhost"] = nest(rows, f"{base}/tpgt_1/acls/naa.5001405bbbbbbbb3")
    for fabric in ("fc", "sbp"):
        shapes["target." + fabric] = nest(*stage(f"S17 {fabric} target, just"))
        shapes["tpg." + fabric] = nest(*stage(f"S17 {fabric} tpgt_1"))
        rows, base = stage(f"S17 {fabric} target complete")
        acl = next(row["path"] for row in rows if row["path"].startswith(f"{base}/tpgt_1/acls/"))
        shapes["acl." + fabric] = drop(nest(rows, acl), "lun_")
    return shapes


def traits(behaviour: list[list[str]], danger: list[list[str]]) -> dict[str, Any]:
    """Return what differs between kernels in what attributes do.

    `unmap_unconfigured` is the errno of setting a discard attribute before enable, or "OOPS";
    `changeable` says by attribute which backends let alua_support and pgr_support be cleared;
    `bytes_per_io` is whether a new block_size of a fileio object changes its hw_max_sectors.
    """
    results = {action: result for _, action, result, *_ in danger}
    early = results["write '1' > fileio (not enabled)/attrib/emulate_tpu"]
    cleared = re.compile(r"write '0' > (\w+) \(not enabled\)/attrib/((?:alua|pgr)_support)")
    changeable: dict[str, list[str]] = {"alua_support": [], "pgr_support": []}
    for action, result in results.items():
        match = cleared.fullmatch(action)
        if match and result == "ok" and match[1] != "pscsi":  # pscsi has 0 from the start
            changeable[match[2]].append(match[1])
    limits = [log for _, action, _, _, log in behaviour if action.startswith("write '99999999' >")]
    return {
        "unmap_unconfigured": "OOPS" if "OOPS" in early else early,
        "changeable": changeable,
        "bytes_per_io": any("hw_max_sectors: 2048" in log for log in limits),
    }


def table(recording: Path) -> str:
    """Return the table of a recording as text: one shape per line, to keep diffs readable."""
    tree, behaviour, danger = (
        json.loads((recording / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("tree", "behaviour", "danger")
    )
    shapes = condense(tree)
    shapes["traits"] = traits(behaviour, danger)
    lines = [f" {json.dumps(n)}: {json.dumps(v, separators=(',', ':'))}" for n, v in shapes.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main() -> None:
    """Run the command line."""
    source, target = (Path(name) for name in sys.argv[1:])
    target.write_text(table(source), encoding="utf-8")


if __name__ == "__main__":
    main()
