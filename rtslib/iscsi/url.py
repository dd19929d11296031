# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""iSCSI URLs, in libiscsi's grammar: where a target is, which LUN of it, and who asks.

::

    iscsi://[USER[%SECRET]@]HOST[:PORT][/TARGET[/LUN]][?ARGUMENT[&ARGUMENT]...]

HOST is a name, an IPv4 address or an IPv6 address in brackets. Only TARGET may have %XX in it. What
the URL does not tell of the credentials, the environment does.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rtslib.errors import MASK, InvalidValueError
from rtslib.iscsi.environment import NO_SECRET, Environment, Secret
from rtslib.portal import DEFAULT_PORT, MAX_PORT, spelled
from rtslib.wwn import ISCSI_NAME_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IscsiURL", "URLError"]

#: libiscsi has room for so much of anything but a name.
_MAX_TEXT = 255
#: What three bytes hold: see scsi.lun.
_MAX_LUN = 0xFFFFFF

_SCHEMES = {"iscsi": "tcp", "iser": "iser"}
_DIGESTS = ("crc32c", "none")
_ALGORITHMS = ("md5", "sha1", "sha-256", "sha3-256")
_CHOICES = {"header_digest": _DIGESTS, "data_digest": _DIGESTS, "auth": _ALGORITHMS}
#: Arguments that are text, and the fields that they are.
_TEXTS = {"target_user": "target_user", "target_password": "target_secret", "force_usn": "serial"}
_ACK_TIMEOUT = "LIBISCSI_RDMA_ACK_TIMEOUT"

_HOST_NAME = re.compile(r"[A-Za-z0-9_.-]+")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


class URLError(InvalidValueError):
    """A URL is wrong: `position` is the first character that is, in `text`, which has no secret."""

    def __init__(
        self, message: str = "", *, text: str = "", position: int = 0, hint: str | None = None
    ) -> None:
        place = f"character {position + 1} of {text!r}: " if text else ""
        super().__init__(place + message, value=text, hint=hint)
        self.what = message
        self.text = text
        self.position = position

    @property
    def pointer(self) -> tuple[str, str]:
        """The URL, and a line below it that points at the character."""
        return self.text, " " * self.position + "^"


@dataclass(frozen=True)
class IscsiURL:
    """A portal, or a target of it, or a LUN of that. Secrets never show in its repr or its text.

    `target` and `lun` are None where the URL has none, digests and `auth` where it leaves the
    choice. `ignored` are arguments that mean nothing here.
    """

    host: str
    port: int = DEFAULT_PORT
    target: str | None = None
    lun: int | None = None
    user: str = ""
    secret: Secret = NO_SECRET
    target_user: str = ""
    target_secret: Secret = NO_SECRET
    header_digest: str | None = None
    data_digest: str | None = None
    auth: str | None = None
    serial: str | None = None
    transport: str = "tcp"
    ack_timeout: int | None = None
    ignored: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, environ: Mapping[str, str] | Environment | None = None) -> IscsiURL:
        """Read a URL; URLError points at what is wrong with it.

        What it does not tell comes from `environ`: variables, by default those of this process,
        or what they were read as.
        """
        if not isinstance(environ, Environment):
            environ = Environment.read(environ)
        return _Parser(text).url(environ)

    @property
    def portal(self) -> str:
        """Address and port, as SendTargets spells them."""
        return spelled(self.host, self.port)

    @property
    def wants_chap(self) -> bool:
        """Whether it has what the initiator proves itself with: a user and a secret."""
        return bool(self.user and self.secret)

    @property
    def wants_mutual(self) -> bool:
        """Whether it has what the target must prove itself with, too."""
        return self.wants_chap and bool(self.target_user and self.target_secret)

    def __str__(self) -> str:
        return self.spelled(secrets=False)

    def spelled(self, *, secrets: bool) -> str:
        """Return the URL again, with its secrets only if asked for."""
        scheme = "iser" if self.transport == "iser" else "iscsi"
        secret = f"%{self.secret!s}" if secrets and self.secret else ""
        who = f"{self.user}{secret}@" if self.user or secret else ""
        path = "" if self.target is None else f"/{_escaped(self.target)}"
        path += "" if self.lun is None else f"/{self.lun}"
        arguments = "&".join(self._arguments(secrets=secrets))
        return f"{scheme}://{who}{self.portal}{path}{'?' if arguments else ''}{arguments}"

    def _arguments(self, *, secrets: bool) -> list[str]:
        values = {
            **{argument: getattr(self, name) for argument, name in _TEXTS.items()},
            **{name: getattr(self, name) for name in _CHOICES},
            _ACK_TIMEOUT: self.ack_timeout,
        }
        if not secrets:
            del values["target_password"]
        told = [f"{name}={value!s}" for name, value in values.items() if value not in (None, "")]
        return [*told, *self.ignored]


