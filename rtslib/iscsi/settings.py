# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a login asks for, as one record: names, credentials, keys, time limits."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

from rtslib.errors import MASK
from rtslib.iscsi.errors import LocalProtocolError
from rtslib.portal import DEFAULT_PORT, spelled
from rtslib.wwn import ISCSI_NAME_BYTES

if TYPE_CHECKING:
    from rtslib.iscsi.keys import Value

__all__ = ["Credentials", "Settings", "random_isid"]

DEFAULT_INITIATOR = "iqn.2026-11.org.rtslib:initiator"
#: Targets choose the first that they know. SHA-256 comes last: tgtd, which has MD5, takes its
#: number for that of another one, and then refuses what is right.
ALGORITHMS = (8, 6, 5, 7)
DIGESTS = ("None", "CRC32C")


def random_isid() -> int:
    """Return an ISID of the random kind (RFC 7143 section 11.12.5)."""
    return 0x80 << 40 | int.from_bytes(os.urandom(5), "big")


@dataclass(frozen=True)
class Credentials:
    """A user and a secret, which no representation shows."""

    user: str
    secret: str = field(repr=False)

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, secret={MASK!r})"


@dataclass(frozen=True)
class Settings:
    """What a login asks for. Lengths are in bytes, times in seconds.

    `credentials` prove who we are; the target must prove itself where `target_credentials` are
    given. `isid` is the initiator's part of a session's name: two sessions with the same names,
    portal group and ISID are one, and the older one is ended by the target.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    target: str | None = None
    #: A LUN, and the serial number that it must have, if a URL has them.
    lun: int | None = None
    serial: str | None = None
    initiator: str = DEFAULT_INITIATOR
    credentials: Credentials | None = None
    target_credentials: Credentials | None = None
    #: CHAP algorithms by number, in order of preference: 8 SHA3-256, 7 SHA-256, 6 SHA1, 5 MD5.
    chap_algorithms: tuple[int, ...] = ALGORITHMS
    isid: int = field(default_factory=random_isid)

    #: Digests in order of preference.
    header_digest: tuple[str, ...] = DIGESTS
    data_digest: tuple[str, ...] = ("None",)
    #: The most data that we take in one PDU.
    max_recv_data_segment_length: int = 262144
    max_burst_length: int = 262144
    first_burst_length: int = 262144
    initial_r2t: bool = False
    immediate_data: bool = True
    max_outstanding_r2t: int = 1
    default_time2wait: int = 2
    default_time2retain: int = 0
    #: 2 asks for the functions of RFC 7144.
    protocol_level: int = 1

    #: How long connecting and logging in may take, all redirections together.
    login_timeout: float = 15.0
    #: How long a command may take; None is for ever.
    command_timeout: float | None = 60.0
    #: Silence for this long and the target is asked whether it is there; None never asks.
    ping_interval: float | None = 15.0
    #: How long it may take to answer that.
    ping_timeout: float = 15.0
    max_redirects: int = 5
    #: How often a lost connection is made again before that is an error; None is for ever.
    reconnects: int | None = 5
    #: The first and the longest pause between these.
    reconnect_pause: tuple[float, float] = (1.0, 30.0)

    def __post_init__(self) -> None:
        for what in (self.initiator, self.target):
            if what is not None and not 0 < len(what.encode("utf-8")) <= ISCSI_NAME_BYTES:
                raise LocalProtocolError(
                    f"an iSCSI name has 1 to {ISCSI_NAME_BYTES} bytes", value=what
                )
        ours, theirs = self.credentials, self.target_credentials
        if theirs is not None and ours is None:
            raise LocalProtocolError("the target proves itself only to whom it knows: credentials")
        if ours is not None and theirs is not None and ours.secret == theirs.secret:
            raise LocalProtocolError(
                "both directions have the same secret: anybody could send our own proof back",
                hint="give the target a secret of its own",
            )
        if not 0 <= self.isid < 1 << 48:
            raise LocalProtocolError("an ISID has 48 bits", value=hex(self.isid))

    @property
    def discovery(self) -> bool:
        """Whether this asks for a session that only lists targets: no target is named."""
        return self.target is None

    @property
    def where(self) -> str:
        """The portal, and the target if there is one, for messages."""
        return spelled(self.host, self.port) + (f" {self.target}" if self.target else "")

    def offers(self) -> dict[str, Value]:
        """Return the operational keys that are offered or declared."""
        offers: dict[str, Value] = {
            "HeaderDigest": self.header_digest,
            "DataDigest": self.data_digest,
            "MaxRecvDataSegmentLength": self.max_recv_data_segment_length,
            "DefaultTime2Wait": self.default_time2wait,
            "DefaultTime2Retain": self.default_time2retain,
            "ErrorRecoveryLevel": 0,
        }
        if not self.discovery:
            offers.update(
                MaxConnections=1,
                InitialR2T=self.initial_r2t,
                ImmediateData=self.immediate_data,
                MaxBurstLength=self.max_burst_length,
                FirstBurstLength=min(self.first_burst_length, self.max_burst_length),
                MaxOutstandingR2T=self.max_outstanding_r2t,
                DataPDUInOrder=True,
                DataSequenceInOrder=True,
            )
        if self.protocol_level > 1:
            offers["iSCSIProtocolLevel"] = self.protocol_level
        return offers

    def __repr__(self) -> str:
        # Only what is not as ever: there are many fields, and most of them are.
        changed = []
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name != "isid" and value != one.default:
                changed.append(f"{one.name}={value!r}")
        return f"Settings({', '.join(changed)})"
