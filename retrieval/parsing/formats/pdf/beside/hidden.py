"""Text that a page holds and no reader sees: it is taken off the page before the page's lines are read.

Text in render mode 3 stays where a picture is beneath it: that is how text recognition writes under a scan. So it does
where the page shows no other text, but is drawn of many lines, as scans are that were traced.
"""

from __future__ import annotations

import ctypes
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from math import ceil, sqrt
from typing import TYPE_CHECKING

from retrieval.parsing.formats.pdf.beside.narrow import widen
from retrieval.parsing.formats.pdf.beside.objects import Box, Painted, library, page_box, painted
from retrieval.parsing.formats.pdf.beside.strings import read_string
from retrieval.parsing.formats.pdf.library import address_of, functions
from retrieval.parsing.formats.pdf.matrices import UPRIGHT, combined, own_matrix

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_STRING_KEPT = 100  # characters, by which strings are told apart
_SEARCHED_LIMIT = 50_000_000  # characters of a page that are searched for its hidden strings: each is in all of them
_COLOUR = (ctypes.c_uint * 4)()  # pdfium writes into them; to make them anew costs as much as the call
_COLOUR_ADDRESSES = [ctypes.addressof(_COLOUR) + 4 * number for number in range(4)]
_POINT = (ctypes.c_float * 2)()
_POINT_ADDRESSES = [ctypes.addressof(_POINT), ctypes.addressof(_POINT) + 4]
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
    """Takes the text off pages that nobody sees. `count`: how many different strings went so far; those of a page that
    holds too many to be told apart count each."""

    def __init__(self) -> None:
        self._strings: set[str] = set()
        self._untold = 0
        self._seconds = 0.0

    @property
    def count(self) -> int:
        return len(self._strings) + self._untold

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
            self._count(page, hidden)
        for text in hidden:
            _activate(text, active=False)

    def _count(self, page: PdfPage, hidden: Sequence[Painted]) -> None:
        """Count what they say, as the file writes it, but for white space."""
        textpage = page.get_textpage()
        told = _SEARCHED_LIMIT // max(textpage.count_chars(), 1)
        address = address_of(textpage)
        for text in hidden[:told]:
            said = read_string(functions().FPDFTextObj_GetText, text.address, address)
            if said:
                self._strings.add(said[:_STRING_KEPT])
        self._untold += len(hidden[told:])
        textpage.close()


def _sorted_out(page: PdfPage, narrow: list[Painted]) -> tuple[list[Painted], list[tuple[Painted, Box]]]:
    """Return the text that is hidden for sure, and that of which only the drawn page can tell. What has no extent is
    added to `narrow`."""
    raw, mode_of = library(), functions().FPDFTextObj_GetTextRenderMode
    objects = painted(page)
    kinds = Counter([item.kind for item in objects])
    if not kinds[raw.FPDF_PAGEOBJ_TEXT]:
        return [], []
    shown = page_box(page)
    pictures, above, covers = _Cells(shown), _Cells(shown), _Cells(shown)
    if kinds[raw.FPDF_PAGEOBJ_IMAGE]:
        for item in objects:
            if item.kind == raw.FPDF_PAGEOBJ_IMAGE:
                pictures.mark(item.box())
    hidden, doubtful, unpainted = [], [], []
    for item in reversed(objects):  # from the one that lies uppermost
        if item.kind == raw.FPDF_PAGEOBJ_TEXT:
            box = item.box()
            mode = mode_of(item.address)
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
        elif item.kind == raw.FPDF_PAGEOBJ_IMAGE:
            above.mark(item.box())
        elif item.kind == raw.FPDF_PAGEOBJ_PATH and _covers(item, box := item.box()):
            covers.mark(box)
    if kinds[raw.FPDF_PAGEOBJ_PATH]:
        taken = {id(item) for item in (*hidden, *unpainted, *(item for item, _box in doubtful))}
        doubtful += [(item, box) for item, box in _in_own_colour(objects, shown, taken) if not above.hold(box)]
    is_traced = kinds[raw.FPDF_PAGEOBJ_TEXT] == len(unpainted) and kinds[raw.FPDF_PAGEOBJ_PATH] >= _TRACED
    return hidden + ([] if is_traced else unpainted), doubtful


