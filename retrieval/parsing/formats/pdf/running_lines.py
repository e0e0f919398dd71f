"""Lines that repeat outside the body of a PDF's pages: the title of a chapter, a page's number.

They are told by their place. What stands within the block of the body is never one, however often it repeats, nor is
what says a fact as "label: value".
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from retrieval.notes import Notes
from retrieval.parsing.formats.pdf.lines import PageLine, line_spans

_EDGE_ROWS = 3  # at the top and at the bottom, that may repeat
_EDGE = 0.15  # of the page's height, within which they stand
_APART = 0.6  # of a line's height: less lies between two lines of the body
_NEAR = 4.0  # points between the places of one line on two pages
_REPEATED = 3  # pages at least
_SHARE = 0.4  # of the pages from its first to its last: half of them where left and right pages differ
_WIDE = 2.5  # of a line's height: what lies between a title and a page's number
_BLANKS = 0.6  # of a line's height: several blanks beside a page's number
_FEW_ROWS = 4  # of a page, whose gaps don't tell what is usual
_SMALLER = 0.85  # of the height of the other lines, by small print at the edge of a slide
_NUMBER = re.compile(r"\d{1,9}")
_ROMAN = re.compile(r"[ivxlc]{1,8}|[IVXLC]{1,8}")
_ROMAN_DIGITS = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}
_LABELLED = re.compile(r"[^:：]*[^\W\d_][^:：]{0,3}[:：](?!//)\s*\S")
_SEPARATED = re.compile(r"\A\W?\d{1,4} *[|•·–—/] |[|•·–—/] *\d{1,4}\W?\Z")
_PAGE_WORD = re.compile(
    r"\b(?:pages?|pg?\.|seiten?|s\.|pag(?:e|ina|in[ae])?\.?|página|pàgina|sidan?|side|strana|strona|стр(?:аница)?)(?!\w)"
    "|[頁页ページ]|쪽",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Edge:
    """A line outside the body: the side of the page, its words without numbers, the numbers, and its place from there
    and from both sides."""

    side: str
    shape: str
    numbers: tuple[int, ...]
    offset: float
    left: float
    right: float
    counts: bool

    def repeats(self, other: _Edge, distance: int) -> bool:
        """Return whether another page, so many pages on, has this line in the same place, or mirrored, with numbers
        that are the same or, where they may be a page's, count as pages do."""
        allowed = (0, distance) if self.counts else (0,)
        sides = (self.left - other.left, self.right - other.right, self.left - other.right, self.right - other.left)
        centre = (self.left - self.right - other.left + other.right) / 2
        return (
            (self.side, self.shape) == (other.side, other.shape)
            and abs(self.offset - other.offset) < _NEAR
            and min(map(abs, (*sides, centre))) < _NEAR
            and all(theirs - ours in allowed for ours, theirs in zip(self.numbers, other.numbers, strict=True))
        )


Bounds = tuple[float, float, float, float]  # left, bottom, right, top


def mark_running_lines(
    pages: Sequence[Sequence[PageLine]], *, bounds: Sequence[Bounds], starts: Sequence[int], notes: Notes
) -> list[tuple[int, int]]:
    """Return the spans of the lines that repeat on the pages, without the first of each that says something, and note
    them. `starts`: where the text of each page begins."""
    said: set[str] = set()
    spans = []
    for page, found, start in zip(pages, find_running_lines(pages, bounds=bounds), starts, strict=True):
        places = line_spans(page)
        for index, shape in sorted(found.items()):
            if shape in said or not any(map(str.isalpha, shape)):
                spans.append((start + places[index][0], start + places[index][1]))
            if shape not in said:
                notes.add("running_lines", page[index].text)
            said.add(shape)
    return spans


