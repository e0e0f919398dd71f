"""A book whose parts are partly broken is read, and says what is missing."""

from __future__ import annotations

from tests.retrieval import files
from tests.retrieval.parsing.formats.reading import noted, read


def test_book_has_its_title() -> None:
    assert read("a.epub", files.epub({"one": "<p>First.</p>"})).title == "Book"


def test_chapter_that_is_missing_costs_itself_and_is_noted() -> None:
    content = files.epub({"one": "<p>First.</p>", "two": "<p>Second.</p>"})
    broken = files.rewritten(content, "OEBPS/book.opf", "text/two.xhtml", "text/gone.xhtml")
    extracted = read("a.epub", broken)
    assert extracted.text == "First."
    assert noted(extracted) == {"parts": 1}


def test_broken_table_of_contents_costs_the_headings_alone() -> None:
    content = files.epub({"one": "<p>First.</p>"}, **{"OEBPS/toc.ncx": b"<ncx><navMap>"})
    package = '<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/></manifest>'
    extracted = read("a.epub", files.rewritten(content, "OEBPS/book.opf", "</manifest>", package))
    assert extracted.text == "First."
    assert noted(extracted) == {"parts": 1}
