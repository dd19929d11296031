# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Build and installation. The top-level specs/ directory ships as rtslib/specs."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "(.*)"', (HERE / "rtslib/__init__.py").read_text("utf-8"))
if VERSION is None:
    raise SystemExit("rtslib/__init__.py has no __version__")

setup(
    name="rtslib",
    version=VERSION.group(1),
    description="An object model over LIO, the Linux SCSI target",
    long_description=(HERE / "README.md").read_text("utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.9",
    packages=[*find_packages(include=["rtslib", "rtslib.*", "rtslib_fb"]), "rtslib.specs"],
    package_dir={"rtslib.specs": "specs"},
    package_data={
        "rtslib": ["py.typed"],
        "rtslib.config": ["saveconfig.schema.json"],
        "rtslib_fb": ["py.typed"],
        "rtslib.specs": ["*.spec", "README"],
        "rtslib.testing": ["data/*.json"],
    },
    entry_points={"console_scripts": ["targetctl = rtslib.targetctl:main"]},
    install_requires=[
        "configobj>=5.0.6",
        # A maintained netifaces with wheels: same module name, same answers. Debian's
        # python3-netifaces does as well.
        "netifaces-plus>=0.12",
    ],
    extras_require={
        # iSCSI digests by the processor; without it tables in Python do the same, slowly.
        "digests": ["crc32c>=2.3"],
        "test": [
            "coverage>=7",
            "crc32c>=2.3",
            "hypothesis>=6.100",
            "pyfakefs>=5.5",
            "pytest>=8",
            "pytest-cov>=5",
            # One process for each processor: the tests share nothing.
            "pytest-xdist>=3.5",
            "setuptools>=61",
        ],
        "lint": ["mypy>=1.10", "ruff>=0.12", "types-setuptools"],
        # The oldest are those of Debian 12, with which its package is built.
        "doc": ["sphinx>=5.3", "myst-parser>=0.18"],
    },
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Topic :: System :: Filesystems",
        "Typing :: Typed",
    ],
)
