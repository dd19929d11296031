# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of loopback and vhost, whose only initiator is a nexus that somebody writes.

drivers/target/loopback/tcm_loop.c, drivers/vhost/scsi.c.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

from rtslib.testing.fabric import POLICIES, Policy, fabric_of, tag
from rtslib.testing.parsers import byte_length, c_string, fail, refusal
from rtslib.testing.rules import U64, Rule, Rules, integer

if TYPE_CHECKING:
    from rtslib.testing.directory import Directory

__all__ = ["NEXUS", "protocol"]

ADDRESS_LEN = 256
LOOPBACK_TPGS = 32
VHOST_TPGS = 256

#: Prefix of a port's name -> SCSI protocol identifier; the first that is found anywhere counts.
PROTOCOLS = {"naa.": 6, "fc.": 0, "iqn.": 5}
#: Dropping a nexus that ports still use: tcm_loop_drop_nexus(), vhost_scsi_drop_nexus().
BUSY = {"loopback": errno.EPERM, "vhost": errno.EBUSY}


def protocol(name: str) -> int:
    """Return the protocol identifier that a port's name stands for."""
    for prefix, number in PROTOCOLS.items():
        if prefix in name:
            return number
    raise refusal(errno.EINVAL)


def _check_name(_fabric: Directory, name: str) -> None:
    protocol(name)


def _loopback_made(target: Directory) -> None:
    taken = {int(at.partition(":")[0]) for at in target.tree.host.scsi}
    taken.update(other.data["host"] for other in target.up.made() if other is not target)
    target.set(host=next(number for number in range(len(taken) + 1) if number not in taken))


def _loopback_linked(lun: Directory) -> None:
    tpg = lun.up.up
    tpg.set(ports=tpg.data.get("ports", 0) + 1)
    lun.set(attached="nexus" in tpg.data)


def _loopback_unlinked(lun: Directory) -> None:
    # A LUN that was linked before the nexus has no scsi_device: the count stays, for good
    if lun.data.pop("attached"):
        lun.up.up.set(ports=lun.up.up.data["ports"] - 1)


def _vhost_linked(lun: Directory) -> None:
    lun.up.up.set(ports=lun.up.up.data.get("ports", 0) + 1)


def _vhost_unlinked(lun: Directory) -> None:
    lun.up.up.set(ports=lun.up.up.data["ports"] - 1)


def _show_nexus(tpg: Directory, _name: str) -> str:
    if "nexus" not in tpg.data:
        fail(errno.ENODEV)
    return f"{tpg.data['nexus']}\n"


def _store_nexus(tpg: Directory, _name: str, text: str) -> None:
    text = c_string(text)
    if text.startswith("NULL"):
        _drop(tpg)
        return
    if byte_length(text) >= ADDRESS_LEN or protocol(text) != protocol(tpg.up.name):
        fail(errno.EINVAL)
    if "nexus" in tpg.data:
        fail(errno.EEXIST)
    port = text.removesuffix("\n")
    if "naa." not in text and "fc." in text:
        port = port[3:]
    if port not in tpg.sub("acls").subs:
        tpg.tree.count("acl")  # a dynamic ACL, which no directory shows
    tpg.set(nexus=port)


def _drop(tpg: Directory) -> None:
    if "nexus" not in tpg.data:
        fail(errno.ENODEV)
    if tpg.data.get("ports", 0):
        fail(BUSY[fabric_of(tpg)])
    del tpg.data["nexus"]
    tpg.touch()


def _address(tpg: Directory, _name: str) -> str:
    return f"{tpg.up.data['host']}:0:{tpg.data['tag']}\n"


def _transport_status(tpg: Directory, name: str, text: str) -> None:
    for status in ("online", "offline"):
        if text.startswith(status):
            tpg.put(name, status + "\n")
            return
    fail(errno.EINVAL)


POLICIES["loopback"] = Policy(
    name=_check_name,
    tag=lambda name: tag(name, LOOPBACK_TPGS - 1, 10),
    target_made=_loopback_made,
    linked=_loopback_linked,
    unlinked=_loopback_unlinked,
)
POLICIES["vhost"] = Policy(
    name=_check_name,
    tag=lambda name: tag(name, VHOST_TPGS - 1, 10),
    linked=_vhost_linked,
    unlinked=_vhost_unlinked,
)

_PROT_TYPE = {"fabric_prot_type": integer((0, 1, 3), kind=U64)}

NEXUS = {
    "tpg.loopback": Rules({
        "nexus": Rule(_show_nexus, _store_nexus),
        "address": Rule(show=_address),
        "transport_status": Rule(store=_transport_status),
    }),
    "tpg.vhost": Rules({"nexus": Rule(_show_nexus, _store_nexus)}),
    "tpg.loopback/attrib": Rules(dict(_PROT_TYPE)),
    "tpg.vhost/attrib": Rules(dict(_PROT_TYPE)),
}  # fmt: skip
