# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Advice about fabrics, targets, TPGs, portals, LUNs and ACLs: what is refused beside ``core``.

Each function answers for one rule of ``hint_rules``, None where it has nothing to say.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rtslib import host, spec
from rtslib.errors import InvalidValueError
from rtslib.hint_facts import (
    directories,
    enabled,
    link,
    listeners,
    mappers,
    owner,
    portals,
    some,
    spec_of,
    tpgs,
)
from rtslib.portal import PortalAddress
from rtslib.wwn import ISCSI_NAME_BYTES

if TYPE_CHECKING:
    from rtslib.hint_facts import Refusal
    from rtslib.spec import Spec

__all__ = [
    "bad_name",
    "fabric_module",
    "long_name",
    "lun_link",
    "mapped",
    "mapped_link",
    "nexus_in_use",
    "nexus_name",
    "nexus_there",
    "no_link_end",
    "no_port",
    "not_open",
    "portal_listener",
    "portal_name",
    "portal_no_ipv6",
    "portal_not_local",
    "portal_overlap",
    "portal_scope",
    "portal_taken",
    "rtpi",
    "same_port_id",
    "tag",
    "tpg_enable",
    "transport",
]


def _with_hint(advice: str, found: Spec) -> str:
    """Add what the spec's author has to say."""
    return f"{advice}; {found.hint}" if found.hint else advice


# Fabrics and targets


def fabric_module(r: Refusal) -> str:
    """A fabric's directory needs its kernel module."""
    group = r.parts["FABRIC"]
    found = spec_of(group)
    if found is None:
        named = spec.available().get(group)
        if isinstance(named, spec.Spec):
            return f"the directory of the fabric {group} is called {named.configfs_group}"
        return f"no fabric spec file knows it: the fabrics are {', '.join(spec.available())}"
    module = found.kernel_module
    if host.is_host(r.fs) and any(map(host.is_module_present, found.kernel_modules)):
        return _with_hint(f"its kernel module {module} is loaded, but made no fabric", found)
    return _with_hint(f"its kernel module {module} is not loaded: modprobe {module}", found)


def long_name(r: Refusal) -> str | None:
    """The names of iSCSI have a limit of their own."""
    length = len(os.fsencode(r.parts["TARGET"]))
    if r.parts["FABRIC"] != "iscsi" or length <= ISCSI_NAME_BYTES:
        return None
    return f"an iSCSI name has at most {ISCSI_NAME_BYTES} bytes, this one has {length}"


def no_port(r: Refusal) -> str | None:
    """Hardware fabrics take the names of their ports alone."""
    found = spec_of(r.parts["FABRIC"])
    if found is None or not found.has_fixed_wwns:
        return None
    # The commands of a vendor's spec are not run for the sake of a sentence.
    if found.wwn_from_cmds or found.wwn_from_files_filter:
        return found.hint
    names = [found.to_fabric(name) for name in found.wwns() or ()]
    if r.parts["TARGET"] in names:
        return _with_hint("this machine has that port, but it takes no target", found)
    there_are = f"these are {some(names)}" if names else "it has none"
    return _with_hint(f"targets are named after this machine's ports: {there_are}", found)


def bad_name(r: Refusal) -> str | None:
    """Names must be of the kinds that the fabric knows."""
    found = spec_of(r.parts["FABRIC"])
    if found is None:
        return None
    name = found.from_fabric(r.parts.get("ACL", r.parts["TARGET"]))
    try:
        found.normalise(name)
    except InvalidValueError as error:
        return error.message
    return f"{found.name} names are of type {' or '.join(found.wwn_types)}"


def tag(r: Refusal) -> str | None:
    """TPGs are numbered, and not every fabric has many."""
    found = spec_of(r.parts["FABRIC"])
    if found is not None and not found.has_feature("tpgts") and r.parts["TPG"] != "tpgt_1":
        return f"call it tpgt_1: a {found.name} target needs no other"
    return "a TPG is called tpgt_N, N from 0 to 65535"


# Portals: the kernel has one errno for everything


def _portal(r: Refusal) -> PortalAddress:
    return PortalAddress.from_name(r.parts["PORTAL"])


def portal_name(r: Refusal) -> str | None:
    """The name may be none."""
    if _portal(r).port:
        return None
    try:
        # Says more precisely what is wrong, where it is a person's mistake.
        PortalAddress.parse(r.parts["PORTAL"])
    except InvalidValueError as error:
        return error.message
    return "a portal is called ADDRESS:PORT, with IPv6 addresses in brackets: [2001:db8::1]:3260"


def portal_scope(r: Refusal) -> str | None:
    """The interface of a link-local address may not exist."""
    scope = _portal(r).ip.partition("%")[2]
    if not scope or scope.isdigit() or os.path.isdir(f"/sys/class/net/{scope}"):
        return None
    return f"there is no interface {scope} here, only {some(sorted(os.listdir('/sys/class/net')))}"


def portal_taken(r: Refusal) -> str | None:
    """The target may have the portal already, in another TPG or another spelling."""
    wanted = _portal(r)
    for target, tpg, there in portals(r.fs, r.parts["FABRIC"]):
        if target == r.parts["TARGET"] and there == wanted:
            if tpg == r.parts["TPG"]:
                return f"it exists already, as {there.name}"
            return f"{tpg} of this target has it already: a target has an address in one TPG only"
    return None


