# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Fabric modules: those that are shipped, a vendor's, discovery, modules that are not there."""

from __future__ import annotations

import errno
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from rtslib import (
    LUN,
    TPG,
    AlreadyExistsError,
    FabricModule,
    HostError,
    InvalidValueError,
    KernelError,
    NodeACL,
    RDMCPStorageObject,
    RejectedError,
    RTSLibError,
    RTSLibNotInCFSError,
    RTSRoot,
    SpecError,
    Target,
    use,
)
from rtslib.configfs import TARGET_ROOT, HostConfigFS
from rtslib.fabric import FCoEFabricModule, ISCSIFabricModule, fabric_modules, spec_of_group
from rtslib.testing import FakeHost, FakeKernel, Faulty, Journal

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

SPECS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "specs")
IQN = "iqn.2003-01.org.example:Disk"

PORTS = {
    "efct": {"50:01:40:50:00:00:00:01"},
    "qla2xxx": {"50:01:40:50:00:00:00:02"},
    "srpt": {"0xfe800000000000000002c903000e8acd"},
    "ibmvscsis": {"30000003"},
    "usb_gadget": {"naa.5001405000000004"},
    "xen-pvscsi": {"naa.5001405000000005"},
}


@pytest.fixture
def every(monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    """A kernel on a machine with all the hardware."""
    monkeypatch.delenv("RTSLIB_SPECS", raising=False)
    modules = "iscsi loopback vhost srpt qla2xxx fc sbp efct ibmvscsis usb_gadget xen-pvscsi"
    return FakeKernel(host=FakeHost(ports=PORTS), modules=modules.split())


# The shipped ones


@pytest.mark.parametrize(
    ("name", "wwn", "directory"),
    [
        ("iscsi", IQN, f"iscsi/{IQN}"),
        ("loopback", "naa.5001405000000001", "loopback/naa.5001405000000001"),
        ("vhost", "naa.5001405000000001", "vhost/naa.5001405000000001"),
        ("srpt", "ib.fe800000000000000002c903000e8acd", "srpt/0xfe800000000000000002c903000e8acd"),
        ("qla2xxx", "naa.5001405000000002", "qla2xxx/50:01:40:50:00:00:00:02"),
        ("tcm_fc", "naa.5001405000000003", "fc/50:01:40:50:00:00:00:03"),
        ("sbp", "eui.0011223344556677", "sbp/0011223344556677"),
        ("efct", "naa.5001405000000001", "efct/50:01:40:50:00:00:00:01"),
        ("ibmvscsis", "30000003", "ibmvscsis/30000003"),
    ],
)
def test_each_shipped_fabric_makes_a_target_a_tpg_and_a_lun(
    every: FakeKernel, name: str, wwn: str, directory: str
) -> None:
    with use(every):
        fabric = FabricModule(name)
        assert not fabric.exists
        target = Target(fabric, wwn)
        assert target.path == f"{every.root}/{directory}"
        assert target.wwn == wwn
        tpg = TPG(target, 1)
        LUN(tpg, 0, RDMCPStorageObject("r", 4096))
        assert [found.wwn for found in fabric.targets] == [wwn]
        if tpg.has_feature("acls"):
            assert NodeACL(tpg, wwn).parent_tpg == tpg
        assert (tpg.nexus is not None) is tpg.has_feature("nexus")
        target.delete()
        assert not list(fabric.targets)


@pytest.mark.parametrize(
    ("name", "wwn"),
    [("usb_gadget", "naa.5001405000000004"), ("xen-pvscsi", "naa.5001405000000005")],
)
def test_fabrics_of_which_no_tpg_was_recorded_make_a_target(
    every: FakeKernel, name: str, wwn: str
) -> None:
    target = Target(FabricModule(name, fs=every), wwn)
    assert target.path == f"{every.root}/{name}/{wwn}"
    assert target.has_feature("nexus")
    target.delete()
    assert not target.exists


def test_facts_are_the_specs(every: FakeKernel) -> None:
    fabric = FabricModule("iscsi", fs=every)
    assert fabric.name == "iscsi"
    assert fabric.kernel_module == "iscsi_target_mod"
    assert (fabric.wwn_type, fabric.wwn_types) == ("iqn", ("iqn", "naa", "eui"))
    assert fabric.has_feature("nps")
    assert not fabric.has_feature("nexus")
    assert fabric.features >= {"acls", "auth", "tpgts"}
    assert fabric.spec_file == os.path.join(SPECS, "iscsi.spec")
    assert fabric.wwns is None
    assert not fabric.needs_wwn()
    assert fabric.to_normalized_wwn("0x5001405000000001") == ("naa.5001405000000001", "naa")
    with pytest.raises(InvalidValueError):
        fabric.to_normalized_wwn("iqn.")


def test_facts_cost_no_operation_on_the_tree(every: FakeKernel) -> None:
    journal = Journal(every)
    fabric = FabricModule("srpt", fs=journal)
    assert fabric.features
    assert fabric.to_fabric_wwn("ib.fe800000000000000002c903000e8acd").startswith("0x")
    assert fabric.from_fabric_wwn("0xFFF") == "0xFFF"
    assert len(list(FabricModule.all(journal))) == 11
    assert not journal.operations


def test_registered_drivers(every: FakeKernel) -> None:
    names = FabricModule.list_registered_drivers()
    assert {"iscsi", "loopback", "srpt", "tcm_fc"} <= set(names)
    with use(every):
        assert [fabric.name for fabric in RTSRoot().fabric_modules] == names
    with pytest.raises(SpecError, match="there is no spec of a fabric 'carrier-pigeon'"):
        FabricModule("carrier-pigeon")


def test_hardware_names_come_from_the_machine(fs: FakeFilesystem) -> None:
    fs.add_real_directory(SPECS)
    with use(FakeKernel()):
        fabric = FabricModule("tcm_fc")
        assert fabric.needs_wwn()
        assert fabric.wwns == []
        with pytest.raises(InvalidValueError, match="found: none is present"):
            Target(fabric)
        fs.create_file("/sys/devices/fcoe/net/host5/port_name")
        fs.create_symlink("/sys/class/infiniband/mlx5_0", "/sys/devices/mlx5_0")
        gid = "fe80:0000:0000:0000:0002:c903:000e:8acd"
        fs.create_file("/sys/devices/mlx5_0/ports/1/gids/0", contents=gid + "\n")
        srpt = FabricModule("srpt")
        assert srpt.wwns == ["ib.fe800000000000000002c903000e8acd"]
        with pytest.raises(InvalidValueError, match=r"found: ib\.fe80"):
            Target(srpt)


def test_version_is_what_the_kernel_says(every: FakeKernel) -> None:
    with use(every):
        for name in ("iscsi", "loopback"):
            fabric = FabricModule(name)
            with pytest.raises(RTSLibNotInCFSError, match="has no version") as caught:
                fabric.version  # noqa: B018 - the read is the test
            assert caught.value.path == fabric.path
            every.mkdir(name)
        assert FabricModule("iscsi").version == "Datera Inc. iSCSI Target v4.1.0"
        assert FabricModule("loopback").version == "TCM Loopback Fabric module v2.1-rc2"


def test_a_module_that_is_not_loaded_is_an_error_and_leaves_nothing() -> None:
    fake = FakeKernel(modules=[])
    with use(fake):
        with pytest.raises(RejectedError) as caught:
            Target(FabricModule("vhost"), "naa.5001405000000001")
        assert caught.value.path == f"{fake.root}/vhost"
        assert caught.value.errno == errno.EINVAL
        assert not list(RTSRoot().fabrics)


def test_a_target_that_is_refused_takes_the_fabric_back(every: FakeKernel) -> None:
    with use(every):
        with pytest.raises(KernelError):
            Target(FabricModule("srpt"), "ib.fe800000000000000002c903000e0000")
        assert not FabricModule("srpt").exists


def test_fabrics_in_use_are_listed_and_looked_up(every: FakeKernel) -> None:
    with use(every):
        root = RTSRoot()
        assert not list(root.fabrics)
        Target(FabricModule("tcm_fc"), "naa.5001405000000003")
        assert [fabric.name for fabric in root.fabrics] == ["tcm_fc"]
        assert root.fabrics.keys() == ["fc"]
        for key in ("tcm_fc", "fc"):
            assert key in root.fabrics
            assert root.fabrics[key].name == "tcm_fc"
        for key in ("iscsi", "loopback", "carrier-pigeon", "core", "../fabric"):
            assert key not in root.fabrics
            with pytest.raises(RTSLibNotInCFSError):
                root.fabrics[key]


def test_a_fabric_is_looked_up_by_a_stat(every: FakeKernel) -> None:
    every.mkdir("iscsi")
    journal = Journal(every)
    assert RTSRoot(journal).fabrics["iscsi"] == FabricModule("iscsi", fs=journal)
    assert journal.count() == {"kind": 1}


def test_fabrics_are_made_by_the_verbs_of_their_listing(every: FakeKernel) -> None:
    root = RTSRoot(every)
    fabric = root.fabrics.create("tcm_fc")
    assert fabric.exists
    assert root.fabrics["tcm_fc"] == fabric == root.fabrics.ensure("tcm_fc")
    with pytest.raises(AlreadyExistsError):
        root.fabrics.create("tcm_fc")
    assert root.fabrics.ensure("loopback").exists
    with pytest.raises(SpecError):
        root.fabrics.create("carrier-pigeon")
    every.modules.clear()
    with pytest.raises(RejectedError):
        root.fabrics.ensure("vhost")


# Before anybody uses a fabric


def test_a_fabric_that_nobody_uses_has_no_targets(every: FakeKernel) -> None:
    journal = Journal(every)
    for fabric in RTSRoot(journal).fabric_modules:
        assert list(fabric.targets) == []
        assert len(fabric.targets) == 0
        assert not fabric.targets
        assert fabric.targets.get("naa.5001405000000001") is None
        assert fabric.targets.keys() == []
        assert fabric.discovery_enable_auth is fabric.discovery_authenticate_target is False
        assert fabric.discovery_userid == fabric.discovery_password == ""
        assert fabric.discovery_mutual_userid == fabric.discovery_mutual_password == ""
        assert list(fabric.walk()) == [fabric]
    assert not journal.changes


def test_what_was_deleted_has_no_empty_listings(every: FakeKernel) -> None:
    target = Target(FabricModule("iscsi", fs=every), IQN)
    tpg = TPG(target, 1)
    target.delete()
    for view in (target.tpgs, tpg.luns):
        with pytest.raises(RTSLibNotInCFSError):
            list(view)
    with pytest.raises(RTSLibNotInCFSError):
        tpg.authenticate_target  # noqa: B018 - the read is the test


def test_without_a_target_tree_a_fabric_has_nothing_to_say(tmp_path: Path) -> None:
    fabric = FabricModule("iscsi", fs=HostConfigFS(str(tmp_path / "nothing")))
    with pytest.raises(RTSLibNotInCFSError, match="there is no target tree"):
        list(fabric.targets)
    with pytest.raises(RTSLibNotInCFSError, match="there is no target tree"):
        fabric.discovery_enable_auth  # noqa: B018 - the read is the test


# Modules of the running kernel


class Refusing:
    """The running kernel without the module of vhost, on a machine where modprobe may fail."""

    def __init__(self, fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch) -> None:
        fs.add_real_directory(SPECS)
        fs.create_file("/sbin/modprobe", st_mode=0o100755)
        fs.create_file("/proc/modules")
        fs.create_dir(TARGET_ROOT)
        self.ran: list[list[str]] = []
        self.fails = False
        monkeypatch.setattr(subprocess, "run", self.run)

    def run(self, argv: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        self.ran.append(argv)
        said = "modprobe: ERROR: could not insert: Operation not permitted"
        return subprocess.CompletedProcess(argv, int(self.fails), "", said)

    def fabric(self, number: int) -> FabricModule:
        def when(name: str, path: str) -> bool:
            return name == "mkdir" and path == "vhost" and (self.fails or not self.ran)

        return FabricModule("vhost", fs=Faulty(HostConfigFS(), number, when=when))


@pytest.fixture
def refusing(fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch) -> Refusing:
    return Refusing(fs, monkeypatch)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EINVAL, errno.EPERM])
