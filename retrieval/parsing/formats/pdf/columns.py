"""Columns of running text, one read after the other, also where the file writes their lines side by side.

A page is taken apart at gutters: upright strips that no line crosses over several rows, with lines of several words on
both sides. Without such evidence the lines stay in the order of the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from retrieval.parsing.formats.pdf.glyphs import Glyphs
from retrieval.parsing.formats.pdf.lines import PageLine, make_line, reads_right_to_left

GAP = 0.55  # of a line's height: what may be a gutter between two words of a line
_ROWS = 4  # that a column has at least
_FEW_ROWS = 3  # that it has where each of them is running text
_WORDS = 3.0  # that a line of running text has, in the middle
_NARROW, _NARROW_ROWS = 0.65, 5  # of a line's height: a gutter that many rows are aligned at
_RISING = 0.3  # of the steps from line to line: those of a header that is written last are fewer
_FIGURES = 0.35  # of the words of running text, at most
_FILLED = 0.5  # of a column's width, by a line of running text
_LEVELS = 6  # of columns within columns
_EDGES_LIMIT = 8  # places on a page where a column may begin
_TOLERANCE = 3.0  # points by which lines of one column begin apart


@dataclass(frozen=True, slots=True)
class _Split:
    """Where a gutter parts segments: those above its band, those on its left and right, and those below."""

    above: list[PageLine]
    left: list[PageLine]
    right: list[PageLine]
    below: list[PageLine]


def order_columns(glyphs: Glyphs, lines: Sequence[PageLine]) -> Iterator[list[PageLine]]:
    """Yield the columns of a page in reading order, each as segments: parts of lines between wide gaps. A page without
    columns is one."""
    segments = [segment for line in lines for segment in split_at_gaps(glyphs, line)]
    yield from _parted(segments, level=0)


def may_have_columns(lines: Sequence[PageLine]) -> bool:
    """Return whether lines begin below each other, and others end before them, as in columns. Their words may tell
    that they are none."""
    by_height = sorted(lines, key=lambda line: -line.top)
    return len(lines) >= 2 * _ROWS and any(
        _may_be_columns(by_height[begin:end], edge)
        for edge in _edges(lines)
        for begin, end in _bands(by_height, edge)
        if end - begin >= 2 * _ROWS
    )


def _may_be_columns(band: Sequence[PageLine], edge: float) -> bool:
    left = [line for line in band if line.left < edge - _TOLERANCE]
    right = [line for line in band if line.left >= edge - _TOLERANCE]
    return min(len(left), len(right)) >= _ROWS and _is_straight(left, right, edge)


def split_at_gaps(glyphs: Glyphs, line: PageLine) -> Iterator[PageLine]:
    """Yield the parts of a line between wide gaps."""
    begun, wide = 0, GAP * line.height if line.height > 0 else float("inf")
    for index, (one, other) in enumerate(pairwise(line.words), start=1):
        if other.left - one.right > wide or one.left - other.right > wide:
            yield make_line(glyphs, line.words[begun:index], number=line.number)
            begun = index
    yield make_line(glyphs, line.words[begun:], number=line.number) if begun else line


def rejoined(glyphs: Glyphs, segments: Sequence[PageLine]) -> Iterator[PageLine]:
    """Yield segments in the order of the file; those of one line that stayed together are one again."""
    ordered = sorted(segments, key=lambda segment: (segment.number, segment.words[0].start if segment.words else 0))
    begun = 0
    for index in range(1, len(ordered) + 1):
        if index < len(ordered) and ordered[index].number == ordered[begun].number:
            continue
        together = ordered[begun:index]
        words = [word for segment in together for word in segment.words]
        yield make_line(glyphs, words, number=together[0].number) if len(together) > 1 else together[0]
        begun = index


def fallen(lines: list[PageLine]) -> list[PageLine]:
    """Return a column's lines from the top to the bottom where the file writes many of them otherwise, and none of them
    stands beside another."""
    rising = sum(other.bottom >= one.top for one, other in pairwise(lines))
    if rising <= _RISING * (len(lines) - 1) or any(map(_is_mirrored, lines)):
        return lines
    falling = sorted(lines, key=lambda line: -line.top)
    apart = all((one.top + one.bottom) / 2 > other.top for one, other in pairwise(falling))
    return falling if apart else lines


def _is_mirrored(line: PageLine) -> bool:
    """Return whether a line stands on its head with its signs from left to right: such a page runs upwards."""
    if not line.glyphs or not line.words:
        return False
    word = line.words[0]
    baseline = line.glyphs.baseline_of(word.start)
    return baseline - word.bottom > word.top - baseline


def _parted(segments: list[PageLine], *, level: int) -> Iterator[list[PageLine]]:
    """Yield groups of segments in reading order."""
    split = _best_split(segments) if level < _LEVELS and len(segments) >= 2 * _FEW_ROWS else None
    if split is None:
        if segments:
            yield segments
        return
    columns = [split.left, split.right]
    if reads_right_to_left(segment.text for segment in segments):
        columns.reverse()
    for part in (split.above, *columns, split.below):
        yield from _parted(part, level=level + 1)


def _best_split(segments: Sequence[PageLine]) -> _Split | None:
    """Return the split by the gutter that has most rows on both sides; None without a gutter."""
    found = None
    rows = 0
    by_height = sorted(segments, key=lambda segment: -segment.top)
    for edge in _edges(segments):
        for begin, end in _bands(by_height, edge):
            if end - begin < 2 * max(rows, _FEW_ROWS):
                continue
            band = by_height[begin:end]
            left = [segment for segment in band if segment.left < edge - _TOLERANCE]
            right = [segment for segment in band if segment.left >= edge - _TOLERANCE]
            shared = min(len(left), len(right))
            if shared > rows and _are_columns(left, right, edge):
                found, rows = _Split(by_height[:begin], left, right, by_height[end:]), shared
    return found


def _edges(segments: Sequence[PageLine]) -> list[float]:
    """Return where several segments begin one below the other, and others end before it."""
    edges: list[tuple[int, float]] = []
    lefts = sorted(segment.left for segment in segments)
    begun = 0
    for index in range(1, len(lefts) + 1):
        if index < len(lefts) and lefts[index] - lefts[index - 1] < _TOLERANCE:
            continue
        if index - begun >= _ROWS - 1 and lefts[begun] > lefts[0] + _TOLERANCE:
            edges.append((begun - index, lefts[begun]))
        begun = index
    return [edge for _, edge in sorted(edges)[:_EDGES_LIMIT]]


def _bands(by_height: Sequence[PageLine], edge: float) -> Iterator[tuple[int, int]]:
    """Yield the runs of segments, as first and last, that do not reach over the gutter left of `edge`."""
    begun = 0
    for index, segment in enumerate(by_height):
        if segment.left < edge - _TOLERANCE and segment.right > edge - 0.3 * segment.height:
            if index > begun:
                yield begun, index
            begun = index + 1
    if len(by_height) > begun:
        yield begun, len(by_height)


def _are_columns(left: Sequence[PageLine], right: Sequence[PageLine], edge: float) -> bool:
    """Return whether both sides are running text, beside each other, with a straight gutter between them."""
    fewest = min(len(left), len(right))
    if fewest < _FEW_ROWS or not _is_straight(left, right, edge):
        return False
    enough = _ROWS if fewest >= _ROWS or not (_reads_on(left) and _reads_on(right)) else _FEW_ROWS
    top = min(max(line.top for line in side) for side in (left, right))
    bottom = max(min(line.bottom for line in side) for side in (left, right))
    beside = [sum(bottom <= (line.top + line.bottom) / 2 <= top for line in side) for side in (left, right)]
    if min(beside) < enough:
        return False
    filled = [_filled(side) for side in (left, right)]
    is_filled = max(filled) >= _FILLED and min(filled) >= _FILLED / 3
    return is_filled and max(map(_figures, (left, right))) < _FIGURES


def _reads_on(lines: Sequence[PageLine]) -> bool:
    """Return whether lines are of several words, but for a last one, and begin within a sentence, as no label does."""
    long = sum(_word_count(line) >= _WORDS for line in lines)
    return 3 * long >= 2 * len(lines) and any(line.text[:1].islower() for line in lines)


def _figures(lines: Sequence[PageLine]) -> float:
    """Return which part of the words hold figures: many are those of a table, whose rows reach over the gutter."""
    words = " ".join(line.text for line in lines).split()
    return sum(any(map(str.isdecimal, word)) for word in words) / max(1, len(words))


def _is_straight(left: Sequence[PageLine], right: Sequence[PageLine], edge: float) -> bool:
    """Return whether most lines on the right begin at the gutter, and where lines are few, the gutter is wide. The
    wide gaps of a few justified lines can lie below each other as well."""
    begins: dict[float, float] = {}
    for line in right:
        begins[line.number] = min(line.left, begins.get(line.number, line.left))
    aligned = sum(begin - edge < _TOLERANCE for begin in begins.values())
    height = median(line.height for line in right)
    width = edge - max(line.right for line in left)
    if width <= height and not (aligned >= _NARROW_ROWS and width > _NARROW * height):
        return aligned >= max(2 * _ROWS, len(begins) / 2)
    return aligned >= max(_ROWS - 1, len(begins) / 2)


def _filled(lines: Sequence[PageLine]) -> float:
    """Return how much of their column's width the lines fill, in the middle; 0 when they are no running text. A side
    that holds two columns itself is filled by half."""
    parts: dict[float, list[PageLine]] = {}
    for line in lines:
        parts.setdefault(line.number, []).append(line)
    if median(sum(map(_word_count, line)) for line in parts.values()) < _WORDS:
        return 0.0
    width = max(line.right for line in lines) - min(line.left for line in lines)
    widths = [max(part.right for part in line) - min(part.left for part in line) for line in parts.values()]
    return median(widths) / width if width > 0 else 0.0


def _word_count(line: PageLine) -> float:
    """Return how many words a line has; Han characters, which need no blanks, count as a third."""
    if not line.glyphs or not line.words:
        return 0
    text = line.glyphs.text[line.words[0].start : line.words[-1].end]
    return len(line.words) if max(text) < "\u2e80" else max(len(line.words), sum(map("\u2e80".__lt__, text)) / 3)
