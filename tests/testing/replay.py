# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Replay the recordings of real kernels on a FakeKernel.

The programs that made the recordings run again, in this process, with an `os` that leads to the
fake; so every step between the recorded ones is done as well. ``python tests/testing/replay.py``
prints what matched.
"""

from __future__ import annotations

import collections
import errno
import json
import os
import posixpath
import re
import sys
import types
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest import mock

from rtslib.configfs import Kind
from rtslib.testing import BlockDevice, FakeHost, FakeKernel, KernelOops, ScsiDevice

if TYPE_CHECKING:
    from collections.abc import Iterator

KERNEL = Path(__file__).resolve().parent.parent / "kernel"
RECORDED = KERNEL / "recorded"
TARGET = "/sys/kernel/config/target"
OOPS = "KERNEL OOPS, process killed by signal 9"

KERNELS = sorted(path.name for path in RECORDED.iterdir() if path.is_dir())
SECTIONS = (
    "generic",
    "top",
    "backstores",
    "attribs",
    "iscsi",
    "sessions",
    "loopback",
    "vhost",
    "others",
)
RECORDINGS = ("behaviour", "newer", "danger", "tree")


class Row(NamedTuple):
    """One recorded thing: its key, what the real kernel did, what the fake does.

    `outside` names what the ConfigFS protocol cannot express, for a row that is of that kind.
    """

    key: str
    recorded: str
    found: str
    outside: str = ""

    @property
    def matches(self) -> bool:
        return self.recorded == self.found


class OutsideError(Exception):
    """The recorder did what the protocol has no word for."""


def recorded(kernel: str, name: str) -> Any:
    return json.loads((RECORDED / kernel / f"{name}.json").read_text())


def machine(kernel: str) -> FakeHost:
    """Return the machine that the recordings were made on, as far as trees show it."""
    rows = {row["path"]: row for stage in recorded(kernel, "tree").values() for row in stage}
    disk: dict[str, Any] = {
        name: int(rows[f"target/core/iblock_1/b0/attrib/{name}"]["content"])
        for name in ("block_size", "hw_max_sectors", "max_unmap_lba_count", "max_write_same_len")
    }
    wwn = {
        name: rows[f"target/core/pscsi_3/p0/wwn/{name}"]["content"]
        for name in (
            "vpd_assoc_logical_unit",
            "vpd_assoc_scsi_target_device",
            "vpd_assoc_target_port",
            "vpd_protocol_identifier",
        )
    }
    scsi = ScsiDevice(
        path="/dev/sda", vendor="Linux", model="scsi_debug", revision="0191", serial="2000",
        queue_depth=192, vpd=wwn,
    )  # fmt: skip
    return FakeHost(
        devices={
            "/dev/zram0": BlockDevice(size=64 << 20, major=254, minor=0, **disk),
            "/dev/sda": BlockDevice(size=8 << 20),
        },
        scsi={"0:0:0:0": scsi, "0:0:0:1": scsi},
        directories={"/mnt/fio", "/etc/target", "/var/target", "/mnt"},
        interfaces={"lo"},
    )


# An `os` module that leads to the fake


KINDS = {
    **dict.fromkeys(("stat", "lstat"), "stat fields"),
    **dict.fromkeys(("chmod", "chown", "utime", "setxattr"), "metadata"),
    **dict.fromkeys(("truncate", "rename", "link", "mkfifo"), "other system calls"),
    **dict.fromkeys(("lseek", "pread"), "file positions and cached reads"),
}
"""What of os the protocol cannot express."""


class FakePath:
    """os.path, as the recorders use it."""

    join = staticmethod(posixpath.join)
    dirname = staticmethod(posixpath.dirname)
    basename = staticmethod(posixpath.basename)
    relpath = staticmethod(posixpath.relpath)

    def __init__(self, system: FakeOs) -> None:
        self.system = system

    def isdir(self, path: str) -> bool:
        try:
            return self.system.fs.kind(self.system.inside(path)) is Kind.DIRECTORY
        except OSError:
            return False

    def islink(self, path: str) -> bool:
        try:
            return self.system.fs.kind(self.system.inside(path)) is Kind.LINK
        except OSError:
            return False

    def exists(self, path: str) -> bool:
        return bool(self.system.fs.host.kind(path))

    def getsize(self, path: str) -> int:
        return self.system.fs.host.files[path]

    def realpath(self, path: str) -> str:
        return f"{TARGET}/{self.system.fs.readlink(self.system.inside(path))}"


class FakeOs:
    """The part of os that the recorders use; what the protocol lacks raises OutsideError."""

    O_RDONLY, O_WRONLY, O_RDWR = os.O_RDONLY, os.O_WRONLY, os.O_RDWR
    O_CREAT, O_EXCL, O_TRUNC, O_APPEND = os.O_CREAT, os.O_EXCL, os.O_TRUNC, os.O_APPEND
    O_NONBLOCK = os.O_NONBLOCK
    strerror = staticmethod(os.strerror)
    uname = staticmethod(os.uname)

    def __init__(self, fs: FakeKernel) -> None:
        self.fs = fs
        self.path = FakePath(self)
        self.cwd = "/root"
        self.recording = False
        self.files: dict[int, tuple[str, int]] = {}
        self.used: set[int] = set()

    def inside(self, path: str) -> str:
        """Return a path as the protocol has it; raise what the real one would elsewhere."""
        if path == TARGET:
            return ""
        if not path.startswith(TARGET + "/"):
            raise OutsideError("other filesystems")
        return path[len(TARGET) + 1 :]

    def mkdir(self, path: str) -> None:
        if path.startswith("/mnt/"):
            self.fs.host.directories.add(path)
            return
        self.fs.mkdir(self.inside(path))

    def makedirs(self, path: str, exist_ok: bool = False) -> None:
        self.fs.host.directories.add(path)

    def rmdir(self, path: str) -> None:
        self.fs.rmdir(self.inside(path))

    def unlink(self, path: str) -> None:
        if path.startswith("/mnt/"):
            del self.fs.host.files[path]
            return
        self.fs.unlink(self.inside(path))

    def symlink(self, target: str, path: str) -> None:
        there = posixpath.normpath(posixpath.join(self.cwd, target))
        self.fs.symlink(posixpath.relpath(there, TARGET), self.inside(path))

    def readlink(self, path: str) -> str:
        inside = self.inside(path)
        return "../" * (inside.count("/") + 1) + "target/" + self.fs.readlink(inside)

    def listdir(self, path: str) -> list[str]:
        if path.startswith("/mnt/fio"):
            host = self.fs.host
            names = {*host.files, *host.directories}
            return [n.rpartition("/")[2] for n in names if posixpath.dirname(n) == path]
        return [entry.name for entry in self.fs.listdir(self.inside(path))]

    def open(self, path: str, flags: int, mode: int = 0) -> int:
        if path.startswith("/dev/") and path in self.fs.host.devices:
            if path in self.fs.tree.claims:
                raise OSError(errno.EBUSY, "claimed")
        elif path != "/dev/kmsg":
            inside = self.inside(path)
            if flags not in (os.O_RDONLY, os.O_WRONLY):
                raise OutsideError("open flags")
            self.fs.kind(inside)
        fd = 1000 + len(self.files)
        self.files[fd] = (path, flags)
        return fd

    def close(self, fd: int) -> None:
        if fd not in self.used and self.recording:
            raise OutsideError("open without reading or writing")

    def read(self, fd: int, size: int) -> bytes:
        path, _ = self.files[fd]
        if path == "/dev/kmsg":
            raise BlockingIOError
        self._use(fd)
        return os.fsencode(self.fs.read(self.inside(path)))[:size]

    def write(self, fd: int, data: bytes) -> int:
        path, _ = self.files[fd]
        self.used.add(fd)
        self.fs.write(self.inside(path), os.fsdecode(data))
        return len(data)

    def _use(self, fd: int) -> None:
        if fd in self.used:
            raise OutsideError("file positions and cached reads")
        self.used.add(fd)

    def chdir(self, path: str) -> None:
        self.cwd = path

    def getcwd(self) -> str:
        return self.cwd

    def __getattr__(self, name: str) -> Any:
        def call(*_args: Any, **_kwargs: Any) -> None:
            if self.recording:
                raise OutsideError(KINDS[name])

        if name not in KINDS:
            raise AttributeError(name)
        return call


class FakeIscsi:
    """libiscsi, whose logins are those of the fake."""

    def __init__(self, fs: FakeKernel) -> None:
        self.fs = fs
        self.here: dict[int, dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            return self._call(name, *args)

        self.__dict__[name] = call
        return call

    def _call(self, name: str, *args: Any) -> Any:
        if name == "iscsi_create_context":
            context = len(self.here) + 1
            self.here[context] = {"initiator": args[0].decode()}
            return context
        facts = self.here[args[0]]
        if name == "iscsi_set_targetname":
            facts["tpg"] = f"iscsi/{args[1].decode()}/tpgt_1"
        elif name == "iscsi_full_connect_sync":
            facts["session"] = self.fs.login(facts["tpg"], facts["initiator"])
            return 0
        elif name == "iscsi_get_error":
            return b""
        elif name == "iscsi_disconnect":
            with suppress(KeyError, OSError):  # the target has ended it already
                self.fs.logout(facts["tpg"], facts["session"])
        return None


def fake_modules(system: FakeOs) -> dict[str, Any]:
    """Return what the recorders are to get when they import."""
    library = FakeIscsi(system.fs)

    class Socket:
        def bind(self, address: tuple[str, int]) -> None:
            system.fs.host.listeners.add(address)

        def listen(self, backlog: int) -> None:
            pass

        def close(self) -> None:
            system.fs.host.listeners.clear()

    def outside(*_args: Any) -> None:
        raise OutsideError("the network")

    return {
        "os": system,
        "socket": types.SimpleNamespace(socket=Socket, create_connection=outside),
        "time": types.SimpleNamespace(sleep=lambda _seconds: None, time=lambda: 0),
        "ctypes": types.SimpleNamespace(
            CDLL=lambda name, **_kwargs: library if name else mock.Mock(side_effect=OutsideError),
            c_void_p=lambda value: value,
            c_char_p=None,
            c_long=None,
            POINTER=outside,
            create_string_buffer=lambda _size: None,
            get_errno=lambda: 0,
            cast=outside,
        ),
        "fcntl": types.SimpleNamespace(flock=outside),
    }


def load(name: str, system: FakeOs, argv: list[str], **extra: Any) -> dict[str, Any]:
    """Run a recorder's module on the fake and return its namespace."""
    source = (KERNEL / f"{name}.py").read_text()
    modules = {**fake_modules(system), **extra.pop("modules", {})}
    namespace: dict[str, Any] = {"__name__": name, "print": lambda *_a, **_k: None, **extra}
    namespace["__import__"] = modules.get
    with mock.patch.dict(sys.modules, modules), mock.patch.object(sys, "argv", [name, *argv]):
        exec(compile(source, name, "exec"), namespace)
    return namespace


