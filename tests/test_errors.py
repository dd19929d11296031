# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Errors: of which kinds each is, what it carries, what it says."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import traceback

import pytest

import rtslib
from rtslib import errors
from rtslib.config.problem import Problem
from rtslib.errors import (
    AccessError,
    AlreadyExistsError,
    BusyError,
    ConfigError,
    HostError,
    InvalidValueError,
    KernelError,
    LockedError,
    MissingFileError,
    NotSupportedError,
    RefusedError,
    RejectedError,
    RTSLibALUANotSupportedError,
    RTSLibBrokenLink,
    RTSLibError,
    RTSLibNotInCFSError,
    SpecError,
    kernel_error,
)

KINDS = [
    (RTSLibError, (Exception,)),
    (KernelError, (OSError,)),
    (RTSLibNotInCFSError, (KernelError, FileNotFoundError, LookupError)),
    (AlreadyExistsError, (KernelError, FileExistsError)),
    (AccessError, (KernelError, PermissionError)),
    (BusyError, (KernelError,)),
    (RejectedError, (KernelError, ValueError)),
    (RefusedError, (KernelError,)),
    (HostError, (OSError,)),
    (MissingFileError, (HostError, FileNotFoundError)),
    (LockedError, (TimeoutError,)),
    (InvalidValueError, (ValueError,)),
    (NotSupportedError, (NotImplementedError,)),
    (RTSLibALUANotSupportedError, (NotSupportedError,)),
    (RTSLibBrokenLink, (LookupError,)),
    (SpecError, (ValueError,)),
    (ConfigError, (ValueError,)),
]
FIELDS = ("message", "operation", "path", "errno", "value", "hint", "residue")

BY_ERRNO = [
    (errno.ENOENT, RTSLibNotInCFSError),
    (errno.EEXIST, AlreadyExistsError),
    (errno.EPERM, AccessError),
    (errno.EACCES, AccessError),
    (errno.EROFS, AccessError),
    (errno.EBUSY, BusyError),
    (errno.ENOTEMPTY, BusyError),
    (errno.EINVAL, RejectedError),
    (errno.ERANGE, RejectedError),
    (errno.EOVERFLOW, RejectedError),
    (errno.ENAMETOOLONG, RejectedError),
    (errno.EFAULT, RejectedError),
    (errno.ENOTBLK, RejectedError),
    (errno.EISDIR, RejectedError),
    (errno.ENOTDIR, RejectedError),
    (errno.ENOSYS, RefusedError),
    (errno.EOPNOTSUPP, RefusedError),
    (errno.ENODEV, RefusedError),
    (errno.ESRCH, RefusedError),
    (errno.EIO, KernelError),
    (errno.ENOSPC, KernelError),
    (errno.ENOMEM, KernelError),
    (9999, KernelError),
]


def full(cls: type[RTSLibError]) -> RTSLibError:
    """Return an error of a class with every field filled."""
    if cls is SpecError:
        error: RTSLibError = SpecError("no such key", file="/a.spec", line=3)
        error.errno = 22
    elif cls is ConfigError:
        error = ConfigError(problems=[Problem(("a",), 3, "bad")], file="/a.json")
    else:
        error = cls(
            "cannot", operation="mkdir", path="/x", errno=22, value="v", hint="try it tomorrow"
        )
    error.residue = ("/left",)
    return error


def test_the_table_above_has_every_class() -> None:
    public = {getattr(errors, name) for name in errors.__all__ if name != "kernel_error"}
    assert public == {cls for cls, _ in KINDS}


@pytest.mark.parametrize(("cls", "kinds"), KINDS)
def test_an_error_is_also_of_the_standard_kind(
    cls: type[RTSLibError], kinds: tuple[type[Exception], ...]
) -> None:
    for kind in (*kinds, RTSLibError):
        with pytest.raises(kind):
            raise cls("no")


def test_classic_names_are_the_same_classes() -> None:
    assert rtslib.RTSLibNotInCFS is rtslib.RTSLibNotInCFSError is rtslib.NotFoundError


@pytest.mark.parametrize("cls", [cls for cls, _ in KINDS])
def test_fields_survive_pickling_and_copying(cls: type[RTSLibError]) -> None:
    error = full(cls)
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(same) is cls
        assert str(same) == str(error)
        for field in FIELDS:
            assert getattr(same, field) == getattr(error, field)
    if isinstance(error, SpecError):
        again = pickle.loads(pickle.dumps(error))
        assert (again.file, again.line) == ("/a.spec", 3)
    if isinstance(error, ConfigError):
        again = pickle.loads(pickle.dumps(error))
        assert (again.file, again.problems) == ("/a.json", error.problems)


