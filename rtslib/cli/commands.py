# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The command line as a table: every command, its arguments and examples.

The parser, the help and the completion of shells are made from it.
"""

from __future__ import annotations

from rtslib import lock
from rtslib.cli.command import TARGETS, Argument, Command
from rtslib.cli.command import file as _file
from rtslib.cli.command import flag as _flag
from rtslib.cli.command import option as _option
from rtslib.cli.commands_iscsi import ISCSI_COMMANDS, VERIFY
from rtslib.paths import KEEP, SAVE_FILE

__all__ = ["COMMANDS", "COMMON", "Argument", "Command"]


_SAVED = _file(f"the saved configuration (default: {SAVE_FILE})", nargs="?")
_JSON = _flag("--json", "print data for programs")
_OBJECTS = _option(
    "--storage-object",
    "SO",
    "only this storage object, NAME, PLUGIN/NAME or /backstores/PLUGIN/NAME (may be repeated)",
    "storage-object",
    action="append",
)
_BACKSTORES = _flag("--with-backstores", "with --target: the storage objects too that it exports")
_KEEP_EXISTING = _flag("--keep-existing", "remove nothing that FILE does not name")
_ONLY_MISSING = _flag("--only-missing", "set up what is not there, and leave alone all that is")
_CREATE = _flag("--create-files", "make backing files that do not exist, if FILE tells their size")
_SECRETS = _flag("--show-secrets", "print secrets instead of a mask")
_EXIT_CODE = _flag("--exit-code", "end with 4 if there is anything")
_WAIT = _option(
    "--wait", "SECONDS", "wait so long for devices that are not there", type=float, default=0.0
)
_ON_FAILURE = _option(
    "--on-failure",
    "WHAT",
    "what to do when something fails: go-on with all that does not need it (default), stop, or "
    "roll-back all",
    choices=("go-on", "stop", "roll-back"),
    default="go-on",
)
_GENERATION = _option("--generation", "N", "of FILE, what it was then: see generations")
_PART = (TARGETS, _OBJECTS)
_DOING = (_CREATE, _WAIT, _ON_FAILURE)

#: What every command takes, before its name or behind it.
COMMON = (
    _option(
        "--root",
        "DIR",
        "the directory of the target tree instead of /sys/kernel/config/target",
        "directory",
    ),
    _option(
        "--lock-timeout",
        "SECONDS",
        f"how long to wait for others that change the configuration (default: {lock.SECONDS:g})",
        type=float,
        default=lock.SECONDS,
    ),
    Argument(("-q", "--quiet"), "print results and failures only", {"action": "store_true"}),
    _JSON,
)

COMMANDS = (
    Command(
        "save",
        "save the running configuration",
        "Save the running configuration. What the last restore could not set up stays in the file. "
        "The versions before are kept: see generations.",
        "saving:save",
        (
            _SAVED,
            *_PART,
            _BACKSTORES,
            _option(
                "--so-path", "SO", "as rtslib-fb: a storage object and the targets that export it"
            ),
            _flag("--forget-missing", "do not keep what could not be restored"),
            Argument(
                ("--secrets-apart",),
                "keep the secrets in a file of their own from now on",
                {"action": "store_const", "const": True, "dest": "secrets_apart"},
            ),
            Argument(
                ("--secrets-inside",),
                "keep the secrets in the file from now on",
                {"action": "store_const", "const": False, "dest": "secrets_apart"},
            ),
            _option(
                "--keep",
                "N",
                f"how many versions to keep (default: {KEEP})",
                type=int,
                default=KEEP,
            ),
        ),
        ("targetctl save", "targetctl save --target iqn.2003-01.org.example:t1 --with-backstores"),
    ),
    Command(
        "restore",
        "make the running configuration what was saved",
        "Make the running configuration what FILE says, with as few changes as possible. FILE is "
        "checked before anything is touched. That there is no FILE is no failure.",
        "saving:restore",
        (
            _SAVED,
            *_PART,
            _BACKSTORES,
            _KEEP_EXISTING,
            _ONLY_MISSING,
            *_DOING,
            _GENERATION,
        ),
        (
            "targetctl restore --wait 30",
            "targetctl restore --target iqn.2003-01.org.example:t1 --with-backstores",
            "targetctl restore --generation 12 --on-failure roll-back",
        ),
    ),
    Command(
        "clear",
        "remove the running configuration",
        "Remove the running configuration, or a part of it; no file is touched. Asks nothing.",
        "saving:clear",
        (*_PART, _flag("--yes", "for scripts that say so: nothing is asked anyway")),
        ("targetctl clear", "targetctl clear --target iqn.2003-01.org.example:t1"),
    ),
    Command(
        "stop",
        "leave, disable or remove the running configuration",
        "What the service does when it is stopped, as its settings say: keep leaves all as it is, "
        "disable lets nobody log in any more, clear removes all, so that filesystems under it can "
        "be unmounted. No file is touched.",
        "saving:stop",
        (
            Argument(
                ("how",), "what to do", {"metavar": "HOW", "choices": ("keep", "disable", "clear")}
            ),
        ),
        ("targetctl stop disable",),
    ),
    Command(
        "show",
        "draw the running configuration",
        "Draw the running configuration, or what is below PATH.",
        "showing:show",
        (
            Argument(("path",), "what to draw", {"metavar": "PATH", "nargs": "?", "default": "/"}),
            _flag("--config", "print it as it would be saved, without its secrets"),
            _SECRETS,
        ),
        ("targetctl show /iscsi", "targetctl show --config > configuration.json"),
    ),
    Command(
        "diff",
        "compare what is running with a file, or two files",
        "Show in what FILE differs from the running configuration; of two files, the second from "
        "the first. '+' is only in FILE, '-' is not in it, '~' differs.",
        "planning:diff",
        (
            Argument(
                ("files",),
                f"one file (default: {SAVE_FILE}) or two",
                {"metavar": "FILE", "nargs": "*"},
                "file",
            ),
            _SECRETS,
            _EXIT_CODE,
        ),
        ("targetctl diff", "targetctl diff old.json new.json", "targetctl diff --exit-code --json"),
    ),
    Command(
        "plan",
        "show what restore would do",
        "Show what restore would do, step by step and with reasons. Nothing is touched.",
        "planning:plan",
        (
            _file(f"a configuration (default: {SAVE_FILE}), or - for the input", nargs="?"),
            *_PART,
            _BACKSTORES,
            _KEEP_EXISTING,
            _ONLY_MISSING,
            _CREATE,
            _GENERATION,
            _flag("--shell", "print it as a shell script, without secrets"),
            _SECRETS,
            _EXIT_CODE,
        ),
        ("targetctl plan", "targetctl plan --keep-existing new.json --shell"),
    ),
    Command(
        "apply",
        "add a configuration to the running one",
        "Make, or set, what FILE names; what it does not name stays as it is.",
        "saving:apply",
        (
            _file("a configuration, or - for the input"),
            *_PART,
            _BACKSTORES,
            _flag("--exact", "remove what FILE does not name"),
            _ONLY_MISSING,
            *_DOING,
        ),
        ("targetctl apply new.json", "generate-config | targetctl apply - --on-failure roll-back"),
    ),
    Command(
        "check",
        "check a file, without root and without LIO",
        "List all that is wrong with FILE, each fault with its line, and what a kernel would "
        "refuse: it is restored on an imitation of one, which has all devices that FILE names.",
        "checking:check",
        (
            _file("a configuration, or - for the input"),
            _option(
                "--kernel",
                "VERSION",
                "which kernel to imitate: 6.1 or 6.12 (default)",
                choices=("6.1", "6.12"),
                default="6.12",
            ),
        ),
        ("targetctl check saveconfig.json", "generate-config | targetctl check -"),
    ),
    Command(
        "wait",
        "wait for devices, and set up what is missing",
        "Wait for the devices of what is saved and not there, and set it up as they come. What is "
        "there is left alone. Ends with 4 if something is missing still.",
        "saving:wait",
        (
            _SAVED,
            _option(
                "--time", "SECONDS", "how long to wait (default: 60)", type=float, default=60.0
            ),
            *_PART,
            _BACKSTORES,
        ),
        ("targetctl wait --time 300",),
    ),
    Command(
        "sessions",
        "list who is logged in",
        "List the initiators that are logged in, as far as the kernel tells of them.",
        "showing:sessions",
        (),
        ("targetctl sessions --json",),
    ),
    Command(
        "stats",
        "list what was read and written",
        "List what was read and written through each LUN, and by each initiator. With --json: all "
        "counters, by the names that the kernel gives them.",
        "showing:stats",
        (),
        ("targetctl stats --json",),
    ),
    Command(
        "generations",
        "list the versions of the saved file",
        "List the versions of FILE that saves have replaced, newest first.",
        "planning:generations",
        (
            _SAVED,
            _option("--show", "N", "print one, without its secrets"),
            _option("--diff", "N", "show in what FILE differs from one"),
            _SECRETS,
            _EXIT_CODE,
        ),
        ("targetctl generations", "targetctl generations --diff 12"),
    ),
    Command(
        "doctor",
        "find what is wrong with this machine and its configuration",
        "Look for what is wrong, or will be after the next boot, and say what to do. Changes "
        "nothing; sees more as root. Ends with 1 if something is wrong.",
        "doctor:doctor",
        (_SAVED, _flag("--all", "list too what is right")),
        ("targetctl doctor", "targetctl doctor --json"),
    ),
    VERIFY,
    *ISCSI_COMMANDS,
    Command(
        "completion",
        "print what makes a shell complete these commands",
        "Print a script for bash or zsh; or the names that it offers, of targets or storage "
        "objects.",
        "completion:completion",
        (
            Argument(
                ("what",),
                "what to print",
                {"choices": ("bash", "zsh", "targets", "storage-objects")},
            ),
        ),
        (
            "targetctl completion bash > /etc/bash_completion.d/targetctl",
            "targetctl completion zsh > /usr/share/zsh/vendor-completions/_targetctl",
        ),
    ),
)
