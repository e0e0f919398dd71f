"""Word documents as they print: headers, headings, numbered clauses, lists, tables, boxes; then notes and comments."""

from __future__ import annotations

from collections.abc import Iterator
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.office.drawings import write_linked_chart
from retrieval.parsing.formats.office.equations import M
from retrieval.parsing.formats.office.package import OfficePackage, open_package
from retrieval.parsing.formats.plain.encodings import decode
from retrieval.parsing.formats.plain.tables import TableRow, write_rows
from retrieval.parsing.formats.web.html import read_html_into
from retrieval.parsing.formats.word.grid import grid_of, is_layout, is_shown, row_cells, table_rows
from retrieval.parsing.formats.word.numbering import WordNumbering
from retrieval.parsing.formats.word.paragraphs import (
    LineReader,
    WordAside,
    WordLine,
    chosen_alternative,
    goes_on,
    mark_is,
    note_mark,
)
from retrieval.parsing.formats.word.styles import Styles, W, is_on
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from lxml.etree import _Element

_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_ALTERNATE = "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
_BLOCKS = {W + "p", W + "tbl", M + "oMathPara", W + "altChunk"}
_DELETED = {W + "del", W + "moveFrom"}
_FURNITURE = 12  # letters; what a header says besides the number of the page, if it is more


def read_word(path: Path) -> Extracted:
    blocks = Blocks()
    with open_package(path, ending="docx", notes=blocks.notes) as package:
        _Document(package, blocks).write()
        blocks.title = package.title() or blocks.title
        return blocks.extracted(dated=first_date(package.dates()))


