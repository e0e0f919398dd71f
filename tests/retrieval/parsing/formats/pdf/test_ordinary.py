"""Which pages are read in the order of the file, without the places of all their signs."""

from __future__ import annotations

import io
from collections.abc import Callable

import pypdfium2
import pytest
from reportlab.pdfgen.canvas import Canvas

from retrieval.parsing.formats.pdf.glyphs import read_glyphs
from retrieval.parsing.formats.pdf.layout import lay_out
from retrieval.parsing.formats.pdf.letters import open_letters
from retrieval.parsing.formats.pdf.ordinary import ordinary_lines

Draw = Callable[[Canvas], object]


def read(draw: Draw) -> tuple[list[str] | None, list[str]]:
    """The lines of a drawn page as an ordinary one, and as any page."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    draw(canvas)
    canvas.save()
    page = pypdfium2.PdfDocument(buffer.getvalue())[0]
    with open_letters(page) as letters:
        lines = ordinary_lines(letters, bounds=page.get_bbox())
        laid_out = lay_out(read_glyphs(letters, bounds=page.get_bbox()), [])
        return None if lines is None else [line.text for line in lines], [line.text for line in laid_out]


def draw_lines(canvas: Canvas) -> None:
    for number in range(20):
        canvas.drawString(72 + 12 * (number % 3), 760 - 15 * number, f"Line {number} says what the page goes on with.")
    canvas.drawString(72, 40, "Handbook")
    canvas.drawString(500, 40, "Page 3")


def draw_list(canvas: Canvas) -> None:
    for number in range(12):
        canvas.drawString(72, 700 - 30 * number, "Here is a paragraph of the text around the list.")
        if number > 5:
            canvas.drawString(72, 685 - 30 * number, "-")
            canvas.drawString(90, 685 - 30 * number, "An entry of the list, of several words.")


def draw_raised(canvas: Canvas) -> None:
    text = canvas.beginText(72, 700)
    text.textOut("as they say")
    text.setRise(6)
    text.setFont("Helvetica", 6)
    text.textOut("12")
    canvas.drawText(text)


def draw_table(canvas: Canvas) -> None:
    for number in range(6):
        for column, cell in enumerate(("Town", f"{number}4", f"{number}70")):
            canvas.drawString(72 + 150 * column, 700 - 15 * number, cell)


def draw_columns(canvas: Canvas) -> None:
    for number in range(20):
        for left in (50, 320):
            canvas.drawString(left, 700 - 15 * number, f"Column {left} runs on with the words {number}.")


def draw_turned(canvas: Canvas) -> None:
    draw_lines(canvas)
    canvas.rotate(90)
    canvas.drawString(200, -30, "In the margin")


@pytest.mark.parametrize("draw", [draw_lines, draw_list])
def test_ordinary_page_is_read_as_any_other(draw: Draw) -> None:
    ordinary, laid_out = read(draw)
    assert ordinary == laid_out


@pytest.mark.parametrize("draw", [draw_raised, draw_table, draw_columns, draw_turned])
def test_other_pages_are_laid_out(draw: Draw) -> None:
    assert read(draw)[0] is None
