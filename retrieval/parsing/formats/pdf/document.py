"""PDF: the text of every page in the order of the file, with headings from the bookmarks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import ParsingError
from retrieval.notes import Notes
from retrieval.parsing.formats.extracted import Extracted, first_date
from retrieval.parsing.formats.pdf.beside.extras import Extras, read_title, with_added
from retrieval.parsing.formats.pdf.beside.labels import page_labels
from retrieval.parsing.formats.pdf.headings import read_headings
from retrieval.parsing.formats.pdf.hyphens import join_words
from retrieval.parsing.formats.pdf.layout import read_page
from retrieval.parsing.formats.pdf.letters import open_letters
from retrieval.parsing.formats.pdf.lines import PageLine, page_text
from retrieval.parsing.formats.pdf.running_lines import mark_running_lines
from retrieval.reasons import gettext_noop as _

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_SCAN_CHARACTERS = 40  # a picture that fills a page with less text than that over it is a scan with a stamp


def read_pdf(path: Path) -> Extracted:
    import pypdfium2

    notes = Notes()
    try:
        document = pypdfium2.PdfDocument(path)
        extras = Extras(document, notes=notes)
        pages, bounds, unread = [], [], []
        for number, page in enumerate(document, start=1):
            extras.enter(page)
            with open_letters(page) as letters:
                pages.append(read_page(page, letters))
                bounds.append(page.get_bbox())
                if _is_picture(page, pages[-1]):
                    unread.append(number)
                extras.leave(page, letters)
            page.close()
        extras.finish()
    except pypdfium2.PdfiumError as error:
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise ParsingError(_("It is protected by a password: save it without one.")) from error
        raise ParsingError(_("The file is broken: it can't be read as a %(format)s."), format="PDF") from error
    if not pages:
        raise ParsingError(_("It has no pages."))
    if extras.unreadable and not (extras.is_legible or any(extras.added)):
        pages = [[] for _page in pages]  # letters that say nothing are no text
    elif not unread and not any(line.text for page in pages for line in page) and not any(extras.added):
        raise ParsingError(_("Its pages hold no text."))
    pages = join_words(pages)
    texts = [with_added(page_text(page), added) for page, added in zip(pages, extras.added, strict=True)]
    starts = [0, *accumulate(len(text) for text in texts[:-1])]
    attached, names = extras.attached(start=sum(map(len, texts)))
    return Extracted(
        "".join(texts) + attached,
        page_starts=starts,
        page_labels=page_labels(document),
        headings=[*read_headings(document, texts=texts, starts=starts), *names],
        title=read_title(document),
        unsearched=mark_running_lines(pages, bounds=bounds, starts=starts, notes=notes),
        dated=first_date(_dates(document)),
        unread_pages=sorted({*unread, *extras.unreadable}),
        notes=notes.all(),
        pages_end=sum(map(len, texts)),
    )


def _is_picture(page: PdfPage, lines: Sequence[PageLine]) -> bool:
    """Return whether what a reader sees on the page is a picture, so that its text is not all there."""
    from pypdfium2.raw import FPDF_PAGEOBJ_IMAGE

    characters = sum(len(line.text) for line in lines)
    if characters >= _SCAN_CHARACTERS:
        return False
    half = page.get_width() * page.get_height() / 2
    for picture in page.get_objects(filter=[FPDF_PAGEOBJ_IMAGE]):
        left, bottom, right, top = picture.get_bounds()
        if not characters or (right - left) * (top - bottom) > half:
            return True
    return False


def _dates(document: PdfDocument) -> list[str]:
    """Return its dates, written as in ISO 32000-1, 7.9.4: D:YYYYMMDDHHmmSS."""
    return [document.get_metadata_value(key).removeprefix("D:") for key in ("ModDate", "CreationDate")]
