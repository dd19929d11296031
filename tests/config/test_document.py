# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""JSON with places: what is refused and where, the line of each value, files damaged by number."""

from __future__ import annotations

import codecs
import gzip
import json
import sys
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mutate import FAMILIES, mutated

from rtslib.config.document import Document, _quick, parse
from rtslib.config.problem import Path, Problem, spell
from rtslib.config.scan import MAX_DEPTH, MAX_DIGITS, scan
from rtslib.errors import ConfigError

EXPECTED_VALUE = "a value was expected"
EXPECTED_KEY = "a key in double quotes was expected"
EARLY = "the text ends too early: "
COMMENTS = "JSON has no comments"
QUOTES = 'text stands in double quotes: "..."'
CURLY = 'text stands in straight double quotes: "..."'
NOT_FINITE = "a number that is not finite"
NO_NAN = "JSON has no NaN and no Infinity"
UTF8 = "save it as UTF-8"

#: A text; then line, column, path, message and hint of its only fault.
WRONG: list[tuple[str | bytes, int, int, str, str, str | None]] = [
    ("", 1, 1, "", "empty: there is no JSON in it", None),
    (b"", 1, 1, "", "empty: there is no JSON in it", None),
    (" \r\n\t\n ", 3, 2, "", "empty: there is no JSON in it", None),
    (b"\xef\xbb\xbf", 1, 1, "", "empty: there is no JSON in it", None),
    # ends and separators
    ('{"a": 1,\n}', 1, 8, "", "a comma before the closing }", None),
    ("[1,\n 2 ,\n]", 2, 4, "", "a comma before the closing ]", None),
    ("[1, 2", 1, 6, "", EARLY + "a comma or ] was expected", None),
    ('{"a": 1\n', 2, 1, "", EARLY + "a comma or } was expected", None),
    ("[", 1, 2, "[0]", EARLY + EXPECTED_VALUE, None),
    ("{", 1, 2, "", EARLY + EXPECTED_KEY, None),
    ('{"a"', 1, 5, "a", EARLY + "a colon was expected after this key", None),
    ('{"a":', 1, 6, "a", EARLY + EXPECTED_VALUE, None),
    ("[1\n 2]", 2, 2, "", "a comma or ] was expected", None),
    ('{"a": 1\n "b": 2}', 2, 2, "", "a comma or } was expected", None),
    ('{"a" 1}', 1, 6, "a", "a colon was expected after this key", None),
    ("[,]", 1, 2, "[0]", EXPECTED_VALUE, None),
    ("[1,,2]", 1, 4, "[1]", EXPECTED_VALUE, None),
    ('{"a":1,,}', 1, 8, "", EXPECTED_KEY, None),
    ("[}", 1, 2, "[0]", EXPECTED_VALUE, None),
    ("{]", 1, 2, "", EXPECTED_KEY, None),
    ('{"a": [{"b": 1]}', 1, 15, "a[0]", "a comma or } was expected", None),
    ("{}\n{}", 2, 1, "", "something stands behind the end of the JSON", None),
    ("[1] // all", 1, 5, "", "something stands behind the end of the JSON", COMMENTS),
    ("1 2", 1, 3, "", "something stands behind the end of the JSON", None),
    # what people write that is no JSON
    ("# hello\n{}", 1, 1, "", EXPECTED_VALUE, COMMENTS),
    ('{\n  // hello\n "a": 1}', 2, 3, "", EXPECTED_KEY, COMMENTS),
    ("{'a': 1}", 1, 2, "", EXPECTED_KEY, QUOTES),
    ("{\u201ca\u201d: 1}", 1, 2, "", EXPECTED_KEY, CURLY),
    ("['a']", 1, 2, "[0]", EXPECTED_VALUE, QUOTES),
    ("{a: 1}", 1, 2, "", EXPECTED_KEY, None),
    ('{"a": True}', 1, 7, "a", EXPECTED_VALUE, "write true, in lower case"),
    ('{"a": False}', 1, 7, "a", EXPECTED_VALUE, "write false, in lower case"),
    ('{"a": None}', 1, 7, "a", EXPECTED_VALUE, "write null"),
    ("[tru]", 1, 2, "[0]", EXPECTED_VALUE, None),
    ("nullx", 1, 1, "", EXPECTED_VALUE, None),
    ("[1,\u00a02]", 1, 4, "[1]", EXPECTED_VALUE, "this is a no-break space: type a plain one"),
    ("\ufeff\ufeff1", 1, 1, "", EXPECTED_VALUE, None),
    # numbers
    ("[010]", 1, 2, "[0]", EXPECTED_VALUE, "a number is decimal, without zeros before it"),
    ("[0x10]", 1, 2, "[0]", EXPECTED_VALUE, "a number is decimal, without zeros before it"),
    ("[+1]", 1, 2, "[0]", EXPECTED_VALUE, "a number has no plus sign before it"),
    ("[.5]", 1, 2, "[0]", EXPECTED_VALUE, "a number begins with a digit"),
    ("[1.]", 1, 2, "[0]", EXPECTED_VALUE, None),
    ("[-]", 1, 2, "[0]", EXPECTED_VALUE, None),
    ("[1_0]", 1, 2, "[0]", EXPECTED_VALUE, None),
    ("[\u0661]", 1, 2, "[0]", EXPECTED_VALUE, None),
    ("[0, NaN]", 1, 5, "[1]", NOT_FINITE, NO_NAN),
    ("Infinity", 1, 1, "", NOT_FINITE, NO_NAN),
    ('{"a":\n-Infinity}', 2, 1, "a", NOT_FINITE, NO_NAN),
    ("[1e999]", 1, 2, "[0]", "too large a number", None),
    ("[-1e999]", 1, 2, "[0]", "too large a number", None),
    ("[" + "9" * 10000 + "]", 1, 2, "[0]", "a number of more than 100 characters", None),
    ("-" + "9" * MAX_DIGITS, 1, 1, "", "a number of more than 100 characters", None),
    ("0." + "1" * MAX_DIGITS, 1, 1, "", "a number of more than 100 characters", None),
    # text
    ('{"a": "b}', 1, 7, "a", 'the closing " of a text is missing', None),
    ('{"a', 1, 2, "", 'the closing " of a text is missing', None),
    ('["a\nb"]', 1, 4, "[0]", "a text ends at the line's end without its closing \"",
     "write a line break as \\n"),
    ('["a\tb"]', 1, 4, "[0]", "a control character (U+0009) in a text", "write it as an escape"),
    ('["\0"]', 1, 3, "[0]", "a control character (U+0000) in a text", "write it as an escape"),
    ('["a\\qb"]', 1, 4, "[0]", "a backslash that begins no escape", 'write it twice: "\\\\"'),
    ('["\\u12g4"]', 1, 3, "[0]", "a backslash that begins no escape", 'write it twice: "\\\\"'),
    ('["ab\\ud800"]', 1, 2, "[0]", "half of a character (U+D800) in the text", None),
    ('["\\udc00\\ud83d"]', 1, 2, "[0]", "half of a character (U+DC00) in the text", None),
    ('["\ud83d"]', 1, 2, "[0]", "half of a character (U+D83D) in the text", None),
    ('{"\\ud800": 1}', 1, 2, "", "half of a character (U+D800) in the text", None),
    # objects
    ('{"a": 1,\n "b": 2,\n "a": 3}', 3, 2, "a",
     "this key stands twice in its object: lines 1 and 3", None),
    ('{"x": [{"a": 1, "\\u0061": 3}]}', 1, 17, "x[0].a",
     "this key stands twice in its object: lines 1 and 1", None),
    # depth
    ("[" * MAX_DEPTH + "\n[", 2, 1, "", "more than 100 levels of objects and lists", None),
    ("[" * 200_000, 1, 101, "", "more than 100 levels of objects and lists", None),
    ('{"a":' * 101 + "1" + "}" * 101, 1, 501, "",
     "more than 100 levels of objects and lists", None),
    # encodings
    (codecs.BOM_UTF16_LE + "{}".encode("utf-16-le"), 1, 1, "", "this is UTF-16 text", UTF8),
    (codecs.BOM_UTF16_BE + "{}".encode("utf-16-be"), 1, 1, "", "this is UTF-16 text", UTF8),
    (codecs.BOM_UTF32_LE + "{}".encode("utf-32-le"), 1, 1, "", "this is UTF-32 text", UTF8),
    (codecs.BOM_UTF32_BE + "{}".encode("utf-32-be"), 1, 1, "", "this is UTF-32 text", UTF8),
    ("{}".encode("utf-16-le"), 1, 1, "", "this is UTF-16 or UTF-32 text", UTF8),
    ("{}".encode("utf-16-be"), 1, 1, "", "this is UTF-16 or UTF-32 text", UTF8),
    ("{}".encode("utf-32-be"), 1, 1, "", "this is UTF-16 or UTF-32 text", UTF8),
    (b'{\n "\xc3\xa9\xe9": 1}', 2, 4, "", "a byte that is no UTF-8", None),
    (b'\xef\xbb\xbf["\xed\xa0\x80"]', 1, 3, "", "a byte that is no UTF-8", None),
    (b'["\xc0\xaf"]', 1, 3, "", "a byte that is no UTF-8", None),
    (b"\x7fELF\x02\x01\x01\x00", 1, 8, "", "a zero byte: this is no text, or it was torn", None),
    (b'{"a": 1,\n' + bytes(512), 2, 1, "", "a zero byte: this is no text, or it was torn", None),
    (bytes(4096), 1, 1, "", "a zero byte: this is no text, or it was torn", None),
    (b"\0", 1, 1, "", "a zero byte: this is no text, or it was torn", None),
    (gzip.compress(b"{}", mtime=0), 1, 1, "", "this is a gzip file", "decompress it first"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "column", "path", "message", "hint"), WRONG)
