# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The table of advice: which sentence fits which refusal.

Rules are tried in order; the first that has something to say is heard. Precise ones come first.
"""

from __future__ import annotations

import errno
import os
from functools import cache
from typing import Callable, NamedTuple, Union

from rtslib import hint_fabric as fabric
from rtslib import hint_storage as storage
from rtslib import host
from rtslib.configfs import Kind
from rtslib.hint_facts import VALUES, Refusal, directories, some

__all__ = ["RULES", "Rule", "candidates"]

Advice = Union[str, Callable[[Refusal], Union[str, None]]]


class Rule(NamedTuple):
    """When an advice fits: operations, names of errnos, and a path; '*' is any.

    A component of the path in capitals stands for any name, '...' at the end for anything more.
    FABRIC is never ``core``.
    """

    operations: str
    errnos: str
    path: str
    advice: Advice

    def fits(self, operation: str, number: int | None) -> bool:
        """Tell whether operation and errno are this rule's."""
        names = self.errnos.split()
        return (self.operations == "*" or operation in self.operations.split()) and (
            names == ["*"] or any(getattr(errno, name) == number for name in names)
        )

    def parts(self, path: str) -> dict[str, str] | None:
        """Return the components of a path by their names in the rule; None if it does not fit."""
        wanted, given = self.path.split("/"), path.split("/")
        if wanted[-1] == "...":
            wanted.pop()
            given = given[: len(wanted)]
        if len(wanted) != len(given):
            return None
        for want, part in zip(wanted, given):
            if want.isupper() and (want, part) != ("FABRIC", "core"):
                continue
            if part != want:
                return None
        return {want: part for want, part in zip(wanted, given) if want.isupper()}


@cache
def candidates(operation: str, number: int | None) -> tuple[Rule, ...]:
    """Return the rules of an operation and errno: most refusals that are expected have none."""
    return tuple(rule for rule in RULES if rule.fits(operation, number))


# Rules for every path


def _no_tree(r: Refusal) -> str | None:
    """The whole tree may be missing."""
    try:
        r.fs.kind("")
    except FileNotFoundError:
        pass
    else:
        return None
    if not host.is_host(r.fs):
        return f"there is no target tree at {r.fs.root}"
    if not host.configfs_mounted():
        return (
            "configfs is not mounted: mount -t configfs configfs /sys/kernel/config; a container"
            " needs the host's mounted into it"
        )
    return "the kernel module target_core_mod is not loaded: modprobe target_core_mod"


def _not_root(r: Refusal) -> str | None:
    """Changing anything needs root."""
    return "this needs root" if host.is_host(r.fs) and os.geteuid() != 0 else None


def _not_permitted(r: Refusal) -> str:
    """Root may lack capabilities, or SELinux or AppArmor may forbid it."""
    # A tree that is not the kernel's has its own idea of who may.
    return _ROOT_IS_NOT_ENOUGH if host.is_host(r.fs) else "this needs root"


def _no_writer(r: Refusal) -> str | None:
    """The kernel may have the file for reading only."""
    return None if r.fs.mode(r.path) & 0o222 else "the kernel has this file for reading only"


def _no_reader(r: Refusal) -> str | None:
    """The kernel may have the file for writing only."""
    return None if r.fs.mode(r.path) & 0o444 else "the kernel has this file for writing only"


def _no_parent(r: Refusal) -> str | None:
    """The nearest directory that is missing above a path."""
    missing, above = None, r.path
    while "/" in above:
        above = above.rpartition("/")[0]
        try:
            r.fs.kind(above)
        except FileNotFoundError:
            missing = above
        else:
            break
    return f"there is no {missing}" if missing else None


def _no_setting(r: Refusal) -> str | None:
    """The directory may be missing, or this kernel has no such setting."""
    return _no_parent(r) or "this kernel has no such setting here"


def _empty(r: Refusal) -> str | None:
    """No text at all is refused: a line break clears a value."""
    return "the kernel takes no empty text: a line break clears a value" if r.value == "" else None


