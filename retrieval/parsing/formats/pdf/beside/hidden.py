"""Text that a page holds and no reader sees: it is taken off the page before the page's lines are read.

Text in render mode 3 stays where a picture is beneath it: that is how text recognition writes under a scan. So it does
where the page shows no other text, but is drawn of many lines, as scans are that were traced.
"""

from __future__ import annotations

import ctypes
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from math import sqrt
from typing import TYPE_CHECKING, Any

from retrieval.parsing.formats.pdf.beside.narrow import widen
from retrieval.parsing.formats.pdf.beside.objects import Box, Painted, combined, library, own_matrix, page_box, painted
from retrieval.parsing.formats.pdf.beside.strings import read_string

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_STRING_KEPT = 100  # characters, by which strings are told apart
_COLOUR = [ctypes.c_uint() for _ in range(4)]  # pdfium writes into them; to make them anew costs as much as the call
_POINT = [ctypes.c_float() for _ in range(2)]
_TINY = 1.0  # points: what is less high reads like a dotted line
_PALE = 235  # of 255: a colour whose parts are all above may not show on paper
_SEEN = 6  # of 255: the least difference in brightness that is taken for seen
_CELLS = 96  # the page is looked at in as many by as many cells
_PAINT_LIMIT = 2_000_000  # cells that a page's objects may mark
_TRACED = 200  # lines and areas, of which a page is a traced picture
_FILLED = (0, 1, 2)  # render modes of letters that are filled, drawn, or both, and cut nothing off
_UNPAINTED = (3, 7)  # render modes of letters that are not drawn
_CUTTING = 7  # render mode of letters that cut what is painted later
_COLOURS_LIMIT = 64  # of a page's areas, in which text may not be seen
_COVERING = 4.0  # points: what is thinner is a rule
_CLIP_LIMIT = 64  # points of a path that is looked at for what it cuts off
_PIXELS_LIMIT = 4_000_000
_DRAWING_SECONDS = 20  # for a document, to see whether pale text shows


class HiddenText:
    """Takes the text off pages that nobody sees. `count`: how many different strings went so far."""

    def __init__(self) -> None:
        self._strings: set[str] = set()
        self._seconds = 0.0

    @property
    def count(self) -> int:
        return len(self._strings)

    def take_off(self, page: PdfPage) -> None:
        """Make the page's hidden text inactive: what reads or draws the page passes it over."""
        narrow: list[Painted] = []
        hidden, doubtful = _sorted_out(page, narrow)
        if doubtful and self._seconds < _DRAWING_SECONDS:
            begun = time.monotonic()
            hidden += _unseen(page, doubtful)
            self._seconds += time.monotonic() - begun
        if narrow:
            widen(narrow)
        if hidden:
            self._strings.update(_strings(page, hidden))
        for text in hidden:
            _activate(text, active=False)


def _strings(page: PdfPage, texts: Sequence[Painted]) -> Iterator[str]:
    """Yield what they say, as the file writes it, but for white space."""
    raw = library()
    textpage = page.get_textpage()
    for text in texts:
        said = read_string(raw.FPDFTextObj_GetText, text.raw, textpage)
        if said:
            yield said[:_STRING_KEPT]
    textpage.close()


def _sorted_out(page: PdfPage, narrow: list[Painted]) -> tuple[list[Painted], list[tuple[Painted, Box]]]:
    """Return the text that is hidden for sure, and that of which only the drawn page can tell. What has no extent is
    added to `narrow`."""
    raw = library()

    shown = page_box(page)
    objects = painted(page)
    pictures, above, covers = _Cells(shown), _Cells(shown), _Cells(shown)
    for item in objects:
        if item.kind == raw.FPDF_PAGEOBJ_IMAGE:
            pictures.mark(item.box())
    hidden, doubtful, unpainted = [], [], []
    for item in reversed(objects):  # from the one that lies uppermost
        if item.kind == raw.FPDF_PAGEOBJ_IMAGE:
            above.mark(item.box())
        elif item.kind == raw.FPDF_PAGEOBJ_PATH:
            if _covers(item):
                covers.mark(item.box())
        elif item.kind == raw.FPDF_PAGEOBJ_TEXT:
            box = item.box()
            mode = raw.FPDFTextObj_GetTextRenderMode(item.raw)
            colour = _colour(item, mode)
            if box[0] == box[2] and box[1] == box[3]:
                narrow.append(item)
            if _is_away(item, box, shown) or _is_tiny(item, box):
                hidden.append(item)
            elif mode in _UNPAINTED or (colour and colour[3] < _SEEN):
                if not pictures.hold(box) and not (mode == _CUTTING and covers.hold(box)):
                    unpainted.append(item)
            elif mode in _FILLED and (covers.hold(box) or _may_not_show(item, colour)) and not above.hold(box):
                doubtful.append((item, box))
    kinds = Counter(item.kind for item in objects)
    taken = {id(item) for item in (*hidden, *unpainted, *(item for item, _box in doubtful))}
    doubtful += [(item, box) for item, box in _in_own_colour(objects, shown, taken) if not above.hold(box)]
    is_traced = kinds[raw.FPDF_PAGEOBJ_TEXT] == len(unpainted) and kinds[raw.FPDF_PAGEOBJ_PATH] >= _TRACED
    return hidden + ([] if is_traced else unpainted), doubtful


