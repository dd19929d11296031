# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Virtual environments for the guest: targetcli over this library, and over rtslib-fb.

Their interpreter is Debian's, which the guest has, for targetcli needs Debian's python3-gi. The
host need not have it: pip, of whatever Python runs this, only unpacks wheels.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from packages import exclusive, fill, note, output_of

REPOSITORY = Path(__file__).resolve().parents[2]
TARGETCLI = REPOSITORY / "tests/consumers/requirements.txt"

PACKAGES = {
    # The library itself comes from the repository, by PYTHONPATH: it changes between two runs.
    "rtslib": ("configobj==5.0.9", "netifaces-plus==0.12.5"),
    "rtslib-fb": ("rtslib-fb==2.2.4", "pyudev==0.24.5"),
}
"""What each environment has besides targetcli."""

PYTHON = ("usr/bin/python3", "3.11")
"""Debian 12's interpreter, the one its python3-gi is built for."""

GI = "/usr/lib/python3/dist-packages/gi"
WHEELS = (
    "--only-binary=:all:",
    f"--python-version={PYTHON[1]}",
    "--implementation=cp",
    "--abi=cp311",
    "--abi=none",
    "--platform=manylinux2014_x86_64",
    "--platform=any",
)


def environments(cache: Path) -> Path:
    """Return the directory of both environments, made once for these versions."""
    wanted = repr((TARGETCLI.read_text(), PACKAGES, PYTHON, GI, WHEELS))
    name = f"environments-{hashlib.sha256(wanted.encode()).hexdigest()[:16]}"
    with exclusive(cache):
        return fill(cache / name, build)


def build(place: Path) -> None:
    """Make both environments."""
    for name, packages in PACKAGES.items():
        note(f"making the virtual environment of {name}")
        one = place / name
        (one / "bin").mkdir(parents=True)
        (one / "bin/python").symlink_to(f"/{PYTHON[0]}")
        (one / "pyvenv.cfg").write_text("home = /usr/bin\ninclude-system-site-packages = false\n")
        site = one / f"lib/python{PYTHON[1]}/site-packages"
        install(site, *packages)
        # Of all that Debian's Python has, this alone: it is on PyPI as source only.
        (site / "gi").symlink_to(GI)


def install(site: Path, *packages: str) -> None:
    """Unpack the wheels of exactly these packages and of targetcli's."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    what = [*packages, f"--requirement={TARGETCLI}"]
    output_of([*pip, "--no-deps", *WHEELS, f"--target={site}", *what])
