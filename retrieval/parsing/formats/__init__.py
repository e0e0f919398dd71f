"""What each format holds as text: headings, lists and tables survive; offsets count code points of the cleaned text.

One file for each family of formats; what a file needs is imported when one of its kind comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import cast

from retrieval.errors import ParsingError
from retrieval.notes import NAMES_KEPT, Note
from retrieval.parsing.formats.extracted import Extracted, clean
from retrieval.parsing.formats.formats import FORMATS, format_of
from retrieval.reasons import gettext_noop as _
from retrieval.text.language import detect_language, load_model

__all__ = ["FORMATS", "Extracted", "clean", "extract", "format_of", "prepare"]

_READERS = {  # the module and its function, and the libraries that it imports when it is called
    "text": ("plain.text:read_text",),
    "markdown": ("plain.text:read_markdown",),
    "html": ("web.html:read_html", "lxml.etree"),
    "pdf": ("pdf.document:read_pdf", "pypdfium2"),
    "docx": ("office.word:read_word", "docx"),
    "pptx": ("office.slides:read_slides", "pptx"),
    "xlsx": ("office.sheets:read_sheets", "openpyxl"),
    "odt": ("opendocument.text:read_opendocument", "lxml.etree"),
    "csv": ("plain.tables:read_csv",),
    "json": ("plain.structured:read_json",),
    "jsonl": ("plain.structured:read_json_lines",),
    "epub": ("web.epub:read_epub", "lxml.etree"),
    "eml": ("web.mail:read_mail", "lxml.etree"),
    "picture": ("picture.file:read_picture", "PIL.Image"),
}


def extract(path: Path, *, filename: str, max_characters: int) -> Extracted:
    """Return what the file holds, which may be nothing but `unread_pages`. Raises ParsingError, with a reason for a
    person, when there is no text to be had."""
    extracted = _reader(format_of(path, filename=filename))(path)
    if len(extracted.text) > max_characters:
        raise ParsingError(_("It holds more than %(limit)s characters: split it."), limit=max_characters)
    if not extracted.text.strip() and not extracted.unread_pages:
        raise ParsingError(_("It has no text."))
    return replace(extracted, language=detect_language(extracted.text), notes=_notes(extracted))


def _notes(extracted: Extracted) -> list[Note]:
    """Return its notes, with one of the pages that could not be read."""
    unread = [str(number) for number in extracted.unread_pages]
    pages = [Note("picture_pages", len(unread), tuple(unread[:NAMES_KEPT]))] if unread else []
    return extracted.notes + pages


def prepare(filename: str) -> None:
    """Import and load what such a file needs, so that processes forked from now on need not. Load nothing else:
    whatever is loaded makes forking slower."""
    load_model()
    import_module("charset_normalizer")
    if name := FORMATS.get(filename.rpartition(".")[2].lower()):
        _reader(name)
        for library in _READERS[name][1:]:
            import_module(library)


def _reader(name: str) -> Callable[[Path], Extracted]:
    module, _, function = _READERS[name][0].partition(":")
    return cast("Callable[[Path], Extracted]", getattr(import_module(f"{__name__}.{module}"), function))
