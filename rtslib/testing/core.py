# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Rules of target/ itself, of core/ and its HBAs: drivers/target/target_core_configfs.c."""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING

from rtslib.testing import parsers
from rtslib.testing.backends import BACKENDS, hba_number, scsi_host
from rtslib.testing.parsers import byte_length, c_string, fail
from rtslib.testing.rules import Rule, Rules

if TYPE_CHECKING:
    from rtslib.testing.directory import Directory, Shape

__all__ = ["CORE", "boot"]

NAME_LEN = 64


def _objects(root: Directory) -> bool:
    """Tell whether any storage object was made."""
    return any(hba.made() for hba in root.sub("core").made())


def boot(root: Directory) -> None:
    """Choose dbroot as target_core_mod does when it is loaded."""
    found = root.tree.host.kind("/etc/target") == stat.S_IFDIR
    root.data["dbroot"] = "/etc/target" if found else "/var/target"


def _show_dbroot(root: Directory, _name: str) -> str:
    return c_string(root.data["dbroot"]) + "\n"


def _store_dbroot(root: Directory, _name: str, text: str) -> None:
    if _objects(root):
        fail(errno.EINVAL)
    text = c_string(text)
    path = text.removesuffix("\n")
    root.tree.host.check_directory(path)
    # strncpy() of what was written, with a NUL only if there was a newline: the rest stays
    new = path + "\0" if path != text else path
    root.set(dbroot=new + root.data["dbroot"][len(new) :])


def _make_fabric(root: Directory, name: str) -> Shape:
    shape = root.tree.shapes.get(f"fabric.{name}")
    if shape is None or name not in root.tree.modules:
        fail(errno.EINVAL)
    return shape


def _make_hba(core: Directory, name: str) -> Shape:
    if byte_length(name) >= NAME_LEN:
        fail(errno.ENAMETOOLONG)
    first, underscore, rest = name.partition("_")
    if not underscore:
        fail(errno.EINVAL)
    second, underscore, tail = rest.partition("_")  # rd_mcp has one in its own name
    backend, number = (f"{first}_{second}", tail) if underscore else (first, rest)
    parsers.number(number, 0, (1 << 64) - 1)
    if backend not in BACKENDS:
        fail(errno.EINVAL)
    return core.tree.shapes["hba"]


def _hba_made(hba: Directory) -> None:
    hba.set(index=hba.tree.count("hba"), plugin=hba.name.rpartition("_")[0])


def _make_object(hba: Directory, _name: str) -> Shape:
    return hba.tree.shapes[f"so.{hba.data['plugin']}"]


def _hba_info(hba: Directory, _name: str) -> str:
    return f"HBA Index: {hba.data['index']} plugin: {hba.data['plugin']} version: v5.0\n"


def _hba_mode(hba: Directory, name: str, text: str) -> None:
    """Switch pscsi between one HBA for all hosts and one host: pscsi_pmode_enable_hba()."""
    if hba.data["plugin"] != "pscsi":
        fail(errno.EINVAL)
    mode = parsers.number(text, 0, (1 << 64) - 1)
    if mode and not scsi_host(hba, hba_number(hba)):
        fail(errno.EINVAL)
    hba.put(name, f"{bool(mode):d}\n")


CORE = {
    "root": Rules({"dbroot": Rule(_show_dbroot, _store_dbroot)}, {"make": _make_fabric}),
    "root/core": Rules(ops={"make": _make_hba}),
    "hba": Rules(
        {"hba_info": Rule(show=_hba_info), "hba_mode": Rule(store=_hba_mode)},
        {"make": _make_object, "made": _hba_made},
    ),
}
