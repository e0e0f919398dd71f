"""Ordinary pages: lines of text one below the other, which are read in the order of the file.

Most pages are such, and to tell them takes the places of the first and last signs of words. What is turned, raised, set
in columns or in tables, or written in a script that is put together otherwise, makes a page another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from operator import sub

from retrieval.parsing.formats.pdf.columns import GAP, may_have_columns, order_columns, split_at_gaps
from retrieval.parsing.formats.pdf.glyphs import Glyphs, is_clean, read_boxes, read_origin, read_quarters
from retrieval.parsing.formats.pdf.letters import Letters
from retrieval.parsing.formats.pdf.library import functions
from retrieval.parsing.formats.pdf.lines import STREAM_LINE, PageLine, make_line
from retrieval.parsing.formats.pdf.tables import tables_in
from retrieval.parsing.formats.pdf.words import WORD, PrintedWord, tidied

_OTHER_SCRIPTS = re.compile("[\u0590-\u1dff\u2e80-\udfff\uf900-\ufaff\ufb07-\ufffd]")
_SPLIT_LINES = 2  # of a page, with wide gaps: tables have three rows at least
_SPLIT_SHARE = 0.4  # of the lines: a list's marks stand apart
_LINES_LIMIT = 1_000
_EDGE_LINES = 5
_NOWHERE: tuple[float, ...] = ()

Span = tuple[int, int]


def ordinary_lines(letters: Letters, *, bounds: tuple[float, float, float, float]) -> list[PageLine] | None:
    """Return the lines of a page without ruled tables as `lay_out` does; None when the page isn't ordinary for sure."""
    text = letters.text
    if not letters.is_plain or _OTHER_SCRIPTS.search(text) or not is_clean(text) or read_quarters(letters):
        return None
    found = ([word.span() for word in WORD.finditer(text, *line.span())] for line in STREAM_LINE.finditer(text))
    lines = [words for words in found if words]
    if not 0 < len(lines) <= _LINES_LIMIT:
        return None
    places = _Places(letters, lines)
    printed = list(places.printed(lines)) if places.are_within(bounds) else []
    if len(printed) < len(lines):
        return None
    for number in _at_edges(printed):
        printed[number] = places.exact(printed[number], lines[number])
    if any(line.bottom >= before.top for before, line in pairwise(printed)):  # written upwards somewhere
        return None
    if not _are_apart(printed) or not _are_in_order(letters, places, lines, printed) or not places.are_plain(lines):
        return None
    return printed


class _Places:
    """Where words stand: for each of a page's words, in order, the sides of its first and last signs."""

    def __init__(self, letters: Letters, lines: Sequence[Sequence[Span]]) -> None:
        self._letters = letters
        ends = [index for words in lines for first, beyond in words for index in (first, beyond - 1)]
        sides = read_boxes(letters.address, ends)  # left, top, right and bottom of a first sign, then of a last one
        self.lefts, self.rights, self._last_lefts = sides[0::8], sides[6::8], sides[4::8]
        bottoms, last_bottoms, tops, last_tops = sides[3::8], sides[7::8], sides[1::8], sides[5::8]
        self._are_even = bottoms == last_bottoms and tops == last_tops
        self._uneven = [
            index
            for index, (one, other, high, low) in enumerate(zip(bottoms, last_bottoms, tops, last_tops, strict=True))
            if one != other or high != low
        ]
        self.bottoms = bottoms if self._are_even else list(map(min, bottoms, last_bottoms))
        self.tops = tops if self._are_even else list(map(max, tops, last_tops))
        self._flattest = min(map(sub, (*tops, *last_tops), (*bottoms, *last_bottoms)))

    def are_plain(self, lines: Sequence[Sequence[Span]]) -> bool:
        """Return whether the signs of each word stand on one line, from left to right."""
        if self._flattest <= 0 or min(map(sub, self._last_lefts, self.lefts)) < 0:
            return False
        if self._uneven:
            spans = [word for words in lines for word in words]
            if not all(self._is_level((spans[at][0], spans[at][1] - 1)) for at in self._uneven):
                return False
        count, address = functions().FPDFText_CountRects, self._letters.address  # of runs of signs written as one
        for words in lines:
            first, beyond = words[0][0], words[-1][1]
            if count(address, first, beyond - first) != 1 and not all(map(self._is_whole, words)):
                return False
        return True

    def _is_whole(self, word: Span) -> bool:
        """Return whether the signs between the first and the last of a word stand on its line."""
        first, beyond = word
        if beyond - first < 3 or functions().FPDFText_CountRects(self._letters.address, first, beyond - first) == 1:
            return True
        sides = read_boxes(self._letters.address, range(first, beyond))
        if len({*sides[3::4]}) == 1 and len({*sides[1::4]}) == 1:
            return True
        return self._is_level(range(first, beyond))

    def _is_level(self, signs: Sequence[int]) -> bool:
        """Return whether signs stand on one baseline; letters may reach beyond the box of their font."""
        baselines = [read_origin(self._letters.address, index)[1] for index in signs]
        return bool(max(baselines) - min(baselines) <= 0.1 * self._flattest)

    def exact(self, line: PageLine, words: Sequence[Span]) -> PageLine:
        """Return the line as high as its highest and as low as its lowest sign."""
        if self._are_even:
            return line
        sides = read_boxes(self._letters.address, [index for word in words for index in range(*word)])
        return replace(line, bottom=min(sides[3::4]), top=max(sides[1::4]))

    def are_within(self, bounds: tuple[float, float, float, float]) -> bool:
        left, bottom, right, top = bounds
        return (
            max(self._last_lefts) <= right
            and min(self.rights) >= left
            and max(self.bottoms) <= top
            and min(self.tops) >= bottom
        )

    def printed(self, lines: Sequence[Sequence[Span]]) -> Iterator[PageLine]:
        """Yield the lines, up to the first one whose words don't stand side by side."""
        text, at = self._letters.text, 0
        for number, words in enumerate(lines):
            end = at + len(words)
            lefts, rights = self.lefts[at:end], self.rights[at:end]
            bottoms, tops = self.bottoms[at:end], self.tops[at:end]
            if any(one > other for one, other in pairwise(lefts)) or min(tops) <= max(bottoms):
                return
            said = tidied(text[words[0][0] : words[-1][1]])
            yield PageLine(lefts[0], min(bottoms), max(rights), max(tops), number=number, said=said)
            at = end

    def words(self, words: Sequence[Span], at: int) -> list[PrintedWord]:
        """Return the words of a line that begins with the word `at`."""
        return [
            PrintedWord(first, beyond, self.lefts[index], self.bottoms[index], self.rights[index], self.tops[index])
            for index, (first, beyond) in enumerate(words, start=at)
        ]

    def gap(self, at: int, end: int) -> float:
        """Return the widest gap between the words `at` to `end`."""
        return max(map(sub, self.lefts[at + 1 : end], self.rights[at : end - 1]), default=0.0)


