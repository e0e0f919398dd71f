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
from retrieval.extraction.extracted import Extracted, clean
from retrieval.extraction.formats import FORMATS, format_of

__all__ = ["FORMATS", "Extracted", "clean", "extract", "preparations"]

_READERS = {
    "text": "text:read_text",
    "markdown": "text:read_markdown",
    "html": "html:read_html",
    "pdf": "pdf:read_pdf",
    "docx": "word:read_word",
    "pptx": "slides:read_slides",
    "xlsx": "sheets:read_sheets",
    "odt": "opendocument:read_opendocument",
    "csv": "tables:read_csv",
    "json": "structured:read_json",
    "jsonl": "structured:read_json_lines",
    "epub": "epub:read_epub",
    "eml": "mail:read_mail",
}
_LIBRARIES = ["lxml.etree", "pypdfium2", "docx", "openpyxl", "pptx", "charset_normalizer"]


def extract(path: Path, *, filename: str, max_characters: int) -> Extracted:
    """Raises ParsingError, with a reason for a person, when there is no text to be had."""
    from retrieval.extraction.language import detect_language

    extracted = _reader(format_of(path, filename=filename))(path)
    if len(extracted.text) > max_characters:
        raise ParsingError(f"It holds more than {max_characters:,} characters: split it.")
    if not extracted.text.strip():
        raise ParsingError("It has no text.")
    return replace(extracted, language=detect_language(extracted.text))


def preparations() -> list[Callable[[], object]]:
    """What a process may do beforehand, in short steps, so that those it forks need not: imports and loading."""
    from retrieval.extraction.language import identifier

    modules = [f"{__name__}.{reader.partition(':')[0]}" for reader in _READERS.values()]
    return [identifier, *(lambda name=name: import_module(name) for name in [*_LIBRARIES, *modules])]


def _reader(name: str) -> Callable[[Path], Extracted]:
    module, _, function = _READERS[name].partition(":")
    return cast("Callable[[Path], Extracted]", getattr(import_module(f"{__name__}.{module}"), function))
