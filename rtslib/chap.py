# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""CHAP: the five files in which the kernel keeps who must prove what (RFC 7143 section 12.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtslib.errors import InvalidValueError
from rtslib.node import Attr, Node
from rtslib.values import CREDENTIAL, FLAG

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Chap", "check_credentials"]


class Chap(Node):
    """A node with an auth directory. '' unsets a credential, and is what an unset one reads as."""

    __slots__ = ()

    chap_userid = Attr("auth/userid", CREDENTIAL, "Name of the initiator.", secret=True)
    chap_password = Attr("auth/password", CREDENTIAL, "Secret of the initiator.", secret=True)
    chap_mutual_userid = Attr(
        "auth/userid_mutual", CREDENTIAL, "Name of the target, in mutual CHAP.", secret=True
    )
    chap_mutual_password = Attr(
        "auth/password_mutual", CREDENTIAL, "Secret of the target, in mutual CHAP.", secret=True
    )
    authenticate_target = Attr(
        "auth/authenticate_target", FLAG, "Whether mutual CHAP is complete.", absent=False
    )

    def set_chap(
        self, userid: str, password: str, mutual_userid: str = "", mutual_password: str = ""
    ) -> None:
        """Set all four credentials; refuse what cannot work before the first is written.

        '' for all unsets CHAP.
        """
        values = (userid, password, mutual_userid, mutual_password)
        check_credentials(self, _FILES, values)
        for attr, value in zip(_FILES, values):
            attr.__set__(self, value)


_FILES = (
    Chap.chap_userid,
    Chap.chap_password,
    Chap.chap_mutual_userid,
    Chap.chap_mutual_password,
)


def check_credentials(
    node: Node, files: Sequence[Attr[str]], values: Sequence[str], what: str = "CHAP"
) -> None:
    """Refuse credentials that cannot work, or that the kernel would not keep; write nothing.

    Both are in the order of ``set_chap``: name, secret, and those of the other direction.
    """
    userid, password, mutual_userid, mutual_password = values
    _check_pair(userid, password, what)
    _check_pair(mutual_userid, mutual_password, f"mutual {what}")
    if mutual_password and not password:
        raise InvalidValueError(f"mutual {what} without {what}: the kernel never asks for it")
    if mutual_password and mutual_password == password:
        raise InvalidValueError(
            f"both sides have the same {what} secret, which lets one play the other",
            hint="RFC 7143 section 12.1.4 forbids it: choose two",
        )
    for attr, value in zip(files, values):
        node.encode_file(attr.file, attr.codec, value, secret=True)


def _check_pair(userid: str, password: str, what: str) -> None:
    """Refuse a name without a secret, or the reverse."""
    if bool(userid) != bool(password):
        missing = "secret" if userid else "name"
        raise InvalidValueError(f"{what} needs a name and a secret: the {missing} is missing")
