# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Storage objects whose device is a program: made, resized, refused."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

import pytest

from rtslib import InvalidValueError, RefusedError, UserBackedStorageObject

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel

MIB = 1 << 20
SERIAL = "8a2b9fbe-a5f8-4be0-b6a3-4b8c2b7ccd4e"


def nothing_is_left(fake: FakeKernel) -> bool:
    return [entry.name for entry in fake.listdir("core")] == ["alua"]


def test_user_by_position(fake: FakeKernel) -> None:
    control = "max_data_area_mb=64, cmd_ring_size_mb=16,"
    so = UserBackedStorageObject("u", "rbd/pool/image;osd=1", "1G", SERIAL, 256, control, 2)
    assert so.path == f"{fake.root}/core/user_2/u"
    assert (so.plugin, so.wwn) == ("user", SERIAL)
    assert so.config == "rbd/pool/image;osd=1"
    assert so.size == 1 << 30
    assert so.hw_max_sectors == 256
    assert so.control_tuples == (
        "max_data_area_mb=64,hw_block_size=512,data_pages_per_blk=1,cmd_ring_size_mb=16"
    )


@pytest.mark.usefixtures("fake")
def test_user_by_keyword() -> None:
    so = UserBackedStorageObject(
        name="u", config="file//a b: c.img", size=4096, control={"hw_block_size": "4096"}
    )
    assert so.config == "file//a b: c.img"
    assert so.attributes["hw_block_size"] == 4096
    assert so.alua_supported is True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"config": "nohandler", "size": 1}, "names no handler"),
        ({"config": "h/c"}, "needs a size"),
        ({"config": "h/c", "size": 1, "control": "max_data_area_mb"}, "is no key=value"),
        ({"config": "h/c", "size": 1, "control": "colour=red"}, "has no control key 'colour'"),
        ({"config": "h/a,b", "size": 1}, "at the comma"),
        ({"config": "h/c", "size": 1, "hw_max_sectors": "many"}, "is not an integer"),
        ({"config": "h/a\0b", "size": 1}, "at the NUL"),
        ({"config": "h/" + "c" * 254, "size": 1}, "would cut '.*' to 255 bytes"),
    ],
)
def test_user_refusals(fake: FakeKernel, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        UserBackedStorageObject("u", **arguments)
    assert nothing_is_left(fake)


def test_user_resize_asks_the_handler(fake: FakeKernel) -> None:
    so = UserBackedStorageObject("u", "h/c", MIB)
    assert so.resize("2M") == so.size == 2 * MIB
    with pytest.raises(InvalidValueError, match="pass shrink=True"):
        so.resize(MIB)
    assert so.resize(MIB, shrink=True) == MIB
    fake.host.tcmu_handler = False
    with pytest.raises(RefusedError) as caught:
        so.resize("4M")
    assert caught.value.errno == errno.ESRCH
    assert so.size == MIB


@pytest.mark.usefixtures("fake")
def test_user_actions() -> None:
    so = UserBackedStorageObject("u", "h/c", MIB)
    so.actions["block_dev"] = True
    assert so.actions.text("block_dev") == "blocked"
