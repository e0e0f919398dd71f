"""Excel workbooks of other kinds than Open XML: .xls, whose numbers are shown by their formats, and .xlsb."""

from __future__ import annotations

import io
import logging
import struct
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks, Extracted
from retrieval.parsing.formats.office.number_formats import code_of, render
from retrieval.parsing.formats.plain.grids import (
    CELL_CHARACTERS,
    CellCount,
    Merge,
    SheetGrid,
    column_name,
    write_grid,
)
from retrieval.reasons import gettext_noop as _

_PASSWORD = _("It is protected by a password: save it without one.")
# What xlrd raises for broken workbooks, besides its own errors.
_BROKEN = (
    AssertionError, AttributeError, ArithmeticError, IndexError, KeyError, OSError, TypeError, ValueError, struct.error,
)  # fmt: skip

logger = logging.getLogger(__name__)


def read_old_workbook(path: Path) -> Extracted:
    """Return what an .xls holds. Where xlrd, which knows its formats of numbers, can't read it, its plain values.
    Raises ParsingError."""
    import xlrd

    blocks = Blocks()
    try:
        book = xlrd.open_workbook(str(path), formatting_info=True, ragged_rows=True, logfile=io.StringIO())
    except (xlrd.XLRDError, xlrd.compdoc.CompDocError, xlrd.formula.FormulaError, *_BROKEN) as error:
        if "encrypted" in str(error):
            raise ParsingError(_PASSWORD) from error
        logger.warning("%s: only plain values are read: %s", path.name, error)
        return _read_plain(path, ending="xls")
    codes = {number: known.format_str for number, known in book.format_map.items()}
    count = CellCount()
    for sheet in book.sheets():
        grid = _grid(book, sheet, codes, count)
        write_grid(blocks, grid)
        for number, ((row, column), note) in enumerate(sorted(sheet.cell_note_map.items())):
            shown = " ".join(grid.rows.get(row, {}).get(column, "").split())[:60]
            cell = f"{column_name(column)}{row + 1}{f' ({shown})' if shown else ''}"
            author = f" by {note.author}" if note.author else ""
            text = " ".join(note.text.split()).removeprefix(f"{note.author}:").strip()
            blocks.add(f"Comment on {cell}{author}: {text}", close=number > 0)
    return blocks.extracted()


def read_binary_workbook(path: Path) -> Extracted:
    """Return what an .xlsb holds, by the values of its cells: how they are shown is not read. Raises ParsingError."""
    return _read_plain(path, ending="xlsb")


def _read_plain(path: Path, *, ending: str) -> Extracted:
    """Return the values of the cells, and note sheets that are charts. Raises ParsingError."""
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    blocks = Blocks()
    broken = ParsingError(_("The file is broken: it can't be read as a %(format)s."), format=f".{ending}")
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            _add_sheets(blocks, book)
    except PasswordError as error:
        raise ParsingError(_PASSWORD) from error
    except (CalamineError, OSError, ValueError) as error:
        raise broken from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # of Rust, which is no Exception and can't be imported
            raise
        raise broken from error
    if blocks.is_empty:
        raise broken
    return blocks.extracted()


def _add_sheets(blocks: Blocks, book: Any) -> None:
    count = CellCount()
    for sheet in book.sheets_metadata:
        if str(sheet.typ).endswith("WorkSheet"):
            hidden = not str(sheet.visible).endswith("Visible")
            _add_plain(blocks, book, sheet.name, hidden=hidden, count=count)
        else:
            blocks.notes.add("parts", sheet.name)


def _add_plain(blocks: Blocks, book: Any, name: str, *, hidden: bool, count: CellCount) -> None:
    from python_calamine import CalamineError

    grid = SheetGrid(name, hidden=hidden)
    try:
        sheet = book.get_sheet_by_name(name)
        first_row, first_column = sheet.start or (0, 0)
        for number, row in enumerate(sheet.iter_rows(), start=first_row):
            cells = {column: text for column, value in enumerate(row, start=first_column) if (text := _plain(value))}
            if cells:
                count.take(cells.values())
                grid.rows[number] = cells
        grid.merges = [Merge(*first, *last) for first, last in sheet.merged_cell_ranges or ()]
    except CalamineError:
        blocks.notes.add("parts", name)
        return
    write_grid(blocks, grid)


def _grid(book: Any, sheet: Any, codes: dict[int, str], count: CellCount) -> SheetGrid:
    grid = SheetGrid(sheet.name, hidden=sheet.visibility != 0)
    for row in range(sheet.nrows):
        cells = dict(_shown_cells(book, sheet, row, codes))
        if cells:
            count.take(cells.values())
            grid.rows[row] = cells
    # xlrd gives the row and column behind the last ones.
    grid.merges = [Merge(top, left, bottom - 1, right - 1) for top, bottom, left, right in sheet.merged_cells]
    grid.hidden_rows = {row for row, known in sheet.rowinfo_map.items() if known.hidden}
    grid.hidden_columns = [(column, column) for column, known in sorted(sheet.colinfo_map.items()) if known.hidden]
    return grid


def _shown_cells(book: Any, sheet: Any, row: int, codes: dict[int, str]) -> Iterator[tuple[int, str]]:
    import xlrd

    for column, (kind, value) in enumerate(zip(sheet.row_types(row), sheet.row_values(row), strict=True)):
        if kind == xlrd.XL_CELL_TEXT:
            text = str(value)[:CELL_CHARACTERS].strip()
        elif kind in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
            style = sheet.cell_xf_index(row, column)
            number = book.xf_list[style].format_key if style < len(book.xf_list) else 0
            text = render(float(value), code_of(number, codes), since_1904=book.datemode == 1)
        elif kind == xlrd.XL_CELL_BOOLEAN:
            text = "TRUE" if value else "FALSE"
        elif kind == xlrd.XL_CELL_ERROR:
            text = str(xlrd.error_text_from_code.get(value, "#ERROR"))
        else:
            continue
        if text:
            yield column, text


def _plain(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return render(float(value), "General")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value)[:CELL_CHARACTERS].strip()
