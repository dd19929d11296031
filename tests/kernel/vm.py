# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Run one command as root on a real Debian kernel, in a machine that sees the host's files.

``python tests/kernel/vm.py 6.12 -- python -m pytest tests/conformance`` boots the kernel in QEMU
(software emulation; KVM is neither needed nor used), shows it this machine's ``/`` read-only under
a layer of memory, runs the command in the same directory with the same environment, and ends with
the command's exit status.  What the guest writes is lost, except below ``/out`` when ``--out``
names a host directory for it.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import guest
from initramfs import index_modules, initramfs
from packages import (
    KERNELS,
    VmError,
    busybox,
    cache_directory,
    exclusive,
    kernel_tree,
    note,
    require_qemu,
    tools_tree,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_VM_FAILED = 70
"""The exit status when the guest, not the command in it, failed."""

HARDWARE = (
    "-machine pc -accel tcg -cpu max -nodefaults -no-user-config -no-reboot -display none "
    "-nic none -device virtio-serial-pci"
)

KERNEL_ARGUMENTS = (
    "console=ttyS0 loglevel=5 panic=-1 reboot=t mitigations=off nowatchdog tsc=reliable audit=0 "
    "rcupdate.rcu_cpu_stall_suppress=1"
)
"""Stalls are not reported, for a busy host makes them; everything worse is, and ends the guest."""

BROKEN_KERNEL = re.compile(
    r"Kernel panic - not syncing|\bBUG: |\bOops: |kernel BUG at|general protection fault"
)
LINES_SHOWN = 60


@dataclass(frozen=True)
class Machine:
    """What to boot and what to prepare in it."""

    kernel: str
    memory: int = 2048
    cpus: int = 2
    icount: bool = False
    timeout: float = 1800.0
    out: Path | None = None
    modules: Sequence[str] = guest.TARGET_MODULES
    configfs: bool = True
    probe_setup: bool = False
    allow_oops: bool = False
    refresh: bool = False


@dataclass(frozen=True)
class Parts:
    """The files one machine is started from."""

    cache: Path
    kernel: Path
    initramfs: Path
    tools: Path
    run: Path


def python_command() -> str:
    """Return the running interpreter as the guest must call it: past any shim, inside its venv."""
    if sys.prefix != sys.base_prefix:
        return sys.executable
    return os.path.realpath(sys.executable)


def run(
    machine: Machine,
    command: Sequence[str],
    stdout: IO[bytes] | None = None,
    stderr: IO[bytes] | None = None,
) -> int:
    """Boot, run the command while its output streams out, and return its exit status."""
    qemu = require_qemu()
    cache = cache_directory()
    with exclusive(cache):
        tools = tools_tree(cache)
        finish = partial(index_modules, tools=tools)
        kernel = kernel_tree(cache, machine.kernel, finish, refresh=machine.refresh)
        first = initramfs(cache, kernel, busybox(cache))
    (cache / "runs").mkdir(exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix=f"{machine.kernel}-", dir=cache / "runs"))
    parts = Parts(cache, kernel, first, tools, directory)
    try:
        write_job(machine, parts, command)
        boot(machine, parts, qemu, stdout or sys.stdout.buffer, stderr or sys.stderr.buffer)
        status = outcome(machine, parts)
    finally:
        console = directory / "console.log"
        if console.exists():
            console.replace(cache / f"console-{machine.kernel}.log")
        shutil.rmtree(directory)
    return status


def write_job(machine: Machine, parts: Parts, command: Sequence[str]) -> None:
    """Write what the guest reads: its layers, lowest last, and its script."""
    job = parts.run / "job"
    job.mkdir()
    layers = [f"/cache/{tree.relative_to(parts.cache)}" for tree in (parts.kernel, parts.tools)]
    (job / "lower").write_text(":".join([*layers, "/host"]) + "\n")
    text = guest.script(
        command,
        os.environ,
        str(Path.cwd()),
        modules=machine.modules,
        configfs=machine.configfs,
        probe_setup=machine.probe_setup,
        out=machine.out is not None,
    )
    (job / "guest.sh").write_text(text)