# Comparing


def normal(text: str) -> str:
    """Blot out what differs from run to run of a real kernel."""
    text = text.replace("VMBASE", "PROBEHOST")
    text = re.sub(r"ISID: 0x( ?[0-9a-f]{2}){6}", "ISID: *", text)
    text = re.sub(r"\+i\+[0-9a-f]{12}", "+i+*", text)
    return re.sub(r"( 0x[0-9a-f]{8}  ){5} 0x[0-9a-f]{8}|(?<=StatSN: )0x[0-9a-f]{8}", "*", text)


def result_of(text: str, action: str) -> str:
    """Leave out the byte count of a write: the protocol does not tell it."""
    return "ok" if action.startswith("write ") and text.startswith("ok") else normal(text)


class Recorder:
    """Stands for the recorder's ``act``: pairs each row with the recorded one."""

    def __init__(self, system: FakeOs, rows: list[list[str]], name: str) -> None:
        self.system = system
        self.expected = rows
        self.name = name
        self.rows: list[Row] = []

    def act(self, action: str, call: Any, note: str = "") -> str:
        index = len(self.rows)
        _, wanted_action, wanted = self.expected[index][:3]
        if normal(action) != normal(wanted_action):
            raise AssertionError(f"row {index}: {action!r} instead of {wanted_action!r}")
        outside = ""
        self.system.recording = True
        try:
            value = call()
            found = (
                "ok"
                if value is None
                else f"ok: {value if isinstance(value, int) else short(value)}"
            )
        except OSError as error:
            found = errno.errorcode[error.errno or 0]
        except OutsideError as error:
            found = wanted
            outside = str(error)
        finally:
            self.system.recording = False
        key = f"{self.name} {index}: {action}"
        self.rows.append(Row(key, result_of(wanted, action), result_of(found, action), outside))
        return found

    def note(self, row: tuple[str, ...]) -> None:
        """Take a row that the recorder writes by itself: a login."""
        index = len(self.rows)
        wanted = self.expected[index]
        self.rows.append(Row(f"{self.name} {index}: {row[1]}", str(wanted[2]), str(row[2])))


