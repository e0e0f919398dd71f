"""Notebooks, subtitles and source code."""

from __future__ import annotations

import json

import pytest

from retrieval.errors import ParsingError
from tests.retrieval.parsing.formats.reading import noted, outline, read


def notebook(*cells: dict[str, object], **more: object) -> str:
    language = {"language_info": {"name": "python"}}
    return json.dumps({"cells": cells, "metadata": language, "nbformat": 4} | more)


def test_notebook_is_its_cells_and_what_they_printed() -> None:
    outputs = [
        {"output_type": "stream", "text": ["1\n", "\x1b[31m2\x1b[0m\n"]},
        {"output_type": "display_data", "data": {"image/png": "x", "text/plain": "<Figure size 6x4 with 1 Axes>"}},
        {"output_type": "execute_result", "data": {"text/html": "<table>", "text/plain": "  a\n0 1"}},
        {"output_type": "error", "ename": "ValueError", "evalue": "bad", "traceback": []},
    ]
    extracted = read(
        "a.ipynb",
        notebook(
            {"cell_type": "markdown", "source": ["# Title\n", "Text"]},
            {"cell_type": "code", "source": "print('```')\n# no heading", "outputs": outputs},
            {"cell_type": "raw", "source": "raw"},
            {"cell_type": "markdown", "source": "## Sub"},
        ),
    )
    assert extracted.text == (
        "# Title\nText\n\n````python\nprint('```')\n# no heading\n````\n\n```\n1\n2\n```\n\n```\n  a\n0 1\n```\n\n"
        "```\nValueError: bad\n```\n\nraw\n\n## Sub"
    )
    assert outline(extracted) == [(1, "Title"), (2, "Sub")]
    assert extracted.text[extracted.headings[1].start :] == "## Sub"
    assert extracted.title == "Title"
    assert noted(extracted) == {"pictures": 1}


def test_old_notebook_is_read() -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": "Old"},
        {"cell_type": "code", "input": "x = 1", "outputs": []},
    ]
    extracted = read("a.ipynb", json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3}))
    assert extracted.text == "## Old\n\n```\nx = 1\n```"
    assert outline(extracted) == [(2, "Old")]


@pytest.mark.parametrize(
    "cell", [{}, None, 3, {"cell_type": "code", "outputs": 5}, {"cell_type": "code", "source": {}}]
)
def test_odd_cell_costs_itself_alone(cell: object) -> None:
    content = json.dumps({"cells": [cell, {"cell_type": "markdown", "source": "Kept."}]})
    assert read("a.ipynb", content).text == "Kept."


def test_what_is_no_notebook_is_refused() -> None:
    with pytest.raises(ParsingError, match="no Jupyter notebook"):
        read("a.ipynb", '{"a": 1}')


def test_subtitles_keep_their_times() -> None:
    srt = (
        "1\n00:00:01,000 --> 00:00:04,000\n<i>Hello</i> there.\nTwo\n\n2\n00:00:05,000 --> 00:00:06,000\n"
        "{\\an8}Three\n\n"
        "3\n00:01:05,500 --> 00:01:07,000\nThe gate code is 7733.\n"
    )
    extracted = read("a.srt", srt.replace("\n", "\r\n"))
    assert extracted.text == "[00:00:01] Hello there. Two\n[00:00:05] Three\n\n[00:01:05] The gate code is 7733."


def test_webvtt_names_who_speaks_and_leaves_out_notes_and_styles() -> None:
    vtt = (
        "WEBVTT\n\nNOTE gone\n\nSTYLE\n::cue{gone}\n\n00:01.000 --> 00:04.000 align:start\n<v Ada>Hi &amp; bye</v>\n\n"
        "id\n01:00:05.500 --> 01:00:07.000\nThe <c.x>gate</c> <00:06.000>opens.\n"
    )
    assert read("a.vtt", vtt).text == "[00:00:01] Ada: Hi & bye\n\n[01:00:05] The gate opens."


def test_subtitles_that_roll_up_say_each_line_once() -> None:
    vtt = "WEBVTT\n\n00:01.000 --> 00:02.000\nOne\n\n00:02.000 --> 00:03.000\nOne\nTwo\n"
    assert read("a.vtt", vtt).text == "[00:00:01] One\n[00:00:02] Two"


@pytest.mark.parametrize(
    ("filename", "content", "found"),
    [
        (
            "a.py",
            "class A:\n    def b(self): ...\nasync def c(): ...\n",
            [(1, "class A"), (2, "def b"), (1, "async def c")],
        ),
        ("a.ts", "export class A {\n}\nexport function b() {}\n", [(1, "export class A"), (1, "export function b")]),
        ("a.java", "public class A {\n", [(1, "public class A")]),
        ("a.go", "func (s *S) Foo() {}\ntype X struct {}\n", [(1, "func (s *S) Foo"), (1, "type X")]),
        ("a.rs", "pub fn x() {}\n", [(1, "pub fn x")]),
        ("a.sql", "CREATE TABLE x.y (a int);\n", [(1, "CREATE TABLE x.y")]),
        ("a.yaml", "a: 1\nb:\n  c: 2\n", [(1, "a"), (1, "b")]),
        ("a.toml", "[tool.x]\na = 1\n", [(1, "tool.x")]),
        ("a.css", ".a { color: red }\n", []),
        ("a.xml", '<?xml version="1.0"?>\n<a>Text</a>\n', []),
    ],
)
def test_source_code_is_kept_with_what_it_defines(filename: str, content: str, found: list[tuple[int, str]]) -> None:
    extracted = read(filename, content)
    assert extracted.text == content
    assert outline(extracted) == found


def test_source_code_is_read_in_the_encoding_that_it_declares() -> None:
    assert read("a.py", "# coding: latin-1\n# Größe 5 €\n".encode("cp1252")).text.endswith("Größe 5 €\n")
    xml = '<?xml version="1.0" encoding="Shift_JIS"?><a>髙橋</a>'
    assert read("a.xml", xml.encode("cp932")).text == xml