def test_a_fault_has_its_place(
    text: str | bytes, line: int, column: int, path: str, message: str, hint: str | None
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "/etc/x.json")
    (problem,) = caught.value.problems
    assert spell(problem.path) == path
    assert problem[1:] == (line, message, hint, column)
    where = f"/etc/x.json:{line}:{column}: "
    assert str(caught.value) == where + (f"{path}: " if path else "") + message + (
        f"; {hint}" if hint else ""
    )
    assert caught.value.file == "/etc/x.json"


def test_faults_after_which_one_can_go_on_are_told_at_once() -> None:
    text = '{"a": NaN,\n "b": [1e999, 2,],\n "a": "\\ud800",\n "a": 0,\n "c": tru, "d": NaN}'
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert str(caught.value).splitlines() == [
        f"configuration:1:7: a: {NOT_FINITE}; {NO_NAN}",
        "configuration:2:8: b[0]: too large a number",
        "configuration:2:16: b: a comma before the closing ]",
        "configuration:3:2: a: this key stands twice in its object: lines 1 and 3",
        "configuration:3:7: a: half of a character (U+D800) in the text",
        "configuration:4:2: a: this key stands twice in its object: lines 1 and 4",
        f"configuration:5:7: c: {EXPECTED_VALUE}",
    ]


