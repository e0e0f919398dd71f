"""Tables: rows as lines that a person reads and a search finds; CSV and TSV.

A row of a long table is found, shown and quoted without the line of column names, which stands in another chunk. So
from a certain length on every row names its columns itself: `| Part: valve | Price: 12 |` (see `benchmarks/tables.py`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

from retrieval.errors import ParsingError
from retrieval.extraction.extracted import Blocks, Extracted, clean
from retrieval.extraction.text import decode

_LONG = 12  # rows; a shorter table mostly shares a chunk with its column names
_DELIMITERS = ",;\t|"
_SAMPLE = 20_000  # characters, in which the delimiter shows
_COLUMN_NAME_LIMIT = 80  # characters; what is longer is no column's name


def read_csv(path: Path) -> Extracted:
    text = clean(decode(path.read_bytes()))
    csv.field_size_limit(max(len(text), 131_072))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text[:_SAMPLE]))
    blocks = Blocks()
    try:
        write_table(blocks, rows)
    except csv.Error as error:
        raise ParsingError(f"Line {rows.line_num} is broken: {error}.") from error
    return blocks.extracted()


def write_table(blocks: Blocks, rows: Iterable[Sequence[str]]) -> None:
    """Append the rows as blocks, one close to the other. What stands alone in a row above the columns is its title."""
    filled = ([" ".join(cell.split()) for cell in row] for row in rows)
    waiting = (row for row in filled if any(row))
    header: list[str] = []
    for row in waiting:
        if sum(map(bool, row)) > 1:
            header = row
            break
        blocks.add(next(filter(None, row)))
    begun = list(islice(waiting, _LONG))
    names = header if _names_columns(header, begun) else []
    if header and not (names and len(begun) == _LONG):
        blocks.add(_line(header))
        names = []
    for number, row in enumerate(chain(begun, waiting)):
        blocks.add(_line(_labelled(names, row) if names else row), close=bool(number or not names))


def _names_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether this first row names what stands below it: different short words without numbers, a name for each column
    that is in use."""
    if not rows:
        return False
    named = [name for name in header if name]
    used = {column for row in rows for column, cell in enumerate(row) if cell}
    return (
        len(set(named)) == len(named)
        and len(named) >= len(used & set(range(len(header)))) > 0
        and all(len(name) <= _COLUMN_NAME_LIMIT and not _is_number(name) for name in named)
    )


def _is_number(cell: str) -> bool:
    return cell.strip("+-€$£% ").replace(".", "").replace(",", "").replace("-", "").replace(":", "").isdigit()


def _labelled(names: Sequence[str], row: Sequence[str]) -> list[str]:
    """The filled cells, each behind its column's name."""
    labels = chain(names, [""] * (len(row) - len(names)))
    return [f"{name}: {cell}" if name else cell for name, cell in zip(labels, row, strict=False) if cell]


def _line(cells: Sequence[str]) -> str:
    while cells and not cells[-1]:
        cells = cells[:-1]
    return f"| {' | '.join(cells)} |"


def _delimiter(sample: str) -> str:
    """The one at which most lines have as many cells as the first. (csv.Sniffer takes quadratic time on some text.)"""

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