def short(value: Any) -> str:
    """Spell a text as the recorder does."""
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    spelled = repr(value)
    return spelled if len(spelled) < 160 else spelled[:110] + f"...(len {len(value)})"


class Rows(list):  # type: ignore[type-arg]
    """The recorder's ROWS, whose own additions go to the Recorder."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def append(self, row: Any) -> None:
        self.recorder.note(row)


def replay_behaviour(kernel: str) -> list[Row]:
    """Run the sections of record_behaviour.py."""
    fs = FakeKernel(kernel, host=machine(kernel))
    system = FakeOs(fs)
    recorder = Recorder(system, recorded(kernel, "behaviour"), "behaviour")
    space = load("record_behaviour", system, [], open=mock.Mock(side_effect=OutsideError("/proc")))
    space.update(act=recorder.act, ROWS=Rows(recorder), _dbg=lambda: ("0", "sda"), _statfs=lstat)
    for section in SECTIONS:
        space[section]()
    unprivileged(fs, space)
    return recorder.rows


def lstat(_path: str) -> int:
    raise OutsideError("stat fields")


def unprivileged(fs: FakeKernel, space: dict[str, Any]) -> None:
    """Do unpriv() without its fork."""
    ram = space["mkram"](0, "a")
    fs.mkdir("iscsi")
    fs.privileged = False
    space["mk"]("iscsi/iqn.x:y")
    space["r"](ram + "/info")
    space["w"](ram + "/attrib/emulate_tas", "0")
    space["rm"](ram)
    space["r"](ram + "/control")
    space["w"](ram + "/control", "rd_pages=1")
    space["r"]("iscsi/discovery_auth/password")
    space["ls"]("core")
    space["un"](ram + "/enable")
    fs.privileged = True
    for path in ("iscsi", ram, "core/rd_mcp_0"):
        space["rm"](path)


def replay_newer(kernel: str) -> list[Row]:
    """Run record_newer.py over record_behaviour.py's helpers."""
    fs = FakeKernel(kernel, host=machine(kernel))
    system = FakeOs(fs)
    recorder = Recorder(system, recorded(kernel, "newer"), "newer")
    behaviour = load("record_behaviour", system, [])
    behaviour.update(act=recorder.act)
    probe = types.SimpleNamespace()
    probe.__dict__.update(behaviour)
    modules = {"record_behaviour": probe}
    space = load("record_newer", system, ["/dev/null"], modules=modules)
    ram = space["make_storage"](0, "a")
    space["storage"](ram)
    for hba, name in (("fileio", "f"), ("iblock", "b"), ("pscsi", "p"), ("user", "u")):
        space["unconfigured"](hba, name)
    space["ports"](ram)
    space["two_targets"]()
    space["fabrics"](ram)
    probe.rm(ram)
    return recorder.rows


