"""The characters of a PDF's page and where each of them stands, read from pdfium in bulk."""

from __future__ import annotations

import ctypes
import re
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from math import pi

from retrieval.parsing.formats.extracted import clean
from retrieval.parsing.formats.pdf.letters import Letters
from retrieval.parsing.formats.pdf.library import functions

_HALVES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LINE_ENDS = re.compile("[\r\n\x02\ufffe]")
_LINE = re.compile(r"[^\s\x02\ufffe](?:[^\r\n\x02\ufffe]*[^\s\x02\ufffe])?")
_PLACE = ctypes.c_double(), ctypes.c_double()  # pdfium writes into them; to make them anew costs as much as the call
_SKEWED = 0.15  # radians off the next quarter turn, from which on text counts as slanting

Boxes = tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[float]]  # lefts, bottoms, rights, tops


@dataclass(frozen=True, slots=True)
class Glyphs:
    """A page's characters in the order of the file, as UTF-16 units, with the blanks and line ends that pdfium found
    between them, and their boxes in points. `bounds`: left, bottom, right and top of what is shown of the page.
    `quarters`: by how many quarters clockwise characters are turned, of lines that are not upright; None for one that
    slants. `origin_of` tells where a character's baseline begins."""

    text: str
    boxes: Boxes
    bounds: tuple[float, float, float, float]
    quarters: dict[int, int | None]
    origin_of: Callable[[int], tuple[float, float]]
    is_clean: bool  # no sign of them is one that no reader sees
    all_shown: bool  # none of them is off the page
    quarter: int = 0  # by which they were turned back

    def turned(self, quarter: int) -> Glyphs:
        """Return them turned back by that many quarters, so that such text stands upright."""
        return replace(self, boxes=turn_boxes(self.boxes, quarter), quarter=quarter) if quarter else self

    def baseline_of(self, index: int) -> float:
        x, y = self.origin_of(index)
        return (y, x, -y, -x)[self.quarter]

    def shows(self, start: int, end: int) -> bool:
        """Return whether a part of these characters, not turned back, is on the page."""
        if self.all_shown:
            return True
        lefts, bottoms, rights, tops = self.boxes
        left, bottom, right, top = self.bounds
        return (
            min(lefts[start:end]) <= right
            and max(rights[start:end]) >= left
            and min(bottoms[start:end]) <= top
            and max(tops[start:end]) >= bottom
        )


def read_glyphs(letters: Letters, *, bounds: tuple[float, float, float, float]) -> Glyphs:
    """Return the page's characters with their boxes, which can be asked for as long as `letters` are open."""
    text = letters.text
    boxes = _boxes(letters.address, len(text))
    return Glyphs(
        text,
        boxes,
        bounds,
        read_quarters(letters),
        partial(read_origin, letters.address),
        is_clean=is_clean(text),
        all_shown=not text or _are_shown(boxes, bounds),
    )


def is_clean(text: str) -> bool:
    """Return whether no sign of a page's characters is one that no reader sees, but for the ends of its lines."""
    visible = _LINE_ENDS.sub("", text)
    return clean(visible) == visible


def _are_shown(boxes: Boxes, bounds: tuple[float, float, float, float]) -> bool:
    lefts, bottoms, rights, tops = boxes
    left, bottom, right, top = bounds
    return max(lefts) <= right and min(rights) >= left and max(bottoms) <= top and min(tops) >= bottom


def whole(text: str) -> str:
    """Return the text with each character whose two UTF-16 halves stand in it as one character."""
    return _HALVES.sub(lambda halves: halves[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def read_quarters(letters: Letters) -> dict[int, int | None]:
    """Return by how many quarters characters are turned: those of lines whose first or last one is turned."""
    address, text, angle_of = letters.address, letters.text, functions().FPDFText_GetCharAngle
    turned: dict[int, int | None] = {}
    for line in _LINE.finditer(text):
        first, beyond = line.span()
        if angle_of(address, first) == 0 == angle_of(address, beyond - 1):  # the usual case
            continue
        if any(_quarter(angle_of(address, index)) != 0 for index in (first, beyond - 1)):
            signs = (index for index in range(first, beyond) if not text[index].isspace())
            turned |= {index: _quarter(angle_of(address, index)) for index in signs}
    return turned


def _quarter(angle: float) -> int | None:
    quarters = angle / (pi / 2)
    near = round(quarters)
    return near % 4 if abs(quarters - near) * (pi / 2) < _SKEWED else None


def read_origin(address: int | None, index: int) -> tuple[float, float]:
    """Return where a character's baseline begins."""
    x, y = _PLACE
    functions().FPDFText_GetCharOrigin(address, index, ctypes.addressof(x), ctypes.addressof(y))
    return x.value, y.value


def _boxes(address: int | None, count: int) -> Boxes:
    """Return the boxes that the font gives them, which are as high for an a as for a b."""
    places = read_boxes(address, range(count))
    # An FS_RECTF is left, top, right, bottom.
    return places[0::4], places[3::4], places[2::4], places[1::4]


def read_boxes(address: int | None, indices: Sequence[int]) -> Sequence[float]:
    """Return the left, top, right and bottom of each of these characters, one behind the other."""
    places = (ctypes.c_float * (4 * len(indices)))()
    first = ctypes.addressof(places)
    beyond = first + 16 * len(indices)
    deque(map(functions().FPDFText_GetLooseCharBox, repeat(address), indices, range(first, beyond, 16)), maxlen=0)
    return places[:]


def turn_boxes(boxes: Boxes, quarter: int) -> Boxes:
    """Return boxes turned back by so many quarters, one at least."""
    lefts, bottoms, rights, tops = boxes
    if quarter == 1:  # it runs down the page
        return _negative(tops), lefts, _negative(bottoms), rights
    if quarter == 2:
        return _negative(rights), _negative(tops), _negative(lefts), _negative(bottoms)
    return bottoms, _negative(rights), tops, _negative(lefts)


def _negative(numbers: Sequence[float]) -> list[float]:
    return [-number for number in numbers]
