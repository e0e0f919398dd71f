"""Tables that are ruled: cells between drawn lines."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from retrieval.parsing.formats.pdf.glyphs import Glyphs
from retrieval.parsing.formats.pdf.lines import PageLine, make_line, reads_right_to_left
from retrieval.parsing.formats.pdf.rows import TextRow, is_figure, table_lines
from retrieval.parsing.formats.pdf.rules import THIN, Rule
from retrieval.parsing.formats.pdf.words import PrintedWord

_NEAR = 3.0  # points by which lines that meet may miss each other
_SMALL = 20.0  # points; a sign that is drawn, and no table
_RULES_LIMIT = 600  # of a page: comparing each with each takes the square of it
_LONG, _LONGEST = 400, 2_000  # characters of a cell
_REPEATED = 100  # characters of a cell that reaches over several rows, and is said in each
_CELLS_LIMIT = 3_000  # of a grid, beyond which no cell is looked for that reaches over rows
_ALIKE = 0.8  # of the columns, that have as many lines where these are rows
_FEW_BANDS = 2  # of rules: rows of text between them are rows of the table


@dataclass(frozen=True, slots=True)
class RuledGrid:
    """Lines that meet: where columns begin and end from left to right, and rows from top to bottom; and the upright
    and level lines themselves."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]
    upright: tuple[Rule, ...]
    level: tuple[Rule, ...]

    def words_in(self, line: PageLine) -> list[PrintedWord]:
        """Return the words of a line that stand within it."""
        if line.top < self.ys[-1] or line.bottom > self.ys[0] or line.right < self.xs[0] or line.left > self.xs[-1]:
            return []
        return [word for word in line.words if self.holds(word)]

    def holds(self, word: PrintedWord) -> bool:
        middle = (word.bottom + word.top) / 2
        return self.xs[0] - 1 <= word.middle <= self.xs[-1] + 1 and self.ys[-1] - 1 <= middle <= self.ys[0] + 1

    def column_of(self, x: float) -> int:
        return min(max(bisect_right(self.xs, x) - 1, 0), len(self.xs) - 2)

    def band_of(self, y: float) -> int:
        return min(max(bisect_right([-edge for edge in self.ys], -y) - 1, 0), len(self.ys) - 2)

    def parts(self, one: float, other: float, y: float) -> bool:
        """Return whether an upright line stands between two places at this height."""
        left, right = min(one, other), max(one, other)
        return any(left < (rule[0] + rule[2]) / 2 <= right and rule[1] <= y <= rule[3] for rule in self.upright)

    def top_band(self, column: int, band: int) -> int:
        """Return the first band of the cell that this place is in: it begins below a line."""
        while band and not self.begins(column, band):
            band -= 1
        return band

    def begins(self, column: int, band: int) -> bool:
        """Return whether a line is above this place."""
        middle = (self.xs[column] + self.xs[column + 1]) / 2
        return any(
            rule[0] <= middle <= rule[2] and abs((rule[1] + rule[3]) / 2 - self.ys[band]) < _NEAR for rule in self.level
        )


def find_grids(rules: Sequence[Rule]) -> list[RuledGrid]:
    """Return what the page's lines rule into at least two columns and two rows."""
    upright = [rule for rule in rules if rule[2] - rule[0] < THIN < rule[3] - rule[1]]
    level = [rule for rule in rules if rule[3] - rule[1] < THIN < rule[2] - rule[0]]
    if not upright or not level:
        return []
    level = _merged(level)
    upright = list(map(_swapped, _merged(map(_swapped, upright))))
    if len(upright) + len(level) > _RULES_LIMIT:
        return []
    return [grid for group in _connected([*upright, *level]) if (grid := _grid(group))]


def _swapped(rule: Rule) -> Rule:
    """Return an upright line as a level one, and the other way round."""
    left, bottom, right, top = rule
    return bottom, left, top, right


def _merged(rules: Iterable[Rule]) -> list[Rule]:
    """Return level lines, those that go on in each other as one: the edges of a row's cells."""
    merged: list[Rule] = []
    for left, bottom, right, top in sorted(rules, key=lambda rule: (round(rule[1]), rule[0])):
        last = merged[-1] if merged else None
        if last and abs(last[1] - bottom) < 1 and left <= last[2] + 1:
            merged[-1] = (last[0], min(last[1], bottom), max(last[2], right), max(last[3], top))
        else:
            merged.append((left, bottom, right, top))
    return merged


