"""What only pdfium can tell of a PDF: its pages' sizes and bookmarks, their pictures, and where each character stands.
Pillow tells the sizes and the pictures of a picture file's pages.

This is the child that `retrieval.pages.pages` starts for one task and kills when it takes too long: pdfium is not
thread-safe, and files are hostile. Nothing of Django is imported here.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Callable
from ctypes import byref, c_int
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pypdfium2
from pypdfium2 import raw

from retrieval.children import limit_child
from retrieval.parsing.recognition.pictures import count_pages, open_picture, page_of_picture, size_of_page

if TYPE_CHECKING:
    from PIL.Image import Image

PIXELS = 8_000_000  # of one picture at most, however long or narrow the page is
LONGEST = 16_000  # pixels of a side; a WebP picture can have 16,383
CHARACTERS = 60_000  # of one page at most; what stands behind them is not placed
BOOKMARKS = 1_000
_GRID = 1 << 20  # device units along a page's width: pdfium answers in whole ones


def contents(document: Any) -> bytes:
    """Return JSON: `sizes`, the width and height of each page in points, and `bookmarks`, as [level, title, page]."""
    sizes = [[round(length, 2) for length in document.get_page_size(number)] for number in range(len(document))]
    return json.dumps({"sizes": sizes, "bookmarks": _bookmarks(document)}).encode()


def _bookmarks(document: Any) -> list[tuple[int, str, int]]:
    found: list[tuple[int, str, int]] = []
    for bookmark in document.get_toc(max_depth=6):
        destination = bookmark.get_dest()
        number = destination.get_index() if destination else None
        if number is not None and len(found) < BOOKMARKS:
            found.append((bookmark.level + 1, bookmark.get_title()[:300], number + 1))
    return found


def picture(document: Any, *, page: int, width: int) -> bytes:
    """Return the page as WebP, `width` pixels wide, or less where that would be too many pixels."""
    document.init_forms()
    opened = document[page - 1]
    across, down = opened.get_size()
    scale = min(width / across, LONGEST / max(across, down), (PIXELS / (across * down)) ** 0.5)
    return _as_webp(opened.render(scale=scale).to_pil())


def _as_webp(image: Image) -> bytes:
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=80, method=2)
    return buffer.getvalue()


def picture_contents(picture: Image) -> bytes:
    """Return JSON: `sizes`, the width and height of each page of a picture file in pixels, and no `bookmarks`."""
    sizes = [size_of_page(picture, page) for page in range(1, count_pages(picture) + 1)]
    return json.dumps({"sizes": sizes, "bookmarks": []}).encode()


def picture_picture(picture: Image, *, page: int, width: int) -> bytes:
    """Return the page of a picture file as WebP, `width` pixels wide, or less where that would be too many pixels."""
    image = page_of_picture(picture, page)
    scale = min(width / image.width, LONGEST / max(image.size), (PIXELS / (image.width * image.height)) ** 0.5)
    return _as_webp(image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale)))))


def characters(document: Any, *, pages: list[int]) -> bytes:
    """Return JSON: for each page its characters in pdfium's order, and their boxes as left, top, right, bottom in
    fractions of the page as it is shown, cropped and turned."""
    return json.dumps([_page_characters(document, page) for page in pages]).encode()


def _page_characters(document: Any, number: int) -> dict[str, Any]:
    page = document[number - 1]
    text = page.get_textpage()
    place = _placing(page)
    said, boxes, box = [], [], raw.FS_RECTF()
    for index in range(min(text.count_chars(), CHARACTERS)):
        code = raw.FPDFText_GetUnicode(text, index)
        if not raw.FPDFText_GetLooseCharBox(text, index, box):
            box = raw.FS_RECTF()
        said.append(code)
        boxes.append(place(box.left, box.top, box.right, box.bottom))
    text.close()
    page.close()
    return {"codes": said, "boxes": boxes}


def _placing(page: Any) -> Callable[[float, float, float, float], list[float]]:
    """Return the function from the page's own coordinates to fractions of the page as it is shown: three points define
    it."""
    width, height = page.get_size()
    down = max(1, round(_GRID * height / width))
    x, y = c_int(), c_int()

    def shown(at_x: float, at_y: float) -> tuple[float, float]:
        raw.FPDF_PageToDevice(page, 0, 0, _GRID, down, 0, at_x, at_y, byref(x), byref(y))
        return x.value / _GRID, y.value / down

    (x0, y0), (x1, y1), (x2, y2) = shown(0, 0), shown(1000, 0), shown(0, 1000)
    xx, xy, yx, yy = (x1 - x0) / 1000, (x2 - x0) / 1000, (y1 - y0) / 1000, (y2 - y0) / 1000

    def place(left: float, top: float, right: float, bottom: float) -> list[float]:
        across = sorted(_kept(x0 + xx * at_x + xy * at_y) for at_x, at_y in ((left, top), (right, bottom)))
        along = sorted(_kept(y0 + yx * at_x + yy * at_y) for at_x, at_y in ((left, top), (right, bottom)))
        return [across[0], along[0], across[1], along[1]]

    return place


def _kept(fraction: float) -> float:
    """Return the fraction kept on the page, and short: a hostile file can place a character anywhere, or nowhere
    (NaN)."""
    return round(min(max(fraction, 0.0), 1.0), 5) if fraction == fraction else 0.0


_TASKS: dict[str, Callable[..., bytes]] = {"contents": contents, "picture": picture, "characters": characters}
_PICTURE_TASKS: dict[str, Callable[..., bytes]] = {"contents": picture_contents, "picture": picture_picture}


def _main() -> None:
    """Do one task on one file within limits, in the child: write bytes to stdout, or end with a status that isn't 0."""
    path, task, limits = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
    limit_child(memory_bytes=limits["memory_bytes"], cpu_seconds=limits["cpu_seconds"])
    do, of = task.pop("do"), task.pop("of")
    if of == "picture":
        with open_picture(Path(path)) as opened:
            done = _PICTURE_TASKS[do](opened, **task)
    else:
        done = _TASKS[do](pypdfium2.PdfDocument(path), **task)
    sys.stdout.buffer.write(done)
    sys.stdout.buffer.flush()
    os._exit(0)  # closing pdfium's objects one by one takes time and changes nothing


if __name__ == "__main__":
    _main()