#: What rmdir of the directory above removes.
_DEFAULT = frozenset({"default_tg_pt_gp", "discovery_auth"})


def _inside(*places: tuple[str, str]) -> Callable[[Refusal], str | None]:
    """Return advice for a node whose children stand in these (directory, prefix of their names)."""

    def advice(r: Refusal) -> str | None:
        """What stands in a directory goes before the directory."""
        found = [
            f"{directory}{name}"
            for directory, prefix in places
            for name in directories(r.fs, f"{r.path}/{directory}".rstrip("/"))
            if name.startswith(prefix) and name not in _DEFAULT
        ]
        return f"remove what stands in it first: {some(found)}" if found else None

    return advice


def _link_inside(r: Refusal) -> str | None:
    """The link in a directory goes before the directory."""
    links = r.fs.names(r.path, Kind.LINK)
    return f"remove the link in it first: {some(links)}" if links else None


def _values(r: Refusal) -> str | None:
    """The kernel takes other values here."""
    return VALUES.get(r.path.rpartition("/")[2])


_DIRECT = "the kernel makes this directory with the one above, and removes it with it"
_NO_MKDIR = "the kernel lets nobody make directories here"
_NO_LINKS = "the kernel lets nobody make links here: storage objects go into LUNs, LUNs into ACLs"
_LUN_NAME = "a LUN is called lun_N, N a number below 2**64"
_TO_OBJECT = "a LUN links to a storage object: core/HBA/NAME"
_TO_LUN = "a mapped LUN links to a LUN of its TPG: FABRIC/TARGET/TPG/lun/LUN"
_CREDENTIALS = "credentials are for root with CAP_SYS_ADMIN only, which a container's root may lack"
_CREDENTIAL_LENGTH = "a name or secret has at most 255 bytes"
_FIXED = "its value is fixed for this kind of storage object, on this kernel"
_READ_ONLY_MOUNT = "configfs is mounted read-only here, as in most containers: do it on the host"
_ROOT_IS_NOT_ENOUGH = (
    "root is not enough here: a container's root may lack capabilities, and SELinux or AppArmor"
    " may forbid it (see the audit log)"
)

ENABLE = "core/HBA/OBJECT/enable"
ATTRIBS = "core/HBA/OBJECT/attrib"
ATTRIB = f"{ATTRIBS}/FILE"
WWN = "core/HBA/OBJECT/wwn/FILE"
ALUA = "core/HBA/OBJECT/alua/GROUP"
TPG = "FABRIC/TARGET/TPG"
PORTAL = f"{TPG}/np/PORTAL"
MAPPED = f"{TPG}/acls/ACL/LUN"

