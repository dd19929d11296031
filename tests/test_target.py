# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Targets and TPGs: names, tags, nexus, enabling, deletion, sessions."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, Any

import pytest
from trees import iscsi_tpg

from rtslib import (
    LUN,
    TPG,
    AlreadyExistsError,
    BusyError,
    FabricModule,
    InvalidValueError,
    MappedLUN,
    NetworkPortal,
    NodeACL,
    NotSupportedError,
    RDMCPStorageObject,
    RefusedError,
    RejectedError,
    RTSLibNotInCFSError,
    RTSRoot,
    Target,
    use,
)
from rtslib.testing import FakeKernel, Faulty, Journal

if TYPE_CHECKING:
    from rtslib.target import T as _T  # noqa: F401 - the type of what _mkdir returns

IQN = "iqn.2003-01.org.example:Disk"
INITIATOR = "iqn.1994-05.com.example:one"
NAA = "naa.5001405000000001"


@pytest.fixture
def iscsi(fake: FakeKernel) -> FabricModule:
    """The iSCSI fabric."""
    return FabricModule("iscsi", fs=fake)


@pytest.fixture
def target(iscsi: FabricModule) -> Target:
    """An iSCSI target."""
    return Target(iscsi, IQN)


# Targets


def test_targets_in_each_mode(iscsi: FabricModule) -> None:
    with pytest.raises(RTSLibNotInCFSError):
        Target(iscsi, IQN, "lookup")
    made = Target(fabric_module=iscsi, wwn=IQN, mode="create")
    assert (made.wwn, made.fabric_module, made.parent) == (IQN, iscsi, iscsi)
    assert made.path == f"{iscsi.path}/{IQN}"
    assert made.has_feature("nps")
    assert Target(iscsi, IQN) == Target(iscsi, IQN, "lookup") == iscsi.targets[IQN] == made
    with pytest.raises(AlreadyExistsError) as caught:
        Target(iscsi, IQN, "create")
    assert (caught.value.errno, caught.value.path) == (errno.EEXIST, made.path)
    with pytest.raises(AlreadyExistsError):
        iscsi.targets.create(IQN)
    assert iscsi.targets.ensure(IQN) == made
    with pytest.raises(InvalidValueError, match="mode 'new' is none of"):
        Target(iscsi, IQN, "new")


def test_a_new_name_is_the_fabrics_own(iscsi: FabricModule) -> None:
    one, other = Target(iscsi), Target(iscsi, mode="create")
    assert one != other
    assert one.wwn.startswith("iqn.2003-01.org.linux-iscsi.")
    assert Target(FabricModule("vhost")).wwn.startswith("naa.5001405")
    with pytest.raises(InvalidValueError, match="needs a name to be looked up"):
        Target(iscsi, None, "lookup")


def test_the_case_of_a_name_is_kept_and_does_not_matter_to_a_lookup(target: Target) -> None:
    assert [found.wwn for found in target.fabric_module.targets] == [IQN]
    for name in (IQN.upper(), IQN.lower()):
        assert Target(target.fabric_module, name, "lookup") == target
        assert name in target.fabric_module.targets
    loop = Target(FabricModule("loopback"), "0x5001405000000001")
    assert loop.wwn == NAA
    assert Target(FabricModule("loopback"), "50:01:40:50:00:00:00:01", "lookup") == loop


def test_a_name_tells_its_type(iscsi: FabricModule, fake: FakeKernel) -> None:
    target = Target(iscsi, "naa.5001405000000001")
    assert target.wwn_type == "naa"
    acl = NodeACL(TPG(target, 1), "iqn.1994-05.com.example:one")
    assert acl.wwn_type == "iqn"
    fake.mkdir("iscsi/no name at all")
    assert iscsi.targets["no name at all"].wwn_type == "free"


def test_what_only_programs_for_rtslib_fb_call(target: Target) -> None:
    tpg = TPG(target, 1)
    assert tpg._get_enable() is tpg.enable is False
    acl = NodeACL(tpg, "iqn.1994-05.com.example:one")
    assert list(tpg._list_node_acls()) == [acl]


