"""Tables without lines: rows of cells that stand below each other in columns."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from statistics import median

from retrieval.parsing.formats.pdf.lines import PageLine, reads_right_to_left
from retrieval.parsing.formats.pdf.rows import TextRow, is_figure, table_lines

_ROWS = 3  # that a table has at least
_TRIES = 6
_GUTTER = 0.8  # of a line's height, between columns
_CROSSING = 0.15  # of the rows, which may reach over a gutter: headings of several columns
_WORDS = 4  # in the middle of a column's cells: two columns with more are text that runs on
_BULLET = re.compile(r"\W|[\w.]{1,5}[.)]|\(\w{1,4}\)")
_LEADER = re.compile(r"…|\.{3}")


def tables_in(
    segments: Sequence[PageLine], *, with_figures: bool = False
) -> Iterator[tuple[list[PageLine], list[PageLine]]]:
    """Yield each table that segments of a page make: the segments, and its rows as lines; `with_figures` only those
    with a column of figures."""
    rows = list(_rows_of([segment for segment in segments if segment.words]))
    begun = 0
    while begun < len(rows):
        end = _end_of_run(rows, begun)
        for first in range(begun, min(end - _ROWS + 1, begun + _TRIES)):  # lines above a table can look like its rows
            run = rows[first:end]
            if (gutters := _gutters(run)) and _is_table(run, gutters, with_figures):
                taken = [segment for row in run for segment in row]
                cells = _without_wraps(run, gutters)
                if reads_right_to_left(segment.text for segment in taken):
                    cells = [replace(row, cells=row.cells[::-1]) for row in cells]
                yield taken, list(table_lines(cells, number=min(segment.number for segment in taken)))
                break
        begun = max(end, begun + 1)


def _rows_of(segments: Sequence[PageLine]) -> Iterator[list[PageLine]]:
    """Yield the segments that stand side by side, from top to bottom."""
    row: list[PageLine] = []
    for segment in sorted(segments, key=lambda segment: -(segment.top + segment.bottom)):
        if row and (segment.top + segment.bottom) / 2 < row[0].bottom + 0.25 * row[0].height:
            yield sorted(row, key=lambda part: part.left)
            row = []
        row.append(segment)
    if row:
        yield sorted(row, key=lambda part: part.left)


def _end_of_run(rows: Sequence[Sequence[PageLine]], begun: int) -> int:
    """Return where the run of rows ends that begins here: rows of two cells and more, close to each other, with at
    most one row of a single cell between two of them."""
    end = begun
    for index in range(begun, len(rows)):
        if index > begun and not _is_near(rows[index - 1], rows[index]):
            break
        if len(rows[index]) > 1:
            end = index + 1
        elif index > end or end == begun:
            break
    return end


def _is_near(upper: Sequence[PageLine], lower: Sequence[PageLine]) -> bool:
    gap = min(part.bottom for part in upper) - max(part.top for part in lower)
    return gap < 2 * max(upper[0].height, lower[0].height)


def _gutters(rows: Sequence[Sequence[PageLine]]) -> list[float]:
    """Return the middle of each upright strip that next to no row reaches over."""
    changes: list[tuple[float, int]] = []
    for row in rows:
        for part in row:
            changes += [(part.left, 1), (part.right, -1)]
    allowed = int(_CROSSING * len(rows))
    height = median(part.height for row in rows for part in row)
    gutters, covering, free = [], 0, None
    for place, change in sorted(changes):
        before, covering = covering, covering + change
        if before > allowed >= covering:
            free = place
        elif covering > allowed >= before and free is not None and place - free > _GUTTER * height:
            gutters.append((free + place) / 2)
    return gutters


def _is_table(rows: Sequence[Sequence[PageLine]], gutters: Sequence[float], with_figures: bool) -> bool:
    """Return whether the cells between the gutters are a table: short, in columns that are used, with three columns or
    with figures in the second of two."""
    columns = [_cells_of(row, gutters) for row in rows]
    used = [sum(1 for cells in columns if cells[index]) for index in range(len(gutters) + 1)]
    if min(used) < _ROWS or sum(sum(map(bool, cells)) > 1 for cells in columns) < _ROWS:
        return False
    texts = [cell for cells in columns for cell in cells if cell]
    if sum(_LEADER.search(text) is not None for text in texts) > len(rows) / 3 or _is_running_text(rows, columns):
        return False
    if _is_numbering([cells[0] for cells in columns if cells[0]]):
        columns = [cells[1:] for cells in columns]
    if with_figures and not any(_has_figures(cells) for cells in list(zip(*columns, strict=True))[1:]):
        return False
    if len(columns[0]) != 2:
        return len(columns[0]) > 2
    return _has_figures([cells[1] for cells in columns]) or _is_by_column(rows)


def _is_running_text(rows: Sequence[Sequence[PageLine]], columns: Sequence[Sequence[str]]) -> bool:
    """Return whether two columns are text that runs on, or the file writes columns of several words one by one."""
    lengths = [median(len(cell.split()) for cell in cells if cell) for cells in zip(*columns, strict=True)]
    wordy = sum(length >= _WORDS for length in lengths)
    return wordy > 1 or (wordy > 0 and _is_apart(rows)) or max(lengths) > 3 * _WORDS


def _is_numbering(cells: Sequence[str]) -> bool:
    """Return whether most are bullets, or numbers that count on, as those of lines and clauses do."""
    counts = sum(
        one.isdecimal() and other.isdecimal() and int(other[:9]) - int(one[:9]) == 1 for one, other in pairwise(cells)
    )
    return max(sum(_BULLET.fullmatch(cell) is not None for cell in cells), counts) > 0.6 * len(cells)


def _has_figures(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return sum(is_figure(cell) for cell in filled) >= max(_ROWS, 0.6 * len(filled))


def _is_by_column(rows: Sequence[Sequence[PageLine]]) -> bool:
    """Return whether the file writes short cells one column after the other, which would part the rows."""
    return median(len(part.words) for row in rows for part in row) <= 3 and _is_apart(rows)


def _is_apart(rows: Sequence[Sequence[PageLine]]) -> bool:
    """Return whether the file writes most cells of a row far from each other."""
    numbers = [[part.number for part in row] for row in rows if len(row) > 1]
    return sum(any(other - one > 1 for one, other in pairwise(row)) for row in numbers) > 0.7 * len(numbers)


def _cells_of(row: Sequence[PageLine], gutters: Sequence[float]) -> list[str]:
    """Return the text of a row in each column; what reaches over several is in the first of them."""
    cells = [""] * (len(gutters) + 1)
    for part in row:
        column = bisect_left(gutters, part.left + 0.1 * part.height)
        text = part.text.replace("\x02", "-")
        cells[column] = f"{cells[column]} {text}".strip()
    return cells


def _without_wraps(rows: Sequence[Sequence[PageLine]], gutters: Sequence[float]) -> list[TextRow]:
    """Return the rows of the table. A row without a first cell that stands closer to the one above it than rows do
    goes on with its cells."""
    gaps = [min(part.bottom for part in upper) - max(part.top for part in lower) for upper, lower in pairwise(rows)]
    begins = [bool(_cells_of(row, gutters)[0]) for row in rows]
    usual = median([gap for gap, begin in zip(gaps, begins[1:], strict=True) if begin] or [0.0])
    made: list[TextRow] = []
    for index, row in enumerate(rows):
        cells = _cells_of(row, gutters)
        bottom, top = min(part.bottom for part in row), max(part.top for part in row)
        wraps = bool(made) and not cells[0] and gaps[index - 1] < usual - 0.15 * row[0].height
        if wraps and all(above for above, cell in zip(made[-1].cells, cells, strict=True) if cell):
            joined = (f"{above} {cell}".strip() for above, cell in zip(made[-1].cells, cells, strict=True))
            made[-1] = TextRow(tuple(joined), made[-1].left, bottom, made[-1].right, made[-1].top)
        else:
            made.append(TextRow(tuple(cells), row[0].left, bottom, row[-1].right, top))
    return made
