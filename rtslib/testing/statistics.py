# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What statistics/ and fabric_statistics/ show: target_core_stat.c, iscsi_target_stat.c.

No command is ever run here, so that counters stay at what was recorded fresh.
"""

from __future__ import annotations

import errno
from typing import Any, Callable

from rtslib.testing import sessions
from rtslib.testing.alua import fabric_name, storage
from rtslib.testing.directory import Directory
from rtslib.testing.fabric import deve_of, fabric_of
from rtslib.testing.nexus import protocol
from rtslib.testing.parsers import fail
from rtslib.testing.rules import Rule, Rules

__all__ = ["STATISTICS"]

#: SCSI protocol identifiers: scsi_proto.h. loopback and vhost have their name's.
PROTOCOLS = {"fc": 0, "qla2xxx": 0, "qla2xxx_npiv": 0, "efct": 0, "sbp": 3, "srpt": 4, "iscsi": 5}

Value = Callable[[Directory], object]


def _line(value: Value) -> Rule:
    return Rule(show=lambda node, _name: f"{value(node)}\n")


def _or_text(value: Callable[[Directory], object]) -> Rule:
    """Show a value, or the fresh text where it is None."""

    def show(node: Directory, name: str) -> str:
        found = value(node)
        return node.shape.files[name].text if found is None else f"{found}\n"

    return Rule(show=show)


# Storage objects: node is statistics/scsi_*


def _inst(so: Directory) -> int:
    # SCSI_INST_INDEX counts the HBAs too, but from 1: the one behind the virtual LUN 0 is first
    return int(so.up.data["index"]) + 1


def _index(so: Directory) -> int:
    return int(so.data.get("index", 0))


def _wwn(name: str, width: int) -> Value:
    return lambda node: f"{node.up.up.sub('wwn').text(name).rstrip(chr(10)):{width}.{width}}"


def _serial(so: Directory) -> str:
    return str(so.sub("wwn").data.get("serial") or "")


def _exported(yes: str, no: str) -> Rule:
    def show(node: Directory, name: str) -> str:
        text = node.shape.files[name].text
        return (yes if node.up.up.linked_by else no) + ("\n" if text.endswith("\n") else "")

    return Rule(show=show)


def _device_type(node: Directory) -> object:
    return node.up.up.data.get("scsi", {}).get("type")


_OBJECT = {"inst": _line(lambda n: _inst(n.up.up)), "indx": _line(lambda n: _index(n.up.up))}


# LUNs: node is statistics/scsi_*, and without a storage object everything is ENODEV


def _lun(value: Callable[[Directory, Directory], object]) -> Rule:
    def show(node: Directory, _name: str) -> str:
        lun = node.up.up
        return f"{value(lun, storage(lun))}\n"

    return Rule(show=show)


def _zero(*names: str) -> dict[str, Rule]:
    return {name: _lun(lambda _lun, _so: 0) for name in names}


def _rtpi(lun: Directory, _so: Directory) -> object:
    tpg = lun.up.up
    return int(tpg.text("rtpi"), 16) if "rtpi" in tpg.shape.files else lun.data["rtpi"]


def _tag(tpg: Directory) -> object:
    return tpg.data["tag"]


def _instance(tpg: Directory) -> object:
    return tpg.up.data.get("index", 1)


def _protocol(lun: Directory, _so: Directory) -> int:
    target = lun.up.up.up
    fabric = fabric_of(target)
    return PROTOCOLS[fabric] if fabric in PROTOCOLS else protocol(target.name)


_LUN = {
    "inst": _lun(lambda _lun, so: _inst(so)),
    "dev": _lun(lambda _lun, so: _index(so)),
    "indx": _lun(_rtpi),
}


# Mapped LUNs: node is statistics/scsi_*; ENODEV without an entry, and some without a session


def _mapped(value: Callable[[Directory, dict[str, Any]], object]) -> Rule:
    def show(node: Directory, _name: str) -> str:
        mapped = node.up.up
        entry = deve_of(mapped)
        if entry is None:
            fail(errno.ENODEV)
        return f"{value(mapped, entry)}\n"

    return Rule(show=show)


def _mapped_session(value: Callable[[dict[str, Any]], object]) -> Rule:
    def read(mapped: Directory, _entry: dict[str, Any]) -> object:
        session = sessions.of_acl(mapped.up)
        if session is None:
            fail(errno.ENODEV)
        return value(session)

    return _mapped(read)


def _mapped_device(mapped: Directory, entry: dict[str, Any]) -> int:
    for link in mapped.links.values():
        return _index(storage(link.target))
    return _index(storage(mapped.up.up.up.sub("lun").sub(entry["lun"])))


_MAPPED = {
    "inst": _mapped(lambda mapped, _entry: _instance(mapped.up.up.up)),
    "dev": _mapped(_mapped_device),
    "port": _mapped(lambda mapped, _entry: _tag(mapped.up.up.up)),
}
_INITIATOR = _mapped(lambda mapped, _entry: mapped.up.data["index"])


def _always(text: object) -> Rule:
    return _mapped(lambda _mapped, _entry: text)


# iSCSI: node is fabric_statistics/iscsi_*


def _session(value: Callable[[dict[str, Any]], object]) -> Rule:
    def show(node: Directory, _name: str) -> str:
        session = sessions.of_acl(node.up.up)
        return "" if session is None else f"{value(session)}\n"

    return Rule(show=show)


def _tpgs(node: Directory) -> list[Directory]:
    return node.up.up.made()


_TARGET_INST = _line(lambda n: n.up.up.data["index"])

STATISTICS = {
    "so/statistics/scsi_dev": Rules({
        **_OBJECT, "ports": _line(lambda n: len(n.up.up.linked_by)),
    }),
    "so/statistics/scsi_tgt_dev": Rules({
        **_OBJECT,
        "status": _exported("activated", "deactivated"),
        "non_access_lus": _exported("0", "1"),
    }),
    "so/statistics/scsi_lu": Rules({
        "inst": _OBJECT["inst"],
        "dev": _OBJECT["indx"],
        "lu_name": _line(lambda n: _serial(n.up.up) or "None"),
        "vend": _line(_wwn("vendor_id", 8)),
        "prod": _line(_wwn("product_id", 16)),
        "rev": _line(_wwn("revision", 4)),
        "dev_type": _or_text(_device_type),
        "status": _exported("available", "notavailable"),
        "creation_time": _or_text(lambda n: n.up.up.data.get("created")),
    }),
    "lun/statistics/scsi_port": Rules({
        **_LUN, **_zero("busy_count"),
        "role": _lun(lambda _lun, so: f"Device{_index(so)}"),
    }),
    "lun/statistics/scsi_tgt_port": Rules({
        **_LUN, **_zero("hs_in_cmds", "in_cmds", "read_mbytes", "write_mbytes"),
        "name": _lun(lambda lun, so: f"{fabric_name(lun)}Port#{_rtpi(lun, so)}"),
        "port_index": _lun(lambda lun, _so: f"{lun.up.up.up.name}+t+{_tag(lun.up.up)}"),
    }),
    "lun/statistics/scsi_transport": Rules({
        "inst": _LUN["inst"],
        "indx": _lun(lambda lun, _so: _instance(lun.up.up)),
        "device": _lun(lambda lun, _so: f"scsiTransport{fabric_name(lun)}"),
        "dev_name": _lun(
            lambda lun, so: f"{lun.up.up.up.name}+"
            + (_serial(so) or so.sub("wwn").text("vendor_id").rstrip("\n"))
        ),
        "proto_id": _lun(_protocol),
    }),
    "mapped/statistics/scsi_auth_intr": Rules({
        **_MAPPED,
        "indx": _INITIATOR,
        "dev_or_port": _always(1),
        "intr_name": _mapped(lambda mapped, _entry: mapped.up.name),
        "map_indx": _always(0),
        "att_count": _always(1),
        "row_status": _always("Ready"),
        "creation_time": _mapped(lambda _mapped, entry: entry["created"]),
        **{n: _always(0) for n in ("hs_num_cmds", "num_cmds", "read_mbytes", "write_mbytes")},
    }),
    "mapped/statistics/scsi_att_intr_port": Rules({
        **_MAPPED,
        "port_auth_indx": _INITIATOR,
        "indx": _mapped_session(lambda session: session["index"]),
        "port_ident": _mapped_session(lambda s: f"{s['initiator']}+i+{s['isid']}"),
    }),
    "target.iscsi/fabric_statistics/iscsi_instance": Rules({
        "inst": _TARGET_INST,
        "portals": _line(lambda n: sum(len(tpg.sub("np").made()) for tpg in _tpgs(n))),
        "sessions": _line(lambda n: sum(len(sessions.of_tpg(tpg)) for tpg in _tpgs(n))),
    }),
    "target.iscsi/fabric_statistics/iscsi_sess_err": Rules({"inst": _TARGET_INST}),
    "target.iscsi/fabric_statistics/iscsi_tgt_attr": Rules({"inst": _TARGET_INST}),
    "target.iscsi/fabric_statistics/iscsi_login_stats": Rules({
        "inst": _TARGET_INST,
        "accepts": _line(lambda n: n.up.up.data.get("accepts", 0)),
    }),
    "target.iscsi/fabric_statistics/iscsi_logout_stats": Rules({
        "inst": _TARGET_INST,
        "normal_logouts": _line(lambda n: n.up.up.data.get("logouts", 0)),
    }),
    "acl.iscsi/fabric_statistics/iscsi_sess_stats": Rules({
        "inst": _line(lambda n: _instance(n.up.up.up.up)),
        "node": _session(lambda _session: 1),
        "indx": _session(lambda session: session["index"]),
        **{
            name: _session(lambda _session: 0)
            for name in (
                "cmd_pdus", "rsp_pdus", "txdata_octs", "rxdata_octs",
                "conn_timeout_errors", "conn_digest_errors",
            )
        },
    }),
}  # fmt: skip
