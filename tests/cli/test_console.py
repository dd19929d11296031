# SPDX-License-Identifier: Apache-2.0
# Copyright the rtslib authors
"""What is printed where: escapes, tables, colour, the bar, output that cannot take a name."""

from __future__ import annotations

import io
import json

import pytest

from rtslib.cli.console import Bar, Console, lenient, plain, table


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_names_of_others_cannot_steer_a_terminal() -> None:
    assert plain("a name") == "a name"
    assert plain("a\x1b[2Jb\n\udcff") == "a\\x1b[2Jb\\n\\udcff"


def test_a_table_has_numbers_to_the_right() -> None:
    lines = [*table(("NAME", "N"), [("a", 1), ("long name", 100), (None, 7)])]
    assert lines == ["NAME         N", "a            1", "long name  100", "             7"]
    assert [*table(("NAME",), [])] == []


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("ascii", "caf\u00e9", b"caf\\xe9"),
        ("ascii", "a\udcffb", b"a\xffb"),
        ("utf-8", "caf\u00e9 \udcff", b"caf\xc3\xa9 \xff"),
    ],
)
def test_any_name_can_be_printed(encoding: str, text: str, written: bytes) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    Console(stream, io.StringIO()).raw(text)
    stream.flush()
    assert raw.getvalue() == written


def test_a_stream_without_an_encoding_stays_as_it_is() -> None:
    stream = io.StringIO()
    assert lenient(stream) is stream


def test_results_are_text_or_data() -> None:
    out, err = io.StringIO(), io.StringIO()
    Console(out, err).result({"a": 1}, ["one", "two"])
    assert out.getvalue() == "one\ntwo\n"
    out = io.StringIO()
    console = Console(out, err, as_json=True)
    console.result({"a": "\udcff"}, ["one"])
    console.summary("done")
    assert json.loads(out.getvalue()) == {"a": "\udcff"}


def test_quiet_leaves_results_and_failures() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err, quiet=True)
    console.summary("done")
    console.remark("by the way")
    console.result([], ["result"])
    console.failure("no\nway")
    assert (out.getvalue(), err.getvalue()) == ("result\n", "no\\nway\n")


def test_summaries_and_remarks() -> None:
    out, err = io.StringIO(), io.StringIO()
    console = Console(out, err)
    console.summary("done")
    console.remark("by the way")
    assert (out.getvalue(), err.getvalue()) == ("done\n", "by the way\n")


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert Console(Terminal(), io.StringIO()).colour
    assert not Console(io.StringIO(), Terminal()).colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert not Console(Terminal(), io.StringIO()).colour
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not Console(Terminal(), io.StringIO()).colour


def test_a_drawing_is_neither_narrow_nor_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(io.StringIO(), io.StringIO())
    for columns, width in ((20, 60), (100, 100), (300, 120)):
        monkeypatch.setenv("COLUMNS", str(columns))
        assert console.width == width


def test_the_bar_comes_after_a_second_and_goes() -> None:
    times = iter([0.0, 0.5, 1.5, 1.55, 2.0])
    stream = Terminal()
    bar = Bar(stream, lambda: next(times))
    bar(1, 4)
    bar.clear()
    assert stream.getvalue() == ""
    bar(2, 4)
    bar(3, 4)
    assert stream.getvalue() == f"\r\x1b[K[{'#' * 20}{'.' * 20}] 2 of 4"
    bar(4, 4)
    bar.clear()
    assert stream.getvalue().endswith(f"[{'#' * 40}] 4 of 4\r\x1b[K")


def test_only_a_terminal_has_a_bar() -> None:
    with Console(io.StringIO(), Terminal()).progress() as tell:
        assert tell is not None
        tell(1, 2)
    with Console(io.StringIO(), Terminal(), quiet=True).progress() as tell:
        assert tell is None
    with Console(Terminal(), io.StringIO()).progress() as tell:
        assert tell is None
