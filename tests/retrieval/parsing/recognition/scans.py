"""Scanned pages, drawn: pictures of text, and PDFs of such pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

FONTS = Path("/usr/share/fonts/truetype/dejavu")
WIDTH, HEIGHT = 1000, 700  # pixels, at 100 dpi
ENGLISH = ("The boiler is serviced every year in May.", "Old filters go into the red bin, not outside.")
GERMAN = ("Die Gäste zahlen im Winter nichts.", "Für größere Schäden haftet das Büro in München.")
RUSSIAN = ("Котёл в подвале обслуживается в мае.", "Клапан закрывается перед началом работы.")


def page(lines: Sequence[str], *, size: int = 32, left: int = 60, top: int = 60) -> Image.Image:
    """A picture of these lines."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    write(picture, lines, size=size, left=left, top=top)
    return picture


def write(picture: Image.Image, lines: Sequence[str], *, size: int, left: int, top: int) -> None:
    font = ImageFont.truetype(str(FONTS / "DejaVuSans.ttf"), size)
    for number, line in enumerate(lines):
        ImageDraw.Draw(picture).text((left, top + number * size * 3 // 2), line, fill="black", font=font)


def pdf(*pages: Image.Image | str) -> bytes:
    """A PDF with a page for each picture, as a scanner makes it, and one for each text."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for one in pages:
        if isinstance(one, str):
            canvas.setPageSize((500, 350))
            canvas.drawString(60, 300, one)
        else:
            width, height = one.width / 2, one.height / 2
            canvas.setPageSize((width, height))
            canvas.drawImage(ImageReader(one), 0, 0, width=width, height=height)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def encoded(picture: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a picture file."""
    picture.save(buffer := io.BytesIO(), kind, **options)
    return buffer.getvalue()
