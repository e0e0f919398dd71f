"""Where each character of a document's text is printed on its page. Pure arithmetic: no database, no pdfium.

The text is cleaned, what a PDF prints is raw: words broken by hyphens are whole in the text, white space differs,
columns may stand in another order, rows of tables have "|" between their cells and raised signs "^" before them. What
both have in the same order are a line's characters that are neither white space nor such signs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from retrieval.parsing.formats import clean

# Hyphens, which pdfium also writes as 2 and FFFE and the text may be without; what the text marks cells, raised signs
# and leaders with. They are no part of what is compared.
_SIGNS = frozenset("\x02\ufffe-\u2010\xad|^…")
_NEAR = 400  # printed characters to look ahead for a word of a line that isn't printed as a whole
_SHORT = 6  # characters; a shorter line is found by chance far ahead

Fractions = tuple[float, float, float, float]  # left, top, right, bottom, each from 0 to 1


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions of the page, from its upper left corner."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Line:
    """`text`, the document's characters from `start` on, as they stand beside each other on a page. Character i reaches
    from `edges[i]` to `edges[i + 1]`, in fractions of the page's width; `top` and `bottom` are of its height."""

    start: int
    text: str
    top: float
    bottom: float
    edges: tuple[float, ...]

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def box(self) -> Box:
        return Box(self.edges[0], self.top, self.edges[-1], self.bottom)

    def box_of(self, start: int, end: int) -> Box | None:
        """Return the box of the document's characters `start` to `end`, as far as they are in this line."""
        first, last = max(start, self.start) - self.start, min(end, self.end) - self.start
        return Box(self.edges[first], self.top, self.edges[last], self.bottom) if first < last else None


def lines_of(
    text: str, *, offset: int, codes: Sequence[int], boxes: Sequence[Sequence[float]], ratio: float
) -> list[Line]:
    """Return the lines of `text`, which begins at character `offset` of its document, from the character codes and
    boxes that a page prints.

    `ratio` is the page's height by its width. Characters that aren't printed as they are written are in no line.
    """
    printed, places = _printed(codes, boxes)
    found = [places[at] if at is not None else None for at in _align(text, printed)]
    return [_line(text, first, last, found, offset=offset) for first, last in _runs(text, found, ratio)]


def boxes_of(lines: Sequence[Line], *, start: int, end: int) -> tuple[Box, ...]:
    """Return where the document's characters `start` to `end` stand: a rectangle a line, or one for a column of
    letters."""
    boxes: list[Box] = []
    for line in lines:
        box = line.box_of(start, end)
        if box is None or box.right <= box.left:
            continue
        if boxes and _stacked(boxes[-1], box):
            upper, lower = min(boxes[-1].top, box.top), max(boxes[-1].bottom, box.bottom)
            boxes[-1] = Box(min(boxes[-1].left, box.left), upper, max(boxes[-1].right, box.right), lower)
        else:
            boxes.append(box)
    return tuple(boxes)


def _stacked(one: Box, other: Box) -> bool:
    """Return whether one box stands below the other, as in text that runs down or up the page letter by letter."""
    aligned = abs(one.left - other.left) < 0.004 and abs(one.right - other.right) < 0.004
    gap = max(one.top, other.top) - min(one.bottom, other.bottom)
    return aligned and gap < 0.01


def _printed(codes: Sequence[int], boxes: Sequence[Sequence[float]]) -> tuple[str, list[Fractions]]:
    """Return the visible characters of a page and their boxes."""
    said: list[str] = []
    places: list[Fractions] = []
    codes = _whole_codes(codes)
    for code, box in zip(codes, boxes, strict=True):
        character = chr(code) if 0 < code < 0x110000 else " "
        if character in _SIGNS or not clean(character).strip():
            continue
        said.append(character)
        places.append((box[0], box[1], box[2], box[3]))
    return "".join(said), places


def _whole_codes(codes: Sequence[int]) -> list[int]:
    """Return the two UTF-16 halves of one character as that character, with nothing in the second half's place."""
    whole = list(codes)
    for i, (high, low) in enumerate(pairwise(codes)):
        if 0xD800 <= high < 0xDC00 <= low < 0xE000:
            whole[i], whole[i + 1] = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00), 0
    return whole


def _align(text: str, printed: str) -> list[int | None]:
    """Return for each character of `text` its index in `printed`; None for white space and for what isn't there."""
    found: list[int | None] = [None] * len(text)
    cursor = 0
    for line in re.finditer(r"[^\n]+", text):
        wanted = [i for i in range(*line.span()) if not text[i].isspace() and text[i] not in _SIGNS]
        squeezed = "".join(text[i] for i in wanted)
        at = _find(printed, squeezed, cursor)
        if at >= 0 and wanted:
            found_at = range(at, at + len(wanted))
            for i, place in zip(wanted, found_at, strict=True):
                found[i] = place
            cursor = at + len(wanted)
        else:
            cursor = _align_words(text, line.span(), printed, cursor, found)
    return found


def _find(printed: str, line: str, cursor: int) -> int:
    if printed.startswith(line, cursor):
        return cursor
    near = printed.find(line, cursor, cursor + _NEAR + len(line))
    if near >= 0 or len(line) < _SHORT:
        return near
    ahead = printed.find(line, cursor)
    return ahead if ahead >= 0 else printed.find(line)


def _align_words(text: str, span: tuple[int, int], printed: str, cursor: int, found: list[int | None]) -> int:
    for word in re.compile(r"\S+").finditer(text, *span):
        wanted = [i for i in range(*word.span()) if text[i] not in _SIGNS]
        said = "".join(text[i] for i in wanted)
        at = printed.find(said, cursor, cursor + _NEAR + len(said)) if said else -1
        if at < 0:
            continue
        for number, i in enumerate(wanted):
            found[i] = at + number
        cursor = at + len(said)
    return cursor


def _runs(text: str, found: Sequence[Fractions | None], ratio: float) -> Iterator[tuple[int, int]]:
    """Yield where runs of characters begin and end that stand in one line, side by side."""
    first = last = -1  # of the run under way
    for i, place in enumerate(found):
        if place is None:
            if text[i] == "\n" and first >= 0:
                yield first, last + 1
                first = -1
            continue
        if first >= 0 and not _beside(found[last], place, ratio):
            yield first, last + 1
            first = -1
        first, last = (i if first < 0 else first), i
    if first >= 0:
        yield first, last + 1


def _beside(one: Fractions | None, other: Fractions, ratio: float) -> bool:
    assert one is not None  # runs end with a character that has a place
    lower = min(one[3] - one[1], other[3] - other[1])
    if min(one[3], other[3]) - max(one[1], other[1]) < lower / 2:
        return False
    height = max(one[3] - one[1], other[3] - other[1]) * ratio  # in fractions of the width
    return one[0] - height / 2 < other[0] < one[2] + 1.5 * height


def _line(text: str, first: int, last: int, found: Sequence[Fractions | None], *, offset: int) -> Line:
    """Return the line of characters `first` to `last`; white space among them reaches from its left neighbour to its
    right one."""
    placed = [place for place in found[first:last] if place is not None]
    edges: list[float] = []
    right = placed[0][0]
    for place in found[first:last]:
        edges.append(max(edges[-1], place[0]) if place and edges else right)
        right = max(right, place[2]) if place else right
    edges.append(right)
    top, bottom = min(place[1] for place in placed), max(place[3] for place in placed)
    return Line(offset + first, text[first:last], top, bottom, tuple(edges))