def portal_overlap(r: Refusal) -> str | None:
    """A wildcard leaves no room for single addresses, and the other way round."""
    wanted = _portal(r)
    for target, tpg, there in portals(r.fs, r.parts["FABRIC"]):
        # iscsit_check_np_match() takes 0.0.0.0 for every IPv6 address of the same target too.
        own = target == r.parts["TARGET"] and wanted.is_wildcard and wanted.port == there.port
        if there != wanted and (own or wanted.overlaps(there)):
            return f"it overlaps with the portal {there} of {target} {tpg}: use another port"
    return None


def portal_listener(r: Refusal) -> str | None:
    """Another program may listen there."""
    if not host.is_host(r.fs):
        return None
    wanted = _portal(r)
    ours = {address for _target, _tpg, address in portals(r.fs, r.parts["FABRIC"])}
    for there, inode in listeners():
        if wanted.overlaps(there) and there not in ours:
            program = owner(inode) or "another program"
            return f"{program} listens on {there}: stop it, or use another port"
    return None


def portal_no_ipv6(r: Refusal) -> str | None:
    """The kernel may have no IPv6."""
    if host.is_host(r.fs) and _portal(r).is_ipv6 and not os.path.exists("/proc/net/if_inet6"):
        return "this kernel has IPv6 switched off"
    return None


def portal_not_local(r: Refusal) -> str | None:
    """The kernel takes foreign addresses, but they are seldom meant."""
    ip = _portal(r).ip
    if host.is_local(ip):
        return None
    return f"{ip} is no address of this machine, though that alone is not refused: see dmesg"


def transport(r: Refusal) -> str:
    """Transports need hardware and a driver."""
    if r.parts["FILE"] == "iser":
        return "iSER needs an RDMA device with this address, and the kernel module ib_isert"
    return (
        "offload needs a Chelsio T5 or T6 adapter with this address, and the kernel module cxgbit"
    )


# TPGs


def same_port_id(r: Refusal) -> str | None:
    """Two enabled TPGs cannot have one relative target port identifier, where there is one."""
    mine = r.up(1)
    wanted = r.fs.read(f"{mine}/rtpi").strip()
    for other in tpgs(r.fs):
        taken = other != mine and r.fs.read(f"{other}/rtpi").strip() == wanted
        if taken and wanted != "0x0" and enabled(r.fs, other):
            return f"{other} is enabled with the same rtpi {wanted}: write another one first"
    return None


def tpg_enable(r: Refusal) -> str | None:
    """What a fabric may want before."""
    if r.parts["FABRIC"] == "sbp" and not directories(r.fs, f"{r.up(1)}/lun"):
        return "a FireWire TPG needs a LUN before it is enabled"
    found = spec_of(r.parts["FABRIC"])
    return found.hint if found else None


def rtpi(r: Refusal) -> str:
    """A TPG keeps its identifier while it is enabled."""
    if enabled(r.fs, r.up(1)):
        return "disable the TPG first: rtpi is fixed while it is enabled"
    return "rtpi is 1 to 65535"


def nexus_there(r: Refusal) -> str:
    """A nexus is set once."""
    now = r.fs.read(r.path).strip()
    return f"the nexus is {now} already: write NULL first to set another"


def nexus_name(r: Refusal) -> str:
    """A nexus has a name like its target's."""
    kind = r.parts["TARGET"].partition(".")[0]
    return f"the name of a nexus begins with '{kind}.', as its target's does"


def nexus_in_use(r: Refusal) -> str:
    """A nexus that LUNs are reached through stays."""
    luns = directories(r.fs, f"{r.up(1)}/lun")
    if luns:
        return f"remove the TPG's LUNs first: {some(luns)}"
    return "a LUN was made before the nexus, and the kernel still counts it: remove the TPG"


# Links


def lun_link(r: Refusal) -> str | None:
    """A LUN links to one storage object."""
    now = link(r.fs, r.up(1))
    return f"the LUN exports {now} already" if now else None


def not_open(r: Refusal) -> str:
    """Only an enabled object can be exported."""
    return f"the storage object {r.value} is not enabled: write 1 to its enable first"


def mapped_link(r: Refusal) -> str | None:
    """A mapped LUN links to a LUN of its own TPG that has a storage object."""
    now = link(r.fs, r.up(1))
    if now:
        return f"it shows {now} already"
    lun, tpg = r.value or "", r.up(4)
    if lun.rsplit("/", 2)[0] != tpg:
        return f"an ACL shows LUNs of its own TPG only: {some(directories(r.fs, f'{tpg}/lun'))}"
    if link(r.fs, lun) is None:
        return f"{lun} exports no storage object yet"
    return None


def no_link_end(r: Refusal) -> str | None:
    """What a link is to lead to must exist."""
    try:
        r.fs.kind(r.value or "")
    except FileNotFoundError:
        return f"there is no {r.value}"
    return None


# rmdir


def mapped(r: Refusal) -> str | None:
    """A LUN that ACLs show stays."""
    found = mappers(r.fs, r.path)
    return f"remove the mapped LUNs that show it first: {some(found)}" if found else None
