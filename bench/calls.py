# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""How many system calls something makes: the kernel's own histogram of all processes."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any, Callable

TRACING = Path("/sys/kernel/tracing")
EVENT = TRACING / "events/raw_syscalls/sys_enter"
HISTOGRAM = "hist:keys=id.syscall"
LINE = re.compile(r"^\{ id: (?:sys_)?(\w+)\s*\[\s*\d+\] \} hitcount:\s*(\d+)", re.MULTILINE)


def counted(do: Callable[[], Any]) -> dict[str, int]:
    """Do something and return how often each system call was made, while all else waits."""
    if not EVENT.exists():
        subprocess.run(["mount", "-t", "tracefs", "none", str(TRACING)], check=True)  # noqa: S603, S607
    trigger = EVENT / "trigger"
    fd = os.open(trigger, os.O_WRONLY)
    os.write(fd, HISTOGRAM.encode())
    do()
    # The one call of ours that is counted.
    os.write(fd, f"{HISTOGRAM}:pause".encode())
    os.close(fd)
    text = (EVENT / "hist").read_text()
    trigger.write_text(f"!{HISTOGRAM}")
    return {name: int(number) for name, number in LINE.findall(text)}
