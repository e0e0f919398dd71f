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
from retrieval.parsing.formats.extracted import HEADINGS_LIMIT, Extracted, clean
from retrieval.parsing.formats.formats import FORMATS, format_of
from retrieval.reasons import gettext_noop as _

__all__ = ["FORMATS", "Extracted", "clean", "extract", "format_of", "prepare"]

_READERS = {  # the module and its function, and the libraries that it imports when it is called
    "text": ("plain.text:read_text",),
    "markdown": ("plain.markdown:read_markdown", "markdown_it"),
    "html": ("web.html:read_html", "lxml.etree"),
    "pdf": ("pdf.document:read_pdf", "pypdfium2"),
    "docx": ("word.document:read_word", "lxml.etree"),
    "pptx": ("office.slides:read_slides", "lxml.etree"),
    "xlsx": ("office.sheets:read_sheets", "lxml.etree"),
    "odt": ("opendocument.text:read_opendocument", "lxml.etree"),
    "ods": ("opendocument.sheets:read_opendocument_sheets", "lxml.etree"),
    "odp": ("opendocument.slides:read_opendocument_slides", "lxml.etree"),
    "rtf": ("richtext.document:read_rtf",),
    "xls": ("older.workbook:read_old_workbook", "xlrd"),
    "xlsb": ("older.workbook:read_binary_workbook", "python_calamine"),
    "msg": ("older.outlook:read_message", "olefile"),
    "csv": ("plain.tables:read_csv",),
    "json": ("plain.structured:read_json",),
    "jsonl": ("plain.structured:read_json_lines",),
    "epub": ("web.epub:read_epub", "lxml.etree"),
    "eml": ("web.mail:read_mail", "lxml.etree"),
    "ipynb": ("plain.notebooks:read_notebook", "markdown_it"),
    "rst": ("plain.markup:read_rst",),
    "adoc": ("plain.markup:read_asciidoc",),
    "tex": ("plain.tex:read_tex",),
    "subtitles": ("plain.subtitles:read_subtitles",),
    "code": ("plain.code:read_code",),
    "picture": ("picture.file:read_picture", "PIL.Image"),
}
_WARMING = {"pdf": "pdf.warming:read_sample"}  # functions that use a library once, on a file of our own


def extract(path: Path, *, filename: str, max_characters: int) -> Extracted:
    """Return what the file holds, which may be nothing but `unread_pages`. Raises ParsingError, with a reason for a
    person, when there is no text to be had."""
    extracted = _reader(format_of(path, filename=filename))(path)
    if len(extracted.text) > max_characters:
        raise ParsingError(_("It holds more than %(limit)s characters: split it."), limit=max_characters)
    if not extracted.text.strip() and not extracted.unread_pages:
        raise ParsingError(_("It has no text."))
    headings = sorted(extracted.headings, key=lambda heading: heading.start)[:HEADINGS_LIMIT]
    return replace(extracted, headings=headings, notes=_notes(extracted))


def _notes(extracted: Extracted) -> list[Note]:
    """Return its notes, with one of the pages that are pictures and could not be read."""
    fonts = next((note for note in extracted.notes if note.kind == "fonts"), Note("fonts", 0))
    named = {int(name) for name in fonts.names}
    beyond = max(named) if fonts.count > len(named) > 0 else float("inf")  # it names the first pages only
    unread = [str(number) for number in extracted.unread_pages if number not in named and number <= beyond]
    pages = [Note("picture_pages", len(unread), tuple(unread[:NAMES_KEPT]))] if unread else []
    beyond_limit = len(extracted.headings) - HEADINGS_LIMIT
    return extracted.notes + pages + ([Note("headings", beyond_limit)] if beyond_limit > 0 else [])


def prepare(filename: str) -> None:
    """Import and load what such a file needs, so that processes forked from now on need not. Load nothing else:
    whatever is loaded makes forking slower."""
    import_module("webencodings")
    if name := FORMATS.get(filename.rpartition(".")[2].lower()):
        _reader(name)
        for library in _READERS[name][1:]:
            import_module(library)
        if name in _WARMING:
            cast("Callable[[], None]", _function(_WARMING[name]))()


def _reader(name: str) -> Callable[[Path], Extracted]:
    return cast("Callable[[Path], Extracted]", _function(_READERS[name][0]))


def _function(named: str) -> Callable[..., object]:
    module, _, function = named.partition(":")
    return cast("Callable[..., object]", getattr(import_module(f"{__name__}.{module}"), function))
