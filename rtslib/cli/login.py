# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""From a URL on the command line to a login: who we are, where to, with which secrets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rtslib.cli.explain import UsageError
from rtslib.errors import InvalidValueError
from rtslib.iscsi.client import settings_of
from rtslib.iscsi.environment import Environment
from rtslib.iscsi.url import IscsiURL, URLError

if TYPE_CHECKING:
    from rtslib.cli.task import Task
    from rtslib.iscsi.client import Session
    from rtslib.iscsi.settings import Settings

__all__ = ["disk_of", "lun_of", "settings", "url_of"]

#: Where open-iscsi keeps this machine's name.
INITIATOR_FILE = "/etc/iscsi/initiatorname.iscsi"
#: How often a connection that was lost is made again before a command gives up.
_RECONNECTS = 3
#: LUNs below have one form.
_ONE_BYTE = 256


def url_of(task: Task) -> IscsiURL:
    """Return the URL that was given; what is wrong with it is pointed at."""
    try:
        environment = Environment.read()
        if task.args.credentials:
            environment = environment.with_file(task.args.credentials)
        return IscsiURL.parse(task.args.url, environment)
    except URLError as error:
        for line in error.pointer:
            task.console.failure(line)
        hint = f"; {error.hint}" if error.hint else ""
        raise UsageError(f"{error.what}{hint}") from error
    except InvalidValueError as error:
        raise UsageError(str(error)) from error


def disk_of(task: Task) -> IscsiURL:
    """Return the URL that was given, which must be of a LUN."""
    url = url_of(task)
    if url.target is None or url.lun is None:
        missing = "LUN" if url.target else "target and LUN"
        raise UsageError(f"{url}: the {missing} is missing: iscsi://HOST[:PORT]/TARGET/LUN")
    return url


def settings(task: Task, url: IscsiURL) -> Settings:
    """Return what to log in with."""
    name = task.args.initiator or _own_name()
    return settings_of(
        url,
        **({"initiator": name} if name else {}),
        login_timeout=task.args.timeout,
        command_timeout=task.args.timeout,
        reconnects=_RECONNECTS,
    )


async def lun_of(session: Session) -> int:
    """Return the LUN of the URL, in the form in which the target lists it if it does.

    LIO knows numbers from 256 on in one form only, and not in the one of the standard.
    """
    if session.lun < _ONE_BYTE:
        return session.lun
    luns = await session.luns()
    return next((it for it in luns if session.lun in (it, it.linux)), session.lun)


def _own_name() -> str | None:
    """Return the name of this machine's own initiator, None where it has none."""
    try:
        with open(INITIATOR_FILE, encoding="utf-8", errors="replace") as file:
            found = re.search(r"^InitiatorName=(\S+)", file.read(), re.MULTILINE)
    except OSError:
        return None
    return found.group(1) if found else None