class _Document:
    """A document that is written as blocks, one part after the other."""

    def __init__(self, package: OfficePackage, blocks: Blocks) -> None:
        self._package = package
        self._blocks = blocks
        self._main = package.main_part("docx")
        self._root = package.root(self._main)
        self._styles = Styles(self._part("styles"))
        self._numbering = WordNumbering(self._part("numbering"), self._styles)
        self._comments: dict[str, str] = {}
        self._after_item = False
        self._carried: list[str] = []  # of paragraphs that go on in the next
        self._drawn: set[str] = set()  # charts, diagrams and the like that have been read
        self._seen: set[str] = set()  # what headers and footers have said

    def write(self) -> None:
        """Append all that is shown. Raises ParsingError when there is no body."""
        bodies = self._root.findall(W + "body")
        if not bodies:
            raise ParsingError(_("The file is broken: it can't be read."))
        self._write_margins("headerReference")
        for body in bodies:
            self._write_story(body, self._main)
        self._write_margins("footerReference")
        self._write_notes("footnotes")
        self._write_notes("endnotes")
        self._write_comments()

    def _part(self, kind: str) -> _Element | None:
        """Return the part of which the document has one at most; None for none, or one that is broken."""
        names = self._package.related(self._main, kind)
        return self._package.root_or_note(names[0]) if names else None

    # ---- stories -----------------------------------------------------------------------------------------------------

    def _write_story(self, body: _Element, part: str) -> None:
        """Append what stands in the body."""
        reader = LineReader(body, self._styles, self._blocks.notes)
        self._write_blocks(body, reader, part)
        self._settle()
        self._comments |= reader.comments

    def _write_margins(self, kind: str) -> None:
        """Append each header or footer that sections show, once. Numbers of pages are left out."""
        targets = (self._package.target(self._main, reference) for reference in self._shown_margins(kind))
        for name in dict.fromkeys(filter(None, targets)):
            root = self._package.root_or_note(name)
            if root is None:
                continue
            with self._package.guarded(name):
                reader = LineReader(root, self._styles, self._blocks.notes, numbers_pages=True)
                numbers = 0
                for text in self._texts_of(root, reader, name):
                    flat = " ".join(text.split())
                    if flat not in self._seen and (reader.page_numbers == numbers or _says_something(flat)):
                        self._blocks.add(text)
                    self._seen.add(flat)
                    numbers = reader.page_numbers

    def _shown_margins(self, kind: str) -> Iterator[str | None]:
        """Yield the references to headers or footers that are shown: those of first pages by sections that set these
        apart, those of even pages where the document does. A section without one has that of the section before."""
        settings = self._part("settings")
        sets_even_apart = settings is not None and is_on(settings.find(W + "evenAndOddHeaders"))
        of_first = None
        for section in self._root.iter(W + "sectPr"):
            if section.getparent().tag == W + "sectPrChange":
                continue  # what it was before a tracked change
            for reference in section.iterchildren(W + kind):
                target, pages = reference.get(_R + "id"), reference.get(W + "type") or "default"
                if pages == "first":
                    of_first = target
                elif pages != "even" or sets_even_apart:
                    yield target
            if of_first is not None and is_on(section.find(W + "titlePg")):
                yield of_first

    def _write_notes(self, kind: str) -> None:
        """Append the footnotes or the endnotes, each behind its mark."""
        for name in self._package.related(self._main, kind):
            root = self._package.root_or_note(name)
            reader = LineReader(root, self._styles, self._blocks.notes) if root is not None else None
            for note in root if root is not None else ():
                if isinstance(note.tag, str) and note.get(W + "type") in (None, "normal"):  # separators have a type
                    with self._package.guarded(f"{name} {note.get(W + 'id')}"):
                        assert reader is not None
                        text = " ".join(" ".join(self._texts_of(note, reader, name)).split())
                        self._blocks.add(f"{note_mark(note)} {text}" if text else "")
            self._comments |= reader.comments if reader is not None else {}

    def _write_comments(self) -> None:
        """Append the comments on what was met, with who made them and the words they are about."""
        names = self._package.related(self._main, "comments") if self._comments else []
        for name in names:
            root = self._package.root_or_note(name)
            for comment in root.iterchildren(W + "comment") if root is not None else ():
                comment_id = comment.get(W + "id") or ""
                if comment_id not in self._comments:
                    continue
                with self._package.guarded(f"{name} {comment_id}"):
                    reader = LineReader(comment, self._styles, self._blocks.notes)
                    text = " ".join(" ".join(self._texts_of(comment, reader, name)).split())
                    author, about = comment.get(W + "author") or "", self._comments[comment_id]
                    head = f"Comment{f' by {author}' if author else ''}{f' on “{about}”' if about else ''}"
                    self._blocks.add(f"{head}: {text}" if text else "")

    # ---- blocks ------------------------------------------------------------------------------------------------------

    def _write_blocks(self, parent: _Element, reader: LineReader, part: str) -> None:
        for number, element in enumerate(self._blocks_of(parent), start=1):
            with self._package.guarded(f"{part} {number}"):
                if element.tag == W + "tbl":
                    self._settle()
                    self._write_table(element, reader, part)
                    self._after_item = False
                elif element.tag == W + "altChunk":
                    self._settle()
                    self._write_chunk(self._blocks, element, part)
                else:
                    self._write_paragraph(element, reader, part)

    def _blocks_of(self, parent: _Element) -> Iterator[_Element]:
        """Yield paragraphs, tables and displayed equations in order, also those in content controls and the like."""
        for child in parent:
            if not isinstance(child.tag, str):
                continue
            if child.tag in _BLOCKS:
                yield child
            elif child.tag == _ALTERNATE:
                for chosen in chosen_alternative(child):
                    yield from self._blocks_of(chosen)
            elif child.tag in _DELETED:
                self._blocks.notes.add("deleted_text")
            elif not child.tag.endswith("Pr"):
                yield from self._blocks_of(child)

    def _write_paragraph(self, paragraph: _Element, reader: LineReader, part: str) -> None:
        """Append a paragraph, and what is anchored in it behind. Some go on in the next."""
        line = reader.read(paragraph)
        if goes_on(paragraph):
            self._carried.append(line.text)
        else:
            text, is_item = self._labelled(paragraph, "".join([*self._carried, line.text]))
            self._carried = []
            self._add_text(paragraph, text, is_item)
        for aside in line.asides:
            self._write_aside(aside, reader, part)

    def _add_text(self, paragraph: _Element, text: str, is_item: bool) -> None:
        if not text.strip():
            return
        level = self._styles.heading_level(paragraph)
        self._blocks.add(text, level=level, close=is_item and self._after_item and not level)
        self._after_item = is_item and not level
        if self._styles.is_title(paragraph) and not self._blocks.title:
            self._blocks.title = text

    def _labelled(self, paragraph: _Element, text: str) -> tuple[str, bool]:
        """Return the text behind the number or dash that Word writes before the paragraph, and whether it has one."""
        if not text.strip() and mark_is(paragraph, "vanish"):
            return text, False
        label = self._numbering.label(paragraph)
        if label is None or not text.strip():
            return text, label is not None
        if label.is_bullet and self._styles.heading_level(paragraph):
            return text, False
        return f"{label.text}{label.separator}{text.lstrip()}", True

    def _settle(self) -> None:
        """Append what waited for a paragraph that didn't come."""
        carried, self._carried = "".join(self._carried), []
        self._blocks.add(carried)

    def _write_aside(self, aside: WordAside, reader: LineReader, part: str) -> None:
        self._after_item = False
        waiting, self._carried = self._carried, []
        if aside.kind == "box" and aside.element is not None:
            self._write_blocks(aside.element, reader, part)
            self._settle()
        elif aside.kind == "table" and aside.element is not None:
            self._write_table(aside.element, reader, part)
        elif aside.kind == "chart":
            self._write_chart(self._blocks, aside, part)
        else:
            for text in self._drawn_texts(aside, part):
                self._blocks.add(text)
        self._carried = waiting
        self._after_item = False

    def _write_chart(self, blocks: Blocks, aside: WordAside, part: str) -> None:
        if self._is_first(self._package.target(part, aside.value)):
            write_linked_chart(blocks, self._package, part, aside.value)

    def _drawn_texts(self, aside: WordAside, part: str) -> list[str]:
        """Return what is written in something drawn, a chart as one text."""
        if aside.kind == "text":
            return [aside.value]
        if aside.kind == "chart":
            chart = self._beside()
            self._write_chart(chart, aside, part)
            return ["; ".join(_cells_of(line) for line in chart.extracted().text.split("\n") if line)]
        name = self._package.target(part, aside.value)
        root = self._package.root_or_note(name) if name and self._is_first(name) else None
        if root is None:
            return []
        paragraphs = ("".join(text.text or "" for text in one.iter(_A + "t")) for one in root.iter(_A + "p"))
        return [text for text in paragraphs if text.strip()]

    def _is_first(self, name: str) -> bool:
        """Return whether a part is met for the first time."""
        if name in self._drawn:
            return False
        self._drawn.add(name)
        return True

    def _beside(self) -> Blocks:
        """Return room for what stands in a cell, a note or a header, and is noted with the rest."""
        blocks = Blocks()
        blocks.notes = self._blocks.notes
        return blocks

    def _write_chunk(self, blocks: Blocks, chunk: _Element, part: str) -> None:
        """Append a page of HTML that stands in the document as a part of its own; other kinds are noted."""
        name = self._package.target(part, chunk.get(_R + "id"))
        if not self._is_first(name):
            return
        content = self._package.read(name) if name else b""
        if name.endswith((".mht", ".mhtml", ".eml")):
            parts = message_from_bytes(content, policy=default).walk()
            pages = (one.get_payload(decode=True) for one in parts if one.get_content_type() == "text/html")
            content = next((page for page in pages if isinstance(page, bytes)), b"")
        elif not name.endswith((".htm", ".html", ".xhtml")):
            content = b""
        if content:
            read_html_into(blocks, decode(content))
        elif name:
            self._blocks.notes.add("attachments", name)

    # ---- tables ------------------------------------------------------------------------------------------------------

    def _write_table(self, table: _Element, reader: LineReader, part: str) -> None:
        """Append the rows; the content of the cells as blocks when the table only arranges them."""
        if not is_layout(table):
            rows = grid_of(table, self._blocks.notes, lambda cell: self._flat(cell, reader, part))
            write_rows(self._blocks, _below_first(rows))
            return
        for row in table_rows(table):
            for cell in row_cells(row) if is_shown(row, self._blocks.notes) else ():
                self._after_item = False
                self._write_blocks(cell, reader, part)
                self._settle()

    def _flat(self, parent: _Element, reader: LineReader, part: str) -> str:
        return " ".join(" ".join(self._texts_of(parent, reader, part)).split())

    def _texts_of(self, parent: _Element, reader: LineReader, part: str) -> Iterator[str]:
        """Yield what stands in a cell, a note or a header: a text for each paragraph, and one for each table in it."""
        carried: list[str] = []
        for element in self._blocks_of(parent):
            if element.tag == W + "tbl":
                yield self._table_text(element, reader, part)
            elif element.tag == W + "altChunk":
                chunk = self._beside()
                self._write_chunk(chunk, element, part)
                yield chunk.extracted().text
            else:
                line = reader.read(element)
                if goes_on(element):
                    carried.append(line.text)
                else:
                    yield self._labelled(element, "".join([*carried, line.text]))[0]
                    carried = []
                yield from self._aside_texts(line, reader, part)
        yield "".join(carried)

    def _table_text(self, table: _Element, reader: LineReader, part: str) -> str:
        """Return a table in a cell as one text."""
        rows = grid_of(table, self._blocks.notes, lambda cell: self._flat(cell, reader, part))
        return "; ".join(filter(None, (", ".join(filter(None, row)) for row in rows)))

    def _aside_texts(self, line: WordLine, reader: LineReader, part: str) -> Iterator[str]:
        for aside in line.asides:
            if aside.kind == "box" and aside.element is not None:
                yield from self._texts_of(aside.element, reader, part)
            elif aside.kind == "table" and aside.element is not None:
                yield self._table_text(aside.element, reader, part)
            else:
                yield from self._drawn_texts(aside, part)


def _below_first(rows: Iterator[list[str]]) -> Iterator[TableRow]:
    """Yield the rows; one with a single value keeps its place when the first row, as names do, has one there too."""
    first: list[str] | None = None
    for row in rows:
        first = row if first is None else first
        place = next((column for column, cell in enumerate(row) if cell), 0)
        named = place < len(first) and bool(first[place]) and sum(map(bool, first)) > 1
        yield TableRow(row, keeps_columns=named)


def _cells_of(line: str) -> str:
    """Return a row of a table without its bars."""
    return ", ".join(filter(None, (cell.strip() for cell in line.strip("| ").split(" | "))))


def _says_something(text: str) -> bool:
    """Return whether a line of a header says more than what stands around the number of a page."""
    return any(character.isdigit() for character in text) or sum(map(str.isalpha, text)) > _FURNITURE
