"""What is cheap to write takes no long time to read."""

from __future__ import annotations

import time

import pytest

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
