# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Network portals: the addresses at which a TPG listens."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from rtslib import saved
from rtslib.errors import AlreadyExistsError, RejectedError, RTSLibNotInCFSError
from rtslib.node import Attr, Node, gone_is_none
from rtslib.portal import DEFAULT_PORT, PortalAddress
from rtslib.values import FLAG

if TYPE_CHECKING:
    from rtslib.portal import IPAddress
    from rtslib.target import TPG

__all__ = ["NetworkPortal"]


class NetworkPortal(Node):
    """An address and port. ``NetworkPortal(tpg, ip_address, port=3260, mode='any')``.

    The address is text in any spelling, with or without brackets, or an ipaddress object; it is
    made in its canonical form, and one that another program spelled otherwise is the same portal.
    """

    __slots__ = ()

    iser = Attr("iser", FLAG, "RDMA (iSER) instead of TCP.", absent=False)
    offload = Attr("cxgbit", FLAG, "Chelsio's iSCSI offload.", absent=False)

    def __init__(
        self,
        parent_tpg: TPG,
        ip_address: str | IPAddress,
        port: int | str = DEFAULT_PORT,
        mode: str = "any",
    ) -> None:
        address = PortalAddress(str(ip_address), port)  # type: ignore[arg-type]
        try:
            super().__init__(parent_tpg.fs, parent_tpg.below(f"np/{address.name}"), mode)
        except (RejectedError, RTSLibNotInCFSError):
            # The kernel compares sockets, not names: [::0] on disk is in the way of [::].
            twin = next((np for np in parent_tpg.network_portals if np.address == address), None)
            if twin is None:
                raise
            if mode == "create":
                raise AlreadyExistsError(
                    f"portal {address} already exists in configFS as {twin.path}",
                    operation="mkdir",
                    path=twin.path,
                    errno=errno.EEXIST,
                ) from None
            self._stand(twin.fs, twin.below(""))

    @classmethod
    def lookup(cls, parent: Node, key: Any) -> NetworkPortal:
        """Return the portal at ``'address'``, ``'address:port'`` or ``(address, port)``."""
        address = key if isinstance(key, tuple) else PortalAddress.parse(str(key))
        ip, port = address if isinstance(address, tuple) else (address.ip, address.port)
        return cls(parent, ip, port, mode="lookup")  # type: ignore[arg-type]

    @classmethod
    def setup(cls, tpg_obj: TPG, p: dict[str, Any], err_func: saved.Errors) -> None:
        """Make a portal as its saved entry says; `err_func` is told what fails."""
        saved.setup(cls, tpg_obj, p, err_func)

    @property
    def address(self) -> PortalAddress:
        """Address and port, as the kernel understands the directory's name."""
        return PortalAddress.from_name(self.base)

    @property
    def ip_address(self) -> str:
        """The address in its canonical form; IPv6 in brackets, as it stands before a port.

        ``address.ip`` is without.
        """
        return str(self.address).rpartition(":")[0]

    @property
    def port(self) -> int:
        """The TCP port."""
        return self.address.port

    @property
    def parent_tpg(self) -> TPG:
        """The TPG that listens."""
        return self.parent  # type: ignore[return-value]

    def _remove(self) -> None:
        gone_is_none(self._end_transports)
        super()._remove()

    def _end_transports(self) -> None:
        """End an iSER or offload listener, another object in the kernel, before the portal."""
        for attr in (NetworkPortal.iser, NetworkPortal.offload):
            if attr.__get__(self, NetworkPortal):
                attr.__set__(self, value=False)
