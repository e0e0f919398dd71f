"""Excel workbooks: a heading for each sheet, its rows as it shows them, its comments, and the words of its charts."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.office.cells import CellReader
from retrieval.parsing.formats.office.drawings import write_sheet_drawing
from retrieval.parsing.formats.office.package import OfficePackage, open_package
from retrieval.parsing.formats.office.sheet_comments import write_comments
from retrieval.parsing.formats.office.workbook import Workbook, load_workbook
from retrieval.parsing.formats.plain.grids import CellCount, SheetGrid, write_grid
from retrieval.reasons import gettext_noop as _


class _Sheet(NamedTuple):
    name: str
    part: str  # empty when it is missing
    hidden: bool


def read_sheets(path: Path) -> Extracted:
    """Return what a workbook holds, also a template and one with macros. Raises ParsingError."""
    blocks = Blocks()
    with open_package(path, ending="xlsx", notes=blocks.notes) as package:
        book = load_workbook(package)
        count = CellCount()
        read = [_add_sheet(blocks, package, book, _Sheet(*sheet), count) for sheet in book.sheets]
        if not any(read):
            raise ParsingError(_("The file is broken: none of its sheets can be read."))
        blocks.title = package.title()
        return blocks.extracted(dated=first_date(package.dates()))


def _add_sheet(blocks: Blocks, package: OfficePackage, book: Workbook, sheet: _Sheet, count: CellCount) -> bool:
    """Append the sheet and return whether it could be read; what can't be read of it is noted."""
    grid = SheetGrid(sheet.name, hidden=sheet.hidden)
    if not sheet.part:
        blocks.notes.add("parts", sheet.name)
        return False
    try:
        content = package.read(sheet.part)
    except ParsingError:
        blocks.notes.add("parts", sheet.part)
        return False
    reader = CellReader(book, grid, notes=blocks.notes, count=count)
    reader.read(content)
    write_grid(blocks, grid)
    for line in reader.printed_lines:
        blocks.add(line)
    write_comments(blocks, package, sheet.part, grid, book.people)
    for drawing in package.related(sheet.part, "drawing"):
        write_sheet_drawing(blocks, package, drawing)
    return True
