# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Discovery authentication: who must prove what to be told of the targets of a fabric."""

from __future__ import annotations

from rtslib.chap import check_credentials
from rtslib.errors import InvalidValueError
from rtslib.node import Attr, Node
from rtslib.values import CREDENTIAL, FLAG

__all__ = ["Discovery"]


class Discovery(Node):
    """A node with a discovery_auth directory; where it has none, nobody is asked anything."""

    __slots__ = ()

    discovery_enable_auth = Attr(
        "discovery_auth/enforce_discovery_auth", FLAG, "Discovery asks for CHAP.", absent=False
    )
    discovery_userid = Attr(
        "discovery_auth/userid", CREDENTIAL, "Name of initiators.", absent="", secret=True
    )
    discovery_password = Attr(
        "discovery_auth/password", CREDENTIAL, "Secret of initiators.", absent="", secret=True
    )
    discovery_mutual_userid = Attr(
        "discovery_auth/userid_mutual", CREDENTIAL, "Name of the target.", absent="", secret=True
    )
    discovery_mutual_password = Attr(
        "discovery_auth/password_mutual", CREDENTIAL, "Its secret.", absent="", secret=True
    )
    discovery_authenticate_target = Attr(
        "discovery_auth/authenticate_target", FLAG, "Mutual CHAP is complete.", absent=False
    )

    def set_discovery_auth(
        self,
        userid: str,
        password: str,
        mutual_userid: str = "",
        mutual_password: str = "",
        *,
        enable: bool = True,
    ) -> None:
        """Set the credentials of discovery, then ask for them; they are in force at once."""
        values = (userid, password, mutual_userid, mutual_password)
        check_credentials(self, _DISCOVERY, values, "discovery CHAP")
        switch = Discovery.discovery_enable_auth
        if self.encode_file(switch.file, FLAG, enable) == "1" and not password:
            raise InvalidValueError("discovery cannot ask for CHAP without a name and a secret")
        for attr, value in zip(_DISCOVERY, values):
            attr.__set__(self, value)
        self.discovery_enable_auth = enable

    def clear_discovery_auth_settings(self) -> None:
        """Ask nobody for CHAP in discovery, and forget the credentials."""
        if not self.exists:
            return
        self.discovery_enable_auth = False
        for attr in _DISCOVERY:
            attr.__set__(self, "")


_DISCOVERY = (
    Discovery.discovery_userid,
    Discovery.discovery_password,
    Discovery.discovery_mutual_userid,
    Discovery.discovery_mutual_password,
)
