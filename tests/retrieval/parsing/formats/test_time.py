"""What is cheap to write takes no long time to read."""

from __future__ import annotations

import json
import struct
import time

import pytest

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks
from retrieval.parsing.formats.plain.grids import Merge, SheetGrid, write_tables
from tests.retrieval.parsing.formats.reading import noted, read


@pytest.mark.parametrize(
    ("filename", "content", "said"),
    [
        ("a.html", "<style>" + '\\"' * 20_000 + "</style><p>Hi</p>", "Hi"),
        ("a.html", "<style>" + '"\\"' * 20_000 + "</style><p>Hi</p>", "Hi"),
        ("a.html", "<style>.x{content:'}'} .h{display:none}</style><p class=h>no</p><p>Hi</p>", "Hi"),
        ("a.md", "Hi " + "`<!--" * 40_000 + "-->", "Hi `<!--`"),
    ],
)
def test_hostile_text_takes_no_long_time(filename: str, content: str, said: str) -> None:
    begun = time.process_time()
    assert read(filename, content).text == said
    assert time.process_time() - begun < 4


def test_table_of_spans_takes_no_long_time() -> None:
    rows = "<tr><td>y</td></tr>" * 5_000
    begun = time.process_time()
    text = read("a.html", f"<table><tr><td colspan=1000 rowspan=65534>x</td></tr>{rows}</table>").text
    assert time.process_time() - begun < 8
    assert text.count("y") == 5_000


def test_regions_that_span_many_rows_take_no_long_time() -> None:
    merges = [Merge(0, column, 20_000, column + 1) for column in range(0, 16_000, 2)]
    rows = {row: {0: "x"} for row in range(1, 20_000)} | {0: dict.fromkeys(range(16_000), "x")}
    blocks = Blocks()
    begun = time.process_time()
    write_tables(blocks, SheetGrid(rows=rows, merges=merges))
    assert time.process_time() - begun < 8
    assert blocks.extracted().text.count("\n") == 19_999


@pytest.mark.parametrize(
    ("filename", "content"),
    [
        ("a.json", json.dumps({"k" * 1_000_000: [{"a": number} for number in range(3_000)]})),
        ("a.jsonl", json.dumps({"k" * 1_000_000: {str(number): number for number in range(3_000)}})),
    ],
)
def test_text_that_repeats_without_end_is_refused(filename: str, content: str) -> None:
    begun = time.process_time()
    with pytest.raises(ParsingError, match="more than 50,000,000 characters"):
        read(filename, content)
    assert time.process_time() - begun < 12


def test_notebook_in_a_language_with_a_long_name_takes_no_long_time() -> None:
    cells = [{"cell_type": "code", "source": "x"}] * 2_000
    begun = time.process_time()
    text = read("a.ipynb", json.dumps({"cells": cells, "metadata": {"language_info": {"name": "p" * 1_000_000}}})).text
    assert time.process_time() - begun < 4
    assert text.count("\nx\n") == 2_000


def test_tiff_of_pages_without_end_is_refused() -> None:
    tags = [(tag, 3, 1, 1) for tag in (256, 257, 258, 259, 262)] + [(273, 4, 1, 0), (277, 3, 1, 1), (279, 4, 1, 1)]
    fields = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    size = 2 + len(fields) + 4
    pages = (struct.pack("<H", len(tags)) + fields + struct.pack("<I", 8 + size * page) for page in range(1, 50_000))
    begun = time.process_time()
    with pytest.raises(ParsingError, match="more than 1,000 pages"):
        read("a.tiff", b"II*\0\10\0\0\0" + b"".join(pages))
    assert time.process_time() - begun < 4


def test_mail_with_a_long_header_and_many_parts_takes_no_long_time() -> None:
    head = f"Subject: {'=?utf-8?q?a?= ' * 50_000}\nContent-Type: multipart/mixed; boundary=a\n\n"
    begun = time.process_time()
    text = read("a.eml", head + "--a\nContent-Type: text/plain\n\nhello\n" * 5_000 + "--a--").text
    assert time.process_time() - begun < 8
    assert (text[:5], text.count("hello")) == ("aaaaa", 1_999)


def test_groups_of_rtf_without_end_are_noted() -> None:
    extracted = read("a.rtf", "{\\rtf1 one " + "{" * 100_000 + "deep" + "}" * 100_000 + " two}")
    assert (extracted.text, noted(extracted)) == ("one  two", {"parts": 1})


def test_menus_in_each_other_take_no_long_time() -> None:
    site = "<link rel=stylesheet href=x><header>x</header><footer>y</footer><nav>z</nav><p>hello</p>"
    begun = time.process_time()
    text = read("a.html", site + "<div class=nav>" * 100 + f"<b>{'word ' * 10_000}</b>" * 40).text
    assert time.process_time() - begun < 8
    assert text.count("word") == 400_000
