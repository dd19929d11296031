# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What is configuration, and how it is spelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from trees import KERNELS, node_classes, rich

from rtslib.acl import NodeACL
from rtslib.alua import ALUATargetPortGroup
from rtslib.config.form import FORMS, Saved, canonical, codec_of, form_of, is_kept, setting_codec
from rtslib.configfs import Kind
from rtslib.declare import Attr
from rtslib.errors import InvalidValueError
from rtslib.lun import LUN
from rtslib.settings import UNKNOWN
from rtslib.storage import StorageObject
from rtslib.target import TPG, Target
from rtslib.tcm import FileIOStorageObject, PSCSIStorageObject
from rtslib.values import FLAG, TEXT

if TYPE_CHECKING:
    from pathlib import Path

#: Files that are declared, can be written, and are no configuration, and why.
NO_CONFIGURATION = {
    # Told by the kernel.
    "auth/authenticate_target",
    "discovery_auth/authenticate_target",
    "dynamic_sessions",
    "info",
    "address",
    "members",
    "hba_info",
    "version",
    # A state of now: a loopback that is offline is so for a test.
    "transport_status",
    # What a storage object is made of: see recipe.
    "enable",
    "udev_path",
    # Its own kernel parameter, and a matter of the machine.
    "dbroot",
}


def test_every_attribute_is_kept_or_has_a_reason_not_to_be() -> None:
    for cls in node_classes():
        form = next((FORMS[base] for base in cls.__mro__ if base in FORMS), None)
        kept = {saved.file for saved in form.saved} if form else set()
        declared = {it.file for it in cls.declarations().values() if isinstance(it, Attr)}
        identity = {it for it in declared if it.startswith("wwn/")}
        own = identity if issubclass(cls, PSCSIStorageObject) else set()
        assert declared - kept - own <= NO_CONFIGURATION, cls


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kept_file_can_be_written(tmp_path: Path, kernel: str) -> None:
    from rtslib.config.capture import capture

    tree = rich(str(tmp_path), kernel)
    for record in capture(tree):
        for file in record.files:
            path = f"{record.path}/{file}"
            assert tree.kind(path) is Kind.FILE
            assert tree.mode(path) & 0o200, path


def saved(cls: type[Any], key: str) -> Saved:
    return next(it for it in form_of(cls).saved if it.key == key)


def test_spelling() -> None:
    assert saved(TPG, "enable").spell("1") is True
    assert saved(TPG, "chap_password").spell("NULL") == ""
    assert saved(TPG, "rtpi").spell("0x10") == 16
    assert saved(StorageObject, "alias").spell("\n") == ""
    assert saved(ALUATargetPortGroup, "tg_pt_gp_id").spell("") == 0
    assert saved(StorageObject, "wwn").file == "wwn/vpd_unit_serial"


def test_what_says_nothing() -> None:
    wwn = saved(StorageObject, "wwn").codec
    assert wwn.encode("") == "\n"
    assert wwn.encode("a") == "a"
    assert canonical(wwn, "T10 VPD Unit Serial Number: \n") == "\n"
    assert canonical(wwn, "T10 VPD Unit Serial Number: a\n") == "a"
    group = saved(LUN, "alua_tg_pt_gp_name").codec
    assert canonical(group, "") == ""
    with pytest.raises(InvalidValueError):
        group.encode("two\nlines")


def test_codecs_by_file() -> None:
    assert codec_of(TPG, "enable") is TPG.enable.codec
    assert codec_of(TPG, "attrib/authentication") is FLAG
    assert codec_of(TPG, "attrib/of_the_future") is UNKNOWN
    assert codec_of(TPG, "elsewhere/file") is TEXT
    assert form_of(FileIOStorageObject) is FORMS[StorageObject]
    assert canonical(codec_of(TPG, "attrib/authentication"), "1\n") == "1"
    assert canonical(codec_of(ALUATargetPortGroup, "alua_access_type"), "Odd\n") == "Odd"


def test_negotiation_has_more_answers_than_types() -> None:
    codec = setting_codec(TPG.parameters, "MaxBurstLength")
    assert codec.encode("0x10") == "16"
    assert codec.encode("Irrelevant") == "Irrelevant"
    assert canonical(codec, "Reject\n") == "Reject"
    with pytest.raises(InvalidValueError):
        codec.encode("two\nlines")
    with pytest.raises(InvalidValueError):
        setting_codec(TPG.attributes, "authentication").encode("Irrelevant")
    assert setting_codec(Target.parameters, "cmd_completion_affinity").encode(-1) == "-1"


def test_what_an_object_is_made_of_is_no_setting() -> None:
    assert not is_kept(StorageObject.attributes, "dev_size")
    assert is_kept(StorageObject.attributes, "block_size")
    assert is_kept(TPG.parameters, "dev_size")
    assert is_kept(NodeACL.attributes, "authentication")
