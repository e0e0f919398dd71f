"""Charts: titles, axes, and the figures that a chart keeps a copy of, whatever its kind (ECMA-376-1, 21.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import Blocks, row_line
from retrieval.parsing.formats.numbers import whole
from retrieval.parsing.formats.office.number_formats import render
from retrieval.parsing.formats.plain.tables import write_table

if TYPE_CHECKING:
    from lxml.etree import _Element

_POINTS_LIMIT = 50_000  # of one series
_LONG = 12  # categories, above which each stands in a row of its own
_AXES = ("catAx", "valAx", "dateAx", "serAx")
_VALUES = ("val", "xVal", "yVal", "bubbleSize")


@dataclass
class _Series:
    name: str = ""
    categories: dict[int, str] = field(default_factory=dict)
    values: dict[int, str] = field(default_factory=dict)


def write_chart(blocks: Blocks, root: _Element, *, figures: bool = True) -> bool:
    """Append a chart: what is written on it, and its `figures`, which a sheet shows itself. Return whether it holds
    anything."""
    before = blocks.is_empty
    lines = [text for text in _titles(root) if text]
    for line in lines:
        blocks.add(line)
    series = list(_extended_series(root)) if _is_extended(root) else list(_series(root))
    if figures:
        _write_figures(blocks, series)
    elif names := [name for name in dict.fromkeys(one.name for one in series) if name and name not in lines]:
        blocks.add(", ".join(names))
    return bool(lines or any(one.values or one.name for one in series)) or before != blocks.is_empty


def _write_figures(blocks: Blocks, series: list[_Series]) -> None:
    """Append a table for the series that share their categories: a row for each series, or for each category when those
    are many."""
    shared: dict[tuple[str, ...], list[_Series]] = {}
    for one in series:
        if one.values:
            shared.setdefault(tuple(one.categories.get(at, "") for at in _places(one)), []).append(one)
    for categories, lines in shared.items():
        rows = [["", *categories], *([line.name, *_in_order(line, len(categories))] for line in lines)]
        if len(categories) > _LONG:
            width = max(map(len, rows))
            columns = zip(*(row + [""] * (width - len(row)) for row in rows), strict=True)
            write_table(blocks, [list(column) for column in columns])
            continue
        for number, row in enumerate(rows):
            blocks.add(row_line(row), close=number > 0 and any(categories))


def _places(series: _Series) -> range:
    return range(max([*series.categories, *series.values], default=-1) + 1)


def _in_order(series: _Series, length: int) -> list[str]:
    return [series.values.get(at, "") for at in range(length)]


def _titles(root: _Element) -> Iterator[str]:
    """Yield the title of the chart, then those of its axes."""
    chart = root.find("{*}chart")
    if chart is None:
        return
    yield _words(chart.find("{*}title"))
    for axis in chart.iterfind("{*}plotArea/*"):
        if isinstance(axis.tag, str) and axis.tag.rpartition("}")[2] in _AXES:
            yield _words(axis.find("{*}title"))
    for axis in chart.iterfind("{*}plotArea/{*}axis/{*}title"):
        yield _words(axis)


def _words(element: _Element | None) -> str:
    """Return the paragraphs of an element that is typed text, or the text that it keeps of a cell."""
    if element is None:
        return ""
    lines = ["".join(text.text or "" for text in line.iter("{*}t")) for line in element.iter("{*}p")]
    lines = lines if any(lines) else [text.text or "" for text in element.iter("{*}v")]
    return " ".join(" ".join(lines).split())


def _series(root: _Element) -> Iterator[_Series]:
    for element in root.iterfind("{*}chart/{*}plotArea/*/{*}ser"):
        one = _Series(_words(element.find("{*}tx")), _points(element.find("{*}cat")))
        sources = {kind: _points(element.find("{*}" + kind)) for kind in _VALUES}
        if sources["xVal"] and not one.categories:
            one.categories = sources["xVal"]
        one.values = sources["val"] or sources["yVal"]
        for at, size in sources["bubbleSize"].items():
            if at in one.values:
                one.values[at] += f" ({size})"
        if one.name or one.values:
            yield one


def _points(source: _Element | None) -> dict[int, str]:
    """Return the texts or numbers by their place; categories on several levels as one text, the outer level first."""
    if source is None:
        return {}
    levels = list(source.iter("{*}lvl"))
    if levels:
        return _levels([dict(_cached(level, "General")) for level in levels])
    code = source.findtext(".//{*}formatCode") or "General"
    return dict(_cached(source, code))


def _levels(levels: list[dict[int, str]]) -> dict[int, str]:
    inner = levels[0]
    shown = dict(inner)
    for level in levels[1:]:
        current = ""
        for at in sorted(inner):
            current = level.get(at, current)
            shown[at] = f"{current} {shown[at]}".strip()
    return shown


def _cached(source: _Element, code: str) -> Iterator[tuple[int, str]]:
    following = count()
    for point in source.iter("{*}pt"):
        number = whole(point.get("idx"))
        at = number if number is not None and number >= 0 else next(following)
        value = point.findtext("{*}v")
        if at < _POINTS_LIMIT:
            yield at, _shown(value if value is not None else point.text or "", point.get("formatCode") or code)


def _shown(value: str, code: str) -> str:
    try:
        return render(float(value), code)
    except (ValueError, ArithmeticError):
        return " ".join(value.split())


# ---- charts of Office 2016 (chartex): trees of rectangles, waterfalls, funnels ---------------------------------------


def _is_extended(root: _Element) -> bool:
    return "chartex" in str(root.tag)


def _extended_series(root: _Element) -> Iterator[_Series]:
    sources = {element.get("id"): element for element in root.iterfind("{*}chartData/{*}data")}
    for element in root.iterfind("{*}chart/{*}plotArea/{*}plotAreaRegion/{*}series"):
        reference = element.find("{*}dataId")
        source = sources.get(reference.get("val")) if reference is not None else None
        one = _Series(_words(element.find("{*}tx")))
        if source is not None:
            texts = [dict(_cached(level, "General")) for level in source.iterfind("{*}strDim/{*}lvl")]
            one.categories = _levels(texts) if texts else {}
            for level in source.iterfind("{*}numDim/{*}lvl"):
                one.values = one.values or dict(_cached(level, level.get("formatCode") or "General"))
        if one.name or one.values:
            yield one
