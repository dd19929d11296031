# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""CHAP credentials: the exact bytes, what is refused, that secrets show nowhere."""

from __future__ import annotations

import errno
import traceback
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import iscsi_tpg

from rtslib import AccessError, InvalidValueError, NodeACL, RTSLibError, use
from rtslib.testing import FakeKernel, Faulty, Journal

if TYPE_CHECKING:
    from rtslib import TPG
    from rtslib.chap import Chap

INITIATOR = "iqn.1994-05.com.example:one"
NAMES = ("chap_userid", "chap_password", "chap_mutual_userid", "chap_mutual_password")
FILES = ("userid", "password", "userid_mutual", "password_mutual")


@pytest.fixture
def tpg(fake: FakeKernel) -> TPG:
    """An iSCSI TPG."""
    return iscsi_tpg(fake)


@pytest.fixture(params=["tpg", "acl"])
def node(request: pytest.FixtureRequest, tpg: TPG) -> Chap:
    """A TPG, then an ACL: both keep credentials."""
    return tpg if request.param == "tpg" else NodeACL(tpg, INITIATOR)


@pytest.mark.parametrize(("name", "file"), list(zip(NAMES, FILES)))
def test_each_credential_is_a_file(node: Chap, name: str, file: str) -> None:
    assert getattr(node, name) == ""
    setattr(node, name, "value")
    assert getattr(node, name) == "value"
    assert node.fs.read(node.below(f"auth/{file}")) == "value\n"
    for nothing in ("", None):
        setattr(node, name, "value")
        setattr(node, name, nothing)
        assert getattr(node, name) == ""


@pytest.mark.parametrize(
    "secret",
    [
        " blanks at both ends ",
        "&!#$^*;'\"\\|<>`",
        "p\u00e4ssw\u00f6rd",
        "x" * 255,
        "\u00e9" * 127,
        "0",
        "nULL",
        "\t",
    ],
)
def test_secrets_are_kept_to_the_byte(node: Chap, secret: str) -> None:
    journal = Journal(node.fs)
    type(node).handle(journal, node.below("")).chap_password = secret
    assert journal.changes[0].arguments == (node.below("auth/password"), secret)
    assert node.chap_password == secret


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"), max_size=63))
def test_any_text_comes_back_or_is_refused(secret: str) -> None:
    with use(FakeKernel()) as fs:
        acl = NodeACL(iscsi_tpg(fs), INITIATOR)
        try:
            acl.chap_password = secret
        except InvalidValueError:
            assert secret.startswith("NULL")
        else:
            assert acl.chap_password == secret


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ("x" * 256, "of 256 bytes: the kernel keeps 255"),
        ("\u00e9" * 128, "of 256 bytes"),
        ("NULL", "begins with NULL"),
        ("NULLpassword", "begins with NULL"),
        ("one\ntwo", "line break or NUL"),
        ("one\0two", "line break or NUL"),
    ],
)
def test_secrets_that_the_kernel_would_change_are_refused_and_not_repeated(
    node: Chap, secret: str, message: str
) -> None:
    node.chap_password = "before"
    with pytest.raises(InvalidValueError, match=message) as caught:
        node.chap_password = secret
    assert caught.value.path == f"{node.path}/auth/password"
    assert caught.value.value == "********"
    assert caught.value.__cause__ is None
    shown = "".join(traceback.format_exception(None, caught.value, None))
    assert secret not in shown.replace("begins with NULL", "")
    assert node.chap_password == "before"


def test_a_refused_secret_shows_nowhere(node: Chap) -> None:
    fault = Faulty(node.fs, errno.EPERM, when=lambda name, _path: name == "write")
    with pytest.raises(AccessError) as caught:
        type(node).handle(fault, node.below("")).chap_password = "s3cret"
    assert caught.value.value == "********"
    assert "s3cret" not in repr(caught.value) + str(caught.value) + str(vars(caught.value))


def test_a_secret_that_is_not_kept_is_an_error_without_the_secret(node: Chap) -> None:
    class Cutting(Journal):
        """Keeps four bytes, as the kernel once kept 255."""

        def write(self, path: str, text: str) -> None:
            super().write(path, text[:4])

    with pytest.raises(RTSLibError, match="did not keep the value") as caught:
        type(node).handle(Cutting(node.fs), node.below("")).chap_password = "s3cret"
    assert caught.value.value == "********"


def test_bytes_are_no_secret(node: Chap) -> None:
    journal = Journal(node.fs)
    with pytest.raises(InvalidValueError, match="bytes are no text") as caught:
        type(node).handle(journal, node.below("")).chap_userid = b"abc"
    assert caught.value.path == f"{node.path}/auth/userid"
    assert not journal.operations


def test_reading_asks_for_privilege(node: Chap) -> None:
    assert isinstance(node.fs, FakeKernel)
    node.chap_password = "s3cret"
    node.fs.privileged = False
    with pytest.raises(AccessError) as caught:
        node.chap_password  # noqa: B018 - the read is the test
    assert isinstance(caught.value, PermissionError)


def test_whether_mutual_chap_is_complete(node: Chap) -> None:
    assert node.authenticate_target == 0
    node.chap_mutual_userid = "out"
    assert node.authenticate_target == 0
    node.chap_mutual_password = "other"
    assert node.authenticate_target is True
    with pytest.raises(AccessError):
        node.authenticate_target = True


# All at once


def values(node: Chap) -> tuple[str, ...]:
    return tuple(getattr(node, name) for name in NAMES)


def test_set_chap_one_way_mutual_and_none(node: Chap) -> None:
    node.set_chap("in", "secret")
    assert values(node) == ("in", "secret", "", "")
    node.set_chap(userid="in", password="new", mutual_userid="out", mutual_password="other")
    assert values(node) == ("in", "new", "out", "other")
    assert node.authenticate_target is True
    node.set_chap("", "")
    assert values(node) == ("", "", "", "")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("in", "", "", ""), "CHAP needs a name and a secret: the secret is missing"),
        (("", "secret", "", ""), "CHAP needs a name and a secret: the name is missing"),
        (("in", "secret", "out", ""), "mutual CHAP needs .* the secret is missing"),
        (("in", "secret", "", "other"), "mutual CHAP needs .* the name is missing"),
        (("", "", "out", "other"), "mutual CHAP without CHAP"),
        (("in", "same", "out", "same"), "both sides have the same CHAP secret"),
        (("in", "secret", "out", "NULLx"), "begins with NULL"),
        (("x" * 256, "secret", "", ""), "the kernel keeps 255"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_written(
    node: Chap, given: tuple[str, str, str, str], message: str
) -> None:
    node.set_chap("in", "before")
    journal = Journal(node.fs)
    with pytest.raises(InvalidValueError, match=message):
        type(node).handle(journal, node.below("")).set_chap(*given)
    assert not journal.operations
    assert values(node) == ("in", "before", "", "")
