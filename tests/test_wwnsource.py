# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Sources of names: whose commands are run, and how. (What the fabrics find: test_spec.)"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest

from rtslib import wwnsource
from rtslib.errors import SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

SPEC = "/etc/rtslib/specs/x.spec"


@pytest.mark.parametrize(
    ("file", "directory", "why"),
    [
        ((0, 0o644), (0, 0o755), ""),
        ((0, 0o600), (0, 0o711), ""),
        ((1000, 0o644), (0, 0o755), f"{SPEC} is not owned by root"),
        ((0, 0o664), (0, 0o755), f"others than root may write to {SPEC}"),
        ((0, 0o646), (0, 0o755), f"others than root may write to {SPEC}"),
        ((0, 0o644), (1000, 0o755), "/etc/rtslib/specs is not owned by root"),
        ((0, 0o644), (0, 0o1777), "others than root may write to /etc/rtslib/specs"),
    ],
)
def test_whose_commands_are_run(
    file: tuple[int, int], directory: tuple[int, int], why: str, fs: FakeFilesystem
) -> None:
    fs.create_file(SPEC)
    for path, (owner, mode) in ((SPEC, file), (os.path.dirname(SPEC), directory)):
        fs.get_object(path).st_uid = owner
        fs.chmod(path, mode)
    assert wwnsource.distrust(SPEC, os.stat(SPEC)) == why


def test_a_links_own_directory_does_not_count(fs: FakeFilesystem) -> None:
    fs.create_file(SPEC)
    for path in (SPEC, os.path.dirname(SPEC)):
        fs.get_object(path).st_uid = 0
        fs.chmod(path, 0o755)
    fs.create_dir("/home/user")
    fs.chmod("/home/user", 0o777)
    fs.create_symlink("/home/user/x.spec", SPEC)
    assert not wwnsource.distrust("/home/user/x.spec", os.stat("/home/user/x.spec"))


def shell(timeout: float = 10.0) -> wwnsource.Shell:
    return wwnsource.Shell(SPEC, "", timeout)


def test_a_filter_is_fed_one_name_per_line() -> None:
    assert shell().run("wc -l", ["a", "b"]) == ["2"]
    assert shell().run("cat", ["a", "b"]) == ["a", "b"]
    assert shell().run("cat") == []


def test_of_the_environment_nothing_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hush")
    printed = shell().run("env; pwd")
    assert not any("hush" in word for word in printed)
    assert "PATH=/usr/sbin:/usr/bin:/sbin:/bin" in printed
    assert printed[-1] == "/"


def test_a_distrusted_command_is_not_run() -> None:
    with pytest.raises(SpecError, match="will not run 'exit 1': because"):
        wwnsource.Shell(SPEC, "because", 1).run("exit 1")


def test_a_silent_failure_is_told_too() -> None:
    with pytest.raises(SpecError, match="'exit 1' failed with status 1: it said nothing"):
        shell().run("exit 1")


def test_a_whole_pipeline_ends_in_time(tmp_path: Path) -> None:
    mark = tmp_path / "survived"
    before = time.monotonic()
    with pytest.raises(SpecError, match="took longer than"):
        shell(0.2).run(f"(sleep 1; touch {mark}) & sleep 100 | cat")
    assert time.monotonic() - before < 5
    time.sleep(1.2)
    assert not mark.exists()


def test_no_shell_here(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_shell(*_args: object, **_options: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr("subprocess.Popen", no_shell)
    with pytest.raises(SpecError, match="cannot run 'x': No such file"):
        shell().run("x")


def test_faults_of_declarations() -> None:
    assert not wwnsource.fault("fc_host:driver=qla2xxx")
    assert not wwnsource.fault("firewire_guid")
    assert "takes" in wwnsource.fault("fc_host:vendor=x")
    assert "unknown" in wwnsource.fault("fc-host:driver=x")
