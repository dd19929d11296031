# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Spec files: those shipped, on faked hardware; a vendor's; wrong ones; where they are found."""

from __future__ import annotations

import os
import pathlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtslib import paths
from rtslib import spec as specs
from rtslib.errors import InvalidValueError, SpecError

if TYPE_CHECKING:
    from pathlib import Path

    from pyfakefs.fake_filesystem import FakeFilesystem

SHIPPED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "specs")

NAMES = [
    "efct",
    "ibmvscsis",
    "iscsi",
    "loopback",
    "qla2xxx",
    "sbp",
    "srpt",
    "tcm_fc",
    "usb_gadget",
    "vhost",
    "xen-pvscsi",
]

FILES = sorted(name for name in os.listdir(SHIPPED) if name.endswith(".spec"))


@pytest.fixture(autouse=True)
def _no_specs_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RTSLIB_SPECS", raising=False)


@pytest.fixture
def machine(fs: FakeFilesystem) -> FakeFilesystem:
    """A machine without any hardware, and with the shipped specs."""
    fs.add_real_directory(SHIPPED)
    return fs


def write(directory: Path, name: str, text: str) -> str:
    path = directory / f"{name}.spec"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.fixture
def vendor(machine: FakeFilesystem, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that counts before all others."""
    machine.create_dir("/vendor")
    monkeypatch.setenv("RTSLIB_SPECS", "/not/there::/vendor")
    return pathlib.Path("/vendor")


# What is shipped


@pytest.mark.usefixtures("machine")
def test_what_is_shipped() -> None:
    assert list(specs.available()) == NAMES
    assert [
        spec.name for spec in specs.available().values() if isinstance(spec, specs.Spec)
    ] == NAMES


@pytest.mark.parametrize(
    ("name", "group", "modules", "types", "features"),
    [
        ("efct", "efct", "efct", "naa", "acls"),
        ("ibmvscsis", "ibmvscsis", "ibmvscsis", "free", ""),
        (
            "iscsi",
            "iscsi",
            "iscsi_target_mod",
            "iqn naa eui",
            "acls acls_tcq_depth auth cpus_allowed_list discovery_auth nps tpgts",
        ),
        ("loopback", "loopback", "tcm_loop", "naa", "nexus"),
        ("qla2xxx", "qla2xxx", "tcm_qla2xxx", "naa", "acls"),
        ("sbp", "sbp", "sbp_target", "eui", ""),
        ("srpt", "srpt", "ib_srpt", "ib", "acls"),
        ("ib_srpt", "srpt", "ib_srpt", "ib", "acls"),
        ("tcm_fc", "fc", "tcm_fc", "naa", "acls"),
        ("usb_gadget", "usb_gadget", "usb_f_tcm tcm_usb_gadget", "naa", "nexus"),
        ("vhost", "vhost", "vhost_scsi tcm_vhost", "naa", "acls nexus tpgts"),
        ("xen-pvscsi", "xen-pvscsi", "xen-scsiback", "naa", "nexus tpgts"),
    ],
)
@pytest.mark.usefixtures("machine")
def test_shipped_fabrics(name: str, group: str, modules: str, types: str, features: str) -> None:
    spec = specs.find(name)
    assert spec.configfs_group == group
    assert spec.kernel_modules == tuple(modules.split())
    assert spec.kernel_module == spec.kernel_modules[0]
    assert spec.wwn_types == tuple(types.split())
    assert spec.features == frozenset(features.split())
    assert spec.path.startswith(SHIPPED)


@pytest.mark.usefixtures("machine")
def test_no_shipped_spec_runs_a_shell() -> None:
    for name in NAMES:
        spec = specs.find(name)
        assert not spec.wwn_from_cmds
        assert not spec.wwn_from_cmds_filter
        assert not spec.wwn_from_files_filter


@pytest.mark.usefixtures("machine")
def test_features_by_either_name() -> None:
    iscsi = specs.find("iscsi")
    assert iscsi.has_feature("auth")
    assert iscsi.has_feature("acls_auth")
    assert not iscsi.has_feature("nexus")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("machine")
def test_a_machine_without_hardware(name: str) -> None:
    spec = specs.find(name)
    assert spec.wwns() == ([] if spec.has_fixed_wwns else None)
    any_name = {"iscsi", "loopback", "usb_gadget", "vhost", "xen-pvscsi"}
    assert spec.has_fixed_wwns == (name not in any_name)


def fc_host(fs: FakeFilesystem, number: int, device: str, port_name: str) -> None:
    port = f"{device}/host{number}/fc_host/host{number}"
    fs.create_file(f"{port}/port_name", contents=f"{port_name}\n")
    fs.create_symlink(f"/sys/class/fc_host/host{number}", port)


@pytest.fixture
def fc_machine(machine: FakeFilesystem) -> FakeFilesystem:
    """Two QLogic ports (one has an NPIV port on it), an Emulex port, an FCoE port."""
    pci = "/sys/devices/pci0000:00"
    for slot, driver in (("04:00.0", "qla2xxx"), ("04:00.1", "qla2xxx"), ("05:00.0", "efct")):
        os.makedirs(f"/sys/bus/pci/drivers/{driver}", exist_ok=True)
        machine.create_symlink(f"{pci}/{slot}/driver", f"/sys/bus/pci/drivers/{driver}")
    machine.create_dir("/sys/bus/fcoe")
    machine.create_symlink("/sys/devices/virtual/fcoe/ctlr_0/subsystem", "/sys/bus/fcoe")
    fc_host(machine, 7, f"{pci}/04:00.0", "0x21000024ff314c48")
    fc_host(machine, 8, f"{pci}/04:00.1", "0x21000024ff314c49")
    fc_host(machine, 9, f"{pci}/05:00.0", "0x10000090fa123456")
    fc_host(machine, 10, "/sys/devices/virtual/fcoe/ctlr_0", "0x2000001b21abcdef")
    fc_host(machine, 11, f"{pci}/04:00.0/host7/vport-7:0-0", "0x2101001b32a90001")
    return machine


@pytest.mark.parametrize(
    ("name", "wwns", "directory"),
    [
        (
            "qla2xxx",
            ["naa.21000024ff314c48", "naa.21000024ff314c49"],
            "21:00:00:24:ff:31:4c:48",
        ),
        ("efct", ["naa.10000090fa123456"], "10:00:00:90:fa:12:34:56"),
        ("tcm_fc", ["naa.2000001b21abcdef"], "20:00:00:1b:21:ab:cd:ef"),
    ],
)
@pytest.mark.usefixtures("fc_machine")
def test_fibre_channel_ports(name: str, wwns: list[str], directory: str) -> None:
    spec = specs.find(name)
    assert spec.wwns() == wwns
    assert spec.to_fabric(wwns[0]) == directory
    assert spec.from_fabric(directory) == wwns[0]
    assert spec.normalise(directory) == (wwns[0], "naa")


def test_infiniband_ports(machine: FakeFilesystem) -> None:
    gids = "/sys/class/infiniband/mlx4_0/ports"
    for port in (1, 2):
        machine.create_file(
            f"{gids}/{port}/gids/0", contents=f"fe80:0000:0000:0000:0002:c903:000e:8ac{port}\n"
        )
        machine.create_file(f"{gids}/{port}/gids/1", contents="0000:0000:0000:0000\n")
    spec = specs.find("ib_srpt")
    assert spec.wwns() == [
        "ib.fe800000000000000002c903000e8ac1",
        "ib.fe800000000000000002c903000e8ac2",
    ]
    assert spec.to_fabric("ib.fe800000000000000002c903000e8ac1") == (
        "0xfe800000000000000002c903000e8ac1"
    )
    assert spec.from_fabric("0xfe800000000000000002c903000e8ac1") == (
        "ib.fe800000000000000002c903000e8ac1"
    )


def test_firewire_ports(machine: FakeFilesystem) -> None:
    for number, local, guid in ((0, 0, "0x0011060000000abc"), (1, 1, "0x0011060000000def")):
        machine.create_file(f"/sys/bus/firewire/devices/fw{number}/is_local", contents=f"{local}\n")
        machine.create_file(f"/sys/bus/firewire/devices/fw{number}/guid", contents=f"{guid}\n")
    machine.create_file("/sys/bus/firewire/devices/fw2/is_local", contents="1\n")  # just unplugged
    spec = specs.find("sbp")
    assert spec.wwns() == ["eui.0011060000000def"]
    assert spec.to_fabric("eui.0011060000000def") == "0011060000000def"
    assert spec.from_fabric("0011060000000def") == "eui.0011060000000def"


def test_vio_ports(machine: FakeFilesystem) -> None:
    driver = "/sys/module/ibmvscsis/drivers/vio:ibmvscsis"
    machine.create_file(f"{driver}/30000002/devspec", contents="/vdevice/v-scsi-host@30000002\n")
    machine.create_file(f"{driver}/30000003/devspec", contents="/vdevice/v-scsi-host@30000003\0")
    assert specs.find("ibmvscsis").wwns() == ["30000002", "30000003"]


@pytest.mark.parametrize("file", FILES)
def test_listing_takes_any_directory_name(file: str) -> None:
    spec = specs.load(f"{SHIPPED}/{file}")

    @given(st.text("0123456789abcdefABCDEF:x.n") | st.text())
    def check(directory: str) -> None:
        back = spec.from_fabric(directory)
        assert back == directory or spec.to_fabric(back) == directory

    check()


# A vendor's file


def test_a_dropped_file_is_a_fabric(vendor: Path) -> None:
    write(
        vendor,
        "acme-fc",
        """
        # The classic form, with everything at its default.
        features = acls, acls_auth  # as older files have it
        wwn_type = naa
        wwn_spelling = bare
        """,
    )
    spec = specs.find("acme-fc")
    assert spec == specs.available()["acme-fc"]
    assert spec.kernel_modules == ("acme-fc_target_mod",)
    assert spec.configfs_group == "acme-fc"
    assert spec.features == {"acls", "auth"}
    assert spec.wwns() is None
    assert spec.to_fabric("naa.500140500000000A") == "500140500000000a"
    assert list(specs.available()) == sorted([*NAMES, "acme-fc"])


def test_defaults_are_the_classic_ones(tmp_path: Path) -> None:
    spec = specs.load(write(tmp_path, "plain", ""))
    assert spec.features == {"discovery_auth", "acls", "auth", "nps"}
    assert spec.wwn_types == ("free",)
    assert spec.wwn_spelling == "plain"
    assert spec.normalise("Any Name") == ("Any Name", "free")
    assert specs.load(write(tmp_path, "none", "features =\n")).features == frozenset()


def test_a_classic_file_with_a_filter(tmp_path: Path) -> None:
    for number, name in enumerate(("0x21000024ff314c48", "0x21000024ff314c49\0zzz", "junk")):
        (tmp_path / f"host{number}").mkdir()
        (tmp_path / f"host{number}" / "port_name").write_text(name, encoding="utf-8")
    path = write(
        tmp_path,
        "classic",
        f"""
        features = acls
        wwn_type = naa
        wwn_from_files = {tmp_path}/host[0-9]/port_name
        wwn_from_files_filter = "sed -e s/0x// -e 's/../&:/g' -e s/:$//"
        kernel_module = tcm_classic
        """,
    )
    spec = replace(specs.load(path), distrust="")
    # As the filter writes them: that is what the kernel is to see.
    assert spec.wwns() == ["21:00:00:24:ff:31:4c:48", "21:00:00:24:ff:31:4c:49"]
    assert spec.normalise(" 21:00:00:24:ff:31:4c:48 ") == ("21:00:00:24:ff:31:4c:48", "naa")
    assert spec.to_fabric("21:00:00:24:ff:31:4c:48") == "21:00:00:24:ff:31:4c:48"
    with pytest.raises(InvalidValueError):
        spec.normalise("junk")


def test_names_from_files_in_any_spelling(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("0x21000024ff314c48 naa.21000024FF314C48\n", encoding="utf-8")
    path = write(
        tmp_path,
        "spelled",
        f"wwn_type = naa\nwwn_spelling = colons\nwwn_from_files = {tmp_path}/na*, /not/there/*",
    )
    assert specs.load(path).wwns() == ["naa.21000024ff314c48", "naa.21000024FF314C48"]


def test_names_from_commands(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "commands",
        """
        wwn_from_cmds = echo one two, "printf 'three\\000four'"
        wwn_from_cmds_filter = "tr a-z A-Z | grep -v TWO"
        """,
    )
    spec = replace(specs.load(path), distrust="")
    assert spec.wwns() == ["ONE", "THREE", "FOUR"]


def test_a_failing_command_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, "failing", "wwn_from_cmds = echo so much for that >&2; exit 3\n")
    with pytest.raises(SpecError, match="failed with status 3: so much for that"):
        replace(specs.load(path), distrust="").wwns()


def test_a_hanging_command_is_ended(tmp_path: Path) -> None:
    path = write(tmp_path, "hanging", "wwn_from_cmds = sleep 100 | sleep 100\n")
    with pytest.raises(SpecError, match=r"took longer than 0\.1 seconds"):
        replace(specs.load(path), distrust="").wwns(timeout=0.1)


def test_commands_of_a_file_that_others_may_write_are_not_run(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    path = write(tmp_path, "open", f"wwn_from_cmds = touch {ran}\n")
    os.chmod(path, 0o666)
    with pytest.raises(SpecError, match="will not run 'touch") as caught:
        specs.load(path).wwns()
    assert caught.value.file == path
    assert not ran.exists()


# Wrong files


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("features = acls\nfeature = acls\n", 2, "unknown key 'feature': the keys are"),
        ("\n[section]\nfeatures = acls\n", 2, "unknown key 'section'"),
        ("# x\nfeatures = acls, alcs\n", 2, "unknown features 'alcs': acls, "),
        ("wwn_type = sas\n", 1, "unknown wwn_type 'sas'"),
        ("wwn_type =\n", 1, "names no type"),
        ("\n\nwwn_spelling = dots", 3, "unknown wwn_spelling 'dots': plain, "),
        ("wwn_spelling = 0x", 1, "only names of type naa, eui, ib are spelled 0x"),
        ("wwn_source = magic", 1, "unknown wwn_source 'magic': fc_host, "),
        ("wwn_source = fc_host:driver", 1, "wwn_source fc_host takes "),
        ("wwn_source = infiniband_gids:x", 1, "takes nothing, not 'x'"),
        ("wwn_source = vio_devspec:../..", 1, "wwn_source vio_devspec takes "),
        ("kernel_module = -r", 1, "kernel_module '-r' is not a plain name"),
        ("configfs_group = ../core", 1, "configfs_group '../core' is not a plain name"),
        ("name = a/b", 1, "name 'a/b' is not a plain name"),
        ("wwn_from_cmds_filter = tr a,b", 1, "put what has a comma in quotes"),
        ("features = acls\nfeatures = nps\n", 2, "Duplicate keyword name"),
        ("a line that says nothing\n", 1, "Invalid line"),
        ('features = acls\nname = "open\n', 2, ""),
    ],
)
def test_what_is_wrong_and_where(text: str, line: int, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, "wrong", text)
    with pytest.raises(SpecError) as caught:
        specs.load(path)
    assert (caught.value.file, caught.value.line) == (path, line)
    assert f"{path}:{line}: " in str(caught.value)
    assert message in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        specs.load(str(tmp_path / "none.spec"))
    (tmp_path / "binary.spec").write_bytes(b"features = \xff\xfe")
    with pytest.raises(SpecError, match="is not UTF-8"):
        specs.load(str(tmp_path / "binary.spec"))
    (tmp_path / "directory.spec").mkdir()
    with pytest.raises(SpecError, match="cannot be read: Is a directory"):
        specs.load(str(tmp_path / "directory.spec"))


def test_a_wrong_file_hides_no_other(vendor: Path) -> None:
    write(vendor, "wrong", "nonsense = 1\n")
    found = specs.available()
    assert sorted(found) == sorted([*NAMES, "wrong"])
    assert isinstance(found["wrong"], SpecError)
    assert specs.find("iscsi").name == "iscsi"
    assert specs.find("srpt").name == "srpt"
    with pytest.raises(SpecError, match="nonsense"):
        specs.find("wrong")


# Which file counts


def test_search_order(fs: FakeFilesystem, monkeypatch: pytest.MonkeyPatch) -> None:
    package = specs.search_path()[-1]
    fs.create_file(f"{package}/x.spec", contents="configfs_group = package")
    fs.create_file(f"{package}/.spec", contents="not a spec's name")
    fs.create_file(f"{package}/README", contents="nor this")
    for directory in reversed(("/a", "/b", *paths.SPECS)):
        monkeypatch.setenv("RTSLIB_SPECS", "/a:/b")
        fs.create_file(f"{directory}/x.spec", contents=f"configfs_group = g{directory[-1]}")
        assert specs.find("x").configfs_group == f"g{directory[-1]}"
        found = specs.available()
        assert found == {"x": specs.find("x")}


def test_package_data_of_an_installation(fs: FakeFilesystem) -> None:
    package = os.path.join(os.path.dirname(SHIPPED), "rtslib", "specs")
    assert specs.search_path()[-1] == SHIPPED
    fs.create_file(f"{package}/x.spec")
    assert specs.search_path()[-1] == package
    assert specs.find("x").name == "x"


def test_a_name_key_leads_to_the_file_that_replaced_it(vendor: Path) -> None:
    write(vendor, "ib_srpt", "features = acls\nconfigfs_group = srpt\n")
    assert specs.find("ib_srpt").path.startswith(str(vendor))
    assert specs.find("srpt") == specs.find("ib_srpt")


def test_a_files_own_name_comes_before_anothers_name_key(vendor: Path) -> None:
    path = write(vendor, "srpt", "features = acls\n")
    write(vendor, "other", "name = iscsi\n")
    assert specs.find("srpt").path == path
    assert specs.find("iscsi").path.startswith(SHIPPED)
    found = specs.available()
    assert list(found) == NAMES
    assert found["srpt"] == specs.find("srpt")
    assert found["iscsi"] == specs.find("iscsi")


@pytest.mark.usefixtures("machine")
def test_no_such_fabric() -> None:
    with pytest.raises(
        SpecError, match=r"no spec of a fabric 'nope' in /etc/rtslib/specs, .*specs"
    ):
        specs.find("nope")


def test_the_signature_changes_with_the_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTSLIB_SPECS", f"/not/there:{tmp_path}")
    os.utime(tmp_path, ns=(0, 0))
    before = specs.signature()
    assert specs.signature() == before
    path = write(tmp_path, "new", "")
    added = specs.signature()
    assert added != before
    os.utime(tmp_path, ns=(0, 0))
    before = specs.signature()
    os.remove(path)
    assert specs.signature() != before


def test_the_signature_changes_when_a_file_is_edited_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RTSLIB_SPECS", str(tmp_path))
    path = write(tmp_path, "new", "features = acls\n")
    (tmp_path / "gone.spec").symlink_to("/not/there")
    os.utime(path, ns=(0, 0))
    before = specs.signature()
    with open(path, "a", encoding="utf-8") as file:
        file.write("wwn_type = naa\n")
    os.utime(path, ns=(0, 0))
    longer = specs.signature()
    os.utime(path, ns=(1, 1))
    assert len({before, longer, specs.signature()}) == 3
