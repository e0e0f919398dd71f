"""OpenDocument spreadsheets: a heading for each sheet, and its rows as it shows them."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.opendocument.body import BodyWriter
from retrieval.parsing.formats.opendocument.package import DC, DRAW, OFFICE, TABLE, TEXT, OpenDocument, open_document
from retrieval.parsing.formats.opendocument.paragraphs import plain_text
from retrieval.parsing.formats.opendocument.tables import add_row, times
from retrieval.parsing.formats.plain.grids import CELL_CHARACTERS, CellCount, SheetGrid, column_name, write_grid
from retrieval.reasons import gettext_noop as _

_DATE_IN_DIGITS = re.compile(r"[\d\s./:-]+")
_ROW, _SHEET = TABLE + "table-row", TABLE + "table"


def read_opendocument_sheets(path: Path) -> Extracted:
    """Return what an OpenDocument spreadsheet holds. Raises ParsingError."""
    blocks = Blocks()
    with open_document(path, ending="ods", notes=blocks.notes) as document:
        _SheetStream(blocks, document).read(document.read("content.xml"))
        blocks.title, dates = document.title_and_dates()
    return blocks.extracted(dated=first_date(dates))


class _SheetStream:
    """Reads the rows as a stream: a sheet may be long."""

    def __init__(self, blocks: Blocks, document: OpenDocument) -> None:
        self._blocks = blocks
        self._document = document
        self._count = CellCount()
        self._begin()

    def read(self, content: bytes) -> None:
        """Append the sheets. Where the content is broken, what stands before is kept, which is noted. Raises
        ParsingError when nothing does."""
        from lxml.etree import XMLSyntaxError, iterparse

        tags = (_ROW, _SHEET, TABLE + "table-column", TABLE + "shapes", OFFICE + "automatic-styles")
        source = io.BytesIO(content)
        options = {"resolve_entities": False, "no_network": True, "load_dtd": False}
        try:
            for _event, element in iterparse(source, events=("end",), tag=tags, **options):
                self._take(element)
        except XMLSyntaxError as error:
            if self._blocks.is_empty and not self._grid.rows:
                raise ParsingError(_("The file is broken: one of its parts is not well-formed XML.")) from error
            self._blocks.notes.add("parts", "content.xml")
            self._end("")

    def _begin(self) -> None:
        self._grid = SheetGrid()
        self._row = self._column = 0
        self._shapes: list[Any] = []
        self._comments: list[tuple[int, int, str]] = []

    def _take(self, element: Any) -> None:
        if any(ancestor.tag in (_ROW, TABLE + "shapes") for ancestor in element.iterancestors()):
            return  # a table on a shape, or in a cell
        if element.tag == OFFICE + "automatic-styles":
            self._document.learn_styles(element.getparent())
        elif element.tag == TABLE + "table-column":
            self._take_column(element)
        elif element.tag == TABLE + "shapes":
            self._shapes.append(element)
        elif element.tag == _ROW:
            self._take_row(element)
        elif element.getparent().tag == OFFICE + "spreadsheet":
            style = element.get(TABLE + "style-name")
            self._grid.hidden = self._document.style_property("table", style, TABLE + "display") == "false"
            self._end(element.get(TABLE + "name") or "")
            element.clear(keep_tail=False)

    def _take_column(self, column: Any) -> None:
        repeated = times(column, "number-columns-repeated")
        if column.get(TABLE + "visibility") in ("collapse", "filter"):
            self._grid.hidden_columns.append((self._column, self._column + repeated - 1))
        self._column += repeated

    def _take_row(self, row: Any) -> None:
        column = 0
        for cell in row.iterchildren(TABLE + "table-cell", TABLE + "covered-table-cell"):
            for child in cell if len(cell) else ():
                if child.tag == OFFICE + "annotation":
                    self._comments.append((self._row, column, _comment(child)))
                elif str(child.tag).startswith(DRAW):
                    self._shapes.append(child)
            column += times(cell, "number-columns-repeated")
        self._row = add_row(self._grid, row, self._row, self._shown, self._count)
        if not self._shapes or self._shapes[-1].getparent().getparent() is not row:
            row.clear(keep_tail=False)

    def _shown(self, cell: Any) -> str:
        """Return what the cell shows, which the file holds; a date in digits as ISO 8601."""
        lines = [plain_text(line, self._document) for line in cell.iterchildren(TEXT + "p", TEXT + "list")]
        text = "\n".join(filter(None, lines))[:CELL_CHARACTERS].strip()
        date = cell.get(OFFICE + "date-value") or ""
        if date and _DATE_IN_DIGITS.fullmatch(text) and len(re.findall(r"\d+", text)) >= 3:
            day, _t, time = date.partition("T")
            return f"{day} {time[:5]}" if time.strip("0:.") and ":" in text else day
        formula = cell.get(TABLE + "formula") or ""
        if text or not formula or cell.get(OFFICE + "value") or cell.get(OFFICE + "value-type") == "string":
            return text
        self._blocks.notes.add("formulas")
        return formula.partition(":")[2] if re.match(r"[a-z]+:=", formula) else formula

    def _end(self, name: str) -> None:
        """Append the sheet that has been read."""
        self._grid.name = name
        write_grid(self._blocks, self._grid)
        for number, (row, column, text) in enumerate(self._comments):
            shown = " ".join(self._grid.rows.get(row, {}).get(column, "").split())[:60]
            place = f"{column_name(column)}{row + 1}{f' ({shown})' if shown else ''}"
            self._blocks.add(f"Comment on {place}{text}", close=number > 0)
        writer = BodyWriter(self._blocks, self._document)
        for shapes in self._shapes:
            writer.add(shapes if shapes.tag == TABLE + "shapes" else [shapes])
        writer.finish()
        self._begin()


def _comment(annotation: Any) -> str:
    author = " ".join((annotation.findtext(DC + "creator") or "").split())
    return f"{f' by {author}' if author else ''}: {' '.join(plain_text(annotation).split())}"