def _in_own_colour(objects: Sequence[Painted], shown: Box, taken: set[int]) -> Iterator[tuple[Painted, Box]]:
    """Yield text, but for what is taken, that stands where an area of its colour, or nearly so, is."""
    raw = library()
    areas: dict[tuple[int, ...], _Cells] = {}
    for item in objects:
        if item.kind == raw.FPDF_PAGEOBJ_PATH and _covers(item, item.box()):
            near = _near(_colour(item, raw.FPDF_TEXTRENDERMODE_FILL))
            if near in areas or len(areas) < _COLOURS_LIMIT:
                areas.setdefault(near, _Cells(shown)).mark(item.box())
    if not areas:
        return
    for item in objects:
        if item.kind == raw.FPDF_PAGEOBJ_TEXT and id(item) not in taken:
            mode = functions().FPDFTextObj_GetTextRenderMode(item.address)
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
    return _is_apart(box, shown) or _is_cut_off(text, box)


def _is_cut_off(text: Painted, box: Box) -> bool:
    pdfium = functions()
    path = pdfium.FPDFPageObj_GetClipPath(text.address)
    count = pdfium.FPDFClipPath_CountPaths(path) if path else 0
    if count <= 0:
        return False
    own = box if text.matrix is UPRIGHT else Painted(text.address, text.kind, UPRIGHT).box()  # as its clip path is
    return any(
        (bounds := _bounds(path, index)) is not None and _is_apart(own, bounds)
        for index in range(min(count, _CLIP_LIMIT))
    )


def _bounds(path: int, index: int) -> Box | None:
    """Return the bounds of one of the clip path's paths; None when it has none, or is too long to look at."""
    pdfium = functions()
    count = pdfium.FPDFClipPath_CountPathSegments(path, index)
    if not 2 <= count <= _CLIP_LIMIT:
        return None
    points = []
    for number in range(3 if count in (4, 5) else count):
        pdfium.FPDFPathSegment_GetPoint(pdfium.FPDFClipPath_GetPathSegment(path, index, number), *_POINT_ADDRESSES)
        points.append((_POINT[0], _POINT[1]))
    if count in (4, 5):  # of a rectangle, three corners tell the fourth
        (left, bottom), (middle, edge), (right, top) = points
        points.append((left + right - middle, bottom + top - edge))
    across, along = [x for x, _ in points], [y for _, y in points]
    return (min(across), min(along), max(across), max(along))


def _is_apart(box: Box, other: Box) -> bool:
    return box[2] < other[0] or box[0] > other[2] or box[3] < other[1] or box[1] > other[3]


def _is_tiny(text: Painted, box: Box) -> bool:
    if min(box[2] - box[0], box[3] - box[1]) >= _TINY:
        return False
    functions().FPDFTextObj_GetFontSize(text.address, _POINT_ADDRESSES[0])
    size = _POINT[0]
    a, b, c, d, _, _ = combined(own_matrix(text.address), text.matrix)
    return abs(size) * sqrt(abs(a * d - b * c)) < _TINY


def _may_not_show(text: Painted, colour: tuple[int, int, int, int] | None) -> bool:
    """Return whether the text is pale, or belongs to a layer, which may be off."""
    if colour and min(colour) >= _PALE:
        return True
    count = functions().FPDFPageObj_CountMarks(text.address)
    return count > 0 and any(_mark_name(text.address, index) == "OC" for index in range(min(count, 8)))


def _colour(text: Painted, mode: int) -> tuple[int, int, int, int] | None:
    """Return red, green, blue and opacity, from 0 to 255; None for a pattern, and for letters that are filled and
    drawn."""
    raw, pdfium = library(), functions()
    read = pdfium.FPDFPageObj_GetFillColor
    if mode in (raw.FPDF_TEXTRENDERMODE_STROKE, raw.FPDF_TEXTRENDERMODE_STROKE_CLIP):
        read = pdfium.FPDFPageObj_GetStrokeColor
    elif mode not in (raw.FPDF_TEXTRENDERMODE_FILL, raw.FPDF_TEXTRENDERMODE_FILL_CLIP):
        return None
    if not read(text.address, *_COLOUR_ADDRESSES):
        return None
    red, green, blue, alpha = _COLOUR[:]
    return red, green, blue, alpha


