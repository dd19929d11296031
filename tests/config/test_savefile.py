# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""The saved configuration as a file, its secrets, and the list of what is missing."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from rtslib.config.savefile import SaveFile, text_of
from rtslib.errors import ConfigError, HostError, InvalidValueError, MissingFileError

if TYPE_CHECKING:
    from pathlib import Path

DATA: dict[str, Any] = {"targets": [], "fabric_modules": [{"discovery_password": "s3cret"}]}


@pytest.fixture
def file(tmp_path: Path) -> SaveFile:
    return SaveFile(tmp_path / "saveconfig.json", keep=3)


def test_data_as_text() -> None:
    assert text_of({"b": [1], "a": "é"}) == '{\n  "a": "\\u00e9",\n  "b": [\n    1\n  ]\n}\n'


def test_save_and_load(file: SaveFile) -> None:
    assert file.save(DATA)
    assert not file.save(DATA)
    assert file.load().data == DATA
    assert file.load().name == file.path
    assert os.stat(file.path).st_mode & 0o777 == 0o600
    assert repr(file) == f"SaveFile({file.path!r})"
    with pytest.raises(MissingFileError):
        SaveFile(file.path + "x").load()


def test_generations(file: SaveFile) -> None:
    file.save(DATA)
    file.save({"targets": [1]})
    assert file.load_generation(1).data == DATA
    assert file.load_generation(1).name == f"{file.path} (generation 1)"


def test_secrets_stay_where_they_were(file: SaveFile) -> None:
    file.save(DATA, secrets_apart=True)
    with open(file.path, encoding="utf-8") as stream:
        assert "s3cret" not in stream.read()
    assert file.load().data == DATA
    # None leaves it as it was.
    other = {**DATA, "targets": [{"wwn": "x"}]}
    file.save(other)
    with open(file.path, encoding="utf-8") as stream:
        assert "s3cret" not in stream.read()
    assert file.load().data == other
    assert file.load_generation(1).data == DATA
    file.save(DATA, secrets_apart=False)
    with open(file.path, encoding="utf-8") as stream:
        assert "s3cret" in stream.read()


def test_a_file_that_was_damaged_is_saved_over(file: SaveFile) -> None:
    for text in ("{", "[]"):
        with open(file.path, "w", encoding="utf-8") as stream:
            stream.write(text)
        assert file.save(DATA)
    assert file.load().data == DATA


def test_a_name_of_secrets_that_is_none(file: SaveFile) -> None:
    with open(file.path, "w", encoding="utf-8") as stream:
        json.dump({"secrets": "../../etc/passwd"}, stream)
    with pytest.raises(InvalidValueError, match="names no secrets"):
        file.load()


def test_a_list_is_loaded_as_it_is(file: SaveFile) -> None:
    with open(file.path, "w", encoding="utf-8") as stream:
        stream.write("[1]")
    assert file.load().data == [1]


def test_what_is_missing(file: SaveFile) -> None:
    assert file.missing() == {}
    file.set_missing({})
    missing = {"/backstores/fileio/a": "it is not there"}
    file.set_missing(missing)
    assert file.missing() == missing
    beside = f"{file.path}.missing"
    assert os.stat(beside).st_mode & 0o777 == 0o600
    file.set_missing({})
    assert not os.path.exists(beside)
    with open(beside, "w", encoding="utf-8") as stream:
        stream.write("[]")
    with pytest.raises(ConfigError, match="is not a list of what is missing"):
        file.missing()


def test_missing_stands_beside_the_real_file(tmp_path: Path) -> None:
    real = tmp_path / "real.json"
    link = tmp_path / "link.json"
    link.symlink_to(real)
    SaveFile(link).set_missing({"/x": "why"})
    assert (tmp_path / "real.json.missing").exists()
    assert SaveFile(real).missing() == {"/x": "why"}


def test_lost_or_damaged_secrets_are_no_missing_file(file: SaveFile) -> None:
    file.save(DATA, secrets_apart=True)
    (secrets,) = (
        os.path.join(os.path.dirname(file.path), it)
        for it in os.listdir(os.path.dirname(file.path))
        if "secrets" in it
    )
    for damage in ("[1]", "{"):
        with open(secrets, "w", encoding="utf-8") as stream:
            stream.write(damage)
        with pytest.raises(ConfigError, match="the secrets of"):
            file.load()
    os.unlink(secrets)
    with pytest.raises(ConfigError, match="cannot read the secrets of") as caught:
        file.load()
    assert not isinstance(caught.value, FileNotFoundError)


def test_a_list_that_cannot_be_written_says_so(file: SaveFile) -> None:
    os.mkdir(f"{file.path}.missing")
    for missing in ({"/x": "why"}, {}):
        with pytest.raises(HostError, match=r"saveconfig\.json\.missing"):
            file.set_missing(missing)