RIGHT = [
    ("1", 1),
    (b" [ ] ", []),
    (b'\xef\xbb\xbf{"a" : {}}', {"a": {}}),
    ("\ufeff[null]", [None]),
    (
        '\r\n[true,\tfalse , -0.5e+1, 1E2, -0, "\\u00e9\\n\\/"]',
        [True, False, -5.0, 100.0, 0, "é\n/"],
    ),
    ('"\\ud83d\\ude00"', "😀"),
    ('"\\\\ud800"', "\\ud800"),
    ("9" * MAX_DIGITS, int("9" * MAX_DIGITS)),
    ('{"a": {"a": 1}, "b": {"a": 1}}', {"a": {"a": 1}, "b": {"a": 1}}),
    ('{"": "\x7f\u2028"}', {"": "\x7f\u2028"}),
]


@pytest.mark.parametrize(("text", "data"), RIGHT)
def test_what_is_json_is_taken(text: str | bytes, data: Any) -> None:
    assert parse(text).data == data
    if isinstance(text, str):
        assert scan(text.lstrip("\ufeff"))[::2] == (data, [])


def test_a_hundred_levels_are_taken() -> None:
    document = parse("[" * MAX_DEPTH + "\n1" + "]" * MAX_DEPTH)
    assert document.place((0,) * MAX_DEPTH) == (2, 1)


def test_a_caller_far_down_the_stack_is_served() -> None:
    found: list[Any] = []

    def dig(levels: int) -> None:
        if levels:
            dig(levels - 1)
        else:
            found.append(parse("[" * 90 + "]" * 90).line((0,)))

    # A thread has a stack of its own: how far down it is does not depend on pytest.
    thread = threading.Thread(target=dig, args=(sys.getrecursionlimit() - 60,))
    thread.start()
    thread.join()
    assert found == [1]


def test_a_value_has_a_line_and_what_is_missing_that_of_its_holder() -> None:
    document = parse('\ufeff{"a":\r\n  [1,\r\n  {"é":\r\n "x", "b":2}]}', "f")
    assert document.name == "f"
    places = {
        (): (1, 1),
        ("a",): (2, 3),
        ("a", 0): (2, 4),
        ("a", 1): (3, 3),
        ("a", 1, "é"): (4, 2),
        ("a", 1, "b"): (4, 11),
        ("a", 1, "c", 7): (3, 3),
        ("a", 2): (2, 3),
        ("b",): (1, 1),
    }
    assert {path: document.place(path) for path in places} == places
    assert {path: document.line(path) for path in places} == {
        path: place[0] for path, place in places.items()
    }


