"""Pages as pictures: drawn by pdfium, or read from a picture file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import ParsingError
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from PIL.Image import Image

MEGAPIXELS_LIMIT = 100  # of a picture file; an A3 page at 600 dpi has 70
PAGES_LIMIT = 1_000  # of a picture file
_DPI = 200  # of what is drawn of a PDF
_PIXELS = 16_000_000  # of a picture that is recognised at most; an A3 page at 200 dpi has 8 million
_ORIENTATION, _LYING = 274, (5, 6, 7, 8)  # Exif 2.3: the camera was held upright
_UNBLENDED = {"1": "L", "P": "RGBA", "PA": "RGBA"}  # modes, and what they become
_KINDS = ("PNG", "JPEG", "MPO", "TIFF", "WEBP", "BMP", "GIF", "HEIF")  # as Pillow names them
_HEIF = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1", b"ftypheim", b"ftypheis")


@contextmanager
def open_picture(path: Path) -> Iterator[Image]:
    """Yield a picture file, of which nothing but its size is read yet. Raises ParsingError for what is none, or has
    more pixels than the limit."""
    import warnings

    from PIL import Image

    _learn_heif(path)
    Image.MAX_IMAGE_PIXELS = None  # the limit here is ours, and named
    Image.init()
    kinds = [kind for kind in _KINDS if kind in Image.OPEN]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd tags
            picture = Image.open(path, formats=kinds)
    except (OSError, SyntaxError, ValueError) as error:
        raise ParsingError(_("The file is broken: it can't be read as a picture.")) from error
    with picture:
        check_pixels(picture)
        yield picture


def check_pixels(picture: Image) -> None:
    """Raise ParsingError for a picture with more pixels than the limit."""
    megapixels = picture.width * picture.height / 1_000_000
    if megapixels > MEGAPIXELS_LIMIT:
        raise ParsingError(
            _("The picture has %(pixels)s megapixels, the limit is %(limit)s: make it smaller."),
            pixels=round(megapixels),
            limit=MEGAPIXELS_LIMIT,
        )


def count_pages(picture: Image) -> int:
    """Return how many pages it has: a TIFF file has some, and what moves has one. Raises ParsingError."""
    if picture.format != "TIFF":
        return 1
    for page in range(1, PAGES_LIMIT + 1):  # one after another: Pillow's own count takes quadratic time
        try:
            picture.seek(page)
        except (OSError, EOFError, ValueError, SyntaxError):
            picture.seek(0)
            return page
    raise ParsingError(_("It has more than %(limit)s pages: split it."), limit=PAGES_LIMIT)


def size_of_page(picture: Image, page: int) -> tuple[int, int]:
    """Return the width and height of its 1-based page as it is shown; of one that can't be read those of the first."""
    try:
        picture.seek(page - 1)
    except (OSError, EOFError, ValueError):
        picture.seek(0)
    lies = picture.format != "TIFF" and picture.getexif().get(_ORIENTATION) in _LYING  # Pillow turns a TIFF itself
    return (picture.height, picture.width) if lies else picture.size


def page_of_picture(picture: Image, page: int, *, pixels: int = _PIXELS) -> Image:
    """Return its 1-based page as RGB on white, as its camera says it is held, with no more than so many pixels.

    Raises OSError and ValueError for a broken one, ParsingError for one that is too large.
    """
    from PIL import ImageOps

    if page > 1:
        picture.seek(page - 1)
        check_pixels(picture)
    picture.draft("RGB", _fitting(picture.size, pixels))  # a JPEG file is read smaller at once
    fitting = _fitting(picture.size, pixels)
    if picture.mode in _UNBLENDED:  # or its points would be left out instead of being blended
        blended = picture.convert(_UNBLENDED[picture.mode])
        blended.info, shown = picture.info, blended
    else:
        shown = picture
    shown = _flat(shown if fitting == shown.size else shown.resize(fitting, reducing_gap=2.0))
    return ImageOps.exif_transpose(shown)


def draw_pages(path: Path, pages: Sequence[int], *, is_picture: bool) -> Iterator[tuple[int, Image | None]]:
    """Yield each of the pages with its picture; None when it can't be drawn. Raises ParsingError."""
    if is_picture:
        with open_picture(path) as picture:
            for page in pages:
                yield page, _or_none(page_of_picture, picture, page)
        return
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    document.init_forms()
    for page in pages:
        yield page, _or_none(_draw, document, page)


def write_as_pdf(path: Path, target: Path, *, pages: Sequence[int]) -> Path:
    """Return `target`, in which the pages up to the last of `pages` of a picture file are those of a PDF; what can't be
    read is white."""
    from PIL import Image

    drawn = draw_pages(path, range(1, max(pages) + 1), is_picture=True)
    pictures = [picture or Image.new("RGB", (600, 800), "white") for _page, picture in drawn]
    pictures[0].save(target, "PDF", resolution=_DPI, save_all=True, append_images=pictures[1:])
    return target


def _draw(document: Any, page: int) -> Image:
    opened = document[page - 1]
    across, down = opened.get_size()
    scale = min(_DPI / 72, (_PIXELS / max(across * down, 1)) ** 0.5)
    picture: Image = opened.render(scale=scale).to_pil().convert("RGB")
    opened.close()
    return picture


def _or_none(draw: Any, source: Any, page: int) -> Image | None:
    from pypdfium2 import PdfiumError

    try:
        picture: Image = draw(source, page)
    except (OSError, ValueError, SyntaxError, EOFError, ParsingError, PdfiumError):
        return None
    return picture


def _fitting(size: tuple[int, int], pixels: int) -> tuple[int, int]:
    scale = min(1.0, (pixels / max(size[0] * size[1], 1)) ** 0.5)
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def _flat(picture: Image) -> Image:
    """Return it as RGB; what can be seen through shows white."""
    from PIL import Image

    if picture.mode.startswith("I;16"):
        return picture.point(lambda value: value / 256).convert("L").convert("RGB")
    if "A" not in picture.mode and "transparency" not in picture.info:
        return picture.convert("RGB")
    layered = picture.convert("RGBA")
    white = Image.new("RGBA", layered.size, "white")
    white.alpha_composite(layered)
    white.info, flat = picture.info, white.convert("RGB")
    return flat


def _learn_heif(path: Path) -> None:
    """Teach Pillow to read HEIC where `pillow-heif` is installed. Raises ParsingError where it is not, for such a
    file."""
    with path.open("rb") as file:
        if file.read(12)[4:] not in _HEIF:
            return
    try:
        from pillow_heif import register_heif_opener
    except ImportError as error:
        raise ParsingError(
            _("HEIC pictures need the package pillow-heif on the server: install it, or save the picture as JPEG.")
        ) from error
    register_heif_opener()
