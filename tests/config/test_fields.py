# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""Tables held against data: every problem at once, each with its place; leniency; secrets."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import mutated

from rtslib.config.document import Document, parse
from rtslib.config.fields import (
    ABSENT,
    INVALID,
    REQUIRED,
    Checked,
    Reader,
    _Walk,
    check,
    json_schema,
    meant,
)
from rtslib.config.kinds import (
    BOOLEAN,
    INTEGER,
    TEXT,
    ListOf,
    MappingOf,
    Scalar,
    Variants,
    choice,
    integer,
    text,
)
from rtslib.config.table import Field, Table
from rtslib.errors import ConfigError, InvalidValueError

SECRET = "Xyzzy-Plugh-4711"


def needs_disk(made: dict[str, Any], reader: Reader) -> None:
    """A rule over two fields."""
    if made["size"] and "dev" not in made:
        reader.problem("a size without a device", "name the device", ("size",))


LUN = Table("lun", [Field("index", integer(0, 65535), "Its number.", REQUIRED)], doc="A LUN.")
FILE = Table(
    "fileio",
    [
        Field("plugin", choice("fileio"), default=REQUIRED),
        Field("name", text(empty=False), default=REQUIRED),
        Field("dev", TEXT, "Where it is.", aliases=("path", "udev_path")),
        Field("size", integer(0), default=0),
        Field("write_back", BOOLEAN, default=True),
        Field("attributes", MappingOf(), default={}),
    ],
    rules=[needs_disk],
)
MEMORY = Table(
    "ramdisk",
    [Field("plugin", choice("ramdisk")), Field("name", text(empty=False), default=REQUIRED)],
)
TOP = Table(
    "top",
    [
        Field(
            "storage_objects",
            ListOf(Variants("plugin", {"fileio": FILE, "ramdisk": MEMORY}), ("plugin", "name")),
            default=[],
        ),
        Field("luns", ListOf(LUN, ("index",))),
        Field("chap_password", text(longest=255), secret=True),
    ],
)


def told(data: Any, table: Any = TOP) -> tuple[list[str], list[str]]:
    """Return problems and warnings as text."""
    found = check(Document(data), table)
    return [str(it) for it in found.problems], [str(it) for it in found.warnings]


def test_what_is_right_comes_in_its_normal_form() -> None:
    data = {
        "luns": [{"index": "3"}],
        "storage_objects": [
            {"name": "a", "plugin": "ramdisk"},
            {"size": 5, "path": "/a", "name": "a", "plugin": "fileio", "write_back": "no"},
        ],
    }
    before = copy.deepcopy(data)
    found = check(Document(data), TOP)
    assert found == Checked(
        {
            "storage_objects": [
                {"plugin": "ramdisk", "name": "a"},
                {
                    "plugin": "fileio",
                    "name": "a",
                    "dev": "/a",
                    "size": 5,
                    "write_back": False,
                    "attributes": {},
                },
            ],
            "luns": [{"index": 3}],
        },
        [],
        [],
    )
    assert list(found.data) == ["storage_objects", "luns"]
    assert list(found.data["storage_objects"][1]) == [
        "plugin", "name", "dev", "size", "write_back", "attributes"
    ]  # fmt: skip
    assert data == before


