# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What advice is made of: who links where, who holds a device, who listens on a port.

Every function looks and changes nothing. Any of them may raise: advice that cannot be found out
is not given (see ``hints``).
"""

from __future__ import annotations

import glob
import ipaddress
import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtslib import spec
from rtslib.configfs import Kind
from rtslib.portal import PortalAddress

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from rtslib.configfs import ConfigFS
    from rtslib.spec import Spec

__all__ = [
    "VALUES",
    "Refusal",
    "backing",
    "directories",
    "enabled",
    "exporters",
    "link",
    "listeners",
    "mappers",
    "owner",
    "portals",
    "some",
    "spec_of",
    "storage_objects",
    "tpgs",
]

#: How many names a sentence may list.
NAMES_SHOWN = 5

#: The device that a plugin was told to open, as it stands in ``info``; what is unset has no match.
_BACKING = re.compile(r"(?:UDEV PATH|File|Config): (?!NULL )(\S.*?) +(?:readonly|Size):")

#: A listening socket of /proc/net/tcp and tcp6: local address and port; state 0A; inode.
_LISTENING = re.compile(
    r" *\d+: ((?:[0-9A-F]{8}){1,4}):([0-9A-F]{4}) \S+ 0A (?:\S+ +){3}\d+ +\d+ (\d+)"
)

_SOCKET_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")


#: What numbers and words the kernel takes, by file: iscsi_target_tpg.c, iscsi_target_nodeattrib.c,
#: iscsi_target_parameters.c, target_core_alua.c, target_core_device.c.
VALUES = {
    "block_size": "it takes 512, 1024, 2048 or 4096",
    "alias": "it takes at most 511 bytes",
    "cmdsn_depth": "it takes 1 to 512",
    "dataout_timeout": "it takes 2 to 60 seconds",
    "dataout_timeout_retries": "it takes 1 to 15",
    "default_cmdsn_depth": "it takes 1 to 512",
    "default_erl": "it takes 0, 1 or 2",
    "emulate_ua_intlck_ctrl": "it takes 0, 1 or 2",
    "implicit_trans_secs": "it takes 0 to 255 seconds",
    "login_timeout": "it takes 5 to 30 seconds",
    "netif_timeout": "it takes 2 to 15 seconds",
    "nonop_delay_msecs": "it takes 0 to 10000 milliseconds",
    "nopin_response_timeout": "it takes 3 to 60 seconds",
    "nopin_timeout": "it takes 3 to 60 seconds, or 0 for never",
    "optimal_sectors": "it takes at most the value of hw_max_sectors",
    "pi_prot_type": "it takes 0, 1 or 3",
    "queue_depth": "it takes 1 to the value of hw_queue_depth",
    "trans_delay_msecs": "it takes 0 to 30000 milliseconds",
    "udev_path": "it takes at most 511 bytes",
    "AuthMethod": "it takes CHAP and None, with a comma between them",
    "DataDigest": "it takes CRC32C and None, with a comma between them",
    "HeaderDigest": "it takes CRC32C and None, with a comma between them",
    "DataPDUInOrder": "it takes Yes or No, in just this spelling",
    "DataSequenceInOrder": "it takes Yes or No, in just this spelling",
    "ImmediateData": "it takes Yes or No, in just this spelling",
    "InitialR2T": "it takes Yes or No, in just this spelling",
    "DefaultTime2Retain": "it takes 0 to 3600 seconds",
    "DefaultTime2Wait": "it takes 0 to 3600 seconds",
    "ErrorRecoveryLevel": "it takes 0, 1 or 2",
    "FirstBurstLength": "it takes 512 to 16777215 bytes",
    "MaxBurstLength": "it takes 512 to 16777215 bytes",
    "MaxConnections": "it takes 1 to 65535",
    "MaxOutstandingR2T": "it takes 1 to 65535",
    "MaxRecvDataSegmentLength": "it takes 512 to 16777215 bytes",
    "MaxXmitDataSegmentLength": "it takes 512 to 16777215 bytes",
    "TargetAlias": "it takes at most 255 bytes",
}


@dataclass(frozen=True)
class Refusal:
    """What the kernel refused; `parts` are the components of the path by their names in a rule."""

    fs: ConfigFS
    path: str
    parts: Mapping[str, str]
    value: str | None = None

    def up(self, levels: int) -> str:
        """Return the path without its last components."""
        return self.path.rsplit("/", levels)[0]


def some(names: Iterable[str]) -> str:
    """Return names as one text, the first few of many."""
    every = list(names)
    rest = len(every) - NAMES_SHOWN
    shown = ", ".join(every[:NAMES_SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown


def directories(fs: ConfigFS, path: str) -> list[str]:
    """Return the names of the directories in a directory."""
    return sorted(fs.names(path, Kind.DIRECTORY))


def link(fs: ConfigFS, path: str) -> str | None:
    """Return where the link in a directory leads, None where it has none."""
    for name in fs.names(path, Kind.LINK):
        return fs.readlink(f"{path}/{name}")
    return None


def enabled(fs: ConfigFS, path: str) -> bool:
    """Tell whether a storage object or a TPG is enabled."""
    return fs.read(f"{path}/enable").strip() == "1"


def spec_of(group: str) -> Spec | None:
    """Return the spec of the fabric whose directory has this name."""
    every = spec.available().values()
    good = (found for found in every if isinstance(found, spec.Spec))
    return next((found for found in good if found.configfs_group == group), None)


def storage_objects(fs: ConfigFS) -> Iterator[str]:
    """Yield the paths of all storage objects."""
    for hba in directories(fs, "core"):
        if hba != "alua":
            for name in directories(fs, f"core/{hba}"):
                yield f"core/{hba}/{name}"


def backing(fs: ConfigFS, storage_object: str) -> str:
    """Return the file, device or configuration behind a storage object, '' where none is set."""
    told = _BACKING.search(fs.read(f"{storage_object}/info"))
    return told.group(1) if told else fs.read(f"{storage_object}/udev_path").strip()


def tpgs(fs: ConfigFS) -> Iterator[str]:
    """Yield the paths of all TPGs."""
    for fabric in directories(fs, ""):
        if fabric != "core":
            for target in directories(fs, fabric):
                for name in directories(fs, f"{fabric}/{target}"):
                    if name.startswith("tpgt_"):
                        yield f"{fabric}/{target}/{name}"


def exporters(fs: ConfigFS, storage_object: str) -> list[str]:
    """Return the LUNs that export a storage object, as 'TARGET tpgt_N lun_N'.

    The object's ALUA groups list them, as far as one page goes: one read for each group. Only an
    object without (a device passed through) needs a search of all LUNs.
    """
    found = []
    for group in directories(fs, f"{storage_object}/alua"):
        # FABRIC/TARGET/tpgt_N/lun_N, lines that end in '\n\0'.
        for line in fs.read(f"{storage_object}/alua/{group}/members").split("\n"):
            found += [line.strip("\0").partition("/")[2].replace("/", " ")] if "/" in line else []
    return found or [
        f"{tpg.partition('/')[2].replace('/', ' ')} {lun}"
        for tpg in tpgs(fs)
        for lun in directories(fs, f"{tpg}/lun")
        if link(fs, f"{tpg}/lun/{lun}") == storage_object
    ]


def mappers(fs: ConfigFS, lun: str) -> list[str]:
    """Return the mapped LUNs that show a LUN, as 'lun_N of INITIATOR'."""
    acls = lun.rsplit("/", 2)[0] + "/acls"
    return [
        f"{mapped} of {acl}"
        for acl in directories(fs, acls)
        for mapped in directories(fs, f"{acls}/{acl}")
        if mapped.startswith("lun_") and link(fs, f"{acls}/{acl}/{mapped}") == lun
    ]


def portals(fs: ConfigFS, fabric: str) -> Iterator[tuple[str, str, PortalAddress]]:
    """Yield (target, TPG, address) of every portal of a fabric."""
    for target in directories(fs, fabric):
        for tpg in directories(fs, f"{fabric}/{target}"):
            if tpg.startswith("tpgt_"):
                for name in directories(fs, f"{fabric}/{target}/{tpg}/np"):
                    yield target, tpg, PortalAddress.from_name(name)


def listeners() -> Iterator[tuple[PortalAddress, str]]:
    """Yield (address, inode) of every socket that listens in this network namespace."""
    for table in _SOCKET_TABLES:
        with open(table, encoding="ascii", errors="replace") as lines:
            for line in lines:
                socket = _LISTENING.match(line)
                if socket:
                    address, port, inode = socket.groups()
                    name = f"{_socket_address(address)}:{int(port, 16)}"
                    yield PortalAddress.from_name(name), inode


def _socket_address(digits: str) -> str:
    """Return the address that the kernel printed as 32-bit words in the machine's byte order."""
    words = (bytes.fromhex(digits[at : at + 8]) for at in range(0, len(digits), 8))
    packed = b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)
    address = ipaddress.ip_address(packed)
    return f"[{address}]" if address.version == 6 else str(address)  # noqa: PLR2004 - IPv6


def owner(inode: str) -> str | None:
    """Return 'NAME (pid N)' of a program that has a socket open, None where none is seen."""
    for path in glob.iglob("/proc/[0-9]*/fd/*"):
        try:
            if os.readlink(path) != f"socket:[{inode}]":
                continue
            process = path.split("/")[2]
            with open(f"/proc/{process}/comm", encoding="utf-8", errors="replace") as comm:
                return f"{comm.read().strip()} (pid {process})"
        except OSError:
            # Programs end while one looks; other users' are not shown without root.
            continue
    return None
