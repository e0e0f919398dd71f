"""Real files of every kind, made on the spot."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence

import docx
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas


def pdf(pages: Sequence[Sequence[str]], *, password: str | None = None) -> bytes:
    """One page for each list of lines."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, encrypt=password)
    for lines in pages:
        text = canvas.beginText(72, 780)
        text.textLines(lines)
        canvas.drawText(text)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def scanned_pdf() -> bytes:
    """A page that is a picture, as scanners make them."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawImage(ImageReader(Image.new("RGB", (40, 40), "white")), 100, 100)
    canvas.save()
    return buffer.getvalue()


def partly_scanned_pdf() -> bytes:
    """A page of text, and one that is a picture."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.drawString(72, 780, "The first page has text, and enough of it to be read.")
    canvas.showPage()
    canvas.drawImage(ImageReader(Image.new("RGB", (40, 40), "white")), 0, 0, width=590, height=840)
    canvas.save()
    return buffer.getvalue()


def word_document() -> bytes:
    """Headings, a list, a table and a last paragraph."""
    document = docx.Document()
    document.add_heading("Heating", level=1)
    document.add_paragraph("The boiler is serviced in May.")
    document.add_heading("Parts", level=2)
    document.add_paragraph("valve", style="List Bullet")
    document.add_paragraph("pump", style="List Bullet")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ("Part", "Price", "valve", "12"), strict=True
    ):
        cell.text = text
    document.add_paragraph("Call before noon.")
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


WORD_TYPE = {"[Content_Types].xml": b"<x>wordprocessingml.document.main+xml</x>"}  # enough to be taken for one


def archive(**entries: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return buffer.getvalue()


def bomb() -> bytes:
    """A few hundred kB that unpack to 300 MB."""
    return archive(**{"word/document.xml": bytes(300 * 1024**2)})
