"""What a browser shows in odd places of a page is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval.parsing.formats import extract


def read(folder: Path, page: str) -> str:
    (path := folder / "page.html").write_text(page)
    return " ".join(extract(path, filename="page.html", max_characters=100_000).text.split())


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<!doctype html><title>x</title><main><p>The fact.</p></main>", "The fact."),
        ("<article>The fact.</article><p>after</p>", "The fact. after"),
        ("<title>x</title><section><h2>Cost</h2><p>Five.</p></section>", "Cost Five."),
        ("<h2><button>What does it cost?</button></h2><p>Five euros.</p>", "What does it cost? Five euros."),
        ("<p>Read this.</p><button>Send</button>", "Read this."),
        ("<dialog open><p>Closed on Monday.</p></dialog><dialog><p>Sure?</p></dialog>", "Closed on Monday."),
    ],
)
def test_what_is_shown_is_read(tmp_path: Path, page: str, said: str) -> None:
    assert read(tmp_path, page) == said


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("<p>first" + "<div>" * 5_000 + "deep" + "</div>" * 5_000 + "<p>last", "first\n\ndeep\n\nlast"),
        ("".join(f"<font><p>{number}" for number in range(3_000)), "\n\n".join(map(str, range(3_000)))),
        ("<b>" * 3_000 + "a <i>b</i> c", "a b c"),
    ],
    ids=["blocks", "tags that are never closed", "inline"],
)
def test_page_that_is_nested_without_end_is_read_to_its_end(tmp_path: Path, page: str, said: str) -> None:
    path = tmp_path / "a.html"
    path.write_text(page)
    assert extract(path, filename="a.html", max_characters=1_000_000).text == said
