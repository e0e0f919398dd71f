"""PDF: the text of every page in the order of the file, with headings from the bookmarks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Extracted, clean, first_date
from retrieval.reasons import gettext_noop as _
from retrieval.text.headings import Heading

if TYPE_CHECKING:
    from pypdfium2 import PdfBookmark, PdfDocument, PdfPage

_BROKEN_WORD = re.compile("[\ufffe\x02]\r?\n?")  # how pdfium marks a hyphen at the end of a line
_LEADER = re.compile(r"[ \t]?(?:\.[ \t]?){5,}")
_SCAN_CHARACTERS = 40  # a picture that fills a page with less text than that over it is a scan with a stamp
_BOOKMARKS_LIMIT = 20_000
_BOOKMARK_LEVELS = 6
_TITLE_LINES = 3  # that a heading may be broken into
_EDGE_LINES = 2  # at the top and at the bottom, that may repeat on every page
_NUMBER = re.compile(r"\d{1,9}")


def read_pdf(path: Path) -> Extracted:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(path)
        pages, unread = [], []
        for number, page in enumerate(document, start=1):
            pages.append(_lines(page))
            if _is_picture(page, pages[-1]):
                unread.append(number)
            page.close()
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise ParsingError(_("It is protected by a password: save it without one.")) from error
        raise ParsingError(_("The file is broken: it can't be read as a %(format)s."), format="PDF") from error
    if not pages:
        raise ParsingError(_("It has no pages."))
    if not unread and not any(map(any, pages)):
        raise ParsingError(_("Its pages hold no text."))
    texts = ["\n".join(lines).strip() + "\n\n" for lines in _without_running_lines(pages)]
    starts = [0, *accumulate(len(text) for text in texts[:-1])]
    return Extracted(
        "".join(texts),
        page_starts=starts,
        headings=list(_headings(document, texts, starts)),
        dated=first_date(_dates(document)),
        unread_pages=unread,
    )


def _lines(page: PdfPage) -> list[str]:
    """Return the page's lines. A word broken by a hyphen at the end of a line is made whole; the dots of a table of
    contents become few."""
    textpage = page.get_textpage()
    text = _LEADER.sub(" … ", _BROKEN_WORD.sub("", textpage.get_text_bounded()))
    textpage.close()
    return [line.rstrip() for line in clean(text).strip().split("\n")]


def _is_picture(page: PdfPage, lines: Sequence[str]) -> bool:
    """Return whether what a reader sees on the page is a picture, so that its text is not all there."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    characters = sum(map(len, lines))
    if characters >= _SCAN_CHARACTERS:
        return False
    half = page.get_width() * page.get_height() / 2
    for picture in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]):
        left, bottom, right, top = picture.get_bounds()
        if not characters or (right - left) * (top - bottom) > half:
            return True
    return False


def _dates(document: PdfDocument) -> list[str]:
    """Return its dates, written as in ISO 32000-1, 7.9.4: D:YYYYMMDDHHmmSS."""
    return [document.get_metadata_value(key).removeprefix("D:") for key in ("ModDate", "CreationDate")]


# ---- headers and footers ---------------------------------------------------------------------------------------------


def _without_running_lines(pages: Sequence[list[str]]) -> list[list[str]]:
    """Return the pages without the lines that repeat at their edges, which would stand amid sentences that cross a
    page. The first of such lines is kept where it stands, if it says something."""
    edges = [_edges(lines) for lines in pages]
    said: set[str] = set()
    kept = []
    for number, lines in enumerate(pages):
        dropped = set()
        for index, (side, shape, numbers) in edges[number].items():
            if _is_running(edges, number, side, shape, numbers):
                if shape in said or not any(map(str.isalpha, shape)):
                    dropped.add(index)
                said.add(shape)
        kept.append([line for index, line in enumerate(lines) if index not in dropped])
    return kept


def _edges(lines: Sequence[str]) -> dict[int, tuple[str, str, list[int]]]:
    """Return the lines at the top and at the bottom by index: the side, the words without numbers, the numbers."""
    filled = [index for index, line in enumerate(lines) if line.strip()]
    sides = dict.fromkeys(filled[:_EDGE_LINES], "top") | dict.fromkeys(filled[-_EDGE_LINES:], "bottom")
    if len(filled) <= 2 * _EDGE_LINES:  # a page with that little on it has no edges
        sides = {}
    return {
        index: (side, " ".join(_NUMBER.sub("#", lines[index]).split()), [*map(int, _NUMBER.findall(lines[index]))])
        for index, side in sides.items()
    }


def _is_running(
    edges: Sequence[dict[int, tuple[str, str, list[int]]]], number: int, side: str, shape: str, numbers: list[int]
) -> bool:
    """Return whether two of the four pages around have this line too, with the same numbers or with numbers that count
    on as pages do."""
    alike = 0
    for distance in (-2, -1, 1, 2):
        if 0 <= number + distance < len(edges):
            alike += any(
                (other_side, other_shape) == (side, shape)
                and all(theirs - ours in (0, distance) for ours, theirs in zip(numbers, others, strict=True))
                for other_side, other_shape, others in edges[number + distance].values()
            )
    return alike >= 2


# ---- headings --------------------------------------------------------------------------------------------------------


def _headings(document: PdfDocument, texts: Sequence[str], starts: Sequence[int]) -> Iterator[Heading]:
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
