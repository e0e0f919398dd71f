"""Tables of OpenDocument as grids of cells, in texts, slides and charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.opendocument.package import TABLE
from retrieval.parsing.formats.plain.grids import COLUMNS_LIMIT, CellCount, Merge, SheetGrid

if TYPE_CHECKING:
    from lxml.etree import _Element

CELLS = (TABLE + "table-cell", TABLE + "covered-table-cell")
_GROUPS = {TABLE + name for name in ("table-header-rows", "table-rows", "table-row-group")}
_REPEATED_LIMIT = 1_048_576


def grid_of(table: _Element, shown: Callable[[_Element], str]) -> SheetGrid:
    """Return the table's cells, each as `shown` gives it."""
    grid, count, number = SheetGrid(), CellCount(), 0
    for row in rows_of(table):
        number = add_row(grid, row, number, shown, count)
    return grid


def rows_of(table: _Element) -> Iterator[_Element]:
    """Yield the rows of this table, without those of tables in its cells."""
    waiting = list(reversed(table))
    while waiting:
        element = waiting.pop()
        if element.tag == TABLE + "table-row":
            yield element
        elif element.tag in _GROUPS:
            waiting.extend(reversed(element))


def add_row(grid: SheetGrid, row: _Element, number: int, shown: Callable[[_Element], str], count: CellCount) -> int:
    """Add a row to the grid and return the number of the row below it: one may stand for several alike. Raises
    ParsingError for too many cells."""
    cells: dict[int, str] = {}
    column = 0
    for cell in row.iterchildren(*CELLS):
        repeated = times(cell, "number-columns-repeated")
        text = shown(cell) if len(cell) or cell.get(TABLE + "formula") else ""
        if text and cell.tag == CELLS[0]:
            for at in range(column, min(column + repeated, COLUMNS_LIMIT)):
                cells[at] = text
        wide, high = times(cell, "number-columns-spanned"), times(cell, "number-rows-spanned")
        if wide > 1 or high > 1:
            grid.merges.append(Merge(number, column, number + high - 1, column + wide - 1))
        column += repeated
    repeated = times(row, "number-rows-repeated")
    for at in range(number, number + repeated if cells else number):
        count.take(cells.values())
        grid.rows[at] = cells
    if cells and row.get(TABLE + "visibility") in ("collapse", "filter"):
        grid.hidden_rows.update(range(number, number + repeated))
    return number + repeated


def times(element: _Element, attribute: str) -> int:
    """Return how many an attribute says, at least one."""
    return min(max(whole(element.get(TABLE + attribute)) or 1, 1), _REPEATED_LIMIT)
