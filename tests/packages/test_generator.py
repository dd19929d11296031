# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""systemd's generator: the mounts and the network that a saved configuration needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[2]
GENERATOR = TOP / "systemd/target_generator.py"


class Generator:
    """Runs it as systemd does, but for the place of the package and of the saved file."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.saved = place / "saved.json"

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, GENERATOR, *arguments],
            env={"RTSLIB_SAVE_FILE": str(self.saved), "PYTHONPATH": str(TOP)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == ""
        return done.stderr

    def lines(self, config: dict[str, Any]) -> list[str]:
        """Return what is added to the unit for a saved configuration."""
        self.saved.write_text(json.dumps(config))
        assert self.run(*[str(self.place)] * 3) == ""
        comment, section, *lines = (self.drop_in).read_text().splitlines()
        assert str(self.saved) in comment
        assert section == "[Unit]"
        return lines

    @property
    def drop_in(self) -> Path:
        return self.place / "target.service.d/saved.conf"


@pytest.fixture
def generator(tmp_path: Path) -> Generator:
    return Generator(tmp_path)


def files(*paths: str) -> dict[str, Any]:
    return {"storage_objects": [{"plugin": "fileio", "dev": path} for path in paths]}


def portals(*addresses: str) -> dict[str, Any]:
    listed = [{"ip_address": address} for address in addresses]
    return {"targets": [{"tpgs": [{"portals": listed}, {}]}, {}]}


def test_every_mount_above_a_file_is_waited_for_and_none_required(generator: Generator) -> None:
    assert generator.lines(files("/no/such place/disk.img", "/no/a", "/b")) == [
        "Wants=no-such\\x20place.mount",
        "After=no-such\\x20place.mount",
        "Wants=no.mount",
        "After=no.mount",
    ]


def test_links_are_followed(generator: Generator) -> None:
    real = generator.place / "real"
    real.mkdir()
    (generator.place / "link").symlink_to(real)
    lines = generator.lines(files(f"{generator.place}/link/disk.img"))
    assert any(line.startswith("After=") and line.endswith("-real.mount") for line in lines)
    assert any(line.startswith("After=") and line.endswith("-link.mount") for line in lines)


def test_other_storage_needs_no_mount(generator: Generator) -> None:
    block = {"plugin": "block", "dev": "/dev/disk/by-id/x"}
    assert generator.lines({"storage_objects": [block, {"plugin": "ramdisk"}]}) == []


@pytest.mark.parametrize("address", ["0.0.0.0", "[::]", "[::0]"])
def test_a_portal_on_all_addresses_needs_no_network(address: str, generator: Generator) -> None:
    assert generator.lines(portals(address)) == []


def test_a_portal_of_one_address_does(generator: Generator) -> None:
    assert generator.lines(portals("0.0.0.0", "[2001:db8::1]")) == [
        "Wants=network-online.target",
        "After=network-online.target",
    ]


def test_where_nothing_is_saved_nothing_is_written(generator: Generator) -> None:
    assert generator.run(str(generator.place)) == ""
    assert not generator.drop_in.exists()


@pytest.mark.parametrize("text", ["{", "[]", '{"storage_objects": 3}', '{"targets": [3]}', "\xff"])
def test_whatever_is_saved_the_machine_comes_up(text: str, generator: Generator) -> None:
    generator.saved.write_text(text, "latin-1")
    assert generator.run(str(generator.place)).startswith("target-generator: ")
    assert not generator.drop_in.exists()


def test_without_arguments_it_says_so(generator: Generator) -> None:
    assert generator.run().startswith("target-generator: IndexError")


@pytest.mark.skipif(not shutil.which("systemd-escape"), reason="the reference is not here")
@pytest.mark.parametrize("path", ["/srv/disks", "/a b/c-d", "/.x/.y", "/\xe4%\\/:_", "/x//y/"])
def test_names_of_units_are_systemds(path: str) -> None:
    done = subprocess.run(
        ["systemd-escape", "--path", "--suffix=mount", path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    program = "import sys, target_generator; print(target_generator.mount_unit(sys.argv[1]))"
    ours = subprocess.run(
        [sys.executable, "-c", program, os.path.normpath(path)],
        env={"PYTHONPATH": str(GENERATOR.parent), "PYTHONUTF8": "1"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert ours.stdout == done.stdout
