# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What a killed run or another program has left half unlinked: nobody is let do more afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from trees import INITIATORS, KERNELS, empty, iscsi_tpg

from rtslib import (
    LUN,
    TPG,
    FabricModule,
    MappedLUN,
    NodeACL,
    RDMCPStorageObject,
    Target,
    use,
)
from rtslib.config import operations
from rtslib.config.capture import capture
from rtslib.config.document import Document
from rtslib.config.dump import dump

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rtslib.testing import FakeKernel


@pytest.fixture(params=KERNELS)
def tree(request: pytest.FixtureRequest) -> Iterator[FakeKernel]:
    """A kernel with a LUN that an initiator is shown."""
    with use(empty(request.param)) as made:
        tpg = iscsi_tpg(made)
        LUN(tpg, 0, RDMCPStorageObject("disk", "1M"))
        NodeACL(tpg, INITIATORS[0]).mapped_lun(0, 0)
        yield made  # type: ignore[misc]


def lun(tree: FakeKernel) -> Any:
    return next(it for it in capture(tree) if it.cls is LUN)


def shown(tree: FakeKernel) -> str:
    """Return how the LUN is protected from its initiator; nothing where it does not see it."""
    (mapped,) = (it for it in capture(tree) if it.cls is MappedLUN)
    return mapped.files["write_protect"]


def protect() -> None:
    for target in FabricModule("iscsi").targets:
        for tpg in target.tpgs:
            for acl in tpg.node_acls:
                for mapped in acl.mapped_luns:
                    mapped.write_protect = True


def unlink(tree: FakeKernel) -> str:
    """Unlink the LUN from its storage object, as a run does that is killed then."""
    record = lun(tree)
    link = f"{record.path}/{record.link.alias}"
    tree.unlink(link)
    assert shown(tree) == ""
    return link


@pytest.mark.parametrize("options", [{}, {"exact": False}, {"only_missing": True}])
@pytest.mark.parametrize("named", [True, False])
def test_a_read_only_lun_comes_back_read_only(
    tree: FakeKernel, options: dict[str, Any], named: bool
) -> None:
    protect()
    assert shown(tree) == "1"
    data = dump(capture(tree))
    if not named:
        data["targets"][0]["tpgs"][0]["node_acls"][0]["mapped_luns"] = []
    unlink(tree)
    assert operations.restore(tree, Document(data), **options).report.good
    if named or options:
        # The kernel has forgotten how it was: where nobody says it, not more than reading.
        assert shown(tree) == "1"
    else:
        assert not [it for it in capture(tree) if it.cls is MappedLUN]


def test_a_mapping_that_shows_nothing_is_made_again(tree: FakeKernel) -> None:
    before = capture(tree)
    data = dump(before)
    link = unlink(tree)
    tree.symlink("core/rd_mcp_0/disk", link)
    # Another program has linked the LUN again: the initiator does not see it any more.
    assert shown(tree) == ""
    assert dump(capture(tree))["targets"][0]["tpgs"][0]["node_acls"][0]["mapped_luns"] == []
    result = operations.restore(tree, Document(data))
    assert result.report.good
    assert "shows nothing" in result.plan.text()
    assert capture(tree) == before


def test_a_mapping_without_its_link_is_linked(tree: FakeKernel) -> None:
    protect()
    before = capture(tree)
    data = dump(before)
    (mapped,) = (it for it in before if it.cls is MappedLUN)
    assert mapped.link is not None
    tree.unlink(f"{mapped.path}/{mapped.link.alias}")
    result = operations.restore(tree, Document(data))
    assert result.report.good
    assert {step.owner for step in result.plan.steps} == {mapped.name}
    assert capture(tree) == before


def test_a_mapping_of_another_fabrics_lun_is_no_configuration_that_runs() -> None:
    """The kernel compares the names of target and TPG only."""
    tree, wwn = empty("6.12"), "naa.5001405000000001"
    with use(tree):
        tpg, other = (TPG(Target(FabricModule(it), wwn), 1) for it in ("iscsi", "loopback"))
        LUN(tpg, 0, RDMCPStorageObject("mine", "1M"))
        theirs = LUN(other, 0, RDMCPStorageObject("theirs", "1M"))
        mapped = NodeACL(tpg, INITIATORS[0]).below("lun_0")
    tree.mkdir(mapped)
    tree.symlink(theirs.below(""), f"{mapped}/link")
    result = operations.restore(tree, Document(dump(capture(tree))))
    assert result.report.good
    assert f"is linked to /loopback/{wwn}" in result.plan.text()
    (record,) = (it for it in capture(tree) if it.cls is MappedLUN)
    assert record.link is not None
    assert record.link.end.startswith(f"/iscsi/{wwn}/")
