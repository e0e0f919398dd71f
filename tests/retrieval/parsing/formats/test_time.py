"""What is cheap to write takes no long time to read."""

from __future__ import annotations

import time

import pytest

from retrieval.parsing.formats.extracted import Blocks
from retrieval.parsing.formats.plain.grids import Merge, SheetGrid, write_tables
from tests.retrieval.parsing.formats.reading import read


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