def test_a_module_is_loaded_where_its_absence_can_be_the_reason(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    fabric = refusing.fabric(number)
    Target(fabric, "naa.5001405000000001")
    assert [argv[1] for argv in refusing.ran] == ["vhost_scsi"]
    assert fabric.exists


def test_nobody_but_root_is_told_that_root_is_needed(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PermissionError, match="this needs root") as caught:
        RTSRoot(refusing.fabric(errno.EACCES).fs).fabrics.ensure("vhost")
    assert (caught.value.errno, refusing.ran) == (errno.EACCES, [])


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.ENAMETOOLONG, errno.EIO])
def test_no_module_is_loaded_for_other_refusals(refusing: Refusing, number: int) -> None:
    fabric = refusing.fabric(number)
    with pytest.raises(KernelError) as caught:
        RTSRoot(fabric.fs).fabrics.create("vhost")
    assert (caught.value.errno, refusing.ran) == (number, [])


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EPERM])
def test_what_is_told_where_modprobe_fails(
    refusing: Refusing, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refusing.fails = True
    fabric = refusing.fabric(number)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(KernelError, match="cannot mkdir") as refused:
        RTSRoot(fabric.fs).fabrics.ensure("vhost")
    assert refused.value.errno == number
    assert isinstance(refused.value.__cause__, OSError)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(HostError, match="could not insert"):
        RTSRoot(fabric.fs).fabrics.ensure("vhost")


def test_cpus_allowed_list(every: FakeKernel) -> None:
    with use(every):
        every.mkdir("iscsi")
        fabric = FabricModule("iscsi")
        assert fabric.cpus_allowed_list == "0-1"
        fabric.cpus_allowed_list = "1"
        assert fabric.cpus_allowed_list == "1"
        every.mkdir("vhost")
        with pytest.raises(RTSLibNotInCFSError):
            FabricModule("vhost").cpus_allowed_list  # noqa: B018 - the read is the test


# Fabrics without a spec, and a vendor's


def test_a_fabric_that_has_no_spec_is_listed_and_can_do_nothing(
    every: FakeKernel, fs: FakeFilesystem
) -> None:
    fs.add_real_directory(SPECS)
    every.modules.add("qla2xxx_npiv")
    every.mkdir("qla2xxx_npiv")
    with use(every):
        (fabric,) = RTSRoot().fabrics
        assert RTSRoot().fabrics["qla2xxx_npiv"] == fabric
        assert (fabric.name, fabric.features, fabric.wwn_type) == (
            "qla2xxx_npiv",
            frozenset(),
            "free",
        )
        assert spec_of_group("qla2xxx_npiv").path == ""
        assert fabric.kernel_module == ""


VENDOR = """\
# Ports of virtual fabrics.
features = acls
wwn_type = naa
wwn_spelling = colons
kernel_module = vendor_target
configfs_group = qla2xxx_npiv
wwn_from_files = DIRECTORY/ports/*/name
hint = "call the vendor"
"""


def test_a_vendors_spec_gives_a_working_fabric(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "acme.spec"
    spec.write_text(VENDOR.replace("DIRECTORY", str(tmp_path)), encoding="utf-8")
    port = tmp_path / "ports" / "0" / "name"
    port.parent.mkdir(parents=True)
    port.write_text("0x50014050000000AA\n", encoding="utf-8")
    monkeypatch.setenv("RTSLIB_SPECS", str(tmp_path))
    host = FakeHost(ports={"qla2xxx_npiv": {"50:01:40:50:00:00:00:aa"}})
    with use(FakeKernel(host=host, modules=["qla2xxx_npiv"])):
        fabric = FabricModule("acme")
        assert fabric.spec_file == str(spec)
        assert "acme" in FabricModule.list_registered_drivers()
        assert fabric.wwns is not None
        (wwn,) = fabric.wwns
        assert wwn.lower() == "naa.50014050000000aa"
        target = Target(fabric, wwn)
        assert target.path.endswith("/qla2xxx_npiv/50:01:40:50:00:00:00:aa")
        tpg = TPG(target, 1)
        LUN(tpg, 0, RDMCPStorageObject("r", 4096))
        acl = NodeACL(tpg, "naa.5001405000000099")
        assert acl.node_wwn == "naa.5001405000000099"
        assert [found.name for found in RTSRoot().fabrics] == ["acme"]
        tpg.enable = True
        assert tpg.enable is True
    spec.unlink()
    assert "acme" not in FabricModule.list_registered_drivers()
    assert spec_of_group("qla2xxx_npiv").name == "qla2xxx_npiv"


def test_a_spec_that_is_edited_in_place_is_seen_by_handles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = tmp_path / "acme.spec"
    spec.write_text("features = acls\n", encoding="utf-8")
    monkeypatch.setenv("RTSLIB_SPECS", str(tmp_path))
    fabric = FabricModule("acme", fs=FakeKernel())
    assert fabric.features == {"acls"}
    with spec.open("a", encoding="utf-8") as file:
        file.write("wwn_type = naa\n")
    assert fabric.wwn_type == "naa"
    spec.write_text("features = acls, nexus\nwwn_type = eui\n", encoding="utf-8")
    assert fabric.wwn_type == "eui"
    assert fabric.features == {"acls", "nexus"}


def test_a_broken_spec_hides_no_good_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad.spec").write_text("features = flying\n", encoding="utf-8")
    monkeypatch.setenv("RTSLIB_SPECS", str(tmp_path))
    assert "bad" not in FabricModule.list_registered_drivers()
    assert FabricModule("iscsi", fs=FakeKernel()).name == "iscsi"
    with pytest.raises(SpecError, match=r"bad\.spec:1: unknown features 'flying'"):
        FabricModule("bad")


# Classes of single fabrics


@pytest.mark.parametrize("name", list(fabric_modules))
def test_a_fabric_has_a_class_of_its_own(every: FakeKernel, name: str) -> None:
    cls = fabric_modules[name]
    made = cls(fs=every)
    assert made == FabricModule(name, fs=every)
    assert made.name == cls.fabric == name
    assert issubclass(cls, FabricModule)
    assert [one for one in fabric_modules.values() if isinstance(made, one)] == [cls]
    assert type(made) is FabricModule


@pytest.mark.usefixtures("fake")
def test_fabrics_from_a_listing_are_of_their_class_too() -> None:
    Target(ISCSIFabricModule(), IQN)
    Target(FabricModule("tcm_fc"), "naa.5001405000000003")
    found = list(RTSRoot().fabrics)
    assert [isinstance(one, ISCSIFabricModule) for one in found] == [False, True]
    assert [isinstance(one, FCoEFabricModule) for one in found] == [True, False]
    assert not isinstance(RTSRoot(), ISCSIFabricModule)


# Names on disk


def test_names_in_any_spelling_are_found_at_the_cost_of_one_stat(every: FakeKernel) -> None:
    with use(every):
        fabric = FabricModule("tcm_fc")
        Target(fabric, "naa.50014050000000aa")
    for spelling in (
        "0x50014050000000AA",
        "50014050000000aa",
        "50:01:40:50:00:00:00:aa",
        "NAA.50014050000000AA",
        "50:01:40:50:00:00:00:AA",
        "naa.50014050000000aa",
    ):
        assert fabric.find_name("fc", spelling) == "50:01:40:50:00:00:00:aa"
    journal = Journal(every)
    assert FabricModule("tcm_fc", fs=journal).find_name("fc", "naa.50014050000000aa")
    assert journal.count() == {"kind": 1}
    assert fabric.find_name("fc", "naa.5001405000000000") == "50:01:40:50:00:00:00:00"


def test_an_error_in_a_search_for_a_name_is_ours(every: FakeKernel) -> None:
    fault = Faulty(every, errno.EIO, when=lambda name, _path: name == "kind")
    with pytest.raises(RTSLibError) as caught:
        FabricModule("iscsi", fs=fault).find_name("iscsi", IQN)
    assert caught.value.errno == errno.EIO
    assert caught.value.path == f"{every.root}/iscsi/{IQN}"
