"""The figures of a chart as rows: a column for each category, a row for each series (ECMA-376-1, 21.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.etree import _Element

_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_CX = "{http://schemas.microsoft.com/office/drawing/2014/chartex}"
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_POINTS = 10_000  # of one series


def chart_title(root: _Element) -> str:
    """Return what a chart is called; empty without a title."""
    for title in root.iter(_C + "title", _CX + "title"):
        above = title.getparent()
        if above is not None and above.tag in (_C + "chart", _CX + "chart"):
            return " ".join("".join(text.text or "" for text in title.iter(_A + "t", _CX + "v", _C + "v")).split())
    return ""


def chart_rows(root: _Element) -> list[list[str]]:
    """Return the saved figures of a chart, below a row of the categories; none when none are saved."""
    rows: list[list[str]] = []
    named: list[str] = []
    for series in root.iter(_C + "ser"):
        categories = _points(series, "cat", "xVal")
        if categories and categories != named:
            rows.append(["", *categories])
            named = categories
        values = _points(series, "val", "yVal")
        if values:
            rows.append([_name(series), *map(_plain_number, values)])
    for data in root.iter(_CX + "data"):
        rows += ([point.text or "" for point in level.iter(_CX + "pt")] for level in data.iter(_CX + "lvl"))
    return rows


def _name(series: _Element) -> str:
    head = series.find(_C + "tx")
    return "".join(value.text or "" for value in head.iter(_C + "v")) if head is not None else ""


def _points(series: _Element, *kinds: str) -> list[str]:
    """Return the values of a series in their places; of categories on several levels each with those above it."""
    source = next((found for kind in kinds if (found := series.find(_C + kind)) is not None), None)
    levels = list(source.iter(_C + "lvl")) or [source] if source is not None else []
    columns: list[dict[int, str]] = []
    for level in reversed(levels):
        points: dict[int, str] = {}
        for point in level.iter(_C + "pt"):
            place = point.get("idx") or ""
            if place.isdecimal() and int(place) < _POINTS:
                points[int(place)] = point.findtext(_C + "v") or ""
        columns.append(points)
    length = max((max(points) + 1 for points in columns if points), default=0)
    filled = [_filled(points, length) for points in columns[:-1]] + [
        [points.get(at, "") for at in range(length)] for points in columns[-1:]
    ]
    return [" ".join(filter(None, (column[at] for column in filled))) for at in range(length)]


def _filled(points: dict[int, str], length: int) -> list[str]:
    """Return a label for each place: one of a higher level counts until the next."""
    last, labels = "", []
    for at in range(length):
        last = points.get(at, last)
        labels.append(last)
    return labels


def _plain_number(value: str) -> str:
    try:
        return f"{float(value):.15g}"
    except ValueError:
        return value
