# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What is left out of a plan that removes nothing must not have mattered to it."""

from __future__ import annotations

import sys
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from configurations import build
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trees import INITIATORS, IQN, KERNELS, empty, iscsi_tpg

from rtslib import LUN, ALUALUGroup, ALUATargetPortGroup, NodeACL, RDMCPStorageObject, RTSRoot, use
from rtslib.config.capture import capture
from rtslib.config.nearby import nearby
from rtslib.config.part import owner_of
from rtslib.config.plan import plan
from rtslib.config.state import Record, State

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rtslib.config.steps import Step

#: The module, whose function has its name in the package.
plan_module = sys.modules["rtslib.config.plan"]

each_kernel = pytest.mark.parametrize("kernel", KERNELS)


def steps(have: State, want: State, near: Callable[[State, State], State]) -> list[Step]:
    """Return a plan that removes nothing; names of links that are made up are left out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_module, "nearby", near)
        patch.setattr(plan_module.plan_parts, "new_alias", lambda: "alias")
        patch.setattr(plan_module.plan_parts, "new_nexus", lambda _path: "naa.5001405000000001")
        return plan(have, want, "/", exact=False).steps


def all_of(have: State, _want: State) -> State:
    return have


@each_kernel
@settings(
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    deadline=None,
)
@given(seed=st.integers(0, 1 << 32))
def test_of_any_part_of_another_configuration(tmp_path: Path, kernel: str, seed: int) -> None:
    chance = Random(seed)
    have = capture(build(Random(seed).choice, str(tmp_path), kernel))
    other = capture(build(Random(seed + 1).choice, str(tmp_path), kernel))
    owners = sorted({owner_of(it.name) for it in other})
    chosen = set(chance.sample(owners, chance.randrange(len(owners)) if owners else 0))
    chosen |= {owner_of(it.link.end) for it in other if it.link and owner_of(it.name) in chosen}
    # Children cannot be without what they stand in.
    chosen |= {it.parent for it in other if owner_of(it.name) in chosen and it.parent}
    want = other.select(lambda it: owner_of(it.name) in chosen or it.name in chosen)
    assert steps(have, want, nearby) == steps(have, want, all_of)


@pytest.fixture
def have() -> State:
    tree = empty("6.12")
    with use(tree):
        tpg = iscsi_tpg(tree)
        acls = [NodeACL(tpg, name) for name in INITIATORS[:2]]
        for number in range(4):
            disk = RDMCPStorageObject(f"disk{number}", "64K")
            lun = LUN(tpg, number, disk)
            group = ALUATargetPortGroup(disk, "group", 7)
            lun.alua_tg_pt_gp_name = group.name
            for acl in acls:
                acl.mapped_lun(number, number)
        disk.alua_lu_gp = ALUALUGroup(RTSRoot(), "together", 5).name
    return capture(tree)


def one(have: State, name: str, link: str = "", **changes: Any) -> Record:
    """Return a record, changed."""
    record = have[name]
    made = {key: it for key, it in changes.items() if key in record.made}
    files = {key: it for key, it in changes.items() if key not in record.made}
    link_now = record.link._replace(end=link) if record.link and link else record.link
    return record._replace(
        made={**record.made, **made}, files={**record.files, **files}, link=link_now
    )


DISK = "/backstores/ramdisk/disk{}"
LUN_NAME = f"/iscsi/{IQN}/tpg1/luns/lun{{}}"


def chosen(have: State, *wanted: Record) -> list[str]:
    """Return the names of what matters to some records; the plan must be the same without it."""
    want = State(wanted)
    assert steps(have, want, nearby) == steps(have, want, all_of)
    return [it.name for it in nearby(have, want)]


def test_what_matters(have: State) -> None:
    names = {it.name for it in have}
    above = ["/iscsi", f"/iscsi/{IQN}", f"/iscsi/{IQN}/tpg1"]
    assert names.issuperset(above)
    # A storage object, and who shows it: a frozen setting takes all of them down.
    disk = one(have, DISK.format(2), **{"attrib/block_size": "4096"})
    found = chosen(have, disk)
    assert {it for it in found if "/backstores/" in it and "/disk2" not in it} == set()
    assert {LUN_NAME.format(2), *above} <= set(found)
    assert sum(it.endswith("/mapped_luns/lun2") for it in found) == len(INITIATORS[:2])
    assert not any("lun1" in it for it in found)
    # A setting of a TPG, and nothing in it.
    tpg = one(have, above[2], **{"attrib/login_timeout": "20"})
    assert chosen(have, tpg) == above
    # A LUN that is to show another disk is made anew, with what shows it; both disks matter.
    lun = one(have, LUN_NAME.format(0), link=DISK.format(1))
    found = chosen(have, lun)
    assert {DISK.format(1), LUN_NAME.format(0), *above} <= set(found)
    assert DISK.format(3) not in found
    # A new LUN of a disk that is there.
    new = Record(LUN_NAME.format(9), LUN, above[2], "lun_9", "", {}, {}, lun.link)
    assert set(chosen(have, new)) == {DISK.format(1), *above}


def test_groups_matter_with_their_members(have: State) -> None:
    group = f"{DISK.format(1)}/alua/group"
    anew = one(have, group, **{next(iter(have[group].made)): "9"})
    found = chosen(have, anew)
    assert {DISK.format(1), LUN_NAME.format(1), group} <= set(found)
    assert DISK.format(0) not in found
    (together,) = [it for it in have if it.cls is ALUALUGroup and it.base == "together"]
    assert len(chosen(have, one(have, together.name))) == len(have)
