# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""LIO as initiators meet it, by what stands in a tree: who gets in, and what they see."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING

from rtslib import RTSRoot
from rtslib.errors import RTSLibNotInCFSError
from rtslib.iscsi import scsi
from rtslib.iscsi.errors import ConnectionLostError, ScsiError, login_error
from rtslib.iscsi.scsi.lun import Lun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rtslib import LUN, TPG, MappedLUN, NodeACL
    from rtslib.configfs import ConfigFS
    from rtslib.iscsi.settings import Settings

__all__ = ["FakeLio", "Unit"]

_FORBIDDEN, _NOT_FOUND, _AUTHENTICATION, _DISABLED = (2, 2), (2, 3), (2, 1), (3, 1)


class Unit:
    """A LUN as one session sees it."""

    def __init__(self, lun: LUN, *, write_protected: bool) -> None:
        so = lun.storage_object
        self.inquiry = scsi.Inquiry(version=6, vendor=so.vendor_id)
        self.serial: str | None = so.serial
        self.block_size = 512
        self.size = so.size
        self.write_protected = write_protected
        #: What it says instead, to all that is more than its name.
        self.sense = b""


class FakeSession:
    """A login."""

    def __init__(self, depth: int, units: dict[int, Unit], asked: list[str]) -> None:
        self.connection = SimpleNamespace(window=SimpleNamespace(room=depth))
        self.units = units
        #: What was asked of disks, in words.
        self.asked = asked

    async def luns(self) -> list[Lun]:
        return [Lun.from_linux(number) for number in self.units or (0,)]

    async def inquiry(self, lun: Lun) -> scsi.Inquiry:
        self.asked.append("inquiry")
        unit = self.units.get(lun.linux)
        return unit.inquiry if unit else scsi.Inquiry(qualifier=3, type=0x1F)

    async def serial(self, lun: Lun) -> str:
        serial = self.units[lun.linux].serial
        if serial is None:
            raise ScsiError(2, scsi.Sense(scsi.SenseKey.ILLEGAL_REQUEST, 0x24).pack_fixed())
        return serial

    def _ready(self, lun: Lun) -> Unit:
        unit = self.units[lun.linux]
        if unit.sense:
            raise ScsiError(2, unit.sense)
        return unit

    async def read_capacity(self, lun: Lun) -> scsi.Capacity16:
        self.asked.append("capacity")
        unit = self._ready(lun)
        return scsi.Capacity16(unit.size // unit.block_size - 1, unit.block_size)

    async def ask(self, lun: Lun, cdb: bytes, length: int) -> bytes:
        self.asked.append(scsi.describe(cdb).partition(" page")[0])
        protected = self._ready(lun).write_protected
        return scsi.ModeParameters(write_protected=protected).pack6()[:length]


class FakeLio:
    """All targets of a tree. `change` may alter what a session sees."""

    def __init__(self, fs: ConfigFS) -> None:
        self.fs = fs
        self.logins: list[Settings] = []
        self.asked: list[str] = []
        self.change: Callable[[dict[int, Unit]], None] = lambda _units: None
        #: Whether wrong passwords do, and whether connections break.
        self.gullible = False
        self.breaks = False

    @asynccontextmanager
    async def connect(self, settings: Settings) -> AsyncIterator[FakeSession]:
        self.logins.append(settings)
        tpg = self._tpg(settings)
        try:
            acl = tpg.node_acls[settings.initiator]
        except RTSLibNotInCFSError:
            if not tpg.attributes["generate_node_acls"]:
                raise login_error(*_FORBIDDEN, settings.where) from None
            acl = None
        self._authenticate(tpg, acl, settings)
        if self.breaks and settings.credentials is None:
            raise ConnectionLostError("the connection broke")
        units = _shown(tpg, acl)
        self.change(units)
        depth = acl.tcq_depth if acl else tpg.attributes["default_cmdsn_depth"]
        yield FakeSession(depth, units, self.asked)

    def _tpg(self, settings: Settings) -> TPG:
        for target in RTSRoot(self.fs).targets:
            for tpg in target.tpgs:
                for portal in tpg.network_portals:
                    address = portal.address
                    if address.port == settings.port and (
                        address.ip == settings.host or address.is_wildcard
                    ):
                        if target.wwn != settings.target:
                            continue
                        if not tpg.enable:
                            raise login_error(*_DISABLED, settings.where)
                        return tpg
        raise login_error(*_NOT_FOUND, settings.where)

    def _authenticate(self, tpg: TPG, acl: NodeACL | None, settings: Settings) -> None:
        node = acl or tpg
        asked = tpg.attributes["authentication"]
        own = acl.attributes.get("authentication") if acl else None
        if not (asked if own is None else own) or self.gullible:
            return
        given = settings.credentials
        right = (node.chap_userid, node.chap_password)
        if given is None or (given.user, given.secret) != right:
            raise login_error(*_AUTHENTICATION, settings.where)
        proof = settings.target_credentials
        if proof and (proof.user, proof.secret) != (
            node.chap_mutual_userid,
            node.chap_mutual_password,
        ):
            raise login_error(*_AUTHENTICATION, settings.where)


def _shown(tpg: TPG, acl: NodeACL | None) -> dict[int, Unit]:
    if acl is None:
        protect = bool(tpg.attributes["demo_mode_write_protect"])
        return {it.lun: Unit(it, write_protected=protect) for it in tpg.luns}

    def unit(mapped: MappedLUN) -> Unit:
        return Unit(mapped.tpg_lun, write_protected=bool(mapped.write_protect))

    return {it.mapped_lun: unit(it) for it in acl.mapped_luns}
