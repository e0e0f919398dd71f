"""Picture files: documents of one page, or of a TIFF file's pages. What stands on them is recognised later."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.parsing.formats.extracted import Extracted, first_date
from retrieval.parsing.recognition.pictures import count_pages, open_picture

if TYPE_CHECKING:
    from PIL.Image import Image

_DETAILS = 34665  # Exif 2.3: the directory of what the camera tells
_TAKEN_AT = (36867, 306)  # Exif 2.3: DateTimeOriginal, DateTime


def read_picture(path: Path) -> Extracted:
    """Return its pages, none of which is read yet. Raises ParsingError."""
    with open_picture(path) as picture:
        pages = count_pages(picture)
        dated = first_date(date.replace(":", "-", 2) for date in _dates(picture))
    return Extracted("", page_starts=[0] * pages, dated=dated, unread_pages=list(range(1, pages + 1)))


def _dates(picture: Image) -> list[str]:
    """Return when it was taken, as its camera wrote it: 2019:05:31 10:00:00."""
    try:
        exif = picture.getexif()
        return [str(exif.get_ifd(_DETAILS).get(tag) or exif.get(tag) or "") for tag in _TAKEN_AT]
    except (OSError, ValueError, SyntaxError):  # it breaks off, which its pages will say
        return []
