# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The rows of the commands that are an initiator: what a portal has, what a disk is and holds."""

from __future__ import annotations

from rtslib.cli.command import TARGETS, Argument, Command, file, flag, option

__all__ = ["ISCSI_COMMANDS", "VERIFY"]

_TIMEOUT = option(
    "--timeout",
    "SECONDS",
    "how long a login, or a command, may take (default: 10)",
    type=float,
    default=10.0,
)


def _url(text: str) -> Argument:
    return Argument(("url",), text, {"metavar": "URL"})


_PORTAL = _url("iscsi://HOST[:PORT][/TARGET]")
_DISK = _url("iscsi://HOST[:PORT]/TARGET/LUN")
_AS = (
    option(
        "--initiator",
        "NAME",
        "the name to log in under (default: that of this machine, in /etc/iscsi)",
    ),
    option(
        "--credentials",
        "FILE",
        "a file of lines such as 'user = NAME', with user, secret, target_user, target_secret",
        "file",
    ),
    _TIMEOUT,
)
#: What all of them say of secrets: argv is for everybody to read.
_SECRETS = (
    "Passwords come from --credentials or from LIBISCSI_CHAP_PASSWORD, not from the command line."
)
_IO = (
    option("--lba", "N", "the first block (default: 0)", type=int, default=0),
    option("--blocks", "N", "how many blocks (default: all)", type=int),
)

VERIFY = Command(
    "verify",
    "log in as every initiator, and compare what it sees",
    "Log in to every enabled TPG at every portal as each of its initiators, and compare the LUNs, "
    "sizes, serials, write protection and queue depth that it sees with what is configured; try "
    "whether wrong passwords and unknown initiators are refused. With FILE: compare with what is "
    "saved there. Writes nothing. Ends with 1 if anything differs.",
    "verifying:verify",
    (
        file("a saved configuration (default: the running one), or - for the input", nargs="?"),
        TARGETS,
        flag("--in-use", "ask all of initiators, too, that are logged in now"),
        _TIMEOUT,
    ),
    ("targetctl verify", "targetctl verify /etc/target/saveconfig.json --json"),
)

ISCSI_COMMANDS = (
    Command(
        "ls",
        "list the targets of a portal, and their LUNs",
        f"List the targets that a portal tells of, or with -s their LUNs too. {_SECRETS}",
        "initiator:ls",
        (
            _PORTAL,
            Argument(("-s", "--luns"), "log in, and list the LUNs", {"action": "store_true"}),
            *_AS,
        ),
        ("targetctl ls iscsi://10.0.0.1", "targetctl ls -s 'iscsi://[2001:db8::1]:3260'"),
    ),
    Command(
        "inq",
        "show what a LUN says it is",
        "Show the INQUIRY data of a LUN, or a page of its vital product data.",
        "initiator:inq",
        (
            _DISK,
            option(
                "--page", "HEX", "a page: 00 lists them, 80 serial, 83 names, b0 limits and so on"
            ),
            *_AS,
        ),
        (
            "targetctl inq iscsi://10.0.0.1/iqn.2003-01.org.example:t1/0",
            "targetctl inq iscsi://10.0.0.1/iqn.2003-01.org.example:t1/0 --page 83",
        ),
    ),
    Command(
        "readcap",
        "show how large a LUN is",
        "Show the capacity of a LUN, its blocks and its provisioning.",
        "initiator:readcap",
        (_DISK, *_AS),
        ("targetctl readcap iscsi://10.0.0.1/iqn.2003-01.org.example:t1/0",),
    ),
    Command(
        "read",
        "copy a LUN, or blocks of it, to a file",
        "Copy blocks of a LUN to FILE.",
        "copying:read",
        (_DISK, file("the file, which is replaced; - is the output"), *_IO, *_AS),
        ("targetctl read iscsi://10.0.0.1/iqn.2003-01.org.example:t1/0 disk.img",),
    ),
    Command(
        "write",
        "copy a file to a LUN",
        "Copy FILE to a LUN, whose data it replaces. It must be whole blocks, and fit. At the end "
        "all of it is on the medium.",
        "copying:write",
        (_DISK, file("the file; - is the input"), _IO[0], *_AS),
        ("targetctl write iscsi://10.0.0.1/iqn.2003-01.org.example:t1/0 disk.img",),
    ),
    Command(
        "perf",
        "measure how fast a LUN is read",
        "Read a LUN for some time and tell how fast that was. Writes nothing.",
        "copying:perf",
        (
            _DISK,
            option("--time", "SECONDS", "how long (default: 5)", type=float, default=5.0),
            option("--depth", "N", "how many reads at a time (default: 32)", type=int, default=32),
            option("--size", "BYTES", "of one read, such as 4K (default: 256K)", default="256K"),
            flag("--random", "read anywhere instead of one block after the other"),
            *_AS,
        ),
        ("targetctl perf iscsi://10.0.0.1/iqn.2003-01.org.example:t1/0 --size 4K --random",),
    ),
)
