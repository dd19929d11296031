# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Boot a Debian tree on its own systemd and a real kernel in QEMU, until it goes off."""

from __future__ import annotations

import shutil
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from initramfs import index_modules, initramfs
from packages import busybox, cache_directory, exclusive, kernel_tree, require_qemu, tools_tree
from vm import BROKEN_KERNEL, Machine, Parts, boot, console_text

if TYPE_CHECKING:
    from checks.rootfs import Root

__all__ = ["run_systemd"]

#: What runs first in the tree: what its programs write to /out stays.
FIRST = """\
mkdir -p /out
mount -t 9p -o trans=virtio,version=9p2000.L,msize=507904,cache=none out /out
exec /sbin/init
"""


def run_systemd(root: Root, kernel: str, out: Path, *, timeout: float) -> float:
    """Boot the tree; return after how many seconds it was off. VmError where it does not go off.

    What the guest writes is in its memory only, and below /out.
    """
    began = time.monotonic()
    qemu = require_qemu()
    cache = cache_directory()
    with exclusive(cache):
        finish = partial(index_modules, tools=tools_tree(cache))
        modules = kernel_tree(cache, kernel, finish)
        first = initramfs(cache, modules, busybox(cache))
    run = Path(tempfile.mkdtemp(prefix="systemd-", dir=cache))
    try:
        parts = Parts(cache, modules, first, modules, run)
        (run / "job").mkdir()
        layers = f"/cache/{modules.relative_to(cache)}:/host{root.path}"
        (run / "job/lower").write_text(f"{layers}\n")
        (run / "job/guest.sh").write_text(FIRST)
        machine = Machine(kernel, out=out, timeout=timeout)
        with (out / "stdout").open("wb") as stdout, (out / "stderr").open("wb") as stderr:
            boot(machine, parts, qemu, stdout, stderr)
        console = console_text(parts)
        (out / "console").write_text(console)
        assert not BROKEN_KERNEL.search(console), console
    finally:
        shutil.rmtree(run)
    return time.monotonic() - began
