"""Headings of a PDF: its bookmarks, each at the line that says its title."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from retrieval.parsing.formats.extracted import clean
from retrieval.text.headings import Heading

if TYPE_CHECKING:
    from pypdfium2 import PdfBookmark, PdfDocument

_BOOKMARKS_LIMIT = 20_000
_BOOKMARK_LEVELS = 6
_TITLE_LINES = 3  # that a heading may be broken into


def read_headings(document: PdfDocument, *, texts: Sequence[str], starts: Sequence[int]) -> Iterator[Heading]:
    """Yield the bookmarks in the order of the text, each at the line that says its title, else where its page
    begins."""
    found: dict[int, Heading] = {}
    bookmarks = zip(document.get_toc(max_depth=_BOOKMARK_LEVELS), range(_BOOKMARKS_LIMIT), strict=False)
    for bookmark, _number in bookmarks:
        title = " ".join(clean(bookmark.get_title()).split())
        page = _page_of(bookmark)
        if title and page is not None and page < len(texts):
            start = starts[page] + _line_of(title, texts[page])
            found.setdefault(start, Heading(start, bookmark.level + 1, title))
    yield from sorted(found.values(), key=lambda heading: heading.start)


def _page_of(bookmark: PdfBookmark) -> int | None:
    destination = bookmark.get_dest()
    index: Any = destination.get_index() if destination is not None else None
    return index if isinstance(index, int) else None


def _line_of(title: str, text: str) -> int:
    """Return where the line begins that says the title, with or without a number in front of it; 0 when none does."""
    wanted = _letters(title)
    lines = text.split("\n")
    start = 0
    for index, line in enumerate(lines):
        said = _letters(line)
        if said and wanted.startswith(said[: len(wanted)]):
            said = _letters(" ".join(lines[index : index + _TITLE_LINES]))
        if wanted and said.lstrip("0123456789").startswith(wanted.lstrip("0123456789")):
            return start
        start += len(line) + 1
    return 0


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))