@pytest.mark.parametrize(
    "name",
    ["iqn.2003.org.example:x", "iqn.2003-13.org:x", "disk", "", "iqn.2003-01.org:a b", "naa.1"],
)
def test_invalid_names_are_refused_when_made_only(iscsi: FabricModule, name: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        Target(iscsi, name)
    assert isinstance(caught.value, ValueError)
    assert not iscsi.exists


def test_malformed_names_on_disk_are_listed_used_and_deleted(fake: FakeKernel) -> None:
    for path in ("iscsi", "iscsi/My Disk", "iscsi/My Disk/tpgt_1"):
        fake.mkdir(path)
    fabric = FabricModule("iscsi")
    (odd,) = fabric.targets
    assert odd.wwn == "My Disk"
    assert [tpg.tag for tpg in odd.tpgs] == [1]
    assert Target(fabric, "my disk", "lookup") == odd
    assert odd.sessions == []
    odd.delete()
    assert not list(fabric.targets)


def test_making_a_target_is_one_mkdir(target: Target) -> None:
    journal = Journal(target.fs)
    fabric = FabricModule("iscsi", fs=journal)
    Target(fabric, IQN + "2", "create")
    assert journal.count() == {"mkdir": 1}


def test_delete_of_a_target_takes_everything_below(target: Target) -> None:
    so = RDMCPStorageObject("r", 4096)
    for tag in (1, 2):
        tpg = TPG(target, tag)
        tpg.enable = True
        LUN(tpg, 0, so)
        acl = NodeACL(tpg, INITIATOR)
        MappedLUN(acl, 5, 0)
        NetworkPortal(tpg, "127.0.0.1", 3260 + tag)
    target.delete()
    assert not list(RTSRoot().targets)
    assert so.exists
    with pytest.raises(RTSLibNotInCFSError):
        target.delete()


def test_target_parameters(target: Target) -> None:
    with use(target.fs):
        loop = TPG(Target(FabricModule("loopback"), NAA), 1)
    assert target.list_attributes() == []
    assert loop.parent_target.has_feature("nexus")


# TPGs


def test_tpgs_in_each_mode(target: Target) -> None:
    with pytest.raises(RTSLibNotInCFSError):
        TPG(target, 3, "lookup")
    made = TPG(parent_target=target, tag="3", mode="create")
    assert (made.tag, made.parent_target, made.fabric_module) == (3, target, target.fabric_module)
    assert made.path == f"{target.path}/tpgt_3"
    assert TPG(target, 3) == TPG(target, "3", "lookup") == target.tpgs[3] == made
    with pytest.raises(AlreadyExistsError):
        TPG(target, 3, "create")
    assert target.tpgs.ensure(3) == made
    with pytest.raises(InvalidValueError, match="needs a tag to be looked up"):
        TPG(target, None, "lookup")


def test_without_a_tag_the_first_free_one_is_made(target: Target) -> None:
    assert TPG(target).tag == 1
    TPG(target, 3)
    assert [TPG(target).tag, target.tpgs.create().tag] == [2, 4]
    assert [tpg.tag for tpg in target.tpgs] == [1, 2, 3, 4]


def test_a_tag_that_somebody_takes_meanwhile_is_passed_over(target: Target) -> None:
    class Racing(Journal):
        """Somebody else makes TPG 1 after the listing."""

        def listdir(self, path: str) -> Any:
            found = super().listdir(path)
            self.inner.mkdir(f"{path}/tpgt_1")
            return found

    assert TPG(Target.handle(Racing(target.fs), target.below(""))).tag == 2


def test_threads_that_create_tpgs_at_once_share_none(target: Target) -> None:
    tags: list[int] = []
    threads = [threading.Thread(target=lambda: tags.append(TPG(target).tag)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(tags) == list(range(1, 9))


@pytest.mark.parametrize("tag", [0, 65535])
def test_tags_at_the_edge(target: Target, tag: int) -> None:
    assert TPG(target, tag).tag == tag


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        (65536, "not between 0 and 65535"),
        (-1, "not between"),
        ("x", "is no TPG tag"),
        ("", "no"),
        (1.9, "is no TPG tag"),
        (True, "is no TPG tag"),
    ],
)
def test_tags_that_are_none(target: Target, tag: Any, message: str) -> None:
    with pytest.raises(InvalidValueError, match=message):
        TPG(target, tag)
    assert not list(target.tpgs)


def test_odd_tags_on_disk_are_listed(target: Target) -> None:
    for name in ("tpgt_0x10", "tpgt_010", "tpgt_2"):
        target.fs.mkdir(f"{target.below('')}/{name}")
    assert [tpg.tag for tpg in target.tpgs] == [2, 8, 16]
    assert target.tpgs.keys() == [2, 8, 16]


def test_enable(target: Target) -> None:
    tpg = TPG(target, 1)
    assert tpg.enable is False
    for value in (True, 1, "1", "yes"):
        tpg.enable = value
        assert tpg.enable is True
        tpg.enable = False
        assert tpg.enable is False
    with pytest.raises(InvalidValueError, match="is not a yes or a no"):
        tpg.enable = "perhaps"


@pytest.mark.usefixtures("fake")
def test_a_fabric_without_enable_is_always_on() -> None:
    tpg = TPG(Target(FabricModule("loopback"), NAA), 1)
    assert tpg.enable is True
    tpg.enable = True
    with pytest.raises(NotSupportedError, match="has no enable to set"):
        tpg.enable = False
    tpg.delete()
    assert not tpg.exists
    with pytest.raises(RTSLibNotInCFSError):
        tpg.enable  # noqa: B018 - the read is the test
    with pytest.raises(RTSLibNotInCFSError):
        tpg.enable = True


def test_attributes_and_parameters_take_their_own_values(target: Target) -> None:
    tpg = TPG(target, 1)
    for view in (tpg.attributes, tpg.parameters):
        values = view.read_all()
        assert values
        view.update({name: values[name] for name in view.names(writable=True)})
        assert view.read_all() == values
    tpg.set_attribute("generate_node_acls", True)
    assert tpg.get_attribute("generate_node_acls") == "1"
    assert tpg.attributes["generate_node_acls"] is True
    tpg.set_parameter("MaxConnections", 4)
    assert tpg.get_parameter("MaxConnections") == "4"
    assert tpg.parameters["MaxConnections"] == 4
    with pytest.raises(RejectedError):
        tpg.set_attribute("login_timeout", 1000)


@pytest.mark.parametrize("kernel", ["6.1", "6.12"])
def test_rtpi_is_there_from_kernel_6_5(kernel: str) -> None:
    with use(FakeKernel(kernel)) as fs:
        tpg = iscsi_tpg(fs)
        if kernel == "6.1":
            assert tpg.rtpi is None
            with pytest.raises(NotSupportedError, match="has no rtpi to set"):
                tpg.rtpi = 5
            return
        assert tpg.rtpi == 0
        tpg.rtpi = 5
        assert tpg.rtpi == 5
        tpg.enable = True
        with pytest.raises(RejectedError):
            tpg.rtpi = 6


def test_the_helpers_make_what_the_constructors_make(target: Target) -> None:
    tpg = TPG(target, 1)
    so = RDMCPStorageObject("r", 4096)
    lun = tpg.lun(4, so, "link")
    assert (lun, lun.alias) == (LUN(tpg, 4), "link")
    assert tpg.lun(4) == lun
    acl = tpg.node_acl(INITIATOR)
    assert acl == NodeACL(tpg, INITIATOR, "lookup") == tpg.node_acl(INITIATOR, "lookup")
    portal = tpg.network_portal("127.0.0.1", 3260)
    assert portal == tpg.network_portal("127.0.0.1", 3260, "lookup")


# Nexus


@pytest.mark.parametrize("name", ["loopback", "vhost"])
def test_a_nexus_comes_with_the_tpg(fake: FakeKernel, name: str) -> None:
    journal = Journal(fake)
    tpg = TPG(Target(FabricModule(name, fs=journal), NAA), 1)
    assert [op.path.rpartition("/")[2] for op in journal.changes][-2:] == ["tpgt_1", "nexus"]
    given = tpg.nexus
    assert given is not None
    assert given.startswith("naa.5001405")
    assert given != NAA
    with pytest.raises(AlreadyExistsError):
        tpg.nexus = NAA
    tpg.nexus = ""
    assert not tpg.nexus
    with pytest.raises(RefusedError):
        tpg.nexus = ""
    tpg.nexus = "naa.5001405000000abc"
    assert tpg.nexus == "naa.5001405000000abc"
    LUN(tpg, 0, RDMCPStorageObject("r", 4096))
    with pytest.raises((BusyError, PermissionError)):
        tpg.nexus = ""
    tpg.delete()
    assert not tpg.exists


def test_a_nexus_is_of_its_targets_type(fake: FakeKernel) -> None:
    for path in ("loopback", "loopback/iqn.2003-01.org:x", "loopback/odd naa.x"):
        fake.mkdir(path)
    fabric = FabricModule("loopback")
    tpg = TPG(fabric.targets["iqn.2003-01.org:x"], 1)
    assert tpg.nexus is not None
    assert tpg.nexus.startswith("iqn.")
    odd = TPG(fabric.targets["odd naa.x"], 1)
    assert odd.nexus is not None
    assert odd.nexus.startswith("naa.")


def test_a_tpg_without_its_nexus_is_not_left(fake: FakeKernel) -> None:
    target = Target(FabricModule("vhost"), NAA)
    fault = Faulty(fake, errno.EINVAL, when=lambda _name, path: path.endswith("/nexus"))
    with pytest.raises(RejectedError):
        TPG(Target.handle(fault, target.below("")), 1)
    assert not list(target.tpgs)


@pytest.mark.usefixtures("fake")
def test_a_tpg_that_was_there_gets_no_second_nexus() -> None:
    target = Target(FabricModule("vhost"), NAA)
    nexus = TPG(target, 1).nexus
    assert TPG(target, 1).nexus == nexus


def test_iscsi_has_no_nexus(target: Target) -> None:
    tpg = TPG(target, 1)
    assert tpg.nexus is None
    with pytest.raises(NotSupportedError, match="iscsi TPGs have no nexus"):
        tpg.nexus = NAA
    tpg.delete()
    with pytest.raises(RTSLibNotInCFSError):
        tpg.nexus  # noqa: B018 - the read is the test


@pytest.mark.usefixtures("fake")
def test_loopback_facts() -> None:
    tpg = TPG(Target(FabricModule("loopback"), NAA), 1)
    assert tpg.scsi_address.endswith(":0:1")
    tpg.transport_status = "offline"
    assert tpg.transport_status == "offline"
    assert tpg.sessions == []
    assert list(tpg.node_acls) == []
    assert list(tpg.node_acl_groups) == []
    assert tpg.authenticate_target is False


@pytest.mark.usefixtures("fake")
def test_sbp_facts() -> None:
    tpg = TPG(Target(FabricModule("sbp"), "eui.0011223344556677"), 1)
    assert tpg.directory_id == "implicit"


# Deletion


def test_a_tpg_is_disabled_before_anything_in_it_goes(target: Target) -> None:
    tpg = TPG(target, 1)
    NodeACL(tpg, INITIATOR)
    tpg.enable = True
    journal = Journal(target.fs)
    TPG.handle(journal, tpg.below("")).delete()
    assert [(op.name, op.path.rpartition("/")[2]) for op in journal.changes] == [
        ("write", "enable"),
        ("rmdir", INITIATOR),
        ("rmdir", "tpgt_1"),
    ]
    with pytest.raises(RTSLibNotInCFSError) as caught:
        tpg.delete()
    assert caught.value.path == tpg.path


def test_a_disabled_tpg_is_not_written_to_when_deleted(target: Target) -> None:
    tpg = TPG(target, 1)
    journal = Journal(target.fs)
    TPG.handle(journal, tpg.below("")).delete()
    assert [op.name for op in journal.changes] == ["rmdir"]


def test_a_tpg_that_cannot_be_disabled_stays_whole(target: Target) -> None:
    tpg = TPG(target, 1)
    acl = NodeACL(tpg, INITIATOR)
    tpg.enable = True
    fault = Faulty(
        target.fs, errno.EIO, when=lambda name, path: (name, path[-6:]) == ("write", "enable")
    )
    with pytest.raises(OSError, match="EIO"):
        TPG.handle(fault, tpg.below("")).delete()
    assert acl.exists


# Sessions


@pytest.mark.usefixtures("fake")
def test_session_counts(target: Target) -> None:
    assert target.session_count == 0
    loop = Target(FabricModule("loopback"), NAA)
    assert loop.session_count is None
    assert loop.sessions == []
    vhost = TPG(Target(FabricModule("vhost"), NAA), 1)
    assert vhost.has_feature("acls")
    assert vhost.sessions == []
    target.delete()
    with pytest.raises(RTSLibNotInCFSError):
        target.session_count  # noqa: B018 - the read is the test


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENODEV])
def test_a_tpg_that_cannot_be_disabled_is_deleted_all_the_same(number: int) -> None:
    fake = FakeKernel()
    with use(fake):
        tpg = TPG(Target(FabricModule("iscsi"), "iqn.2026-11.org.example:t"), 1)
        tpg.enable = True
    enable = ("write", tpg.below("enable"))
    stuck = Faulty(fake, number, when=lambda name, path: (name, path) == enable)
    TPG.handle(stuck, tpg.below("")).delete()
    assert not tpg.exists
