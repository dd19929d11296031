# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What doc/_ext writes from the source: nothing is left out, and what it says is so."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import commands
import declarations
import failures
import modules
import observed
import overview
import pytest
import rst
import saveformat
import specfiles
from pages import TOP
from subjects import EXPORTED, OPEN, SUBJECTS

import rtslib
from rtslib import spec
from rtslib.attributes import ACL_ATTRIB, FIXED, FREE, ISCSI_PARAM, STORAGE_ATTRIB, TPG_ATTRIB
from rtslib.cli.commands import COMMANDS, COMMON
from rtslib.cli.explain import Exit
from rtslib.config.schema import schema
from rtslib.declare import Attr
from rtslib.errors import RTSLibError
from rtslib.hint_rules import RULES
from rtslib.node import MadeOf, Node
from rtslib.wwn import SPELLINGS, WWN_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGES = "".join(modules.page(name) for name in modules.PAGES)


def every_class(of: type[Node] = Node) -> Iterator[type[Node]]:
    """Yield a class of nodes and all below it."""
    yield of
    for cls in of.__subclasses__():
        yield from every_class(cls)


def subjects(name: str) -> Iterator[tuple[str, dict[str, observed.Facts]]]:
    """Yield the variants of a class that were looked at, and what was seen."""
    for number, it in enumerate(SUBJECTS):
        if it.cls.__name__ == name:
            yield it.variant, observed.facts(number)


# The reference


def test_every_public_name_has_an_entry() -> None:
    for module, name in modules.public():
        entry = rf":: {re.escape(module)}\.{name}$|:: {name}\n   :module: {re.escape(module)}$"
        assert re.search(entry, PAGES, re.MULTILINE), f"{module}.{name}"


def test_every_name_of_the_package_leads_to_its_entry() -> None:
    for name in rtslib.__all__:
        assert f":py:obj:`{name} <" in modules.page("model"), name


def test_every_module_is_on_a_page_or_left_out_for_a_reason() -> None:
    mentioned = {it for names in modules.modules().values() for it in names}
    for path in (TOP / "rtslib").rglob("*.py"):
        name = ".".join(path.relative_to(TOP).with_suffix("").parts).removesuffix(".__init__")
        assert (name in mentioned) != bool(modules._LEFT_OUT.match(name)), name


def test_every_declaration_has_an_entry_with_file_and_type() -> None:
    for cls in every_class():
        text = declarations.entries(cls)
        for name, it in vars(cls).items():
            if isinstance(it, declarations.DECLARED):
                entry = text.partition(f".. py:attribute:: {name}\n")[2].partition(".. py:")[0]
                assert ":Values: " in entry, (cls, name)
                assert not isinstance(it, Attr) or f":File: ``{it.file}``" in entry, (cls, name)


def test_what_a_private_base_has_is_the_class_s_own() -> None:
    text = PAGES.partition(":: rtslib.lun.MappedLUN\n")[2].partition("\n.. ")[0]
    assert "alias" in text
    assert "mapped_lun" in text
    (hidden, *_) = modules._hidden(rtslib.LUN)
    assert modules.public_bases([hidden]) == [MadeOf]


# What can be set when


def test_it_is_known_when_each_attribute_can_be_set() -> None:
    text = declarations.entries(rtslib.TPG)
    rtpi = text.partition("py:attribute:: rtpi\n")[2].partition(".. py:")[0]
    assert "In Linux 6.12, not in 6.1." in rtpi
    assert "TPG iscsi: while disabled; TPG loopback, TPG vhost, TPG sbp: any time" in rtpi


def test_every_attribute_that_a_recorded_kernel_has_was_looked_at() -> None:
    """The others are fabrics' or kernels' that were not recorded."""
    unseen = {
        f"{cls.__name__}.{name}"
        for cls in every_class()
        if cls.__module__.startswith("rtslib.")  # and not of another test
        for name, it in list(vars(cls).items())  # what is declared is found out meanwhile
        if isinstance(it, Attr) and not declarations._facts(cls, it)["Can be set"]
    }
    assert unseen == {
        "TPG.fabric_prot_type",  # QLogic's own
        "StorageObject.lba_map",  # has a form of its own
        "Backstore.info",  # nothing of an HBA is there to be set
    }


@pytest.mark.parametrize("kernel", observed.KERNELS)
def test_the_table_of_settings_says_when_as_the_kernel_does(kernel: str) -> None:
    frozen, fixed, seen = set(), set(), set()
    for _, found in subjects("StorageObject"):
        for file, facts in found.items():
            if file.startswith("attrib/") and kernel in facts.kernels:
                name, outcomes = file[7:], facts.outcomes[kernel]
                seen.add(name)
                can = {state: it in observed.SETTABLE for state, it in outcomes.items()}
                if can[OPEN] and not can[EXPORTED]:
                    frozen.add(name)
                if set(outcomes.values()) == {observed.Outcome.READ_ONLY}:
                    fixed.add(name)
    declared = {name: it.when for name, it in STORAGE_ATTRIB.items() if name in seen}
    assert frozen == {name for name, when in declared.items() if when == FREE}
    assert fixed == {name for name, when in declared.items() if when == FIXED}


