# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The tables of settings against what was recorded of real kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from recordings import KERNELS, File, files

from rtslib import attributes
from rtslib.attributes import ACL_ATTRIB, FIXED, FREE, ISCSI_PARAM, STORAGE_ATTRIB, TPG_ATTRIB
from rtslib.node import Group
from rtslib.storage import StorageObject
from rtslib.target import TPG, NodeACL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rtslib.settings import Setting

#: In no recorded kernel: why they are in a table all the same.
NOT_RECORDED: dict[str, str] = {}

TABLES: dict[str, Mapping[str, Setting]] = {
    "storage": STORAGE_ATTRIB,
    "tpg": TPG_ATTRIB,
    "acl": ACL_ATTRIB,
    "param": ISCSI_PARAM,
}


def table_of(file: File) -> str | None:
    """Return in which table a recorded file belongs, None for those in no table."""
    directory, fabric, depth = file.parts[-2], file.parts[0], len(file.parts)
    if fabric == "core":
        return "storage" if directory == "attrib" and depth == 5 else None
    if depth == 5:
        tpg = {"attrib": "tpg", "param": "param"}
        return tpg.get(directory) if directory == "attrib" or fabric == "iscsi" else None
    return "acl" if directory == "attrib" and "acls" in file.parts else None


RECORDED = {
    (table, file.parts[-1], file)
    for kernel in KERNELS
    for file in files(kernel)
    if len(file.parts) > 1 and (table := table_of(file)) is not None
}
NAMES = {name: {it for table, it, _ in RECORDED if table == name} for name in TABLES}


@pytest.mark.parametrize("name", TABLES)
def test_every_recorded_setting_is_known(name: str) -> None:
    assert NAMES[name]
    assert NAMES[name] - set(TABLES[name]) == set()


@pytest.mark.parametrize("name", TABLES)
def test_every_known_setting_was_recorded_or_has_a_reason(name: str) -> None:
    assert set(TABLES[name]) - NAMES[name] - set(NOT_RECORDED) == set()


def test_no_reason_is_left_over() -> None:
    recorded = set().union(*NAMES.values())
    known = {setting for table in TABLES.values() for setting in table}
    assert set(NOT_RECORDED) <= known - recorded
    assert all(NOT_RECORDED.values())


@pytest.mark.parametrize("name", TABLES)
def test_read_only_settings_are_those_that_no_kernel_lets_write(name: str) -> None:
    writable = {it for table, it, file in RECORDED if table == name and file.mode & 0o222}
    fixed = {it for it, setting in TABLES[name].items() if setting.when == FIXED}
    assert fixed.isdisjoint(writable)
    # A recorded file that is never writable and has another `when` may be one in a newer kernel.
    assert NAMES[name] - writable <= fixed


@pytest.mark.parametrize("name", TABLES)
def test_every_setting_says_when_and_what(name: str) -> None:
    for setting in TABLES[name].values():
        assert setting.when in ("always", FREE, FIXED)
        assert setting.doc.endswith(".")


@pytest.mark.parametrize("name", TABLES)
def test_every_recorded_text_is_read_and_can_be_written_again(name: str) -> None:
    for table, it, file in RECORDED:
        if table == name and file.text is not None:
            codec = TABLES[name][it].codec
            value = codec.decode(file.text)
            assert codec.decode(codec.encode(value)) == value


def test_the_tables_are_in_use() -> None:
    used = [
        (StorageObject.attributes, STORAGE_ATTRIB),
        (TPG.attributes, TPG_ATTRIB),
        (TPG.parameters, ISCSI_PARAM),
        (NodeACL.attributes, ACL_ATTRIB),
    ]
    for group, table in used:
        assert isinstance(group, Group)
        assert group.table is table
    assert len(attributes.__all__) == len(TABLES)
