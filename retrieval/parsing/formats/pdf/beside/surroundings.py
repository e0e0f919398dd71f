"""The words beside a form's fields, which a reader takes for their labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import clean
from retrieval.parsing.formats.pdf.beside.objects import Box

if TYPE_CHECKING:
    from pypdfium2 import PdfTextPage

_NEAR = 30.0  # points between a label and its field
_FAR = 300.0
_ABOVE = 16.0  # points: a line
_LONGEST = 100  # characters of a label
_FIELDS_LIMIT = 800  # of a page with more, the labels are not looked for
_SEARCHED_LIMIT = 50_000_000  # characters that are compared with a field, for all the fields of a page


class Surroundings:
    """What stands around the fields of a page, which are at `boxes`."""

    def __init__(self, textpage: PdfTextPage, boxes: Sequence[Box]) -> None:
        self._textpage = textpage
        self._boxes = boxes
        self._asked = len(boxes) <= _FIELDS_LIMIT and len(boxes) * textpage.count_chars() < _SEARCHED_LIMIT

    def label(self, box: Box) -> str:
        """Return the words before the field, else those above it; empty when there are none."""
        return self._left(box, _NEAR) or self._above(box) or self._left(box, _FAR)

    def label_of_tick(self, box: Box) -> str:
        """Return the words behind a box that is ticked, or before it: the nearer ones."""
        return (
            self._right(box, _NEAR / 2) or self._left(box, _NEAR) or self._right(box, _FAR / 2) or self._left(box, _FAR)
        )

    def label_of_choice(self, box: Box) -> str:
        """Return the words before the first of several boxes whose own labels stand behind them."""
        return self._left(box, _FAR) if self._right(box, _NEAR / 2) else ""

    def within(self, box: Box) -> str:
        return self._text(box) if self._asked else ""

    def _left(self, box: Box, reach: float) -> str:
        edge = max((other[2] for other in self._in_row(box) if other[2] <= box[0] + 1), default=box[0] - _FAR)
        low, high = _middle(box)
        if edge >= box[0] - 1 or not self._text((max(box[0] - reach, edge), low, box[0], high)):
            return ""
        return _label(self._text((max(box[0] - _FAR, edge), low, box[0], high)).split("\n")[-1], keep_end=True)

    def _right(self, box: Box, reach: float) -> str:
        edge = min((other[0] for other in self._in_row(box) if other[0] >= box[2] - 1), default=box[2] + _FAR)
        low, high = _middle(box)
        if edge <= box[2] + 1 or not self._text((box[2], low, min(box[2] + reach, edge), high)):
            return ""
        return _label(self._text((box[2], low, min(box[2] + _FAR, edge), high)).split("\n")[0])

    def _above(self, box: Box) -> str:
        above = (box[0], box[3] + 1, box[2], box[3] + _ABOVE)
        if not self._asked or any(_meet(above, other) for other in self._boxes if other != box):
            return ""
        return _label(self._text(above).split("\n")[-1])

    def _in_row(self, box: Box) -> list[Box]:
        if not self._asked:
            return []
        low, high = _middle(box)
        return [other for other in self._boxes if other != box and other[1] < high and other[3] > low]

    def _text(self, box: Box) -> str:
        if not self._asked or box[0] >= box[2] or box[1] >= box[3]:
            return ""
        return clean(self._textpage.get_text_bounded(*box)).strip()


def _middle(box: Box) -> tuple[float, float]:
    """Return the bottom and top of the row that the field's label stands in: its middle, at the top of a high one."""
    height = box[3] - box[1]
    return (box[1] + height * 0.3, box[3] - height * 0.3) if height < 2 * _ABOVE else (box[3] - _ABOVE, box[3] - 4)


def _meet(box: Box, other: Box) -> bool:
    return box[0] < other[2] and box[2] > other[0] and box[1] < other[3] and box[3] > other[1]


def _label(line: str, *, keep_end: bool = False) -> str:
    """Return the line as a label, without what leads to the field; of a long one its end or its beginning."""
    label = " ".join(line.split()).strip(" :._…*|[]()")
    if len(label) > _LONGEST:
        label = label[-_LONGEST:].partition(" ")[2] if keep_end else label[:_LONGEST].rpartition(" ")[0]
    return label if any(map(str.isalnum, label)) else ""