@pytest.mark.parametrize(
    ("table", "known"),
    [
        ("storage", STORAGE_ATTRIB),
        ("tpg", TPG_ATTRIB),
        ("iscsi-param", ISCSI_PARAM),
        ("acl", ACL_ATTRIB),
    ],
)
def test_the_tables_have_all_settings_that_are_known(table: str, known: dict[str, object]) -> None:
    text = declarations.settings_table(table)
    assert {name for name in known if f"* - ``{name}``" not in text} == set()


def test_what_can_be_set_is_told_in_phrases() -> None:
    found = dict(subjects("StorageObject"))
    said = {name: observed.when(facts) for name, facts in found["fileio"].items()}
    assert said["enable"] == "before enabling, once"
    assert said["attrib/block_size"] == "while not exported"
    assert said["attrib/queue_depth"] == "after enabling, while not exported"
    assert said["attrib/emulate_tpu"] == "after enabling; before enabling it crashes 6.1"
    assert said["attrib/emulate_dpo"] == "taken and ignored"
    assert said["attrib/alua_support"] == "never"
    assert said["attrib/hw_block_size"] == "read-only"
    assert observed.when(found["block"]["attrib/pgr_support"]) == "any time; 6.1: never"
    (_, group), *_ = subjects("ALUATargetPortGroup")
    assert observed.when(group["alua_access_state"]) == "once it has an id"
    assert observed.when(group["tg_pt_gp_id"]) == "before it has an id, once"


@pytest.mark.parametrize(
    ("file", "doc", "unit"),
    [
        ("attrib/login_timeout", "Seconds a login may take.", "seconds"),
        ("trans_delay_msecs", "", "milliseconds"),
        ("attrib/block_size", "Logical block size in bytes.", "bytes"),
        ("attrib/max_data_area_mb", "Largest data area, MiB.", "MiB"),
        ("enable", "Whether initiators may log in.", ""),
    ],
)
def test_units_are_found_in_what_is_said(file: str, doc: str, unit: str) -> None:
    assert declarations.unit(file, doc) == unit


# Errors


def test_every_error_and_every_rule_of_advice_is_explained() -> None:
    assert set(failures.classes()) >= {
        it
        for it in map(rtslib.__dict__.get, rtslib.__all__)
        if isinstance(it, type) and issubclass(it, RTSLibError)
    }
    kinds = failures.kinds()
    assert all(f"~rtslib.errors.{it.__name__}`" in kinds for it in failures.classes())
    assert "``EBUSY`` ``ENOTEMPTY``" in kinds
    assert all(failures._says(rule) for rule in RULES)
    assert failures.advice().count("\n   * - ") == len(RULES) + 1
    assert "``login_timeout``\n     - 5 to 30 seconds" in failures.ranges()


# Manual pages


def test_the_manual_page_has_every_command_and_option() -> None:
    text = commands.commands() + commands.common_options()
    for command in COMMANDS:
        part = text.partition(f"\n| **targetctl** **{command.name}**")[2]
        assert rst.escaped(command.description) in part
        for argument in (*command.arguments, *COMMON):
            assert all(rst.bold(name) in text for name in argument.names if name[0] == "-")
    assert all(f"**targetctl** **{it.name}**" in commands.synopsis() for it in COMMANDS)
    assert all(f"**{int(it)}**" in commands.exit_status() for it in Exit)
    assert "**RTSLIB\\_CONFIGFS**" in commands.environment()
    assert "/run/rtslib.lock" in commands.files(TOP / "doc/targetctl.md")


def test_the_list_of_files_cannot_get_lost() -> None:
    with pytest.raises(ValueError, match="lists no files"):
        commands.files(TOP / "README.md")


def test_the_manual_page_has_every_key_of_the_saved_file() -> None:
    text = saveformat.objects()
    for definition in schema()["$defs"].values():
        for key in definition["properties"]:
            assert rst.bold(key) in text
    assert "integer 1 to 65535, default 3260" in text
    assert "(text, secret)" in text


def test_the_manual_page_of_spec_files_has_every_key_and_word() -> None:
    text = specfiles.manual(TOP / "specs/README")
    words = {*spec._LISTS, *spec._STRINGS, *spec.FEATURES, *WWN_TYPES, *SPELLINGS}
    assert {word for word in words if rst.bold(word) not in text} == set()
    assert "1. the directories in the environment variable" in text


def test_the_manual_page_of_the_library_has_its_classes() -> None:
    text = overview.classes()
    assert "**NetworkPortal**\n   An address and port." in text
    assert "BusyError" not in text
    assert "**BusyError**" in failures.listed()
    assert "NO\\_COLOR" not in overview.environment()
