# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What the environment, or a file, tells an initiator: libiscsi's variables, and credentials.

A command line can be read by everybody on the machine, so secrets come in one of these ways.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable

from rtslib.errors import MASK, InvalidValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Environment", "Secret"]


class Secret(str):
    """Text that does not show itself where objects are printed."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(MASK if self else "")


NO_SECRET = Secret()


@dataclass(frozen=True)
class Environment:
    """Who the initiator is, and how its connections are watched. '' and None: nothing is told.

    Times are in seconds, `user_timeout` and `ack_timeout` in milliseconds, as the variables have
    them. `interfaces` are those to connect from, in turn.
    """

    user: str = ""
    secret: Secret = NO_SECRET
    target_user: str = ""
    target_secret: Secret = NO_SECRET
    debug: int = 0
    user_timeout: int | None = None
    keepalive_count: int = 3
    keepalive_interval: int = 30
    keepalive_idle: int = 30
    syn_count: int | None = None
    interfaces: tuple[str, ...] = ()
    redirect_to_other_target: bool = False
    drop_on_async_event: bool = False
    ack_timeout: int | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Environment:
        """Return what libiscsi's variables tell; InvalidValueError names one that cannot be."""
        found = os.environ if environ is None else environ
        return cls(
            **{
                name: _converted(variable, found[variable], convert)
                for name, (variable, convert) in _VARIABLES.items()
                if found.get(variable)
            }
        )

    def with_file(self, path: str) -> Environment:
        """Return it with the credentials of a file of lines such as ``secret = ...``.

        The names are user, secret, target_user and target_secret; '#' begins a comment line. A
        file that others than its owner can read is refused, as is one that says something else.
        """
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise InvalidValueError(
                    f"{path}: others than its owner have access ({mode:04o})",
                    path=path,
                    hint=f"chmod 600 {path}",
                )
            lines = file.read().splitlines()
        found: dict[str, str] = {}
        for number, line in enumerate(lines, 1):
            name, equals, value = (it.strip() for it in line.partition("="))
            if not name or name.startswith("#"):
                continue
            if not equals or name not in _CREDENTIALS:
                raise InvalidValueError(
                    f"{path}:{number}: this is none of {', '.join(_CREDENTIALS)}, '=' and a value",
                    path=path,
                )
            found[name] = Secret(value) if name.endswith("secret") else value
        return replace(self, **found)  # type: ignore[arg-type]


_CREDENTIALS = ("user", "secret", "target_user", "target_secret")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise ValueError(text)
    return int(text)


def _yes(text: str) -> bool:
    """Return what libiscsi makes of a switch: any number but 0, as atoi() reads it."""
    return _number(text) != 0


def _list(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (it.strip() for it in text.split(","))))


_VARIABLES: dict[str, tuple[str, Callable[[str], Any]]] = {
    "user": ("LIBISCSI_CHAP_USERNAME", str),
    "secret": ("LIBISCSI_CHAP_PASSWORD", Secret),
    "target_user": ("LIBISCSI_CHAP_TARGET_USERNAME", str),
    "target_secret": ("LIBISCSI_CHAP_TARGET_PASSWORD", Secret),
    "debug": ("LIBISCSI_DEBUG", _number),
    "user_timeout": ("LIBISCSI_TCP_USER_TIMEOUT", _number),
    "keepalive_count": ("LIBISCSI_TCP_KEEPCNT", _number),
    "keepalive_interval": ("LIBISCSI_TCP_KEEPINTVL", _number),
    "keepalive_idle": ("LIBISCSI_TCP_KEEPIDLE", _number),
    "syn_count": ("LIBISCSI_TCP_SYNCNT", _number),
    "interfaces": ("LIBISCSI_BIND_INTERFACES", _list),
    "redirect_to_other_target": ("LIBISCSI_ALLOW_TARGETNAME_REDIRECT", _yes),
    "drop_on_async_event": ("LIBISCSI_DROP_CONN_ON_ASYNC_EVENT1", _yes),
    "ack_timeout": ("LIBISCSI_RDMA_ACK_TIMEOUT", _number),
}


def _converted(variable: str, text: str, convert: Callable[[str], Any]) -> Any:
    try:
        return convert(text)
    except ValueError as error:
        raise InvalidValueError(f"{variable}={text} is no number", value=text) from error
