"""PowerPoint presentations: a page for each slide, with its title as heading, its lists, tables, charts and notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from retrieval.errors import ParsingError
from retrieval.parsing.formats.archive import office_date, open_archive
from retrieval.parsing.formats.extracted import Blocks, Extracted, first_date, row_line
from retrieval.reasons import gettext_noop as _

_GROUP_DEPTH = 20


def read_slides(path: Path) -> Extracted:
    from pptx import Presentation

    with open_archive(path, ending="pptx") as archive:
        dates = office_date(archive)
    presentation = Presentation(str(path))
    blocks = Blocks()
    for number, slide in enumerate(presentation.slides, start=1):
        blocks.begin_page()
        if slide.element.get("show") != "0":  # a hidden slide is counted, as PowerPoint does, and not shown
            _add_slide(blocks, slide, number)
    if not len(presentation.slides):
        raise ParsingError(_("It has no slides."))
    return blocks.extracted(dated=first_date(dates))


def _add_slide(blocks: Blocks, slide: Any, number: int) -> None:
    title = slide.shapes.title
    titled = title is not None and bool(title.text_frame.text.strip())
    blocks.add(" ".join(title.text_frame.text.split()) if titled else f"Slide {number}", level=1)
    for shape in _shapes(slide.shapes, 0):
        if title is None or shape.shape_id != title.shape_id:
            _add_shape(blocks, shape)
    if slide.has_notes_slide and (notes := slide.notes_slide.notes_text_frame) is not None and notes.text.strip():
        blocks.add(f"Notes: {_text_of(notes.text)}")


def _shapes(shapes: Iterable[Any], depth: int) -> Iterator[Any]:
    """Yield the shapes in the order of the file, which screen readers follow too, those in groups as if they were in
    none."""
    for shape in shapes:
        if hasattr(shape, "shapes") and depth < _GROUP_DEPTH:
            yield from _shapes(shape.shapes, depth + 1)
        else:
            yield shape


def _add_shape(blocks: Blocks, shape: Any) -> None:
    if getattr(shape, "has_table", False):
        for number, row in enumerate(shape.table.rows):
            cells = (cell.text_frame.text for cell in row.cells if not cell.is_spanned)
            blocks.add(row_line(cells), close=number > 0)
    elif getattr(shape, "has_chart", False):
        _add_chart(blocks, shape.chart)
    elif shape.has_text_frame and not _is_footing(shape):
        paragraphs = [_text_of(paragraph.text) for paragraph in shape.text_frame.paragraphs]
        filled = [paragraph for paragraph in paragraphs if paragraph.strip()]
        listed = len(filled) > 1 and _is_body(shape)
        for number, paragraph in enumerate(filled):
            blocks.add(f"- {paragraph}" if listed else paragraph, close=number > 0)


def _add_chart(blocks: Blocks, chart: Any) -> None:
    """Append its title, and its figures as a table: a row for each series."""
    if chart.has_title and chart.chart_title.has_text_frame:
        blocks.add(" ".join(chart.chart_title.text_frame.text.split()))
    for plot in chart.plots:
        series = list(plot.series)
        if series:
            blocks.add(row_line(["", *(str(category) for category in plot.categories)]))
        for line in series:
            blocks.add(
                row_line([line.name, *("" if value is None else f"{value:.15g}" for value in line.values)]), close=True
            )


def _text_of(text: str) -> str:
    return text.replace("\v", "\n")  # how python-pptx gives a line break


def _is_body(shape: Any) -> bool:
    """Return whether its paragraphs are list items, as they are in the placeholders for content."""
    from pptx.enum.shapes import PP_PLACEHOLDER

    kinds = (PP_PLACEHOLDER.BODY, PP_PLACEHOLDER.OBJECT, PP_PLACEHOLDER.VERTICAL_BODY)
    return shape.is_placeholder and shape.placeholder_format.type in kinds


def _is_footing(shape: Any) -> bool:
    """Return whether it says the same on every slide: the date, the footer, the number."""
    from pptx.enum.shapes import PP_PLACEHOLDER

    kinds = (PP_PLACEHOLDER.DATE, PP_PLACEHOLDER.FOOTER, PP_PLACEHOLDER.SLIDE_NUMBER)
    return shape.is_placeholder and shape.placeholder_format.type in kinds
