"""The straight lines that are drawn on a PDF's page, upright and level: what tables are ruled with."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

from retrieval.parsing.formats.pdf.library import address_of, functions
from retrieval.parsing.formats.pdf.matrices import UPRIGHT, Matrix, combined, own_matrix

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

Rule = tuple[float, float, float, float]  # left, bottom, right, top; one side is thin

THIN = 3.0  # points; what is thicker is an area
_SHORT = 7.0  # points; what is shorter rules nothing
_OBJECTS_LIMIT = 3_000  # of a page: maps and drawings have more, and no tables
_SEGMENTS_LIMIT = 20_000  # of a page, with its objects
_LEVELS = 3  # of forms within forms
_POINT = (ctypes.c_float * 2)()  # pdfium writes into them; to make them anew costs as much as the call
_PLACES = ctypes.addressof(_POINT), ctypes.addressof(_POINT) + 4


def read_rules(page: PdfPage) -> list[Rule]:
    """Return the page's upright and level lines: strokes, thin rectangles, and the edges of others."""
    pdfium, address = functions(), address_of(page)
    count = pdfium.FPDFPage_CountObjects(address)
    if count > _OBJECTS_LIMIT:
        return []
    effort = _Effort()
    rules: list[Rule] = []
    _add_rules(rules, map(pdfium.FPDFPage_GetObject, repeat(address), range(count)), UPRIGHT, effort, level=0)
    return rules if effort.left > 0 else []


@dataclass
class _Effort:
    """What may still be looked at of a page: objects and segments."""

    left: int = _SEGMENTS_LIMIT

    def spend(self, steps: int) -> bool:
        """Take so many steps, and return whether they were left."""
        self.left -= steps
        return self.left > 0


def _add_rules(rules: list[Rule], objects: Iterable[int], matrix: Matrix, effort: _Effort, *, level: int) -> None:
    from pypdfium2.raw import FPDF_PAGEOBJ_FORM, FPDF_PAGEOBJ_PATH

    pdfium = functions()
    kind_of = pdfium.FPDFPageObj_GetType
    for item in objects:
        if not effort.spend(1):
            return
        kind = kind_of(item)
        if kind == FPDF_PAGEOBJ_PATH:
            if effort.spend(max(0, pdfium.FPDFPath_CountSegments(item))):
                rules += _straight(item, combined(own_matrix(item), matrix))
        elif kind == FPDF_PAGEOBJ_FORM and level < _LEVELS:
            inner = combined(own_matrix(item), matrix)
            count = min(pdfium.FPDFFormObj_CountObjects(item), max(0, effort.left))
            within = map(pdfium.FPDFFormObj_GetObject, repeat(item), range(count))
            _add_rules(rules, within, inner, effort, level=level + 1)


def _straight(path: int, matrix: Matrix) -> Iterator[Rule]:
    """Yield the sides of a path that are level or upright; those of a thin rectangle once."""
    points = list(_points(path, matrix))
    if not points:
        return
    xs, ys = [x for _, x, _ in points], [y for _, _, y in points]
    whole = (min(xs), min(ys), max(xs), max(ys))
    if len(points) > 2 and min(whole[2] - whole[0], whole[3] - whole[1]) < THIN:
        if max(whole[2] - whole[0], whole[3] - whole[1]) > _SHORT:
            yield whole
        return
    start = before = points[0]
    for point in points[1:]:
        if point[0]:  # the pen moved here
            start = point
        else:
            yield from _side(before, point)
        before = point
    if len(points) > 3:
        yield from _side(before, start)


def _side(one: tuple[bool, float, float], other: tuple[bool, float, float]) -> Iterator[Rule]:
    left, right = sorted((one[1], other[1]))
    bottom, top = sorted((one[2], other[2]))
    if min(right - left, top - bottom) < 0.5 and max(right - left, top - bottom) > _SHORT:
        yield left, bottom, right, top


def _points(path: int, matrix: Matrix) -> Iterator[tuple[bool, float, float]]:
    """Yield a path's points on the page, and whether the pen was lifted before; nothing for curves."""
    from pypdfium2.raw import FPDF_SEGMENT_BEZIERTO, FPDF_SEGMENT_MOVETO

    pdfium = functions()
    count = pdfium.FPDFPath_CountSegments(path)  # letters drawn as shapes have many, or curves
    if count < 2:
        return
    segment_of, kind_of, point_of = (
        pdfium.FPDFPath_GetPathSegment,
        pdfium.FPDFPathSegment_GetType,
        pdfium.FPDFPathSegment_GetPoint,
    )
    across, along = _PLACES
    a, b, c, d, e, f = matrix
    for number in range(count):
        segment = segment_of(path, number)
        kind = kind_of(segment)
        if kind == FPDF_SEGMENT_BEZIERTO:
            continue
        point_of(segment, across, along)
        x, y = _POINT
        yield kind == FPDF_SEGMENT_MOVETO, a * x + c * y + e, b * x + d * y + f
