# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Node ACLs: names, settings, deletion."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import pytest
from trees import iscsi_tpg

from rtslib import (
    LUN,
    TPG,
    AlreadyExistsError,
    FabricModule,
    InvalidValueError,
    MappedLUN,
    NodeACL,
    RDMCPStorageObject,
    RejectedError,
    RTSLibNotInCFSError,
    Target,
)
from rtslib.testing import Journal

if TYPE_CHECKING:
    from rtslib.testing import FakeKernel

INITIATOR = "iqn.1994-05.com.example:one"


@pytest.fixture
def tpg(fake: FakeKernel) -> TPG:
    """An iSCSI TPG."""
    return iscsi_tpg(fake)


def test_acls_in_each_mode(tpg: TPG) -> None:
    with pytest.raises(RTSLibNotInCFSError):
        NodeACL(tpg, INITIATOR, "lookup")
    made = NodeACL(parent_tpg=tpg, node_wwn=INITIATOR, mode="create")
    assert (made.node_wwn, made.parent_tpg, made.parent) == (INITIATOR, tpg, tpg)
    assert made.path == f"{tpg.path}/acls/{INITIATOR}"
    assert NodeACL(tpg, INITIATOR) == tpg.node_acls[INITIATOR] == made
    with pytest.raises(AlreadyExistsError) as caught:
        NodeACL(tpg, INITIATOR, "create")
    assert (caught.value.errno, caught.value.path) == (errno.EEXIST, made.path)
    assert tpg.node_acls.ensure(INITIATOR) == made
    assert made.has_feature("acls_tcq_depth")


def test_names_are_folded_as_the_kernel_folds_those_who_log_in(tpg: TPG) -> None:
    made = NodeACL(tpg, "iqn.1994-05.COM.Example:One")
    assert made.node_wwn == INITIATOR
    assert NodeACL(tpg, INITIATOR.upper()) == made
    assert NodeACL(tpg, INITIATOR.upper(), "lookup") == made
    assert len(tpg.node_acls) == 1


def test_names_that_others_made_in_any_case_are_found(tpg: TPG) -> None:
    for name in ("IQN.1994-05.com.example:ONE", "any name"):
        tpg.fs.mkdir(tpg.below(f"acls/{name}"))
    found = NodeACL(tpg, INITIATOR, "lookup")
    assert found.node_wwn == "IQN.1994-05.com.example:ONE"
    assert tpg.node_acls["ANY name"].node_wwn == "any name"
    assert [acl.node_wwn for acl in tpg.node_acls] == ["IQN.1994-05.com.example:ONE", "any name"]


@pytest.mark.parametrize("name", ["", "one", "iqn.1994.com:x", "naa.12", "iqn.1994-05.com:a/b"])
def test_invalid_names_are_refused_when_made(tpg: TPG, name: str) -> None:
    with pytest.raises(InvalidValueError):
        NodeACL(tpg, name)
    assert not tpg.node_acls


def test_names_of_other_fabrics(fake: FakeKernel) -> None:
    tpg = TPG(Target(FabricModule("tcm_fc"), "naa.5001405000000003"), 1)
    acl = NodeACL(tpg, "naa.21000024FF314C48")
    assert acl.path.endswith("/acls/21:00:00:24:ff:31:4c:48")
    assert acl.node_wwn == "naa.21000024ff314c48"
    assert NodeACL(tpg, "0x21000024FF314C48", "lookup") == acl
    assert acl.tag is None
    free = TPG.handle(fake, "ibmvscsis/30000003/tpgt_1")
    assert not free.has_feature("acls")


def test_a_free_name_keeps_its_case(fake: FakeKernel) -> None:
    for path in ("vhost", "vhost/naa.5001405000000001", "vhost/naa.5001405000000001/tpgt_1"):
        fake.mkdir(path)
    (tpg,) = FabricModule("vhost").targets["naa.5001405000000001"].tpgs
    assert NodeACL(tpg, "NAA.5001405000000ABC").node_wwn == "naa.5001405000000abc"


def test_settings(tpg: TPG) -> None:
    acl = NodeACL(tpg, INITIATOR)
    assert acl.tcq_depth == 64
    acl.tcq_depth = "128"
    assert acl.tcq_depth == 128
    for bad, kind in ((513, RejectedError), (-1, InvalidValueError), ("x", InvalidValueError)):
        with pytest.raises(kind):
            acl.tcq_depth = bad
    assert acl.tag is None
    acl.tag = "group one"
    assert acl.tag == "group one"
    acl.tag = ""
    assert acl.tag is None
    with pytest.raises(InvalidValueError, match="cannot be a tag"):
        acl.tag = "NULLs"
    with pytest.raises(RejectedError):
        acl.tag = "x" * 64


def test_every_attribute_takes_its_own_value(tpg: TPG) -> None:
    acl = NodeACL(tpg, INITIATOR)
    values = acl.attributes.read_all()
    acl.attributes.update(values)
    for name in acl.list_attributes(writable=True):
        acl.set_attribute(name, acl.get_attribute(name))
    assert acl.attributes.read_all() == values
    assert acl.attributes["authentication"] is None
    acl.attributes["authentication"] = True
    assert acl.get_attribute("authentication") == "1"
    acl.set_attribute("authentication", -1)
    assert acl.attributes["authentication"] is None


def test_parameters_are_the_sessions(tpg: TPG, fake: FakeKernel) -> None:
    acl = NodeACL(tpg, INITIATOR)
    assert acl.get_parameter("MaxBurstLength") == "No Active iSCSI Session"
    assert acl.list_parameters(writable=True) == []
    tpg.enable = True
    fake.login(tpg.below(""), INITIATOR)
    assert acl.parameters["MaxBurstLength"] == 262144


def test_an_acl_takes_its_mapped_luns_and_its_session_with_it(tpg: TPG, fake: FakeKernel) -> None:
    lun = LUN(tpg, 0, RDMCPStorageObject("r", 4096))
    acl = NodeACL(tpg, INITIATOR)
    MappedLUN(acl, 0, 0)
    tpg.enable = True
    fake.login(tpg.below(""), INITIATOR)
    acl.delete()
    assert not tpg.node_acls
    assert lun.exists
    assert tpg.sessions == []
    with pytest.raises(RTSLibNotInCFSError):
        acl.delete()


def test_making_an_acl_is_one_mkdir(tpg: TPG) -> None:
    journal = Journal(tpg.fs)
    NodeACL(TPG.handle(journal, tpg.below("")), INITIATOR, "create")
    assert journal.count() == {"mkdir": 1}


def test_statistics_of_an_acl(tpg: TPG) -> None:
    acl = NodeACL(tpg, INITIATOR)
    assert "iscsi_sess_stats" in acl.statistics
    assert isinstance(acl.statistics.read_all(), dict)
