"""Tables: rows as lines that a person reads and a search finds; CSV and TSV.

A row of a long table is found, shown and quoted without the line of column names, which stands in another chunk. So
from a certain length on every row names its columns itself: `| Part: valve | Price: 12 |`. Of 150 questions about a
list of 600 articles that finds the row for 59 %, against 36 % below one line of names (`benchmarks/tables.py`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from retrieval.errors import ParsingError
from retrieval.parsing.formats.extracted import Blocks, Extracted, clean, row_line
from retrieval.parsing.formats.plain.encodings import decode
from retrieval.reasons import gettext_noop as _

_LONG = 12  # rows; a shorter table mostly shares a chunk with its column names
_HEADER_WITHIN = 8  # rows, above which notes may stand
_DELIMITERS = ",;\t|"
_SAMPLE = 20_000  # characters, in which the delimiter shows
_COLUMN_NAME_LIMIT = 80  # characters; what is longer is no column's name


def read_csv(path: Path) -> Extracted:
    blocks = Blocks()
    text = clean(decode(path.read_bytes(), notes=blocks.notes))
    csv.field_size_limit(max(len(text), 131_072))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text[:_SAMPLE]))
    try:
        write_table(blocks, rows)
    except csv.Error as error:
        raise ParsingError(
            _("Line %(line)s is broken: %(fault)s."), line=str(rows.line_num), fault=str(error)
        ) from error
    return blocks.extracted()


def write_table(blocks: Blocks, rows: Iterable[Sequence[str]]) -> None:
    """Append the rows as blocks, one close to the other."""
    flat = ([" ".join(cell.split()) for cell in row] for row in rows)
    filled = (row for row in flat if any(row))
    begun = list(islice(filled, _LONG + _HEADER_WITHIN))
    header = _header_of(begun)
    names = begun[header] if header is not None and len(begun) - header > _LONG else []
    for number, row in enumerate(chain(begun, filled)):
        if not names or number < (header or 0):
            blocks.add(_line(row), close=number > 0)
        elif number != header:
            blocks.add(_line(_labelled(names, row)), close=number > header + 1 if header is not None else False)


def _header_of(rows: Sequence[Sequence[str]]) -> int | None:
    """Return which of the first rows names the columns: of those that can, the one that names most. The rows above it
    are notes."""
    naming = [
        number for number in range(min(_HEADER_WITHIN, len(rows))) if _names_columns(rows[number], rows[number + 1 :])
    ]
    return max(naming, key=lambda number: (sum(map(bool, rows[number])), -number), default=None)


def _names_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return whether this first row names what stands below it: different short words without numbers, a name for each
    column that is in use."""
    named = [name for name in header if name]
    if not rows or len(named) < 2:
        return False
    used = {column for row in rows for column, cell in enumerate(row) if cell}
    return (
        len(set(named)) == len(named)
        and len(named) >= len(used & set(range(len(header)))) > 0
        and all(len(name) <= _COLUMN_NAME_LIMIT and not _is_number(name) for name in named)
    )


def _is_number(cell: str) -> bool:
    return cell.strip("+-€$£% ").replace(".", "").replace(",", "").replace("-", "").replace(":", "").isdigit()


def _labelled(names: Sequence[str], row: Sequence[str]) -> list[str]:
    """Return the filled cells, each behind its column's name."""
    labels = chain(names, [""] * (len(row) - len(names)))
    return [f"{name}: {cell}" if name else cell for name, cell in zip(labels, row, strict=False) if cell]


def _line(cells: Sequence[str]) -> str:
    """Return the row as a line, without the empty cells at its end. A cell that stands alone is a title or a note, and
    no row."""
    filled = [number for number, cell in enumerate(cells, start=1) if cell]
    return row_line(cells[: filled[-1]]) if len(filled) > 1 else "".join(cells)


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