def find_running_lines(pages: Sequence[Sequence[PageLine]], *, bounds: Sequence[Bounds]) -> list[dict[int, str]]:
    """Return for each page the lines, by index, that are on most pages around in the same place outside the body, with
    their text without numbers. `bounds`: left, bottom, right and top of each page."""
    edges = [_edges(page, within) for page, within in zip(pages, bounds, strict=True)]
    alike: dict[tuple[str, str], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for number, page in enumerate(edges):
        for index, edge in page.items():
            if _is_repeated(edges, number, edge):
                alike[edge.side, edge.shape][number].append(index)
    found: list[dict[int, str]] = [{} for _ in pages]
    for (_, shape), where in alike.items():
        if len(where) >= _REPEATED and len(where) >= _SHARE * (max(where) - min(where) + 1):
            for number, indices in where.items():
                found[number].update(dict.fromkeys(indices, shape))
    return found


def _is_repeated(edges: Sequence[dict[int, _Edge]], number: int, edge: _Edge) -> bool:
    """Return whether two of the pages around have this line too; left and right pages may have others."""
    around = [distance for distance in (-4, -2, -1, 1, 2, 4) if 0 <= number + distance < len(edges)]
    alike = (any(edge.repeats(other, distance) for other in edges[number + distance].values()) for distance in around)
    return sum(alike) >= 2


def _edges(lines: Sequence[PageLine], bounds: Bounds) -> dict[int, _Edge]:
    """Return the lines above and below the body of a page, by index, that can be running lines."""
    left, bottom, right, top = bounds
    rows = list(_rows(lines))
    found = {}
    for side, index in _outside(lines, rows, bounds):
        line = lines[index]
        if (shape := _shape(line)) is not None:
            offset = top - line.top if side == "top" else line.bottom - bottom
            found[index] = _Edge(
                side, shape, _numbers(line.text), offset, line.left - left, right - line.right, _counts(line)
            )
    return found


def _rows(lines: Sequence[PageLine]) -> Iterator[list[int]]:
    """Yield the lines, by index, that stand side by side, from the top of the page to its bottom."""
    filled = sorted((index for index, line in enumerate(lines) if line.text), key=lambda index: -lines[index].top)
    row: list[int] = []
    for index in filled:
        if row and min(lines[row[0]].height, lines[index].height) / 2 > lines[index].top - lines[row[0]].bottom:
            yield row
            row = []
        row.append(index)
    if row:
        yield row


def _outside(lines: Sequence[PageLine], rows: Sequence[Sequence[int]], bounds: Bounds) -> Iterator[tuple[str, int]]:
    """Yield the side and the index of the lines at the edges of the page that stand apart from its body."""
    gaps = [
        min(lines[index].bottom for index in upper) - max(lines[index].top for index in lower)
        for upper, lower in pairwise(rows)
    ]
    usual = median(gaps) if gaps else 0.0
    apart = [
        gap > max(1.6 * usual, usual + _APART * lines[row[0]].height) and gap > _APART * lines[row[0]].height
        for gap, row in zip(gaps, rows, strict=False)
    ]
    upper = [number for number in range(min(_EDGE_ROWS, len(apart))) if apart[number]]
    lower = [number for number in range(max(0, len(apart) - _EDGE_ROWS), len(apart)) if apart[number]]
    first, last = (upper[-1] + 1 if upper else 0), (lower[0] + 1 if lower else len(rows))
    if last - first < 2 or len(rows) <= _FEW_ROWS:
        yield from (
            (side, index) for side, index in _small_print(lines, rows) if _is_at_edge(side, lines[index], bounds)
        )
    if last - first < 2:  # a page with that little on it has no other edges
        return
    for side, beyond in (("top", rows[:first]), ("bottom", rows[last:])):
        for index in (index for row in beyond for index in row):
            if _is_at_edge(side, lines[index], bounds):
                yield side, index


def _is_at_edge(side: str, line: PageLine, bounds: Bounds) -> bool:
    _, bottom, _, top = bounds
    return (top - line.bottom if side == "top" else line.top - bottom) < _EDGE * (top - bottom)


def _small_print(lines: Sequence[PageLine], rows: Sequence[Sequence[int]]) -> Iterator[tuple[str, int]]:
    """Yield the side and the index of the first and the last line of a page that are smaller than those between, or
    than the other one."""
    if len(rows) < 2:
        return
    between = rows[1:-1]
    for side, row, others in (("top", rows[0], between or rows[1:]), ("bottom", rows[-1], between or rows[:-1])):
        lowest = min(lines[index].height for other in others for index in other)
        if max(lines[index].height for index in row) < _SMALLER * lowest:
            yield from ((side, index) for index in row)


def _shape(line: PageLine) -> str | None:
    """Return a line without its numbers; None when it says a fact."""
    text = " ".join(line.text.split())
    if _LABELLED.match(text) and not _PAGE_WORD.search(text.replace("：", ":").partition(":")[0]):
        return None
    return "#" if _ROMAN.fullmatch(text) else _NUMBER.sub("#", text)


def _counts(line: PageLine) -> bool:
    """Return whether a number of the line may be the page's: "Page 3 of 9", "- 3 -", "3 | Handbook", but not "Sheet 3",
    which names what is on the page."""
    text = line.text.strip()
    if _ROMAN.fullmatch(text) or not any(map(str.isalpha, text)) or _PAGE_WORD.search(text):
        return True
    if _SEPARATED.search(text):
        return True
    gaps = [other.left - one.right for one, other in pairwise(line.words)]
    words = text.split()
    beside = [
        gap for gap, word in zip((*gaps[:1], *gaps[-1:]), (words[0], words[-1]), strict=False) if word.isdecimal()
    ]
    return any(gap > _WIDE * line.height for gap in (*gaps[:1], *gaps[-1:])) or any(
        gap > _BLANKS * line.height for gap in beside
    )


def _numbers(text: str) -> tuple[int, ...]:
    if _ROMAN.fullmatch(text.strip()):
        digits = [_ROMAN_DIGITS[letter] for letter in text.strip().lower()]
        return (sum(-one if one < other else one for one, other in pairwise([*digits, 0])),)
    return tuple(map(int, _NUMBER.findall(text)))