def _mark_name(address: int, index: int) -> str:
    pdfium = functions()
    name, length = (ctypes.c_ushort * 8)(), ctypes.c_ulong()
    mark = pdfium.FPDFPageObj_GetMark(address, index)
    pdfium.FPDFPageObjMark_GetName(mark, ctypes.addressof(name), 16, ctypes.addressof(length))
    return bytes(name).decode("utf-16-le").partition("\0")[0] if length.value <= 16 else ""


def _covers(path: Painted, box: Box) -> bool:
    """Return whether the path is filled, opaque and more than a rule."""
    left, bottom, right, top = box
    if right - left < _COVERING or top - bottom < _COVERING:
        return False
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    functions().FPDFPath_GetDrawMode(path.address, ctypes.addressof(fill), ctypes.addressof(stroke))
    return bool(fill.value != library().FPDF_FILLMODE_NONE)


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
        if not self._rows:
            return False
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
    places = _Pixels(page)
    boxes = [places.box(box) for _text, box in doubtful]
    seen = [box for box in boxes if box[0] < box[2] and box[1] < box[3]]
    if not seen:
        return [text for text, _box in doubtful]
    lefts, tops, rights, bottoms = zip(*seen, strict=True)
    within = (min(lefts), min(tops), max(rights), max(bottoms))
    before = _Drawn(places, within)
    for text, _box in doubtful:
        _activate(text, active=False)
    after = _Drawn(places, within)
    for text, _box in doubtful:
        _activate(text, active=True)
    return [text for (text, _box), box in zip(doubtful, boxes, strict=True) if not before.differs(after, box)]


def _activate(text: Painted, *, active: bool) -> None:
    functions().FPDFPageObj_SetIsActive(text.address, active)


_PixelBox = tuple[int, int, int, int]  # left, top, right and bottom; right and bottom excluded


class _Pixels:
    """Where a page's places are when it is drawn."""

    def __init__(self, page: PdfPage) -> None:
        width, height = page.get_width(), page.get_height()
        self.page = page
        self.scale = min(1.0, sqrt(_PIXELS_LIMIT / max(width * height, 1)))
        self.width, self.height = ceil(width * self.scale), ceil(height * self.scale)

    def box(self, box: Box) -> _PixelBox:
        """Return the box in pixels, with those around it."""
        raw = library()
        x, y = ctypes.c_int(), ctypes.c_int()
        across, along = [], []
        for corner in ((box[0], box[1]), (box[2], box[1]), (box[0], box[3]), (box[2], box[3])):
            raw.FPDF_PageToDevice(self.page, 0, 0, self.width, self.height, 0, *corner, x, y)
            across.append(x.value)
            along.append(y.value)
        return (
            max(min(across) - 1, 0),
            max(min(along) - 1, 0),
            min(max(across) + 2, self.width),
            min(max(along) + 2, self.height),
        )


class _Drawn:
    """A part of a page, `within` a box, as a picture in grey."""

    def __init__(self, places: _Pixels, within: _PixelBox) -> None:
        left, top, right, bottom = within
        cut = (left, places.height - bottom, places.width - right, top)
        crop = tuple((pixels - 0.5) / places.scale for pixels in cut)  # which is rounded up
        bitmap = places.page.render(
            scale=places.scale, crop=crop, grayscale=True, draw_annots=False, may_draw_forms=False
        )
        self._pixels, self._stride = bytes(bitmap.buffer), bitmap.stride
        self._left, self._top = left, top
        bitmap.close()

    def differs(self, other: _Drawn, box: _PixelBox) -> bool:
        """Return whether the two differ, so that one sees it, in these pixels."""
        for row in range(box[1] - self._top, box[3] - self._top):
            begin = row * self._stride - self._left
            ours, theirs = (drawn._pixels[begin + box[0] : begin + box[2]] for drawn in (self, other))
            if ours != theirs and max(abs(a - b) for a, b in zip(ours, theirs, strict=True)) >= _SEEN:
                return True
        return False