def test_every_problem_is_told_at_once_with_its_line() -> None:
    document = parse(
        """{
  "storage_objects": [
    {"plugin": "fileio",
     "size": "big",
     "write_back": 2,
     "attributes": {"../x": 1, "ok": 1.5}},
    {"plugin": "scsi", "name": "x"},
    {"name": "x"},
    7,
    {"plugin": "fileio", "name": "f", "size": 1},
    {"plugin": "ramdisk", "name": "r"},
    {"plugin": "ramdisk", "name": "r"}
  ],
  "luns": [{"index": 70000}, {}, {"index": 1},
    {"index": 2}, {"index": "1"}],
  "chap_password": ["x"]
}""",
        "f",
    )
    found = check(document, TOP)
    assert [it.at("f") for it in found.problems] == [
        'f:3: storage_objects[0]: "name" is missing',
        'f:4: storage_objects[0].size: an integer was expected, not "big"',
        "f:5: storage_objects[0].write_back: true or false was expected, not 2",
        'f:6: storage_objects[0].attributes: "../x" cannot be the name of a setting',
        "f:6: storage_objects[0].attributes.ok: text was expected, not a number",
        'f:7: storage_objects[1].plugin: one of fileio, ramdisk was expected, not "scsi"',
        'f:8: storage_objects[2]: "plugin" is missing',
        "f:9: storage_objects[3]: an object was expected, not a number",
        "f:10: storage_objects[4].size: a size without a device; name the device",
        'f:12: storage_objects[6]: the same plugin "ramdisk" and name "r" as storage_objects[5]',
        "f:14: luns[0].index: 70000 is more than 65535",
        'f:14: luns[1]: "index" is missing',
        "f:15: luns[4]: the same index 1 as luns[2]",
        "f:16: chap_password: this secret cannot be used",
    ]
    assert found.warnings == []
    assert found.data["luns"] == [{}, {}, {"index": 1}, {"index": 2}, {"index": 1}]


def test_what_no_table_knows_is_kept_and_warned_about() -> None:
    document = parse('{"Luns": [],\n "zebra": {"a": [1]},\n "luns": [{"index": 0,\n "x": null}]}')
    found = check(document, TOP)
    assert found.problems == []
    assert [it.at("f") for it in found.warnings] == [
        "f:4: luns[0].x: this key is not known and does nothing",
        'f:1: Luns: this key is not known and does nothing; did you mean "luns"?',
        "f:2: zebra: this key is not known and does nothing",
    ]
    assert found.data == {
        "storage_objects": [],
        "luns": [{"index": 0, "x": None}],
        "Luns": [],
        "zebra": {"a": [1]},
    }


def test_null_is_as_good_as_nothing_where_nothing_is_needed() -> None:
    assert check(Document({"luns": None, "storage_objects": None}), TOP).data == {
        "storage_objects": []
    }
    assert told({"index": None}, LUN) == (['"index" is missing'], [])


def test_a_default_is_not_shared() -> None:
    one, other = (check(Document({}), TOP).data for _ in range(2))
    one["storage_objects"].append(1)
    assert other == {"storage_objects": []}


@pytest.mark.parametrize(
    ("data", "dev", "problems"),
    [
        ({"path": "/a"}, "/a", []),
        ({"udev_path": "/a", "dev": None}, "/a", []),
        ({"path": "/a", "dev": "/a"}, "/a", []),
        (
            {"path": "/a", "dev": "/b", "udev_path": "/b"},
            "/b",
            ['path: differs from "dev", which is another name of the same; keep "dev"'],
        ),
        ({"path": []}, None, ["path: text was expected, not a list"]),
    ],
)
def test_old_names_are_read(data: dict[str, Any], dev: str | None, problems: list[str]) -> None:
    data.update(plugin="fileio", name="x")
    assert told(data, FILE) == (problems, [])
    assert check(Document(data), FILE).data.get("dev") == dev


def test_rules_wait_for_fields() -> None:
    wrong = {"plugin": "fileio", "name": "", "size": 1}
    assert told(wrong, FILE) == (["name: must not be empty"], [])


@pytest.mark.parametrize("data", [None, [], "x", 1])
def test_what_is_no_object_is_told(data: Any) -> None:
    (problems, _) = told(data)
    assert len(problems) == 1
    assert problems[0].startswith("an object was expected, not ")
    assert check(Document(data), TOP).data is INVALID


def test_a_python_key_that_is_no_text_is_told() -> None:
    assert told({"luns": [], 7: 1}) == (["a key must be text, not a number"], [])
    assert told({7: 1}, MappingOf()) == (["7 cannot be the name of a setting"], [])


def test_a_table_names_nothing_twice() -> None:
    with pytest.raises(ValueError, match="a name stands twice in the table bad"):
        Table("bad", [Field("a", TEXT), Field("b", TEXT, aliases=("a",))])


def test_words_without_a_value_tell_their_names() -> None:
    assert [repr(it) for it in (INVALID, REQUIRED, ABSENT)] == ["INVALID", "REQUIRED", "ABSENT"]