def _connected(rules: Sequence[Rule]) -> Iterator[list[Rule]]:
    """Yield the groups of lines that touch."""
    left = list(rules)
    while left:
        group, todo = [], [left.pop()]
        while todo:
            rule = todo.pop()
            group.append(rule)
            touching = [other for other in left if _touch(rule, other)]
            left = [other for other in left if not _touch(rule, other)]
            todo += touching
        yield group


def _touch(one: Rule, other: Rule) -> bool:
    return (
        one[0] - _NEAR <= other[2]
        and other[0] - _NEAR <= one[2]
        and one[1] - _NEAR <= other[3]
        and other[1] - _NEAR <= one[3]
    )


def _grid(rules: Sequence[Rule]) -> RuledGrid | None:
    upright = tuple(rule for rule in rules if rule[2] - rule[0] < THIN)
    level = tuple(rule for rule in rules if rule[3] - rule[1] < THIN and rule not in upright)
    xs = _places(
        [(rule[0] + rule[2]) / 2 for rule in upright] + [side for rule in level for side in (rule[0], rule[2])]
    )
    ys = _places(
        [(rule[1] + rule[3]) / 2 for rule in level] + [side for rule in upright for side in (rule[1], rule[3])]
    )
    if len(xs) < 3 or len(ys) < 3 or xs[-1] - xs[0] < _SMALL or ys[-1] - ys[0] < _SMALL:
        return None
    return RuledGrid(xs, ys[::-1], upright, level)


def _places(numbers: Sequence[float]) -> tuple[float, ...]:
    """Return them in order, those that are near each other once."""
    places: list[float] = []
    for number in sorted(numbers):
        if not places or number - places[-1] > _NEAR:
            places.append(number)
    return tuple(places)


def take_tables(glyphs: Glyphs, lines: Sequence[PageLine], grids: Sequence[RuledGrid]) -> list[PageLine]:
    """Return the lines with those in a grid as rows of a table, where the first of them stood. A grid with too little
    in it, as a frame or a chart, is none."""
    for grid in grids:
        inside = [(line, grid.words_in(line)) for line in lines]
        rows = _in_use(list(_rows(glyphs, grid, [words for _, words in inside if words])))
        if not _is_table(rows):
            continue
        rows = _in_use(list(_rows(glyphs, grid, [words for _, words in inside if words], tops=_tops(grid))))
        first = min(line.number for line, words in inside if words)
        lines = [rest for line, words in inside for rest in _without(glyphs, line, words)]
        lines = sorted([*lines, *table_lines(rows, number=first)], key=lambda line: line.number)
    return list(lines)


def _is_table(rows: Sequence[TextRow]) -> bool:
    """Return whether rows have cells, and none that holds most of the text, as a frame around a page does."""
    cells = [cell for row in rows for cell in row.cells if cell]
    longest, whole = max(map(len, cells), default=0), sum(map(len, cells))
    several = sum(sum(map(bool, row.cells)) > 1 for row in rows)
    return several > 1 and longest <= _LONGEST and (longest <= _LONG or longest < whole / 2)


def _in_use(rows: Sequence[TextRow]) -> list[TextRow]:
    """Return the rows without the columns that hold nothing, which double lines make; from right to left when their
    script runs so."""
    used = [column for column, cells in enumerate(zip(*(row.cells for row in rows), strict=True)) if any(cells)]
    if reads_right_to_left("".join(row.cells) for row in rows):
        used.reverse()
    return [replace(row, cells=tuple(row.cells[column] for column in used)) for row in rows]


def _without(glyphs: Glyphs, line: PageLine, words: Sequence[PrintedWord]) -> Iterator[PageLine]:
    """Yield what is left of a line without these words."""
    taken = {word.start for word in words}
    if not taken:
        yield line
    elif left := [word for word in line.words if word.start not in taken]:
        yield make_line(glyphs, left, number=line.number)