def boot(machine: Machine, parts: Parts, qemu: str, stdout: IO[bytes], stderr: IO[bytes]) -> None:
    """Run the emulator to its end, relaying what the guest writes to its two ports."""
    pipes = [(*os.pipe(), sink) for sink in (stdout, stderr)]
    writers = [writer for _reader, writer, _sink in pipes]
    with (parts.run / "qemu.log").open("wb") as log:
        process = subprocess.Popen(
            qemu_command(machine, parts, qemu, writers),
            pass_fds=writers,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    relays = []
    for reader, writer, sink in pipes:
        os.close(writer)
        relays.append(threading.Thread(target=relay, args=(reader, sink), daemon=True))
        relays[-1].start()
    try:
        process.wait(machine.timeout)
    except subprocess.TimeoutExpired:
        limit = f"{machine.timeout:g} s (see --timeout)"
        message = f"the {machine.kernel} guest did not end within {limit}; console:\n"
        raise VmError(message + last_lines(parts)) from None
    finally:
        process.kill()
        process.wait()
        for thread in relays:
            thread.join()


def relay(reader: int, sink: IO[bytes]) -> None:
    """Copy a pipe to a file until its end, as the bytes come."""
    with os.fdopen(reader, "rb", buffering=0) as source:
        while data := source.read(1 << 16):
            sink.write(data)
            sink.flush()


def qemu_command(machine: Machine, parts: Parts, qemu: str, ports: Sequence[int]) -> list[str]:
    """Return the emulator's command line."""
    (vmlinuz,) = parts.kernel.glob("boot/vmlinuz-*")
    arguments = KERNEL_ARGUMENTS if machine.allow_oops else f"{KERNEL_ARGUMENTS} oops=panic"
    # Should this program be killed, the guest must not go on alone.
    command = ["setpriv", "--pdeathsig", "KILL", qemu, *HARDWARE.split()]
    command += ["-m", str(machine.memory), "-append", arguments]
    command += ["-kernel", str(vmlinuz), "-initrd", str(parts.initramfs)]
    command += ["-serial", f"file:{parts.run / 'console.log'}"]
    # Counting instructions makes one run like the next, which needs a single processor.
    command += ["-icount", "shift=0,sleep=off"] if machine.icount else ["-smp", str(machine.cpus)]
    for name, descriptor in zip(("stdout", "stderr"), ports):
        command += ["-chardev", f"file,id={name},path=/proc/self/fd/{descriptor}"]
        command += ["-device", f"virtserialport,chardev={name},name={name}"]
    command += share("root", Path("/"), writable=False)
    command += share("cache", parts.cache, writable=False)
    command += share("job", parts.run / "job", writable=True)
    return command + (share("out", machine.out.resolve(), writable=True) if machine.out else [])


def share(name: str, directory: Path, *, writable: bool) -> list[str]:
    """Return the options that show the guest a host directory under a mount tag."""
    # The emulator splits its options at commas; a doubled one stands for itself.
    path = str(directory).replace(",", ",,")
    access = "" if writable else ",readonly=on"
    backend = f"local,id={name},path={path},security_model=none,multidevs=remap{access}"
    return ["-fsdev", backend, "-device", f"virtio-9p-pci,fsdev={name},mount_tag={name}"]


def outcome(machine: Machine, parts: Parts) -> int:
    """Return the command's exit status, unless the kernel broke or the guest ended without one."""
    console = console_text(parts)
    broken = BROKEN_KERNEL.search(console)
    if broken and not machine.allow_oops:
        rest = console[broken.start() :].strip()
        message = f"the {machine.kernel} kernel broke; its console from there on:\n{rest}"
        raise VmError(message)
    status = parts.run / "job" / "status"
    if not status.exists():
        emulator = (parts.run / "qemu.log").read_text(errors="replace")
        message = f"the {machine.kernel} guest ended before its command did; {emulator}console:\n"
        raise VmError(message + last_lines(parts))
    return int(status.read_text())


def console_text(parts: Parts) -> str:
    """Return what the kernel printed."""
    path = parts.run / "console.log"
    return path.read_text(errors="replace") if path.exists() else ""


def last_lines(parts: Parts) -> str:
    """Return the end of what the kernel printed."""
    return "\n".join(console_text(parts).splitlines()[-LINES_SHOWN:])


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    result = argparse.ArgumentParser("vm.py", description="Run a command as root on a real kernel.")
    add = result.add_argument
    add("kernel", choices=sorted(KERNELS), help="kernel series")
    add("--memory", type=int, default=2048, metavar="MIB", help="memory (default 2048)")
    add("--cpus", type=int, default=2, metavar="N", help="processors (default 2)")
    add("--icount", action="store_true", help="one processor, clocked by counting instructions")
    add("--timeout", type=float, default=1800.0, metavar="S", help="limit for all (default 1800)")
    add("--out", type=Path, metavar="DIR", help="host directory the guest may write to, as /out")
    add("--modules", metavar="A,B", help="load these, not all target modules; '' for none")
    add("--no-configfs", action="store_true", help="do not mount configfs or make /etc/target")
    add("--probe-setup", action="store_true", help="make what the recording programs need")
    add("--allow-oops", action="store_true", help="do not stop at, or fail for, a kernel oops")
    add("--refresh", action="store_true", help="look for a newer kernel of the series first")
    words = "after --; a first word `python` is the interpreter running this"
    add("command", nargs="+", help=words)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line."""
    options = parser().parse_args(arguments)
    command = [
        python_command() if options.command[0] == "python" else options.command[0],
        *options.command[1:],
    ]
    modules = (
        guest.TARGET_MODULES
        if options.modules is None
        else options.modules.replace(",", " ").split()
    )
    machine = Machine(
        options.kernel,
        memory=options.memory,
        cpus=options.cpus,
        icount=options.icount,
        timeout=options.timeout,
        out=options.out,
        modules=tuple(modules),
        configfs=not options.no_configfs,
        probe_setup=options.probe_setup,
        allow_oops=options.allow_oops,
        refresh=options.refresh,
    )
    try:
        return run(machine, command)
    except VmError as error:
        note(str(error))
        return EXIT_VM_FAILED


if __name__ == "__main__":
    sys.exit(main())
