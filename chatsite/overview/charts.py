"""Charts as SVG that need no script: bars, each with its words, and the same as a table for who can't see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

WIDTH, HEIGHT = 720, 180  # of the drawing, in its own units; the page scales it
LEFT, BOTTOM, TOP = 44, 22, 8  # for the scale, the days, the highest bar
GAP = 0.25  # of a bar's step that stays free
LABELS = 8  # days that are written below the bars, at most


@dataclass(frozen=True, slots=True)
class Series:
    """One part of every bar. `tone` is the class that its colour hangs on in overview.css."""

    name: str
    values: Sequence[int]
    tone: str


def bar_chart(title: str, labels: Sequence[str], series: Sequence[Series], *, axis: str) -> SafeString:
    """Return a figure of stacked bars, one for each of `labels`, with a legend and a table of the same numbers.

    `axis` names what the labels are. Raises ValueError for a series of another length.
    """
    if any(len(one.values) != len(labels) for one in series):
        raise ValueError("each series needs a value for each label")
    top = _round_up(max((sum(column) for column in _columns(series)), default=0))
    drawing = format_html(
        '<svg viewBox="0 0 {} {}" role="img" aria-label="{}" class="chart-drawing">{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        _summary(title, series),
        _scale(top),
        _bars(labels, series, top),
        _axis(labels),
    )
    return format_html(
        '<figure class="chart"><figcaption>{}</figcaption><ul class="chart-legend">{}</ul>{}'
        "<details><summary>{}</summary>{}</details></figure>",
        title,
        format_html_join(
            "",
            '<li><span class="chart-mark {}"></span>{} <b>{}</b></li>',
            ((one.tone, one.name, number_format(sum(one.values), force_grouping=True)) for one in series),
        ),
        drawing,
        _("As a table"),
        _table(title, axis, labels, series),
    )


def _columns(series: Sequence[Series]) -> list[tuple[int, ...]]:
    return list(zip(*(one.values for one in series), strict=True))


def _round_up(highest: int) -> int:
    """Return the end of the scale: 4, 10, 20, 40, 100, 200, ..., so that its half and quarters are whole as well."""
    power = 1
    while True:
        for factor in (4, 10, 20):
            if factor * power >= highest:
                return factor * power
        power *= 10


def _y(value: float, top: int) -> float:
    return round(HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP), 1)


def _scale(top: int) -> SafeString:
    """Return three lines across the drawing, each with its number."""
    lines = ((_y(value, top), value) for value in (0, top // 2, top))
    return format_html_join(
        "",
        '<line x1="{}" x2="{}" y1="{}" y2="{}" class="chart-line"/>'
        '<text x="{}" y="{}" text-anchor="end" class="chart-text">{}</text>',
        ((LEFT, WIDTH, y, y, LEFT - 6, y + 4, number_format(value, force_grouping=True)) for y, value in lines),
    )


def _bars(labels: Sequence[str], series: Sequence[Series], top: int) -> SafeString:
    step = (WIDTH - LEFT) / max(1, len(labels))
    parts = []
    for number, (label, column) in enumerate(zip(labels, _columns(series), strict=True)):
        below = 0
        for one, value in zip(series, column, strict=True):
            if not value:
                continue
            y, foot = _y(below + value, top), _y(below, top)
            x = round(LEFT + (number + GAP / 2) * step, 1)
            name = f"{label}: {one.name} {number_format(value, force_grouping=True)}"
            parts.append((x, y, round(step * (1 - GAP), 1), round(foot - y, 1), one.tone, name))
            below += value
    return format_html_join("", '<rect x="{}" y="{}" width="{}" height="{}" class="{}"><title>{}</title></rect>', parts)


def _axis(labels: Sequence[str]) -> SafeString:
    step = (WIDTH - LEFT) / max(1, len(labels))
    every = -(-len(labels) // LABELS) or 1
    return format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="middle" class="chart-text">{}</text>',
        (
            (round(LEFT + (number + 0.5) * step, 1), HEIGHT - 6, label)
            for number, label in enumerate(labels)
            if number % every == 0
        ),
    )


def _summary(title: str, series: Sequence[Series]) -> str:
    sums = ", ".join(f"{one.name} {number_format(sum(one.values), force_grouping=True)}" for one in series)
    return f"{title}: {sums}"


def _table(title: str, axis: str, labels: Sequence[str], series: Sequence[Series]) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((one.name,) for one in series))
    rows = format_html_join(
        "",
        '<tr><th scope="row">{}</th>{}</tr>',
        (
            (
                label,
                format_html_join("", "<td>{}</td>", ((number_format(value, force_grouping=True),) for value in column)),
            )
            for label, column in zip(labels, _columns(series), strict=True)
        ),
    )
    return format_html(
        '<table><caption>{}</caption><thead><tr><th scope="col">{}</th>{}</tr></thead><tbody>{}</tbody></table>',
        title,
        axis,
        head,
        rows,
    )
