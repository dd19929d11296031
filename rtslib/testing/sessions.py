# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Live sessions: who is logged in to a TPG, and the texts in which the kernel shows it.

lio_target_nacl_info_show(), target_fabric's dynamic_sessions, iscsi_target_stat.c.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from rtslib.testing.parsers import fail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtslib.testing.directory import Directory

__all__ = ["PARAMETERS", "drop", "login", "logout", "of_acl"]

PAGE = 4096

#: What an ACL's param/ shows of a session, as negotiated with libiscsi.
PARAMETERS = {
    "MaxConnections": 1,
    "InitialR2T": 1,
    "ImmediateData": 1,
    "MaxBurstLength": 262144,
    "FirstBurstLength": 65536,
    "DefaultTime2Wait": 2,
    "DefaultTime2Retain": 0,
    "MaxOutstandingR2T": 1,
    "DataPDUInOrder": 1,
    "DataSequenceInOrder": 1,
    "ErrorRecoveryLevel": 0,
}
_BANNER = "---------------------[iSCSI Session Values]-----------------------"
_COLUMNS = "  CmdSN/WR  :  CmdSN/WC  :  ExpCmdSN  :  MaxCmdSN  :     ITT    :     TTT"
_CONNECTIONS = "----------------------[iSCSI Connections]-------------------------"


def login(
    tpg: Directory,
    initiator: str,
    *,
    address: str,
    isid: str,
    alias: str,
    parameters: Mapping[str, int],
) -> int:
    """Add a session and return its id; PermissionError where the target would refuse it."""
    if tpg.text("enable") != "1\n":
        fail(errno.EACCES, tpg.path)
    explicit = initiator in tpg.sub("acls").subs
    if not explicit:
        if not tpg.sub("attrib").integer("generate_node_acls"):
            fail(errno.EACCES, tpg.path)
        _dynamic_acl(tpg, initiator)
    sid = tpg.tree.count("session")
    taken = {s["index"] for s in _all(tpg)}
    session = {
        "id": sid,
        "index": next(number for number in range(len(taken) + 1) if number not in taken),
        "initiator": initiator,
        "alias": alias,
        "isid": isid,
        "address": address,
        "parameters": {**PARAMETERS, **parameters},
    }
    tpg.set(sessions=[*of_tpg(tpg), session])
    tpg.up.set(accepts=tpg.up.data.get("accepts", 0) + 1)
    return sid


def _dynamic_acl(tpg: Directory, initiator: str) -> None:
    """Make the ACL that no directory shows: core_tpg_check_initiator_node_acl()."""
    dynamic = tpg.data.setdefault("dynamic", {})
    if initiator in dynamic:
        return
    readonly = tpg.sub("attrib").text("demo_mode_write_protect") == "1\n"
    clock = tpg.tree.count("clock")
    deves = {
        str(int(lun.name[4:], 0)): {
            "lun": lun.name,
            "readonly": readonly,
            "explicit": False,
            "created": clock,
        }
        for lun in tpg.sub("lun").made()
        if lun.links
    }
    dynamic[initiator] = {"index": tpg.tree.count("acl"), "deves": deves}
    tpg.touch()


def _all(tpg: Directory) -> list[dict[str, Any]]:
    fabric = tpg.up.up
    return [s for target in fabric.made() for other in target.made() for s in of_tpg(other)]


def of_tpg(tpg: Directory) -> list[dict[str, Any]]:
    """Return a TPG's sessions, oldest first."""
    found: list[dict[str, Any]] = tpg.data.get("sessions", [])
    return found


def of_acl(acl: Directory) -> dict[str, Any] | None:
    """Return the session that an ACL shows: the last one, of however many there are."""
    mine = [s for s in of_tpg(acl.up.up) if s["initiator"] == acl.name]
    return mine[-1] if mine else None


def logout(tpg: Directory, sid: int) -> None:
    """End one session by its id, as its initiator asks; KeyError where there is none."""
    kept = [s for s in of_tpg(tpg) if s["id"] != sid]
    if len(kept) == len(of_tpg(tpg)):
        raise KeyError(sid)
    _leave(tpg, kept)
    tpg.up.set(logouts=tpg.up.data.get("logouts", 0) + 1)


def drop(tpg: Directory, initiator: str | None = None) -> None:
    """End all sessions, or one initiator's, from the target's side."""
    kept = [s for s in of_tpg(tpg) if initiator is not None and s["initiator"] != initiator]
    if len(kept) != len(of_tpg(tpg)):
        _leave(tpg, kept)


def _leave(tpg: Directory, kept: list[dict[str, Any]]) -> None:
    tpg.set(sessions=kept)
    here = {s["initiator"] for s in kept}
    dynamic = tpg.data.get("dynamic", {})
    if not tpg.sub("attrib").integer("cache_dynamic_acls"):
        tpg.set(dynamic={name: acl for name, acl in dynamic.items() if name in here})


# What the files show


def show_dynamic(tpg: Directory, _name: str) -> str:
    """List the initiators that are here without an ACL, each line with a NUL after it."""
    text = ""
    for initiator in dict.fromkeys(s["initiator"] for s in of_tpg(tpg)):
        if initiator in tpg.data.get("dynamic", {}):
            line = f"{initiator}\n\0"
            if len(text) + len(line) > PAGE:
                break
            text += line
    return text


def show_info(acl: Directory, _name: str) -> str:
    """Show an ACL's session."""
    session = of_acl(acl)
    if session is None:
        return f"No active iSCSI Session for Initiator Endpoint: {acl.name}\n"
    isid = " ".join(session["isid"][i : i + 2] for i in range(0, 12, 2))
    window = acl.integer("cmdsn_depth")
    sid = session["id"]
    expected = sid << 8
    values = (window, window, expected, expected + window - 1, 0, 0)
    return "\n".join([
        f"InitiatorName: {acl.name}",
        f"InitiatorAlias: {session['alias']}",
        f"LIO Session ID: {sid}   ISID: 0x{isid}  TSIH: {sid}  SessionType: Normal",
        "Session State: TARG_SESS_STATE_LOGGED_IN",
        _BANNER,
        _COLUMNS,
        "".join(f" 0x{value:08x}  " for value in values).rstrip(),
        _CONNECTIONS,
        "CID: 0  Connection State: TARG_CONN_STATE_LOGGED_IN",
        f"   Address {session['address']} TCP  StatSN: 0x{sid:08x}",
        "",
    ])  # fmt: skip


def show_parameter(param: Directory, name: str) -> str:
    """Show what an ACL's session has negotiated."""
    session = of_acl(param.up)
    if session is None:
        return param.shape.files[name].text
    return f"{session['parameters'][name]}\n"
