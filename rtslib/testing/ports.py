# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of fabrics with ports of their own: fc, sbp (recorded), srpt, qla2xxx and others.

tcm_fc and sbp_target take any well-formed name. The others take only the names of hardware that
the host says is there (``FakeHost.ports``); since nothing behind their targets was recorded, their
TPGs and ACLs are guesses from the kernel's source, on the pattern of fc's.
"""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from rtslib.testing import parsers
from rtslib.testing.fabric import POLICIES, Policy, enable, tag
from rtslib.testing.parsers import c_string, fail
from rtslib.testing.rules import U64, Rule, Rules, integer, keep

if TYPE_CHECKING:
    from rtslib.testing.directory import Directory

__all__ = ["GUESSED", "PORTS", "SHAPES"]

#: Fabrics of which only the fabric's own directory, or nothing at all, was recorded.
GUESSED = ("srpt", "qla2xxx", "qla2xxx_npiv", "efct", "ibmvscsis", "usb_gadget", "xen-pvscsi")

_FC_NAME = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){7}\Z")
_EUI_NAME = re.compile(r"[0-9a-fA-F]{16}\n?\Z")
_DIRECTORY_ID_MAX = 0xFFFFFF

_QLA_ATTRIB = {
    "generate_node_acls": "644 1\n",
    "cache_dynamic_acls": "644 1\n",
    "demo_mode_write_protect": "644 1\n",
    "prod_mode_write_protect": "644 0\n",
    "demo_mode_login_only": "644 1\n",
}
_SRPT_ATTRIB = {
    "srp_max_rdma_size": "644 65536\n",
    "srp_max_rsp_size": "644 256\n",
    "srp_sq_size": "644 4096\n",
    "use_srq": "644 0\n",
}
_TPG_FILES: dict[str, dict[str, str]] = {
    "srpt": {"enable": "644 0\n"},
    "qla2xxx": {"dynamic_sessions": "444 ", "enable": "644 0\n", "fabric_prot_type": "644 0\n"},
    "qla2xxx_npiv": {"enable": "644 0\n"},
    "efct": {"enable": "644 0\n"},
    "ibmvscsis": {"enable": "644 0\n"},
}
_TPG_ATTRIB = {"srpt": _SRPT_ATTRIB, "qla2xxx": _QLA_ATTRIB}
_GROUPS: dict[str, object] = {"lun": {}, "np": {}, "acls": {}}


def _guess(fabric: str) -> dict[str, object]:
    groups = {**_GROUPS, "attrib": _TPG_ATTRIB.get(fabric, {}), "auth": {}, "param": {}}
    param = {"cmd_completion_affinity": "644 -1\n"}
    return {
        f"fabric.{fabric}": {"version": "444 \n", "discovery_auth": {}},
        f"target.{fabric}": {"fabric_statistics": {}, "param": param},
        f"tpg.{fabric}": {**_TPG_FILES.get(fabric, {}), **groups},
        f"acl.{fabric}": {"attrib": {}, "auth": {}, "param": {}, "fabric_statistics": {}},
    }


#: What stands in for a recording, in the form of the recorded data; a recording goes before it.
SHAPES: dict[str, object] = {k: v for fabric in GUESSED for k, v in _guess(fabric).items()}
SHAPES["acl.loopback"] = {"attrib": {}, "auth": {}, "param": {}, "fabric_statistics": {}}


def _fc_name(_parent: Directory, name: str) -> None:
    """Refuse what ft_parse_wwn() does: eight lower-case bytes with colons it must be."""
    if not _FC_NAME.match(name):
        fail(errno.EINVAL)


def _eui_name(_parent: Directory, name: str) -> None:
    """Refuse what sbp_parse_wwn() does."""
    if not _EUI_NAME.match(name):
        fail(errno.EINVAL)


def _one(name: str) -> int:
    value = tag(name, base=10)
    if value != 1:
        fail(errno.EINVAL)
    return value


def _only_tpg(target: Directory, _name: str) -> None:
    """Refuse a second TPG: sbp_make_tpg()."""
    if target.made():
        fail(errno.EBUSY)


def _hardware(fabric: Directory, name: str) -> None:
    if name not in fabric.tree.host.ports.get(fabric.name, ()):
        fail(errno.EINVAL)


def _acl_made(acl: Directory) -> None:
    acl.put("port_name", acl.name + "\n")


def _fc_wwn(acl: Directory, name: str, text: str) -> None:
    if not _FC_NAME.match(c_string(text).rstrip("\n")):
        fail(errno.EINVAL)
    keep(acl, name, text)


def _sbp_disabled(tpg: Directory) -> None:
    if tpg.text("enable") == "1\n":
        fail(errno.EBUSY)


def _directory_id(tpg: Directory, name: str, text: str) -> None:
    _sbp_disabled(tpg)
    text = c_string(text)
    if text.startswith("implicit"):
        tpg.put(name, "implicit\n")
        return
    value = parsers.number(text, *U64, base=16)
    if value > _DIRECTORY_ID_MAX:
        fail(errno.EINVAL)
    tpg.put(name, f"{value:06x}\n")


def _sbp_enable(tpg: Directory, value: bool) -> None:
    if value and not any(lun.links for lun in tpg.sub("lun").made()):
        fail(errno.EINVAL)


POLICIES["fc"] = Policy(name=_fc_name, tag=_one, acl_name=_fc_name, acl_made=_acl_made)
POLICIES["sbp"] = Policy(
    name=_eui_name, tag=lambda name: tag(name, base=10), acl_name=_eui_name, name_tpg=_only_tpg
)
for _fabric in GUESSED:
    POLICIES[_fabric] = Policy(name=_hardware)

PORTS = {
    "acl.fc": Rules({"port_name": Rule(store=_fc_wwn), "node_name": Rule(store=_fc_wwn)}),
    "tpg.sbp": Rules({
        "enable": enable(_sbp_enable),
        "directory_id": Rule(store=_directory_id),
    }),
    "tpg.sbp/attrib": Rules({
        "mgt_orb_timeout": integer(range(1, 128), kind=U64),
        "max_reconnect_timeout": integer(range(1, 32768), kind=U64),
        "max_logins_per_lun": integer(range(1, 128), kind=U64),
    }),
    "tpg.qla2xxx/attrib": Rules({name: integer(range(2), kind=U64) for name in _QLA_ATTRIB}),
    "tpg.srpt/attrib": Rules({name: integer(kind=U64) for name in _SRPT_ATTRIB}),
}  # fmt: skip