def _in_own_colour(objects: Sequence[Painted], shown: Box, taken: set[int]) -> Iterator[tuple[Painted, Box]]:
    """Yield text, but for what is taken, that stands where an area of its colour, or nearly so, is."""
    raw = library()
    areas: dict[tuple[int, ...], _Cells] = {}
    for item in objects:
        if item.kind == raw.FPDF_PAGEOBJ_PATH and _covers(item):
            near = _near(_colour(item, raw.FPDF_TEXTRENDERMODE_FILL))
            if near in areas or len(areas) < _COLOURS_LIMIT:
                areas.setdefault(near, _Cells(shown)).mark(item.box())
    if not areas:
        return
    for item in objects:
        if item.kind == raw.FPDF_PAGEOBJ_TEXT and id(item) not in taken:
            mode = raw.FPDFTextObj_GetTextRenderMode(item.raw)
            area = areas.get(_near(_colour(item, mode))) if mode in _FILLED else None
            if area and area.hold(item.box()):
                yield item, item.box()


def _near(colour: tuple[int, int, int, int] | None) -> tuple[int, ...]:
    """Return what colours that are alike share; nothing for patterns."""
    return tuple(part // 16 for part in colour[:3]) if colour else ()


# ---- signs -----------------------------------------------------------------------------------------------------------


def _is_away(text: Painted, box: Box, shown: Box) -> bool:
    """Return whether the text lies off the page, or outside of the path that its painting is cut to."""
    if box[0] >= box[2] and box[1] >= box[3]:  # without an extent, like a space
        return False
    return _is_apart(box, shown) or _is_cut_off(text)


def _is_cut_off(text: Painted) -> bool:
    raw = library()

    path = raw.FPDFPageObj_GetClipPath(text.raw)
    count = raw.FPDFClipPath_CountPaths(path) if path else 0
    if count <= 0:
        return False
    own = Painted(text.raw, text.kind, (1, 0, 0, 1, 0, 0)).box()  # as its clip path is given: in its form
    return any(
        (bounds := _bounds(path, index)) is not None and _is_apart(own, bounds)
        for index in range(min(count, _CLIP_LIMIT))
    )


def _bounds(path: Any, index: int) -> Box | None:
    """Return the bounds of one of the clip path's paths; None when it has none, or is too long to look at."""
    raw = library()

    count = raw.FPDFClipPath_CountPathSegments(path, index)
    if not 2 <= count <= _CLIP_LIMIT:
        return None
    points = []
    x, y = _POINT
    for number in range(3 if count in (4, 5) else count):
        raw.FPDFPathSegment_GetPoint(raw.FPDFClipPath_GetPathSegment(path, index, number), x, y)
        points.append((x.value, y.value))
    if count in (4, 5):  # of a rectangle, three corners tell the fourth
        (left, bottom), (middle, edge), (right, top) = points
        points.append((left + right - middle, bottom + top - edge))
    across, along = [x for x, _ in points], [y for _, y in points]
    return (min(across), min(along), max(across), max(along))


def _is_apart(box: Box, other: Box) -> bool:
    return box[2] < other[0] or box[0] > other[2] or box[3] < other[1] or box[1] > other[3]


def _is_tiny(text: Painted, box: Box) -> bool:
    raw = library()

    if min(box[2] - box[0], box[3] - box[1]) >= _TINY:
        return False
    size = ctypes.c_float()
    raw.FPDFTextObj_GetFontSize(text.raw, size)
    a, b, c, d, _, _ = combined(own_matrix(text.raw), text.matrix)
    return abs(size.value) * sqrt(abs(a * d - b * c)) < _TINY


def _may_not_show(text: Painted, colour: tuple[int, int, int, int] | None) -> bool:
    """Return whether the text is pale, or belongs to a layer, which may be off."""
    if colour and min(colour) >= _PALE:
        return True
    count = library().FPDFPageObj_CountMarks(text.raw)
    return count > 0 and any(_mark_name(text.raw, index) == "OC" for index in range(min(count, 8)))


def _colour(text: Painted, mode: int) -> tuple[int, int, int, int] | None:
    """Return red, green, blue and opacity, from 0 to 255; None for a pattern, and for letters that are filled and
    drawn."""
    raw = library()

    read = raw.FPDFPageObj_GetFillColor
    if mode in (raw.FPDF_TEXTRENDERMODE_STROKE, raw.FPDF_TEXTRENDERMODE_STROKE_CLIP):
        read = raw.FPDFPageObj_GetStrokeColor
    elif mode not in (raw.FPDF_TEXTRENDERMODE_FILL, raw.FPDF_TEXTRENDERMODE_FILL_CLIP):
        return None
    red, green, blue, alpha = _COLOUR
    return (red.value, green.value, blue.value, alpha.value) if read(text.raw, red, green, blue, alpha) else None


def _mark_name(raw_object: Any, index: int) -> str:
    raw = library()

    name, length = (ctypes.c_ushort * 8)(), ctypes.c_ulong()
    raw.FPDFPageObjMark_GetName(raw.FPDFPageObj_GetMark(raw_object, index), name, 16, length)
    return bytes(name).decode("utf-16-le").partition("\0")[0] if length.value <= 16 else ""


def _covers(path: Painted) -> bool:
    """Return whether the path is filled, opaque and more than a rule."""
    raw = library()

    left, bottom, right, top = path.box()
    if min(right - left, top - bottom) < _COVERING:
        return False
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    raw.FPDFPath_GetDrawMode(path.raw, fill, stroke)
    return bool(fill.value != raw.FPDF_FILLMODE_NONE)


class _Cells:
    """The cells of a page that something lies on."""

    def __init__(self, page: Box) -> None:
        self._left, self._bottom, right, top = page
        self._width = max(right - self._left, 1) / _CELLS
        self._height = max(top - self._bottom, 1) / _CELLS
        self._rows: dict[int, int] = {}  # a bit for each cell
        self._left_over = _PAINT_LIMIT

    def mark(self, box: Box) -> None:
        first, last = self._across(box[0]), self._across(box[2])
        bits = (1 << (last + 1)) - (1 << first)
        low, high = self._along(box[1]), self._along(box[3])
        self._left_over -= high - low + 1
        if self._left_over > 0:
            for row in range(low, high + 1):
                self._rows[row] = self._rows.get(row, 0) | bits

    def hold(self, box: Box) -> bool:
        """Return whether the middle of the box lies on a marked cell."""
        row, column = self._along((box[1] + box[3]) / 2), self._across((box[0] + box[2]) / 2)
        return bool(self._rows.get(row, 0) >> column & 1)

    def _across(self, x: float) -> int:
        return _within_page((x - self._left) / self._width)

    def _along(self, y: float) -> int:
        return _within_page((y - self._bottom) / self._height)


def _within_page(cell: float) -> int:
    return int(min(_CELLS - 1, max(0, cell)))  # in this order, what is no number is 0


# ---- the drawn page --------------------------------------------------------------------------------------------------


def _unseen(page: PdfPage, doubtful: Sequence[tuple[Painted, Box]]) -> list[Painted]:
    """Return the text without which the page looks the same."""
    scale = min(1.0, sqrt(_PIXELS_LIMIT / max(page.get_width() * page.get_height(), 1)))
    before = _Drawn(page, scale)
    for text, _box in doubtful:
        _activate(text, active=False)
    after = _Drawn(page, scale)
    for text, _box in doubtful:
        _activate(text, active=True)
    return [text for text, box in doubtful if not before.differs(after, box)]


def _activate(text: Painted, *, active: bool) -> None:
    raw = library()

    raw.FPDFPageObj_SetIsActive(text.raw, active)


class _Drawn:
    """A page as a picture in grey."""

    def __init__(self, page: PdfPage, scale: float) -> None:
        bitmap = page.render(scale=scale, grayscale=True, draw_annots=False, may_draw_forms=False)
        self._pixels = bytes(bitmap.buffer)
        self._stride, self._width, self._height = bitmap.stride, bitmap.width, bitmap.height
        self._page, self._scale = page, scale
        bitmap.close()

    def differs(self, other: _Drawn, box: Box) -> bool:
        """Return whether the two differ, so that one sees it, within the box."""
        first, top, last, bottom = self._pixel_box(box)
        for row in range(top, bottom):
            start, end = row * self._stride + first, row * self._stride + last
            ours, theirs = self._pixels[start:end], other._pixels[start:end]
            if ours != theirs and max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) >= _SEEN:
                return True
        return False

    def _pixel_box(self, box: Box) -> tuple[int, int, int, int]:
        """Return the left, top, right and bottom of the box in pixels, right and bottom excluded."""
        raw = library()

        x, y = ctypes.c_int(), ctypes.c_int()
        across, along = [], []
        for corner in ((box[0], box[1]), (box[2], box[1]), (box[0], box[3]), (box[2], box[3])):
            raw.FPDF_PageToDevice(self._page, 0, 0, self._width, self._height, 0, *corner, x, y)
            across.append(x.value)
            along.append(y.value)
        return (
            max(min(across) - 1, 0),
            max(min(along) - 1, 0),
            min(max(across) + 2, self._width),
            min(max(along) + 2, self._height),
        )
