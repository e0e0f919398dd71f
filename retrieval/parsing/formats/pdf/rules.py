"""The straight lines that are drawn on a PDF's page, upright and level: what tables are ruled with."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

Rule = tuple[float, float, float, float]  # left, bottom, right, top; one side is thin
Matrix = tuple[float, float, float, float, float, float]

THIN = 3.0  # points; what is thicker is an area
_SHORT = 7.0  # points; what is shorter rules nothing
_OBJECTS_LIMIT = 3_000  # of a page: maps and drawings have more, and no tables
_SEGMENTS_LIMIT = 20_000  # of a page, with its objects
_LEVELS = 3  # of forms within forms
_SAME: Matrix = (1, 0, 0, 1, 0, 0)


def read_rules(page: PdfPage) -> list[Rule]:
    """Return the page's upright and level lines: strokes, thin rectangles, and the edges of others."""
    from pypdfium2 import raw

    count = raw.FPDFPage_CountObjects(page)
    if count > _OBJECTS_LIMIT:
        return []
    effort = _Effort()
    rules: list[Rule] = []
    for number in range(count):
        rules += _rules_of(raw.FPDFPage_GetObject(page, number), _SAME, effort, level=0)
    return rules if effort.left > 0 else []


@dataclass
class _Effort:
    """What may still be looked at of a page: objects and segments."""

    left: int = _SEGMENTS_LIMIT

    def spend(self, steps: int) -> bool:
        """Take so many steps, and return whether they were left."""
        self.left -= steps
        return self.left > 0


def _rules_of(thing: Any, matrix: Matrix, effort: _Effort, *, level: int) -> Iterator[Rule]:
    from pypdfium2 import raw

    if not effort.spend(1):
        return
    kind = raw.FPDFPageObj_GetType(thing)
    if kind == raw.FPDF_PAGEOBJ_PATH:
        if effort.spend(max(0, raw.FPDFPath_CountSegments(thing))):
            yield from _straight(thing, _times(_matrix_of(thing), matrix))
    elif kind == raw.FPDF_PAGEOBJ_FORM and level < _LEVELS:
        inner = _times(_matrix_of(thing), matrix)
        for number in range(min(raw.FPDFFormObj_CountObjects(thing), max(0, effort.left))):
            yield from _rules_of(raw.FPDFFormObj_GetObject(thing, number), inner, effort, level=level + 1)


def _straight(path: Any, matrix: Matrix) -> Iterator[Rule]:
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


def _points(path: Any, matrix: Matrix) -> Iterator[tuple[bool, float, float]]:
    """Yield a path's points on the page, and whether the pen was lifted before; nothing for curves."""
    from pypdfium2 import raw

    count = raw.FPDFPath_CountSegments(path)  # letters drawn as shapes have many, or curves
    if count < 2:
        return
    x, y = ctypes.c_float(), ctypes.c_float()
    a, b, c, d, e, f = matrix
    for number in range(count):
        segment = raw.FPDFPath_GetPathSegment(path, number)
        if raw.FPDFPathSegment_GetType(segment) == raw.FPDF_SEGMENT_BEZIERTO:
            continue
        raw.FPDFPathSegment_GetPoint(segment, x, y)
        lifted = raw.FPDFPathSegment_GetType(segment) == raw.FPDF_SEGMENT_MOVETO
        yield lifted, a * x.value + c * y.value + e, b * x.value + d * y.value + f


def _matrix_of(thing: Any) -> Matrix:
    from pypdfium2 import raw

    found = raw.FS_MATRIX()
    return (found.a, found.b, found.c, found.d, found.e, found.f) if raw.FPDFPageObj_GetMatrix(thing, found) else _SAME


def _times(inner: Matrix, outer: Matrix) -> Matrix:
    a, b, c, d, e, f = inner
    m, n, o, p, q, r = outer
    return (a * m + b * o, a * n + b * p, c * m + d * o, c * n + d * p, e * m + f * o + q, e * n + f * p + r)
