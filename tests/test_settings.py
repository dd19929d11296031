# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Settings as a mapping: what is enumerated, how values are typed, what is refused."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trees import iscsi_tpg

from rtslib import FabricModule, NodeACL, NotFoundError, RDMCPStorageObject, RTSRoot, Target
from rtslib.errors import AccessError, InvalidValueError, KernelError, RejectedError
from rtslib.settings import UNKNOWN, GroupView
from rtslib.testing import Faulty, Journal
from rtslib.testing.wrappers import Wrapper

if TYPE_CHECKING:
    from rtslib import TPG
    from rtslib.testing import FakeKernel


@pytest.fixture
def tpg(fake: FakeKernel) -> TPG:
    """A TPG with attributes and parameters."""
    return iscsi_tpg(fake)


def test_names_are_the_kernels_and_sorted(tpg: TPG, fake: FakeKernel) -> None:
    names = [entry.name for entry in fake.listdir(tpg.below("attrib"))]
    assert tpg.attributes.names() == sorted(names) == list(tpg.attributes)
    assert len(tpg.attributes) == len(names)
    assert "login_timeout" in tpg.attributes
    assert "no_such" not in tpg.attributes


def test_a_listing_is_one_getdents(fake: FakeKernel) -> None:
    tree = Journal(fake)
    tpg = iscsi_tpg(tree)
    with tree.counting() as made:
        tpg.attributes.names()
    assert made == {"listdir": 1}


def test_values_are_typed_by_the_table(tpg: TPG) -> None:
    assert tpg.attributes["authentication"] is True
    assert tpg.attributes["login_timeout"] == 15
    assert tpg.parameters["MaxConnections"] == 1
    assert tpg.parameters["InitialR2T"] is True


def test_text_is_what_the_kernel_shows(tpg: TPG) -> None:
    assert tpg.attributes.text("authentication") == "1"
    assert tpg.get_attribute("authentication") == "1"
    assert tpg.get_parameter("InitialR2T") == "Yes"


@pytest.mark.parametrize("value", [False, 0, "0", "no"])
def test_writing_is_lenient(tpg: TPG, value: object) -> None:
    tpg.attributes["authentication"] = value
    assert tpg.attributes["authentication"] is False
    tpg.set_attribute("authentication", True)
    assert tpg.get_attribute("authentication") == "1"


def test_a_parameter_is_set_by_the_classic_call(tpg: TPG) -> None:
    tpg.set_parameter("InitialR2T", "No")
    assert tpg.get_parameter("InitialR2T") == "No"


@pytest.mark.parametrize("value", [True, 1, "yes", "YES", "on", "Yes"])
def test_a_yes_is_written_as_the_kernel_wants_it(tpg: TPG, value: object) -> None:
    for name in ("InitialR2T", "ImmediateData", "DataPDUInOrder", "DataSequenceInOrder"):
        tpg.parameters[name] = False
        assert tpg.parameters[name] is False
        assert tpg.get_parameter(name) == "No"
        tpg.set_parameter(name, value)
        assert tpg.parameters[name] is True
        assert tpg.get_parameter(name) == "Yes"
    with pytest.raises(RejectedError):
        tpg.parameters["InitialR2T"] = "maybe"


@pytest.mark.usefixtures("fake")
def test_a_setting_that_only_the_kernel_knows() -> None:
    param = Target(FabricModule("iscsi"), "iqn.2003-01.org.example:t").parameters
    assert param.codec("cmd_completion_affinity") is UNKNOWN
    assert param["cmd_completion_affinity"] == -1
    param["cmd_completion_affinity"] = 1
    assert param["cmd_completion_affinity"] == 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1\n", 1),
        ("-1\n", -1),
        ("0\n", 0),
        ("010\n", "010"),
        ("0x10\n", "0x10"),
        ("--1\n", "--1"),
        ("-\n", "-"),
        ("\n", ""),
        ("", ""),
        ("Yes\n", "Yes"),
        ("²\n", "²"),
        ("१\n", "१"),
    ],
)
def test_an_unknown_setting_reads_as_int_only_where_digits_are_plain(
    text: str, value: object
) -> None:
    assert UNKNOWN.decode(text) == value