# fmt: off
RULES: tuple[Rule, ...] = (
    Rule("*", "ENOENT", "...", _no_tree),
    Rule("*", "EROFS", "...", _READ_ONLY_MOUNT),

    # Who may
    Rule("read write", "EPERM", "FABRIC/discovery_auth/FILE", _CREDENTIALS),
    Rule("read write", "EPERM", f"{TPG}/auth/FILE", _CREDENTIALS),
    Rule("read write", "EPERM", f"{TPG}/acls/ACL/auth/FILE", _CREDENTIALS),
    Rule("write", "EACCES", "...", _no_writer),
    Rule("read", "EACCES", "...", _no_reader),
    Rule("*", "EACCES", "...", _not_root),
    Rule("write", "EACCES", ENABLE, storage.read_only),
    Rule("*", "EACCES", "...", _not_permitted),

    # Making directories
    Rule("mkdir", "ENOENT", "...", _no_parent),
    Rule("mkdir", "EINVAL ENOENT EPERM", "FABRIC", fabric.fabric_module),
    Rule("mkdir", "EINVAL", "FABRIC/TARGET", fabric.long_name),
    Rule("mkdir", "EINVAL ENODEV ENXIO", "FABRIC/TARGET", fabric.no_port),
    Rule("mkdir", "EINVAL ENODEV ENXIO", "FABRIC/TARGET", fabric.bad_name),
    Rule("mkdir", "EINVAL EBUSY", TPG, fabric.tag),
    Rule("mkdir", "EINVAL", PORTAL, fabric.portal_name),
    Rule("mkdir", "EINVAL", PORTAL, fabric.portal_scope),
    Rule("mkdir", "EINVAL", PORTAL, fabric.portal_taken),
    Rule("mkdir", "EINVAL", PORTAL, fabric.portal_overlap),
    Rule("mkdir", "EINVAL", PORTAL, fabric.portal_listener),
    Rule("mkdir", "EINVAL", PORTAL, fabric.portal_no_ipv6),
    Rule("mkdir", "EINVAL", PORTAL, fabric.portal_not_local),
    Rule("mkdir", "EINVAL", PORTAL,
         "is the port in use? kernel_bind() failed: -98 in dmesg says so"),
    Rule("mkdir", "ENOSYS", PORTAL, "this fabric has no portals, only iSCSI has"),
    Rule("mkdir", "EINVAL ERANGE", f"{TPG}/lun/LUN", _LUN_NAME),
    Rule("mkdir", "EINVAL ERANGE", MAPPED, _LUN_NAME),
    Rule("mkdir", "EINVAL", f"{TPG}/acls/ACL", fabric.bad_name),
    Rule("mkdir", "EINVAL", "core/HBA", storage.hba),
    Rule("mkdir", "ENAMETOOLONG", "core/HBA", "an HBA's name has at most 63 bytes"),
    Rule("mkdir", "EPERM", "...", _NO_MKDIR),

    # Opening a storage object
    Rule("write", "EEXIST", ENABLE, "it is enabled already, which is done once and never undone"),
    Rule("write", "EINVAL", ENABLE, storage.only_once),
    Rule("write", "*", ENABLE, storage.handler),
    Rule("write", "EBUSY", ENABLE, storage.twin),
    Rule("write", "EBUSY", ENABLE, storage.holders),
    Rule("write", "EBUSY", ENABLE, storage.held),
    Rule("write", "ENOENT", ENABLE, storage.no_device),
    Rule("write", "ENOTBLK", ENABLE, storage.no_block_device),
    Rule("write", "EISDIR", ENABLE, storage.a_directory),
    Rule("write", "EINVAL", ENABLE, storage.incomplete),
    Rule("write", "ENODEV", ENABLE, storage.no_scsi_device),
    Rule("write", "ENOMEM", ENABLE, storage.no_memory),

    # Settings of a storage object
    Rule("write", "EINVAL EEXIST", "core/HBA/OBJECT/control", storage.control),
    Rule("write", "EINVAL", "core/HBA/OBJECT/control", "a key has a value that it cannot have"),
    Rule("write", "EINVAL", ATTRIB, storage.frozen),
    Rule("write", "EINVAL", WWN, storage.frozen),
    Rule("write", "EINVAL", "core/HBA/OBJECT/pr/FILE", storage.frozen),
    Rule("write", "EINVAL ENODEV", ATTRIB, storage.not_enabled),
    Rule("write", "EINVAL", ATTRIB, storage.write_cache),
    Rule("write", "ENOSYS", ATTRIB, storage.no_unmap),
    Rule("write", "ENOSYS", f"{ATTRIBS}/pi_prot_type", "it takes 0, 1 or 3; some plugins only 0"),
    Rule("write", "ENOSYS", ATTRIB, _FIXED),
    Rule("write", "ENODEV", f"{ATTRIBS}/pi_prot_format", "set pi_prot_type to 1 or 3 first"),
    Rule("write", "ESRCH", ATTRIB, "no handler answered: is tcmu-runner running?"),
    Rule("write", "EOVERFLOW", WWN, storage.too_long),
    Rule("write", "EOPNOTSUPP", WWN, "the SCSI device behind it has its own, which is kept"),
    Rule("write", "EINVAL", WWN, storage.not_printable),
    Rule("write", "ENODEV", f"{ALUA}/FILE", storage.not_enabled),
    Rule("write", "EINVAL", f"{ALUA}/tg_pt_gp_id", storage.alua_id),
    Rule("write", "EINVAL", f"{ALUA}/FILE", storage.alua_state),
    Rule("write", "EINVAL", "core/alua/lu_gps/GROUP/lu_gp_id", storage.alua_id),
    Rule("write", "ENODEV EINVAL", "core/HBA/OBJECT/alua_lu_gp", storage.alua_group),
    Rule("write", "ENODEV EINVAL", f"{TPG}/lun/LUN/alua_tg_pt_gp", storage.alua_group),
    Rule("write", "EINVAL", "dbroot", storage.dbroot),
    Rule("write", "ENOENT", "dbroot", storage.no_directory),
    Rule("write", "ENOTDIR", "dbroot", "it takes a directory, not a file"),

    # Settings of a TPG and what is in it
    Rule("write", "EINVAL", f"{TPG}/enable", fabric.same_port_id),
    Rule("write", "*", f"{TPG}/enable", fabric.tpg_enable),
    Rule("write", "EINVAL", f"{TPG}/rtpi", fabric.rtpi),
    Rule("write", "EEXIST", f"{TPG}/nexus", fabric.nexus_there),
    Rule("write", "EINVAL", f"{TPG}/nexus", fabric.nexus_name),
    Rule("write", "EPERM EBUSY", f"{TPG}/nexus", fabric.nexus_in_use),
    Rule("write", "ENODEV", f"{TPG}/nexus", "there is no nexus to take away"),
    Rule("write", "EINVAL", f"{PORTAL}/FILE", fabric.transport),
    Rule("write", "EINVAL", f"{TPG}/auth/FILE", _CREDENTIAL_LENGTH),
    Rule("write", "EINVAL", f"{TPG}/acls/ACL/auth/FILE", _CREDENTIAL_LENGTH),
    Rule("write", "EINVAL", "FABRIC/discovery_auth/FILE", _CREDENTIAL_LENGTH),
    Rule("write", "ERANGE", "FABRIC/cpus_allowed_list", "this machine has fewer processors"),
    Rule("write", "EINVAL", "...", _values),
    Rule("write", "EFAULT", "...", _empty),
    Rule("write", "ENOENT", "...", _no_setting),

    # Links
    Rule("symlink", "ENOENT", "...", fabric.no_link_end),
    Rule("symlink", "EEXIST", f"{TPG}/lun/LUN/LINK", fabric.lun_link),
    Rule("symlink", "ENODEV", f"{TPG}/lun/LUN/LINK", fabric.not_open),
    Rule("symlink", "EFAULT ENOTDIR", f"{TPG}/lun/LUN/LINK", _TO_OBJECT),
    Rule("symlink", "EINVAL EEXIST", f"{MAPPED}/LINK", fabric.mapped_link),
    Rule("symlink", "EFAULT ENOTDIR", f"{MAPPED}/LINK", _TO_LUN),
    Rule("symlink", "EPERM", "...", _NO_LINKS),

    # Removing directories
    Rule("rmdir", "EPERM", "...", _DIRECT),
    Rule("rmdir", "EBUSY", "core/HBA/OBJECT", storage.exported),
    Rule("rmdir", "EBUSY", f"{TPG}/lun/LUN", fabric.mapped),
    Rule("rmdir", "ENOTEMPTY EBUSY", f"{TPG}/lun/LUN", _link_inside),
    Rule("rmdir", "ENOTEMPTY EBUSY", MAPPED, _link_inside),
    Rule("rmdir", "ENOTEMPTY", "core/HBA", _inside(("", ""))),
    Rule("rmdir", "ENOTEMPTY", "core/HBA/OBJECT", _inside(("alua/", ""))),
    Rule("rmdir", "ENOTEMPTY", "FABRIC", _inside(("", ""))),
    Rule("rmdir", "ENOTEMPTY", "FABRIC/TARGET", _inside(("", "tpgt_"))),
    Rule("rmdir", "ENOTEMPTY", TPG, _inside(("lun/", ""), ("np/", ""), ("acls/", ""))),
    Rule("rmdir", "ENOTEMPTY", f"{TPG}/acls/ACL", _inside(("", "lun_"))),
)
# fmt: on