def test_data_without_a_text_has_no_lines() -> None:
    document = Document({"a": 1})
    assert document.line(("a",)) is None
    assert document.place(()) is None


TREES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def lines(data: Any, path: Path = (), line: int = 1) -> tuple[dict[Path, int], int]:
    """Return the line of each value under ``indent=2``, and the last line; counted, not parsed."""
    found = {path: line}
    members = (
        data.items()
        if isinstance(data, dict)
        else enumerate(data)
        if isinstance(data, list)
        else ()
    )
    for key, value in members:
        inner, line = lines(value, (*path, key), line + 1)
        found.update(inner)
    return found, line + bool(data and isinstance(data, (dict, list)))


@given(TREES, st.booleans())
def test_what_was_written_is_read_and_each_value_has_its_line(data: Any, ascii_only: bool) -> None:
    text = json.dumps(data, indent=2, ensure_ascii=ascii_only)
    document = parse(text)
    assert document.data == data
    assert parse(text.encode()).data == data
    assert scan(text)[::2] == (data, [])
    wanted, last = lines(data)
    assert last == text.count("\n") + 1
    assert {path: document.line(path) for path in wanted} == wanted
    assert set(scan(text).offsets) == set(wanted)


@given(TREES, st.data())
def test_both_parsers_take_the_same(data: Any, draw: st.DataObject) -> None:
    text = json.dumps(data)
    at = draw.draw(st.integers(0, len(text)))
    end = draw.draw(st.integers(at, len(text)))
    agree(text[:at] + draw.draw(st.text('{}[]:,"\\ud8 \n-+.eE0N', max_size=3)) + text[end:])


def agree(text: str) -> None:
    """Hold the quick parser against the scanner."""
    found = scan(text)
    try:
        data = _quick(text)
    except (ValueError, RecursionError):
        # The quick one may be unsure, but of nothing that the scanner takes: save half characters.
        assert found.faults or "\\u" in text
    else:
        assert found.faults == []
        assert found.data == data


SECRET = "Xyzzy-Plugh-4711"
SEED = {
    "fabric_modules": [{"name": "iscsi", "discovery_password": SECRET, "enable": True}],
    "storage_objects": [
        {
            "name": f"disk{number}",
            "plugin": "fileio",
            "dev": f"/srv/disk {number}é.img",
            "size": 1 << 30,
            "attributes": {"block_size": 512, "emulate_tpu": 0, "alias": "a😀"},
        }
        for number in range(3)
    ],
    "targets": [
        {
            "fabric": "iscsi",
            "wwn": "iqn.2003-01.org.linux-iscsi:x",
            "tpgs": [{"tag": 1, "luns": [{"index": 0}], "node_acls": [{"chap_password": SECRET}]}],
        }
    ],
}


def test_damaged_files_are_refused_with_reasons_or_read() -> None:
    text = json.dumps(SEED, indent=2, ensure_ascii=False)
    taken = 0
    for seed in range(2000):
        data = mutated(text, seed)
        try:
            document = parse(data, "f")
        except ConfigError as error:
            explained(error, seed)
        else:
            taken += 1
            assert document.data == json.loads(data.decode("utf-8-sig")), seed
        if seed % 4 == 0:
            agree(data.decode("utf-8", "surrogateescape").lstrip("\ufeff"))
    assert 500 < taken < 1500


def explained(error: ConfigError, seed: int) -> None:
    """A refusal says what and where, on lines that can be printed, and keeps secrets."""
    assert error.problems, seed
    for problem in error.problems:
        assert isinstance(problem, Problem)
        assert problem.line is not None, seed
        assert problem.column is not None, seed
        assert min(problem.line, problem.column) >= 1, seed
        assert problem.message, seed
        assert str(problem).isprintable(), seed
        assert len(str(problem)) < 1000, seed
        assert "Xyzzy" not in str(problem), seed
        assert "Plugh" not in str(problem), seed


def test_the_damage_is_the_same_each_time_and_of_every_family() -> None:
    text = json.dumps(SEED)
    assert [mutated(text, seed) for seed in range(50)] == [
        mutated(text, seed) for seed in range(50)
    ]
    assert len({mutated(text, seed) for seed in range(300)}) > 250
    assert list(FAMILIES) == ["bytes", "structure", "types", "sizes", "encodings"]