@given(st.integers() | st.booleans() | st.text("abc-0123456789"))
def test_an_unknown_setting_is_read_as_it_was_written(value: Any) -> None:
    text = UNKNOWN.encode(value)
    read = UNKNOWN.decode(text if text.endswith("\n") else text + "\n")
    if isinstance(value, str) and value.removeprefix("-").isdigit():
        assert str(read) == value or read == int(value)
    else:
        assert read == value


@pytest.mark.parametrize("name", ["", "a/b", "../enable", "/etc/passwd"])
def test_a_name_is_no_path(tpg: TPG, name: str) -> None:
    with pytest.raises(InvalidValueError):
        tpg.attributes[name]
    with pytest.raises(InvalidValueError):
        tpg.attributes[name] = 1
    with pytest.raises(InvalidValueError):
        tpg.attributes.text(name)
    assert name not in tpg.attributes


def test_a_missing_setting_is_a_lookup_error_with_its_path(tpg: TPG) -> None:
    with pytest.raises(NotFoundError) as caught:
        tpg.attributes["no_such"]
    assert isinstance(caught.value, LookupError)
    assert caught.value.path == f"{tpg.path}/attrib/no_such"
    with pytest.raises(NotFoundError):
        tpg.attributes["no_such"] = 1
    assert tpg.attributes.get("no_such") is None
    assert tpg.attributes.get("no_such", 5) == 5
    assert tpg.attributes.get("login_timeout", 5) == 15


def test_a_bad_value_is_refused_before_the_kernel_sees_it(fake: FakeKernel) -> None:
    tree = Journal(fake)
    tpg = iscsi_tpg(tree)
    tree.clear()
    with pytest.raises(InvalidValueError) as caught:
        tpg.attributes["authentication"] = "perhaps"
    assert caught.value.path == f"{tpg.path}/attrib/authentication"
    assert caught.value.value == "perhaps"
    assert not tree.operations


def test_a_value_that_the_kernel_refuses(tpg: TPG) -> None:
    with pytest.raises(RejectedError) as caught:
        tpg.attributes["login_timeout"] = 9999
    assert (caught.value.errno, caught.value.value) == (errno.EINVAL, "9999")


def test_text_that_the_table_does_not_know_names_its_file(fake: FakeKernel, tpg: TPG) -> None:
    fake.tree.walk(tpg.below("attrib")).put("login_timeout", "soon\n")
    with pytest.raises(InvalidValueError, match=r"attrib/login_timeout reads 'soon"):
        tpg.attributes["login_timeout"]


def test_update_goes_in_order_and_ends_at_the_first_refusal(tpg: TPG) -> None:
    tpg.attributes.update({"login_timeout": 20, "netif_timeout": 3})
    assert (tpg.attributes["login_timeout"], tpg.attributes["netif_timeout"]) == (20, 3)
    with pytest.raises(RejectedError):
        tpg.attributes.update({"login_timeout": 25, "netif_timeout": 999, "default_erl": 1})
    assert tpg.attributes["login_timeout"] == 25
    assert tpg.attributes["default_erl"] == 0


@pytest.mark.usefixtures("fake")
def test_names_by_mode_are_those_that_the_mode_lets() -> None:
    disk = RDMCPStorageObject("disk", "1M")
    writable = disk.list_attributes(writable=True)
    assert "hw_max_sectors" not in writable
    assert "queue_depth" in writable
    assert "hw_max_sectors" in disk.list_attributes(writable=False)
    assert sorted(writable + disk.list_attributes(writable=False)) == disk.list_attributes()
    assert disk.list_attributes(readable=True) == disk.list_attributes()
    assert disk.list_attributes(writable=True, readable=False) == []


