# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""ls, inq and readcap: what a portal offers, and what a LUN says of itself."""

from __future__ import annotations

import asyncio
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from rtslib.cli.console import plain, table
from rtslib.cli.explain import Exit, UsageError
from rtslib.cli.login import disk_of, lun_of, settings, url_of
from rtslib.draw import human
from rtslib.iscsi import scsi
from rtslib.iscsi.client import Session
from rtslib.iscsi.discovery import discover
from rtslib.iscsi.errors import IscsiError, ScsiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.cli.task import Task
    from rtslib.iscsi.discovery import Found
    from rtslib.iscsi.scsi import Lun
    from rtslib.iscsi.settings import Settings

__all__ = ["inq", "ls", "readcap"]


def ls(task: Task) -> Exit:
    """List the targets that a portal tells of, and their LUNs."""
    return asyncio.run(_ls(task))


async def _ls(task: Task) -> Exit:
    wanted = settings(task, url_of(task))
    found = await discover(wanted)
    if wanted.target:
        found = [it for it in found if it.name == wanted.target]
    data: list[dict[str, Any]] = []
    failed = False
    for target in found:
        entry: dict[str, Any] = {
            "target": target.name,
            "portals": [{**it._asdict(), "address": str(it)} for it in target.portals],
        }
        data.append(entry)
        if task.args.luns:
            try:
                entry["luns"] = await _luns(wanted, target)
            except IscsiError as error:
                failed = True
                entry["error"] = str(error)
                task.console.failure(f"targetctl: {target.name}: {error}")
    task.console.result(data, _listed(data, luns=task.args.luns))
    return Exit.FAILED if failed else Exit.DONE


async def _luns(wanted: Settings, target: Found) -> list[dict[str, Any]]:
    """Log in to a target, where we asked if it is there too, and return its LUNs."""
    asked = (it for it in target.portals if (it.host, it.port) == (wanted.host, wanted.port))
    portal = next(asked, target.portals[0])
    async with Session.connect(
        wanted, target=target.name, host=portal.host, port=portal.port
    ) as session:
        return [it for lun in await session.luns() if (it := await _lun(session, lun))]


async def _lun(session: Session, lun: Lun) -> dict[str, Any] | None:
    """Return what a LUN is, None where nothing is behind it."""
    inquiry = await session.inquiry(lun)
    if not inquiry.is_there:
        return None
    found = {"lun": int(lun), "type": inquiry.type_name, "size": None, "error": None}
    found["product"] = f"{inquiry.vendor} {inquiry.product}".strip()
    if inquiry.has_blocks:
        try:
            found["size"] = (await session.read_capacity(lun)).size
        except ScsiError as error:
            found["error"] = scsi.explain(error.status, error.sense)
    return found


def _listed(data: list[dict[str, Any]], *, luns: bool) -> Iterator[str]:
    if not luns:
        rows = ((it["target"], at["address"]) for it in data for at in it["portals"])
        yield from table(("TARGET", "PORTAL"), rows)
        return
    for number, entry in enumerate(data):
        if number:
            yield ""
        yield plain(f"{entry['target']} {' '.join(it['address'] for it in entry['portals'])}")
        rows_of_luns = (
            (it["lun"], it["type"], _size(it), it["product"]) for it in entry.get("luns", ())
        )
        yield from table(("LUN", "TYPE", "SIZE", "PRODUCT"), rows_of_luns)


def _size(lun: dict[str, Any]) -> str:
    return lun["error"] or ("" if lun["size"] is None else human(lun["size"]))


def inq(task: Task) -> Exit:
    """Show what a LUN says it is."""
    page = _page(task.args.page)
    wanted = settings(task, disk_of(task))

    async def ask() -> scsi.Inquiry | scsi.Page:
        async with Session.connect(wanted) as session:
            lun = await lun_of(session)
            return await (session.inquiry(lun) if page is None else session.page(lun, page))

    found = asyncio.run(ask())
    task.console.result(_plain_data(found), _told(found))
    return Exit.DONE


def _page(text: str | None) -> int | None:
    """Return the number of a page, which is hexadecimal as in all manuals."""
    if text is None:
        return None
    try:
        number = int(text.lower().removesuffix("h"), 16)
    except ValueError as error:
        raise UsageError(f"--page {text}: a page is a hexadecimal number such as 83") from error
    if number not in scsi.PAGES:
        known = ", ".join(f"{it:02x} ({kind.name})" for it, kind in scsi.PAGES.items())
        raise UsageError(f"--page {text}: known are {known}")
    return number


def readcap(task: Task) -> Exit:
    """Show how large a LUN is."""
    wanted = settings(task, disk_of(task))

    async def ask() -> scsi.Capacity16:
        async with Session.connect(wanted) as session:
            return await session.read_capacity(await lun_of(session))

    found = asyncio.run(ask())
    more = {
        "blocks": found.blocks,
        "physical_block_size": found.physical_block_size,
        "size": found.size,
    }
    lines = (*_told(found), *(f"{_words(key)}: {value}" for key, value in more.items()))
    task.console.result({**_plain_data(found), **more}, lines)
    return Exit.DONE


def _plain_data(found: Any) -> Any:
    """Return what was read as plain data for JSON."""
    if is_dataclass(found):
        data = {it.name: _plain_data(getattr(found, it.name)) for it in fields(found)}
        return {**data, **_derived(found)}
    if isinstance(found, tuple):
        return [_plain_data(it) for it in found]
    return found.hex() if isinstance(found, bytes) else found


def _derived(found: object) -> dict[str, Any]:
    """Return what numbers mean that are not for people."""
    if isinstance(found, scsi.Inquiry):
        return {"type_name": found.type_name, "standards": _plain_data(found.standards)}
    if isinstance(found, scsi.Designator):
        return {
            "text": found.text,
            "kind_name": found.kind_name,
            "association_name": found.association_name,
        }
    return {}


def _told(found: Any) -> Iterator[str]:
    """Yield a line for each thing that was read."""
    if isinstance(found, scsi.SupportedPages):
        for code in found.pages:
            kind = scsi.PAGES.get(code)
            yield f"{code:02x} {kind.name if kind else ''}".rstrip()
        return
    if isinstance(found, scsi.DeviceIdentification):
        rows = ((it.association_name, it.kind_name, it.text) for it in found.designators)
        yield from table(("OF", "KIND", "NAME"), rows)
        return
    if isinstance(found, scsi.ThirdPartyCopy):
        yield from (f"{kind:04x}: {content.hex()}" for kind, content in found.descriptors)
        return
    for key, value in _plain_data(found).items():
        if isinstance(getattr(found, key, None), bytes):
            continue
        if key == "standards":
            shown = ", ".join(name or f"{number:04x}" for number, name in value)
        elif isinstance(value, bool):
            shown = "yes" if value else "no"
        else:
            shown = str(value)
        yield plain(f"{_words(key)}: {shown}".rstrip())


def _words(name: str) -> str:
    return name.replace("_", " ")