def replay_danger(kernel: str) -> list[Row]:
    """Do each row of danger.json on an object that is not enabled."""
    fs = FakeKernel(kernel, host=machine(kernel))
    rows = []
    last = ""
    for index, (_, action, wanted, *_) in enumerate(recorded(kernel, "danger")):
        match = re.fullmatch(r"(?:write (.*) > |mkdir )(\w+) \(not enabled\)/(.*)", action)
        assert match is not None, action
        text, hba, path = match.groups()
        if path.startswith("attrib/") or path == "alua_lu_gp":
            if not last.startswith(hba):
                fs.mkdir(f"core/{hba}_900")
            last = f"{hba}_900/o{index}"
            fs.mkdir(f"core/{last}")
        try:
            if text is None:
                fs.mkdir(f"core/{last}/{path}")
            else:
                literal = text[1:-1].encode().decode("unicode_escape")
                fs.write(f"core/{last}/{path}", literal if text.startswith("'") else text)
            found = "ok"
        except OSError as error:
            found = errno.errorcode[error.errno or 0]
        except KernelOops:
            found = OOPS
        rows.append(Row(f"danger {index}: {action}", wanted, found))
    return rows


# Trees


def replay_tree(kernel: str) -> list[Row]:
    """Run record_tree.py and compare every entry of every stage."""
    fs = FakeKernel(kernel, host=machine(kernel))
    system = FakeOs(fs)
    recorded_tree = recorded(kernel, "tree")
    rows: list[Row] = []
    seen: set[str] = set()

    def section(name: str, roots: Any, _note: str = "") -> None:
        for root in [roots] if isinstance(roots, str) else roots:
            stage = name.partition(" ")[0]
            found = dict(walk(fs, root))
            wanted = {row["path"]: spell(row) for row in recorded_tree[name]}
            for path in dict.fromkeys([*wanted, *found]):
                key = f"tree {name.partition(',')[0] if stage == 'S11' else name}: {path}"
                rows.append(
                    Row(key, tame(path, wanted.get(path, "-")), tame(path, found.get(path, "-")))
                )
        seen.add(name)

    source = (KERNEL / "record_tree.py").read_text()
    rawfs = types.SimpleNamespace()
    rawfs.__dict__.update(load("rawfs", system, []))
    # The recorder's own section() is replaced after its definition, before its first use
    source = source.replace("def attempt(", "section = SECTION\ndef attempt(", 1)
    namespace: dict[str, Any] = {
        "__name__": "record_tree",
        "print": lambda *_a, **_k: None,
        "SECTION": section,
        "open": lambda *a, **_k: Sink(a[0]),
    }
    modules = {**fake_modules(system), "rawfs": as_module(rawfs, system)}
    with mock.patch.dict(sys.modules, modules), mock.patch.object(sys, "argv", ["", "", ""]):
        system.listdir = recorder_listdir(system)  # type: ignore[method-assign]
        exec(compile(source, "record_tree", "exec"), namespace)
    missing = set(recorded_tree) - seen - {n for n in recorded_tree if "/sys/class/uio" in n}
    rows += [Row(f"tree {name}", "recorded", "not reached") for name in sorted(missing)]
    return rows


