"""A PDF's page as lines in the order in which a person reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.parsing.formats.pdf.columns import fallen, order_columns, rejoined, split_at_gaps
from retrieval.parsing.formats.pdf.glyphs import Glyphs, read_glyphs, turn_boxes
from retrieval.parsing.formats.pdf.grids import RuledGrid, find_grids, take_tables
from retrieval.parsing.formats.pdf.letters import Letters
from retrieval.parsing.formats.pdf.lines import PageLine, make_line, settled, stream_lines
from retrieval.parsing.formats.pdf.ordinary import ordinary_lines
from retrieval.parsing.formats.pdf.rules import Rule, read_rules
from retrieval.parsing.formats.pdf.tables import tables_in
from retrieval.parsing.formats.pdf.vertical import order_vertical, run_down

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_LINES_LIMIT = 5_000  # of a page, beyond which it is read in the order of the file
EMPTY_LINE = PageLine(0, 0, 0, 0)


def read_page(page: PdfPage, letters: Letters) -> list[PageLine]:
    """Return the page's lines: those that stand upright, or as most of the page does, then those that are turned
    otherwise, apart."""
    if not letters.text:
        return []
    rules, bounds = read_rules(page), page.get_bbox()
    if not find_grids(rules) and (lines := ordinary_lines(letters, bounds=bounds)) is not None:
        return lines
    return [settled(line) for line in lay_out(read_glyphs(letters, bounds=bounds), rules)]


def lay_out(glyphs: Glyphs, rules: Sequence[Rule]) -> list[PageLine]:
    """Return the lines of a page's characters in the order in which they are read, with tables as rows."""
    directions: dict[int | None, list[PageLine]] = {}
    upright: dict[int | None, Glyphs] = {}
    sizes: Counter[int | None] = Counter()
    for number, (quarter, words) in enumerate(stream_lines(glyphs)):
        if quarter not in upright:
            upright[quarter] = glyphs.turned(quarter or 0)
        directions.setdefault(quarter, []).append(make_line(upright[quarter], words, number=number))
        sizes[quarter] += words[-1].end - words[0].start
    lines: list[PageLine] = []
    for quarter, _ in sizes.most_common():
        found = directions[quarter] if quarter != 1 else list(_top_down(directions[quarter]))
        if quarter is not None:
            found = _arranged(upright[quarter], found, find_grids(_turned(rules, quarter)))
        lines += [EMPTY_LINE] * bool(lines) + found
    return lines


def _top_down(lines: Sequence[PageLine]) -> Iterator[PageLine]:
    """Yield lines that run down the page; pdfium, which sorts what begins at one height by its left side, gives those
    of a paragraph from the last to the first."""
    run: list[PageLine] = []
    for line in lines:
        if run and not (-0.5 < (line.bottom - run[-1].top) / max(line.height, 1) < 1 and line.left < run[-1].right):
            yield from _renumbered(run)
            run = []
        run.append(line)
    yield from _renumbered(run)


def _renumbered(run: Sequence[PageLine]) -> Iterator[PageLine]:
    for line, place in zip(reversed(run), run, strict=True):
        yield replace(line, number=place.number)


def _arranged(glyphs: Glyphs, lines: list[PageLine], grids: Sequence[RuledGrid]) -> list[PageLine]:
    """Return lines that are turned alike in the order in which they are read, tables as rows."""
    if len(lines) > _LINES_LIMIT:
        return lines
    if run_down(lines):
        return order_vertical(glyphs, lines)
    lines = take_tables(glyphs, lines, grids)
    segments = [segment for line in lines for segment in split_at_gaps(glyphs, line)]
    lines = list(_with_tables(glyphs, segments, with_figures=True))
    return [line for column in order_columns(glyphs, lines) for line in fallen(_with_tables(glyphs, column))]


def _with_tables(glyphs: Glyphs, segments: list[PageLine], *, with_figures: bool = False) -> list[PageLine]:
    """Return the lines of a column in the order of the file, those of a table as its rows. `with_figures`: only those
    of tables with a column of figures, which no columns of text are taken for."""
    rows: list[PageLine] = []
    taken: set[int] = set()
    for cells, made in tables_in(segments, with_figures=with_figures):
        taken.update(map(id, cells))
        rows += made
    left = [segment for segment in segments if id(segment) not in taken] if taken else segments
    return sorted([*rejoined(glyphs, left), *rows], key=lambda line: line.number)


def _turned(rules: Sequence[Rule], quarter: int) -> Sequence[Rule]:
    """Return lines of the page turned back as its text is."""
    if not quarter or not rules:
        return rules
    lefts, bottoms, rights, tops = zip(*rules, strict=True)
    return list(zip(*turn_boxes((lefts, bottoms, rights, tops), quarter), strict=True))