@pytest.mark.usefixtures("fake")
def test_a_read_only_setting() -> None:
    disk = RDMCPStorageObject("disk", "1M")
    with pytest.raises(AccessError):
        disk.attributes["hw_max_sectors"] = 1


def test_read_all_reads_each_readable_one(tpg: TPG) -> None:
    everything = tpg.attributes.read_all()
    assert everything == dict(tpg.attributes)
    assert len(everything) == len(tpg.attributes)


def test_read_all_is_one_getdents_and_a_read_for_each(fake: FakeKernel) -> None:
    tree = Journal(fake)
    tpg = iscsi_tpg(tree)
    with tree.counting() as made:
        everything = tpg.attributes.read_all()
    assert made == {"listdir": 1, "read": len(everything)}


def test_read_all_leaves_out_what_may_not_be_read(fake: FakeKernel, tpg: TPG) -> None:
    class WriteOnly(Wrapper):
        """Has a file of mode 0200, as pi_prot_format was in some kernels."""

        def around(self, call: Callable[[], Any], name: str, *arguments: str) -> Any:
            if arguments[-1].endswith("/login_timeout"):
                if name == "read":
                    raise PermissionError(errno.EACCES, "for writing only")
                assert name == "mode"
                return 0o200
            return call()

    shut = type(tpg).handle(WriteOnly(fake), tpg.below(""))
    expected = {name: value for name, value in tpg.attributes.items() if name != "login_timeout"}
    assert shut.attributes.read_all() == expected
    assert shut.list_attributes(readable=True) == sorted(expected)


def test_read_all_tells_of_other_refusals(fake: FakeKernel, tpg: TPG) -> None:
    for number, kind in ((errno.EPERM, AccessError), (errno.EIO, KernelError)):
        tree = Faulty(fake, number, when=lambda name, _path: name == "read")
        with pytest.raises(kind):
            type(tpg).handle(tree, tpg.below("")).attributes.read_all()


@pytest.mark.usefixtures("fake")
def test_settings_of_a_fabric_that_nobody_uses_yet() -> None:
    assert list(FabricModule("iscsi").attributes) == []
    assert FabricModule("iscsi").parameters.read_all() == {}


def test_read_all_of_an_acl_without_session_is_text(tpg: TPG) -> None:
    acl = NodeACL(tpg, "iqn.1994-05.com.example:i")
    assert set(acl.parameters.read_all().values()) == {"No Active iSCSI Session"}


@pytest.mark.usefixtures("fake")
def test_a_group_that_the_node_does_not_have_is_empty() -> None:
    root = RTSRoot()
    assert list(root.attributes) == []
    assert len(root.parameters) == 0
    assert root.attributes.read_all() == {}
    assert root.list_parameters(writable=True) == []


@pytest.mark.usefixtures("fake")
def test_settings_of_what_has_gone(tpg: TPG) -> None:
    tpg.delete()
    with pytest.raises(NotFoundError):
        tpg.attributes.names()
    with pytest.raises(NotFoundError):
        tpg.attributes["login_timeout"]


def test_a_listing_that_is_refused(fake: FakeKernel, tpg: TPG) -> None:
    tree = Faulty(fake, errno.EIO, when=lambda name, _path: name == "listdir")
    with pytest.raises(KernelError):
        GroupView(type(tpg).handle(tree, tpg.below("")), "attrib", {}).names()


@pytest.mark.usefixtures("fake")
def test_before_setting_may_refuse() -> None:
    disk = RDMCPStorageObject("disk", "1M", enable=False)
    with pytest.raises(InvalidValueError, match="crashes the kernel"):
        disk.attributes["emulate_tpu"] = True


def test_a_view_shows_what_it_is_of(tpg: TPG) -> None:
    assert repr(tpg.attributes) == f"<attrib of {tpg!r}>"