def _escaped(name: str) -> str:
    coded = name.encode("utf-8", "surrogateescape")
    return re.sub(rb"[^\w.:-]", lambda it: b"%%%02X" % ord(it.group()), coded).decode()


class _Parser:
    """Reads one URL; every place in it is an index into its text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def error(self, position: int, message: str, hint: str | None = None) -> URLError:
        """Return the error for a place, in the text without its secrets."""
        text = self.text
        for start, end in reversed(_secrets(text)):
            text = text[:start] + MASK + text[end:]
            if position >= end:
                position += len(MASK) - (end - start)
            elif position > start:
                position = start
        return URLError(message, text=text, position=position, hint=hint)

    def url(self, environ: Environment) -> IscsiURL:
        scheme, _, _ = self.text.partition("://")
        if scheme not in _SCHEMES or scheme == self.text:
            raise self.error(0, "a URL begins with iscsi:// or iser://")
        start = len(scheme) + 3
        end = self._find("?", start)
        at = self._find("@", start, end)
        user, secret = self._user(start, at) if at < end else ("", NO_SECRET)
        start = at + 1 if at < end else start
        slash = self._find("/", start, end)
        host, port = self._portal(start, slash)
        target, lun = self._path(slash + 1, end)
        given = {
            "user": user,
            "secret": secret,
            "transport": _SCHEMES[scheme],
            **self._arguments(end + 1),
        }
        for name in ("user", "secret", "target_user", "target_secret", "ack_timeout"):
            given[name] = given.get(name) or getattr(environ, name)
        return IscsiURL(host, port, target, lun, **given)  # type: ignore[arg-type]

    def _find(self, character: str, start: int, end: int | None = None) -> int:
        """Return where a character stands, or `end` where it does not."""
        end = len(self.text) if end is None else end
        found = self.text.find(character, start, end)
        return end if found < 0 else found

    def _checked(self, start: int, end: int, what: str, most: int = _MAX_TEXT) -> str:
        found = self.text[start:end]
        room = most
        for at, character in enumerate(found):
            room -= len(character.encode("utf-8", "surrogateescape"))
            if room < 0:
                raise self.error(start + at, f"the {what} is longer than {most} bytes")
            if not character.isprintable() and not "\udc80" <= character <= "\udcff":
                raise self.error(start + at, f"the {what} has a character that cannot be printed")
        return found

    def _user(self, start: int, end: int) -> tuple[str, Secret]:
        split = self._find("%", start, end)
        if split == end:
            split = self._find(":", start, end)
        secret = Secret(self._checked(split + 1, end, "secret")) if split < end else NO_SECRET
        user = self._checked(start, split, "user")
        if not user:
            raise self.error(start, "there is no user before the @")
        return user, secret

    def _portal(self, start: int, end: int) -> tuple[str, int]:
        comma = self._find(",", start, end)
        if self.text.startswith("[", start):
            close = self._find("]", start, comma)
            if close == comma:
                raise self.error(close, "the ] behind the IPv6 address is missing")
            host = self._ipv6(start + 1, close)
            colon = close + 1
        else:
            colon = self.text.rfind(":", start, comma)
            colon = comma if colon < 0 else colon
            host = self._host(start, colon)
        return host, self._port(colon, comma)

    def _ipv6(self, start: int, end: int) -> str:
        host = self.text[start:end]
        try:
            ipaddress.IPv6Address(host)
        except ValueError as error:
            raise self.error(start, "this is no IPv6 address") from error
        return host

    def _host(self, start: int, end: int) -> str:
        host = self.text[start:end]
        if not host:
            raise self.error(start, "there is no host")
        if host.count(":"):
            raise self.error(start, "an IPv6 address stands in brackets", "write [ADDRESS]")
        matched = _HOST_NAME.match(host)
        good = matched.end() if matched else 0
        if host[good : good + 1] == "@":
            raise self.error(
                start + good,
                "a user or a secret with an @ cannot be written in a URL",
                "put it into LIBISCSI_CHAP_USERNAME or LIBISCSI_CHAP_PASSWORD",
            )
        if good < len(host):
            raise self.error(start + good, "no host's name has this character")
        return self._checked(start, end, "host")

    def _port(self, start: int, end: int) -> int:
        if start == end:
            return DEFAULT_PORT
        text = self.text[start + 1 : end]
        if self.text[start] != ":" or not _decimal(text) or not 0 < int(text) <= MAX_PORT:
            raise self.error(
                start + (self.text[start] == ":"), f"a port is a number from 1 to {MAX_PORT}"
            )
        return int(text)

    def _path(self, start: int, end: int) -> tuple[str | None, int | None]:
        if start >= end:
            return None, None
        slash = self._find("/", start, end)
        target = self._target(start, slash)
        if slash + 1 >= end:
            return target, None
        text = self.text[slash + 1 : end]
        if not _decimal(text) or int(text) > _MAX_LUN:
            digits = len(text) - len(text.lstrip("0123456789"))
            at = digits if digits < len(text) else 0
            raise self.error(slash + 1 + at, f"a LUN is a number from 0 to {_MAX_LUN}")
        return target, int(text)

    def _target(self, start: int, end: int) -> str:
        bad = _ESCAPE.search(self.text, start, end)
        if bad:
            raise self.error(bad.start(), "behind a % two hexadecimal digits are missing")
        name = self._checked(start, end, "target's name", 3 * ISCSI_NAME_BYTES)
        if not name:
            raise self.error(start, "the target's name is empty")
        encoded = name.encode("utf-8", "surrogateescape")
        found = re.sub(rb"%(..)", lambda it: bytes.fromhex(it.group(1).decode()), encoded)
        if len(found) > ISCSI_NAME_BYTES:
            raise self.error(start, f"the target's name is longer than {ISCSI_NAME_BYTES} bytes")
        return found.decode("utf-8", "surrogateescape")

    def _arguments(self, start: int) -> dict[str, object]:
        found: dict[str, object] = {}
        ignored: list[str] = []
        while start < len(self.text):
            end = self._find("&", start)
            equals = self._find("=", start, end)
            name, value = self.text[start:equals], equals + 1
            if name in _CHOICES:
                found[name] = self._choice(name, value, end)
            elif name in _TEXTS:
                given = self._checked(value, end, name)
                found[_TEXTS[name]] = Secret(given) if name == "target_password" else given
            elif name == _ACK_TIMEOUT:
                found["ack_timeout"] = self._number(value, end)
            elif name == "iser":
                found["transport"] = "iser"
            elif name:
                ignored.append(self._checked(start, end, "argument"))
            start = end + 1
        found["ignored"] = tuple(ignored)
        return found

    def _choice(self, name: str, start: int, end: int) -> str:
        value = self.text[start:end].lower()
        if value not in _CHOICES[name]:
            raise self.error(min(start, end), f"{name} is one of {', '.join(_CHOICES[name])}")
        return value

    def _number(self, start: int, end: int) -> int:
        text = self.text[start:end]
        if not _decimal(text):
            raise self.error(min(start, end), f"{_ACK_TIMEOUT} is a number")
        return int(text)


def _decimal(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _secrets(text: str) -> list[tuple[int, int]]:
    """Return where there may be a secret, in a text that may be anything: rather too much of it."""
    found = []
    user = re.search(r"(?:^|://)(?!\w+://)[^%:@]*[%:](.*)@", text, re.DOTALL)
    if user:
        found.append(user.span(1))
    found += [
        it.span(1)
        for it in re.finditer(r"target_password=([^&]*)", text)
        if not user or it.start(1) >= user.end(1)
    ]
    return [(start, end) for start, end in found if start < end]
