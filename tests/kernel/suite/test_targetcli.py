# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""targetcli, unmodified, over this library and over rtslib-fb: the same must come of it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from consumers import compare

from suite import targetcli, tree
from suite.machine import program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from suite.targetcli import Played

LIBRARIES = targetcli.LIBRARIES
DOCUMENT = targetcli.REPOSITORY / "doc/differences.md"

#: Snapshots of what was made step by step: HBA indexes count. What is restored gets them anew.
STEP_BY_STEP = {"nothing", "everything"}

RESTORED = r"(restored|restored over|one storage object|saved storage object|deleted): "

#: What differs in the kernel, as "snapshot: path", and the words that doc/differences.md has of it.
IN_THE_KERNEL = {
    r".*: iscsi/.*/np/\[::0?\]:3260.*": "`[::]:3260`",
    RESTORED + r"core/.*/info": "`Max Queue Depth` of `info` stays as in a new object",
    r"one storage object: iscsi/discovery_auth/.*": "sets discovery authentication too",
}

#: Kernel 6.1 has no such file.
NEWER = r".*/tpgs\[\d+\]/rtpi"

#: What differs in saved files, as "file: path", and the words that doc/differences.md has of it.
IN_FILES = {
    r".*: /rtslib/.*": "all below the key `rtslib`",
    r".*/node_acls\[[^]]*\]/tcq_depth": "`tcq_depth`",
    r".*/tpgs\[\d+\]/nexus_wwn": "`nexus_wwn`",
    NEWER: "`rtpi`",
    r".*/storage_objects\[user:[^]]*\]/control": "the ring's size in `control`",
    r".*/storage_objects\[fileio:file0\]/write_back": "`write_back` of a file",
    r".*/portals\[\[::0?\]:3260\]/.*": "`[::]:3260`",
    r".*/storage_objects\[user:[^]]*\]/attributes/dev_(config|size)": "`dev_config` and `dev_size`",
    r"alone.json: /targets\[naa\.5001405aaaaaaaa1\]/.*": "saves the first target that exports it",
    r"alone.json: /storage_objects\[(?!fileio:file0\]).*": "without their other objects",
}


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Played]]:
    """What came of the transcript over each library, on a kernel that began with nothing."""
    directory = tmp_path_factory.mktemp("targetcli")
    with targetcli.system_bus(directory):
        yield {library: targetcli.play(library, directory) for library in LIBRARIES}


@pytest.mark.parametrize("library", LIBRARIES)
def test_everything_works_as_expected(played: dict[str, Played], library: str) -> None:
    wrong = played[library].wrong
    assert not wrong, "\n".join(f"line {number}, {text}" for number, text in wrong.items())
    assert played[library].trees["end"].keys() == played[library].trees["nothing"].keys()


def test_the_kernel_is_the_same(played: dict[str, Played]) -> None:
    theirs, ours = (found(played[library]) for library in LIBRARIES)
    check(compare.differences(theirs, ours), IN_THE_KERNEL)


def found(one: Played) -> dict[str, str]:
    """Return all that was in the kernel, by snapshot and path."""
    return {
        f"{name}: {path}": text
        for name, tree in one.trees.items()
        for path, text in compare.tree(tree, one.directory, numbered=name in STEP_BY_STEP).items()
    }


def test_the_saved_files_are_the_same(played: dict[str, Played]) -> None:
    theirs, ours = (
        {
            f"{name}: {path}": text
            for name, document in played[library].saved.items()
            for path, text in compare.saved(document, played[library].directory).items()
        }
        for library in LIBRARIES
    )
    check(compare.differences(theirs, ours), IN_FILES)


def check(differences: dict[str, str], named: dict[str, str]) -> None:
    """Fail for a difference without a name, for a name without one, and for one that users miss."""
    unnamed = [
        f"{path}: {text}"
        for path, text in differences.items()
        if not any(re.fullmatch(pattern, path) for pattern in named)
    ]
    assert not unnamed, "\n".join([f"{len(unnamed)} differences:", *unnamed[:50]])
    stale = {
        pattern for pattern in named if not any(re.fullmatch(pattern, path) for path in differences)
    }
    assert stale <= {NEWER}
    document = " ".join(DOCUMENT.read_text(encoding="utf-8").split())
    assert not [words for words in named.values() if words not in document]


def test_what_is_restored_is_what_was_saved(played: dict[str, Played]) -> None:
    ours = played["rtslib"]
    trees = {
        name: compare.tree(ours.trees[name], ours.directory, numbered=False)
        for name in ("everything", "restored", "restored over", "saved storage object")
    }
    for name in ("restored", "restored over", "saved storage object"):
        assert compare.differences(trees["everything"], trees[name]) == {}, name
    assert ours.saved["again.json"] == ours.saved["all.json"]


@pytest.mark.parametrize(("reader", "writer"), [LIBRARIES, LIBRARIES[::-1]])
def test_each_reads_what_the_other_saved(
    played: dict[str, Played], tmp_path: Path, reader: str, writer: str
) -> None:
    # The last word of the transcript was to clear everything.
    run(reader, tmp_path, "restoreconfig", f"{played[writer].directory}/all.json")
    restored = compare.tree(tree.contents(), played[writer].directory, numbered=False)
    assert "All configuration cleared" in run("rtslib", tmp_path, "clearconfig", "confirm=true")
    own = played[reader]
    expected = compare.tree(own.trees["restored"], own.directory, numbered=False)
    different = compare.differences(expected, restored)
    allowed = r"iscsi/.*/np/\[::0?\]:3260.*|core/fileio_N/file0/info"
    assert not {path: it for path, it in different.items() if not re.fullmatch(allowed, path)}


def run(library: str, home: Path, *words: str, status: int = 0) -> str:
    """Run one command as from a shell; return what it printed."""
    done = program(
        *targetcli.command(library, *words), environment=targetcli.variables(library, home)
    )
    if library == "rtslib":
        assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.usefixtures("played")  # there is a bus as long as it is
def test_the_command_line(tmp_path: Path) -> None:
    assert "version 3.0.2" in run("rtslib", tmp_path, "--version")
    made = run("rtslib", tmp_path, "/backstores/ramdisk", "create", "one", "1MiB")
    assert "Created ramdisk one with size 1MiB." in made
    assert "already exists" in run(
        "rtslib", tmp_path, "/backstores/ramdisk", "create", "one", "1MiB", status=1
    )
    done = subprocess.run(
        targetcli.command("rtslib"),
        env=targetcli.variables("rtslib", tmp_path),
        input="cd /backstores/ramdisk\nls\ndelete one\ncd /\nexit\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert "one" in done.stdout
    assert "Deleted storage object one." in done.stdout
    assert "Configuration saved to /etc/target/saveconfig.json" in done.stdout
    saved = json.loads(Path("/etc/target/saveconfig.json").read_text())
    assert saved["storage_objects"] == []
