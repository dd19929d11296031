# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The rpm packages: installed into a tree of their own, run there, brought up to date, erased."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from checks.rootfs import REPOSITORY, Root, fresh, layer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RPMS = sorted(map(str, (REPOSITORY / "build/rpm/RPMS/noarch").glob("*.rpm")))
ENABLED = "/etc/systemd/system/multi-user.target.wants/target.service"
#: Where rpm puts a library; Debian's Python has another place.
SITE = "/usr/lib/python3.11/site-packages"


def rpm(*arguments: str) -> str:
    done = subprocess.run(["rpm", *arguments], capture_output=True, text=True, check=False)
    # Scriptlets tell on stderr what they do.
    assert done.returncode == 0, done.stderr
    return done.stdout


def installed(root: Root, *arguments: str) -> str:
    """Call rpm for the tree; what its scriptlets run, they run in it."""
    return rpm("--root", str(root.path), "--force-debian", *arguments)


@pytest.fixture(scope="module")
def tree() -> Iterator[Root]:
    """A tree with Python and systemd, in which rpm installs."""
    with layer(fresh()) as root:
        root.install("python3", "python3-configobj", "python3-netifaces")
        # rpm knows nothing of what apt has installed.
        installed(root, "--nodeps", "-i", *RPMS)
        yield root


#: A package as the one beside rtslib-fb: its unit has the name of ours.
OLD = r"""
Name: target-restore
Version: 2.1
Release: 1
Summary: The service beside rtslib-fb
License: Apache-2.0
BuildArch: noarch
%description
A unit.
%install
install -d %{buildroot}/usr/lib/systemd/system
cat > %{buildroot}/usr/lib/systemd/system/target.service <<END
[Service]
ExecStart=/bin/true
[Install]
WantedBy=multi-user.target
END
%preun
if [ $1 -eq 0 ]; then systemctl --no-reload disable target.service; fi
%files
/usr/lib/systemd/system/target.service
"""


@pytest.fixture
def root(tree: Root) -> Iterator[Root]:
    """The same, to be changed."""
    with layer(tree) as one:
        yield one


def query(what: str, package: str) -> set[str]:
    (path,) = (it for it in RPMS if f"/{package}-3" in it)
    return set(rpm("-qp", what, path).splitlines())


def test_they_take_the_place_of_rtslib_fbs() -> None:
    provided = {line.split(" ")[0] for line in query("--provides", "python3-rtslib")}
    assert {"python3-rtslib", "python3-rtslib-fb"} <= provided
    assert "python3-rtslib-fb < 3" in query("--obsoletes", "python3-rtslib")
    assert "target-restore < 3" in query("--obsoletes", "targetctl")
    assert "python3-netifaces" in query("--requires", "python3-rtslib")
    assert not any("setuptools" in line for line in query("--requires", "python3-rtslib"))


@pytest.mark.parametrize("name", ["library", "command", "conformance"])
def test_what_is_installed_works(name: str, root: Root) -> None:
    script = (REPOSITORY / "debian/tests" / name).read_text()
    root.write(f"/root/{name}", script, 0o755)
    root.run(f"/root/{name}", PYTHONPATH=SITE)


def test_the_command_and_its_pages_are_there(root: Root) -> None:
    # Its interpreter is told to heed no user's directory; the environment it heeds.
    assert root.run("targetctl --version", PYTHONPATH=SITE).startswith("targetctl 3.")
    for page in ("man8/targetctl.8", "man5/saveconfig.json.5", "man3/rtslib.3"):
        assert root.at(f"/usr/share/man/{page}.gz").exists()
    assert root.at("/etc/target").stat().st_mode & 0o777 == 0o700


def test_the_service_is_set_up_and_taken_away(root: Root) -> None:
    assert root.at(ENABLED).is_symlink()
    root.run("systemd-analyze verify --man=no target.service", PYTHONPATH=SITE)
    # As an upgrade: the scriptlets of the old package must not disable what the new one brings.
    installed(root, "--nodeps", "-U", "--force", *RPMS)
    assert root.at(ENABLED).is_symlink()
    root.write("/etc/sysconfig/targetctl", "STOP=keep\n")
    root.write("/etc/target/saveconfig.json", "{}", 0o600)
    installed(root, "-e", "targetctl", "python3-rtslib", "python3-rtslib-doc")
    assert not root.at(ENABLED).is_symlink()
    assert not root.at(f"{SITE}/rtslib/__init__.py").exists()
    # What an administrator has written stays.
    assert root.at("/etc/sysconfig/targetctl.rpmsave").read_text() == "STOP=keep\n"
    assert root.at("/etc/target/saveconfig.json").exists()


def test_a_service_that_was_enabled_stays_enabled(tmp_path: Path) -> None:
    spec = tmp_path / "old.spec"
    spec.write_text(OLD)
    subprocess.run(["rpmbuild", "-bb", "-D", f"_topdir {tmp_path}", spec], check=True)
    (old,) = (tmp_path / "RPMS/noarch").glob("*.rpm")
    with layer(fresh()) as root:
        root.install("python3", "python3-configobj", "python3-netifaces")
        installed(root, "--nodeps", "-i", str(old))
        root.run("systemctl enable target.service")
        installed(root, "--nodeps", "-U", *RPMS)
        # The old package's last word was to disable it.
        assert installed(root, "-qa", "target-restore") == ""
        assert root.at(ENABLED).is_symlink()
        assert root.at("/usr/bin/targetctl").exists()
