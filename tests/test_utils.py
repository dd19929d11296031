# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The classic functions: those that are other modules' own, and the helpers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import rtslib
from rtslib import HostError, InvalidValueError, RDMCPStorageObject, RTSLibError, use, utils
from rtslib.testing import Journal

if TYPE_CHECKING:
    from pathlib import Path

    from rtslib.testing import FakeKernel


def test_files_elsewhere_are_read_and_written_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "file"
    utils.fwrite(path, " a text \n\n")
    assert path.read_text() == " a text \n\n"
    assert utils.fread(str(path)) == "a text"
    utils.fwrite(str(path), 7)
    assert utils.fread(path) == "7"
    path.write_bytes(b"\xff")
    assert os.fsencode(utils.fread(path)) == b"\xff"
    with pytest.raises(FileNotFoundError):
        utils.fread(tmp_path / "nothing")


def test_files_of_the_tree_are_those_of_the_tree_in_force(fake: FakeKernel) -> None:
    disk = RDMCPStorageObject("disk", "1M")
    path = f"{disk.path}/attrib/emulate_3pc"
    assert utils.fread(path) == "1"
    utils.fwrite(path, 0)
    assert disk.attributes["emulate_3pc"] is False
    journal = Journal(fake)
    with use(journal):
        utils.fread(path)
        utils.fwrite(path, "0\n")
        assert [operation.name for operation in journal.operations] == ["read", "write"]
        assert [operation.path for operation in journal.operations] == [
            disk.below("attrib/emulate_3pc")
        ] * 2
        with pytest.raises(rtslib.RTSLibNotInCFSError) as caught:
            utils.fwrite(f"{disk.path}/attrib/nothing", "1")
    assert isinstance(caught.value, FileNotFoundError)
    assert fake.root in str(caught.value)


@pytest.mark.usefixtures("fake")
def test_a_secret_that_is_refused_is_not_told() -> None:
    rtslib.FabricModule("iscsi").discovery_userid = "name"
    path = f"{rtslib.RTSRoot().path}/iscsi/discovery_auth"
    utils.fwrite(f"{path}/password", "s3cret")
    assert utils.fread(f"{path}/password") == "s3cret"
    with pytest.raises(RTSLibError) as caught:
        utils.fwrite(f"{path}/passwort", "s3cret")
    assert "s3cret" not in str(caught.value) + repr(vars(caught.value))


def test_keys_are_removed() -> None:
    values = {"a": 1, "b": 2, "c": 3}
    utils.dict_remove(values, ("a", "c", "d"))
    assert values == {"b": 2}


def test_exceptions_are_ignored() -> None:
    with utils.ignored(RTSLibError, KeyError):
        raise InvalidValueError("no matter")
    with pytest.raises(IndexError), utils.ignored(KeyError):
        raise IndexError


@pytest.mark.usefixtures("fake")
def test_settings_are_set_past_those_that_are_refused() -> None:
    disk = RDMCPStorageObject("disk", "1M")
    told: list[str] = []
    values = {"emulate_3pc": 0, "no_such_thing": 1, "block_size": 77, "emulate_caw": False}
    utils.set_attributes(disk, values, told.append)
    assert (disk.get_attribute("emulate_3pc"), disk.get_attribute("emulate_caw")) == ("0", "0")
    assert len(told) == 2
    assert "no_such_thing" in told[0]
    assert "block_size" in told[1]
    tpg = rtslib.TPG(rtslib.Target(rtslib.FabricModule("iscsi")), 1)
    utils.set_parameters(tpg, {"MaxBurstLength": 8192, "NoSuchThing": 1}, told.append)
    assert tpg.get_parameter("MaxBurstLength") == "8192"
    assert "NoSuchThing" in told[2]


def test_functions_are_those_of_the_modules_that_know(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    assert utils.is_dev_in_use(str(file)) is False
    with pytest.raises(HostError):
        utils.is_dev_in_use(str(tmp_path / "nothing"))
    assert utils.get_blockdev_type(str(file)) is utils.get_block_type(str(file)) is None
    with pytest.raises(RTSLibError):
        utils.get_block_size(str(file))
    with pytest.raises(RTSLibError):
        utils.get_size_for_disk_name("no-such-disk")
    with pytest.raises(RTSLibError):
        utils.convert_scsi_path_to_hctl(str(file))
    with pytest.raises(RTSLibError):
        utils.convert_scsi_hctl_to_path("a", 0, 0, 0)
    assert utils.colonize("21000024") == "21:00:00:24"
    assert utils.normalize_wwn(["naa", "iqn"], "IQN.2003-01.org.Example:X") == (
        "iqn.2003-01.org.example:x",
        "iqn",
    )
    assert utils.normalize_wwn(("iqn",), utils.generate_wwn("iqn"))[1] == "iqn"
    assert isinstance(utils.list_loaded_kernel_modules(), list)
    with pytest.raises(InvalidValueError):
        utils.modprobe("no module; at all")
