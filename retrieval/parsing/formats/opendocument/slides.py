"""OpenDocument presentations: a page for each slide, with its title as heading, its texts, tables and notes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.opendocument.body import BodyWriter
from retrieval.parsing.formats.opendocument.package import DRAW, OFFICE, PRESENTATION, OpenDocument, open_document
from retrieval.parsing.formats.opendocument.paragraphs import plain_text
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from lxml.etree import _Element

_UNSAID = ("page-number", "date-time")


def read_opendocument_slides(path: Path) -> Extracted:
    """Return what an OpenDocument presentation or drawing holds. Raises ParsingError."""
    blocks = Blocks()
    with open_document(path, ending="odp", notes=blocks.notes) as document:
        body = document.content().find(OFFICE + "body")
        pages = [page for part in (body if body is not None else ()) for page in part.iterchildren(DRAW + "page")]
        if not pages:
            raise ParsingError(_("It has no slides."))
        said: set[str] = set()
        for number, page in enumerate(pages, start=1):
            blocks.begin_page()
            _add_page(blocks, document, page, number, said)
        blocks.title, dates = document.title_and_dates()
    return blocks.extracted(dated=first_date(dates))


def _add_page(blocks: Blocks, document: OpenDocument, page: _Element, number: int, said: set[str]) -> None:
    """Append one slide; a hidden one is counted, as the program does, and noted."""
    style = page.get(DRAW + "style-name")
    if document.style_property("drawing-page", style, PRESENTATION + "visibility") == "hidden":
        blocks.notes.add("hidden_text", f"Slide {number}")
        return
    title = next((frame for frame in page.iter(DRAW + "frame") if _class(frame) == "title" and plain_text(frame)), None)
    blocks.add(" ".join(plain_text(title, document).split()) if title is not None else f"Slide {number}", level=1)
    writer = BodyWriter(blocks, document)
    for shape in page:
        kind = _class(shape)
        if kind in ("footer", "header"):
            text = plain_text(shape)
            if text and text not in said:
                said.add(text)
                blocks.add(text)
        elif shape is not title and kind not in _UNSAID and shape.tag != PRESENTATION + "notes":
            writer.add([shape])
    writer.finish()
    for notes in page.iterchildren(PRESENTATION + "notes"):
        frames = (frame for frame in notes.iter(DRAW + "frame") if _class(frame) == "notes")
        if text := "\n".join(filter(None, map(plain_text, frames))):
            blocks.add(f"Notes: {text}")


def _class(shape: _Element) -> str:
    return shape.get(PRESENTATION + "class") or ""
