# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The guest's first file system: busybox, modules to reach the host's files, the switch to them."""

from __future__ import annotations

import hashlib
import lzma
import os
import shutil
from typing import TYPE_CHECKING

from packages import VmError, fill, output_of

if TYPE_CHECKING:
    from pathlib import Path

MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay")
"""What must work before the host's files, and so every other module, can be seen."""

INIT = """\
#!/bin/busybox sh
# A step that fails ends this script, and with it the kernel: the console log then tells which.
set -e
for applet in insmod mkdir mount switch_root; do alias $applet="/bin/busybox $applet"; done
mount -t proc proc /proc
while read -r module; do insmod "/modules/$module"; done < /modules/order
share() { mount -t 9p -o "trans=virtio,version=9p2000.L,msize=507904,$3" "$1" "$2"; }
share root /host ro,cache=loose
share cache /cache ro,cache=loose
share job /job cache=none
mount -t tmpfs -o mode=0755 tmpfs /write
mkdir /write/upper /write/work
read -r lower < /job/lower
mount -t overlay -o "lowerdir=$lower,upperdir=/write/upper,workdir=/write/work" overlay /new
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs devtmpfs /new/dev
mount -t tmpfs -o mode=0755 tmpfs /new/run
mkdir -p /new/run/job
mount --move /job /new/run/job
exec /bin/busybox switch_root /new /bin/sh /run/job/guest.sh
"""

DIRECTORIES = ("bin", "cache", "dev", "host", "job", "modules", "new", "proc", "write")


def initramfs(cache: Path, kernel: Path, busybox: Path) -> Path:
    """Return the first file system for an unpacked kernel, made once (lock held)."""
    made_from = hashlib.sha256(repr((INIT, MODULES, DIRECTORIES, str(busybox))).encode())
    name = f"initramfs-{kernel.name}-{made_from.hexdigest()[:16]}"

    def build(place: Path) -> None:
        (place / "initramfs.cpio").write_bytes(contents(kernel, busybox))

    return fill(cache / name, build) / "initramfs.cpio"


def contents(kernel: Path, busybox: Path) -> bytes:
    """Return the archive of busybox, the first script and the modules."""
    files: dict[str, bytes] = {"init": INIT.encode(), "bin/busybox": busybox.read_bytes()}
    order = load_order(kernel / "usr/lib/modules" / release_of(kernel))
    for path in order:
        files[f"modules/{module_file(path)}"] = uncompressed(path)
    files["modules/order"] = "".join(f"{module_file(path)}\n" for path in order).encode()
    return archive(files)


def release_of(tree: Path) -> str:
    """Return the kernel release (``uname -r``) of an unpacked kernel."""
    releases = os.listdir(tree / "usr/lib/modules")
    if len(releases) != 1:
        message = f"{tree} holds the modules of {len(releases)} kernels, not one; remove it"
        raise VmError(message)
    return releases[0]


def index_modules(tree: Path, tools: Path) -> None:
    """Index the modules, with the host's depmod or the one among the guest's tools."""
    # kmod looks at the name it is called by, and the package's own links lead to the host's /bin.
    own = tree / "depmod"
    own.symlink_to(tools / "usr/bin/kmod")
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tools / "usr/lib/x86_64-linux-gnu")}
    program = shutil.which("depmod", path="/usr/sbin:/sbin") or str(own)
    output_of([program, "-b", str(tree), release_of(tree)], env=environment)
    own.unlink()


def load_order(modules: Path) -> list[Path]:
    """Return the files of MODULES and of all they need, each after what it needs."""
    needs: dict[str, list[str]] = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        path, _colon, rest = line.partition(":")
        needs[path] = rest.split()
    by_name = {module_name(path): path for path in needs}
    built_in = {module_name(path) for path in (modules / "modules.builtin").read_text().split()}
    order: list[str] = []
    for name in MODULES:
        if name not in built_in:
            path = by_name[name]
            order += [item for item in (*reversed(needs[path]), path) if item not in order]
    return [modules / path for path in order]


def module_name(path: str) -> str:
    """Return the name modprobe knows a module file by."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def module_file(path: Path) -> str:
    """Return the name of a module file once it is no longer compressed."""
    return path.name.partition(".ko")[0] + ".ko"


def uncompressed(path: Path) -> bytes:
    """Return a module's bytes: insmod leaves decompression to its caller."""
    return lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()


def archive(files: dict[str, bytes]) -> bytes:
    """Return a cpio archive as the kernel wants it, with the directories files and mounts need."""
    parts = [entry(name, 0o040755, b"") for name in DIRECTORIES]
    parts += [entry(name, 0o100755, data) for name, data in files.items()]
    return b"".join([*parts, entry("TRAILER!!!", 0, b"")])


def entry(name: str, mode: int, data: bytes) -> bytes:
    """Return one cpio ``newc`` member: 13 hexadecimal fields, name and data, padded to 4 bytes."""
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
    return header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4)
