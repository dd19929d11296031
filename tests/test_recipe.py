# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a storage object is made of: arguments, keys of control, fields of info."""

from __future__ import annotations

from typing import Any

import pytest

from rtslib.errors import InvalidValueError
from rtslib.recipe import RECIPES, hctl, ring_text

RINGS = "max_data_area_mb=64,hw_block_size=512"


@pytest.mark.parametrize(
    ("plugin", "made", "keys"),
    [
        ("fileio", {"dev": "/a", "size": 512}, {"fd_dev_name": "/a", "fd_dev_size": 512}),
        ("fileio", {"dev": "/a"}, {"fd_dev_name": "/a"}),
        (
            "fileio",
            {"dev": "/a", "size": None, "write_back": True, "aio": "yes"},
            {"fd_dev_name": "/a", "fd_buffered_io": 1, "fd_async_io": 1},
        ),
        ("block", {"dev": "/b"}, {"udev_path": "/b", "readonly": False}),
        (
            "block",
            {"dev": "/b", "readonly": True, "exclusive": False},
            {"udev_path": "/b", "readonly": True, "exclusive": False},
        ),
        ("pscsi", {"hctl": (1, 2, 3, 4)}, hctl(1, 2, 3, 4)),
        ("ramdisk", {"size": 4097, "page_size": 4096}, {"rd_pages": 2}),
        (
            "ramdisk",
            {"size": "1M", "page_size": 4096, "nullio": True},
            {"rd_pages": 256, "rd_nullio": 1},
        ),
        ("user", {"config": "h/x", "size": 1}, {"dev_config": "h/x", "dev_size": 1}),
        (
            "user",
            {"config": "h/x", "size": 1, "hw_max_sectors": 8, "control": RINGS},
            {
                "dev_config": "h/x",
                "dev_size": 1,
                "hw_max_sectors": 8,
                "max_data_area_mb": "64",
                "hw_block_size": "512",
            },
        ),
        # None yet, which control does not take.
        (
            "user",
            {"config": "h/x", "size": 1, "hw_max_sectors": 0},
            {"dev_config": "h/x", "dev_size": 1},
        ),
    ],
)
def test_from_arguments_to_control(plugin: str, made: dict[str, Any], keys: dict[str, Any]) -> None:
    assert RECIPES[plugin].settings(made) == keys


@pytest.mark.parametrize(
    ("plugin", "made", "why"),
    [
        ("ramdisk", {"size": 0, "page_size": 4096}, "has no pages"),
        ("user", {"config": "no handler", "size": 1}, "names no handler"),
        ("user", {"config": "h/x", "size": 1, "control": "what"}, "no key=value"),
    ],
)
def test_what_cannot_be_made(plugin: str, made: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidValueError, match=why):
        RECIPES[plugin].settings(made)


@pytest.mark.parametrize(
    ("plugin", "fields", "udev_path", "facts"),
    [
        (
            "fileio",
            {"path": "/x", "size": "512", "mode": "Buffered-WCE", "aio": "1"},
            "/a",
            {"dev": "/a", "size": 512, "write_back": True, "aio": True},
        ),
        (
            "fileio",
            {"path": None, "size": None, "mode": "O_DSYNC", "aio": None},
            "",
            {"dev": "", "size": 0, "write_back": False, "aio": False},
        ),
        (
            "block",
            {"path": "/b", "readonly": "1", "exclusive": None},
            "",
            {"dev": "/b", "readonly": True, "exclusive": True},
        ),
        (
            "pscsi",
            {"host_id": "2", "channel_id": "0", "target_id": "1", "lun": None},
            "",
            {"dev": "2:0:1:-1", "hctl": (2, 0, 1, -1)},
        ),
        (
            "pscsi",
            {"host_id": "PHBA Mode", "channel_id": "0", "target_id": "1", "lun": "3"},
            "/dev/sg0",
            {"dev": "/dev/sg0", "hctl": (-1, 0, 1, 3)},
        ),
        (
            "ramdisk",
            {"pages": "2", "page_size": "4096", "nullio": "1"},
            "",
            {"size": 8192, "nullio": True, "page_size": 4096},
        ),
        (
            "user",
            {"config": "h/x", "size": "1", "hw_max_sectors": None, "max_data_area_mb": "64"},
            "",
            {"config": "h/x", "size": 1, "hw_max_sectors": 0, "control": "max_data_area_mb=64"},
        ),
    ],
)
def test_from_info_to_arguments(
    plugin: str, fields: dict[str, str | None], udev_path: str, facts: dict[str, Any]
) -> None:
    assert RECIPES[plugin].facts(fields, udev_path) == facts


def test_rings_that_there_are_not_yet() -> None:
    assert ring_text({"max_data_area_mb": "8", "hw_block_size": "0", "other": "1"}) == (
        "max_data_area_mb=8"
    )
