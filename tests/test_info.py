# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Info files: every recorded text parses, and no path can be mistaken for a label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import KERNELS, files

from rtslib import info
from rtslib.errors import InvalidValueError

HEAD = "Status: ACTIVATED  Max Queue Depth: 128  SectorSize: 512  HwMaxSectors: 1024\n"
RECORDED = sorted(
    {
        (file.parts[1].rpartition("_")[0], file.text)
        for kernel in KERNELS
        for file in files(kernel)
        if file.parts[0] == "core" and file.parts[-1] == "info" and file.text is not None
    }
)
#: What stands around a path or config in the text of its plugin, and what it is called.
AROUND = {
    "fileio": ("        TCM FILEIO ID: 3        File: ", "  Size: 99  Mode: O_DSYNC Async: 0\n"),
    "iblock": (
        "        iBlock device: sda1  UDEV PATH: ",
        "  readonly: 1\n        Major: 8 Minor: 1  CLAIMED: IBLOCK\n",
    ),
    "user": (
        "        Config: ",
        " Size: 99 MaxDataAreaMB: 8 DataPagesPerBlk: 1 CmdRingSizeMB: 8\n",
    ),
}
KEY = {"fileio": "path", "iblock": "path", "user": "config"}
NASTY = [
    "/plain",
    "/with blanks/and  two",
    "/with:colon: and, comma",
    "/ends with blank ",
    "/ends with blanks  ",
    "/Size: 5",
    "/x  Size: 5  Mode: Buffered-WCE Async: 1",
    "/x Size: 5 MaxDataAreaMB: 1 DataPagesPerBlk: 2 CmdRingSizeMB: 3",
    "/x  readonly: 0",
    "/x  readonly: 0  exclusive: 0",
    "/x  readonly: 0\n        Major: 1 Minor: 2",
    "/x UDEV PATH: /y",
    "/x  UDEV PATH: /y",
    "/File: /Config: ",
    "/line\nbreak",
    "/\udcff\udcfe",
]


def test_there_are_recorded_texts_of_all_plugins() -> None:
    assert {plugin for plugin, _ in RECORDED} == set(info._GRAMMARS)


@pytest.mark.parametrize(("plugin", "text"), RECORDED)
def test_every_recorded_text_parses(plugin: str, text: str) -> None:
    fields = info.parse(plugin, text, "x")
    assert fields["status"] in ("ACTIVATED", "DEACTIVATED")
    assert fields["sector_size"] in ("0", "512", "4096")
    assert set(fields) > set(info._GRAMMARS[plugin].groupindex)
    # What the text shows behind a label is what the field holds.
    for value in fields.values():
        assert value is None or value in text


def test_the_fields_of_one_text_of_each_plugin() -> None:
    found = {
        plugin: info.parse(plugin, text, "x")
        for plugin, text in RECORDED
        if text.startswith("Status: ACTIVATED")
    }
    assert found["fileio"]["path"] == "/mnt/fio/f0"
    assert (found["fileio"]["size"], found["fileio"]["mode"]) == ("16777216", "O_DSYNC")
    assert (found["iblock"]["path"], found["iblock"]["major"]) == ("/dev/zram0", "254")
    assert found["iblock"]["exclusive"] is None
    assert (found["rd_mcp"]["pages"], found["rd_mcp"]["page_size"]) == ("256", "4096")
    assert (found["pscsi"]["vendor"], found["pscsi"]["host_id"]) == ("Linux   ", "0")
    assert (found["user"]["config"], found["user"]["max_data_area_mb"]) == ("foo/bar", "1024")


@pytest.mark.parametrize("plugin", AROUND)
@pytest.mark.parametrize("path", NASTY)
def test_a_path_may_hold_anything(plugin: str, path: str) -> None:
    before, behind = AROUND[plugin]
    fields = info.parse(plugin, f"{HEAD}{before}{path}{behind}", "x")
    assert fields[KEY[plugin]] == path
    assert fields.get("size", "99") == "99"
    assert fields.get("readonly", "1") == "1"


@given(
    st.sampled_from(sorted(AROUND)),
    st.lists(st.sampled_from([*NASTY, "  ", " Size: 1", "  readonly: 1", "a"]), min_size=1),
)
def test_a_path_of_labels_in_any_order(plugin: str, parts: list[str]) -> None:
    path = "".join(parts)
    before, behind = AROUND[plugin]
    assert info.parse(plugin, f"{HEAD}{before}{path}{behind}", "x")[KEY[plugin]] == path


@pytest.mark.parametrize(
    ("behind", "exclusive"), [("", None), ("  exclusive: 0", "0"), ("  exclusive: 1", "1")]
)
def test_iblock_tells_exclusive_from_6_17_on(behind: str, exclusive: str | None) -> None:
    text = f"{HEAD}        iBlock device: sda  UDEV PATH: /dev/sda  readonly: 0{behind}\n"
    fields = info.parse("iblock", f"{text}        Major: 8 Minor: 0  CLAIMED: IBLOCK\n", "x")
    assert (fields["exclusive"], fields["path"]) == (exclusive, "/dev/sda")


@pytest.mark.parametrize(
    ("plugin", "body"),
    [
        ("fileio", "TCM FILEIO ID: 0        File: /x  Size: 4096  Mode: O_DSYNC"),
        ("user", "Config: h/x Size: 4096"),
        (
            "rd_mcp",
            (
                "TCM RamDisk ID: 0  RamDisk Makeup: rd_mcp\n"
                "        PAGES/PAGE_SIZE: 1*4096  SG_table_count: 1"
            ),
        ),
    ],
)
def test_fields_that_an_older_kernel_does_not_print_are_none(plugin: str, body: str) -> None:
    fields = info.parse(plugin, f"{HEAD}        {body}\n", "x")
    assert None in fields.values()
    assert fields["status"] == "ACTIVATED"


@pytest.mark.parametrize("plugin", info._GRAMMARS)
def test_a_head_alone_leaves_the_rest_none(plugin: str) -> None:
    fields = info.parse(plugin, HEAD, "x")
    assert fields["max_queue_depth"] == "128"
    assert {fields[name] for name in info._GRAMMARS[plugin].groupindex} == {None}


def test_of_an_unknown_plugin_the_head_is_read() -> None:
    fields = info.parse("tape", f"{HEAD}        Whatever: 1\n", "x")
    assert fields == {
        "status": "ACTIVATED",
        "max_queue_depth": "128",
        "sector_size": "512",
        "hw_max_sectors": "1024",
    }


@pytest.mark.parametrize(
    "text", ["", "Status\n", HEAD.rstrip("\n"), f"{HEAD}something else\n", HEAD.replace("512", "x")]
)
def test_what_does_not_follow_the_grammar_names_the_file(text: str) -> None:
    with pytest.raises(InvalidValueError, match="/t/core/fileio_0/f/info"):
        info.parse("fileio", text, "/t/core/fileio_0/f/info")
