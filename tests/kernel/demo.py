# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Show a disk exported, found and used on a real kernel: ``python tests/kernel/demo.py 6.1``.

The guest (see ``vm.py``) runs ``examples/export_disk.py`` as it is, then what a person at another
machine would type.  Every command is printed; the first that fails, or data that differ, end it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, TypeVar

from packages import KERNELS, VmError
from vm import Machine, python_command, run

T = TypeVar("T")

REPOSITORY = Path(__file__).resolve().parents[2]
IN_GUEST = "--in-guest"

IMAGE = "/tmp/disk0.img"
TARGET = "iqn.2026-11.org.example:disk0"
INITIATOR = "iqn.1994-05.com.redhat:client"
PORTAL = "127.0.0.1:3260"
# The example's own; in the guest nobody else can read the command lines that it stands in.
USER, SECRET = "client", "only-an-example"
DAEMON_SOCKET = "@ISCSIADM_ABSTRACT_NAMESPACE"
SECONDS = 60.0


class DemoError(Exception):
    """A step did not do what it shows."""


def heading(text: str) -> None:
    """Print what comes next."""
    print(f"\n== {text}", flush=True)


def show(*words: str, good: bool = True) -> str:
    """Print a command, run it, print its output; it must succeed, or fail, as is `good`."""
    print("$ " + " ".join(words), flush=True)
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    said = done.stdout.decode(errors="replace")
    print(said, end="", flush=True)
    if (done.returncode == 0) != good:
        raise DemoError(f"{words[0]} ended with status {done.returncode}")
    return said


def wait_for(what: str, condition: Callable[[], T]) -> T:
    """Return the first true value of a condition."""
    deadline = time.monotonic() + SECONDS
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise DemoError(f"{what} did not come within {SECONDS:g} s")
        time.sleep(0.05)
    return value


def expect(there: bool, what: str) -> None:
    """Print a check that holds, and end the demonstration at one that does not."""
    if not there:
        raise DemoError(f"not so: {what}")
    print(f"ok: {what}", flush=True)


def in_guest() -> None:
    """Be the machine that exports, then the one that imports."""
    heading(f"Linux {os.uname().release}: export a file as an iSCSI disk")
    os.environ["PYTHONPATH"] = str(REPOSITORY)
    show(sys.executable, "examples/export_disk.py", IMAGE)
    libiscsi()
    kernel_initiator()
    heading("Change it by a plan, and take that back")
    show(sys.executable, "examples/change_safely.py")
    heading("Everything works.")


def libiscsi() -> None:
    """Find the disk with libiscsi's tools, with and without the secret."""
    with_secret = f"iscsi://{USER}%{SECRET}@{PORTAL}"
    heading("Find it with libiscsi's tools")
    shown = show("iscsi-ls", "-s", "-i", INITIATOR, with_secret)
    expect(TARGET in shown and "Lun:0" in shown, "the target is found, with its LUN 0")
    shown = show("iscsi-inq", "-i", INITIATOR, f"{with_secret}/{TARGET}/0")
    expect("LIO-ORG" in shown, "LUN 0 answers INQUIRY")
    heading("The same with a wrong secret: this must be refused")
    shown = show(
        "iscsi-inq", "-i", INITIATOR, f"iscsi://{USER}%wrong-secret@{PORTAL}/{TARGET}/0", good=False
    )
    expect("Authentication failure" in shown, "a wrong secret is refused")


def kernel_initiator() -> None:
    """Use the disk with the kernel's initiator."""
    heading("Use it with the kernel's initiator (open-iscsi)")
    name = "/etc/iscsi/initiatorname.iscsi"
    print(f"$ echo InitiatorName={INITIATOR} > {name}")
    Path(name).write_text(f"InitiatorName={INITIATOR}\n")
    print("$ iscsid")
    # When it ends it kills its whole process group, which must not be ours.
    command = ["iscsid", "-f"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as daemon:
        try:
            wait_for("iscsid", lambda: DAEMON_SOCKET in Path("/proc/net/unix").read_text())
            use_disk()
        finally:
            daemon.terminate()


def use_disk() -> None:
    """Log in, write a pattern, read it back, and look for it in the file behind the disk."""
    node = ("iscsiadm", "-m", "node", "-T", TARGET, "-p", PORTAL)
    show("iscsiadm", "-m", "discovery", "-t", "sendtargets", "-p", PORTAL)
    for setting, value in (("authmethod", "CHAP"), ("username", USER), ("password", SECRET)):
        show(*node, "-o", "update", "-n", f"node.session.auth.{setting}", "-v", value)
    show(*node, "--login")
    disk = wait_for("a disk", device)
    show("dd", "if=/dev/urandom", "of=/tmp/pattern", "bs=1M", "count=4", "status=none")
    show("dd", "if=/tmp/pattern", f"of={disk}", "bs=1M", "oflag=direct", "status=none")
    show("dd", f"if={disk}", "of=/tmp/back", "bs=1M", "count=4", "iflag=direct", "status=none")
    show("cmp", "/tmp/pattern", "/tmp/back")
    show("cmp", "--bytes=4MiB", "/tmp/pattern", IMAGE)
    expect(there=True, what="what was written came back, and is in the file")
    show(*node, "--logout")


def device() -> str:
    """Return the disk of the only session, '' until it can be opened.

    In the guest no udev names it after its target.
    """
    (session,) = Path("/sys/class/iscsi_session").iterdir()
    for found in (session / "device").glob("target*/*:0/block/*"):
        try:
            os.close(os.open(f"/dev/{found.name}", os.O_RDONLY))
        except OSError:
            continue
        return f"/dev/{found.name}"
    return ""


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser("demo.py", description="Show the library on a real kernel.")
    parser.add_argument("kernel", choices=[*KERNELS, IN_GUEST.strip("-")], help="kernel series")
    options = parser.parse_args()
    os.chdir(REPOSITORY)
    try:
        if options.kernel == IN_GUEST.strip("-"):
            in_guest()
            return 0
        machine = Machine(options.kernel, probe_setup=True, timeout=600.0)
        command = [python_command(), str(Path(__file__).resolve()), IN_GUEST.strip("-")]
        return run(machine, command)
    except (DemoError, VmError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