def _at_edges(lines: Sequence[PageLine]) -> list[int]:
    """Return the lines, by index, at the top and at the bottom of the page: whether they repeat is told by a gap."""
    falling = sorted(range(len(lines)), key=lambda number: -lines[number].top)
    return falling if len(falling) <= 2 * _EDGE_LINES else [*falling[:_EDGE_LINES], *falling[-_EDGE_LINES:]]


def _are_apart(lines: Sequence[PageLine]) -> bool:
    """Return whether no line stands beside another, or goes on where the one before it ended."""
    falling = sorted(lines, key=lambda line: -(line.top + line.bottom))
    if any((other.top + other.bottom) / 2 >= one.bottom + 0.25 * one.height for one, other in pairwise(falling)):
        return False
    return all(_is_below(other, one) for one, other in pairwise(lines))


def _is_below(line: PageLine, before: PageLine) -> bool:
    """Return whether a line of the file begins another one, and doesn't go on with the one before it."""
    overlap = min(before.top, line.top) - max(before.bottom, line.bottom)
    return overlap <= 0 or (
        overlap < 0.4 * min(before.height, line.height) and line.left < before.right - before.height
    )


def _are_in_order(letters: Letters, places: _Places, lines: Sequence[Sequence[Span]], printed: list[PageLine]) -> bool:
    """Return whether the lines make no columns and no tables. Those with wide gaps get their words."""
    glyphs = Glyphs(letters.text, (_NOWHERE,) * 4, (0, 0, 0, 0), {}, lambda _: (0, 0), is_clean=True, all_shown=True)
    starts = [0, *accumulate(map(len, lines))]
    split = []
    for index, line in enumerate(printed):
        gap = places.gap(starts[index], starts[index + 1])
        if gap > GAP * line.height and gap > GAP * places.exact(line, lines[index]).height:
            split.append(index)
            if len(split) > max(_SPLIT_LINES, _SPLIT_SHARE * len(lines)):
                return False
    for index in split:
        printed[index] = replace(printed[index], words=tuple(places.words(lines[index], starts[index])))
    segments = [part for line in printed for part in (split_at_gaps(glyphs, line) if line.words else (line,))]
    if len(split) <= _SPLIT_LINES and not may_have_columns(segments):
        return True
    worded = [
        make_line(glyphs, places.words(words, at), number=number)
        for number, (words, at) in enumerate(zip(lines, starts, strict=False))
    ]
    columns = list(order_columns(glyphs, worded))
    return len(columns) == 1 and not any(tables_in(columns[0]))