def _rows(
    glyphs: Glyphs, grid: RuledGrid, lines: Sequence[Sequence[PrintedWord]], *, tops: Sequence[Sequence[int]] = ()
) -> Iterator[TextRow]:
    """Yield the rows of the grid from top to bottom. Where two or three level lines rule a whole table, each line of
    text between them is a row. With `tops`, cells that reach over several rows are said in each."""
    cells: dict[tuple[int, int], list[PageLine]] = {}
    for words in lines:
        for part in _at_rules(grid, words):
            line = make_line(glyphs, part)
            column = grid.column_of(part[0].middle)
            band = grid.top_band(column, grid.band_of((line.bottom + line.top) / 2))
            cells.setdefault((band, column), []).append(line)
    bands = sorted({band for band, _ in cells})
    for band in bands:
        within = {column: cells[band, column] for column in range(len(grid.xs) - 1) if (band, column) in cells}
        if _is_several_rows(list(within.values()), are_few=len(bands) <= _FEW_BANDS):
            yield from _text_rows(grid, within)
        else:
            above = {
                column: cells.get((top, column), [])
                for column, top in enumerate(tops[band] if tops else ())
                if top < band
            }
            yield _row(grid, within, above=above)


def _tops(grid: RuledGrid) -> list[list[int]]:
    """Return for each band and column the band that the cell begins in; each its own where there are too many."""
    columns, tops = len(grid.xs) - 1, [[band] * (len(grid.xs) - 1) for band in range(len(grid.ys) - 1)]
    if columns * len(tops) <= _CELLS_LIMIT:
        for band in range(1, len(tops)):
            tops[band] = [band if grid.begins(column, band) else tops[band - 1][column] for column in range(columns)]
    return tops


def _at_rules(grid: RuledGrid, words: Sequence[PrintedWord]) -> Iterator[list[PrintedWord]]:
    """Yield the words in parts, which end at upright lines."""
    part: list[PrintedWord] = []
    for word in words:
        middle = (word.bottom + word.top) / 2
        if part and grid.parts(part[-1].middle, word.middle, middle):
            yield part
            part = []
        part.append(word)
    if part:
        yield part


def _is_several_rows(columns: Sequence[Sequence[PageLine]], *, are_few: bool) -> bool:
    """Return whether the lines of a cell are rows of their own: next to all columns have as many, and they are figures,
    or level lines are few."""
    counts = [len(column) for column in columns]
    most = max(counts, key=counts.count)
    if len(columns) < 2 or most < 2 or counts.count(most) < _ALIKE * len(counts):
        return False
    figures = [is_figure(line.text) for column in columns[1:] for line in column]
    return sum(figures) > len(figures) / 2 or (are_few and most > 2)


def _text_rows(grid: RuledGrid, columns: dict[int, list[PageLine]]) -> Iterator[TextRow]:
    """Yield a row for each line of text across the columns."""
    placed = sorted(
        ((line, column) for column, lines in columns.items() for line in lines), key=lambda placed: -placed[0].top
    )
    row: dict[int, list[PageLine]] = {}
    bottom = 0.0
    for line, column in placed:
        if row and (line.bottom + line.top) / 2 < bottom:
            yield _row(grid, row)
            row = {}
        bottom = bottom if row else line.bottom
        row.setdefault(column, []).append(line)
    if row:
        yield _row(grid, row)


def _row(
    grid: RuledGrid, columns: dict[int, list[PageLine]], *, above: dict[int, list[PageLine]] | None = None
) -> TextRow:
    """Return the row, in each cell its lines from top to bottom; cells that reach into it from `above` say the same."""
    lines = [line for column in columns.values() for line in column]
    repeated = {
        column: lines
        for column, lines in (above or {}).items()
        if len(lines) < 2 or (column == 0 and len(_cell(lines)) <= _REPEATED)
    }
    said = {**repeated, **columns}
    cells = [_cell(said.get(column, [])) for column in range(len(grid.xs) - 1)]
    return TextRow(
        tuple(cells), grid.xs[0], min(line.bottom for line in lines), grid.xs[-1], max(line.top for line in lines)
    )


def _cell(lines: Sequence[PageLine]) -> str:
    ordered = sorted(lines, key=lambda line: (-round(line.bottom), line.left))
    text = " ".join(line.text for line in ordered)
    return text.replace("\x02 ", "").replace("\x02", "-")
