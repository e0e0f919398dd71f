"""Excel workbooks: a heading for each sheet that is shown, and its rows with the values, not the formulas."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from retrieval.errors import ParsingError
from retrieval.parsing.formats.archive import office_date, open_archive
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date
from retrieval.parsing.formats.plain.tables import write_table
from retrieval.reasons import gettext_noop as _

_CELLS_LIMIT = 2_000_000  # with something in them, in the whole workbook
_CELL_CHARACTERS = 32_767  # what Excel allows in one
_COLUMNS_LIMIT = 16_384  # what Excel allows in a sheet


def read_sheets(path: Path) -> Extracted:
    from openpyxl import load_workbook

    with open_archive(path, ending="xlsx") as archive:
        dates = office_date(archive)
    warnings.simplefilter("ignore")  # of what openpyxl would lose if it wrote the workbook
    blocks = Blocks()
    with path.open("rb") as file:  # by a name openpyxl would judge its ending
        _add_sheets(blocks, load_workbook(file, read_only=True, data_only=True, keep_links=False))
    return blocks.extracted(dated=first_date(dates))


def _add_sheets(blocks: Blocks, workbook: Any) -> None:
    cells_left = _CELLS_LIMIT
    for sheet in workbook.worksheets:
        if sheet.sheet_state != "visible":
            continue
        blocks.add(sheet.title, level=1)
        sheet.reset_dimensions()  # some writers state too small ones, and what lies outside would be lost
        for table in _tables(_rows(sheet)):
            cells_left -= sum(sum(map(bool, row)) for row in table)
            if cells_left < 0:
                raise ParsingError(_("It holds more than %(limit)s filled cells: split it."), limit=_CELLS_LIMIT)
            write_table(blocks, table)


def _rows(sheet: Any) -> Iterator[list[str]]:
    for row in sheet.iter_rows():
        if len(row) > _COLUMNS_LIMIT:
            raise ParsingError(
                _("A row of “%(sheet)s” has more than %(limit)s columns."), sheet=sheet.title, limit=_COLUMNS_LIMIT
            )
        yield [_printed(cell.value, cell) for cell in row]


def _tables(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    """Yield the rows between empty ones, as a table each."""
    table: list[list[str]] = []
    for row in rows:
        if any(row):
            table.append(row)
        elif len(table) > 1:  # a title may have an empty row below it
            yield table
            table = []
    if table:
        yield table


def _printed(value: Any, cell: Any) -> str:
    """Return the value as text: dates as ISO 8601, percentages, and numbers without the rounding errors of binary
    fractions."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | int):
        return f"{value * 100:.10g}%" if str(cell.number_format).endswith("%") else f"{value:.15g}"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes") if value.time() != time() else value.date().isoformat()
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value)[:_CELL_CHARACTERS].strip()