class Sink:
    """What the tree recorder opens: its outputs, and a file of /sys about scsi_debug."""

    def __init__(self, path: str) -> None:
        self.path = path

    def write(self, text: str) -> None:
        pass

    def __iter__(self) -> Iterator[str]:
        return iter(())

    flush = close = lambda _self: None

    def read(self) -> str:
        return "scsi_debug\n"


def recorder_listdir(system: FakeOs) -> Any:
    def listdir(path: str) -> list[str]:
        known = {
            "/sys/class/scsi_host": ["host0"],
            "/sys/bus/scsi/devices/0:0:0:0/block": ["sda"],
        }
        if path.startswith("/sys/") and not path.startswith(TARGET):
            return known.get(path, [])
        return FakeOs.listdir(system, path)

    return listdir


def as_module(namespace: Any, _system: FakeOs) -> Any:
    module = types.ModuleType("rawfs")
    module.__dict__.update({k: v for k, v in namespace.__dict__.items() if not k.startswith("__")})
    return module


def walk(fs: FakeKernel, root: str) -> Iterator[tuple[str, str]]:
    """Yield every path below `root`, spelled as in the recording, with its looks."""
    kind = fs.kind(root)
    name = f"target/{root}" if root else "target"
    mode = f"{fs.mode(root):o}"
    if kind is Kind.LINK:
        yield name, f"{mode} -> {'../' * (root.count('/') + 1)}target/{fs.readlink(root)}"
    elif kind is Kind.FILE:
        try:
            yield name, f"{mode} {fs.read(root)!r}"
        except OSError as error:
            yield name, f"{mode} {errno.errorcode[error.errno or 0]}"
    else:
        yield name, f"{mode} directory"
        for entry in fs.listdir(root):
            yield from walk(fs, f"{root}/{entry.name}" if root else entry.name)


def spell(row: dict[str, Any]) -> str:
    """Spell a recorded entry as ``walk`` does."""
    mode = f"{row['mode']:o}"
    if row["type"] == "dir":
        return f"{mode} directory"
    if row["type"] == "link":
        return f"{mode} -> {row['target']}"
    if "content" in row:
        return f"{mode} {row['content']!r}"
    return f"{mode} {row.get('open_r') or row['read']}"


def tame(path: str, text: str) -> str:
    """Blot out what no two machines have alike: times, addresses, sequence numbers."""
    if path.endswith("/creation_time"):
        return re.sub(r"'\d+\\n'", "a time", text)
    return normal(text)


REPLAYS = {
    "behaviour": replay_behaviour,
    "newer": replay_newer,
    "danger": replay_danger,
    "tree": replay_tree,
}


def not_imitated() -> dict[str, Any]:
    """Return the rows that the fake does not imitate: by kernel, key and reason."""
    found: dict[str, Any] = json.loads((KERNEL / "not_imitated.json").read_text())
    return found


def summary() -> dict[str, dict[str, Any]]:
    """Return by kernel and recording how many rows matched, did not, or are outside."""
    result: dict[str, dict[str, Any]] = {}
    for kernel in KERNELS:
        result[kernel] = {}
        for name, replay in REPLAYS.items():
            rows = replay(kernel)
            outside = collections.Counter(row.outside for row in rows if row.outside)
            inside = [row for row in rows if not row.outside]
            result[kernel][name] = {
                "rows": len(rows),
                "matched": sum(row.matches for row in inside),
                "not imitated": sum(not row.matches for row in inside),
                "outside the protocol": dict(outside),
            }
    return result


if __name__ == "__main__":
    print(json.dumps(summary(), indent=2))