@pytest.mark.parametrize("cls", [cls for cls, _ in KINDS])
def test_every_field_is_none_by_default(cls: type[RTSLibError]) -> None:
    error = cls()
    assert str(error) == ""
    assert [getattr(error, field) for field in FIELDS] == ["", None, None, None, None, None, ()]


def test_the_text_has_the_hint_and_what_is_left() -> None:
    error = RTSLibError("cannot mkdir /x", hint="free some memory")
    assert str(error) == "cannot mkdir /x; free some memory"
    error.residue = ("/x", "/y")
    assert str(error) == ("cannot mkdir /x; free some memory; could not be removed again: /x, /y")


@pytest.mark.parametrize(
    ("file", "line", "text"),
    [
        ("/a.spec", 3, "/a.spec:3: bad"),
        ("/a.spec", None, "/a.spec: bad"),
        (None, 3, "bad"),
        (None, None, "bad"),
    ],
)
def test_a_spec_error_tells_the_place(file: str | None, line: int | None, text: str) -> None:
    error = SpecError("bad", file=file, line=line)
    assert str(error) == text
    assert (error.file, error.line, error.path) == (file, line, file)


def test_a_config_error_lists_its_problems_up_to_twenty() -> None:
    problems = [
        Problem(("luns", number), number + 1, "is bad", "throw it away") for number in range(23)
    ]
    error = ConfigError(problems=problems, file="/a.json")
    lines = str(error).splitlines()
    assert lines[0] == "/a.json:1: luns[0]: is bad; throw it away"
    assert len(lines) == 21
    assert lines[-1] == "and 3 more"
    assert error.problems == tuple(problems)
    assert error.path == error.file == "/a.json"
    assert str(ConfigError(problems=[Problem((), None, "bad")])) == "configuration: bad"


def test_the_table_of_errnos_is_tested_whole() -> None:
    assert set(errors._BY_ERRNO) <= {number for number, _ in BY_ERRNO}


@pytest.mark.parametrize(("number", "cls"), BY_ERRNO)
def test_the_errno_chooses_the_class(number: int, cls: type[KernelError]) -> None:
    error = kernel_error(OSError(number, "text"), "write", "/t/x", "1", "do this")
    assert type(error) is cls
    assert (error.errno, error.operation, error.path) == (number, "write", "/t/x")
    assert (error.value, error.hint) == ("1", "do this")
    assert errno.errorcode.get(number, str(number)) in str(error)


def test_an_oserror_without_errno_is_an_io_error() -> None:
    error = kernel_error(OSError("strange"), "read", "/t/x")
    assert type(error) is KernelError
    assert error.errno == errno.EIO


@pytest.mark.parametrize("kind", [KernelError, HostError, RTSLibNotInCFSError])
def test_the_fields_of_an_oserror(kind: type[KernelError | HostError]) -> None:
    error = kind("cannot", path="/t/x", errno=errno.EBUSY, hint="wait")
    for same in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert (same.errno, same.strerror) == (errno.EBUSY, os.strerror(errno.EBUSY))
        assert (same.filename, same.filename2) == ("/t/x", None)
        assert str(same) == "cannot; wait"
    assert (kind().strerror, kind().filename) == (None, None)


def test_words_that_consumers_look_for() -> None:
    there = kernel_error(OSError(errno.EEXIST, "x"), "mkdir", "/t/x")
    assert "already exists in configFS" in str(there)
    bad = kernel_error(OSError(errno.EINVAL, "x"), "write", "/t/x", "7")
    assert "Invalid argument" in str(bad)
    assert str(bad) == f"cannot write '7' to /t/x: {os.strerror(errno.EINVAL)} (EINVAL)"


def test_the_cause_is_shown_in_a_traceback() -> None:
    cause = OSError(errno.EBUSY, "busy")
    with pytest.raises(KernelError) as caught:
        raise kernel_error(cause, "rmdir", "/t/x") from cause
    error = caught.value
    assert error.__cause__ is cause
    told = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    assert "busy" in told
    assert "rmdir /t/x" in told