def test_a_mistyped_word_is_recognized() -> None:
    assert meant("atributes", ("attributes", "name")) == 'did you mean "attributes"?'
    assert meant("x" * 1000, ("attributes", "name")) is None


def careless(value: str) -> str:
    """A check that repeats what it was given."""
    raise ValueError(f"cannot use {value!r}")


def cutting(value: str) -> str:
    """A check that repeats a part, in another case."""
    raise InvalidValueError("no", hint=f"try {value[4:9].upper()}")


def careful(value: str) -> str:
    """A check that says what it may."""
    assert value
    raise InvalidValueError("longer than 255 bytes", hint="shorten it")


@pytest.mark.parametrize(
    ("convert", "value", "message"),
    [
        (careless, SECRET, "this secret cannot be used"),
        (careless, "\x01\x02", "this secret cannot be used"),
        (careless, "é\x01", "this secret cannot be used"),
        (careless, 12345678, "this secret cannot be used"),
        (careless, [SECRET], "this secret cannot be used"),
        (careless, "", "cannot use ''"),
        (cutting, SECRET, "this secret cannot be used"),
        (careful, SECRET, "longer than 255 bytes; shorten it"),
    ],
)
def test_a_secret_is_never_told(convert: Any, value: Any, message: str) -> None:
    table = Table("t", [Field("s", Scalar(convert), secret=True)])
    assert told({"s": value}, table) == ([f"s: {message}"], [])
    assert told(
        {"s": {"a": value}}, Table("t", [Field("s", MappingOf(Scalar(convert)), secret=True)])
    ) == (
        [f"s.a: {message}"],
        [],
    )


def test_what_is_no_secret_is_told() -> None:
    assert told({"s": "ab"}, Table("t", [Field("s", Scalar(careless))])) == (
        ["s: cannot use 'ab'"],
        [],
    )


def test_the_schema_is_made_from_the_tables() -> None:
    lun = {"$ref": "#/$defs/lun"}
    assert json_schema(TOP, "A configuration") == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A configuration",
        "$ref": "#/$defs/top",
        "$defs": {
            "top": {
                "type": "object",
                "properties": {
                    "storage_objects": {
                        "type": "array",
                        "items": {
                            "oneOf": [
                                {
                                    "properties": {"plugin": {"const": "fileio"}},
                                    "required": ["plugin"],
                                    "$ref": "#/$defs/fileio",
                                },
                                {
                                    "properties": {"plugin": {"const": "ramdisk"}},
                                    "required": ["plugin"],
                                    "$ref": "#/$defs/ramdisk",
                                },
                            ]
                        },
                        "default": [],
                    },
                    "luns": {"type": "array", "items": lun},
                    "chap_password": {"type": "string", "maxLength": 255, "writeOnly": True},
                },
                "required": [],
            },
            "fileio": {
                "type": "object",
                "properties": {
                    "plugin": {"enum": ["fileio"]},
                    "name": {"type": "string", "minLength": 1},
                    "dev": {"type": "string", "description": "Where it is."},
                    "size": {"type": "integer", "minimum": 0, "default": 0},
                    "write_back": {"enum": [True, False, 1, 0], "default": True},
                    "attributes": {
                        "type": "object",
                        "propertyNames": {"pattern": "^[A-Za-z0-9_][A-Za-z0-9_.-]*$"},
                        "additionalProperties": {"type": ["string", "integer", "boolean"]},
                        "default": {},
                    },
                },
                "required": ["plugin", "name"],
            },
            "ramdisk": {
                "type": "object",
                "properties": {
                    "plugin": {"enum": ["ramdisk"]},
                    "name": {"type": "string", "minLength": 1},
                },
                "required": ["name"],
            },
            "lun": {
                "type": "object",
                "description": "A LUN.",
                "properties": {
                    "index": {
                        "type": "integer",
                        "minimum": 0,
                        "maximum": 65535,
                        "description": "Its number.",
                    }
                },
                "required": ["index"],
            },
        },
    }
    json.dumps(json_schema(TOP, "x"))


