# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The target tree as text, drawn as administrators know it from targetcli.

Knows what to say of each class of node; prints nothing itself. Reads only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, NamedTuple

from rtslib.errors import AccessError, RTSLibError
from rtslib.tcm import BlockStorageObject, FileIOStorageObject, UserBackedStorageObject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rtslib.acl import NodeACL
    from rtslib.fabric import FabricModule
    from rtslib.lun import LUN, MappedLUN
    from rtslib.network_portal import NetworkPortal
    from rtslib.root import RTSRoot
    from rtslib.storage import StorageObject
    from rtslib.target import TPG, Target

__all__ = ["Branch", "draw", "draw_branch", "tree"]

_GREEN, _RED, _BOLD, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[0m"


class Branch(NamedTuple):
    """A line of the drawing and the lines below it. `good` None is neither good nor bad."""

    name: str
    summary: str
    good: bool | None = None
    below: tuple[Branch, ...] = ()


def draw(root: RTSRoot, *, width: int = 100, colour: bool = False) -> str:
    """Return the tree below the root as lines of about `width` characters, without a final newline.

    What vanishes or cannot be read while it is drawn is drawn as an error in its place.
    """
    return draw_branch(tree(root), width=width, colour=colour)


def tree(root: RTSRoot) -> Branch:
    """Return what there is to draw below the root."""
    return Branch("/", "...", None, tuple(_top(root)))


def draw_branch(branch: Branch, *, width: int = 100, colour: bool = False) -> str:
    """Return a branch alone as lines, without a final newline; see ``draw``."""
    return "\n".join(_lines(branch, width, colour=colour))


def _lines(branch: Branch, width: int, *, colour: bool, stem: str = "") -> Iterator[str]:
    """Yield a branch's line and those below; `stem` is what stands before all of them."""
    shown, said = _plain(branch.name), _plain(branch.summary)
    head = f"{stem}o- {shown} "
    summary = f" [{said}]"
    dots = "." * max(2, width - len(head) - len(summary))
    if colour:
        name = f"{_BOLD}{shown}{_PLAIN}"
        tint = "" if branch.good is None else _GREEN if branch.good else _RED
        head, summary = f"{stem}o- {name} ", f" {tint}[{said}]{_PLAIN}"
    yield head + dots + summary
    for number, below in enumerate(branch.below, 1):
        bar = "| " if number < len(branch.below) else "  "
        yield from _below(below, width, colour=colour, stem=f"{stem}  ", bar=bar)


def _plain(text: str) -> str:
    """Return text that is safe to print: others' names may hold line breaks and escapes."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def _below(branch: Branch, width: int, *, colour: bool, stem: str, bar: str) -> Iterator[str]:
    """Yield a branch's lines with a bar under its mark while more follows on its level."""
    for number, line in enumerate(_lines(branch, width - len(stem), colour=colour)):
        yield stem + line if number == 0 else stem + bar + line[2:]


def _safe(name: str, describe: Callable[[], Branch]) -> Branch:
    try:
        return describe()
    except RTSLibError as error:
        return Branch(name, str(error), good=False)


def _all(names: Iterable[tuple[str, Callable[[], Branch]]]) -> tuple[Branch, ...]:
    return tuple(_safe(name, describe) for name, describe in names)


def _top(root: RTSRoot) -> Iterator[Branch]:
    plugins: dict[str, list[StorageObject]] = {}
    for storage_object in root.storage_objects:
        plugins.setdefault(storage_object.plugin, []).append(storage_object)
    objects = tuple(
        Branch(
            plugin,
            f"Storage Objects: {len(found)}",
            None,
            _all((so.name, lambda so=so: _storage_object(so)) for so in found),  # type: ignore[misc]
        )
        for plugin, found in sorted(plugins.items())
    )
    yield Branch("backstores", "...", None, objects)
    for fabric in root.fabrics:
        yield _safe(fabric.base, lambda fabric=fabric: _fabric(fabric))  # type: ignore[misc]


def human(size: int) -> str:
    """Return a size as people read it: 64.0MiB."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024:  # noqa: PLR2004 - the step between the units
            return f"{value:.1f}{unit}" if unit != "B" else f"{size}B"
        value /= 1024
    return f"{value:.1f}PiB"


def _storage_object(so: StorageObject) -> Branch:
    if not so.enable:
        return Branch(so.name, "not enabled", good=False)
    words = [f"({human(so.size)})", so.status]
    if isinstance(so, (FileIOStorageObject, BlockStorageObject)):
        words.insert(1, "write-back" if so.write_back else "write-thru")
    what = so.config if isinstance(so, UserBackedStorageObject) else so.udev_path
    return Branch(so.name, " ".join(filter(None, [what, *words])), good=True)


def _fabric(fabric: FabricModule) -> Branch:
    targets = list(fabric.targets)
    below = _all((t.base, lambda t=t: _target(t)) for t in targets)  # type: ignore[misc]
    return Branch(fabric.name, f"Targets: {len(targets)}", None, below)


def _target(target: Target) -> Branch:
    tpgs = list(target.tpgs)
    below = _all((f"tpg{t.base}", lambda t=t: _tpg(t)) for t in tpgs)  # type: ignore[misc]
    return Branch(target.wwn, f"TPGs: {len(tpgs)}", None, below)


def _tpg(tpg: TPG) -> Branch:
    below = []
    if tpg.has_feature("acls"):
        acls = list(tpg.node_acls)
        drawn = _all((a.base, lambda a=a: _acl(a)) for a in acls)  # type: ignore[misc]
        below.append(Branch("acls", f"ACLs: {len(acls)}", None, drawn))
    luns = list(tpg.luns)
    drawn = _all((n.base, lambda n=n: _lun(n)) for n in luns)  # type: ignore[misc]
    below.append(Branch("luns", f"LUNs: {len(luns)}", None, drawn))
    if tpg.has_feature("nps"):
        portals = list(tpg.network_portals)
        drawn = _all((p.base, lambda p=p: _portal(p)) for p in portals)  # type: ignore[misc]
        below.append(Branch("portals", f"Portals: {len(portals)}", None, drawn))
    return Branch(f"tpg{tpg.tag}", ", ".join(_policy(tpg)), tpg.enable, tuple(below))


def _policy(tpg: TPG) -> Iterator[str]:
    if not tpg.enable:
        yield "disabled"
    if tpg.has_feature("auth"):
        yield "gen-acls" if tpg.attributes.get("generate_node_acls") else "no-gen-acls"
        yield "auth" if tpg.attributes.get("authentication") else "no-auth"
    if tpg.has_feature("nexus"):
        yield tpg.nexus or "no nexus"


def _acl(acl: NodeACL) -> Branch:
    mapped = list(acl.mapped_luns)
    below = _all((m.base, lambda m=m: _mapped_lun(m)) for m in mapped)  # type: ignore[misc]
    words = [f"Mapped LUNs: {len(mapped)}"]
    words = [*_chap(acl), *words]
    if acl.has_feature("acls_tcq_depth") and acl.session:
        words.append("logged in")
    return Branch(acl.node_wwn, ", ".join(words), None, below)


def _chap(acl: NodeACL) -> Iterator[str]:
    try:
        if acl.has_feature("auth") and acl.chap_userid:
            yield "mutual CHAP" if acl.authenticate_target else "CHAP"
    except AccessError:
        # The kernel shows credentials to root only; the rest of the tree is everyone's.
        yield "CHAP unknown"


def _mapped_lun(mapped: MappedLUN) -> Branch:
    lun = mapped.tpg_lun
    so = lun.storage_object
    access = "ro" if mapped.write_protect else "rw"
    name = f"mapped_lun{mapped.mapped_lun}"
    return Branch(name, f"lun{lun.lun} {so.plugin}/{so.name} ({access})", good=True)


def _lun(lun: LUN) -> Branch:
    so = lun.storage_object
    group = lun.alua_tg_pt_gp_name
    words = [f"{so.plugin}/{so.name}", *([f"({group})"] if group else [])]
    return Branch(f"lun{lun.lun}", " ".join(words), good=True)


def _portal(portal: NetworkPortal) -> Branch:
    words = [name for name in ("iser", "offload") if getattr(portal, name)]
    return Branch(str(portal.address), ", ".join(words) or "OK", good=True)
