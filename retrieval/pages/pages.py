"""The pages of a PDF or of a picture file as pictures, and where on them a quote stands.

pdfium and Pillow work in a child process (`retrieval.pages.rendering`) that has limits and is killed at them. What it
makes is kept on disk, by the file's hash, so that a page is drawn once; the oldest goes when there is too much of it.
"""

from __future__ import annotations

import json
import logging
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from retrieval.children import run_child
from retrieval.errors import PagesUnavailable
from retrieval.models import Document
from retrieval.pages import cache as page_cache
from retrieval.pages.drawer import seat_for
from retrieval.pages.layout import Line, lines_of
from retrieval.parsing.formats import FORMATS
from retrieval.reasons import gettext_noop as _
from retrieval.texts import document_text

logger = logging.getLogger(__name__)

WIDTHS = (800, 1600)  # pixels; a screen takes the one that is at least as wide as it shows


@dataclass(frozen=True)
class DrawingLimits:
    """What one picture, or the characters of a few pages, may cost."""

    seconds: float = 20
    cpu_seconds: int = 15
    memory_bytes: int = 1024**3


@dataclass(frozen=True, slots=True)
class Bookmark:
    """An entry of the outline that a PDF brings; `level` 1 is the top."""

    level: int
    title: str
    page: int


@dataclass(frozen=True, slots=True)
class Contents:
    """`sizes`: width and height of each page as it is shown: in points, a picture's in pixels."""

    sizes: tuple[tuple[float, float], ...]
    bookmarks: tuple[Bookmark, ...]


def has_pages(document: Document) -> bool:
    """Return whether its pages can be drawn: only those of a PDF or a picture, and not while its file is newer than the
    text that readers see."""
    is_drawn = _format_of(document) in ("pdf", "picture") and bool(document.page_count)
    return is_drawn and bool(document.live_hash) and document.live_hash == document.content_hash


def _format_of(document: Document) -> str:
    return FORMATS.get(document.filename.rpartition(".")[2].lower(), "")


def page_contents(document: Document) -> Contents:
    """Return the sizes of its pages and its bookmarks. Raises PagesUnavailable."""
    found = json.loads(_kept(document, "contents.json", {"do": "contents"}))
    sizes = tuple((max(width, 1.0), max(height, 1.0)) for width, height in found["sizes"])
    return Contents(sizes, tuple(Bookmark(*bookmark) for bookmark in found["bookmarks"]))


def render_page(document: Document, *, page: int, width: int) -> bytes:
    """Return the page as WebP, `width` pixels wide, one of WIDTHS. Raises PagesUnavailable."""
    if width not in WIDTHS or not 1 <= page <= (document.page_count or 0):
        raise PagesUnavailable(
            _("There is no page %(page)s of %(width)s pixels: its pages are drawn %(widths)s pixels wide."),
            page=str(page),
            width=str(width),
            widths=str(WIDTHS),
        )
    task = {"do": "picture", "page": page, "width": width}
    return _kept(document, f"{page}-{width}.webp", task)


def _kept(document: Document, name: str, task: dict[str, Any]) -> bytes:
    """Return what is kept under `name`; it is made and kept when it isn't there. Raises PagesUnavailable."""
    known = page_cache.read(document.live_hash, name)
    if known is None:
        page_cache.write(document.live_hash, name, known := _ask(document, name, task))
    return known


def page_lines(document: Document, *, pages: Iterable[int]) -> dict[int, list[Line]]:
    """Return the lines of these pages, each with its place: one child reads all that were not asked for before. Those
    of recognised pages are known.

    Raises PagesUnavailable.
    """
    pages = list(pages)
    recognised = _recognised_lines(document, pages)
    printed = [page for page in pages if page not in recognised and _format_of(document) == "pdf"]
    empty: dict[int, list[Line]] = {page: [] for page in pages}
    return empty | recognised | _printed_lines(document, printed)


def _printed_lines(document: Document, pages: Sequence[int]) -> dict[int, list[Line]]:
    name = f"{document.pk}-{document.live_generation}-{{}}.json".format
    lines = {page: page_cache.read(document.live_hash, name(page)) for page in pages}
    if missing := [page for page, known in lines.items() if known is None]:
        printed = json.loads(_ask(document, "characters", {"do": "characters", "pages": missing}))
        for page, (codes, boxes) in zip(missing, ((of["codes"], of["boxes"]) for of in printed), strict=True):
            made = _place(document, page, codes, boxes)
            lines[page] = encoded = json.dumps([asdict(line) for line in made]).encode()
            page_cache.write(document.live_hash, name(page), encoded)
    return {page: [_line_of(line) for line in json.loads(known or b"[]")] for page, known in lines.items()}


def page_span(document: Document, page: int) -> tuple[int, int]:
    """Return the characters at which the text of `page` begins and ends."""
    starts: list[int] = document.page_starts
    return starts[page - 1], starts[page] if page < len(starts) else document.characters


def pages_between(document: Document, *, start: int, end: int) -> range:
    """Return the pages that characters `start` to `end` are on, with those without text that lie between."""
    first = document.page_at(start) or 1
    return range(first, max(first, bisect_left(document.page_starts, end)) + 1)


def _recognised_lines(document: Document, pages: Sequence[int]) -> dict[int, list[Line]]:
    if not any(note.kind == "recognised_pages" for note in document.notes):
        return {}
    rows = document.recognised_pages.filter(generation=document.live_generation, page__in=pages)
    found = {}
    for row in rows.order_by("page"):
        offset, end = page_span(document, row.page)
        text = document_text(document, start=offset, end=end)
        found[row.page] = [
            Line(start, text[start - offset : end - offset], top, bottom, tuple(edges))
            for start, end, top, bottom, edges in row.lines
        ]
    return found


def _place(document: Document, page: int, codes: Sequence[int], boxes: Sequence[Sequence[float]]) -> list[Line]:
    start, end = page_span(document, page)
    width, height = page_contents(document).sizes[page - 1]
    text = document_text(document, start=start, end=end)
    return lines_of(text, offset=start, codes=codes, boxes=boxes, ratio=height / width)


def _line_of(found: dict[str, Any]) -> Line:
    return Line(**(found | {"edges": tuple(found["edges"])}))


# ---- the child -------------------------------------------------------------------------------------------------------
def _ask(document: Document, name: str, task: dict[str, Any], *, limits: DrawingLimits | None = None) -> bytes:
    """Return what the child answers to `task` on the document's file. What fails is noted under `name`, and not tried
    again for a while. Raises PagesUnavailable."""
    if page_cache.has_failed(document.live_hash, name):
        raise PagesUnavailable(_CANNOT)
    with seat_for(document):
        try:
            return _answer(document, task | {"of": _format_of(document)}, limits or DrawingLimits())
        except PagesUnavailable:
            page_cache.write_failure(document.live_hash, name)
            raise


def _answer(document: Document, task: dict[str, Any], limits: DrawingLimits) -> bytes:
    arguments = (str(Path(document.file.path)), json.dumps(task), json.dumps(asdict(limits)))
    try:
        done = run_child("retrieval.pages.rendering", *arguments, seconds=limits.seconds)
    except TimeoutError as error:
        raise PagesUnavailable(_("Drawing it took longer than %(seconds)s seconds."), seconds=limits.seconds) from error
    if done.status != 0:
        logger.warning("Drawing document %s ended with status %s: %s", document.pk, done.status, done.log)
        raise PagesUnavailable(_CANNOT)
    return done.output


_CANNOT = _("Its pages can't be drawn: the file may be broken, or need too much memory or time.")
