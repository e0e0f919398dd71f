"""Text that is written down the page, in columns from right to left, as Japanese and Chinese can be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from retrieval.parsing.formats.pdf.glyphs import Glyphs
from retrieval.parsing.formats.pdf.lines import PageLine, make_line

_ALONE = 3  # lines of one sign each, one below the other, are a column


def run_down(lines: Sequence[PageLine]) -> bool:
    """Return whether lines run down the page, or most of them are single Han characters, as vertical text is whose
    characters were placed one by one."""
    if any(line.words[0].runs_down for line in lines):
        return True
    alone = sum(
        len(line.words) == 1 and line.words[0].end - line.words[0].start == 1 and line.text > "\u2e80" for line in lines
    )
    return alone > max(_ALONE, len(lines) / 2)


def order_vertical(glyphs: Glyphs, lines: Sequence[PageLine]) -> list[PageLine]:
    """Return the lines with those that run down the page in their order: from right to left, and where such text
    stands in tiers, one tier after the other. They stand where the first of them stood."""
    columns, others = _columns(glyphs, lines)
    if len(columns) < 2:
        return list(lines) if not columns else sorted([*others, *columns], key=lambda line: line.number)
    first = min(line.number for line in columns)
    ordered = [line for tier in _tiers(columns) for line in sorted(tier, key=lambda line: -(line.left + line.right))]
    before = [line for line in others if line.number < first]
    return [*before, *ordered, *(line for line in others if line.number >= first)]


def _columns(glyphs: Glyphs, lines: Sequence[PageLine]) -> tuple[list[PageLine], list[PageLine]]:
    """Return the columns that lines and signs one below the other make, and the other lines."""
    columns, others = [], []
    for stack in _stacks(lines):
        runs_down = stack[0].words[0].runs_down
        if runs_down or (len(stack) >= _ALONE and any(line.text > "\u2e80" for line in stack)):
            words = [word for line in stack for word in line.words]
            columns.append(make_line(glyphs, words, number=stack[0].number))
        else:
            others += stack
    return columns, others


def _stacks(lines: Sequence[PageLine]) -> Iterator[list[PageLine]]:
    """Yield runs of lines that go on down the page, sign by sign; any other line by itself."""
    stack: list[PageLine] = []
    for line in lines:
        if stack and not _goes_on(stack[-1], line):
            yield stack
            stack = []
        stack.append(line)
    if stack:
        yield stack


def _goes_on(one: PageLine, other: PageLine) -> bool:
    if not all(line.words[0].runs_down or len(line.text) == 1 for line in (one, other)):
        return False
    width = max(one.right - one.left, other.right - other.left)
    aligned = abs(one.left + one.right - other.left - other.right) < width / 2
    return aligned and -0.5 * width < one.bottom - other.top < 1.5 * width


def _tiers(columns: Sequence[PageLine]) -> Iterator[list[PageLine]]:
    """Yield the columns that stand side by side, from the top of the page to its bottom."""
    tier: list[PageLine] = []
    lowest = 0.0
    for column in sorted(columns, key=lambda column: -column.top):
        if tier and column.top < lowest:
            yield tier
            tier = []
        lowest = min(lowest, column.bottom) if tier else column.bottom
        tier.append(column)
    if tier:
        yield tier
