"""OpenDocument texts: headings, lists, tables, boxes, notes, comments, and what is printed on the edges of pages."""

from __future__ import annotations

from pathlib import Path

from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.opendocument.body import BodyWriter
from retrieval.parsing.formats.opendocument.package import OFFICE, STYLE, OpenDocument, open_document
from retrieval.parsing.formats.opendocument.paragraphs import plain_text

_EDGES = {"header": "Header", "header-first": "Header", "header-left": "Header"}
_EDGES |= {"footer": "Footer", "footer-first": "Footer", "footer-left": "Footer"}


def read_opendocument(path: Path) -> Extracted:
    """Return what an OpenDocument text holds. Raises ParsingError."""
    blocks = Blocks()
    with open_document(path, ending="odt", notes=blocks.notes) as document:
        writer = BodyWriter(blocks, document)
        for body in document.content().iterfind(f"{OFFICE}body/{OFFICE}text"):
            writer.add(body)
        writer.finish()
        _add_edges(blocks, document)
        blocks.title, dates = document.title_and_dates()
    return blocks.extracted(dated=first_date(dates))


def _add_edges(blocks: Blocks, document: OpenDocument) -> None:
    """Append what the pages' headers and footers say, each once, unless it is a number alone."""
    if document.common is None:
        return
    said = set()
    for page in document.common.iterfind(f"{OFFICE}master-styles/{STYLE}master-page"):
        for edge in page:
            kind = _EDGES.get(str(edge.tag).removeprefix(STYLE))
            text = plain_text(edge) if kind and edge.get(STYLE + "display") != "false" else ""
            if any(map(str.isalpha, text)) and text not in said:
                said.add(text)
                blocks.add(f"{kind}: {' '.join(text.split())}")
