# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors

from __future__ import annotations

import pickle

import pytest

import rtslib.iscsi
from rtslib.errors import RTSLibError
from rtslib.iscsi import errors


def test_every_error_is_ours_and_the_standard_library_s() -> None:
    kinds = [vars(errors)[name] for name in errors.__all__ if name.endswith("Error")]
    for kind in kinds:
        assert issubclass(kind, (errors.IscsiError, RTSLibError))
        if kind is not errors.IscsiError:
            assert issubclass(kind, (ValueError, OSError))


def test_scsi_errors_are_told_in_words() -> None:
    sense = bytes.fromhex("70000500000000 0a 00000000 2100 00000000")
    error = errors.ScsiError(2, sense, bytes([0x28, 0, 0, 0, 0, 9, 0, 0, 1, 0]))
    assert str(error).startswith("READ(10) lba=9 blocks=1: CHECK CONDITION: illegal request")
    assert str(errors.ScsiError(0x28)) == "a SCSI command: TASK SET FULL"
    assert error.sense == sense


@pytest.mark.parametrize(
    "error",
    [
        errors.ScsiError(2, b"\x70", b"\x28"),
        errors.login_error(2, 1, "there"),
        errors.TaskError("ended", response=5),
        errors.NoAnswerError("late", hint="wait"),
    ],
)
def test_errors_may_go_to_other_processes(error: errors.IscsiError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)


def test_names_of_the_package_are_looked_up_when_they_are_used() -> None:
    for name in rtslib.iscsi.__all__:
        assert getattr(rtslib.iscsi, name) is not None
    assert dir(rtslib.iscsi) == rtslib.iscsi.__all__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = rtslib.iscsi.nothing
