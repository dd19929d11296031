# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The script that is the guest's whole user space: set up, run a command, tell its status, stop."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TARGET_MODULES = (
    "target_core_mod",
    "target_core_file",
    "target_core_iblock",
    "target_core_pscsi",
    "target_core_user",
    "iscsi_target_mod",
    "tcm_loop",
    "vhost_scsi",
    "tcm_fc",
    "sbp_target",
    "ib_srpt",
    "ib_isert",
    "qla2xxx",
    "tcm_qla2xxx",
    "cxgbit",
)
"""The target core, its backstores, and each fabric a Debian kernel has; some find no hardware."""

START = """\
mkdir -p /dev/pts /dev/shm /run/lock
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
hostname probehost
ip link set lo up
port() {
    # The host announces its ports after the device is found: wait for the name to appear.
    until dev=$(grep -lx "$1" /sys/class/virtio-ports/*/name 2>/dev/null); do sleep 0.02; done
    dev=${dev%/name}; echo "/dev/${dev##*/}"
}
exec 3>"$(port stdout)" 4>"$(port stderr)"
load() { modprobe "$@" 2>&1 | while read -r line; do echo "guest: $line" > /dev/kmsg; done; }
"""

OUT = """\
mkdir -p /out
mount -t 9p -o trans=virtio,version=9p2000.L,msize=507904,cache=none out /out
"""

CONFIGFS = """\
load configfs
mount -t configfs configfs /sys/kernel/config
# The target core looks for its database directory once, when it is loaded.
mkdir -p /etc/target
"""

PROBE_SETUP = """\
for module in loop sd_mod sg zram iscsi_tcp; do load $module; done
load scsi_debug max_luns=2 dev_size_mb=16
echo 64M > /sys/block/zram0/disksize
mkdir -p /mnt/fio /var/target
mount -t tmpfs tmpfs /mnt/fio
mkdir -p /etc/iscsi
name=/etc/iscsi/initiatorname.iscsi
[ -s $name ] || echo InitiatorName=iqn.1994-05.com.redhat:guest > $name
"""

STOP = """\
code=$?
echo "$code" > /run/job/status.part
mv /run/job/status.part /run/job/status
exec 3>&- 4>&-
# An orderly shutdown would wait for targets that tests leave behind; nothing here needs one.
echo 1 > /proc/sys/kernel/sysrq
echo b > /proc/sysrq-trigger
"""


def script(
    command: Sequence[str],
    environment: Mapping[str, str],
    directory: str,
    *,
    modules: Sequence[str],
    configfs: bool,
    probe_setup: bool,
    out: bool,
) -> str:
    """Return the guest's script."""
    parts = [export(environment), START]
    if out:
        parts.append(OUT)
    if configfs:
        parts.append(CONFIGFS)
    parts += [f"load {module}\n" for module in modules]
    if probe_setup:
        parts.append(PROBE_SETUP)
    words = " ".join(shlex.quote(word) for word in command)
    parts.append(
        f"(cd {shlex.quote(directory)} && exec {words}) </dev/null >&3 2>&4 3>&- 4>&-\n{STOP}"
    )
    return "".join(parts)


def export(environment: Mapping[str, str]) -> str:
    """Return lines that give the guest the caller's environment and the way to all programs."""
    lines = [
        f"export {name}={shlex.quote(value)}\n"
        for name, value in environment.items()
        if name.isidentifier()
    ]
    return "".join(
        [
            *lines,
            'export PATH="${PATH:-/usr/bin:/bin}:/usr/sbin:/sbin" PYTHONUNBUFFERED=1 HOME=/root\n',
        ]
    )
