"""A PDF as the reader shows it: pictures of its pages, the marked places over them, and its text to select."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.urls import reverse

from chatsite.documents.text import Marks
from retrieval.models import Document
from retrieval.pages.layout import Box, Line, boxes_of
from retrieval.pages.pages import WIDTHS, Contents, page_contents, page_lines, page_span, pages_between
from retrieval.texts import document_text

BEFORE, AFTER = 2, 6  # pages shown around the one that is asked for
MOST = 40  # of a quote


@dataclass(frozen=True, slots=True)
class Rectangle:
    """In points of the page, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line of the text layer; `gap` is what of the text stands between it and the next one."""

    text: str
    gap: str
    x: float
    baseline: float
    size: float
    length: float


@dataclass(frozen=True, slots=True)
class PrintedPage:
    """`label` is what is printed as its number, `lead` text in front of the first line. `quote` is what is marked on
    this page, `first` where it begins."""

    number: int
    label: str
    width: float
    height: float
    pictures: tuple[tuple[int, str], ...]  # width in pixels, address
    start: int
    lead: str
    lines: tuple[PrintedLine, ...]
    quoted: tuple[Rectangle, ...]
    found: tuple[Rectangle, ...]
    quote: str = ""
    first: bool = False
    place: bool = False


@dataclass(frozen=True, slots=True)
class PrintedWindow:
    """`previous_page` and `next_page` open the windows around this one; None at the document's ends."""

    pages: tuple[PrintedPage, ...]
    previous_page: int | None
    next_page: int | None


def printed_window(document: Document, *, marks: Marks) -> PrintedWindow:
    """Return the pages around what is marked. Raises PagesUnavailable."""
    total = len(document.page_starts)
    marked = pages_between(document, start=marks.start, end=max(marks.end, marks.start + 1))
    first = max(1, marked.start - BEFORE)
    last = min(total, max(marked.start + AFTER, min(marked.stop - 1, marked.start + MOST)))
    numbers = range(first, last + 1)
    contents, lines = page_contents(document), page_lines(document, pages=numbers)
    text = document_text(document, start=page_span(document, first)[0], end=page_span(document, last)[1])
    offset = page_span(document, first)[0]
    pages = []
    for number in numbers:
        start, end = page_span(document, number)
        page = text[start - offset : end - offset]
        pages.append(_page(document, number, contents, page, lines[number], marks))
    return PrintedWindow(
        tuple(pages),
        previous_page=max(1, first - AFTER + 1) if first > 1 else None,
        next_page=min(total, last + BEFORE + 1) if last < total else None,
    )


def _page(
    document: Document, number: int, contents: Contents, text: str, lines: Sequence[Line], marks: Marks
) -> PrintedPage:
    start, end = page_span(document, number)
    width, height = contents.sizes[number - 1]
    address = reverse("chatsite:document-page", args=[document.pk, number])
    pictures = tuple((pixels, f"{address}?width={pixels}&v={document.live_hash[:12]}") for pixels in WIDTHS)
    found = [
        place for place in marks.found if place[0] < end and place[1] > start and place != (marks.start, marks.end)
    ]
    quote = text[max(marks.start - start, 0) : max(marks.end - start, 0)]
    return PrintedPage(
        number,
        document.page_label(number),
        round(width, 1),
        round(height, 1),
        pictures,
        start,
        lead=text[: lines[0].start - start] if lines else text,
        lines=tuple(_lines(lines, text, start, width, height)),
        quoted=_rectangles(boxes_of(lines, start=marks.start, end=marks.end), width, height),
        found=tuple(
            rectangle
            for first, last in found
            for rectangle in _rectangles(boxes_of(lines, start=first, end=last), width, height)
        ),
        quote=quote,
        first=bool(quote) and marks.start >= start,
        place=marks.end <= marks.start and start <= marks.start < end,
    )


def _lines(lines: Sequence[Line], text: str, offset: int, width: float, height: float) -> Iterator[PrintedLine]:
    starts = [line.start - offset for line in lines] + [len(text)]
    for line, (_, following) in zip(lines, pairwise(starts), strict=True):
        tall = (line.bottom - line.top) * height
        yield PrintedLine(
            line.text,
            text[line.end - offset : following],
            x=round(line.edges[0] * width, 1),
            baseline=round(line.top * height + tall * 0.8, 1),
            size=round(max(tall * 0.86, 1.0), 1),
            length=round(max((line.edges[-1] - line.edges[0]) * width, 0.5), 1),
        )


def _rectangles(boxes: Sequence[Box], width: float, height: float) -> tuple[Rectangle, ...]:
    """Draw them a little larger than the letters are, as a marker pen draws."""
    return tuple(
        Rectangle(
            round(box.left * width - 1, 1),
            round(box.top * height - 0.5, 1),
            round((box.right - box.left) * width + 2, 1),
            round((box.bottom - box.top) * height + 1, 1),
        )
        for box in boxes
    )
