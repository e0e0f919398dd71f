"""Sheets as grids of cells: tables found in them, merged regions named in each row, what is hidden said in a note."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks
from retrieval.parsing.formats.plain.tables import TableRow, write_rows
from retrieval.reasons import gettext_noop as _

CELLS_LIMIT = 2_000_000  # with something in them, in a whole workbook
COLUMNS_LIMIT = 16_384  # what Excel allows in a sheet
CELL_CHARACTERS = 32_767  # what Excel allows in one
CHARACTERS_LIMIT = 100_000_000  # in a whole workbook, whose cells may share one long text
_MERGES_FOLLOWED = 1_000_000  # steps, from row to row, of all merged regions
_LABEL = 200  # characters; a longer text names no rows
_SPARSE = 100_000  # cells, most of them empty, above which a table's rows give the filled ones alone


class Merge(NamedTuple):
    """A merged region; rows and columns count from 0, the last ones belong to it."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


@dataclass
class SheetGrid:
    """What stands in a sheet: `rows` gives the filled cells by row and column, both from 0."""

    name: str = ""
    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merges: list[Merge] = field(default_factory=list)
    hidden: bool = False
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)


class CellCount:
    """How many filled cells a workbook may still have, and characters in them."""

    def __init__(self) -> None:
        self._left = CELLS_LIMIT
        self._characters_left = CHARACTERS_LIMIT

    def take(self, cells: Collection[str]) -> None:
        """Count some more. Raises ParsingError when they are too many."""
        self._left -= len(cells)
        self._characters_left -= sum(map(len, cells))
        if self._left < 0:
            raise ParsingError(_("It holds more than %(limit)s filled cells: split it."), limit=CELLS_LIMIT)
        if self._characters_left < 0:
            raise ParsingError(_("It holds more than %(limit)s characters: split it."), limit=CHARACTERS_LIMIT)


def column_name(column: int) -> str:
    """Return the letters over a column: A for 0, AA for 26."""
    letters = ""
    column += 1
    while column > 0:
        column, letter = divmod(column - 1, 26)
        letters = chr(65 + letter) + letters
    return letters


def write_grid(blocks: Blocks, grid: SheetGrid) -> None:
    """Append the sheet: its name as a heading, and its tables."""
    blocks.add(grid.name, level=1)
    _note_hidden(blocks, grid)
    write_tables(blocks, grid)


def write_tables(blocks: Blocks, grid: SheetGrid) -> None:
    """Append the tables that stand in the sheet, or the one that it is."""
    for table in _tables(_with_merges(grid), grid.merges):
        for part in _side_by_side(table):
            write_rows(blocks, part)


class _Row(NamedTuple):
    number: int
    cells: dict[int, str]
    reaches: dict[int, int]


def _with_merges(grid: SheetGrid) -> Iterator[_Row]:
    """Yield the rows in order, with what a merged region says in each row it spans."""
    waiting = sorted(grid.merges, reverse=True)
    active: list[tuple[Merge, str]] = []
    steps_left = _MERGES_FOLLOWED
    for number in sorted(grid.rows):
        cells, reaches = dict(grid.rows[number]), {}
        while waiting and waiting[-1].first_row <= number:
            merge = waiting.pop()
            text = grid.rows.get(merge.first_row, {}).get(merge.first_column, "")
            if text and (len(text) <= _LABEL or merge.first_row == merge.last_row):
                active.append((merge, text))
        active = [(merge, text) for merge, text in active if merge.last_row >= number]
        steps_left -= len(active)
        if steps_left <= 0:
            waiting, active = [], []
        for merge, text in active:
            cells.setdefault(merge.first_column, text)
            if merge.last_column > merge.first_column:
                reaches[merge.first_column] = merge.last_column
        yield _Row(number, cells, reaches)


def _tables(rows: Iterable[_Row], merges: Sequence[Merge]) -> Iterator[list[_Row]]:
    """Yield the rows between empty ones, as a table each. A merged region holds its rows together."""
    waiting = sorted(merges, reverse=True)
    table: list[_Row] = []
    end = -1
    for row in rows:
        if row.number > end + 1 and len(table) > 1:  # a title may have an empty row below it
            yield table
            table = []
        table.append(row)
        end = max(end, row.number)
        while waiting and waiting[-1].first_row <= row.number:
            end = max(end, waiting.pop().last_row)
    if table:
        yield table


def _side_by_side(table: list[_Row]) -> Iterator[list[TableRow]]:
    """Yield the tables that stand beside each other with two empty columns or more between them, each without the
    columns that are empty in it."""
    used = sorted({column for row in table for column in row.cells})
    parts = _parts(used, _gaps_spanned(table)) if len(used) > 3 else [used]
    filled = sum(len(row.cells) for row in table)
    if len(table) * len(used) > _SPARSE + 20 * filled:
        yield [TableRow([row.cells[column] for column in sorted(row.cells)]) for row in table]
        return
    for columns in parts:
        places = {column: place for place, column in enumerate(columns)}
        yield [
            TableRow([row.cells.get(column, "") for column in columns], dict(_placed(row.reaches, columns, places)))
            for row in table
        ]


def _parts(used: list[int], spanned: set[int]) -> list[list[int]]:
    """Return the columns in use as tables of at least two columns each."""
    parts = [[used[0]]]
    for left, right in pairwise(used):
        if right - left > 2 and left not in spanned:
            parts.append([])
        parts[-1].append(right)
    return parts if all(len(part) > 1 for part in parts) else [used]


def _gaps_spanned(table: list[_Row]) -> set[int]:
    """Return the columns in use behind which a cell spans the gap."""
    spanned: set[int] = set()
    used = sorted({column for row in table for column in row.cells})
    gaps = [left for left, right in pairwise(used) if right - left > 2]
    for first, last in {reach for row in table for reach in row.reaches.items()}:
        if len(spanned) < len(gaps):
            spanned.update(gap for gap in gaps if first <= gap < last)
    return spanned


def _placed(reaches: dict[int, int], columns: list[int], places: dict[int, int]) -> Iterator[tuple[int, int]]:
    from bisect import bisect_right

    for first, last in reaches.items():
        if first in places and (end := bisect_right(columns, last) - 1) > places[first]:
            yield places[first], end


def _note_hidden(blocks: Blocks, grid: SheetGrid) -> None:
    if not grid.rows:
        return
    if grid.hidden:
        blocks.notes.add("hidden_cells", grid.name)
    for first, last in _runs(sorted(grid.hidden_rows & grid.rows.keys())):
        blocks.notes.add("hidden_cells", f"{grid.name}!{first + 1}:{last + 1}")
    if grid.hidden_columns:
        from bisect import bisect_left

        used = sorted({column for cells in grid.rows.values() for column in cells})
        for first, last in grid.hidden_columns:
            at = bisect_left(used, first)
            if at < len(used) and used[at] <= last:
                blocks.notes.add("hidden_cells", f"{grid.name}!{column_name(first)}:{column_name(last)}")


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    """Return the first and last of numbers that follow each other."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
