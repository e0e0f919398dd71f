"""Tables: rows as lines that a person reads and a search finds; CSV and TSV.

A row of a long table is found, shown and quoted without the line of column names, which stands in another chunk. So
from a certain length on every row names its columns itself: `| Part: valve | Price: 12 |`. Of 150 questions about a
list of 600 articles that finds the row for 59 %, against 36 % below one line of names (`benchmarks/tables.py`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice, pairwise, zip_longest
from pathlib import Path
from typing import NamedTuple

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks, Extracted, clean, row_line
from retrieval.parsing.formats.plain.encodings import decode
from retrieval.reasons import gettext_noop as _

LONG_TABLE = 12  # rows; a shorter table mostly shares a chunk with its column names
_HEADER_WITHIN = 8  # rows, above which notes may stand
_HEADER_DEPTH = 4  # rows that may name columns together
_DELIMITERS = ",;\t|"
_DELIMITER_LINE = re.compile(r'"?sep=(.)"?\n', re.IGNORECASE)  # with which a file tells Excel its delimiter
_SAMPLE = 20_000  # characters, in which the delimiter shows
_COLUMN_NAME_LIMIT = 80  # characters; what is longer is no column's name
_YEAR = re.compile(r"(?:19|20)\d\d(?:-\d\d){0,2}")


def read_csv(path: Path) -> Extracted:
    blocks = Blocks()
    text = clean(decode(path.read_bytes(), notes=blocks.notes))
    if told := _DELIMITER_LINE.match(text):
        text = text[told.end() :]
    csv.field_size_limit(max(len(text), 131_072))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=told[1] if told else _delimiter(text[:_SAMPLE]))
    try:
        write_table(blocks, rows)
    except csv.Error as error:
        raise ParsingError(
            _("Line %(line)s is broken: %(fault)s."), line=str(rows.line_num), fault=str(error)
        ) from error
    return blocks.extracted()


class TableRow(NamedTuple):
    """A row of a table; `reaches` gives the last column of each cell that spans several, by its first. `keeps_columns`
    says that a cell alone is a value of its column, unless that is the first, and no title or note."""

    cells: Sequence[str]
    reaches: Mapping[int, int] = {}
    keeps_columns: bool = False


class _Header(NamedTuple):
    """The rows that name the columns, from `first` to before `end`, as `rows` to show and as a name a column."""

    first: int
    end: int
    rows: list[list[str]]
    names: list[str]


def write_table(blocks: Blocks, rows: Iterable[Sequence[str]]) -> None:
    """Append the rows as blocks, one close to the other."""
    write_rows(blocks, map(TableRow, rows))


def write_rows(blocks: Blocks, rows: Iterable[TableRow]) -> None:
    """Append the rows as blocks, one close to the other. Names of columns may stand in several rows, of which the
    upper ones span columns: 2024 over Q1 and Q2."""
    flat = (row._replace(cells=[" ".join(cell.split()) for cell in row.cells]) for row in rows)
    filled = (row for row in flat if any(row.cells))
    begun = list(islice(filled, LONG_TABLE + _HEADER_WITHIN))
    header = _header_of(begun)
    if header is None:
        for number, row in enumerate(chain(begun, filled)):
            blocks.add(_line(row.cells, keeps_columns=row.keeps_columns), close=number > 0)
        return
    if len(begun) - header.end >= LONG_TABLE:
        _write_long(blocks, header, chain(begun, filled))
        return
    for number, row in enumerate(chain(begun, filled)):
        shown = header.rows[number - header.first] if header.first <= number < header.end else row.cells
        blocks.add(_line(shown, keeps_columns=row.keeps_columns), close=number > 0)


def _write_long(blocks: Blocks, header: _Header, rows: Iterable[TableRow]) -> None:
    """Append the rows of a long table, each with the names of its columns. Names of columns that are empty in all rows
    stand at the end."""
    empty = {column for column, name in enumerate(header.names) if name}
    for number, row in enumerate(rows):
        if number < header.first:
            blocks.add(_line(row.cells), close=number > 0)
        elif number >= header.end:
            blocks.add(_line(_labelled(header.names, row)), close=number > header.end)
            if empty:
                empty -= {
                    at for column, cell in enumerate(row.cells) if cell for at in (column, row.reaches.get(column))
                }
    blocks.add(_line([header.names[column] for column in sorted(empty)]), close=True)


def _header_of(rows: Sequence[TableRow]) -> _Header | None:
    """Return which of the first rows name the columns: of those that can, the ones that name most. The rows above them
    are notes."""
    found = [
        header
        for number in range(min(_HEADER_WITHIN, len(rows)))
        if (header := _stacked(rows, number) or _single(rows, number))
    ]
    return max(found, key=lambda header: (sum(map(bool, header.names)), -header.first), default=None)


def _single(rows: Sequence[TableRow], number: int) -> _Header | None:
    """Return the row as a header; a name over several columns names each of them."""
    cells = rows[number].cells
    spread = _spread(rows[number])
    own = [name for name in cells if name]
    if len(own) < 2 or len(set(own)) < len(own) or not _names_columns(spread, rows[number + 1 :]):
        return None
    return _Header(number, number + 1, [list(cells)], spread)


def _stacked(rows: Sequence[TableRow], number: int) -> _Header | None:
    """Return the rows from this one on as a header of several rows, the upper of which span columns of the lower."""
    stack: list[list[str]] = []
    for upper, lower in pairwise(rows[number : number + _HEADER_DEPTH]):
        above = _spread_over(upper, lower)
        if above is None:
            break
        stack.append(above)
    if not stack:
        return None
    end = number + len(stack) + 1
    stack.append(list(rows[end - 1].cells))
    columns = zip_longest(*stack, fillvalue="")
    names = [" ".join(dict.fromkeys(filter(None, column))) for column in columns]
    if len(set(filter(None, names))) < len(list(filter(None, names))) or not _names_columns(names, rows[end:]):
        return None
    return _Header(number, end, stack, names)


def _spread_over(upper: TableRow, lower: TableRow) -> list[str] | None:
    """Return what each column of the upper row says when it stands over names in the lower row; None when it doesn't.

    Where no cell is known to span columns, as in CSV, one does when the same names follow below the next one.
    """
    above, below = list(upper.cells), list(lower.cells)
    named = [column for column, name in enumerate(below) if name]
    filled = [column for column, name in enumerate(above) if name]
    if len(named) < 2 or not filled:
        return None
    if any(first in upper.reaches for first in filled):
        covered = range(filled[0], upper.reaches.get(filled[0], filled[0]) + 1)
        if len(filled) == 1 and all(column in covered for column in named):
            return None  # a title over the whole
        apart = [at for at in filled if at not in upper.reaches and at in named and below[at] != above[at]]
        if apart and len({below[column] for column in named}) == len(named):
            return None  # each of them has its own value below: that is a row of the table
        return _spread(upper)
    ends = [*(column - 1 for column in filled[1:]), max(len(above), len(below)) - 1]
    groups = [tuple(filter(None, below[first : end + 1])) for first, end in zip(filled, ends, strict=True)]
    wide = [group for group in groups if len(group) > 1]
    if len(wide) < 2 or len(set(wide)) > 1 or any(_is_number(name) for name in wide[0]):
        return None
    return _spread(TableRow(above + [""] * (len(below) - len(above)), dict(zip(filled, ends, strict=True))))


def _spread(row: TableRow) -> list[str]:
    """Return its cells, each in every column it spans."""
    spread = list(row.cells)
    done = 0
    for first, last in sorted(row.reaches.items()):
        for column in range(max(first + 1, done), min(last + 1, len(spread))):
            spread[column] = spread[column] or spread[first]
        done = max(done, last + 1)
    return spread


def _names_columns(names: Sequence[str], rows: Sequence[TableRow]) -> bool:
    """Return whether these names, of one row or several, name what stands below them: short words without numbers,
    years in a row at most, a name for each column that is in use. The first column, of the rows' own names, may do
    without."""
    named = [name for name in names if name]
    if not rows or len(named) < 2:
        return False
    used = {column for row in rows for column, cell in enumerate(row.cells) if cell and column < len(names)}
    unnamed = [column for column in used if not names[column]]
    numbers = [name for name in named if _is_number(name)]
    return (
        bool(used)
        and (not unnamed or unnamed == [min(used)])
        and all(len(name) <= _COLUMN_NAME_LIMIT for name in named)
        and (not numbers or _are_years(numbers))
    )


def _are_years(numbers: Sequence[str]) -> bool:
    """Return whether they are years, months or days one after another, as columns are named by: 2023, 2024, 2025."""
    return (
        len(numbers) > 1
        and all(_YEAR.fullmatch(number) for number in numbers)
        and list(numbers) in (sorted(set(numbers)), sorted(set(numbers), reverse=True))
    )


def _is_number(cell: str) -> bool:
    return cell.strip("+-€$£% ").replace(".", "").replace(",", "").replace("-", "").replace(":", "").isdigit()


def _labelled(names: Sequence[str], row: TableRow) -> list[str]:
    """Return the filled cells, each behind its column's name, or those of the first and last that it spans."""
    labelled = []
    for column, cell in enumerate(row.cells):
        if cell:
            ends = [at for at in (column, row.reaches.get(column, column)) if at < len(names) and names[at]]
            label = " – ".join(dict.fromkeys(names[at] for at in ends))
            labelled.append(f"{label}: {cell}" if label else cell)
    return labelled


def _line(cells: Sequence[str], *, keeps_columns: bool = False) -> str:
    """Return the row as a line, without the empty cells at its end. A cell that stands alone is a title or a note, and
    no row, unless it `keeps_columns` and is not in the first."""
    filled = [number for number, cell in enumerate(cells, start=1) if cell]
    is_row = len(filled) > 1 or (keeps_columns and filled[:1] > [1])
    return row_line(cells[: filled[-1]]) if is_row else "".join(cells)


def _delimiter(sample: str) -> str:
    """Return the delimiter at which most lines have as many cells as the first. (csv.Sniffer takes quadratic time on
    some text.)"""

    def columns_in_step(delimiter: str) -> tuple[int, int]:
        widths = [len(row) for row in _rows(sample, delimiter)]
        first = widths[0] if widths else 1
        return (widths.count(first) if first > 1 else 0), first

    return max(_DELIMITERS, key=columns_in_step)


def _rows(sample: str, delimiter: str) -> Iterator[list[str]]:
    try:
        yield from islice((row for row in csv.reader(io.StringIO(sample), delimiter=delimiter) if row), 100)
    except csv.Error:
        return
