# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The Debian packages on a fresh Debian: what they bring, and that it works there."""

from __future__ import annotations

import gzip
import json
import re
import runpy
import shlex
from typing import TYPE_CHECKING

import pytest

from checks.rootfs import REPOSITORY, Root, fresh, layer, packages_of

if TYPE_CHECKING:
    from collections.abc import Iterator

FAKE = "fake:/root/kernel.json"
CONTROL = (REPOSITORY / "debian/tests/control").read_text()
TESTS = re.findall(r"^Tests: (.*)$", CONTROL, re.MULTILINE)


@pytest.fixture(scope="module")
def debian() -> Iterator[Root]:
    """A fresh Debian with all of the packages."""
    with layer(fresh()) as root:
        root.install(*packages_of("python3-rtslib", "targetctl", "python3-rtslib-doc"))
        yield root


def test_the_command_is_there(debian: Root) -> None:
    source = (REPOSITORY / "rtslib/__init__.py").read_text()
    version = source.partition('__version__ = "')[2].partition('"')[0]
    assert debian.run("targetctl --version") == f"targetctl {version}\n"


def test_both_names_can_be_imported(debian: Root) -> None:
    debian.run("python3 -W error -c 'import rtslib, rtslib_fb'")


@pytest.mark.parametrize("name", TESTS)
def test_the_packages_own_tests(name: str, debian: Root) -> None:
    script = REPOSITORY / "debian/tests" / name
    debian.write(f"/root/tests/{name}", script.read_text(), 0o755)
    debian.run(f"/root/tests/{name}")


def test_the_demo(debian: Root) -> None:
    examples = "/usr/share/doc/python3-rtslib/examples"
    said = debian.run(f"python3 {examples}/export_disk.py /root/disk0.img", RTSLIB_CONFIGFS=FAKE)
    assert "o- iqn.2026-11.org.example:disk0" in said
    said = debian.run(f"python3 {examples}/change_safely.py", RTSLIB_CONFIGFS=FAKE)
    assert said.endswith("as it was: True\n")


def test_nothing_is_missing_and_nothing_is_broken(debian: Root) -> None:
    assert (
        debian.run("dpkg --audit; dpkg --verify python3-rtslib targetctl python3-rtslib-doc") == ""
    )
    debian.run("apt-get check")


def test_a_shell_completes(debian: Root) -> None:
    completions = "/usr/share/bash-completion/completions/targetctl"
    said = debian.run(f"bash -c '. {completions}; complete -p targetctl'")
    assert said.endswith(" targetctl\n")
    assert (
        "#compdef targetctl"
        in debian.at("/usr/share/zsh/vendor-completions/_targetctl").read_text()
    )


@pytest.mark.parametrize(
    "page", ["man8/targetctl.8", "man5/saveconfig.json.5", "man5/rtslib-specs.5", "man3/rtslib.3"]
)
def test_there_are_manual_pages(page: str, debian: Root) -> None:
    text = gzip.decompress(debian.at(f"/usr/share/man/{page}.gz").read_bytes()).decode()
    assert re.search(r"^\.SH NAME$", text, re.MULTILINE | re.IGNORECASE)


def test_the_service_is_enabled_by_both_names(debian: Root) -> None:
    assert debian.run("systemctl is-enabled target.service") == "enabled\n"
    link = debian.at("/etc/systemd/system/rtslib-fb-targetctl.service")
    assert str(link.readlink()) == "/lib/systemd/system/target.service"
    assert debian.run("systemd-analyze verify --man=no target.service") == ""


def test_where_nothing_is_saved_nothing_happens(debian: Root) -> None:
    said = debian.run("targetctl restore --keep-existing; targetctl wait --time 30")
    line = "No saved configuration at /etc/target/saveconfig.json: nothing to do\n"
    assert said == line + line


def test_the_generator_finds_what_is_saved(debian: Root) -> None:
    with layer(debian) as root:
        saved = {"storage_objects": [{"plugin": "fileio", "dev": "/srv/disks/a.img"}]}
        root.write("/srv/c/saved.json", json.dumps(saved))
        root.write("/etc/rtslib/rtslib.conf", "save_file = /srv/c/saved.json\n")
        root.run("/usr/lib/systemd/system-generators/target-generator /tmp /tmp /tmp")
        text = root.at("/tmp/target.service.d/saved.conf").read_text()
        assert "After=srv-disks.mount\n" in text


@pytest.mark.parametrize("path", ["/srv/disks", "/a b/c-d", "/.x/.y", "/\xe4%\\/:_"])
def test_mount_units_are_named_as_systemd_does(path: str, debian: Root) -> None:
    generator = runpy.run_path(str(REPOSITORY / "systemd/target_generator.py"))
    said = debian.run(f"systemd-escape --path --suffix=mount -- {shlex.quote(path)}")
    assert generator["mount_unit"](path) == said.strip()
