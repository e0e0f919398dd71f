"""In which order the lines of a picture are read: columns from left to right, and in them rows from top to bottom.

Pure arithmetic on rectangles.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from retrieval.parsing.recognition.reading import ReadLine

_DEPTH = 3  # gutters in gutters: up to eight columns
_BINS = 240  # places along a block at which a gutter is looked for
_COLUMN_LINES = 3  # on each side of a gutter, at least
_COLUMN_CHARACTERS = 12  # of such lines: shorter ones are cells of a table or labels of a form, which are read in rows
_SPANNING = 0.2  # of a block's lines at most cross its gutter, such as titles
_PARAGRAPH = 1.5  # times the usual distance of rows part paragraphs
_QUARTER = math.pi / 2


@dataclass(frozen=True, slots=True)
class Row:
    """Lines that stand beside each other, from left to right. `begins`: a paragraph begins with it."""

    lines: tuple[ReadLine, ...]
    begins: bool


@dataclass(frozen=True, slots=True)
class _Upright:
    """A line as it lies when the picture is held so that its text is level."""

    line: ReadLine
    left: float
    right: float
    y: float
    height: float


def rows_in_order(lines: Sequence[ReadLine]) -> list[Row]:
    """Return all lines in the order in which a person reads them, whichever way the picture is turned. Those that run
    in another direction than most come last."""
    by_quarter: dict[int, list[ReadLine]] = defaultdict(list)
    for line in lines:
        by_quarter[round(line.box.angle / _QUARTER) % 4].append(line)
    quarters = sorted(by_quarter, key=lambda quarter: (-sum(line.box.length for line in by_quarter[quarter]), quarter))
    rows: list[Row] = []
    for quarter in quarters:
        for block in _blocks(_upright(by_quarter[quarter], quarter), _DEPTH):
            rows += _rows(block)
    return rows


def _upright(lines: Sequence[ReadLine], quarter: int) -> list[_Upright]:
    """Return the lines turned back by so many quarters, and by what the picture is askew."""
    askew = median(math.remainder(line.box.angle - quarter * _QUARTER, 4 * _QUARTER) for line in lines)
    cosine, sine = math.cos(quarter * _QUARTER + askew), math.sin(quarter * _QUARTER + askew)
    found = []
    for line in lines:
        box = line.box
        x, y = box.x * cosine + box.y * sine, box.y * cosine - box.x * sine
        found.append(_Upright(line, x - box.length / 2, x + box.length / 2, y, box.height))
    return found


# ---- columns ---------------------------------------------------------------------------------------------------------


def _blocks(lines: Sequence[_Upright], depth: int) -> Iterator[list[_Upright]]:
    """Yield the lines in blocks without columns, in order."""
    gutter = _gutter(lines) if depth else None
    if gutter is None:
        yield list(lines)
        return
    for band in _bands(lines, gutter):
        left = [line for line in band if line.right <= gutter]
        right = [line for line in band if line.left >= gutter]
        spanning = [line for line in band if line.left < gutter < line.right]
        for part in (left, right, spanning):
            if part:
                yield from _blocks(part, depth - 1)


def _gutter(lines: Sequence[_Upright]) -> float | None:
    """Return where the fewest lines stand between two columns of prose; None when there are no two."""
    if len(lines) < 2 * _COLUMN_LINES:
        return None
    start, end = min(line.left for line in lines), max(line.right for line in lines)
    step = (end - start) / _BINS or 1.0
    steps = [0] * (_BINS + 1)
    for line in lines:
        steps[max(0, math.floor((line.left - start) / step))] += 1
        steps[min(_BINS, math.floor((line.right - start) / step) + 1)] -= 1
    covered = 0
    best: tuple[int, float] | None = None
    for place in range(_BINS):
        covered += steps[place]
        key = (covered, abs(place + 0.5 - _BINS / 2))
        if _BINS // 8 < place < _BINS - _BINS // 8 and (best is None or key < (best[0], abs(best[1] - _BINS / 2))):
            best = covered, place + 0.5
    if best is None or best[0] > _SPANNING * len(lines):
        return None
    gutter = start + best[1] * step
    return gutter if _parts_columns(lines, gutter) else None


def _parts_columns(lines: Sequence[_Upright], gutter: float) -> bool:
    """Return whether there is prose on both sides, beside each other."""
    left = [line for line in lines if line.right <= gutter]
    right = [line for line in lines if line.left >= gutter]
    if min(len(left), len(right)) < _COLUMN_LINES:
        return False
    if min(median(len(line.line.text) for line in side) for side in (left, right)) < _COLUMN_CHARACTERS:
        return False
    top = max(min(line.y for line in side) for side in (left, right))
    bottom = min(max(line.y for line in side) for side in (left, right))
    return all(sum(top <= line.y <= bottom for line in side) >= _COLUMN_LINES for side in (left, right))


def _bands(lines: Sequence[_Upright], gutter: float) -> Iterator[list[_Upright]]:
    """Yield the lines above, at and below each line that crosses the gutter, from the top down."""
    band: list[_Upright] = []
    crossing = False
    for line in sorted(lines, key=lambda line: (line.y, line.left)):
        crosses = line.left < gutter < line.right
        if band and crosses != crossing:
            yield band
            band = []
        crossing = crosses
        band.append(line)
    if band:
        yield band


# ---- rows ------------------------------------------------------------------------------------------------------------


def _rows(block: Sequence[_Upright]) -> list[Row]:
    grouped: list[list[_Upright]] = []
    for line in sorted(block, key=lambda line: (line.y, line.left)):
        first = grouped[-1][0] if grouped else None
        if first is not None and line.y - first.y < min(line.height, first.height) / 2:
            grouped[-1].append(line)
        else:
            grouped.append([line])
    middles = [sum(line.y for line in row) / len(row) for row in grouped]
    distances = [below - above for above, below in pairwise(middles)]
    usual = median(distances) if distances else 0.0
    begins = [True, *(distance > _PARAGRAPH * usual for distance in distances)]
    return [
        Row(tuple(line.line for line in sorted(row, key=lambda line: line.left)), starts)
        for row, starts in zip(grouped, begins, strict=True)
    ]