def test_a_table_may_hold_itself() -> None:
    fields: list[Field] = [Field("number", INTEGER)]
    tree = Table("tree", fields)
    inner: Any = Field("inner", ListOf(tree))
    fields.append(inner)
    schema = json_schema(tree, "t")["$defs"]["tree"]
    assert schema["properties"]["inner"]["items"] == {"$ref": "#/$defs/tree"}
    assert told({"inner": [{"inner": [{"number": "x"}]}]}, tree)[0] == [
        'inner[0].inner[0].number: an integer was expected, not "x"'
    ]


GOOD = {
    "storage_objects": [
        {"plugin": "fileio", "name": f"d{number}", "dev": "/d", "attributes": {"a": 1, "b": "c"}}
        for number in range(3)
    ],
    "luns": [{"index": number} for number in range(3)],
    "chap_password": SECRET,
    "note": "kept",
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["luns", "index", "plugin", "name", "size"]), inner)
    ),
    max_leaves=15,
)


@given(JSON, st.sampled_from(["luns", "storage_objects", "chap_password", "other"]))
def test_whatever_data_there_is_the_normal_form_is_its_own(data: Any, key: str) -> None:
    for value in (data, {**GOOD, key: data}):
        found = check(Document(value), TOP)
        if not found.problems:
            again = check(Document(found.data), TOP)
            # Not a number is never equal to itself, even if it is kept.
            assert repr(again) == repr(found)
        assert SECRET not in str(found.problems)


def test_damaged_files_have_reasons_with_lines_or_a_normal_form() -> None:
    source = json.dumps(GOOD, indent=1)
    verdicts = {"text": 0, "content": 0, "right": 0}
    for seed in range(1500):
        try:
            document = parse(mutated(source, seed), "f")
        except ConfigError:
            verdicts["text"] += 1
            continue
        found = check(document, TOP)
        verdicts["content" if found.problems else "right"] += 1
        for problem in (*found.problems[:50], *found.warnings[:50]):
            assert problem.line is not None, seed
            assert str(problem).isprintable(), seed
            assert "Xyzz" not in str(problem), seed
        if not found.problems:
            assert check(Document(found.data), TOP)[:2] == found[:2], seed
    assert min(verdicts.values()) > 150, verdicts


MAPPED = Table(
    "mapped_lun",
    [
        Field("index", integer(0, 255), default=REQUIRED),
        Field("alias", text(empty=False)),
        Field("secret", text(longest=16), secret=True),
        Field("write_protect", BOOLEAN, aliases=("ro",)),
        Field("depth", integer(0), default=7),
    ],
)


def many(**more: Any) -> list[dict[str, Any]]:
    """Return objects that are all right, the last of them with something more."""
    found = [{"index": n, "alias": f"link{n}", "depth": n % 2} for n in range(9)]
    found[-1].update(more)
    return found


@pytest.mark.parametrize(
    "last",
    [
        {},
        {"index": True},
        {"index": "3"},
        {"index": 1},
        {"index": 999},
        {"index": None},
        {"index": [1]},
        {"alias": ""},
        {"alias": {"x": 1}},
        {"secret": SECRET},
        {"secret": SECRET * 9},
        {"write_protect": 1},
        {"ro": False},
        {"unknown": 1},
        {"depth": -1},
    ],
)
@pytest.mark.parametrize("unique", [(), ("index",), ("index", "alias")])
def test_many_objects_at_once_are_read_as_each_would_be(
    last: dict[str, Any], unique: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Those that have all the same keys are read by the column, unless something is to be said.
    lists: list[Any] = [many(**last), [{**it, **last} for it in many()], [*many(), []], [{}] * 9]
    for data in (*lists, "x" * 9):
        quick = check(Document(data), ListOf(MAPPED, unique))
        with monkeypatch.context() as patch:
            patch.setattr(Table, "columns", lambda _self, _reader: None)
            assert quick == check(Document(data), ListOf(MAPPED, unique))


def test_many_objects_at_once_are_really_read_by_the_column() -> None:
    table = Table("lun", [Field("index", integer(0, 255), default=REQUIRED), Field("a", TEXT)])
    columns = table.columns(Reader([{"a": "x", "index": str(n)} for n in range(9)], _Walk()))
    assert columns == {"index": list(range(9)), "a": ["x"] * 9}
