"""What stands in an OpenDocument text, on a slide or in a box: headings, paragraphs, lists, tables, objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import Blocks
from retrieval.parsing.formats.numbers import whole as whole_number
from retrieval.parsing.formats.opendocument.numbering import ListNumbers, list_numbering
from retrieval.parsing.formats.opendocument.package import (
    CHART,
    DRAW,
    HREF,
    OFFICE,
    PRESENTATION,
    TABLE,
    TEXT,
    OpenDocument,
)
from retrieval.parsing.formats.opendocument.paragraphs import SHAPES, plain_text, print_paragraph
from retrieval.parsing.formats.opendocument.tables import grid_of
from retrieval.parsing.formats.plain.grids import write_tables

if TYPE_CHECKING:
    from lxml.etree import _Element

_ITEMS = (TEXT + "list-item", TEXT + "list-header")
_TRANSPARENT = {TEXT + "section", TEXT + "index-body", TEXT + "index-title", DRAW + "text-box", DRAW + "g", DRAW + "a"}
_TRANSPARENT |= {
    TEXT + name
    for name in (
        "alphabetical-index",
        "illustration-index",
        "table-index",
        "object-index",
        "user-index",
        "bibliography",
    )
}
_PASSED = {TEXT + "table-of-content", PRESENTATION + "notes"}  # headings again; what the reader of slides reads


class BodyWriter:
    """Appends the elements of a body as blocks; footnotes and comments follow at the end, with `finish`."""

    def __init__(self, blocks: Blocks, document: OpenDocument) -> None:
        self._blocks = blocks
        self._document = document
        self._outline = ListNumbers(document.styles.get(("outline", "")))
        self._numbered: dict[str, ListNumbers] = {}
        self._footnotes: list[tuple[str, _Element]] = []
        self._comments: list[str] = []

    def add(self, elements: Iterable[_Element]) -> None:
        """Append what these elements show."""
        for element in elements:
            if element.tag == TEXT + "h":
                self._add_heading(element)
            elif element.tag == TEXT + "p":
                self._add_paragraph(element)
            elif element.tag == TEXT + "list":
                self._add_list(element)
            elif element.tag == TABLE + "table":
                self.add_table(element)
            elif element.tag == DRAW + "frame":
                self._add_frame(element)
            elif element.tag in _TRANSPARENT:
                self._add_section(element)
            elif element.tag in SHAPES:
                self.add(element)
            elif element.tag == TEXT + "tracked-changes":
                self._note_deletions(element)
            elif element.tag == OFFICE + "annotation":
                self._blocks.add(f"Comment: {plain_text(element)}")
            elif element.tag == TEXT + "numbered-paragraph":
                self._add_numbered(element)
            elif element.tag not in _PASSED and next(element.iter(TEXT + "p", TEXT + "h"), None) is not None:
                self.add(element)

    def finish(self) -> None:
        """Append footnotes, each behind its mark, and comments."""
        for mark, body in self._footnotes:
            self._note_frames(body)
            self._blocks.add(f"{mark} {' '.join(plain_text(body).split())}")
        for comment in self._comments:
            self._blocks.add(comment)
        self._footnotes, self._comments = [], []

    def add_table(self, table: _Element) -> None:
        """Append a table; what its cells say of notes and comments follows at the end."""
        write_tables(self._blocks, grid_of(table, self._cell))

    def _cell(self, cell: _Element) -> str:
        self._note_frames(cell)
        aside = (OFFICE + "annotation", TEXT + "note-body")
        paragraphs = (
            line for line in cell.iter(TEXT + "p", TEXT + "h") if next(line.iterancestors(*aside), None) is None
        )
        return " ".join(filter(None, (self._shown(paragraph)[0] for paragraph in paragraphs)))

    def _shown(self, paragraph: _Element) -> tuple[str, list[_Element]]:
        """Return a paragraph's text, and the shapes that hang on it."""
        printed = print_paragraph(paragraph, self._document)
        self._footnotes += printed.notes
        self._comments += printed.comments
        return printed.text, printed.anchored

    def _add_heading(self, heading: _Element) -> None:
        depth = min(max(whole_number(heading.get(TEXT + "outline-level")) or 1, 1), 99)
        unnumbered = heading.get(TEXT + "is-list-header") == "true"
        text, anchored = self._shown(heading)
        mark = "" if unnumbered or not text.strip() else self._outline.next_mark(depth)
        self._blocks.add(f"{mark} {text}".strip(), level=depth)
        self.add(anchored)

    def _add_paragraph(self, paragraph: _Element, *, mark: str = "", close: bool = False) -> bool:
        text, anchored = self._shown(paragraph)
        self._blocks.add(f"{mark} {text}" if mark and text.strip() else text, close=close)
        self.add(anchored)
        return bool(text.strip())

    def _add_list(self, whole: _Element) -> None:
        """Append the items of a list and of lists within, each on a line."""
        style = whole.get(TEXT + "style-name")
        continued = whole.get(TEXT + "continue-numbering") == "true" or whole.get(TEXT + "continue-list")
        key = style or ""
        numbering = self._numbered.get(key) if continued else None
        numbering = numbering or list_numbering(self._document, style)
        self._numbered[key] = numbering
        self._add_items(whole, numbering, 1, close=False)

    def _add_numbered(self, whole: _Element) -> None:
        """Append a paragraph that is numbered like an item of a list."""
        key = whole.get(TEXT + "list-id") or whole.get(TEXT + "style-name") or ""
        numbering = self._numbered.setdefault(key, list_numbering(self._document, whole.get(TEXT + "style-name")))
        mark = numbering.next_mark(min(max(whole_number(whole.get(TEXT + "level")) or 1, 1), 10))
        for child in whole:
            if child.tag == TEXT + "h":
                self._add_heading(child)
            elif child.tag == TEXT + "p":
                self._add_paragraph(child, mark=mark or "-")

    def _add_items(self, whole: _Element, numbering: ListNumbers, level: int, *, close: bool) -> bool:
        """Append the items and return whether the next one stands close to them."""
        for item in whole.iterchildren(*_ITEMS):
            start = item.get(TEXT + "start-value")
            mark = ""
            for child in item:
                if child.tag == TEXT + "list":
                    style = child.get(TEXT + "style-name")
                    inner = list_numbering(self._document, style) if style else numbering
                    close = self._add_items(child, inner, level + 1, close=close)
                elif child.tag in (TEXT + "p", TEXT + "h"):
                    if child.tag == TEXT + "h":
                        self._add_heading(child)
                        continue
                    if not mark and item.tag == _ITEMS[0]:
                        mark = numbering.next_mark(level, start=start) or "-"
                        close = self._add_paragraph(child, mark=mark, close=close) or close
                    else:
                        close = self._add_paragraph(child, close=close) or close
                else:
                    self.add([child])
        return close

    def _add_section(self, section: _Element) -> None:
        if section.get(TEXT + "display") == "none":
            self._document.notes.add("hidden_text")
            return
        self.add(section)

    def _add_frame(self, frame: _Element) -> None:
        """Append the text, table, chart or formula in a frame; a picture is counted."""
        for child in frame:
            if child.tag in (DRAW + "text-box", TABLE + "table"):
                self.add(child if child.tag == DRAW + "text-box" else [child])
                return
            if child.tag == DRAW + "object":
                self._add_object(child)
                return
            if child.tag == DRAW + "object-ole":
                self._document.notes.add("attachments", child.get(HREF) or "OLE")
                return
        if frame.find(DRAW + "image") is not None:
            self._document.notes.add("pictures")

    def _note_frames(self, element: _Element) -> None:
        """Note what stands in frames of a cell or a note, of which only the text is read."""
        for frame in element.iter(DRAW + "frame"):
            inside = next(frame.iter(DRAW + "object", DRAW + "object-ole"), None)
            if inside is not None:
                self._document.notes.add("parts", inside.get(HREF) or "object")
            elif frame.find(DRAW + "image") is not None and frame.find(DRAW + "text-box") is None:
                self._document.notes.add("pictures")

    def _add_object(self, element: _Element) -> None:
        root = element[0] if len(element) else self._document.object_root(element)
        if root is None:
            self._document.notes.add("parts", element.get(HREF) or "object")
        elif "MathML" in str(root.tag):
            self._blocks.add(_formula(root))
        else:
            chart = next(root.iter(CHART + "chart"), None)
            for title in chart.iterchildren(CHART + "title", CHART + "subtitle") if chart is not None else ():
                self._blocks.add(plain_text(title))
            for table in root.iter(TABLE + "table"):
                self.add_table(table)
            if chart is None and next(root.iter(TABLE + "table"), None) is None:
                self._document.notes.add("parts", element.get(HREF) or "object")

    def _note_deletions(self, changes: _Element) -> None:
        count = sum(1 for _deletion in changes.iter(TEXT + "deletion"))
        if count:
            self._document.notes.add("deleted_text", count=count)


def _formula(root: _Element) -> str:
    """Return a formula as it was typed, or its signs in a row."""
    typed = next((element.text for element in root.iter("{*}annotation") if element.text), None)
    return " ".join((typed or " ".join(root.itertext())).split())
